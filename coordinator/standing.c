// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/standing.h"

#include "base/text.h"
#include "coordinator/song_notes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_TEXT_MAX = 400 }; // bytes of a text in a row of a list: 1,000 rows stay one message

void nb_version_review_fini(nb_version_review *self)
{
    nb_decisions_fini(&self->decisions);
    *self = (nb_version_review){0};
}

nb_status nb_album_visit_events(const nb_album *album, const nb_version *version,
                                nb_event_visit *visit, void *context, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *lines = NULL;
    nb_status status = nb_revisions_review(album->revisions, version->commit, &lines, err);
    for (const char *line = lines; status == NB_OK && *line;) {
        const char *end = strchrnul(line, '\n');
        NB_SCOPED(nb_event_fini) nb_event event = {0};
        if (nb_event_parse(line, (size_t)(end - line), &event, NULL) == NB_OK &&
            strcmp(event.song, version->song) == 0 && strcmp(event.version, version->name) == 0) {
            status = visit(context, &event, err);
        }
        line = *end ? end + 1 : end;
    }
    return status;
}

static nb_status add_event(void *context, const nb_event *event, nb_error *err)
{
    nb_version_review *self = context;
    self->events++;
    return nb_decisions_add(&self->decisions, event, err);
}

nb_status nb_album_review(const nb_album *album, const nb_version *version, nb_version_review *out,
                          nb_error *err)
{
    *out = (nb_version_review){0};
    return nb_album_visit_events(album, version, add_event, out, err);
}

nb_status nb_version_state(nb_coordinator *self, const nb_album *album, const nb_version *version,
                           const char **out, nb_error *err)
{
    nb_job job;
    *out = "queued";
    const nb_status status =
        nb_ledger_find_job(self->ledger, album->name, version->song, version->name, &job, err);
    if (status != NB_OK) {
        return status;
    }
    const nb_task *task = job.task ? nb_scheduler_task(self->scheduler, job.task) : NULL;
    if (job.state != NB_JOB_OPEN) {
        *out = nb_job_state_name(job.state);
    } else if (task && task->state == NB_TASK_RUNNING) {
        *out = "running";
    }
    return NB_OK;
}

// The first line, whole characters of it.
static char *short_text(const nb_answer *answer, const char *text)
{
    size_t length = strcspn(text, "\n");
    while (length > ROW_TEXT_MAX || (length > 0 && !nb_text_is_utf8(text, length, NULL))) {
        length--;
    }
    char *copy = nb_answer_take(answer, length + 1, 1);
    if (copy) {
        memcpy(copy, text, length);
    }
    return copy;
}

static bool add_digest(const char *hex, const nb_answer *answer, ProtobufCBinaryData *out)
{
    nb_digest digest;
    if (nb_digest_from_hex(hex, &digest, NULL) != NB_OK) {
        return false;
    }
    *out = nb_answer_digest(answer, &digest);
    return out->data != NULL;
}

static bool add_decision(Nightbus__VersionRow *row, const nb_decisions *decisions,
                         const nb_answer *answer)
{
    row->standing = nb_answer_string(answer, nb_standing_name(decisions->standing));
    if (decisions->id[0] == '\0') {
        return row->standing != NULL;
    }
    row->decision = nb_answer_string(answer, decisions->id);
    row->decided_by = nb_answer_string(answer, decisions->person);
    row->has_decided_ms = 1;
    row->decided_ms = (uint64_t)decisions->time_ms;
    row->decided_text = decisions->text ? short_text(answer, decisions->text) : NULL;
    row->has_decided_digest = 1;
    return row->standing && row->decision && row->decided_by &&
           add_digest(decisions->sha256, answer, &row->decided_digest);
}

static bool add_rendering(Nightbus__VersionRow *row, const nb_decisions *decisions,
                          const nb_answer *answer)
{
    if (!decisions->rendered) {
        return true;
    }
    row->has_audio = 1;
    row->has_integrated_lufs = isfinite(decisions->integrated_lufs) ? 1 : 0;
    row->integrated_lufs = row->has_integrated_lufs ? decisions->integrated_lufs : 0.0;
    row->has_true_peak_dbtp = isfinite(decisions->true_peak_dbtp) ? 1 : 0;
    row->true_peak_dbtp = row->has_true_peak_dbtp ? decisions->true_peak_dbtp : 0.0;
    row->has_duration_s = 1;
    row->duration_s = decisions->duration_s;
    return add_digest(decisions->audio_sha256, answer, &row->audio);
}

static bool add_names(Nightbus__VersionRow *row, const nb_album *album, const nb_version *version,
                      const nb_revision *revision, const char *state, const nb_answer *answer)
{
    const nb_version *newest = nb_revisions_find_version(album->revisions, version->song, NULL);
    const nb_version *master = nb_revisions_newest_master(album->revisions, version->song);
    row->song = nb_answer_string(answer, version->song);
    row->source = nb_answer_string(answer, nb_source_name(version->source));
    row->version = nb_answer_string(answer, version->name);
    row->person = nb_answer_string(answer, revision->person);
    row->time_ms = (uint64_t)revision->time_ms;
    row->message = short_text(answer, revision->message);
    row->state = nb_answer_string(answer, state);
    row->newest = nb_answer_string(answer, newest ? newest->name : version->name);
    row->mix = version->source == NB_SOURCE_MASTER ? nb_answer_string(answer, version->mix) : NULL;
    row->newest_master = master ? nb_answer_string(answer, master->name) : NULL;
    return row->song && row->version && row->person && row->message && row->state && row->newest &&
           (row->newest_master || !master) && (row->mix || version->source != NB_SOURCE_MASTER);
}

nb_status nb_version_row(const nb_row_maker *maker, const nb_version *version,
                         Nightbus__VersionRow **out, nb_error *err)
{
    nb_coordinator *self = maker->self;
    const nb_album *album = maker->album;
    const nb_answer *answer = maker->answer;
    NB_SCOPED(nb_version_review_fini) nb_version_review review = {0};
    NB_SCOPED(nb_revision_fini) nb_revision revision = {0};
    const char *state = NULL;
    Nightbus__VersionRow *row = nb_answer_take(answer, 1, sizeof *row);
    *out = row;
    if (!row) {
        return nb_answer_no_memory(err);
    }
    nightbus__version_row__init(row);
    nb_status status = nb_album_review(album, version, &review, err);
    if (status == NB_OK) {
        status = nb_revisions_get(album->revisions, version->commit, &revision, err);
    }
    if (status == NB_OK) {
        status = nb_version_state(self, album, version, &state, err);
    }
    if (status == NB_OK) {
        status = nb_song_notes_count(album, version, &row->notes, &row->open_notes, err);
    }
    if (status != NB_OK) {
        return status;
    }
    return add_names(row, album, version, &revision, review.decisions.rendered ? "done" : state,
                     answer) &&
                   add_decision(row, &review.decisions, answer) &&
                   add_rendering(row, &review.decisions, answer)
               ? NB_OK
               : nb_answer_no_memory(err);
}

// ---- Show ----

enum { DECISIONS_SHOWN = 50 }; // the newest; at 8 KiB of text each they fit a message

/// The decisions of a version as rows of the answer.
typedef struct history {
    const nb_answer *answer;
    size_t count;
    Nightbus__DecisionRow *rows[DECISIONS_SHOWN];
} history;

static nb_status add_to_history(void *context, const nb_event *event, nb_error *err)
{
    history *self = context;
    if (!nb_event_is_decision(event->kind)) {
        return NB_OK;
    }
    Nightbus__DecisionRow *row = nb_answer_take(self->answer, 1, sizeof *row);
    if (!row) {
        return nb_answer_no_memory(err);
    }
    nightbus__decision_row__init(row);
    row->kind = nb_answer_string(self->answer, nb_event_kind_name(event->kind));
    row->person = nb_answer_string(self->answer, event->person);
    row->time_ms = (uint64_t)event->time_ms;
    row->text = event->text ? nb_answer_string(self->answer, event->text) : NULL;
    if (!row->kind || !row->person || (event->text && !row->text) ||
        !add_digest(event->sha256, self->answer, &row->digest)) {
        return nb_answer_no_memory(err);
    }
    if (self->count == DECISIONS_SHOWN) {
        self->count--;
        memmove(self->rows, self->rows + 1, self->count * sizeof self->rows[0]);
    }
    self->rows[self->count++] = row;
    return NB_OK;
}

static nb_status add_masters(const nb_album *album, const nb_version *version,
                             Nightbus__VersionInfo *info, const nb_answer *answer, nb_error *err)
{
    size_t count = 0;
    const nb_version *versions = nb_revisions_versions(album->revisions, &count);
    info->masters = nb_answer_take(answer, NB_VERSIONS_MAX, sizeof *info->masters);
    for (size_t i = 0; info->masters && i < count && info->n_masters < NB_VERSIONS_MAX; i++) {
        if (versions[i].source == NB_SOURCE_MASTER &&
            strcmp(versions[i].song, version->song) == 0 &&
            strcmp(versions[i].mix, version->name) == 0) {
            info->masters[info->n_masters] = nb_answer_string(answer, versions[i].name);
            if (!info->masters[info->n_masters++]) {
                return nb_answer_no_memory(err);
            }
        }
    }
    return info->masters ? NB_OK : nb_answer_no_memory(err);
}

nb_status nb_version_info_add_decisions(nb_coordinator *self, const nb_album *album,
                                        const nb_version *version, Nightbus__VersionInfo *info,
                                        const nb_answer *answer, nb_error *err)
{
    history past = {.answer = answer};
    const nb_row_maker maker = {.self = self, .album = album, .answer = answer};
    nb_status status = nb_version_row(&maker, version, &info->standing, err);
    if (status == NB_OK) {
        status = nb_album_visit_events(album, version, add_to_history, &past, err);
    }
    info->decisions = nb_answer_take(answer, past.count, sizeof *info->decisions);
    if (status == NB_OK && !info->decisions) {
        return nb_answer_no_memory(err);
    }
    if (status == NB_OK && past.count > 0) {
        memcpy(info->decisions, past.rows, past.count * sizeof past.rows[0]);
        info->n_decisions = past.count;
    }
    return status == NB_OK ? add_masters(album, version, info, answer, err) : status;
}
