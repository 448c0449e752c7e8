// SPDX-License-Identifier: GPL-3.0-or-later
/// @file split.h  Does it pay to make some of a song's dear edges on other renderers first?
///
/// Pure arithmetic over a graph and what its processors were measured to cost. The edges that a
/// render would keep anyway go into tasks of their own, so that several renderers work on one song;
/// then the song is rendered from them. It says where work runs and never which bits come out: an
/// edge is the same whoever makes it.

#ifndef NB_MIX_SPLIT_H
#define NB_MIX_SPLIT_H
#include "mix/estimate.h"
#include "mix/freeze.h"

enum {
    NB_SPLIT_TASKS_MAX = 32,
    NB_SPLIT_GAIN_MS = 1000,    ///< So much sooner the song must be done ...
    NB_SPLIT_GAIN_PERCENT = 10, ///< ... and by so much of the time that it takes whole
    NB_SPLIT_STAGE_MS = 300,    ///< To hand out one more task, read its plan and report its end
};

/// Renderers that have nothing else to do.
typedef struct nb_split_farm {
    size_t nodes;
    unsigned threads;  ///< That the weakest of them renders with; 0 counts as 1
    bool shares_store; ///< All of them use the farm's own disk: nothing is sent
} nb_split_farm;

/// What is looked at.
typedef struct nb_split_song {
    const nb_graph *graph;
    const size_t *sinks; ///< That are to be made
    size_t sink_count;
    const size_t *edges; ///< Nodes whose edges the render would write, ascending
    size_t edge_count;
    const bool *kept;        ///< By node: its edge is there, or another task is making it
    int64_t frames;          ///< How long the song is expected to be
    nb_cost_lookup *cost;    ///< As nb_node_cost_ns
    const void *costs;       ///< Its context
    nb_size_lookup *size_of; ///< Bytes of the song's files
    const void *sizes;       ///< Its context
} nb_split_song;

/// What came out; zero-initialise.
typedef struct nb_split {
    size_t task_count; ///< 0: all is made with the song
    int *task_of;      ///< By index of nb_split_song.edges: its task, -1 with the song
    double task_ns[NB_SPLIT_TASKS_MAX]; ///< CPU for a frame of the song, by task
    double whole_ms;                    ///< Expected of the song as one task on one renderer
    double split_ms;                    ///< And with these tasks before it
} nb_split;

void nb_split_fini(nb_split *self);

/// Decide. Edges of which one feeds the other stay together; one that several tasks feed is made
/// with the song.
NB_NODISCARD nb_status nb_split_find(const nb_split_song *song, const nb_split_farm *farm,
                                     nb_split *out, nb_error *err);

#endif // NB_MIX_SPLIT_H
