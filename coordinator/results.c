// SPDX-License-Identifier: GPL-3.0-or-later
// What renderers made of tasks: checked, written down, given to the jobs.
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "coordinator/coordinator_private.h"
#include "coordinator/costs.h"
#include "coordinator/incident_ledger.h"
#include "coordinator/job_outputs.h"
#include "coordinator/plan_ledger.h"
#include "coordinator/prints.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// How long after a result its renderer may send the edges that it kept: a song's few hundred
/// megabytes over a slow office line. What comes later is not kept.
enum { FREEZES_FOLLOW_MS = 5 * 60 * 1000 };

typedef struct finish {
    nb_task_row task;
    nb_attempt_id id;
    nb_plan plan;
    nb_result *results; ///< By output of the plan
    const char *node;   ///< Who rendered it
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
static nb_status begin_result(const finish *self, size_t index, nb_error *err)
{
    nb_result *result = &self->results[index];
    *result = (nb_result){.mix_key = self->plan.outputs[index].key,
                          .created_ms = nb_clock_wall_ms(),
                          .fingerprint = strdup(self->task.fingerprint)};
    snprintf(result->node, sizeof result->node, "%s", self->node);
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
    if (done->plan.kind == NB_PLAN_FREEZE && !nb_freezes_are_there(self, &done->plan, said)) {
        return nb_fail(err, NB_E_NOT_FOUND,
                       "task %" PRIu64 ": an edge is not in the store yet: send it first",
                       said->task);
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
    out->results = calloc(out->plan.output_count + 1, sizeof *out->results);
    if (!out->results) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a result");
    }
    out->node = nb_coordinator_node_at(self, caller->renderer)->name;
    const bool is_measured = nb_plan_is_measured(&out->plan);
    for (size_t i = 0; status == NB_OK && i < out->plan.output_count; i++) {
        status = begin_result(out, i, err);
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
    nb_status status = nb_ledger_add_incident(self->ledger, &incident, err);
    if (status == NB_OK && gone) { // also where somebody settled it while the first was there
        status = nb_ledger_reopen_incident(self->ledger, incident.id, done->task.id, err);
    }
    nb_log_about(
        NB_LOG_ERROR,
        &(nb_log_subject){.task = done->task.id, .attempt = done->id.attempt, .node = second->node},
        "incident %" PRIu64 ": %s", incident.id, text);
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
    return done->problem
               ? nb_coordinator_for_jobs_of(self, done->task.id, nb_coordinator_close_failed,
                                            done->problem, err)
               : nb_coordinator_for_jobs_of(self, done->task.id, close_done, done->node, err);
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
        status = nb_freezes_keep(self, &done->plan, said, done->node, err);
    }
    for (size_t i = 0; status == NB_OK && i < done->plan.freeze_count; i++) {
        status =
            nb_ledger_share_freeze(self->ledger, &done->plan.freezes[i].key, done->task.id, err);
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
            status = nb_coordinator_learn(self, done->node, said, done->took_ms, err);
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

static void count_finish(nb_coordinator *self, const finish *done)
{
    nb_metrics *metrics = &self->metrics;
    metrics->render_s += (double)done->took_ms / 1000;
    metrics->audio_s += (done->plan.output_count > 0) ? done->results[0].duration_s : 0.0;
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
        // Closes and counts nothing again; what it says is compared, and kept where it is lacking.
        status = record_finish(self, &done, said, err);
    }
    if (status != NB_OK) {
        return status;
    }
    const nb_public_key *key = &nb_coordinator_node_at(self, caller->renderer)->key;
    const bool follow = said->has_freezes_follow && said->freezes_follow;
    if (open != NB_OK && !follow) {
        nb_access_revoke_one(self->access, key, done.id.task);
    }
    if (open == NB_OK) {
        count_finish(self, &done);
        status =
            nb_scheduler_finish(self->scheduler, caller->renderer, &done.id, caller->now_ms, err);
        nb_coordinator_touch_task(self, done.id.task);
        if (follow) {
            nb_access_linger(self->access, key, done.id.task, nb_clock_ms() + FREEZES_FOLLOW_MS);
        } else {
            nb_access_revoke(self->access, done.id.task);
        }
        nb_scheduler_forget(self->scheduler, done.id.task);
        self->unreviewed = true; // the next tick writes the reviews of all that ended meanwhile
        nb_log_about(
            NB_LOG_INFO,
            &(nb_log_subject){.task = done.id.task, .attempt = done.id.attempt, .node = done.node},
            "task %" PRIu64 " (%s): done by %s", done.id.task, done.task.label, done.node);
    }
    return (status == NB_OK) ? nb_answer_ack(answer, err) : status;
}
