// SPDX-License-Identifier: GPL-3.0-or-later
/// @file edges.h  The edges of a render while it runs: a ring for each that is kept, and the rules
/// for what goes in (nothing before frame 0, zeros from the node's end, no sample that is not
/// finite) and what comes out (mono doubled, constant gains multiplied).

#ifndef NB_RENDERER_ENGINE_EDGES_H
#define NB_RENDERER_ENGINE_EDGES_H
#include "dsp/edge_kernel.h"
#include "renderer/engine/ring.h"
#include "renderer/engine/schedule.h"

typedef struct nb_edges {
    const nb_schedule *schedule;
    const nb_graph *graph;
    const nb_edge_kernel *kernel;
    nb_ring *rings; ///< By node
    void **shared;  ///< By node: see nb_settings
} nb_edges;

/// Frames first .. first + frames - 1 (all at 0 or later) of a node's channel: in its ring, or in
/// `spare`.
const float *nb_edges_view(const nb_edges *self, size_t node, unsigned channel, int64_t first,
                           size_t frames, float *spare);

/// As nb_edges_view for a key of a voice with `channels` channels: a stereo key of a mono voice is
/// (left + right) / 2. `spare` has room for twice `frames`.
const float *nb_edges_view_key(const nb_edges *self, size_t node, unsigned channel,
                               unsigned channels, int64_t first, size_t frames, float *spare);

/// Where to make frames that are put next: their place in the node's ring, or `spare` where they
/// would go over its end.
float *nb_edges_place(const nb_edges *self, size_t node, unsigned channel, int64_t first,
                      size_t frames, float *spare);

/// Put what a node made at song time `first`, at 0 or later. `samples` may be changed: what stands
/// at or after the node's end becomes zero.
NB_NODISCARD nb_status nb_edges_put(nb_edges *self, size_t node, unsigned channel, int64_t first,
                                    float *samples, size_t frames, nb_error *err);

/// Fails with the name and time of the first of these samples that is not finite.
NB_NODISCARD nb_status nb_edges_refuse(const nb_edges *self, size_t node, int64_t first,
                                       const float *samples, size_t stride, size_t frames,
                                       nb_error *err);

#endif // NB_RENDERER_ENGINE_EDGES_H
