// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/json.h"

#include "base/file.h"
#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Nine digits bring back any 32-bit sample value; more would only show rounding.
enum { REAL_DIGITS = 9 };

void nb_json_free(json_t **json_p)
{
    json_decref(*json_p);
    *json_p = NULL;
}

json_t *nb_json_number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

nb_status nb_json_parse(const char *what, const char *bytes, size_t size, json_t **out,
                        nb_error *err)
{
    json_error_t problem;
    *out = json_loadb(bytes, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
    if (!*out) {
        return nb_fail(err, NB_E_INVALID, "%s:%d:%d: %s", what, problem.line, problem.column,
                       problem.text);
    }
    return NB_OK;
}

nb_status nb_json_read(const char *path, size_t most, json_t **out, nb_error *err)
{
    *out = NULL;
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    size_t size = 0;
    const nb_status status = nb_file_read(path, most, &bytes, &size, err);
    return status == NB_OK ? nb_json_parse(path, bytes, size, out, err) : status;
}

char *nb_json_pretty(const json_t *json)
{
    return json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(REAL_DIGITS) | JSON_ENCODE_ANY);
}

char *nb_json_line(const json_t *json)
{
    return json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS) | JSON_ENCODE_ANY);
}

char *nb_json_to_text(const json_t *json)
{
    NB_SCOPED(nb_text_free) char *pretty = nb_json_pretty(json);
    return pretty ? nb_text_format("%s\n", pretty) : NULL;
}

nb_status nb_json_write(const char *path, const json_t *json, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *text = nb_json_to_text(json);
    if (!text) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory for its JSON", path);
    }
    return nb_file_write(path, text, strlen(text), 0666, err);
}

/// The member as it stands, null where the object or the key is missing.
static nb_status missing(const char *what, const char *key, const char *type, nb_error *err)
{
    return nb_fail(err, NB_E_INVALID, "%s: '%s' is missing or not %s", what, key, type);
}

const char *nb_json_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

nb_status nb_json_get_string(const char *what, const json_t *object, const char *key,
                             const char **out, nb_error *err)
{
    const json_t *member = json_object_get(object, key);
    *out = json_string_value(member);
    return *out ? NB_OK : missing(what, key, "a string", err);
}

nb_status nb_json_get_integer(const char *what, const json_t *object, const char *key, int64_t *out,
                              nb_error *err)
{
    const json_t *member = json_object_get(object, key);
    *out = json_integer_value(member);
    return json_is_integer(member) ? NB_OK : missing(what, key, "a whole number", err);
}

nb_status nb_json_get_number(const char *what, const json_t *object, const char *key, double *out,
                             nb_error *err)
{
    const json_t *member = json_object_get(object, key);
    *out = json_number_value(member);
    return json_is_number(member) ? NB_OK : missing(what, key, "a number", err);
}

nb_status nb_json_get_array(const char *what, const json_t *object, const char *key, json_t **out,
                            nb_error *err)
{
    json_t *member = json_object_get(object, key);
    *out = json_is_array(member) ? member : NULL;
    return *out ? NB_OK : missing(what, key, "a list", err);
}
