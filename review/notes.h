// SPDX-License-Identifier: GPL-3.0-or-later
/// @file notes.h  The notes of a song as its events tell them: words, state, replies, and where
/// each lies in each version.
///
/// Events of all versions are folded in the order of their times, which the coordinator makes
/// strictly ascending in a song. What an event has no power over changes nothing: an edit by
/// somebody else, a reply to a note that is gone. docs/notes.md tells it from the outside.

#ifndef NB_REVIEW_NOTES_H
#define NB_REVIEW_NOTES_H
#include "base/text.h"
#include "review/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum nb_note_state {
    NB_NOTE_OPEN,
    NB_NOTE_RESOLVED,
    NB_NOTE_DELETED,
    NB_NOTE_ERASED,
    NB_NOTE_STATES
} nb_note_state;

/// "open", "resolved", "deleted", "erased".
const char *nb_note_state_name(nb_note_state state);
/// The other way; false for no such name.
bool nb_note_state_from_name(const char *name, nb_note_state *out);

/// What somebody said: a note's own words or a reply's. Events are borrowed from the log.
typedef struct nb_note_words {
    const nb_event *said; ///< Who, when, on which version
    nb_note_state state;  ///< Open while the words are there, else deleted or erased
    const char *text;     ///< The newest words; null once deleted or erased
    size_t edit_count;
    const nb_event **edits; ///< By time
} nb_note_words;

typedef struct nb_note {
    unsigned number; ///< In its song, from 1, never used again
    nb_note_state state;
    const nb_event *change; ///< What made the state; null where nothing has since the note
    nb_note_words words;
    size_t reply_count;
    nb_note_words *replies; ///< Reply n is at n - 1, whatever became of it
    size_t event_count;
    const nb_event **events; ///< All that is about it, by time; the note first
} nb_note;

/// The events of a song that are about notes. Zero-initialise; nb_note_log_fini frees.
typedef struct nb_note_log {
    size_t event_count;
    nb_event *events; ///< By time once folded
    size_t note_count;
    nb_note *notes; ///< By number, once folded
    size_t strays;  ///< Events without power: of a note that is not there, of somebody else's words
    unsigned next_number;
    int64_t last_ms; ///< The newest event's time
} nb_note_log;

void nb_note_log_fini(nb_note_log *self);

/// Take the events of `song` from the lines of a review. Lines of other songs, kinds and programs
/// are passed over.
NB_NODISCARD nb_status nb_note_log_add_lines(nb_note_log *self, const char *song, const char *lines,
                                             nb_error *err);

/// Make the notes. Once, behind the last lines.
NB_NODISCARD nb_status nb_note_log_fold(nb_note_log *self, nb_error *err);

/// The note of that number; null if there is none.
const nb_note *nb_note_log_find(const nb_note_log *self, unsigned number);
/// The note that an event of the log made or is about; null if there is none.
const nb_note *nb_note_log_note_of(const nb_note_log *self, const nb_event *event);
/// The event of that id and its note (may be null); null if there is none.
const nb_event *nb_note_log_event(const nb_note_log *self, const char *id,
                                  const nb_note **out_note);

// ---- Versions ----

/// Is `a` an earlier version than `b`, both mixes or both masters?
bool nb_note_is_earlier(const char *a, const char *b);

/// Does the note belong to that version: made on it, or come to it still open, or changed on it?
bool nb_note_is_in(const nb_note *self, const char *version);

/// Where a note lies in a version.
typedef struct nb_note_place {
    int64_t at_frame, end_frame;
    unsigned rate_hz;
    bool moved;  ///< It went along with what it is about
    bool unsure; ///< Something there moved, and it stayed
} nb_note_place;

nb_note_place nb_note_place_in(const nb_note *self, const char *version);

// ---- Messages ----

/// A note that a message says it answers.
typedef struct nb_note_fix {
    char song[65]; ///< "" where none is named
    unsigned number;
} nb_note_fix;

enum { NB_NOTE_FIXES_MAX = 200 }; ///< In one message; more are not looked for

/// Find what a message says it answers: "fixes #12", "fixed night#12, #14 and #15"; also close,
/// resolve and their forms. At most `most`; how many there are.
size_t nb_note_fixes(const char *message, nb_note_fix *out, size_t most);

// ---- Erasing ----

/// The lines of a review with the words of the events whose ids are given taken out, in new
/// memory; all other lines as they were. Null without memory.
char *nb_note_erase_words(const char *lines, const char *const *ids, size_t id_count);

#endif // NB_REVIEW_NOTES_H
