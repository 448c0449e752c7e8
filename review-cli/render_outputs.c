// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/render_outputs.h"

#include "base/file.h"
#include "review-cli/report_print.h"
#include "review-cli/table.h"

#include <libgen.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const kinds[] = {
    [NB_SINK_MIX] = "mix", [NB_SINK_ALTERNATE] = "alternate", [NB_SINK_STEM] = "stem"};

void nb_render_files_fini(nb_render_files *self)
{
    for (size_t i = 0; i < self->count; i++) {
        nb_render_file *file = &self->list[i];
        if (file->draft_path) {
            unlink(file->draft_path);
        }
        nb_report_fini(&file->report);
        free(file->wav_path);
        free(file->draft_path);
        free(file->report_path);
    }
    free(self->list);
    *self = (nb_render_files){0};
}

static nb_status no_memory(nb_error *err)
{
    return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
}

/// "night" of songs/night/mix.yaml, "sketch" of sketch.yaml; new memory.
static char *song_name(const char *document_path)
{
    NB_SCOPED(nb_text_free) char *absolute = nb_file_absolute(document_path);
    if (!absolute) {
        return NULL;
    }
    char *file = basename(absolute);
    if (strcmp(file, "mix.yaml") != 0) {
        char *dot = strrchr(file, '.');
        return dot && dot != file ? strndup(file, (size_t)(dot - file)) : strdup(file);
    }
    char *name = basename(dirname(absolute));
    return strdup(strcmp(name, "/") == 0 || strcmp(name, ".") == 0 ? "mix" : name);
}

/// `-o` names a folder, there or not yet.
static bool is_folder(const char *output)
{
    const size_t length = strlen(output);
    return (length > 0 && output[length - 1] == '/') || nb_file_is_folder(output);
}

/// What all names begin with: the path of `-o` without its ".wav", new memory.
static nb_status choose_stem_of_names(const nb_args *args, const nb_song *song, char **out,
                                      nb_error *err)
{
    const char *output = nb_args_get(args, "output");
    if (output && output[0] == '\0') {
        return nb_fail(err, NB_E_USAGE, "--output: no name; name a WAV file or a folder");
    }
    NB_SCOPED(nb_text_free) char *name = song_name(song->document_path);
    if (output && is_folder(output)) {
        *out = name ? nb_file_join(output, name) : NULL;
    } else if (output) {
        const size_t length = strlen(output);
        const bool has_wav = length > 4 && strcmp(output + length - 4, ".wav") == 0;
        *out = strndup(output, has_wav ? length - 4 : length);
    } else {
        *out = name ? strdup(name) : NULL;
    }
    return *out ? NB_OK : no_memory(err);
}

/// Does a name without ".wav" keep it off? Only where `-o` says one file's whole name.
static const char *ending_of(const nb_args *args, const nb_sink *sink, bool is_only)
{
    const char *output = nb_args_get(args, "output");
    const size_t length = output ? strlen(output) : 0;
    const bool is_whole =
        output && !is_folder(output) && !(length > 4 && strcmp(output + length - 4, ".wav") == 0);
    return is_whole && (is_only || sink->kind == NB_SINK_MIX) ? "" : ".wav";
}

static nb_status name_file(nb_render_file *self, const nb_args *args, const char *start,
                           bool is_only, nb_error *err)
{
    const nb_sink *sink = &self->sink;
    NB_SCOPED(nb_text_free) char *name = NULL;
    switch (sink->kind) {
    case NB_SINK_STEM:
        name = nb_text_format("%s-stems/%s", start, sink->name);
        break;
    case NB_SINK_ALTERNATE: // with -o FILE and nothing else to name, FILE is what was asked for
        name = is_only && nb_args_has(args, "output") && !is_folder(nb_args_get(args, "output"))
                   ? strdup(start)
                   : nb_text_format("%s-%s", start, sink->name);
        break;
    case NB_SINK_MIX:
    default:
        name = strdup(start);
        break;
    }
    if (!name) {
        return no_memory(err);
    }
    self->wav_path = nb_text_format("%s%s", name, ending_of(args, sink, is_only));
    self->report_path = nb_text_format("%s.report.json", name);
    self->draft_path =
        self->wav_path ? nb_text_format("%s.draft-%d", self->wav_path, (int)getpid()) : NULL;
    return self->wav_path && self->report_path && self->draft_path ? NB_OK : no_memory(err);
}

/// The file takes the place of what is there: that must be no device, no stem, no document.
static nb_status check_place(const nb_render_file *self, const nb_song *song, const nb_graph *graph,
                             nb_error *err)
{
    struct stat there;
    struct stat input;
    if (stat(self->wav_path, &there) != 0) {
        return nb_file_make_parents(self->wav_path, 0777, err);
    }
    if (!S_ISREG(there.st_mode)) {
        return nb_fail(err, NB_E_INVALID, "%s is there and is no file; name a WAV file",
                       self->wav_path);
    }
    for (size_t i = 0; i <= graph->asset_count; i++) {
        NB_SCOPED(nb_text_free)
        char *path = i < graph->asset_count ? nb_file_join(song->album_path, graph->assets[i].path)
                                            : strdup(song->document_path);
        if (path && stat(path, &input) == 0 && input.st_dev == there.st_dev &&
            input.st_ino == there.st_ino) {
            return nb_fail(err, NB_E_INVALID, "%s is what the song is made of; name another file",
                           self->wav_path);
        }
    }
    return NB_OK;
}

static nb_status no_alternate(const nb_graph *graph, const char *id, nb_error *err)
{
    NB_SCOPED(nb_text_fini) nb_text known = {0};
    for (size_t i = 0; i < graph->sink_count; i++) {
        if (graph->sinks[i].kind == NB_SINK_ALTERNATE) {
            nb_text_addf(&known, "%s%s", known.length > 0 ? ", " : "", graph->sinks[i].name);
        }
    }
    if (known.length == 0) {
        return nb_fail(err, NB_E_NOT_FOUND,
                       "the song has no alternates; its document lists them under `alternates`");
    }
    return nb_fail(err, NB_E_NOT_FOUND, "the song has no alternate '%s'; it has %s", id,
                   known.chars);
}

/// Does the command line ask for this one?
static bool is_wanted(const nb_args *args, const nb_sink *sink)
{
    const char *only = nb_args_get(args, "alternate");
    switch (sink->kind) {
    case NB_SINK_MIX:
        return !only;
    case NB_SINK_ALTERNATE:
        return nb_args_has(args, "alternates") || (only && strcmp(only, sink->name) == 0);
    case NB_SINK_STEM:
    default:
        return nb_args_has(args, "stems");
    }
}

/// One of `words`, or `fallback` where the option is not given.
static nb_status choose_word(const nb_args *args, const char *option, const char *const *words,
                             size_t fallback, size_t *out_index, nb_error *err)
{
    *out_index = fallback;
    const char *given = nb_args_get(args, option);
    if (!given) {
        return NB_OK;
    }
    for (size_t i = 0; words[i]; i++) {
        if (strcmp(given, words[i]) == 0) {
            *out_index = i;
            return NB_OK;
        }
    }
    NB_SCOPED(nb_text_fini) nb_text list = {0};
    for (size_t i = 0; words[i]; i++) {
        nb_text_add(&list, i ? ", " : "");
        nb_text_add(&list, words[i]);
    }
    return nb_fail(err, NB_E_USAGE, "--%s %s is none of %s", option, given,
                   list.chars ? list.chars : "");
}

static nb_status choose_samples(nb_render_files *self, const nb_args *args, nb_error *err)
{
    static const char *const sizes[] = {"32f", "16", "24", NULL}; // as nb_sample_format
    static const char *const dithers[] = {"none", "tpdf", "lipshitz", "shaped", NULL};
    size_t samples = 0;
    size_t dither = 0;
    nb_status status = choose_word(args, "bits", sizes, NB_SAMPLE_FLOAT_32, &samples, err);
    if (status == NB_OK) {
        status = choose_word(args, "dither", dithers, NB_DITHER_TPDF, &dither, err);
    }
    if (status == NB_OK && nb_args_has(args, "dither") && samples == NB_SAMPLE_FLOAT_32) {
        return nb_fail(err, NB_E_USAGE, "--dither is for whole numbers: give --bits 16 or 24 too");
    }
    self->samples = (nb_sample_format)samples;
    self->dither = (nb_dither_kind)dither;
    return status;
}

nb_status nb_render_files_choose(nb_render_files *self, const nb_args *args, const nb_song *song,
                                 const nb_graph *graph, nb_error *err)
{
    const char *only = nb_args_get(args, "alternate");
    bool found_only = false;
    self->list = calloc(graph->sink_count, sizeof *self->list);
    if (!self->list) {
        return no_memory(err);
    }
    for (size_t i = 0; i < graph->sink_count; i++) {
        const nb_sink *sink = &graph->sinks[i];
        found_only |= only && sink->kind == NB_SINK_ALTERNATE && strcmp(only, sink->name) == 0;
        if (is_wanted(args, sink)) {
            self->list[self->count].index = i;
            self->list[self->count++].sink = *sink;
        }
    }
    if ((only && !found_only) ||
        (nb_args_has(args, "alternates") && song->document->alternate_count == 0)) {
        return no_alternate(graph, only ? only : "", err);
    }
    NB_SCOPED(nb_text_free) char *start = NULL;
    nb_status status = choose_samples(self, args, err);
    if (status == NB_OK) {
        status = choose_stem_of_names(args, song, &start, err);
    }
    for (size_t i = 0; status == NB_OK && start && i < self->count; i++) {
        status = name_file(&self->list[i], args, start, self->count == 1, err);
        if (status == NB_OK && self->list[i].wav_path) {
            status = check_place(&self->list[i], song, graph, err);
        }
    }
    return status;
}

nb_status nb_render_files_make(nb_render_files *self, const nb_graph *graph,
                               const nb_render_options *options, nb_error *err)
{
    nb_render_output *outputs = calloc(self->count, sizeof *outputs);
    if (!outputs) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for %zu outputs", self->count);
    }
    for (size_t i = 0; i < self->count; i++) {
        outputs[i] = (nb_render_output){.sink = self->list[i].index,
                                        .wav_path = self->list[i].draft_path,
                                        .report = &self->list[i].report};
        if (self->list[i].sink.kind != NB_SINK_STEM) { // stems are to add up exactly
            outputs[i].samples = self->samples;
            outputs[i].dither = self->dither;
        }
    }
    nb_status status = nb_render_run(graph, outputs, self->count, options, err);
    free(outputs);
    for (size_t i = 0; status == NB_OK && i < self->count; i++) {
        const nb_render_file *file = &self->list[i];
        status = nb_file_publish(file->draft_path, file->wav_path, err);
        if (status == NB_OK) {
            status = nb_report_write(&file->report, file->report_path, err);
        }
    }
    return status;
}

static nb_status print_json(const nb_render_files *self, nb_error *err)
{
    json_t *json = nb_report_to_json(&self->list[0].report);
    json_t *outputs = json_array();
    for (size_t i = 0; i < self->count; i++) {
        const nb_render_file *file = &self->list[i];
        json_array_append_new(outputs, json_pack("{s:s, s:s, s:o, s:o}", "kind",
                                                 kinds[file->sink.kind], "name", file->sink.name,
                                                 "file", nb_cli_json_string(file->wav_path),
                                                 "report", nb_report_to_json(&file->report)));
    }
    json_object_set_new(json, "outputs", outputs);
    return nb_cli_print_json(json, err);
}

static void format_level(double level, char out[16])
{
    if (isinf(level)) {
        snprintf(out, 16, "none");
    } else {
        snprintf(out, 16, "%.1f", level);
    }
}

nb_status nb_render_files_print(const nb_render_files *self, const nb_cli *cli, nb_error *err)
{
    const nb_render_file *first = &self->list[0];
    if (cli->json && self->count > 1) {
        return print_json(self, err);
    }
    const nb_status status = nb_cli_print_report(cli, first->wav_path, &first->report, err);
    if (status != NB_OK || self->count == 1) {
        return status;
    }
    static const nb_table_column columns[] = {
        {"ALSO WRITTEN", NB_TABLE_FLEX}, {"", NB_TABLE_LEFT},      {"LUFS", NB_TABLE_RIGHT},
        {"LRA", NB_TABLE_RIGHT},         {"DBTP", NB_TABLE_RIGHT},
    };
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    for (size_t i = 1; i < self->count; i++) {
        const nb_render_file *file = &self->list[i];
        char lufs[16];
        char range[16];
        char peak[16];
        format_level(file->report.integrated_lufs, lufs);
        format_level(file->report.loudness_range_lu, range);
        format_level(file->report.true_peak_dbtp, peak);
        const char *const cells[] = {file->wav_path, kinds[file->sink.kind], lufs, range, peak};
        nb_table_add(&table, cells);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_text_add(&text, "\n");
    nb_table_print(&table, cli->colour, &text);
    return nb_cli_print(&text, err);
}
