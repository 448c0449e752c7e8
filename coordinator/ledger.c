// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/ledger.h"

#include "base/text.h"
#include "coordinator/album_renders.h"
#include "coordinator/costs.h"
#include "coordinator/ledger_private.h"
#include "coordinator/plan_ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCHEMA_VERSION = 2 };

static const char schema[] =
    "CREATE TABLE keys (key TEXT PRIMARY KEY, name TEXT NOT NULL, roles INTEGER NOT NULL,"
    " local INTEGER NOT NULL) STRICT;"
    "CREATE TABLE albums (name TEXT PRIMARY KEY, created_ms INTEGER NOT NULL,"
    " settled TEXT NOT NULL DEFAULT '') STRICT;"
    "CREATE TABLE blobs (album TEXT NOT NULL REFERENCES albums, digest BLOB NOT NULL,"
    " size INTEGER NOT NULL, kept INTEGER NOT NULL, pinned_until_ms INTEGER NOT NULL,"
    " PRIMARY KEY (album, digest)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX blobs_by_digest ON blobs (digest);"
    "CREATE TABLE answers (client_id BLOB NOT NULL, kind TEXT NOT NULL, album TEXT NOT NULL,"
    " answer BLOB NOT NULL, time_ms INTEGER NOT NULL,"
    " PRIMARY KEY (client_id, kind, album)) STRICT;"
    "CREATE TABLE tasks (id INTEGER PRIMARY KEY AUTOINCREMENT, plan BLOB NOT NULL,"
    " plan_size INTEGER NOT NULL, mix_key BLOB NOT NULL, fingerprint TEXT NOT NULL,"
    " label TEXT NOT NULL, state INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
    " error TEXT NOT NULL DEFAULT '') STRICT;"
    "CREATE INDEX tasks_by_state ON tasks (state);"
    "CREATE INDEX tasks_by_plan ON tasks (plan);"
    "CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, album TEXT NOT NULL REFERENCES "
    "albums,"
    " song TEXT NOT NULL, version INTEGER NOT NULL, commit_id TEXT NOT NULL,"
    " state INTEGER NOT NULL, task INTEGER NOT NULL DEFAULT 0, cached INTEGER NOT NULL DEFAULT 0,"
    " reviewed INTEGER NOT NULL DEFAULT 0, rate_hz INTEGER NOT NULL DEFAULT 0,"
    " mix_key BLOB, created_ms INTEGER NOT NULL, finished_ms INTEGER NOT NULL DEFAULT 0,"
    " node TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '') STRICT;"
    "CREATE INDEX jobs_by_version ON jobs (album, song, version);"
    "CREATE INDEX jobs_by_state ON jobs (state, reviewed);"
    "CREATE INDEX jobs_by_task ON jobs (task);"
    "CREATE TABLE attempts (task INTEGER NOT NULL REFERENCES tasks, attempt INTEGER NOT NULL,"
    " epoch BLOB NOT NULL, key TEXT NOT NULL, node TEXT NOT NULL, state INTEGER NOT NULL,"
    " started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL DEFAULT 0,"
    " error TEXT NOT NULL DEFAULT '', PRIMARY KEY (task, attempt)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE results (mix_key BLOB PRIMARY KEY, fingerprint TEXT NOT NULL, node TEXT NOT NULL,"
    " integrated_lufs REAL, true_peak_dbtp REAL, duration_s REAL NOT NULL,"
    " rate_hz INTEGER NOT NULL, created_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE outputs (mix_key BLOB NOT NULL REFERENCES results, name TEXT NOT NULL,"
    " digest BLOB NOT NULL, size INTEGER NOT NULL, PRIMARY KEY (mix_key, name)) STRICT,"
    " WITHOUT ROWID;"
    "CREATE INDEX outputs_by_digest ON outputs (digest);"
    "CREATE TABLE task_lines (task INTEGER NOT NULL REFERENCES tasks, cursor INTEGER NOT NULL,"
    " line TEXT NOT NULL, PRIMARY KEY (task, cursor)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE incidents (id INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL,"
    " task INTEGER NOT NULL, mix_key BLOB NOT NULL, node TEXT NOT NULL,"
    " text TEXT NOT NULL) STRICT;"
    "PRAGMA user_version = 1;";

/// From version 2 on tables come in parts: each script runs once, in this order, in ledgers of any
/// age, and `parts` says which ran. A part is never changed; a change is another part.
static const struct {
    const char *name;
    const char *script;
} parts[] = {
    // Roles belong to people, of whom each may have several keys. Album '' is all albums.
    {"people", "CREATE TABLE grants (name TEXT NOT NULL, album TEXT NOT NULL,"
               " roles INTEGER NOT NULL, PRIMARY KEY (name, album)) STRICT, WITHOUT ROWID;"
               "ALTER TABLE keys ADD COLUMN label TEXT NOT NULL DEFAULT '';"
               "ALTER TABLE keys ADD COLUMN trusted INTEGER NOT NULL DEFAULT -1;"
               "ALTER TABLE keys ADD COLUMN created_ms INTEGER NOT NULL DEFAULT 0;"
               "ALTER TABLE keys ADD COLUMN seen_ms INTEGER NOT NULL DEFAULT 0;"
               "ALTER TABLE keys ADD COLUMN revoked_ms INTEGER NOT NULL DEFAULT 0;"
               "CREATE INDEX keys_by_name ON keys (name);"
               // 1 was owner, who did what an operator (32) does; 2 is renderer.
               "INSERT OR IGNORE INTO grants SELECT name, '', 33 FROM keys WHERE roles & 1;"
               "UPDATE keys SET roles = roles & 2;"},
    // What came second in an incident.
    {"incidents", "CREATE TABLE incident_results (incident INTEGER PRIMARY KEY"
                  " REFERENCES incidents, fingerprint TEXT NOT NULL, integrated_lufs REAL,"
                  " true_peak_dbtp REAL, duration_s REAL NOT NULL, rate_hz INTEGER NOT NULL,"
                  " settled_ms INTEGER NOT NULL DEFAULT 0,"
                  " settled_by TEXT NOT NULL DEFAULT '') STRICT;"
                  "CREATE TABLE incident_outputs (incident INTEGER NOT NULL REFERENCES incidents,"
                  " name TEXT NOT NULL, digest BLOB NOT NULL, size INTEGER NOT NULL,"
                  " PRIMARY KEY (incident, name)) STRICT, WITHOUT ROWID;"
                  "CREATE INDEX incident_outputs_by_digest ON incident_outputs (digest);"
                  "CREATE INDEX incidents_by_key ON incidents (mix_key);"
                  "CREATE INDEX jobs_by_key ON jobs (mix_key);"},
    {"invites",
     "CREATE TABLE invites (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE,"
     " album TEXT NOT NULL, roles INTEGER NOT NULL, name TEXT NOT NULL,"
     " person TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,"
     " used_ms INTEGER NOT NULL DEFAULT 0, joined TEXT NOT NULL DEFAULT '',"
     " revoked_ms INTEGER NOT NULL DEFAULT 0) STRICT;"},
    {"audit", "CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL,"
              " person TEXT NOT NULL, key TEXT NOT NULL, action TEXT NOT NULL, album TEXT NOT NULL,"
              " details TEXT NOT NULL, client_id BLOB) STRICT;"
              "CREATE UNIQUE INDEX audit_by_client ON audit (client_id, action)"
              " WHERE client_id IS NOT NULL;"
              "CREATE INDEX audit_by_album ON audit (album, id);"
              "CREATE INDEX audit_by_person ON audit (person, id);"},
    // How far each person has seen an album's review.
    {"seen", "CREATE TABLE seen (person TEXT NOT NULL, album TEXT NOT NULL REFERENCES albums,"
             " review TEXT NOT NULL, time_ms INTEGER NOT NULL, PRIMARY KEY (person, album)) STRICT,"
             " WITHOUT ROWID;"},
    {"wishes",
     "CREATE TABLE job_wishes (job INTEGER PRIMARY KEY REFERENCES jobs, priority INTEGER NOT NULL,"
     " paused INTEGER NOT NULL, hours TEXT NOT NULL, label TEXT NOT NULL, person TEXT NOT NULL,"
     " time_ms INTEGER NOT NULL) STRICT;"
     "CREATE TABLE node_wishes (node TEXT PRIMARY KEY, holds INTEGER NOT NULL, hours TEXT NOT NULL,"
     " labels TEXT NOT NULL, person TEXT NOT NULL, reason TEXT NOT NULL,"
     " time_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
     "CREATE INDEX jobs_by_node ON jobs (node, id);"},
    // Lines of a task's log that were dropped since it began.
    {"logs", "CREATE TABLE dropped_lines (task INTEGER PRIMARY KEY REFERENCES tasks,"
             " count INTEGER NOT NULL) STRICT;"},
    // Which process of its renderer an attempt was given to.
    {"processes", "ALTER TABLE attempts ADD COLUMN process INTEGER NOT NULL DEFAULT 0;"},
    // The numbers of requests are their clients' to choose: two deeds may have one.
    {"audit-numbers", "DROP INDEX audit_by_client;"
                      "CREATE INDEX audit_by_client ON audit (client_id)"
                      " WHERE client_id IS NOT NULL;"},
};

int64_t nb_version_number(const char *name)
{
    int64_t number = 0;
    const bool known = (name[0] == 'v' || name[0] == 'm') && name[1] >= '1' && name[1] <= '9' &&
                       nb_text_parse_integer(name + 1, 1, INT32_MAX, &number, NULL) == NB_OK;
    return !known ? 0 : name[0] == 'm' ? -number : number;
}

void nb_version_name(int64_t number, char out[NB_VERSION_SIZE])
{
    snprintf(out, NB_VERSION_SIZE, "%c%" PRId64, number < 0 ? 'm' : 'v',
             (number < 0 ? -number : number) & INT32_MAX);
}

static nb_status schema_version(nb_sql *sql, int64_t *out, nb_error *err)
{
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(sql, "PRAGMA user_version", NULL, 0, &rows, err);
    bool row = false;
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    *out = row ? nb_sql_get_int(&rows, 0) : 0;
    return status;
}

static nb_status has_part(nb_sql *sql, const char *name, bool *out_has, nb_error *err)
{
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    *out_has = false;
    const nb_status status = nb_sql_query(sql, "SELECT 1 FROM parts WHERE name = ?",
                                          NB_SQL_VALUES(nb_sql_text(name)), &rows, err);
    return (status == NB_OK) ? nb_sql_next(&rows, out_has, err) : status;
}

static nb_status add_parts(nb_sql *sql, nb_error *err)
{
    nb_status status =
        nb_sql_script(sql, "CREATE TABLE IF NOT EXISTS parts (name TEXT PRIMARY KEY) STRICT;", err);
    for (size_t i = 0; status == NB_OK && i < NB_COUNT(parts); i++) {
        bool has = false;
        status = has_part(sql, parts[i].name, &has, err);
        if (status != NB_OK || has) {
            continue;
        }
        status = nb_sql_script(sql, parts[i].script, err);
        if (status == NB_OK) {
            status = nb_sql_run(sql, "INSERT INTO parts (name) VALUES (?)",
                                NB_SQL_VALUES(nb_sql_text(parts[i].name)), err);
        }
    }
    return status;
}

// A part that this program does not have was made by a newer one.
static nb_status check_parts(nb_sql *sql, const char *path, nb_error *err)
{
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(sql, "SELECT name FROM parts", NULL, 0, &rows, err);
    for (bool row = true; status == NB_OK && row;) {
        status = nb_sql_next(&rows, &row, err);
        bool known = false;
        for (size_t i = 0; row && i < NB_COUNT(parts); i++) {
            known = known || strcmp(parts[i].name, nb_sql_get_text(&rows, 0)) == 0;
        }
        if (status == NB_OK && row && !known) {
            return nb_fail(err, NB_E_VERSION,
                           "%s has tables '%.40s' that this program does not know: use a newer "
                           "nightbus-coordinator",
                           path, nb_sql_get_text(&rows, 0));
        }
    }
    return status;
}

static nb_status make_schema(nb_sql *sql, const char *path, nb_error *err)
{
    int64_t version = 0;
    nb_status status = nb_sql_begin(sql, err);
    if (status != NB_OK) {
        return status;
    }
    status = schema_version(sql, &version, err);
    if (status == NB_OK && version > SCHEMA_VERSION) {
        status = nb_fail(err, NB_E_VERSION,
                         "%s has tables of version %" PRId64
                         ", this program knows %d: use a newer nightbus-coordinator",
                         path, version, SCHEMA_VERSION);
    } else if (status == NB_OK && version == 0) {
        status = nb_sql_script(sql, schema, err);
    }
    if (status == NB_OK) {
        status = nb_ledger_make_plan_tables(sql, err);
    }
    if (status == NB_OK) {
        status = nb_ledger_make_cost_tables(sql, err);
    }
    if (status == NB_OK) {
        status = nb_ledger_make_album_render_tables(sql, err);
    }
    if (status == NB_OK) {
        status = add_parts(sql, err);
    }
    if (status == NB_OK) {
        status = check_parts(sql, path, err);
    }
    if (status == NB_OK && version < SCHEMA_VERSION) {
        status = nb_sql_script(sql, "PRAGMA user_version = 2;", err);
    }
    return nb_sql_end(sql, status, err);
}

nb_status nb_ledger_open(const char *path, nb_ledger **out_ledger, nb_error *err)
{
    *out_ledger = NULL;
    NB_SCOPED(nb_ledger_close) nb_ledger *self = calloc(1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory to open it", path);
    }
    nb_status status = nb_sql_open(path, &self->sql, err);
    if (status == NB_OK) {
        status = make_schema(self->sql, path, err);
    }
    if (status == NB_OK) {
        *out_ledger = self;
        self = NULL; // the caller's now
    }
    return status;
}

void nb_ledger_close(nb_ledger **self_p)
{
    if (*self_p) {
        nb_sql_close(&(*self_p)->sql);
        free(*self_p);
        *self_p = NULL;
    }
}

nb_status nb_ledger_begin(nb_ledger *self, nb_error *err) { return nb_sql_begin(self->sql, err); }

nb_status nb_ledger_end(nb_ledger *self, nb_status status, nb_error *err)
{
    return nb_sql_end(self->sql, status, err);
}

uint64_t nb_ledger_commits(const nb_ledger *self) { return nb_sql_commits(self->sql); }

nb_status nb_ledger_copy_text(const nb_sql_rows *rows, int column, char *out, size_t size,
                              nb_error *err)
{
    const char *text = nb_sql_get_text(rows, column);
    const size_t length = strlen(text);
    if (length >= size) {
        return nb_fail(err, NB_E_CORRUPT, "ledger: a text of %zu bytes where %zu fit", length,
                       size - 1);
    }
    memcpy(out, text, length + 1);
    return NB_OK;
}

// ---- Albums ----

nb_status nb_ledger_add_album(nb_ledger *self, const char *name, int64_t created_ms, nb_error *err)
{
    return nb_sql_run(self->sql, "INSERT INTO albums (name, created_ms) VALUES (?, ?)",
                      NB_SQL_VALUES(nb_sql_text(name), nb_sql_int(created_ms)), err);
}

static nb_status read_album(const nb_sql_rows *rows, nb_album_row *out, nb_error *err)
{
    out->created_ms = nb_sql_get_int(rows, 1);
    const nb_status status = nb_ledger_copy_text(rows, 0, out->name, sizeof out->name, err);
    return (status == NB_OK) ? nb_ledger_copy_text(rows, 2, out->settled, sizeof out->settled, err)
                             : status;
}

nb_status nb_ledger_get_album(nb_ledger *self, const char *name, nb_album_row *out, nb_error *err)
{
    *out = (nb_album_row){0};
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status =
        nb_sql_query(self->sql, "SELECT name, created_ms, settled FROM albums WHERE name = ?",
                     NB_SQL_VALUES(nb_sql_text(name)), &rows, err);
    bool row = false;
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    if (status == NB_OK && !row) {
        return nb_fail(err, NB_E_NOT_FOUND,
                       "no album '%s' on this farm ('nightbus album list' shows them)", name);
    }
    return (status == NB_OK) ? read_album(&rows, out, err) : status;
}

nb_status nb_ledger_list_albums(nb_ledger *self, const char *after, nb_album_row **out_rows,
                                size_t *out_count, nb_error *err)
{
    *out_rows = NULL;
    *out_count = 0;
    nb_album_row *list = calloc(NB_ROWS_MAX, sizeof *list);
    if (!list) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the list of albums");
    }
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(
        self->sql,
        "SELECT name, created_ms, settled FROM albums WHERE name > ? ORDER BY name LIMIT ?",
        NB_SQL_VALUES(nb_sql_text(after), nb_sql_int(NB_ROWS_MAX)), &rows, err);
    size_t count = 0;
    bool row = true;
    while (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
        if (status != NB_OK || !row) {
            break;
        }
        status = read_album(&rows, &list[count++], err);
    }
    if (status != NB_OK) {
        free(list);
        return status;
    }
    *out_rows = list;
    *out_count = count;
    return NB_OK;
}

nb_status nb_ledger_set_settled(nb_ledger *self, const char *album, const char *commit,
                                nb_error *err)
{
    return nb_sql_run(self->sql, "UPDATE albums SET settled = ? WHERE name = ?",
                      NB_SQL_VALUES(nb_sql_text(commit), nb_sql_text(album)), err);
}

// ---- Blobs ----

nb_status nb_ledger_pin_blob(nb_ledger *self, const char *album, const nb_digest *digest,
                             uint64_t size, int64_t pinned_until_ms, nb_error *err)
{
    return nb_sql_run(self->sql,
                      "INSERT INTO blobs (album, digest, size, kept, pinned_until_ms)"
                      " VALUES (?, ?, ?, 0, ?) ON CONFLICT (album, digest)"
                      " DO UPDATE SET pinned_until_ms = MAX(pinned_until_ms,"
                      " excluded.pinned_until_ms)",
                      NB_SQL_VALUES(nb_sql_text(album), nb_sql_digest(digest),
                                    nb_sql_int((int64_t)size), nb_sql_int(pinned_until_ms)),
                      err);
}

nb_status nb_ledger_keep_blob(nb_ledger *self, const char *album, const nb_digest *digest,
                              uint64_t size, nb_error *err)
{
    return nb_sql_run(
        self->sql,
        "INSERT INTO blobs (album, digest, size, kept, pinned_until_ms)"
        " VALUES (?, ?, ?, 1, 0) ON CONFLICT (album, digest) DO UPDATE SET kept = 1",
        NB_SQL_VALUES(nb_sql_text(album), nb_sql_digest(digest), nb_sql_int((int64_t)size)), err);
}

nb_status nb_ledger_get_blob(nb_ledger *self, const char *album, const nb_digest *digest,
                             uint64_t *out_size, nb_error *err)
{
    *out_size = 0;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status =
        nb_sql_query(self->sql, "SELECT size FROM blobs WHERE album = ? AND digest = ?",
                     NB_SQL_VALUES(nb_sql_text(album), nb_sql_digest(digest)), &rows, err);
    bool row = false;
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    if (status == NB_OK && !row) {
        char hex[NB_DIGEST_HEX_SIZE];
        nb_digest_to_hex(digest, hex);
        return nb_fail(err, NB_E_NOT_FOUND, "album '%s' has no blob %.12s", album, hex);
    }
    *out_size = row ? (uint64_t)nb_sql_get_int(&rows, 0) : 0;
    return status;
}

nb_status nb_ledger_is_needed(nb_ledger *self, const nb_digest *digest, int64_t now_ms,
                              bool *out_needed, nb_error *err)
{
    *out_needed = true; // in doubt
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(
        self->sql,
        "SELECT EXISTS (SELECT 1 FROM blobs WHERE digest = ?1 AND (kept = 1 OR pinned_until_ms > "
        "?2))"
        " OR EXISTS (SELECT 1 FROM outputs JOIN results USING (mix_key)"
        " WHERE digest = ?1 AND created_ms > ?4)"
        " OR EXISTS (SELECT 1 FROM incident_outputs JOIN incident_results USING (incident)"
        " WHERE digest = ?1 AND settled_ms = 0)"
        " OR EXISTS (SELECT 1 FROM freezes WHERE digest = ?1)"
        " OR EXISTS (SELECT 1 FROM tasks WHERE plan = ?1 AND state < ?3)",
        NB_SQL_VALUES(nb_sql_digest(digest), nb_sql_int(now_ms), nb_sql_int(NB_TASK_DONE),
                      nb_sql_int(now_ms - nb_output_kept_ms)),
        &rows, err);
    bool row = false;
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    if (row) {
        *out_needed = nb_sql_get_int(&rows, 0) != 0;
    }
    return status;
}

// ---- Answers ----

nb_status nb_ledger_get_answer(nb_ledger *self, const uint8_t client_id[NB_CLIENT_ID_SIZE],
                               const char *kind, const char *album, void **out_bytes,
                               size_t *out_size, nb_error *err)
{
    *out_bytes = NULL;
    *out_size = 0;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(
        self->sql, "SELECT answer FROM answers WHERE client_id = ? AND kind = ? AND album = ?",
        NB_SQL_VALUES(nb_sql_bytes(client_id, NB_CLIENT_ID_SIZE), nb_sql_text(kind),
                      nb_sql_text(album)),
        &rows, err);
    bool row = false;
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    if (status != NB_OK || !row) {
        return status;
    }
    size_t size = 0;
    const void *bytes = nb_sql_get_bytes(&rows, 0, &size);
    void *copy = malloc(size + 1);
    if (!copy) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for an answer");
    }
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    *out_bytes = copy;
    *out_size = size;
    return NB_OK;
}

nb_status nb_ledger_put_answer(nb_ledger *self, const uint8_t client_id[NB_CLIENT_ID_SIZE],
                               const char *kind, const char *album, const void *bytes, size_t size,
                               int64_t now_ms, nb_error *err)
{
    return nb_sql_run(self->sql,
                      "INSERT OR IGNORE INTO answers (client_id, kind, album, answer, time_ms)"
                      " VALUES (?, ?, ?, ?, ?)",
                      NB_SQL_VALUES(nb_sql_bytes(client_id, NB_CLIENT_ID_SIZE), nb_sql_text(kind),
                                    nb_sql_text(album), nb_sql_bytes(bytes, size),
                                    nb_sql_int(now_ms)),
                      err);
}

nb_status nb_ledger_prune(nb_ledger *self, int64_t before_ms, int64_t now_ms, nb_error *err)
{
    const nb_status status = nb_sql_run(self->sql, "DELETE FROM answers WHERE time_ms < ?",
                                        NB_SQL_VALUES(nb_sql_int(before_ms)), err);
    return (status == NB_OK)
               ? nb_sql_run(self->sql, "DELETE FROM blobs WHERE kept = 0 AND pinned_until_ms < ?",
                            NB_SQL_VALUES(nb_sql_int(now_ms)), err)
               : status;
}
