// SPDX-License-Identifier: GPL-3.0-or-later
/// @file event_private.h  What the kinds of events share. A kind is a row of the table in event.c:
/// its name, and how what is its own is read, written and checked.

#ifndef NB_REVIEW_EVENT_PRIVATE_H
#define NB_REVIEW_EVENT_PRIVATE_H
#include "review/event.h"

#include <stdbool.h>

enum { NB_EVENT_RATE_MIN_HZ = 8000, NB_EVENT_RATE_MAX_HZ = 384000 };

/// One kind of event. `parse` finds the common keys read, `check` finds them in order.
typedef struct nb_event_rules {
    const char *name; ///< "note"
    nb_status (*parse)(const json_t *object, nb_event *out, nb_error *err);
    bool (*format)(json_t *object, const nb_event *self); ///< False without memory
    nb_status (*check)(const nb_event *self, nb_error *err);
} nb_event_rules;

// ---- Kinds ----

extern const nb_event_rules nb_event_of_note, nb_event_of_rendered, nb_event_of_reply,
    nb_event_of_edit, nb_event_of_resolve, nb_event_of_reopen, nb_event_of_delete,
    nb_event_of_erase, nb_event_of_follow, nb_event_of_approve, nb_event_of_request_changes,
    nb_event_of_withdraw;

// ---- Helpers of the kinds ----

NB_NODISCARD nb_status nb_event_invalid(const char *key, const char *why, nb_error *err);
/// "v12": one of `letters`, then a number without a leading zero.
bool nb_event_is_numbered(const char *text, const char *letters);
/// 32 hex digits.
bool nb_event_is_id(const char *text);
/// UTF-8 of 1 to `most` bytes, with nothing in it that can't be seen, but for line feeds and tabs.
NB_NODISCARD nb_status nb_event_check_text(const char *key, const char *text, size_t most,
                                           nb_error *err);
/// A member's value becomes the object's. False without memory.
bool nb_event_set(json_t *object, const char *key, json_t *value);
/// A string that must be there, into new memory.
NB_NODISCARD nb_status nb_event_copy_string(const json_t *object, const char *key, char **out,
                                            nb_error *err);
/// The same for one that may be missing: then *out stays null.
NB_NODISCARD nb_status nb_event_copy_optional(const json_t *object, const char *key, char **out,
                                              nb_error *err);
/// A whole number in [0, `most`].
NB_NODISCARD nb_status nb_event_get_count(const json_t *object, const char *key, int64_t most,
                                          int64_t *out, nb_error *err);

#endif // NB_REVIEW_EVENT_PRIVATE_H
