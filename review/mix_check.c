// SPDX-License-Identifier: GPL-3.0-or-later
// A model from outside held against the tables: every value one that its key takes, everything that
// it names there.
#include "review/mix_model.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 512, ID_SIZE = 65, METER_MAX = 64 };

static const double day_s = 86400.0;

typedef struct checker {
    const json_t *model;
    nb_mix_section section;
    const char *path;
    nb_error *err;
} checker;

static nb_status refuse(const checker *self, const char *expected)
{
    return nb_fail(self->err, NB_E_INVALID, "%s '%.300s': expected %s",
                   nb_mix_section_name(self->section), self->path, expected);
}

static nb_status require(const checker *self, bool good, const char *expected)
{
    return good ? NB_OK : refuse(self, expected);
}

/// "track", "bus", "mix", or null where there is no such strip.
static const char *kind_of(const checker *self, const char *id)
{
    return strcmp(id, "mix") == 0
               ? "mix"
               : json_string_value(nb_mix_model_get(self->model, NB_MIX_STRIP, id));
}

static bool is_kind(const checker *self, const char *id, const char *kind)
{
    const char *found = kind_of(self, id);
    return found && strcmp(found, kind) == 0;
}

static void take_span(nb_mix_span span, char out[ID_SIZE])
{
    snprintf(out, ID_SIZE, "%.*s", (int)span.length, span.chars);
}

static json_t *value_of(const checker *self, const char *format, ...) NB_PRINTF(2, 3);

static json_t *value_of(const checker *self, const char *format, ...)
{
    char path[PATH_SIZE];
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(path, sizeof path, format, args);
    va_end(args);
    return length < (int)sizeof path ? nb_mix_model_get(self->model, NB_MIX_VALUE, path) : NULL;
}

static bool is_time(const json_t *value)
{
    const double seconds = json_number_value(value);
    return json_is_number(value) && seconds >= 0.0 && seconds <= day_s;
}

static bool is_name(const json_t *value)
{
    return json_is_string(value) &&
           nb_text_check_name("name", json_string_value(value), NULL) == NB_OK;
}

static bool is_file(const json_t *value)
{
    const json_t *sha256 = json_object_get(value, "sha256");
    const char *path = json_string_value(json_object_get(value, "path"));
    nb_digest digest;
    return json_object_size(value) == 2 && path && nb_text_check_path(path, NULL) == NB_OK &&
           (json_is_null(sha256) ||
            (json_is_string(sha256) &&
             nb_digest_from_hex(json_string_value(sha256), &digest, NULL) == NB_OK));
}

static bool list_has(const json_t *list, nb_mix_span id)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *one = json_string_value(json_array_get(list, i));
        if (one && strlen(one) == id.length && memcmp(one, id.chars, id.length) == 0) {
            return true;
        }
    }
    return false;
}

/// A list of at most `most` ids, each once.
static bool are_ids(const json_t *list, size_t most)
{
    if (!json_is_array(list) || json_array_size(list) > most) {
        return false;
    }
    NB_SCOPED(nb_json_free) json_t *seen = json_object();
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *id = json_string_value(json_array_get(list, i));
        if (!id || !nb_text_is_id(id) || json_object_get(seen, id) ||
            json_object_set_new(seen, id, json_true()) != 0) {
            return false;
        }
    }
    return true;
}

static nb_status check_param(const checker *self, const nb_param *param, const json_t *value,
                             const char *name)
{
    double number = 0.0;
    if (!nb_mix_param_number(param, value, &number)) {
        char expected[120];
        snprintf(expected, sizeof expected, "%.60s as its table has it, %g to %g%s%s", name,
                 param->min, param->max, param->unit[0] ? " " : "", param->unit);
        return refuse(self, expected);
    }
    return NB_OK;
}

static nb_status check_ids(const checker *self, const nb_mix_key *key, const json_t *value)
{
    const bool bands = key->area == NB_MIX_OF_INSERT;
    const size_t most = !bands ? NB_INSERTS_MAX : key->processor ? key->processor->bands_max : 0;
    nb_status status = require(self, are_ids(value, most) && json_array_size(value) > 0,
                               bands ? "ids of bands, each once" : "ids of inserts, each once");
    for (size_t i = 0; !bands && status == NB_OK && i < json_array_size(value); i++) {
        status = require(self,
                         value_of(self, "%.*s/%s/processor", (int)key->strip.length,
                                  key->strip.chars, json_string_value(json_array_get(value, i))),
                         "a processor for each insert");
    }
    return status;
}

static nb_status check_id(const checker *self, const nb_mix_key *key, const json_t *value)
{
    const char *id = json_string_value(value);
    return key->area == NB_MIX_OF_STRIP
               ? require(self, id && is_kind(self, id, "bus"), "the id of a bus")
               : require(self,
                         id && (is_kind(self, id, "bus") || is_kind(self, id, "track")) &&
                             key->processor && key->processor->takes_sidechain,
                         "the id of a track or bus, and a processor that listens to one");
}

static nb_status check_processor(const checker *self, const nb_mix_key *key, const json_t *value)
{
    const char *name = json_string_value(value);
    const nb_processor *processor = name ? nb_processor_find(name) : NULL;
    const json_t *file = value_of(
        self, "%.*s/file", (int)(key->item.chars + key->item.length - self->path), self->path);
    if (!processor || processor->hidden) {
        return refuse(self, "the name of a processor");
    }
    return require(
        self, file ? processor->takes_audio : !processor->takes_audio || processor->audio_optional,
        "a file exactly where the processor takes one");
}

/// Values at their default are left out, so that equal documents have equal models.
static nb_status check_not_default(const checker *self, const nb_mix_key *key, const json_t *value)
{
    double number = 1.0;
    const char *text = json_string_value(value);
    bool differs = true;
    if (key->type == NB_KEY_PARAM) {
        const bool is_level = key->area == NB_MIX_OF_SEND && key->param == &nb_level_param;
        differs = is_level || !nb_mix_param_number(key->param, value, &number) ||
                  number != key->param->initial;
    } else if (key->type == NB_KEY_TIME) {
        differs = json_number_value(value) > 0.0;
    } else if (key->type == NB_KEY_NAME) {
        differs = strlen(text) != key->strip.length ||
                  memcmp(text, key->strip.chars, key->strip.length) != 0;
    }
    return require(self, differs, "nothing, as this is the default");
}

static nb_status check_type(const checker *self, const nb_mix_key *key, const json_t *value)
{
    switch (key->type) {
    case NB_KEY_PARAM:
        return check_param(self, key->param, value, key->name);
    case NB_KEY_NAME:
        return require(self, is_name(value), "a name of 1 to 200 printable bytes");
    case NB_KEY_TIME:
        return require(self, is_time(value), "seconds, up to 24 hours");
    case NB_KEY_PATH:
        return require(self, is_file(value), "a path in the album, and a SHA-256 or null");
    case NB_KEY_IDS:
        return check_ids(self, key, value);
    case NB_KEY_ID:
        return check_id(self, key, value);
    case NB_KEY_PROCESSOR:
        return check_processor(self, key, value);
    default:
        return refuse(self, "a key that has a value");
    }
}

/// Is the strip, clip, insert, band or send there that the key is about?
static nb_status check_owner(const checker *self, const nb_mix_key *key)
{
    char strip[ID_SIZE];
    char item[ID_SIZE];
    take_span(key->strip, strip);
    take_span(key->item, item);
    const char *kind = kind_of(self, strip);
    if (!kind) {
        return refuse(self, "a track or bus that is there");
    }
    if (key->area == NB_MIX_OF_CLIP) {
        return require(
            self, strcmp(kind, "track") == 0 && value_of(self, "%s/clips/%s/file", strip, item),
            "a track's clip that has a file");
    }
    if (key->area == NB_MIX_OF_SEND) {
        return require(self,
                       strcmp(kind, "mix") != 0 && is_kind(self, item, "bus") &&
                           value_of(self, "%s/sends/%s/level_db", strip, item),
                       "a send to a bus, with a level");
    }
    if (key->area == NB_MIX_OF_INSERT) {
        const nb_status status =
            require(self, list_has(value_of(self, "%s/inserts", strip), key->item),
                    "an insert that the strip's list has");
        return status != NB_OK || key->band.length == 0
                   ? status
                   : require(self, list_has(value_of(self, "%s/%s/bands", strip, item), key->band),
                             "a band that the insert's list has");
    }
    return NB_OK;
}

/// A fade's shape stands only beside the fade: "fade_in_shape" beside "fade_in".
static nb_status check_shape(const checker *self, const nb_mix_key *key)
{
    static const char ending[] = "_shape";
    const size_t length = strlen(self->path) - strlen(ending);
    if (key->area != NB_MIX_OF_CLIP || strcmp(self->path + length, ending) != 0) {
        return NB_OK;
    }
    return require(self, value_of(self, "%.*s", (int)length, self->path), "a fade of this shape");
}

static nb_status check_value(checker *self, const json_t *value)
{
    nb_mix_key key;
    if (strlen(self->path) >= PATH_SIZE || !nb_mix_key_find(self->model, self->path, &key)) {
        return refuse(self, "a path such as vox/fader_db or vox/comp/ratio");
    }
    nb_status status = check_owner(self, &key);
    if (status == NB_OK) {
        status = check_type(self, &key, value);
    }
    if (status == NB_OK) {
        status = check_not_default(self, &key, value);
    }
    return status == NB_OK ? check_shape(self, &key) : status;
}

static nb_status check_points(const checker *self, const nb_mix_key *key, const json_t *points)
{
    double last_s = 0.0;
    nb_status status = require(
        self, json_array_size(points) > 0 && json_array_size(points) <= NB_POINTS_MAX, "points");
    for (size_t i = 0; i < json_array_size(points) && status == NB_OK; i++) {
        const json_t *point = json_array_get(points, i);
        const json_t *at = json_array_get(point, 0);
        status = require(
            self, json_array_size(point) == 2 && is_time(at) && json_number_value(at) >= last_s,
            "points of time and value, ascending");
        if (status == NB_OK) {
            status = check_param(self, key->param, json_array_get(point, 1), key->name);
        }
        last_s = json_number_value(at);
    }
    return status;
}

static nb_status check_lane(checker *self, const json_t *value)
{
    nb_mix_key key;
    double curve = 0.0;
    if (strlen(self->path) >= PATH_SIZE || !nb_mix_key_find(self->model, self->path, &key) ||
        key.type != NB_KEY_PARAM || !key.param->automatable) {
        return refuse(self, "the path of what can be automated, as vox/fader_db");
    }
    nb_status status = check_owner(self, &key);
    if (status == NB_OK) {
        const json_t *word = json_object_get(value, "curve");
        status = require(
            self,
            json_object_size(value) == 2 &&
                nb_mix_param_number(nb_lane_object.keys[NB_LANE_KEY_CURVE].param, word, &curve),
            "a curve (line or hold) and points");
    }
    return status == NB_OK ? check_points(self, &key, json_object_get(value, "points")) : status;
}

static nb_status check_strip(checker *self, const json_t *value)
{
    const char *kind = json_string_value(value);
    return require(self,
                   nb_text_is_id(self->path) && strcmp(self->path, "mix") != 0 && kind &&
                       (strcmp(kind, "track") == 0 || strcmp(kind, "bus") == 0),
                   "an id that is \"track\" or \"bus\"");
}

static nb_status check_override(const checker *self, const char *strip, const json_t *value)
{
    const nb_param *offset_db = nb_alternate_object.keys[NB_ALTERNATE_OFFSET].param;
    const json_t *mute = json_object_get(value, "mute");
    const json_t *unmute = json_object_get(value, "unmute");
    const json_t *offset = json_object_get(value, "offset_db");
    const size_t known = (size_t)(mute != NULL) + (unmute != NULL) + (offset != NULL);
    nb_status status = require(self,
                               json_is_object(value) && json_object_size(value) == known &&
                                   (!mute || json_is_true(mute)) &&
                                   (!unmute || json_is_true(unmute)) && !(mute && unmute),
                               "mute, unmute, offset_db");
    if (status == NB_OK) {
        status = require(self, is_kind(self, strip, "track") || is_kind(self, strip, "bus"),
                         "a track or bus that is there");
    }
    return status == NB_OK && offset ? check_param(self, offset_db, offset, "offset_db") : status;
}

static nb_status check_alternate(checker *self, const json_t *value)
{
    const char *slash = strchr(self->path, '/');
    if (!slash) {
        return require(self, nb_text_is_id(self->path) && is_name(value), "an id and a name");
    }
    char id[ID_SIZE];
    const nb_mix_span span = {self->path, (size_t)(slash - self->path)};
    take_span(span, id);
    if (span.length >= ID_SIZE || !nb_mix_model_get(self->model, NB_MIX_ALTERNATE, id)) {
        return refuse(self, "an alternate that is there");
    }
    return check_override(self, slash + 1, value);
}

/// A bar such as 4/4, as models write it.
static bool is_meter(const char *text)
{
    char *end = NULL;
    char again[24];
    const unsigned long beats = text ? strtoul(text, &end, 10) : 0;
    const unsigned long unit = text && *end == '/' ? strtoul(end + 1, NULL, 10) : 0;
    snprintf(again, sizeof again, "%lu/%lu", beats, unit);
    return text && beats > 0 && beats <= METER_MAX && unit > 0 && unit <= METER_MAX &&
           (unit & (unit - 1)) == 0 && strcmp(text, again) == 0;
}

static nb_status check_tempo(const checker *self, const json_t *value)
{
    const size_t count = json_array_size(value);
    double last_s = -1.0;
    nb_status status = require(self, count > 0 && count <= NB_TEMPOS_MAX, "1 to 10,000 tempos");
    for (size_t i = 0; i < count && status == NB_OK; i++) {
        const json_t *line = json_array_get(value, i);
        const json_t *at = json_array_get(line, 0);
        const char *meter = json_string_value(json_array_get(line, 2));
        status = require(self,
                         json_array_size(line) == 3 && is_time(at) &&
                             json_number_value(at) > last_s && is_meter(meter),
                         "tempos of time, bpm and meter, ascending");
        if (status == NB_OK) {
            status = check_param(self, nb_tempo_object.keys[NB_TEMPO_BPM].param,
                                 json_array_get(line, 1), "bpm");
        }
        last_s = json_number_value(at);
    }
    return status;
}

/// A list of exactly those ids that are `kind` (null: alternates) in their section.
static nb_status check_order(const checker *self, const json_t *value, const char *kind)
{
    const nb_mix_section section = kind ? NB_MIX_STRIP : NB_MIX_ALTERNATE;
    size_t wanted = 0;
    const char *key = NULL;
    json_t *member = NULL;
    json_object_foreach(nb_mix_model_section(self->model, section), key, member)
    {
        wanted += kind ? is_kind(self, key, kind) : !strchr(key, '/');
    }
    bool good = are_ids(value, kind ? NB_TRACKS_MAX : NB_ALTERNATES_MAX) &&
                json_array_size(value) == wanted;
    for (size_t i = 0; good && i < json_array_size(value); i++) {
        const char *id = json_string_value(json_array_get(value, i));
        good = kind ? is_kind(self, id, kind) && strcmp(id, "mix") != 0
                    : nb_mix_model_get(self->model, section, id) != NULL;
    }
    return require(self, good, "the ids of all that are there, each once");
}

static nb_status check_song(checker *self, const json_t *value)
{
    const nb_key *keys = nb_song_object.keys;
    const char *path = self->path;
    if (strcmp(path, keys[NB_SONG_TITLE].name) == 0) {
        return require(self, is_name(value), "a name of 1 to 200 printable bytes");
    }
    if (strcmp(path, keys[NB_SONG_RATE].name) == 0) {
        return check_param(self, keys[NB_SONG_RATE].param, value, path);
    }
    if (strcmp(path, keys[NB_SONG_TAIL].name) == 0) {
        return check_param(self, keys[NB_SONG_TAIL].param, value, path);
    }
    if (strcmp(path, keys[NB_SONG_TEMPO].name) == 0) {
        return check_tempo(self, value);
    }
    if (strcmp(path, keys[NB_SONG_TRACKS].name) == 0) {
        return check_order(self, value, "track");
    }
    if (strcmp(path, keys[NB_SONG_BUSES].name) == 0) {
        return check_order(self, value, "bus");
    }
    if (strcmp(path, keys[NB_SONG_ALTERNATES].name) == 0) {
        return check_order(self, value, NULL);
    }
    return refuse(self, "title, rate_hz, tail_max_s, tempo, tracks, buses or alternates");
}

nb_status nb_mix_model_check(const json_t *model, nb_error *err)
{
    enum { SONG_VALUES = 7 };
    static nb_status (*const checks[NB_MIX_SECTIONS])(checker *, const json_t *) = {
        check_song, check_strip, check_value, check_lane, check_alternate};
    for (nb_mix_section section = 0; section < NB_MIX_SECTIONS; section++) {
        json_t *values = nb_mix_model_section(model, section);
        if (!json_is_object(values) ||
            (section == NB_MIX_SONG && json_object_size(values) != SONG_VALUES)) {
            return nb_fail(err, NB_E_INVALID, "the model's section '%s' is missing or not whole",
                           nb_mix_section_name(section));
        }
        checker self = {.model = model, .section = section, .err = err};
        const char *path = NULL;
        json_t *value = NULL;
        json_object_foreach(values, path, value)
        {
            self.path = path;
            const nb_status status = checks[section](&self, value);
            if (status != NB_OK) {
                return status;
            }
        }
    }
    return NB_OK;
}
