// SPDX-License-Identifier: GPL-3.0-or-later
// Tasks between the scheduler, the ledger and the renderers.
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "coordinator/ahead.h"
#include "coordinator/plan_ledger.h"
#include "coordinator/wishes.h"

#include <inttypes.h>
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
        nb_attempt attempt = {.id = rows[i].id, .process = rows[i].process, .state = rows[i].state};
        status = nb_coordinator_node(self, &rows[i].key, rows[i].node, &attempt.renderer, err);
        if (status == NB_OK) {
            status = nb_scheduler_restore_attempt(self->scheduler, &attempt, now_ms, err);
        }
        const bool live = rows[i].state == NB_ATTEMPT_LIVE || rows[i].state == NB_ATTEMPT_SUSPECT;
        nb_error problem = {0};
        if (status == NB_OK && live &&
            nb_coordinator_grant(self, &rows[i].key, task, &problem) != NB_OK) {
            nb_log_about(NB_LOG_WARN, &(nb_log_subject){.task = task->id}, "task %" PRIu64 ": %s",
                         task->id, problem.text);
        }
    }
    free(rows);
    return status;
}

/// What waits for what, by task, while tasks are taken up in the same order.
typedef struct need_rows {
    size_t count, at;
    nb_need *list;
} need_rows;

static void need_rows_fini(need_rows *self) { free(self->list); }

static size_t take_needs(need_rows *self, uint64_t task, uint64_t *out)
{
    size_t count = 0;
    while (self->at < self->count && self->list[self->at].task < task) {
        self->at++;
    }
    for (; self->at < self->count && self->list[self->at].task == task; self->at++) {
        if (count < NB_NEEDS_MAX) {
            out[count++] = self->list[self->at].needed;
        }
    }
    return count;
}

static nb_status restore_task(nb_coordinator *self, const nb_task_row *task, need_rows *rows,
                              nb_error *err)
{
    uint64_t needs[NB_NEEDS_MAX];
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
                               .song = song,
                               .need_count = take_needs(rows, task->id, needs),
                               .needs = needs};
    return (status == NB_OK) ? nb_scheduler_add_task(self->scheduler, &spec, err) : status;
}

nb_status nb_coordinator_restore_tasks(nb_coordinator *self, int64_t now_ms, nb_error *err)
{
    uint64_t *ids = NULL;
    size_t count = 0;
    NB_SCOPED(need_rows_fini) need_rows needs = {0};
    nb_status status = nb_ledger_open_needs(self->ledger, &needs.list, &needs.count, err);
    if (status == NB_OK) {
        status = nb_ledger_open_tasks(self->ledger, &ids, &count, err);
    }
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        NB_SCOPED(nb_task_row_fini) nb_task_row task = {0};
        status = nb_ledger_get_task(self->ledger, ids[i], &task, err);
        if (status == NB_OK) {
            status = restore_task(self, &task, &needs, err);
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

nb_status nb_coordinator_for_jobs_of(nb_coordinator *self, uint64_t task, nb_close_job *close,
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

nb_status nb_coordinator_close_failed(nb_coordinator *self, nb_job *job, const void *context,
                                      nb_error *err)
{
    job->state = NB_JOB_FAILED;
    job->finished_ms = nb_clock_wall_ms();
    snprintf(job->error, sizeof job->error, "%s", (const char *)context);
    return nb_ledger_update_job(self->ledger, job, err);
}

// What its renderers said, or that they went, or what kept them from it.
static nb_status explain_failure(nb_coordinator *self, const nb_task *task,
                                 char out[NB_ERROR_TEXT_SIZE], nb_error *err)
{
    nb_status status = nb_ledger_last_error(self->ledger, task->id, NB_ATTEMPT_FAILED, out, err);
    if (status != NB_OK || out[0]) {
        return status;
    }
    if (nb_task_count_against(task) >= NB_ATTEMPTS_COUNTED) {
        snprintf(out, NB_ERROR_TEXT_SIZE, "%zu renderers went away while they rendered it",
                 nb_task_count_against(task));
        return NB_OK;
    }
    char last[NB_ERROR_TEXT_SIZE];
    status = nb_ledger_last_error(self->ledger, task->id, NB_ATTEMPT_ABANDONED, last, err);
    snprintf(out, NB_ERROR_TEXT_SIZE,
             "%zu attempts were cut off or given back, which says more of the farm than of the "
             "song: see to that, then retry%s%.700s",
             task->attempt_count, last[0] ? "; the last: " : "", last);
    return status;
}

static nb_status fail_task(nb_coordinator *self, const nb_task *task, nb_error *err)
{
    nb_status status = nb_ledger_begin(self->ledger, err);
    if (status != NB_OK) {
        return status;
    }
    char text[NB_ERROR_TEXT_SIZE];
    status = explain_failure(self, task, text, err);
    if (status == NB_OK) {
        status = nb_ledger_end_task(self->ledger, task->id, NB_TASK_FAILED, text, err);
    }
    if (status == NB_OK) {
        status = nb_coordinator_for_jobs_of(self, task->id, nb_coordinator_close_failed, text, err);
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
    status = nb_coordinator_for_jobs_of(self, task, unplan_job, NULL, err);
    if (status == NB_OK) {
        status = nb_ledger_end_task(self->ledger, task, NB_TASK_FAILED,
                                    "no renderer with its fingerprint lives any more", err);
    }
    return nb_ledger_end(self->ledger, status, err);
}

// Who waits for its edges makes them, and is told so in its log.
static void say_made_with_the_song(nb_coordinator *self, const nb_task *task)
{
    for (size_t i = 0; i < task->dependent_count; i++) {
        nb_coordinator_say(self, task->dependents[i],
                           "task %" PRIu64 " failed: its edges are made with the song", task->id);
    }
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
        nb_log_about(NB_LOG_ERROR, &(nb_log_subject){.task = id}, "task %" PRIu64 ": %s", id,
                     err.text);
        return false; // tried again at the next tick
    }
    nb_log_about(NB_LOG_WARN, &(nb_log_subject){.task = id}, "task %" PRIu64 " failed", id);
    say_made_with_the_song(self, task);
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
        nb_log_about(NB_LOG_ERROR, &(nb_log_subject){.task = stranded}, "task %" PRIu64 ": %s",
                     stranded, err.text);
        return;
    }
    nb_log_about(NB_LOG_INFO, &(nb_log_subject){.task = stranded},
                 "task %" PRIu64 ": planned anew, as no live renderer has its fingerprint",
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
        nb_log_about(NB_LOG_WARN, &(nb_log_subject){.task = task},
                     "task %" PRIu64 ": its log has a gap: %s", task, err.text);
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

// Let the renderer read what the task needs, with the edges that were kept since it was planned.
static nb_status grant_newest(nb_coordinator *self, const nb_public_key *key, nb_task_row *task,
                              nb_error *err)
{
    NB_SCOPED(nb_plan_fini) nb_plan plan = {0};
    nb_status status = nb_coordinator_read_plan(self, task, &plan, err);
    if (status == NB_OK) {
        status = nb_ahead_renew_plan(self, task, &plan, err);
    }
    return (status == NB_OK) ? nb_access_grant(self->access, key, task->id, &task->plan, &plan, err)
                             : status;
}

static nb_status record_attempt(nb_coordinator *self, uint32_t renderer, const nb_attempt_id *id,
                                nb_task_row *task, nb_answer *answer, nb_error *err)
{
    const nb_farm_node *node = nb_coordinator_node_at(self, renderer);
    nb_attempt_row row = {
        .id = *id,
        .key = node->key,
        .process = nb_scheduler_renderer(self->scheduler, renderer)->process,
        .state = NB_ATTEMPT_LIVE,
    };
    snprintf(row.node, sizeof row.node, "%s", node->name);
    nb_status status = grant_newest(self, &node->key, task, err);
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
        nb_log_about(NB_LOG_ERROR,
                     &(nb_log_subject){.task = id.task,
                                       .attempt = id.attempt,
                                       .node = nb_coordinator_node_at(self, renderer)->name},
                     "task %" PRIu64 ": %s", id.task, err->text);
        nb_access_revoke_one(self->access, &nb_coordinator_node_at(self, renderer)->key, id.task);
        nb_scheduler_unassign(self->scheduler, renderer, &id);
        return status;
    }
    nb_log_about(NB_LOG_INFO,
                 &(nb_log_subject){.task = id.task,
                                   .attempt = id.attempt,
                                   .node = nb_coordinator_node_at(self, renderer)->name},
                 "task %" PRIu64 " (%s), attempt %" PRIu32 ": to %s", id.task, task.label,
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

// ---- Failures ----

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
    nb_log_about(
        NB_LOG_WARN, &(nb_log_subject){.task = id->task, .attempt = id->attempt, .node = node},
        "task %" PRIu64 ", attempt %" PRIu32 ": %s", id->task, id->attempt, text ? text : node);
    nb_coordinator_say(self, id->task, "attempt %" PRIu32 ": %s", id->attempt, text ? text : node);
    const nb_attempt_state state =
        (end_of(said) == NB_END_GIVEN_BACK) ? NB_ATTEMPT_ABANDONED : NB_ATTEMPT_FAILED;
    if (nb_ledger_set_attempt(self->ledger, id->task, id->attempt, state, text ? text : node,
                              nb_clock_wall_ms(), &err) != NB_OK) {
        nb_log_about(NB_LOG_ERROR,
                     &(nb_log_subject){.task = id->task, .attempt = id->attempt, .node = node},
                     "task %" PRIu64 ": %s", id->task, err.text);
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
        nb_log_about(NB_LOG_WARN, &(nb_log_subject){.task = id}, "task %" PRIu64 ": %s", id,
                     err.text);
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
