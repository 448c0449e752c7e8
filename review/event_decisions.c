// SPDX-License-Identifier: GPL-3.0-or-later
// Events of decisions: a version approved, changes asked for, either taken back.
#include "base/digest.h"
#include "review/event_private.h"

#include <string.h>

bool nb_event_is_decision(nb_event_kind kind)
{
    return kind == NB_EVENT_APPROVE || kind == NB_EVENT_REQUEST_CHANGES ||
           kind == NB_EVENT_WITHDRAW;
}

static nb_status check_decision(const nb_event *self, nb_error *err)
{
    nb_digest digest;
    if (!self->rendering || !nb_event_is_numbered(self->rendering, "r")) {
        return nb_event_invalid("rendering", "not like r1", err);
    }
    if (!self->sha256 || nb_digest_from_hex(self->sha256, &digest, NULL) != NB_OK) {
        return nb_event_invalid("sha256", "not 64 hex digits", err);
    }
    if (self->replaces && !nb_event_is_id(self->replaces)) {
        return nb_event_invalid("replaces", "not 32 hex digits", err);
    }
    if (self->kind == NB_EVENT_WITHDRAW && !self->replaces) {
        return nb_event_invalid("replaces", "missing: there must be something to withdraw", err);
    }
    if (!self->text) {
        return (self->kind == NB_EVENT_REQUEST_CHANGES) ? nb_event_invalid("text", "missing", err)
                                                        : NB_OK;
    }
    return nb_event_check_text("text", self->text, NB_NOTE_TEXT_MAX, err);
}

/// A string, or null for none.
static json_t *text_or_null(const char *text) { return text ? json_string(text) : json_null(); }

static bool set_decision(json_t *object, const nb_event *self)
{
    return nb_event_set(object, "rendering", json_string(self->rendering)) &&
           nb_event_set(object, "sha256", json_string(self->sha256)) &&
           nb_event_set(object, "replaces", text_or_null(self->replaces)) &&
           nb_event_set(object, "text", text_or_null(self->text));
}

/// As nb_event_copy_string; null where it is null.
static nb_status copy_string_or_null(const json_t *object, const char *key, char **out,
                                     nb_error *err)
{
    return json_is_null(json_object_get(object, key)) ? NB_OK
                                                      : nb_event_copy_string(object, key, out, err);
}

static nb_status parse_decision(const json_t *object, nb_event *out, nb_error *err)
{
    nb_status status = nb_event_copy_string(object, "rendering", &out->rendering, err);
    if (status == NB_OK) {
        status = nb_event_copy_string(object, "sha256", &out->sha256, err);
    }
    if (status == NB_OK) {
        status = copy_string_or_null(object, "replaces", &out->replaces, err);
    }
    return (status == NB_OK) ? copy_string_or_null(object, "text", &out->text, err) : status;
}

const nb_event_rules nb_event_of_approve = {"approve", parse_decision, set_decision,
                                            check_decision};
const nb_event_rules nb_event_of_request_changes = {"request-changes", parse_decision, set_decision,
                                                    check_decision};
const nb_event_rules nb_event_of_withdraw = {"withdraw", parse_decision, set_decision,
                                             check_decision};
