// SPDX-License-Identifier: GPL-3.0-or-later
// Requests about jobs.
#include "coordinator/ahead.h"
#include "coordinator/wishes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS_DEFAULT = 50 };

static const char *state_name(const nb_coordinator *self, const nb_job *job,
                              const nb_ahead_progress *ahead)
{
    if (job->state != NB_JOB_OPEN) {
        return nb_job_state_name(job->state);
    }
    const nb_task *task = job->task ? nb_scheduler_task(self->scheduler, job->task) : NULL;
    const bool runs = task && (task->state == NB_TASK_RUNNING || ahead->renderer != 0);
    return runs ? "running" : "queued";
}

// The bar of a song with tasks before it is of all of them together.
static void fill_ahead(const nb_ahead_progress *ahead, Nightbus__JobRow *row)
{
    if (ahead->count == 0) {
        return;
    }
    row->has_freeze_tasks = 1;
    row->freeze_tasks = (uint32_t)ahead->count;
    row->has_freeze_tasks_left = 1;
    row->freeze_tasks_left = (uint32_t)ahead->left;
    row->has_total_frames = ahead->frames > 0 && ahead->frames < INT64_MAX;
    row->total_frames = row->has_total_frames ? (uint64_t)ahead->frames : 0;
    row->has_done_frames = row->has_total_frames;
    row->done_frames = (uint64_t)((double)row->total_frames * ahead->done);
}

static void fill_progress(const nb_coordinator *self, const nb_job *job, Nightbus__JobRow *row,
                          const nb_ahead_progress *ahead, const nb_answer *answer)
{
    const nb_task *task = job->task ? nb_scheduler_task(self->scheduler, job->task) : NULL;
    if (!task) {
        return;
    }
    const nb_attempt *leased = nb_task_leased(task);
    const uint32_t renderer = leased ? leased->renderer : ahead->renderer;
    if (renderer != 0) {
        row->node = nb_answer_string(answer, nb_coordinator_node_at(self, renderer)->name);
    }
    fill_ahead(ahead, row);
    if (leased && ahead->count == 0) {
        row->has_done_frames = 1;
        row->done_frames = leased->done_frames;
        row->has_total_frames = 1;
        row->total_frames = leased->total_frames;
    }
}

static void fill_wish(nb_coordinator *self, const nb_job *job, Nightbus__JobRow *row,
                      const nb_answer *answer)
{
    nb_job_wish wish;
    if (nb_ledger_get_job_wish(self->ledger, job->id, &wish, NULL) != NB_OK) {
        return; // the row is true without it
    }
    row->has_priority = 1;
    row->priority = (uint32_t)wish.priority;
    row->has_paused = wish.paused;
    row->paused = wish.paused;
    row->window = wish.window[0] ? nb_answer_string(answer, wish.window) : NULL;
    row->label = wish.label[0] ? nb_answer_string(answer, wish.label) : NULL;
}

Nightbus__JobRow *nb_answer_job_row(nb_coordinator *self, const nb_job *job,
                                    const nb_answer *answer)
{
    Nightbus__JobRow *row = nb_answer_take(answer, 1, sizeof *row);
    nb_ahead_progress ahead = {0};
    const bool is_open = job->state == NB_JOB_OPEN && job->task != 0;
    if (!row || (is_open && nb_ahead_look(self, job->task, &ahead, NULL) != NB_OK)) {
        return NULL;
    }
    nightbus__job_row__init(row);
    row->job = job->id;
    row->album = nb_answer_string(answer, job->album);
    row->song = nb_answer_string(answer, job->song);
    row->version = nb_answer_string(answer, job->version);
    row->state = nb_answer_string(answer, state_name(self, job, &ahead));
    row->created_ms = (uint64_t)job->created_ms;
    row->has_finished_ms = job->finished_ms > 0;
    row->finished_ms = (uint64_t)job->finished_ms;
    row->node = job->node[0] ? nb_answer_string(answer, job->node) : NULL;
    row->has_rate_hz = job->rate_hz > 0;
    row->rate_hz = job->rate_hz;
    row->error = job->error[0] ? nb_answer_string(answer, job->error) : NULL;
    row->has_attempts = 1;
    row->attempts = job->attempts;
    row->has_cached = job->cached;
    row->cached = job->cached;
    fill_progress(self, job, row, &ahead, answer);
    fill_wish(self, job, row, answer);
    return (row->album && row->song && row->version && row->state) ? row : NULL;
}

/// A page of the listing while it is filled.
typedef struct job_page {
    const char *album; ///< Of this one only; null for all
    uint64_t before;   ///< The next job looked at is older than this one; 0 for the newest
    size_t limit;
    bool ended; ///< There is none older
} job_page;

// Add the next `limit` jobs as far as the caller may see them.
static nb_status add_jobs(nb_coordinator *self, const nb_caller *caller, job_page *page,
                          Nightbus__JobListing *listing, const nb_answer *answer, nb_error *err)
{
    nb_job *jobs = NULL;
    size_t count = 0;
    const nb_status status =
        page->album ? nb_ledger_list_album_jobs(self->ledger, page->album, page->before,
                                                page->limit, &jobs, &count, err)
                    : nb_ledger_list_jobs(self->ledger, NB_JOBS_BEFORE, page->before, page->limit,
                                          &jobs, &count, err);
    bool complete = true;
    for (size_t i = 0; complete && i < count && listing->n_rows < page->limit; i++) {
        page->before = jobs[i].id;
        if (nb_caller_sees(self, caller, jobs[i].album)) {
            listing->rows[listing->n_rows] = nb_answer_job_row(self, &jobs[i], answer);
            complete = listing->rows[listing->n_rows] != NULL;
            listing->n_rows++;
        }
    }
    page->ended = count < page->limit;
    free(jobs);
    return complete ? status : nb_answer_no_memory(err);
}

nb_status nb_handle_job_list(nb_coordinator *self, const nb_caller *caller,
                             const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    enum { ROUNDS_MAX = 100 }; // of jobs that somebody else's albums have; the cursor goes on
    const Nightbus__JobList *said = request->job_list;
    const size_t limit = said->has_limit ? said->limit : JOBS_DEFAULT;
    job_page page = {.album = said->album,
                     .before = said->has_before ? said->before : 0,
                     .limit = (limit < NB_ROWS_MAX) ? limit : NB_ROWS_MAX};
    Nightbus__JobListing *listing = nb_answer_take(answer, 1, sizeof *listing);
    if (!listing) {
        return nb_answer_no_memory(err);
    }
    nightbus__job_listing__init(listing);
    listing->rows = nb_answer_take(answer, page.limit, sizeof *listing->rows);
    if (!listing->rows) {
        return nb_answer_no_memory(err);
    }
    nb_album *album = NULL;
    nb_status status = said->album ? nb_coordinator_album(self, said->album, &album, err) : NB_OK;
    for (unsigned i = 0; status == NB_OK && !page.ended && listing->n_rows < page.limit; i++) {
        if (i == ROUNDS_MAX) {
            break;
        }
        status = add_jobs(self, caller, &page, listing, answer, err);
    }
    listing->has_next = page.limit > 0 && (!page.ended || listing->n_rows == page.limit);
    listing->next = page.before;
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_JOB_LISTING;
    answer->reply.job_listing = listing;
    return status;
}

// ---- Watching ----

bool nb_coordinator_job_has_news(const nb_coordinator *self, uint64_t job, uint64_t cursor)
{
    return self->job_cursors[job % NB_WATCHED_JOBS] > cursor;
}

// The first line of a log says what is missing of it.
static char *dropped_line(nb_coordinator *self, uint64_t task, const nb_answer *answer)
{
    uint64_t dropped = 0;
    char line[100];
    if (nb_ledger_dropped_lines(self->ledger, task, &dropped, NULL) != NB_OK || dropped == 0) {
        return NULL;
    }
    snprintf(line, sizeof line, "(%" PRIu64 " older lines were dropped: a task keeps %d)", dropped,
             NB_TASK_LINES_MAX);
    return nb_answer_string(answer, line);
}

static nb_status fill_lines(nb_coordinator *self, const nb_job *job, uint64_t cursor,
                            Nightbus__JobState *state, const nb_answer *answer, nb_error *err)
{
    nb_task_line *lines = NULL;
    size_t count = 0;
    const nb_status status =
        nb_ledger_list_lines(self->ledger, job->task, cursor, &lines, &count, err);
    if (status != NB_OK) {
        return status;
    }
    char *notice = (cursor == 0) ? dropped_line(self, job->task, answer) : NULL;
    const size_t room = NB_LOG_LINES_MAX - (notice ? 1 : 0);
    const size_t given = (count < room) ? count : room;
    state->lines = nb_answer_take(answer, NB_LOG_LINES_MAX, sizeof *state->lines);
    bool complete = state->lines != NULL;
    if (complete && notice) {
        state->lines[state->n_lines++] = notice;
    }
    for (size_t i = 0; complete && i < given; i++) {
        state->lines[state->n_lines] = nb_answer_string(answer, lines[i].text);
        complete = state->lines[state->n_lines++] != NULL;
    }
    if (given == room) {
        state->cursor = lines[given - 1].cursor; // there may be more
    }
    nb_task_lines_free(&lines, count);
    return complete ? NB_OK : nb_answer_no_memory(err);
}

nb_status nb_coordinator_job_state(nb_coordinator *self, uint64_t id, uint64_t cursor,
                                   nb_answer *answer, nb_error *err)
{
    nb_job job;
    nb_status status = nb_ledger_get_job(self->ledger, id, &job, err);
    if (status != NB_OK) {
        return status;
    }
    Nightbus__JobState *state = nb_answer_take(answer, 1, sizeof *state);
    Nightbus__JobRow *row = nb_answer_job_row(self, &job, answer);
    if (!state || !row) {
        return nb_answer_no_memory(err);
    }
    nightbus__job_state__init(state);
    state->row = row;
    state->cursor = self->job_cursors[id % NB_WATCHED_JOBS];
    status = (job.task != 0) ? fill_lines(self, &job, cursor, state, answer, err) : NB_OK;
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_JOB_STATE;
    answer->reply.job_state = state;
    return status;
}

nb_status nb_handle_job_watch(nb_coordinator *self, const nb_caller *caller,
                              const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__JobWatch *said = request->job_watch;
    const uint64_t cursor = said->has_cursor ? said->cursor : 0;
    uint32_t wait_ms = said->has_wait_ms ? said->wait_ms : 0;
    wait_ms = (wait_ms < NB_WAIT_MAX_MS) ? wait_ms : NB_WAIT_MAX_MS;
    nb_job job;
    const nb_status status = nb_ledger_get_job(self->ledger, said->job, &job, err);
    if (status != NB_OK) {
        return status;
    }
    const nb_waiter waiter = {.peer = *caller->peer,
                              .request = caller->request,
                              .deadline_ms = caller->now_ms + wait_ms,
                              .job = said->job,
                              .cursor = cursor};
    answer->held = wait_ms > 0 && !nb_coordinator_job_has_news(self, said->job, cursor) &&
                   nb_coordinator_hold(self, &waiter);
    return answer->held ? NB_OK : nb_coordinator_job_state(self, said->job, cursor, answer, err);
}

nb_status nb_handle_render(nb_coordinator *self, const nb_caller *caller,
                           const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    (void)caller;
    const Nightbus__Render *said = request->render;
    nb_album *album = NULL;
    const nb_version *version = NULL;
    uint64_t job = 0;
    nb_status status = nb_coordinator_album(self, said->album, &album, err);
    if (status == NB_OK) {
        status = nb_album_version(album, said->song, said->version, &version, err);
    }
    if (status == NB_OK) {
        const nb_job_wants wants = (said->has_stems && said->stems) ? NB_WANT_STEMS : NB_WANT_MIXES;
        status = nb_coordinator_start_job(self, album->name, version, wants, &job, err);
    }
    if (status != NB_OK) {
        return status;
    }
    (void)nb_coordinator_plan_jobs(self);
    Nightbus__JobStarted *started = nb_answer_take(answer, 1, sizeof *started);
    if (!started) {
        return nb_answer_no_memory(err);
    }
    nightbus__job_started__init(started);
    started->job = job;
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_JOB_STARTED;
    answer->reply.job_started = started;
    return NB_OK;
}
