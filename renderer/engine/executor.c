// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/executor.h"

#include "renderer/engine/chain.h"
#include "renderer/engine/float_mode.h"
#include "renderer/engine/parts.h"
#include "renderer/engine/queue.h"
#include "renderer/engine/sums.h"

#include <assert.h>
#include <omp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/// What a unit works with, by its kind.
typedef union worker {
    nb_chain chain;
    nb_sums sums;
    nb_clips *clips;
} worker;

typedef struct executor {
    const nb_execution *execution;
    const nb_schedule *schedule;
    const nb_graph *graph;
    nb_arena *arena;
    int64_t frames; ///< Of the longest output
    int64_t chunk_frames;
    nb_edges edges;
    worker *workers;     ///< By unit
    nb_scratch *scratch; ///< By thread
    nb_queue queue;
    /// Place of the first error in step and unit order; INT64_MAX: none; -1: stop everything.
    atomic_llong first_bad;
    pthread_mutex_t error_lock;
    nb_error error;
} executor;

static nb_status no_memory(nb_error *err)
{
    return nb_fail(err, NB_E_NO_MEMORY, "no memory to render");
}

static void executor_fini(executor *self)
{
    for (size_t u = 0; self->workers && u < self->schedule->unit_count; u++) {
        const nb_unit_kind kind = self->schedule->units[u].kind;
        if (kind == NB_UNIT_CHAIN && self->workers[u].chain.unit) {
            nb_chain_fini(&self->workers[u].chain);
        } else if (kind == NB_UNIT_CLIPS) {
            nb_clips_destroy(&self->workers[u].clips);
        }
    }
    (void)pthread_mutex_destroy(&self->error_lock);
    nb_arena_destroy(&self->arena);
}

// ---- Making everything that a step needs ----

/// Bytes of all rings at that chunk size.
static uint64_t rings_bytes(const nb_schedule *schedule, int64_t chunk_frames)
{
    uint64_t bytes = 0;
    for (size_t n = 0; n < schedule->node_end; n++) {
        if (schedule->edges[n] == NB_EDGE_KEPT) {
            const int64_t frames = NB_STEPS_IN_FLIGHT * chunk_frames + schedule->advance[n];
            bytes += (uint64_t)frames * schedule->graph->nodes[n].channels * sizeof(float);
        }
    }
    return bytes;
}

static int64_t choose_chunk(const nb_execution *execution, int64_t frames)
{
    int64_t chunk = NB_RENDER_CHUNK_FRAMES;
    if (execution->options->chunk_frames > 0) {
        chunk = (execution->options->chunk_frames < NB_CHUNK_FRAMES_MAX)
                    ? (int64_t)execution->options->chunk_frames
                    : NB_CHUNK_FRAMES_MAX;
    }
    chunk = (chunk < frames) ? chunk : frames;
    while (chunk > NB_CHUNK_FRAMES_MIN &&
           rings_bytes(execution->schedule, chunk) > NB_RINGS_BYTES_MAX) {
        chunk /= 2;
    }
    return chunk;
}

static nb_status make_rings(executor *self, nb_error *err)
{
    const nb_schedule *schedule = self->schedule;
    self->edges = (nb_edges){
        .schedule = schedule,
        .graph = self->graph,
        .kernel = nb_edge_kernel_get(),
        .rings = nb_arena_take(self->arena, self->graph->node_count, sizeof *self->edges.rings),
        .shared = nb_arena_take(self->arena, self->graph->node_count, sizeof *self->edges.shared),
    };
    nb_status status = self->edges.rings && self->edges.shared ? NB_OK : no_memory(err);
    for (size_t n = 0; status == NB_OK && n < schedule->node_end; n++) {
        const int64_t frames = NB_STEPS_IN_FLIGHT * self->chunk_frames + schedule->advance[n];
        if (schedule->edges[n] == NB_EDGE_KEPT) {
            status = nb_ring_init(&self->edges.rings[n], self->arena,
                                  self->graph->nodes[n].channels, (size_t)frames, err);
        }
    }
    return status;
}

static nb_status make_worker(executor *self, size_t index, nb_scratch_needs *needs, nb_error *err)
{
    const nb_unit *unit = &self->schedule->units[index];
    const nb_stems *stems = self->execution->stems;
    assert(self->workers);
    worker *made = &self->workers[index];
    nb_status status = NB_OK;
    switch (unit->kind) {
    case NB_UNIT_CHAIN:
        nb_chain_need(unit, self->graph, needs);
        return nb_chain_init(&made->chain, self->arena, unit, &self->edges, stems, err);
    case NB_UNIT_SUMS:
        status = nb_sums_init(&made->sums, self->arena, unit, &self->edges, err);
        nb_sums_need(&made->sums, needs);
        return status;
    case NB_UNIT_CLIPS:
        return nb_clips_new(&self->graph->nodes[unit->nodes[0]], stems, &made->clips, err);
    case NB_UNIT_WRITER:
        return nb_output_take_frames(&self->execution->outputs[unit->output], self->arena,
                                     NB_STEPS_IN_FLIGHT * self->chunk_frames, err);
    case NB_UNIT_PART:
    case NB_UNIT_METER:
    default:
        return NB_OK;
    }
}

static nb_status make_workers(executor *self, nb_error *err)
{
    const nb_schedule *schedule = self->schedule;
    nb_scratch_needs needs = {0};
    self->workers = nb_arena_take(self->arena, schedule->unit_count, sizeof *self->workers);
    self->scratch = nb_arena_take(self->arena, self->execution->threads, sizeof *self->scratch);
    nb_status status = (self->workers && self->scratch) ? NB_OK : no_memory(err);
    for (size_t u = 0; status == NB_OK && u < schedule->unit_count; u++) {
        status = make_worker(self, u, &needs, err);
    }
    for (unsigned t = 0; status == NB_OK && t < self->execution->threads; t++) {
        assert(self->scratch);
        status = nb_scratch_init(&self->scratch[t], self->arena, &needs, err);
        if (status == NB_OK && self->execution->options->profile) {
            self->scratch[t].tally.node_ns =
                nb_arena_take(self->arena, self->graph->node_count, sizeof(uint64_t));
            status = self->scratch[t].tally.node_ns ? NB_OK : no_memory(err);
        }
    }
    return status;
}

static size_t memory_max(const nb_render_options *options)
{
    return (size_t)(options->memory_max > 0 ? options->memory_max : NB_RENDER_BYTES_MAX);
}

static nb_status executor_init(executor *self, const nb_execution *execution, nb_error *err)
{
    self->execution = execution;
    self->schedule = execution->schedule;
    self->graph = execution->schedule->graph;
    for (size_t i = 0; i < self->schedule->output_count; i++) {
        const int64_t to = execution->outputs[i].to;
        self->frames = (to > self->frames) ? to : self->frames;
    }
    self->chunk_frames = choose_chunk(execution, self->frames);
    atomic_init(&self->first_bad, INT64_MAX);
    (void)pthread_mutex_init(&self->error_lock, NULL);
    self->arena = nb_arena_new_limited(memory_max(execution->options));
    nb_status status = make_rings(self, err);
    return (status == NB_OK) ? make_workers(self, err) : status;
}

// ---- Running steps ----

static nb_status run_clips(executor *self, size_t unit, nb_scratch *scratch, int64_t first,
                           int64_t end, nb_error *err)
{
    const size_t node = self->schedule->units[unit].nodes[0];
    nb_status status = NB_OK;
    for (int64_t at = first; status == NB_OK && at < end; at += NB_SCRATCH_FRAMES) {
        const size_t frames =
            (end - at < NB_SCRATCH_FRAMES) ? (size_t)(end - at) : NB_SCRATCH_FRAMES;
        status = nb_clips_read(self->workers[unit].clips, at, frames, scratch->planes, err);
        nb_tally_nodes(&scratch->tally, &node, 1);
        for (unsigned c = 0; status == NB_OK && c < self->graph->nodes[node].channels; c++) {
            status = nb_edges_put(&self->edges, node, c, at, scratch->planes[c], frames, err);
        }
        nb_tally_work(&scratch->tally, NB_PROFILE_EDGES);
    }
    return status;
}

static nb_status run_writer(executor *self, size_t output, nb_scratch *scratch, int64_t first,
                            int64_t end, nb_error *err)
{
    const nb_render_options *options = self->execution->options;
    nb_output *out = &self->execution->outputs[output];
    const nb_status status = nb_output_write(out, &self->edges, scratch, first, end, err);
    if (status == NB_OK && output == 0 && options->progress && first < out->to) {
        options->progress(options->progress_context, (end < out->to) ? end : out->to, out->to);
    }
    return status;
}

/// First frame behind what a node with that advance has made after `steps` steps.
static int64_t made_after(const executor *self, int64_t steps, int64_t advance)
{
    const int64_t frames = steps * self->chunk_frames;
    return (steps == 0) ? 0 : ((frames < self->frames) ? frames : self->frames) + advance;
}

static nb_status run_unit(executor *self, const nb_task *task, nb_scratch *scratch, nb_error *err)
{
    const nb_unit *unit = &self->schedule->units[task->unit];
    worker *works = &self->workers[task->unit];
    const int64_t advance =
        unit->voice_count ? self->schedule->advance[nb_unit_node(unit, unit->stage_count - 1, 0)]
                          : 0;
    const int64_t first = made_after(self, task->step, advance);
    const int64_t end = made_after(self, task->step + 1, advance);
    switch (unit->kind) {
    case NB_UNIT_CHAIN:
        return nb_chain_run(&works->chain, scratch, first, end, err);
    case NB_UNIT_CLIPS:
        return run_clips(self, task->unit, scratch, first, end, err);
    case NB_UNIT_SUMS:
        return nb_sums_run(&works->sums, scratch, first, end, err);
    case NB_UNIT_PART:
        return nb_parts_run(&self->edges, unit->nodes[0], scratch, first, end, err);
    case NB_UNIT_WRITER:
        return run_writer(self, unit->output, scratch, first, end, err);
    case NB_UNIT_METER:
    default:
        return nb_output_measure(&self->execution->outputs[unit->output], scratch, first, end, err);
    }
}

static void report_error(executor *self, int64_t place, const nb_error *error)
{
    (void)pthread_mutex_lock(&self->error_lock);
    if (place < atomic_load(&self->first_bad)) {
        atomic_store(&self->first_bad, place);
        self->error = *error;
    }
    (void)pthread_mutex_unlock(&self->error_lock);
}

/// What waits for a task that failed, or that stands behind a known error, shall not start.
static nb_status run_task(executor *self, const nb_task *task, nb_scratch *scratch)
{
    const int64_t place = task->step * (int64_t)self->schedule->unit_count + (int64_t)task->unit;
    if (place > atomic_load(&self->first_bad)) {
        return NB_E_CANCELLED;
    }
    NB_IN_FLOAT_MODE;
    nb_error error = {0};
    if (nb_render_cancelled(self->execution->options)) {
        const nb_status status = nb_fail(&error, NB_E_CANCELLED, "the render was cancelled");
        report_error(self, -1, &error);
        return status;
    }
    nb_tally_start(&scratch->tally);
    const nb_status status = run_unit(self, task, scratch, &error);
    if (status != NB_OK) {
        report_error(self, (status == NB_E_CANCELLED) ? -1 : place, &error);
    }
    return status;
}

static void run_tasks(executor *self, nb_scratch *scratch)
{
    nb_task task;
    while (nb_queue_take(&self->queue, &task)) {
        nb_queue_finish(&self->queue, &task, run_task(self, &task, scratch));
    }
}

static void add_profile(const executor *self, nb_profile *profile)
{
    for (unsigned t = 0; profile && t < self->execution->threads; t++) {
        const nb_tally *tally = &self->scratch[t].tally;
        for (size_t n = 0; n < self->graph->node_count; n++) {
            profile->node_ns[n] += tally->node_ns[n];
        }
        for (size_t w = 0; w < NB_PROFILE_WORKS; w++) {
            profile->work_ns[w] += tally->work_ns[w];
        }
    }
}

nb_status nb_execute(const nb_execution *execution, nb_error *err)
{
    NB_SCOPED(executor_fini) executor self = {0};
    nb_error cause = {0};
    nb_status status = executor_init(&self, execution, &cause);
    if (status == NB_OK) {
        const int64_t steps = (self.frames + self.chunk_frames - 1) / self.chunk_frames;
        status = nb_queue_init(&self.queue, self.arena, self.schedule, steps, NB_STEPS_IN_FLIGHT,
                               &cause);
    }
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
    run_tasks(shared, &shared->scratch[omp_get_thread_num()]);
    nb_queue_fini(&self.queue);
    add_profile(&self, execution->options->profile);
    if (atomic_load(&self.first_bad) != INT64_MAX) {
        return nb_fail(err, self.error.status, "%s", self.error.text);
    }
    return NB_OK;
}
