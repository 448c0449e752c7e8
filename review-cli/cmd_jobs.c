// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "review-cli/ago.h"
#include "review-cli/album_rendering.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/follow.h"
#include "review-cli/job_words.h"
#include "review-cli/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *integer_or_null(bool has, uint64_t value)
{
    return has ? json_integer((json_int_t)value) : json_null();
}

json_t *nb_job_to_json(const Nightbus__JobRow *row)
{
    return json_pack(
        "{s:I, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:b, s:i, s:b, s:o, "
        "s:o, s:i, s:i}",
        "job", (json_int_t)row->job, "album", nb_cli_json_string(row->album), "song",
        nb_cli_json_string(row->song), "version", nb_cli_json_string(row->version), "state",
        nb_cli_json_string(row->state), "created_ms", (json_int_t)row->created_ms, "finished_ms",
        integer_or_null(row->has_finished_ms, row->finished_ms), "node",
        nb_cli_json_string(row->node), "done_frames",
        integer_or_null(row->has_done_frames, row->done_frames), "total_frames",
        integer_or_null(row->has_total_frames, row->total_frames), "rate_hz",
        integer_or_null(row->has_rate_hz, row->rate_hz), "attempts",
        (int)(row->has_attempts ? row->attempts : 0), "error", nb_cli_json_string(row->error),
        "cached", row->has_cached && row->cached, "priority",
        (int)(row->has_priority ? row->priority : 50), "paused", row->has_paused && row->paused,
        "window", nb_cli_json_string(row->window), "label", nb_cli_json_string(row->label),
        "freeze_tasks", (int)(row->has_freeze_tasks ? row->freeze_tasks : 0), "freeze_tasks_left",
        (int)(row->has_freeze_tasks_left ? row->freeze_tasks_left : 0));
}

/// What a person wants to know beside the state: how far, how fast, or why not.
static void describe(const Nightbus__JobRow *row, char *out, size_t size)
{
    if (row->error && row->error[0]) {
        snprintf(out, size, "%s", row->error);
    } else if (row->has_cached && row->cached) {
        snprintf(out, size, "nothing to render: known already");
    } else if (row->has_finished_ms) {
        snprintf(out, size, "%.1f s%s%s", (double)(row->finished_ms - row->created_ms) / 1000.0,
                 row->node ? " on " : "", row->node ? row->node : "");
    } else if (row->has_paused && row->paused) {
        snprintf(out, size, "paused");
    } else if (row->has_freeze_tasks_left && row->freeze_tasks_left > 0) {
        snprintf(out, size, "%.0f %%, %u of %u freeze tasks left",
                 row->total_frames > 0
                     ? 100.0 * (double)row->done_frames / (double)row->total_frames
                     : 0.0,
                 row->freeze_tasks_left, row->freeze_tasks);
    } else if (row->has_total_frames && row->total_frames > 0) {
        snprintf(out, size, "%.0f %%%s%s",
                 100.0 * (double)row->done_frames / (double)row->total_frames,
                 row->node ? " on " : "", row->node ? row->node : "");
    } else {
        snprintf(out, size, "%s", row->node ? row->node : row->window ? row->window : "");
    }
}

nb_status nb_jobs_print(const nb_cli *cli, Nightbus__JobRow *const *rows, size_t count,
                        nb_error *err)
{
    static const nb_table_column columns[] = {
        {"JOB", NB_TABLE_RIGHT},    {"ALBUM", NB_TABLE_FLEX}, {"VERSION", NB_TABLE_LEFT},
        {"STATE", NB_TABLE_LEFT},   {"ASKED", NB_TABLE_LEFT}, {"TRIES", NB_TABLE_RIGHT},
        {"DETAILS", NB_TABLE_FLEX},
    };
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    const int64_t now_ms = nb_clock_wall_ms();
    for (size_t i = 0; i < count; i++) {
        const Nightbus__JobRow *row = rows[i];
        char job[24];
        char version[96];
        char asked[NB_AGO_SIZE];
        char tries[16];
        char details[512];
        snprintf(job, sizeof job, "%" PRIu64, row->job);
        snprintf(version, sizeof version, "%s@%s", row->song, row->version);
        nb_ago_format((int64_t)row->created_ms, now_ms, asked);
        snprintf(tries, sizeof tries, "%u", row->has_attempts ? row->attempts : 0);
        describe(row, details, sizeof details);
        const char *const cells[] = {job, row->album, version, row->state, asked, tries, details};
        nb_table_add(&table, cells);
        nb_table_style(&table, 3, nb_style_of_state(row->state));
        nb_table_style(&table, 4, NB_STYLE_FAINT);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_table_print(&table, cli->colour, &text);
    nb_text_add(&text, count == 0 ? "no jobs yet: `nightbus push` makes them\n" : "");
    return nb_cli_print(&text, err);
}

/// With --album alone: its newest rendering as a whole. *out_shown is false where there never was
/// one.
static nb_status show_album(const nb_cli *cli, nb_farm *farm, bool *out_shown, nb_error *err)
{
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    const char *album = nb_args_get(&cli->args, "album");
    *out_shown = false;
    if (!album || nb_args_has(&cli->args, "limit")) {
        return NB_OK;
    }
    free(farm->album);
    farm->album = strdup(album);
    if (!farm->album) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a name");
    }
    const nb_status status = nb_album_rendering_get(farm, 0, &reply, err);
    if (status != NB_OK) {
        return status == NB_E_NOT_FOUND ? NB_OK : status;
    }
    *out_shown = true;
    return cli->json ? nb_cli_print_json(nb_album_rendering_to_json(reply->album_rendering), err)
                     : nb_album_rendering_print(cli, reply->album_rendering, err);
}

static nb_status list(const nb_cli *cli, nb_farm *farm, int64_t rows, Nightbus__Reply **out_reply,
                      nb_error *err)
{
    const char *album = nb_args_get(&cli->args, "album");
    NB_SCOPED(nb_text_free) char *copy = album ? strdup(album) : NULL; // messages borrow no const
    if (album && !copy) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a name");
    }
    Nightbus__JobList body = NIGHTBUS__JOB_LIST__INIT;
    body.has_limit = true;
    body.limit = (uint32_t)rows;
    body.album = copy;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_JOB_LIST;
    request.job_list = &body;
    return nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_JOB_LISTING, 0, out_reply, err);
}

static nb_status run_jobs(nb_cli *cli, nb_error *err)
{
    bool shown = false;
    int64_t rows = 0;
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    nb_status status =
        nb_args_get_integer(&cli->args, "limit", 1, NB_ROWS_MAX, NB_LIMIT_DEFAULT, &rows, err);
    if (status == NB_OK) {
        status = nb_farm_open(cli, &farm, err);
    }
    if (status == NB_OK) {
        status = show_album(cli, &farm, &shown, err);
    }
    if (status != NB_OK || shown) {
        return status;
    }
    status = list(cli, &farm, rows, &reply, err);
    if (status != NB_OK || !reply) {
        return status;
    }
    const Nightbus__JobListing *listing = reply->job_listing;
    if (!cli->json) {
        return nb_jobs_print(cli, listing->rows, listing->n_rows, err);
    }
    json_t *array = json_array();
    for (size_t i = 0; i < listing->n_rows; i++) {
        json_array_append_new(array, nb_job_to_json(listing->rows[i]));
    }
    return nb_cli_print_json(json_pack("{s:o}", "jobs", array), err);
}

static const nb_option jobs_options[] = {
    NB_OPTION_LIMIT,
};

const nb_command nb_command_jobs = {
    .name = "jobs",
    .usage = "[-L N] [--json]",
    .summary = "what was asked of the farm, the newest first",
    .details = "With --album: how far its rendering as a whole is (`nightbus render-album`), or\n"
               "what came of it; with -L too, or before there was one, its jobs.",
    .examples = "  nightbus jobs\n"
                "  nightbus jobs -L 100 --json | jq '.jobs[] | select(.state == \"failed\")'",
    .options = jobs_options,
    .option_count = NB_COUNT(jobs_options),
    .has_json = true,
    .pages = true,
    .run = run_jobs,
};

// ---- job ID ----

nb_status nb_job_word(const char *word, uint64_t *out_job, nb_error *err)
{
    int64_t job = 0;
    nb_error why = {0};
    if (nb_text_parse_integer(word, 1, INT64_MAX, &job, &why) != NB_OK) {
        return nb_fail(err, NB_E_USAGE,
                       "\"%s\" is no job: jobs are numbers, `nightbus jobs` lists them", word);
    }
    *out_job = (uint64_t)job;
    return NB_OK;
}

/// `cursor` 0: from the first line of its log.
static nb_status get_job(nb_farm *farm, uint64_t job, uint64_t cursor, Nightbus__Reply **out_reply,
                         nb_error *err)
{
    Nightbus__JobWatch body = NIGHTBUS__JOB_WATCH__INIT;
    body.job = job;
    body.has_cursor = cursor != 0;
    body.cursor = cursor;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_JOB_WATCH;
    request.job_watch = &body;
    return nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_JOB_STATE, 0, out_reply, err);
}

/// All lines of the log behind `*first`, which has the first of them; page by page.
static nb_status read_log(nb_farm *farm, uint64_t job, const Nightbus__JobState *first,
                          json_t *lines, nb_error *err)
{
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *next = NULL;
    const Nightbus__JobState *page = first;
    nb_status status = NB_OK;
    for (;;) {
        for (size_t i = 0; i < page->n_lines; i++) {
            json_array_append_new(lines, nb_cli_json_string(page->lines[i]));
        }
        if (page->n_lines < NB_LOG_LINES_MAX) {
            return NB_OK;
        }
        const uint64_t cursor = page->cursor;
        nb_wire_free_reply(&next);
        status = get_job(farm, job, cursor, &next, err);
        if (status != NB_OK) {
            return status;
        }
        page = next->job_state;
    }
}

static nb_status print_job(const nb_cli *cli, Nightbus__JobRow *row, json_t *lines, nb_error *err)
{
    if (cli->json) {
        json_t *json = nb_job_to_json(row);
        json_object_set(json, "lines", lines);
        return nb_cli_print_json(json, err);
    }
    const nb_status status = nb_jobs_print(cli, &row, 1, err);
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    // The table may have cut it.
    nb_table_add_wrapped(&text, row->error ? row->error : "", 2, nb_terminal_columns() - 2);
    for (size_t i = 0; i < json_array_size(lines); i++) {
        nb_text_addf(&text, "  %s\n", json_string_value(json_array_get(lines, i)));
    }
    return status == NB_OK ? nb_cli_print(&text, err) : status;
}

static void print_line(void *context, const char *line)
{
    (void)context;
    printf("  %s\n", line);
    fflush(stdout);
}

static nb_status run_job(nb_cli *cli, nb_error *err)
{
    uint64_t job = 0;
    const bool follows = nb_args_has(&cli->args, "follow");
    nb_followed followed = {0};
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_json_free) json_t *lines = json_array();
    nb_status status = nb_job_word(cli->args.words[0], &job, err);
    if (status == NB_OK) {
        status = nb_farm_open(cli, &farm, err);
    }
    if (status == NB_OK && follows) {
        status = nb_follow(&farm, &job, 1, cli->json ? NULL : print_line, NULL, &followed, err);
    }
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    if (status == NB_OK) {
        status = get_job(&farm, job, 0, &reply, err);
    }
    if (status == NB_OK && (cli->json || !follows)) { // who followed it has seen its log
        status = read_log(&farm, job, reply->job_state, lines, err);
    }
    if (status == NB_OK) {
        status = print_job(cli, reply->job_state->row, lines, err);
    }
    if (status == NB_OK && follows && !followed.done) { // for `job 12 --follow && ...`
        const char *why = reply->job_state->row->error;
        status = nb_fail(err, NB_E_INVALID, "job %" PRIu64 " %s%s%s", job,
                         reply->job_state->row->state, why ? ": " : "", why ? why : "");
    }
    return status;
}

static const nb_option job_options[] = {
    {"follow", 'f', NULL, "watch its log and progress until it is over"},
};

const nb_command nb_command_job = {
    .name = "job",
    .usage = "ID [--follow] [--json]",
    .summary = "one job: its state, its log",
    .examples = "  nightbus job 12\n"
                "  nightbus job 12 --follow",
    .words_min = 1,
    .words_max = 1,
    .options = job_options,
    .option_count = NB_COUNT(job_options),
    .has_json = true,
    .run = run_job,
};
