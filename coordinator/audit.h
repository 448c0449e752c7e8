// SPDX-License-Identifier: GPL-3.0-or-later
/// @file audit.h  Who did what: an entry for each request of a person that changed something,
/// written before it is answered. Entries are only added, and leave by age and number alone.

#ifndef NB_COORDINATOR_AUDIT_H
#define NB_COORDINATOR_AUDIT_H
#include "coordinator/ledger.h"

enum {
    NB_AUDIT_DAYS = 400, ///< A year, and the month in which somebody asks about it
    NB_AUDIT_ROWS_MAX = 1000000,
    NB_AUDIT_DETAILS_SIZE = 512,
    NB_AUDIT_ACTION_SIZE = 64,
};

typedef struct nb_audit_row {
    uint64_t id;
    int64_t time_ms;
    char person[NB_NAME_SIZE];
    nb_public_key key; ///< "" for none
    char action[NB_AUDIT_ACTION_SIZE];
    char album[NB_ALBUM_SIZE];
    char details[NB_AUDIT_DETAILS_SIZE];
} nb_audit_row;

/// Add an entry. `client_id` may be null; a second entry of the same id that is alike in person,
/// action, album and details is the same request heard again, and is passed over.
NB_NODISCARD nb_status nb_ledger_add_audit(nb_ledger *self, const nb_audit_row *row,
                                           const uint8_t *client_id, nb_error *err);

/// Which entries are asked for; "" and 0 are all.
typedef struct nb_audit_query {
    const char *album;
    const char *person;
    int64_t since_ms;
    uint64_t before;
    size_t limit;
} nb_audit_query;

/// The newest first. The caller frees *out_rows.
NB_NODISCARD nb_status nb_ledger_list_audit(nb_ledger *self, const nb_audit_query *query,
                                            nb_audit_row **out_rows, size_t *out_count,
                                            nb_error *err);
NB_NODISCARD nb_status nb_ledger_prune_audit(nb_ledger *self, int64_t now_ms, nb_error *err);

#endif // NB_COORDINATOR_AUDIT_H
