// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static json_t *row_to_json(const Nightbus__UsageRow *row)
{
    return json_pack("{s:o, s:I, s:I, s:I, s:I}", "album", nb_cli_json_string(row->album), "bytes",
                     (json_int_t)row->bytes, "blobs", (json_int_t)row->blobs, "own_bytes",
                     (json_int_t)row->own_bytes, "output_bytes", (json_int_t)row->output_bytes);
}

static void add_row(nb_table *table, const Nightbus__UsageRow *row)
{
    char size[NB_TEXT_SIZE_SIZE];
    char files[24];
    char own[NB_TEXT_SIZE_SIZE];
    char rendered[NB_TEXT_SIZE_SIZE];
    nb_text_format_size(row->bytes, size);
    snprintf(files, sizeof files, "%" PRIu64, row->blobs);
    nb_text_format_size(row->own_bytes, own);
    nb_text_format_size(row->output_bytes, rendered);
    const char *const cells[] = {row->album, size, files, own, rendered};
    nb_table_add(table, cells);
}

/// One page of albums, added to both; *after becomes the next page's, or null.
static nb_status add_page(nb_farm *farm, char **after, nb_table *table, json_t *rows, nb_error *err)
{
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    Nightbus__AlbumUsage body = NIGHTBUS__ALBUM_USAGE__INIT;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_ALBUM_USAGE;
    request.album_usage = &body;
    body.after = *after;
    const nb_status status =
        nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_USAGE_LISTING, 0, &reply, err);
    nb_text_free(after);
    *after = NULL;
    if (status != NB_OK) {
        return status;
    }
    const Nightbus__UsageListing *listing = reply->usage_listing;
    for (size_t i = 0; i < listing->n_rows; i++) {
        add_row(table, listing->rows[i]);
        json_array_append_new(rows, row_to_json(listing->rows[i]));
    }
    *after = listing->next ? strdup(listing->next) : NULL;
    return NB_OK;
}

static nb_status run_usage(nb_cli *cli, nb_error *err)
{
    static const nb_table_column columns[] = {
        {"ALBUM", NB_TABLE_FLEX},    {"SIZE", NB_TABLE_RIGHT},     {"FILES", NB_TABLE_RIGHT},
        {"ITS OWN", NB_TABLE_RIGHT}, {"RENDERED", NB_TABLE_RIGHT},
    };
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    NB_SCOPED(nb_json_free) json_t *rows = json_array();
    NB_SCOPED(nb_text_free) char *after = NULL;
    nb_table_init(&table, columns, NB_COUNT(columns));
    nb_status status = nb_farm_open(cli, &farm, err);
    do {
        status = status == NB_OK ? add_page(&farm, &after, &table, rows, err) : status;
    } while (status == NB_OK && after);
    if (status != NB_OK) {
        return status;
    }
    if (cli->json) {
        return nb_cli_print_json(json_pack("{s:O}", "albums", rows), err);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_table_print(&table, cli->colour, &text);
    nb_text_add(&text, json_array_size(rows) == 0 ? "no album here is one of yours\n" : "");
    return nb_cli_print(&text, err);
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
