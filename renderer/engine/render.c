// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/render.h"

#include "audio/meter.h"
#include "renderer/engine/executor.h"
#include "renderer/engine/float_mode.h"
#include "renderer/engine/render_as.h"

#include <omp.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS_MAX = 256, MEASURE_FRAMES = 8192, OUTPUT_CHANNELS = 2 };

/// Where an output's frames go.
typedef struct output {
    const nb_render_output *wanted;
    size_t node;
    int64_t from, to; ///< The section that is written
    nb_audio_writer *writer;
    nb_meter *meter;
} output;

typedef struct render {
    const nb_graph *graph;
    const nb_render_options *options;
    nb_grouping grouping;
    size_t count;
    output *outputs;
} render;

static void gather_frames(const output *self, const nb_edges *edges, nb_scratch *scratch,
                          int64_t first, size_t frames)
{
    for (unsigned channel = 0; channel < OUTPUT_CHANNELS; channel++) {
        const float *samples = nb_edges_view(edges, self->node, channel, first, frames,
                                             scratch->lane_samples[channel]);
        for (size_t i = 0; i < frames; i++) {
            scratch->frames[OUTPUT_CHANNELS * i + channel] = samples[i];
        }
    }
}

/// The report is of what the file holds, to the bit.
static nb_status write_frames(output *self, nb_scratch *scratch, size_t frames, nb_error *err)
{
    nb_status status = nb_audio_writer_write_back(self->writer, scratch->frames, frames, err);
    return (status == NB_OK) ? nb_meter_add(self->meter, scratch->frames, frames, err) : status;
}

static nb_status write_output(void *context, size_t index, const nb_edges *edges,
                              nb_scratch *scratch, int64_t first, int64_t end, nb_error *err)
{
    const render *self = context;
    output *out = &self->outputs[index];
    const int64_t last = (end < out->to) ? end : out->to;
    // Dither remembers what stood before a section; floats need nothing of it.
    const bool remembers = out->wanted->samples != NB_SAMPLE_FLOAT_32;
    nb_status status = NB_OK;
    for (int64_t at = (first > out->from || remembers) ? first : out->from;
         status == NB_OK && at < last;) {
        const int64_t part_end = (at < out->from && out->from < last) ? out->from : last;
        const size_t frames =
            (part_end - at < NB_SCRATCH_FRAMES) ? (size_t)(part_end - at) : NB_SCRATCH_FRAMES;
        gather_frames(out, edges, scratch, at, frames);
        if (at < out->from) {
            nb_audio_writer_pass(out->writer, scratch->frames, frames);
        } else {
            status = write_frames(out, scratch, frames, err);
        }
        at += (int64_t)frames;
    }
    if (status == NB_OK && index == 0 && first < out->to && self->options->progress) {
        self->options->progress(self->options->progress_context, last, out->to);
    }
    return status;
}

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
        .loudness_count = measures->loudness_count,
        .short_term_lufs = measures->loudness_lufs,
        .momentary_lufs = measures->momentary_lufs,
    };
    measures->loudness_lufs = NULL; // the report's now
    measures->momentary_lufs = NULL;
    nb_measures_fini(measures);
}

static nb_status finish_meter(nb_meter *meter, nb_report *out_report, nb_error *err)
{
    NB_IN_FLOAT_MODE;
    nb_measures measures = {0};
    nb_status status = nb_meter_finish(meter, &measures, err);
    if (status == NB_OK) {
        report_take(out_report, &measures);
    }
    return status;
}

static unsigned choose_threads(const nb_render_options *options)
{
    const unsigned wanted =
        options->threads > 0 ? options->threads : (unsigned)omp_get_max_threads();
    return (wanted < THREADS_MAX) ? wanted : THREADS_MAX;
}

/// The part of the output that is written: of a shorter one than the section asks for, what it has.
static nb_status find_section(const render *self, output *out, nb_error *err)
{
    const nb_graph *graph = self->graph;
    const size_t index = out->wanted->sink;
    if (index >= graph->sink_count || graph->sinks[index].node >= graph->node_count) {
        return nb_fail(err, NB_E_INVALID, "the graph has no output %zu", index);
    }
    const nb_sink *sink = &graph->sinks[index];
    if (sink->frames <= 0) {
        return nb_fail(err, NB_E_INVALID, "the song is empty: no clip sounds");
    }
    const int64_t to = (self->options->to_frame == 0) ? sink->frames : self->options->to_frame;
    out->node = sink->node;
    out->from = self->options->from_frame;
    out->to = (to < sink->frames) ? to : sink->frames;
    if (out->from < 0 || out->from >= out->to || to > graph->frames) {
        return nb_fail(err, NB_E_INVALID,
                       "the section from frame %lld to %lld is not inside the %lld of '%s'",
                       (long long)out->from, (long long)to, (long long)sink->frames, sink->name);
    }
    return NB_OK;
}

static nb_status open_output(const render *self, output *out, nb_error *err)
{
    const nb_audio_writer_options options = {.rate_hz = self->graph->rate_hz,
                                             .channels = OUTPUT_CHANNELS,
                                             .frames_expected = out->to - out->from,
                                             .samples = out->wanted->samples,
                                             .dither = out->wanted->dither,
                                             .name = self->graph->sinks[out->wanted->sink].name};
    const nb_status status = nb_meter_new(options.rate_hz, OUTPUT_CHANNELS, &out->meter, err);
    return (status == NB_OK)
               ? nb_audio_writer_open_as(out->wanted->wav_path, &options, &out->writer, err)
               : status;
}

static nb_status close_output(output *self, nb_error *err)
{
    const nb_status status = nb_audio_writer_close(&self->writer, err);
    return (status == NB_OK) ? finish_meter(self->meter, self->wanted->report, err) : status;
}

static void free_nodes(size_t **nodes_p) { free(*nodes_p); }

static nb_status make_schedule(const render *self, nb_schedule **out_schedule, nb_error *err)
{
    NB_SCOPED(free_nodes) size_t *nodes = calloc(self->count + 1, sizeof *nodes);
    if (!nodes) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for %zu outputs", self->count);
    }
    for (size_t i = 0; i < self->count; i++) {
        nodes[i] = self->outputs[i].node;
    }
    return nb_schedule_new(self->graph, nodes, self->count, self->grouping, out_schedule, err);
}

static nb_status run(render *self, nb_error *err)
{
    const unsigned threads = choose_threads(self->options);
    NB_SCOPED(nb_schedule_destroy) nb_schedule *schedule = NULL;
    NB_SCOPED(nb_stems_fini) nb_stems stems = {0};
    int64_t frames = 0;
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < self->count; i++) {
        status = find_section(self, &self->outputs[i], err);
        frames = (self->outputs[i].to > frames) ? self->outputs[i].to : frames;
    }
    if (status == NB_OK) {
        status = make_schedule(self, &schedule, err);
    }
    if (status == NB_OK) {
        status = nb_stems_open(self->graph, schedule->live, self->options, threads, &stems, err);
    }
    for (size_t i = 0; status == NB_OK && i < self->count; i++) {
        status = open_output(self, &self->outputs[i], err);
    }
    if (status == NB_OK) {
        const nb_execution execution = {.schedule = schedule,
                                        .stems = &stems,
                                        .options = self->options,
                                        .threads = threads,
                                        .frames = frames,
                                        .write = write_output,
                                        .write_context = self};
        status = nb_execute(&execution, err);
    }
    for (size_t i = 0; status == NB_OK && i < self->count; i++) {
        status = close_output(&self->outputs[i], err);
    }
    return status;
}

nb_status nb_render_run_as(const nb_graph *graph, const nb_render_output *outputs,
                           size_t output_count, const nb_render_options *options,
                           nb_grouping grouping, nb_error *err)
{
    render self = {.graph = graph, .options = options, .grouping = grouping, .count = output_count};
    for (size_t i = 0; i < output_count; i++) {
        *outputs[i].report = (nb_report){0};
    }
    self.outputs = calloc(output_count + 1, sizeof *self.outputs);
    if (!self.outputs) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for %zu outputs", output_count);
    }
    for (size_t i = 0; i < output_count; i++) {
        self.outputs[i].wanted = &outputs[i];
    }
    const nb_status status = run(&self, err);
    for (size_t i = 0; i < output_count; i++) {
        nb_audio_writer_destroy(&self.outputs[i].writer);
        nb_meter_destroy(&self.outputs[i].meter);
        if (status != NB_OK) {
            (void)unlink(outputs[i].wav_path); // it may not be there
            nb_report_fini(outputs[i].report);
        }
    }
    free(self.outputs);
    return status;
}

nb_status nb_render_run(const nb_graph *graph, const nb_render_output *outputs, size_t output_count,
                        const nb_render_options *options, nb_error *err)
{
    return nb_render_run_as(graph, outputs, output_count, options, NB_GROUPING_LANES, err);
}

static void free_samples(float **samples_p) { free(*samples_p); }

static nb_status measure_frames(nb_audio_file *file, nb_meter *meter,
                                void (*progress)(void *context, int64_t done_frames,
                                                 int64_t total_frames),
                                void *progress_context, nb_error *err)
{
    const nb_audio_info *info = nb_audio_file_info(file);
    NB_SCOPED(free_samples)
    float *samples = malloc((size_t)MEASURE_FRAMES * info->channels * sizeof *samples);
    if (!samples) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to measure with");
    }
    // As in a render, so that a file's report is the one that its render gave.
    NB_IN_FLOAT_MODE;
    nb_status status = NB_OK;
    for (int64_t at = 0; status == NB_OK && at < info->frames;) {
        const int64_t left = info->frames - at;
        const size_t frames = (left < MEASURE_FRAMES) ? (size_t)left : MEASURE_FRAMES;
        status = nb_audio_file_read(file, samples, frames, err);
        if (status == NB_OK) {
            status = nb_meter_add(meter, samples, frames, err);
        }
        at += (int64_t)frames;
        if (status == NB_OK && progress) {
            progress(progress_context, at, info->frames);
        }
    }
    return status;
}

nb_status nb_render_measure(const char *path, const char *name,
                            void (*progress)(void *context, int64_t done_frames,
                                             int64_t total_frames),
                            void *progress_context, nb_report *out_report, nb_error *err)
{
    *out_report = (nb_report){0};
    NB_SCOPED(nb_audio_file_destroy) nb_audio_file *file = NULL;
    NB_SCOPED(nb_meter_destroy) nb_meter *meter = NULL;
    nb_status status = nb_audio_file_open(path, name, &file, err);
    if (status == NB_OK) {
        const nb_audio_info *info = nb_audio_file_info(file);
        status = nb_meter_new(info->rate_hz, info->channels, &meter, err);
    }
    if (status == NB_OK) {
        status = measure_frames(file, meter, progress, progress_context, err);
    }
    return (status == NB_OK) ? finish_meter(meter, out_report, err) : status;
}
