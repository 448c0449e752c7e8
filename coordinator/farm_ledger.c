// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/farm_ledger.h"

#include "coordinator/ledger_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// Begin a query that gives at most one row. *out_row says whether there is one.
static nb_status query_one(nb_ledger *self, const char *text, const nb_sql_value *values,
                           size_t count, nb_sql_rows *out_rows, bool *out_row, nb_error *err)
{
    *out_row = false;
    const nb_status status = nb_sql_query(self->sql, text, values, count, out_rows, err);
    return (status == NB_OK) ? nb_sql_next(out_rows, out_row, err) : status;
}

// ---- Jobs ----

const char *nb_job_state_name(nb_job_state state)
{
    static const char *const names[] = {"queued", "done", "failed", "cancelled"};
    return ((size_t)state < NB_COUNT(names)) ? names[state] : "unknown";
}

#define JOB_COLUMNS                                                                                \
    "id, album, song, version, commit_id, state, task, cached, reviewed, rate_hz, mix_key,"        \
    " created_ms, finished_ms, node, error,"                                                       \
    " (SELECT max(n) FROM (SELECT count(*) AS n FROM attempts WHERE attempts.task IN"              \
    " (SELECT jobs.task UNION ALL SELECT needed FROM task_needs WHERE task_needs.task = "          \
    "jobs.task)"                                                                                   \
    " GROUP BY attempts.task))"

static nb_status read_job(const nb_sql_rows *rows, nb_job *out, nb_error *err)
{
    *out = (nb_job){
        .id = (uint64_t)nb_sql_get_int(rows, 0),
        .state = (nb_job_state)nb_sql_get_int(rows, 5),
        .task = (uint64_t)nb_sql_get_int(rows, 6),
        .cached = nb_sql_get_int(rows, 7) != 0,
        .reviewed = nb_sql_get_int(rows, 8) != 0,
        .rate_hz = (unsigned)nb_sql_get_int(rows, 9),
        .created_ms = nb_sql_get_int(rows, 11),
        .finished_ms = nb_sql_get_int(rows, 12),
        .attempts = (unsigned)nb_sql_get_int(rows, 15),
    };
    nb_version_name(nb_sql_get_int(rows, 3), out->version);
    const struct {
        int column;
        char *out;
        size_t size;
    } texts[] = {
        {1, out->album, sizeof out->album},   {2, out->song, sizeof out->song},
        {4, out->commit, sizeof out->commit}, {13, out->node, sizeof out->node},
        {14, out->error, sizeof out->error},
    };
    for (size_t i = 0; i < NB_COUNT(texts); i++) {
        const nb_status status =
            nb_ledger_copy_text(rows, texts[i].column, texts[i].out, texts[i].size, err);
        if (status != NB_OK) {
            return status;
        }
    }
    return nb_sql_is_null(rows, 10) ? NB_OK : nb_sql_get_digest(rows, 10, &out->mix_key, err);
}

static nb_sql_value mix_key_value(const nb_digest *mix_key)
{
    return nb_digest_is_zero(mix_key) ? nb_sql_bytes(NULL, 0) : nb_sql_digest(mix_key);
}

nb_status nb_ledger_add_job(nb_ledger *self, nb_job *job, nb_error *err)
{
    const nb_status status = nb_sql_run(
        self->sql,
        "INSERT INTO jobs (album, song, version, commit_id, state, created_ms)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        NB_SQL_VALUES(nb_sql_text(job->album), nb_sql_text(job->song),
                      nb_sql_int(nb_version_number(job->version)), nb_sql_text(job->commit),
                      nb_sql_int(job->state), nb_sql_int(job->created_ms)),
        err);
    job->id = (uint64_t)nb_sql_last_id(self->sql);
    return status;
}

nb_status nb_ledger_update_job(nb_ledger *self, const nb_job *job, nb_error *err)
{
    return nb_sql_run(
        self->sql,
        "UPDATE jobs SET state = ?, task = ?, cached = ?, reviewed = ?, rate_hz = ?, mix_key = ?,"
        " finished_ms = ?, node = ?, error = ? WHERE id = ?",
        NB_SQL_VALUES(nb_sql_int(job->state), nb_sql_int((int64_t)job->task),
                      nb_sql_int(job->cached), nb_sql_int(job->reviewed), nb_sql_int(job->rate_hz),
                      mix_key_value(&job->mix_key), nb_sql_int(job->finished_ms),
                      nb_sql_text(job->node), nb_sql_text(job->error),
                      nb_sql_int((int64_t)job->id)),
        err);
}

nb_status nb_ledger_get_job(nb_ledger *self, uint64_t id, nb_job *out, nb_error *err)
{
    *out = (nb_job){0};
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    const nb_status status = query_one(self, "SELECT " JOB_COLUMNS " FROM jobs WHERE id = ?",
                                       NB_SQL_VALUES(nb_sql_int((int64_t)id)), &rows, &row, err);
    if (status == NB_OK && !row) {
        return nb_fail(err, NB_E_NOT_FOUND, "no job %" PRIu64 " ('nightbus jobs' lists them)", id);
    }
    return (status == NB_OK) ? read_job(&rows, out, err) : status;
}

nb_status nb_ledger_find_job(nb_ledger *self, const char *album, const char *song,
                             const char *version, nb_job *out, nb_error *err)
{
    *out = (nb_job){0};
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    const nb_status status =
        query_one(self,
                  "SELECT " JOB_COLUMNS " FROM jobs WHERE album = ? AND song = ? AND version = ?"
                  " ORDER BY id DESC LIMIT 1",
                  NB_SQL_VALUES(nb_sql_text(album), nb_sql_text(song),
                                nb_sql_int(nb_version_number(version))),
                  &rows, &row, err);
    return (status == NB_OK && row) ? read_job(&rows, out, err) : status;
}

static const char *const job_queries[] = {
    [NB_JOBS_BEFORE] = "SELECT " JOB_COLUMNS " FROM jobs WHERE ?1 = 0 OR id < ?1"
                       " ORDER BY id DESC LIMIT ?2",
    [NB_JOBS_OPEN_OF_TASK] = "SELECT " JOB_COLUMNS " FROM jobs WHERE task = ?1 AND state = 0"
                             " ORDER BY id LIMIT ?2",
    [NB_JOBS_UNPLANNED] = "SELECT " JOB_COLUMNS " FROM jobs WHERE state = ?1 AND task = 0"
                          " ORDER BY id LIMIT ?2",
    [NB_JOBS_UNREVIEWED] = "SELECT " JOB_COLUMNS " FROM jobs WHERE state = 1 AND reviewed = 0"
                           " AND id > ?1 ORDER BY id LIMIT ?2",
};
static_assert(NB_JOB_OPEN == 0 && NB_JOB_DONE == 1, "the numbers in job_queries");

/// The jobs of a query that may give at most `limit`.
static nb_status read_jobs(nb_sql_rows *rows, size_t limit, nb_job **out_jobs, size_t *out_count,
                           nb_error *err)
{
    nb_job *jobs = calloc(limit ? limit : 1, sizeof *jobs);
    if (!jobs) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a list of jobs");
    }
    nb_status status = NB_OK;
    size_t count = 0;
    while (status == NB_OK && count < limit) {
        bool row = false;
        status = nb_sql_next(rows, &row, err);
        if (status != NB_OK || !row) {
            break;
        }
        status = read_job(rows, &jobs[count++], err);
    }
    if (status != NB_OK) {
        free(jobs);
        return status;
    }
    *out_jobs = jobs;
    *out_count = count;
    return NB_OK;
}

nb_status nb_ledger_list_jobs(nb_ledger *self, nb_job_query query, uint64_t key, size_t limit,
                              nb_job **out_jobs, size_t *out_count, nb_error *err)
{
    *out_jobs = NULL;
    *out_count = 0;
    const int64_t first = (query == NB_JOBS_UNPLANNED) ? NB_JOB_OPEN : (int64_t)key;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    const nb_status status =
        nb_sql_query(self->sql, job_queries[query],
                     NB_SQL_VALUES(nb_sql_int(first), nb_sql_int((int64_t)limit)), &rows, err);
    return (status == NB_OK) ? read_jobs(&rows, limit, out_jobs, out_count, err) : status;
}

nb_status nb_ledger_list_album_jobs(nb_ledger *self, const char *album, uint64_t before,
                                    size_t limit, nb_job **out_jobs, size_t *out_count,
                                    nb_error *err)
{
    *out_jobs = NULL;
    *out_count = 0;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    const nb_status status = nb_sql_query(
        self->sql,
        "SELECT " JOB_COLUMNS " FROM jobs WHERE album = ?1 AND (?2 = 0 OR id < ?2)"
        " ORDER BY id DESC LIMIT ?3",
        NB_SQL_VALUES(nb_sql_text(album), nb_sql_int((int64_t)before), nb_sql_int((int64_t)limit)),
        &rows, err);
    return (status == NB_OK) ? read_jobs(&rows, limit, out_jobs, out_count, err) : status;
}

nb_status nb_ledger_each_job_of(nb_ledger *self, uint64_t task,
                                void (*visit)(void *context, uint64_t job), void *context,
                                nb_error *err)
{
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(self->sql, "SELECT id FROM jobs WHERE task = ?",
                                    NB_SQL_VALUES(nb_sql_int((int64_t)task)), &rows, err);
    while (status == NB_OK) {
        bool row = false;
        status = nb_sql_next(&rows, &row, err);
        if (status != NB_OK || !row) {
            break;
        }
        visit(context, (uint64_t)nb_sql_get_int(&rows, 0));
    }
    return status;
}

// ---- Tasks ----

void nb_task_row_fini(nb_task_row *self)
{
    free(self->fingerprint);
    free(self->label);
    *self = (nb_task_row){0};
}

nb_status nb_ledger_add_task(nb_ledger *self, nb_task_row *task, nb_error *err)
{
    const nb_status status = nb_sql_run(
        self->sql,
        "INSERT INTO tasks (plan, plan_size, mix_key, fingerprint, label, state, created_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        NB_SQL_VALUES(nb_sql_digest(&task->plan), nb_sql_int((int64_t)task->plan_size),
                      nb_sql_digest(&task->mix_key), nb_sql_text(task->fingerprint),
                      nb_sql_text(task->label), nb_sql_int(task->state),
                      nb_sql_int(task->created_ms)),
        err);
    task->id = (uint64_t)nb_sql_last_id(self->sql);
    return status;
}

static nb_status read_task(const nb_sql_rows *rows, nb_task_row *out, nb_error *err)
{
    nb_status status = nb_sql_get_digest(rows, 1, &out->plan, err);
    if (status == NB_OK) {
        status = nb_sql_get_digest(rows, 3, &out->mix_key, err);
    }
    if (status != NB_OK) {
        return status;
    }
    out->id = (uint64_t)nb_sql_get_int(rows, 0);
    out->plan_size = (uint64_t)nb_sql_get_int(rows, 2);
    out->state = (nb_task_state)nb_sql_get_int(rows, 6);
    out->created_ms = nb_sql_get_int(rows, 7);
    out->fingerprint = strdup(nb_sql_get_text(rows, 4));
    out->label = strdup(nb_sql_get_text(rows, 5));
    if (!out->fingerprint || !out->label) {
        nb_task_row_fini(out);
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a task");
    }
    return NB_OK;
}

nb_status nb_ledger_get_task(nb_ledger *self, uint64_t id, nb_task_row *out, nb_error *err)
{
    *out = (nb_task_row){0};
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    const nb_status status = query_one(
        self,
        "SELECT id, plan, plan_size, mix_key, fingerprint, label, state, created_ms FROM tasks"
        " WHERE id = ?",
        NB_SQL_VALUES(nb_sql_int((int64_t)id)), &rows, &row, err);
    if (status == NB_OK && !row) {
        return nb_fail(err, NB_E_NOT_FOUND, "no task %" PRIu64, id);
    }
    return (status == NB_OK) ? read_task(&rows, out, err) : status;
}

nb_status nb_ledger_end_task(nb_ledger *self, uint64_t id, nb_task_state state, const char *error,
                             nb_error *err)
{
    return nb_sql_run(self->sql, "UPDATE tasks SET state = ?, error = ? WHERE id = ?",
                      NB_SQL_VALUES(nb_sql_int(state), nb_sql_text(error), nb_sql_int((int64_t)id)),
                      err);
}

nb_status nb_ledger_find_task(nb_ledger *self, const nb_digest *mix_key, uint64_t *out_id,
                              nb_error *err)
{
    *out_id = 0;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    const nb_status status = query_one(
        self, "SELECT id FROM tasks WHERE state < ? AND mix_key = ? ORDER BY id DESC LIMIT 1",
        NB_SQL_VALUES(nb_sql_int(NB_TASK_DONE), nb_sql_digest(mix_key)), &rows, &row, err);
    *out_id = row ? (uint64_t)nb_sql_get_int(&rows, 0) : 0;
    return status;
}

nb_status nb_ledger_song_of_task(nb_ledger *self, uint64_t id, char out_album[NB_ALBUM_SIZE],
                                 char out_song[NB_SONG_SIZE], nb_error *err)
{
    static const char *const queries[] = {
        "SELECT album, song FROM jobs WHERE task = ? LIMIT 1",
        "SELECT album, '' FROM task_needs JOIN jobs USING (task) WHERE needed = ? LIMIT 1",
    };
    out_album[0] = '\0';
    out_song[0] = '\0';
    bool row = false;
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && !row && i < NB_COUNT(queries); i++) {
        NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
        status =
            query_one(self, queries[i], NB_SQL_VALUES(nb_sql_int((int64_t)id)), &rows, &row, err);
        if (status == NB_OK && row) {
            status = nb_ledger_copy_text(&rows, 0, out_album, NB_ALBUM_SIZE, err);
        }
        if (status == NB_OK && row) {
            status = nb_ledger_copy_text(&rows, 1, out_song, NB_SONG_SIZE, err);
        }
    }
    return status;
}

nb_status nb_ledger_open_tasks(nb_ledger *self, uint64_t **out_ids, size_t *out_count,
                               nb_error *err)
{
    *out_ids = NULL;
    *out_count = 0;
    uint64_t *ids = NULL;
    size_t count = 0;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(self->sql, "SELECT id FROM tasks WHERE state < ? ORDER BY id",
                                    NB_SQL_VALUES(nb_sql_int(NB_TASK_DONE)), &rows, err);
    while (status == NB_OK) {
        bool row = false;
        status = nb_sql_next(&rows, &row, err);
        if (status != NB_OK || !row) {
            break;
        }
        uint64_t *grown = reallocarray(ids, count + 1, sizeof *ids);
        if (!grown) {
            status = nb_fail(err, NB_E_NO_MEMORY, "no memory for the open tasks");
            break;
        }
        ids = grown;
        ids[count++] = (uint64_t)nb_sql_get_int(&rows, 0);
    }
    if (status != NB_OK) {
        free(ids);
        return status;
    }
    *out_ids = ids;
    *out_count = count;
    return NB_OK;
}

// ---- Attempts ----

nb_status nb_ledger_add_attempt(nb_ledger *self, const nb_attempt_row *attempt, int64_t now_ms,
                                nb_error *err)
{
    return nb_sql_run(self->sql,
                      "INSERT INTO attempts (task, attempt, epoch, key, node, process, state,"
                      " started_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                      NB_SQL_VALUES(nb_sql_int((int64_t)attempt->id.task),
                                    nb_sql_int(attempt->id.attempt),
                                    nb_sql_bytes(attempt->id.epoch.bytes, NB_EPOCH_SIZE),
                                    nb_sql_text(attempt->key.text), nb_sql_text(attempt->node),
                                    nb_sql_int((int64_t)attempt->process),
                                    nb_sql_int(attempt->state), nb_sql_int(now_ms)),
                      err);
}

nb_status nb_ledger_set_attempt(nb_ledger *self, uint64_t task, uint32_t attempt,
                                nb_attempt_state state, const char *error, int64_t now_ms,
                                nb_error *err)
{
    return nb_sql_run(self->sql,
                      "UPDATE attempts SET state = ?1, ended_ms = ?2,"
                      " error = CASE WHEN ?3 = '' THEN error ELSE ?3 END"
                      " WHERE task = ?4 AND attempt = ?5",
                      NB_SQL_VALUES(nb_sql_int(state), nb_sql_int(now_ms), nb_sql_text(error),
                                    nb_sql_int((int64_t)task), nb_sql_int(attempt)),
                      err);
}

static nb_status read_attempt(const nb_sql_rows *rows, nb_attempt_row *out, nb_error *err)
{
    size_t size = 0;
    const void *epoch = nb_sql_get_bytes(rows, 2, &size);
    if (size != NB_EPOCH_SIZE) {
        return nb_fail(err, NB_E_CORRUPT, "ledger: an epoch of %zu bytes", size);
    }
    *out = (nb_attempt_row){
        .id = {.task = (uint64_t)nb_sql_get_int(rows, 0),
               .attempt = (uint32_t)nb_sql_get_int(rows, 1)},
        .state = (nb_attempt_state)nb_sql_get_int(rows, 5),
        .process = (uint64_t)nb_sql_get_int(rows, 6),
    };
    memcpy(out->id.epoch.bytes, epoch, size);
    const nb_status status = nb_ledger_copy_text(rows, 3, out->key.text, sizeof out->key.text, err);
    return (status == NB_OK) ? nb_ledger_copy_text(rows, 4, out->node, sizeof out->node, err)
                             : status;
}

nb_status nb_ledger_list_attempts(nb_ledger *self, uint64_t task, nb_attempt_row **out_rows,
                                  size_t *out_count, nb_error *err)
{
    *out_rows = NULL;
    *out_count = 0;
    nb_attempt_row *list = calloc(NB_ATTEMPTS_MAX, sizeof *list);
    if (!list) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the attempts of a task");
    }
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(self->sql,
                                    "SELECT task, attempt, epoch, key, node, state, process"
                                    " FROM attempts WHERE task = ? ORDER BY attempt",
                                    NB_SQL_VALUES(nb_sql_int((int64_t)task)), &rows, err);
    size_t count = 0;
    while (status == NB_OK && count < NB_ATTEMPTS_MAX) {
        bool row = false;
        status = nb_sql_next(&rows, &row, err);
        if (status != NB_OK || !row) {
            break;
        }
        status = read_attempt(&rows, &list[count++], err);
    }
    if (status != NB_OK) {
        free(list);
        return status;
    }
    *out_rows = list;
    *out_count = count;
    return NB_OK;
}

nb_status nb_ledger_last_error(nb_ledger *self, uint64_t task, nb_attempt_state state,
                               char out[NB_ERROR_TEXT_SIZE], nb_error *err)
{
    out[0] = '\0';
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    const nb_status status =
        query_one(self,
                  "SELECT error FROM attempts WHERE task = ? AND state = ? AND error <> ''"
                  " ORDER BY attempt DESC LIMIT 1",
                  NB_SQL_VALUES(nb_sql_int((int64_t)task), nb_sql_int(state)), &rows, &row, err);
    return (status == NB_OK && row) ? nb_ledger_copy_text(&rows, 0, out, NB_ERROR_TEXT_SIZE, err)
                                    : status;
}

// ---- Lines ----

nb_status nb_ledger_add_line(nb_ledger *self, uint64_t task, uint64_t cursor, const char *line,
                             nb_error *err)
{
    return nb_sql_run(
        self->sql, "INSERT INTO task_lines (task, cursor, line) VALUES (?, ?, ?)",
        NB_SQL_VALUES(nb_sql_int((int64_t)task), nb_sql_int((int64_t)cursor), nb_sql_text(line)),
        err);
}

nb_status nb_ledger_trim_lines(nb_ledger *self, uint64_t task, nb_error *err)
{
    const nb_status status = nb_sql_run(
        self->sql,
        "DELETE FROM task_lines WHERE task = ?1 AND cursor <="
        " (SELECT cursor FROM task_lines WHERE task = ?1 ORDER BY cursor DESC LIMIT 1 OFFSET ?2)",
        NB_SQL_VALUES(nb_sql_int((int64_t)task), nb_sql_int(NB_TASK_LINES_MAX)), err);
    const int64_t dropped = nb_sql_changes(self->sql);
    if (status != NB_OK || dropped == 0) {
        return status;
    }
    return nb_sql_run(self->sql,
                      "INSERT INTO dropped_lines (task, count) VALUES (?1, ?2)"
                      " ON CONFLICT (task) DO UPDATE SET count = count + ?2",
                      NB_SQL_VALUES(nb_sql_int((int64_t)task), nb_sql_int(dropped)), err);
}

nb_status nb_ledger_dropped_lines(nb_ledger *self, uint64_t task, uint64_t *out_count,
                                  nb_error *err)
{
    *out_count = 0;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    const nb_status status = query_one(self, "SELECT count FROM dropped_lines WHERE task = ?",
                                       NB_SQL_VALUES(nb_sql_int((int64_t)task)), &rows, &row, err);
    *out_count = row ? (uint64_t)nb_sql_get_int(&rows, 0) : 0;
    return status;
}

void nb_task_lines_free(nb_task_line **lines_p, size_t count)
{
    for (size_t i = 0; *lines_p && i < count; i++) {
        free((*lines_p)[i].text);
    }
    free(*lines_p);
    *lines_p = NULL;
}

nb_status nb_ledger_list_lines(nb_ledger *self, uint64_t task, uint64_t cursor,
                               nb_task_line **out_lines, size_t *out_count, nb_error *err)
{
    *out_lines = NULL;
    *out_count = 0;
    nb_task_line *lines = calloc(NB_LOG_LINES_MAX, sizeof *lines);
    if (!lines) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for log lines");
    }
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status =
        nb_sql_query(self->sql,
                     "SELECT cursor, line FROM task_lines WHERE task IN (SELECT ?1 UNION ALL"
                     " SELECT needed FROM task_needs WHERE task_needs.task = ?1) AND cursor > ?2"
                     " ORDER BY cursor LIMIT ?3",
                     NB_SQL_VALUES(nb_sql_int((int64_t)task), nb_sql_int((int64_t)cursor),
                                   nb_sql_int(NB_LOG_LINES_MAX)),
                     &rows, err);
    size_t count = 0;
    while (status == NB_OK && count < NB_LOG_LINES_MAX) {
        bool row = false;
        status = nb_sql_next(&rows, &row, err);
        if (status != NB_OK || !row) {
            break;
        }
        lines[count] =
            (nb_task_line){(uint64_t)nb_sql_get_int(&rows, 0), strdup(nb_sql_get_text(&rows, 1))};
        if (!lines[count++].text) {
            status = nb_fail(err, NB_E_NO_MEMORY, "no memory for log lines");
        }
    }
    if (status != NB_OK) {
        nb_task_lines_free(&lines, count);
        return status;
    }
    *out_lines = lines;
    *out_count = count;
    return NB_OK;
}

// ---- Results ----

void nb_result_fini(nb_result *self)
{
    free(self->fingerprint);
    *self = (nb_result){0};
}

bool nb_result_equal(const nb_result *a, const nb_result *b)
{
    if (a->output_count != b->output_count) {
        return false;
    }
    for (size_t i = 0; i < a->output_count; i++) {
        if (strcmp(a->outputs[i].name, b->outputs[i].name) != 0 ||
            !nb_digest_equal(&a->outputs[i].digest, &b->outputs[i].digest)) {
            return false;
        }
    }
    return true;
}

nb_status nb_ledger_put_result(nb_ledger *self, const nb_result *result, nb_error *err)
{
    nb_status status = nb_sql_run(
        self->sql,
        "INSERT INTO results (mix_key, fingerprint, node, integrated_lufs, true_peak_dbtp,"
        " duration_s, rate_hz, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        NB_SQL_VALUES(nb_sql_digest(&result->mix_key), nb_sql_text(result->fingerprint),
                      nb_sql_text(result->node), nb_sql_real(result->integrated_lufs),
                      nb_sql_real(result->true_peak_dbtp), nb_sql_real(result->duration_s),
                      nb_sql_int(result->rate_hz), nb_sql_int(result->created_ms)),
        err);
    for (size_t i = 0; status == NB_OK && i < result->output_count; i++) {
        const nb_output *output = &result->outputs[i];
        status = nb_sql_run(
            self->sql, "INSERT INTO outputs (mix_key, name, digest, size) VALUES (?, ?, ?, ?)",
            NB_SQL_VALUES(nb_sql_digest(&result->mix_key), nb_sql_text(output->name),
                          nb_sql_digest(&output->digest), nb_sql_int((int64_t)output->size)),
            err);
    }
    return status;
}

nb_status nb_ledger_read_outputs(nb_sql_rows *rows, nb_result *out, nb_error *err)
{
    nb_status status = NB_OK;
    while (status == NB_OK && out->output_count < NB_RESULT_FILES_MAX) {
        bool row = false;
        status = nb_sql_next(rows, &row, err);
        if (status != NB_OK || !row) {
            break;
        }
        nb_output *output = &out->outputs[out->output_count++];
        output->size = (uint64_t)nb_sql_get_int(rows, 2);
        status = nb_ledger_copy_text(rows, 0, output->name, sizeof output->name, err);
        if (status == NB_OK) {
            status = nb_sql_get_digest(rows, 1, &output->digest, err);
        }
    }
    return status;
}

static nb_status read_outputs(nb_ledger *self, nb_result *out, nb_error *err)
{
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    const nb_status status = nb_sql_query(
        self->sql, "SELECT name, digest, size FROM outputs WHERE mix_key = ? ORDER BY name",
        NB_SQL_VALUES(nb_sql_digest(&out->mix_key)), &rows, err);
    return status == NB_OK ? nb_ledger_read_outputs(&rows, out, err) : status;
}

nb_status nb_ledger_get_result(nb_ledger *self, const nb_digest *mix_key, nb_result *out,
                               nb_error *err)
{
    *out = (nb_result){.mix_key = *mix_key};
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    nb_status status = query_one(
        self,
        "SELECT fingerprint, node, integrated_lufs, true_peak_dbtp, duration_s, rate_hz, created_ms"
        " FROM results WHERE mix_key = ?",
        NB_SQL_VALUES(nb_sql_digest(mix_key)), &rows, &row, err);
    if (status == NB_OK && !row) {
        return nb_fail(err, NB_E_NOT_FOUND, "that was never rendered");
    }
    if (status == NB_OK) {
        status = nb_ledger_copy_text(&rows, 1, out->node, sizeof out->node, err);
    }
    if (status != NB_OK) {
        return status;
    }
    out->integrated_lufs = nb_sql_get_real(&rows, 2);
    out->true_peak_dbtp = nb_sql_get_real(&rows, 3);
    out->duration_s = nb_sql_get_real(&rows, 4);
    out->rate_hz = (unsigned)nb_sql_get_int(&rows, 5);
    out->created_ms = nb_sql_get_int(&rows, 6);
    out->fingerprint = strdup(nb_sql_get_text(&rows, 0));
    status = out->fingerprint ? read_outputs(self, out, err)
                              : nb_fail(err, NB_E_NO_MEMORY, "no memory for a result");
    if (status != NB_OK) {
        nb_result_fini(out);
    }
    return status;
}
