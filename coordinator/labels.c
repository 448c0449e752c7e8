// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/labels.h"

#include <stddef.h>
#include <string.h>

static bool is_label_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static bool is_label(const char *part, size_t size)
{
    size_t equals = 0;
    for (size_t i = 0; i < size; i++) {
        equals += (part[i] == '=') ? 1 : 0;
        if (part[i] != '=' && !is_label_char(part[i])) {
            return false;
        }
    }
    return size > 0 && equals <= 1 && part[0] != '=' && part[size - 1] != '=';
}

nb_status nb_labels_check(const char *text, nb_error *err)
{
    if (strlen(text) >= NB_LABELS_SIZE) {
        return nb_fail(err, NB_E_LIMIT, "labels of %zu bytes; at most %d", strlen(text),
                       NB_LABELS_SIZE - 1);
    }
    size_t count = 0;
    for (const char *part = text; *part;) {
        const size_t size = strcspn(part, ",");
        if (!is_label(part, size)) {
            return nb_fail(err, NB_E_INVALID,
                           "\"%.*s\" is no label: NAME or NAME=VALUE of a-z, 0-9, '.', '_' and '-'",
                           (int)size, part);
        }
        if (++count > NB_LABELS_MAX) {
            return nb_fail(err, NB_E_LIMIT, "more than %d labels", NB_LABELS_MAX);
        }
        part += size;
        if (*part == ',' && *++part == '\0') {
            return nb_fail(err, NB_E_INVALID, "labels end with a comma");
        }
    }
    return NB_OK;
}

static bool has_label(const char *have, const char *wanted, size_t size)
{
    const bool any_value = memchr(wanted, '=', size) == NULL;
    for (const char *part = have; *part;) {
        const size_t length = strcspn(part, ",");
        if (length >= size && strncmp(part, wanted, size) == 0 &&
            (length == size || (any_value && part[size] == '='))) {
            return true;
        }
        part += length + (part[length] == ',' ? 1 : 0);
    }
    return false;
}

bool nb_labels_match(const char *have, const char *wanted)
{
    for (const char *part = wanted; *part;) {
        const size_t size = strcspn(part, ",");
        if (!has_label(have, part, size)) {
            return false;
        }
        part += size + (part[size] == ',' ? 1 : 0);
    }
    return true;
}
