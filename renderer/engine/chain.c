// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/chain.h"

#include <string.h>

nb_status nb_chain_init(nb_chain *self, nb_arena *arena, const nb_unit *unit, nb_edges *edges,
                        const nb_stems *stems, nb_error *err)
{
    const nb_schedule *schedule = edges->schedule;
    *self = (nb_chain){
        .unit = unit,
        .edges = edges,
        .stages = nb_arena_take(arena, unit->stage_count, sizeof *self->stages),
        .clips = nb_arena_take(arena, unit->voice_count, sizeof(nb_clips *)),
    };
    if (!self->stages || !self->clips) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a chain of processors");
    }
    nb_status status = NB_OK;
    for (size_t v = 0; status == NB_OK && v < unit->voice_count; v++) {
        const size_t input = edges->graph->nodes[unit->nodes[v]].inputs[0];
        if (schedule->edges[input] == NB_EDGE_ABSORBED) {
            status = nb_clips_new(&edges->graph->nodes[input], stems, &self->clips[v], err);
        }
    }
    for (size_t s = 0; status == NB_OK && s < unit->stage_count; s++) {
        status = nb_voices_init(&self->stages[s], arena, edges->graph,
                                unit->nodes + s * unit->voice_count, unit->voice_count, unit->width,
                                stems, edges->shared, err);
        self->latency += self->stages[s].latency;
    }
    return status;
}

void nb_chain_fini(nb_chain *self)
{
    for (size_t v = 0; self->clips && v < self->unit->voice_count; v++) {
        nb_clips_destroy(&self->clips[v]);
    }
}

void nb_chain_need(const nb_unit *unit, const nb_graph *graph, nb_scratch_needs *needs)
{
    for (size_t i = 0; i < unit->stage_count * unit->voice_count; i++) {
        size_t controls;
        size_t moving;
        nb_voices_controls(&graph->nodes[unit->nodes[i]], &controls, &moving);
        needs->controls = (controls > needs->controls) ? controls : needs->controls;
        needs->moving = (moving > needs->moving) ? moving : needs->moving;
    }
}

nb_status nb_chain_read_clips(nb_clips *clips, size_t node, const nb_edges *edges, int64_t first,
                              size_t frames, float *const out[2], nb_error *err)
{
    const nb_node *read = &edges->graph->nodes[node];
    nb_status status = nb_clips_read(clips, first, frames, out, err);
    for (unsigned c = 0; status == NB_OK && c < read->channels; c++) {
        if (first + (int64_t)frames > read->end_frame) {
            const size_t kept = (first < read->end_frame) ? (size_t)(read->end_frame - first) : 0;
            memset(out[c] + kept, 0, (frames - kept) * sizeof(float));
        }
        if (!edges->kernel->all_finite(out[c], frames)) {
            status = nb_edges_refuse(edges, node, first, out[c], 1, frames, err);
        }
    }
    return status;
}

// ---- Into the lanes ----

/// Where one call's samples are, lane by lane.
typedef struct lane_inputs {
    const float *in[NB_SCRATCH_LANES];
    const float *key[NB_SCRATCH_LANES];
    bool keyed;
} lane_inputs;

static const float silence[NB_SCRATCH_FRAMES];

static nb_status find_voice(const nb_chain *self, nb_scratch *scratch, size_t voice, int64_t first,
                            size_t frames, lane_inputs *found, nb_error *err)
{
    const size_t index = self->unit->nodes[voice];
    const nb_node *node = &self->edges->graph->nodes[index];
    const size_t lane = self->stages[0].lanes[voice];
    const size_t input = node->inputs[0];
    if (self->clips[voice]) {
        float *planes[2] = {scratch->planes[lane], scratch->planes[(lane + 1) % NB_SCRATCH_LANES]};
        nb_tally_work(&scratch->tally, NB_PROFILE_EDGES);
        nb_status status =
            nb_chain_read_clips(self->clips[voice], input, self->edges, first, frames, planes, err);
        nb_tally_nodes(&scratch->tally, &input, 1);
        if (status != NB_OK) {
            return status;
        }
    }
    const bool doubled = self->edges->graph->nodes[input].channels < node->channels;
    if (self->clips[voice] &&
        doubled) { // a planar processor may write one before it reads the other
        memcpy(scratch->planes[lane + 1], scratch->planes[lane], frames * sizeof(float));
    }
    for (unsigned channel = 0; channel < node->channels; channel++) {
        const size_t at = lane + channel;
        found->in[at] = self->clips[voice] ? scratch->planes[at]
                                           : nb_edges_view(self->edges, input, channel, first,
                                                           frames, scratch->planes[at]);
        found->key[at] = found->in[at];
        if (node->sidechain >= 0) {
            found->keyed = true;
            found->key[at] = nb_edges_view_key(self->edges, (size_t)node->sidechain, channel,
                                               node->channels, first, frames, scratch->keys[at]);
        }
    }
    return NB_OK;
}

static nb_status find_samples(const nb_chain *self, nb_scratch *scratch, int64_t first,
                              size_t frames, lane_inputs *found, nb_error *err)
{
    found->keyed = false;
    for (size_t lane = 0; lane < NB_SCRATCH_LANES; lane++) {
        found->in[lane] = silence;
        found->key[lane] = silence;
    }
    nb_status status = NB_OK;
    for (size_t v = 0; status == NB_OK && v < self->unit->voice_count; v++) {
        status = find_voice(self, scratch, v, first, frames, found, err);
    }
    nb_tally_work(&scratch->tally, NB_PROFILE_EDGES);
    return status;
}

// ---- Out of them ----

static bool is_kept(const nb_chain *self, size_t stage, size_t voice)
{
    return self->edges->schedule->edges[nb_unit_node(self->unit, stage, voice)] == NB_EDGE_KEPT;
}

/// A ring of the stage (all have one size, and stand at one place), or null: nothing is kept.
static const nb_ring *any_ring(const nb_chain *self, size_t stage)
{
    for (size_t v = 0; v < self->unit->voice_count; v++) {
        if (is_kept(self, stage, v)) {
            return &self->edges->rings[nb_unit_node(self->unit, stage, v)];
        }
    }
    return NULL;
}

/// Put what is kept of the stage's output into its rings. `lanes` null: silence.
static void put_stage(const nb_chain *self, nb_scratch *scratch, size_t stage, const float *lanes,
                      int64_t first, size_t frames)
{
    const nb_ring *any = any_ring(self, stage);
    const nb_voices *voices = &self->stages[stage];
    for (size_t done = 0; any && done < frames;) {
        size_t count;
        const size_t at = nb_ring_stretch(any, first + (int64_t)done, frames - done, &count);
        float *out[NB_SCRATCH_LANES];
        memcpy(out, scratch->planes, sizeof out);
        for (size_t v = 0; v < voices->count; v++) {
            nb_ring *ring = &self->edges->rings[voices->nodes[v]];
            for (unsigned c = 0; is_kept(self, stage, v) && c < ring->channels; c++) {
                out[voices->lanes[v] + c] = ring->samples[c] + at;
                if (!lanes) {
                    memset(ring->samples[c] + at, 0, count * sizeof(float));
                }
            }
        }
        if (lanes) {
            self->edges->kernel->deinterleave(lanes + done * voices->width, voices->width, count,
                                              out);
        }
        done += count;
    }
    nb_tally_work(&scratch->tally, lanes ? NB_PROFILE_TRANSPOSITION : NB_PROFILE_EDGES);
}

/// Silence from each voice's end on, and in lanes without a voice; then no sample may be other than
/// finite.
static nb_status settle(const nb_chain *self, const nb_voices *voices, float *lanes, int64_t first,
                        size_t frames, nb_error *err)
{
    bool live[NB_SCRATCH_LANES] = {false};
    const size_t width = voices->width;
    for (size_t v = 0; v < voices->count; v++) {
        const int64_t end = self->edges->graph->nodes[voices->nodes[v]].end_frame;
        for (unsigned c = 0; c < voices->settings[v].channels; c++) {
            const size_t lane = voices->lanes[v] + c;
            live[lane] = first < end;
            for (int64_t i = end - first; live[lane] && i < (int64_t)frames; i++) {
                lanes[(size_t)i * width + lane] = 0.0F;
            }
        }
    }
    nb_status status = NB_OK;
    if (!self->edges->kernel->settle(lanes, width, frames, live)) {
        for (size_t v = 0; status == NB_OK && v < voices->count; v++) {
            for (unsigned c = 0; status == NB_OK && c < voices->settings[v].channels; c++) {
                status = nb_edges_refuse(self->edges, voices->nodes[v], first,
                                         lanes + voices->lanes[v] + c, width, frames, err);
            }
        }
    }
    return status;
}

// ---- Stage after stage ----

/// A block on its way through the stages.
typedef struct passage {
    int64_t at; ///< Song time of its first frame
    size_t frames;
    const float *key;
    bool silent; ///< All zeros, and not written as such
} passage;

static nb_status run_stage(const nb_chain *self, nb_scratch *scratch, size_t stage,
                           passage *passing, nb_error *err)
{
    const nb_voices *voices = &self->stages[stage];
    const int64_t at = passing->at - voices->latency;
    float *lanes = scratch->lanes;
    if (at >= voices->end_frame) { // nothing is computed any more
        *passing = (passage){.at = at, .frames = passing->frames, .silent = true};
        return NB_OK;
    }
    if (passing->silent) {
        memset(lanes, 0, passing->frames * voices->width * sizeof *lanes);
    }
    nb_block block = {.start_frame = passing->at,
                      .frames = passing->frames,
                      .in = lanes,
                      .key = passing->key,
                      .out = lanes};
    nb_voices_process(voices, scratch, &block);
    *passing = (passage){.at = at, .frames = passing->frames};
    if (at < 0) { // what comes out before frame 0 is dropped
        const size_t early = (-at < (int64_t)passing->frames) ? (size_t)-at : passing->frames;
        passing->frames -= early;
        passing->at += (int64_t)early;
        memmove(lanes, lanes + early * voices->width,
                passing->frames * voices->width * sizeof *lanes);
    }
    nb_tally_nodes(&scratch->tally, voices->nodes, voices->count);
    const nb_status status = settle(self, voices, lanes, passing->at, passing->frames, err);
    nb_tally_work(&scratch->tally, NB_PROFILE_EDGES);
    return status;
}

static nb_status run_lanes(const nb_chain *self, nb_scratch *scratch, int64_t first, size_t frames,
                           nb_error *err)
{
    const nb_edge_kernel *kernel = self->edges->kernel;
    const nb_voices *head = &self->stages[0];
    passage passing = {.at = first, .frames = frames};
    nb_status status = NB_OK;
    if (first - head->latency < head->end_frame) {
        lane_inputs found;
        status = find_samples(self, scratch, first, frames, &found, err);
        if (status != NB_OK) {
            return status;
        }
        kernel->interleave(found.in, head->width, frames, scratch->lanes);
        if (found.keyed) {
            kernel->interleave(found.key, head->width, frames, scratch->key);
            passing.key = scratch->key;
        }
        nb_tally_work(&scratch->tally, NB_PROFILE_TRANSPOSITION);
    }
    for (size_t stage = 0; status == NB_OK && stage < self->unit->stage_count; stage++) {
        status = run_stage(self, scratch, stage, &passing, err);
        if (status == NB_OK && passing.frames > 0) {
            put_stage(self, scratch, stage, passing.silent ? NULL : scratch->lanes, passing.at,
                      passing.frames);
        }
        if (passing.frames == 0) {
            break;
        }
    }
    return status;
}

/// The one stage and voice of a planar processor.
static nb_status run_planar(const nb_chain *self, nb_scratch *scratch, int64_t first, size_t frames,
                            nb_error *err)
{
    const nb_voices *voices = &self->stages[0];
    const int64_t at = first - voices->latency;
    const size_t early = (at >= 0) ? 0 : (-at < (int64_t)frames) ? (size_t)-at : frames;
    if (at >= voices->end_frame) {
        put_stage(self, scratch, 0, NULL, at, frames);
        return NB_OK;
    }
    lane_inputs found;
    nb_status status = find_samples(self, scratch, first, frames, &found, err);
    if (status != NB_OK) {
        return status;
    }
    nb_block block = {.start_frame = first,
                      .frames = frames,
                      .planar_in = found.in,
                      .planar_key = found.keyed ? found.key : NULL,
                      .planar_out = scratch->planes};
    nb_voices_process(voices, scratch, &block);
    nb_tally_nodes(&scratch->tally, voices->nodes, 1);
    for (unsigned c = 0; status == NB_OK && c < voices->settings[0].channels; c++) {
        status = nb_edges_put(self->edges, voices->nodes[0], c, at + (int64_t)early,
                              scratch->planes[c] + early, frames - early, err);
    }
    nb_tally_work(&scratch->tally, NB_PROFILE_EDGES);
    return status;
}

nb_status nb_chain_run(nb_chain *self, nb_scratch *scratch, int64_t first, int64_t end,
                       nb_error *err)
{
    const int64_t last = end + self->latency; // inputs lead outputs by the latency
    nb_status status = NB_OK;
    for (int64_t at = (first == 0) ? 0 : first + self->latency; status == NB_OK && at < last;) {
        const size_t frames =
            (last - at < NB_SCRATCH_FRAMES) ? (size_t)(last - at) : NB_SCRATCH_FRAMES;
        status = (self->unit->width == 0 ? run_planar : run_lanes)(self, scratch, at, frames, err);
        at += (int64_t)frames;
    }
    return status;
}
