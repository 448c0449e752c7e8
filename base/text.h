// SPDX-License-Identifier: GPL-3.0-or-later
/// @file text.h  Strings that people and peers send: growing, checking, and the times at the desk.

#ifndef NB_BASE_TEXT_H
#define NB_BASE_TEXT_H
#include "base/status.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A growing string. Zero-initialise; nb_text_fini frees. A failed allocation sets `failed` and
/// turns later calls into nothing, so that one check at the end is enough.
typedef struct nb_text {
    char *chars; ///< Null-terminated once anything was added; null before
    size_t length;
    size_t capacity;
    bool failed;
} nb_text;

void nb_text_fini(nb_text *self);
void nb_text_add(nb_text *self, const char *chars);
void nb_text_add_bytes(nb_text *self, const void *bytes, size_t size);
void nb_text_addf(nb_text *self, const char *format, ...) NB_PRINTF(2, 3);
void nb_text_addv(nb_text *self, const char *format, va_list args) NB_PRINTF(2, 0);
/// Hand the characters over to the caller (free with free()); never null unless failed.
char *nb_text_take(nb_text *self);

/// As asprintf, but null on failure.
char *nb_text_format(const char *format, ...) NB_PRINTF(1, 2);

/// For NB_SCOPED(nb_text_free) char *.
void nb_text_free(char **chars_p);

/// True if `size` bytes are well-formed UTF-8 without overlong forms and surrogates. If not,
/// `out_offset` (may be null) is where the first bad byte stands.
bool nb_text_is_utf8(const char *bytes, size_t size, size_t *out_offset);

/// Where a control character (U+0000 to U+001F, U+007F to U+009F) stands that is not among
/// `allowed`; null where there is none.
const char *nb_text_find_control(const char *text, const char *allowed);

/// Write `size` bytes as 2 * `size` lower-case hex digits and a null.
void nb_text_hex(const void *bytes, size_t size, char *out);

/// Put '?' in place of control characters, escapes and malformed UTF-8, so that the text is safe
/// on a terminal. Never makes it longer.
void nb_text_make_printable(char *text);

/// Add `text` as people wrote it: its line feeds kept, with `indent` spaces behind each, a tab as
/// one space, all else as nb_text_make_printable leaves it. Blank lines at its ends are left out.
void nb_text_add_lines(nb_text *self, const char *text, size_t indent);

/// The columns that `text` takes on a terminal (UTF-8; combining and wide characters counted).
size_t nb_text_columns(const char *text);

/// True for an id: [a-z0-9-], 1 to 64 characters, no '-' at either end.
bool nb_text_is_id(const char *text);

/// Check a name that people see (title, person, album): UTF-8, 1 to 200 bytes, no control or
/// bidirectional characters. `what` names it in the error.
NB_NODISCARD nb_status nb_text_check_name(const char *what, const char *text, nb_error *err);

/// Check a path inside an album: relative, UTF-8, no empty part, no "." or "..", no backslash or
/// control character, no part that git or a file system treats specially, each part at most 200
/// bytes, the whole at most 1,000.
NB_NODISCARD nb_status nb_text_check_path(const char *path, nb_error *err);

/// The candidate nearest to `word` by edit distance, or null if none is near enough to help.
const char *nb_text_nearest(const char *word, const char *const *candidates, size_t count);

/// Read a time as `seconds`, `m:ss` or `h:mm:ss`, each with an optional fraction, into exact
/// nanoseconds. Seconds under 60 behind a colon; at most 24 hours; no sign, no exponent.
NB_NODISCARD nb_status nb_text_parse_time(const char *text, int64_t *out_ns, nb_error *err);

/// `ns` rounded to the nearest frame at `rate_hz`, halves up. Exact.
int64_t nb_text_ns_to_frames(int64_t ns, unsigned rate_hz);

enum { NB_TEXT_TIME_SIZE = 48 };
/// Write seconds as "1:32.000" (m:ss.mmm, hours only when there are any).
void nb_text_format_time(double seconds, char out[NB_TEXT_TIME_SIZE]);

enum { NB_TEXT_SIZE_SIZE = 24 };
/// Write bytes as people read them: "512 B", "1.4 MB".
void nb_text_format_size(uint64_t bytes, char out[NB_TEXT_SIZE_SIZE]);

/// Read a decimal number strictly: [-]digits[.digits][e[-+]digits], no hex, no inf or nan, no
/// leading plus, finite as a double, in any locale the same.
NB_NODISCARD nb_status nb_text_parse_number(const char *text, double *out, nb_error *err);

/// Read a whole number in [`least`, `most`].
NB_NODISCARD nb_status nb_text_parse_integer(const char *text, int64_t least, int64_t most,
                                             int64_t *out, nb_error *err);

#endif // NB_BASE_TEXT_H
