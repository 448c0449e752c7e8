// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "review-cli/ago.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/notes.h"
#include "review-cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NS_PER_MS = 1000000 };

static nb_status parse_moment(const char *text, size_t length, int64_t *out_ms, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *copy = strndup(text, length);
    int64_t ns = 0;
    nb_error why = {0};
    if (!copy) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a time");
    }
    if (nb_text_parse_time(copy, &ns, &why) != NB_OK) {
        return nb_fail(err, NB_E_USAGE, "%s; write 1:32, or 1:32.5-1:40 for a region", why.text);
    }
    *out_ms = (ns + NS_PER_MS / 2) / NS_PER_MS;
    return NB_OK;
}

/// "1:32" or "1:32-1:40".
static nb_status parse_place(const char *text, int64_t *out_at_ms, int64_t *out_end_ms,
                             nb_error *err)
{
    if (text[0] == '-') {
        return nb_fail(err, NB_E_USAGE, "%s is before the song begins; write 1:32", text);
    }
    const char *dash = strchr(text, '-');
    const size_t length = dash ? (size_t)(dash - text) : strlen(text);
    nb_status status = parse_moment(text, length, out_at_ms, err);
    *out_end_ms = *out_at_ms;
    if (status == NB_OK && dash) {
        status = parse_moment(dash + 1, strlen(dash + 1), out_end_ms, err);
    }
    if (status == NB_OK && *out_end_ms < *out_at_ms) {
        return nb_fail(err, NB_E_USAGE, "%s ends before it begins", text);
    }
    return status;
}

static nb_status run_add(nb_cli *cli, nb_error *err)
{
    nb_version_name name;
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    NB_SCOPED(nb_text_free) char *text = strdup(cli->args.words[2]);
    uint8_t id[NB_CLIENT_ID_SIZE];
    Nightbus__NoteAdd body = NIGHTBUS__NOTE_ADD__INIT;
    nb_status status = nb_version_name_parse(cli->args.words[0], &name, err);
    if (status == NB_OK) {
        status = parse_place(cli->args.words[1], &body.at_ms, &body.end_ms, err);
    }
    if (status == NB_OK && (!text || text[strspn(text, " \t\n")] == '\0')) {
        status = nb_fail(err, NB_E_USAGE, "the note has no text");
    }
    if (status == NB_OK) {
        status = nb_farm_make_id(id, err);
    }
    if (status == NB_OK) {
        status = nb_farm_open_album(cli, &farm, err);
    }
    if (status != NB_OK) {
        return status;
    }
    body.album = farm.album;
    body.song = name.song;
    body.version = name.version;
    body.text = text;
    body.client_id = (ProtobufCBinaryData){sizeof id, id};
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_NOTE_ADD;
    request.note_add = &body;
    status = nb_farm_ask(&farm, &request, NIGHTBUS__REPLY__BODY_NOTE_LISTING, 0, &reply, err);
    if (status != NB_OK) {
        return status;
    }
    char at[NB_TEXT_TIME_SIZE];
    nb_text_format_time((double)body.at_ms / 1000.0, at);
    return nb_cli_printf(err, "noted on %s@%s at %s\n", name.song, reply->note_listing->version,
                         at);
}

const nb_command nb_command_note_add = {
    .name = "note add",
    .usage = "SONG@V TIME[-TIME] TEXT",
    .summary = "leave a note at a time, or over a region, of a version",
    .details = "Times are seconds, m:ss or h:mm:ss, each with a fraction if you like.",
    .examples = "  nightbus note add night@v1 1:32 \"vocal up a touch\"\n"
                "  nightbus note add night@v1 2:04.5-2:10 \"this bar drags\"",
    .words_min = 3,
    .words_max = 3,
    .run = run_add,
};

// ---- note list ----

/// A note's row and where it stands.
typedef struct placed_note {
    const json_t *row;
    double at_s;
} placed_note;

/// By place in the song: that is how they are worked through.
static int by_place(const void *a, const void *b)
{
    const double x = ((const placed_note *)a)->at_s;
    const double y = ((const placed_note *)b)->at_s;
    return (x > y) - (x < y);
}

static void format_place(const json_t *row, char *out, size_t size)
{
    char at[NB_TEXT_TIME_SIZE];
    char end[NB_TEXT_TIME_SIZE];
    const double at_s = json_real_value(json_object_get(row, "at_s"));
    const double end_s = json_real_value(json_object_get(row, "end_s"));
    nb_text_format_time(at_s, at);
    nb_text_format_time(end_s, end);
    snprintf(out, size, "%s%s%s", at, end_s > at_s ? "-" : "", end_s > at_s ? end : "");
}

static nb_status print_table(const nb_cli *cli, const nb_notes *all, nb_error *err)
{
    static const nb_table_column columns[] = {
        {"AT", NB_TABLE_LEFT},
        {"WHO", NB_TABLE_FLEX},
        {"WHEN", NB_TABLE_LEFT},
        {"NOTE", NB_TABLE_WRAP},
    };
    const size_t count = json_array_size(all->rows);
    placed_note *placed = calloc(count + 1, sizeof *placed);
    if (!placed) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the notes");
    }
    for (size_t i = 0; i < count; i++) {
        placed[i].row = json_array_get(all->rows, i);
        placed[i].at_s = json_real_value(json_object_get(placed[i].row, "at_s"));
    }
    qsort(placed, count, sizeof *placed, by_place);
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    const int64_t now_ms = nb_clock_wall_ms();
    for (size_t i = 0; i < count; i++) {
        char place[2 * NB_TEXT_TIME_SIZE + 2];
        char when[NB_AGO_SIZE];
        const json_t *row = placed[i].row;
        format_place(row, place, sizeof place);
        nb_ago_format(json_integer_value(json_object_get(row, "time_ms")), now_ms, when);
        const char *const cells[] = {place, json_string_value(json_object_get(row, "person")), when,
                                     json_string_value(json_object_get(row, "text"))};
        nb_table_add(&table, cells);
    }
    free(placed);
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_table_print(&table, cli->colour, &text);
    nb_text_add(&text, count == 0 ? "no notes\n" : "");
    return nb_cli_print(&text, err);
}

static nb_status run_list(nb_cli *cli, nb_error *err)
{
    nb_version_name name;
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_notes_fini) nb_notes all = {0};
    nb_status status = nb_version_name_parse(cli->args.words[0], &name, err);
    if (status == NB_OK) {
        status = nb_farm_open_album(cli, &farm, err);
    }
    if (status == NB_OK) {
        status = nb_notes_fetch(&farm, &name, &all, err);
    }
    if (status != NB_OK) {
        return status;
    }
    return cli->json
               ? nb_cli_print_json(json_pack("{s:s, s:o, s:O}", "song", name.song, "version",
                                             nb_cli_json_string(all.version), "notes", all.rows),
                                   err)
               : print_table(cli, &all, err);
}

const nb_command nb_command_note_list = {
    .name = "note list",
    .usage = "SONG@V [--json]",
    .summary = "the notes on a version, in the order of the song",
    .examples = "  nightbus note list night@v1\n"
                "  nightbus note list night --json | jq -r '.notes[].text'",
    .words_min = 1,
    .words_max = 1,
    .has_json = true,
    .pages = true,
    .run = run_list,
};
