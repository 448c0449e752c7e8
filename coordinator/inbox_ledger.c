// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/inbox_ledger.h"

#include "coordinator/ledger_private.h"

nb_status nb_ledger_get_seen(nb_ledger *self, const char *person, const char *album,
                             char out_review[NB_COMMIT_SIZE], int64_t *out_ms, nb_error *err)
{
    out_review[0] = '\0';
    *out_ms = 0;
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    nb_status status =
        nb_sql_query(self->sql, "SELECT review, time_ms FROM seen WHERE person = ? AND album = ?",
                     NB_SQL_VALUES(nb_sql_text(person), nb_sql_text(album)), &rows, err);
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    if (status != NB_OK || !row) {
        return status;
    }
    *out_ms = nb_sql_get_int(&rows, 1);
    return nb_ledger_copy_text(&rows, 0, out_review, NB_COMMIT_SIZE, err);
}

nb_status nb_ledger_set_seen(nb_ledger *self, const char *person, const char *album,
                             const char *review, int64_t now_ms, nb_error *err)
{
    return nb_sql_run(self->sql,
                      "INSERT OR REPLACE INTO seen (person, album, review, time_ms)"
                      " VALUES (?, ?, ?, ?)",
                      NB_SQL_VALUES(nb_sql_text(person), nb_sql_text(album), nb_sql_text(review),
                                    nb_sql_int(now_ms)),
                      err);
}
