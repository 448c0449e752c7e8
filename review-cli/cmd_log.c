// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "review-cli/ago.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/table.h"

#include <stdio.h>
#include <string.h>

enum { COMMIT_SHOWN = 8 };

static json_t *row_to_json(const Nightbus__LogRow *row)
{
    json_t *versions = json_array();
    for (size_t i = 0; i < row->n_versions; i++) {
        json_array_append_new(versions, nb_cli_json_string(row->versions[i]));
    }
    return json_pack("{s:o, s:o, s:I, s:o, s:o}", "commit", nb_cli_json_string(row->commit),
                     "person", nb_cli_json_string(row->person), "time_ms", (json_int_t)row->time_ms,
                     "message", json_string(row->message), "versions", versions);
}

/// "v3", or "night@v3 drive@v1" where the whole album is listed.
static void join_versions(const Nightbus__LogRow *row, const char *song, nb_text *out)
{
    for (size_t i = 0; i < row->n_versions; i++) {
        const char *at = strchr(row->versions[i], '@');
        const bool this_song = song && at && strncmp(row->versions[i], song, strlen(song)) == 0 &&
                               row->versions[i] + strlen(song) == at;
        if (song && !this_song) {
            continue;
        }
        nb_text_add(out, out->length > 0 ? " " : "");
        nb_text_add(out, this_song ? at + 1 : row->versions[i]);
    }
}

static nb_status print_table(const nb_cli *cli, const Nightbus__LogListing *listing,
                             const char *song, nb_error *err)
{
    static const nb_table_column columns[] = {
        {"REVISION", NB_TABLE_LEFT}, {"VERSIONS", NB_TABLE_FLEX}, {"WHEN", NB_TABLE_LEFT},
        {"WHO", NB_TABLE_FLEX},      {"MESSAGE", NB_TABLE_FLEX},
    };
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    const int64_t now_ms = nb_clock_wall_ms();
    for (size_t i = 0; i < listing->n_rows; i++) {
        const Nightbus__LogRow *row = listing->rows[i];
        char commit[COMMIT_SHOWN + 1];
        char when[NB_AGO_SIZE];
        char message[400];
        NB_SCOPED(nb_text_fini) nb_text versions = {0};
        snprintf(commit, sizeof commit, "%s", row->commit);
        nb_ago_format((int64_t)row->time_ms, now_ms, when);
        snprintf(message, sizeof message, "%.*s", (int)strcspn(row->message, "\n"), row->message);
        join_versions(row, song, &versions);
        const char *const cells[] = {commit, versions.chars, when, row->person, message};
        nb_table_add(&table, cells);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_table_print(&table, cli->colour, &text);
    nb_text_add(&text, listing->n_rows == 0 ? "nothing was pushed yet\n" : "");
    nb_text_add(&text, listing->next ? "older ones: -L N\n" : "");
    return nb_cli_print(&text, err);
}

static nb_status run_log(nb_cli *cli, nb_error *err)
{
    int64_t rows = 0;
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    NB_SCOPED(nb_text_free) char *song = NULL;
    nb_status status =
        nb_args_get_integer(&cli->args, "limit", 1, NB_ROWS_MAX, NB_LIMIT_DEFAULT, &rows, err);
    if (status == NB_OK && cli->args.word_count > 0) {
        nb_version_name name; // checks the song's id
        status = nb_version_name_parse(cli->args.words[0], &name, err);
        song = status == NB_OK ? strdup(name.song) : NULL;
    }
    if (status == NB_OK) {
        status = nb_farm_open_album(cli, &farm, err);
    }
    if (status == NB_OK) {
        Nightbus__Log body = NIGHTBUS__LOG__INIT;
        body.album = farm.album;
        body.song = song;
        body.has_limit = true;
        body.limit = (uint32_t)rows;
        Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
        request.body_case = NIGHTBUS__REQUEST__BODY_LOG;
        request.log = &body;
        status = nb_farm_ask(&farm, &request, NIGHTBUS__REPLY__BODY_LOG_LISTING, 0, &reply, err);
    }
    if (status != NB_OK) {
        return status;
    }
    const Nightbus__LogListing *listing = reply->log_listing;
    if (!cli->json) {
        return print_table(cli, listing, song, err);
    }
    json_t *array = json_array();
    for (size_t i = 0; i < listing->n_rows; i++) {
        json_array_append_new(array, row_to_json(listing->rows[i]));
    }
    return nb_cli_print_json(json_pack("{s:o}", "revisions", array), err);
}

static const nb_option options[] = {
    NB_OPTION_LIMIT,
};

const nb_command nb_command_log = {
    .name = "log",
    .usage = "[SONG] [-L N] [--json]",
    .summary = "what was pushed, by whom, and which versions it made",
    .examples = "  nightbus log\n"
                "  nightbus log night\n"
                "  nightbus log night --json | jq -r '.revisions[0].message'",
    .words_max = 1,
    .options = options,
    .option_count = NB_COUNT(options),
    .has_json = true,
    .run = run_log,
};
