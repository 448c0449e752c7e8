// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS_MAX = 10 * 86400 }; ///< A day at 10 Hz

static const double loudness_interval_s = 0.1;

void nb_report_fini(nb_report *self)
{
    free(self->short_term_lufs);
    free(self->momentary_lufs);
    *self = (nb_report){0};
}

// ---- JSON ----

/// The members that are plain numbers, in the order of the JSON.
static const struct {
    const char *key;
    size_t offset;
} numbers[] = {
    {"integrated_lufs", offsetof(nb_report, integrated_lufs)},
    {"loudness_range_lu", offsetof(nb_report, loudness_range_lu)},
    {"short_term_max_lufs", offsetof(nb_report, short_term_max_lufs)},
    {"momentary_max_lufs", offsetof(nb_report, momentary_max_lufs)},
    {"true_peak_dbtp", offsetof(nb_report, true_peak_dbtp)},
    {"sample_peak_dbfs", offsetof(nb_report, sample_peak_dbfs)},
    {"plr_lu", offsetof(nb_report, plr_lu)},
    {"duration_s", offsetof(nb_report, duration_s)},
    {"dc_offset", offsetof(nb_report, dc_offset)},
    {"stereo_correlation", offsetof(nb_report, stereo_correlation)},
    {"silence_head_s", offsetof(nb_report, silence_head_s)},
    {"silence_tail_s", offsetof(nb_report, silence_tail_s)},
};

static double *number_at(nb_report *self, size_t offset)
{
    return (double *)(void *)((char *)self + offset);
}

static double number_of(const nb_report *self, size_t offset)
{
    double value;
    memcpy(&value, (const char *)self + offset, sizeof value);
    return value;
}

/// A series with two digits: a hundredth of an LU is more than any ear or standard asks for.
static json_t *series_to_json(const float *values, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < count; i++) {
        const double rounded =
            isfinite(values[i]) ? round((double)values[i] * 100.0) / 100.0 : -INFINITY;
        json_array_append_new(list, nb_json_number(rounded));
    }
    return list;
}

json_t *nb_report_to_json(const nb_report *self)
{
    json_t *json = json_object();
    for (size_t i = 0; json && i < NB_COUNT(numbers); i++) {
        json_object_set_new(json, numbers[i].key,
                            nb_json_number(number_of(self, numbers[i].offset)));
    }
    json_t *over_time = json ? json_object() : NULL;
    if (!over_time) {
        json_decref(json);
        return NULL;
    }
    json_object_set_new(json, "sample_rate_hz", json_integer(self->sample_rate_hz));
    json_object_set_new(json, "channels", json_integer(self->channels));
    json_object_set_new(json, "frames", json_integer(self->frames));
    json_object_set_new(json, "clipped_samples", json_integer(self->clipped_samples));
    json_object_set_new(over_time, "interval_s", json_real(loudness_interval_s));
    json_object_set_new(over_time, "short_term_lufs",
                        series_to_json(self->short_term_lufs, self->loudness_count));
    json_object_set_new(over_time, "momentary_lufs",
                        series_to_json(self->momentary_lufs, self->loudness_count));
    json_object_set_new(json, "loudness_over_time", over_time);
    return json;
}

/// A number, or -INFINITY for null. Integers are numbers too.
static nb_status read_number(const char *what, const json_t *object, const char *key, double *out,
                             nb_error *err)
{
    if (json_is_null(json_object_get(object, key))) {
        *out = -INFINITY;
        return NB_OK;
    }
    return nb_json_get_number(what, object, key, out, err);
}

static nb_status read_series(const char *what, const json_t *over_time, const char *key,
                             size_t count, float **out, nb_error *err)
{
    json_t *list = NULL;
    const nb_status status = nb_json_get_array(what, over_time, key, &list, err);
    if (status != NB_OK) {
        return status;
    }
    if (json_array_size(list) != count || count > POINTS_MAX) {
        return nb_fail(err, NB_E_INVALID, "%s: '%s' has %zu values; %zu were expected", what, key,
                       json_array_size(list), count);
    }
    float *values = calloc(count ? count : 1, sizeof *values);
    if (!values) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", what);
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(list, i);
        values[i] = json_is_number(value) ? (float)json_number_value(value) : -INFINITY;
    }
    *out = values;
    return NB_OK;
}

static nb_status read_shape(const char *what, const json_t *json, nb_report *out, nb_error *err)
{
    int64_t rate_hz = 0;
    int64_t channels = 0;
    nb_status status = nb_json_get_integer(what, json, "sample_rate_hz", &rate_hz, err);
    if (status == NB_OK) {
        status = nb_json_get_integer(what, json, "channels", &channels, err);
    }
    if (status == NB_OK) {
        status = nb_json_get_integer(what, json, "frames", &out->frames, err);
    }
    if (status == NB_OK) {
        status = nb_json_get_integer(what, json, "clipped_samples", &out->clipped_samples, err);
    }
    if (status == NB_OK && (rate_hz < 1 || rate_hz > 1000000 || channels < 1 || channels > 1024)) {
        status = nb_fail(err, NB_E_INVALID, "%s: %lld channels at %lld Hz", what,
                         (long long)channels, (long long)rate_hz);
    }
    out->sample_rate_hz = (unsigned)rate_hz;
    out->channels = (unsigned)channels;
    return status;
}

static nb_status read_over_time(const char *what, const json_t *json, nb_report *out, nb_error *err)
{
    const json_t *over_time = json_object_get(json, "loudness_over_time");
    json_t *list = NULL;
    nb_status status = nb_json_get_array(what, over_time, "short_term_lufs", &list, err);
    if (status != NB_OK) {
        return status;
    }
    out->loudness_count = json_array_size(list);
    status = read_series(what, over_time, "short_term_lufs", out->loudness_count,
                         &out->short_term_lufs, err);
    if (status == NB_OK) {
        status = read_series(what, over_time, "momentary_lufs", out->loudness_count,
                             &out->momentary_lufs, err);
    }
    return status;
}

nb_status nb_report_from_json(const char *what, const json_t *json, nb_report *out, nb_error *err)
{
    *out = (nb_report){0};
    NB_SCOPED(nb_report_fini) nb_report report = {0};
    nb_status status = NB_OK;
    for (size_t i = 0; i < NB_COUNT(numbers) && status == NB_OK; i++) {
        status =
            read_number(what, json, numbers[i].key, number_at(&report, numbers[i].offset), err);
    }
    if (status == NB_OK) {
        status = read_shape(what, json, &report, err);
    }
    if (status == NB_OK) {
        status = read_over_time(what, json, &report, err);
    }
    if (status == NB_OK) {
        *out = report;
        report = (nb_report){0}; // the caller's now
    }
    return status;
}

nb_status nb_report_write(const nb_report *self, const char *path, nb_error *err)
{
    NB_SCOPED(nb_json_free) json_t *json = nb_report_to_json(self);
    if (!json) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", path);
    }
    return nb_json_write(path, json, err);
}
