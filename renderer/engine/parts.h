// SPDX-License-Identifier: GPL-3.0-or-later
/// @file parts.h  Mid, side, left or right taken out of an edge, and put back.

#ifndef NB_RENDERER_ENGINE_PARTS_H
#define NB_RENDERER_ENGINE_PARTS_H
#include "renderer/engine/edges.h"
#include "renderer/engine/scratch.h"

/// Make frames first .. end - 1 of a node of kind NB_NODE_PART or NB_NODE_JOIN.
NB_NODISCARD nb_status nb_parts_run(nb_edges *edges, size_t node, nb_scratch *scratch,
                                    int64_t first, int64_t end, nb_error *err);

#endif // NB_RENDERER_ENGINE_PARTS_H
