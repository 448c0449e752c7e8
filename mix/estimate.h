// SPDX-License-Identifier: GPL-3.0-or-later
/// @file estimate.h  When will it be done? From what is left, what runs, and how fast nodes were.
///
/// Pure arithmetic. Costs are in any unit, the same for all; speeds are cost per millisecond of
/// wall time, learned from tasks that ended and from those that run. Estimates are for people and
/// for what to do first: they never choose how samples are made.

#ifndef NB_MIX_ESTIMATE_H
#define NB_MIX_ESTIMATE_H
#include "mix/graph.h"

#include <stddef.h>
#include <stdint.h>

/// A node that takes work of this kind.
typedef struct nb_estimate_node {
    double cost; ///< Of the tasks it ended, the newest counting most (nb_estimate_learn) ...
    double ms;   ///< ... and how long they took; 0: none yet
} nb_estimate_node;

/// A task that is not done.
typedef struct nb_estimate_work {
    double cost;       ///< Of all of it
    double done;       ///< 0 to 1
    int node;          ///< Where it runs, an index; -1: it waits
    double elapsed_ms; ///< Since it began there
} nb_estimate_work;

/// Milliseconds until all of `work` is done: what runs goes on where it is; what waits goes,
/// longest first, to the node that is free first. A node without a speed counts as the others'
/// mean; where none has one, what runs says how fast it goes. Negative: nothing is known, or there
/// is no node.
double nb_estimate_left_ms(const nb_estimate_node *nodes, size_t node_count,
                           const nb_estimate_work *work, size_t work_count);

/// A task of that cost ended on the node after so long.
void nb_estimate_learn(nb_estimate_node *node, double cost, double took_ms);

/// Bytes of a file of the song; 0 where it is not known.
typedef uint64_t nb_size_lookup(const void *context, const char *path);

/// How long the mix of a graph is: as it says, or where it was made without the files' headers, by
/// its clips and the files' sizes, as if these were 24-bit stereo.
int64_t nb_estimate_frames(const nb_graph *graph, nb_size_lookup *size_of, const void *context);

#endif // NB_MIX_ESTIMATE_H
