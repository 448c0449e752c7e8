// SPDX-License-Identifier: GPL-3.0-or-later
/// @file scratch.h  What a thread needs while it runs a task, and nothing that outlives one.

#ifndef NB_RENDERER_ENGINE_SCRATCH_H
#define NB_RENDERER_ENGINE_SCRATCH_H
#include "base/arena.h"
#include "renderer/engine/tally.h"

enum {
    NB_SCRATCH_FRAMES = 512, ///< Frames a processor is called with: what they touch stays in L1
    NB_SCRATCH_LANES = 8,    ///< The widest register
};

typedef struct nb_scratch {
    float *planes[NB_SCRATCH_LANES]; ///< Channel by channel, NB_SCRATCH_FRAMES each
    float *keys[NB_SCRATCH_LANES];   ///< Twice as much each, see nb_edges_view_key
    float *lanes, *key;              ///< Side by side
    /// A stretch of NB_SCRATCH_FRAMES * NB_SCRATCH_LANES doubles for each moving control.
    double *controls;
    const double **control_list; ///< As nb_block.controls
    double *wide;                ///< For sums
    nb_tally tally;
} nb_scratch;

/// What the calls of a schedule need at most.
typedef struct nb_scratch_needs {
    size_t controls;
    size_t moving; ///< Controls that move
    size_t wide;   ///< Doubles
} nb_scratch_needs;

/// Memory comes from `arena`.
NB_NODISCARD nb_status nb_scratch_init(nb_scratch *self, nb_arena *arena,
                                       const nb_scratch_needs *needs, nb_error *err);

#endif // NB_RENDERER_ENGINE_SCRATCH_H
