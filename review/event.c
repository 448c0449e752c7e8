// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/event.h"

#include "base/digest.h"
#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    OUTPUTS_MAX = 64,
    FINGERPRINT_BYTES_MAX = 2000,
    VERSION_DIGITS_MAX = 6,
    RATE_MIN_HZ = 8000,
    RATE_MAX_HZ = 384000,
    LINE_BYTES_MAX = 64 << 10,
};

/// A day at the highest rate.
static const int64_t frame_max = (int64_t)86400 * RATE_MAX_HZ;

static const char *const kind_names[] = {
    [NB_EVENT_NOTE] = "note", [NB_EVENT_RENDERED] = "rendered"};

void nb_event_fini(nb_event *self)
{
    free(self->song);
    free(self->version);
    free(self->person);
    free(self->text);
    free(self->fingerprint);
    free(self->rendering);
    for (size_t i = 0; i < self->output_count; i++) {
        free(self->outputs[i].name);
        free(self->outputs[i].sha256);
    }
    free(self->outputs);
    *self = (nb_event){0};
}

// ---- Writing ----

static void add_note(const nb_event *self, json_t *json)
{
    json_object_set_new(json, "at_frame", json_integer(self->at_frame));
    json_object_set_new(json, "end_frame", json_integer(self->end_frame));
    json_object_set_new(json, "rate_hz", json_integer(self->rate_hz));
    json_object_set_new(json, "text", json_string(self->text));
}

static void add_rendered(const nb_event *self, json_t *json)
{
    json_object_set_new(json, "rendering", json_string(self->rendering));
    json_object_set_new(json, "fingerprint", json_string(self->fingerprint));
    json_object_set_new(json, "integrated_lufs", nb_json_number(self->integrated_lufs));
    json_object_set_new(json, "true_peak_dbtp", nb_json_number(self->true_peak_dbtp));
    json_object_set_new(json, "duration_s", nb_json_number(self->duration_s));
    json_t *outputs = json_array();
    for (size_t i = 0; i < self->output_count; i++) {
        json_t *output = json_object();
        json_object_set_new(output, "name", json_string(self->outputs[i].name));
        json_object_set_new(output, "sha256", json_string(self->outputs[i].sha256));
        json_object_set_new(output, "size", json_integer((json_int_t)self->outputs[i].size));
        json_array_append_new(outputs, output);
    }
    json_object_set_new(json, "outputs", outputs);
}

char *nb_event_format(const nb_event *self)
{
    NB_SCOPED(nb_json_free) json_t *json = json_object();
    if (!json) {
        return NULL;
    }
    json_object_set_new(json, "event", json_string(kind_names[self->kind]));
    json_object_set_new(json, "id", json_string(self->id));
    json_object_set_new(json, "version", json_string(self->version));
    json_object_set_new(json, "song", json_string(self->song));
    json_object_set_new(json, "person", json_string(self->person));
    json_object_set_new(json, "time_ms", json_integer(self->time_ms));
    if (self->kind == NB_EVENT_NOTE) {
        add_note(self, json);
    } else {
        add_rendered(self, json);
    }
    return nb_json_line(json);
}

// ---- Reading ----

static bool is_lower_hex(const char *text, size_t length)
{
    return strlen(text) == length && strspn(text, "0123456789abcdef") == length;
}

/// `letter` and a number from 1, without leading zeros: "v12", "r1".
static bool is_numbered(const char *text, const char *letters)
{
    const size_t digits = text[0] ? strspn(text + 1, "0123456789") : 0;
    return text[0] && strchr(letters, text[0]) && digits >= 1 && digits <= VERSION_DIGITS_MAX &&
           text[1] != '0' && text[1 + digits] == '\0';
}

/// A person's text: UTF-8, no control characters but line feed and tab.
static nb_status check_text(const char *text, nb_error *err)
{
    const size_t size = strlen(text);
    if (size == 0 || size > NB_NOTE_TEXT_MAX) {
        return nb_fail(err, NB_E_LIMIT, "a note of %zu bytes; 1 to %d are taken", size,
                       NB_NOTE_TEXT_MAX);
    }
    if (!nb_text_is_utf8(text, size, NULL)) {
        return nb_fail(err, NB_E_INVALID, "a note that is not UTF-8");
    }
    for (const char *at = text; *at; at++) {
        if ((unsigned char)*at < 0x20 && *at != '\n' && *at != '\t') {
            return nb_fail(err, NB_E_INVALID, "a note with a control character");
        }
    }
    return NB_OK;
}

/// Take a copy of the string member; `out` stays null on failure.
static nb_status take_string(const json_t *json, const char *key, char **out, nb_error *err)
{
    const char *text = NULL;
    const nb_status status = nb_json_get_string("event", json, key, &text, err);
    if (status != NB_OK) {
        return status;
    }
    *out = strdup(text);
    return *out ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for an event");
}

static nb_status take_number(const json_t *json, const char *key, double *out, nb_error *err)
{
    if (json_is_null(json_object_get(json, key))) {
        *out = -INFINITY;
        return NB_OK;
    }
    return nb_json_get_number("event", json, key, out, err);
}

static nb_status parse_note(const json_t *json, nb_event *out, nb_error *err)
{
    int64_t rate_hz = 0;
    nb_status status = nb_json_get_integer("event", json, "at_frame", &out->at_frame, err);
    if (status == NB_OK) {
        status = nb_json_get_integer("event", json, "end_frame", &out->end_frame, err);
    }
    if (status == NB_OK) {
        status = nb_json_get_integer("event", json, "rate_hz", &rate_hz, err);
    }
    if (status == NB_OK) {
        status = take_string(json, "text", &out->text, err);
    }
    if (status != NB_OK) {
        return status;
    }
    out->rate_hz = (unsigned)rate_hz;
    if (rate_hz < RATE_MIN_HZ || rate_hz > RATE_MAX_HZ || out->at_frame < 0 ||
        out->end_frame < out->at_frame || out->end_frame > frame_max) {
        return nb_fail(err, NB_E_INVALID,
                       "a note from frame %" PRId64 " to %" PRId64 " at %" PRId64 " Hz",
                       out->at_frame, out->end_frame, rate_hz);
    }
    return check_text(out->text, err);
}

static nb_status parse_output(const json_t *json, nb_event_output *out, nb_error *err)
{
    int64_t size = 0;
    nb_status status = take_string(json, "name", &out->name, err);
    if (status == NB_OK) {
        status = take_string(json, "sha256", &out->sha256, err);
    }
    if (status == NB_OK) {
        status = nb_json_get_integer("event", json, "size", &size, err);
    }
    if (status == NB_OK) {
        status = nb_text_check_path(out->name, err);
    }
    if (status == NB_OK && (size < 0 || !is_lower_hex(out->sha256, NB_DIGEST_HEX_SIZE - 1))) {
        status = nb_fail(err, NB_E_INVALID, "an output without a good digest or size");
    }
    out->size = (uint64_t)size;
    return status;
}

static nb_status parse_outputs(const json_t *json, nb_event *out, nb_error *err)
{
    json_t *list = NULL;
    nb_status status = nb_json_get_array("event", json, "outputs", &list, err);
    if (status != NB_OK) {
        return status;
    }
    const size_t count = json_array_size(list);
    if (count > OUTPUTS_MAX) {
        return nb_fail(err, NB_E_LIMIT, "an event with %zu outputs; at most %d are taken", count,
                       OUTPUTS_MAX);
    }
    out->outputs = calloc(count ? count : 1, sizeof *out->outputs);
    if (!out->outputs) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for an event");
    }
    out->output_count = count;
    for (size_t i = 0; i < count && status == NB_OK; i++) {
        status = parse_output(json_array_get(list, i), &out->outputs[i], err);
    }
    return status;
}

static nb_status parse_rendered(const json_t *json, nb_event *out, nb_error *err)
{
    nb_status status = take_string(json, "rendering", &out->rendering, err);
    if (status == NB_OK) {
        status = take_string(json, "fingerprint", &out->fingerprint, err);
    }
    if (status == NB_OK) {
        status = take_number(json, "integrated_lufs", &out->integrated_lufs, err);
    }
    if (status == NB_OK) {
        status = take_number(json, "true_peak_dbtp", &out->true_peak_dbtp, err);
    }
    if (status == NB_OK) {
        status = take_number(json, "duration_s", &out->duration_s, err);
    }
    if (status == NB_OK &&
        (!is_numbered(out->rendering, "r") || strlen(out->fingerprint) > FINGERPRINT_BYTES_MAX)) {
        status = nb_fail(err, NB_E_INVALID, "an event of no good rendering");
    }
    return status == NB_OK ? parse_outputs(json, out, err) : status;
}

static nb_status parse_common(const json_t *json, nb_event *out, nb_error *err)
{
    const char *id = NULL;
    nb_status status = nb_json_get_string("event", json, "id", &id, err);
    if (status == NB_OK) {
        status = take_string(json, "song", &out->song, err);
    }
    if (status == NB_OK) {
        status = take_string(json, "version", &out->version, err);
    }
    if (status == NB_OK) {
        status = take_string(json, "person", &out->person, err);
    }
    if (status == NB_OK) {
        status = nb_json_get_integer("event", json, "time_ms", &out->time_ms, err);
    }
    if (status == NB_OK) {
        status = nb_text_check_name("person", out->person, err);
    }
    if (status == NB_OK && (!is_lower_hex(id, NB_EVENT_ID_SIZE - 1) || !nb_text_is_id(out->song) ||
                            !is_numbered(out->version, "vm") || out->time_ms < 0)) {
        status = nb_fail(err, NB_E_INVALID, "an event without a good id, song, version or time");
    }
    if (status == NB_OK) {
        memcpy(out->id, id, NB_EVENT_ID_SIZE);
    }
    return status;
}

nb_status nb_event_parse(const char *line, size_t size, nb_event *out, nb_error *err)
{
    *out = (nb_event){0};
    if (size > LINE_BYTES_MAX) {
        return nb_fail(err, NB_E_LIMIT, "an event of %zu bytes; at most %d are taken", size,
                       LINE_BYTES_MAX);
    }
    NB_SCOPED(nb_json_free) json_t *json = NULL;
    NB_SCOPED(nb_event_fini) nb_event event = {0};
    const char *kind = NULL;
    nb_status status = nb_json_parse("event", line, size, &json, err);
    if (status == NB_OK) {
        status = nb_json_get_string("event", json, "event", &kind, err);
    }
    if (status == NB_OK) {
        size_t index = 0;
        while (index < NB_COUNT(kind_names) && strcmp(kind, kind_names[index]) != 0) {
            index++;
        }
        if (index == NB_COUNT(kind_names)) {
            return nb_fail(err, NB_E_VERSION, "an event of a kind we do not know: '%.40s'", kind);
        }
        event.kind = (nb_event_kind)index;
        status = parse_common(json, &event, err);
    }
    if (status == NB_OK) {
        status = event.kind == NB_EVENT_NOTE ? parse_note(json, &event, err)
                                             : parse_rendered(json, &event, err);
    }
    if (status == NB_OK) {
        *out = event;
        event = (nb_event){0}; // the caller's now
    }
    return status;
}
