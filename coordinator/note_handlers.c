// SPDX-License-Identifier: GPL-3.0-or-later
// Requests that read notes, and those that make them.
#include "base/text.h"
#include "coordinator/song_notes.h"
#include "review/note_time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static nb_status find_version(nb_coordinator *self, const char *album_name, const char *song,
                              const char *name, nb_album **out_album,
                              const nb_version **out_version, nb_error *err)
{
    const nb_status status = nb_coordinator_album(self, album_name, out_album, err);
    return (status == NB_OK) ? nb_album_version(*out_album, song, name, out_version, err) : status;
}

// ---- Listing ----

static nb_status list_version(const nb_album *album, const nb_version *version, nb_note_rows *rows,
                              nb_error *err)
{
    const nb_note_log *log = NULL;
    nb_status status = nb_song_notes_get(album, version->song, &log, err);
    for (size_t i = 0; status == NB_OK && i < log->note_count; i++) {
        if (nb_note_is_in(&log->notes[i], version->name)) {
            status = nb_note_rows_add(rows, &log->notes[i], version->name, err);
        }
    }
    return status;
}

/// Every note of the song, where it was made.
static nb_status list_song(const nb_album *album, const char *song, nb_note_rows *rows,
                           nb_error *err)
{
    const nb_note_log *log = NULL;
    nb_status status = nb_song_notes_get(album, song, &log, err);
    for (size_t i = 0; status == NB_OK && i < log->note_count; i++) {
        status = nb_note_rows_add(rows, &log->notes[i], log->notes[i].words.said->version, err);
    }
    return status;
}

/// Is there no later version of its song, of mixes or of masters?
static bool is_newest(const nb_album *album, const nb_version *version)
{
    const nb_version *newest = nb_revisions_find_version(album->revisions, version->song, NULL);
    return newest == version ||
           nb_revisions_newest_master(album->revisions, version->song) == version;
}

static nb_status list_album(const nb_album *album, bool all, nb_note_rows *rows, nb_error *err)
{
    size_t count = 0;
    const nb_version *versions = nb_revisions_versions(album->revisions, &count);
    nb_status status = NB_OK;
    for (size_t i = 0; i < count && status == NB_OK; i++) {
        const bool is_first = i == 0 || strcmp(versions[i].song, versions[i - 1].song) != 0;
        if (all && is_first) {
            status = list_song(album, versions[i].song, rows, err);
        } else if (!all && is_newest(album, &versions[i])) {
            status = list_version(album, &versions[i], rows, err);
        }
    }
    return status;
}

static nb_status fill_facts(const nb_album *album, const nb_version *version,
                            Nightbus__NoteListing *listing, nb_error *err)
{
    nb_version_facts facts;
    const nb_status status = nb_version_facts_load(album, version, &facts, err);
    listing->has_duration_s = facts.duration_s >= 0.0;
    listing->duration_s = facts.duration_s;
    listing->has_rate_hz = 1;
    return (status == NB_OK) ? nb_album_rate(album, version, &listing->rate_hz, err) : status;
}

nb_status nb_handle_note_list(nb_coordinator *self, const nb_caller *caller,
                              const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    (void)caller;
    const Nightbus__NoteList *said = request->note_list;
    const bool all = said->has_all_versions && said->all_versions;
    nb_album *album = NULL;
    const nb_version *version = NULL;
    nb_note_rows rows = {.skip = said->has_after ? said->after : 0};
    nb_status status = NB_OK;
    if (said->song[0] == '\0') {
        status = nb_coordinator_album(self, said->album, &album, err);
    } else {
        status = find_version(self, said->album, said->song, said->version, &album, &version, err);
    }
    if (status == NB_OK) {
        status = nb_note_rows_start(&rows, version && !all ? version->name : "", answer, err);
    }
    if (status != NB_OK) {
        return status;
    }
    if (!version) {
        return list_album(album, all, &rows, err);
    }
    status = all ? list_song(album, version->song, &rows, err)
                 : list_version(album, version, &rows, err);
    return (status == NB_OK) ? fill_facts(album, version, rows.listing, err) : status;
}

// ---- Adding ----

/// Where the note is said to be, in song time.
static nb_status read_place(const Nightbus__NoteAdd *said, const nb_document *document,
                            int64_t *out_at_ns, int64_t *out_end_ns, nb_error *err)
{
    *out_at_ns = said->has_at_ns ? said->at_ns : -1;
    *out_end_ns = said->has_end_ns ? said->end_ns : *out_at_ns;
    if (said->place) {
        nb_note_moment moments[2];
        const size_t tempo_count = document && document->has_tempo ? document->tempo_count : 0;
        const nb_document_tempo *tempos = document ? document->tempos : NULL;
        nb_error why = {0};
        nb_status status = nb_note_time_parse(said->place, moments, &why);
        if (status == NB_OK) {
            status = nb_note_time_resolve(&moments[0], tempos, tempo_count, out_at_ns, &why);
        }
        if (status == NB_OK) {
            status = nb_note_time_resolve(&moments[1], tempos, tempo_count, out_end_ns, &why);
        }
        if (status != NB_OK) {
            return nb_fail(err, NB_E_INVALID, "%s", why.text);
        }
    }
    if (*out_at_ns < 0 || *out_end_ns < *out_at_ns) {
        return nb_fail(err, NB_E_INVALID,
                       "a note has a time, and its end does not lie before its start");
    }
    return NB_OK;
}

static nb_status check_track(const nb_version *version, const nb_document *document,
                             const char *track, nb_error *err)
{
    if (!document) {
        return nb_fail(err, NB_E_INVALID, "%s@%s is a %s: it has no tracks to name", version->song,
                       version->name, nb_source_name(version->source));
    }
    const char *ids[NB_TRACKS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < document->track_count && count < NB_COUNT(ids); i++) {
        if (strcmp(document->tracks[i].id, track) == 0) {
            return NB_OK;
        }
        ids[count++] = document->tracks[i].id;
    }
    const char *nearest = nb_text_nearest(track, ids, count);
    return nb_fail(err, NB_E_INVALID, "%s@%s has no track '%.64s'%s%s%s", version->song,
                   version->name, track, nearest ? "; did you mean '" : "", nearest ? nearest : "",
                   nearest ? "'?" : "");
}

static nb_status fill_note(const nb_album *album, const nb_version *version,
                           const nb_version_facts *facts, const Nightbus__NoteAdd *said,
                           nb_event *event, nb_error *err)
{
    NB_SCOPED(nb_document_destroy) nb_document *document = NULL;
    nb_version_timing timing;
    int64_t at_ns = 0;
    int64_t end_ns = 0;
    nb_status status = nb_version_document(album, version, &document, err);
    if (status == NB_OK && said->track) {
        status = check_track(version, document, said->track, err);
    }
    if (status == NB_OK) {
        status = read_place(said, document, &at_ns, &end_ns, err);
    }
    if (status == NB_OK) {
        status = nb_album_timing(album, version, &timing, err);
    }
    if (status != NB_OK) {
        return status;
    }
    event->rate_hz = timing.rate_hz;
    event->start_frame = timing.starts_at_frame;
    event->at_frame = nb_text_ns_to_frames(at_ns, event->rate_hz);
    event->end_frame = nb_text_ns_to_frames(end_ns, event->rate_hz);
    event->text = strdup(said->text);
    event->track = said->track ? strdup(said->track) : NULL;
    event->heard = facts->heard[0] ? strdup(facts->heard) : NULL;
    if (!event->text || (said->track && !event->track) || (facts->heard[0] && !event->heard)) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a note");
    }
    return nb_version_check_end(version, facts, event, err);
}

static nb_status add_note(const nb_caller *caller, const nb_album *album, const nb_version *version,
                          const nb_note_log *log, const Nightbus__NoteAdd *said, const char *id,
                          nb_error *err)
{
    nb_version_facts facts;
    NB_SCOPED(nb_event_fini)
    nb_event event = nb_note_event_make(NB_EVENT_NOTE, log, version, caller->member.name);
    snprintf(event.id, sizeof event.id, "%s", id);
    event.note = log->next_number;
    nb_status status = nb_version_facts_load(album, version, &facts, err);
    if (status == NB_OK && facts.event_count >= NB_EVENTS_MAX) {
        status = nb_fail(err, NB_E_LIMIT, "%s@%s has %d events in its review, the most it may have",
                         version->song, version->name, NB_EVENTS_MAX);
    }
    if (status == NB_OK) {
        status = fill_note(album, version, &facts, said, &event, err);
    }
    if (status == NB_OK) {
        status = nb_song_notes_add(album, version, &event, err);
    }
    // Where a later version is there already, the note comes to it as well.
    return (status == NB_OK) ? nb_note_follow_on(album, version, event.note, event.note, err)
                             : status;
}

/// Answers with the note as it stands in the review. A repeat is known by its id and changes
/// nothing.
nb_status nb_handle_note_add(nb_coordinator *self, const nb_caller *caller,
                             const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__NoteAdd *said = request->note_add;
    char id[NB_EVENT_ID_SIZE];
    nb_hex_of_client_id(said->client_id.data, id);
    nb_album *album = NULL;
    const nb_version *version = NULL;
    const nb_note_log *log = NULL;
    nb_note_rows rows = {0};
    if (said->text[strspn(said->text, " \t\n")] == '\0') {
        return nb_fail(err, NB_E_INVALID, "a note needs a text");
    }
    nb_status status =
        find_version(self, said->album, said->song, said->version, &album, &version, err);
    if (status == NB_OK) {
        status = nb_song_notes_get(album, version->song, &log, err);
    }
    if (status == NB_OK && !nb_note_log_event(log, id, NULL)) {
        status = add_note(caller, album, version, log, said, id, err);
        if (status == NB_OK) {
            status = nb_song_notes_get(album, version->song, &log, err);
        }
    }
    if (status == NB_OK) {
        status = nb_note_rows_start(&rows, version->name, answer, err);
    }
    const nb_note *note = NULL;
    if (status == NB_OK && nb_note_log_event(log, id, &note) && note) {
        status = nb_note_rows_add(&rows, note, version->name, err);
    }
    return status;
}
