// SPDX-License-Identifier: GPL-3.0-or-later
// Many notes in one request: what another program's file has as markers.
#include "base/text.h"
#include "coordinator/song_notes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// The notes of one request on their way into the review.
typedef struct import {
    const nb_caller *caller;
    const nb_album *album;
    const nb_version *version;
    const nb_note_log *log; ///< As it was before
    nb_version_facts facts;
    nb_version_timing timing;
    int64_t last_ms;
    size_t count;
    char ids[NB_IMPORTED_MAX][NB_EVENT_ID_SIZE]; ///< Of those that are taken
    nb_text lines;
} import;

static void import_fini(import *self) { nb_text_fini(&self->lines); }

/// Known from an earlier request, or from a row before.
static bool is_known(const import *self, const char *id)
{
    for (size_t i = 0; i < self->count; i++) {
        if (strcmp(self->ids[i], id) == 0) {
            return true;
        }
    }
    return nb_note_log_event(self->log, id, NULL) != NULL;
}

static nb_status add_line(import *self, const nb_event *event, nb_error *err)
{
    nb_status status = nb_event_check(event, err);
    if (status == NB_OK) {
        status = nb_version_check_end(self->version, &self->facts, event, err);
    }
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_text_free) char *line = nb_event_format(event);
    nb_text_addf(&self->lines, "%s%s", self->count > 0 ? "\n" : "", line ? line : "");
    if (!line || self->lines.failed) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a note");
    }
    memcpy(self->ids[self->count++], event->id, sizeof event->id);
    self->last_ms = event->time_ms;
    return NB_OK;
}

static nb_status add_row(import *self, const Nightbus__NoteImportRow *row, nb_error *err)
{
    char id[NB_EVENT_ID_SIZE];
    nb_hex_of_client_id(row->client_id.data, id);
    if (is_known(self, id)) {
        return NB_OK;
    }
    if (self->facts.event_count + self->count >= NB_EVENTS_MAX) {
        return nb_fail(err, NB_E_LIMIT,
                       "%s@%s has room for %zu more: its review may have %d events",
                       self->version->song, self->version->name,
                       self->facts.event_count < NB_EVENTS_MAX
                           ? (size_t)NB_EVENTS_MAX - self->facts.event_count
                           : 0,
                       NB_EVENTS_MAX);
    }
    NB_SCOPED(nb_event_fini)
    nb_event event =
        nb_note_event_make(NB_EVENT_NOTE, self->log, self->version, self->caller->member.name);
    memcpy(event.id, id, sizeof event.id);
    event.time_ms = event.time_ms > self->last_ms ? event.time_ms : self->last_ms + 1;
    event.note = self->log->next_number + (unsigned)self->count;
    event.rate_hz = self->timing.rate_hz;
    event.start_frame = self->timing.starts_at_frame;
    event.at_frame = nb_text_ns_to_frames(row->at_ns, event.rate_hz);
    event.end_frame = nb_text_ns_to_frames(row->end_ns, event.rate_hz);
    event.text = strdup(row->text);
    event.heard = self->facts.heard[0] ? strdup(self->facts.heard) : NULL;
    if (!event.text || !event.song || !event.version || !event.person ||
        (self->facts.heard[0] && !event.heard)) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a note");
    }
    return add_line(self, &event, err);
}

static nb_status write_rows(import *self, nb_error *err)
{
    const unsigned first = self->log->next_number;
    const unsigned last = first + (unsigned)self->count - 1;
    if (self->count == 0) {
        return NB_OK;
    }
    const nb_status status =
        nb_revisions_review_add(self->album->revisions, self->version->commit, self->lines.chars,
                                self->caller->member.name, self->last_ms, err);
    return (status == NB_OK) ? nb_note_follow_on(self->album, self->version, first, last, err)
                             : status;
}

static nb_status load(import *self, nb_error *err)
{
    nb_status status = nb_song_notes_get(self->album, self->version->song, &self->log, err);
    if (status == NB_OK) {
        self->last_ms = self->log->last_ms;
        status = nb_version_facts_load(self->album, self->version, &self->facts, err);
    }
    return (status == NB_OK) ? nb_album_timing(self->album, self->version, &self->timing, err)
                             : status;
}

nb_status nb_handle_note_import(nb_coordinator *self, const nb_caller *caller,
                                const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__NoteImport *said = request->note_import;
    nb_album *album = NULL;
    NB_SCOPED(import_fini) import made = {.caller = caller};
    nb_status status = nb_coordinator_album(self, said->album, &album, err);
    if (status == NB_OK) {
        made.album = album;
        status = nb_album_version(album, said->song, said->version, &made.version, err);
    }
    if (status == NB_OK) {
        status = load(&made, err);
    }
    for (size_t i = 0; i < said->n_rows && status == NB_OK; i++) {
        status = add_row(&made, said->rows[i], err);
    }
    if (status == NB_OK) {
        status = write_rows(&made, err);
    }
    Nightbus__NoteImported *imported = nb_answer_take(answer, 1, sizeof *imported);
    if (status != NB_OK || !imported) {
        return status != NB_OK ? status : nb_answer_no_memory(err);
    }
    nightbus__note_imported__init(imported);
    imported->added = (uint32_t)made.count;
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_NOTE_IMPORTED;
    answer->reply.note_imported = imported;
    return NB_OK;
}
