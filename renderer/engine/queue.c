// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/queue.h"

/// The earlier step first; of one step what is nearer the outputs.
static bool comes_before(const nb_task *a, const nb_task *b)
{
    return a->step != b->step ? a->step < b->step : a->unit > b->unit;
}

static void swap_tasks(nb_task *a, nb_task *b)
{
    const nb_task swapped = *a;
    *a = *b;
    *b = swapped;
}

static void heap_push(nb_queue *self, nb_task task)
{
    size_t at = self->ready++;
    self->heap[at] = task;
    for (; at > 0 && comes_before(&self->heap[at], &self->heap[(at - 1) / 2]); at = (at - 1) / 2) {
        swap_tasks(&self->heap[at], &self->heap[(at - 1) / 2]);
    }
}

static nb_task heap_pop(nb_queue *self)
{
    const nb_task first = self->heap[0];
    self->heap[0] = self->heap[--self->ready];
    for (size_t at = 0;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < self->ready && comes_before(&self->heap[child + 1], &self->heap[child])) {
            child++;
        }
        if (child >= self->ready || !comes_before(&self->heap[child], &self->heap[at])) {
            return first;
        }
        swap_tasks(&self->heap[at], &self->heap[child]);
        at = child;
    }
}

/// Has the unit's next step all it needs: its inputs, and room in its rings?
static bool is_ready(const nb_queue *self, size_t index)
{
    const nb_unit *unit = &self->schedule->units[index];
    const int64_t step = self->done[index];
    if (self->taken[index] || step >= self->steps) {
        return false;
    }
    for (size_t i = 0; i < unit->consumer_count; i++) {
        if (self->done[unit->consumers[i]] + self->in_flight <= step) {
            return false;
        }
    }
    for (size_t i = 0; i < unit->producer_count; i++) {
        if (self->done[unit->producers[i]] <= step) {
            return false;
        }
    }
    return true;
}

static void consider(nb_queue *self, size_t unit)
{
    if (is_ready(self, unit)) {
        self->taken[unit] = true;
        heap_push(self, (nb_task){unit, self->done[unit]});
    }
}

nb_status nb_queue_init(nb_queue *self, nb_arena *arena, const nb_schedule *schedule, int64_t steps,
                        int64_t in_flight, nb_error *err)
{
    const size_t units = schedule->unit_count;
    *self = (nb_queue){
        .schedule = schedule,
        .steps = steps,
        .in_flight = in_flight,
        .done = nb_arena_take(arena, units, sizeof *self->done),
        .taken = nb_arena_take(arena, units, sizeof *self->taken),
        .heap = nb_arena_take(arena, units, sizeof *self->heap),
    };
    if (!self->done || !self->taken || !self->heap) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a queue of tasks");
    }
    (void)pthread_mutex_init(&self->lock, NULL); // without attributes neither can fail on Linux
    (void)pthread_cond_init(&self->changed, NULL);
    for (size_t u = 0; u < units; u++) {
        consider(self, u);
    }
    return NB_OK;
}

void nb_queue_fini(nb_queue *self)
{
    (void)pthread_cond_destroy(&self->changed);
    (void)pthread_mutex_destroy(&self->lock);
}

bool nb_queue_take(nb_queue *self, nb_task *out)
{
    (void)pthread_mutex_lock(&self->lock);
    while (self->ready == 0 && self->running > 0) {
        (void)pthread_cond_wait(&self->changed, &self->lock);
    }
    const bool any = self->ready > 0;
    if (any) {
        *out = heap_pop(self);
        self->running++;
    }
    (void)pthread_mutex_unlock(&self->lock);
    return any;
}

void nb_queue_finish(nb_queue *self, const nb_task *task, nb_status status)
{
    (void)pthread_mutex_lock(&self->lock);
    self->running--;
    const size_t before = self->ready;
    if (status == NB_OK) { // else the unit stays taken, and nothing behind it starts
        const nb_unit *unit = &self->schedule->units[task->unit];
        self->done[task->unit]++;
        self->taken[task->unit] = false;
        consider(self, task->unit);
        for (size_t i = 0; i < unit->consumer_count; i++) {
            consider(self, unit->consumers[i]);
        }
        for (size_t i = 0; i < unit->producer_count; i++) {
            consider(self, unit->producers[i]);
        }
    }
    // This thread takes one itself; the others are woken for the rest, or to go home.
    if (self->ready > before + 1 || (self->ready == 0 && self->running == 0)) {
        (void)pthread_cond_broadcast(&self->changed);
    }
    (void)pthread_mutex_unlock(&self->lock);
}
