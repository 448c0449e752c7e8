// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/digest.h"
#include "base/file.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/notes.h"
#include "review-cli/table.h"
#include "review/event.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const nb_option import_options[] = {
    {"format", 0, "FORMAT", "what the file is; else by its ending and first bytes"},
    {"dry-run", 0, NULL, "only show what would be added; needs no farm"},
    {"start", 0, "TIME", "where the song begins in the session; 0 if not given"},
};

static nb_status read_markers(const nb_cli *cli, const char *path, nb_markers *out, nb_error *err)
{
    const char *name = nb_args_get(&cli->args, "format");
    nb_marker_format format = NB_MARKER_CSV;
    int64_t start_ns = 0;
    if (!nb_file_exists(path) || nb_file_is_folder(path)) {
        return nb_fail(err, NB_E_NOT_FOUND, "%s: there is no such file", path);
    }
    nb_status status = name ? nb_marker_format_by_name(name, &format, err)
                            : nb_marker_format_of_file(path, &format, err);
    if (status == NB_OK) {
        status = nb_args_get_time(&cli->args, "start", 0, &start_ns, err);
    }
    if (status == NB_OK) {
        status = nb_markers_read(path, format, out, err);
    }
    size_t kept = 0;
    for (size_t i = 0; status == NB_OK && i < out->count; i++) {
        nb_marker *marker = &out->items[i];
        if (marker->at_ns < start_ns) {
            free(marker->text);
            free(marker->author);
            continue;
        }
        marker->at_ns -= start_ns;
        marker->end_ns -= start_ns;
        out->items[kept++] = *marker;
    }
    const size_t before = out->count - kept;
    out->count = status == NB_OK ? kept : out->count;
    if (status == NB_OK && before > 0) {
        if (out->left_out == 0) { // what the file's own first one lacked is better known
            snprintf(out->left_out_why, sizeof out->left_out_why, "before --start");
        }
        out->left_out += before;
    }
    return status;
}

static void say_left_out(const nb_markers *markers)
{
    if (markers->left_out > 0) {
        fprintf(stderr, "nightbus: %zu left out: %s\n", markers->left_out, markers->left_out_why);
    }
}

// ---- showing ----

static nb_status print_json(const nb_markers *markers, nb_error *err)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < markers->count; i++) {
        const nb_marker *marker = &markers->items[i];
        json_array_append_new(rows, json_pack("{s:f, s:f, s:s}", "at_s",
                                              (double)marker->at_ns / 1e9, "end_s",
                                              (double)marker->end_ns / 1e9, "text", marker->text));
    }
    return nb_cli_print_json(rows, err);
}

static nb_status print_table(const nb_cli *cli, const nb_markers *markers, nb_error *err)
{
    static const nb_table_column columns[] = {
        {"AT", NB_TABLE_LEFT}, {"TO", NB_TABLE_LEFT}, {"NOTE", NB_TABLE_WRAP}};
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    for (size_t i = 0; i < markers->count; i++) {
        const nb_marker *marker = &markers->items[i];
        char at[NB_TEXT_TIME_SIZE];
        char end[NB_TEXT_TIME_SIZE] = "";
        nb_text_format_time((double)marker->at_ns / 1e9, at);
        if (marker->end_ns > marker->at_ns) {
            nb_text_format_time((double)marker->end_ns / 1e9, end);
        }
        nb_table_add(&table, (const char *const[]){at, end, marker->text});
    }
    nb_table_print(&table, cli->colour, &text);
    nb_text_add(&text, markers->count == 0 ? "no markers\n" : "");
    return nb_cli_print(&text, err);
}

// ---- adding ----

/// What became of the markers.
typedef struct tally {
    size_t added;
    size_t there;    ///< Notes that the version had already
    size_t nameless; ///< Markers without a text, which are no notes
    size_t behind;   ///< Markers past the end of the version
} tally;

/// The text that becomes the note's: an author's name stays before it, since the note is the
/// importer's.
static char *text_of(const nb_marker *marker)
{
    const bool named = marker->author && marker->author[0];
    return nb_text_format("%s%s%s", named ? marker->author : "", named ? ": " : "", marker->text);
}

/// True if the note `row` is what the marker says: added from it before, or exported as it. Files
/// keep no more than milliseconds.
static bool is_same(const json_t *row, int64_t at_ns, const char *said)
{
    static const double apart_ms = 1.5;
    const double at_ms = 1000.0 * json_real_value(json_object_get(row, "at_s"));
    if (fabs(at_ms - (double)at_ns / 1e6) > apart_ms) {
        return false;
    }
    NB_SCOPED(nb_text_free) char *text = nb_notes_marker_text(row);
    const char *person = json_string_value(json_object_get(row, "person"));
    const size_t length = person ? strlen(person) : 0;
    const bool by_them =
        length > 0 && strncmp(said, person, length) == 0 && strncmp(said + length, ": ", 2) == 0;
    return text && (strcmp(text, said) == 0 || (by_them && strcmp(text, said + length + 2) == 0));
}

static bool is_there(const nb_notes *notes, int64_t at_ns, const char *said)
{
    size_t i = 0;
    const json_t *row = NULL;
    json_array_foreach(notes->rows, i, row)
    {
        if (is_same(row, at_ns, said)) {
            return true;
        }
    }
    return false;
}

/// Sessions have marks behind the song: its end, the reverb's end. They are no notes on it.
static bool is_behind(const nb_notes *notes, const nb_marker *marker)
{
    const unsigned rate_hz = notes->rate_hz > 0 ? notes->rate_hz : 1;
    return notes->duration_s >= 0.0 && (double)nb_text_ns_to_frames(marker->end_ns, rate_hz) >
                                           ceil(notes->duration_s * (double)rate_hz);
}

/// Notes on their way to the farm, as many as one request takes.
typedef struct outgoing {
    nb_farm *farm;
    const nb_notes *notes; ///< Of the version, as they were before
    nb_version_name name;
    tally *done;
    size_t count;
    size_t bytes;
    char *texts[NB_IMPORTED_MAX];
    uint8_t ids[NB_IMPORTED_MAX][NB_CLIENT_ID_SIZE];
    Nightbus__NoteImportRow rows[NB_IMPORTED_MAX];
} outgoing;

static void outgoing_clear(outgoing *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(self->texts[i]);
    }
    self->count = 0;
    self->bytes = 0;
}

static void outgoing_free(outgoing **self_p)
{
    if (*self_p) {
        outgoing_clear(*self_p);
        free(*self_p);
    }
}

/// The same marker gets the same id, so that a repeat changes nothing even where two run at once.
static void make_id(const outgoing *self, const Nightbus__NoteImportRow *row,
                    uint8_t out[NB_CLIENT_ID_SIZE])
{
    nb_hasher *hasher = nb_hasher_new();
    nb_hasher_add_string(hasher, "nightbus note import");
    nb_hasher_add_string(hasher, self->name.song);
    nb_hasher_add_string(hasher, self->notes->version);
    nb_hasher_add_i64(hasher, row->at_ns);
    nb_hasher_add_i64(hasher, row->end_ns);
    nb_hasher_add_string(hasher, row->text);
    const nb_digest digest = nb_hasher_finish(hasher);
    nb_hasher_destroy(&hasher);
    memcpy(out, digest.bytes, NB_CLIENT_ID_SIZE);
}

static nb_status flush(outgoing *self, nb_error *err)
{
    Nightbus__NoteImportRow *rows[NB_IMPORTED_MAX];
    char version[sizeof self->notes->version];
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    if (self->count == 0) {
        return NB_OK;
    }
    for (size_t i = 0; i < self->count; i++) {
        rows[i] = &self->rows[i];
    }
    memcpy(version, self->notes->version, sizeof version);
    Nightbus__NoteImport body = NIGHTBUS__NOTE_IMPORT__INIT;
    body.album = self->farm->album;
    body.song = self->name.song;
    body.version = version;
    body.n_rows = self->count;
    body.rows = rows;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_NOTE_IMPORT;
    request.note_import = &body;
    const nb_status status =
        nb_farm_ask(self->farm, &request, NIGHTBUS__REPLY__BODY_NOTE_IMPORTED, 0, &reply, err);
    if (status == NB_OK && reply) {
        const size_t added = reply->note_imported->added;
        self->done->added += added;
        self->done->there += added < self->count ? self->count - added : 0;
        outgoing_clear(self);
    }
    return status;
}

static nb_status add_marker(outgoing *self, const nb_marker *marker, nb_error *err)
{
    enum { BYTES_MAX = NB_MESSAGE_MAX / 2 };
    char *text = text_of(marker);
    if (!text) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a note");
    }
    const bool is_nameless = marker->text[0] == '\0';
    const bool is_past = !is_nameless && is_behind(self->notes, marker);
    const bool is_known = !is_nameless && !is_past && is_there(self->notes, marker->at_ns, text);
    if (is_nameless || is_past || is_known) {
        self->done->nameless += is_nameless ? 1 : 0;
        self->done->behind += is_past ? 1 : 0;
        self->done->there += is_known ? 1 : 0;
        free(text);
        return NB_OK;
    }
    const size_t at = self->count++;
    Nightbus__NoteImportRow *row = &self->rows[at];
    *row = (Nightbus__NoteImportRow)NIGHTBUS__NOTE_IMPORT_ROW__INIT;
    self->texts[at] = text;
    row->at_ns = marker->at_ns;
    row->end_ns = marker->end_ns;
    row->text = text;
    make_id(self, row, self->ids[at]);
    row->client_id = (ProtobufCBinaryData){NB_CLIENT_ID_SIZE, self->ids[at]};
    self->bytes += strlen(text);
    return self->count == NB_IMPORTED_MAX || self->bytes > BYTES_MAX ? flush(self, err) : NB_OK;
}

static nb_status add_notes(nb_farm *farm, const nb_notes *notes, const nb_version_name *name,
                           const nb_markers *markers, tally *out, nb_error *err)
{
    nb_error why = {0};
    nb_status status = NB_OK;
    if (markers->count > NB_EVENTS_MAX) {
        return nb_fail(err, NB_E_LIMIT, "%zu markers; a version has at most %d notes",
                       markers->count, NB_EVENTS_MAX);
    }
    NB_SCOPED(outgoing_free) outgoing *going = calloc(1, sizeof *going);
    if (!going) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the notes");
    }
    going->farm = farm;
    going->notes = notes;
    going->name = *name;
    going->done = out;
    for (size_t i = 0; i < markers->count && status == NB_OK; i++) {
        status = add_marker(going, &markers->items[i], &why);
    }
    if (status == NB_OK) {
        status = flush(going, &why);
    }
    if (status == NB_OK || out->added == 0) {
        return status == NB_OK ? NB_OK : nb_fail(err, status, "%s", why.text);
    }
    return nb_fail(err, status, "%.800s; %zu notes were added before: the same command goes on",
                   why.text, out->added);
}

static nb_status report(const nb_cli *cli, const nb_version_name *name, const char *version,
                        const nb_markers *markers, const tally *done, nb_error *err)
{
    if (cli->json) {
        return nb_cli_print_json(
            json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I}", "song", name->song, "version",
                      nb_cli_json_string(version), "added", (json_int_t)done->added, "there",
                      (json_int_t)done->there, "nameless", (json_int_t)done->nameless, "behind",
                      (json_int_t)done->behind, "left_out", (json_int_t)markers->left_out),
            err);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_text_addf(&text, "added %zu note%s to %s@%.16s", done->added, done->added == 1 ? "" : "s",
                 name->song, version);
    if (done->there > 0) {
        nb_text_addf(&text, "; %zu there already", done->there);
    }
    if (done->behind > 0) {
        nb_text_addf(&text, "; %zu past the end left out", done->behind);
    }
    if (done->nameless > 0) {
        nb_text_addf(&text, "; %zu without a text left out", done->nameless);
    }
    nb_text_add(&text, "\n");
    return nb_cli_print(&text, err);
}

static nb_status import_markers(nb_cli *cli, const nb_markers *markers, nb_error *err)
{
    nb_version_name name;
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_notes_fini) nb_notes notes = {0};
    tally done = {0};
    nb_status status = nb_version_name_parse(cli->args.words[0], &name, err);
    if (status == NB_OK) {
        status = nb_farm_open_album(cli, &farm, err);
    }
    if (status == NB_OK) {
        status = nb_notes_fetch(&farm, &name, &notes, err);
    }
    if (status == NB_OK) {
        status = add_notes(&farm, &notes, &name, markers, &done, err);
    }
    return status == NB_OK ? report(cli, &name, notes.version, markers, &done, err) : status;
}

static nb_status run_import(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(nb_markers_fini) nb_markers markers = {0};
    const bool dry = nb_args_has(&cli->args, "dry-run");
    const bool has_version = cli->args.word_count == 2;
    if (!has_version && !dry) {
        return nb_fail(err, NB_E_USAGE,
                       "which version? nightbus note import SONG@V FILE (or --dry-run to look)");
    }
    nb_status status = read_markers(cli, cli->args.words[has_version ? 1 : 0], &markers, err);
    if (status != NB_OK) {
        return status;
    }
    say_left_out(&markers);
    if (!dry) {
        return import_markers(cli, &markers, err);
    }
    return cli->json ? print_json(&markers, err) : print_table(cli, &markers, err);
}

const nb_command nb_command_note_import = {
    .name = "note import",
    .usage = "SONG@V FILE [--format F] [--dry-run] [--json]",
    .summary = "add the markers of another program's file as notes",
    .details = "FORMAT is reaper-csv, rpp, audacity, ardour, protools, midi, wav-cue, audition\n"
               "or csv. The notes are yours; a name that a marker carries stays in its text.\n"
               "What is there already is not added again. --dry-run needs no SONG@V.",
    .examples = "  nightbus note import night@v3 Night.rpp\n"
                "  nightbus note import night@v3 session.txt --format protools\n"
                "  nightbus note import notes.csv --dry-run --json",
    .words_min = 1,
    .words_max = 2,
    .options = import_options,
    .option_count = NB_COUNT(import_options),
    .has_json = true,
    .run = run_import,
};
