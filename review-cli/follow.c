// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/follow.h"

#include "base/progress.h"
#include "base/text.h"
#include "review-cli/stop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 500 };

typedef struct watched {
    uint64_t job;
    uint64_t cursor;
    bool seen; ///< Its state is known, so that only news is of interest
    bool over;
    uint64_t done_frames, total_frames;
    unsigned rate_hz;
} watched;

typedef struct follower {
    nb_farm *farm;
    size_t count;
    watched *jobs;
    nb_followed *out;
    nb_follow_line *on_line;
    void *context;
    nb_progress progress;
    uint64_t progress_total;
    bool progress_started;
} follower;

static void free_jobs(follower *self) { free(self->jobs); }

static void take_state(follower *self, size_t index, const Nightbus__JobState *state)
{
    watched *job = &self->jobs[index];
    nb_followed *out = &self->out[index];
    const Nightbus__JobRow *row = state->row;
    snprintf(out->name, sizeof out->name, "%s@%s", row->song, row->version);
    nb_text_make_printable(out->name);
    job->cursor = state->cursor;
    job->seen = true;
    // A job that is over does not say its length again.
    job->rate_hz = row->has_rate_hz ? row->rate_hz : job->rate_hz;
    job->total_frames = row->has_total_frames ? row->total_frames : job->total_frames;
    job->done_frames = row->has_done_frames ? row->done_frames : 0;
    const bool all_lines = state->n_lines < NB_LOG_LINES_MAX; // else there may be more to come
    job->over =
        all_lines && (strcmp(row->state, "done") == 0 || strcmp(row->state, "failed") == 0 ||
                      strcmp(row->state, "cancelled") == 0);
    if (job->over) {
        out->done = strcmp(row->state, "done") == 0;
        out->cached = row->has_cached && row->cached;
        snprintf(out->error, sizeof out->error, "%s", row->error ? row->error : "");
        nb_text_make_printable(out->error);
        job->done_frames = job->total_frames;
    }
    for (size_t i = 0; i < state->n_lines && self->on_line; i++) {
        nb_text_make_printable(state->lines[i]);
        if (self->progress_started && self->progress.shown && self->progress.terminal) {
            fputs("\r\033[K", stderr); // the bar gives way to the line
        }
        self->on_line(self->context, state->lines[i]);
    }
}

/// Frames of all jobs; `total` 0 while some job does not know its own.
static void show(follower *self)
{
    uint64_t done = 0;
    uint64_t total = 0;
    unsigned rate_hz = 0;
    for (size_t i = 0; i < self->count; i++) {
        done += self->jobs[i].done_frames;
        total += self->jobs[i].total_frames;
        rate_hz = self->jobs[i].rate_hz ? self->jobs[i].rate_hz : rate_hz;
    }
    if (!self->progress_started && total > 0) {
        nb_progress_start(&self->progress, "rendering", NB_PROGRESS_FRAMES, total, rate_hz);
        nb_progress_skip(&self->progress, done);
        self->progress_started = true;
    }
    if (self->progress_started) {
        self->progress.total = total;
        self->progress_total = total;
        nb_progress_update(&self->progress, done);
    }
}

static nb_status watch(follower *self, size_t index, uint32_t wait_ms, nb_error *err)
{
    Nightbus__JobWatch body = NIGHTBUS__JOB_WATCH__INIT;
    body.job = self->jobs[index].job;
    body.has_cursor = self->jobs[index].seen;
    body.cursor = self->jobs[index].cursor;
    body.has_wait_ms = true;
    body.wait_ms = wait_ms;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_JOB_WATCH;
    request.job_watch = &body;
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    const nb_status status =
        nb_farm_ask(self->farm, &request, NIGHTBUS__REPLY__BODY_JOB_STATE, wait_ms, &reply, err);
    if (status == NB_OK) {
        take_state(self, index, reply->job_state);
    }
    return status;
}

/// One look at every job that is not over; the first of them is waited for.
static nb_status look(follower *self, bool *out_all_over, nb_error *err)
{
    uint32_t wait_ms = WAIT_MS;
    *out_all_over = true;
    for (size_t i = 0; i < self->count; i++) {
        if (self->jobs[i].over) {
            continue;
        }
        const nb_status status = watch(self, i, self->jobs[i].seen ? wait_ms : 0, err);
        if (status != NB_OK) {
            return status;
        }
        wait_ms = 0;
        *out_all_over = *out_all_over && self->jobs[i].over;
    }
    return NB_OK;
}

nb_status nb_follow(nb_farm *farm, const uint64_t *jobs, size_t count, nb_follow_line *on_line,
                    void *context, nb_followed *out, nb_error *err)
{
    if (count == 0 || count > NB_FOLLOW_JOBS_MAX) {
        return count == 0
                   ? NB_OK
                   : nb_fail(err, NB_E_LIMIT, "more than %d jobs to follow", NB_FOLLOW_JOBS_MAX);
    }
    NB_SCOPED(free_jobs)
    follower self = {.farm = farm,
                     .count = count,
                     .jobs = calloc(count, sizeof *self.jobs),
                     .out = out,
                     .on_line = on_line,
                     .context = context};
    if (!self.jobs) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to follow jobs");
    }
    for (size_t i = 0; i < count; i++) {
        self.jobs[i].job = jobs[i];
        out[i] = (nb_followed){0};
    }
    nb_status status = NB_OK;
    bool all_over = false;
    while (status == NB_OK && !all_over) {
        status = *nb_stop_flag() ? nb_fail(err, NB_E_INTERRUPTED, "interrupted")
                                 : look(&self, &all_over, err);
        show(&self);
    }
    if (self.progress_started) {
        nb_progress_finish(&self.progress, self.progress_total);
    }
    if (status == NB_E_INTERRUPTED) {
        return nb_fail(err, NB_E_INTERRUPTED,
                       "no longer watching; the farm goes on rendering (`nightbus jobs`)");
    }
    return status;
}
