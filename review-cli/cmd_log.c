// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "review-cli/ago.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/standing.h"
#include "review-cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMIT_SHOWN = 8, PAGES_MAX = NB_ROWS_MAX };

/// The revisions that were asked for, page by page.
typedef struct song_log {
    nb_farm farm;
    char *song; ///< Null for the whole album
    size_t page_count;
    Nightbus__Reply *pages[PAGES_MAX];
    size_t row_count;
    bool has_older;
} song_log;

static void song_log_fini(song_log *self)
{
    for (size_t i = 0; i < self->page_count; i++) {
        nb_wire_free_reply(&self->pages[i]);
    }
    free(self->song);
    nb_farm_fini(&self->farm);
}

static nb_status fetch(song_log *self, size_t limit, nb_error *err)
{
    char *after = NULL; // of the page before
    nb_status status = NB_OK;
    do {
        Nightbus__Log body = NIGHTBUS__LOG__INIT;
        body.album = self->farm.album;
        body.song = self->song;
        body.after = after;
        body.has_limit = true;
        body.limit = (uint32_t)(limit - self->row_count);
        Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
        request.body_case = NIGHTBUS__REQUEST__BODY_LOG;
        request.log = &body;
        Nightbus__Reply **page = &self->pages[self->page_count];
        status =
            nb_farm_ask(&self->farm, &request, NIGHTBUS__REPLY__BODY_LOG_LISTING, 0, page, err);
        if (status != NB_OK) {
            return status;
        }
        const Nightbus__LogListing *listing = (*page)->log_listing;
        self->page_count++;
        self->row_count += listing->n_rows;
        after = listing->n_rows > 0 ? listing->next : NULL;
    } while (after && self->row_count < limit && self->page_count < PAGES_MAX);
    self->has_older = after != NULL;
    return NB_OK;
}

/// The row at that place over all pages.
static const Nightbus__LogRow *row_at(const song_log *self, size_t index)
{
    for (size_t i = 0; i < self->page_count; i++) {
        const Nightbus__LogListing *listing = self->pages[i]->log_listing;
        if (index < listing->n_rows) {
            return listing->rows[index];
        }
        index -= listing->n_rows;
    }
    return NULL;
}

// ---- JSON ----

static json_t *row_to_json(const Nightbus__LogRow *row)
{
    json_t *versions = json_array();
    json_t *details = json_array();
    for (size_t i = 0; i < row->n_versions; i++) {
        json_array_append_new(versions, nb_cli_json_string(row->versions[i]));
    }
    for (size_t i = 0; i < row->n_details; i++) {
        json_array_append_new(details, nb_standing_to_json(row->details[i]));
    }
    return json_pack("{s:o, s:o, s:I, s:o, s:o, s:o}", "commit", nb_cli_json_string(row->commit),
                     "person", nb_cli_json_string(row->person), "time_ms", (json_int_t)row->time_ms,
                     "message", json_string(row->message), "versions", versions, "details",
                     details);
}

static nb_status print_json(const song_log *self, nb_error *err)
{
    json_t *array = json_array();
    for (size_t i = 0; i < self->row_count; i++) {
        json_array_append_new(array, row_to_json(row_at(self, i)));
    }
    return nb_cli_print_json(json_pack("{s:o}", "revisions", array), err);
}

// ---- Tables ----

static char *first_line(const char *message)
{
    return nb_text_format("%.*s", (int)strcspn(message, "\n"), message);
}

/// The whole album: what each revision made.
static void fill_album(const song_log *self, nb_table *table)
{
    static const nb_table_column columns[] = {
        {"REVISION", NB_TABLE_LEFT}, {"VERSIONS", NB_TABLE_FLEX}, {"WHEN", NB_TABLE_LEFT},
        {"WHO", NB_TABLE_FLEX},      {"MESSAGE", NB_TABLE_FLEX},
    };
    const int64_t now_ms = nb_clock_wall_ms();
    nb_table_init(table, columns, NB_COUNT(columns));
    for (size_t i = 0; i < self->row_count; i++) {
        const Nightbus__LogRow *row = row_at(self, i);
        char commit[COMMIT_SHOWN + 1];
        char when[NB_AGO_SIZE];
        NB_SCOPED(nb_text_free) char *message = first_line(row->message);
        NB_SCOPED(nb_text_fini) nb_text versions = {0};
        snprintf(commit, sizeof commit, "%s", row->commit);
        nb_ago_format((int64_t)row->time_ms, now_ms, when);
        for (size_t v = 0; v < row->n_versions; v++) {
            nb_text_addf(&versions, "%s%s", v > 0 ? " " : "", row->versions[v]);
        }
        const char *const cells[] = {commit, versions.chars, when, row->person, message};
        nb_table_add(table, cells);
        nb_table_style(table, 0, NB_STYLE_FAINT);
        nb_table_style(table, 2, NB_STYLE_FAINT);
    }
}

static void add_version(nb_table *table, const Nightbus__VersionRow *row, int64_t now_ms)
{
    char when[NB_AGO_SIZE];
    char loudness[16];
    char notes[24] = "";
    NB_SCOPED(nb_text_fini) nb_text standing = {0};
    NB_SCOPED(nb_text_free) char *message = first_line(row->message);
    nb_ago_format((int64_t)row->time_ms, now_ms, when);
    nb_standing_loudness(row, loudness);
    if (row->open_notes > 0) {
        snprintf(notes, sizeof notes, "%u open", row->open_notes);
    }
    if (row->mix) { // comes first: a long name behind it is what may be cut
        nb_text_addf(&standing, "of %s%s; ", row->mix,
                     nb_standing_is_left_behind(row) ? ", behind" : "");
    } else if (row->source && strcmp(row->source, "print") == 0) {
        nb_text_add(&standing, "print; ");
    }
    nb_text_add(&standing, nb_standing_short(row));
    if (strcmp(row->standing, "open") != 0 && row->decided_by) {
        char ago[NB_AGO_SIZE];
        nb_ago_format((int64_t)row->decided_ms, now_ms, ago);
        nb_text_addf(&standing, " by %s, %s", row->decided_by, ago);
    }
    const char *const cells[] = {row->version, standing.chars, loudness, notes,
                                 when,         row->person,    message};
    nb_table_add(table, cells);
    nb_table_style(table, 0, NB_STYLE_STRONG);
    nb_table_style(table, 1, nb_style_of_state(nb_standing_short(row)));
    nb_table_style(table, 3, row->open_notes > 0 ? NB_STYLE_ATTENTION : NB_STYLE_PLAIN);
    nb_table_style(table, 4, NB_STYLE_FAINT);
}

/// One song: where each of its versions stands.
static void fill_song(const song_log *self, nb_table *table)
{
    static const nb_table_column columns[] = {
        {"", NB_TABLE_LEFT},        {"STATE", NB_TABLE_FLEX},  {"LUFS", NB_TABLE_RIGHT},
        {"NOTES", NB_TABLE_RIGHT},  {"PUSHED", NB_TABLE_LEFT}, {"BY", NB_TABLE_FLEX},
        {"MESSAGE", NB_TABLE_FLEX},
    };
    const int64_t now_ms = nb_clock_wall_ms();
    nb_table_init(table, columns, NB_COUNT(columns));
    for (size_t i = 0; i < self->row_count; i++) {
        const Nightbus__LogRow *row = row_at(self, i);
        for (size_t d = row->n_details; d > 0; d--) {
            add_version(table, row->details[d - 1], now_ms);
        }
        if (row->n_details == 0) { // comments, a plan: nothing that sounds different
            char when[NB_AGO_SIZE];
            NB_SCOPED(nb_text_free) char *message = first_line(row->message);
            nb_ago_format((int64_t)row->time_ms, now_ms, when);
            const char *const cells[] = {"-", "no new version", "", "", when, row->person, message};
            nb_table_add(table, cells);
            nb_table_style(table, 1, NB_STYLE_FAINT);
            nb_table_style(table, 4, NB_STYLE_FAINT);
        }
    }
}

static nb_status print_table(const nb_cli *cli, const song_log *self, nb_error *err)
{
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    if (self->song) {
        fill_song(self, &table);
    } else {
        fill_album(self, &table);
    }
    nb_table_print(&table, cli->colour, &text);
    nb_text_add(&text, self->row_count == 0 ? "nothing was pushed yet\n" : "");
    nb_text_add(&text, self->has_older ? "older ones: -L N\n" : "");
    return nb_cli_print(&text, err);
}

static nb_status run_log(nb_cli *cli, nb_error *err)
{
    int64_t limit = 0;
    NB_SCOPED(song_log_fini) song_log self = {0};
    nb_status status =
        nb_args_get_integer(&cli->args, "limit", 1, NB_ROWS_MAX, NB_LIMIT_DEFAULT, &limit, err);
    if (status == NB_OK && cli->args.word_count > 0) {
        nb_version_name name; // checks the song's id
        status = nb_version_name_parse(cli->args.words[0], &name, err);
        if (status == NB_OK && strchr(cli->args.words[0], '@')) {
            return nb_fail(
                err, NB_E_USAGE,
                "the log is of the whole song: nightbus log %s; of one version: nightbus "
                "show %s@%s",
                name.song, name.song, name.version);
        }
        self.song = status == NB_OK ? strdup(name.song) : NULL;
    }
    if (status == NB_OK) {
        status = nb_farm_open_album(cli, &self.farm, err);
    }
    if (status == NB_OK) {
        status = fetch(&self, (size_t)limit, err);
    }
    if (status != NB_OK) {
        return status;
    }
    return cli->json ? print_json(&self, err) : print_table(cli, &self, err);
}

static const nb_option options[] = {
    NB_OPTION_LIMIT,
};

const nb_command nb_command_log = {
    .name = "log",
    .usage = "[SONG] [-L N] [--json]",
    .summary = "what was pushed; of a song, where each version stands",
    .details = "Of an album: each revision and the versions it made. Of a song: each version\n"
               "with its state and who decided, loudness, open notes, when and by whom.",
    .examples = "  nightbus log\n"
                "  nightbus log night\n"
                "  nightbus log night --json | jq -r '.revisions[0].message'",
    .words_max = 1,
    .options = options,
    .option_count = NB_COUNT(options),
    .has_json = true,
    .pages = true,
    .run = run_log,
};
