// SPDX-License-Identifier: GPL-3.0-or-later
/// @file output.h  One file that is rendered: its writer, and a meter behind it, each with a unit
/// of its own. The report is of what the file holds, to the bit.

#ifndef NB_RENDERER_ENGINE_OUTPUT_H
#define NB_RENDERER_ENGINE_OUTPUT_H
#include "audio/audio_writer.h"
#include "audio/meter.h"
#include "renderer/engine/edges.h"
#include "renderer/engine/scratch.h"

typedef struct nb_output {
    const nb_render_output *wanted;
    size_t node;
    unsigned channels;
    int64_t from, to;        ///< The section that is written
    nb_audio_writer *writer; ///< Null of a freeze that was left out
    nb_meter *meter;
    float *written; ///< Frame % capacity: what the file got, interleaved, until it is measured
    size_t capacity;
} nb_output;

/// Find what of `wanted` the options ask for: of a shorter output than the section, what it has.
NB_NODISCARD nb_status nb_output_init(nb_output *self, const nb_graph *graph,
                                      const nb_render_output *wanted,
                                      const nb_render_options *options, nb_error *err);
NB_NODISCARD nb_status nb_output_open(nb_output *self, const nb_graph *graph, nb_error *err);
/// Make room for frames between writer and meter; memory comes from `arena`.
NB_NODISCARD nb_status nb_output_take_frames(nb_output *self, nb_arena *arena, int64_t frames,
                                             nb_error *err);

/// Write what stands between frames first and end of the section; calls go forward.
NB_NODISCARD nb_status nb_output_write(nb_output *self, const nb_edges *edges, nb_scratch *scratch,
                                       int64_t first, int64_t end, nb_error *err);
/// Measure what was written; may run beside nb_output_write of later frames.
NB_NODISCARD nb_status nb_output_measure(nb_output *self, nb_scratch *scratch, int64_t first,
                                         int64_t end, nb_error *err);

/// Finish the file and its report.
NB_NODISCARD nb_status nb_output_close(nb_output *self, nb_error *err);
/// Let go of all.
void nb_output_fini(nb_output *self);

/// A report of what the meter has measured.
NB_NODISCARD nb_status nb_output_report(nb_meter *meter, nb_report *out, nb_error *err);

#endif // NB_RENDERER_ENGINE_OUTPUT_H
