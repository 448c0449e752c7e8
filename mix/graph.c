// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/graph.h"

#include "base/text.h"
#include "mix/build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int build_output(nb_build *self, nb_build_strip *at);

static int by_id(const void *a, const void *b)
{
    const nb_build_strip *left = a;
    const nb_build_strip *right = b;
    return strcmp(left->strip->id, right->strip->id);
}

static nb_build_strip *find_strip(const nb_build *self, const char *id)
{
    const nb_strip strip = {.id = id};
    const nb_build_strip key = {.strip = &strip};
    return bsearch(&key, self->strips, self->strip_count, sizeof key, by_id);
}

static int by_target(const void *a, const void *b)
{
    const nb_build_feed *left = a;
    const nb_build_feed *right = b;
    int order = strcmp(left->to, right->to);
    order = order != 0 ? order : strcmp(left->from, right->from);
    return order != 0 ? order : left->send - right->send;
}

static int by_lane_target(const void *a, const void *b)
{
    const nb_lane *left = *(const nb_lane *const *)a;
    const nb_lane *right = *(const nb_lane *const *)b;
    const int order = strcmp(left->strip->id, right->strip->id);
    if (order != 0) {
        return order;
    }
    if (left->target != right->target) {
        return left->target < right->target ? -1 : 1;
    }
    if (left->index != right->index) {
        return left->index < right->index ? -1 : 1;
    }
    return (left->control > right->control) - (left->control < right->control);
}

/// A level that nothing can raise above silence.
static bool is_closed(const nb_build *self, const nb_strip *strip, nb_lane_target target,
                      size_t index, double level_db)
{
    size_t lanes = 0;
    nb_build_lanes(self, strip, target, index, &lanes);
    return isinf(level_db) && lanes == 0;
}

/// A gain of exactly 1 that nothing moves: x * 1.0 is x, bit for bit, so the node can go.
static bool is_unity(const nb_build *self, const nb_strip *strip, nb_lane_target target,
                     size_t index, double level_db)
{
    size_t lanes = 0;
    nb_build_lanes(self, strip, target, index, &lanes);
    return level_db == 0.0 && lanes == 0;
}

/// A "gain" node with that level and polarity.
static int build_gain(nb_build *self, nb_build_processor *what, double level_db, bool inverted,
                      int input)
{
    const nb_processor *gain = nb_processor_find("gain");
    double *values = nb_build_take(self, gain->param_count, sizeof *values);
    if (!values) {
        return NB_BUILD_SILENT;
    }
    for (size_t i = 0; i < gain->param_count; i++) {
        values[i] = gain->params[i].initial;
    }
    values[nb_param_find(gain->params, gain->param_count, "gain_db")] = level_db;
    values[nb_param_find(gain->params, gain->param_count, "polarity")] = inverted;
    what->processor = gain;
    what->values = values;
    what->sidechain = -1;
    return nb_build_process(self, what, input);
}

static int build_tap(nb_build *self, nb_build_strip *at);

/// What the bus adds up, in the order of ids. NB_BUILD_SILENT where nothing arrives.
static int build_inputs(nb_build *self, const nb_strip *bus);

static int build_insert(nb_build *self, const nb_strip *strip, size_t index, int input)
{
    const nb_insert *insert = &strip->inserts[index];
    nb_build_processor what = {
        .name = nb_arena_format(self->arena, "%s/%s", strip->id, insert->id),
        .processor = insert->processor,
        .values = insert->values,
        .band_values = insert->band_values,
        .band_count = insert->band_count,
        .strip = strip,
        .target = NB_LANE_INSERT,
        .index = index,
        .sidechain = -1,
        .place = insert->place,
    };
    if (insert->sidechain) {
        nb_build_strip *source = find_strip(self, insert->sidechain);
        what.sidechain = build_tap(self, source);
        if (what.sidechain == NB_BUILD_SILENT) {
            what.sidechain = nb_build_silence(self, source->strip);
        }
    }
    if (insert->file) {
        nb_asset_entry *entry = nb_assets_get(&self->assets, insert->file);
        nb_assets_use(&self->assets, entry);
        what.file = entry;
    }
    return nb_build_process(self, &what, input);
}

static int build_tap(nb_build *self, nb_build_strip *at)
{
    if (at->tap != NB_BUILD_NOT_YET) {
        return at->tap;
    }
    const nb_strip *strip = at->strip;
    int node = NB_BUILD_SILENT;
    if (strip->is_bus) {
        node = build_inputs(self, strip);
    } else if (strip->clip_count > 0) {
        node = nb_build_clips(self, strip);
    }
    for (size_t i = 0; i < strip->insert_count && node >= 0; i++) {
        if (!strip->inserts[i].bypass) {
            node = build_insert(self, strip, i, node);
        }
    }
    at->tap = node;
    return node;
}

static int build_fader(nb_build *self, const nb_strip *strip, int input)
{
    if (!strip->polarity_inverted && is_unity(self, strip, NB_LANE_FADER, 0, strip->fader_db)) {
        return input;
    }
    nb_build_processor what = {
        .name = nb_arena_format(self->arena, "%s/fader", strip->id),
        .strip = strip,
        .target = NB_LANE_FADER,
        .place = strip->place,
    };
    return build_gain(self, &what, strip->fader_db, strip->polarity_inverted, input);
}

/// A bus in the centre needs no pan: a balance there is unity, bit for bit. A track always has one:
/// whether its files are mono only their headers say.
static int build_pan(nb_build *self, const nb_strip *strip, int input)
{
    const nb_processor *pan = nb_processor_find("pan");
    const int percent = nb_param_find(pan->params, pan->param_count, "pan_percent");
    if (!strip->pan_values ||
        (strip->is_bus && is_unity(self, strip, NB_LANE_PAN, 0, strip->pan_values[percent]))) {
        return input;
    }
    const nb_build_processor what = {
        .name = nb_arena_format(self->arena, "%s/pan", strip->id),
        .processor = pan,
        .values = strip->pan_values,
        .strip = strip,
        .target = NB_LANE_PAN,
        .makes_stereo = true,
        .sidechain = -1,
        .place = strip->place,
    };
    return nb_build_process(self, &what, input);
}

static int build_output(nb_build *self, nb_build_strip *at)
{
    if (at->output != NB_BUILD_NOT_YET) {
        return at->output;
    }
    at->output = NB_BUILD_SILENT;
    const nb_strip *strip = at->strip;
    if (strip->mute || is_closed(self, strip, NB_LANE_FADER, 0, strip->fader_db)) {
        return NB_BUILD_SILENT;
    }
    int node = build_tap(self, at);
    node = node >= 0 ? build_fader(self, strip, node) : node;
    node = node >= 0 ? build_pan(self, strip, node) : node;
    at->output = node;
    return node;
}

static int build_send(nb_build *self, nb_build_strip *at, size_t index)
{
    const nb_strip *strip = at->strip;
    const nb_send *send = &strip->sends[index];
    if (strip->mute || is_closed(self, strip, NB_LANE_SEND, index, send->level_db)) {
        return NB_BUILD_SILENT;
    }
    const int node = send->pre_fader ? build_tap(self, at) : build_output(self, at);
    if (node < 0 || is_unity(self, strip, NB_LANE_SEND, index, send->level_db)) {
        return node;
    }
    nb_build_processor what = {
        .name = nb_arena_format(self->arena, "%s/sends/%s", strip->id, send->to),
        .strip = strip,
        .target = NB_LANE_SEND,
        .index = index,
        .place = send->place,
    };
    return build_gain(self, &what, send->level_db, false, node);
}

static int build_inputs(nb_build *self, const nb_strip *bus)
{
    size_t first = 0;
    while (first < self->feed_count && strcmp(self->feeds[first].to, bus->id) != 0) {
        first++;
    }
    size_t end = first;
    while (end < self->feed_count && strcmp(self->feeds[end].to, bus->id) == 0) {
        end++;
    }
    size_t *inputs = nb_build_take(self, end - first, sizeof *inputs);
    if (!inputs) {
        return NB_BUILD_SILENT;
    }
    size_t count = 0;
    for (size_t i = first; i < end; i++) {
        const nb_build_feed *feed = &self->feeds[i];
        nb_build_strip *from = find_strip(self, feed->from);
        const int node =
            feed->send < 0 ? build_output(self, from) : build_send(self, from, (size_t)feed->send);
        if (node >= 0) {
            inputs[count++] = (size_t)node;
        }
    }
    return count > 0 ? nb_build_sum(self, bus, inputs, count) : NB_BUILD_SILENT;
}

static void add_feeds(nb_build *self, const nb_strip *strip)
{
    if (strip->output) {
        self->feeds[self->feed_count++] = (nb_build_feed){strip->output, strip->id, -1};
    }
    for (size_t i = 0; i < strip->send_count; i++) {
        self->feeds[self->feed_count++] = (nb_build_feed){strip->sends[i].to, strip->id, (int)i};
    }
}

static void index_strips(nb_build *self)
{
    const nb_document *document = self->document;
    const size_t count = document->track_count + document->bus_count + 1;
    self->strips = nb_build_take(self, count, sizeof *self->strips);
    if (!self->strips) {
        return;
    }
    size_t feeds = count;
    for (size_t i = 0; i < count; i++) {
        const size_t bus = i - document->track_count;
        const nb_strip *strip = i < document->track_count   ? &document->tracks[i]
                                : bus < document->bus_count ? &document->buses[bus]
                                                            : &document->mix;
        self->strips[i] = (nb_build_strip){strip, NB_BUILD_NOT_YET, NB_BUILD_NOT_YET};
        feeds += strip->send_count;
    }
    self->strip_count = count;
    self->feeds = nb_build_take(self, feeds, sizeof *self->feeds);
    for (size_t i = 0; i < count && self->feeds; i++) {
        add_feeds(self, self->strips[i].strip);
    }
    if (self->feeds) {
        qsort(self->feeds, self->feed_count, sizeof *self->feeds, by_target);
    }
    qsort(self->strips, count, sizeof *self->strips, by_id);
}

static void index_lanes(nb_build *self)
{
    const size_t count = self->document->lane_count;
    self->lanes = nb_build_take(self, count, sizeof(const nb_lane *));
    for (size_t i = 0; i < count && self->lanes; i++) {
        self->lanes[i] = &self->document->lanes[i];
    }
    if (self->lanes) {
        qsort(self->lanes, count, sizeof(const nb_lane *), by_lane_target);
    }
}

static void place_tempos(nb_build *self)
{
    const nb_document *document = self->document;
    nb_tempo *tempos = nb_build_take(self, document->tempo_count, sizeof *tempos);
    for (size_t i = 0; i < document->tempo_count && tempos; i++) {
        tempos[i] = (nb_tempo){nb_text_ns_to_frames(document->tempos[i].ns, document->rate_hz),
                               document->tempos[i].bpm};
    }
    self->keys.tempos = tempos;
    self->keys.tempo_count = document->tempo_count;
}

/// Move what was built into the graph.
static void finish(nb_build *self, int sink_node, nb_graph *out)
{
    const nb_document *document = self->document;
    nb_node *nodes = nb_build_take(self, self->node_count, sizeof *nodes);
    nb_asset *assets = nb_build_take(self, self->assets.used_count, sizeof *assets);
    nb_sink *sink = nb_build_take(self, 1, sizeof *sink);
    if (!nodes || !assets || !sink) {
        return;
    }
    memcpy(nodes, self->nodes, self->node_count * sizeof *nodes);
    for (size_t i = 0; i < self->assets.count; i++) {
        const nb_asset_entry *entry = &self->assets.entries[i];
        if (entry->used) {
            assets[entry->index] = entry->asset;
            assets[entry->index].path = nb_arena_string(self->arena, entry->asset.path);
            self->no_memory |= !assets[entry->index].path;
        }
    }
    *sink = (nb_sink){.name = "mix", .node = (size_t)sink_node};
    out->rate_hz = document->rate_hz;
    out->assets = assets;
    out->asset_count = self->assets.used_count;
    out->nodes = nodes;
    out->node_count = self->node_count;
    out->sinks = sink;
    out->sink_count = 1;
    out->tempos = self->keys.tempos;
    out->tempo_count = self->keys.tempo_count;
    out->tail_max_frames = (int64_t)floor(document->tail_max_s * document->rate_hz + 0.5);
    const int64_t end = nodes[sink_node].end_frame;
    const int64_t most = self->content_end + out->tail_max_frames;
    out->frames = end < most ? end : most;
    sink->frames = out->frames;
}

static nb_status build(nb_build *self, nb_asset_lookup *lookup, void *context, nb_graph *out,
                       nb_error *err)
{
    const nb_status status = nb_assets_find(self->document, self->arena, lookup, context,
                                            self->problems, &self->assets, err);
    if (status != NB_OK) {
        return status;
    }
    index_strips(self);
    index_lanes(self);
    place_tempos(self);
    const int sink =
        self->no_memory ? NB_BUILD_SILENT : build_output(self, find_strip(self, "mix"));
    if (sink >= 0) {
        finish(self, sink, out);
    }
    if (self->no_memory) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the graph of a song");
    }
    if (sink < 0 && self->problems->total == 0) {
        nb_problems_add(self->problems, (nb_place){1, 1},
                        "nothing reaches the mix bus: every track is muted, off or empty");
    }
    return nb_problems_status(self->problems, err);
}

static void free_nodes(nb_node **nodes_p) { free(*nodes_p); }

nb_status nb_graph_build(const nb_document *document, nb_asset_lookup *lookup, void *context,
                         const nb_fingerprint *fingerprint, nb_problems *problems, nb_graph **out,
                         nb_error *err)
{
    *out = NULL;
    NB_SCOPED(nb_problems_fini) nb_problems own = {0};
    NB_SCOPED(nb_hasher_destroy) nb_hasher *hasher = nb_hasher_new();
    NB_SCOPED(nb_arena_destroy) nb_arena *arena = nb_arena_new();
    nb_graph *graph = nb_arena_take(arena, 1, sizeof *graph);
    if (!graph) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the graph of a song");
    }
    problems = problems ? problems : &own;
    if (!problems->file_name && document->file_name) {
        problems->file_name = strdup(document->file_name);
    }
    nb_build self = {
        .document = document,
        .arena = arena,
        .problems = problems,
        .keys = {.fingerprint = fingerprint, .rate_hz = document->rate_hz, .hasher = hasher},
    };
    const nb_status status = build(&self, lookup, context, graph, err);
    NB_SCOPED(free_nodes) nb_node *nodes = self.nodes;
    (void)nodes;
    if (status != NB_OK) {
        return status;
    }
    graph->arena = arena;
    arena = NULL;
    *out = graph;
    return NB_OK;
}

void nb_graph_destroy(nb_graph **self_p)
{
    if (*self_p) {
        nb_arena *arena = (*self_p)->arena; // the graph lies in it
        nb_arena_destroy(&arena);
        *self_p = NULL;
    }
}
