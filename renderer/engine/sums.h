// SPDX-License-Identifier: GPL-3.0-or-later
/// @file sums.h  The sums of a unit at work: each edge that they share is gone through once.
///
/// Inputs are added in 64 bit in the order of each sum's own list, and rounded once. Constant gains
/// before them are multiplied on the way, each rounded to 32 bit as its edge would be.

#ifndef NB_RENDERER_ENGINE_SUMS_H
#define NB_RENDERER_ENGINE_SUMS_H
#include "renderer/engine/edges.h"
#include "renderer/engine/scratch.h"

typedef struct nb_sum_step nb_sum_step;

typedef struct nb_sums {
    const nb_unit *unit;
    nb_edges *edges;
    nb_sum_step *steps;
    size_t step_count;
    size_t register_count; ///< Stretches of doubles: two sums of each node, then what steps share
    size_t tile_frames;    ///< Length of a stretch
} nb_sums;

/// Memory comes from `arena`.
NB_NODISCARD nb_status nb_sums_init(nb_sums *self, nb_arena *arena, const nb_unit *unit,
                                    nb_edges *edges, nb_error *err);

/// Make frames first .. end - 1 of all sums.
NB_NODISCARD nb_status nb_sums_run(const nb_sums *self, nb_scratch *scratch, int64_t first,
                                   int64_t end, nb_error *err);

/// Room for the calls of this unit.
void nb_sums_need(const nb_sums *self, nb_scratch_needs *needs);

#endif // NB_RENDERER_ENGINE_SUMS_H
