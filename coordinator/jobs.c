// SPDX-License-Identifier: GPL-3.0-or-later
// Jobs: from a version to a task.
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "coordinator/coordinator_private.h"
#include "coordinator/song.h"
#include "mix/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 100 }; // jobs planned before other messages are heard

// ---- Watching ----

void nb_coordinator_touch_job(nb_coordinator *self, uint64_t job)
{
    self->job_cursors[job % NB_WATCHED_JOBS] = ++self->cursor;
}

static void touch(void *context, uint64_t job) { nb_coordinator_touch_job(context, job); }

void nb_coordinator_touch_task(nb_coordinator *self, uint64_t task)
{
    nb_error err = {0};
    if (nb_ledger_each_job_of(self->ledger, task, touch, self, &err) != NB_OK) {
        nb_log_warn("%s", err.text);
    }
}

// ---- Starting ----

nb_status nb_coordinator_start_job(nb_coordinator *self, const char *album,
                                   const nb_version *version, uint64_t *out_job, nb_error *err)
{
    nb_job job;
    nb_status status =
        nb_ledger_find_job(self->ledger, album, version->song, version->name, &job, err);
    if (status != NB_OK || (job.id != 0 && job.state == NB_JOB_OPEN)) {
        *out_job = job.id;
        return status;
    }
    job = (nb_job){.created_ms = nb_clock_wall_ms()};
    memcpy(job.version, version->name, sizeof job.version);
    snprintf(job.album, sizeof job.album, "%s", album);
    snprintf(job.song, sizeof job.song, "%s", version->song);
    snprintf(job.commit, sizeof job.commit, "%s", version->commit);
    status = nb_ledger_add_job(self->ledger, &job, err);
    *out_job = job.id;
    self->unplanned = true;
    nb_coordinator_touch_job(self, job.id);
    return status;
}

bool nb_coordinator_has_outputs(const nb_coordinator *self, const nb_result *result)
{
    for (size_t i = 0; i < result->output_count; i++) {
        uint64_t size = 0;
        if (!nb_blob_store_has(self->store, &result->outputs[i].digest, &size) ||
            size != result->outputs[i].size) {
            return false;
        }
    }
    return result->output_count > 0;
}

nb_status nb_coordinator_grant(nb_coordinator *self, const nb_public_key *key,
                               const nb_task_row *task, nb_error *err)
{
    void *bytes = NULL;
    size_t size = 0;
    nb_status status = nb_blob_store_get(self->store, &task->plan, &bytes, &size, err);
    NB_SCOPED(nb_plan_fini) nb_plan plan = {0};
    if (status == NB_OK) {
        status = nb_plan_parse(bytes, size, &plan, err);
    }
    free(bytes);
    return (status == NB_OK) ? nb_access_grant(self->access, key, task->id, &task->plan, &plan, err)
                             : status;
}

// ---- Planning ----

/// What is known of a job while it is planned.
typedef struct planning {
    nb_coordinator *self;
    nb_job *job;
    const char *fingerprint_text;
    nb_manifest manifest;
    nb_document *document;
    nb_graph *graph;
    char path[NB_SONG_PATH_SIZE];
} planning;

static void planning_fini(planning *self)
{
    nb_manifest_fini(&self->manifest);
    nb_graph_destroy(&self->graph);
    nb_document_destroy(&self->document);
}

static nb_status build_graph(planning *self, const nb_album *album, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    size_t size = 0;
    nb_fingerprint fingerprint;
    nb_song_path(self->job->song, self->path);
    nb_status status = nb_fingerprint_parse(self->fingerprint_text, &fingerprint, err);
    if (status == NB_OK) {
        status = nb_revisions_manifest(album->revisions, self->job->commit, &self->manifest, err);
    }
    if (status == NB_OK) {
        status =
            nb_revisions_read(album->revisions, self->job->commit, self->path, &bytes, &size, err);
    }
    if (status == NB_OK) {
        status = nb_document_parse(self->path, bytes, size, NULL, &self->document, err);
    }
    if (status == NB_OK) {
        NB_SCOPED(nb_problems_fini) nb_problems problems = {.file_name = strdup(self->path)};
        status = nb_graph_build(self->document, nb_song_find_asset, &self->manifest, &fingerprint,
                                &problems, &self->graph, err);
    }
    return status;
}

static nb_status find_mix_key(planning *self, nb_error *err)
{
    for (size_t i = 0; i < self->graph->sink_count; i++) {
        if (strcmp(self->graph->sinks[i].name, "mix") == 0) {
            self->job->mix_key = self->graph->nodes[self->graph->sinks[i].node].key;
            self->job->rate_hz = self->graph->rate_hz;
            return NB_OK;
        }
    }
    return nb_fail(err, NB_E_INVALID, "%s: nothing arrives at the mix", self->path);
}

// A document taken out of git again, should the store's copy be gone.
static nb_status ensure_document(const planning *self, const nb_album *album,
                                 const nb_manifest_file *file, nb_error *err)
{
    if (nb_blob_store_has(self->self->store, &file->digest, NULL)) {
        return NB_OK;
    }
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    size_t size = 0;
    nb_digest digest;
    const nb_status status =
        nb_revisions_read(album->revisions, self->job->commit, file->path, &bytes, &size, err);
    return (status == NB_OK) ? nb_blob_store_put(self->self->store, bytes, size, &digest, err)
                             : status;
}

static nb_status fill_files(const planning *self, nb_plan *plan, nb_error *err)
{
    size_t count = 0;
    const char *const *files = nb_document_files(self->document, &count);
    plan->files = calloc(count ? count : 1, sizeof *plan->files);
    for (size_t i = 0; plan->files && i < count; i++) {
        const nb_manifest_file *file = nb_manifest_find(&self->manifest, files[i]);
        if (!file) {
            return nb_fail(err, NB_E_CORRUPT, "%s names %s, which its revision lacks", self->path,
                           files[i]);
        }
        nb_plan_file *planned = &plan->files[plan->file_count++];
        *planned = (nb_plan_file){strdup(file->path), file->digest, file->size};
        if (!planned->path) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for a plan");
        }
    }
    return plan->files ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for a plan");
}

static nb_status put_plan(const planning *self, const nb_album *album, nb_task_row *task,
                          nb_error *err)
{
    NB_SCOPED(nb_plan_fini)
    nb_plan plan = {
        .album = strdup(self->job->album),
        .song = strdup(self->job->song),
        .version = strdup(self->job->version),
        .fingerprint = strdup(self->fingerprint_text),
        .mix_key = self->job->mix_key,
    };
    if (!plan.album || !plan.song || !plan.version || !plan.fingerprint) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a plan");
    }
    const nb_manifest_file *document = nb_manifest_find(&self->manifest, self->path);
    if (!document) {
        return nb_fail(err, NB_E_NOT_FOUND, "revision %.12s has no %s", self->job->commit,
                       self->path);
    }
    plan.document = document->digest;
    plan.document_size = document->size;
    nb_status status = ensure_document(self, album, document, err);
    if (status == NB_OK) {
        status = fill_files(self, &plan, err);
    }
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_text_free) char *text = nb_plan_format(&plan);
    if (!text) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a plan");
    }
    task->plan_size = strlen(text);
    return nb_blob_store_put(self->self->store, text, strlen(text), &task->plan, err);
}

static nb_status add_task(const planning *self, const nb_album *album, nb_error *err)
{
    nb_coordinator *coordinator = self->self;
    NB_SCOPED(nb_task_row_fini)
    nb_task_row task = {
        .mix_key = self->job->mix_key,
        .fingerprint = strdup(self->fingerprint_text),
        .label = nb_text_format("%s@%s", self->job->song, self->job->version),
        .state = NB_TASK_QUEUED,
        .created_ms = nb_clock_wall_ms(),
    };
    if (!task.fingerprint || !task.label) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a task");
    }
    nb_status status = put_plan(self, album, &task, err);
    if (status == NB_OK) {
        status = nb_ledger_begin(coordinator->ledger, err);
    }
    if (status != NB_OK) {
        return status;
    }
    status = nb_ledger_add_task(coordinator->ledger, &task, err);
    if (status == NB_OK) {
        self->job->task = task.id;
        status = nb_ledger_update_job(coordinator->ledger, self->job, err);
    }
    status = nb_ledger_end(coordinator->ledger, status, err);
    if (status != NB_OK) {
        return status;
    }
    const nb_task_spec spec = {.id = task.id,
                               .fingerprint = task.fingerprint,
                               .created_ms = task.created_ms,
                               .cost = (uint64_t)self->graph->frames};
    return nb_scheduler_add_task(coordinator->scheduler, &spec, err);
}

// Known already: the job is done. Being made: the job joins the task. Else a new task.
static nb_status find_or_add_task(const planning *self, const nb_album *album, nb_error *err)
{
    nb_coordinator *coordinator = self->self;
    NB_SCOPED(nb_result_fini) nb_result result = {0};
    nb_status status = nb_ledger_get_result(coordinator->ledger, &self->job->mix_key, &result, err);
    if (status == NB_OK && nb_coordinator_has_outputs(coordinator, &result)) {
        self->job->state = NB_JOB_DONE;
        self->job->cached = true;
        self->job->finished_ms = nb_clock_wall_ms();
        coordinator->unreviewed = true;
        for (size_t i = 0; status == NB_OK && i < result.output_count; i++) {
            status = nb_ledger_keep_blob(coordinator->ledger, self->job->album,
                                         &result.outputs[i].digest, result.outputs[i].size, err);
        }
        return (status == NB_OK) ? nb_ledger_update_job(coordinator->ledger, self->job, err)
                                 : status;
    }
    if (status != NB_OK && status != NB_E_NOT_FOUND) {
        return status;
    }
    status = nb_ledger_find_task(coordinator->ledger, &self->job->mix_key, &self->job->task, err);
    if (status == NB_OK && self->job->task != 0) {
        return nb_ledger_update_job(coordinator->ledger, self->job, err);
    }
    return (status == NB_OK) ? add_task(self, album, err) : status;
}

static nb_status plan_job(nb_coordinator *self, nb_job *job, const char *fingerprint, nb_error *err)
{
    NB_SCOPED(planning_fini)
    planning plan = {.self = self, .job = job, .fingerprint_text = fingerprint};
    nb_album *album = NULL;
    nb_status status = nb_coordinator_album(self, job->album, &album, err);
    if (status == NB_OK) {
        status = build_graph(&plan, album, err);
    }
    if (status == NB_OK) {
        status = find_mix_key(&plan, err);
    }
    return (status == NB_OK) ? find_or_add_task(&plan, album, err) : status;
}

static bool is_passing(nb_status status)
{
    return status == NB_E_NO_SPACE || status == NB_E_NO_MEMORY || status == NB_E_IO ||
           status == NB_E_TIMEOUT;
}

static void fail_job(nb_coordinator *self, nb_job *job, const char *text)
{
    nb_error err = {0};
    job->state = NB_JOB_FAILED;
    job->finished_ms = nb_clock_wall_ms();
    snprintf(job->error, sizeof job->error, "%s", text);
    if (nb_ledger_update_job(self->ledger, job, &err) != NB_OK) {
        nb_log_error("job %" PRIu64 ": %s", job->id, err.text);
    }
}

void nb_coordinator_plan_jobs(nb_coordinator *self)
{
    const char *fingerprint = nb_scheduler_fingerprint(self->scheduler);
    if (!self->unplanned || !fingerprint) {
        return;
    }
    nb_job *jobs = NULL;
    size_t count = 0;
    nb_error err = {0};
    if (nb_ledger_list_jobs(self->ledger, NB_JOBS_UNPLANNED, 0, BATCH, &jobs, &count, &err) !=
        NB_OK) {
        nb_log_error("%s", err.text);
        return;
    }
    self->unplanned = count == BATCH;
    for (size_t i = 0; i < count; i++) {
        err = (nb_error){0};
        const nb_status status = plan_job(self, &jobs[i], fingerprint, &err);
        if (is_passing(status)) {
            nb_log_error("job %" PRIu64 ": %s; tried again later", jobs[i].id, err.text);
            self->unplanned = true;
            if (status == NB_E_IO) {
                continue; // one album's files may be damaged; the others' are not
            }
            break;
        }
        if (status != NB_OK) {
            fail_job(self, &jobs[i], err.text);
        }
        nb_coordinator_touch_job(self, jobs[i].id);
    }
    free(jobs);
}
