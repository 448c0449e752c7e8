// SPDX-License-Identifier: GPL-3.0-or-later
/// @file queue.h  Which steps of which units may run, and which of them next.
///
/// Threads share a queue; each call takes its lock. A unit's steps run one after the other.

#ifndef NB_RENDERER_ENGINE_QUEUE_H
#define NB_RENDERER_ENGINE_QUEUE_H
#include "renderer/engine/schedule.h"

#include <pthread.h>

typedef struct nb_task {
    size_t unit;
    int64_t step;
} nb_task;

typedef struct nb_queue {
    const nb_schedule *schedule;
    int64_t steps;
    int64_t in_flight; ///< Steps that a producer may be ahead of its consumer
    int64_t *done;     ///< By unit: steps that are done
    bool *taken;       ///< By unit: its next step is in the heap, or runs
    nb_task *heap;     ///< Ready ones, the next to run first
    size_t ready;
    size_t running;
    pthread_mutex_t lock;
    pthread_cond_t changed;
} nb_queue;

/// Memory comes from `arena`; nb_queue_fini only after success.
NB_NODISCARD nb_status nb_queue_init(nb_queue *self, nb_arena *arena, const nb_schedule *schedule,
                                     int64_t steps, int64_t in_flight, nb_error *err);
void nb_queue_fini(nb_queue *self);

/// The next task, waiting for one if others may still make one ready; false: there will be none.
bool nb_queue_take(nb_queue *self, nb_task *out);

/// The task has run. What waited for it starts, unless it failed.
void nb_queue_finish(nb_queue *self, const nb_task *task, nb_status status);

#endif // NB_RENDERER_ENGINE_QUEUE_H
