// SPDX-License-Identifier: GPL-3.0-or-later
/// @file scheduler.h  Which renderer works on which task, and for how long it may.
///
/// A pure state machine: no sockets, no disk, no clock (`now_ms` comes in with each event). The
/// rules: a task has one lease, and a second one elsewhere while the first is a straggler; a lease
/// that is not renewed puts its task back; a result is taken from any attempt that was really given
/// out, however late, and the first one ends the others; a task fails when enough renderers failed
/// it, or after NB_ATTEMPTS_COUNTED attempts that speak against it (nb_attempt_counts), or after
/// NB_ATTEMPTS_MAX of any kind. The transitions stand in three tables in states.c.
///
/// A task may wait for others: it is blocked until all of them were forgotten (nb_scheduler_forget,
/// when their end is on disk), however they ended. It can only name tasks that were added before
/// it, so no circle can arise.
///
/// Tasks go out by priority, then by fair share between albums (task_queue.h), then to who has the
/// stems, then the longest first. nb_scheduler_placement says why a task does not go somewhere.
/// One thread at a time.

#ifndef NB_COORDINATOR_SCHEDULER_H
#define NB_COORDINATOR_SCHEDULER_H
#include "base/status.h"
#include "coordinator/task.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NB_FAILING_RENDERERS = 3,  ///< So many distinct renderers fail a task for good
    NB_AGREEING_RENDERERS = 2, ///< The same, when they say that the input is at fault
    NB_VERDICT_LEASES = 6,     ///< So long a worn-out task waits for who may come back to excuse it
    NB_STRAGGLER_MS = 30000,   ///< An attempt this old may get a second one beside it
    NB_STEMS_WAIT_MS = 5000,   ///< So long a task waits for a busy renderer that has its stems
    NB_BLAMED_MAX = 3,         ///< Tasks a renderer fails and others pass before it is set aside
    NB_MASS_LOSS_FARM = 4,     ///< Farms smaller than this lose renderers one by one
    NB_MASS_LOSS_PERCENT = 30, ///< More than these gone within a lease: we suspect ourselves
    NB_NEEDS_MAX = 64,         ///< Tasks that one task waits for
};

/// A task as it comes in; strings are copied. Null strings are "".
typedef struct nb_task_spec {
    uint64_t id;
    const char *fingerprint;
    int priority;
    int64_t created_ms;
    uint64_t cost; ///< Frames, or whatever says how long it takes; the same unit for all tasks
    const char *album;
    const char *song;      ///< Of the album; "" for a task that needs no stems
    const char *label;     ///< What its renderer must have (labels.h)
    unsigned holds;        ///< NB_HOLD_...
    size_t need_count;     ///< Tasks that must be over first; NB_NEEDS_MAX at most
    const uint64_t *needs; ///< Their ids; one that is not known is over
} nb_task_spec;

/// What people wish for a task, and may change at any time.
typedef struct nb_task_wish {
    int priority;
    unsigned holds; ///< NB_HOLD_PAUSED, NB_HOLD_WINDOW
    const char *label;
} nb_task_wish;

/// What a renderer is, beside its fingerprint, and what people wish for it.
typedef struct nb_renderer_wish {
    const char *name; ///< Decides, with the song's, where songs go that nobody has
    const char *labels;
    unsigned holds; ///< NB_HOLD_...
    bool shares_store;
} nb_renderer_wish;

/// How an attempt ended without a result.
typedef enum nb_attempt_end {
    NB_END_FAILED,         ///< The renderer could not do it
    NB_END_FAULT_OF_INPUT, ///< And believes that no other could
    NB_END_GIVEN_BACK      ///< It stops, or lost its files: says nothing about the task
} nb_attempt_end;

/// Called for each change of state of a task or its newest attempt, inside the call that caused it.
/// `attempt` is null when only the task changed.
typedef void nb_scheduler_observer(void *context, const nb_task *task, const nb_attempt *attempt);
/// Called when the scheduler sets a renderer aside by itself (NB_HOLD_SUSPECTED).
typedef void nb_scheduler_suspicion(void *context, const nb_renderer *renderer);

typedef struct nb_scheduler_options {
    int64_t lease_ms;
    int64_t reconcile_ms;              ///< How long a suspect attempt may wait for its renderer
    uint64_t incarnation;              ///< Random, made at each start
    nb_scheduler_observer *observer;   ///< May be null
    nb_scheduler_suspicion *suspicion; ///< May be null
    void *context;
} nb_scheduler_options;

typedef struct nb_scheduler nb_scheduler;

NB_NODISCARD nb_status nb_scheduler_new(const nb_scheduler_options *options,
                                        nb_scheduler **out_scheduler, nb_error *err);
void nb_scheduler_destroy(nb_scheduler **self_p);

/// Queue a task. NB_E_EXISTS if its id is known.
NB_NODISCARD nb_status nb_scheduler_add_task(nb_scheduler *self, const nb_task_spec *spec,
                                             nb_error *err);

/// Give a task an attempt of the coordinator's last life, in order of number: a live one comes back
/// as suspect. `attempt->renderer` must have been named by nb_scheduler_know.
NB_NODISCARD nb_status nb_scheduler_restore_attempt(nb_scheduler *self, const nb_attempt *attempt,
                                                    int64_t now_ms, nb_error *err);

/// Follow a wish: from the next assignment on. What runs goes on.
NB_NODISCARD nb_status nb_scheduler_wish(nb_scheduler *self, uint64_t task,
                                         const nb_task_wish *wish, nb_error *err);
NB_NODISCARD nb_status nb_scheduler_wish_renderer(nb_scheduler *self, uint32_t renderer,
                                                  const nb_renderer_wish *wish, nb_error *err);

/// It ends after what it does: give it nothing more until it says Hello again. An idle one is lost
/// at once, and is not counted as one that vanished.
void nb_scheduler_stopping(nb_scheduler *self, uint32_t renderer);

/// This renderer has the song's stems (nb_scheduler_song): it rendered it before.
void nb_scheduler_remember(nb_scheduler *self, uint64_t song, uint32_t renderer);
uint64_t nb_scheduler_song(const char *album, const char *song);

/// Drop a task, whatever its state; its renderer hears of it at its next Sync.
void nb_scheduler_forget(nb_scheduler *self, uint64_t task);

/// Make the renderer known, as lost, without having heard of it in this life.
NB_NODISCARD nb_status nb_scheduler_know(nb_scheduler *self, uint32_t renderer, nb_error *err);

/// The renderer said Hello with this fingerprint. `process` is random and the same as long as its
/// program runs; 0 where it does not say, which is taken for another one each time.
NB_NODISCARD nb_status nb_scheduler_hello(nb_scheduler *self, uint32_t renderer,
                                          const char *fingerprint, uint64_t process, int64_t now_ms,
                                          nb_error *err);

/// The renderer is idle, and may wait `wait_ms` for an answer. What we thought it did is abandoned,
/// or died with its process where that is another now.
void nb_scheduler_sync_idle(nb_scheduler *self, uint32_t renderer, int64_t wait_ms, int64_t now_ms);

/// The renderer works on `id`. True: it shall go on, its lease is renewed (an expired one comes
/// back if nobody else took the task). False: the task is not its any more.
bool nb_scheduler_sync_busy(nb_scheduler *self, uint32_t renderer, const nb_attempt_id *id,
                            uint64_t done_frames, uint64_t total_frames, int64_t now_ms);

/// Give the best waiting task to this idle renderer, or a straggler's a second attempt. False:
/// there is none for it.
bool nb_scheduler_assign(nb_scheduler *self, uint32_t renderer, int64_t now_ms,
                         nb_attempt_id *out_id);

/// Take back what nb_scheduler_assign just gave, as it could not be written down: as if it had
/// never been.
void nb_scheduler_unassign(nb_scheduler *self, uint32_t renderer, const nb_attempt_id *id);

/// Would a result of this attempt be taken? NB_E_STALE if it never was this renderer's,
/// NB_E_NOT_FOUND if the task is not known (forgotten after its end).
NB_NODISCARD nb_status nb_scheduler_check(const nb_scheduler *self, uint32_t renderer,
                                          const nb_attempt_id *id, nb_error *err);

/// The result of this attempt is on disk. Any other attempt of the task is superseded.
NB_NODISCARD nb_status nb_scheduler_finish(nb_scheduler *self, uint32_t renderer,
                                           const nb_attempt_id *id, int64_t now_ms, nb_error *err);

/// The attempt ended without a result. One that is not live any more changes nothing.
NB_NODISCARD nb_status nb_scheduler_fail(nb_scheduler *self, uint32_t renderer,
                                         const nb_attempt_id *id, nb_attempt_end end,
                                         int64_t now_ms, nb_error *err);

/// Let leases and silent renderers expire. Call it after the messages that wait were heard.
void nb_scheduler_tick(nb_scheduler *self, int64_t now_ms);

/// Borrowed until the next call that changes anything; null if not known.
const nb_task *nb_scheduler_task(const nb_scheduler *self, uint64_t task);
const nb_renderer *nb_scheduler_renderer(const nb_scheduler *self, uint32_t renderer);

/// In no order.
size_t nb_scheduler_task_count(const nb_scheduler *self);
const nb_task *nb_scheduler_task_at(const nb_scheduler *self, size_t index);
size_t nb_scheduler_waiting_count(const nb_scheduler *self);
/// Waiting tasks that nobody may take: paused, or outside their hours.
void nb_scheduler_count_held(const nb_scheduler *self, size_t *out_count);
size_t nb_scheduler_running_count(const nb_scheduler *self);

/// A task that failed and was not forgotten yet; null for none.
const nb_task *nb_scheduler_failed_task(const nb_scheduler *self);

/// The fingerprint that most live renderers have; null if none lives.
const char *nb_scheduler_fingerprint(const nb_scheduler *self);

/// A queued task that waits for a fingerprint no live renderer has, while others live; 0 for none.
uint64_t nb_scheduler_stranded_task(const nb_scheduler *self);

// ---- Why is this waiting ----

/// Why a waiting task is not on a renderer; the first that holds.
typedef enum nb_placement {
    NB_PLACE_LOST,
    NB_PLACE_DRAINED,
    NB_PLACE_ASIDE,
    NB_PLACE_SUSPECTED,
    NB_PLACE_STOPPING,
    NB_PLACE_WINDOW,       ///< The renderer's
    NB_PLACE_FINGERPRINT,  ///< It would make other bits
    NB_PLACE_LABEL,        ///< It lacks what the job asks for
    NB_PLACE_FAILED_THERE, ///< It tried before; others go first
    NB_PLACE_BUSY,
    NB_PLACE_STEMS_ELSEWHERE, ///< Idle, but one that has the stems will take it soon
    NB_PLACE_FREE             ///< Idle: it takes what goes first
} nb_placement;

nb_placement nb_scheduler_placement(const nb_scheduler *self, const nb_task *task,
                                    uint32_t renderer, int64_t now_ms);

/// Waiting tasks that go before this one.
typedef struct nb_queue_place {
    size_t higher_priority;
    size_t other_albums;     ///< Of albums that have had less of their share
    size_t same_album;       ///< Longer or older ones
    const char *other_album; ///< One of those albums, borrowed; null for none
} nb_queue_place;

void nb_scheduler_queue_place(const nb_scheduler *self, const nb_task *task, nb_queue_place *out);

/// True while leases are kept from expiring, since more than NB_MASS_LOSS_PERCENT of the renderers
/// vanished within one lease.
bool nb_scheduler_is_mass_loss(const nb_scheduler *self, int64_t now_ms);

#endif // NB_COORDINATOR_SCHEDULER_H
