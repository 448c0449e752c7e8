// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/fingerprint.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { CORE_MAX = 1000000 };

static bool is_word(const char *text, size_t size_max)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+~:-";
    const size_t length = strlen(text);
    return length > 0 && length < size_max && strspn(text, allowed) == length;
}

static nb_status check_library(const nb_fingerprint *self, size_t index, nb_error *err)
{
    const nb_fingerprint_library *library = &self->libraries[index];
    const bool is_probe =
        strlen(library->probe) == 16 && strspn(library->probe, "0123456789abcdef") == 16;
    if (!is_word(library->name, sizeof library->name) ||
        !is_word(library->version, sizeof library->version) || !is_probe) {
        return nb_fail(err, NB_E_INVALID,
                       "fingerprint: library %zu has no good name, version or "
                       "probe",
                       index + 1);
    }
    if (index > 0 && strcmp(self->libraries[index - 1].name, library->name) >= 0) {
        return nb_fail(err, NB_E_INVALID, "fingerprint: '%s' is not in the order of names",
                       library->name);
    }
    return NB_OK;
}

static nb_status check(const nb_fingerprint *self, nb_error *err)
{
    if (self->core_revision > CORE_MAX || !is_word(self->cpu_class, sizeof self->cpu_class) ||
        self->library_count > NB_FINGERPRINT_LIBRARIES_MAX) {
        return nb_fail(err, NB_E_INVALID, "fingerprint: no good core, CPU class or library count");
    }
    nb_status status = NB_OK;
    for (size_t i = 0; i < self->library_count && status == NB_OK; i++) {
        status = check_library(self, i, err);
    }
    return status;
}

nb_status nb_fingerprint_format(const nb_fingerprint *self, char out[NB_FINGERPRINT_TEXT_MAX],
                                nb_error *err)
{
    out[0] = '\0';
    const nb_status status = check(self, err);
    if (status != NB_OK) {
        return status;
    }
    size_t length = (size_t)snprintf(out, NB_FINGERPRINT_TEXT_MAX, "core=%u cpu=%s",
                                     self->core_revision, self->cpu_class);
    // The longest names of the most libraries fit: 16 * (24 + 40 + 17) < NB_FINGERPRINT_TEXT_MAX.
    for (size_t i = 0; i < self->library_count; i++) {
        const nb_fingerprint_library *library = &self->libraries[i];
        length += (size_t)snprintf(out + length, NB_FINGERPRINT_TEXT_MAX - length, " %s=%s/%s",
                                   library->name, library->version, library->probe);
    }
    return NB_OK;
}

/// Copy the characters before `end` to a field of `size` bytes.
static bool copy_part(const char *start, const char *end, char *out, size_t size)
{
    const size_t length = end ? (size_t)(end - start) : 0;
    if (length == 0 || length >= size) {
        return false;
    }
    memcpy(out, start, length);
    out[length] = '\0';
    return true;
}

static nb_status parse_library(const char *word, nb_fingerprint *out, nb_error *err)
{
    if (out->library_count == NB_FINGERPRINT_LIBRARIES_MAX) {
        return nb_fail(err, NB_E_LIMIT, "fingerprint: more than %d libraries",
                       NB_FINGERPRINT_LIBRARIES_MAX);
    }
    nb_fingerprint_library *library = &out->libraries[out->library_count++];
    const char *equals = strchr(word, '=');
    const char *slash = equals ? strchr(equals, '/') : NULL;
    if (!copy_part(word, equals, library->name, sizeof library->name) ||
        !copy_part(equals + 1, slash, library->version, sizeof library->version) ||
        !copy_part(slash + 1, slash + strlen(slash), library->probe, sizeof library->probe)) {
        return nb_fail(err, NB_E_INVALID, "fingerprint: '%.60s' is not name=version/probe", word);
    }
    return NB_OK;
}

static nb_status parse_word(const char *word, size_t index, nb_fingerprint *out, nb_error *err)
{
    if (index == 0) {
        int64_t core = 0;
        const bool is_core = strncmp(word, "core=", 5) == 0;
        if (!is_core || nb_text_parse_integer(word + 5, 0, CORE_MAX, &core, NULL) != NB_OK) {
            return nb_fail(err, NB_E_INVALID, "fingerprint: '%.60s' where core=N is expected",
                           word);
        }
        out->core_revision = (unsigned)core;
        return NB_OK;
    }
    if (index == 1) {
        const bool good =
            strncmp(word, "cpu=", 4) == 0 &&
            copy_part(word + 4, word + strlen(word), out->cpu_class, sizeof out->cpu_class);
        return good ? NB_OK
                    : nb_fail(err, NB_E_INVALID, "fingerprint: '%.60s' where cpu=CLASS is expected",
                              word);
    }
    return parse_library(word, out, err);
}

nb_status nb_fingerprint_parse(const char *text, nb_fingerprint *out, nb_error *err)
{
    *out = (nb_fingerprint){0};
    if (strlen(text) >= NB_FINGERPRINT_TEXT_MAX) {
        return nb_fail(err, NB_E_LIMIT, "fingerprint: longer than %d bytes",
                       NB_FINGERPRINT_TEXT_MAX - 1);
    }
    nb_fingerprint parsed = {0};
    size_t count = 0;
    for (const char *at = text; *at != '\0'; count++) {
        char word[128];
        const size_t length = strcspn(at, " ");
        if (!copy_part(at, at + length, word, sizeof word)) {
            return nb_fail(err, NB_E_INVALID, "fingerprint: part %zu is empty or too long",
                           count + 1);
        }
        const nb_status status = parse_word(word, count, &parsed, err);
        if (status != NB_OK) {
            return status;
        }
        at += length;
        if (*at == ' ' && *++at == '\0') {
            return nb_fail(err, NB_E_INVALID, "fingerprint: ends with a space");
        }
    }
    const nb_status status = check(&parsed, err);
    if (status == NB_OK) {
        *out = parsed;
    }
    return status;
}

static const nb_fingerprint_library *find_library(const nb_fingerprint *self, const char *name)
{
    for (size_t i = 0; i < self->library_count; i++) {
        if (strcmp(self->libraries[i].name, name) == 0) {
            return &self->libraries[i];
        }
    }
    return NULL;
}

void nb_fingerprint_hash(const nb_fingerprint *self, const char *const *libraries,
                         nb_hasher *hasher)
{
    nb_hasher_add_u64(hasher, self->core_revision);
    nb_hasher_add_string(hasher, self->cpu_class);
    for (size_t i = 0; libraries && libraries[i]; i++) {
        const nb_fingerprint_library *library = find_library(self, libraries[i]);
        nb_hasher_add_string(hasher, libraries[i]);
        nb_hasher_add_string(hasher, library ? library->version : "absent");
        nb_hasher_add_string(hasher, library ? library->probe : "");
    }
    nb_hasher_add_string(hasher, ""); // the end of the list
}
