// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/freeze.h"

#include <stdlib.h>
#include <string.h>

/// Of a stereo frame, where no descriptor says it: measured with docs/performance.md's songs.
static const double clips_ns = 6.0;   // reading and converting
static const double term_ns = 1.0;    // of a sum
static const double part_ns = 1.0;    // mid, side and back
static const double freeze_ns = 5.0;  // reading a kept edge
static const double output_ns = 40.0; // writing, loudness and true peak

static double processor_ns(const nb_node *node, double channels, nb_cost_lookup *lookup,
                           const void *context)
{
    const nb_processor *processor = node->settings.processor;
    const double known = lookup ? lookup(context, processor) : -1.0;
    if (known >= 0.0) {
        return known * channels;
    }
    const bool moves = node->lane_count > 0 && processor->moving_cost_ns > 0;
    return (moves ? processor->moving_cost_ns : processor->cost_ns) * channels / 2.0;
}

double nb_node_cost_ns(const nb_node *node, nb_cost_lookup *lookup, const void *context)
{
    const double channels = node->channels > 0 ? node->channels : 2.0;
    switch (node->kind) {
    case NB_NODE_CLIPS:
        return clips_ns * channels / 2.0;
    case NB_NODE_PROCESSOR:
        return processor_ns(node, channels, lookup, context);
    case NB_NODE_SUM:
        return term_ns * (double)node->input_count;
    case NB_NODE_PART:
    case NB_NODE_JOIN:
    default:
        return part_ns;
    }
}

// ---- Going up ----

typedef struct walk {
    const nb_graph *graph;
    size_t *seen; ///< By node: the number of the last walk that came by
    size_t number;
} walk;

static void free_walk(walk *self) { free(self->seen); }

static nb_status walk_init(walk *self, const nb_graph *graph, nb_error *err)
{
    *self = (walk){.graph = graph, .seen = calloc(graph->node_count + 1, sizeof *self->seen)};
    return self->seen ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory to walk a graph");
}

static void see(walk *self, size_t node) { self->seen[node] = self->number; }

static bool is_seen(const walk *self, size_t node) { return self->seen[node] == self->number; }

/// Everything at or before `last` that feeds a seen node is seen too, but for what stands behind a
/// node in `stops`. Inputs stand before their readers, so one pass down does it.
static void spread(walk *self, size_t last, const bool *stops)
{
    for (size_t n = last + 1; n-- > 0;) {
        const nb_node *node = &self->graph->nodes[n];
        if (!is_seen(self, n) || (stops && stops[n])) {
            continue;
        }
        for (size_t i = 0; i < node->input_count; i++) {
            see(self, node->inputs[i]);
        }
        if (node->sidechain >= 0) {
            see(self, (size_t)node->sidechain);
        }
    }
}

static nb_status walk_from(walk *self, const nb_graph *graph, const size_t *sinks,
                           size_t sink_count, const bool *kept, nb_error *err)
{
    const nb_status status = walk_init(self, graph, err);
    if (status != NB_OK) {
        return status;
    }
    self->number = 1;
    for (size_t i = 0; i < sink_count; i++) {
        see(self, graph->sinks[sinks[i]].node);
    }
    spread(self, graph->node_count - 1, kept);
    return NB_OK;
}

nb_status nb_graph_cost_ns(const nb_graph *graph, const size_t *sinks, size_t sink_count,
                           const bool *kept, nb_cost_lookup *lookup, const void *context,
                           double *out_ns, nb_error *err)
{
    NB_SCOPED(free_walk) walk found = {0};
    *out_ns = output_ns * (double)sink_count;
    const nb_status status = walk_from(&found, graph, sinks, sink_count, kept, err);
    for (size_t n = 0; status == NB_OK && n < graph->node_count; n++) {
        if (is_seen(&found, n)) {
            *out_ns +=
                (kept && kept[n]) ? freeze_ns : nb_node_cost_ns(&graph->nodes[n], lookup, context);
        }
    }
    return status;
}

nb_status nb_graph_reach(const nb_graph *graph, const size_t *sinks, size_t sink_count,
                         const bool *kept, bool *out_reached, nb_error *err)
{
    NB_SCOPED(free_walk) walk found = {0};
    const nb_status status = walk_from(&found, graph, sinks, sink_count, kept, err);
    for (size_t n = 0; status == NB_OK && n < graph->node_count; n++) {
        out_reached[n] = is_seen(&found, n);
    }
    return status;
}

nb_status nb_graph_reach_from(const nb_graph *graph, const size_t *nodes, size_t node_count,
                              const bool *kept, bool *out_reached, nb_error *err)
{
    NB_SCOPED(free_walk) walk found = {0};
    const nb_status status = walk_init(&found, graph, err);
    if (status != NB_OK) {
        return status;
    }
    found.number = 1;
    size_t last = 0;
    for (size_t i = 0; i < node_count; i++) {
        see(&found, nodes[i]);
        last = (nodes[i] > last) ? nodes[i] : last;
    }
    spread(&found, last, kept);
    for (size_t n = 0; n < graph->node_count; n++) {
        out_reached[n] = is_seen(&found, n);
    }
    return NB_OK;
}

void nb_graph_files_of(const nb_graph *graph, const bool *nodes, bool *out)
{
    memset(out, 0, graph->asset_count * sizeof *out);
    for (size_t n = 0; n < graph->node_count; n++) {
        const nb_node *node = &graph->nodes[n];
        for (size_t i = 0; nodes[n] && i < node->clip_count; i++) {
            out[node->clips[i].asset] = true;
        }
        if (nodes[n] && node->kind == NB_NODE_PROCESSOR && node->asset >= 0) {
            out[node->asset] = true;
        }
    }
}

// ---- What is worth keeping ----

static void mark_sinks(const nb_graph *graph, bool *is_sink)
{
    for (size_t i = 0; i < graph->sink_count; i++) {
        if (graph->sinks[i].kind != NB_SINK_STEM) {
            is_sink[graph->sinks[i].node] = true;
        }
    }
}

/// What the node costs with all before it that is not kept.
static double chain_ns(walk *self, size_t node, const bool *kept)
{
    double ns = 0.0;
    self->number++;
    see(self, node);
    spread(self, node, kept);
    for (size_t n = 0; n <= node; n++) {
        if (is_seen(self, n)) {
            ns += kept[n] ? freeze_ns : nb_node_cost_ns(&self->graph->nodes[n], NULL, NULL);
        }
    }
    return ns;
}

/// Not less than chain_ns, and quick: what is met on two ways counts twice. Most chains are cheap,
/// and for those no walk is needed.
static double bound_ns(const nb_graph *graph, size_t index, const bool *kept, const double *bounds)
{
    const nb_node *node = &graph->nodes[index];
    double ns = nb_node_cost_ns(node, NULL, NULL);
    for (size_t i = 0; i < node->input_count; i++) {
        const size_t input = node->inputs[i];
        ns += kept[input] ? freeze_ns : bounds[input];
    }
    if (node->sidechain >= 0) {
        ns += kept[node->sidechain] ? freeze_ns : bounds[node->sidechain];
    }
    return ns;
}

static void free_marks(bool **marks_p) { free(*marks_p); }
static void free_bounds(double **bounds_p) { free(*bounds_p); }

nb_status nb_graph_choose_freezes(const nb_graph *graph, bool *out, nb_error *err)
{
    memset(out, 0, graph->node_count * sizeof *out);
    NB_SCOPED(free_walk) walk found = {0};
    NB_SCOPED(free_marks) bool *is_sink = calloc(graph->node_count + 1, sizeof *is_sink);
    NB_SCOPED(free_bounds) double *bounds = calloc(graph->node_count + 1, sizeof *bounds);
    if (!is_sink || !bounds) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to choose freezes");
    }
    const nb_status status = walk_init(&found, graph, err);
    if (status != NB_OK) {
        return status;
    }
    mark_sinks(graph, is_sink);
    for (size_t n = 0; n < graph->node_count; n++) {
        const nb_node *node = &graph->nodes[n];
        bounds[n] = bound_ns(graph, n, out, bounds);
        if (is_sink[n] || node->kind == NB_NODE_CLIPS) {
            continue;
        }
        const bool alone = node->kind == NB_NODE_PROCESSOR &&
                           nb_node_cost_ns(node, NULL, NULL) >= NB_FREEZE_ALONE_NS;
        out[n] = alone || (bounds[n] >= NB_FREEZE_CHAIN_NS &&
                           chain_ns(&found, n, out) >= NB_FREEZE_CHAIN_NS);
    }
    return NB_OK;
}

// ---- Going on from one ----

bool nb_node_can_freeze(const nb_graph *graph, size_t index)
{
    const nb_node *node = &graph->nodes[index];
    return (node->channels == 1 || node->channels == 2) && node->end_frame > 0 &&
           node->end_frame <=
               graph->frames + (int64_t)NB_FREEZE_TAIL_SECONDS_MAX * (int64_t)graph->rate_hz;
}

static nb_status add_asset(nb_graph *graph, const nb_asset *asset, nb_error *err)
{
    nb_asset *assets = nb_arena_take(graph->arena, graph->asset_count + 1, sizeof *assets);
    const char *path = nb_arena_string(graph->arena, asset->path);
    if (!assets || !path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a freeze");
    }
    if (graph->asset_count > 0) {
        memcpy(assets, graph->assets, graph->asset_count * sizeof *assets);
    }
    assets[graph->asset_count] = *asset;
    assets[graph->asset_count].path = path;
    graph->assets = assets;
    graph->asset_count++;
    return NB_OK;
}

nb_status nb_graph_use_freeze(nb_graph *graph, size_t index, const char *path,
                              const nb_digest *digest, nb_error *err)
{
    nb_node *node = &graph->nodes[index];
    const nb_asset asset = {.path = path,
                            .digest = *digest,
                            .rate_hz = graph->rate_hz,
                            .channels = node->channels,
                            .frames = node->end_frame,
                            .is_freeze = true};
    nb_graph_clip *clip = nb_arena_take(graph->arena, 1, sizeof *clip);
    if (!clip) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a freeze");
    }
    const nb_status status = add_asset(graph, &asset, err);
    if (status != NB_OK) {
        return status;
    }
    *clip = (nb_graph_clip){
        .asset = graph->asset_count - 1, .length_frames = node->end_frame, .gain = 1.0};
    *node = (nb_node){.kind = NB_NODE_CLIPS,
                      .name = node->name,
                      .key = node->key,
                      .length_key = node->length_key,
                      .channels = node->channels,
                      .sidechain = -1,
                      .asset = -1,
                      .clip_count = 1,
                      .clips = clip,
                      .end_frame = node->end_frame};
    return NB_OK;
}
