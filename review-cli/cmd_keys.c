// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "review-cli/ago.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { KEY_HEX_SIZE = 2 * NB_KEY_SIZE + 1, SHORT_KEY = 8, SHORTEST_KEY = 4 };

static void key_to_hex(const Nightbus__KeyRow *row, char out[KEY_HEX_SIZE])
{
    nb_text_hex(row->key.data, row->key.len < NB_KEY_SIZE ? row->key.len : NB_KEY_SIZE, out);
}

static nb_status ask_keys(nb_farm *farm, bool has_after, uint64_t after,
                          Nightbus__Reply **out_reply, nb_error *err)
{
    Nightbus__KeyList body = NIGHTBUS__KEY_LIST__INIT;
    body.has_after = has_after;
    body.after = after;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_KEY_LIST;
    request.key_list = &body;
    return nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_KEY_LISTING, 0, out_reply, err);
}

/// What is done with each page of keys.
typedef nb_status key_visitor(void *context, const Nightbus__KeyListing *page, nb_error *err);

static nb_status visit_keys(nb_farm *farm, key_visitor *visit, void *context, nb_error *err)
{
    bool more = true;
    uint64_t after = 0;
    nb_status status = NB_OK;
    for (bool first = true; status == NB_OK && more; first = false) {
        NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
        status = ask_keys(farm, !first, after, &reply, err);
        if (status == NB_OK) {
            status = visit(context, reply->key_listing, err);
            // A cursor that stands still would be a loop.
            more = reply->key_listing->has_next && reply->key_listing->next > after;
            after = reply->key_listing->next;
        }
    }
    return status;
}

// ---- keys ----

static const char *kind_of(const Nightbus__KeyRow *row)
{
    return row->has_revoked_ms ? "revoked" : row->renderer ? "renderer" : "person";
}

static nb_status add_json(void *context, const Nightbus__KeyListing *page, nb_error *err)
{
    json_t *rows = context;
    (void)err;
    for (size_t i = 0; i < page->n_rows; i++) {
        const Nightbus__KeyRow *row = page->rows[i];
        char hex[KEY_HEX_SIZE];
        key_to_hex(row, hex);
        json_array_append_new(
            rows, json_pack("{s:s, s:o, s:o, s:b, s:I, s:o, s:o}", "key", hex, "name",
                            nb_cli_json_string(row->name), "label", nb_cli_json_string(row->label),
                            "renderer", row->renderer, "created_ms", (json_int_t)row->created_ms,
                            "seen_ms",
                            row->has_seen_ms ? json_integer((json_int_t)row->seen_ms) : json_null(),
                            "revoked_ms",
                            row->has_revoked_ms ? json_integer((json_int_t)row->revoked_ms)
                                                : json_null()));
    }
    return NB_OK;
}

static nb_status add_cells(void *context, const Nightbus__KeyListing *page, nb_error *err)
{
    nb_table *table = context;
    const int64_t now_ms = nb_clock_wall_ms();
    (void)err;
    for (size_t i = 0; i < page->n_rows; i++) {
        const Nightbus__KeyRow *row = page->rows[i];
        char hex[KEY_HEX_SIZE];
        char created[NB_AGO_SIZE];
        char seen[NB_AGO_SIZE] = "never";
        key_to_hex(row, hex);
        hex[SHORT_KEY] = '\0';
        nb_ago_format((int64_t)row->created_ms, now_ms, created);
        if (row->has_seen_ms) {
            nb_ago_format((int64_t)row->seen_ms, now_ms, seen);
        }
        const char *const cells[] = {hex,          row->name, row->label ? row->label : "",
                                     kind_of(row), created,   seen};
        nb_table_add(table, cells);
    }
    return NB_OK;
}

static nb_status run_keys(nb_cli *cli, nb_error *err)
{
    static const nb_table_column columns[] = {
        {"KEY", NB_TABLE_LEFT},  {"WHOSE", NB_TABLE_FLEX}, {"NAME", NB_TABLE_FLEX},
        {"KIND", NB_TABLE_LEFT}, {"ADDED", NB_TABLE_LEFT}, {"SEEN", NB_TABLE_LEFT},
    };
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    nb_status status = nb_farm_open(cli, &farm, err);
    if (status == NB_OK && cli->json) {
        json_t *rows = json_array();
        status = visit_keys(&farm, add_json, rows, err);
        if (status != NB_OK) {
            json_decref(rows);
            return status;
        }
        return nb_cli_print_json(json_pack("{s:o}", "keys", rows), err);
    }
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    if (status == NB_OK) {
        status = visit_keys(&farm, add_cells, &table, err);
    }
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_table_print(&table, cli->colour, &text);
    return nb_cli_print(&text, err);
}

const nb_command nb_command_keys = {
    .name = "keys",
    .usage = "[--json]",
    .summary = "your keys; all of the farm's for its operators",
    .examples = "  nightbus keys\n"
                "  nightbus keys --json | jq -r '.keys[] | select(.revoked_ms == null).name'",
    .has_json = true,
    .pages = true,
    .run = run_keys,
};

// ---- Which key a word means ----

/// The key that begins so, or is named so.
typedef struct key_search {
    const char *word;
    size_t count;
    uint8_t key[NB_KEY_SIZE];
    char whose[256];
} key_search;

static nb_status match(void *context, const Nightbus__KeyListing *page, nb_error *err)
{
    key_search *self = context;
    const size_t length = strlen(self->word);
    (void)err;
    for (size_t i = 0; i < page->n_rows; i++) {
        const Nightbus__KeyRow *row = page->rows[i];
        char hex[KEY_HEX_SIZE];
        key_to_hex(row, hex);
        const bool begins = length >= SHORTEST_KEY && strncasecmp(hex, self->word, length) == 0;
        if (row->key.len == NB_KEY_SIZE &&
            (begins || (row->label && strcmp(row->label, self->word) == 0))) {
            self->count++;
            memcpy(self->key, row->key.data, NB_KEY_SIZE);
            snprintf(self->whose, sizeof self->whose, "%.200s", row->name);
            nb_text_make_printable(self->whose);
        }
    }
    return NB_OK;
}

static nb_status find_key(nb_farm *farm, key_search *self, nb_error *err)
{
    const nb_status status = visit_keys(farm, match, self, err);
    if (status == NB_OK && self->count != 1) {
        return nb_fail(err, self->count == 0 ? NB_E_NOT_FOUND : NB_E_CONFLICT,
                       "%s '%.70s': 'nightbus keys' lists them (a key is named by its first %d or "
                       "more digits, or its name)",
                       self->count == 0 ? "no key" : "several keys are", self->word, SHORTEST_KEY);
    }
    return status;
}

static nb_status change(nb_cli *cli, const char *label, key_search *search, nb_error *err)
{
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    nb_status status = nb_farm_open(cli, &farm, err);
    if (status == NB_OK) {
        status = find_key(&farm, search, err);
    }
    if (status != NB_OK) {
        return status;
    }
    Nightbus__KeyChange body = NIGHTBUS__KEY_CHANGE__INIT;
    body.key = (ProtobufCBinaryData){.len = NB_KEY_SIZE, .data = search->key};
    body.label = nb_wire_string(label);
    body.has_revoke = label == NULL;
    body.revoke = label == NULL;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_KEY_CHANGE;
    request.key_change = &body;
    return nb_farm_ask(&farm, &request, NIGHTBUS__REPLY__BODY_ACK, 0, &reply, err);
}

// ---- keys name, keys revoke ----

static nb_status run_name(nb_cli *cli, nb_error *err)
{
    key_search search = {.word = cli->args.words[0]};
    return change(cli, cli->args.words[1], &search, err);
}

const nb_command nb_command_keys_name = {
    .name = "keys name",
    .usage = "KEY NAME",
    .summary = "call a key something: \"laptop\"",
    .examples = "  nightbus keys name 3f9a laptop",
    .words_min = 2,
    .words_max = 2,
    .run = run_name,
};

static nb_status run_revoke(nb_cli *cli, nb_error *err)
{
    key_search search = {.word = cli->args.words[0]};
    const nb_status status = change(cli, NULL, &search, err);
    return (status == NB_OK) ? nb_cli_printf(err, "that key of %s is good no more\n", search.whose)
                             : status;
}

const nb_command nb_command_keys_revoke = {
    .name = "keys revoke",
    .usage = "KEY",
    .summary = "end a key for good, and whatever is connected with it",
    .details = "At once: open connections are cut, a renderer's work goes to another one.\n"
               "Your own keys, or any for the farm's operators. There is no way back; an\n"
               "invite brings a new key.",
    .examples = "  nightbus keys revoke 3f9a\n"
                "  nightbus keys revoke laptop",
    .words_min = 1,
    .words_max = 1,
    .run = run_revoke,
};
