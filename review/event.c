// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/event.h"
#include "base/digest.h"
#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int64_t time_max_ms = 253402300799999; // the last of the year 9999
static const int64_t frame_max = 24LL * 60 * 60 * 384000;
enum { RATE_MIN_HZ = 8000, RATE_MAX_HZ = 384000 };

static const char *const kind_names[] = {
    [NB_EVENT_NOTE] = "note",         [NB_EVENT_RENDERED] = "rendered",
    [NB_EVENT_APPROVE] = "approve",   [NB_EVENT_REQUEST_CHANGES] = "request-changes",
    [NB_EVENT_WITHDRAW] = "withdraw",
};

bool nb_event_is_decision(nb_event_kind kind)
{
    return kind == NB_EVENT_APPROVE || kind == NB_EVENT_REQUEST_CHANGES ||
           kind == NB_EVENT_WITHDRAW;
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
    free(self->fingerprint);
    free(self->rendering);
    free(self->sha256);
    free(self->replaces);
    *self = (nb_event){0};
}

static nb_status invalid(const char *key, const char *why, nb_error *err)
{
    return nb_fail(err, NB_E_INVALID, "event: %s: %s", key, why);
}

/// "v12": one of `letters`, then a number without a leading zero.
static bool is_numbered(const char *text, const char *letters)
{
    enum { DIGITS_MAX = 9 };
    if (text[0] == '\0' || !strchr(letters, text[0]) || text[1] < '1' || text[1] > '9') {
        return false;
    }
    const size_t digits = strspn(text + 1, "0123456789");
    return digits <= DIGITS_MAX && text[1 + digits] == '\0';
}

/// UTF-8 of 1 to `most` bytes, with nothing in it that can't be seen, but for line feeds and tabs.
static nb_status check_text(const char *key, const char *text, size_t most, nb_error *err)
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

static nb_status check_note(const nb_event *self, nb_error *err)
{
    if (self->at_frame < 0 || self->end_frame < self->at_frame || self->end_frame > frame_max) {
        return invalid("at_frame", "not a place inside 24 hours", err);
    }
    if (self->rate_hz == 0) {
        return invalid("rate_hz", "a note's frames need one", err);
    }
    if (!self->text) {
        return invalid("text", "missing", err);
    }
    return check_text("text", self->text, NB_NOTE_TEXT_MAX, err);
}

static nb_status check_output(const nb_event_output *output, nb_error *err)
{
    nb_digest digest;
    if (!output->name || !output->sha256) {
        return invalid("outputs", "one has no name or digest", err);
    }
    if (output->size > INT64_MAX) {
        return invalid("outputs", "one is too large", err);
    }
    const nb_status status = nb_text_check_path(output->name, err);
    return (status == NB_OK) ? nb_digest_from_hex(output->sha256, &digest, err) : status;
}

static nb_status check_rendered(const nb_event *self, nb_error *err)
{
    if (!self->rendering || !is_numbered(self->rendering, "r")) {
        return invalid("rendering", "not like r1", err);
    }
    if (!self->fingerprint) {
        return invalid("fingerprint", "missing", err);
    }
    if (!(self->duration_s >= 0.0 && isfinite(self->duration_s))) {
        return invalid("duration_s", "not a duration", err);
    }
    if (self->output_count > NB_EVENT_OUTPUTS_MAX) {
        return nb_fail(err, NB_E_LIMIT, "event: outputs: %zu; at most %d are kept",
                       self->output_count, NB_EVENT_OUTPUTS_MAX);
    }
    nb_status status = check_text("fingerprint", self->fingerprint, NB_EVENT_FINGERPRINT_MAX, err);
    for (size_t i = 0; i < self->output_count && status == NB_OK; i++) {
        status = check_output(&self->outputs[i], err);
    }
    return status;
}

static bool is_event_id(const char *text)
{
    return strlen(text) == NB_EVENT_ID_SIZE - 1 &&
           strspn(text, "0123456789abcdef") == NB_EVENT_ID_SIZE - 1;
}

static nb_status check_decision(const nb_event *self, nb_error *err)
{
    nb_digest digest;
    if (!self->rendering || !is_numbered(self->rendering, "r")) {
        return invalid("rendering", "not like r1", err);
    }
    if (!self->sha256 || nb_digest_from_hex(self->sha256, &digest, NULL) != NB_OK) {
        return invalid("sha256", "not 64 hex digits", err);
    }
    if (self->replaces && !is_event_id(self->replaces)) {
        return invalid("replaces", "not 32 hex digits", err);
    }
    if (self->kind == NB_EVENT_WITHDRAW && !self->replaces) {
        return invalid("replaces", "missing: there must be something to withdraw", err);
    }
    if (!self->text) {
        return (self->kind == NB_EVENT_REQUEST_CHANGES) ? invalid("text", "missing", err) : NB_OK;
    }
    return check_text("text", self->text, NB_NOTE_TEXT_MAX, err);
}

nb_status nb_event_check(const nb_event *self, nb_error *err)
{
    if (!is_event_id(self->id)) {
        return invalid("id", "not 32 hex digits", err);
    }
    if (!self->song || !nb_text_is_id(self->song)) {
        return invalid("song", "not a song's id", err);
    }
    if (!self->version || !is_numbered(self->version, "vm")) {
        return invalid("version", "not like v1 or m1", err);
    }
    if (self->time_ms < 0 || self->time_ms > time_max_ms) {
        return invalid("time_ms", "not a time", err);
    }
    if (self->rate_hz != 0 && (self->rate_hz < RATE_MIN_HZ || self->rate_hz > RATE_MAX_HZ)) {
        return invalid("rate_hz", "outside 8,000 to 384,000", err);
    }
    if (!self->person) {
        return invalid("person", "missing", err);
    }
    const nb_status status = nb_text_check_name("event: person", self->person, err);
    if (status != NB_OK) {
        return status;
    }
    switch (self->kind) {
    case NB_EVENT_NOTE:
        return check_note(self, err);
    case NB_EVENT_RENDERED:
        return check_rendered(self, err);
    case NB_EVENT_APPROVE:
    case NB_EVENT_REQUEST_CHANGES:
    case NB_EVENT_WITHDRAW:
        return check_decision(self, err);
    }
    return nb_fail(err, NB_E_VERSION, "event: kind %d is not known here", (int)self->kind);
}

/// A member's value becomes the object's. False without memory.
static bool set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

static bool set_note(json_t *object, const nb_event *self)
{
    return set(object, "at_frame", json_integer(self->at_frame)) &&
           set(object, "end_frame", json_integer(self->end_frame)) &&
           set(object, "text", json_string(self->text));
}

static json_t *outputs_to_json(const nb_event *self)
{
    NB_SCOPED(nb_json_free) json_t *outputs = json_array();
    for (size_t i = 0; i < self->output_count && outputs; i++) {
        const nb_event_output *output = &self->outputs[i];
        json_t *item = json_object();
        const bool complete = set(item, "name", json_string(output->name)) &&
                              set(item, "sha256", json_string(output->sha256)) &&
                              set(item, "size", json_integer((json_int_t)output->size));
        if (json_array_append_new(outputs, item) != 0 || !complete) {
            return NULL;
        }
    }
    return json_incref(outputs);
}

static bool set_rendered(json_t *object, const nb_event *self)
{
    return set(object, "rendering", json_string(self->rendering)) &&
           set(object, "fingerprint", json_string(self->fingerprint)) &&
           set(object, "outputs", outputs_to_json(self)) &&
           set(object, "integrated_lufs", nb_json_number(self->integrated_lufs)) &&
           set(object, "true_peak_dbtp", nb_json_number(self->true_peak_dbtp)) &&
           set(object, "duration_s", nb_json_number(self->duration_s));
}

/// A string, or null for none.
static json_t *text_or_null(const char *text) { return text ? json_string(text) : json_null(); }

static bool set_decision(json_t *object, const nb_event *self)
{
    return set(object, "rendering", json_string(self->rendering)) &&
           set(object, "sha256", json_string(self->sha256)) &&
           set(object, "replaces", text_or_null(self->replaces)) &&
           set(object, "text", text_or_null(self->text));
}

static bool set_kind(json_t *object, const nb_event *self)
{
    switch (self->kind) {
    case NB_EVENT_NOTE:
        return set_note(object, self);
    case NB_EVENT_RENDERED:
        return set_rendered(object, self);
    case NB_EVENT_APPROVE:
    case NB_EVENT_REQUEST_CHANGES:
    case NB_EVENT_WITHDRAW:
        return set_decision(object, self);
    }
    return false;
}

char *nb_event_format(const nb_event *self)
{
    NB_SCOPED(nb_json_free) json_t *object = json_object();
    const bool complete =
        object && set(object, "kind", json_string(kind_names[self->kind])) &&
        set(object, "id", json_string(self->id)) && set(object, "song", json_string(self->song)) &&
        set(object, "version", json_string(self->version)) &&
        set(object, "person", json_string(self->person)) &&
        set(object, "time_ms", json_integer(self->time_ms)) &&
        set(object, "rate_hz", json_integer(self->rate_hz)) && set_kind(object, self);
    return complete ? nb_json_line(object) : NULL;
}

static const char what[] = "event";

static nb_status copy_string(const json_t *object, const char *key, char **out, nb_error *err)
{
    const char *text = NULL;
    const nb_status status = nb_json_get_string(what, object, key, &text, err);
    if (status != NB_OK) {
        return status;
    }
    *out = strdup(text);
    return *out ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "event: no memory");
}

/// A number, or -INFINITY where it is null.
static nb_status read_level(const json_t *object, const char *key, double *out, nb_error *err)
{
    if (json_is_null(json_object_get(object, key))) {
        *out = -INFINITY;
        return NB_OK;
    }
    return nb_json_get_number(what, object, key, out, err);
}

static nb_status parse_kind(const json_t *object, nb_event_kind *out, nb_error *err)
{
    const char *name = NULL;
    const nb_status status = nb_json_get_string(what, object, "kind", &name, err);
    if (status != NB_OK) {
        return status;
    }
    for (size_t i = 0; i < NB_COUNT(kind_names); i++) {
        if (strcmp(kind_names[i], name) == 0) {
            *out = (nb_event_kind)i;
            return NB_OK;
        }
    }
    return nb_fail(err, NB_E_VERSION,
                   "event: its kind is not known here; a newer Nightbus wrote it");
}

static nb_status parse_note(const json_t *object, nb_event *out, nb_error *err)
{
    nb_status status = nb_json_get_integer(what, object, "at_frame", &out->at_frame, err);
    if (status == NB_OK) {
        status = nb_json_get_integer(what, object, "end_frame", &out->end_frame, err);
    }
    return (status == NB_OK) ? copy_string(object, "text", &out->text, err) : status;
}

static nb_status parse_output(const json_t *item, nb_event_output *out, nb_error *err)
{
    int64_t size = 0;
    nb_status status = copy_string(item, "name", &out->name, err);
    if (status == NB_OK) {
        status = copy_string(item, "sha256", &out->sha256, err);
    }
    if (status == NB_OK) {
        status = nb_json_get_integer(what, item, "size", &size, err);
    }
    if (status == NB_OK && size < 0) {
        status = invalid("outputs", "one has a size below zero", err);
    }
    out->size = (uint64_t)size;
    return status;
}

static nb_status parse_outputs(const json_t *object, nb_event *out, nb_error *err)
{
    json_t *items = NULL;
    nb_status status = nb_json_get_array(what, object, "outputs", &items, err);
    const size_t count = json_array_size(items);
    if (status == NB_OK && count > NB_EVENT_OUTPUTS_MAX) {
        status = nb_fail(err, NB_E_LIMIT, "event: outputs: %zu; at most %d are kept", count,
                         NB_EVENT_OUTPUTS_MAX);
    }
    if (status != NB_OK || count == 0) {
        return status;
    }
    out->outputs = calloc(count, sizeof *out->outputs);
    if (!out->outputs) {
        return nb_fail(err, NB_E_NO_MEMORY, "event: no memory");
    }
    out->output_count = count;
    for (size_t i = 0; i < count && status == NB_OK; i++) {
        status = parse_output(json_array_get(items, i), &out->outputs[i], err);
    }
    return status;
}

static nb_status parse_rendered(const json_t *object, nb_event *out, nb_error *err)
{
    nb_status status = copy_string(object, "rendering", &out->rendering, err);
    if (status == NB_OK) {
        status = copy_string(object, "fingerprint", &out->fingerprint, err);
    }
    if (status == NB_OK) {
        status = read_level(object, "integrated_lufs", &out->integrated_lufs, err);
    }
    if (status == NB_OK) {
        status = read_level(object, "true_peak_dbtp", &out->true_peak_dbtp, err);
    }
    if (status == NB_OK) {
        status = nb_json_get_number(what, object, "duration_s", &out->duration_s, err);
    }
    return (status == NB_OK) ? parse_outputs(object, out, err) : status;
}

/// As copy_string; null where it is null.
static nb_status copy_string_or_null(const json_t *object, const char *key, char **out,
                                     nb_error *err)
{
    return json_is_null(json_object_get(object, key)) ? NB_OK : copy_string(object, key, out, err);
}

static nb_status parse_decision(const json_t *object, nb_event *out, nb_error *err)
{
    nb_status status = copy_string(object, "rendering", &out->rendering, err);
    if (status == NB_OK) {
        status = copy_string(object, "sha256", &out->sha256, err);
    }
    if (status == NB_OK) {
        status = copy_string_or_null(object, "replaces", &out->replaces, err);
    }
    return (status == NB_OK) ? copy_string_or_null(object, "text", &out->text, err) : status;
}

static nb_status parse_rest(const json_t *object, nb_event *out, nb_error *err)
{
    switch (out->kind) {
    case NB_EVENT_NOTE:
        return parse_note(object, out, err);
    case NB_EVENT_RENDERED:
        return parse_rendered(object, out, err);
    case NB_EVENT_APPROVE:
    case NB_EVENT_REQUEST_CHANGES:
    case NB_EVENT_WITHDRAW:
        return parse_decision(object, out, err);
    }
    return NB_E_VERSION; // parse_kind gives no other
}

static nb_status parse_common(const json_t *object, nb_event *out, nb_error *err)
{
    const char *id = NULL;
    int64_t rate_hz = 0;
    nb_status status = nb_json_get_string(what, object, "id", &id, err);
    if (status == NB_OK && strlen(id) != NB_EVENT_ID_SIZE - 1) {
        status = invalid("id", "not 32 hex digits", err);
    }
    if (status == NB_OK) {
        memcpy(out->id, id, NB_EVENT_ID_SIZE);
        status = copy_string(object, "song", &out->song, err);
    }
    if (status == NB_OK) {
        status = copy_string(object, "version", &out->version, err);
    }
    if (status == NB_OK) {
        status = copy_string(object, "person", &out->person, err);
    }
    if (status == NB_OK) {
        status = nb_json_get_integer(what, object, "time_ms", &out->time_ms, err);
    }
    if (status == NB_OK) {
        status = nb_json_get_integer(what, object, "rate_hz", &rate_hz, err);
    }
    if (status == NB_OK && (rate_hz < 0 || rate_hz > RATE_MAX_HZ)) {
        status = invalid("rate_hz", "outside 8,000 to 384,000", err);
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
        status = parse_rest(object, &event, err);
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
