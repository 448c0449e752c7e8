// SPDX-License-Identifier: GPL-3.0-or-later
// The JSON of a difference: written, read from outside, applied.
#include "review/mix_diff.h"

#include <math.h>
#include <string.h>

/// A value or null, with its own reference.
static json_t *share(json_t *value) { return value ? json_incref(value) : json_null(); }

/// What a value is where the document does not say it; null where nothing is.
static json_t *default_of(const nb_mix_change *change)
{
    const nb_mix_key *key = &change->key;
    if (change->section != NB_MIX_VALUE || !change->has_key) {
        return json_null();
    }
    if (key->type == NB_KEY_PARAM && key->param) {
        return nb_mix_param_value(key->param, key->param->initial);
    }
    return key->type == NB_KEY_TIME && strcmp(key->name, "length") != 0 ? json_integer(0)
                                                                        : json_null();
}

static bool set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

static bool add_lane_figures(json_t *object, const nb_mix_change *change)
{
    const nb_mix_lane_change lane = nb_mix_lane_compare(change);
    return set(object, "points_before", json_integer((json_int_t)lane.points_before)) &&
           set(object, "points_after", json_integer((json_int_t)lane.points_after)) &&
           set(object, "first_s", lane.same_points ? json_null() : nb_mix_number(lane.first_s)) &&
           set(object, "last_s", lane.same_points ? json_null() : nb_mix_number(lane.last_s));
}

static json_t *change_to_json(const nb_mix_change *change)
{
    const nb_mix_span strip = nb_mix_change_strip(change);
    json_t *object = json_object();
    bool good = set(object, "kind", json_string(nb_mix_section_name(change->section))) &&
                set(object, "strip",
                    strip.length > 0 ? json_stringn(strip.chars, strip.length) : json_null()) &&
                set(object, "path", json_string(change->path)) &&
                set(object, "old", share(change->before)) &&
                set(object, "new", share(change->after)) &&
                set(object, "sound", json_boolean(change->sound));
    if (good && change->section == NB_MIX_VALUE) {
        const bool has_unit = change->has_key && change->key.param && change->key.param->unit[0];
        good = set(object, "default", default_of(change)) &&
               set(object, "unit", has_unit ? json_string(change->key.param->unit) : json_null());
    }
    if (good && change->section == NB_MIX_LANE) {
        good = add_lane_figures(object, change);
    }
    if (!good) {
        json_decref(object);
        return NULL;
    }
    return object;
}

json_t *nb_mix_diff_to_json(const nb_mix_diff *self)
{
    json_t *list = json_array();
    for (size_t i = 0; i < self->count && list; i++) {
        if (json_array_append_new(list, change_to_json(&self->changes[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:s, s:o}", "format", NB_MIX_DIFF_FORMAT, "changes", list);
}

/// A copy in which numbers are as models have them, whatever wrote them: 4.0 is 4. Null without
/// memory.
static json_t *normalised(json_t *value)
{
    if (json_is_real(value)) {
        return nb_mix_number(json_real_value(value));
    }
    if (json_is_array(value)) {
        json_t *list = json_array();
        for (size_t i = 0; i < json_array_size(value) && list; i++) {
            if (json_array_append_new(list, normalised(json_array_get(value, i))) != 0) {
                json_decref(list);
                return NULL;
            }
        }
        return list;
    }
    if (json_is_object(value)) {
        json_t *object = json_object();
        const char *key = NULL;
        json_t *member = NULL;
        json_object_foreach(value, key, member)
        {
            if (!object || !set(object, key, normalised(member))) {
                json_decref(object);
                return NULL;
            }
        }
        return object;
    }
    return json_incref(value);
}

/// Values are at most a lane's points deep.
static bool is_deeper(json_t *value, unsigned levels)
{
    const char *key = NULL;
    json_t *member = NULL;
    if ((json_is_array(value) || json_is_object(value)) && levels == 0) {
        return true;
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (is_deeper(json_array_get(value, i), levels - 1)) {
            return true;
        }
    }
    json_object_foreach(value, key, member)
    {
        if (is_deeper(member, levels - 1)) {
            return true;
        }
    }
    return false;
}

static bool find_section(const char *name, nb_mix_section *out)
{
    for (nb_mix_section i = 0; i < NB_MIX_SECTIONS && name; i++) {
        if (strcmp(name, nb_mix_section_name(i)) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static nb_status check_change(const char *what, size_t index, const json_t *change, nb_error *err)
{
    enum { DEPTH_MAX = 4 };
    nb_mix_section section;
    json_t *before = json_object_get(change, "old");
    json_t *after = json_object_get(change, "new");
    if (!find_section(json_string_value(json_object_get(change, "kind")), &section)) {
        return nb_fail(err, NB_E_INVALID,
                       "%s: change %zu: 'kind' is none of song, strip, value, lane, alternate",
                       what, index + 1);
    }
    if (!json_is_string(json_object_get(change, "path"))) {
        return nb_fail(err, NB_E_INVALID, "%s: change %zu: 'path' is missing or not a string", what,
                       index + 1);
    }
    if (!before || !after || (json_is_null(before) && json_is_null(after))) {
        return nb_fail(err, NB_E_INVALID, "%s: change %zu: needs 'old' and 'new', not both null",
                       what, index + 1);
    }
    if (is_deeper(before, DEPTH_MAX) || is_deeper(after, DEPTH_MAX)) {
        return nb_fail(err, NB_E_LIMIT, "%s: change %zu: its value is deeper than %d levels", what,
                       index + 1, DEPTH_MAX);
    }
    return NB_OK;
}

static nb_status check_shape(const char *what, const json_t *diff, nb_error *err)
{
    const char *format = json_string_value(json_object_get(diff, "format"));
    const json_t *changes = json_object_get(diff, "changes");
    if (!format || strcmp(format, NB_MIX_DIFF_FORMAT) != 0) {
        return nb_fail(err, NB_E_VERSION, "%s: 'format' is not \"%s\"", what, NB_MIX_DIFF_FORMAT);
    }
    if (!json_is_array(changes)) {
        return nb_fail(err, NB_E_INVALID, "%s: 'changes' is missing or not a list", what);
    }
    if (json_array_size(changes) > NB_MIX_CHANGES_MAX) {
        return nb_fail(err, NB_E_LIMIT, "%s: %zu changes; at most %d are taken", what,
                       json_array_size(changes), NB_MIX_CHANGES_MAX);
    }
    for (size_t i = 0; i < json_array_size(changes); i++) {
        const nb_status status = check_change(what, i, json_array_get(changes, i), err);
        if (status != NB_OK) {
            return status;
        }
    }
    return NB_OK;
}

nb_status nb_mix_diff_parse(const char *what, const char *bytes, size_t size, json_t **out,
                            nb_error *err)
{
    *out = NULL;
    NB_SCOPED(nb_json_free) json_t *json = NULL;
    if (size > NB_MIX_DIFF_BYTES_MAX) {
        return nb_fail(err, NB_E_LIMIT, "%s: %zu bytes; at most %d are read", what, size,
                       NB_MIX_DIFF_BYTES_MAX);
    }
    nb_status status = nb_json_parse(what, bytes, size, &json, err);
    if (status == NB_OK) {
        status = check_shape(what, json, err);
    }
    if (status == NB_OK) {
        *out = json;
        json = NULL; // the caller's now
    }
    return status;
}

/// Put one change in. `seen` has the paths that were changed already.
static nb_status apply_change(const json_t *change, json_t *model, json_t *seen, nb_error *err)
{
    const char *kind = json_string_value(json_object_get(change, "kind"));
    const char *path = json_string_value(json_object_get(change, "path"));
    json_t *section = json_object_get(model, kind);
    json_t *touched = json_object_get(seen, kind);
    const json_t *now = json_object_get(section, path);
    NB_SCOPED(nb_json_free) json_t *before = normalised(json_object_get(change, "old"));
    NB_SCOPED(nb_json_free) json_t *after = normalised(json_object_get(change, "new"));
    if (!before || !after || !touched) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to apply a difference");
    }
    if (json_object_get(touched, path)) {
        return nb_fail(err, NB_E_INVALID, "%s '%.300s' is changed twice", kind, path);
    }
    if (!(now ? json_equal(now, before) : json_is_null(before))) {
        return nb_fail(err, NB_E_CONFLICT,
                       "%s '%.300s' is not what the difference says it was: it belongs to another "
                       "version",
                       kind, path);
    }
    if (!set(touched, path, json_true()) ||
        (json_is_null(after) ? json_object_del(section, path)
                             : json_object_set(section, path, after)) != 0) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to apply a difference");
    }
    return NB_OK;
}

/// A copy that shares the values, which nothing changes.
static json_t *copy_sections(const json_t *model)
{
    json_t *copy = json_object();
    for (nb_mix_section i = 0; i < NB_MIX_SECTIONS; i++) {
        if (!set(copy, nb_mix_section_name(i), json_copy(nb_mix_model_section(model, i)))) {
            json_decref(copy);
            return NULL;
        }
    }
    return copy;
}

nb_status nb_mix_diff_apply(const json_t *diff, const json_t *model, json_t **out, nb_error *err)
{
    *out = NULL;
    NB_SCOPED(nb_json_free)
    json_t *seen =
        json_pack("{s:{}, s:{}, s:{}, s:{}, s:{}}", "song", "strip", "value", "lane", "alternate");
    nb_status status = check_shape("the difference", diff, err);
    if (status == NB_OK) {
        status = nb_mix_model_check(model, err);
    }
    NB_SCOPED(nb_json_free) json_t *copy = status == NB_OK ? copy_sections(model) : NULL;
    if (status == NB_OK && (!copy || !seen)) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to apply a difference");
    }
    const json_t *changes = json_object_get(diff, "changes");
    for (size_t i = 0; i < json_array_size(changes) && status == NB_OK; i++) {
        status = apply_change(json_array_get(changes, i), copy, seen, err);
    }
    if (status == NB_OK) {
        status = nb_mix_model_check(copy, err);
    }
    if (status == NB_OK) {
        *out = copy;
        copy = NULL; // the caller's now
    }
    return status;
}
