// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/mix_model.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 512, PAN_KEY_SIZE = 80 };

static const int64_t ns_per_s = 1000000000;

typedef struct builder {
    json_t *sections[NB_MIX_SECTIONS];
    const nb_document *document;
    nb_digest_lookup *lookup;
    void *context;
    bool no_memory;
    nb_status status; // of the lookup
    nb_error *err;
} builder;

const char *nb_mix_section_name(nb_mix_section section)
{
    static const char *const names[NB_MIX_SECTIONS] = {"song", "strip", "value", "lane",
                                                       "alternate"};
    return names[section];
}

json_t *nb_mix_model_section(const json_t *model, nb_mix_section section)
{
    return json_object_get(model, nb_mix_section_name(section));
}

json_t *nb_mix_model_get(const json_t *model, nb_mix_section section, const char *path)
{
    return json_object_get(nb_mix_model_section(model, section), path);
}

json_t *nb_mix_number(double value)
{
    static const double exact_max = 9007199254740992.0; // 2^53
    const bool whole = fabs(value) <= exact_max && value == floor(value);
    return whole ? json_integer((json_int_t)value) : json_real(value);
}

json_t *nb_mix_param_value(const nb_param *param, double value)
{
    if (param->scale == NB_SCALE_CHOICE) {
        return json_string(param->choices[(size_t)value]);
    }
    if (param->scale == NB_SCALE_SWITCH) {
        return json_boolean(value != 0.0);
    }
    return isinf(value) ? json_string("off") : nb_mix_number(value);
}

static bool find_choice(const nb_param *param, const char *word, double *out)
{
    for (size_t i = 0; param->choices[i]; i++) {
        if (strcmp(param->choices[i], word) == 0) {
            *out = (double)i;
            return true;
        }
    }
    return false;
}

bool nb_mix_param_number(const nb_param *param, const json_t *value, double *out)
{
    *out = 0.0;
    if (param->scale == NB_SCALE_CHOICE) {
        return json_is_string(value) && find_choice(param, json_string_value(value), out);
    }
    if (param->scale == NB_SCALE_SWITCH) {
        *out = json_is_true(value) ? 1.0 : 0.0;
        return json_is_boolean(value);
    }
    if (json_is_string(value)) {
        *out = -INFINITY;
        return param->off && strcmp(json_string_value(value), "off") == 0;
    }
    *out = json_number_value(value);
    return json_is_number(value) && *out >= param->min && *out <= param->max &&
           (param->scale != NB_SCALE_WHOLE || json_is_integer(value));
}

static json_t *time_value(int64_t ns)
{
    return ns % ns_per_s == 0 ? json_integer(ns / ns_per_s)
                              : json_real((double)ns / (double)ns_per_s);
}

static void put(builder *self, nb_mix_section section, json_t *value, const char *format, ...)
    NB_PRINTF(4, 5);

/// Put `value` (taken; null is "no memory") under a path.
static void put(builder *self, nb_mix_section section, json_t *value, const char *format, ...)
{
    char path[PATH_SIZE]; // ids have 64 characters, keys and parameters fewer
    va_list args;
    va_start(args, format);
    vsnprintf(path, sizeof path, format, args);
    va_end(args);
    if (json_object_set_new(self->sections[section], path, value) != 0) {
        self->no_memory = true;
    }
}

/// Lists are of what has a `const char *id` as its first member.
static json_t *ids_of(const void *items, size_t count, size_t size)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count && list; i++) {
        const char *id = *(const char *const *)((const char *)items + i * size);
        if (json_array_append_new(list, json_string(id)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/// A file by its path and its bytes.
static json_t *file_value(builder *self, const char *path)
{
    nb_digest digest = {0};
    char hex[NB_DIGEST_HEX_SIZE];
    nb_status status = self->status;
    if (status == NB_OK) {
        status =
            self->lookup ? self->lookup(self->context, path, &digest, self->err) : NB_E_NOT_FOUND;
    }
    if (status != NB_OK && status != NB_E_NOT_FOUND) {
        self->status = status;
    }
    nb_digest_to_hex(&digest, hex);
    return status == NB_OK ? json_pack("{s:s, s:s}", "path", path, "sha256", hex)
                           : json_pack("{s:s, s:n}", "path", path, "sha256");
}

static void put_param(builder *self, const nb_param *param, double value, const char *prefix,
                      const char *name)
{
    if (value != param->initial) {
        put(self, NB_MIX_VALUE, nb_mix_param_value(param, value), "%s%s", prefix, name);
    }
}

static void put_time(builder *self, int64_t ns, const char *prefix, const nb_key *key)
{
    if (ns > 0) {
        put(self, NB_MIX_VALUE, time_value(ns), "%s%s", prefix, key->name);
    }
}

static void put_clip(builder *self, const nb_strip *strip, const nb_clip *clip)
{
    const nb_key *keys = nb_clip_object.keys;
    char prefix[PATH_SIZE / 2];
    snprintf(prefix, sizeof prefix, "%s/clips/%s/", strip->id, clip->id);
    put(self, NB_MIX_VALUE, file_value(self, clip->file), "%s%s", prefix, keys[NB_CLIP_FILE].name);
    put_time(self, clip->at_ns, prefix, &keys[NB_CLIP_AT]);
    put_time(self, clip->offset_ns, prefix, &keys[NB_CLIP_OFFSET]);
    put_time(self, clip->length_ns, prefix, &keys[NB_CLIP_LENGTH]);
    put_param(self, keys[NB_CLIP_GAIN].param, clip->gain_db, prefix, keys[NB_CLIP_GAIN].name);
    put_time(self, clip->fade_in_ns, prefix, &keys[NB_CLIP_FADE_IN]);
    put_time(self, clip->fade_out_ns, prefix, &keys[NB_CLIP_FADE_OUT]);
    if (clip->fade_in_ns > 0) { // without a fade its shape says nothing
        put_param(self, keys[NB_CLIP_FADE_IN_SHAPE].param, clip->fade_in_shape, prefix,
                  keys[NB_CLIP_FADE_IN_SHAPE].name);
    }
    if (clip->fade_out_ns > 0) {
        put_param(self, keys[NB_CLIP_FADE_OUT_SHAPE].param, clip->fade_out_shape, prefix,
                  keys[NB_CLIP_FADE_OUT_SHAPE].name);
    }
}

static void put_bands(builder *self, const nb_insert *insert, const char *prefix)
{
    const nb_processor *processor = insert->processor;
    const size_t count = processor->band_param_count;
    if (insert->band_count == 0) {
        return;
    }
    put(self, NB_MIX_VALUE, ids_of(insert->band_ids, insert->band_count, sizeof *insert->band_ids),
        "%s%s", prefix, nb_insert_object.keys[NB_INSERT_BANDS].name);
    for (size_t b = 0; b < insert->band_count; b++) {
        char band[PATH_SIZE / 2];
        snprintf(band, sizeof band, "%s%s.", prefix, insert->band_ids[b]);
        for (size_t i = 0; i < count; i++) {
            put_param(self, &processor->band_params[i], insert->band_values[b * count + i], band,
                      processor->band_params[i].name);
        }
    }
}

static void put_insert(builder *self, const nb_strip *strip, const nb_insert *insert)
{
    const nb_key *keys = nb_insert_object.keys;
    const nb_processor *processor = insert->processor;
    char prefix[PATH_SIZE / 2];
    snprintf(prefix, sizeof prefix, "%s/%s/", strip->id, insert->id);
    put(self, NB_MIX_VALUE, json_string(processor->name), "%s%s", prefix,
        keys[NB_INSERT_PROCESSOR].name);
    put_param(self, keys[NB_INSERT_BYPASS].param, insert->bypass, prefix,
              keys[NB_INSERT_BYPASS].name);
    put_param(self, keys[NB_INSERT_CHANNEL].param, insert->part, prefix,
              keys[NB_INSERT_CHANNEL].name);
    put_param(self, keys[NB_INSERT_WET].param, insert->wet_percent, prefix,
              keys[NB_INSERT_WET].name);
    for (size_t i = 0; i < processor->param_count; i++) {
        put_param(self, &processor->params[i], insert->values[i], prefix,
                  processor->params[i].name);
    }
    if (insert->sidechain) {
        put(self, NB_MIX_VALUE, json_string(insert->sidechain), "%s%s", prefix,
            keys[NB_INSERT_SIDECHAIN].name);
    }
    if (insert->file) {
        put(self, NB_MIX_VALUE, file_value(self, insert->file), "%s%s", prefix,
            keys[NB_INSERT_FILE].name);
    }
    put_bands(self, insert, prefix);
}

static void put_send(builder *self, const nb_strip *strip, const nb_send *send)
{
    const nb_key *keys = nb_send_object.keys;
    char prefix[PATH_SIZE / 2];
    snprintf(prefix, sizeof prefix, "%s/sends/%s/", strip->id, send->to);
    put(self, NB_MIX_VALUE, nb_mix_param_value(keys[NB_SEND_LEVEL].param, send->level_db), "%s%s",
        prefix, keys[NB_SEND_LEVEL].name);
    put_param(self, keys[NB_SEND_TAP].param, send->pre_fader, prefix, keys[NB_SEND_TAP].name);
}

static void put_strip_values(builder *self, const nb_strip *strip, const char *prefix)
{
    const nb_key *keys = nb_bus_object.keys;
    const nb_processor *pan = nb_processor_find("pan");
    if (strcmp(strip->name, strip->id) != 0) {
        put(self, NB_MIX_VALUE, json_string(strip->name), "%s%s", prefix, keys[NB_STRIP_NAME].name);
    }
    if (strip->output && strcmp(strip->output, "mix") != 0) {
        put(self, NB_MIX_VALUE, json_string(strip->output), "%s%s", prefix,
            keys[NB_STRIP_OUTPUT].name);
    }
    put_param(self, keys[NB_STRIP_FADER].param, strip->fader_db, prefix, keys[NB_STRIP_FADER].name);
    for (size_t i = 0; strip->pan_values && i < pan->param_count; i++) {
        char name[PAN_KEY_SIZE];
        put_param(self, &pan->params[i], strip->pan_values[i], prefix,
                  nb_schema_pan_key(&pan->params[i], name, sizeof name));
    }
    put_param(self, keys[NB_STRIP_POLARITY].param, strip->polarity_inverted, prefix,
              keys[NB_STRIP_POLARITY].name);
    put_param(self, keys[NB_STRIP_MUTE].param, strip->mute, prefix, keys[NB_STRIP_MUTE].name);
}

static void put_strip(builder *self, const nb_strip *strip)
{
    char prefix[PATH_SIZE / 4];
    snprintf(prefix, sizeof prefix, "%s/", strip->id);
    if (strip != &self->document->mix) { // which is always there
        put(self, NB_MIX_STRIP, json_string(strip->is_bus ? "bus" : "track"), "%s", strip->id);
    }
    put_strip_values(self, strip, prefix);
    for (size_t i = 0; i < strip->clip_count; i++) {
        put_clip(self, strip, &strip->clips[i]);
    }
    if (strip->insert_count > 0) {
        put(self, NB_MIX_VALUE, ids_of(strip->inserts, strip->insert_count, sizeof *strip->inserts),
            "%s%s", prefix, nb_mix_object.keys[NB_STRIP_INSERTS].name);
    }
    for (size_t i = 0; i < strip->insert_count; i++) {
        put_insert(self, strip, &strip->inserts[i]);
    }
    for (size_t i = 0; i < strip->send_count; i++) {
        put_send(self, strip, &strip->sends[i]);
    }
}

static json_t *tempo_value(const nb_document *document)
{
    json_t *list = json_array();
    for (size_t i = 0; i < document->tempo_count && list; i++) {
        const nb_document_tempo *tempo = &document->tempos[i];
        char meter[24];
        snprintf(meter, sizeof meter, "%u/%u", tempo->beats, tempo->unit);
        if (json_array_append_new(list, json_pack("[o, o, s]", time_value(tempo->ns),
                                                  nb_mix_number(tempo->bpm), meter)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static void put_song(builder *self)
{
    const nb_document *document = self->document;
    const nb_key *keys = nb_song_object.keys;
    put(self, NB_MIX_SONG, json_string(document->title), "%s", keys[NB_SONG_TITLE].name);
    put(self, NB_MIX_SONG, json_integer(document->rate_hz), "%s", keys[NB_SONG_RATE].name);
    put(self, NB_MIX_SONG, nb_mix_number(document->tail_max_s), "%s", keys[NB_SONG_TAIL].name);
    put(self, NB_MIX_SONG, tempo_value(document), "%s", keys[NB_SONG_TEMPO].name);
    put(self, NB_MIX_SONG,
        ids_of(document->tracks, document->track_count, sizeof *document->tracks), "%s",
        keys[NB_SONG_TRACKS].name);
    put(self, NB_MIX_SONG, ids_of(document->buses, document->bus_count, sizeof *document->buses),
        "%s", keys[NB_SONG_BUSES].name);
    put(self, NB_MIX_SONG,
        ids_of(document->alternates, document->alternate_count, sizeof *document->alternates), "%s",
        keys[NB_SONG_ALTERNATES].name);
}

static void put_lane(builder *self, const nb_lane *lane)
{
    json_t *points = json_array();
    for (size_t i = 0; i < lane->point_count && points; i++) {
        json_t *point = json_pack("[o, o]", time_value(lane->points[i].ns),
                                  nb_mix_param_value(lane->param, lane->points[i].value));
        if (json_array_append_new(points, point) != 0) {
            json_decref(points);
            points = NULL;
        }
    }
    const nb_key *curve = &nb_lane_object.keys[NB_LANE_KEY_CURVE];
    put(self, NB_MIX_LANE,
        json_pack("{s:o, s:o}", curve->name, nb_mix_param_value(curve->param, lane->curve),
                  nb_lane_object.keys[NB_LANE_KEY_POINTS].name, points),
        "%s", lane->path);
}

static json_t *override_value(const nb_override *override)
{
    const nb_key *keys = nb_alternate_object.keys;
    json_t *value = json_object();
    bool good = value != NULL;
    if (override->mute) {
        good = good && json_object_set_new(value, keys[NB_ALTERNATE_MUTE].name, json_true()) == 0;
    }
    if (override->unmute) {
        good = good && json_object_set_new(value, keys[NB_ALTERNATE_UNMUTE].name, json_true()) == 0;
    }
    if (override->offset_db != 0.0) {
        good = good && json_object_set_new(value, keys[NB_ALTERNATE_OFFSET].name,
                                           nb_mix_number(override->offset_db)) == 0;
    }
    if (!good) {
        json_decref(value);
    }
    return good ? value : NULL;
}

static void put_alternate(builder *self, const nb_alternate *alternate)
{
    put(self, NB_MIX_ALTERNATE, json_string(alternate->name), "%s", alternate->id);
    for (size_t i = 0; i < alternate->override_count; i++) {
        put(self, NB_MIX_ALTERNATE, override_value(&alternate->overrides[i]), "%s/%s",
            alternate->id, alternate->overrides[i].strip->id);
    }
}

static void put_all(builder *self)
{
    const nb_document *document = self->document;
    put_song(self);
    for (size_t i = 0; i < document->track_count; i++) {
        put_strip(self, &document->tracks[i]);
    }
    for (size_t i = 0; i < document->bus_count; i++) {
        put_strip(self, &document->buses[i]);
    }
    put_strip(self, &document->mix);
    for (size_t i = 0; i < document->lane_count; i++) {
        put_lane(self, &document->lanes[i]);
    }
    for (size_t i = 0; i < document->alternate_count; i++) {
        put_alternate(self, &document->alternates[i]);
    }
}

nb_status nb_mix_model_make(const nb_document *document, nb_digest_lookup *lookup, void *context,
                            json_t **out, nb_error *err)
{
    NB_SCOPED(nb_json_free) json_t *model = json_object();
    builder self = {.document = document, .lookup = lookup, .context = context, .err = err};
    *out = NULL;
    for (nb_mix_section i = 0; i < NB_MIX_SECTIONS; i++) {
        self.sections[i] = json_object();
        if (json_object_set_new(model, nb_mix_section_name(i), self.sections[i]) != 0) {
            return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory to compare it", document->file_name);
        }
    }
    put_all(&self);
    if (self.no_memory) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory to compare it", document->file_name);
    }
    if (self.status == NB_OK) {
        *out = model;
        model = NULL; // the caller's now
    }
    return self.status;
}

/// Does `digits` bring back every number in `json`?
static bool is_exact(json_t *json, int digits)
{
    if (json_is_real(json)) {
        char text[40];
        snprintf(text, sizeof text, "%.*g", digits, json_real_value(json));
        return strtod(text, NULL) == json_real_value(json);
    }
    if (json_is_object(json)) {
        const char *key = NULL;
        json_t *member = NULL;
        json_object_foreach(json, key, member)
        {
            if (!is_exact(member, digits)) {
                return false;
            }
        }
        return true;
    }
    for (size_t i = 0; i < json_array_size(json); i++) {
        if (!is_exact(json_array_get(json, i), digits)) {
            return false;
        }
    }
    return true;
}

char *nb_mix_json_text(json_t *json)
{
    enum { DIGITS_FEW = 9, DIGITS_ALL = 17 };
    int digits = DIGITS_FEW;
    while (digits < DIGITS_ALL && !is_exact(json, digits)) {
        digits++;
    }
    return json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION((size_t)digits));
}
