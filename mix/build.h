// SPDX-License-Identifier: GPL-3.0-or-later
/// @file build.h  A graph while nb_graph_build makes it. Only for mix/graph.c and mix/nodes.c.

#ifndef NB_MIX_BUILD_H
#define NB_MIX_BUILD_H
#include "mix/assets.h"
#include "mix/graph.h"
#include "mix/keys.h"
#include "mix/problems.h"

/// No node: nothing but silence would come out of it.
enum { NB_BUILD_SILENT = -1, NB_BUILD_NOT_YET = -2 };

/// What is known of a strip. Node indexes, or NB_BUILD_...
typedef struct nb_build_strip {
    const nb_strip *strip;
    int clips;  ///< The same in all alternates
    int tap;    ///< Behind the inserts
    int output; ///< Behind fader and pan
} nb_build_strip;

/// One input of a bus, in the order in which inputs are summed.
typedef struct nb_build_feed {
    const char *to;
    const char *from;
    int send; ///< Index on the strip; -1 for its output
} nb_build_feed;

typedef struct nb_build {
    const nb_document *document;
    nb_arena *arena; ///< The graph's own
    nb_problems *problems;
    nb_assets assets;
    nb_key_context keys;
    nb_build_strip *strips; ///< By id
    size_t strip_count;
    nb_build_feed *feeds; ///< By to, from, send
    size_t feed_count;
    const nb_lane **lanes;         ///< By path's target: strip, target, index
    const nb_alternate *alternate; ///< What is built just now; null: the mix
    nb_node *nodes;
    size_t node_count, node_capacity;
    nb_sink *sinks; ///< Room for all
    int *by_key;    ///< Hash table of nodes: index + 1, or 0
    size_t by_key_size;
    bool no_memory;
} nb_build;

/// One processor to add behind `input`.
typedef struct nb_build_processor {
    const char *name;
    const nb_processor *processor;
    const double *values;
    const double *band_values;
    size_t band_count;
    const nb_strip *strip; ///< Whose lanes of that target and index move it; null: nothing does
    nb_lane_target target;
    size_t index;
    bool makes_stereo; ///< A mono input comes out as two channels
    int sidechain;     ///< Node, or -1
    const nb_asset_entry *file;
    nb_place place;
} nb_build_processor;

void *nb_build_take(nb_build *self, size_t count, size_t size);

/// The nodes of one kind each; return their index, or NB_BUILD_SILENT without memory. What has the
/// key of a node that is there already is that node.
int nb_build_clips(nb_build *self, const nb_strip *strip);
int nb_build_silence(nb_build *self, const nb_strip *strip);
int nb_build_sum(nb_build *self, const nb_strip *strip, const size_t *inputs, size_t count);
int nb_build_process(nb_build *self, const nb_build_processor *what, int input);
int nb_build_part(nb_build *self, const char *name, nb_part part, int input);
int nb_build_join(nb_build *self, const char *name, nb_part part, int changed, int whole);

/// The lanes of one target, as a range of `lanes`.
const nb_lane *const *nb_build_lanes(const nb_build *self, const nb_strip *strip,
                                     nb_lane_target target, size_t index, size_t *out_count);

#endif // NB_MIX_BUILD_H
