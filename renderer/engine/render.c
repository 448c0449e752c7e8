// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/render.h"

#include "audio/meter.h"
#include "renderer/engine/executor.h"
#include "renderer/engine/float_mode.h"
#include "renderer/engine/render_as.h"

#include <assert.h>
#include <omp.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS_MAX = 256, MEASURE_FRAMES = 8192 };

static unsigned choose_threads(const nb_render_options *options)
{
    const unsigned wanted =
        options->threads > 0 ? options->threads : (unsigned)omp_get_max_threads();
    return (wanted < THREADS_MAX) ? wanted : THREADS_MAX;
}

typedef struct render {
    const nb_graph *graph;
    const nb_render_options *options;
    unsigned choices;
    size_t count;
    nb_output *outputs;
} render;

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
    return nb_schedule_new(self->graph, nodes, self->count, self->choices, out_schedule, err);
}

static nb_status run(render *self, nb_error *err)
{
    const unsigned threads = choose_threads(self->options);
    NB_SCOPED(nb_schedule_destroy) nb_schedule *schedule = NULL;
    NB_SCOPED(nb_stems_fini) nb_stems stems = {0};
    nb_status status = make_schedule(self, &schedule, err);
    if (status == NB_OK) {
        assert(schedule);
        status = nb_stems_open(self->graph, schedule->live, self->options, threads, &stems, err);
    }
    for (size_t i = 0; status == NB_OK && i < self->count; i++) {
        status = nb_output_open(&self->outputs[i], self->graph, err);
    }
    if (status == NB_OK) {
        const nb_execution execution = {.schedule = schedule,
                                        .stems = &stems,
                                        .options = self->options,
                                        .threads = threads,
                                        .outputs = self->outputs};
        status = nb_execute(&execution, err);
    }
    for (size_t i = 0; status == NB_OK && i < self->count; i++) {
        status = nb_output_close(&self->outputs[i], err);
    }
    return status;
}

nb_status nb_render_run_as(const nb_graph *graph, const nb_render_output *outputs,
                           size_t output_count, const nb_render_options *options, unsigned choices,
                           nb_error *err)
{
    render self = {.graph = graph, .options = options, .choices = choices, .count = output_count};
    self.outputs = calloc(output_count + 1, sizeof *self.outputs);
    if (!self.outputs) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for %zu outputs", output_count);
    }
    nb_status status = NB_OK;
    for (size_t i = 0; i < output_count; i++) {
        if (outputs[i].report) {
            *outputs[i].report = (nb_report){0};
        }
        if (status == NB_OK) {
            status = nb_output_init(&self.outputs[i], graph, &outputs[i], options, err);
        }
    }
    if (status == NB_OK) {
        status = run(&self, err);
    }
    for (size_t i = 0; i < output_count; i++) {
        nb_output_fini(&self.outputs[i]);
        if (status != NB_OK) {
            (void)unlink(outputs[i].wav_path); // it may not be there
        }
        if (status != NB_OK && outputs[i].report) {
            nb_report_fini(outputs[i].report);
        }
    }
    free(self.outputs);
    return status;
}

nb_status nb_render_run(const nb_graph *graph, const nb_render_output *outputs, size_t output_count,
                        const nb_render_options *options, nb_error *err)
{
    return nb_render_run_as(graph, outputs, output_count, options, NB_SCHEDULE_ALL, err);
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
    return (status == NB_OK) ? nb_output_report(meter, out_report, err) : status;
}
