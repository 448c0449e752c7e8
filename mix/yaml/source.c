// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/yaml/source.h"

#include "base/text.h"

#include <stdint.h>
#include <string.h>

/// Decode one character of text that is known to be UTF-8; `*at` moves behind it.
static uint32_t next_character(const char *text, size_t *at)
{
    const unsigned char first = (unsigned char)text[(*at)++];
    if (first < 0x80) {
        return first;
    }
    const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    uint32_t code = first & (0x3fU >> more);
    for (int i = 0; i < more; i++) {
        code = (code << 6) | ((unsigned char)text[(*at)++] & 0x3fU);
    }
    return code;
}

/// Why the character may not stand in a document, or null.
static const char *fault_of(uint32_t code)
{
    if (code == '\t' || code == '\n' || code == '\r') {
        return NULL;
    }
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
        return "a control character";
    }
    if (code == 0x2028 || code == 0x2029) {
        return "a line or paragraph separator";
    }
    if (code == 0x061c || code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
        (code >= 0x2066 && code <= 0x2069)) {
        return "a character that changes the direction of text";
    }
    if (code == 0xfeff) {
        return "a byte order mark inside the text";
    }
    if ((code & 0xfffe) == 0xfffe) {
        return "a code that is no character";
    }
    return NULL;
}

/// UTF-16 and UTF-32 show in the first bytes: their marks, or the zeros between ASCII letters.
static bool is_wide(const char *bytes, size_t size)
{
    if (size >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0)) {
        return true;
    }
    return size >= 4 && (bytes[0] == '\0' || bytes[1] == '\0') && memchr(bytes + 2, '\0', 2);
}

bool nb_source_check(const char *bytes, size_t size, nb_problems *problems)
{
    if (is_wide(bytes, size)) {
        nb_problems_add(problems, (nb_place){1, 1}, "UTF-16 or UTF-32; save the file as UTF-8");
        return false;
    }
    size_t good = size;
    const bool is_utf8 = nb_text_is_utf8(bytes, size, &good);
    nb_place place = {1, 1};
    for (size_t at = 0; at < good;) {
        const bool is_start = at == 0;
        const uint32_t code = next_character(bytes, &at);
        const char *fault = (is_start && code == 0xfeff) ? NULL : fault_of(code);
        if (fault) {
            nb_problems_add(problems, place, "%s (U+%04X) is not allowed here", fault, code);
            return false;
        }
        const bool ends_line = code == '\n' || (code == '\r' && !(at < size && bytes[at] == '\n'));
        place =
            ends_line ? (nb_place){place.line + 1, 1} : (nb_place){place.line, place.column + 1};
    }
    if (!is_utf8) {
        nb_problems_add(problems, place,
                        "the byte 0x%02X is not UTF-8 here; save the file as UTF-8",
                        (unsigned)(unsigned char)bytes[good]);
    }
    return is_utf8;
}

bool nb_source_check_text(const char *text, size_t length, nb_place place, nb_problems *problems)
{
    if (!nb_text_is_utf8(text, length, NULL)) {
        nb_problems_add(problems, place, "an escape in this text makes no valid character");
        return false;
    }
    for (size_t at = 0; at < length;) {
        const uint32_t code = next_character(text, &at);
        const char *fault = fault_of(code);
        if (fault) {
            nb_problems_add(problems, place,
                            "%s (U+%04X, written as an escape) is not allowed here", fault, code);
            return false;
        }
    }
    return true;
}
