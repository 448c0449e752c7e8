// SPDX-License-Identifier: GPL-3.0-or-later
/// @file voices.h  One processor at work on the nodes of a unit, side by side in lanes (or, for a
/// planar processor, on one node).

#ifndef NB_RENDERER_ENGINE_VOICES_H
#define NB_RENDERER_ENGINE_VOICES_H
#include "renderer/engine/edges.h"
#include "renderer/engine/scratch.h"
#include "renderer/engine/stems.h"

typedef struct nb_voices {
    const nb_graph *graph;
    const size_t *nodes;
    size_t count;
    nb_settings *settings; ///< By voice
    size_t *lanes;         ///< First lane of each voice
    size_t width;          ///< nb_lane_count()
    void *state;
    int64_t end_frame; ///< From here on all voices are silent
} nb_voices;

/// Make the state; memory comes from `arena`, the impulse response from `stems`.
NB_NODISCARD nb_status nb_voices_init(nb_voices *self, nb_arena *arena, const nb_graph *graph,
                                      const size_t *nodes, size_t count, const nb_stems *stems,
                                      nb_error *err);

/// Make the output frames first .. end - 1 of all voices; the first call starts at 0, each next one
/// where the one before ended.
NB_NODISCARD nb_status nb_voices_run(nb_voices *self, nb_edges *edges, nb_scratch *scratch,
                                     int64_t first, int64_t end, nb_error *err);

/// Controls and moving controls that a call of this node has.
void nb_voices_controls(const nb_node *node, size_t *out_controls, size_t *out_moving);

#endif // NB_RENDERER_ENGINE_VOICES_H
