// SPDX-License-Identifier: GPL-3.0-or-later
/// @file incident_ledger.h  The ledger's incidents: two results of one key with different bytes.
///
/// The first result stands; the other one is kept beside it, its files too, and shown. Where the
/// first one's files are gone, an operator may make the other one the second rendering.

#ifndef NB_COORDINATOR_INCIDENT_LEDGER_H
#define NB_COORDINATOR_INCIDENT_LEDGER_H
#include "coordinator/farm_ledger.h"

typedef struct nb_incident {
    uint64_t id;
    int64_t time_ms;
    uint64_t task;
    char *text;
    int64_t settled_ms; ///< 0 while open
    char settled_by[NB_NAME_SIZE];
    nb_result result; ///< What came second: its key, node and files
} nb_incident;

void nb_incident_fini(nb_incident *self);

/// Write it down with its result, in the transaction that is open. Fills id. The same result of the
/// same key is written once, however often it comes.
NB_NODISCARD nb_status nb_ledger_add_incident(nb_ledger *self, nb_incident *incident,
                                              nb_error *err);
/// NB_E_NOT_FOUND in words.
NB_NODISCARD nb_status nb_ledger_get_incident(nb_ledger *self, uint64_t id, nb_incident *out,
                                              nb_error *err);
/// Ids below `before` (0: all), newest first; at most `limit` into `out_ids`.
NB_NODISCARD nb_status nb_ledger_list_incidents(nb_ledger *self, uint64_t before, size_t limit,
                                                uint64_t *out_ids, size_t *out_count,
                                                nb_error *err);
/// How many are open: neither kept nor dismissed.
NB_NODISCARD nb_status nb_ledger_count_open_incidents(nb_ledger *self, uint64_t *out,
                                                      nb_error *err);

/// Which open incidents of its task are settled together with one: that one itself, and of each
/// other key the one that came with it, as far as is known: of the same node, else the nearest. At
/// most `limit` into `out_ids`.
NB_NODISCARD nb_status nb_ledger_open_incidents_with(nb_ledger *self, const nb_incident *asked,
                                                     uint64_t *out_ids, size_t limit,
                                                     size_t *out_count, nb_error *err);

/// The incidents' results in the places of the first ones, at most one of each key; their jobs are
/// done, and their reviews get what there is now as the next rendering. All other incidents of the
/// keys are settled too. One transaction.
NB_NODISCARD nb_status nb_ledger_keep_incidents(nb_ledger *self, const nb_incident *incidents,
                                                size_t count, const char *person, int64_t now_ms,
                                                nb_error *err);
/// Settled, and nothing else changes: its files are kept no longer.
NB_NODISCARD nb_status nb_ledger_dismiss_incident(nb_ledger *self, uint64_t id, const char *person,
                                                  int64_t now_ms, nb_error *err);
/// Its result came again, from `task`, and waits for a word.
NB_NODISCARD nb_status nb_ledger_reopen_incident(nb_ledger *self, uint64_t id, uint64_t task,
                                                 nb_error *err);

#endif // NB_COORDINATOR_INCIDENT_LEDGER_H
