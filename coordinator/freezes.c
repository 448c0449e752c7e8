// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/freezes.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "coordinator/incident_ledger.h"
#include "coordinator/plan_ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void nb_freezes_fini(nb_freezes *self)
{
    free(self->list);
    free(self->nodes);
    free(self->kept);
    *self = (nb_freezes){0};
}

static void free_marks(bool **marks_p) { free(*marks_p); }
static void free_sinks(size_t **sinks_p) { free(*sinks_p); }

// A row whose file is gone goes.
nb_status nb_freezes_look_up(nb_coordinator *self, nb_plan_freeze *freeze, nb_error *err)
{
    nb_freeze_row row;
    uint64_t size = 0;
    const nb_status status = nb_ledger_get_freeze(self->ledger, &freeze->key, &row, err);
    if (status != NB_OK) {
        return (status == NB_E_NOT_FOUND) ? NB_OK : status;
    }
    if (!nb_blob_store_has(self->store, &row.digest, &size) || size != row.size) {
        return nb_ledger_forget_freeze(self->ledger, &freeze->key, err);
    }
    freeze->is_kept = true;
    freeze->digest = row.digest;
    freeze->size = row.size;
    return NB_OK;
}

static nb_status take_room(nb_freezes *self, const nb_graph *graph, nb_error *err)
{
    self->list = calloc(graph->node_count, sizeof *self->list);
    self->nodes = calloc(graph->node_count, sizeof *self->nodes);
    self->kept = calloc(graph->node_count, sizeof *self->kept);
    return self->list && self->nodes && self->kept
               ? NB_OK
               : nb_fail(err, NB_E_NO_MEMORY, "no memory to look for kept edges");
}

static nb_status choose(nb_coordinator *self, const nb_graph *graph, nb_freezes *out, nb_error *err)
{
    NB_SCOPED(free_marks) bool *chosen = calloc(graph->node_count, sizeof *chosen);
    if (!chosen) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to look for kept edges");
    }
    nb_status status = take_room(out, graph, err);
    if (status == NB_OK) {
        status = nb_graph_choose_freezes(graph, chosen, err);
    }
    for (size_t n = 0; status == NB_OK && n < graph->node_count; n++) {
        if (!chosen[n]) {
            continue;
        }
        nb_plan_freeze *freeze = &out->list[out->count];
        freeze->key = graph->nodes[n].key;
        out->nodes[out->count++] = n;
        status = nb_freezes_look_up(self, freeze, err);
        out->kept[n] = freeze->is_kept;
    }
    return status;
}

static nb_status find_reached(const nb_graph *graph, const nb_outputs *outputs, const bool *kept,
                              bool *reached, nb_error *err)
{
    NB_SCOPED(free_sinks) size_t *sinks = calloc(outputs->count + 1, sizeof *sinks);
    if (!sinks) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to look for kept edges");
    }
    for (size_t i = 0; i < outputs->count; i++) {
        sinks[i] = nb_output_sink(graph, outputs->list[i].name);
    }
    return nb_graph_reach(graph, sinks, outputs->count, kept, reached, err);
}

nb_status nb_freezes_find(nb_coordinator *self, const nb_graph *graph, const nb_outputs *outputs,
                          nb_freezes *out, nb_error *err)
{
    NB_SCOPED(free_marks) bool *reached = calloc(graph->node_count, sizeof *reached);
    if (!reached) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to look for kept edges");
    }
    nb_status status = choose(self, graph, out, err);
    if (status == NB_OK) {
        status = find_reached(graph, outputs, out->kept, reached, err);
    }
    size_t count = 0;
    for (size_t i = 0; status == NB_OK && i < out->count && count < NB_PLAN_FREEZES_MAX; i++) {
        if (reached[out->nodes[i]]) {
            out->list[count] = out->list[i];
            out->nodes[count++] = out->nodes[i];
        }
    }
    out->count = (status == NB_OK) ? count : 0;
    return status;
}

nb_status nb_freezes_plan(nb_coordinator *self, const nb_freezes *freezes, nb_plan *plan,
                          nb_error *err)
{
    const int64_t now_ms = nb_clock_wall_ms();
    plan->freezes = calloc(freezes->count + 1, sizeof *plan->freezes);
    if (!plan->freezes) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a plan");
    }
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < freezes->count; i++) {
        plan->freezes[plan->freeze_count++] = freezes->list[i];
        if (freezes->list[i].is_kept) {
            status = nb_ledger_use_freeze(self->ledger, &freezes->list[i].key, now_ms, err);
        }
    }
    return status;
}

/// The file of a freeze; null if it was not written.
static const Nightbus__OutputRow *find_row(const Nightbus__TaskFinish *said,
                                           const nb_plan_freeze *freeze)
{
    char name[NB_OUTPUT_NAME_SIZE];
    nb_freeze_name(&freeze->key, name);
    for (size_t i = 0; i < said->n_outputs; i++) {
        if (strcmp(said->outputs[i]->name, name) == 0) {
            return said->outputs[i];
        }
    }
    return NULL;
}

size_t nb_freezes_count(const nb_plan *plan, const Nightbus__TaskFinish *said)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->freeze_count; i++) {
        count += find_row(said, &plan->freezes[i]) != NULL;
    }
    return count;
}

static bool is_there(const nb_coordinator *self, const Nightbus__OutputRow *row)
{
    const nb_digest digest = nb_wire_to_digest(row->digest);
    uint64_t size = 0;
    return nb_blob_store_has(self->store, &digest, &size) && size == row->size;
}

bool nb_freezes_are_there(const nb_coordinator *self, const nb_plan *plan,
                          const Nightbus__TaskFinish *said)
{
    bool all = true;
    for (size_t i = 0; i < plan->freeze_count; i++) {
        const Nightbus__OutputRow *row = find_row(said, &plan->freezes[i]);
        all = all && (!row || is_there(self, row));
    }
    return all;
}

// Two renderers made one edge to different bytes: one of them, or our rules for keys, is wrong.
static nb_status add_incident(nb_coordinator *self, const nb_plan *plan,
                              const Nightbus__TaskFinish *said, const Nightbus__OutputRow *row,
                              const nb_freeze_row *made, const char *node, nb_error *err)
{
    NB_SCOPED(nb_text_free)
    char *text = nb_text_format("%s made an edge of %s@%s to other bytes than are kept of it", node,
                                plan->song, plan->version);
    if (!text) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for an incident");
    }
    nb_incident incident = {.time_ms = made->made_ms,
                            .task = said->task,
                            .text = text,
                            .result = {.mix_key = made->key,
                                       .fingerprint = plan->fingerprint, // borrowed, as the text is
                                       .created_ms = made->made_ms,
                                       .rate_hz = said->rate_hz,
                                       .output_count = 1}};
    snprintf(incident.result.node, sizeof incident.result.node, "%s", node);
    nb_output *file = &incident.result.outputs[0];
    snprintf(file->name, sizeof file->name, "%s", row->name);
    file->digest = made->digest;
    file->size = made->size;
    const nb_status status = nb_ledger_add_incident(self->ledger, &incident, err);
    nb_log_error("incident %" PRIu64 ": %s", incident.id, text);
    return status;
}

static nb_status keep_one(nb_coordinator *self, const nb_plan *plan,
                          const Nightbus__TaskFinish *said, const Nightbus__OutputRow *row,
                          const nb_digest *key, const char *node, nb_error *err)
{
    nb_freeze_row made = {.key = *key,
                          .digest = nb_wire_to_digest(row->digest),
                          .size = row->size,
                          .made_ms = nb_clock_wall_ms()};
    made.used_ms = made.made_ms;
    nb_plan_freeze present = {.key = *key};
    const nb_status status = nb_freezes_look_up(self, &present, err); // one without a file goes
    if (status != NB_OK || !present.is_kept || nb_digest_equal(&present.digest, &made.digest)) {
        return (status == NB_OK) ? nb_ledger_put_freeze(self->ledger, &made, err) : status;
    }
    return add_incident(self, plan, said, row, &made, node, err);
}

nb_status nb_freezes_keep(nb_coordinator *self, const nb_plan *plan,
                          const Nightbus__TaskFinish *said, const char *node, nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < plan->freeze_count; i++) {
        const Nightbus__OutputRow *row = find_row(said, &plan->freezes[i]);
        if (row && is_there(self, row)) {
            status = keep_one(self, plan, said, row, &plan->freezes[i].key, node, err);
        } else if (row) {
            nb_log_warn("%s@%s: %s was not sent, so it is not kept", plan->song, plan->version,
                        row->name);
        }
    }
    return status;
}

nb_status nb_freezes_trim(nb_coordinator *self, nb_error *err)
{
    const int64_t day_ms = INT64_C(24) * 60 * 60 * 1000;
    return nb_ledger_trim_freezes(self->ledger, nb_clock_wall_ms() - NB_FREEZE_DAYS * day_ms,
                                  (uint64_t)NB_FREEZE_GIGABYTES << 30, err);
}
