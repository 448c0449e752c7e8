// SPDX-License-Identifier: GPL-3.0-or-later
/// @file scratch.h  What a thread needs while it runs a task, and nothing that outlives one.

#ifndef NB_RENDERER_ENGINE_SCRATCH_H
#define NB_RENDERER_ENGINE_SCRATCH_H
#include "renderer/engine/clips.h"

enum {
    NB_SCRATCH_FRAMES = 1024, ///< Frames a processor is called with: what they touch stays in L2
    NB_SCRATCH_LANES = 8,     ///< The widest register
};

typedef struct nb_scratch {
    /// Lane by lane, then side by side.
    float *lane_samples[NB_SCRATCH_LANES];
    float *lane_keys[NB_SCRATCH_LANES];
    float *in, *key;
    double *sums; ///< NB_SCRATCH_FRAMES
    /// A stretch of NB_SCRATCH_FRAMES * NB_SCRATCH_LANES doubles for each moving control.
    double *controls;
    const double **control_list; ///< As nb_block.controls
    float *clip_samples[2];      ///< NB_CLIPS_BLOCK
    float *frames;               ///< 2 * NB_SCRATCH_FRAMES, interleaved stereo
} nb_scratch;

/// Enough for calls with `moving` moving controls among `controls`. Memory comes from `arena`.
NB_NODISCARD nb_status nb_scratch_init(nb_scratch *self, nb_arena *arena, size_t controls,
                                       size_t moving, nb_error *err);

#endif // NB_RENDERER_ENGINE_SCRATCH_H
