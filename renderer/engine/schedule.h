// SPDX-License-Identifier: GPL-3.0-or-later
/// @file schedule.h  Which nodes run together, in what order, and how far ahead.
///
/// A *unit* is what one task runs for one step: a node, or several uses of one processor side by
/// side in the lanes of a register. Only nodes of equal depth (the longest path from a source)
/// share a unit, so units have no cycle.
///
/// Edges are in song time, so a node that feeds a processor of latency L has to be L frames ahead
/// of it: its *advance* is the most that any reader asks for. At step s a node makes the frames up
/// to (s + 1) * chunk + advance.

#ifndef NB_RENDERER_ENGINE_SCHEDULE_H
#define NB_RENDERER_ENGINE_SCHEDULE_H
#include "mix/graph.h"

typedef enum nb_grouping {
    NB_GROUPING_LANES, ///< Fill the register
    NB_GROUPING_NONE   ///< Each node alone: the same bits, slower; for tests
} nb_grouping;

typedef struct nb_unit {
    unsigned depth;
    size_t node_count; ///< 0: the unit writes and measures an output
    size_t output;     ///< Which, where node_count is 0
    const size_t *nodes;
    size_t producer_count; ///< Units whose edges it reads, each once
    const size_t *producers;
    size_t consumer_count; ///< Units that read its edges, each once
    const size_t *consumers;
} nb_unit;

typedef struct nb_schedule {
    nb_arena *arena; ///< Owns all below
    const nb_graph *graph;
    size_t output_count;
    const size_t *outputs; ///< The nodes that are written
    size_t node_end;       ///< One past the last of them
    const bool *live;      ///< By node: does it feed an output?
    int64_t *advance;      ///< By node
    size_t unit_count;
    nb_unit *units; ///< Ascending depth; the outputs last
} nb_schedule;

/// Schedule what the nodes `outputs` need of the graph. Refuses graphs that the engine cannot run
/// (unknown channels, an input that stands behind its reader).
NB_NODISCARD nb_status nb_schedule_new(const nb_graph *graph, const size_t *outputs,
                                       size_t output_count, nb_grouping grouping,
                                       nb_schedule **out_schedule, nb_error *err);
void nb_schedule_destroy(nb_schedule **self_p);

#endif // NB_RENDERER_ENGINE_SCHEDULE_H
