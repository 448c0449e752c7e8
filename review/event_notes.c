// SPDX-License-Identifier: GPL-3.0-or-later
// Events of notes: what is said at a place, and what becomes of it. Which keys a kind has stands in
// one table.
#include "base/digest.h"
#include "base/text.h"
#include "review/event_private.h"

#include <stdlib.h>
#include <string.h>

static const int64_t frame_max = 24LL * 60 * 60 * NB_EVENT_RATE_MAX_HZ;
static const char what[] = "event";

/// Groups of keys.
enum {
    PLACE = 1 << 0,  ///< at_frame, end_frame, and a rate
    WORDS = 1 << 1,  ///< text, or that it was erased
    TARGET = 1 << 2, ///< note: the number of the note that it is about
    PART = 1 << 3,   ///< reply: which reply of it
    ORIGIN = 1 << 4, ///< number, track, heard, start_frame
    DRIFT = 1 << 5   ///< unsure
};

static unsigned groups_of(nb_event_kind kind)
{
    switch (kind) {
    case NB_EVENT_NOTE:
        return PLACE | WORDS | ORIGIN;
    case NB_EVENT_REPLY:
        return WORDS | TARGET;
    case NB_EVENT_EDIT:
        return WORDS | TARGET | PART;
    case NB_EVENT_DELETE:
    case NB_EVENT_ERASE:
        return TARGET | PART;
    case NB_EVENT_RESOLVE:
    case NB_EVENT_REOPEN:
        return TARGET;
    case NB_EVENT_FOLLOW:
        return PLACE | TARGET | DRIFT;
    default:
        return 0;
    }
}

// ---- Reading ----

/// A count that is 0 where the key is missing.
static nb_status get_optional(const json_t *object, const char *key, int64_t most, int64_t *out,
                              nb_error *err)
{
    *out = 0;
    return json_object_get(object, key) ? nb_event_get_count(object, key, most, out, err) : NB_OK;
}

static nb_status get_flag(const json_t *object, const char *key, bool *out, nb_error *err)
{
    const json_t *value = json_object_get(object, key);
    *out = json_is_true(value);
    return (!value || json_is_boolean(value)) ? NB_OK
                                              : nb_event_invalid(key, "not true or false", err);
}

static nb_status parse_place(const json_t *object, nb_event *out, nb_error *err)
{
    const nb_status status = nb_json_get_integer(what, object, "at_frame", &out->at_frame, err);
    return (status == NB_OK) ? nb_json_get_integer(what, object, "end_frame", &out->end_frame, err)
                             : status;
}

static nb_status parse_words(const json_t *object, nb_event *out, nb_error *err)
{
    const nb_status status = get_flag(object, "erased", &out->erased, err);
    if (status != NB_OK || (out->erased && !json_object_get(object, "text"))) {
        return status;
    }
    return nb_event_copy_string(object, "text", &out->text, err);
}

static nb_status parse_origin(const json_t *object, nb_event *out, nb_error *err)
{
    int64_t number = 0;
    nb_status status = get_optional(object, "number", NB_NOTE_NUMBER_MAX, &number, err);
    if (status == NB_OK) {
        status = nb_event_copy_optional(object, "track", &out->track, err);
    }
    if (status == NB_OK) {
        status = nb_event_copy_optional(object, "heard", &out->heard, err);
    }
    if (status == NB_OK) {
        status = get_optional(object, "start_frame", frame_max, &out->start_frame, err);
    }
    out->note = (unsigned)number;
    return status;
}

static nb_status parse(const json_t *object, nb_event *out, nb_error *err)
{
    const unsigned groups = groups_of(out->kind);
    int64_t number = 0;
    nb_status status = (groups & PLACE) ? parse_place(object, out, err) : NB_OK;
    if (status == NB_OK && (groups & TARGET)) {
        status = nb_event_get_count(object, "note", NB_NOTE_NUMBER_MAX, &number, err);
        out->note = (unsigned)number;
    }
    if (status == NB_OK && (groups & PART)) {
        status = get_optional(object, "reply", NB_EVENTS_MAX, &number, err);
        out->reply = (unsigned)number;
    }
    if (status == NB_OK && (groups & ORIGIN)) {
        status = parse_origin(object, out, err);
    }
    if (status == NB_OK && (groups & DRIFT)) {
        status = get_flag(object, "unsure", &out->unsure, err);
    }
    return (status == NB_OK && (groups & WORDS)) ? parse_words(object, out, err) : status;
}

// ---- Writing ----

/// Left out where it is 0.
static bool set_count(json_t *object, const char *key, int64_t value)
{
    return value == 0 || nb_event_set(object, key, json_integer(value));
}

/// Left out where it is null.
static bool set_string(json_t *object, const char *key, const char *value)
{
    return !value || nb_event_set(object, key, json_string(value));
}

static bool set_flag(json_t *object, const char *key, bool value)
{
    return !value || nb_event_set(object, key, json_true());
}

static bool format(json_t *object, const nb_event *self)
{
    const unsigned groups = groups_of(self->kind);
    bool complete = true;
    if (groups & PLACE) {
        complete = nb_event_set(object, "at_frame", json_integer(self->at_frame)) &&
                   nb_event_set(object, "end_frame", json_integer(self->end_frame));
    }
    if (groups & TARGET) {
        complete = complete && nb_event_set(object, "note", json_integer(self->note));
    }
    if (groups & PART) {
        complete = complete && set_count(object, "reply", self->reply);
    }
    if (groups & ORIGIN) {
        complete = complete && set_count(object, "number", self->note) &&
                   set_string(object, "track", self->track) &&
                   set_string(object, "heard", self->heard) &&
                   set_count(object, "start_frame", self->start_frame);
    }
    if (groups & DRIFT) {
        complete = complete && set_flag(object, "unsure", self->unsure);
    }
    if (groups & WORDS) {
        complete = complete && set_flag(object, "erased", self->erased) &&
                   set_string(object, "text", self->text);
    }
    return complete;
}

// ---- Checking ----

static nb_status check_origin(const nb_event *self, nb_error *err)
{
    nb_digest digest;
    if (self->note > NB_NOTE_NUMBER_MAX) {
        return nb_event_invalid("number", "larger than any note's", err);
    }
    if (self->track && !nb_text_is_id(self->track)) {
        return nb_event_invalid("track", "not a track's id", err);
    }
    if (self->start_frame < 0 || self->start_frame > frame_max) {
        return nb_event_invalid("start_frame", "not a place inside 24 hours", err);
    }
    return self->heard ? nb_digest_from_hex(self->heard, &digest, err) : NB_OK;
}

static nb_status check_words(const nb_event *self, nb_error *err)
{
    if (self->erased) {
        return self->text ? nb_event_invalid("text", "still there though erased", err) : NB_OK;
    }
    if (!self->text) {
        return nb_event_invalid("text", "missing", err);
    }
    return nb_event_check_text("text", self->text, NB_NOTE_TEXT_MAX, err);
}

static nb_status check(const nb_event *self, nb_error *err)
{
    const unsigned groups = groups_of(self->kind);
    if ((groups & PLACE) &&
        (self->at_frame < 0 || self->end_frame < self->at_frame || self->end_frame > frame_max)) {
        return nb_event_invalid("at_frame", "not a place inside 24 hours", err);
    }
    if ((groups & PLACE) && self->rate_hz == 0) {
        return nb_event_invalid("rate_hz", "a note's frames need one", err);
    }
    if ((groups & TARGET) && (self->note == 0 || self->note > NB_NOTE_NUMBER_MAX)) {
        return nb_event_invalid("note", "not a note's number", err);
    }
    if ((groups & PART) && self->reply > NB_EVENTS_MAX) {
        return nb_event_invalid("reply", "not a reply's number", err);
    }
    const nb_status status = (groups & ORIGIN) ? check_origin(self, err) : NB_OK;
    return (status == NB_OK && (groups & WORDS)) ? check_words(self, err) : status;
}

const nb_event_rules nb_event_of_note = {"note", parse, format, check};
const nb_event_rules nb_event_of_reply = {"reply", parse, format, check};
const nb_event_rules nb_event_of_edit = {"edit", parse, format, check};
const nb_event_rules nb_event_of_resolve = {"resolve", parse, format, check};
const nb_event_rules nb_event_of_reopen = {"reopen", parse, format, check};
const nb_event_rules nb_event_of_delete = {"delete", parse, format, check};
const nb_event_rules nb_event_of_erase = {"erase", parse, format, check};
const nb_event_rules nb_event_of_follow = {"follow", parse, format, check};
