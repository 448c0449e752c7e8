// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/incident_ledger.h"

#include "coordinator/ledger_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void nb_incident_fini(nb_incident *self)
{
    free(self->text);
    nb_result_fini(&self->result);
    *self = (nb_incident){0};
}

// The same outputs, in the same place of an earlier incident of the key.
static nb_status find_same(nb_ledger *self, const nb_result *result, uint64_t *out_id,
                           nb_error *err)
{
    *out_id = 0;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status =
        nb_sql_query(self->sql, "SELECT id FROM incidents WHERE mix_key = ? ORDER BY id",
                     NB_SQL_VALUES(nb_sql_digest(&result->mix_key)), &rows, err);
    while (status == NB_OK && *out_id == 0) {
        bool row = false;
        status = nb_sql_next(&rows, &row, err);
        if (status != NB_OK || !row) {
            break;
        }
        const uint64_t id = (uint64_t)nb_sql_get_int(&rows, 0);
        NB_SCOPED(nb_incident_fini) nb_incident known = {0};
        status = nb_ledger_get_incident(self, id, &known, err);
        if (status == NB_OK && nb_result_equal(&known.result, result)) {
            *out_id = id;
        }
    }
    return status;
}

static nb_status add_result(nb_ledger *self, uint64_t id, const nb_result *result, nb_error *err)
{
    nb_status status = nb_sql_run(
        self->sql,
        "INSERT INTO incident_results (incident, fingerprint, integrated_lufs, true_peak_dbtp,"
        " duration_s, rate_hz) VALUES (?, ?, ?, ?, ?, ?)",
        NB_SQL_VALUES(nb_sql_int((int64_t)id), nb_sql_text(result->fingerprint),
                      nb_sql_real(result->integrated_lufs), nb_sql_real(result->true_peak_dbtp),
                      nb_sql_real(result->duration_s), nb_sql_int(result->rate_hz)),
        err);
    for (size_t i = 0; status == NB_OK && i < result->output_count; i++) {
        const nb_output *output = &result->outputs[i];
        status = nb_sql_run(
            self->sql,
            "INSERT INTO incident_outputs (incident, name, digest, size) VALUES (?, ?, ?, ?)",
            NB_SQL_VALUES(nb_sql_int((int64_t)id), nb_sql_text(output->name),
                          nb_sql_digest(&output->digest), nb_sql_int((int64_t)output->size)),
            err);
    }
    return status;
}

nb_status nb_ledger_add_incident(nb_ledger *self, nb_incident *incident, nb_error *err)
{
    const nb_result *result = &incident->result;
    nb_status status = find_same(self, result, &incident->id, err);
    if (status != NB_OK || incident->id != 0) {
        return status;
    }
    status = nb_sql_run(
        self->sql,
        "INSERT INTO incidents (time_ms, task, mix_key, node, text) VALUES (?, ?, ?, ?, ?)",
        NB_SQL_VALUES(nb_sql_int(incident->time_ms), nb_sql_int((int64_t)incident->task),
                      nb_sql_digest(&result->mix_key), nb_sql_text(result->node),
                      nb_sql_text(incident->text)),
        err);
    if (status != NB_OK) {
        return status;
    }
    incident->id = (uint64_t)nb_sql_last_id(self->sql);
    return add_result(self, incident->id, result, err);
}

static nb_status read_outputs(nb_ledger *self, uint64_t id, nb_result *out, nb_error *err)
{
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    const nb_status status = nb_sql_query(
        self->sql,
        "SELECT name, digest, size FROM incident_outputs WHERE incident = ? ORDER BY name",
        NB_SQL_VALUES(nb_sql_int((int64_t)id)), &rows, err);
    return status == NB_OK ? nb_ledger_read_outputs(&rows, out, err) : status;
}

static nb_status read_incident(const nb_sql_rows *rows, nb_incident *out, nb_error *err)
{
    nb_result *result = &out->result;
    out->id = (uint64_t)nb_sql_get_int(rows, 0);
    out->time_ms = nb_sql_get_int(rows, 1);
    out->task = (uint64_t)nb_sql_get_int(rows, 2);
    out->text = strdup(nb_sql_get_text(rows, 5));
    result->fingerprint = strdup(nb_sql_get_text(rows, 6));
    result->integrated_lufs = nb_sql_get_real(rows, 7);
    result->true_peak_dbtp = nb_sql_get_real(rows, 8);
    result->duration_s = nb_sql_get_real(rows, 9);
    result->rate_hz = (unsigned)nb_sql_get_int(rows, 10);
    result->created_ms = out->time_ms;
    out->settled_ms = nb_sql_get_int(rows, 11);
    if (!out->text || !result->fingerprint) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for an incident");
    }
    nb_status status = nb_sql_get_digest(rows, 3, &result->mix_key, err);
    if (status == NB_OK) {
        status = nb_ledger_copy_text(rows, 4, result->node, sizeof result->node, err);
    }
    return (status == NB_OK)
               ? nb_ledger_copy_text(rows, 12, out->settled_by, sizeof out->settled_by, err)
               : status;
}

nb_status nb_ledger_get_incident(nb_ledger *self, uint64_t id, nb_incident *out, nb_error *err)
{
    *out = (nb_incident){0};
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    // Those of an older ledger have no result beside them.
    nb_status status = nb_sql_query(
        self->sql,
        "SELECT id, time_ms, task, mix_key, node, text, coalesce(fingerprint, ''), integrated_lufs,"
        " true_peak_dbtp, coalesce(duration_s, 0), coalesce(rate_hz, 0), coalesce(settled_ms, 0),"
        " coalesce(settled_by, '') FROM incidents LEFT JOIN incident_results"
        " ON incident_results.incident = incidents.id WHERE id = ?",
        NB_SQL_VALUES(nb_sql_int((int64_t)id)), &rows, err);
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    if (status == NB_OK && !row) {
        return nb_fail(err, NB_E_NOT_FOUND,
                       "no incident %" PRIu64 " ('nightbus incidents' lists them)", id);
    }
    if (status == NB_OK) {
        status = read_incident(&rows, out, err);
    }
    if (status == NB_OK) {
        status = read_outputs(self, id, &out->result, err);
    }
    if (status != NB_OK) {
        nb_incident_fini(out);
    }
    return status;
}

nb_status nb_ledger_open_incidents_with(nb_ledger *self, const nb_incident *asked,
                                        uint64_t *out_ids, size_t limit, size_t *out_count,
                                        nb_error *err)
{
    *out_count = 0;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    // Those of one report have numbers that follow each other.
    nb_status status =
        nb_sql_query(self->sql,
                     "SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY mix_key"
                     " ORDER BY id <> ?2, node <> ?3, abs(id - ?2)) AS place FROM incidents"
                     " JOIN incident_results ON incident = id WHERE task = ?1 AND settled_ms = 0)"
                     " WHERE place = 1 ORDER BY id LIMIT ?4",
                     NB_SQL_VALUES(nb_sql_int((int64_t)asked->task), nb_sql_int((int64_t)asked->id),
                                   nb_sql_text(asked->result.node), nb_sql_int((int64_t)limit)),
                     &rows, err);
    while (status == NB_OK && *out_count < limit) {
        bool row = false;
        status = nb_sql_next(&rows, &row, err);
        if (status != NB_OK || !row) {
            break;
        }
        out_ids[(*out_count)++] = (uint64_t)nb_sql_get_int(&rows, 0);
    }
    return status;
}

nb_status nb_ledger_list_incidents(nb_ledger *self, uint64_t before, size_t limit,
                                   uint64_t *out_ids, size_t *out_count, nb_error *err)
{
    *out_count = 0;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(
        self->sql, "SELECT id FROM incidents WHERE ?1 = 0 OR id < ?1 ORDER BY id DESC LIMIT ?2",
        NB_SQL_VALUES(nb_sql_int((int64_t)before), nb_sql_int((int64_t)limit)), &rows, err);
    while (status == NB_OK && *out_count < limit) {
        bool row = false;
        status = nb_sql_next(&rows, &row, err);
        if (status != NB_OK || !row) {
            break;
        }
        out_ids[(*out_count)++] = (uint64_t)nb_sql_get_int(&rows, 0);
    }
    return status;
}

nb_status nb_ledger_count_open_incidents(nb_ledger *self, uint64_t *out, nb_error *err)
{
    *out = 0;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    nb_status status =
        nb_sql_query(self->sql,
                     "SELECT count(*) FROM incidents LEFT JOIN incident_results ON incident = id"
                     " WHERE coalesce(settled_ms, 0) = 0",
                     NULL, 0, &rows, err);
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    *out = row ? (uint64_t)nb_sql_get_int(&rows, 0) : 0;
    return status;
}

// ---- Keeping ----

static nb_status drop_result(nb_ledger *self, const nb_digest *mix_key, nb_error *err)
{
    const nb_status status = nb_sql_run(self->sql, "DELETE FROM outputs WHERE mix_key = ?",
                                        NB_SQL_VALUES(nb_sql_digest(mix_key)), err);
    return (status == NB_OK) ? nb_sql_run(self->sql, "DELETE FROM results WHERE mix_key = ?",
                                          NB_SQL_VALUES(nb_sql_digest(mix_key)), err)
                             : status;
}

// Every album with a version of this key may read the files now.
static nb_status keep_blobs(nb_ledger *self, const nb_result *result, nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < result->output_count; i++) {
        status = nb_sql_run(
            self->sql,
            "INSERT INTO blobs (album, digest, size, kept, pinned_until_ms)"
            " SELECT DISTINCT album, ?1, ?2, 1, 0 FROM jobs WHERE id IN (SELECT id FROM jobs"
            " WHERE mix_key = ?3 UNION SELECT job FROM job_outputs WHERE key = ?3)"
            " ON CONFLICT (album, digest) DO UPDATE SET kept = 1",
            NB_SQL_VALUES(nb_sql_digest(&result->outputs[i].digest),
                          nb_sql_int((int64_t)result->outputs[i].size),
                          nb_sql_digest(&result->mix_key)),
            err);
    }
    return status;
}

// Of each version the newest job brings the rendering into the review: one that was done, or that
// failed only for want of this word, though its task was done. Others that failed stay failed, and
// cancelled ones cancelled.
static nb_status close_jobs(nb_ledger *self, const nb_result *result, int64_t now_ms, nb_error *err)
{
    return nb_sql_run(
        self->sql,
        "UPDATE jobs SET state = ?1, reviewed = 0, error = '', node = ?2, finished_ms = ?3"
        " WHERE state <> ?5 AND id IN (SELECT max(id) FROM jobs WHERE id IN"
        " (SELECT id FROM jobs WHERE mix_key = ?4 UNION SELECT job FROM job_outputs WHERE key = ?4)"
        " AND (state IN (?1, ?5) OR (state = ?6 AND EXISTS"
        " (SELECT 1 FROM tasks WHERE tasks.id = jobs.task AND tasks.state = ?7)))"
        " GROUP BY album, song, version)",
        NB_SQL_VALUES(nb_sql_int(NB_JOB_DONE), nb_sql_text(result->node), nb_sql_int(now_ms),
                      nb_sql_digest(&result->mix_key), nb_sql_int(NB_JOB_OPEN),
                      nb_sql_int(NB_JOB_FAILED), nb_sql_int(NB_TASK_DONE)),
        err);
}

static nb_status keep(nb_ledger *self, const nb_incident *incident, const char *person,
                      int64_t now_ms, nb_error *err)
{
    const nb_result *result = &incident->result;
    nb_status status = drop_result(self, &result->mix_key, err);
    if (status == NB_OK) {
        status = nb_ledger_put_result(self, result, err);
    }
    if (status == NB_OK) {
        status = keep_blobs(self, result, err);
    }
    if (status == NB_OK) {
        status = close_jobs(self, result, now_ms, err);
    }
    // With it all others of the key: they were not the one.
    return (status == NB_OK)
               ? nb_sql_run(self->sql,
                            "UPDATE incident_results SET settled_ms = ?1, settled_by = ?2"
                            " WHERE settled_ms = 0"
                            " AND incident IN (SELECT id FROM incidents WHERE mix_key = ?3)",
                            NB_SQL_VALUES(nb_sql_int(now_ms), nb_sql_text(person),
                                          nb_sql_digest(&result->mix_key)),
                            err)
               : status;
}

nb_status nb_ledger_keep_incidents(nb_ledger *self, const nb_incident *incidents, size_t count,
                                   const char *person, int64_t now_ms, nb_error *err)
{
    nb_status status = nb_ledger_begin(self, err);
    if (status != NB_OK) {
        return status;
    }
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        status = keep(self, &incidents[i], person, now_ms, err);
    }
    return nb_ledger_end(self, status, err);
}

nb_status nb_ledger_dismiss_incident(nb_ledger *self, uint64_t id, const char *person,
                                     int64_t now_ms, nb_error *err)
{
    // Those of an older ledger have no result beside them.
    return nb_sql_run(
        self->sql,
        "INSERT INTO incident_results (incident, fingerprint, duration_s, rate_hz,"
        " settled_ms, settled_by) VALUES (?1, '', 0, 0, ?2, ?3)"
        " ON CONFLICT (incident) DO UPDATE SET settled_ms = ?2, settled_by = ?3",
        NB_SQL_VALUES(nb_sql_int((int64_t)id), nb_sql_int(now_ms), nb_sql_text(person)), err);
}

nb_status nb_ledger_reopen_incident(nb_ledger *self, uint64_t id, uint64_t task, nb_error *err)
{
    const nb_status status =
        nb_sql_run(self->sql, "UPDATE incidents SET task = ? WHERE id = ?",
                   NB_SQL_VALUES(nb_sql_int((int64_t)task), nb_sql_int((int64_t)id)), err);
    return (status == NB_OK)
               ? nb_sql_run(self->sql,
                            "UPDATE incident_results SET settled_ms = 0, settled_by = ''"
                            " WHERE incident = ?",
                            NB_SQL_VALUES(nb_sql_int((int64_t)id)), err)
               : status;
}
