// SPDX-License-Identifier: GPL-3.0-or-later
/// @file scheduler.h  Which renderer works on which task, and for how long it may.
///
/// A pure state machine: no sockets, no disk, no clock (`now_ms` comes in with each event). The
/// rules: a task has at most one lease; a lease that is not renewed puts its task back; a result is
/// taken from any attempt that was really given out, however late; a task fails when enough
/// renderers failed it, or after NB_ATTEMPTS_MAX attempts. The transitions stand in three tables in
/// states.c. One thread at a time.

#ifndef NB_COORDINATOR_SCHEDULER_H
#define NB_COORDINATOR_SCHEDULER_H
#include "base/status.h"
#include "coordinator/states.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NB_ATTEMPTS_MAX = 5,
    NB_FAILING_RENDERERS = 3,  ///< So many distinct renderers fail a task for good
    NB_AGREEING_RENDERERS = 2, ///< The same, when they say that the input is at fault
    NB_EPOCH_SIZE = 16,
};

/// A random incarnation of the coordinator and a counter: an attempt handed out before a restored
/// backup never has the epoch of one handed out after it.
typedef struct nb_epoch {
    uint8_t bytes[NB_EPOCH_SIZE];
} nb_epoch;

/// What a renderer says it works on.
typedef struct nb_attempt_id {
    uint64_t task;
    uint32_t attempt; ///< From 1
    nb_epoch epoch;
} nb_attempt_id;

typedef struct nb_attempt {
    nb_attempt_id id;
    uint32_t renderer;
    nb_attempt_state state;
    int64_t lease_until_ms;
    uint64_t done_frames, total_frames; ///< As last reported; 0 of 0 before
} nb_attempt;

typedef struct nb_task_lane nb_task_lane; // task_index.h

typedef struct nb_task {
    uint64_t id;
    nb_task_state state;
    const char *fingerprint; ///< Only renderers with this one may take it
    int priority;            ///< Higher goes first
    int64_t created_ms;
    uint64_t cost; ///< Of two equally old tasks, the larger goes first
    size_t attempt_count;
    nb_attempt attempts[NB_ATTEMPTS_MAX];
    // The index's own:
    nb_task_lane *lane;
    size_t place;
    struct nb_task *next, *previous;
} nb_task;

/// A task as it comes in; strings are copied.
typedef struct nb_task_spec {
    uint64_t id;
    const char *fingerprint;
    int priority;
    int64_t created_ms;
    uint64_t cost;
} nb_task_spec;

typedef struct nb_renderer {
    uint32_t id;
    nb_renderer_state state;
    const char *fingerprint; ///< Null until its Hello
    nb_task_lane *lane;
    int64_t seen_ms;
    int64_t silent_from_ms; ///< Lost when nothing was heard until then
    uint64_t task;          ///< While busy
    uint32_t done, failed;  ///< Attempts, in this life of the coordinator
} nb_renderer;

/// How an attempt ended without a result.
typedef enum nb_attempt_end {
    NB_END_FAILED,         ///< The renderer could not do it
    NB_END_FAULT_OF_INPUT, ///< And believes that no other could
    NB_END_GIVEN_BACK      ///< It stops, or lost its files: says nothing about the task
} nb_attempt_end;

/// Called for each change of state of a task or its newest attempt, inside the call that caused it.
/// `attempt` is null when only the task changed.
typedef void nb_scheduler_observer(void *context, const nb_task *task, const nb_attempt *attempt);

typedef struct nb_scheduler_options {
    int64_t lease_ms;
    int64_t reconcile_ms;            ///< How long a suspect attempt may wait for its renderer
    uint64_t incarnation;            ///< Random, made at each start
    nb_scheduler_observer *observer; ///< May be null
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

/// Drop a task, whatever its state; its renderer hears of it at its next Sync.
void nb_scheduler_forget(nb_scheduler *self, uint64_t task);

/// Make the renderer known, as lost, without having heard of it in this life.
NB_NODISCARD nb_status nb_scheduler_know(nb_scheduler *self, uint32_t renderer, nb_error *err);

/// The renderer said Hello with this fingerprint.
NB_NODISCARD nb_status nb_scheduler_hello(nb_scheduler *self, uint32_t renderer,
                                          const char *fingerprint, int64_t now_ms, nb_error *err);

/// The renderer is idle, and may wait `wait_ms` for an answer. What we thought it did is abandoned.
void nb_scheduler_sync_idle(nb_scheduler *self, uint32_t renderer, int64_t wait_ms, int64_t now_ms);

/// The renderer works on `id`. True: it shall go on, its lease is renewed (an expired one comes
/// back if nobody else took the task). False: the task is not its any more.
bool nb_scheduler_sync_busy(nb_scheduler *self, uint32_t renderer, const nb_attempt_id *id,
                            uint64_t done_frames, uint64_t total_frames, int64_t now_ms);

/// Give the best waiting task to this idle renderer. False: there is none for it.
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

/// The live or suspect attempt of a task; null for none.
const nb_attempt *nb_task_leased(const nb_task *self);

/// A task that failed and was not forgotten yet; null for none.
const nb_task *nb_scheduler_failed_task(const nb_scheduler *self);

/// All tasks, in no order that means anything.
size_t nb_scheduler_task_count(const nb_scheduler *self);
const nb_task *nb_scheduler_task_at(const nb_scheduler *self, size_t index);

/// The fingerprint that most live renderers have; null if none lives.
const char *nb_scheduler_fingerprint(const nb_scheduler *self);

/// A queued task that waits for a fingerprint no live renderer has, while others live; 0 for none.
uint64_t nb_scheduler_stranded_task(const nb_scheduler *self);

#endif // NB_COORDINATOR_SCHEDULER_H
