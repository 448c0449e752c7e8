// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/members.h"

#include "base/clock.h"
#include "coordinator/invites.h"
#include "coordinator/ledger_private.h"

#include <stdlib.h>
#include <string.h>

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

// Whoever holds an invite that is good.
static nb_status get_guest(nb_ledger *self, const nb_public_key *key, nb_member *out, nb_error *err)
{
    nb_invite_row invite;
    const nb_status status = nb_ledger_invite_of_key(self, key, &invite, err);
    if (status == NB_E_NOT_FOUND) {
        return nb_fail(err, NB_E_PERMISSION, "this key is not known to the farm");
    }
    if (status == NB_OK && strcmp(nb_invite_state(&invite, nb_clock_wall_ms()), "open") != 0) {
        return nb_fail(
            err, NB_E_PERMISSION,
            "this invite was used already, has run out or was taken back: ask for another");
    }
    *out = (nb_member){.roles = NB_ROLE_GUEST, .name = "a guest"};
    return status;
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
        return get_guest(self, key, out, err);
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

// ---- People ----

nb_status nb_ledger_find_name(nb_ledger *self, const char *name, nb_name_use *out, nb_error *err)
{
    *out = (nb_name_use){0};
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status =
        nb_sql_query(self->sql,
                     "SELECT name, roles & 2, revoked_ms FROM keys WHERE name = ?1 COLLATE NOCASE"
                     " UNION ALL SELECT name, 0, 0 FROM grants WHERE name = ?1 COLLATE NOCASE",
                     NB_SQL_VALUES(nb_sql_text(name)), &rows, err);
    for (bool row = true; status == NB_OK && row;) {
        status = nb_sql_next(&rows, &row, err);
        if (status == NB_OK && row) {
            const bool renderer = nb_sql_get_int(&rows, 1) != 0;
            out->renderer = out->renderer || renderer;
            out->person = out->person || (!renderer && nb_sql_get_int(&rows, 2) == 0);
            status = nb_ledger_copy_text(&rows, 0, out->name, sizeof out->name, err);
        }
    }
    return status;
}

nb_status nb_ledger_has_key(nb_ledger *self, const char *name, bool *out, nb_error *err)
{
    *out = false;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    const nb_status status = nb_sql_query(
        self->sql,
        "SELECT 1 FROM keys WHERE name = ? AND revoked_ms = 0 AND (roles & 2) = 0 LIMIT 1",
        NB_SQL_VALUES(nb_sql_text(name)), &rows, err);
    return (status == NB_OK) ? nb_sql_next(&rows, out, err) : status;
}

nb_status nb_ledger_list_grants(nb_ledger *self, const char *only_album, const nb_grant *after,
                                size_t limit, nb_grant **out_rows, size_t *out_count, nb_error *err)
{
    *out_rows = NULL;
    *out_count = 0;
    nb_grant *list = calloc(limit ? limit : 1, sizeof *list);
    if (!list) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the list of people");
    }
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status =
        nb_sql_query(self->sql,
                     "SELECT name, album, roles FROM grants WHERE (name, album) > (?1, ?2)"
                     " AND (?3 IS NULL OR album = ?3) ORDER BY name, album LIMIT ?4",
                     NB_SQL_VALUES(nb_sql_text(after->name), nb_sql_text(after->album),
                                   nb_sql_text(only_album), nb_sql_int((int64_t)limit)),
                     &rows, err);
    size_t count = 0;
    for (bool row = true; status == NB_OK && count < limit;) {
        status = nb_sql_next(&rows, &row, err);
        if (status != NB_OK || !row) {
            break;
        }
        nb_grant *grant = &list[count++];
        grant->roles = (unsigned)nb_sql_get_int(&rows, 2);
        status = nb_ledger_copy_text(&rows, 0, grant->name, sizeof grant->name, err);
        if (status == NB_OK) {
            status = nb_ledger_copy_text(&rows, 1, grant->album, sizeof grant->album, err);
        }
    }
    if (status != NB_OK) {
        free(list);
        return status;
    }
    *out_rows = list;
    *out_count = count;
    return NB_OK;
}

nb_status nb_ledger_count_others(nb_ledger *self, const char *name, const char *album,
                                 unsigned role, int64_t *out_count, nb_error *err)
{
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(
        self->sql,
        "SELECT count(*) FROM grants g WHERE name != ?1 AND album = ?2 AND (roles & ?3) != 0"
        " AND EXISTS (SELECT 1 FROM keys k WHERE k.name = g.name AND k.revoked_ms = 0)",
        NB_SQL_VALUES(nb_sql_text(name), nb_sql_text(album), nb_sql_int(role)), &rows, err);
    bool row = false;
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    *out_count = row ? nb_sql_get_int(&rows, 0) : 0;
    return status;
}

// ---- Keys ----

#define KEY_COLUMNS "rowid, key, name, label, roles & 2, created_ms, seen_ms, revoked_ms"

static nb_status read_key(const nb_sql_rows *rows, nb_key_row *out, nb_error *err)
{
    *out = (nb_key_row){
        .id = (uint64_t)nb_sql_get_int(rows, 0),
        .renderer = nb_sql_get_int(rows, 4) != 0,
        .created_ms = nb_sql_get_int(rows, 5),
        .seen_ms = nb_sql_get_int(rows, 6),
        .revoked_ms = nb_sql_get_int(rows, 7),
    };
    nb_status status = nb_ledger_copy_text(rows, 1, out->key.text, sizeof out->key.text, err);
    if (status == NB_OK) {
        status = nb_ledger_copy_text(rows, 2, out->name, sizeof out->name, err);
    }
    return (status == NB_OK) ? nb_ledger_copy_text(rows, 3, out->label, sizeof out->label, err)
                             : status;
}

nb_status nb_ledger_get_key(nb_ledger *self, const nb_public_key *key, nb_key_row *out,
                            nb_error *err)
{
    *out = (nb_key_row){0};
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(self->sql, "SELECT " KEY_COLUMNS " FROM keys WHERE key = ?",
                                    NB_SQL_VALUES(nb_sql_text(key->text)), &rows, err);
    bool row = false;
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    if (status == NB_OK && !row) {
        return nb_fail(err, NB_E_NOT_FOUND, "no such key here ('nightbus keys' lists them)");
    }
    return (status == NB_OK) ? read_key(&rows, out, err) : status;
}

nb_status nb_ledger_list_keys(nb_ledger *self, const char *name, uint64_t after, size_t limit,
                              nb_key_row **out_rows, size_t *out_count, nb_error *err)
{
    *out_rows = NULL;
    *out_count = 0;
    nb_key_row *list = calloc(limit ? limit : 1, sizeof *list);
    if (!list) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the list of keys");
    }
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(
        self->sql,
        "SELECT " KEY_COLUMNS " FROM keys WHERE rowid > ?1"
        " AND (?2 IS NULL OR name = ?2) ORDER BY rowid LIMIT ?3",
        NB_SQL_VALUES(nb_sql_int((int64_t)after), nb_sql_text(name), nb_sql_int((int64_t)limit)),
        &rows, err);
    size_t count = 0;
    for (bool row = true; status == NB_OK && count < limit;) {
        status = nb_sql_next(&rows, &row, err);
        if (status != NB_OK || !row) {
            break;
        }
        status = read_key(&rows, &list[count++], err);
    }
    if (status != NB_OK) {
        free(list);
        return status;
    }
    *out_rows = list;
    *out_count = count;
    return NB_OK;
}

nb_status nb_ledger_add_key(nb_ledger *self, const nb_public_key *key, const char *name,
                            unsigned renderer, nb_error *err)
{
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(self->sql, "SELECT count(*) FROM keys", NULL, 0, &rows, err);
    bool row = false;
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    if (status == NB_OK && row && nb_sql_get_int(&rows, 0) >= NB_KEYS_MAX) {
        return nb_fail(err, NB_E_LIMIT, "the farm knows %d keys, the most it can", NB_KEYS_MAX);
    }
    nb_sql_done(&rows);
    if (status != NB_OK) {
        return status;
    }
    return nb_sql_run(
        self->sql, "INSERT INTO keys (key, name, roles, local, created_ms) VALUES (?, ?, ?, 0, ?)",
        NB_SQL_VALUES(nb_sql_text(key->text), nb_sql_text(name),
                      nb_sql_int(renderer & NB_ROLE_RENDERER), nb_sql_int(nb_clock_wall_ms())),
        err);
}

nb_status nb_ledger_label_key(nb_ledger *self, const nb_public_key *key, const char *label,
                              nb_error *err)
{
    return nb_sql_run(self->sql, "UPDATE keys SET label = ? WHERE key = ?",
                      NB_SQL_VALUES(nb_sql_text(label), nb_sql_text(key->text)), err);
}

nb_status nb_ledger_touch_key(nb_ledger *self, const nb_public_key *key, int64_t now_ms,
                              nb_error *err)
{
    enum { HOUR_MS = 60 * 60 * 1000 };
    nb_key_row row;
    const nb_status status = nb_ledger_get_key(self, key, &row, err);
    if (status != NB_OK || now_ms - row.seen_ms < HOUR_MS) {
        return status;
    }
    return nb_sql_run(self->sql, "UPDATE keys SET seen_ms = ? WHERE key = ?",
                      NB_SQL_VALUES(nb_sql_int(now_ms), nb_sql_text(key->text)), err);
}

nb_status nb_ledger_revoke_key(nb_ledger *self, const nb_public_key *key, int64_t now_ms,
                               nb_error *err)
{
    return nb_sql_run(self->sql, "UPDATE keys SET revoked_ms = ? WHERE key = ? AND revoked_ms = 0",
                      NB_SQL_VALUES(nb_sql_int(now_ms), nb_sql_text(key->text)), err);
}
