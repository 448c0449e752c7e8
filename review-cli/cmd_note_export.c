// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.h"
#include "mix/document.h"
#include "mix/problems.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/folder.h"
#include "review-cli/notes.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const nb_option export_options[] = {
    {"format", 0, "FORMAT", "what to write; else by the file's ending"},
    {"output", 'o', "FILE", "where to; else to standard output"},
    {"session", 0, "FILE", "a session or WAV: write a copy with the notes in it"},
    {"state", 0, "STATE", "only those: open or resolved", 0},
    {"start", 0, "TIME", "where the song begins in the session; 0 if not given"},
};

static nb_status choose_format(const nb_cli *cli, nb_marker_format *out, nb_error *err)
{
    const char *name = nb_args_get(&cli->args, "format");
    const char *output = nb_args_get(&cli->args, "output");
    const char *session = nb_args_get(&cli->args, "session");
    const char *state = nb_args_get(&cli->args, "state");
    if (state && strcmp(state, "open") != 0 && strcmp(state, "resolved") != 0) {
        return nb_fail(err, NB_E_USAGE, "--state: open or resolved");
    }
    nb_status status = name      ? nb_marker_format_by_name(name, out, err)
                       : output  ? nb_marker_format_of_new_file(output, out, err)
                       : session ? nb_marker_format_of_new_file(session, out, err)
                                 : nb_fail(err, NB_E_USAGE, "add --format, or -o with a file");
    if (status == NB_OK && !nb_marker_format_is_written(*out)) {
        return nb_fail(err, NB_E_USAGE, "%s is only read, by `nightbus note import`",
                       nb_marker_format_name(*out));
    }
    if (status == NB_OK && session && !nb_marker_format_takes_session(*out)) {
        return nb_fail(err, NB_E_USAGE, "%s has no sessions; --session is for rpp, ardour, wav-cue",
                       nb_marker_format_name(*out));
    }
    if (status == NB_OK && session && output && nb_file_is_same(session, output)) {
        return nb_fail(err, NB_E_USAGE,
                       "%s is the session itself, which stays as it is; name another file with -o",
                       output);
    }
    if (status == NB_OK && !output && nb_marker_format_is_binary(*out) && isatty(STDOUT_FILENO)) {
        return nb_fail(err, NB_E_USAGE, "%s is nothing for a terminal; add -o FILE",
                       nb_marker_format_name(*out));
    }
    return status;
}

/// The song's tempos from the working folder around, where there is one that has them.
static void find_tempos(const char *song, nb_marker_tempo **out, size_t *out_count)
{
    enum { DOCUMENT_MAX = 4 << 20 };
    *out = NULL;
    *out_count = 0;
    NB_SCOPED(nb_text_free) char *folder = nb_folder_find(NULL);
    NB_SCOPED(nb_text_free)
    char *path = folder ? nb_text_format("%s/songs/%s/mix.yaml", folder, song) : NULL;
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    NB_SCOPED(nb_problems_fini) nb_problems problems = {0};
    NB_SCOPED(nb_document_destroy) nb_document *document = NULL;
    size_t size = 0;
    if (!path || nb_file_read(path, DOCUMENT_MAX, &bytes, &size, NULL) != NB_OK ||
        nb_document_parse("mix.yaml", bytes, size, &problems, &document, NULL) != NB_OK) {
        return;
    }
    nb_marker_tempo *tempos = calloc(document->tempo_count, sizeof *tempos);
    for (size_t i = 0; tempos && i < document->tempo_count; i++) {
        const nb_document_tempo *tempo = &document->tempos[i];
        tempos[i] = (nb_marker_tempo){tempo->ns, tempo->bpm, tempo->beats, tempo->unit};
    }
    *out = tempos;
    *out_count = tempos ? document->tempo_count : 0;
}

static void free_tempos(nb_marker_tempo **tempos_p) { free(*tempos_p); }

static nb_status move_by(nb_markers *markers, int64_t start_ns, nb_error *err)
{
    for (size_t i = 0; i < markers->count; i++) {
        nb_marker *marker = &markers->items[i];
        marker->at_ns += start_ns;
        marker->end_ns += start_ns;
        if (marker->end_ns > 24LL * 60 * 60 * 1000000000) {
            return nb_fail(err, NB_E_USAGE, "with --start a note lies behind 24 hours");
        }
    }
    return NB_OK;
}

static nb_status write_markers(const nb_cli *cli, const nb_markers *markers,
                               nb_marker_format format, nb_error *err)
{
    const char *output = nb_args_get(&cli->args, "output");
    const char *session = nb_args_get(&cli->args, "session");
    if (!output) {
        return nb_markers_write(markers, format, session, stdout, err);
    }
    NB_SCOPED(nb_file_draft_fini) nb_file_draft draft = {0};
    nb_status status = nb_file_draft_open(output, &draft, err);
    if (status == NB_OK) {
        status = nb_markers_write(markers, format, session, draft.stream, err);
    }
    if (status == NB_OK) {
        status = nb_file_draft_commit(&draft, err);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_text_addf(&text, "%zu note%s in ", markers->count, markers->count == 1 ? "" : "s");
    nb_text_add_lines(&text, output, 0);
    nb_text_addf(&text, " (%s)\n", nb_marker_format_name(format));
    return status == NB_OK ? nb_cli_print(&text, err) : status;
}

static nb_status run_export(nb_cli *cli, nb_error *err)
{
    nb_version_name name;
    nb_marker_format format = NB_MARKER_CSV;
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_notes_fini) nb_notes notes = {0};
    NB_SCOPED(nb_markers_fini) nb_markers markers = {0};
    NB_SCOPED(free_tempos) nb_marker_tempo *tempos = NULL;
    int64_t start_ns = 0;
    nb_status status = nb_version_name_parse(cli->args.words[0], &name, err);
    if (status == NB_OK) {
        status = choose_format(cli, &format, err);
    }
    if (status == NB_OK) {
        status = nb_args_get_time(&cli->args, "start", 0, &start_ns, err);
    }
    if (status == NB_OK) {
        status = nb_farm_open_album(cli, &farm, err);
    }
    if (status == NB_OK) {
        status = nb_notes_fetch(&farm, &name, &notes, err);
    }
    if (status == NB_OK) {
        nb_notes_drop_gone(&notes);
        nb_notes_keep(&notes, "state", nb_args_get(&cli->args, "state"));
        status = nb_notes_to_markers(&notes, &markers, err);
    }
    if (status == NB_OK) {
        status = move_by(&markers, start_ns, err);
    }
    if (status != NB_OK) {
        return status;
    }
    char title[96];
    snprintf(title, sizeof title, "%s@%.16s", name.song, notes.version);
    markers.title = title;
    if (start_ns == 0) { // the map begins with the song, not with a session around it
        find_tempos(name.song, &tempos, &markers.tempo_count);
        markers.tempos = tempos;
    }
    return write_markers(cli, &markers, format, err);
}

const nb_command nb_command_note_export = {
    .name = "note export",
    .usage = "SONG@V [--format F] [-o FILE] [--session FILE]",
    .summary = "the notes as markers of another program",
    .details = "FORMAT is reaper-csv, rpp, audacity, ardour, midi, wav-cue, audition, csv\n"
               "or markdown. rpp, ardour and wav-cue write a copy of --session with the notes\n"
               "in it, all else as it was; without one, a piece to put in. docs/markers.md\n"
               "says what each program takes.",
    .examples = "  nightbus note export night@v3 -o night.csv\n"
                "  nightbus note export night@v3 --session Night.rpp -o Night-notes.rpp\n"
                "  nightbus note export night@v3 --format markdown",
    .words_min = 1,
    .words_max = 1,
    .options = export_options,
    .option_count = NB_COUNT(export_options),
    .run = run_export,
};
