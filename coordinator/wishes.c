// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/wishes.h"

#include "base/clock.h"
#include "base/log.h"
#include "coordinator/ahead.h"
#include "coordinator/plan_ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_AGAIN_MS = 30000 }; // the clock on the wall may be set

// ---- Windows ----

static const nb_window *find_window(nb_windows *self, const char *text)
{
    for (size_t i = 0; i < self->count; i++) {
        if (strcmp(self->list[i].text, text) == 0) {
            return &self->list[i].window;
        }
    }
    nb_error err = {0};
    nb_window window = {0};
    if (nb_window_parse(text, &window, &err) != NB_OK) {
        nb_log_warn("%s; counted as always open", err.text);
        nb_window_fini(&window);
        return NULL;
    }
    if (self->count == NB_WINDOWS_MAX) { // one that is looked for again is read again
        nb_window_fini(&self->list[0].window);
        memmove(self->list, self->list + 1, (NB_WINDOWS_MAX - 1) * sizeof *self->list);
        self->count--;
    }
    nb_named_window *made = &self->list[self->count++];
    *made = (nb_named_window){.window = window};
    snprintf(made->text, sizeof made->text, "%s", text);
    return &made->window;
}

nb_status nb_wishes_check_window(const char *text, nb_error *err)
{
    nb_window window;
    if (!text || !text[0]) {
        return NB_OK;
    }
    if (strlen(text) >= NB_WINDOW_TEXT_SIZE) {
        return nb_fail(err, NB_E_LIMIT, "hours of %zu bytes; at most %d", strlen(text),
                       NB_WINDOW_TEXT_SIZE - 1);
    }
    const nb_status status = nb_window_parse(text, &window, err);
    nb_window_fini(&window);
    return status;
}

bool nb_wishes_is_open(nb_coordinator *self, const char *window, int64_t wall_ms,
                       int64_t *out_next_ms)
{
    *out_next_ms = INT64_MAX;
    const nb_window *found = window[0] ? find_window(&self->windows, window) : NULL;
    if (!found) {
        return true;
    }
    *out_next_ms = nb_window_next_ms(found, wall_ms);
    if (*out_next_ms < self->windows.due_ms) {
        self->windows.due_ms = *out_next_ms;
    }
    return nb_window_is_open(found, wall_ms);
}

void nb_wishes_fini(nb_coordinator *self)
{
    for (size_t i = 0; i < self->windows.count; i++) {
        nb_window_fini(&self->windows.list[i].window);
    }
    self->windows.count = 0;
}

// ---- Tasks ----

// Of two jobs of one task: what is not held goes before what is, then the higher priority.
static bool is_stronger(const nb_task_wish *a, const nb_task_wish *b)
{
    return (a->holds == 0) != (b->holds == 0) ? a->holds == 0 : a->priority > b->priority;
}

static nb_status add_job(nb_coordinator *self, const nb_job *job, int64_t wall_ms,
                         nb_task_wish *strongest, char label[NB_LABELS_SIZE], bool *any,
                         nb_error *err)
{
    nb_job_wish wish;
    int64_t next_ms = 0;
    const nb_status status = nb_ledger_get_job_wish(self->ledger, job->id, &wish, err);
    if (status != NB_OK) {
        return status;
    }
    nb_task_wish here = {.priority = wish.priority, .holds = wish.paused ? NB_HOLD_PAUSED : 0};
    if (!nb_wishes_is_open(self, wish.window, wall_ms, &next_ms)) {
        here.holds |= NB_HOLD_WINDOW;
    }
    if (!*any || is_stronger(&here, strongest)) {
        *any = true;
        *strongest = here;
        snprintf(label, NB_LABELS_SIZE, "%s", wish.label);
    }
    return NB_OK;
}

/// The strongest wish of a task's jobs while they are looked at.
typedef struct wish_search {
    nb_task_wish strongest;
    char label[NB_LABELS_SIZE];
    bool any;
} wish_search;

static nb_status add_jobs_of(nb_coordinator *self, uint64_t task, wish_search *found, nb_error *err)
{
    nb_job *jobs = NULL;
    size_t count = 0;
    const int64_t wall_ms = nb_clock_wall_ms();
    nb_status status = nb_ledger_list_jobs(self->ledger, NB_JOBS_OPEN_OF_TASK, task, NB_ROWS_MAX,
                                           &jobs, &count, err);
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        status =
            add_job(self, &jobs[i], wall_ms, &found->strongest, found->label, &found->any, err);
    }
    free(jobs);
    return status;
}

// What makes edges for others has no job: it follows those of the tasks that wait for it.
static nb_status find_wish(nb_coordinator *self, uint64_t task, wish_search *found, nb_error *err)
{
    uint64_t needers[NB_NEEDS_MAX];
    size_t count = 0;
    *found = (wish_search){.strongest = {.priority = NB_PRIORITY_DEFAULT}};
    nb_status status = add_jobs_of(self, task, found, err);
    if (status == NB_OK && !found->any) {
        status = nb_ledger_list_needs(self->ledger, NB_NEEDED_BY, task, needers, NB_NEEDS_MAX,
                                      &count, err);
    }
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        status = add_jobs_of(self, needers[i], found, err);
    }
    found->strongest.label = found->label;
    return status;
}

static void apply_one(nb_coordinator *self, uint64_t task)
{
    wish_search found;
    nb_error err = {0};
    nb_status status = find_wish(self, task, &found, &err);
    if (status == NB_OK) {
        status = nb_scheduler_wish(self->scheduler, task, &found.strongest, &err);
    }
    if (status != NB_OK) {
        nb_log_about(NB_LOG_ERROR, &(nb_log_subject){.task = task}, "task %" PRIu64 ": %s", task,
                     err.text);
    }
    nb_coordinator_touch_task(self, task);
}

// To what makes edges for the task.
static void apply_needs(nb_coordinator *self, uint64_t task)
{
    uint64_t needs[NB_NEEDS_MAX];
    size_t count = 0;
    nb_error err = {0};
    if (nb_ahead_list(self, task, needs, &count, &err) != NB_OK) {
        nb_log_error("task %" PRIu64 ": %s", task, err.text);
    }
    for (size_t i = 0; i < count; i++) {
        apply_one(self, needs[i]);
    }
}

void nb_wishes_apply_task(nb_coordinator *self, uint64_t task)
{
    apply_one(self, task);
    apply_needs(self, task);
}

static void apply_tasks(nb_coordinator *self)
{
    uint64_t *tasks = NULL;
    size_t count = 0;
    nb_error err = {0};
    if (nb_ledger_wished_tasks(self->ledger, &tasks, &count, &err) != NB_OK) {
        nb_log_error("%s", err.text);
    }
    for (size_t i = 0; i < count; i++) {
        nb_wishes_apply_task(self, tasks[i]);
    }
    free(tasks);
}

// ---- Renderers ----

void nb_wishes_apply_node(nb_coordinator *self, uint32_t renderer)
{
    const nb_farm_node *node = nb_coordinator_node_at(self, renderer);
    const nb_renderer *known = nb_scheduler_renderer(self->scheduler, renderer);
    nb_node_wish wish;
    nb_error err = {0};
    int64_t next_ms = 0;
    nb_status status = nb_ledger_get_node_wish(self->ledger, node->name, &wish, &err);
    if (status == NB_OK) {
        unsigned holds = wish.holds | (known ? known->holds & NB_HOLD_STOPPING : 0);
        if (!nb_wishes_is_open(self, wish.window, nb_clock_wall_ms(), &next_ms)) {
            holds |= NB_HOLD_WINDOW;
        }
        const nb_renderer_wish told = {.name = node->name,
                                       .labels = wish.labels,
                                       .holds = holds,
                                       .shares_store = node->shares_store};
        status = nb_scheduler_wish_renderer(self->scheduler, renderer, &told, &err);
    }
    if (status != NB_OK) {
        nb_log_about(NB_LOG_ERROR, &(nb_log_subject){.node = node->name}, "renderer %s: %s",
                     node->name, err.text);
    }
}

/// Whose songs are looked up.
typedef struct song_search {
    nb_scheduler *scheduler;
    uint32_t renderer;
} song_search;

static void remember_song(void *context, const char *album, const char *song)
{
    const song_search *search = context;
    nb_scheduler_remember(search->scheduler, nb_scheduler_song(album, song), search->renderer);
}

void nb_wishes_remember_songs(nb_coordinator *self, uint32_t renderer)
{
    enum { JOBS_BACK = 500 }; // as much as a cache of some 100 GB holds
    song_search search = {self->scheduler, renderer};
    nb_error err = {0};
    if (nb_ledger_each_song_of(self->ledger, nb_coordinator_node_at(self, renderer)->name,
                               JOBS_BACK, remember_song, &search, &err) != NB_OK) {
        nb_log_warn("%s", err.text); // its stems are fetched again
    }
}

void nb_wishes_suspect(void *context, const nb_renderer *renderer)
{
    nb_coordinator *self = context;
    const char *name = nb_coordinator_node_at(self, renderer->id)->name;
    nb_node_wish wish;
    nb_error err = {0};
    nb_log_about(NB_LOG_WARN, &(nb_log_subject){.node = name},
                 "%s is set aside: others rendered the last %" PRIu32
                 " tasks that it failed ('nightbus node resume %s' takes it back)",
                 name, renderer->blamed, name);
    nb_status status = nb_ledger_get_node_wish(self->ledger, name, &wish, &err);
    if (status == NB_OK) {
        wish.holds |= NB_HOLD_SUSPECTED;
        wish.time_ms = nb_clock_wall_ms();
        snprintf(wish.reason, sizeof wish.reason,
                 "others rendered the last %" PRIu32 " tasks that it failed", renderer->blamed);
        status = nb_ledger_put_node_wish(self->ledger, name, &wish, &err);
    }
    if (status != NB_OK) {
        nb_log_about(NB_LOG_ERROR, &(nb_log_subject){.node = name}, "renderer %s: %s", name,
                     err.text);
    }
}

// ---- Time ----

void nb_wishes_apply_all(nb_coordinator *self)
{
    self->windows.due_ms = INT64_MAX;
    apply_tasks(self);
    for (size_t i = 0; i < self->node_count; i++) {
        nb_wishes_apply_node(self, (uint32_t)i + 1);
    }
}

void nb_wishes_tick(nb_coordinator *self)
{
    const int64_t wall_ms = nb_clock_wall_ms();
    const bool was_set =
        wall_ms < self->windows.looked_ms || wall_ms - self->windows.looked_ms > LOOK_AGAIN_MS;
    if (self->windows.count == 0 || (wall_ms < self->windows.due_ms && !was_set)) {
        return;
    }
    self->windows.looked_ms = wall_ms;
    nb_wishes_apply_all(self);
}

// ---- Jobs ----

nb_status nb_wishes_put_job(nb_coordinator *self, const nb_job *job, const nb_job_wish *wish,
                            nb_error *err)
{
    const nb_status status = nb_ledger_put_job_wish(self->ledger, job->id, wish, err);
    if (status == NB_OK && job->task != 0) {
        nb_wishes_apply_task(self, job->task);
    }
    if (status == NB_OK) {
        nb_coordinator_touch_job(self, job->id);
    }
    return status;
}

// Nobody asks for it any more. Its renderers hear of it at their next Sync.
static nb_status end_task(nb_coordinator *self, uint64_t id, const char *why, nb_error *err)
{
    nb_status status = nb_ledger_end_task(self->ledger, id, NB_TASK_FAILED, why, err);
    const nb_task *task = nb_scheduler_task(self->scheduler, id);
    for (size_t i = 0; status == NB_OK && task && i < task->attempt_count; i++) {
        if (nb_attempt_is_leased(&task->attempts[i])) {
            status = nb_ledger_set_attempt(self->ledger, id, task->attempts[i].id.attempt,
                                           NB_ATTEMPT_ABANDONED, "", nb_clock_wall_ms(), err);
        }
    }
    return status;
}

/// A task that nobody asks for any more, and those that made edges for it alone.
typedef struct ended_tasks {
    size_t count;
    uint64_t ids[NB_NEEDS_MAX + 1];
} ended_tasks;

static nb_status end_tasks(nb_coordinator *self, uint64_t task, const char *why, ended_tasks *out,
                           nb_error *err)
{
    uint64_t needs[NB_NEEDS_MAX];
    uint64_t needer = 0;
    size_t count = 0;
    nb_status status = nb_ahead_list(self, task, needs, &count, err);
    if (status == NB_OK) {
        status = end_task(self, task, why, err);
    }
    out->ids[out->count++] = task;
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        size_t needers = 0;
        status =
            nb_ledger_list_needs(self->ledger, NB_NEEDED_BY, needs[i], &needer, 1, &needers, err);
        if (status == NB_OK && needers == 0) {
            status = end_task(self, needs[i], why, err);
            out->ids[out->count++] = needs[i];
        }
    }
    return status;
}

nb_status nb_wishes_cancel(nb_coordinator *self, nb_job *job, const char *person, nb_error *err)
{
    nb_job *others = NULL;
    size_t count = 0;
    ended_tasks ended = {0};
    const uint64_t task = job->task;
    nb_status status = nb_ledger_begin(self->ledger, err);
    if (status != NB_OK) {
        return status;
    }
    job->state = NB_JOB_CANCELLED;
    job->finished_ms = nb_clock_wall_ms();
    snprintf(job->error, sizeof job->error, "cancelled by %s", person);
    status = nb_ledger_update_job(self->ledger, job, err);
    if (status == NB_OK && task != 0) {
        status =
            nb_ledger_list_jobs(self->ledger, NB_JOBS_OPEN_OF_TASK, task, 1, &others, &count, err);
        free(others);
    }
    const bool alone = task != 0 && count == 0;
    if (status == NB_OK && alone) {
        status = end_tasks(self, task, job->error, &ended, err);
    }
    status = nb_ledger_end(self->ledger, status, err);
    for (size_t i = 0; status == NB_OK && i < ended.count; i++) {
        nb_access_revoke(self->access, ended.ids[i]);
        nb_scheduler_forget(self->scheduler, ended.ids[i]);
    }
    if (status == NB_OK && alone) {
        apply_needs(self, task);
    } else if (status == NB_OK && task != 0) {
        nb_wishes_apply_task(self, task);
    }
    if (status == NB_OK) {
        nb_coordinator_touch_job(self, job->id);
        nb_log_about(NB_LOG_INFO, &(nb_log_subject){.job = job->id, .task = task},
                     "job %" PRIu64 ": %s", job->id, job->error);
    }
    return status;
}

nb_status nb_wishes_retry(nb_coordinator *self, nb_job *job, nb_error *err)
{
    job->state = NB_JOB_OPEN;
    job->task = 0;
    job->finished_ms = 0;
    job->node[0] = '\0';
    job->error[0] = '\0';
    const nb_status status = nb_ledger_update_job(self->ledger, job, err);
    if (status == NB_OK) {
        self->unplanned = true;
        nb_coordinator_touch_job(self, job->id);
    }
    return status;
}
