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

static nb_status resolve(const nb_album *album, const nb_version *version,
                         const nb_revision *revision, const nb_note *note, nb_note_log *log,
                         nb_error *err)
{
    NB_SCOPED(nb_event_fini)
    nb_event event = nb_note_event_make(NB_EVENT_RESOLVE, log, version, revision->person);
    event.note = note->number;
    nb_note_event_name(&event, version->commit);
    if (nb_note_log_event(log, event.id, NULL)) {
        return NB_OK; // before a crash
    }
    const nb_status status = nb_song_notes_add(album, version, &event, err);
    log->last_ms = event.time_ms;
    return status;
}

static nb_status resolve_answered(const nb_album *album, const nb_version *version,
                                  const nb_revision *revision, nb_note_log *log, nb_error *err)
{
    nb_note_fix fixes[NB_NOTE_FIXES_MAX];
    const size_t count = nb_note_fixes(revision->message, fixes, NB_COUNT(fixes));
    const bool is_only = count_versions_on(album, version->commit) == 1;
    nb_status status = NB_OK;
    for (size_t i = 0; i < count && status == NB_OK; i++) {
        const bool is_meant =
            fixes[i].song[0] ? strcmp(fixes[i].song, version->song) == 0 : is_only;
        const nb_note *note = is_meant ? nb_note_log_find(log, fixes[i].number) : NULL;
        bool is_repeated = false;
        for (size_t j = 0; j < i; j++) {
            is_repeated = is_repeated || fixes[j].number == fixes[i].number;
        }
        if (note && !is_repeated && note->state == NB_NOTE_OPEN &&
            nb_note_is_in(note, version->name)) {
            status = resolve(album, version, revision, note, log, err);
        }
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
static nb_status follow(step *self, const nb_note *note, nb_note_log *log, nb_error *err)
{
    const nb_note_place place = nb_note_place_in(note, self->from->name);
    nb_status status = load_models(self, err);
    if (status != NB_OK) {
        return status;
    }
    const nb_follow_place was = {
        .at_ns = nb_markers_frame_to_ns(place.at_frame, place.rate_hz),
        .end_ns = nb_markers_frame_to_ns(place.end_frame, place.rate_hz),
        .track = note->words.said->track,
    };
    const nb_follow_step by = nb_note_follow(self->before, self->after, &was);
    if (by.by_ns == 0 && !by.unsure) {
        return NB_OK;
    }
    NB_SCOPED(nb_event_fini)
    nb_event event = nb_note_event_make(NB_EVENT_FOLLOW, log, self->to, note->words.said->person);
    event.note = note->number;
    event.rate_hz = self->rate_hz;
    event.at_frame = nb_text_ns_to_frames(was.at_ns + by.by_ns, self->rate_hz);
    event.end_frame = nb_text_ns_to_frames(was.end_ns + by.by_ns, self->rate_hz);
    event.unsure = by.unsure;
    nb_note_event_name(&event, self->to->commit);
    if (nb_note_log_event(log, event.id, NULL)) {
        return NB_OK;
    }
    status = nb_song_notes_add(self->album, self->to, &event, err);
    log->last_ms = event.time_ms;
    return status;
}

/// Let the notes of a song (`number` 0), or one of them, come along to a version.
static nb_status follow_all(const nb_album *album, const nb_version *version, unsigned number,
                            nb_note_log *log, nb_error *err)
{
    NB_SCOPED(step_fini) step made = {.album = album, .to = version};
    made.from = version->source == NB_SOURCE_MIX ? mix_before(album, version) : NULL;
    nb_status status = NB_OK;
    for (size_t i = 0; i < log->note_count && made.from && status == NB_OK; i++) {
        const nb_note *note = &log->notes[i];
        const char *origin = note->words.said->version;
        const bool is_meant = number == 0 || note->number == number;
        // A note of a print between two mixes is in the print's time, which nothing here explains.
        const bool is_known =
            origin[0] == version->name[0] && !nb_note_is_earlier(made.from->name, origin);
        if (is_meant && is_known && note->state == NB_NOTE_OPEN) {
            status = follow(&made, note, log, err);
        }
    }
    return status;
}

static nb_status reload(const nb_album *album, const char *song, nb_note_log *log, nb_error *err)
{
    nb_note_log_fini(log);
    return nb_song_notes_load(album, song, log, err);
}

nb_status nb_note_settle(const nb_album *album, const nb_version *version, nb_error *err)
{
    NB_SCOPED(nb_note_log_fini) nb_note_log log = {0};
    NB_SCOPED(nb_revision_fini) nb_revision revision = {0};
    nb_status status = nb_song_notes_load(album, version->song, &log, err);
    if (status != NB_OK || log.note_count == 0) {
        return status;
    }
    status = nb_revisions_get(album->revisions, version->commit, &revision, err);
    if (status == NB_OK) {
        status = resolve_answered(album, version, &revision, &log, err);
    }
    if (status == NB_OK) {
        status = reload(album, version->song, &log, err);
    }
    return (status == NB_OK) ? follow_all(album, version, 0, &log, err) : status;
}

nb_status nb_note_follow_on(const nb_album *album, const nb_version *version, unsigned number,
                            nb_error *err)
{
    size_t count = 0;
    const nb_version *versions = nb_revisions_versions(album->revisions, &count);
    NB_SCOPED(nb_note_log_fini) nb_note_log log = {0};
    nb_status status = NB_OK;
    for (size_t i = 0; i < count && status == NB_OK; i++) {
        if (strcmp(versions[i].song, version->song) == 0 &&
            nb_note_is_earlier(version->name, versions[i].name)) {
            status = reload(album, version->song, &log, err);
            status =
                (status == NB_OK) ? follow_all(album, &versions[i], number, &log, err) : status;
        }
    }
    return status;
}
