// SPDX-License-Identifier: GPL-3.0-or-later
/// @file executor.h  Runs a schedule: one OpenMP task for each (unit, step), started when what it
/// depends on is done.
///
/// A step of a unit waits for the same step of its producers, for its own step before, and for its
/// consumers' step NB_STEPS_IN_FLIGHT before (whose place in the ring it takes). So memory is
/// bounded, and a serial mix bus overlaps with the tracks' later steps. Counters say when a task is
/// ready; nobody waits.
///
/// Of several errors the one of the first step, then of the first unit, is reported, whatever the
/// threads: tasks behind a known error are left, those before it still run.

#ifndef NB_RENDERER_ENGINE_EXECUTOR_H
#define NB_RENDERER_ENGINE_EXECUTOR_H
#include "renderer/engine/edges.h"
#include "renderer/engine/schedule.h"
#include "renderer/engine/scratch.h"
#include "renderer/engine/stems.h"

enum {
    NB_STEPS_IN_FLIGHT = 4,
    NB_CHUNK_FRAMES_MIN = 1024,
    NB_CHUNK_FRAMES_MAX = 1 << 20,
    NB_RINGS_BYTES_MAX = 256 << 20, ///< Past it, chunks are made smaller, which changes no bit
};

/// Takes an output's frames first .. end - 1, in order, never two calls at once for one output.
typedef nb_status nb_output_write(void *context, size_t output, const nb_edges *edges,
                                  nb_scratch *scratch, int64_t first, int64_t end, nb_error *err);

typedef struct nb_execution {
    const nb_schedule *schedule;
    const nb_stems *stems;
    const nb_render_options *options;
    unsigned threads;
    int64_t frames; ///< What is made of the longest output
    nb_output_write *write;
    void *write_context;
} nb_execution;

NB_NODISCARD nb_status nb_execute(const nb_execution *execution, nb_error *err);

#endif // NB_RENDERER_ENGINE_EXECUTOR_H
