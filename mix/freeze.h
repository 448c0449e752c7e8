// SPDX-License-Identifier: GPL-3.0-or-later
/// @file freeze.h  What nodes cost to make, which edges are worth keeping, and how a render goes on
/// from a kept one.
///
/// A freeze is an edge of the whole song in a file, 32-bit float, named by the key of its node. It
/// is only ever a short cut: a render from freezes and one from nothing give the same bits.

#ifndef NB_MIX_FREEZE_H
#define NB_MIX_FREEZE_H
#include "mix/graph.h"

/// What decides whether an edge is kept, in nanoseconds of CPU per stereo frame. To keep one costs
/// about 10, to read it 5, to send it over gigabit 70. One dear processor is worth it early: what
/// stands before it (clips, a static insert) rarely changes while faders move. A dear chain or sum
/// changes with any of its parts, so it has to be dearer.
enum { NB_FREEZE_ALONE_NS = 50, NB_FREEZE_CHAIN_NS = 200 };

/// Longer than the mix by more than this, an edge is not kept: nobody hears what rings so long.
enum { NB_FREEZE_TAIL_SECONDS_MAX = 30 };

/// Nanoseconds of CPU per frame that a processor with these settings takes, for a channel;
/// negative: not known.
typedef double nb_cost_lookup(const void *context, const nb_processor *processor);

/// What one node costs per frame by its processor's descriptor, or by `lookup` where that is given
/// and knows the processor. Channels that are not known count as two.
double nb_node_cost_ns(const nb_node *node, nb_cost_lookup *lookup, const void *context);

/// What making `sinks` costs per frame: all nodes that feed them and are not behind a node in
/// `kept` (by node; may be null), and reading those that are.
NB_NODISCARD nb_status nb_graph_cost_ns(const nb_graph *graph, const size_t *sinks,
                                        size_t sink_count, const bool *kept, nb_cost_lookup *lookup,
                                        const void *context, double *out_ns, nb_error *err);

/// Mark the nodes whose edges are worth keeping in out[node]: by descriptors alone, so that all
/// programs agree. Sinks' own nodes are not: their files are kept anyway.
NB_NODISCARD nb_status nb_graph_choose_freezes(const nb_graph *graph, bool *out, nb_error *err);

/// Of the nodes in `chosen`, mark those that a render of these sinks meets: it goes up from the
/// sinks and no further than a node in `kept`. Both are by node.
NB_NODISCARD nb_status nb_graph_reach(const nb_graph *graph, const size_t *sinks, size_t sink_count,
                                      const bool *kept, bool *out_reached, nb_error *err);

/// The same from nodes instead of sinks; the nodes themselves are reached.
NB_NODISCARD nb_status nb_graph_reach_from(const nb_graph *graph, const size_t *nodes,
                                           size_t node_count, const bool *kept, bool *out_reached,
                                           nb_error *err);

/// Mark the files that the nodes of `nodes` (by node) read themselves in out[asset].
void nb_graph_files_of(const nb_graph *graph, const bool *nodes, bool *out);

/// Can the node's edge be written as a freeze? Asks for what the files' headers say.
bool nb_node_can_freeze(const nb_graph *graph, size_t node);

/// From now on the node's edge is read from a file that is found as the asset `path`: the node
/// becomes a source, its key stays. The graph must be one that can be rendered.
NB_NODISCARD nb_status nb_graph_use_freeze(nb_graph *graph, size_t node, const char *path,
                                           const nb_digest *digest, nb_error *err);

#endif // NB_MIX_FREEZE_H
