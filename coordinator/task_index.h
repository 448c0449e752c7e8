// SPDX-License-Identifier: GPL-3.0-or-later
/// @file task_index.h  The scheduler's tasks, found by id, by state, and in the order they wait in.
///
/// With 100,000 tasks no event may look at each of them. A task is in one place by its state: in
/// the queue of its fingerprint while it waits, in the list of those that run or that failed, or in
/// none when it is done. What adds a task takes the memory that all later moves need, so that these
/// cannot fail. One thread at a time.

#ifndef NB_COORDINATOR_TASK_INDEX_H
#define NB_COORDINATOR_TASK_INDEX_H
#include "coordinator/scheduler.h"

/// Tasks in order, first to last: `items[first]` to `items[first + count - 1]`. Putting one in or
/// taking one out moves the shorter side, so both ends cost nothing and the middle of 100,000 costs
/// some microseconds.
typedef struct nb_task_queue {
    nb_task **items;
    size_t first, count, capacity;
} nb_task_queue;

/// Those who share a fingerprint: the tasks that wait for it, and how many live renderers have it.
struct nb_task_lane {
    char *fingerprint;
    nb_task_queue waiting;
    size_t task_count;     ///< In whatever state
    size_t renderer_count; ///< That have it, alive or not
    size_t live_renderers; ///< Of them
};

typedef struct nb_task_index nb_task_index;

NB_NODISCARD nb_status nb_task_index_new(nb_task_index **out_index, nb_error *err);
/// Frees the tasks too.
void nb_task_index_destroy(nb_task_index **self_p);

/// A new, queued task. NB_E_EXISTS if its id is known.
NB_NODISCARD nb_status nb_task_index_add(nb_task_index *self, const nb_task_spec *spec,
                                         nb_error *err);
/// Take the task out and free it.
void nb_task_index_remove(nb_task_index *self, nb_task *task);

nb_task *nb_task_index_find(const nb_task_index *self, uint64_t id); ///< Null if not known
size_t nb_task_index_count(const nb_task_index *self);
/// All tasks, in no order that means anything.
nb_task *nb_task_index_at(const nb_task_index *self, size_t index);

/// Call these around whatever changes a task's state, priority, age or cost.
void nb_task_index_leave(nb_task_index *self, nb_task *task);
void nb_task_index_enter(nb_task_index *self, nb_task *task);

/// The first of the running (NB_TASK_RUNNING) or failed (NB_TASK_FAILED) tasks; the others follow
/// by their `next`. Keep the next one before a call that may move the task.
nb_task *nb_task_index_first(const nb_task_index *self, nb_task_state state);

/// The lane of a fingerprint, made if need be; it lasts while a task or renderer has it.
NB_NODISCARD nb_status nb_task_index_lane(nb_task_index *self, const char *fingerprint,
                                          nb_task_lane **out_lane, nb_error *err);
/// Free the lane if nobody has it any more.
void nb_task_index_drop_lane(nb_task_index *self, nb_task_lane *lane);
size_t nb_task_index_lane_count(const nb_task_index *self);
nb_task_lane *nb_task_index_lane_at(const nb_task_index *self, size_t index);

/// Does `a` go before `b`? Priority, then age, then the longer one, then the lower id.
bool nb_task_goes_before(const nb_task *a, const nb_task *b);

#endif // NB_COORDINATOR_TASK_INDEX_H
