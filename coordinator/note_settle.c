// SPDX-License-Identifier: GPL-3.0-or-later
// What a new version does to the notes of its song: its message answers some, the open ones come
// along, and move where it is sure where to.
#include "base/text.h"
#include "coordinator/song_notes.h"
#include "review/markers.h"
#include "review/mix_model.h"
#include "review/note_follow.h"

#include <stdlib.h>
#include <string.h>

// ---- Events to come ----

/// What a version does to the notes, written in one go.
typedef struct settling {
    const nb_album *album;
    const nb_version *version;
    const nb_note_log *log; ///< As it was before
    int64_t last_ms;        ///< Of the newest event, with those to come
    size_t count;
    nb_event *events;
} settling;

static void settling_fini(settling *self)
{
    for (size_t i = 0; i < self->count; i++) {
        nb_event_fini(&self->events[i]);
    }
    free(self->events);
}

/// Take over an event, unless it was written before a crash.
static nb_status take(settling *self, nb_event *event, nb_error *err)
{
    nb_note_event_name(event, self->version->commit);
    if (nb_note_log_event(self->log, event->id, NULL)) {
        return NB_OK;
    }
    nb_event *grown = reallocarray(self->events, self->count + 1, sizeof *self->events);
    if (!grown || !event->song || !event->version || !event->person) {
        self->events = grown ? grown : self->events;
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a note");
    }
    event->time_ms = event->time_ms > self->last_ms ? event->time_ms : self->last_ms + 1;
    self->last_ms = event->time_ms;
    self->events = grown;
    self->events[self->count++] = *event;
    *event = (nb_event){0};
    return NB_OK;
}

static nb_status write_all(const settling *self, nb_error *err)
{
    NB_SCOPED(nb_text_fini) nb_text lines = {0};
    if (self->count == 0) {
        return NB_OK;
    }
    for (size_t i = 0; i < self->count; i++) {
        const nb_status status = nb_event_check(&self->events[i], err);
        if (status != NB_OK) {
            return status;
        }
        NB_SCOPED(nb_text_free) char *line = nb_event_format(&self->events[i]);
        nb_text_addf(&lines, "%s%s", i > 0 ? "\n" : "", line ? line : "");
        lines.failed = lines.failed || !line;
    }
    if (lines.failed) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for notes");
    }
    return nb_revisions_review_add(self->album->revisions, self->version->commit, lines.chars,
                                   self->events[0].person, self->last_ms, err);
}

// ---- Answered by the message ----

/// How many songs have a version on the commit: a bare "#12" is of the only one.
static size_t count_versions_on(const nb_album *album, const char *commit)
{
    size_t count = 0;
    size_t found = 0;
    const nb_version *versions = nb_revisions_versions(album->revisions, &count);
    for (size_t i = 0; i < count; i++) {
        found += strcmp(versions[i].commit, commit) == 0 ? 1 : 0;
    }
    return found;
}

static bool is_resolved_by(const settling *self, unsigned number)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->events[i].kind == NB_EVENT_RESOLVE && self->events[i].note == number) {
            return true;
        }
    }
    return false;
}

static nb_status resolve_answered(settling *self, nb_error *err)
{
    nb_note_fix fixes[NB_NOTE_FIXES_MAX];
    NB_SCOPED(nb_revision_fini) nb_revision revision = {0};
    nb_status status =
        nb_revisions_get(self->album->revisions, self->version->commit, &revision, err);
    const size_t count =
        (status == NB_OK) ? nb_note_fixes(revision.message, fixes, NB_COUNT(fixes)) : 0;
    const bool is_only = count_versions_on(self->album, self->version->commit) == 1;
    for (size_t i = 0; i < count && status == NB_OK; i++) {
        const bool is_meant =
            fixes[i].song[0] ? strcmp(fixes[i].song, self->version->song) == 0 : is_only;
        const nb_note *note = is_meant ? nb_note_log_find(self->log, fixes[i].number) : NULL;
        if (!note || note->state != NB_NOTE_OPEN || !nb_note_is_in(note, self->version->name) ||
            is_resolved_by(self, note->number)) {
            continue;
        }
        NB_SCOPED(nb_event_fini)
        nb_event event =
            nb_note_event_make(NB_EVENT_RESOLVE, self->log, self->version, revision.person);
        event.note = note->number;
        status = take(self, &event, err);
    }
    return status;
}

// ---- Coming along ----

/// The mix before a version, whose clips can be compared: prints have none. Null if there is none.
static const nb_version *mix_before(const nb_album *album, const nb_version *version)
{
    size_t count = 0;
    const nb_version *found = NULL;
    const nb_version *versions = nb_revisions_versions(album->revisions, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(versions[i].song, version->song) == 0 && versions[i].source == NB_SOURCE_MIX &&
            versions[i].number < version->number) {
            found = &versions[i]; // they ascend
        }
    }
    return found;
}

/// Two versions side by side.
typedef struct step {
    const nb_album *album;
    const nb_version *from, *to;
    json_t *before, *after;
    unsigned rate_hz; ///< Of `to`
} step;

static void step_fini(step *self)
{
    json_decref(self->before);
    json_decref(self->after);
}

static nb_status load_model(const nb_album *album, const nb_version *version, json_t **out,
                            unsigned *out_rate_hz, nb_error *err)
{
    NB_SCOPED(nb_document_destroy) nb_document *document = NULL;
    const nb_status status = nb_version_document(album, version, &document, err);
    if (status != NB_OK) {
        return status;
    }
    *out_rate_hz = document->rate_hz;
    return nb_mix_model_make(document, NULL, NULL, out, err);
}

static nb_status load_models(step *self, nb_error *err)
{
    unsigned rate_before = 0;
    if (self->before) {
        return NB_OK;
    }
    nb_status status = load_model(self->album, self->from, &self->before, &rate_before, err);
    if (status == NB_OK) {
        status = load_model(self->album, self->to, &self->after, &self->rate_hz, err);
    }
    return status;
}

/// An event says where the note lies now, if it is not simply where it was.
static nb_status follow(settling *self, step *between, const nb_note *note, nb_error *err)
{
    const nb_note_place place = nb_note_place_in(note, between->from->name);
    const nb_status status = load_models(between, err);
    if (status != NB_OK) {
        return status;
    }
    const nb_follow_place was = {
        .at_ns = nb_markers_frame_to_ns(place.at_frame, place.rate_hz),
        .end_ns = nb_markers_frame_to_ns(place.end_frame, place.rate_hz),
        .track = note->words.said->track,
    };
    const nb_follow_step by = nb_note_follow(between->before, between->after, &was);
    if (by.by_ns == 0 && !by.unsure) {
        return NB_OK;
    }
    NB_SCOPED(nb_event_fini)
    nb_event event =
        nb_note_event_make(NB_EVENT_FOLLOW, self->log, self->version, note->words.said->person);
    event.note = note->number;
    event.rate_hz = between->rate_hz;
    event.at_frame = nb_text_ns_to_frames(was.at_ns + by.by_ns, between->rate_hz);
    event.end_frame = nb_text_ns_to_frames(was.end_ns + by.by_ns, between->rate_hz);
    event.unsure = by.unsure;
    return take(self, &event, err);
}

/// Let notes of the song, by number, come along to the version.
static nb_status follow_all(settling *self, unsigned first, unsigned last, nb_error *err)
{
    const nb_version *version = self->version;
    NB_SCOPED(step_fini) step between = {.album = self->album, .to = version};
    between.from = version->source == NB_SOURCE_MIX ? mix_before(self->album, version) : NULL;
    nb_status status = NB_OK;
    for (size_t i = 0; i < self->log->note_count && between.from && status == NB_OK; i++) {
        const nb_note *note = &self->log->notes[i];
        const char *origin = note->words.said->version;
        const bool is_meant = note->number >= first && note->number <= last;
        // A note of a print between two mixes is in the print's time, which nothing here explains.
        const bool is_known =
            origin[0] == version->name[0] && !nb_note_is_earlier(between.from->name, origin);
        if (is_meant && is_known && note->state == NB_NOTE_OPEN &&
            !is_resolved_by(self, note->number)) {
            status = follow(self, &between, note, err);
        }
    }
    return status;
}

static nb_status start(settling *self, nb_error *err)
{
    const nb_status status = nb_song_notes_get(self->album, self->version->song, &self->log, err);
    self->last_ms = (status == NB_OK) ? self->log->last_ms : 0;
    return status;
}

nb_status nb_note_settle(const nb_album *album, const nb_version *version, nb_error *err)
{
    NB_SCOPED(settling_fini) settling made = {.album = album, .version = version};
    nb_status status = start(&made, err);
    if (status != NB_OK || made.log->note_count == 0) {
        return status;
    }
    status = resolve_answered(&made, err);
    if (status == NB_OK) {
        status = follow_all(&made, 1, NB_NOTE_NUMBER_MAX, err);
    }
    return (status == NB_OK) ? write_all(&made, err) : status;
}

static nb_status follow_to(const nb_album *album, const nb_version *version, unsigned first,
                           unsigned last, nb_error *err)
{
    NB_SCOPED(settling_fini) settling made = {.album = album, .version = version};
    nb_status status = start(&made, err);
    if (status == NB_OK) {
        status = follow_all(&made, first, last, err);
    }
    return (status == NB_OK) ? write_all(&made, err) : status;
}

nb_status nb_note_follow_on(const nb_album *album, const nb_version *version, unsigned first,
                            unsigned last, nb_error *err)
{
    size_t count = 0;
    const nb_version *versions = nb_revisions_versions(album->revisions, &count);
    nb_status status = NB_OK;
    for (size_t i = 0; i < count && status == NB_OK; i++) {
        if (strcmp(versions[i].song, version->song) == 0 &&
            nb_note_is_earlier(version->name, versions[i].name)) {
            status = follow_to(album, &versions[i], first, last, err);
        }
    }
    return status;
}
