// SPDX-License-Identifier: GPL-3.0-or-later
/// @file voices.h  One processor at work on the nodes of a stage: side by side in lanes, or, if it
/// is planar, on one node.

#ifndef NB_RENDERER_ENGINE_VOICES_H
#define NB_RENDERER_ENGINE_VOICES_H
#include "mix/graph.h"
#include "renderer/engine/scratch.h"
#include "renderer/engine/stems.h"

typedef struct nb_voices {
    const nb_graph *graph;
    const nb_processor *processor; ///< In code for the stage's width
    const size_t *nodes;
    size_t count;
    nb_settings *settings; ///< By voice
    size_t *lanes;         ///< First lane of each voice
    size_t width;          ///< Lanes; 0: planar
    void *state;
    int64_t latency;
    int64_t end_frame; ///< From here on all voices are silent
} nb_voices;

/// Make the state for `width` lanes; memory comes from `arena`, the impulse response from `stems`.
/// `shared` has a place for each node of the graph (see nb_settings).
NB_NODISCARD nb_status nb_voices_init(nb_voices *self, nb_arena *arena, const nb_graph *graph,
                                      const size_t *nodes, size_t count, size_t width,
                                      const nb_stems *stems, void **shared, nb_error *err);

/// Process the block, whose controls this finds. Calls go forward from frame 0.
void nb_voices_process(const nb_voices *self, nb_scratch *scratch, nb_block *block);

/// Controls and moving controls that a call of this node has.
void nb_voices_controls(const nb_node *node, size_t *out_controls, size_t *out_moving);

#endif // NB_RENDERER_ENGINE_VOICES_H
