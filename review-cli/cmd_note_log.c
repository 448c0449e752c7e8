// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "review-cli/ago.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/note_name.h"
#include "review-cli/notes.h"
#include "review-cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const nb_option log_options[] = {
    {"limit", 'L', "N", "how many, the newest (default: all)", 'n'},
};

/// The events of a song's notes, and what of its review was set aside.
typedef struct history {
    json_t *rows;
    json_t *set_aside;
} history;

static void history_fini(history *self)
{
    json_decref(self->rows);
    json_decref(self->set_aside);
}

static json_t *row_to_json(const Nightbus__NoteEventRow *row)
{
    const double rate = row->rate_hz > 0 ? (double)row->rate_hz : 1.0;
    return json_pack("{s:o, s:I, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:b}", "kind",
                     nb_cli_json_string(row->kind), "number", (json_int_t)row->number, "reply",
                     row->has_reply ? json_integer((json_int_t)row->reply) : json_null(), "version",
                     nb_cli_json_string(row->version), "person", nb_cli_json_string(row->person),
                     "time_ms", (json_int_t)row->time_ms, "text",
                     row->text ? json_string(row->text) : json_null(), "at_s",
                     row->has_at_frame ? json_real((double)row->at_frame / rate) : json_null(),
                     "id", nb_cli_json_string(row->id), "unsure", (int)row->unsure);
}

static nb_status fetch(nb_farm *farm, const nb_note_name *name, history *out, nb_error *err)
{
    char song[sizeof name->of.song];
    memcpy(song, name->of.song, sizeof song);
    Nightbus__NoteLog body = NIGHTBUS__NOTE_LOG__INIT;
    body.album = farm->album;
    body.song = song;
    body.has_number = name->number > 0;
    body.number = name->number;
    out->rows = json_array();
    for (bool more = true; more;) {
        Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
        request.body_case = NIGHTBUS__REQUEST__BODY_NOTE_LOG;
        request.note_log = &body;
        NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
        const nb_status status =
            nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_NOTE_HISTORY, 0, &reply, err);
        if (status != NB_OK) {
            return status;
        }
        const Nightbus__NoteHistory *page = reply->note_history;
        for (size_t i = 0; i < page->n_rows; i++) {
            json_array_append_new(out->rows, row_to_json(page->rows[i]));
        }
        json_decref(out->set_aside);
        out->set_aside = json_array();
        for (size_t i = 0; i < page->n_set_aside; i++) {
            json_array_append_new(out->set_aside, nb_cli_json_string(page->set_aside[i]));
        }
        more = page->has_next && page->next > body.after;
        body.has_after = true;
        body.after = page->next;
    }
    return NB_OK;
}

/// "replied: by how much?"
static char *tell(const json_t *row)
{
    static const struct {
        const char *kind, *words;
    } verbs[] = {
        {"note", "noted"},       {"reply", "replied"},        {"edit", "changed to"},
        {"resolve", "resolved"}, {"reopen", "reopened"},      {"delete", "deleted"},
        {"erase", "erased"},     {"follow", "it came along"},
    };
    const char *words = nb_json_text(row, "kind");
    const char *text = json_string_value(json_object_get(row, "text"));
    const bool speaks =
        strcmp(words, "note") == 0 || strcmp(words, "reply") == 0 || strcmp(words, "edit") == 0;
    const bool unsure = json_is_true(json_object_get(row, "unsure"));
    for (size_t i = 0; i < NB_COUNT(verbs); i++) {
        if (strcmp(words, verbs[i].kind) == 0) {
            words = unsure ? "it stayed; something there moved" : verbs[i].words;
            break;
        }
    }
    return speaks ? nb_text_format("%s: %s", words, text ? text : "(words that are gone)")
                  : strdup(words);
}

static nb_status print_table(const nb_cli *cli, const history *all, nb_error *err)
{
    static const nb_table_column columns[] = {
        {"WHEN", NB_TABLE_LEFT}, {"NOTE", NB_TABLE_LEFT}, {"ON", NB_TABLE_LEFT},
        {"AT", NB_TABLE_LEFT},   {"WHO", NB_TABLE_FLEX},  {"WHAT", NB_TABLE_WRAP},
    };
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    const int64_t now_ms = nb_clock_wall_ms();
    size_t i = 0;
    const json_t *row = NULL;
    json_array_foreach(all->rows, i, row)
    {
        char when[NB_AGO_SIZE];
        char name[48];
        char at[NB_TEXT_TIME_SIZE] = "";
        const int reply = (int)json_integer_value(json_object_get(row, "reply"));
        NB_SCOPED(nb_text_free) char *whole = tell(row);
        NB_SCOPED(nb_text_free) char *what = whole ? nb_notes_one_line(whole) : NULL;
        nb_ago_format(json_integer_value(json_object_get(row, "time_ms")), now_ms, when);
        snprintf(name, sizeof name, reply > 0 ? "#%d.%d" : "#%d",
                 (int)json_integer_value(json_object_get(row, "number")), reply);
        if (json_is_real(json_object_get(row, "at_s"))) {
            nb_text_format_time(json_real_value(json_object_get(row, "at_s")), at);
        }
        nb_table_add(&table, (const char *const[]){when, name, nb_json_text(row, "version"), at,
                                                   nb_json_text(row, "person"), what ? what : ""});
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_table_print(&table, cli->colour, &text);
    nb_text_add(&text, i == 0 ? "no notes\n" : "");
    json_array_foreach(all->set_aside, i, row)
    {
        nb_text_addf(&text, "%s%s\n",
                     i == 0 ? "changed by another hand or damaged, set aside:\n" : "",
                     json_string_value(row) ? json_string_value(row) : "");
    }
    return nb_cli_print(&text, err);
}

static nb_status run_log(nb_cli *cli, nb_error *err)
{
    nb_note_name name = {0};
    size_t words = 0;
    int64_t limit = 0;
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(history_fini) history all = {0};
    const bool is_song = cli->args.word_count == 1 && !strchr(cli->args.words[0], '#');
    nb_status status = is_song ? nb_version_name_parse(cli->args.words[0], &name.of, err)
                               : nb_note_name_parse(&cli->args, &name, &words, err);
    if (status == NB_OK && is_song && strchr(cli->args.words[0], '@')) {
        status = nb_fail(err, NB_E_USAGE, "the log is of the whole song: nightbus note log %s",
                         name.of.song);
    }
    if (status == NB_OK && !is_song && cli->args.word_count > words) {
        status = nb_fail(err, NB_E_USAGE, "one note at a time; usage: nightbus note log %s",
                         cli->command->usage);
    }
    if (status == NB_OK) {
        status = nb_args_get_integer(&cli->args, "limit", 1, INT32_MAX, INT32_MAX, &limit, err);
    }
    if (status == NB_OK) {
        status = nb_farm_open_album(cli, &farm, err);
    }
    if (status == NB_OK) {
        status = fetch(&farm, &name, &all, err);
    }
    if (status != NB_OK) {
        return status;
    }
    while (json_array_size(all.rows) > (size_t)limit) {
        json_array_remove(all.rows, 0);
    }
    return cli->json ? nb_cli_print_json(json_pack("{s:s, s:O, s:O}", "song", name.of.song,
                                                   "events", all.rows, "set_aside", all.set_aside),
                                         err)
                     : print_table(cli, &all, err);
}

const nb_command nb_command_note_log = {
    .name = "note log",
    .usage = "SONG | SONG#N [-L N] [--json]",
    .summary = "what was said and done, event by event",
    .details = "Earlier words of a note that was edited are here; deleted ones are not shown.",
    .examples = "  nightbus note log night\n"
                "  nightbus note log night#12",
    .words_min = 1,
    .words_max = 2,
    .options = log_options,
    .option_count = NB_COUNT(log_options),
    .has_json = true,
    .pages = true,
    .run = run_log,
};
