// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES_MAX = 200, PATH_BYTES_MAX = 1000, ID_CHARS_MAX = 64 };

void nb_text_fini(nb_text *self)
{
    free(self->chars);
    *self = (nb_text){0};
}

void nb_text_add_bytes(nb_text *self, const void *bytes, size_t size)
{
    if (self->failed) {
        return;
    }
    if (self->length + size + 1 > self->capacity) {
        const size_t capacity = 2 * self->capacity + size + 64;
        char *chars = realloc(self->chars, capacity);
        if (!chars) {
            self->failed = true;
            return;
        }
        self->chars = chars;
        self->capacity = capacity;
    }
    if (size > 0) {
        memcpy(self->chars + self->length, bytes, size);
    }
    self->length += size;
    self->chars[self->length] = '\0';
}

void nb_text_add(nb_text *self, const char *chars)
{
    nb_text_add_bytes(self, chars, strlen(chars));
}

void nb_text_addv(nb_text *self, const char *format, va_list args)
{
    char *chars = NULL;
    const int length = vasprintf(&chars, format, args);
    if (length < 0) {
        self->failed = true;
        return;
    }
    nb_text_add_bytes(self, chars, (size_t)length);
    free(chars);
}

void nb_text_addf(nb_text *self, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    nb_text_addv(self, format, args);
    va_end(args);
}

char *nb_text_take(nb_text *self)
{
    nb_text_add_bytes(self, "", 0);
    if (self->failed) {
        nb_text_fini(self);
        return NULL;
    }
    char *chars = self->chars;
    *self = (nb_text){0};
    return chars;
}

char *nb_text_format(const char *format, ...)
{
    char *chars = NULL;
    va_list args;
    va_start(args, format);
    const int length = vasprintf(&chars, format, args);
    va_end(args);
    return length < 0 ? NULL : chars;
}

void nb_text_free(char **chars_p)
{
    free(*chars_p);
    *chars_p = NULL;
}

/// Decode one character of well-formed UTF-8 (RFC 3629). Returns its bytes, 0 if malformed.
static size_t decode_utf8(const unsigned char *s, size_t size, uint32_t *out)
{
    if (s[0] < 0x80) {
        *out = s[0];
        return 1;
    }
    const size_t length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || length > size) {
        return 0;
    }
    uint32_t code = s[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (s[i] & 0x3fu);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        return 0;
    }
    *out = code;
    return length;
}

bool nb_text_is_utf8(const char *bytes, size_t size, size_t *out_offset)
{
    const unsigned char *s = (const unsigned char *)bytes;
    for (size_t i = 0; i < size;) {
        uint32_t code;
        const size_t length = decode_utf8(s + i, size - i, &code);
        if (length == 0) {
            if (out_offset) {
                *out_offset = i;
            }
            return false;
        }
        i += length;
    }
    return true;
}

const char *nb_text_find_control(const char *text, const char *allowed)
{
    for (const char *at = text; *at; at++) {
        const unsigned char c = (unsigned char)*at;
        const bool c1 = c == 0xc2 && (unsigned char)at[1] < 0xa0; // U+0080 to U+009F
        if (c1 || ((c < 0x20 || c == 0x7f) && !strchr(allowed, c))) {
            return at;
        }
    }
    return NULL;
}

void nb_text_hex(const void *bytes, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++) {
        *out++ = digits[at[i] >> 4];
        *out++ = digits[at[i] & 15];
    }
    *out = '\0';
}

/// Control characters, and those that reorder, hide or break what a person reads.
static bool is_unprintable(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c ||
           (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2060 && code <= 0x2069) || code == 0xfeff || (code & 0xfffe) == 0xfffe;
}

void nb_text_make_printable(char *text)
{
    const size_t size = strlen(text);
    size_t from = 0;
    size_t to = 0;
    while (from < size) {
        uint32_t code;
        const size_t length = decode_utf8((const unsigned char *)text + from, size - from, &code);
        if (length == 0 || is_unprintable(code)) {
            text[to++] = '?';
            from += length ? length : 1;
            continue;
        }
        memmove(text + to, text + from, length);
        to += length;
        from += length;
    }
    text[to] = '\0';
}

void nb_text_add_lines(nb_text *self, const char *text, size_t indent)
{
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '\n') {
        length--;
    }
    const char *const end = text + length;
    for (const char *line = text + strspn(text, "\n"); line < end;) {
        const size_t bytes = strcspn(line, "\n");
        NB_SCOPED(nb_text_free) char *copy = strndup(line, bytes);
        if (!copy) {
            self->failed = true;
            return;
        }
        for (char *tab = copy; (tab = strchr(tab, '\t'));) {
            *tab = ' ';
        }
        nb_text_make_printable(copy);
        nb_text_add(self, copy);
        line += bytes;
        const size_t feeds = line < end ? strspn(line, "\n") : 0;
        for (size_t i = 0; i < feeds; i++) {
            nb_text_add(self, "\n");
        }
        for (size_t i = 0; feeds > 0 && i < indent; i++) {
            nb_text_add(self, " ");
        }
        line += feeds;
    }
}

static size_t columns_of(uint32_t code)
{
    if ((code >= 0x0300 && code <= 0x036f) || (code >= 0xfe00 && code <= 0xfe0f)) {
        return 0; // combining marks, variation selectors
    }
    const bool wide = (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
                      (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
                      (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
                      (code >= 0x1f300 && code <= 0x1faff) || (code >= 0x20000 && code <= 0x3fffd);
    return wide ? 2 : 1;
}

size_t nb_text_columns(const char *text)
{
    const size_t size = strlen(text);
    size_t columns = 0;
    for (size_t i = 0; i < size;) {
        uint32_t code = 0;
        const size_t length = decode_utf8((const unsigned char *)text + i, size - i, &code);
        columns += length ? columns_of(code) : 1;
        i += length ? length : 1;
    }
    return columns;
}

bool nb_text_is_id(const char *text)
{
    const size_t length = strlen(text);
    if (length == 0 || length > ID_CHARS_MAX || text[0] == '-' || text[length - 1] == '-') {
        return false;
    }
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

/// Shared by names and paths: well-formed UTF-8 and nothing a person cannot see.
static nb_status check_printable(const char *what, const char *text, nb_error *err)
{
    const size_t size = strlen(text);
    for (size_t i = 0; i < size;) {
        uint32_t code;
        const size_t length = decode_utf8((const unsigned char *)text + i, size - i, &code);
        if (length == 0) {
            return nb_fail(err, NB_E_INVALID, "%s: byte %zu is not UTF-8", what, i + 1);
        }
        if (is_unprintable(code)) {
            return nb_fail(err, NB_E_INVALID,
                           "%s: has a control or invisible character (U+%04X) at byte %zu", what,
                           code, i + 1);
        }
        i += length;
    }
    return NB_OK;
}

nb_status nb_text_check_name(const char *what, const char *text, nb_error *err)
{
    const size_t length = strlen(text);
    if (length == 0 || length > NAME_BYTES_MAX) {
        return nb_fail(err, NB_E_INVALID, "%s: %zu bytes long; 1 to %d are allowed", what, length,
                       NAME_BYTES_MAX);
    }
    if (text[0] == ' ' || text[length - 1] == ' ') {
        return nb_fail(err, NB_E_INVALID, "%s: begins or ends with a space", what);
    }
    return check_printable(what, text, err);
}

/// One part of a path, after checkouts on every file system and git's own rules.
static const char *fault_of_part(const char *part, size_t length)
{
    if (length == 0) {
        return "has an empty part";
    }
    if (length > NAME_BYTES_MAX) {
        return "has a part longer than 200 bytes";
    }
    if ((length == 1 && part[0] == '.') || (length == 2 && part[0] == '.' && part[1] == '.')) {
        return "has a part '.' or '..'; paths stay inside the album";
    }
    if (part[length - 1] == ' ' || part[length - 1] == '.') {
        return "has a part that ends with a space or a dot";
    }
    if (length >= 4 && strncasecmp(part, ".git", 4) == 0) {
        return "has a part that begins with '.git'";
    }
    return strncasecmp(part, "git~", 4) == 0 ? "has a part that git treats specially" : NULL;
}

nb_status nb_text_check_path(const char *path, nb_error *err)
{
    const size_t length = strlen(path);
    if (length == 0 || length > PATH_BYTES_MAX) {
        return nb_fail(err, NB_E_INVALID, "path '%.60s%s': %zu bytes long; 1 to %d are allowed",
                       path, length > 60 ? "..." : "", length, PATH_BYTES_MAX);
    }
    char what[PATH_BYTES_MAX + 16];
    snprintf(what, sizeof what, "path '%s'", path);
    nb_text_make_printable(what);
    const nb_status status = check_printable(what, path, err);
    if (status != NB_OK) {
        return status;
    }
    if (path[0] == '/') {
        return nb_fail(err, NB_E_INVALID, "%s: is absolute; paths start at the album's folder",
                       what);
    }
    const size_t ordinary = strcspn(path, "\\:*?\"<>|");
    if (ordinary != length) {
        return nb_fail(err, NB_E_INVALID, "%s: has a '%c', which some file systems refuse", what,
                       path[ordinary]);
    }
    for (const char *part = path; part;) {
        const char *slash = strchr(part, '/');
        const char *fault = fault_of_part(part, slash ? (size_t)(slash - part) : strlen(part));
        if (fault) {
            return nb_fail(err, NB_E_INVALID, "%s: %s", what, fault);
        }
        part = slash ? slash + 1 : NULL;
    }
    return NB_OK;
}

/// Damerau-Levenshtein (optimal string alignment): swapped neighbours count once.
static size_t edit_distance(const char *a, const char *b)
{
    enum { LONGEST = 64 };
    const size_t rows = strlen(a);
    const size_t columns = strlen(b);
    if (rows > LONGEST || columns > LONGEST) {
        return LONGEST;
    }
    size_t table[LONGEST + 1][LONGEST + 1];
    for (size_t i = 0; i <= rows; i++) {
        for (size_t j = 0; j <= columns; j++) {
            if (i == 0 || j == 0) {
                table[i][j] = i + j;
                continue;
            }
            const size_t change = table[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            const size_t drop = table[i - 1][j] + 1;
            const size_t insert = table[i][j - 1] + 1;
            size_t best = change < drop ? change : drop;
            best = insert < best ? insert : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                table[i - 2][j - 2] + 1 < best) {
                best = table[i - 2][j - 2] + 1;
            }
            table[i][j] = best;
        }
    }
    return table[rows][columns];
}

const char *nb_text_nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *nearest = NULL;
    size_t least = strlen(word) / 2 + 1; // further away is no help to anyone
    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(word, candidates[i]);
        // "gain" is meant as "gain_db" although three letters are missing.
        if (distance > 1 && strlen(word) >= 2 && strncmp(word, candidates[i], strlen(word)) == 0) {
            distance = 1;
        }
        if (distance < least) {
            least = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}

/// Digits at `*at_p` as a number of at most `digits_max` digits; false if there are none.
static bool take_digits(const char **at_p, size_t digits_max, int64_t *out)
{
    const char *at = *at_p;
    int64_t value = 0;
    while (*at >= '0' && *at <= '9') {
        if ((size_t)(at - *at_p) == digits_max) {
            return false;
        }
        value = value * 10 + (*at++ - '0');
    }
    const bool any = at != *at_p;
    *at_p = at;
    *out = value;
    return any;
}

nb_status nb_text_parse_time(const char *text, int64_t *out_ns, nb_error *err)
{
    static const int64_t second_ns = 1000000000;
    const char *at = text;
    int64_t parts[3] = {0};
    size_t count = 0;
    bool good = take_digits(&at, 6, &parts[count++]);
    while (good && *at == ':' && count < 3) {
        at++;
        const char *start = at;
        good = take_digits(&at, 2, &parts[count++]) && at - start == 2;
    }
    int64_t fraction_ns = 0;
    if (good && *at == '.') {
        int64_t digits_value = 0;
        const char *start = ++at;
        good = take_digits(&at, 9, &digits_value);
        for (ptrdiff_t i = at - start; i < 9; i++) {
            digits_value *= 10;
        }
        fraction_ns = digits_value;
    }
    if (!good || *at != '\0') {
        return nb_fail(err, NB_E_INVALID,
                       "'%.40s' is not a time; write seconds (92.5), m:ss (1:32.5) or h:mm:ss",
                       text);
    }
    for (size_t i = 1; i < count; i++) {
        if (parts[i] >= 60) {
            return nb_fail(err, NB_E_INVALID, "'%.40s': %s behind a colon go from 00 to 59", text,
                           i + 1 == count ? "seconds" : "minutes");
        }
    }
    int64_t seconds = 0;
    for (size_t i = 0; i < count; i++) {
        seconds = seconds * 60 + parts[i];
    }
    if (seconds > 86400) {
        return nb_fail(err, NB_E_LIMIT, "'%.40s' is more than 24 hours", text);
    }
    *out_ns = seconds * second_ns + fraction_ns;
    return NB_OK;
}

int64_t nb_text_ns_to_frames(int64_t ns, unsigned rate_hz)
{
    static const int64_t second_ns = 1000000000;
    const int64_t seconds = ns / second_ns;
    const int64_t rest_ns = ns % second_ns;
    return seconds * rate_hz + (rest_ns * rate_hz + second_ns / 2) / second_ns;
}

void nb_text_format_time(double seconds, char out[NB_TEXT_TIME_SIZE])
{
    const int64_t ms = (int64_t)floor(fmin(fmax(seconds, 0.0), 1e9) * 1000.0 + 0.5);
    const int64_t hours = ms / 3600000;
    const int64_t minutes = ms / 60000 % 60;
    const double rest_s = (double)(ms % 60000) / 1000.0;
    if (hours > 0) {
        snprintf(out, NB_TEXT_TIME_SIZE, "%lld:%02lld:%06.3f", (long long)hours, (long long)minutes,
                 rest_s);
    } else {
        snprintf(out, NB_TEXT_TIME_SIZE, "%lld:%06.3f", (long long)minutes, rest_s);
    }
}

void nb_text_format_size(uint64_t bytes, char out[NB_TEXT_SIZE_SIZE])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 999.5 && unit + 1 < NB_COUNT(units)) {
        value /= 1000.0;
        unit++;
    }
    const char *format = unit == 0 || value >= 99.5 ? "%.0f %s" : "%.1f %s";
    // The format is one of the two constants above.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(out, NB_TEXT_SIZE_SIZE, format, value, units[unit]);
#pragma GCC diagnostic pop
}

nb_status nb_text_parse_number(const char *text, double *out, nb_error *err)
{
    const char *at = text;
    at += *at == '-';
    const size_t whole = strspn(at, "0123456789");
    at += whole;
    size_t fraction = 1;
    if (*at == '.') {
        at++;
        fraction = strspn(at, "0123456789");
        at += fraction;
    }
    size_t exponent = 1;
    if (*at == 'e' || *at == 'E') {
        at++;
        at += *at == '-' || *at == '+';
        exponent = strspn(at, "0123456789");
        at += exponent;
    }
    if (whole == 0 || fraction == 0 || exponent == 0 || *at != '\0' || at - text > 60) {
        return nb_fail(err, NB_E_INVALID, "'%.60s' is not a number", text);
    }
    static locale_t c_locale;
    locale_t locale = __atomic_load_n(&c_locale, __ATOMIC_ACQUIRE);
    if (!locale) {
        locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
        __atomic_store_n(&c_locale, locale, __ATOMIC_RELEASE);
    }
    const double value = locale ? strtod_l(text, NULL, locale) : strtod(text, NULL);
    if (!isfinite(value)) {
        return nb_fail(err, NB_E_INVALID, "'%.60s' is too large a number", text);
    }
    *out = value;
    return NB_OK;
}

nb_status nb_text_parse_integer(const char *text, int64_t least, int64_t most, int64_t *out,
                                nb_error *err)
{
    const char *digits = text + (*text == '-');
    char *end = NULL;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    const bool good = isdigit((unsigned char)*digits) && *end == '\0' && errno == 0;
    if (!good || value < least || value > most) {
        return nb_fail(err, NB_E_INVALID, "'%.60s' is not a whole number from %lld to %lld", text,
                       (long long)least, (long long)most);
    }
    *out = value;
    return NB_OK;
}
