// SPDX-License-Identifier: GPL-3.0-or-later
/// @file speeds.h  What each processor cost in a render, for the farm's estimates.

#ifndef NB_RENDERER_NODE_SPEEDS_H
#define NB_RENDERER_NODE_SPEEDS_H
#include "protocol/limits.h"
#include "renderer/engine/render.h"

enum { NB_SPEED_NAME_SIZE = 64 };

/// Nanoseconds of CPU that a processor took for a frame of one channel.
typedef struct nb_speed {
    const char *processor; ///< The registry's
    double ns;
} nb_speed;

/// Fill `out`, which has room for NB_SPEEDS_MAX, from a profile of the graph's render of `frames`
/// frames; gives how many. A render under a second says nothing.
size_t nb_speeds_of(const nb_graph *graph, const nb_profile *profile, int64_t frames,
                    nb_speed *out);

#endif // NB_RENDERER_NODE_SPEEDS_H
