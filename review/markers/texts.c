// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/event.h"
#include "review/markers/format.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)NB_MARKER_TEXT_MAX == (int)NB_NOTE_TEXT_MAX,
               "a marker's text becomes a note's");

// The upper halves of the two character sets that programs write besides UTF-8; 0 has no character.
static const uint16_t windows_1252[32] = {
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178,
};
static const uint16_t mac_roman[128] = {
    0x00c4, 0x00c5, 0x00c7, 0x00c9, 0x00d1, 0x00d6, 0x00dc, 0x00e1, 0x00e0, 0x00e2, 0x00e4, 0x00e3,
    0x00e5, 0x00e7, 0x00e9, 0x00e8, 0x00ea, 0x00eb, 0x00ed, 0x00ec, 0x00ee, 0x00ef, 0x00f1, 0x00f3,
    0x00f2, 0x00f4, 0x00f6, 0x00f5, 0x00fa, 0x00f9, 0x00fb, 0x00fc, 0x2020, 0x00b0, 0x00a2, 0x00a3,
    0x00a7, 0x2022, 0x00b6, 0x00df, 0x00ae, 0x00a9, 0x2122, 0x00b4, 0x00a8, 0x2260, 0x00c6, 0x00d8,
    0x221e, 0x00b1, 0x2264, 0x2265, 0x00a5, 0x00b5, 0x2202, 0x2211, 0x220f, 0x03c0, 0x222b, 0x00aa,
    0x00ba, 0x03a9, 0x00e6, 0x00f8, 0x00bf, 0x00a1, 0x00ac, 0x221a, 0x0192, 0x2248, 0x2206, 0x00ab,
    0x00bb, 0x2026, 0x00a0, 0x00c0, 0x00c3, 0x00d5, 0x0152, 0x0153, 0x2013, 0x2014, 0x201c, 0x201d,
    0x2018, 0x2019, 0x00f7, 0x25ca, 0x00ff, 0x0178, 0x2044, 0x20ac, 0x2039, 0x203a, 0xfb01, 0xfb02,
    0x2021, 0x00b7, 0x201a, 0x201e, 0x2030, 0x00c2, 0x00ca, 0x00c1, 0x00cb, 0x00c8, 0x00cd, 0x00ce,
    0x00cf, 0x00cc, 0x00d3, 0x00d4, 0xf8ff, 0x00d2, 0x00da, 0x00db, 0x00d9, 0x0131, 0x02c6, 0x02dc,
    0x00af, 0x02d8, 0x02d9, 0x02da, 0x00b8, 0x02dd, 0x02db, 0x02c7,
};

void nb_marker_add_code(nb_text *out, uint32_t code)
{
    char bytes[4];
    size_t count = 0;
    if (code < 0x80) {
        bytes[count++] = (char)code;
    } else if (code < 0x800) {
        bytes[count++] = (char)(0xc0 | code >> 6);
        bytes[count++] = (char)(0x80 | (code & 0x3f));
    } else {
        bytes[count++] = (char)(0xe0 | code >> 12);
        bytes[count++] = (char)(0x80 | (code >> 6 & 0x3f));
        bytes[count++] = (char)(0x80 | (code & 0x3f));
    }
    nb_text_add_bytes(out, bytes, count);
}

static uint32_t code_of(unsigned char byte, nb_marker_charset charset)
{
    if (byte < 0x80) {
        return byte;
    }
    uint32_t code = byte;
    if (charset == NB_MARKER_MAC_ROMAN) {
        code = mac_roman[byte - 0x80];
    } else if (byte < 0xa0) {
        code = windows_1252[byte - 0x80];
    }
    return code ? code : '?';
}

static void add_as_utf8(nb_text *out, const char *bytes, size_t size, nb_marker_charset charset)
{
    if (nb_text_is_utf8(bytes, size, NULL)) {
        nb_text_add_bytes(out, bytes, size);
        return;
    }
    for (size_t i = 0; i < size; i++) {
        nb_marker_add_code(out, code_of((unsigned char)bytes[i], charset));
    }
}

/// One kind of line end, other control characters as blanks. Never longer.
static void settle_controls(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        const unsigned char c = (unsigned char)*from;
        if (c == '\r') {
            from += from[1] == '\n' ? 1 : 0;
            *to++ = '\n';
        } else {
            *to++ = (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f ? ' ' : *from;
        }
    }
    *to = '\0';
}

/// Make the parts between line feeds and tabs printable, which a person's text may have.
static void make_printable(char *text)
{
    char *to = text;
    for (char *from = text; *from;) {
        const size_t length = strcspn(from, "\n\t");
        const char end = from[length];
        from[length] = '\0';
        nb_text_make_printable(from);
        const size_t kept = strlen(from);
        memmove(to, from, kept);
        to += kept;
        from += length;
        if (end) {
            *to++ = end;
            from++;
        }
    }
    *to = '\0';
}

static bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t'; }

static void trim(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && is_blank(text[length - 1])) {
        length--;
    }
    size_t start = 0;
    while (start < length && is_blank(text[start])) {
        start++;
    }
    memmove(text, text + start, length - start);
    text[length - start] = '\0';
}

nb_status nb_marker_text_clean(const char *where, const char *bytes, size_t size,
                               nb_marker_charset charset, char **out, nb_error *err)
{
    *out = NULL;
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    const size_t length = strnlen(bytes, size);
    // Blanks that pad a cell are no text, so the limit is applied behind; this bounds the work.
    if (length > 4 * (size_t)NB_MARKER_TEXT_MAX) {
        return nb_fail(err, NB_E_LIMIT, "%s: a text of %zu bytes; a note has at most %d", where,
                       length, NB_MARKER_TEXT_MAX);
    }
    nb_text_add(&text, "");
    add_as_utf8(&text, bytes, length, charset);
    char *taken = nb_text_take(&text);
    if (!taken) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a marker");
    }
    settle_controls(taken);
    make_printable(taken);
    trim(taken);
    if (strlen(taken) > NB_MARKER_TEXT_MAX) {
        const size_t too_many = strlen(taken);
        free(taken);
        return nb_fail(err, NB_E_LIMIT, "%s: a text of %zu bytes; a note has at most %d", where,
                       too_many, NB_MARKER_TEXT_MAX);
    }
    *out = taken;
    return NB_OK;
}

char *nb_markers_printable(const char *text)
{
    char *copy = strdup(text ? text : "");
    if (copy) {
        settle_controls(copy);
        make_printable(copy);
    }
    return copy;
}

char *nb_marker_label(const nb_marker *marker)
{
    const char *text = marker->text ? marker->text : "";
    const bool named = marker->author && marker->author[0];
    char *label = nb_text_format("%s%s%s", named ? marker->author : "", named ? ": " : "", text);
    if (label) {
        settle_controls(label);
        make_printable(label);
    }
    return label;
}

char *nb_marker_label_line(const nb_marker *marker)
{
    char *label = nb_marker_label(marker);
    for (char *at = label; at && *at; at++) {
        *at = (*at == '\n' || *at == '\t' || *at == '\r') ? ' ' : *at;
    }
    return label;
}

/// Letters of U+00C0 to U+017F without their marks, two characters each.
static const char latin_letters[] =
    "A A A A A A AEC E E E E I I I I D N O O O O O x O U U U U Y THss"
    "a a a a a a aec e e e e i i i i d n o o o o o / o u u u u y thy "
    "A a A a A a C c C c C c C c D d D d E e E e E e E e E e G g G g "
    "G g G g H h H h I i I i I i I i I i IJijJ j K k k L l L l L l L "
    "l L l N n N n N n n N n O o O o O o OEoeR r R r R r S s S s S s "
    "S s T t T t T t U u U u U u U u U u U u W w Y y Y Z z Z z Z z s ";

/// What stands for signs that people type, or null.
static const char *sign_in_ascii(uint32_t code)
{
    static const struct {
        uint16_t code;
        const char *ascii;
    } signs[] = {
        {0x00a0, " "},  {0x00ab, "\""},  {0x00bb, "\""}, {0x00b0, "deg"}, {0x00b1, "+-"},
        {0x00b4, "'"},  {0x00b7, "."},   {0x2010, "-"},  {0x2011, "-"},   {0x2012, "-"},
        {0x2013, "-"},  {0x2014, "-"},   {0x2018, "'"},  {0x2019, "'"},   {0x201a, "'"},
        {0x201c, "\""}, {0x201d, "\""},  {0x201e, "\""}, {0x2022, "*"},   {0x2026, "..."},
        {0x2190, "<-"}, {0x2192, "->"},  {0x2212, "-"},  {0x2260, "!="},  {0x2264, "<="},
        {0x2265, ">="}, {0x20ac, "EUR"},
    };
    for (size_t i = 0; i < NB_COUNT(signs); i++) {
        if (signs[i].code == code) {
            return signs[i].ascii;
        }
    }
    return NULL;
}

/// The character at `*at_p` of well-formed UTF-8; a byte that is not counts as one '?'.
static uint32_t next_code(const unsigned char **at_p)
{
    const unsigned char *at = *at_p;
    const size_t length = at[0] < 0x80 ? 1 : at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    uint32_t code = length == 1 ? at[0] : at[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            *at_p = at + 1;
            return '?';
        }
        code = code << 6 | (at[i] & 0x3fu);
    }
    *at_p = at + length;
    return code;
}

char *nb_marker_to_ascii(const char *text)
{
    _Static_assert(sizeof latin_letters == 2 * (0x180 - 0xc0) + 1, "two characters a letter");
    NB_SCOPED(nb_text_fini) nb_text out = {0};
    nb_text_add(&out, "");
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        const uint32_t code = next_code(&at);
        if (code < 0x80) {
            nb_text_add_bytes(&out, &(char){(char)code}, 1);
        } else if (code >= 0xc0 && code < 0x180) {
            const char *letter = latin_letters + 2 * (size_t)(code - 0xc0);
            nb_text_add_bytes(&out, letter, letter[1] == ' ' ? 1 : 2);
        } else if (code < 0x300 || code > 0x36f) { // marks that follow their letter just go
            const char *sign = sign_in_ascii(code);
            nb_text_add(&out, sign ? sign : "?");
        }
    }
    return nb_text_take(&out);
}
