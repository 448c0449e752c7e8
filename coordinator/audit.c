// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/audit.h"

#include "coordinator/ledger_private.h"

#include <stdlib.h>

static const int64_t day_ms = INT64_C(24) * 60 * 60 * 1000;

nb_status nb_ledger_add_audit(nb_ledger *self, const nb_audit_row *row, const uint8_t *client_id,
                              nb_error *err)
{
    // Another's number, or one's own used again for another thing, hides nothing: the same request
    // is alike in all but its time.
    return nb_sql_run(
        self->sql,
        "INSERT INTO audit (time_ms, person, key, action, album, details, client_id)"
        " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE NOT EXISTS (SELECT 1 FROM audit"
        " WHERE client_id = ?7 AND person = ?2 AND action = ?4 AND album = ?5 AND details = ?6)",
        NB_SQL_VALUES(nb_sql_int(row->time_ms), nb_sql_text(row->person),
                      nb_sql_text(row->key.text), nb_sql_text(row->action), nb_sql_text(row->album),
                      nb_sql_text(row->details),
                      nb_sql_bytes(client_id, client_id ? NB_CLIENT_ID_SIZE : 0)),
        err);
}

static nb_status read_row(const nb_sql_rows *rows, nb_audit_row *out, nb_error *err)
{
    *out =
        (nb_audit_row){.id = (uint64_t)nb_sql_get_int(rows, 0), .time_ms = nb_sql_get_int(rows, 1)};
    const struct {
        char *out;
        size_t size;
    } texts[] = {
        {out->person, sizeof out->person},   {out->key.text, sizeof out->key.text},
        {out->action, sizeof out->action},   {out->album, sizeof out->album},
        {out->details, sizeof out->details},
    };
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < NB_COUNT(texts); i++) {
        status = nb_ledger_copy_text(rows, (int)i + 2, texts[i].out, texts[i].size, err);
    }
    return status;
}

nb_status nb_ledger_list_audit(nb_ledger *self, const nb_audit_query *query,
                               nb_audit_row **out_rows, size_t *out_count, nb_error *err)
{
    *out_rows = NULL;
    *out_count = 0;
    nb_audit_row *list = calloc(query->limit ? query->limit : 1, sizeof *list);
    if (!list) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the audit log");
    }
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status =
        nb_sql_query(self->sql,
                     "SELECT id, time_ms, person, key, action, album, details FROM audit"
                     " WHERE (?1 = '' OR album = ?1) AND (?2 = '' OR person = ?2) AND time_ms >= ?3"
                     " AND (?4 = 0 OR id < ?4) ORDER BY id DESC LIMIT ?5",
                     NB_SQL_VALUES(nb_sql_text(query->album), nb_sql_text(query->person),
                                   nb_sql_int(query->since_ms), nb_sql_int((int64_t)query->before),
                                   nb_sql_int((int64_t)query->limit)),
                     &rows, err);
    size_t count = 0;
    for (bool row = true; status == NB_OK && count < query->limit;) {
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

nb_status nb_ledger_prune_audit(nb_ledger *self, int64_t now_ms, nb_error *err)
{
    return nb_sql_run(
        self->sql,
        "DELETE FROM audit WHERE time_ms < ?1 OR id <= (SELECT coalesce(max(id), 0) FROM audit) - "
        "?2",
        NB_SQL_VALUES(nb_sql_int(now_ms - NB_AUDIT_DAYS * day_ms), nb_sql_int(NB_AUDIT_ROWS_MAX)),
        err);
}
