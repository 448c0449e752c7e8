// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/table.h"

#include <stdlib.h>
#include <string.h>

enum { GAP = 2, FLEX_LEAST = 8, CELL_BYTES_MAX = 8192 };

void nb_table_init(nb_table *self, const nb_table_column *columns, size_t column_count)
{
    *self = (nb_table){0};
    self->column_count = column_count < NB_TABLE_COLUMNS_MAX ? column_count : NB_TABLE_COLUMNS_MAX;
    memcpy(self->columns, columns, self->column_count * sizeof *columns);
    self->width = nb_terminal_columns();
}

void nb_table_fini(nb_table *self)
{
    for (size_t i = 0; i < self->row_count * self->column_count; i++) {
        free(self->cells[i]);
    }
    free(self->cells);
    free(self->styles);
    *self = (nb_table){0};
}

void nb_table_add(nb_table *self, const char *const *cells)
{
    if (self->row_count == self->capacity) {
        const size_t capacity = self->capacity ? self->capacity * 2 : 32;
        char **cells_grown =
            reallocarray(self->cells, capacity * self->column_count, sizeof *cells_grown);
        self->cells = cells_grown ? cells_grown : self->cells;
        nb_style *styles_grown =
            reallocarray(self->styles, capacity * self->column_count, sizeof *styles_grown);
        self->styles = styles_grown ? styles_grown : self->styles;
        if (!cells_grown || !styles_grown) {
            self->failed = true;
            return;
        }
        self->capacity = capacity;
    }
    char **row = self->cells + self->row_count * self->column_count;
    nb_style *styles = self->styles + self->row_count * self->column_count;
    for (size_t i = 0; i < self->column_count; i++) {
        styles[i] = NB_STYLE_PLAIN;
        row[i] = strndup(cells[i] ? cells[i] : "", CELL_BYTES_MAX);
        if (row[i]) {
            nb_text_make_printable(row[i]);
        } else {
            self->failed = true;
        }
    }
    self->row_count++;
}

void nb_table_style(nb_table *self, size_t column, nb_style style)
{
    if (self->row_count > 0 && column < self->column_count) {
        self->styles[(self->row_count - 1) * self->column_count + column] = style;
    }
}

static const char *cell(const nb_table *self, size_t row, size_t column)
{
    const char *text = self->cells[row * self->column_count + column];
    return text ? text : "";
}

static bool is_flexible(nb_table_align align)
{
    return align == NB_TABLE_FLEX || align == NB_TABLE_WRAP;
}

/// Widths by content; what is too much is taken from the flexible columns, the widest first.
static void measure(const nb_table *self, size_t *widths)
{
    size_t total = 0;
    for (size_t c = 0; c < self->column_count; c++) {
        widths[c] = nb_text_columns(self->columns[c].title);
        for (size_t r = 0; r < self->row_count; r++) {
            const size_t width = nb_text_columns(cell(self, r, c));
            widths[c] = width > widths[c] ? width : widths[c];
        }
        total += widths[c] + (c > 0 ? GAP : 0);
    }
    while (total > self->width) {
        size_t widest = self->column_count;
        for (size_t c = 0; c < self->column_count; c++) {
            if (is_flexible(self->columns[c].align) && widths[c] > FLEX_LEAST &&
                (widest == self->column_count || widths[c] > widths[widest])) {
                widest = c;
            }
        }
        if (widest == self->column_count) {
            return; // ids and numbers are never cut
        }
        widths[widest]--;
        total--;
    }
}

/// Bytes of the first `columns` columns of `text`, whole characters only.
static size_t bytes_of_columns(const char *text, size_t columns)
{
    char head[CELL_BYTES_MAX + 1];
    size_t fits = 0;
    for (size_t end = 1; end <= strlen(text) && end <= CELL_BYTES_MAX; end++) {
        if (((unsigned char)text[end] & 0xC0U) == 0x80U) {
            continue; // in the middle of a character
        }
        memcpy(head, text, end);
        head[end] = '\0';
        if (nb_text_columns(head) > columns) {
            break;
        }
        fits = end;
    }
    return fits;
}

void nb_table_add_cut(nb_text *out, const char *text, size_t columns)
{
    if (nb_text_columns(text) <= columns) {
        nb_text_add(out, text);
    } else if (columns > 0) {
        nb_text_add_bytes(out, text, bytes_of_columns(text, columns - 1));
        nb_text_add(out, "…");
    }
}

static void add_padding(nb_text *out, size_t columns)
{
    for (size_t i = 0; i < columns; i++) {
        nb_text_add(out, " ");
    }
}

/// Bytes of `text` for one line of that width: up to the last space that fits, if there is one.
static size_t bytes_of_line(const char *text, size_t columns)
{
    const size_t fits = bytes_of_columns(text, columns);
    size_t end = fits;
    while (text[fits] != '\0' && end > 0 && text[end] != ' ') {
        end--;
    }
    return end > 0 ? end : fits;
}

/// What did not fit the first line of a wrapping last column, under it; `indent` is where it
/// begins.
static void print_rest(const char *rest, size_t indent, size_t columns, nb_text *out)
{
    for (;;) {
        rest += strspn(rest, " ");
        const size_t bytes = bytes_of_line(rest, columns);
        if (bytes == 0) {
            return;
        }
        add_padding(out, indent);
        nb_text_add_bytes(out, rest, bytes);
        nb_text_add(out, "\n");
        rest += bytes;
    }
}

void nb_table_add_wrapped(nb_text *out, const char *text, size_t indent, size_t columns)
{
    NB_SCOPED(nb_text_fini) nb_text lines = {0};
    nb_text_add_lines(&lines, text, 0);
    for (char *line = lines.chars; line && !lines.failed;) {
        char *end = strchr(line, '\n');
        if (end == line) {
            nb_text_add(out, "\n");
        } else {
            if (end) {
                *end = '\0';
            }
            print_rest(line, indent, columns, out);
        }
        line = end ? end + 1 : NULL;
    }
}

static nb_style style_of(const nb_table *self, size_t row, size_t column)
{
    return row < self->row_count ? self->styles[row * self->column_count + column]
                                 : NB_STYLE_STRONG;
}

/// One line; `row` past the last stands for the titles.
static void print_line(const nb_table *self, const size_t *widths, size_t row, bool colour,
                       nb_text *out)
{
    size_t owed = 0; // padding that is only written if something follows
    size_t indent = 0;
    const char *rest = "";
    for (size_t c = 0; c < self->column_count; c++) {
        const char *text = row < self->row_count ? cell(self, row, c) : self->columns[c].title;
        NB_SCOPED(nb_text_fini) nb_text cut = {0};
        if (self->columns[c].align == NB_TABLE_WRAP) {
            const size_t bytes = bytes_of_line(text, widths[c]);
            nb_text_add_bytes(&cut, text, bytes);
            rest = text + bytes;
        } else {
            nb_table_add_cut(&cut, text, widths[c]);
            indent += widths[c] + GAP;
        }
        const size_t used = cut.chars ? nb_text_columns(cut.chars) : 0;
        const size_t left = widths[c] > used ? widths[c] - used : 0;
        owed += c > 0 ? GAP : 0;
        if (used > 0) {
            const bool right = self->columns[c].align == NB_TABLE_RIGHT;
            add_padding(out, owed + (right ? left : 0));
            nb_style_add(out, colour, style_of(self, row, c), cut.chars);
            owed = right ? 0 : left;
        } else {
            owed += left;
        }
    }
    nb_text_add(out, "\n");
    print_rest(rest, indent, widths[self->column_count - 1], out);
}

void nb_table_print(const nb_table *self, bool colour, nb_text *out)
{
    if (self->row_count == 0) {
        return;
    }
    size_t widths[NB_TABLE_COLUMNS_MAX] = {0};
    measure(self, widths);
    print_line(self, widths, self->row_count, colour, out);
    for (size_t r = 0; r < self->row_count; r++) {
        print_line(self, widths, r, colour, out);
    }
}
