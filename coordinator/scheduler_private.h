// SPDX-License-Identifier: GPL-3.0-or-later
/// @file scheduler_private.h  The scheduler's inside, for scheduler.c and placement.c.

#ifndef NB_COORDINATOR_SCHEDULER_PRIVATE_H
#define NB_COORDINATOR_SCHEDULER_PRIVATE_H
#include "coordinator/labels.h"
#include "coordinator/scheduler.h"
#include "coordinator/task_queue.h"

enum {
    NB_HOMES_MAX = 4096,      ///< Songs whose renderers are remembered; a newer one takes the place
    NB_RENDERERS_OF_SONG = 4, ///< The last ones that rendered it
    NB_FINGERPRINTS_MAX = 1000, ///< Distinct ones in one life of the coordinator
};

/// Who has a song's stems: who rendered it last.
typedef struct nb_home {
    uint64_t song;                            ///< 0: free
    uint32_t renderers[NB_RENDERERS_OF_SONG]; ///< The newest first; 0 for none
} nb_home;

struct nb_scheduler {
    nb_scheduler_options options;
    uint64_t epoch_counter;
    nb_task_queue *queue;
    size_t task_count, task_capacity;
    nb_task **tasks;
    size_t slot_count; ///< A power of two, at least twice task_capacity
    size_t *slots;     ///< Open addressing by id; 1 + index into `tasks`, 0 for free
    size_t running_count, running_capacity;
    nb_task **running; ///< Tasks with a live or suspect attempt
    nb_task *failed;   ///< Tasks that failed and are not forgotten yet
    bool worn_out;     ///< Some task that waits may be: look at the next tick
    size_t renderer_count, renderer_capacity;
    nb_renderer *renderers;
    size_t fingerprint_count;
    char *fingerprints[NB_FINGERPRINTS_MAX];
    nb_home homes[NB_HOMES_MAX];
    int64_t loss_until_ms; ///< Until then no lease expires: most renderers vanished at once
    bool loss_counted;     ///< That loss had its respite
};

nb_task *nb_scheduler_find_task(const nb_scheduler *self, uint64_t id);
nb_renderer *nb_scheduler_find_renderer(const nb_scheduler *self, uint32_t id);

/// Room for one more; false without memory. Earlier pointers into the list are void.
bool nb_task_reserve_attempt(nb_task *self);

/// Out of the table by its id, and freed.
void nb_scheduler_remove(nb_scheduler *self, nb_task *task);
/// One pointer for equal texts; null without memory or past NB_FINGERPRINTS_MAX.
const char *nb_scheduler_intern(nb_scheduler *self, const char *fingerprint);

static inline bool nb_renderer_is_alive(const nb_renderer *self)
{
    return self->state != NB_RENDERER_LOST;
}

/// Does it count as one that works: alive, and not kept from work by somebody's wish?
bool nb_renderer_is_usable(const nb_renderer *self);

/// Did this renderer fail the task?
bool nb_task_failed_on(const nb_task *self, uint32_t renderer);

/// Renderers that could try this task: usable, with its fingerprint and labels.
size_t nb_scheduler_count_fit(const nb_scheduler *self, const nb_task *task);

/// The waiting task that this idle renderer gets; null for none.
nb_task *nb_scheduler_pick(nb_scheduler *self, const nb_renderer *renderer, int64_t now_ms);
/// A running task that it should try beside a straggler; null for none.
nb_task *nb_scheduler_pick_straggler(const nb_scheduler *self, const nb_renderer *renderer,
                                     int64_t now_ms);

#endif // NB_COORDINATOR_SCHEDULER_PRIVATE_H
