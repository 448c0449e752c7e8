// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/table.h"

#include <inttypes.h>
#include <stdio.h>

static json_t *to_json(const Nightbus__UsageListing *listing)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < listing->n_rows; i++) {
        const Nightbus__UsageRow *row = listing->rows[i];
        json_array_append_new(
            rows,
            json_pack("{s:o, s:I, s:I, s:I, s:I}", "album", nb_cli_json_string(row->album), "bytes",
                      (json_int_t)row->bytes, "blobs", (json_int_t)row->blobs, "own_bytes",
                      (json_int_t)row->own_bytes, "output_bytes", (json_int_t)row->output_bytes));
    }
    return json_pack("{s:o}", "albums", rows);
}

static nb_status print_table(const nb_cli *cli, const Nightbus__UsageListing *listing,
                             nb_error *err)
{
    static const nb_table_column columns[] = {
        {"ALBUM", NB_TABLE_FLEX},    {"SIZE", NB_TABLE_RIGHT},     {"FILES", NB_TABLE_RIGHT},
        {"ITS OWN", NB_TABLE_RIGHT}, {"RENDERED", NB_TABLE_RIGHT},
    };
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    for (size_t i = 0; i < listing->n_rows; i++) {
        const Nightbus__UsageRow *row = listing->rows[i];
        char size[NB_TEXT_SIZE_SIZE];
        char files[24];
        char own[NB_TEXT_SIZE_SIZE];
        char rendered[NB_TEXT_SIZE_SIZE];
        nb_text_format_size(row->bytes, size);
        snprintf(files, sizeof files, "%" PRIu64, row->blobs);
        nb_text_format_size(row->own_bytes, own);
        nb_text_format_size(row->output_bytes, rendered);
        const char *const cells[] = {row->album, size, files, own, rendered};
        nb_table_add(&table, cells);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_table_print(&table, cli->colour, &text);
    nb_text_add(&text, listing->n_rows == 0 ? "no album here is one of yours\n" : "");
    return nb_cli_print(&text, err);
}

static nb_status run_usage(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    Nightbus__AlbumUsage body = NIGHTBUS__ALBUM_USAGE__INIT;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_ALBUM_USAGE;
    request.album_usage = &body;
    nb_status status = nb_farm_open(cli, &farm, err);
    if (status == NB_OK) {
        status = nb_farm_ask(&farm, &request, NIGHTBUS__REPLY__BODY_USAGE_LISTING, 0, &reply, err);
    }
    if (status != NB_OK) {
        return status;
    }
    return cli->json ? nb_cli_print_json(to_json(reply->usage_listing), err)
                     : print_table(cli, reply->usage_listing, err);
}

const nb_command nb_command_album_usage = {
    .name = "album usage",
    .usage = "[--json]",
    .summary = "how much each album takes in the farm's store",
    .details = "ITS OWN is what no other album has, and what archiving the album would free.\n"
               "RENDERED can be made again.",
    .examples = "  nightbus album usage\n"
                "  nightbus album usage --json | jq '.albums[] | [.album, .bytes]'",
    .has_json = true,
    .run = run_usage,
};
