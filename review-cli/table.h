// SPDX-License-Identifier: GPL-3.0-or-later
/// @file table.h  Rows and columns for a terminal: as wide as their content, at most as wide as the
/// terminal.

#ifndef NB_REVIEW_CLI_TABLE_H
#define NB_REVIEW_CLI_TABLE_H
#include "base/status.h"
#include "base/text.h"
#include "review-cli/terminal.h"

#include <stdbool.h>
#include <stddef.h>

enum { NB_TABLE_COLUMNS_MAX = 10, NB_TABLE_WIDTH = NB_TERMINAL_COLUMNS };

typedef enum nb_table_align {
    NB_TABLE_LEFT,
    NB_TABLE_RIGHT, ///< Numbers
    NB_TABLE_FLEX,  ///< Text that is cut with "…" where the table would be too wide
    NB_TABLE_WRAP   ///< Text that goes on in the next lines; only the last column
} nb_table_align;

typedef struct nb_table_column {
    const char *title;
    nb_table_align align;
} nb_table_column;

/// Zero-initialise; nb_table_fini frees.
typedef struct nb_table {
    size_t column_count;
    nb_table_column columns[NB_TABLE_COLUMNS_MAX];
    size_t row_count;
    size_t capacity;
    char **cells;     ///< row_count * column_count
    nb_style *styles; ///< As many
    size_t width;     ///< Columns of the output
    bool failed;      ///< No memory for a cell
} nb_table;

void nb_table_init(nb_table *self, const nb_table_column *columns, size_t column_count);
void nb_table_fini(nb_table *self);

/// Add one row: as many strings as there are columns. Copied, and made safe for a terminal: what
/// peers send may hold escapes.
void nb_table_add(nb_table *self, const char *const *cells);

/// Give a cell of the row that was added last a style.
void nb_table_style(nb_table *self, size_t column, nb_style style);

/// Write the table; with `colour` in its styles, the titles bold. A table without rows is nothing.
void nb_table_print(const nb_table *self, bool colour, nb_text *out);

/// Add `text` as lines of at most `columns` columns behind `indent` spaces each, its own line feeds
/// and blank lines kept; all else is made safe for a terminal.
void nb_table_add_wrapped(nb_text *out, const char *text, size_t indent, size_t columns);

/// Add `text` to `out`, cut with "…" to `columns` columns.
void nb_table_add_cut(nb_text *out, const char *text, size_t columns);

#endif // NB_REVIEW_CLI_TABLE_H
