// SPDX-License-Identifier: GPL-3.0-or-later
/// @file edges.h  The edges of a render while it runs: a ring for each live node, and the rules for
/// what goes in (nothing before frame 0, zeros from the node's end, no sample that is not finite)
/// and what comes out (mono doubled).

#ifndef NB_RENDERER_ENGINE_EDGES_H
#define NB_RENDERER_ENGINE_EDGES_H
#include "mix/graph.h"
#include "renderer/engine/ring.h"

typedef struct nb_edges {
    const nb_graph *graph;
    nb_ring *rings; ///< By node
} nb_edges;

/// Frames first .. first + frames - 1 (all at 0 or later) of a node's channel, as nb_ring_view.
static inline const float *nb_edges_view(const nb_edges *self, size_t node, unsigned channel,
                                         int64_t first, size_t frames, float *spare)
{
    return nb_ring_view(&self->rings[node], channel, first, frames, spare);
}

/// As nb_edges_view for a key of a voice with `channels` channels: a stereo key of a mono voice is
/// (left + right) / 2.
const float *nb_edges_view_key(const nb_edges *self, size_t node, unsigned channel,
                               unsigned channels, int64_t first, size_t frames, float *spare);

/// Put what a node made at song time `first`. `samples` may be changed: what stands at or after the
/// node's end becomes zero.
NB_NODISCARD nb_status nb_edges_put(nb_edges *self, size_t node, unsigned channel, int64_t first,
                                    float *samples, size_t frames, nb_error *err);

#endif // NB_RENDERER_ENGINE_EDGES_H
