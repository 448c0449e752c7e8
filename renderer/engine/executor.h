// SPDX-License-Identifier: GPL-3.0-or-later
/// @file executor.h  Runs a schedule on a team of threads: one task for each (unit, step), started
/// when what it depends on is done.
///
/// A step of a unit waits for the same step of its producers, for its own step before, and for its
/// consumers' step NB_STEPS_IN_FLIGHT before (whose place in the ring it takes). So memory is
/// bounded, and a serial mix bus overlaps with the tracks' later steps. Of the tasks that are ready
/// the one of the earliest step runs first, and of these the one nearest the outputs: samples are
/// used while they are in the cache, and the serial tail of a song never waits for its head.
///
/// Of several errors the one of the first step, then of the first unit, is reported, whatever the
/// threads: tasks behind a known error are left, those before it still run.

#ifndef NB_RENDERER_ENGINE_EXECUTOR_H
#define NB_RENDERER_ENGINE_EXECUTOR_H
#include "renderer/engine/output.h"
#include "renderer/engine/schedule.h"
#include "renderer/engine/stems.h"

enum {
    NB_STEPS_IN_FLIGHT = 4,
    NB_CHUNK_FRAMES_MIN = 1024,
    NB_CHUNK_FRAMES_MAX = 1 << 20,
    NB_RINGS_BYTES_MAX = 256 << 20, ///< Past it, chunks are made smaller, which changes no bit
};

typedef struct nb_execution {
    const nb_schedule *schedule;
    const nb_stems *stems;
    const nb_render_options *options;
    unsigned threads;
    nb_output *outputs; ///< As schedule->outputs; progress is that of the first
} nb_execution;

NB_NODISCARD nb_status nb_execute(const nb_execution *execution, nb_error *err);

#endif // NB_RENDERER_ENGINE_EXECUTOR_H
