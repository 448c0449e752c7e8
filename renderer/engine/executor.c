// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/executor.h"

#include "renderer/engine/float_mode.h"
#include "renderer/engine/voices.h"

#include <omp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct executor {
    const nb_execution *execution;
    const nb_schedule *schedule;
    const nb_graph *graph;
    nb_arena *arena;
    int64_t chunk_frames;
    int64_t steps;
    nb_edges edges;
    nb_clips **clips;    ///< By node
    nb_voices *voices;   ///< By unit
    nb_scratch *scratch; ///< By thread
    /// By unit and step % NB_STEPS_IN_FLIGHT: what the step still waits for.
    atomic_uint *waiting;
    /// Place of the first error in step and unit order; INT64_MAX: none; -1: stop everything.
    atomic_llong first_bad;
    omp_lock_t error_lock;
    nb_error error;
} executor;

static nb_status no_memory(nb_error *err)
{
    return nb_fail(err, NB_E_NO_MEMORY, "no memory to render");
}

static void executor_fini(executor *self)
{
    for (size_t n = 0; self->clips && n < self->graph->node_count; n++) {
        nb_clips_destroy(&self->clips[n]);
    }
    omp_destroy_lock(&self->error_lock);
    nb_arena_destroy(&self->arena);
}

/// Bytes of all rings at that chunk size.
static uint64_t rings_bytes(const nb_schedule *schedule, int64_t chunk_frames)
{
    uint64_t bytes = 0;
    for (size_t n = 0; n < schedule->node_end; n++) {
        if (schedule->live[n]) {
            const int64_t frames = NB_STEPS_IN_FLIGHT * chunk_frames + schedule->advance[n];
            bytes += (uint64_t)frames * schedule->graph->nodes[n].channels * sizeof(float);
        }
    }
    return bytes;
}

static int64_t choose_chunk(const nb_execution *execution)
{
    int64_t chunk = NB_RENDER_CHUNK_FRAMES;
    if (execution->options->chunk_frames > 0) {
        chunk = (execution->options->chunk_frames < NB_CHUNK_FRAMES_MAX)
                    ? (int64_t)execution->options->chunk_frames
                    : NB_CHUNK_FRAMES_MAX;
    }
    chunk = (chunk < execution->frames) ? chunk : execution->frames;
    while (chunk > NB_CHUNK_FRAMES_MIN &&
           rings_bytes(execution->schedule, chunk) > NB_RINGS_BYTES_MAX) {
        chunk /= 2;
    }
    return chunk;
}

static nb_status make_edges(executor *self, nb_error *err)
{
    self->edges.graph = self->graph;
    self->edges.rings =
        nb_arena_take(self->arena, self->graph->node_count, sizeof *self->edges.rings);
    self->clips = nb_arena_take(self->arena, self->graph->node_count, sizeof(nb_clips *));
    if (!self->edges.rings || !self->clips) {
        return no_memory(err);
    }
    nb_status status = NB_OK;
    for (size_t n = 0; status == NB_OK && n < self->schedule->node_end; n++) {
        if (!self->schedule->live[n]) {
            continue;
        }
        const nb_node *node = &self->graph->nodes[n];
        const int64_t frames = NB_STEPS_IN_FLIGHT * self->chunk_frames + self->schedule->advance[n];
        status =
            nb_ring_init(&self->edges.rings[n], self->arena, node->channels, (size_t)frames, err);
        if (status == NB_OK && node->kind == NB_NODE_CLIPS) {
            status = nb_clips_new(node, self->execution->stems, &self->clips[n], err);
        }
    }
    return status;
}

/// States of all processors, and for each thread room for the call that needs most.
static nb_status make_voices(executor *self, nb_error *err)
{
    const nb_schedule *schedule = self->schedule;
    size_t most_controls = 0;
    size_t most_moving = 0;
    self->voices = nb_arena_take(self->arena, schedule->unit_count, sizeof *self->voices);
    self->scratch = nb_arena_take(self->arena, self->execution->threads, sizeof *self->scratch);
    nb_status status = (self->voices && self->scratch) ? NB_OK : no_memory(err);
    for (size_t u = 0; status == NB_OK && u < schedule->unit_count; u++) {
        const nb_unit *unit = &schedule->units[u];
        if (unit->node_count == 0 || self->graph->nodes[unit->nodes[0]].kind != NB_NODE_PROCESSOR) {
            continue;
        }
        size_t controls;
        size_t moving;
        for (size_t i = 0; i < unit->node_count; i++) {
            nb_voices_controls(&self->graph->nodes[unit->nodes[i]], &controls, &moving);
            most_controls = (controls > most_controls) ? controls : most_controls;
            most_moving = (moving > most_moving) ? moving : most_moving;
        }
        status = nb_voices_init(&self->voices[u], self->arena, self->graph, unit->nodes,
                                unit->node_count, self->execution->stems, err);
    }
    for (unsigned t = 0; status == NB_OK && t < self->execution->threads; t++) {
        status = nb_scratch_init(&self->scratch[t], self->arena, most_controls, most_moving, err);
    }
    return status;
}

/// What step `step` of a unit waits for.
static unsigned dependences(const nb_unit *unit, int64_t step)
{
    return (unsigned)(unit->producer_count + (step > 0) +
                      ((step >= NB_STEPS_IN_FLIGHT) ? unit->consumer_count : 0));
}

static atomic_uint *waiting_at(executor *self, size_t unit, int64_t step)
{
    return &self->waiting[unit * NB_STEPS_IN_FLIGHT + (size_t)(step % NB_STEPS_IN_FLIGHT)];
}

static size_t memory_max(const nb_render_options *options)
{
    return (size_t)(options->memory_max > 0 ? options->memory_max : NB_RENDER_BYTES_MAX);
}

static nb_status executor_init(executor *self, const nb_execution *execution, nb_error *err)
{
    const nb_schedule *schedule = execution->schedule;
    self->execution = execution;
    self->schedule = schedule;
    self->graph = schedule->graph;
    self->chunk_frames = choose_chunk(execution);
    self->steps = (execution->frames + self->chunk_frames - 1) / self->chunk_frames;
    atomic_init(&self->first_bad, INT64_MAX);
    omp_init_lock(&self->error_lock);
    self->arena = nb_arena_new_limited(memory_max(execution->options));
    self->waiting = nb_arena_take(self->arena, schedule->unit_count,
                                  NB_STEPS_IN_FLIGHT * sizeof *self->waiting);
    if (!self->waiting) {
        return no_memory(err);
    }
    for (size_t u = 0; u < schedule->unit_count; u++) {
        for (int64_t step = 0; step < NB_STEPS_IN_FLIGHT; step++) {
            // A source's first step waits for nothing and is started, not released: its counter is
            // that of the step which takes its place.
            const bool started = step == 0 && schedule->units[u].producer_count == 0;
            atomic_init(waiting_at(self, u, step),
                        dependences(&schedule->units[u], started ? NB_STEPS_IN_FLIGHT : step));
        }
    }
    nb_status status = make_edges(self, err);
    return (status == NB_OK) ? make_voices(self, err) : status;
}

static nb_status run_sum(executor *self, size_t index, nb_scratch *scratch, int64_t first,
                         int64_t end, nb_error *err)
{
    const nb_node *node = &self->graph->nodes[index];
    for (int64_t at = first; at < end; at += NB_SCRATCH_FRAMES) {
        const size_t frames =
            (end - at < NB_SCRATCH_FRAMES) ? (size_t)(end - at) : NB_SCRATCH_FRAMES;
        for (unsigned channel = 0; channel < node->channels; channel++) {
            double *sums = scratch->sums;
            memset(sums, 0, frames * sizeof *sums);
            for (size_t i = 0; i < node->input_count; i++) {
                const float *samples = nb_edges_view(&self->edges, node->inputs[i], channel, at,
                                                     frames, scratch->lane_keys[0]);
                for (size_t f = 0; f < frames; f++) {
                    sums[f] += (double)samples[f];
                }
            }
            float *out = scratch->lane_samples[0];
            for (size_t f = 0; f < frames; f++) {
                out[f] = (float)sums[f];
            }
            nb_status status = nb_edges_put(&self->edges, index, channel, at, out, frames, err);
            if (status != NB_OK) {
                return status;
            }
        }
    }
    return NB_OK;
}

static nb_status run_clips(executor *self, size_t index, const nb_scratch *scratch, int64_t first,
                           int64_t end, nb_error *err)
{
    nb_status status = NB_OK;
    for (int64_t at = first; status == NB_OK && at < end; at += NB_CLIPS_BLOCK) {
        const size_t frames = (end - at < NB_CLIPS_BLOCK) ? (size_t)(end - at) : NB_CLIPS_BLOCK;
        status = nb_clips_read(self->clips[index], at, frames, scratch->clip_samples, err);
        for (unsigned c = 0; status == NB_OK && c < self->graph->nodes[index].channels; c++) {
            status =
                nb_edges_put(&self->edges, index, c, at, scratch->clip_samples[c], frames, err);
        }
    }
    return status;
}

/// First frame behind what a node with that advance has made after `steps` steps.
static int64_t made_after(const executor *self, int64_t steps, int64_t advance)
{
    const int64_t frames = steps * self->chunk_frames;
    const int64_t total = self->execution->frames;
    return (steps == 0) ? 0 : ((frames < total) ? frames : total) + advance;
}

static nb_status run_unit(executor *self, size_t index, int64_t step, nb_error *err)
{
    const nb_unit *unit = &self->schedule->units[index];
    nb_scratch *scratch = &self->scratch[omp_get_thread_num()];
    const int64_t advance = unit->node_count ? self->schedule->advance[unit->nodes[0]] : 0;
    const int64_t first = made_after(self, step, advance);
    const int64_t end = made_after(self, step + 1, advance);
    if (unit->node_count == 0) {
        return self->execution->write(self->execution->write_context, unit->output, &self->edges,
                                      scratch, first, end, err);
    }
    switch (self->graph->nodes[unit->nodes[0]].kind) {
    case NB_NODE_CLIPS:
        return run_clips(self, unit->nodes[0], scratch, first, end, err);
    case NB_NODE_SUM:
        return run_sum(self, unit->nodes[0], scratch, first, end, err);
    case NB_NODE_PROCESSOR:
    default:
        return nb_voices_run(&self->voices[index], &self->edges, scratch, first, end, err);
    }
}

static void report_error(executor *self, int64_t place, const nb_error *error)
{
    omp_set_lock(&self->error_lock);
    if (place < atomic_load(&self->first_bad)) {
        atomic_store(&self->first_bad, place);
        self->error = *error;
    }
    omp_unset_lock(&self->error_lock);
}

/// Run one step of a unit; false: what waits for it shall not start.
static bool run_step(executor *self, size_t unit, int64_t step)
{
    const int64_t place = step * (int64_t)self->schedule->unit_count + (int64_t)unit;
    if (place > atomic_load(&self->first_bad)) {
        return false;
    }
    NB_IN_FLOAT_MODE;
    nb_error error = {0};
    if (nb_render_cancelled(self->execution->options)) {
        (void)nb_fail(&error, NB_E_CANCELLED, "the render was cancelled");
        report_error(self, -1, &error);
        return false;
    }
    const nb_status status = run_unit(self, unit, step, &error);
    if (status != NB_OK) {
        report_error(self, (status == NB_E_CANCELLED) ? -1 : place, &error);
    }
    return status == NB_OK;
}

static void run_from(executor *self, size_t unit, int64_t step);

typedef struct place {
    size_t unit;
    int64_t step; ///< Below 0: none
} place;

/// Start a step as a task. Not seen by the thread sanitizer, which else takes libomp's own pool of
/// task descriptors for a race: what is written here goes into one that another thread gave back.
__attribute__((noinline, no_sanitize("thread"))) static void start_task(executor *self, size_t unit,
                                                                        int64_t step)
{
#pragma omp task firstprivate(self, unit, step)
    run_from(self, unit, step);
}

/// One dependence of that step is done. Once it was the last, the step runs: by this thread, next,
/// if it has nothing yet, else as a task.
static void release(executor *self, size_t unit, int64_t step, place *next)
{
    atomic_uint *waiting = waiting_at(self, unit, step);
    if (step >= self->steps || atomic_fetch_sub(waiting, 1) != 1) {
        return;
    }
    // The counter is free for a later step: nobody counts that one down before this one has run.
    atomic_store(waiting, dependences(&self->schedule->units[unit], step + NB_STEPS_IN_FLIGHT));
    if (next->step < 0) {
        *next = (place){unit, step};
        return;
    }
    start_task(self, unit, step);
}

/// Run a step and then whatever became ready by it, the samples still in this core's cache.
static void run_from(executor *self, size_t unit, int64_t step)
{
    place now = {unit, step};
    while (now.step >= 0 && run_step(self, now.unit, now.step)) {
        const nb_unit *done = &self->schedule->units[now.unit];
        place next = {0, -1};
        for (size_t i = 0; i < done->consumer_count; i++) {
            release(self, done->consumers[i], now.step, &next);
        }
        release(self, now.unit, now.step + 1, &next);
        for (size_t i = 0; i < done->producer_count; i++) {
            release(self, done->producers[i], now.step + NB_STEPS_IN_FLIGHT, &next);
        }
        now = next;
    }
}

nb_status nb_execute(const nb_execution *execution, nb_error *err)
{
    NB_SCOPED(executor_fini) executor self = {0};
    nb_error cause = {0};
    nb_status status = executor_init(&self, execution, &cause);
    if (nb_arena_is_over_limit(self.arena)) {
        return nb_fail(err, NB_E_LIMIT,
                       "%s: a render takes at most %llu MiB: use fewer or shorter delays and "
                       "impulse responses, or fewer look-aheads in a row",
                       cause.text, (unsigned long long)(memory_max(execution->options) >> 20));
    }
    if (status != NB_OK) {
        return nb_fail(err, status, "%s", cause.text);
    }
    executor *shared = &self;
#pragma omp parallel num_threads(execution->threads)
#pragma omp single
    for (size_t u = 0; u < shared->schedule->unit_count; u++) {
        if (shared->schedule->units[u].producer_count == 0) {
            start_task(shared, u, 0);
        }
    }
    if (atomic_load(&self.first_bad) != INT64_MAX) {
        return nb_fail(err, self.error.status, "%s", self.error.text);
    }
    return NB_OK;
}
