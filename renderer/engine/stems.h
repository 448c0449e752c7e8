// SPDX-License-Identifier: GPL-3.0-or-later
/// @file stems.h  The audio files of a graph, opened, checked and at the song's rate.
///
/// A file at another rate is converted whole, once, into an unlinked temporary file of raw floats
/// that all its clips share; one at the song's rate is read where it is. What the files say of
/// themselves must agree with what the graph was made from.

#ifndef NB_RENDERER_ENGINE_STEMS_H
#define NB_RENDERER_ENGINE_STEMS_H
#include "audio/audio_file.h"
#include "audio/pcm_reader.h"
#include "mix/graph.h"
#include "renderer/engine/render.h"

enum { NB_IMPULSE_SECONDS_MAX = 60 }; ///< Longer than any hall rings

typedef struct nb_stem {
    const nb_asset *asset; ///< Null: the graph's live part does not read it
    char *path;
    int64_t frames;  ///< At the song's rate; of a stem that clips play
    int converted;   ///< Descriptor of the converted floats, or -1
    float **impulse; ///< Planar, where a processor takes it; or null
    size_t impulse_frames;
} nb_stem;

typedef struct nb_stems {
    nb_stem *list; ///< By asset index
    size_t count;
    unsigned rate_hz;
} nb_stems;

/// Locate, check and convert what the nodes marked in `live` read; up to `threads` conversions at
/// once. Zero-initialise `out`; call nb_stems_fini whatever the result.
NB_NODISCARD nb_status nb_stems_open(const nb_graph *graph, const bool *live,
                                     const nb_render_options *options, unsigned threads,
                                     nb_stems *out, nb_error *err);
void nb_stems_fini(nb_stems *self);

/// One clip's place in its stem: reads go forward, each clip has its own. Zero-initialise.
typedef struct nb_stem_reader {
    nb_audio_file *file;     ///< Null for converted stems
    nb_pcm_reader converted; ///< Of a converted stem
    int64_t next_frame;
} nb_stem_reader;

/// Whether it holds a file or a buffer: from its first read to nb_stem_reader_fini.
static inline bool nb_stem_reader_is_open(const nb_stem_reader *self)
{
    return self->file || self->converted.buffer;
}

/// Read frames first .. first + frames - 1 of the stem, an array for each of its channels. No
/// sample is -0 or denormal: what comes in is as if it had been added to silence. But a freeze is
/// read as it is.
NB_NODISCARD nb_status nb_stem_read(const nb_stem *self, nb_stem_reader *reader, int64_t first,
                                    size_t frames, float *const *out, nb_error *err);
/// Let go of all; a later read opens it again.
void nb_stem_reader_fini(nb_stem_reader *self);

/// Has the caller asked to stop?
static inline bool nb_render_cancelled(const nb_render_options *options)
{
    return options->cancelled && __atomic_load_n(options->cancelled, __ATOMIC_RELAXED);
}

#endif // NB_RENDERER_ENGINE_STEMS_H
