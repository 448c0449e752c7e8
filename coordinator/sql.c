// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/sql.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum {
    STATEMENTS_MAX = 256,    // more than the ledger has
    BUSY_TIMEOUT_MS = 10000, // another thread's commit takes 2 ms; a stalled disk may take seconds
};

typedef struct prepared {
    const char *text; // compared by address: statements are literals
    sqlite3_stmt *statement;
} prepared;

struct nb_sql {
    sqlite3 *connection;
    unsigned depth; // of transactions inside each other
    size_t prepared_count;
    prepared list[STATEMENTS_MAX];
    uint64_t commits;
};

static nb_status status_of(sqlite3 *connection, int code)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
        return NB_E_NO_SPACE;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR: {
        const int errnum = sqlite3_system_errno(connection);
        return (errnum == ENOSPC || errnum == EDQUOT) ? NB_E_NO_SPACE : NB_E_IO;
    }
    case SQLITE_NOMEM:
        return NB_E_NO_MEMORY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return NB_E_CORRUPT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return NB_E_TIMEOUT;
    case SQLITE_CONSTRAINT:
        return NB_E_EXISTS;
    default:
        return NB_E_IO;
    }
}

static nb_status fail(const nb_sql *self, int code, nb_error *err)
{
    const nb_status status = status_of(self->connection, code);
    if (status == NB_E_NO_SPACE) {
        return nb_fail(err, status, "ledger: the coordinator's disk is full");
    }
    return nb_fail(err, status, "ledger: %s", sqlite3_errmsg(self->connection));
}

nb_status nb_sql_open(const char *path, nb_sql **out_sql, nb_error *err)
{
    *out_sql = NULL;
    NB_SCOPED(nb_sql_close) nb_sql *self = calloc(1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory to open it", path);
    }
    const int code =
        sqlite3_open_v2(path, &self->connection,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, NULL);
    if (code != SQLITE_OK) {
        return nb_fail(err, status_of(self->connection, code), "%s: %s", path,
                       sqlite3_errstr(code));
    }
    sqlite3_extended_result_codes(self->connection, 1);
    sqlite3_busy_timeout(self->connection, BUSY_TIMEOUT_MS);
    const nb_status status = nb_sql_script(self,
                                           "PRAGMA journal_mode = WAL;"
                                           "PRAGMA synchronous = FULL;"
                                           "PRAGMA foreign_keys = ON;"
                                           "PRAGMA trusted_schema = OFF;",
                                           err);
    if (status == NB_OK) {
        *out_sql = self;
        self = NULL; // the caller's now
    }
    return status;
}

void nb_sql_close(nb_sql **self_p)
{
    nb_sql *self = *self_p;
    if (!self) {
        return;
    }
    for (size_t i = 0; i < self->prepared_count; i++) {
        sqlite3_finalize(self->list[i].statement);
    }
    sqlite3_close(self->connection);
    free(self);
    *self_p = NULL;
}

nb_status nb_sql_script(nb_sql *self, const char *script, nb_error *err)
{
    const int code = sqlite3_exec(self->connection, script, NULL, NULL, NULL);
    return (code == SQLITE_OK) ? NB_OK : fail(self, code, err);
}

nb_status nb_sql_begin(nb_sql *self, nb_error *err)
{
    // A transaction that reads first and then writes fails at once behind another writer.
    const nb_status status =
        nb_sql_script(self, self->depth == 0 ? "BEGIN IMMEDIATE" : "SAVEPOINT inner", err);
    self->depth += (status == NB_OK) ? 1 : 0;
    return status;
}

// The newest savepoint of that name is meant.
static nb_status end_inner(nb_sql *self, nb_status status, nb_error *err)
{
    if (status != NB_OK) {
        (void)sqlite3_exec(self->connection, "ROLLBACK TO inner", NULL, NULL, NULL);
        (void)sqlite3_exec(self->connection, "RELEASE inner", NULL, NULL, NULL);
        return status;
    }
    return nb_sql_script(self, "RELEASE inner", err);
}

nb_status nb_sql_end(nb_sql *self, nb_status status, nb_error *err)
{
    if (--self->depth > 0) {
        return end_inner(self, status, err);
    }
    if (status == NB_OK) {
        status = nb_sql_script(self, "COMMIT", err);
        self->commits += (status == NB_OK) ? 1 : 0;
    }
    // A full disk may have rolled back already.
    if (status != NB_OK && !sqlite3_get_autocommit(self->connection)) {
        (void)sqlite3_exec(self->connection, "ROLLBACK", NULL, NULL, NULL);
    }
    return status;
}

static nb_status prepare(nb_sql *self, const char *text, sqlite3_stmt **out, nb_error *err)
{
    for (size_t i = 0; i < self->prepared_count; i++) {
        if (self->list[i].text == text) {
            *out = self->list[i].statement;
            return NB_OK;
        }
    }
    if (self->prepared_count == STATEMENTS_MAX) {
        return nb_fail(err, NB_E_LIMIT, "ledger: more than %d statements", STATEMENTS_MAX);
    }
    const int code =
        sqlite3_prepare_v3(self->connection, text, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    if (code != SQLITE_OK) {
        return fail(self, code, err);
    }
    self->list[self->prepared_count++] = (prepared){text, *out};
    return NB_OK;
}

static int bind(sqlite3_stmt *statement, int index, const nb_sql_value *value)
{
    switch (value->kind) {
    case NB_SQL_INTEGER:
        return sqlite3_bind_int64(statement, index, value->integer);
    case NB_SQL_REAL:
        return isfinite(value->real) ? sqlite3_bind_double(statement, index, value->real)
                                     : sqlite3_bind_null(statement, index);
    case NB_SQL_TEXT:
        return sqlite3_bind_text(statement, index, value->bytes, -1, SQLITE_STATIC);
    case NB_SQL_BYTES:
        break;
    }
    return sqlite3_bind_blob64(statement, index, value->bytes, value->size, SQLITE_STATIC);
}

nb_status nb_sql_query(nb_sql *self, const char *text, const nb_sql_value *values,
                       size_t value_count, nb_sql_rows *out_rows, nb_error *err)
{
    *out_rows = (nb_sql_rows){0};
    sqlite3_stmt *statement = NULL;
    const nb_status status = prepare(self, text, &statement, err);
    if (status != NB_OK) {
        return status;
    }
    *out_rows = (nb_sql_rows){self, statement};
    for (size_t i = 0; i < value_count; i++) {
        const int code = bind(statement, (int)i + 1, &values[i]);
        if (code != SQLITE_OK) {
            return fail(self, code, err);
        }
    }
    return NB_OK;
}

nb_status nb_sql_next(nb_sql_rows *self, bool *out_row, nb_error *err)
{
    const int code = sqlite3_step(self->statement);
    *out_row = code == SQLITE_ROW;
    return (code == SQLITE_ROW || code == SQLITE_DONE) ? NB_OK : fail(self->sql, code, err);
}

void nb_sql_done(nb_sql_rows *self)
{
    if (self->statement) {
        sqlite3_reset(self->statement);
        sqlite3_clear_bindings(self->statement);
        self->statement = NULL;
    }
}

nb_status nb_sql_run(nb_sql *self, const char *text, const nb_sql_value *values, size_t value_count,
                     nb_error *err)
{
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(self, text, values, value_count, &rows, err);
    bool row = false;
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    return status;
}

int64_t nb_sql_get_int(const nb_sql_rows *self, int column)
{
    return sqlite3_column_int64(self->statement, column);
}

double nb_sql_get_real(const nb_sql_rows *self, int column)
{
    return nb_sql_is_null(self, column) ? -INFINITY
                                        : sqlite3_column_double(self->statement, column);
}

const char *nb_sql_get_text(const nb_sql_rows *self, int column)
{
    const unsigned char *text = sqlite3_column_text(self->statement, column);
    return text ? (const char *)text : "";
}

const void *nb_sql_get_bytes(const nb_sql_rows *self, int column, size_t *out_size)
{
    const void *bytes = sqlite3_column_blob(self->statement, column);
    *out_size = (size_t)sqlite3_column_bytes(self->statement, column);
    return bytes;
}

nb_status nb_sql_get_digest(const nb_sql_rows *self, int column, nb_digest *out, nb_error *err)
{
    size_t size = 0;
    const void *bytes = nb_sql_get_bytes(self, column, &size);
    if (size != NB_DIGEST_SIZE) {
        return nb_fail(err, NB_E_CORRUPT, "ledger: a digest of %zu bytes", size);
    }
    memcpy(out->bytes, bytes, size);
    return NB_OK;
}

bool nb_sql_is_null(const nb_sql_rows *self, int column)
{
    return sqlite3_column_type(self->statement, column) == SQLITE_NULL;
}

uint64_t nb_sql_commits(const nb_sql *self) { return self->commits; }

int64_t nb_sql_last_id(const nb_sql *self) { return sqlite3_last_insert_rowid(self->connection); }
int64_t nb_sql_changes(const nb_sql *self) { return sqlite3_changes64(self->connection); }
