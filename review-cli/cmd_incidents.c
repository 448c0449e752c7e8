// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "review-cli/ago.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/table.h"

#include <inttypes.h>
#include <stdio.h>

enum { LIMIT_MAX = 200 };

static json_t *outputs_to_json(const Nightbus__IncidentRow *row)
{
    json_t *outputs = json_array();
    for (size_t i = 0; i < row->n_outputs; i++) {
        char hex[NB_DIGEST_HEX_SIZE];
        const nb_digest digest = nb_wire_to_digest(row->outputs[i]->digest);
        nb_digest_to_hex(&digest, hex);
        json_array_append_new(
            outputs, json_pack("{s:o, s:s, s:I}", "name", nb_cli_json_string(row->outputs[i]->name),
                               "sha256", hex, "size", (json_int_t)row->outputs[i]->size));
    }
    return outputs;
}

static nb_status print_json(const Nightbus__IncidentListing *listing, nb_error *err)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < listing->n_rows; i++) {
        const Nightbus__IncidentRow *row = listing->rows[i];
        json_array_append_new(
            rows,
            json_pack("{s:I, s:I, s:I, s:o, s:o, s:b, s:o, s:I, s:o}", "incident",
                      (json_int_t)row->incident, "time_ms", (json_int_t)row->time_ms, "task",
                      (json_int_t)row->task, "node", nb_cli_json_string(row->node), "text",
                      nb_cli_json_string(row->text), "first_is_there", row->first_is_there,
                      "outputs", outputs_to_json(row), "settled_ms", (json_int_t)row->settled_ms,
                      "settled_by", nb_cli_json_string(row->settled_by)));
    }
    return nb_cli_print_json(json_pack("{s:o}", "incidents", rows), err);
}

static const char *state_of(const Nightbus__IncidentRow *row)
{
    if (row->has_settled_ms) {
        return "settled";
    }
    return row->first_is_there ? "first stands" : "first is gone";
}

static nb_status print_table(const nb_cli *cli, const Nightbus__IncidentListing *listing,
                             nb_error *err)
{
    static const nb_table_column columns[] = {
        {"ID", NB_TABLE_RIGHT},
        {"WHEN", NB_TABLE_LEFT},
        {"STATE", NB_TABLE_LEFT},
        {"WHAT", NB_TABLE_FLEX},
    };
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    const int64_t now_ms = nb_clock_wall_ms();
    for (size_t i = 0; i < listing->n_rows; i++) {
        const Nightbus__IncidentRow *row = listing->rows[i];
        char id[24];
        char when[NB_AGO_SIZE];
        snprintf(id, sizeof id, "%" PRIu64, row->incident);
        nb_ago_format((int64_t)row->time_ms, now_ms, when);
        const char *const cells[] = {id, when, state_of(row), row->text};
        nb_table_add(&table, cells);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_table_print(&table, cli->colour, &text);
    nb_text_add(&text, listing->n_rows == 0 ? "no incidents\n" : "");
    return nb_cli_print(&text, err);
}

static nb_status run_incidents(nb_cli *cli, nb_error *err)
{
    int64_t limit = 0;
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    nb_status status =
        nb_args_get_integer(&cli->args, "limit", 1, LIMIT_MAX, NB_LIMIT_DEFAULT, &limit, err);
    if (status == NB_OK) {
        status = nb_farm_open(cli, &farm, err);
    }
    if (status == NB_OK) {
        Nightbus__IncidentList body = NIGHTBUS__INCIDENT_LIST__INIT;
        Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
        body.has_limit = 1;
        body.limit = (uint32_t)limit;
        request.body_case = NIGHTBUS__REQUEST__BODY_INCIDENT_LIST;
        request.incident_list = &body;
        status =
            nb_farm_ask(&farm, &request, NIGHTBUS__REPLY__BODY_INCIDENT_LISTING, 0, &reply, err);
    }
    if (status != NB_OK) {
        return status;
    }
    return cli->json ? print_json(reply->incident_listing, err)
                     : print_table(cli, reply->incident_listing, err);
}

static nb_status settle(nb_cli *cli, Nightbus__IncidentKeep *body, const char *done, nb_error *err)
{
    int64_t id = 0;
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    nb_status status = nb_text_parse_integer(cli->args.words[0], 1, INT64_MAX, &id, err);
    if (status != NB_OK) {
        return nb_fail(err, NB_E_USAGE, "'%.40s' is not the number of an incident",
                       cli->args.words[0]);
    }
    status = nb_farm_open(cli, &farm, err);
    if (status == NB_OK) {
        Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
        body->incident = (uint64_t)id;
        request.body_case = NIGHTBUS__REQUEST__BODY_INCIDENT_KEEP;
        request.incident_keep = body;
        status = nb_farm_ask(&farm, &request, NIGHTBUS__REPLY__BODY_ACK, 0, &reply, err);
    }
    return status == NB_OK ? nb_cli_printf(err, "incident %" PRId64 ": %s\n", id, done) : status;
}

static nb_status run_keep(nb_cli *cli, nb_error *err)
{
    Nightbus__IncidentKeep body = NIGHTBUS__INCIDENT_KEEP__INIT;
    return settle(cli, &body, "kept as the next rendering", err);
}

static nb_status run_dismiss(nb_cli *cli, nb_error *err)
{
    Nightbus__IncidentKeep body = NIGHTBUS__INCIDENT_KEEP__INIT;
    body.has_dismiss = 1;
    body.dismiss = 1;
    return settle(cli, &body, "settled, the first rendering stands", err);
}

static const nb_option incidents_options[] = {NB_OPTION_LIMIT};

const nb_command nb_command_incidents = {
    .name = "incidents",
    .usage = "[-L N] [--json]",
    .summary = "renders that gave other bytes than before",
    .details = "The first result stands and the other one is kept beside it. Where the\n"
               "first one's files are gone, 'incident keep' puts the other in its place;\n"
               "else 'incident dismiss' settles it, once you know what differed and why.",
    .examples = "  nightbus incidents\n"
                "  nightbus incidents --json | jq '.incidents[] | select(.settled_ms == 0)'",
    .options = incidents_options,
    .option_count = NB_COUNT(incidents_options),
    .has_json = true,
    .run = run_incidents,
};

const nb_command nb_command_incident_keep = {
    .name = "incident keep",
    .usage = "ID",
    .summary = "take an incident's result as the next rendering",
    .details = "Only where the files of the first rendering are gone. The versions keep both\n"
               "in their review: r1 as it was, and this one as r2.",
    .examples = "  nightbus incident keep 3",
    .words_min = 1,
    .words_max = 1,
    .run = run_keep,
};

const nb_command nb_command_incident_dismiss = {
    .name = "incident dismiss",
    .usage = "ID",
    .summary = "settle an incident and change nothing",
    .details = "The first rendering stands. The files of the other one are kept no longer.",
    .examples = "  nightbus incident dismiss 3",
    .words_min = 1,
    .words_max = 1,
    .run = run_dismiss,
};
