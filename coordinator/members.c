// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/members.h"

#include "base/clock.h"
#include "coordinator/ledger_private.h"

static const char whole_farm[] = "";

static nb_status put_key(nb_ledger *self, const nb_public_key *key, const nb_member *member,
                         nb_error *err)
{
    return nb_sql_run(self->sql,
                      "INSERT INTO keys (key, name, roles, local, created_ms)"
                      " VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
                      " name = excluded.name, roles = excluded.roles, local = excluded.local",
                      NB_SQL_VALUES(nb_sql_text(key->text), nb_sql_text(member->name),
                                    nb_sql_int(member->roles & NB_ROLE_RENDERER),
                                    nb_sql_int(member->local), nb_sql_int(nb_clock_wall_ms())),
                      err);
}

nb_status nb_ledger_put_member(nb_ledger *self, const nb_public_key *key, const nb_member *member,
                               nb_error *err)
{
    const nb_status status = put_key(self, key, member, err);
    if (status != NB_OK || (member->roles & NB_ROLE_RENDERER)) {
        return status;
    }
    return nb_ledger_set_roles(self, member->name, whole_farm, member->roles, err);
}

nb_status nb_ledger_put_trusted(nb_ledger *self, const nb_public_key *key, const nb_member *member,
                                nb_error *err)
{
    const int64_t said = (int64_t)member->roles | (member->local ? INT64_C(1) << 32 : 0);
    int64_t last = -1;
    {
        NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
        nb_status status = nb_sql_query(
            self->sql, "SELECT trusted FROM keys WHERE key = ? AND name = ?",
            NB_SQL_VALUES(nb_sql_text(key->text), nb_sql_text(member->name)), &rows, err);
        bool row = false;
        if (status == NB_OK) {
            status = nb_sql_next(&rows, &row, err);
        }
        if (status != NB_OK) {
            return status;
        }
        last = row ? nb_sql_get_int(&rows, 0) : -1;
    }
    if (last == said) {
        return NB_OK;
    }
    const nb_status status = nb_ledger_put_member(self, key, member, err);
    return (status == NB_OK)
               ? nb_sql_run(self->sql, "UPDATE keys SET trusted = ? WHERE key = ?",
                            NB_SQL_VALUES(nb_sql_int(said), nb_sql_text(key->text)), err)
               : status;
}

nb_status nb_ledger_get_member(nb_ledger *self, const nb_public_key *key, nb_member *out,
                               nb_error *err)
{
    *out = (nb_member){0};
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status =
        nb_sql_query(self->sql,
                     "SELECT k.name, k.roles, k.local, k.revoked_ms, coalesce(g.roles, 0)"
                     " FROM keys k LEFT JOIN grants g ON g.name = k.name AND g.album = ''"
                     " WHERE k.key = ?",
                     NB_SQL_VALUES(nb_sql_text(key->text)), &rows, err);
    bool row = false;
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    if (status != NB_OK) {
        return status;
    }
    if (!row) {
        return nb_fail(err, NB_E_PERMISSION, "this key is not known to the farm");
    }
    if (nb_sql_get_int(&rows, 3) != 0) {
        return nb_fail(err, NB_E_PERMISSION, "this key of %s was revoked",
                       nb_sql_get_text(&rows, 0));
    }
    const unsigned of_key = (unsigned)nb_sql_get_int(&rows, 1);
    out->roles =
        (of_key & NB_ROLE_RENDERER) ? NB_ROLE_RENDERER : (unsigned)nb_sql_get_int(&rows, 4);
    out->local = nb_sql_get_int(&rows, 2) != 0;
    return nb_ledger_copy_text(&rows, 0, out->name, sizeof out->name, err);
}

nb_status nb_ledger_get_roles(nb_ledger *self, const char *name, const char *album,
                              unsigned *out_roles, nb_error *err)
{
    *out_roles = 0;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status =
        nb_sql_query(self->sql, "SELECT roles FROM grants WHERE name = ? AND album = ?",
                     NB_SQL_VALUES(nb_sql_text(name), nb_sql_text(album)), &rows, err);
    bool row = false;
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    *out_roles = row ? (unsigned)nb_sql_get_int(&rows, 0) : 0;
    return status;
}

nb_status nb_ledger_any_roles(nb_ledger *self, const char *name, unsigned *out_roles, nb_error *err)
{
    *out_roles = 0;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(self->sql, "SELECT DISTINCT roles FROM grants WHERE name = ?",
                                    NB_SQL_VALUES(nb_sql_text(name)), &rows, err);
    for (bool row = true; status == NB_OK && row;) {
        status = nb_sql_next(&rows, &row, err);
        *out_roles |= row ? (unsigned)nb_sql_get_int(&rows, 0) : 0;
    }
    return status;
}

nb_status nb_ledger_set_roles(nb_ledger *self, const char *name, const char *album, unsigned roles,
                              nb_error *err)
{
    if (roles == 0) {
        return nb_sql_run(self->sql, "DELETE FROM grants WHERE name = ? AND album = ?",
                          NB_SQL_VALUES(nb_sql_text(name), nb_sql_text(album)), err);
    }
    return nb_sql_run(self->sql,
                      "INSERT INTO grants (name, album, roles) VALUES (?, ?, ?)"
                      " ON CONFLICT (name, album) DO UPDATE SET roles = excluded.roles",
                      NB_SQL_VALUES(nb_sql_text(name), nb_sql_text(album), nb_sql_int(roles)), err);
}
