// SPDX-License-Identifier: GPL-3.0-or-later
// "Why is this waiting": the scheduler's choices in sentences.
#include "base/clock.h"
#include "coordinator/ahead.h"
#include "coordinator/wishes.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/// The sentences while they are found.
typedef struct reasons {
    nb_coordinator *self;
    const nb_answer *answer;
    Nightbus__JobReasons *out;
    bool failed;
} reasons;

static void NB_PRINTF(2, 3) say(reasons *self, const char *format, ...)
{
    char text[NB_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (self->out->n_reasons == NB_REASONS_MAX) {
        return;
    }
    char *copy = nb_answer_string(self->answer, text);
    self->failed = self->failed || !copy;
    if (copy) {
        self->out->reasons[self->out->n_reasons++] = copy;
    }
}

enum { WHEN_SIZE = 32 };

// "22:00" of that window's zone: what stands in its text.
static void opening_time(const char *window, char out[WHEN_SIZE])
{
    snprintf(out, WHEN_SIZE, "%.5s", window);
}

static const char *zone_of(const char *window)
{
    const char *space = strchr(window, ' ');
    return space ? space + 1 : "";
}

// ---- Renderers ----

void nb_why_node(nb_coordinator *self, uint32_t renderer, char *out, size_t size)
{
    const nb_renderer *known = nb_scheduler_renderer(self->scheduler, renderer);
    nb_node_wish wish;
    char when[WHEN_SIZE];
    out[0] = '\0';
    if (!known ||
        nb_ledger_get_node_wish(self->ledger, nb_coordinator_node_at(self, renderer)->name, &wish,
                                NULL) != NB_OK) {
        return;
    }
    const char *person = wish.person[0] ? wish.person : "nobody";
    if (known->holds & NB_HOLD_DRAINED) {
        snprintf(out, size, "drained by %s", person);
    } else if (known->holds & NB_HOLD_ASIDE) {
        snprintf(out, size, "set aside by %s", person);
    } else if (known->holds & NB_HOLD_SUSPECTED) {
        snprintf(out, size, "set aside: %s", wish.reason);
    } else if (known->holds & NB_HOLD_STOPPING) {
        snprintf(out, size, "about to stop");
    } else if (known->holds & NB_HOLD_WINDOW) {
        opening_time(wish.window, when);
        snprintf(out, size, "works from %s (%s)", when, zone_of(wish.window));
    }
}

static void say_placement(reasons *self, const nb_task *task, uint32_t renderer, int64_t now_ms)
{
    nb_coordinator *coordinator = self->self;
    const char *name = nb_coordinator_node_at(coordinator, renderer)->name;
    const nb_renderer *known = nb_scheduler_renderer(coordinator->scheduler, renderer);
    char held[NB_ERROR_TEXT_SIZE];
    switch (nb_scheduler_placement(coordinator->scheduler, task, renderer, now_ms)) {
    case NB_PLACE_LOST:
        say(self, "%s is not connected", name);
        break;
    case NB_PLACE_DRAINED:
    case NB_PLACE_ASIDE:
    case NB_PLACE_SUSPECTED:
    case NB_PLACE_STOPPING:
    case NB_PLACE_WINDOW:
        nb_why_node(coordinator, renderer, held, sizeof held);
        say(self, "%s: %s", name, held);
        break;
    case NB_PLACE_FINGERPRINT:
        say(self, "%s would make other bits: its fingerprint is \"%s\"", name,
            known->fingerprint ? known->fingerprint : "");
        break;
    case NB_PLACE_LABEL:
        say(self, "%s lacks \"%s\" (it has \"%s\")", name, task->label, known->labels);
        break;
    case NB_PLACE_FAILED_THERE:
        say(self, "%s tried it before; others go first", name);
        break;
    case NB_PLACE_BUSY:
        say(self, "%s is busy", name);
        break;
    case NB_PLACE_STEMS_ELSEWHERE:
        say(self, "%s is idle, and leaves it for %d s to one that has the song's stems", name,
            NB_STEMS_WAIT_MS / 1000);
        break;
    case NB_PLACE_FREE:
        say(self, "%s is idle and takes what goes first", name);
        break;
    }
}

// ---- The job ----

static void say_order(reasons *self, const nb_task *task)
{
    if (nb_task_is_worn_out(task)) {
        say(self, "%zu attempts ended badly: it is given up unless a lost renderer comes back soon",
            nb_task_count_against(task));
    }
    nb_queue_place place;
    nb_scheduler_queue_place(self->self->scheduler, task, &place);
    if (place.higher_priority > 0) {
        say(self, "%zu waiting task%s of higher priority go%s first (this one has %d)",
            place.higher_priority, place.higher_priority == 1 ? "" : "s",
            place.higher_priority == 1 ? "es" : "", task->priority);
    }
    if (place.other_albums > 0) {
        say(self, "this album has used its share: '%s' is served first", place.other_album);
    }
    if (place.same_album > 0) {
        say(self, "%zu longer or older task%s of this album go%s first", place.same_album,
            place.same_album == 1 ? "" : "s", place.same_album == 1 ? "es" : "");
    }
}

static void say_running(reasons *self, const nb_task *task)
{
    for (size_t i = 0; i < task->attempt_count; i++) {
        const nb_attempt *attempt = &task->attempts[i];
        if (nb_attempt_is_leased(attempt)) {
            say(self, "it is not waiting: %s renders it, attempt %" PRIu32 "%s",
                nb_coordinator_node_at(self->self, attempt->renderer)->name, attempt->id.attempt,
                attempt->state == NB_ATTEMPT_SUSPECT ? " (not heard of since the restart)" : "");
        }
    }
}

// One of the tasks that go before the song's.
static void say_ahead(reasons *self, const nb_task *task, int64_t now_ms)
{
    nb_coordinator *coordinator = self->self;
    const nb_attempt *leased = nb_task_leased(task);
    NB_SCOPED(nb_task_row_fini) nb_task_row row = {0};
    if (nb_ledger_get_task(coordinator->ledger, task->id, &row, NULL) != NB_OK) {
        return;
    }
    if (leased) {
        say(self, "%s: %s makes it, attempt %" PRIu32 "%s", row.label,
            nb_coordinator_node_at(coordinator, leased->renderer)->name, leased->id.attempt,
            leased->state == NB_ATTEMPT_SUSPECT ? " (not heard of since the restart)" : "");
        return;
    }
    say(self, "%s waits for a renderer:", row.label);
    say_order(self, task);
    for (size_t i = 0; i < coordinator->node_count; i++) {
        say_placement(self, task, (uint32_t)i + 1, now_ms);
    }
}

static void say_blocked(reasons *self, const nb_task *task, int64_t now_ms)
{
    nb_coordinator *coordinator = self->self;
    uint64_t needs[NB_NEEDS_MAX];
    size_t count = 0;
    nb_ahead_progress ahead;
    if (nb_ahead_look(coordinator, task->id, &ahead, NULL) != NB_OK ||
        nb_ahead_list(coordinator, task->id, needs, &count, NULL) != NB_OK) {
        return;
    }
    say(self, "its dear edges are made first, in parallel: %zu of %zu tasks left", ahead.left,
        ahead.count);
    for (size_t i = 0; i < count; i++) {
        const nb_task *needed = nb_scheduler_task(coordinator->scheduler, needs[i]);
        if (needed) {
            say_ahead(self, needed, now_ms);
        }
    }
}

static void say_wish(reasons *self, const nb_job *job)
{
    nb_job_wish wish;
    char when[WHEN_SIZE];
    char since[NB_CLOCK_ISO_SIZE];
    int64_t next_ms = 0;
    if (nb_ledger_get_job_wish(self->self->ledger, job->id, &wish, NULL) != NB_OK) {
        return;
    }
    if (wish.paused) {
        nb_clock_iso(wish.time_ms, since);
        say(self, "paused by %s at %s: `nightbus resume %" PRIu64 "`", wish.person, since, job->id);
    }
    if (!nb_wishes_is_open(self->self, wish.window, nb_clock_wall_ms(), &next_ms)) {
        opening_time(wish.window, when);
        say(self, "its window opens at %s (%s)", when, zone_of(wish.window));
    }
}

static void say_open(reasons *self, const nb_job *job, int64_t now_ms)
{
    nb_coordinator *coordinator = self->self;
    const nb_task *task = job->task ? nb_scheduler_task(coordinator->scheduler, job->task) : NULL;
    if (task && task->state == NB_TASK_RUNNING) {
        say_running(self, task);
        return;
    }
    say_wish(self, job);
    if (!task) {
        say(self, nb_scheduler_fingerprint(coordinator->scheduler)
                      ? "it is being planned"
                      : "no renderer is connected, so nobody knows what there is to make");
        return;
    }
    if (nb_scheduler_is_mass_loss(coordinator->scheduler, now_ms)) {
        say(self, "many renderers vanished at once; their tasks are kept for them a little longer");
    }
    if (task->state == NB_TASK_BLOCKED) {
        say_blocked(self, task, now_ms);
        return;
    }
    if (task->holds == 0) {
        say_order(self, task);
    }
    for (size_t i = 0; i < coordinator->node_count; i++) {
        say_placement(self, task, (uint32_t)i + 1, now_ms);
    }
}

static void say_over(reasons *self, const nb_job *job)
{
    if (job->state == NB_JOB_DONE) {
        say(self, job->cached ? "it is done: all was known already" : "it is done");
    } else {
        say(self, "it %s: %s", job->state == NB_JOB_FAILED ? "failed" : "was ended", job->error);
    }
}

nb_status nb_handle_job_why(nb_coordinator *self, const nb_caller *caller,
                            const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    nb_job job;
    const nb_status status = nb_ledger_get_job(self->ledger, request->job_why->job, &job, err);
    if (status != NB_OK) {
        return status;
    }
    Nightbus__JobReasons *out = nb_answer_take(answer, 1, sizeof *out);
    char **list = nb_answer_take(answer, NB_REASONS_MAX, sizeof *list);
    Nightbus__JobRow *row = nb_answer_job_row(self, &job, answer);
    if (!out || !list || !row) {
        return nb_answer_no_memory(err);
    }
    nightbus__job_reasons__init(out);
    out->row = row;
    out->reasons = list;
    reasons found = {.self = self, .answer = answer, .out = out};
    if (job.state == NB_JOB_OPEN) {
        say_open(&found, &job, caller->now_ms);
    } else {
        say_over(&found, &job);
    }
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_JOB_REASONS;
    answer->reply.job_reasons = out;
    return found.failed ? nb_answer_no_memory(err) : NB_OK;
}
