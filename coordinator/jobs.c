// SPDX-License-Identifier: GPL-3.0-or-later
// Jobs: from a version to a task.
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "coordinator/ahead.h"
#include "coordinator/costs.h"
#include "coordinator/job_outputs.h"
#include "coordinator/plan_ledger.h"
#include "coordinator/prints.h"
#include "coordinator/song.h"
#include "coordinator/wishes.h"
#include "mix/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH = 100,   // jobs planned before other messages are heard ...
    BATCH_MS = 20, // ... or begun in that time
};

// ---- Watching ----

void nb_coordinator_touch_job(nb_coordinator *self, uint64_t job)
{
    self->job_cursors[job % NB_WATCHED_JOBS] = ++self->cursor;
}

static void touch(void *context, uint64_t job) { nb_coordinator_touch_job(context, job); }

// What makes edges for others has no jobs of its own: theirs have news.
static nb_status touch_needers(nb_coordinator *self, uint64_t task, nb_error *err)
{
    const nb_task *known = nb_scheduler_task(self->scheduler, task);
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && known && i < known->dependent_count; i++) {
        status = nb_ledger_each_job_of(self->ledger, known->dependents[i], touch, self, err);
    }
    return status;
}

void nb_coordinator_touch_task(nb_coordinator *self, uint64_t task)
{
    nb_error err = {0};
    nb_status status = nb_ledger_each_job_of(self->ledger, task, touch, self, &err);
    if (status == NB_OK) {
        status = touch_needers(self, task, &err);
    }
    if (status != NB_OK) {
        nb_log_warn("%s", err.text);
    }
}

// ---- Starting ----

/// Can this job be the one that is asked for? An open one that is not planned yet can be told more.
static nb_status join_job(nb_coordinator *self, const nb_job *job, nb_job_wants wants,
                          bool *out_joined, nb_error *err)
{
    *out_joined = job->id != 0 && job->state == NB_JOB_OPEN;
    if (!*out_joined || wants == NB_WANT_MIXES) {
        return NB_OK;
    }
    if (job->task == 0) {
        return nb_ledger_want_stems(self->ledger, job->id, err);
    }
    return nb_ledger_wants_stems(self->ledger, job->id, out_joined, err);
}

nb_status nb_coordinator_start_job(nb_coordinator *self, const char *album,
                                   const nb_version *version, nb_job_wants wants, uint64_t *out_job,
                                   nb_error *err)
{
    nb_job job;
    bool joined = false;
    nb_status status =
        nb_ledger_find_job(self->ledger, album, version->song, version->name, &job, err);
    if (status == NB_OK) {
        status = join_job(self, &job, wants, &joined, err);
    }
    if (status != NB_OK || joined) {
        *out_job = job.id;
        return status;
    }
    job = (nb_job){.created_ms = nb_clock_wall_ms()};
    memcpy(job.version, version->name, sizeof job.version);
    snprintf(job.album, sizeof job.album, "%s", album);
    snprintf(job.song, sizeof job.song, "%s", version->song);
    snprintf(job.commit, sizeof job.commit, "%s", version->commit);
    status = nb_ledger_add_job(self->ledger, &job, err);
    if (status == NB_OK && wants == NB_WANT_STEMS) {
        status = nb_ledger_want_stems(self->ledger, job.id, err);
    }
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
    NB_SCOPED(nb_plan_fini) nb_plan plan = {0};
    const nb_status status = nb_coordinator_read_plan(self, task, &plan, err);
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
    nb_document *document; ///< And its graph, of a mix
    nb_graph *graph;
    nb_print *print;    ///< Of a print or master; null of a mix
    nb_outputs outputs; ///< That the job wants
    nb_outputs missing; ///< Of these, what must be made
    nb_freezes freezes; ///< That making it meets
    size_t others;      ///< Jobs that are planned after it
    char path[NB_SONG_PATH_SIZE];
} planning;

static void planning_fini(planning *self)
{
    nb_manifest_fini(&self->manifest);
    nb_outputs_fini(&self->outputs);
    nb_outputs_fini(&self->missing);
    nb_freezes_fini(&self->freezes);
    nb_graph_destroy(&self->graph);
    nb_document_destroy(&self->document);
    nb_print_destroy(&self->print);
}

static nb_status build_graph(planning *self, const char *bytes, size_t size,
                             const nb_fingerprint *fingerprint, nb_error *err)
{
    const nb_status status = nb_document_parse(self->path, bytes, size, NULL, &self->document, err);
    NB_SCOPED(nb_problems_fini) nb_problems problems = {.file_name = strdup(self->path)};
    return (status == NB_OK) ? nb_graph_build(self->document, nb_song_find_asset, &self->manifest,
                                              fingerprint, &problems, &self->graph, err)
                             : status;
}

static nb_status find_outputs(planning *self, nb_error *err)
{
    bool stems = false;
    nb_status status = nb_ledger_wants_stems(self->self->ledger, self->job->id, &stems, err);
    if (status == NB_OK) {
        status = nb_outputs_of_graph(self->graph, stems, &self->outputs, err);
    }
    if (status == NB_OK) {
        nb_graph_output_key(self->graph, 0, &self->job->mix_key);
        self->job->rate_hz = self->graph->rate_hz;
        status = nb_outputs_find_missing(self->self, &self->outputs, &self->missing, err);
    }
    if (status == NB_OK && self->missing.count > 0) {
        status = nb_freezes_find(self->self, self->graph, &self->missing, &self->freezes, err);
    }
    return status;
}

// Nothing is rendered of it: its one result has files with names of their own, so that the job has
// no list of outputs.
static nb_status read_print(planning *self, const char *bytes, size_t size, nb_source source,
                            const nb_fingerprint *fingerprint, nb_error *err)
{
    nb_plan_output measured = {.name = "mix"};
    const nb_outputs wanted = {1, &measured};
    nb_status status =
        nb_song_parse_print(self->path, bytes, size, source, NULL, &self->print, err);
    if (status == NB_OK) {
        status =
            nb_coordinator_print_key(self->print, &self->manifest, fingerprint, &measured.key, err);
    }
    if (status != NB_OK) {
        return status;
    }
    self->job->rate_hz = self->print->rate_hz;
    self->job->mix_key = measured.key;
    return nb_outputs_find_missing(self->self, &wanted, &self->missing, err);
}

// The job's document, what it is for and what of that is missing.
static nb_status read_document(planning *self, const nb_album *album, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    size_t size = 0;
    nb_fingerprint fingerprint;
    const nb_version *version =
        nb_revisions_find_version(album->revisions, self->job->song, self->job->version);
    const nb_source source = version ? version->source : NB_SOURCE_MIX;
    nb_song_path(self->job->song, source, self->path);
    nb_status status = nb_fingerprint_parse(self->fingerprint_text, &fingerprint, err);
    if (status == NB_OK) {
        status = nb_revisions_manifest(album->revisions, self->job->commit, &self->manifest, err);
    }
    if (status == NB_OK) {
        status =
            nb_revisions_read(album->revisions, self->job->commit, self->path, &bytes, &size, err);
    }
    if (status == NB_OK && source != NB_SOURCE_MIX) {
        return read_print(self, bytes, size, source, &fingerprint, err);
    }
    if (status == NB_OK) {
        status = build_graph(self, bytes, size, &fingerprint, err);
    }
    return (status == NB_OK) ? find_outputs(self, err) : status;
}

/// Write down what became of planning, in one commit: the job, and what it is for.
static nb_status put_job(const planning *self, nb_error *err)
{
    nb_ledger *ledger = self->self->ledger;
    const nb_status status = nb_ledger_put_job_outputs(ledger, self->job->id, self->outputs.list,
                                                       self->outputs.count, err);
    return (status == NB_OK) ? nb_ledger_update_job(ledger, self->job, err) : status;
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

static nb_status make_plan(const planning *self, const nb_album *album, nb_plan *plan,
                           nb_error *err)
{
    *plan = (nb_plan){
        .album = strdup(self->job->album),
        .song = strdup(self->job->song),
        .version = strdup(self->job->version),
        .fingerprint = strdup(self->fingerprint_text),
        .mix_key = self->job->mix_key,
        .output_count = self->missing.count,
        .outputs = calloc(self->missing.count, sizeof *plan->outputs),
    };
    if (plan->outputs) {
        memcpy(plan->outputs, self->missing.list, plan->output_count * sizeof *plan->outputs);
    }
    if (!plan->outputs || !plan->album || !plan->song || !plan->version || !plan->fingerprint) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a plan");
    }
    const nb_manifest_file *document = nb_manifest_find(&self->manifest, self->path);
    if (!document) {
        return nb_fail(err, NB_E_NOT_FOUND, "revision %.12s has no %s", self->job->commit,
                       self->path);
    }
    plan->document = document->digest;
    plan->document_size = document->size;
    nb_status status = ensure_document(self, album, document, err);
    if (status == NB_OK) {
        status = self->print ? nb_coordinator_plan_print(self->self, album, self->print,
                                                         &self->manifest, plan, err)
                             : fill_files(self, plan, err);
    }
    return (status == NB_OK && self->graph) ? nb_freezes_plan(self->self, &self->freezes, plan, err)
                                            : status;
}

static nb_status put_plan(const planning *self, const nb_plan *plan, nb_task_row *task,
                          nb_error *err)
{
    NB_SCOPED(nb_text_free) char *text = nb_plan_format(plan);
    if (!text) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a plan");
    }
    task->plan_size = strlen(text);
    return nb_blob_store_put(self->self->store, text, strlen(text), &task->plan, err);
}

static uint64_t size_of(const void *context, const char *path)
{
    const nb_manifest_file *file = nb_manifest_find(context, path);
    return file ? file->size : 0;
}

static nb_status put_cost(const planning *self, const nb_ahead *ahead, nb_task_cost *out,
                          nb_error *err)
{
    const nb_status status =
        nb_coordinator_cost(self->self, self->job, self->graph, &self->missing, &ahead->rest,
                            nb_estimate_frames(self->graph, size_of, &self->manifest), out, err);
    return (status == NB_OK) ? nb_ledger_put_cost(self->self->ledger, self->job->task, out, err)
                             : status;
}

static nb_ahead_song song_of(const planning *self)
{
    return (nb_ahead_song){.job = self->job,
                           .fingerprint = self->fingerprint_text,
                           .graph = self->graph,
                           .outputs = &self->missing,
                           .freezes = &self->freezes,
                           .manifest = &self->manifest,
                           .others = self->others};
}

// The song's task, and those that go before it, in one commit.
static nb_status put_tasks(const planning *self, const nb_plan *plan, nb_ahead *ahead,
                           nb_task_row *task, nb_task_cost *out_cost, nb_error *err)
{
    nb_coordinator *coordinator = self->self;
    const nb_ahead_song song = song_of(self);
    nb_status status = nb_ledger_begin(coordinator->ledger, err);
    if (status != NB_OK) {
        return status;
    }
    status = nb_ahead_add(coordinator, &song, plan, ahead, err);
    if (status == NB_OK) {
        status = nb_ledger_add_task(coordinator->ledger, task, err);
    }
    if (status == NB_OK) {
        self->job->task = task->id;
        status = nb_ahead_add_needs(coordinator, ahead, task->id, err);
    }
    if (status == NB_OK) {
        status = put_job(self, err);
    }
    if (status == NB_OK && self->graph) {
        status = put_cost(self, ahead, out_cost, err);
    }
    return nb_ledger_end(coordinator->ledger, status, err);
}

static nb_status schedule(const planning *self, const nb_ahead *ahead, const nb_task_row *task,
                          const nb_task_cost *cost, nb_error *err)
{
    nb_coordinator *coordinator = self->self;
    const nb_ahead_song song = song_of(self);
    const nb_task_spec spec = {.id = task->id,
                               .fingerprint = task->fingerprint,
                               .priority = NB_PRIORITY_DEFAULT,
                               .created_ms = task->created_ms,
                               .cost = (uint64_t)nb_task_cost_us(cost),
                               .album = self->job->album,
                               .song = self->job->song,
                               .need_count = ahead->need_count,
                               .needs = ahead->needs};
    nb_status status = nb_ahead_schedule(coordinator, &song, ahead, err);
    if (status == NB_OK) {
        status = nb_scheduler_add_task(coordinator->scheduler, &spec, err);
    }
    if (status == NB_OK && ahead->split.task_count > 0) {
        nb_coordinator_say(coordinator, task->id,
                           "%zu tasks make its dear edges first: about %.1f s instead of %.1f s",
                           ahead->split.task_count, ahead->split.split_ms / 1000.0,
                           ahead->split.whole_ms / 1000.0);
    }
    if (status == NB_OK) {
        nb_wishes_apply_task(coordinator, task->id);
    }
    return status;
}

static nb_status add_task(const planning *self, const nb_album *album, nb_error *err)
{
    NB_SCOPED(nb_plan_fini) nb_plan plan = {0};
    NB_SCOPED(nb_ahead_fini) nb_ahead ahead = {0};
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
    const nb_ahead_song song = song_of(self);
    nb_task_cost cost = {0};
    nb_status status = make_plan(self, album, &plan, err);
    if (status == NB_OK) {
        status = put_plan(self, &plan, &task, err);
    }
    if (status == NB_OK && self->graph) {
        status = nb_ahead_find(self->self, &song, &ahead, err);
    }
    if (status == NB_OK) {
        status = put_tasks(self, &plan, &ahead, &task, &cost, err);
    }
    return (status == NB_OK) ? schedule(self, &ahead, &task, &cost, err) : status;
}

static nb_status finish_at_once(const planning *self, nb_error *err)
{
    nb_coordinator *coordinator = self->self;
    nb_job *job = self->job;
    nb_status status = nb_ledger_begin(coordinator->ledger, err);
    if (status != NB_OK) {
        return status;
    }
    job->state = NB_JOB_DONE;
    job->cached = true;
    job->finished_ms = nb_clock_wall_ms();
    coordinator->unreviewed = true;
    status = put_job(self, err);
    if (status == NB_OK) {
        status = nb_coordinator_keep_outputs(coordinator, job, err);
    }
    return nb_ledger_end(coordinator->ledger, status, err);
}

static nb_status join_task(const planning *self, uint64_t task, nb_error *err)
{
    nb_ledger *ledger = self->self->ledger;
    nb_status status = nb_ledger_begin(ledger, err);
    if (status != NB_OK) {
        return status;
    }
    self->job->task = task;
    status = nb_ledger_end(ledger, put_job(self, err), err);
    if (status == NB_OK) {
        nb_wishes_apply_task(self->self, task);
    }
    return status;
}

// All known already: the job is done. All being made: the job joins the task. Else a new task.
static nb_status find_or_add_task(const planning *self, const nb_album *album, nb_error *err)
{
    if (self->missing.count == 0) {
        return finish_at_once(self, err);
    }
    uint64_t task = 0;
    bool makes_all = false;
    nb_status status = nb_ledger_find_task(self->self->ledger, &self->job->mix_key, &task, err);
    if (status == NB_OK && task != 0) {
        status = nb_outputs_are_of_task(self->self, task, &self->missing, &makes_all, err);
    }
    if (status != NB_OK) {
        return status;
    }
    return makes_all ? join_task(self, task, err) : add_task(self, album, err);
}

static nb_status plan_job(nb_coordinator *self, nb_job *job, const char *fingerprint, size_t others,
                          nb_error *err)
{
    NB_SCOPED(planning_fini)
    planning plan = {.self = self, .job = job, .fingerprint_text = fingerprint, .others = others};
    nb_album *album = NULL;
    nb_status status = nb_coordinator_album(self, job->album, &album, err);
    if (status == NB_OK) {
        status = read_document(&plan, album, err);
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
        nb_log_about(NB_LOG_ERROR, &(nb_log_subject){.job = job->id, .task = job->task},
                     "job %" PRIu64 ": %s", job->id, err.text);
    }
}

bool nb_coordinator_plan_jobs(nb_coordinator *self)
{
    const char *fingerprint = nb_scheduler_fingerprint(self->scheduler);
    if (!self->unplanned || !fingerprint) {
        return true;
    }
    nb_job *jobs = NULL;
    size_t count = 0;
    nb_error err = {0};
    if (nb_ledger_list_jobs(self->ledger, NB_JOBS_UNPLANNED, 0, BATCH, &jobs, &count, &err) !=
        NB_OK) {
        nb_log_error("%s", err.text);
        return false;
    }
    const int64_t start_ms = nb_clock_ms();
    bool all_done = true;
    self->unplanned = count == BATCH;
    for (size_t i = 0; i < count; i++) {
        if (nb_clock_ms() - start_ms >= BATCH_MS) {
            self->unplanned = true;
            break;
        }
        err = (nb_error){0};
        const nb_status status = plan_job(self, &jobs[i], fingerprint, count - i - 1, &err);
        if (is_passing(status)) {
            nb_log_about(NB_LOG_ERROR, &(nb_log_subject){.job = jobs[i].id},
                         "job %" PRIu64 ": %s; tried again later", jobs[i].id, err.text);
            self->unplanned = true;
            all_done = false;
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
    return all_done;
}
