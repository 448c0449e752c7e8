// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "review-cli/ago.h"
#include "review-cli/command.h"
#include "review-cli/node_words.h"
#include "review-cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// By name, renderer-2 before renderer-10.
static int compare_rows(const void *a, const void *b)
{
    const Nightbus__NodeRow *const *left = a;
    const Nightbus__NodeRow *const *right = b;
    return strverscmp((*left)->name, (*right)->name);
}

static json_t *row_to_json(const Nightbus__NodeRow *row)
{
    return json_pack("{s:o, s:o, s:o, s:i, s:o, s:I, s:o, s:i, s:i, s:o, s:o, s:o}", "name",
                     nb_cli_json_string(row->name), "state", nb_cli_json_string(row->state), "host",
                     nb_cli_json_string(row->host), "threads", (int)row->threads, "fingerprint",
                     nb_cli_json_string(row->fingerprint), "seen_ms", (json_int_t)row->seen_ms,
                     "doing", nb_cli_json_string(row->doing), "done", (int)row->done, "failed",
                     (int)row->failed, "held", nb_cli_json_string(row->held), "labels",
                     nb_cli_json_string(row->labels), "window", nb_cli_json_string(row->window));
}

static nb_status print_json(const Nightbus__NodeListing *listing, nb_error *err)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < listing->n_rows; i++) {
        json_array_append_new(rows, row_to_json(listing->rows[i]));
    }
    return nb_cli_print_json(json_pack("{s:o}", "nodes", rows), err);
}

static nb_status print_table(const nb_cli *cli, const Nightbus__NodeListing *listing, nb_error *err)
{
    static const nb_table_column columns[] = {
        {"NODE", NB_TABLE_FLEX},    {"STATE", NB_TABLE_LEFT},  {"DOING", NB_TABLE_FLEX},
        {"HOST", NB_TABLE_FLEX},    {"CORES", NB_TABLE_RIGHT}, {"DONE", NB_TABLE_RIGHT},
        {"FAILED", NB_TABLE_RIGHT}, {"SEEN", NB_TABLE_LEFT},
    };
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    const int64_t now_ms = nb_clock_wall_ms();
    for (size_t i = 0; i < listing->n_rows; i++) {
        const Nightbus__NodeRow *row = listing->rows[i];
        char threads[16];
        char done[16];
        char failed[16];
        char doing[512];
        char seen[NB_AGO_SIZE];
        snprintf(threads, sizeof threads, "%u", row->threads);
        snprintf(done, sizeof done, "%u", row->has_done ? row->done : 0);
        snprintf(failed, sizeof failed, "%u", row->has_failed ? row->failed : 0);
        snprintf(doing, sizeof doing, "%s%s%s", row->doing ? row->doing : "",
                 row->doing && row->held ? "; " : "", row->held ? row->held : "");
        nb_ago_format((int64_t)row->seen_ms, now_ms, seen);
        const char *const cells[] = {row->name, row->state, doing,  row->host,
                                     threads,   done,       failed, seen};
        nb_table_add(&table, cells);
        nb_table_style(&table, 1, nb_style_of_state(row->state));
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_table_print(&table, cli->colour, &text);
    nb_text_add(&text, listing->n_rows == 0 ? "no renderer has ever connected\n" : "");
    return nb_cli_print(&text, err);
}

nb_status nb_nodes_print(const nb_cli *cli, const Nightbus__NodeListing *listing, nb_error *err)
{
    return cli->json ? print_json(listing, err) : print_table(cli, listing, err);
}

static nb_status run_nodes(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    nb_status status = nb_farm_open(cli, &farm, err);
    if (status == NB_OK) {
        Nightbus__NodeList body = NIGHTBUS__NODE_LIST__INIT;
        Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
        request.body_case = NIGHTBUS__REQUEST__BODY_NODE_LIST;
        request.node_list = &body;
        status = nb_farm_ask(&farm, &request, NIGHTBUS__REPLY__BODY_NODE_LISTING, 0, &reply, err);
    }
    if (status != NB_OK) {
        return status;
    }
    Nightbus__NodeListing *listing = reply->node_listing;
    if (listing->n_rows > 1) {
        qsort(listing->rows, listing->n_rows, sizeof *listing->rows, compare_rows);
    }
    return nb_nodes_print(cli, listing, err);
}

const nb_command nb_command_nodes = {
    .name = "nodes",
    .usage = "[--json]",
    .summary = "the farm's renderers and what they do",
    .examples = "  nightbus nodes\n"
                "  nightbus nodes --json | jq '.nodes[] | select(.state == \"lost\")'",
    .has_json = true,
    .run = run_nodes,
};
