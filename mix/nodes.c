// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/build.h"

#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void *nb_build_take(nb_build *self, size_t count, size_t size)
{
    void *taken = nb_arena_take(self->arena, count, size);
    self->no_memory |= !taken;
    return taken;
}

/// Room for one more node; its index, or NB_BUILD_SILENT.
static int add_node(nb_build *self, nb_node_kind kind, const char *name)
{
    if (self->node_count == self->node_capacity) {
        const size_t capacity = self->node_capacity ? self->node_capacity * 2 : 64;
        nb_node *grown = realloc(self->nodes, capacity * sizeof *grown);
        if (!grown) {
            self->no_memory = true;
            return NB_BUILD_SILENT;
        }
        self->nodes = grown;
        self->node_capacity = capacity;
    }
    self->no_memory |= !name;
    self->nodes[self->node_count] =
        (nb_node){.kind = kind, .name = name, .sidechain = -1, .asset = -1};
    return (int)self->node_count++;
}

/// Where a key's search starts: digests are as good as random.
static size_t slot_of(const nb_build *self, const nb_digest *key)
{
    uint64_t bits;
    memcpy(&bits, key->bytes, sizeof bits);
    return (size_t)bits & (self->by_key_size - 1);
}

/// Room for twice as many nodes as there are, at least.
static bool grow_table(nb_build *self)
{
    if (self->node_count * 2 < self->by_key_size) {
        return true;
    }
    const size_t old_size = self->by_key_size;
    int *old = self->by_key;
    const size_t size = old_size ? old_size * 2 : 256;
    int *table = calloc(size, sizeof *table);
    if (!table) {
        self->no_memory = true;
        return false;
    }
    self->by_key = table;
    self->by_key_size = size;
    for (size_t i = 0; i < old_size; i++) {
        if (old[i] > 0) {
            size_t at = slot_of(self, &self->nodes[old[i] - 1].key);
            while (table[at] > 0) {
                at = (at + 1) & (size - 1);
            }
            table[at] = old[i];
        }
    }
    free(old);
    return true;
}

/// The newest node, or the older one with its key: equal keys are one edge.
static int share(nb_build *self, int index)
{
    if (!grow_table(self)) {
        return NB_BUILD_SILENT;
    }
    const nb_digest *key = &self->nodes[index].key;
    size_t at = slot_of(self, key);
    while (self->by_key[at] > 0) {
        const int other = self->by_key[at] - 1;
        if (nb_digest_equal(&self->nodes[other].key, key)) {
            self->node_count--;
            return other;
        }
        at = (at + 1) & (self->by_key_size - 1);
    }
    self->by_key[at] = index + 1;
    return index;
}

static int64_t frames_of(const nb_build *self, int64_t ns)
{
    return nb_text_ns_to_frames(ns, self->document->rate_hz);
}

static double seconds_of(const nb_build *self, int64_t frames)
{
    return (double)frames / self->document->rate_hz;
}

/// A clip against what its file's header says.
static void fit_clip(nb_build *self, const nb_clip *clip, const nb_asset *asset, nb_graph_clip *out)
{
    const int64_t frames = nb_asset_frames_at(asset, self->document->rate_hz);
    const double file_s = seconds_of(self, frames);
    if (out->offset_frames >= frames) {
        nb_problems_add(self->problems, clip->place,
                        "%s: the offset of %.3f s is behind its end at %.3f s", clip->file,
                        seconds_of(self, out->offset_frames), file_s);
        return;
    }
    if (clip->length_ns < 0) {
        out->length_frames = frames - out->offset_frames;
    } else if (out->offset_frames + out->length_frames > frames) {
        nb_problems_add(self->problems, clip->place,
                        "%s: the clip ends %.3f s into it, but it is %.3f s long", clip->file,
                        seconds_of(self, out->offset_frames + out->length_frames), file_s);
    }
    if (clip->length_ns < 0 && out->fade_in_frames + out->fade_out_frames > out->length_frames) {
        nb_problems_add(self->problems, clip->place,
                        "the fades (%.3f s and %.3f s) are longer than the clip's %.3f s",
                        seconds_of(self, out->fade_in_frames),
                        seconds_of(self, out->fade_out_frames),
                        seconds_of(self, out->length_frames));
    }
}

static nb_graph_clip make_clip(nb_build *self, const nb_clip *clip, nb_asset_entry *entry)
{
    nb_graph_clip made = {
        .asset = nb_assets_use(&self->assets, entry),
        .at_frame = frames_of(self, clip->at_ns),
        .offset_frames = frames_of(self, clip->offset_ns),
        .length_frames = clip->length_ns < 0 ? 0 : frames_of(self, clip->length_ns),
        .gain = clip->gain_db == 0.0 ? 1.0 : pow(10.0, clip->gain_db / 20.0),
        .fade_in_frames = frames_of(self, clip->fade_in_ns),
        .fade_out_frames = frames_of(self, clip->fade_out_ns),
        .fade_in_shape = clip->fade_in_shape,
        .fade_out_shape = clip->fade_out_shape,
    };
    if (entry->asset.channels > 0) {
        fit_clip(self, clip, &entry->asset, &made);
    }
    return made;
}

static int by_time(const void *a, const void *b)
{
    const nb_clip *const *left = a;
    const nb_clip *const *right = b;
    if ((*left)->at_ns != (*right)->at_ns) {
        return (*left)->at_ns < (*right)->at_ns ? -1 : 1;
    }
    return strcmp((*left)->id, (*right)->id);
}

int nb_build_clips(nb_build *self, const nb_strip *strip)
{
    const size_t count = strip->clip_count;
    const nb_clip **order = nb_build_take(self, count, sizeof(const nb_clip *));
    nb_graph_clip *clips = nb_build_take(self, count, sizeof *clips);
    nb_key_clip *keys = nb_build_take(self, count, sizeof *keys);
    const int index =
        add_node(self, NB_NODE_CLIPS, nb_arena_format(self->arena, "%s/clips", strip->id));
    if (!order || !clips || !keys || index < 0) {
        return NB_BUILD_SILENT;
    }
    for (size_t i = 0; i < count; i++) {
        order[i] = &strip->clips[i];
    }
    qsort(order, count, sizeof(const nb_clip *), by_time);
    nb_node *node = &self->nodes[index];
    bool known = true;
    for (size_t i = 0; i < count; i++) {
        nb_asset_entry *entry = nb_assets_get(&self->assets, order[i]->file);
        clips[i] = make_clip(self, order[i], entry);
        keys[i] = (nb_key_clip){&clips[i], &entry->asset.digest, order[i]->gain_db,
                                order[i]->length_ns < 0};
        const int64_t end = clips[i].at_frame + clips[i].length_frames;
        node->end_frame = end > node->end_frame ? end : node->end_frame;
        known = known && entry->asset.channels > 0;
        node->channels =
            entry->asset.channels > node->channels ? entry->asset.channels : node->channels;
    }
    node->channels = known ? node->channels : 0;
    node->clips = clips;
    node->clip_count = count;
    node->key = nb_key_of_clips(&self->keys, keys, count);
    node->length_key = nb_key_length_of_clips(&self->keys, keys, count);
    return share(self, index);
}

int nb_build_silence(nb_build *self, const nb_strip *strip)
{
    const int index =
        add_node(self, NB_NODE_CLIPS, nb_arena_format(self->arena, "%s/clips", strip->id));
    if (index >= 0) {
        self->nodes[index].channels = 1;
        self->nodes[index].key = nb_key_of_clips(&self->keys, NULL, 0);
    }
    return index >= 0 ? share(self, index) : index;
}

int nb_build_sum(nb_build *self, const nb_strip *strip, const size_t *inputs, size_t count)
{
    const int index =
        add_node(self, NB_NODE_SUM, nb_arena_format(self->arena, "%s/sum", strip->id));
    if (index < 0) {
        return NB_BUILD_SILENT;
    }
    nb_node *node = &self->nodes[index];
    node->channels = 2; // a bus is stereo whatever feeds it
    node->inputs = inputs;
    node->input_count = count;
    for (size_t i = 0; i < count; i++) {
        const int64_t end = self->nodes[inputs[i]].end_frame;
        node->end_frame = end > node->end_frame ? end : node->end_frame;
    }
    node->key = nb_key_of_sum(&self->keys, self->nodes, node);
    node->length_key = nb_key_length_of_inputs(&self->keys, self->nodes, node);
    return share(self, index);
}

int nb_build_part(nb_build *self, const char *name, nb_part part, int input)
{
    const int index = add_node(self, NB_NODE_PART, name);
    size_t *inputs = nb_build_take(self, 1, sizeof *inputs);
    if (index < 0 || !inputs) {
        return NB_BUILD_SILENT;
    }
    nb_node *node = &self->nodes[index];
    inputs[0] = (size_t)input;
    node->inputs = inputs;
    node->input_count = 1;
    node->part = part;
    node->channels = self->nodes[input].channels > 0 ? 1 : 0;
    node->end_frame = self->nodes[input].end_frame;
    node->key = nb_key_of_part(&self->keys, self->nodes, node);
    node->length_key = nb_key_length_of_inputs(&self->keys, self->nodes, node);
    return share(self, index);
}

int nb_build_join(nb_build *self, const char *name, nb_part part, int changed, int whole)
{
    const int index = add_node(self, NB_NODE_JOIN, name);
    size_t *inputs = nb_build_take(self, 2, sizeof *inputs);
    if (index < 0 || !inputs) {
        return NB_BUILD_SILENT;
    }
    nb_node *node = &self->nodes[index];
    inputs[0] = (size_t)changed;
    inputs[1] = (size_t)whole;
    node->inputs = inputs;
    node->input_count = 2;
    node->part = part;
    node->channels = self->nodes[whole].channels;
    const int64_t ends[] = {self->nodes[changed].end_frame, self->nodes[whole].end_frame};
    node->end_frame = ends[ends[1] > ends[0]];
    node->key = nb_key_of_part(&self->keys, self->nodes, node);
    node->length_key = nb_key_length_of_inputs(&self->keys, self->nodes, node);
    return share(self, index);
}

static int compare_targets(const nb_lane *lane, const nb_strip *strip, nb_lane_target target,
                           size_t index)
{
    const int order = strcmp(lane->strip->id, strip->id);
    if (order != 0) {
        return order;
    }
    if (lane->target != target) {
        return lane->target < target ? -1 : 1;
    }
    return (lane->index > index) - (lane->index < index);
}

const nb_lane *const *nb_build_lanes(const nb_build *self, const nb_strip *strip,
                                     nb_lane_target target, size_t index, size_t *out_count)
{
    size_t low = 0;
    size_t high = self->document->lane_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare_targets(self->lanes[middle], strip, target, index) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    size_t end = low;
    while (end < self->document->lane_count &&
           compare_targets(self->lanes[end], strip, target, index) == 0) {
        end++;
    }
    *out_count = end - low;
    return self->lanes + low;
}

/// The lanes in frames, in the order of their controls; what they move stands at its default.
static void add_lanes(nb_build *self, const nb_lane *const *lanes, size_t count, nb_node *node,
                      double *values, double *band_values)
{
    const nb_processor *processor = node->settings.processor;
    nb_graph_lane *made = nb_build_take(self, count, sizeof *made);
    bool *moving = nb_build_take(self, nb_processor_controls(processor, node->settings.band_count),
                                 sizeof *moving);
    for (size_t i = 0; i < count && made && moving; i++) {
        const nb_lane *lane = lanes[i];
        nb_graph_point *points = nb_build_take(self, lane->point_count, sizeof *points);
        for (size_t p = 0; points && p < lane->point_count; p++) {
            points[p] =
                (nb_graph_point){frames_of(self, lane->points[p].ns), lane->points[p].value};
        }
        made[i] = (nb_graph_lane){lane->control, lane->param, lane->curve,
                                  points ? lane->point_count : 0, points};
        moving[lane->control] = true;
        if (lane->control < processor->param_count) {
            values[lane->control] = processor->params[lane->control].initial;
        } else {
            band_values[lane->control - processor->param_count] = lane->param->initial;
        }
    }
    node->lanes = made;
    node->lane_count = made && moving ? count : 0;
    node->settings.moving = moving;
}

static double *copy_values(nb_build *self, const double *values, size_t count)
{
    double *copy = nb_build_take(self, count, sizeof *copy);
    return copy && count > 0 ? memcpy(copy, values, count * sizeof *copy) : copy;
}

/// Channels of a processor's output, and what its settings say of its input.
static void set_channels(const nb_build *self, const nb_build_processor *what, const nb_node *input,
                         nb_node *node)
{
    const bool known = input->channels > 0 && (!what->file || what->file->asset.channels > 0);
    const bool becomes_stereo =
        what->makes_stereo ||
        (what->processor->audio_widens && what->file && what->file->asset.channels > 1);
    node->channels = !known ? 0 : becomes_stereo ? 2 : input->channels;
    node->settings.channels = known ? node->channels : 2;
    node->settings.input_is_mono = known && input->channels == 1 && node->channels == 2;
    if (known && what->file) {
        node->settings.audio_channels = what->file->asset.channels;
        node->settings.audio_frames =
            (size_t)nb_asset_frames_at(&what->file->asset, self->document->rate_hz);
    }
}

/// Delay and ringing of the finished settings. How long it rings.
static size_t set_times(nb_build *self, const nb_build_processor *what, const nb_node *input,
                        nb_node *node)
{
    const nb_processor *processor = node->settings.processor;
    nb_error err = {0};
    if (processor->check && processor->check(&node->settings, &err) != NB_OK) {
        nb_problems_add(self->problems, what->place, "%s: %s", what->name, err.text);
        return 0;
    }
    node->latency_frames = processor->latency(&node->settings);
    const size_t tail = processor->tail(&node->settings);
    const int64_t tail_frames = tail > INT32_MAX ? INT32_MAX : (int64_t)tail;
    node->end_frame = input->end_frame > 0 ? input->end_frame + tail_frames : 0;
    return tail;
}

int nb_build_process(nb_build *self, const nb_build_processor *what, int input)
{
    const nb_processor *processor = what->processor;
    const int index = add_node(self, NB_NODE_PROCESSOR, what->name);
    double *values = copy_values(self, what->values, processor->param_count);
    double *band_values =
        copy_values(self, what->band_values, what->band_count * processor->band_param_count);
    size_t *inputs = nb_build_take(self, 1, sizeof *inputs);
    if (index < 0 || !values || !band_values || !inputs) {
        return NB_BUILD_SILENT;
    }
    nb_node *node = &self->nodes[index];
    inputs[0] = (size_t)input;
    node->inputs = inputs;
    node->input_count = 1;
    node->sidechain = what->sidechain;
    node->asset = what->file ? (int)what->file->index : -1;
    node->settings = (nb_settings){.processor = processor,
                                   .rate_hz = self->document->rate_hz,
                                   .values = values,
                                   .band_count = what->band_count,
                                   .band_values = band_values,
                                   .tempos = self->keys.tempos,
                                   .tempo_count = self->keys.tempo_count};
    size_t lane_count = 0;
    const nb_lane *const *lanes =
        what->strip ? nb_build_lanes(self, what->strip, what->target, what->index, &lane_count)
                    : NULL;
    if (lane_count > 0) {
        add_lanes(self, lanes, lane_count, node, values, band_values);
    }
    if (self->no_memory) {
        return NB_BUILD_SILENT;
    }
    set_channels(self, what, &self->nodes[input], node);
    const size_t tail = set_times(self, what, &self->nodes[input], node);
    const nb_digest *file = what->file ? &what->file->asset.digest : NULL;
    node->key = nb_key_of_processor(&self->keys, self->nodes, node, file);
    node->length_key = nb_key_length_of_processor(&self->keys, self->nodes, node, file, tail);
    return share(self, index);
}
