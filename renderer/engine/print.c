// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/print.h"

#include "audio/align.h"
#include "renderer/engine/render.h"

#include <stdlib.h>
#include <string.h>

nb_status nb_print_probe(const char *path, const char *name, nb_audio_info *out, nb_error *err)
{
    const nb_status status = nb_audio_file_probe(path, name, out, err);
    if (status == NB_OK && out->channels != 2) {
        return nb_fail(err, NB_E_INVALID,
                       "%s: has %u channel%s; mixes and masters are stereo: print it with 2",
                       name ? name : path, out->channels, out->channels == 1 ? "" : "s");
    }
    return status;
}

// A measurement tells how far it is but cannot be stopped inside; between files it can.
static void on_progress(void *context, int64_t done_frames, int64_t total_frames)
{
    const nb_audio_watch *watch = context;
    if (watch->progress) {
        watch->progress(watch->context, done_frames, total_frames);
    }
}

static nb_status measure(const char *path, const char *name, const nb_audio_watch *watch,
                         nb_report *out, nb_error *err)
{
    nb_audio_watch own = watch ? *watch : (nb_audio_watch){0};
    if (own.cancelled && *own.cancelled) {
        return nb_fail(err, NB_E_CANCELLED, "%s: stopped", name);
    }
    return nb_render_measure(path, name, on_progress, &own, out, err);
}

// ---- A master and its mix ----

static nb_status align(const char *mix_path, const char *master_path, const nb_audio_watch *watch,
                       nb_master_comparison *out, nb_error *err)
{
    NB_SCOPED(nb_recording_destroy) nb_recording *mix = NULL;
    NB_SCOPED(nb_recording_destroy) nb_recording *master = NULL;
    nb_alignment alignment = {0};
    nb_status status = nb_recording_open(mix_path, "the mix", 0, watch, &mix, err);
    if (status == NB_OK) {
        status = nb_recording_open(master_path, "the master", nb_recording_rate_hz(mix), watch,
                                   &master, err);
    }
    if (status == NB_OK) {
        status = nb_align(mix, master, watch, &alignment, err);
    }
    if (status != NB_OK) {
        return status;
    }
    out->matches = alignment.matches;
    out->steady = alignment.steady;
    out->inverted = alignment.inverted;
    out->confidence = alignment.confidence;
    out->offset_s = (double)alignment.offset_frames / nb_recording_rate_hz(mix);
    return NB_OK;
}

nb_status nb_master_compare(const char *mix, const char *mix_path, const char *master_path,
                            const nb_report *master_report, const nb_audio_watch *watch,
                            nb_master_comparison *out, nb_error *err)
{
    *out = (nb_master_comparison){0};
    snprintf(out->mix, sizeof out->mix, "%s", mix);
    NB_SCOPED(nb_report_fini) nb_report report = {0};
    const nb_status status = measure(mix_path, "the mix", watch, &report, err);
    if (status != NB_OK) {
        return status;
    }
    nb_master_figures_of(&report, &out->before);
    nb_master_figures_of(master_report, &out->after);
    return align(mix_path, master_path, watch, out, err);
}

// ---- Measuring ----

static json_t *bext_to_json(const nb_bext *bext)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:i}", "description", bext->description,
                     "originator", bext->originator, "reference", bext->reference, "date",
                     bext->date, "time", bext->time, "time_reference_frame",
                     (json_int_t)(bext->time_reference_frame & INT64_MAX), "version",
                     (int)bext->version);
}

static nb_status no_memory(nb_error *err)
{
    return nb_fail(err, NB_E_NO_MEMORY, "no memory for a report");
}

static nb_status add_file(const nb_print_source *source, const nb_audio_info *info, json_t *json,
                          nb_error *err)
{
    nb_bext bext;
    bool has_bext = false;
    const nb_status status = nb_bext_read(source->paths[0], &bext, &has_bext, err);
    if (status != NB_OK) {
        return status;
    }
    json_t *file =
        json_pack("{s:s, s:s, s:I, s:o}", "path", source->print->files[0].path, "format",
                  info->format, "starts_at_frame", (json_int_t)source->print->starts_at_frame,
                  "bext", has_bext ? bext_to_json(&bext) : json_null());
    return json_object_set_new(json, "file", file) == 0 ? NB_OK : no_memory(err);
}

static json_t *headline_to_json(const char *path, const nb_audio_info *info,
                                const nb_report *report)
{
    return json_pack("{s:s, s:s, s:i, s:i, s:o, s:o, s:o}", "path", path, "format", info->format,
                     "sample_rate_hz", (int)info->rate_hz, "channels", (int)info->channels,
                     "duration_s", nb_json_number(report->duration_s), "integrated_lufs",
                     nb_json_number(report->integrated_lufs), "true_peak_dbtp",
                     nb_json_number(report->true_peak_dbtp));
}

/// All files of a master with their headlines.
static nb_status add_files(const nb_print_source *source, const nb_report *first,
                           const nb_audio_info *first_info, json_t *json, nb_error *err)
{
    json_t *files = json_array();
    nb_status status = json_object_set_new(json, "files", files) == 0 ? NB_OK : no_memory(err);
    for (size_t i = 0; status == NB_OK && i < source->print->file_count; i++) {
        const char *path = source->print->files[i].path;
        NB_SCOPED(nb_report_fini) nb_report own = {0};
        nb_audio_info info = *first_info;
        if (i > 0) {
            status = nb_print_probe(source->paths[i], path, &info, err);
        }
        if (i > 0 && status == NB_OK) {
            status = measure(source->paths[i], path, source->watch, &own, err);
        }
        if (status == NB_OK &&
            json_array_append_new(files, headline_to_json(path, &info, i > 0 ? &own : first)) !=
                0) {
            status = no_memory(err);
        }
    }
    return status;
}

static nb_status add_comparison(const nb_print_source *source, const nb_report *report,
                                json_t *json, nb_error *err)
{
    nb_master_comparison comparison;
    const nb_status status =
        nb_master_compare(source->print->mix, source->mix_path, source->paths[0], report,
                          source->watch, &comparison, err);
    if (status != NB_OK) {
        return status;
    }
    return json_object_set_new(json, "comparison", nb_master_comparison_to_json(&comparison)) == 0
               ? NB_OK
               : no_memory(err);
}

static nb_status check_rate(const nb_print_source *source, const nb_audio_info *info, nb_error *err)
{
    return info->rate_hz == source->print->rate_hz
               ? NB_OK
               : nb_fail(err, NB_E_INVALID, "%s: runs at %u Hz, where its document says %u",
                         source->print->files[0].path, info->rate_hz, source->print->rate_hz);
}

nb_status nb_print_measure(const nb_print_source *source, nb_report *out_report, json_t **out_json,
                           nb_error *err)
{
    *out_report = (nb_report){0};
    *out_json = NULL;
    const char *name = source->print->files[0].path;
    nb_audio_info info;
    NB_SCOPED(nb_report_fini) nb_report report = {0};
    NB_SCOPED(nb_json_free) json_t *json = NULL;
    nb_status status = nb_print_probe(source->paths[0], name, &info, err);
    if (status == NB_OK) {
        status = check_rate(source, &info, err);
    }
    if (status == NB_OK) {
        status = measure(source->paths[0], name, source->watch, &report, err);
    }
    if (status == NB_OK) {
        json = nb_report_to_json(&report);
        status = json ? add_file(source, &info, json, err) : no_memory(err);
    }
    if (status == NB_OK && source->print->kind == NB_PRINT_MASTER) {
        status = add_files(source, &report, &info, json, err);
        if (status == NB_OK) {
            status = add_comparison(source, &report, json, err);
        }
    }
    if (status == NB_OK) {
        *out_report = report;
        report = (nb_report){0}; // the caller's now
        *out_json = json;
        json = NULL;
    }
    return status;
}
