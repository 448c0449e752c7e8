// SPDX-License-Identifier: GPL-3.0-or-later
/// @file event.h  What happens to a version after it was pushed: notes, renderings, decisions. One
/// JSON object a line in the git note of the version's commit, append-only. docs/store-format.md
/// has the keys.
///
/// A new kind is a value here, its own fields below, and an nb_event_rules (event_private.h) in the
/// table of event.c.

#ifndef NB_REVIEW_EVENT_H
#define NB_REVIEW_EVENT_H
#include "base/json.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NB_EVENTS_MAX = 2000,
    NB_NOTE_TEXT_MAX = 8 << 10,
    NB_NOTE_NUMBER_MAX = 999999999,
    NB_EVENT_ID_SIZE = 33,
    NB_EVENT_OUTPUTS_MAX = 1000,     ///< A mix of very many tracks, all its stems
    NB_EVENT_FINGERPRINT_MAX = 2000, ///< Bytes
    NB_EVENT_LINE_MAX = 2 << 20      ///< Bytes: that many outputs with the longest names
};

typedef enum nb_event_kind {
    NB_EVENT_NOTE,
    NB_EVENT_RENDERED,
    NB_EVENT_REPLY,
    NB_EVENT_EDIT,    ///< Other words for a note or a reply
    NB_EVENT_RESOLVE, ///< The version answers the note
    NB_EVENT_REOPEN,
    NB_EVENT_DELETE,          ///< By its author; a mark stays
    NB_EVENT_ERASE,           ///< By an owner: the words are gone from the record, a mark stays
    NB_EVENT_FOLLOW,          ///< Where an open note of an earlier version lies in this one
    NB_EVENT_APPROVE,         ///< A decision on the bytes of the first rendering; so are these two
    NB_EVENT_REQUEST_CHANGES, ///< Says in `text` which
    NB_EVENT_WITHDRAW,        ///< The decision that stood is taken back
} nb_event_kind;

/// One file that a render made.
typedef struct nb_event_output {
    char *name;   ///< "mix.wav", "report.json"
    char *sha256; ///< Hex
    uint64_t size;
} nb_event_output;

/// Zero-initialise; nb_event_fini frees.
typedef struct nb_event {
    nb_event_kind kind;
    char id[NB_EVENT_ID_SIZE]; ///< 32 hex digits, the client's: a repeat is known by it
    char *song;
    char *version; ///< "v3"
    char *person;
    int64_t time_ms;  ///< Wall clock
    unsigned rate_hz; ///< Of the frames
    // Notes
    unsigned note;     ///< The note's number in its song; 0 for one from before there were numbers
    unsigned reply;    ///< Which reply of the note is edited, deleted, erased; 0 for the note
    int64_t at_frame;  ///< NOTE, FOLLOW
    int64_t end_frame; ///< Equal to at_frame for a point
    char *text;        ///< NOTE, REPLY, EDIT, null once `erased`; a decision's, may be null
    bool erased;       ///< The words are gone, by an ERASE
    char *track;       ///< NOTE: a track's id it is about; null for all
    char *heard; ///< NOTE: SHA-256 (hex) of the file that was heard; null while there was none
    int64_t start_frame; ///< NOTE: where that file begins in the session
    bool unsure;         ///< FOLLOW: something there moved, and it is not sure where to
    // NB_EVENT_RENDERED
    char *fingerprint;
    char *rendering; ///< "r1", "r2", ...
    size_t output_count;
    nb_event_output *outputs;
    double integrated_lufs; ///< The report's headline; -INFINITY for none
    double true_peak_dbtp;
    double duration_s;
    // NB_EVENT_APPROVE, _REQUEST_CHANGES, _WITHDRAW; `rendering` too
    char *sha256;   ///< Hex: the bytes that were heard
    char *replaces; ///< Id of the decision that stood; null where none did
} nb_event;

/// True for the kinds that decide.
bool nb_event_is_decision(nb_event_kind kind);

/// True for the name of the output that a version is heard by: "mix.wav" or "master.wav", of audio
/// that was made elsewhere with its own ending ("mix.flac").
bool nb_event_is_main_audio(const char *output);

void nb_event_fini(nb_event *self);
/// "note", "resolve", ...
const char *nb_event_kind_name(nb_event_kind kind);
/// What a line must keep to be read again: ids, names, limits, and in texts nothing that a person
/// can't see but line feeds and tabs. The error names the field.
NB_NODISCARD nb_status nb_event_check(const nb_event *self, nb_error *err);
/// One line without a line feed, in new memory; null without memory. Check what came from outside
/// first: what breaks a rule is written, and refused when read.
char *nb_event_format(const nb_event *self);
/// Unknown kinds are NB_E_VERSION: keep the line, skip the event. Checks every limit.
NB_NODISCARD nb_status nb_event_parse(const char *line, size_t size, nb_event *out, nb_error *err);

#endif // NB_REVIEW_EVENT_H
