// SPDX-License-Identifier: GPL-3.0-or-later
// Tasks between the scheduler, the ledger and the renderers.
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "coordinator/coordinator_private.h"
#include "coordinator/costs.h"
#include "coordinator/incident_ledger.h"
#include "coordinator/job_outputs.h"
#include "coordinator/prints.h"
#include "coordinator/wishes.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- After a start ----

static nb_status restore_attempts(nb_coordinator *self, const nb_task_row *task, int64_t now_ms,
                                  nb_error *err)
{
    nb_attempt_row *rows = NULL;
    size_t count = 0;
    nb_status status = nb_ledger_list_attempts(self->ledger, task->id, &rows, &count, err);
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        nb_attempt attempt = {.id = rows[i].id, .state = rows[i].state};
        status = nb_coordinator_node(self, &rows[i].key, rows[i].node, &attempt.renderer, err);
        if (status == NB_OK) {
            status = nb_scheduler_restore_attempt(self->scheduler, &attempt, now_ms, err);
        }
        const bool live = rows[i].state == NB_ATTEMPT_LIVE || rows[i].state == NB_ATTEMPT_SUSPECT;
        nb_error problem = {0};
        if (status == NB_OK && live &&
            nb_coordinator_grant(self, &rows[i].key, task, &problem) != NB_OK) {
            nb_log_warn("task %" PRIu64 ": %s", task->id, problem.text);
        }
    }
    free(rows);
    return status;
}

static nb_status restore_task(nb_coordinator *self, const nb_task_row *task, nb_error *err)
{
    char album[NB_ALBUM_SIZE];
    char song[NB_SONG_SIZE];
    nb_task_cost cost = {0};
    nb_status status = nb_ledger_song_of_task(self->ledger, task->id, album, song, err);
    if (status == NB_OK) {
        status = nb_ledger_get_cost(self->ledger, task->id, &cost, err);
    }
    const nb_task_spec spec = {.id = task->id,
                               .fingerprint = task->fingerprint,
                               .priority = NB_PRIORITY_DEFAULT,
                               .created_ms = task->created_ms,
                               .cost = (uint64_t)nb_task_cost_us(&cost),
                               .album = album,
                               .song = song};
    return (status == NB_OK) ? nb_scheduler_add_task(self->scheduler, &spec, err) : status;
}

nb_status nb_coordinator_restore_tasks(nb_coordinator *self, int64_t now_ms, nb_error *err)
{
    uint64_t *ids = NULL;
    size_t count = 0;
    nb_status status = nb_ledger_open_tasks(self->ledger, &ids, &count, err);
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        NB_SCOPED(nb_task_row_fini) nb_task_row task = {0};
        status = nb_ledger_get_task(self->ledger, ids[i], &task, err);
        if (status == NB_OK) {
            status = restore_task(self, &task, err);
        }
        if (status == NB_OK) {
            status = restore_attempts(self, &task, now_ms, err);
        }
    }
    if (status == NB_OK && count > 0) {
        nb_log_info("%zu open task(s) taken up again", count);
    }
    free(ids);
    if (status == NB_OK) {
        nb_wishes_apply_all(self);
    }
    return status;
}

// ---- Ends ----

typedef nb_status close_job(nb_coordinator *self, nb_job *job, const void *context, nb_error *err);

static nb_status for_jobs_of(nb_coordinator *self, uint64_t task, close_job *close,
                             const void *context, nb_error *err)
{
    nb_status status = NB_OK;
    size_t count = NB_ROWS_MAX;
    while (status == NB_OK && count == NB_ROWS_MAX) { // what is closed is not in the next list
        nb_job *jobs = NULL;
        status = nb_ledger_list_jobs(self->ledger, NB_JOBS_OPEN_OF_TASK, task, NB_ROWS_MAX, &jobs,
                                     &count, err);
        for (size_t i = 0; status == NB_OK && i < count; i++) {
            status = close(self, &jobs[i], context, err);
        }
        free(jobs);
    }
    return status;
}

static nb_status close_failed(nb_coordinator *self, nb_job *job, const void *context, nb_error *err)
{
    job->state = NB_JOB_FAILED;
    job->finished_ms = nb_clock_wall_ms();
    snprintf(job->error, sizeof job->error, "%s", (const char *)context);
    return nb_ledger_update_job(self->ledger, job, err);
}

static nb_status fail_task(nb_coordinator *self, const nb_task *task, nb_error *err)
{
    nb_status status = nb_ledger_begin(self->ledger, err);
    if (status != NB_OK) {
        return status;
    }
    char text[NB_ERROR_TEXT_SIZE];
    status = nb_ledger_last_error(self->ledger, task->id, text, err);
    if (status == NB_OK && !text[0]) {
        snprintf(text, sizeof text, "%zu renderers in a row went away while they rendered it",
                 task->attempt_count);
    }
    if (status == NB_OK) {
        status = nb_ledger_end_task(self->ledger, task->id, NB_TASK_FAILED, text, err);
    }
    if (status == NB_OK) {
        status = for_jobs_of(self, task->id, close_failed, text, err);
    }
    return nb_ledger_end(self->ledger, status, err);
}

static nb_status unplan_job(nb_coordinator *self, nb_job *job, const void *context, nb_error *err)
{
    (void)context;
    job->task = 0;
    return nb_ledger_update_job(self->ledger, job, err);
}

// No live renderer can make the task's bits: its jobs are planned anew for those that live.
static nb_status replan_task(nb_coordinator *self, uint64_t task, nb_error *err)
{
    nb_status status = nb_ledger_begin(self->ledger, err);
    if (status != NB_OK) {
        return status;
    }
    status = for_jobs_of(self, task, unplan_job, NULL, err);
    if (status == NB_OK) {
        status = nb_ledger_end_task(self->ledger, task, NB_TASK_FAILED,
                                    "no renderer with its fingerprint lives any more", err);
    }
    return nb_ledger_end(self->ledger, status, err);
}

static bool reap_failed(nb_coordinator *self)
{
    const nb_task *task = nb_scheduler_failed_task(self->scheduler);
    nb_error err = {0};
    if (!task) {
        return false;
    }
    const uint64_t id = task->id;
    if (fail_task(self, task, &err) != NB_OK) {
        nb_log_error("task %" PRIu64 ": %s", id, err.text);
        return false; // tried again at the next tick
    }
    nb_log_warn("task %" PRIu64 " failed", id);
    self->metrics.tasks_failed++;
    nb_access_revoke(self->access, id);
    nb_coordinator_touch_task(self, id);
    nb_scheduler_forget(self->scheduler, id);
    return true;
}

void nb_coordinator_reap_tasks(nb_coordinator *self)
{
    while (reap_failed(self)) {
    }
    const uint64_t stranded = nb_scheduler_stranded_task(self->scheduler);
    nb_error err = {0};
    if (stranded == 0) {
        return;
    }
    if (replan_task(self, stranded, &err) != NB_OK) {
        nb_log_error("task %" PRIu64 ": %s", stranded, err.text);
        return;
    }
    nb_log_info("task %" PRIu64 ": planned anew, as no live renderer has its fingerprint",
                stranded);
    nb_scheduler_forget(self->scheduler, stranded);
    self->unplanned = true;
}

// ---- Handing out ----

void nb_coordinator_say(nb_coordinator *self, uint64_t task, const char *format, ...)
{
    char line[NB_LOG_LINE_BYTES_MAX];
    nb_error err = {0};
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    nb_text_make_printable(line);
    if (nb_ledger_add_line(self->ledger, task, ++self->cursor, line, &err) != NB_OK) {
        nb_log_warn("task %" PRIu64 ": its log has a gap: %s", task, err.text);
    }
}

static nb_status fill_orders(const nb_attempt_id *id, const nb_task_row *task, nb_answer *answer,
                             nb_error *err)
{
    Nightbus__Orders *orders = nb_answer_take(answer, 1, sizeof *orders);
    uint8_t *epoch = nb_answer_take(answer, NB_EPOCH_SIZE, 1);
    char *label = nb_answer_string(answer, task->label);
    if (!orders || !epoch || !label) {
        return nb_answer_no_memory(err);
    }
    memcpy(epoch, id->epoch.bytes, NB_EPOCH_SIZE);
    nightbus__orders__init(orders);
    orders->keep = 1;
    orders->has_task = 1;
    orders->task = id->task;
    orders->has_attempt = 1;
    orders->attempt = id->attempt;
    orders->has_epoch = 1;
    orders->epoch = (ProtobufCBinaryData){.len = NB_EPOCH_SIZE, .data = epoch};
    orders->has_plan = 1;
    orders->plan = nb_answer_digest(answer, &task->plan);
    orders->has_plan_size = 1;
    orders->plan_size = task->plan_size;
    orders->label = label;
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_ORDERS;
    answer->reply.orders = orders;
    return NB_OK;
}

static nb_status record_attempt(nb_coordinator *self, uint32_t renderer, const nb_attempt_id *id,
                                const nb_task_row *task, nb_answer *answer, nb_error *err)
{
    const nb_farm_node *node = nb_coordinator_node_at(self, renderer);
    nb_attempt_row row = {.id = *id, .key = node->key, .state = NB_ATTEMPT_LIVE};
    snprintf(row.node, sizeof row.node, "%s", node->name);
    nb_status status = nb_coordinator_grant(self, &node->key, task, err);
    if (status == NB_OK) {
        status = fill_orders(id, task, answer, err);
    }
    // On disk before the renderer hears of it: after a restart we must know whose it is.
    return (status == NB_OK) ? nb_ledger_add_attempt(self->ledger, &row, nb_clock_wall_ms(), err)
                             : status;
}

// With so little room neither its result nor that it was given out could be written down.
static bool is_full(const nb_coordinator *self)
{
    uint64_t free_bytes = 0;
    uint64_t total = 0;
    return nb_file_space(self->data_path, &free_bytes, &total, NULL) == NB_OK &&
           free_bytes < total / 100 * NB_FREE_PERCENT_LEAST;
}

nb_status nb_coordinator_offer(nb_coordinator *self, uint32_t renderer, int64_t now_ms,
                               nb_answer *answer, bool *out_found, nb_error *err)
{
    *out_found = false;
    nb_attempt_id id;
    if (is_full(self) || !nb_scheduler_assign(self->scheduler, renderer, now_ms, &id)) {
        return NB_OK;
    }
    NB_SCOPED(nb_task_row_fini) nb_task_row task = {0};
    nb_status status = nb_ledger_get_task(self->ledger, id.task, &task, err);
    if (status == NB_OK) {
        status = record_attempt(self, renderer, &id, &task, answer, err);
    }
    if (status != NB_OK) {
        nb_log_error("task %" PRIu64 ": %s", id.task, err->text);
        nb_access_revoke_one(self->access, &nb_coordinator_node_at(self, renderer)->key, id.task);
        nb_scheduler_unassign(self->scheduler, renderer, &id);
        return status;
    }
    nb_log_info("task %" PRIu64 " (%s), attempt %" PRIu32 ": to %s", id.task, task.label,
                id.attempt, nb_coordinator_node_at(self, renderer)->name);
    const nb_task *given = nb_scheduler_task(self->scheduler, id.task);
    self->metrics.attempts_begun++;
    if (id.attempt > 1) {
        nb_coordinator_say(self, id.task, "attempt %" PRIu32 " goes to %s%s", id.attempt,
                           nb_coordinator_node_at(self, renderer)->name,
                           nb_task_leased_count(given) > 1 ? ", beside one that is slow" : "");
    }
    self->metrics.second_attempts += nb_task_leased_count(given) > 1 ? 1 : 0;
    nb_coordinator_touch_task(self, id.task);
    *out_found = true;
    return NB_OK;
}

// ---- Results ----

typedef struct finish {
    nb_task_row task;
    nb_attempt_id id;
    nb_plan plan;
    nb_result *results; ///< By output of the plan
    int64_t took_ms;    ///< Since the attempt was handed out
    char *problem;      ///< Why its jobs fail although it was rendered; null where they do not
} finish;

static void finish_fini(finish *self)
{
    for (size_t i = 0; self->results && i < self->plan.output_count; i++) {
        nb_result_fini(&self->results[i]);
    }
    free(self->results);
    free(self->problem);
    nb_plan_fini(&self->plan);
    nb_task_row_fini(&self->task);
}

static const Nightbus__OutputRow *find_row(const Nightbus__TaskFinish *said, const char *name)
{
    for (size_t i = 0; i < said->n_outputs; i++) {
        if (strcmp(said->outputs[i]->name, name) == 0) {
            return said->outputs[i];
        }
    }
    return NULL;
}

/// Under the names that a mix's files have: the same samples may be one song's mix and another's
/// alternate.
static void take_file(nb_result *result, const char *name, const Nightbus__OutputRow *row)
{
    nb_output *output = &result->outputs[result->output_count++];
    snprintf(output->name, sizeof output->name, "%s", name);
    output->digest = nb_wire_to_digest(row->digest);
    output->size = row->size;
}

/// The report's headline stands with the file it is of; that of a mix, with the whole, too.
static void take_headline(nb_result *result, const Nightbus__TaskFinish *said,
                          const Nightbus__OutputRow *row)
{
    const bool own = row->has_duration_s;
    const bool loud = own ? row->has_integrated_lufs : said->has_integrated_lufs;
    const bool peak = own ? row->has_true_peak_dbtp : said->has_true_peak_dbtp;
    const double lufs = own ? row->integrated_lufs : said->integrated_lufs;
    const double dbtp = own ? row->true_peak_dbtp : said->true_peak_dbtp;
    result->integrated_lufs = loud ? lufs : -INFINITY;
    result->true_peak_dbtp = peak ? dbtp : -INFINITY;
    result->duration_s = own ? row->duration_s : said->duration_s;
    result->rate_hz = said->rate_hz;
}

/// What a result says besides its files: which key, on what, by whom.
static nb_status begin_result(const finish *self, size_t index, const char *node, nb_error *err)
{
    nb_result *result = &self->results[index];
    *result = (nb_result){.mix_key = self->plan.outputs[index].key,
                          .created_ms = nb_clock_wall_ms(),
                          .fingerprint = strdup(self->task.fingerprint)};
    snprintf(result->node, sizeof result->node, "%s", node);
    return result->fingerprint ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for a result");
}

/// The files of one output: its samples, and a report where it has one.
static nb_status read_result(const finish *self, const Nightbus__TaskFinish *said, size_t index,
                             nb_error *err)
{
    const nb_plan_output *planned = &self->plan.outputs[index];
    nb_result *result = &self->results[index];
    char wav[NB_OUTPUT_NAME_SIZE];
    char report[NB_OUTPUT_NAME_SIZE];
    nb_output_wav_name(planned->name, wav);
    nb_output_report_name(planned->name, report);
    const Nightbus__OutputRow *wav_row = find_row(said, wav);
    const Nightbus__OutputRow *report_row = find_row(said, report);
    if (!wav_row) {
        return nb_fail(err, NB_E_INVALID, "task %" PRIu64 ": the result lacks %s", said->task, wav);
    }
    take_headline(result, said, wav_row);
    take_file(result, "mix.wav", wav_row);
    if (report_row) {
        take_file(result, "report.json", report_row);
    }
    return NB_OK;
}

/// Every file must be of an output that was asked for, once, and be in the store.
static nb_status check_files(const nb_coordinator *self, const finish *done,
                             const Nightbus__TaskFinish *said, nb_error *err)
{
    size_t count = nb_freezes_count(&done->plan, said);
    for (size_t i = 0; i < done->plan.output_count; i++) {
        count += done->results[i].output_count;
        if (!nb_coordinator_has_outputs(self, &done->results[i])) {
            return nb_fail(err, NB_E_NOT_FOUND,
                           "task %" PRIu64 ": an output is not in the store yet: send it first",
                           said->task);
        }
    }
    return (count == said->n_outputs)
               ? NB_OK
               : nb_fail(err, NB_E_INVALID,
                         "task %" PRIu64 ": the result has %zu files, its plan asks for %zu",
                         said->task, said->n_outputs, count);
}

static nb_status read_finish(nb_coordinator *self, const nb_caller *caller,
                             const Nightbus__TaskFinish *said, finish *out, nb_error *err)
{
    nb_status status = nb_ledger_get_task(self->ledger, said->task, &out->task, err);
    if (status != NB_OK) {
        return status;
    }
    const nb_digest mix_key = nb_wire_to_digest(said->mix_key);
    if (!nb_digest_equal(&mix_key, &out->task.mix_key)) {
        return nb_fail(err, NB_E_INVALID, "task %" PRIu64 ": the result has another key",
                       said->task);
    }
    status = nb_coordinator_read_plan(self, &out->task, &out->plan, err);
    if (status != NB_OK) {
        return status;
    }
    out->results = calloc(out->plan.output_count, sizeof *out->results);
    if (!out->results) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a result");
    }
    const char *node = nb_coordinator_node_at(self, caller->renderer)->name;
    const bool is_measured = out->plan.kind != NB_PLAN_RENDER;
    for (size_t i = 0; status == NB_OK && i < out->plan.output_count; i++) {
        status = begin_result(out, i, node, err);
        if (status == NB_OK) {
            status = is_measured
                         ? nb_coordinator_read_measured(&out->plan, said, &out->results[i], err)
                         : read_result(out, said, i, err);
        }
    }
    return (status == NB_OK) ? check_files(self, out, said, err) : status;
}

static nb_status close_done(nb_coordinator *self, nb_job *job, const void *context, nb_error *err)
{
    nb_status status = nb_coordinator_keep_outputs(self, job, err);
    job->state = NB_JOB_DONE;
    job->finished_ms = nb_clock_wall_ms();
    snprintf(job->node, sizeof job->node, "%s", (const char *)context);
    return (status == NB_OK) ? nb_ledger_update_job(self->ledger, job, err) : status;
}

// The first result stands; what came second is kept beside it. Where the first one's files are
// gone, its jobs fail until an operator has said whether the second takes their place.
static nb_status add_incident(nb_coordinator *self, finish *done, const nb_result *first,
                              const nb_result *second, nb_error *err)
{
    const bool gone = !nb_coordinator_has_outputs(self, first);
    NB_SCOPED(nb_text_free)
    char *text = nb_text_format("%s rendered %s to other bytes than %s did under the same key%s",
                                second->node, done->task.label, first->node,
                                gone ? ", whose files are gone" : "");
    if (!text) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for an incident");
    }
    nb_incident incident = {.time_ms = nb_clock_wall_ms(),
                            .task = done->task.id,
                            .text = text,
                            .result = *second}; // borrowed
    const nb_status status = nb_ledger_add_incident(self->ledger, &incident, err);
    nb_log_error("incident %" PRIu64 ": %s", incident.id, text);
    if (gone && !done->problem) {
        done->problem =
            nb_text_format("%s: 'nightbus incident keep %" PRIu64 "' makes it the second rendering",
                           text, incident.id);
    }
    return status;
}

// The first result of a key stands. Another with the same bytes is fine; other bytes are an
// incident.
static nb_status put_result(nb_coordinator *self, finish *done, const nb_result *result,
                            nb_error *err)
{
    NB_SCOPED(nb_result_fini) nb_result present = {0};
    nb_status status = nb_ledger_get_result(self->ledger, &result->mix_key, &present, err);
    if (status == NB_E_NOT_FOUND) {
        return nb_ledger_put_result(self->ledger, result, err);
    }
    if (status != NB_OK || nb_result_equal(&present, result)) {
        return status;
    }
    return add_incident(self, done, &present, result, err);
}

static nb_status close_jobs(nb_coordinator *self, const finish *done, nb_error *err)
{
    return done->problem ? for_jobs_of(self, done->task.id, close_failed, done->problem, err)
                         : for_jobs_of(self, done->task.id, close_done, done->results[0].node, err);
}

static nb_status record_finish(nb_coordinator *self, finish *done, const Nightbus__TaskFinish *said,
                               nb_error *err)
{
    nb_status status = nb_ledger_begin(self->ledger, err);
    if (status != NB_OK) {
        return status;
    }
    for (size_t i = 0; status == NB_OK && i < done->plan.output_count; i++) {
        status = put_result(self, done, &done->results[i], err);
    }
    if (status == NB_OK) {
        status = nb_freezes_keep(self, &done->plan, said, err);
    }
    if (status == NB_OK && done->task.state < NB_TASK_DONE) {
        status = nb_ledger_end_task(self->ledger, done->task.id, NB_TASK_DONE, "", err);
        if (status == NB_OK) {
            status = nb_ledger_set_attempt(self->ledger, done->id.task, done->id.attempt,
                                           NB_ATTEMPT_DONE, "", nb_clock_wall_ms(), err);
        }
        if (status == NB_OK) {
            status = close_jobs(self, done, err);
        }
        if (status == NB_OK) {
            status = nb_coordinator_learn(self, done->results[0].node, said, done->took_ms, err);
        }
    }
    return nb_ledger_end(self->ledger, status, err);
}

nb_status nb_attempt_id_read(uint64_t task, uint32_t attempt, ProtobufCBinaryData epoch,
                             nb_attempt_id *out, nb_error *err)
{
    *out = (nb_attempt_id){.task = task, .attempt = attempt};
    if (epoch.len != NB_EPOCH_SIZE) {
        return nb_fail(err, NB_E_INVALID, "an epoch has %d bytes, not %zu", NB_EPOCH_SIZE,
                       epoch.len);
    }
    memcpy(out->epoch.bytes, epoch.data, NB_EPOCH_SIZE);
    return NB_OK;
}

// A closed task is not with the scheduler any more: the ledger knows whose its attempts were.
static nb_status check_closed(nb_coordinator *self, uint32_t renderer, const nb_attempt_id *id,
                              nb_error *err)
{
    const nb_farm_node *node = nb_coordinator_node_at(self, renderer);
    nb_attempt_row *rows = NULL;
    size_t count = 0;
    nb_status status = nb_ledger_list_attempts(self->ledger, id->task, &rows, &count, err);
    bool given = false;
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        given = given || (rows[i].id.attempt == id->attempt &&
                          memcmp(&rows[i].id.epoch, &id->epoch, sizeof id->epoch) == 0 &&
                          strcmp(rows[i].key.text, node->key.text) == 0 &&
                          strcmp(rows[i].node, node->name) == 0);
    }
    free(rows);
    if (status == NB_OK && !given) {
        return nb_fail(err, NB_E_STALE,
                       "task %" PRIu64 ": attempt %" PRIu32 " was never this renderer's", id->task,
                       id->attempt);
    }
    return status;
}

static void count_finish(nb_coordinator *self, const finish *done, int64_t now_ms)
{
    nb_metrics *metrics = &self->metrics;
    const nb_task *task = nb_scheduler_task(self->scheduler, done->id.task);
    metrics->render_s += (double)(now_ms - task->attempts[done->id.attempt - 1].started_ms) / 1000;
    metrics->audio_s += done->results[0].duration_s;
    for (size_t i = 0; i < done->plan.output_count; i++) {
        for (size_t j = 0; j < done->results[i].output_count; j++) {
            metrics->output_bytes += done->results[i].outputs[j].size;
        }
    }
}

/// A lease may end while its renderer still works, and a reply may get lost, so a late or repeated
/// result is normal. Same key and same bytes: it is thanked for.
nb_status nb_handle_task_finish(nb_coordinator *self, const nb_caller *caller,
                                const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__TaskFinish *said = request->task_finish;
    NB_SCOPED(finish_fini) finish done = {0};
    nb_status status = nb_attempt_id_read(said->task, said->attempt, said->epoch, &done.id, err);
    if (status != NB_OK) {
        return status;
    }
    const nb_status open = nb_scheduler_check(self->scheduler, caller->renderer, &done.id, err);
    if (open != NB_OK && open != NB_E_NOT_FOUND) {
        return open;
    }
    if (open == NB_E_NOT_FOUND) {
        status = check_closed(self, caller->renderer, &done.id, err);
    }
    if (status != NB_OK) {
        return status;
    }
    status = read_finish(self, caller, said, &done, err);
    if (status == NB_OK && open == NB_OK) {
        const nb_task *task = nb_scheduler_task(self->scheduler, done.id.task);
        done.took_ms = caller->now_ms - task->attempts[done.id.attempt - 1].started_ms;
        status = record_finish(self, &done, said, err);
    } else if (status == NB_OK && done.task.state == NB_TASK_DONE) {
        status = record_finish(self, &done, said, err); // compares only
    }
    if (status != NB_OK) {
        return status;
    }
    if (open == NB_OK) {
        count_finish(self, &done, caller->now_ms);
        status =
            nb_scheduler_finish(self->scheduler, caller->renderer, &done.id, caller->now_ms, err);
        nb_coordinator_touch_task(self, done.id.task);
        nb_access_revoke(self->access, done.id.task);
        nb_scheduler_forget(self->scheduler, done.id.task);
        self->unreviewed = true; // the next tick writes the reviews of all that ended meanwhile
        nb_log_info("task %" PRIu64 " (%s): done by %s", done.id.task, done.task.label,
                    done.results[0].node);
    }
    return (status == NB_OK) ? nb_answer_ack(answer, err) : status;
}

static nb_attempt_end end_of(const Nightbus__TaskFail *said)
{
    switch ((nb_status)said->status) {
    case NB_E_INTERRUPTED:
    case NB_E_CANCELLED:
    case NB_E_STALE:
    case NB_E_UNREACHABLE:
    case NB_E_TIMEOUT:
    case NB_E_NO_SPACE: // of the renderer's disk; it rests until there is room
        return NB_END_GIVEN_BACK;
    default:
        return (said->has_fault_of_input && said->fault_of_input) ? NB_END_FAULT_OF_INPUT
                                                                  : NB_END_FAILED;
    }
}

static void note_failure(nb_coordinator *self, uint32_t renderer, const nb_attempt_id *id,
                         const Nightbus__TaskFail *said)
{
    const char *node = nb_coordinator_node_at(self, renderer)->name;
    NB_SCOPED(nb_text_free) char *text = nb_text_format("%s: %.700s", node, said->text);
    nb_error err = {0};
    nb_log_warn("task %" PRIu64 ", attempt %" PRIu32 ": %s", id->task, id->attempt,
                text ? text : node);
    nb_coordinator_say(self, id->task, "attempt %" PRIu32 ": %s", id->attempt, text ? text : node);
    const nb_attempt_state state =
        (end_of(said) == NB_END_GIVEN_BACK) ? NB_ATTEMPT_ABANDONED : NB_ATTEMPT_FAILED;
    if (nb_ledger_set_attempt(self->ledger, id->task, id->attempt, state, text ? text : node,
                              nb_clock_wall_ms(), &err) != NB_OK) {
        nb_log_error("task %" PRIu64 ": %s", id->task, err.text);
    }
}

// A renderer found an input damaged: it may be our copy.
static void inspect_inputs(nb_coordinator *self, uint64_t id)
{
    NB_SCOPED(nb_task_row_fini) nb_task_row task = {0};
    NB_SCOPED(nb_plan_fini) nb_plan plan = {0};
    nb_error err = {0};
    nb_status status = nb_ledger_get_task(self->ledger, id, &task, &err);
    if (status == NB_OK) {
        status = nb_coordinator_read_plan(self, &task, &plan, &err);
    }
    if (status != NB_OK) {
        nb_log_warn("task %" PRIu64 ": %s", id, err.text);
        return;
    }
    for (size_t i = 0; i < plan.file_count; i++) {
        (void)nb_inspection_ask(self->inspection, &plan.files[i].digest);
    }
}

nb_status nb_handle_task_fail(nb_coordinator *self, const nb_caller *caller,
                              const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__TaskFail *said = request->task_fail;
    nb_attempt_id id;
    nb_status status = nb_attempt_id_read(said->task, said->attempt, said->epoch, &id, err);
    if (status != NB_OK) {
        return status;
    }
    const nb_task *task = nb_scheduler_task(self->scheduler, id.task);
    if (!task) {
        return nb_answer_ack(answer, err); // closed already
    }
    const bool live = id.attempt > 0 && id.attempt <= task->attempt_count &&
                      nb_attempt_is_leased(&task->attempts[id.attempt - 1]);
    status = nb_scheduler_fail(self->scheduler, caller->renderer, &id, end_of(said), caller->now_ms,
                               err);
    if (status != NB_OK || !live) {
        return (status == NB_OK) ? nb_answer_ack(answer, err) : status;
    }
    note_failure(self, caller->renderer, &id, said);
    if (said->status == NB_E_CORRUPT) {
        inspect_inputs(self, id.task);
    }
    nb_coordinator_touch_task(self, id.task);
    nb_coordinator_reap_tasks(self);
    return nb_answer_ack(answer, err);
}
