// SPDX-License-Identifier: GPL-3.0-or-later
/// @file task_queue.h  The order in which tasks go out: priority, then fair share between albums,
/// then the longest first.
///
/// Fair share is start-time fair queueing: an album is charged the cost of each task that it is
/// given, the album with the smaller charge goes first, and one that comes back from idleness
/// starts at the charge that is being served now, so that nobody saves up. No clock decides
/// anything.
///
/// Tasks that only some renderers may take (another fingerprint, a label, held back) stand in
/// groups of their own, so that finding work for a renderer looks at groups and not at every task.

#ifndef NB_COORDINATOR_TASK_QUEUE_H
#define NB_COORDINATOR_TASK_QUEUE_H
#include "base/status.h"
#include "coordinator/task.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct nb_task_queue nb_task_queue;

/// An album's part of the farm.
typedef struct nb_share {
    char *album;
    double charge; ///< Cost given out, counted from where the others stood when it came
    size_t open;   ///< Its tasks that are not over
} nb_share;

/// Waiting tasks that the same renderers may take, in the order in which they go out.
struct nb_task_group {
    int priority;
    nb_share *share;
    const char *fingerprint; ///< Interned by the scheduler: equal ones are one pointer
    char *label;             ///< "" for none
    unsigned holds;          ///< NB_HOLD_...; not 0: nobody may take them
    size_t member_count;     ///< Waiting and running
    size_t head, count, capacity;
    nb_task **tasks; ///< `count` of them from `head` on
};

NB_NODISCARD nb_status nb_task_queue_new(nb_task_queue **out_queue, nb_error *err);
void nb_task_queue_destroy(nb_task_queue **self_p);

/// Take the task in, not waiting yet, so that waiting can't fail for want of memory. What it is
/// grouped by must be set: priority, fingerprint, label, holds.
NB_NODISCARD nb_status nb_task_queue_join(nb_task_queue *self, nb_task *task, const char *album,
                                          nb_error *err);
/// Let it go; it must not be waiting.
void nb_task_queue_leave(nb_task_queue *self, nb_task *task);

/// It waits from now on, or no longer.
void nb_task_queue_push(nb_task_queue *self, nb_task *task);
void nb_task_queue_pop(nb_task_queue *self, nb_task *task);

/// The task was given out: its album is charged. `uncharge` takes that back.
void nb_task_queue_charge(nb_task_queue *self, const nb_task *task);
void nb_task_queue_uncharge(nb_task_queue *self, const nb_task *task);

/// Groups with waiting tasks, in the order in which they go. Borrowed until the next change.
nb_task_group *const *nb_task_queue_groups(nb_task_queue *self, size_t *out_count);

/// The `index`th task of a group, from 0.
static inline nb_task *nb_task_group_at(const nb_task_group *self, size_t index)
{
    return self->tasks[self->head + index];
}

/// Does `a` go before `b` where priority and album are the same?
bool nb_task_goes_before(const nb_task *a, const nb_task *b);

size_t nb_task_queue_waiting(const nb_task_queue *self);

#endif // NB_COORDINATOR_TASK_QUEUE_H
