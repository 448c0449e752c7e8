// SPDX-License-Identifier: GPL-3.0-or-later
/// @file chain.h  The processors of a unit at work, one stage after the other in the same lanes.
///
/// Each stage keeps the rules of edges: what it makes before frame 0 is dropped, each voice is
/// silent from its end on, and a sample that is not finite ends the render, with its node's name.

#ifndef NB_RENDERER_ENGINE_CHAIN_H
#define NB_RENDERER_ENGINE_CHAIN_H
#include "renderer/engine/clips.h"
#include "renderer/engine/edges.h"
#include "renderer/engine/voices.h"

typedef struct nb_chain {
    const nb_unit *unit;
    nb_edges *edges;
    nb_voices *stages;
    nb_clips **clips; ///< By voice: absorbed, or null
    int64_t latency;  ///< Of all stages
} nb_chain;

/// Memory comes from `arena`; nb_chain_fini whatever the result.
NB_NODISCARD nb_status nb_chain_init(nb_chain *self, nb_arena *arena, const nb_unit *unit,
                                     nb_edges *edges, const nb_stems *stems, nb_error *err);
void nb_chain_fini(nb_chain *self);

/// Make the output frames first .. end - 1 of the last stage; the first call starts at 0, each next
/// one where the one before ended.
NB_NODISCARD nb_status nb_chain_run(nb_chain *self, nb_scratch *scratch, int64_t first, int64_t end,
                                    nb_error *err);

/// Room for the calls of this unit.
void nb_chain_need(const nb_unit *unit, const nb_graph *graph, nb_scratch_needs *needs);

/// Read clips into planes that obey the rules of edges.
NB_NODISCARD nb_status nb_chain_read_clips(nb_clips *clips, size_t node, const nb_edges *edges,
                                           int64_t first, size_t frames, float *const out[2],
                                           nb_error *err);

#endif // NB_RENDERER_ENGINE_CHAIN_H
