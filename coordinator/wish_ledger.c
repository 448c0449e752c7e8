// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/wish_ledger.h"

#include "coordinator/farm_ledger.h"
#include "coordinator/ledger_private.h"

#include <assert.h>
#include <stdlib.h>

static_assert(NB_JOB_OPEN == 0 && NB_JOB_DONE == 1, "the numbers in the statements");

// Several texts of a row.
static nb_status copy_texts(const nb_sql_rows *rows, int first, char *const *outs,
                            const size_t *sizes, size_t count, nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        status = nb_ledger_copy_text(rows, first + (int)i, outs[i], sizes[i], err);
    }
    return status;
}

// ---- Jobs ----

nb_status nb_ledger_get_job_wish(nb_ledger *self, uint64_t job, nb_job_wish *out, nb_error *err)
{
    *out = (nb_job_wish){.priority = NB_PRIORITY_DEFAULT};
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    nb_status status =
        nb_sql_query(self->sql,
                     "SELECT priority, paused, time_ms, hours, label, person FROM job_wishes"
                     " WHERE job = ?",
                     NB_SQL_VALUES(nb_sql_int((int64_t)job)), &rows, err);
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    if (status != NB_OK || !row) {
        return status;
    }
    out->priority = (int)nb_sql_get_int(&rows, 0);
    out->paused = nb_sql_get_int(&rows, 1) != 0;
    out->time_ms = nb_sql_get_int(&rows, 2);
    char *const outs[] = {out->window, out->label, out->person};
    const size_t sizes[] = {sizeof out->window, sizeof out->label, sizeof out->person};
    return copy_texts(&rows, 3, outs, sizes, NB_COUNT(outs), err);
}

nb_status nb_ledger_put_job_wish(nb_ledger *self, uint64_t job, const nb_job_wish *wish,
                                 nb_error *err)
{
    return nb_sql_run(self->sql,
                      "INSERT OR REPLACE INTO job_wishes"
                      " (job, priority, paused, hours, label, person, time_ms)"
                      " VALUES (?, ?, ?, ?, ?, ?, ?)",
                      NB_SQL_VALUES(nb_sql_int((int64_t)job), nb_sql_int(wish->priority),
                                    nb_sql_int(wish->paused), nb_sql_text(wish->window),
                                    nb_sql_text(wish->label), nb_sql_text(wish->person),
                                    nb_sql_int(wish->time_ms)),
                      err);
}

nb_status nb_ledger_wished_tasks(nb_ledger *self, uint64_t **out_tasks, size_t *out_count,
                                 nb_error *err)
{
    *out_tasks = NULL;
    *out_count = 0;
    uint64_t *tasks = NULL;
    size_t count = 0;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(self->sql,
                                    "SELECT DISTINCT jobs.task FROM job_wishes"
                                    " JOIN jobs ON jobs.id = job_wishes.job"
                                    " WHERE jobs.state = 0 AND jobs.task <> 0",
                                    NULL, 0, &rows, err);
    bool row = status == NB_OK;
    while (status == NB_OK && row) {
        status = nb_sql_next(&rows, &row, err);
        if (status != NB_OK || !row) {
            break;
        }
        uint64_t *grown = reallocarray(tasks, count + 1, sizeof *tasks);
        if (!grown) {
            status = nb_fail(err, NB_E_NO_MEMORY, "no memory for the wishes of jobs");
            break;
        }
        tasks = grown;
        tasks[count++] = (uint64_t)nb_sql_get_int(&rows, 0);
    }
    if (status != NB_OK) {
        free(tasks);
        return status;
    }
    *out_tasks = tasks;
    *out_count = count;
    return NB_OK;
}

// ---- Renderers ----

nb_status nb_ledger_get_node_wish(nb_ledger *self, const char *node, nb_node_wish *out,
                                  nb_error *err)
{
    *out = (nb_node_wish){0};
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    nb_status status = nb_sql_query(
        self->sql,
        "SELECT holds, time_ms, hours, labels, person, reason FROM node_wishes WHERE node = ?",
        NB_SQL_VALUES(nb_sql_text(node)), &rows, err);
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    if (status != NB_OK || !row) {
        return status;
    }
    out->holds = (unsigned)nb_sql_get_int(&rows, 0);
    out->time_ms = nb_sql_get_int(&rows, 1);
    char *const outs[] = {out->window, out->labels, out->person, out->reason};
    const size_t sizes[] = {sizeof out->window, sizeof out->labels, sizeof out->person,
                            sizeof out->reason};
    return copy_texts(&rows, 2, outs, sizes, NB_COUNT(outs), err);
}

nb_status nb_ledger_put_node_wish(nb_ledger *self, const char *node, const nb_node_wish *wish,
                                  nb_error *err)
{
    return nb_sql_run(self->sql,
                      "INSERT OR REPLACE INTO node_wishes"
                      " (node, holds, hours, labels, person, reason, time_ms)"
                      " VALUES (?, ?, ?, ?, ?, ?, ?)",
                      NB_SQL_VALUES(nb_sql_text(node), nb_sql_int(wish->holds),
                                    nb_sql_text(wish->window), nb_sql_text(wish->labels),
                                    nb_sql_text(wish->person), nb_sql_text(wish->reason),
                                    nb_sql_int(wish->time_ms)),
                      err);
}

nb_status nb_ledger_has_node(nb_ledger *self, const char *node, bool *out_has, nb_error *err)
{
    *out_has = false;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    const nb_status status =
        nb_sql_query(self->sql,
                     "SELECT 1 FROM keys WHERE name = ?1 AND roles & ?2 AND revoked_ms = 0"
                     " UNION SELECT 1 FROM node_wishes WHERE node = ?1",
                     NB_SQL_VALUES(nb_sql_text(node), nb_sql_int(NB_ROLE_RENDERER)), &rows, err);
    return (status == NB_OK) ? nb_sql_next(&rows, out_has, err) : status;
}

nb_status nb_ledger_each_song_of(nb_ledger *self, const char *node, size_t limit,
                                 nb_song_visit *visit, void *context, nb_error *err)
{
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(
        self->sql,
        "SELECT album, song FROM jobs WHERE node = ? AND state = 1 ORDER BY id DESC LIMIT ?",
        NB_SQL_VALUES(nb_sql_text(node), nb_sql_int((int64_t)limit)), &rows, err);
    bool row = status == NB_OK;
    while (status == NB_OK && row) {
        status = nb_sql_next(&rows, &row, err);
        if (status == NB_OK && row) {
            char album[NB_ALBUM_SIZE];
            char song[NB_SONG_SIZE];
            char *const outs[] = {album, song};
            const size_t sizes[] = {sizeof album, sizeof song};
            status = copy_texts(&rows, 0, outs, sizes, NB_COUNT(outs), err);
            if (status == NB_OK) {
                visit(context, album, song);
            }
        }
    }
    return status;
}

// ---- Counting ----

nb_status nb_ledger_album_usage(nb_ledger *self, const char *album, nb_album_usage *out,
                                nb_error *err)
{
    *out = (nb_album_usage){0};
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    nb_status status =
        nb_sql_query(self->sql,
                     "SELECT count(*), coalesce(sum(size), 0),"
                     " coalesce(sum(size) FILTER (WHERE NOT EXISTS (SELECT 1 FROM blobs AS other"
                     " WHERE other.digest = blobs.digest AND other.album <> blobs.album)), 0),"
                     " coalesce(sum(size) FILTER (WHERE EXISTS"
                     " (SELECT 1 FROM outputs WHERE outputs.digest = blobs.digest)), 0)"
                     " FROM blobs WHERE album = ?",
                     NB_SQL_VALUES(nb_sql_text(album)), &rows, err);
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    if (row) {
        out->blobs = (uint64_t)nb_sql_get_int(&rows, 0);
        out->bytes = (uint64_t)nb_sql_get_int(&rows, 1);
        out->own_bytes = (uint64_t)nb_sql_get_int(&rows, 2);
        out->output_bytes = (uint64_t)nb_sql_get_int(&rows, 3);
    }
    return status;
}

nb_status nb_ledger_count_jobs(nb_ledger *self, uint64_t *counts, size_t count, nb_error *err)
{
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(self->sql, "SELECT state, count(*) FROM jobs GROUP BY state",
                                    NULL, 0, &rows, err);
    bool row = status == NB_OK;
    while (status == NB_OK && row) {
        status = nb_sql_next(&rows, &row, err);
        const size_t state = row ? (size_t)nb_sql_get_int(&rows, 0) : count;
        if (status == NB_OK && state < count) {
            counts[state] = (uint64_t)nb_sql_get_int(&rows, 1);
        }
    }
    return status;
}
