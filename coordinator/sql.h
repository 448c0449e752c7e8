// SPDX-License-Identifier: GPL-3.0-or-later
/// @file sql.h  SQLite as the ledger uses it: one connection, statements kept prepared, errors as
/// nb_status.
///
/// A connection belongs to one thread at a time; threads share a database by a connection each.
/// Statements are named by their text, which must be a string literal.

#ifndef NB_COORDINATOR_SQL_H
#define NB_COORDINATOR_SQL_H
#include "base/digest.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct nb_sql nb_sql;

/// Open or create the database in WAL mode, each commit on disk before it returns.
NB_NODISCARD nb_status nb_sql_open(const char *path, nb_sql **out_sql, nb_error *err);
void nb_sql_close(nb_sql **self_p);

/// Run statements that have neither parameters nor rows: a schema.
NB_NODISCARD nb_status nb_sql_script(nb_sql *self, const char *script, nb_error *err);

/// A transaction that takes the write lock at once. Inside another one it is a part of that: ending
/// it with a failure takes back what was done since it began, and nothing else.
NB_NODISCARD nb_status nb_sql_begin(nb_sql *self, nb_error *err);
/// Commit if `status` is NB_OK, else roll back and return `status`.
NB_NODISCARD nb_status nb_sql_end(nb_sql *self, nb_status status, nb_error *err);

/// The parameters of a statement, in order of its question marks. Text and bytes are borrowed until
/// the statement ran; null pointers are NULL, and so is a real that is not finite.
typedef struct nb_sql_value {
    enum { NB_SQL_INTEGER, NB_SQL_REAL, NB_SQL_TEXT, NB_SQL_BYTES } kind;
    int64_t integer;
    double real;
    const void *bytes;
    size_t size;
} nb_sql_value;

static inline nb_sql_value nb_sql_int(int64_t value)
{
    return (nb_sql_value){.kind = NB_SQL_INTEGER, .integer = value};
}
static inline nb_sql_value nb_sql_real(double value)
{
    return (nb_sql_value){.kind = NB_SQL_REAL, .real = value};
}
static inline nb_sql_value nb_sql_text(const char *text)
{
    return (nb_sql_value){.kind = NB_SQL_TEXT, .bytes = text};
}
static inline nb_sql_value nb_sql_bytes(const void *bytes, size_t size)
{
    return (nb_sql_value){.kind = NB_SQL_BYTES, .bytes = bytes, .size = size};
}
static inline nb_sql_value nb_sql_digest(const nb_digest *digest)
{
    return nb_sql_bytes(digest->bytes, sizeof digest->bytes);
}

/// A statement that is being stepped through. End it with nb_sql_done, also by NB_SCOPED.
typedef struct nb_sql_rows {
    nb_sql *sql;
    void *statement;
} nb_sql_rows;

NB_NODISCARD nb_status nb_sql_query(nb_sql *self, const char *statement, const nb_sql_value *values,
                                    size_t value_count, nb_sql_rows *out_rows, nb_error *err);
/// Go to the next row; *out_row is false behind the last.
NB_NODISCARD nb_status nb_sql_next(nb_sql_rows *self, bool *out_row, nb_error *err);
void nb_sql_done(nb_sql_rows *self);

int64_t nb_sql_get_int(const nb_sql_rows *self, int column);
double nb_sql_get_real(const nb_sql_rows *self, int column); ///< -INFINITY for NULL
/// Borrowed until the next step; "" for NULL.
const char *nb_sql_get_text(const nb_sql_rows *self, int column);
const void *nb_sql_get_bytes(const nb_sql_rows *self, int column, size_t *out_size);
/// NB_E_CORRUPT unless it has 32 bytes.
NB_NODISCARD nb_status nb_sql_get_digest(const nb_sql_rows *self, int column, nb_digest *out,
                                         nb_error *err);
bool nb_sql_is_null(const nb_sql_rows *self, int column);

/// Run a statement that gives no rows.
NB_NODISCARD nb_status nb_sql_run(nb_sql *self, const char *statement, const nb_sql_value *values,
                                  size_t value_count, nb_error *err);

uint64_t nb_sql_commits(const nb_sql *self); ///< Transactions committed so far
int64_t nb_sql_last_id(const nb_sql *self);  ///< Row id of the last insert
int64_t nb_sql_changes(const nb_sql *self);  ///< Rows that the last statement changed

/// An array and its length, for the two parameters above.
#define NB_SQL_VALUES(...)                                                                         \
    (const nb_sql_value[]){__VA_ARGS__},                                                           \
        sizeof((const nb_sql_value[]){__VA_ARGS__}) / sizeof(nb_sql_value)

#endif // NB_COORDINATOR_SQL_H
