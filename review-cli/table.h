// SPDX-License-Identifier: GPL-3.0-or-later
/// @file table.h  Rows and columns for a terminal: as wide as their content, at most 80 columns.

#ifndef NB_REVIEW_CLI_TABLE_H
#define NB_REVIEW_CLI_TABLE_H
#include "base/status.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum { NB_TABLE_COLUMNS_MAX = 10, NB_TABLE_WIDTH = 80 };

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
    char **cells; ///< row_count * column_count
    bool failed;  ///< No memory for a cell
} nb_table;

void nb_table_init(nb_table *self, const nb_table_column *columns, size_t column_count);
void nb_table_fini(nb_table *self);

/// Add one row: as many strings as there are columns. Copied, and made safe for a terminal: what
/// peers send may hold escapes.
void nb_table_add(nb_table *self, const char *const *cells);

/// Write the table. `bold_titles` adds ANSI bold to the first line. A table without rows is
/// nothing.
void nb_table_print(const nb_table *self, bool bold_titles, nb_text *out);

/// Add `text` to `out`, cut with "…" to `columns` columns.
void nb_table_add_cut(nb_text *out, const char *text, size_t columns);

#endif // NB_REVIEW_CLI_TABLE_H
