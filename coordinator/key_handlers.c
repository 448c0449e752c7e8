// SPDX-License-Identifier: GPL-3.0-or-later
// What is known of keys, and what an estimate needs.
#include "coordinator/ahead.h"
#include "coordinator/plan_ledger.h"

#include <stdlib.h>
#include <string.h>

typedef struct asked {
    nb_coordinator *self;
    const Nightbus__KeyAsk *said;
    Nightbus__KeyAnswer *out;
    const nb_answer *answer;
} asked;

static Nightbus__KnownRow *make_row(const asked *self, const nb_digest *key, uint64_t size,
                                    int64_t made_ms, const char *node)
{
    Nightbus__KnownRow *row = nb_answer_take(self->answer, 1, sizeof *row);
    if (row) {
        nightbus__known_row__init(row);
        row->key = nb_answer_digest(self->answer, key);
        row->size = size;
        row->has_made_ms = made_ms > 0;
        row->made_ms = (uint64_t)made_ms;
        row->node = (node && node[0]) ? nb_answer_string(self->answer, node) : NULL;
    }
    return row;
}

/// Knowing a key is no right: only what this album has counts as known, of outputs as of edges.
static bool is_of_album(const asked *self, const nb_result *result)
{
    uint64_t size = 0;
    return result->output_count > 0 &&
           nb_ledger_get_blob(self->self->ledger, self->said->album, &result->outputs[0].digest,
                              &size, NULL) == NB_OK;
}

static nb_status add_outputs(const asked *self, nb_error *err)
{
    nb_coordinator *coordinator = self->self;
    self->out->outputs =
        nb_answer_take(self->answer, self->said->n_outputs, sizeof *self->out->outputs);
    if (!self->out->outputs) {
        return nb_answer_no_memory(err);
    }
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < self->said->n_outputs; i++) {
        NB_SCOPED(nb_result_fini) nb_result result = {0};
        const nb_digest key = nb_wire_to_digest(self->said->outputs[i]);
        status = nb_ledger_get_result(coordinator->ledger, &key, &result, err);
        if (status == NB_E_NOT_FOUND) {
            status = NB_OK;
            continue;
        }
        if (status != NB_OK || !is_of_album(self, &result) ||
            !nb_coordinator_has_outputs(coordinator, &result)) {
            continue;
        }
        Nightbus__KnownRow *row =
            make_row(self, &key, result.outputs[0].size, result.created_ms, result.node);
        if (!row) {
            return nb_answer_no_memory(err);
        }
        self->out->outputs[self->out->n_outputs++] = row;
    }
    return status;
}

static nb_status add_edges(const asked *self, nb_error *err)
{
    nb_coordinator *coordinator = self->self;
    self->out->edges = nb_answer_take(self->answer, self->said->n_edges, sizeof *self->out->edges);
    if (!self->out->edges) {
        return nb_answer_no_memory(err);
    }
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < self->said->n_edges; i++) {
        nb_freeze_row freeze;
        uint64_t size = 0;
        bool known = false;
        const nb_digest key = nb_wire_to_digest(self->said->edges[i]);
        status = nb_ledger_has_freeze(coordinator->ledger, self->said->album, &key, &known, err);
        if (status == NB_OK && !known) {
            continue;
        }
        if (status == NB_OK) {
            status = nb_ledger_get_freeze(coordinator->ledger, &key, &freeze, err);
        }
        if (status == NB_E_NOT_FOUND) {
            status = NB_OK;
            continue;
        }
        if (status != NB_OK || !nb_blob_store_has(coordinator->store, &freeze.digest, &size)) {
            continue;
        }
        Nightbus__KnownRow *row = make_row(self, &key, freeze.size, freeze.made_ms, NULL);
        if (!row) {
            return nb_answer_no_memory(err);
        }
        self->out->edges[self->out->n_edges++] = row;
    }
    return status;
}

static nb_status add_speeds(const asked *self, nb_error *err)
{
    nb_costs costs;
    nb_status status = nb_ledger_read_costs(self->self->ledger, &costs, err);
    if (status != NB_OK) {
        return status;
    }
    self->out->speeds = nb_answer_take(self->answer, costs.count, sizeof *self->out->speeds);
    for (size_t i = 0; self->out->speeds && i < costs.count; i++) {
        Nightbus__SpeedRow *row = nb_answer_take(self->answer, 1, sizeof *row);
        if (!row) {
            return nb_answer_no_memory(err);
        }
        nightbus__speed_row__init(row);
        row->processor = nb_answer_string(self->answer, costs.list[i].processor);
        row->ns = costs.list[i].ns;
        self->out->speeds[self->out->n_speeds++] = row;
    }
    return self->out->speeds ? NB_OK : nb_answer_no_memory(err);
}

static nb_status add_nodes(const asked *self, nb_error *err)
{
    nb_farm_pace paces[NB_ROWS_MAX];
    size_t count = 0;
    nb_status status =
        nb_coordinator_paces(self->self, self->out->fingerprint, paces, NB_ROWS_MAX, &count, err);
    self->out->nodes = nb_answer_take(self->answer, count, sizeof *self->out->nodes);
    for (size_t i = 0; status == NB_OK && self->out->nodes && i < count; i++) {
        Nightbus__PaceRow *row = nb_answer_take(self->answer, 1, sizeof *row);
        if (!row) {
            return nb_answer_no_memory(err);
        }
        nightbus__pace_row__init(row);
        row->node = nb_answer_string(self->answer,
                                     nb_coordinator_node_at(self->self, paces[i].renderer)->name);
        row->cost_us = paces[i].pace.cost;
        row->took_ms = paces[i].pace.ms;
        self->out->nodes[self->out->n_nodes++] = row;
    }
    return self->out->nodes ? status : nb_answer_no_memory(err);
}

static nb_status add_spare(const asked *self, nb_error *err)
{
    nb_split_farm farm;
    (void)err;
    nb_ahead_find_farm(self->self, self->out->fingerprint, "", 0, &farm);
    self->out->has_spare_nodes = 1;
    self->out->spare_nodes = (uint32_t)farm.nodes;
    self->out->has_spare_threads = farm.nodes > 0 && farm.threads > 0;
    self->out->spare_threads = self->out->has_spare_threads ? farm.threads : 0;
    self->out->has_spare_share_store = 1;
    self->out->spare_share_store = farm.shares_store;
    return NB_OK;
}

static nb_status add_song(const asked *self, nb_error *err)
{
    if (!self->said->song) {
        return NB_OK;
    }
    double seconds = 0.0;
    const nb_status status = nb_ledger_last_seconds(self->self->ledger, self->said->album,
                                                    self->said->song, &seconds, err);
    self->out->has_last_s = seconds > 0.0;
    self->out->last_s = seconds;
    return status;
}

static nb_status add_fingerprint(const asked *self, nb_error *err)
{
    const char *now = nb_scheduler_fingerprint(self->self->scheduler);
    NB_SCOPED(nb_text_free) char *last = NULL;
    nb_status status = now ? NB_OK : nb_ledger_last_fingerprint(self->self->ledger, &last, err);
    if (status == NB_OK && !now && !last) {
        return nb_fail(err, NB_E_NOT_FOUND,
                       "no renderer was ever here, so nobody knows what it would make of a mix: "
                       "start one");
    }
    self->out->fingerprint = nb_answer_string(self->answer, now ? now : last);
    return self->out->fingerprint ? status : nb_answer_no_memory(err);
}

nb_status nb_handle_key_ask(nb_coordinator *self, const nb_caller *caller,
                            const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    (void)caller;
    nb_album *album = NULL;
    nb_status status = nb_coordinator_album(self, request->key_ask->album, &album, err);
    if (status != NB_OK) {
        return status;
    }
    Nightbus__KeyAnswer *out = nb_answer_take(answer, 1, sizeof *out);
    if (!out) {
        return nb_answer_no_memory(err);
    }
    nightbus__key_answer__init(out);
    const asked it = {self, request->key_ask, out, answer};
    static nb_status (*const parts[])(const asked *, nb_error *) = {
        add_fingerprint, add_outputs, add_edges, add_speeds, add_nodes, add_spare, add_song};
    for (size_t i = 0; status == NB_OK && i < NB_COUNT(parts); i++) {
        status = parts[i](&it, err);
    }
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_KEY_ANSWER;
    answer->reply.key_answer = out;
    return status;
}
