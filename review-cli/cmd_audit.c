// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "review-cli/ago.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/since.h"
#include "review-cli/table.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LIMIT_MAX = 500 }; // what one answer holds

static json_t *row_to_json(const Nightbus__AuditRow *row)
{
    char hex[2 * NB_KEY_SIZE + 1] = "";
    if (row->has_key) {
        nb_text_hex(row->key.data, row->key.len < NB_KEY_SIZE ? row->key.len : NB_KEY_SIZE, hex);
    }
    return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "entry", (json_int_t)row->entry,
                     "time_ms", (json_int_t)row->time_ms, "person", nb_cli_json_string(row->person),
                     "key", hex[0] ? json_string(hex) : json_null(), "action",
                     nb_cli_json_string(row->action), "album", nb_cli_json_string(row->album),
                     "details", nb_cli_json_string(row->details));
}

static nb_status print_table(const nb_cli *cli, const Nightbus__AuditListing *listing,
                             nb_error *err)
{
    static const nb_table_column columns[] = {
        {"WHEN", NB_TABLE_LEFT},  {"WHO", NB_TABLE_FLEX},     {"WHAT", NB_TABLE_LEFT},
        {"ALBUM", NB_TABLE_FLEX}, {"DETAILS", NB_TABLE_WRAP},
    };
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    const int64_t now_ms = nb_clock_wall_ms();
    for (size_t i = 0; i < listing->n_rows; i++) {
        const Nightbus__AuditRow *row = listing->rows[i];
        char when[NB_AGO_SIZE];
        nb_ago_format((int64_t)row->time_ms, now_ms, when);
        const char *const cells[] = {when, row->person, row->action, row->album ? row->album : "",
                                     row->details ? row->details : ""};
        nb_table_add(&table, cells);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_table_print(&table, cli->colour, &text);
    nb_text_add(&text, listing->n_rows == 0 ? "nothing is on record there\n" : "");
    return nb_cli_print(&text, err);
}

static nb_status ask_audit(const nb_cli *cli, nb_farm *farm, Nightbus__Reply **out_reply,
                           nb_error *err)
{
    const char *since = nb_args_get(&cli->args, "since");
    int64_t limit = 0;
    int64_t since_ms = 0;
    nb_status status =
        nb_args_get_integer(&cli->args, "limit", 1, LIMIT_MAX, NB_LIMIT_DEFAULT, &limit, err);
    if (status == NB_OK && since) {
        status = nb_since_parse(since, nb_clock_wall_ms(), &since_ms, err);
    }
    if (status == NB_OK) {
        status = nb_farm_open(cli, farm, err);
    }
    if (status != NB_OK) {
        return status;
    }
    Nightbus__AuditList body = NIGHTBUS__AUDIT_LIST__INIT;
    body.album = nb_wire_string(nb_args_get(&cli->args, "album"));
    body.person = nb_wire_string(nb_args_get(&cli->args, "person"));
    body.has_since_ms = since != NULL;
    body.since_ms = (uint64_t)since_ms;
    body.has_limit = 1;
    body.limit = (uint32_t)limit;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_AUDIT_LIST;
    request.audit_list = &body;
    return nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_AUDIT_LISTING, 0, out_reply, err);
}

static nb_status run_audit(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    const nb_status status = ask_audit(cli, &farm, &reply, err);
    if (status != NB_OK) {
        return status;
    }
    const Nightbus__AuditListing *listing = reply->audit_listing;
    if (!cli->json) {
        return print_table(cli, listing, err);
    }
    json_t *rows = json_array();
    for (size_t i = 0; i < listing->n_rows; i++) {
        json_array_append_new(rows, row_to_json(listing->rows[i]));
    }
    return nb_cli_print_json(json_pack("{s:o}", "audit", rows), err);
}

static const nb_option options[] = {
    {"person", 0, "NAME", "only what this person did", 0},
    {"since", 0, "WHEN", "a span (12h, 7d) or a date (2026-11-21)", 0},
    NB_OPTION_LIMIT,
};

const nb_command nb_command_audit = {
    .name = "audit",
    .usage = "[-A ALBUM] [--person NAME] [--since WHEN] [-L N] [--json]",
    .summary = "who did what, the newest first",
    .details = "For owners (of what concerns their albums) and the farm's operators.",
    .examples = "  nightbus audit --since 7d\n"
                "  nightbus audit -A late-trains --person \"Mia Song\" --json",
    .options = options,
    .option_count = NB_COUNT(options),
    .has_json = true,
    .pages = true,
    .run = run_audit,
};
