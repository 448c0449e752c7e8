// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/invites.h"

#include "coordinator/ledger_private.h"

#include <inttypes.h>
#include <stdlib.h>

#define COLUMNS                                                                                    \
    "id, key, album, roles, name, person, created_ms, expires_ms, used_ms, joined, revoked_ms"

static const int64_t day_ms = INT64_C(24) * 60 * 60 * 1000;

const char *nb_invite_state(const nb_invite_row *self, int64_t now_ms)
{
    if (self->used_ms != 0) {
        return "used";
    }
    if (self->revoked_ms != 0) {
        return "revoked";
    }
    return self->expires_ms <= now_ms ? "expired" : "open";
}

static nb_status read_row(const nb_sql_rows *rows, nb_invite_row *out, nb_error *err)
{
    *out = (nb_invite_row){
        .id = (uint64_t)nb_sql_get_int(rows, 0),
        .roles = (unsigned)nb_sql_get_int(rows, 3),
        .created_ms = nb_sql_get_int(rows, 6),
        .expires_ms = nb_sql_get_int(rows, 7),
        .used_ms = nb_sql_get_int(rows, 8),
        .revoked_ms = nb_sql_get_int(rows, 10),
    };
    const struct {
        int column;
        char *out;
        size_t size;
    } texts[] = {
        {1, out->key.text, sizeof out->key.text}, {2, out->album, sizeof out->album},
        {4, out->name, sizeof out->name},         {5, out->person, sizeof out->person},
        {9, out->joined, sizeof out->joined},
    };
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < NB_COUNT(texts); i++) {
        status = nb_ledger_copy_text(rows, texts[i].column, texts[i].out, texts[i].size, err);
    }
    return status;
}

static nb_status count_rows(nb_ledger *self, const char *statement, nb_sql_value value,
                            int64_t *out_count, nb_error *err)
{
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(self->sql, statement, &value, 1, &rows, err);
    bool row = false;
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    *out_count = row ? nb_sql_get_int(&rows, 0) : 0;
    return status;
}

nb_status nb_ledger_add_invite(nb_ledger *self, nb_invite_row *row, nb_error *err)
{
    int64_t known = 0;
    int64_t open = 0;
    nb_status status = count_rows(self,
                                  "SELECT (SELECT count(*) FROM invites WHERE key = ?1)"
                                  " + (SELECT count(*) FROM keys WHERE key = ?1)",
                                  nb_sql_text(row->key.text), &known, err);
    if (status == NB_OK) {
        status = count_rows(self,
                            "SELECT count(*) FROM invites WHERE used_ms = 0 AND revoked_ms = 0"
                            " AND expires_ms > ?",
                            nb_sql_int(row->created_ms), &open, err);
    }
    if (status != NB_OK) {
        return status;
    }
    if (known > 0) {
        return nb_fail(err, NB_E_EXISTS, "this key is known already: an invite takes a new one");
    }
    if (open >= NB_INVITES_OPEN_MAX) {
        return nb_fail(err, NB_E_LIMIT,
                       "%d invites are open, the most there may be: revoke some ('nightbus invite "
                       "revoke')",
                       NB_INVITES_OPEN_MAX);
    }
    status = nb_sql_run(
        self->sql,
        "INSERT INTO invites (key, album, roles, name, person, created_ms, expires_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        NB_SQL_VALUES(nb_sql_text(row->key.text), nb_sql_text(row->album), nb_sql_int(row->roles),
                      nb_sql_text(row->name), nb_sql_text(row->person), nb_sql_int(row->created_ms),
                      nb_sql_int(row->expires_ms)),
        err);
    row->id = (status == NB_OK) ? (uint64_t)nb_sql_last_id(self->sql) : 0;
    return status;
}

static nb_status get_one(nb_ledger *self, const char *statement, nb_sql_value value,
                         nb_invite_row *out, nb_error *err)
{
    *out = (nb_invite_row){0};
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(self->sql, statement, &value, 1, &rows, err);
    bool row = false;
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    if (status == NB_OK && !row) {
        return nb_fail(err, NB_E_NOT_FOUND, "no such invite ('nightbus invite list' has them)");
    }
    return (status == NB_OK) ? read_row(&rows, out, err) : status;
}

nb_status nb_ledger_invite_of_key(nb_ledger *self, const nb_public_key *key, nb_invite_row *out,
                                  nb_error *err)
{
    return get_one(self, "SELECT " COLUMNS " FROM invites WHERE key = ?", nb_sql_text(key->text),
                   out, err);
}

nb_status nb_ledger_get_invite(nb_ledger *self, uint64_t id, nb_invite_row *out, nb_error *err)
{
    return get_one(self, "SELECT " COLUMNS " FROM invites WHERE id = ?", nb_sql_int((int64_t)id),
                   out, err);
}

nb_status nb_ledger_list_invites(nb_ledger *self, uint64_t before, size_t limit,
                                 nb_invite_row **out_rows, size_t *out_count, nb_error *err)
{
    *out_rows = NULL;
    *out_count = 0;
    nb_invite_row *list = calloc(limit ? limit : 1, sizeof *list);
    if (!list) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the list of invites");
    }
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(
        self->sql,
        "SELECT " COLUMNS " FROM invites WHERE ?1 = 0 OR id < ?1 ORDER BY id DESC LIMIT ?2",
        NB_SQL_VALUES(nb_sql_int((int64_t)before), nb_sql_int((int64_t)limit)), &rows, err);
    size_t count = 0;
    for (bool row = true; status == NB_OK && count < limit;) {
        status = nb_sql_next(&rows, &row, err);
        if (status != NB_OK || !row) {
            break;
        }
        status = read_row(&rows, &list[count++], err);
    }
    if (status != NB_OK) {
        free(list);
        return status;
    }
    *out_rows = list;
    *out_count = count;
    return NB_OK;
}

static nb_status spent(const nb_ledger *self, nb_status status, nb_error *err)
{
    if (status == NB_OK && nb_sql_changes(self->sql) == 0) {
        return nb_fail(err, NB_E_STALE,
                       "this invite was used already, has run out or was taken back");
    }
    return status;
}

nb_status nb_ledger_use_invite(nb_ledger *self, uint64_t id, const char *joined, int64_t now_ms,
                               nb_error *err)
{
    const nb_status status = nb_sql_run(
        self->sql,
        "UPDATE invites SET used_ms = ?1, joined = ?2"
        " WHERE id = ?3 AND used_ms = 0 AND revoked_ms = 0 AND expires_ms > ?1",
        NB_SQL_VALUES(nb_sql_int(now_ms), nb_sql_text(joined), nb_sql_int((int64_t)id)), err);
    return spent(self, status, err);
}

nb_status nb_ledger_revoke_invite(nb_ledger *self, uint64_t id, int64_t now_ms, nb_error *err)
{
    const nb_status status =
        nb_sql_run(self->sql,
                   "UPDATE invites SET revoked_ms = ?1"
                   " WHERE id = ?2 AND used_ms = 0 AND revoked_ms = 0 AND expires_ms > ?1",
                   NB_SQL_VALUES(nb_sql_int(now_ms), nb_sql_int((int64_t)id)), err);
    return spent(self, status, err);
}

nb_status nb_ledger_revoke_invites_of(nb_ledger *self, const char *person, int64_t now_ms,
                                      nb_error *err)
{
    return nb_sql_run(self->sql,
                      "UPDATE invites SET revoked_ms = ?1"
                      " WHERE person = ?2 AND used_ms = 0 AND revoked_ms = 0 AND expires_ms > ?1",
                      NB_SQL_VALUES(nb_sql_int(now_ms), nb_sql_text(person)), err);
}

nb_status nb_ledger_prune_invites(nb_ledger *self, int64_t now_ms, nb_error *err)
{
    return nb_sql_run(
        self->sql,
        "DELETE FROM invites WHERE max(used_ms, revoked_ms, min(expires_ms, ?1)) < ?2"
        " AND (used_ms != 0 OR revoked_ms != 0 OR expires_ms < ?1)",
        NB_SQL_VALUES(nb_sql_int(now_ms), nb_sql_int(now_ms - NB_INVITE_KEPT_DAYS * day_ms)), err);
}
