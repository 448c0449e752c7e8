// SPDX-License-Identifier: GPL-3.0-or-later
/// @file render.h  The engine: a graph and its files in, a WAV file and its report out.
///
/// A pure function of graph and files: threads, chunk size and machine change no bit. Each (group
/// of nodes, chunk) is a task behind its inputs' chunk and its own chunk before, for a team of
/// OpenMP threads; memory is bounded by the chunks in flight, not by the song's length.

#ifndef NB_RENDERER_ENGINE_RENDER_H
#define NB_RENDERER_ENGINE_RENDER_H
#include "audio/audio_writer.h"
#include "base/status.h"
#include "mix/fingerprint.h"
#include "mix/graph.h"
#include "review/report.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { NB_ENGINE_REVISION = 1, NB_RENDER_CHUNK_FRAMES = 2048 };

/// What a song's edges and processors may take together: far more than music needs, and less than
/// a document can ask for with a thousand delays of 10 s.
#define NB_RENDER_BYTES_MAX (UINT64_C(4) << 30)

/// Opens the file of an asset: gives a path on this machine in new memory.
typedef nb_status nb_render_locate(void *context, const nb_asset *asset, char **out_path,
                                   nb_error *err);

/// Work of a render that belongs to no node.
typedef enum nb_profile_work {
    NB_PROFILE_TRANSPOSITION, ///< Channels into lanes and back
    NB_PROFILE_EDGES,         ///< Rings, and looking for samples that are none
    NB_PROFILE_METER,
    NB_PROFILE_WRITER,
    NB_PROFILE_WORKS
} nb_profile_work;

/// Where a render's time went, in nanoseconds of all its threads.
typedef struct nb_profile {
    uint64_t *node_ns; ///< The caller's, by node of the graph: added to. Decoding is the clips'
    uint64_t work_ns[NB_PROFILE_WORKS];
} nb_profile;

typedef struct nb_render_options {
    unsigned threads;      ///< 0: OMP_NUM_THREADS, or the machine's cores
    size_t chunk_frames;   ///< 0: NB_RENDER_CHUNK_FRAMES
    uint64_t memory_max;   ///< Bytes for edges and processors; 0: NB_RENDER_BYTES_MAX
    const char *temporary; ///< Folder for converted stems; null: TMPDIR or /tmp
    nb_render_locate *locate;
    void *locate_context;
    /// Called now and then, from any thread of the render but never by two at once; may be null.
    void (*progress)(void *context, int64_t done_frames, int64_t total_frames);
    void *progress_context;
    const volatile bool *cancelled; ///< May be null; checked at each chunk: NB_E_CANCELLED
    int64_t from_frame, to_frame;   ///< Section that is written (exact); to_frame 0: to the end
    nb_profile *profile;            ///< Filled; null: no clock is asked
} nb_render_options;

/// What a file is made of.
typedef enum nb_render_what {
    NB_RENDER_SINK, ///< An output of the song
    /// The edge of one node, all of it, in its own channels. One that finds no room on its disk is
    /// left out: there is no file then, and the render goes on.
    NB_RENDER_FREEZE,
} nb_render_what;

/// One file to make.
typedef struct nb_render_output {
    size_t sink;              ///< Of the graph; each at most once. Of a freeze: the node
    const char *wav_path;     ///< A WAV file at the song's rate, stereo
    nb_report *report;        ///< Of what the file holds, when all is done; the caller fini's it.
                              ///< Null of a freeze
    nb_sample_format samples; ///< 0: 32-bit float
    nb_dither_kind dither;    ///< Of whole numbers; the noise hangs on the sink's name
    nb_render_what what;
    nb_audio_keep keep;
    nb_audio_growth *growth; ///< Kept up to date; may be null
} nb_render_output;

/// Render the outputs in one pass, what they share once, and measure them. On failure no output
/// file is left. Freezes come behind the sinks, and are for whole renders: from_frame and to_frame
/// 0.
NB_NODISCARD nb_status nb_render_run(const nb_graph *graph, const nb_render_output *outputs,
                                     size_t output_count, const nb_render_options *options,
                                     nb_error *err);

/// Measure a whole audio file of any kind that audio/ reads.
NB_NODISCARD nb_status nb_render_measure(const char *path, const char *name,
                                         void (*progress)(void *context, int64_t done_frames,
                                                          int64_t total_frames),
                                         void *progress_context, nb_report *out_report,
                                         nb_error *err);

/// This engine's fingerprint; probes the libraries on first use. Threads may call it.
NB_NODISCARD nb_status nb_engine_fingerprint(nb_fingerprint *out, nb_error *err);

#endif // NB_RENDERER_ENGINE_RENDER_H
