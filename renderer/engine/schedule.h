// SPDX-License-Identifier: GPL-3.0-or-later
/// @file schedule.h  Which nodes run together, in what order, and how far ahead.
///
/// A *unit* is what one task runs for one step. Most are a chain of *stages*: several uses of one
/// processor side by side in the lanes of a register, then the processor that follows all of them,
/// in the same lanes, and so on. Between two stages samples stay in the lanes. Only nodes of equal
/// depth (the longest path from a source) share a stage, and only a chain's first stage has inputs
/// from elsewhere; so units have no cycle.
///
/// An edge is *kept* in a ring where a reader outside its chain wants it. The edge of a constant
/// gain is *read through*: its readers multiply what the gain's input keeps. Clips with one reader
/// are *absorbed* by it: its unit reads them. None of this changes a bit.
///
/// Edges are in song time, so a node that feeds a processor of latency L has to be L frames ahead
/// of it: its *advance* is the most that any reader asks for. At step s a node makes the frames up
/// to (s + 1) * chunk + advance.

#ifndef NB_RENDERER_ENGINE_SCHEDULE_H
#define NB_RENDERER_ENGINE_SCHEDULE_H
#include "mix/graph.h"

/// What a schedule may do to be quick. None changes a bit: tests leave them out.
enum {
    NB_SCHEDULE_LANES = 1,   ///< Uses of one processor side by side
    NB_SCHEDULE_STAGES = 2,  ///< Several processors in one unit; clips absorbed
    NB_SCHEDULE_FACTORS = 4, ///< Constant gains read through; sums side by side
    NB_SCHEDULE_NARROW = 8,  ///< A unit with few channels in the narrow register
    NB_SCHEDULE_ALL = 15,
    NB_FACTORS_MAX = 8,    ///< Gains in a row that are read through
    NB_SUMS_IN_A_UNIT = 16 ///< Their 64-bit sums stay in a core's own cache
};

typedef enum nb_edge_kind {
    NB_EDGE_NONE,     ///< Feeds no output, or passes from stage to stage only
    NB_EDGE_KEPT,     ///< In a ring
    NB_EDGE_FACTOR,   ///< Read through
    NB_EDGE_ABSORBED, ///< Clips that their reader reads
} nb_edge_kind;

typedef enum nb_unit_kind {
    NB_UNIT_CHAIN,  ///< Processors
    NB_UNIT_CLIPS,  ///< One node of clips, kept
    NB_UNIT_SUMS,   ///< Sums of equal depth that share inputs
    NB_UNIT_PART,   ///< One NB_NODE_PART or NB_NODE_JOIN
    NB_UNIT_WRITER, ///< Writes an output
    NB_UNIT_METER,  ///< Measures what the unit before it writes
} nb_unit_kind;

typedef struct nb_unit {
    nb_unit_kind kind;
    size_t voice_count;    ///< Nodes of a stage; sums; 0 of an output
    size_t stage_count;    ///< 1 where the unit is no chain
    size_t *nodes;         ///< Stage after stage; inputs of nodes[v] are those of voice v
    size_t output;         ///< Of NB_UNIT_WRITER, NB_UNIT_METER
    size_t width;          ///< Of a chain: lanes that its voices fill; 0: a planar processor
    size_t producer_count; ///< Units whose edges it reads, each once
    const size_t *producers;
    size_t consumer_count; ///< Units that read its edges, each once
    const size_t *consumers;
} nb_unit;

typedef struct nb_schedule {
    nb_arena *arena; ///< Owns all below
    const nb_graph *graph;
    unsigned choices;
    size_t output_count;
    const size_t *outputs; ///< The nodes that are written
    size_t node_end;       ///< One past the last of them
    bool *live;            ///< By node: does it feed an output?
    nb_edge_kind *edges;   ///< By node
    double (*factors)[2];  ///< By node, of NB_EDGE_FACTOR
    int64_t *advance;      ///< By node
    size_t unit_count;
    nb_unit *units; ///< Producers stand before consumers
} nb_schedule;

/// Schedule what the nodes `outputs` need of the graph. Refuses graphs that the engine cannot run
/// (unknown channels, an input that stands behind its reader).
NB_NODISCARD nb_status nb_schedule_new(const nb_graph *graph, const size_t *outputs,
                                       size_t output_count, unsigned choices,
                                       nb_schedule **out_schedule, nb_error *err);
void nb_schedule_destroy(nb_schedule **self_p);

/// The node whose ring holds what `node` reads as: itself, or what stands before its gains.
static inline size_t nb_schedule_source(const nb_schedule *self, size_t node)
{
    while (self->edges[node] == NB_EDGE_FACTOR) {
        node = self->graph->nodes[node].inputs[0];
    }
    return node;
}

/// The node of stage `stage` and voice `voice`.
static inline size_t nb_unit_node(const nb_unit *self, size_t stage, size_t voice)
{
    return self->nodes[stage * self->voice_count + voice];
}

#endif // NB_RENDERER_ENGINE_SCHEDULE_H
