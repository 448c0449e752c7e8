// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/render.h"

#include "audio/meter.h"
#include "renderer/engine/executor.h"
#include "renderer/engine/float_mode.h"
#include "renderer/engine/render_as.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS_MAX = 256, MEASURE_FRAMES = 8192, OUTPUT_CHANNELS = 2 };

/// Where the sink's frames go.
typedef struct mix_output {
    const nb_render_options *options;
    size_t node;
    int64_t from, to; ///< The section that is written
    nb_audio_writer *writer;
    nb_meter *meter;
} mix_output;

static nb_status write_frames(mix_output *self, const nb_edges *edges, nb_scratch *scratch,
                              int64_t first, size_t frames, nb_error *err)
{
    for (unsigned channel = 0; channel < OUTPUT_CHANNELS; channel++) {
        const float *samples = nb_edges_view(edges, self->node, channel, first, frames,
                                             scratch->lane_samples[channel]);
        for (size_t i = 0; i < frames; i++) {
            scratch->frames[OUTPUT_CHANNELS * i + channel] = samples[i];
        }
    }
    nb_status status = nb_audio_writer_write(self->writer, scratch->frames, frames, err);
    return (status == NB_OK) ? nb_meter_add(self->meter, scratch->frames, frames, err) : status;
}

static nb_status write_output(void *context, const nb_edges *edges, nb_scratch *scratch,
                              int64_t first, int64_t end, nb_error *err)
{
    mix_output *self = context;
    nb_status status = NB_OK;
    for (int64_t at = (first > self->from) ? first : self->from; status == NB_OK && at < end;) {
        const size_t frames =
            (end - at < NB_SCRATCH_FRAMES) ? (size_t)(end - at) : NB_SCRATCH_FRAMES;
        status = write_frames(self, edges, scratch, at, frames, err);
        at += (int64_t)frames;
    }
    if (status == NB_OK && self->options->progress) {
        self->options->progress(self->options->progress_context, end, self->to);
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

static nb_status find_section(const nb_graph *graph, const nb_render_options *options,
                              mix_output *output, nb_error *err)
{
    bool found = false;
    for (size_t i = 0; i < graph->sink_count && !found; i++) {
        found = strcmp(graph->sinks[i].name, "mix") == 0;
        output->node = graph->sinks[i].node;
    }
    if (!found || output->node >= graph->node_count) {
        return nb_fail(err, NB_E_INVALID, "the graph has no output named mix");
    }
    if (graph->frames <= 0) {
        return nb_fail(err, NB_E_INVALID, "the song is empty: no clip sounds");
    }
    output->from = options->from_frame;
    output->to = (options->to_frame == 0) ? graph->frames : options->to_frame;
    if (output->from < 0 || output->from >= output->to || output->to > graph->frames) {
        return nb_fail(err, NB_E_INVALID,
                       "the section from frame %lld to %lld is not inside the song's %lld",
                       (long long)output->from, (long long)output->to, (long long)graph->frames);
    }
    return NB_OK;
}

/// All but the file's removal on failure.
static nb_status render_output(const nb_graph *graph, mix_output *output, nb_grouping grouping,
                               const char *wav_path, nb_error *err)
{
    const nb_render_options *options = output->options;
    const unsigned threads = choose_threads(options);
    NB_SCOPED(nb_schedule_destroy) nb_schedule *schedule = NULL;
    NB_SCOPED(nb_stems_fini) nb_stems stems = {0};
    nb_status status = nb_schedule_new(graph, output->node, grouping, &schedule, err);
    if (status == NB_OK) {
        status = nb_stems_open(graph, schedule->live, options, threads, &stems, err);
    }
    if (status == NB_OK) {
        status = nb_audio_writer_open(wav_path, graph->rate_hz, OUTPUT_CHANNELS,
                                      output->to - output->from, &output->writer, err);
    }
    if (status == NB_OK) {
        const nb_execution execution = {.schedule = schedule,
                                        .stems = &stems,
                                        .options = options,
                                        .threads = threads,
                                        .frames = output->to,
                                        .write = write_output,
                                        .write_context = output};
        status = nb_execute(&execution, err);
    }
    return (status == NB_OK) ? nb_audio_writer_close(&output->writer, err) : status;
}

nb_status nb_render_run_as(const nb_graph *graph, const nb_render_options *options,
                           nb_grouping grouping, const char *wav_path, nb_report *out_report,
                           nb_error *err)
{
    *out_report = (nb_report){0};
    NB_SCOPED(nb_meter_destroy) nb_meter *meter = NULL;
    mix_output output = {.options = options};
    nb_status status = find_section(graph, options, &output, err);
    if (status == NB_OK) {
        status = nb_meter_new(graph->rate_hz, OUTPUT_CHANNELS, &meter, err);
    }
    if (status == NB_OK) {
        output.meter = meter;
        status = render_output(graph, &output, grouping, wav_path, err);
        nb_audio_writer_destroy(&output.writer);
    }
    if (status == NB_OK) {
        status = finish_meter(meter, out_report, err);
    }
    if (status != NB_OK) {
        (void)unlink(wav_path); // it may not be there
    }
    return status;
}

nb_status nb_render_run(const nb_graph *graph, const nb_render_options *options,
                        const char *wav_path, nb_report *out_report, nb_error *err)
{
    return nb_render_run_as(graph, options, NB_GROUPING_LANES, wav_path, out_report, err);
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
