// SPDX-License-Identifier: GPL-3.0-or-later
// What all events have in common. The kinds are in event_decisions.c, event_notes.c,
// event_rendered.c.
#include "base/text.h"
#include "review/event_private.h"

#include <stdlib.h>
#include <string.h>

static const int64_t time_max_ms = 253402300799999; // the last of the year 9999
static const char what[] = "event";

static const nb_event_rules *const kinds[] = {
    [NB_EVENT_NOTE] = &nb_event_of_note,
    [NB_EVENT_RENDERED] = &nb_event_of_rendered,
    [NB_EVENT_REPLY] = &nb_event_of_reply,
    [NB_EVENT_EDIT] = &nb_event_of_edit,
    [NB_EVENT_RESOLVE] = &nb_event_of_resolve,
    [NB_EVENT_REOPEN] = &nb_event_of_reopen,
    [NB_EVENT_DELETE] = &nb_event_of_delete,
    [NB_EVENT_ERASE] = &nb_event_of_erase,
    [NB_EVENT_FOLLOW] = &nb_event_of_follow,
    [NB_EVENT_APPROVE] = &nb_event_of_approve,
    [NB_EVENT_REQUEST_CHANGES] = &nb_event_of_request_changes,
    [NB_EVENT_WITHDRAW] = &nb_event_of_withdraw,
};

bool nb_event_is_main_audio(const char *output)
{
    const char *dot = strchr(output, '.');
    const size_t length = dot ? (size_t)(dot - output) : 0;
    return dot && !strchr(dot + 1, '.') &&
           ((length == 3 && memcmp(output, "mix", length) == 0) ||
            (length == 6 && memcmp(output, "master", length) == 0));
}

void nb_event_fini(nb_event *self)
{
    for (size_t i = 0; i < self->output_count; i++) {
        free(self->outputs[i].name);
        free(self->outputs[i].sha256);
    }
    free(self->outputs);
    free(self->song);
    free(self->version);
    free(self->person);
    free(self->text);
    free(self->track);
    free(self->heard);
    free(self->fingerprint);
    free(self->rendering);
    free(self->sha256);
    free(self->replaces);
    *self = (nb_event){0};
}

const char *nb_event_kind_name(nb_event_kind kind) { return kinds[kind]->name; }

// ---- Helpers of the kinds ----

nb_status nb_event_invalid(const char *key, const char *why, nb_error *err)
{
    return nb_fail(err, NB_E_INVALID, "event: %s: %s", key, why);
}

bool nb_event_is_numbered(const char *text, const char *letters)
{
    enum { DIGITS_MAX = 9 };
    if (text[0] == '\0' || !strchr(letters, text[0]) || text[1] < '1' || text[1] > '9') {
        return false;
    }
    const size_t digits = strspn(text + 1, "0123456789");
    return digits <= DIGITS_MAX && text[1 + digits] == '\0';
}

bool nb_event_is_id(const char *text)
{
    return strlen(text) == NB_EVENT_ID_SIZE - 1 &&
           strspn(text, "0123456789abcdef") == NB_EVENT_ID_SIZE - 1;
}

nb_status nb_event_check_text(const char *key, const char *text, size_t most, nb_error *err)
{
    const size_t length = strlen(text);
    if (length == 0 || length > most) {
        return nb_fail(err, NB_E_INVALID, "event: %s: %zu bytes long; 1 to %zu are allowed", key,
                       length, most);
    }
    NB_SCOPED(nb_text_free) char *shown = strdup(text);
    NB_SCOPED(nb_text_free) char *printable = strdup(text);
    if (!shown || !printable) {
        return nb_fail(err, NB_E_NO_MEMORY, "event: no memory");
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n' || text[i] == '\t') {
            shown[i] = ' ';
            printable[i] = ' ';
        }
    }
    nb_text_make_printable(printable);
    size_t same = 0;
    while (same < length && shown[same] == printable[same]) {
        same++;
    }
    return (same == length) ? NB_OK
                            : nb_fail(err, NB_E_INVALID,
                                      "event: %s: byte %zu is a control or invisible character, or "
                                      "not UTF-8",
                                      key, same + 1);
}

bool nb_event_set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

nb_status nb_event_copy_string(const json_t *object, const char *key, char **out, nb_error *err)
{
    const char *text = NULL;
    const nb_status status = nb_json_get_string(what, object, key, &text, err);
    if (status != NB_OK) {
        return status;
    }
    *out = strdup(text);
    return *out ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "event: no memory");
}

nb_status nb_event_copy_optional(const json_t *object, const char *key, char **out, nb_error *err)
{
    return json_object_get(object, key) ? nb_event_copy_string(object, key, out, err) : NB_OK;
}

nb_status nb_event_get_count(const json_t *object, const char *key, int64_t most, int64_t *out,
                             nb_error *err)
{
    const nb_status status = nb_json_get_integer(what, object, key, out, err);
    if (status == NB_OK && (*out < 0 || *out > most)) {
        return nb_fail(err, NB_E_INVALID, "event: %s: outside 0 to %lld", key, (long long)most);
    }
    return status;
}

// ---- All kinds ----

nb_status nb_event_check(const nb_event *self, nb_error *err)
{
    if ((size_t)self->kind >= NB_COUNT(kinds)) {
        return nb_fail(err, NB_E_VERSION, "event: kind %d is not known here", (int)self->kind);
    }
    if (!nb_event_is_id(self->id)) {
        return nb_event_invalid("id", "not 32 hex digits", err);
    }
    if (!self->song || !nb_text_is_id(self->song)) {
        return nb_event_invalid("song", "not a song's id", err);
    }
    if (!self->version || !nb_event_is_numbered(self->version, "vm")) {
        return nb_event_invalid("version", "not like v1 or m1", err);
    }
    if (self->time_ms < 0 || self->time_ms > time_max_ms) {
        return nb_event_invalid("time_ms", "not a time", err);
    }
    if (self->rate_hz != 0 &&
        (self->rate_hz < NB_EVENT_RATE_MIN_HZ || self->rate_hz > NB_EVENT_RATE_MAX_HZ)) {
        return nb_event_invalid("rate_hz", "outside 8,000 to 384,000", err);
    }
    if (!self->person) {
        return nb_event_invalid("person", "missing", err);
    }
    const nb_status status = nb_text_check_name("event: person", self->person, err);
    return (status == NB_OK) ? kinds[self->kind]->check(self, err) : status;
}

char *nb_event_format(const nb_event *self)
{
    NB_SCOPED(nb_json_free) json_t *object = json_object();
    const bool complete = object &&
                          nb_event_set(object, "kind", json_string(kinds[self->kind]->name)) &&
                          nb_event_set(object, "id", json_string(self->id)) &&
                          nb_event_set(object, "song", json_string(self->song)) &&
                          nb_event_set(object, "version", json_string(self->version)) &&
                          nb_event_set(object, "person", json_string(self->person)) &&
                          nb_event_set(object, "time_ms", json_integer(self->time_ms)) &&
                          nb_event_set(object, "rate_hz", json_integer(self->rate_hz)) &&
                          kinds[self->kind]->format(object, self);
    return complete ? nb_json_line(object) : NULL;
}

static nb_status parse_kind(const json_t *object, nb_event_kind *out, nb_error *err)
{
    const char *name = NULL;
    const nb_status status = nb_json_get_string(what, object, "kind", &name, err);
    if (status != NB_OK) {
        return status;
    }
    for (size_t i = 0; i < NB_COUNT(kinds); i++) {
        if (strcmp(kinds[i]->name, name) == 0) {
            *out = (nb_event_kind)i;
            return NB_OK;
        }
    }
    return nb_fail(err, NB_E_VERSION,
                   "event: its kind is not known here; a newer Nightbus wrote it");
}

static nb_status parse_common(const json_t *object, nb_event *out, nb_error *err)
{
    const char *id = NULL;
    int64_t rate_hz = 0;
    nb_status status = nb_json_get_string(what, object, "id", &id, err);
    if (status == NB_OK && strlen(id) != NB_EVENT_ID_SIZE - 1) {
        status = nb_event_invalid("id", "not 32 hex digits", err);
    }
    if (status == NB_OK) {
        memcpy(out->id, id, NB_EVENT_ID_SIZE);
        status = nb_event_copy_string(object, "song", &out->song, err);
    }
    if (status == NB_OK) {
        status = nb_event_copy_string(object, "version", &out->version, err);
    }
    if (status == NB_OK) {
        status = nb_event_copy_string(object, "person", &out->person, err);
    }
    if (status == NB_OK) {
        status = nb_json_get_integer(what, object, "time_ms", &out->time_ms, err);
    }
    if (status == NB_OK) {
        status = nb_event_get_count(object, "rate_hz", NB_EVENT_RATE_MAX_HZ, &rate_hz, err);
    }
    out->rate_hz = (unsigned)rate_hz;
    return status;
}

nb_status nb_event_parse(const char *line, size_t size, nb_event *out, nb_error *err)
{
    *out = (nb_event){0};
    if (size > NB_EVENT_LINE_MAX) {
        return nb_fail(err, NB_E_LIMIT, "event: %zu bytes; at most %d are read", size,
                       NB_EVENT_LINE_MAX);
    }
    NB_SCOPED(nb_json_free) json_t *object = NULL;
    NB_SCOPED(nb_event_fini) nb_event event = {0};
    nb_status status = nb_json_parse(what, line, size, &object, err);
    if (status == NB_OK) {
        status = parse_kind(object, &event.kind, err);
    }
    if (status == NB_OK) {
        status = parse_common(object, &event, err);
    }
    if (status == NB_OK) {
        status = kinds[event.kind]->parse(object, &event, err);
    }
    if (status == NB_OK) {
        status = nb_event_check(&event, err);
    }
    if (status == NB_OK) {
        *out = event;
        event = (nb_event){0};
    }
    return status;
}
