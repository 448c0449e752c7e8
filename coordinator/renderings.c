// SPDX-License-Identifier: GPL-3.0-or-later
// What was rendered, written into the reviews: from a job's result to an event of its version.
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "coordinator/coordinator_private.h"
#include "coordinator/job_outputs.h"
#include "review/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 100 }; // jobs reviewed before other messages are heard

/// What the review says of a rendering: the files of the mix and its alternates. Stems are for
/// work; they are made on wish, and do not make another rendering.
typedef struct rendering {
    nb_event *event;
    size_t room;
} rendering;

static nb_status add_file(void *context, const char *output, const nb_output *file, nb_error *err)
{
    rendering *self = context;
    nb_event *event = self->event;
    if (nb_output_is_stem(output)) {
        return NB_OK;
    }
    if (event->output_count == self->room) {
        const size_t room = 2 * self->room + 8;
        nb_event_output *grown = reallocarray(event->outputs, room, sizeof *grown);
        if (!grown) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for an event");
        }
        event->outputs = grown;
        self->room = room;
    }
    char hex[NB_DIGEST_HEX_SIZE];
    nb_digest_to_hex(&file->digest, hex);
    nb_event_output *made = &event->outputs[event->output_count++];
    *made = (nb_event_output){strdup(file->name), strdup(hex), file->size};
    return made->name && made->sha256 ? NB_OK
                                      : nb_fail(err, NB_E_NO_MEMORY, "no memory for an event");
}

// The same result in the same version has the same id, so a repeat after a crash is known.
static void set_event_id(nb_event *event, const nb_job *job)
{
    nb_hasher *hasher = nb_hasher_new();
    nb_hasher_add_string(hasher, job->album);
    nb_hasher_add_string(hasher, job->song);
    nb_hasher_add_i64(hasher, nb_version_number(job->version));
    for (size_t i = 0; i < event->output_count; i++) {
        nb_hasher_add_string(hasher, event->outputs[i].name);
        nb_hasher_add_string(hasher, event->outputs[i].sha256);
    }
    const nb_digest digest = nb_hasher_finish(hasher);
    nb_hasher_destroy(&hasher);
    char hex[NB_DIGEST_HEX_SIZE];
    nb_digest_to_hex(&digest, hex);
    snprintf(event->id, sizeof event->id, "%.32s", hex);
}

static unsigned count_renderings(const char *lines, const nb_job *job)
{
    unsigned count = 0;
    for (const char *line = lines; *line;) {
        const char *end = strchrnul(line, '\n');
        NB_SCOPED(nb_event_fini) nb_event event = {0};
        if (nb_event_parse(line, (size_t)(end - line), &event, NULL) == NB_OK &&
            event.kind == NB_EVENT_RENDERED && strcmp(event.song, job->song) == 0 &&
            strcmp(event.version, job->version) == 0) {
            count++;
        }
        line = *end ? end + 1 : end;
    }
    return count;
}

static nb_status fill_event(nb_event *event, const nb_job *job, const nb_result *result,
                            unsigned number, nb_error *err)
{
    event->song = strdup(job->song);
    event->version = strdup(job->version);
    event->person = strdup(result->node);
    event->fingerprint = strdup(result->fingerprint);
    event->rendering = nb_text_format("r%u", number);
    const bool complete =
        event->song && event->version && event->person && event->fingerprint && event->rendering;
    return complete ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for an event");
}

/// The events of one album that wait to be written.
typedef struct batch {
    nb_album *album;
    size_t count;
    nb_job *jobs[BATCH];
    char *texts[BATCH]; ///< Null where the review has the event already
} batch;

static void batch_fini(batch *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(self->texts[i]);
    }
}

// The events of a commit, with those of this batch behind them.
static nb_status read_review(const batch *self, const char *commit, char **out_lines, nb_error *err)
{
    *out_lines = NULL;
    NB_SCOPED(nb_text_free) char *lines = NULL;
    const nb_status status = nb_revisions_review(self->album->revisions, commit, &lines, err);
    if (status != NB_OK) {
        return status;
    }
    nb_text text = {0};
    nb_text_add(&text, lines);
    for (size_t i = 0; i < self->count; i++) {
        if (self->texts[i] && strcmp(self->jobs[i]->commit, commit) == 0) {
            nb_text_addf(&text, "%s\n", self->texts[i]);
        }
    }
    *out_lines = nb_text_take(&text);
    return *out_lines ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for the review");
}

static nb_status format_event(nb_coordinator *self, const batch *waiting, const nb_job *job,
                              const nb_result *result, char **out_line, nb_error *err)
{
    *out_line = NULL;
    NB_SCOPED(nb_text_free) char *lines = NULL;
    NB_SCOPED(nb_event_fini)
    nb_event event = {
        .kind = NB_EVENT_RENDERED,
        .time_ms = nb_clock_wall_ms(),
        .rate_hz = result->rate_hz,
        .integrated_lufs = result->integrated_lufs,
        .true_peak_dbtp = result->true_peak_dbtp,
        .duration_s = result->duration_s,
    };
    rendering files = {.event = &event};
    nb_status status = nb_coordinator_visit_outputs(self, job, add_file, &files, err);
    if (status == NB_OK) {
        set_event_id(&event, job);
        status = read_review(waiting, job->commit, &lines, err);
    }
    if (status != NB_OK || strstr(lines, event.id)) {
        return status;
    }
    status = fill_event(&event, job, result, count_renderings(lines, job) + 1, err);
    if (status != NB_OK) {
        return status;
    }
    *out_line = nb_event_format(&event);
    return *out_line ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for an event");
}

static nb_status collect_events(nb_coordinator *self, batch *out, nb_job *jobs, size_t count,
                                nb_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(jobs[i].album, out->album->name) != 0) {
            continue;
        }
        NB_SCOPED(nb_result_fini) nb_result result = {0};
        char *line = NULL;
        nb_status status = nb_ledger_get_result(self->ledger, &jobs[i].mix_key, &result, err);
        if (status == NB_OK) {
            status = format_event(self, out, &jobs[i], &result, &line, err);
        }
        if (status != NB_OK) {
            return status;
        }
        out->jobs[out->count] = &jobs[i];
        out->texts[out->count++] = line;
    }
    return NB_OK;
}

static nb_status mark_reviewed(nb_coordinator *self, const batch *done, nb_error *err)
{
    nb_status status = nb_ledger_begin(self->ledger, err);
    if (status != NB_OK) {
        return status;
    }
    for (size_t i = 0; status == NB_OK && i < done->count; i++) {
        done->jobs[i]->reviewed = true;
        status = nb_ledger_update_job(self->ledger, done->jobs[i], err);
    }
    return nb_ledger_end(self->ledger, status, err);
}

// All waiting events of one album in one commit of its notes.
static nb_status review_album(nb_coordinator *self, const char *name, nb_job *jobs, size_t count,
                              nb_error *err)
{
    NB_SCOPED(batch_fini) batch waiting = {0};
    nb_status status = nb_coordinator_album(self, name, &waiting.album, err);
    if (status == NB_OK) {
        status = collect_events(self, &waiting, jobs, count, err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_review_line lines[BATCH];
    size_t line_count = 0;
    for (size_t i = 0; i < waiting.count; i++) {
        if (waiting.texts[i]) {
            lines[line_count++] = (nb_review_line){waiting.jobs[i]->commit, waiting.texts[i]};
        }
    }
    status = nb_revisions_review_add_all(waiting.album->revisions, lines, line_count, "nightbus",
                                         nb_clock_wall_ms(), err);
    return (status == NB_OK) ? mark_reviewed(self, &waiting, err) : status;
}

static bool is_first_of_album(const nb_job *jobs, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(jobs[i].album, jobs[index].album) == 0) {
            return false;
        }
    }
    return true;
}

// One batch. False when an album's events could not be written: they wait, the others' do not.
static bool review_batch(nb_coordinator *self, nb_job *jobs, size_t count)
{
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        nb_error err = {0};
        if (is_first_of_album(jobs, i) &&
            review_album(self, jobs[i].album, jobs, count, &err) != NB_OK) {
            nb_log_error("%s; what was rendered is written into its review later", err.text);
            all = false;
        }
    }
    return all;
}

void nb_coordinator_review_jobs(nb_coordinator *self)
{
    nb_job *jobs = NULL;
    size_t count = 0;
    nb_error err = {0};
    if (!self->unreviewed) {
        return;
    }
    if (nb_ledger_list_jobs(self->ledger, NB_JOBS_UNREVIEWED, self->reviewed_to, BATCH, &jobs,
                            &count, &err) != NB_OK) {
        nb_log_error("%s", err.text);
        return;
    }
    if (!review_batch(self, jobs, count)) {
        self->review_failed = true;
    }
    // Batch after batch to the end, and from the start again for what could not be written.
    self->reviewed_to = (count == BATCH) ? jobs[count - 1].id : 0;
    if (count < BATCH) {
        self->unreviewed = self->review_failed;
        self->review_failed = false;
    }
    free(jobs);
}
