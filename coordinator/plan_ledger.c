// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/plan_ledger.h"

#include "coordinator/ledger_private.h"
#include "coordinator/task.h"

#include <stdlib.h>

static const char tables[] =
    "CREATE TABLE IF NOT EXISTS job_wants (job INTEGER PRIMARY KEY REFERENCES jobs,"
    " stems INTEGER NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS job_outputs (job INTEGER NOT NULL REFERENCES jobs,"
    " name TEXT NOT NULL, key BLOB NOT NULL, PRIMARY KEY (job, name)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS freezes (key BLOB PRIMARY KEY, digest BLOB NOT NULL,"
    " size INTEGER NOT NULL, made_ms INTEGER NOT NULL, used_ms INTEGER NOT NULL) STRICT,"
    " WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS freezes_by_digest ON freezes (digest);"
    "CREATE INDEX IF NOT EXISTS freezes_by_use ON freezes (used_ms);"
    "CREATE TABLE IF NOT EXISTS freeze_albums (key BLOB NOT NULL REFERENCES freezes"
    " ON DELETE CASCADE, album TEXT NOT NULL REFERENCES albums, PRIMARY KEY (key, album)) STRICT,"
    " WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS task_edges (task INTEGER NOT NULL REFERENCES tasks,"
    " key BLOB NOT NULL, PRIMARY KEY (key, task)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS task_needs (task INTEGER NOT NULL REFERENCES tasks,"
    " needed INTEGER NOT NULL REFERENCES tasks, PRIMARY KEY (task, needed)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS task_needs_by_needed ON task_needs (needed);";

nb_status nb_ledger_make_plan_tables(nb_sql *sql, nb_error *err)
{
    return nb_sql_script(sql, tables, err);
}

nb_status nb_ledger_want_stems(nb_ledger *self, uint64_t job, nb_error *err)
{
    return nb_sql_run(self->sql, "INSERT OR REPLACE INTO job_wants (job, stems) VALUES (?, 1)",
                      NB_SQL_VALUES(nb_sql_int((int64_t)job)), err);
}

nb_status nb_ledger_wants_stems(nb_ledger *self, uint64_t job, bool *out, nb_error *err)
{
    *out = false;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    nb_status status = nb_sql_query(self->sql, "SELECT stems FROM job_wants WHERE job = ?",
                                    NB_SQL_VALUES(nb_sql_int((int64_t)job)), &rows, err);
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    *out = row && nb_sql_get_int(&rows, 0) != 0;
    return status;
}

nb_status nb_ledger_put_job_outputs(nb_ledger *self, uint64_t job, const nb_plan_output *outputs,
                                    size_t count, nb_error *err)
{
    nb_status status = nb_sql_run(self->sql, "DELETE FROM job_outputs WHERE job = ?",
                                  NB_SQL_VALUES(nb_sql_int((int64_t)job)), err);
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        status = nb_sql_run(self->sql, "INSERT INTO job_outputs (job, name, key) VALUES (?, ?, ?)",
                            NB_SQL_VALUES(nb_sql_int((int64_t)job), nb_sql_text(outputs[i].name),
                                          nb_sql_digest(&outputs[i].key)),
                            err);
    }
    return status;
}

nb_status nb_ledger_list_job_outputs(nb_ledger *self, uint64_t job, nb_plan_output **out_outputs,
                                     size_t *out_count, nb_error *err)
{
    *out_outputs = NULL;
    *out_count = 0;
    nb_plan_output *list = calloc(NB_PLAN_OUTPUTS_MAX, sizeof *list);
    if (!list) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the outputs of a job");
    }
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status =
        nb_sql_query(self->sql, "SELECT name, key FROM job_outputs WHERE job = ? ORDER BY name",
                     NB_SQL_VALUES(nb_sql_int((int64_t)job)), &rows, err);
    size_t count = 0;
    while (status == NB_OK && count < NB_PLAN_OUTPUTS_MAX) {
        bool row = false;
        status = nb_sql_next(&rows, &row, err);
        if (status != NB_OK || !row) {
            break;
        }
        nb_plan_output *output = &list[count++];
        status = nb_ledger_copy_text(&rows, 0, output->name, sizeof output->name, err);
        if (status == NB_OK) {
            status = nb_sql_get_digest(&rows, 1, &output->key, err);
        }
    }
    if (status != NB_OK) {
        free(list);
        return status;
    }
    *out_outputs = list;
    *out_count = count;
    return NB_OK;
}

// ---- Freezes ----

nb_status nb_ledger_put_freeze(nb_ledger *self, const nb_freeze_row *freeze, nb_error *err)
{
    return nb_sql_run(self->sql,
                      "INSERT INTO freezes (key, digest, size, made_ms, used_ms)"
                      " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (key) DO UPDATE SET used_ms = ?5",
                      NB_SQL_VALUES(nb_sql_digest(&freeze->key), nb_sql_digest(&freeze->digest),
                                    nb_sql_int((int64_t)freeze->size), nb_sql_int(freeze->made_ms),
                                    nb_sql_int(freeze->used_ms)),
                      err);
}

nb_status nb_ledger_get_freeze(nb_ledger *self, const nb_digest *key, nb_freeze_row *out,
                               nb_error *err)
{
    *out = (nb_freeze_row){.key = *key};
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    nb_status status =
        nb_sql_query(self->sql, "SELECT digest, size, made_ms, used_ms FROM freezes WHERE key = ?",
                     NB_SQL_VALUES(nb_sql_digest(key)), &rows, err);
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    if (status == NB_OK && !row) {
        return nb_fail(err, NB_E_NOT_FOUND, "that edge is not kept");
    }
    if (status != NB_OK) {
        return status;
    }
    out->size = (uint64_t)nb_sql_get_int(&rows, 1);
    out->made_ms = nb_sql_get_int(&rows, 2);
    out->used_ms = nb_sql_get_int(&rows, 3);
    return nb_sql_get_digest(&rows, 0, &out->digest, err);
}

nb_status nb_ledger_share_freeze(nb_ledger *self, const nb_digest *key, uint64_t task,
                                 nb_error *err)
{
    return nb_sql_run(self->sql,
                      "INSERT OR IGNORE INTO freeze_albums (key, album)"
                      " SELECT freezes.key, album FROM freezes, jobs WHERE freezes.key = ?1"
                      " AND task IN (SELECT ?2 UNION ALL"
                      " SELECT task_needs.task FROM task_needs WHERE needed = ?2)",
                      NB_SQL_VALUES(nb_sql_digest(key), nb_sql_int((int64_t)task)), err);
}

nb_status nb_ledger_has_freeze(nb_ledger *self, const char *album, const nb_digest *key, bool *out,
                               nb_error *err)
{
    *out = false;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    const nb_status status =
        nb_sql_query(self->sql, "SELECT 1 FROM freeze_albums WHERE key = ? AND album = ?",
                     NB_SQL_VALUES(nb_sql_digest(key), nb_sql_text(album)), &rows, err);
    return (status == NB_OK) ? nb_sql_next(&rows, out, err) : status;
}

nb_status nb_ledger_use_freeze(nb_ledger *self, const nb_digest *key, int64_t now_ms, nb_error *err)
{
    return nb_sql_run(self->sql, "UPDATE freezes SET used_ms = ? WHERE key = ?",
                      NB_SQL_VALUES(nb_sql_int(now_ms), nb_sql_digest(key)), err);
}

nb_status nb_ledger_forget_freeze(nb_ledger *self, const nb_digest *key, nb_error *err)
{
    return nb_sql_run(self->sql, "DELETE FROM freezes WHERE key = ?",
                      NB_SQL_VALUES(nb_sql_digest(key)), err);
}

nb_status nb_ledger_trim_freezes(nb_ledger *self, int64_t unused_since_ms, uint64_t bytes_max,
                                 nb_error *err)
{
    const nb_status status = nb_sql_run(self->sql, "DELETE FROM freezes WHERE used_ms < ?",
                                        NB_SQL_VALUES(nb_sql_int(unused_since_ms)), err);
    return (status == NB_OK)
               ? nb_sql_run(self->sql,
                            "DELETE FROM freezes WHERE key IN (SELECT key FROM (SELECT key,"
                            " sum(size) OVER (ORDER BY used_ms DESC, key) AS bytes FROM freezes)"
                            " WHERE bytes > ?)",
                            NB_SQL_VALUES(nb_sql_int((int64_t)bytes_max)), err)
               : status;
}

// ---- Tasks that make edges for others ----

nb_status nb_ledger_add_task_edge(nb_ledger *self, uint64_t task, const nb_digest *key,
                                  nb_error *err)
{
    return nb_sql_run(self->sql, "INSERT OR IGNORE INTO task_edges (task, key) VALUES (?, ?)",
                      NB_SQL_VALUES(nb_sql_int((int64_t)task), nb_sql_digest(key)), err);
}

nb_status nb_ledger_find_edge_task(nb_ledger *self, const nb_digest *key, uint64_t *out_task,
                                   nb_error *err)
{
    *out_task = 0;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    nb_status status = nb_sql_query(
        self->sql,
        "SELECT task FROM task_edges JOIN tasks ON tasks.id = task WHERE key = ? AND state < ?"
        " ORDER BY task LIMIT 1",
        NB_SQL_VALUES(nb_sql_digest(key), nb_sql_int(NB_TASK_DONE)), &rows, err);
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    *out_task = row ? (uint64_t)nb_sql_get_int(&rows, 0) : 0;
    return status;
}

nb_status nb_ledger_add_need(nb_ledger *self, uint64_t task, uint64_t needed, nb_error *err)
{
    return nb_sql_run(self->sql, "INSERT OR IGNORE INTO task_needs (task, needed) VALUES (?, ?)",
                      NB_SQL_VALUES(nb_sql_int((int64_t)task), nb_sql_int((int64_t)needed)), err);
}

static const char *const need_queries[] = {
    [NB_NEEDS_OF] = "SELECT needed FROM task_needs JOIN tasks ON tasks.id = needed"
                    " WHERE task = ?1 AND state < ?2 ORDER BY needed LIMIT ?3",
    [NB_NEEDS_EVER_OF] = "SELECT needed FROM task_needs WHERE task = ?1 ORDER BY needed LIMIT ?3",
    [NB_NEEDED_BY] = "SELECT task FROM task_needs JOIN tasks ON tasks.id = task"
                     " WHERE needed = ?1 AND state < ?2 ORDER BY task LIMIT ?3",
};

nb_status nb_ledger_list_needs(nb_ledger *self, nb_need_query query, uint64_t task,
                               uint64_t *out_tasks, size_t room, size_t *out_count, nb_error *err)
{
    *out_count = 0;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status =
        nb_sql_query(self->sql, need_queries[query],
                     NB_SQL_VALUES(nb_sql_int((int64_t)task), nb_sql_int(NB_TASK_DONE),
                                   nb_sql_int((int64_t)room)),
                     &rows, err);
    while (status == NB_OK && *out_count < room) {
        bool row = false;
        status = nb_sql_next(&rows, &row, err);
        if (status != NB_OK || !row) {
            break;
        }
        out_tasks[(*out_count)++] = (uint64_t)nb_sql_get_int(&rows, 0);
    }
    return status;
}

nb_status nb_ledger_open_needs(nb_ledger *self, nb_need **out_needs, size_t *out_count,
                               nb_error *err)
{
    *out_needs = NULL;
    *out_count = 0;
    nb_need *needs = NULL;
    size_t count = 0;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(self->sql,
                                    "SELECT task_needs.task, needed FROM tasks AS waiting"
                                    " JOIN task_needs ON task_needs.task = waiting.id"
                                    " JOIN tasks AS first ON first.id = needed"
                                    " WHERE waiting.state < ?1 AND first.state < ?1 ORDER BY 1, 2",
                                    NB_SQL_VALUES(nb_sql_int(NB_TASK_DONE)), &rows, err);
    while (status == NB_OK) {
        bool row = false;
        status = nb_sql_next(&rows, &row, err);
        if (status != NB_OK || !row) {
            break;
        }
        nb_need *grown = reallocarray(needs, count + 1, sizeof *needs);
        if (!grown) {
            status = nb_fail(err, NB_E_NO_MEMORY, "no memory for what tasks wait for");
            break;
        }
        needs = grown;
        needs[count++] =
            (nb_need){(uint64_t)nb_sql_get_int(&rows, 0), (uint64_t)nb_sql_get_int(&rows, 1)};
    }
    if (status != NB_OK) {
        free(needs);
        return status;
    }
    *out_needs = needs;
    *out_count = count;
    return NB_OK;
}

nb_status nb_ledger_set_plan(nb_ledger *self, uint64_t task, const nb_digest *plan,
                             uint64_t plan_size, nb_error *err)
{
    return nb_sql_run(self->sql, "UPDATE tasks SET plan = ?, plan_size = ? WHERE id = ?",
                      NB_SQL_VALUES(nb_sql_digest(plan), nb_sql_int((int64_t)plan_size),
                                    nb_sql_int((int64_t)task)),
                      err);
}
