// SPDX-License-Identifier: GPL-3.0-or-later
/// @file song_notes.h  The notes of a song in an album's review: read, answered, added to.

#ifndef NB_COORDINATOR_SONG_NOTES_H
#define NB_COORDINATOR_SONG_NOTES_H
#include "coordinator/coordinator_private.h"
#include "mix/document.h"
#include "review/notes.h"

// ---- Reading (song_notes.c) ----

/// The notes of a song over all its versions. Borrowed from the album, up to the next call for any
/// song of it.
NB_NODISCARD nb_status nb_song_notes_get(const nb_album *album, const char *song,
                                         const nb_note_log **out, nb_error *err);

/// The song that was asked for last is kept, as long as the review stays what it is: lists ask for
/// each of its versions.
typedef struct nb_notes_cache nb_notes_cache;
NB_NODISCARD nb_status nb_notes_cache_new(nb_notes_cache **out, nb_error *err);
void nb_notes_cache_destroy(nb_notes_cache **self_p);

/// What the review says of one version besides its notes.
typedef struct nb_version_facts {
    size_t event_count;             ///< Of all kinds
    char heard[NB_DIGEST_HEX_SIZE]; ///< SHA-256 of the first rendering's audio; "" before it
    double duration_s;              ///< Of it; below 0 before it
} nb_version_facts;

NB_NODISCARD nb_status nb_version_facts_load(const nb_album *album, const nb_version *version,
                                             nb_version_facts *out, nb_error *err);

/// Nobody heard what lies behind the end: a note there is NB_E_INVALID.
NB_NODISCARD nb_status nb_version_check_end(const nb_version *version,
                                            const nb_version_facts *facts, const nb_event *event,
                                            nb_error *err);

/// The mix document of a version; null where it was made of none (a print, a master).
NB_NODISCARD nb_status nb_version_document(const nb_album *album, const nb_version *version,
                                           nb_document **out, nb_error *err);

/// How many notes a version has that are not deleted or erased, and how many of them are open.
NB_NODISCARD nb_status nb_song_notes_count(const nb_album *album, const nb_version *version,
                                           unsigned *out_count, unsigned *out_open, nb_error *err);

// ---- Writing ----

/// A client's id as events have it.
void nb_hex_of_client_id(const uint8_t id[NB_CLIENT_ID_SIZE], char out[NB_EVENT_ID_SIZE]);

/// An event about notes with its common fields; null strings are "no memory", which
/// nb_song_notes_add turns into a status. Its time lies behind every other of the song.
nb_event nb_note_event_make(nb_event_kind kind, const nb_note_log *log, const nb_version *version,
                            const char *person);
/// Give it an id that follows from what it is: made again after a crash, it is known.
void nb_note_event_name(nb_event *event, const char *commit);

/// Check the event and put it into the review of the version's commit.
NB_NODISCARD nb_status nb_song_notes_add(const nb_album *album, const nb_version *version,
                                         const nb_event *event, nb_error *err);

// ---- Following (note_settle.c) ----

/// What a new version does to its song's notes: its message resolves some, the others come along.
NB_NODISCARD nb_status nb_note_settle(const nb_album *album, const nb_version *version,
                                      nb_error *err);

/// Let the notes numbered `first` to `last` come along to every version behind `version`: they are
/// new, or open again.
NB_NODISCARD nb_status nb_note_follow_on(const nb_album *album, const nb_version *version,
                                         unsigned first, unsigned last, nb_error *err);

// ---- Answering (note_rows.c) ----

/// The rows of one answer: behind `skip` of them, as many as a message takes.
typedef struct nb_note_rows {
    nb_answer *answer;
    Nightbus__NoteListing *listing;
    size_t skip;
    size_t seen, bytes;
} nb_note_rows;

/// Begin the answer: a listing of `version`.
NB_NODISCARD nb_status nb_note_rows_start(nb_note_rows *self, const char *version,
                                          nb_answer *answer, nb_error *err);
/// A note, where it lies in the version `shown`, and its replies.
NB_NODISCARD nb_status nb_note_rows_add(nb_note_rows *self, const nb_note *note, const char *shown,
                                        nb_error *err);

#endif // NB_COORDINATOR_SONG_NOTES_H
