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

/// What the alternate that is being built makes different on the strip; null for nothing.
static const nb_override *find_override(const nb_build *self, const nb_strip *strip)
{
    for (size_t i = 0; self->alternate && i < self->alternate->override_count; i++) {
        if (self->alternate->overrides[i].strip == strip) {
            return &self->alternate->overrides[i];
        }
    }
    return NULL;
}

static bool is_muted(const nb_build *self, const nb_strip *strip)
{
    const nb_override *override = find_override(self, strip);
    return override && override->mute ? true : override && override->unmute ? false : strip->mute;
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

static int build_processor(nb_build *self, const nb_strip *strip, size_t index, int input)
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
        if (insert->part != NB_PART_ALL && insert->processor->audio_widens &&
            entry->asset.channels > 1) {
            nb_problems_add(self->problems, insert->file_place,
                            "%s has %u channels; an insert on one channel takes a mono file",
                            insert->file, entry->asset.channels);
            return input;
        }
    }
    return nb_build_process(self, &what, input);
}

/// The insert's output against what went in.
static int build_blend(nb_build *self, const nb_strip *strip, size_t index, int wet, int dry)
{
    const nb_insert *insert = &strip->inserts[index];
    const nb_build_processor what = {
        .name = nb_arena_format(self->arena, "%s/%s/wet", strip->id, insert->id),
        .processor = nb_processor_find("blend"),
        .values = &insert->wet_percent,
        .strip = strip,
        .target = NB_LANE_WET,
        .index = index,
        .sidechain = dry,
        .place = insert->place,
    };
    return nb_build_process(self, &what, wet);
}

/// The processor, on the insert's part of the signal and with its wet share.
static int build_insert(nb_build *self, const nb_strip *strip, size_t index, int input)
{
    const nb_insert *insert = &strip->inserts[index];
    size_t wet_lanes = 0;
    nb_build_lanes(self, strip, NB_LANE_WET, index, &wet_lanes);
    if (insert->bypass || (insert->wet_percent == 0.0 && wet_lanes == 0)) {
        return input;
    }
    int dry = input;
    if (insert->part != NB_PART_ALL) {
        const char *name = nb_arena_format(self->arena, "%s/%s/part", strip->id, insert->id);
        dry = nb_build_part(self, name, insert->part, input);
    }
    int node = dry >= 0 ? build_processor(self, strip, index, dry) : dry;
    if (node >= 0 && (insert->wet_percent < 100.0 || wet_lanes > 0)) {
        node = build_blend(self, strip, index, node, dry);
    }
    if (node >= 0 && insert->part != NB_PART_ALL) {
        const char *name = nb_arena_format(self->arena, "%s/%s/join", strip->id, insert->id);
        node = nb_build_join(self, name, insert->part, node, input);
    }
    return node;
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
        at->clips = at->clips == NB_BUILD_NOT_YET ? nb_build_clips(self, strip) : at->clips;
        node = at->clips;
    }
    for (size_t i = 0; i < strip->insert_count && node >= 0; i++) {
        node = build_insert(self, strip, i, node);
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

/// What an alternate adds to the fader: behind it, so that the mix's edges up to there are shared.
static int build_offset(nb_build *self, const nb_strip *strip, int input)
{
    const nb_override *override = find_override(self, strip);
    if (!override || override->offset_db == 0.0) {
        return input;
    }
    nb_build_processor what = {
        .name = nb_arena_format(self->arena, "%s/offset", strip->id),
        .place = strip->place,
    };
    return build_gain(self, &what, override->offset_db, false, input);
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
    if (is_muted(self, strip) || is_closed(self, strip, NB_LANE_FADER, 0, strip->fader_db)) {
        return NB_BUILD_SILENT;
    }
    int node = build_tap(self, at);
    node = node >= 0 ? build_fader(self, strip, node) : node;
    node = node >= 0 ? build_offset(self, strip, node) : node;
    node = node >= 0 ? build_pan(self, strip, node) : node;
    at->output = node;
    return node;
}

static int build_send(nb_build *self, nb_build_strip *at, size_t index)
{
    const nb_strip *strip = at->strip;
    const nb_send *send = &strip->sends[index];
    if (is_muted(self, strip) || is_closed(self, strip, NB_LANE_SEND, index, send->level_db)) {
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
        self->strips[i] =
            (nb_build_strip){strip, NB_BUILD_NOT_YET, NB_BUILD_NOT_YET, NB_BUILD_NOT_YET};
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

/// Length of what that node gives: its own end, at most the tail limit behind the last clip that
/// it hears.
static int64_t length_of(nb_build *self, size_t sink_node, int64_t tail_max_frames)
{
    bool *heard = nb_build_take(self, sink_node + 1, sizeof *heard);
    int64_t content_end = 0;
    if (!heard) {
        return 0;
    }
    heard[sink_node] = true;
    for (size_t n = sink_node + 1; n-- > 0;) { // inputs stand before what they feed
        const nb_node *node = &self->nodes[n];
        for (size_t i = 0; heard[n] && i < node->input_count; i++) {
            heard[node->inputs[i]] = true;
        }
        if (heard[n] && node->sidechain >= 0) {
            heard[node->sidechain] = true;
        }
        if (heard[n] && node->kind == NB_NODE_CLIPS && node->end_frame > content_end) {
            content_end = node->end_frame;
        }
    }
    const int64_t end = self->nodes[sink_node].end_frame;
    return end < content_end + tail_max_frames ? end : content_end + tail_max_frames;
}

static void add_sink(nb_build *self, nb_graph *out, nb_sink_kind kind, const char *id, int node)
{
    const char *name = nb_arena_string(self->arena, id);
    const int64_t frames =
        kind == NB_SINK_STEM ? out->frames : length_of(self, (size_t)node, out->tail_max_frames);
    self->no_memory |= !name;
    self->sinks[out->sink_count++] = (nb_sink){kind, name, (size_t)node, frames};
}

/// What arrives at the mix bus, strip by strip. The strips hold what was built for the mix.
static void add_stems(nb_build *self, nb_graph *out)
{
    for (size_t i = 0; i < self->feed_count; i++) {
        const nb_build_feed *feed = &self->feeds[i];
        const nb_build_strip *from = find_strip(self, feed->from);
        if (strcmp(feed->to, "mix") == 0 && from->output >= 0) {
            add_sink(self, out, NB_SINK_STEM, feed->from, from->output);
        }
    }
}

/// Build an alternate over what is there: only what it makes different becomes new nodes.
static int build_alternate(nb_build *self, const nb_alternate *alternate)
{
    self->alternate = alternate;
    for (size_t i = 0; i < self->strip_count; i++) {
        self->strips[i].tap = self->strips[i].output = NB_BUILD_NOT_YET;
    }
    const int node = build_output(self, find_strip(self, "mix"));
    if (node < 0 && !self->no_memory) {
        nb_problems_add(self->problems, alternate->place,
                        "alternate '%s': nothing reaches the mix bus", alternate->id);
    }
    return node;
}

/// The mix, its stems, then the alternates; in the graph the stems come last.
static void build_sinks(nb_build *self, nb_graph *out)
{
    const nb_document *document = self->document;
    const int mix = build_output(self, find_strip(self, "mix"));
    if (mix < 0) {
        if (!self->no_memory && self->problems->total == 0) {
            nb_problems_add(self->problems, (nb_place){1, 1},
                            "nothing reaches the mix bus: every track is muted, off or empty");
        }
        return;
    }
    out->frames = length_of(self, (size_t)mix, out->tail_max_frames);
    add_sink(self, out, NB_SINK_MIX, "mix", mix);
    int *stems = nb_build_take(self, self->strip_count, sizeof *stems);
    for (size_t i = 0; stems && i < self->strip_count; i++) {
        stems[i] = self->strips[i].output;
    }
    for (size_t i = 0; i < document->alternate_count && !self->no_memory; i++) {
        const int node = build_alternate(self, &document->alternates[i]);
        if (node >= 0) {
            add_sink(self, out, NB_SINK_ALTERNATE, document->alternates[i].id, node);
        }
    }
    for (size_t i = 0; stems && i < self->strip_count; i++) {
        self->strips[i].output = stems[i];
    }
    add_stems(self, out);
}

/// Move what was built into the graph.
static void finish(nb_build *self, nb_graph *out)
{
    nb_node *nodes = nb_build_take(self, self->node_count, sizeof *nodes);
    nb_asset *assets = nb_build_take(self, self->assets.used_count, sizeof *assets);
    if (!nodes || !assets) {
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
    out->rate_hz = self->document->rate_hz;
    out->assets = assets;
    out->asset_count = self->assets.used_count;
    out->nodes = nodes;
    out->node_count = self->node_count;
    out->sinks = self->sinks;
    out->tempos = self->keys.tempos;
    out->tempo_count = self->keys.tempo_count;
}

static nb_status build(nb_build *self, nb_asset_lookup *lookup, void *context, nb_graph *out,
                       nb_error *err)
{
    const nb_document *document = self->document;
    const nb_status status =
        nb_assets_find(document, self->arena, lookup, context, self->problems, &self->assets, err);
    if (status != NB_OK) {
        return status;
    }
    index_strips(self);
    index_lanes(self);
    place_tempos(self);
    self->sinks =
        nb_build_take(self, 1 + document->alternate_count + self->strip_count, sizeof *self->sinks);
    out->tail_max_frames = (int64_t)floor(document->tail_max_s * document->rate_hz + 0.5);
    if (!self->no_memory) {
        build_sinks(self, out);
    }
    if (out->sink_count > 0) {
        finish(self, out);
    }
    if (self->no_memory) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the graph of a song");
    }
    return nb_problems_status(self->problems, err);
}

static void free_nodes(nb_node **nodes_p) { free(*nodes_p); }
static void free_table(int **table_p) { free(*table_p); }

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
    NB_SCOPED(free_table) int *table = self.by_key;
    (void)nodes;
    (void)table;
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
