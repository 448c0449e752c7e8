// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "review-cli/ago.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/notes.h"
#include "review-cli/table.h"
#include "review/notes.h"

#include <stdio.h>
#include <string.h>

static const nb_option list_options[] = {
    {"state", 0, "STATE", "only those: open, resolved, deleted or erased", 0},
    {"author", 0, "NAME", "only that person's", 0},
    {"track", 0, "ID", "the track that it is about", 0},
    {"all-versions", 0, NULL, "every note of the song, where it was made", 0},
    {"limit", 'L', "N", "how many, the newest (default: all)", 'n'},
};

static void add_replies(const json_t *row, int64_t now_ms, nb_table *table)
{
    size_t i = 0;
    const json_t *reply = NULL;
    json_array_foreach(json_object_get(row, "replies"), i, reply)
    {
        char number[24];
        char when[NB_AGO_SIZE];
        const bool there = strcmp(nb_json_text(reply, "state"), "open") == 0;
        NB_SCOPED(nb_text_free)
        char *words = nb_notes_one_line(nb_json_text(reply, there ? "text" : "state"));
        snprintf(number, sizeof number, ".%zu", i + 1);
        nb_ago_format(json_integer_value(json_object_get(reply, "time_ms")), now_ms, when);
        nb_table_add(table, (const char *const[]){number, "", "", nb_json_text(reply, "person"),
                                                  when, words ? words : ""});
    }
}

static nb_status print_table(const nb_cli *cli, const nb_notes *all, bool one_song, nb_error *err)
{
    static const nb_table_column columns[] = {
        {"NOTE", NB_TABLE_LEFT}, {"AT", NB_TABLE_LEFT},   {"STATE", NB_TABLE_LEFT},
        {"WHO", NB_TABLE_FLEX},  {"WHEN", NB_TABLE_LEFT}, {"TEXT", NB_TABLE_WRAP},
    };
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    const int64_t now_ms = nb_clock_wall_ms();
    size_t i = 0;
    const json_t *row = NULL;
    json_array_foreach(all->rows, i, row)
    {
        char name[100];
        char place[NB_NOTES_PLACE_SIZE];
        char when[NB_AGO_SIZE];
        NB_SCOPED(nb_text_free) char *whole = nb_notes_words(row);
        NB_SCOPED(nb_text_free) char *words = whole ? nb_notes_one_line(whole) : NULL;
        snprintf(name, sizeof name, "%s#%d", one_song ? "" : nb_json_text(row, "song"),
                 (int)json_integer_value(json_object_get(row, "number")));
        nb_notes_format_place(row, place);
        nb_ago_format(json_integer_value(json_object_get(row, "time_ms")), now_ms, when);
        nb_table_add(&table,
                     (const char *const[]){name, place, nb_json_text(row, "state"),
                                           nb_json_text(row, "person"), when, words ? words : ""});
        add_replies(row, now_ms, &table);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_table_print(&table, cli->colour, &text);
    nb_text_add(&text, i == 0 ? "no notes\n" : "");
    return nb_cli_print(&text, err);
}

static nb_status check_state(const char *state, nb_error *err)
{
    nb_note_state known;
    if (!state || nb_note_state_from_name(state, &known)) {
        return NB_OK;
    }
    return nb_fail(err, NB_E_USAGE, "--state: open, resolved, deleted or erased");
}

/// With a limit the newest are kept, and shown by place like the others.
static void keep_newest(nb_notes *notes, size_t limit)
{
    while (json_array_size(notes->rows) > limit) {
        size_t oldest = 0;
        json_int_t oldest_ms = INT64_MAX;
        size_t i = 0;
        const json_t *row = NULL;
        json_array_foreach(notes->rows, i, row)
        {
            const json_int_t ms = json_integer_value(json_object_get(row, "time_ms"));
            oldest = ms < oldest_ms ? i : oldest;
            oldest_ms = ms < oldest_ms ? ms : oldest_ms;
        }
        json_array_remove(notes->rows, oldest);
    }
}

static nb_status fetch(nb_cli *cli, const nb_version_name *name, nb_notes *out, nb_error *err)
{
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    int64_t limit = 0;
    nb_status status = check_state(nb_args_get(&cli->args, "state"), err);
    if (status == NB_OK) {
        status = nb_args_get_integer(&cli->args, "limit", 1, INT32_MAX, INT32_MAX, &limit, err);
    }
    if (status == NB_OK) {
        status = nb_farm_open_album(cli, &farm, err);
    }
    if (status == NB_OK) {
        status = nb_args_has(&cli->args, "all-versions") ? nb_notes_fetch_all(&farm, name, out, err)
                                                         : nb_notes_fetch(&farm, name, out, err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_notes_keep(out, "state", nb_args_get(&cli->args, "state"));
    nb_notes_keep(out, "person", nb_args_get(&cli->args, "author"));
    nb_notes_keep(out, "track", nb_args_get(&cli->args, "track"));
    keep_newest(out, (size_t)limit);
    nb_notes_sort(out);
    return NB_OK;
}

static nb_status run_list(nb_cli *cli, nb_error *err)
{
    nb_version_name name;
    NB_SCOPED(nb_notes_fini) nb_notes all = {0};
    const bool one_song = cli->args.word_count > 0;
    nb_status status = one_song ? nb_version_name_parse(cli->args.words[0], &name, err) : NB_OK;
    if (status == NB_OK) {
        status = fetch(cli, one_song ? &name : NULL, &all, err);
    }
    if (status != NB_OK) {
        return status;
    }
    if (!cli->json) {
        return print_table(cli, &all, one_song, err);
    }
    return nb_cli_print_json(json_pack("{s:o, s:o, s:O}", "song",
                                       nb_cli_json_string(one_song ? name.song : NULL), "version",
                                       nb_cli_json_string(all.version[0] ? all.version : NULL),
                                       "notes", all.rows),
                             err);
}

const nb_command nb_command_note_list = {
    .name = "note list",
    .usage = "[SONG[@V]] [--state S] [--author NAME] [--json]",
    .summary = "the notes on a version, in the order of the song",
    .details = "A version has the notes that were made on it and those that came to it still\n"
               "open. Without SONG: the newest versions of all songs.",
    .examples = "  nightbus note list night@v1\n"
                "  nightbus note list --state open\n"
                "  nightbus note list night --json | jq -r '.notes[].text'",
    .words_min = 0,
    .words_max = 1,
    .options = list_options,
    .option_count = NB_COUNT(list_options),
    .has_json = true,
    .pages = true,
    .run = run_list,
};
