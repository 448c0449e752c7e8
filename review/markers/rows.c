// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/markers/format.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char byte_order_mark[] = "\xef\xbb\xbf";

nb_status nb_marker_rows_open(const nb_marker_source *source, char separator, bool quotes,
                              nb_marker_rows *out, nb_error *err)
{
    *out = (nb_marker_rows){.name = source->name, .separator = separator, .quotes = quotes};
    const unsigned char *bytes = (const unsigned char *)source->bytes;
    if (source->size >= 2 &&
        ((bytes[0] == 0xff && bytes[1] == 0xfe) || (bytes[0] == 0xfe && bytes[1] == 0xff))) {
        return nb_fail(err, NB_E_INVALID, "%s: is UTF-16; save it as UTF-8", source->name);
    }
    if (memchr(bytes, 0, source->size)) {
        return nb_fail(err, NB_E_INVALID, "%s: is not a text file", source->name);
    }
    out->text = malloc(source->size + 1);
    if (!out->text) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory for it", source->name);
    }
    memcpy(out->text, bytes, source->size);
    out->text[source->size] = '\0';
    const bool marked = strncmp(out->text, byte_order_mark, strlen(byte_order_mark)) == 0;
    out->at = out->text + (marked ? strlen(byte_order_mark) : 0);
    out->next_line = 1;
    return NB_OK;
}

void nb_marker_rows_fini(nb_marker_rows *self)
{
    free(self->text);
    self->text = NULL;
}

static bool is_line_end(char c) { return c == '\n' || c == '\r' || c == '\0'; }

static bool is_separator(const nb_marker_rows *self, char c)
{
    return c == self->separator || (self->separator == ' ' && c == '\t');
}

/// Take a cell in quotes at `at` out of them, in place; returns what stands behind it. A quote that
/// is never closed ends with the file.
static char *take_quoted(nb_marker_rows *self, char *at, char **out_end)
{
    char *to = at;
    char *from = at + 1;
    while (*from && !(from[0] == '"' && from[1] != '"')) {
        self->next_line += *from == '\n' ? 1 : 0;
        from += from[0] == '"' ? 1 : 0;
        *to++ = *from++;
    }
    from += *from == '"' ? 1 : 0;
    while (!is_line_end(*from) && !is_separator(self, *from)) {
        *to++ = *from++;
    }
    *out_end = to;
    return from;
}

/// Take one cell; returns what stands behind it: a separator or the line's end.
static char *take_cell(nb_marker_rows *self, char *at, char **out_end)
{
    if (self->quotes && *at == '"') {
        return take_quoted(self, at, out_end);
    }
    while (!is_line_end(*at) && !is_separator(self, *at)) {
        at++;
    }
    *out_end = at;
    return at;
}

/// One row. Cells are ended only once all of the row was looked at: their ends are its separators.
static void take_row(nb_marker_rows *self)
{
    char *at = self->at;
    self->count = 0;
    self->line = self->next_line;
    for (bool more = true; more;) {
        char *end = NULL;
        char *cell = at;
        at = take_cell(self, at, &end);
        const char separator = *at;
        more = !is_line_end(separator);
        if (more) {
            at++;
            while (self->separator == ' ' && is_separator(self, *at)) {
                at++;
            }
        } else if (separator != '\0') {
            at += separator == '\r' && at[1] == '\n' ? 2 : 1;
            self->next_line++;
        }
        *end = '\0';
        if (self->count < NB_MARKER_CELLS_MAX) {
            self->cells[self->count++] = cell;
        }
    }
    self->at = at;
}

static bool is_empty(const nb_marker_rows *self)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->cells[i][strspn(self->cells[i], " \t")] != '\0') {
            return false;
        }
    }
    return true;
}

bool nb_marker_rows_next(nb_marker_rows *self)
{
    while (*self->at) {
        if (self->separator == ' ') {
            self->at += strspn(self->at, " \t");
        }
        take_row(self);
        if (!is_empty(self)) {
            snprintf(self->where, sizeof self->where, "%.120s: line %zu", self->name, self->line);
            return true;
        }
    }
    return false;
}

const char *nb_marker_rows_cell(const nb_marker_rows *self, int cell)
{
    return cell >= 0 && (size_t)cell < self->count ? self->cells[cell] : "";
}

/// Equal but for case and the blanks around the cell.
static bool is_named(const char *cell, const char *name)
{
    cell += strspn(cell, " ");
    const size_t length = strlen(name);
    return strncasecmp(cell, name, length) == 0 &&
           cell[length + strspn(cell + length, " ")] == '\0';
}

int nb_marker_rows_find(const nb_marker_rows *self, const char *const *names)
{
    for (; *names; names++) {
        for (size_t i = 0; i < self->count; i++) {
            if (is_named(self->cells[i], *names)) {
                return (int)i;
            }
        }
    }
    return -1;
}

void nb_marker_add_quoted(nb_text *out, const char *cell)
{
    nb_text_add(out, "\"");
    while (*cell) {
        const size_t length = strcspn(cell, "\"");
        nb_text_add_bytes(out, cell, length);
        cell += length;
        if (*cell == '"') {
            nb_text_add(out, "\"\"");
            cell++;
        }
    }
    nb_text_add(out, "\"");
}
