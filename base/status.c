// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int exit_code;
} statuses[] = {
    [NB_OK] = {"ok", 0},
    [NB_E_INVALID] = {"invalid", 1},
    [NB_E_USAGE] = {"usage", 2},
    [NB_E_NOT_FOUND] = {"not-found", 1},
    [NB_E_EXISTS] = {"exists", 3},
    [NB_E_CONFLICT] = {"conflict", 3},
    [NB_E_PERMISSION] = {"permission", 3},
    [NB_E_UNREACHABLE] = {"unreachable", 4},
    [NB_E_VERSION] = {"version", 4},
    [NB_E_IO] = {"io", 1},
    [NB_E_NO_SPACE] = {"no-space", 1},
    [NB_E_NO_MEMORY] = {"no-memory", 1},
    [NB_E_CORRUPT] = {"corrupt", 1},
    [NB_E_LIMIT] = {"limit", 1},
    [NB_E_TIMEOUT] = {"timeout", 4},
    [NB_E_INTERRUPTED] = {"interrupted", 1},
    [NB_E_CANCELLED] = {"cancelled", 1},
    [NB_E_STALE] = {"stale", 1},
};

nb_status nb_fail(nb_error *err, nb_status status, const char *format, ...)
{
    if (err) {
        // The arguments may point into err->text itself, as when a caller puts words before it.
        char text[sizeof err->text];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        memcpy(err->text, text, sizeof text);
        err->status = status;
    }
    return status;
}

static nb_status status_of_errno(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
        return NB_E_NO_SPACE;
    case ENOENT:
    case ENOTDIR:
        return NB_E_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return NB_E_PERMISSION;
    case ENOMEM:
        return NB_E_NO_MEMORY;
    default:
        return NB_E_IO;
    }
}

nb_status nb_fail_errno(nb_error *err, int errnum, const char *format, ...)
{
    char text[sizeof((nb_error *)0)->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return nb_fail(err, status_of_errno(errnum), "%s: %s", text, strerror(errnum));
}

const char *nb_status_name(nb_status status)
{
    return (size_t)status < NB_COUNT(statuses) ? statuses[status].name : "unknown";
}

int nb_status_exit_code(nb_status status)
{
    return (size_t)status < NB_COUNT(statuses) ? statuses[status].exit_code : 1;
}
