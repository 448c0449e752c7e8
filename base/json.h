// SPDX-License-Identifier: GPL-3.0-or-later
/// @file json.h  JSON in and out, by jansson: duplicate keys refused, numbers short, null for what
/// has no value.

#ifndef NB_BASE_JSON_H
#define NB_BASE_JSON_H
#include "base/status.h"

#include <jansson.h>
#include <stdint.h>

/// For NB_SCOPED(nb_json_free) json_t *.
void nb_json_free(json_t **json_p);

/// A number, or null where `value` is not finite: silence has no loudness.
json_t *nb_json_number(double value);

/// Parse `size` bytes that hold one JSON value. `what` names them in the error.
NB_NODISCARD nb_status nb_json_parse(const char *what, const char *bytes, size_t size, json_t **out,
                                     nb_error *err);

/// Read and parse a file of at most `most` bytes.
NB_NODISCARD nb_status nb_json_read(const char *path, size_t most, json_t **out, nb_error *err);

/// Write to a file as nb_file_write does, indented, keys in the order they were set.
NB_NODISCARD nb_status nb_json_write(const char *path, const json_t *json, nb_error *err);

/// What nb_json_write writes, in new memory; null without memory.
char *nb_json_to_text(const json_t *json);

/// As text in new memory: indented (for people and files) or on one line. Null without memory.
char *nb_json_pretty(const json_t *json);
char *nb_json_line(const json_t *json);

/// The string of a member, borrowed; "" where there is none.
const char *nb_json_text(const json_t *object, const char *key);

/// A member that must be there and of that type, or NB_E_INVALID naming `what` and the key.
/// Strings are borrowed from `object`.
NB_NODISCARD nb_status nb_json_get_string(const char *what, const json_t *object, const char *key,
                                          const char **out, nb_error *err);
NB_NODISCARD nb_status nb_json_get_integer(const char *what, const json_t *object, const char *key,
                                           int64_t *out, nb_error *err);
NB_NODISCARD nb_status nb_json_get_number(const char *what, const json_t *object, const char *key,
                                          double *out, nb_error *err);
NB_NODISCARD nb_status nb_json_get_array(const char *what, const json_t *object, const char *key,
                                         json_t **out, nb_error *err);

#endif // NB_BASE_JSON_H
