// SPDX-License-Identifier: GPL-3.0-or-later
// Events of renderings.
#include "base/digest.h"
#include "base/text.h"
#include "review/event_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char what[] = "event";

static nb_status check_output(const nb_event_output *output, nb_error *err)
{
    nb_digest digest;
    if (!output->name || !output->sha256) {
        return nb_event_invalid("outputs", "one has no name or digest", err);
    }
    if (output->size > INT64_MAX) {
        return nb_event_invalid("outputs", "one is too large", err);
    }
    const nb_status status = nb_text_check_path(output->name, err);
    return (status == NB_OK) ? nb_digest_from_hex(output->sha256, &digest, err) : status;
}

static nb_status check_rendered(const nb_event *self, nb_error *err)
{
    if (!self->rendering || !nb_event_is_numbered(self->rendering, "r")) {
        return nb_event_invalid("rendering", "not like r1", err);
    }
    if (!self->fingerprint) {
        return nb_event_invalid("fingerprint", "missing", err);
    }
    if (!(self->duration_s >= 0.0 && isfinite(self->duration_s))) {
        return nb_event_invalid("duration_s", "not a duration", err);
    }
    if (self->output_count > NB_EVENT_OUTPUTS_MAX) {
        return nb_fail(err, NB_E_LIMIT, "event: outputs: %zu; at most %d are kept",
                       self->output_count, NB_EVENT_OUTPUTS_MAX);
    }
    nb_status status =
        nb_event_check_text("fingerprint", self->fingerprint, NB_EVENT_FINGERPRINT_MAX, err);
    for (size_t i = 0; i < self->output_count && status == NB_OK; i++) {
        status = check_output(&self->outputs[i], err);
    }
    return status;
}

static json_t *outputs_to_json(const nb_event *self)
{
    NB_SCOPED(nb_json_free) json_t *outputs = json_array();
    for (size_t i = 0; i < self->output_count && outputs; i++) {
        const nb_event_output *output = &self->outputs[i];
        json_t *item = json_object();
        const bool complete = nb_event_set(item, "name", json_string(output->name)) &&
                              nb_event_set(item, "sha256", json_string(output->sha256)) &&
                              nb_event_set(item, "size", json_integer((json_int_t)output->size));
        if (json_array_append_new(outputs, item) != 0 || !complete) {
            return NULL;
        }
    }
    return json_incref(outputs);
}

static bool set_rendered(json_t *object, const nb_event *self)
{
    return nb_event_set(object, "rendering", json_string(self->rendering)) &&
           nb_event_set(object, "fingerprint", json_string(self->fingerprint)) &&
           nb_event_set(object, "outputs", outputs_to_json(self)) &&
           nb_event_set(object, "integrated_lufs", nb_json_number(self->integrated_lufs)) &&
           nb_event_set(object, "true_peak_dbtp", nb_json_number(self->true_peak_dbtp)) &&
           nb_event_set(object, "duration_s", nb_json_number(self->duration_s));
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

static nb_status parse_output(const json_t *item, nb_event_output *out, nb_error *err)
{
    int64_t size = 0;
    nb_status status = nb_event_copy_string(item, "name", &out->name, err);
    if (status == NB_OK) {
        status = nb_event_copy_string(item, "sha256", &out->sha256, err);
    }
    if (status == NB_OK) {
        status = nb_json_get_integer(what, item, "size", &size, err);
    }
    if (status == NB_OK && size < 0) {
        status = nb_event_invalid("outputs", "one has a size below zero", err);
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
    nb_status status = nb_event_copy_string(object, "rendering", &out->rendering, err);
    if (status == NB_OK) {
        status = nb_event_copy_string(object, "fingerprint", &out->fingerprint, err);
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

const nb_event_rules nb_event_of_rendered = {"rendered", parse_rendered, set_rendered,
                                             check_rendered};
