// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/voices.h"

#include "renderer/engine/transpose.h"

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

static nb_status take_settings(nb_voices *self, const nb_stems *stems, nb_error *err)
{
    for (size_t v = 0; v < self->count; v++) {
        const nb_node *node = &self->graph->nodes[self->nodes[v]];
        nb_status status = check_lanes(node, err);
        if (status != NB_OK) {
            return status;
        }
        self->settings[v] = node->settings;
        if (node->asset >= 0) {
            const nb_stem *stem = &stems->list[node->asset];
            self->settings[v].audio = (const float *const *)stem->impulse;
            self->settings[v].audio_channels = stem->asset->channels;
            self->settings[v].audio_frames = stem->impulse_frames;
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
                         const size_t *nodes, size_t count, const nb_stems *stems, nb_error *err)
{
    const nb_node *first = &graph->nodes[nodes[0]];
    *self = (nb_voices){
        .graph = graph,
        .nodes = nodes,
        .count = count,
        .width = nb_lane_count(),
        .settings = nb_arena_take(arena, count, sizeof *self->settings),
        .lanes = nb_arena_take(arena, count, sizeof *self->lanes),
    };
    if (!self->settings || !self->lanes) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory for its settings", first->name);
    }
    nb_status status = take_settings(self, stems, err);
    if (status != NB_OK) {
        return status;
    }
    nb_error cause = {0};
    status = first->settings.processor->init(arena, self->settings, count, &self->state, &cause);
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
    const bool planar = settings->processor->form == NB_FORM_PLANAR;
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

/// Where one call's samples are, lane by lane.
typedef struct lane_inputs {
    const float *in[NB_SCRATCH_LANES];
    const float *key[NB_SCRATCH_LANES];
    bool keyed;
} lane_inputs;

static const float silence[NB_SCRATCH_FRAMES];

static lane_inputs find_samples(const nb_voices *self, const nb_edges *edges, nb_scratch *scratch,
                                int64_t first, size_t frames)
{
    lane_inputs found = {.keyed = false};
    for (size_t lane = 0; lane < NB_SCRATCH_LANES; lane++) {
        found.in[lane] = silence;
        found.key[lane] = silence;
    }
    for (size_t v = 0; v < self->count; v++) {
        const nb_node *node = &self->graph->nodes[self->nodes[v]];
        for (unsigned channel = 0; channel < node->channels; channel++) {
            const size_t lane = self->lanes[v] + channel;
            found.in[lane] = nb_edges_view(edges, node->inputs[0], channel, first, frames,
                                           scratch->lane_samples[lane]);
            found.key[lane] = found.in[lane];
            if (node->sidechain >= 0) {
                found.keyed = true;
                found.key[lane] =
                    nb_edges_view_key(edges, (size_t)node->sidechain, channel, node->channels,
                                      first, frames, scratch->lane_keys[lane]);
            }
        }
    }
    return found;
}

static void run_lanes(const nb_voices *self, nb_scratch *scratch, const lane_inputs *lanes,
                      nb_block *block)
{
    nb_interleave(lanes->in, self->width, block->frames, scratch->in);
    if (lanes->keyed) {
        nb_interleave(lanes->key, self->width, block->frames, scratch->key);
        block->key = scratch->key;
    }
    block->in = scratch->in;
    block->out = scratch->in;
    self->settings[0].processor->process(self->state, block);
    nb_deinterleave(scratch->in, self->width, block->frames, scratch->lane_samples);
}

static void run_planar(const nb_voices *self, nb_scratch *scratch, const lane_inputs *lanes,
                       nb_block *block)
{
    block->planar_in = lanes->in;
    block->planar_key = lanes->keyed ? lanes->key : NULL;
    block->planar_out = scratch->lane_samples;
    self->settings[0].processor->process(self->state, block);
}

static nb_status put_outputs(const nb_voices *self, nb_edges *edges, const nb_scratch *scratch,
                             int64_t first, size_t frames, nb_error *err)
{
    for (size_t v = 0; v < self->count; v++) {
        for (unsigned channel = 0; channel < self->settings[v].channels; channel++) {
            nb_status status =
                nb_edges_put(edges, self->nodes[v], channel, first,
                             scratch->lane_samples[self->lanes[v] + channel], frames, err);
            if (status != NB_OK) {
                return status;
            }
        }
    }
    return NB_OK;
}

/// Past the last voice's end nothing is computed any more: the rest of the edges is silence.
static nb_status put_silence(const nb_voices *self, nb_edges *edges, nb_scratch *scratch,
                             int64_t first, size_t frames, nb_error *err)
{
    for (size_t lane = 0; lane < NB_SCRATCH_LANES; lane++) {
        memset(scratch->lane_samples[lane], 0, frames * sizeof(float));
    }
    return put_outputs(self, edges, scratch, first, frames, err);
}

nb_status nb_voices_run(nb_voices *self, nb_edges *edges, nb_scratch *scratch, int64_t first,
                        int64_t end, nb_error *err)
{
    const nb_node *node = &self->graph->nodes[self->nodes[0]];
    const int64_t latency = (int64_t)node->latency_frames;
    const bool planar = self->settings[0].processor->form == NB_FORM_PLANAR;
    nb_status status = NB_OK;
    // Inputs lead outputs by the latency; what comes out before frame 0 is dropped.
    for (int64_t at = (first == 0) ? 0 : first + latency; status == NB_OK && at < end + latency;) {
        const int64_t left = end + latency - at;
        const size_t frames = (left < NB_SCRATCH_FRAMES) ? (size_t)left : NB_SCRATCH_FRAMES;
        if (at - latency >= self->end_frame) {
            status = put_silence(self, edges, scratch, at - latency, frames, err);
        } else {
            nb_block block = {.start_frame = at, .frames = frames};
            block.controls = fill_controls(self, scratch, at - latency, frames);
            const lane_inputs found = find_samples(self, edges, scratch, at, frames);
            (planar ? run_planar : run_lanes)(self, scratch, &found, &block);
            status = put_outputs(self, edges, scratch, at - latency, frames, err);
        }
        at += (int64_t)frames;
    }
    return status;
}
