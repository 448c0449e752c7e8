// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/output.h"

#include "mix/freeze.h"
#include "renderer/engine/float_mode.h"

#include <string.h>
#include <unistd.h>

enum { OUTPUT_CHANNELS = 2 };

static bool is_freeze(const nb_output *self) { return self->wanted->what == NB_RENDER_FREEZE; }

static nb_status init_freeze(nb_output *self, const nb_graph *graph,
                             const nb_render_options *options, nb_error *err)
{
    const size_t node = self->wanted->sink;
    if (node >= graph->node_count || !nb_node_can_freeze(graph, node)) {
        return nb_fail(err, NB_E_INVALID, "the graph has no edge %zu that can be frozen", node);
    }
    if (options->from_frame != 0 || options->to_frame != 0) {
        return nb_fail(err, NB_E_INVALID, "%s: frozen from a part of the song",
                       graph->nodes[node].name);
    }
    self->node = node;
    self->channels = graph->nodes[node].channels;
    self->to = graph->nodes[node].end_frame;
    return NB_OK;
}

nb_status nb_output_init(nb_output *self, const nb_graph *graph, const nb_render_output *wanted,
                         const nb_render_options *options, nb_error *err)
{
    *self = (nb_output){.wanted = wanted, .channels = OUTPUT_CHANNELS};
    if (wanted->what == NB_RENDER_FREEZE) {
        return init_freeze(self, graph, options, err);
    }
    if (wanted->sink >= graph->sink_count || graph->sinks[wanted->sink].node >= graph->node_count) {
        return nb_fail(err, NB_E_INVALID, "the graph has no output %zu", wanted->sink);
    }
    const nb_sink *sink = &graph->sinks[wanted->sink];
    if (sink->frames <= 0) {
        return nb_fail(err, NB_E_INVALID, "the song is empty: no clip sounds");
    }
    const int64_t to = (options->to_frame == 0) ? sink->frames : options->to_frame;
    self->node = sink->node;
    self->from = options->from_frame;
    self->to = (to < sink->frames) ? to : sink->frames;
    if (self->from < 0 || self->from >= self->to || to > graph->sinks[0].frames) {
        return nb_fail(err, NB_E_INVALID,
                       "the section from frame %lld to %lld is not inside the %lld of '%s'",
                       (long long)self->from, (long long)to, (long long)sink->frames, sink->name);
    }
    return NB_OK;
}

/// A freeze is only a short cut: one that finds no room is left out.
static nb_status leave_out(nb_output *self, nb_status status)
{
    if (status != NB_E_NO_SPACE || !is_freeze(self)) {
        return status;
    }
    nb_audio_writer_destroy(&self->writer);
    (void)unlink(self->wanted->wav_path); // it may not be there
    return NB_OK;
}

nb_status nb_output_open(nb_output *self, const nb_graph *graph, nb_error *err)
{
    const nb_audio_writer_options options = {.rate_hz = graph->rate_hz,
                                             .channels = self->channels,
                                             .frames_expected = self->to - self->from,
                                             .samples = self->wanted->samples,
                                             .dither = self->wanted->dither,
                                             .keep = self->wanted->keep,
                                             .growth = self->wanted->growth,
                                             .name = is_freeze(self)
                                                         ? graph->nodes[self->node].name
                                                         : graph->sinks[self->wanted->sink].name};
    nb_status status =
        is_freeze(self) ? NB_OK : nb_meter_new(graph->rate_hz, OUTPUT_CHANNELS, &self->meter, err);
    if (status == NB_OK) {
        status = nb_audio_writer_open_as(self->wanted->wav_path, &options, &self->writer, err);
    }
    return leave_out(self, status);
}

nb_status nb_output_take_frames(nb_output *self, nb_arena *arena, int64_t frames, nb_error *err)
{
    self->capacity = (size_t)frames;
    self->written = nb_arena_take(arena, self->capacity, self->channels * sizeof(float));
    return self->written ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for an output");
}

/// Where frame `first` stands, and how many of `frames` stand behind it in one piece.
static float *find_written(const nb_output *self, int64_t first, size_t *frames)
{
    const size_t at = (size_t)((uint64_t)first % self->capacity);
    *frames = (*frames < self->capacity - at) ? *frames : self->capacity - at;
    return self->written + self->channels * at;
}

static nb_status write_frames(nb_output *self, float *frames, int64_t first, size_t count,
                              nb_error *err)
{
    if (first < self->from) {
        nb_audio_writer_pass(self->writer, frames, count);
        return NB_OK;
    }
    return nb_audio_writer_write_back(self->writer, frames, count, err);
}

nb_status nb_output_write(nb_output *self, const nb_edges *edges, nb_scratch *scratch,
                          int64_t first, int64_t end, nb_error *err)
{
    // Dither remembers what stood before a section; floats need nothing of it.
    const bool remembers = self->wanted->samples != NB_SAMPLE_FLOAT_32;
    const int64_t last = (end < self->to) ? end : self->to;
    nb_status status = NB_OK;
    for (int64_t at = (first > self->from || remembers) ? first : self->from;
         self->writer && status == NB_OK && at < last;) {
        const int64_t left = ((at < self->from && self->from < last) ? self->from : last) - at;
        size_t frames = (left < NB_SCRATCH_FRAMES) ? (size_t)left : NB_SCRATCH_FRAMES;
        float *written = find_written(self, at, &frames);
        const float *channels[OUTPUT_CHANNELS];
        for (unsigned c = 0; c < self->channels; c++) {
            channels[c] = nb_edges_view(edges, self->node, c, at, frames, scratch->planes[c]);
        }
        edges->kernel->interleave(channels, self->channels, frames, written);
        status = leave_out(self, write_frames(self, written, at, frames, err));
        at += (int64_t)frames;
    }
    nb_tally_work(&scratch->tally, NB_PROFILE_WRITER);
    return status;
}

nb_status nb_output_measure(nb_output *self, nb_scratch *scratch, int64_t first, int64_t end,
                            nb_error *err)
{
    const int64_t last = (end < self->to) ? end : self->to;
    nb_status status = NB_OK;
    for (int64_t at = (first > self->from) ? first : self->from;
         self->meter && status == NB_OK && at < last;) {
        size_t frames = (size_t)(last - at);
        const float *written = find_written(self, at, &frames);
        status = nb_meter_add(self->meter, written, frames, err);
        at += (int64_t)frames;
    }
    nb_tally_work(&scratch->tally, NB_PROFILE_METER);
    return status;
}

_Static_assert(NB_SPECTRUM_BANDS == (int)NB_REPORT_BANDS, "the meter's bands are the report's");

static void report_take(nb_report *out, nb_measures *measures)
{
    *out = (nb_report){
        .sample_rate_hz = measures->rate_hz,
        .channels = measures->channels,
        .frames = measures->frames,
        .duration_s = (double)measures->frames / (double)measures->rate_hz,
        .integrated_lufs = measures->integrated_lufs,
        .loudness_range_lu = measures->loudness_range_lu,
        .short_term_max_lufs = measures->short_term_max_lufs,
        .momentary_max_lufs = measures->momentary_max_lufs,
        .true_peak_dbtp = measures->true_peak_dbtp,
        .sample_peak_dbfs = measures->sample_peak_dbfs,
        .plr_lu = measures->plr_lu,
        .clipped_samples = measures->clipped_samples,
        .dc_offset = measures->dc_offset,
        .stereo_correlation = measures->correlation,
        .silence_head_s = measures->silence_head_s,
        .silence_tail_s = measures->silence_tail_s,
        .spectrum_count = measures->spectrum_count,
        .loudness_count = measures->loudness_count,
        .short_term_lufs = measures->loudness_lufs,
        .momentary_lufs = measures->momentary_lufs,
    };
    memcpy(out->spectrum_db, measures->spectrum_db, sizeof out->spectrum_db);
    measures->loudness_lufs = NULL; // the report's now
    measures->momentary_lufs = NULL;
    nb_measures_fini(measures);
}

nb_status nb_output_report(nb_meter *meter, nb_report *out, nb_error *err)
{
    NB_IN_FLOAT_MODE;
    nb_measures measures = {0};
    const nb_status status = nb_meter_finish(meter, &measures, err);
    if (status == NB_OK) {
        report_take(out, &measures);
    }
    return status;
}

nb_status nb_output_close(nb_output *self, nb_error *err)
{
    if (!self->writer) {
        return NB_OK; // left out
    }
    const nb_status status = leave_out(self, nb_audio_writer_close(&self->writer, err));
    return (status == NB_OK && self->meter)
               ? nb_output_report(self->meter, self->wanted->report, err)
               : status;
}

void nb_output_fini(nb_output *self)
{
    nb_audio_writer_destroy(&self->writer);
    nb_meter_destroy(&self->meter);
}
