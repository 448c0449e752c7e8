// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    POINTS_PER_SECOND = 10,
    POINTS_MAX = 24 * 60 * 60 * POINTS_PER_SECOND + 1,
    LEVEL_DIGITS = 3,
    POINT_DIGITS = 2
};

const double nb_report_band_hz[NB_REPORT_BANDS] = {
    25,  31.5, 40,   50,   63,   80,   100,  125,  160,  200,  250,  315,   400,   500,   630,
    800, 1000, 1250, 1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000, 10000, 12500, 16000, 20000};

/// The levels, which are null for silence, and where they stand.
typedef struct level_key {
    const char *key;
    size_t offset;
} level_key;

static const level_key level_keys[] = {
    {"integrated_lufs", offsetof(nb_report, integrated_lufs)},
    {"loudness_range_lu", offsetof(nb_report, loudness_range_lu)},
    {"short_term_max_lufs", offsetof(nb_report, short_term_max_lufs)},
    {"momentary_max_lufs", offsetof(nb_report, momentary_max_lufs)},
    {"true_peak_dbtp", offsetof(nb_report, true_peak_dbtp)},
    {"sample_peak_dbfs", offsetof(nb_report, sample_peak_dbfs)},
    {"plr_lu", offsetof(nb_report, plr_lu)},
};

void nb_report_fini(nb_report *self)
{
    free(self->short_term_lufs);
    free(self->momentary_lufs);
    *self = (nb_report){0};
}

static bool set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

/// Digits that mean something to a meter; further ones would only differ between machines.
static json_t *rounded(double value, int digits)
{
    const double unit = pow(10.0, digits);
    const double near = round(value * unit) / unit;
    return nb_json_number((near == 0.0) ? 0.0 : near); // no "-0.0"
}

static json_t *points_to_json(const float *points, size_t count)
{
    NB_SCOPED(nb_json_free) json_t *array = json_array();
    for (size_t i = 0; i < count && array; i++) {
        if (json_array_append_new(array, rounded((double)points[i], POINT_DIGITS)) != 0) {
            return NULL;
        }
    }
    return json_incref(array);
}

static json_t *loudness_to_json(const nb_report *self)
{
    NB_SCOPED(nb_json_free) json_t *object = json_object();
    const bool complete =
        object && set(object, "interval_s", json_real(1.0 / POINTS_PER_SECOND)) &&
        set(object, "short_term_lufs",
            points_to_json(self->short_term_lufs, self->loudness_count)) &&
        set(object, "momentary_lufs", points_to_json(self->momentary_lufs, self->loudness_count));
    return complete ? json_incref(object) : NULL;
}

static json_t *spectrum_to_json(const nb_report *self)
{
    NB_SCOPED(nb_json_free) json_t *centres = json_array();
    NB_SCOPED(nb_json_free) json_t *levels = json_array();
    bool complete = centres && levels;
    for (size_t i = 0; i < self->spectrum_count && complete; i++) {
        complete = json_array_append_new(centres, nb_json_number(nb_report_band_hz[i])) == 0 &&
                   json_array_append_new(levels, rounded(self->spectrum_db[i], POINT_DIGITS)) == 0;
    }
    return complete ? json_pack("{s:O, s:O}", "centre_hz", centres, "level_db", levels) : NULL;
}

json_t *nb_report_to_json(const nb_report *self)
{
    NB_SCOPED(nb_json_free) json_t *object = json_object();
    bool complete = object != NULL;
    for (size_t i = 0; i < NB_COUNT(level_keys) && complete; i++) {
        double level;
        memcpy(&level, (const char *)self + level_keys[i].offset, sizeof level);
        complete = set(object, level_keys[i].key, rounded(level, LEVEL_DIGITS));
    }
    complete = complete && set(object, "duration_s", nb_json_number(self->duration_s)) &&
               set(object, "sample_rate_hz", json_integer(self->sample_rate_hz)) &&
               set(object, "channels", json_integer(self->channels)) &&
               set(object, "frames", json_integer(self->frames)) &&
               set(object, "clipped_samples", json_integer(self->clipped_samples)) &&
               set(object, "dc_offset", rounded(self->dc_offset, 9)) &&
               set(object, "stereo_correlation", rounded(self->stereo_correlation, 6)) &&
               set(object, "silence_head_s", nb_json_number(self->silence_head_s)) &&
               set(object, "silence_tail_s", nb_json_number(self->silence_tail_s)) &&
               set(object, "spectrum", spectrum_to_json(self)) &&
               set(object, "loudness_over_time", loudness_to_json(self));
    return complete ? json_incref(object) : NULL;
}

nb_status nb_report_write(const nb_report *self, const char *path, nb_error *err)
{
    NB_SCOPED(nb_json_free) json_t *json = nb_report_to_json(self);
    if (!json) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory for the report", path);
    }
    return nb_json_write(path, json, err);
}

char *nb_report_to_text(const nb_report *self)
{
    NB_SCOPED(nb_json_free) json_t *json = nb_report_to_json(self);
    return json ? nb_json_to_text(json) : NULL;
}

/// A number, or -INFINITY where it is null.
static nb_status read_level(const char *what, const json_t *json, const char *key, double *out,
                            nb_error *err)
{
    if (json_is_null(json_object_get(json, key))) {
        *out = -INFINITY;
        return NB_OK;
    }
    return nb_json_get_number(what, json, key, out, err);
}

static nb_status read_count(const char *what, const json_t *json, const char *key, int64_t most,
                            int64_t *out, nb_error *err)
{
    const nb_status status = nb_json_get_integer(what, json, key, out, err);
    if (status == NB_OK && (*out < 0 || *out > most)) {
        return nb_fail(err, NB_E_INVALID, "%s: '%s' is %lld; 0 to %lld are possible", what, key,
                       (long long)*out, (long long)most);
    }
    return status;
}

static nb_status read_points(const char *what, const json_t *json, const char *key, float **out,
                             size_t *out_count, nb_error *err)
{
    json_t *array = NULL;
    nb_status status = nb_json_get_array(what, json, key, &array, err);
    const size_t count = json_array_size(array);
    if (status == NB_OK && count > POINTS_MAX) {
        status = nb_fail(err, NB_E_LIMIT, "%s: '%s' has %zu points; at most %d are read", what, key,
                         count, POINTS_MAX);
    }
    if (status != NB_OK) {
        return status;
    }
    float *points = malloc((count ? count : 1) * sizeof *points);
    if (!points) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory for '%s'", what, key);
    }
    *out = points; // the report's, and freed with it
    *out_count = count;
    for (size_t i = 0; i < count; i++) {
        const json_t *point = json_array_get(array, i);
        if (!json_is_number(point) && !json_is_null(point)) {
            return nb_fail(err, NB_E_INVALID, "%s: '%s' has more than numbers in it", what, key);
        }
        points[i] = json_is_null(point) ? -INFINITY : (float)json_number_value(point);
    }
    return NB_OK;
}

static nb_status read_loudness(const char *what, const json_t *json, nb_report *out, nb_error *err)
{
    const json_t *series = json_object_get(json, "loudness_over_time");
    size_t momentary_count = 0;
    nb_status status = read_points(what, series, "short_term_lufs", &out->short_term_lufs,
                                   &out->loudness_count, err);
    if (status == NB_OK) {
        status = read_points(what, series, "momentary_lufs", &out->momentary_lufs, &momentary_count,
                             err);
    }
    if (status == NB_OK && momentary_count != out->loudness_count) {
        status = nb_fail(err, NB_E_INVALID, "%s: its two series differ in length", what);
    }
    return status;
}

/// Reports from before there was a spectrum have none.
static nb_status read_spectrum(const char *what, const json_t *json, nb_report *out, nb_error *err)
{
    const json_t *spectrum = json_object_get(json, "spectrum");
    json_t *levels = NULL;
    const nb_status status =
        spectrum ? nb_json_get_array(what, spectrum, "level_db", &levels, err) : NB_OK;
    const size_t count = json_array_size(levels);
    if (status == NB_OK && count > NB_REPORT_BANDS) {
        return nb_fail(err, NB_E_LIMIT, "%s: its spectrum has %zu bands; at most %d are read", what,
                       count, NB_REPORT_BANDS);
    }
    for (size_t i = 0; i < count && status == NB_OK; i++) {
        const json_t *level = json_array_get(levels, i);
        if (!json_is_number(level) && !json_is_null(level)) {
            return nb_fail(err, NB_E_INVALID, "%s: 'level_db' has more than numbers in it", what);
        }
        out->spectrum_db[i] = json_is_null(level) ? -INFINITY : json_number_value(level);
    }
    out->spectrum_count = count;
    return status;
}

static nb_status read_counts(const char *what, const json_t *json, nb_report *out, nb_error *err)
{
    enum { RATE_MAX_HZ = 384000, CHANNELS_MAX = 64 };
    static const int64_t frames_max = 24LL * 60 * 60 * RATE_MAX_HZ;
    int64_t rate_hz = 0;
    int64_t channels = 0;
    nb_status status = read_count(what, json, "sample_rate_hz", RATE_MAX_HZ, &rate_hz, err);
    if (status == NB_OK) {
        status = read_count(what, json, "channels", CHANNELS_MAX, &channels, err);
    }
    if (status == NB_OK) {
        status = read_count(what, json, "frames", frames_max, &out->frames, err);
    }
    if (status == NB_OK) {
        status = read_count(what, json, "clipped_samples", frames_max * CHANNELS_MAX,
                            &out->clipped_samples, err);
    }
    out->sample_rate_hz = (unsigned)rate_hz;
    out->channels = (unsigned)channels;
    return status;
}

static nb_status read_levels(const char *what, const json_t *json, nb_report *out, nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t i = 0; i < NB_COUNT(level_keys) && status == NB_OK; i++) {
        double level = 0.0;
        status = read_level(what, json, level_keys[i].key, &level, err);
        memcpy((char *)out + level_keys[i].offset, &level, sizeof level);
    }
    if (status == NB_OK) {
        status = read_level(what, json, "stereo_correlation", &out->stereo_correlation, err);
    }
    return status;
}

static nb_status read_plain(const char *what, const json_t *json, nb_report *out, nb_error *err)
{
    const struct {
        const char *key;
        double *out;
    } members[] = {
        {"duration_s", &out->duration_s},
        {"dc_offset", &out->dc_offset},
        {"silence_head_s", &out->silence_head_s},
        {"silence_tail_s", &out->silence_tail_s},
    };
    nb_status status = NB_OK;
    for (size_t i = 0; i < NB_COUNT(members) && status == NB_OK; i++) {
        status = nb_json_get_number(what, json, members[i].key, members[i].out, err);
    }
    return status;
}

nb_status nb_report_from_json(const char *what, const json_t *json, nb_report *out, nb_error *err)
{
    *out = (nb_report){0};
    NB_SCOPED(nb_report_fini) nb_report report = {0};
    nb_status status = read_levels(what, json, &report, err);
    if (status == NB_OK) {
        status = read_plain(what, json, &report, err);
    }
    if (status == NB_OK) {
        status = read_counts(what, json, &report, err);
    }
    if (status == NB_OK) {
        status = read_spectrum(what, json, &report, err);
    }
    if (status == NB_OK) {
        status = read_loudness(what, json, &report, err);
    }
    if (status == NB_OK) {
        *out = report;
        report = (nb_report){0};
    }
    return status;
}
