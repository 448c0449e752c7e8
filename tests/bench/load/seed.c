// SPDX-License-Identifier: GPL-3.0-or-later
#include "seed.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "coordinator/farm_ledger.h"
#include "coordinator/plan_ledger.h"
#include "coordinator/sql.h"
#include "mix/plan.h"
#include "store/blob_store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS_A_COMMIT = 10000 };

const char nb_seed_fingerprint[] = "core=1 cpu=x86-64-v3";
const char nb_seed_album[] = "load";

void nb_seed_output(unsigned char out[NB_SEED_OUTPUT_SIZE], nb_digest *out_digest)
{
    for (size_t i = 0; i < NB_SEED_OUTPUT_SIZE; i++) {
        out[i] = (unsigned char)(i * 31);
    }
    *out_digest = nb_digest_of(out, NB_SEED_OUTPUT_SIZE);
}

nb_digest nb_seed_key(uint64_t task) { return nb_digest_of(&task, sizeof task); }

// ---- Keys ----

static nb_status trust(json_t *list, const nb_key_pair *pair, const char *name, const char *role,
                       nb_error *err)
{
    char hex[65];
    const nb_status status = nb_public_key_to_hex(&pair->public_key, hex, err);
    if (status != NB_OK) {
        return status;
    }
    json_t *entry = json_pack("{s:s, s:s, s:[s]}", "name", name, "key", hex, "roles", role);
    return json_array_append_new(list, entry) == 0 ? NB_OK
                                                   : nb_fail(err, NB_E_NO_MEMORY, "no memory");
}

nb_status nb_seed_keys(const char *folder, nb_key_pair *pairs, unsigned node_count, nb_error *err)
{
    NB_SCOPED(nb_json_free) json_t *list = json_array();
    NB_SCOPED(nb_text_free) char *path = nb_text_format("%s/keys/trusted.json", folder);
    if (!list || !path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory");
    }
    nb_status status = nb_file_make_parents(path, 0700, err);
    for (unsigned i = 0; status == NB_OK && i <= node_count; i++) {
        char name[32];
        snprintf(name, sizeof name, i < node_count ? "node-%u" : "desk", i + 1);
        status = nb_key_pair_make(&pairs[i], err);
        if (status == NB_OK) {
            status = trust(list, &pairs[i], name, i < node_count ? "renderer" : "owner", err);
        }
    }
    return status == NB_OK ? nb_json_write(path, list, err) : status;
}

// ---- Tasks ----

// As the store has it, but not flushed: 100,000 flushes would take longer than the measurement.
static nb_status put_blob(const char *folder, const void *bytes, size_t size, nb_digest *out,
                          nb_error *err)
{
    char hex[NB_DIGEST_HEX_SIZE];
    *out = nb_digest_of(bytes, size);
    nb_digest_to_hex(out, hex);
    NB_SCOPED(nb_text_free)
    char *path = nb_text_format("%s/store/objects/%.2s/%.2s/%s", folder, hex, hex + 2, hex);
    if (!path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory");
    }
    const nb_status status = nb_file_make_parents(path, 0700, err);
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_file_close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0400);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    return NB_OK;
}

static nb_status put_plan(const char *folder, uint64_t task, nb_task_row *row, nb_error *err)
{
    char album[] = "load";
    char song[32];
    char version[] = "v1";
    NB_SCOPED(nb_text_free) char *fingerprint = strdup(nb_seed_fingerprint);
    nb_plan_output output = {.name = "mix", .key = row->mix_key};
    snprintf(song, sizeof song, "song-%" PRIu64, task);
    const nb_plan plan = {.album = album,
                          .song = song,
                          .version = version,
                          .fingerprint = fingerprint,
                          .document = row->mix_key,
                          .document_size = 1,
                          .mix_key = row->mix_key,
                          .output_count = 1,
                          .outputs = &output};
    NB_SCOPED(nb_text_free) char *text = fingerprint ? nb_plan_format(&plan) : NULL;
    if (!text) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a plan");
    }
    row->plan_size = strlen(text);
    return put_blob(folder, text, strlen(text), &row->plan, err);
}

static nb_status add_job(nb_ledger *ledger, const nb_task_row *task, nb_error *err)
{
    // Marked as reviewed: what is measured is the handing out, not git.
    nb_job job = {.version = "v1",
                  .commit = "0000000000000000000000000000000000000000",
                  .created_ms = task->created_ms,
                  .task = task->id,
                  .mix_key = task->mix_key,
                  .rate_hz = 48000,
                  .reviewed = true};
    nb_plan_output output = {.name = "mix", .key = task->mix_key};
    snprintf(job.album, sizeof job.album, "%s", nb_seed_album);
    snprintf(job.song, sizeof job.song, "song-%" PRIu64, task->id);
    nb_status status = nb_ledger_add_job(ledger, &job, err);
    if (status == NB_OK) {
        status = nb_ledger_update_job(ledger, &job, err);
    }
    return status == NB_OK ? nb_ledger_put_job_outputs(ledger, job.id, &output, 1, err) : status;
}

static nb_status add_task(const char *folder, nb_ledger *ledger, uint64_t id, nb_error *err)
{
    NB_SCOPED(nb_task_row_fini)
    nb_task_row task = {.mix_key = nb_seed_key(id),
                        .fingerprint = strdup(nb_seed_fingerprint),
                        .label = nb_text_format("song-%" PRIu64 "@v1", id),
                        .state = NB_TASK_QUEUED,
                        .created_ms = nb_clock_wall_ms()};
    if (!task.fingerprint || !task.label) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a task");
    }
    nb_status status = put_plan(folder, id, &task, err);
    if (status == NB_OK) {
        status = nb_ledger_add_task(ledger, &task, err);
    }
    if (status == NB_OK && task.id != id) {
        status = nb_fail(err, NB_E_CONFLICT, "%s: the ledger had tasks already", folder);
    }
    return status == NB_OK ? add_job(ledger, &task, err) : status;
}

nb_status nb_seed_tasks(const char *folder, unsigned count, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "ledger.sqlite");
    NB_SCOPED(nb_ledger_close) nb_ledger *ledger = NULL;
    unsigned char output[NB_SEED_OUTPUT_SIZE];
    nb_digest digest;
    nb_seed_output(output, &digest);
    nb_status status = put_blob(folder, output, sizeof output, &digest, err);
    if (status == NB_OK) {
        status = nb_ledger_open(path, &ledger, err);
    }
    for (unsigned done = 0; status == NB_OK && done < count;) {
        status = nb_ledger_begin(ledger, err);
        if (status != NB_OK) {
            return status;
        }
        const unsigned end = (count - done > ROWS_A_COMMIT) ? done + ROWS_A_COMMIT : count;
        while (status == NB_OK && done < end) {
            status = add_task(folder, ledger, ++done, err);
        }
        status = nb_ledger_end(ledger, status, err);
    }
    return status;
}

nb_status nb_seed_count(const char *folder, uint64_t *out_done, uint64_t *out_attempts,
                        nb_error *err)
{
    *out_done = *out_attempts = 0;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "ledger.sqlite");
    NB_SCOPED(nb_sql_close) nb_sql *sql = NULL;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    nb_status status = nb_sql_open(path, &sql, err);
    if (status == NB_OK) {
        status = nb_sql_query(sql,
                              "SELECT count(*), (SELECT count(*) FROM attempts) FROM tasks"
                              " WHERE state = ?1 AND 1 = (SELECT count(*) FROM attempts"
                              " WHERE attempts.task = tasks.id AND attempts.state = ?2)",
                              NB_SQL_VALUES(nb_sql_int(NB_TASK_DONE), nb_sql_int(NB_ATTEMPT_DONE)),
                              &rows, err);
    }
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    if (row) {
        *out_done = (uint64_t)nb_sql_get_int(&rows, 0);
        *out_attempts = (uint64_t)nb_sql_get_int(&rows, 1);
    }
    nb_sql_done(&rows);
    return status;
}
