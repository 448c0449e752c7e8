// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/costs.h"

#include "coordinator/ledger_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double newest_share = 0.3;     // of a processor's cost on one node
static const double processor_ns_max = 1e6; // more is no measurement
static const int64_t frames_default = INT64_C(48000) * 240;

static const char tables[] =
    "CREATE TABLE IF NOT EXISTS speeds (node TEXT NOT NULL, processor TEXT NOT NULL,"
    " ns REAL NOT NULL, PRIMARY KEY (node, processor)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS paces (node TEXT PRIMARY KEY, cost REAL NOT NULL,"
    " ms REAL NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS task_costs (task INTEGER PRIMARY KEY REFERENCES tasks,"
    " ns_per_frame REAL NOT NULL, frames INTEGER NOT NULL,"
    " made_frames INTEGER NOT NULL DEFAULT 0) STRICT;";

nb_status nb_ledger_make_cost_tables(nb_sql *sql, nb_error *err)
{
    return nb_sql_script(sql, tables, err);
}

// ---- What processors cost ----

nb_status nb_ledger_read_costs(nb_ledger *self, nb_costs *out, nb_error *err)
{
    out->count = 0;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(self->sql,
                                    "SELECT processor, avg(ns) FROM speeds GROUP BY processor"
                                    " ORDER BY processor LIMIT ?",
                                    NB_SQL_VALUES(nb_sql_int(NB_SPEEDS_MAX)), &rows, err);
    while (status == NB_OK && out->count < NB_SPEEDS_MAX) {
        bool row = false;
        status = nb_sql_next(&rows, &row, err);
        if (status != NB_OK || !row) {
            break;
        }
        out->list[out->count].ns = nb_sql_get_real(&rows, 1);
        status =
            nb_ledger_copy_text(&rows, 0, out->list[out->count++].processor, NB_NAME_SIZE, err);
    }
    return status;
}

double nb_costs_find(const void *context, const nb_processor *processor)
{
    const nb_costs *self = context;
    for (size_t i = 0; i < self->count; i++) {
        if (strcmp(self->list[i].processor, processor->name) == 0) {
            return self->list[i].ns;
        }
    }
    return -1.0;
}

static nb_status put_speed(nb_ledger *self, const char *node, const Nightbus__SpeedRow *row,
                           nb_error *err)
{
    if (!(row->ns >= 0.0 && row->ns < processor_ns_max)) {
        return NB_OK;
    }
    return nb_sql_run(self->sql,
                      "INSERT INTO speeds (node, processor, ns) VALUES (?1, ?2, ?3)"
                      " ON CONFLICT (node, processor) DO UPDATE SET ns = ns + ?4 * (?3 - ns)",
                      NB_SQL_VALUES(nb_sql_text(node), nb_sql_text(row->processor),
                                    nb_sql_real(row->ns), nb_sql_real(newest_share)),
                      err);
}

// ---- What a task costs ----

nb_status nb_ledger_last_seconds(nb_ledger *self, const char *album, const char *song, double *out,
                                 nb_error *err)
{
    *out = 0.0;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    nb_status status =
        nb_sql_query(self->sql,
                     "SELECT duration_s FROM (SELECT version, mix_key FROM jobs WHERE album = ?"
                     " AND song = ? AND version > 0 ORDER BY version DESC LIMIT 20)"
                     " JOIN results USING (mix_key) ORDER BY version DESC LIMIT 1",
                     NB_SQL_VALUES(nb_sql_text(album), nb_sql_text(song)), &rows, err);
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    *out = row ? nb_sql_get_real(&rows, 0) : 0.0;
    return status;
}

nb_status nb_ledger_last_fingerprint(nb_ledger *self, char **out, nb_error *err)
{
    *out = NULL;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    nb_status status = nb_sql_query(
        self->sql, "SELECT fingerprint FROM tasks ORDER BY id DESC LIMIT 1", NULL, 0, &rows, err);
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    *out = row ? strdup(nb_sql_get_text(&rows, 0)) : NULL;
    return (row && !*out) ? nb_fail(err, NB_E_NO_MEMORY, "no memory for a fingerprint") : status;
}

static void free_sinks(size_t **sinks_p) { free(*sinks_p); }

nb_status nb_coordinator_cost(nb_coordinator *self, const nb_job *job, const nb_graph *graph,
                              const nb_outputs *outputs, const nb_freezes *freezes,
                              int64_t frames_of_files, nb_task_cost *out, nb_error *err)
{
    *out = (nb_task_cost){0};
    nb_costs costs;
    double seconds = 0.0;
    NB_SCOPED(free_sinks) size_t *sinks = calloc(outputs->count + 1, sizeof *sinks);
    if (!sinks) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to estimate a task");
    }
    for (size_t i = 0; i < outputs->count; i++) {
        sinks[i] = nb_output_sink(graph, outputs->list[i].name);
    }
    nb_status status = nb_ledger_read_costs(self->ledger, &costs, err);
    if (status == NB_OK) {
        status = nb_ledger_last_seconds(self->ledger, job->album, job->song, &seconds, err);
    }
    if (status == NB_OK) {
        status = nb_graph_cost_ns(graph, sinks, outputs->count, freezes->kept, nb_costs_find,
                                  &costs, &out->ns_per_frame, err);
    }
    out->frames = (int64_t)llround(seconds * graph->rate_hz);
    if (out->frames <= 0) {
        out->frames = (frames_of_files > 0) ? frames_of_files : frames_default;
    }
    return status;
}

nb_status nb_ledger_put_cost(nb_ledger *self, uint64_t task, const nb_task_cost *cost,
                             nb_error *err)
{
    return nb_sql_run(self->sql,
                      "INSERT OR REPLACE INTO task_costs (task, ns_per_frame, frames, made_frames)"
                      " VALUES (?, ?, ?, ?)",
                      NB_SQL_VALUES(nb_sql_int((int64_t)task), nb_sql_real(cost->ns_per_frame),
                                    nb_sql_int(cost->frames), nb_sql_int(cost->made_frames)),
                      err);
}

nb_status nb_ledger_get_cost(nb_ledger *self, uint64_t task, nb_task_cost *out, nb_error *err)
{
    *out = (nb_task_cost){0};
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    nb_status status = nb_sql_query(
        self->sql, "SELECT ns_per_frame, frames, made_frames FROM task_costs WHERE task = ?",
        NB_SQL_VALUES(nb_sql_int((int64_t)task)), &rows, err);
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    if (row) {
        *out = (nb_task_cost){nb_sql_get_real(&rows, 0), nb_sql_get_int(&rows, 1),
                              nb_sql_get_int(&rows, 2)};
    }
    return status;
}

// ---- How fast nodes are ----

nb_status nb_ledger_get_pace(nb_ledger *self, const char *node, nb_estimate_node *out,
                             nb_error *err)
{
    *out = (nb_estimate_node){0};
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    nb_status status = nb_sql_query(self->sql, "SELECT cost, ms FROM paces WHERE node = ?",
                                    NB_SQL_VALUES(nb_sql_text(node)), &rows, err);
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    if (row) {
        *out = (nb_estimate_node){nb_sql_get_real(&rows, 0), nb_sql_get_real(&rows, 1)};
    }
    return status;
}

static nb_status put_pace(nb_ledger *self, const char *node, const nb_estimate_node *pace,
                          nb_error *err)
{
    return nb_sql_run(
        self->sql, "INSERT OR REPLACE INTO paces (node, cost, ms) VALUES (?, ?, ?)",
        NB_SQL_VALUES(nb_sql_text(node), nb_sql_real(pace->cost), nb_sql_real(pace->ms)), err);
}

nb_status nb_coordinator_learn(nb_coordinator *self, const char *node,
                               const Nightbus__TaskFinish *said, int64_t took_ms, nb_error *err)
{
    nb_task_cost cost;
    nb_estimate_node pace;
    nb_status status = nb_ledger_get_cost(self->ledger, said->task, &cost, err);
    if (status == NB_OK) {
        status = nb_ledger_get_pace(self->ledger, node, &pace, err);
    }
    if (status == NB_OK && cost.ns_per_frame > 0.0) {
        cost.made_frames = (int64_t)llround(said->duration_s * said->rate_hz);
        nb_task_cost made = cost;
        made.frames = cost.made_frames;
        nb_estimate_learn(&pace, nb_task_cost_us(&made), (double)took_ms);
        status = put_pace(self->ledger, node, &pace, err);
    }
    if (status == NB_OK && cost.made_frames > 0) {
        status = nb_ledger_put_cost(self->ledger, said->task, &cost, err);
    }
    for (size_t i = 0; status == NB_OK && i < said->n_speeds; i++) {
        status = put_speed(self->ledger, node, said->speeds[i], err);
    }
    return status;
}

// Would it take such work now?
static bool is_ready(const nb_renderer *renderer, const char *fingerprint)
{
    return renderer && renderer->state != NB_RENDERER_LOST && renderer->holds == 0 &&
           renderer->fingerprint && strcmp(renderer->fingerprint, fingerprint) == 0;
}

nb_status nb_coordinator_paces(nb_coordinator *self, const char *fingerprint, nb_farm_pace *out,
                               size_t room, size_t *out_count, nb_error *err)
{
    nb_status status = NB_OK;
    *out_count = 0;
    for (uint32_t id = 1; status == NB_OK && id <= self->node_count && *out_count < room; id++) {
        if (is_ready(nb_scheduler_renderer(self->scheduler, id), fingerprint)) {
            nb_farm_pace *pace = &out[(*out_count)++];
            pace->renderer = id;
            status = nb_ledger_get_pace(self->ledger, nb_coordinator_node_at(self, id)->name,
                                        &pace->pace, err);
        }
    }
    return status;
}
