// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/voices.h"

#include <string.h>

void nb_voices_controls(const nb_node *node, size_t *out_controls, size_t *out_moving)
{
    const nb_settings *settings = &node->settings;
    *out_controls = nb_processor_controls(settings->processor, settings->band_count);
    *out_moving = 0;
    for (size_t i = 0; settings->moving && i < *out_controls; i++) {
        *out_moving += settings->moving[i];
    }
}

static const nb_graph_lane *lane_of(const nb_node *node, size_t control)
{
    for (size_t i = 0; i < node->lane_count; i++) {
        if (node->lanes[i].control == control) {
            return &node->lanes[i];
        }
    }
    return NULL;
}

/// Every moving control has its lane: a fault here is the graph builder's.
static nb_status check_lanes(const nb_node *node, nb_error *err)
{
    size_t controls;
    size_t moving;
    nb_voices_controls(node, &controls, &moving);
    for (size_t i = 0; moving > 0 && i < controls; i++) {
        if (node->settings.moving[i] && !lane_of(node, i)) {
            return nb_fail(err, NB_E_INVALID, "%s: control %zu moves without a lane", node->name,
                           i);
        }
    }
    return NB_OK;
}

/// The first node with the same file, processor and values: alternates have one reverb each, with
/// one response in common.
static size_t first_alike(const nb_graph *graph, size_t index)
{
    const nb_node *node = &graph->nodes[index];
    const nb_settings *own = &node->settings;
    for (size_t n = 0; n < index; n++) {
        const nb_node *other = &graph->nodes[n];
        const nb_settings *theirs = &other->settings;
        if (other->kind == NB_NODE_PROCESSOR && other->asset == node->asset &&
            theirs->processor == own->processor && theirs->channels == own->channels &&
            theirs->input_is_mono == own->input_is_mono && own->band_count == 0 &&
            memcmp(theirs->values, own->values,
                   own->processor->param_count * sizeof *own->values) == 0) {
            return n;
        }
    }
    return index;
}

static nb_status take_settings(nb_voices *self, const nb_stems *stems, void **shared, nb_error *err)
{
    for (size_t v = 0; v < self->count; v++) {
        const nb_node *node = &self->graph->nodes[self->nodes[v]];
        nb_status status = check_lanes(node, err);
        if (status != NB_OK) {
            return status;
        }
        self->settings[v] = node->settings;
        self->settings[v].processor = self->processor;
        if (node->asset >= 0) {
            const nb_stem *stem = &stems->list[node->asset];
            self->settings[v].audio = (const float *const *)stem->impulse;
            self->settings[v].audio_channels = stem->asset->channels;
            self->settings[v].audio_frames = stem->impulse_frames;
            self->settings[v].shared = &shared[first_alike(self->graph, self->nodes[v])];
        }
        if (node->end_frame > self->end_frame) {
            self->end_frame = node->end_frame;
        }
    }
    for (size_t v = 0; v < self->count; v++) {
        self->lanes[v] = nb_voice_lane(self->settings, v);
    }
    return NB_OK;
}

nb_status nb_voices_init(nb_voices *self, nb_arena *arena, const nb_graph *graph,
                         const size_t *nodes, size_t count, size_t width, const nb_stems *stems,
                         void **shared, nb_error *err)
{
    const nb_node *first = &graph->nodes[nodes[0]];
    *self = (nb_voices){
        .graph = graph,
        .processor = first->settings.processor,
        .nodes = nodes,
        .count = count,
        .width = width,
        .latency = (int64_t)first->latency_frames,
        .settings = nb_arena_take(arena, count, sizeof *self->settings),
        .lanes = nb_arena_take(arena, count, sizeof *self->lanes),
    };
    if (!self->settings || !self->lanes) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory for its settings", first->name);
    }
    if (width > 0 && width < nb_lane_count()) {
        size_t lanes;
        self->processor = nb_processor_narrow(self->processor, width, &lanes);
    }
    nb_status status = take_settings(self, stems, shared, err);
    if (status != NB_OK) {
        return status;
    }
    nb_error cause = {0};
    status = self->processor->init(arena, self->settings, count, &self->state, &cause);
    return (status == NB_OK) ? NB_OK : nb_fail(err, status, "%s: %s", first->name, cause.text);
}

/// Values of the moving controls for the outputs at `out_first` and after. Lanes without a voice
/// get the first voice's, so that no coefficient is made of nonsense.
static const double *const *fill_controls(const nb_voices *self, nb_scratch *scratch,
                                          int64_t out_first, size_t frames)
{
    const nb_settings *settings = &self->settings[0];
    size_t controls;
    size_t moving;
    nb_voices_controls(&self->graph->nodes[self->nodes[0]], &controls, &moving);
    const bool planar = self->width == 0;
    const size_t width = planar ? 1 : self->width;
    double *values = scratch->controls;
    for (size_t p = 0; p < controls; p++) {
        scratch->control_list[p] = NULL;
        if (moving == 0 || !settings->moving[p]) {
            continue;
        }
        scratch->control_list[p] = values;
        for (size_t lane = 0, v = 0; lane < width; lane++) {
            while (v + 1 < self->count && self->lanes[v + 1] <= lane) {
                v++;
            }
            const bool inside = planar || lane < self->lanes[v] + self->settings[v].channels;
            const size_t voice = inside ? v : 0;
            const nb_node *node = &self->graph->nodes[self->nodes[voice]];
            if (inside && !planar && lane > self->lanes[v]) { // the voice's other channel
                for (size_t i = 0; i < frames; i++) {
                    values[i * width + lane] = values[i * width + lane - 1];
                }
                continue;
            }
            nb_graph_lane_fill(lane_of(node, p), out_first, frames, width, values + lane);
        }
        values += (size_t)NB_SCRATCH_FRAMES * width;
    }
    return scratch->control_list;
}

void nb_voices_process(const nb_voices *self, nb_scratch *scratch, nb_block *block)
{
    block->controls =
        fill_controls(self, scratch, block->start_frame - self->latency, block->frames);
    self->processor->process(self->state, block);
}
