// SPDX-License-Identifier: GPL-3.0-or-later
// Requests about notes.
#include "base/clock.h"
#include "base/text.h"
#include "coordinator/coordinator_private.h"
#include "review/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTE_END_MAX_MS = 24 * 60 * 60 * 1000 };

static nb_status find_version(nb_coordinator *self, const char *album_name, const char *song,
                              const char *name, nb_album **out_album,
                              const nb_version **out_version, nb_error *err)
{
    const nb_status status = nb_coordinator_album(self, album_name, out_album, err);
    return (status == NB_OK) ? nb_album_version(*out_album, song, name, out_version, err) : status;
}

static Nightbus__NoteRow *make_row(const nb_event *event, const nb_answer *answer)
{
    Nightbus__NoteRow *row = nb_answer_take(answer, 1, sizeof *row);
    if (!row) {
        return NULL;
    }
    nightbus__note_row__init(row);
    row->id = nb_answer_string(answer, event->id);
    row->person = nb_answer_string(answer, event->person);
    row->time_ms = (uint64_t)event->time_ms;
    row->at_frame = event->at_frame;
    row->end_frame = event->end_frame;
    row->rate_hz = event->rate_hz;
    row->text = nb_answer_string(answer, event->text);
    return (row->id && row->person && row->text) ? row : NULL;
}

/// The events of a version that are asked for, and how many it has.
typedef struct note_query {
    const nb_version *version;
    const char *id; ///< Only the note with this id; null for all
    size_t skip;
} note_query;

// Fill the listing with notes of the version's review; *out_events counts all its events.
static nb_status list_notes(const nb_album *album, const note_query *query,
                            Nightbus__NoteListing *listing, size_t *out_events,
                            const nb_answer *answer, nb_error *err)
{
    enum { BYTES_MAX = NB_MESSAGE_MAX / 2 };
    NB_SCOPED(nb_text_free) char *lines = NULL;
    const nb_status status =
        nb_revisions_review(album->revisions, query->version->commit, &lines, err);
    if (status != NB_OK) {
        return status;
    }
    listing->rows = nb_answer_take(answer, NB_ROWS_MAX, sizeof *listing->rows);
    size_t notes = 0;
    size_t bytes = 0;
    for (const char *line = lines; listing->rows && *line;) {
        const char *end = strchrnul(line, '\n');
        NB_SCOPED(nb_event_fini) nb_event event = {0};
        const bool ours = nb_event_parse(line, (size_t)(end - line), &event, NULL) == NB_OK &&
                          strcmp(event.song, query->version->song) == 0 &&
                          strcmp(event.version, listing->version) == 0;
        line = *end ? end + 1 : end;
        *out_events += ours ? 1 : 0;
        if (!ours || event.kind != NB_EVENT_NOTE ||
            (query->id && strcmp(event.id, query->id) != 0) || notes++ < query->skip ||
            listing->has_next) {
            continue;
        }
        if (listing->n_rows == NB_ROWS_MAX || bytes > BYTES_MAX) {
            listing->has_next = 1;
            listing->next = (uint32_t)(query->skip + listing->n_rows);
            continue;
        }
        listing->rows[listing->n_rows] = make_row(&event, answer);
        if (!listing->rows[listing->n_rows++]) {
            return nb_answer_no_memory(err);
        }
        bytes += strlen(event.text) + 256;
    }
    return listing->rows ? NB_OK : nb_answer_no_memory(err);
}

static nb_status make_listing(const nb_version *version, nb_answer *answer, nb_error *err)
{
    Nightbus__NoteListing *listing = nb_answer_take(answer, 1, sizeof *listing);
    if (!listing) {
        return nb_answer_no_memory(err);
    }
    nightbus__note_listing__init(listing);
    listing->version = nb_answer_string(answer, version->name);
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_NOTE_LISTING;
    answer->reply.note_listing = listing;
    return listing->version ? NB_OK : nb_answer_no_memory(err);
}

nb_status nb_handle_note_list(nb_coordinator *self, const nb_caller *caller,
                              const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    (void)caller;
    const Nightbus__NoteList *said = request->note_list;
    nb_album *album = NULL;
    note_query query = {.skip = said->has_after ? said->after : 0};
    size_t events = 0;
    nb_status status =
        find_version(self, said->album, said->song, said->version, &album, &query.version, err);
    if (status == NB_OK) {
        status = make_listing(query.version, answer, err);
    }
    return (status == NB_OK)
               ? list_notes(album, &query, answer->reply.note_listing, &events, answer, err)
               : status;
}

static nb_status check_note(const Nightbus__NoteAdd *said, nb_error *err)
{
    if (said->text[0] == '\0') {
        return nb_fail(err, NB_E_INVALID, "a note needs a text");
    }
    if (strlen(said->text) > NB_NOTE_TEXT_MAX) {
        return nb_fail(err, NB_E_LIMIT, "a note has at most %d bytes", NB_NOTE_TEXT_MAX);
    }
    if (said->at_ms < 0 || said->end_ms < said->at_ms || said->end_ms > NOTE_END_MAX_MS) {
        return nb_fail(err, NB_E_INVALID,
                       "a note's time lies between 0 and 24 h, and its end not before its start");
    }
    return NB_OK;
}

static int64_t frames_of_ms(int64_t ms, unsigned rate_hz)
{
    return nb_text_ns_to_frames(ms * 1000000, rate_hz);
}

static nb_status append_note(const nb_caller *caller, const nb_album *album,
                             const nb_version *version, const Nightbus__NoteAdd *said,
                             const char *id, nb_error *err)
{
    NB_SCOPED(nb_event_fini)
    nb_event event = {
        .kind = NB_EVENT_NOTE,
        .song = strdup(version->song),
        .version = strdup(version->name),
        .person = strdup(caller->member.name),
        .time_ms = nb_clock_wall_ms(),
        .text = strdup(said->text),
    };
    snprintf(event.id, sizeof event.id, "%s", id);
    if (!event.song || !event.version || !event.person || !event.text) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a note");
    }
    const nb_status status = nb_album_rate(album, version, &event.rate_hz, err);
    if (status != NB_OK) {
        return status;
    }
    event.at_frame = frames_of_ms(said->at_ms, event.rate_hz);
    event.end_frame = frames_of_ms(said->end_ms, event.rate_hz);
    NB_SCOPED(nb_text_free) char *line = nb_event_format(&event);
    if (!line) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a note");
    }
    return nb_revisions_review_add(album->revisions, version->commit, line, event.person,
                                   event.time_ms, err);
}

/// Answers with the note as it stands in the review. A repeat is known by its id and changes
/// nothing.
nb_status nb_handle_note_add(nb_coordinator *self, const nb_caller *caller,
                             const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__NoteAdd *said = request->note_add;
    char id[NB_EVENT_ID_SIZE];
    for (size_t i = 0; i < NB_CLIENT_ID_SIZE; i++) {
        snprintf(id + 2 * i, 3, "%02x", said->client_id.data[i]);
    }
    nb_album *album = NULL;
    note_query query = {.id = id};
    size_t events = 0;
    nb_status status = check_note(said, err);
    if (status == NB_OK) {
        status =
            find_version(self, said->album, said->song, said->version, &album, &query.version, err);
    }
    if (status == NB_OK) {
        status = make_listing(query.version, answer, err);
    }
    Nightbus__NoteListing *listing = answer->reply.note_listing;
    if (status == NB_OK) {
        status = list_notes(album, &query, listing, &events, answer, err);
    }
    if (status != NB_OK || listing->n_rows > 0) {
        return status;
    }
    if (events >= NB_EVENTS_MAX) {
        return nb_fail(err, NB_E_LIMIT, "%s@%s has %d notes and renderings, the most it may have",
                       query.version->song, listing->version, NB_EVENTS_MAX);
    }
    status = append_note(caller, album, query.version, said, id, err);
    return (status == NB_OK) ? list_notes(album, &query, listing, &events, answer, err) : status;
}
