// SPDX-License-Identifier: GPL-3.0-or-later
/// @file status.h  How every fallible function says what went wrong.
///
/// A function that can fail returns an nb_status and takes an nb_error, which may be null. The
/// lowest layer names the thing (path, job, digest); callers pass the error up untouched.

#ifndef NB_BASE_STATUS_H
#define NB_BASE_STATUS_H
#include <stddef.h>

#define NB_NODISCARD          __attribute__((warn_unused_result))
#define NB_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
/// Call `fn(&variable)` when the variable goes out of scope.
#define NB_SCOPED(fn)   __attribute__((cleanup(fn)))
#define NB_COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef enum nb_status {
    NB_OK = 0,
    NB_E_INVALID,     ///< Input that breaks a rule: a document, a name, a number, a message
    NB_E_USAGE,       ///< A command line that makes no sense
    NB_E_NOT_FOUND,   ///< No such song, version, file, blob
    NB_E_EXISTS,      ///< The name is taken
    NB_E_CONFLICT,    ///< Somebody was first: pull, then again
    NB_E_PERMISSION,  ///< The key or role does not allow it
    NB_E_UNREACHABLE, ///< The farm does not answer
    NB_E_VERSION,     ///< The peer speaks a protocol or format version we do not
    NB_E_IO,          ///< The operating system refused
    NB_E_NO_SPACE,    ///< The disk is full
    NB_E_NO_MEMORY,
    NB_E_CORRUPT, ///< Bytes that are not what their name or header says
    NB_E_LIMIT,   ///< Larger, deeper or more than we accept
    NB_E_TIMEOUT,
    NB_E_INTERRUPTED, ///< A signal asked us to stop
    NB_E_CANCELLED,
    NB_E_STALE, ///< A lease or session that is no longer ours
} nb_status;

/// One line of text for a person, without a final period. Zero-initialise it.
typedef struct nb_error {
    nb_status status;
    char text[1024];
} nb_error;

/// Write the text into `err` (if not null) and return `status`: `return nb_fail(err, ...)`.
nb_status nb_fail(nb_error *err, nb_status status, const char *format, ...) NB_PRINTF(3, 4);

/// As nb_fail, with ": " and strerror(`errnum`) behind the text. ENOSPC and EDQUOT become
/// NB_E_NO_SPACE, ENOENT NB_E_NOT_FOUND, EACCES and EPERM NB_E_PERMISSION, ENOMEM NB_E_NO_MEMORY,
/// all others NB_E_IO.
nb_status nb_fail_errno(nb_error *err, int errnum, const char *format, ...) NB_PRINTF(3, 4);

/// The status as a stable lower-case word for JSON and messages, e.g. "not-found".
const char *nb_status_name(nb_status status);

/// What a command exits with: 0 done, 1 failed, 2 wrong usage, 3 refused (permission, conflict),
/// 4 cannot reach the farm.
int nb_status_exit_code(nb_status status);

#endif // NB_BASE_STATUS_H
