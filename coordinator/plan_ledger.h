// SPDX-License-Identifier: GPL-3.0-or-later
/// @file plan_ledger.h  The ledger's part for what jobs want made.

#ifndef NB_COORDINATOR_PLAN_LEDGER_H
#define NB_COORDINATOR_PLAN_LEDGER_H
#include "coordinator/farm_ledger.h"
#include "coordinator/sql.h"

/// Make this part's tables where they are not there. Called by nb_ledger_open.
NB_NODISCARD nb_status nb_ledger_make_plan_tables(nb_sql *sql, nb_error *err);

/// Whether a job wants the stems too; mix and alternates it always wants.
NB_NODISCARD nb_status nb_ledger_want_stems(nb_ledger *self, uint64_t job, nb_error *err);
NB_NODISCARD nb_status nb_ledger_wants_stems(nb_ledger *self, uint64_t job, bool *out,
                                             nb_error *err);

/// Write down which outputs the job is for, in place of what was there.
NB_NODISCARD nb_status nb_ledger_put_job_outputs(nb_ledger *self, uint64_t job,
                                                 const nb_plan_output *outputs, size_t count,
                                                 nb_error *err);
/// By name. The caller frees *out_outputs.
NB_NODISCARD nb_status nb_ledger_list_job_outputs(nb_ledger *self, uint64_t job,
                                                  nb_plan_output **out_outputs, size_t *out_count,
                                                  nb_error *err);

/// A kept edge.
typedef struct nb_freeze_row {
    nb_digest key; ///< Of the node
    nb_digest digest;
    uint64_t size;
    int64_t made_ms, used_ms;
} nb_freeze_row;

/// Of two files for one key the first stays.
NB_NODISCARD nb_status nb_ledger_put_freeze(nb_ledger *self, const nb_freeze_row *freeze,
                                            nb_error *err);
/// NB_E_NOT_FOUND if it is not kept.
NB_NODISCARD nb_status nb_ledger_get_freeze(nb_ledger *self, const nb_digest *key,
                                            nb_freeze_row *out, nb_error *err);
/// The albums whose jobs the task is for, or whose tasks wait for it, have this edge, if it is
/// kept: they made it or used it.
NB_NODISCARD nb_status nb_ledger_share_freeze(nb_ledger *self, const nb_digest *key, uint64_t task,
                                              nb_error *err);
/// Is it an edge of that album? Others of the farm are not its people's to know.
NB_NODISCARD nb_status nb_ledger_has_freeze(nb_ledger *self, const char *album,
                                            const nb_digest *key, bool *out, nb_error *err);
NB_NODISCARD nb_status nb_ledger_use_freeze(nb_ledger *self, const nb_digest *key, int64_t now_ms,
                                            nb_error *err);
NB_NODISCARD nb_status nb_ledger_forget_freeze(nb_ledger *self, const nb_digest *key,
                                               nb_error *err);
/// Forget those that were not used since `unused_since_ms`, and the longest unused of the rest
/// until those that stay have `bytes_max` bytes at most.
NB_NODISCARD nb_status nb_ledger_trim_freezes(nb_ledger *self, int64_t unused_since_ms,
                                              uint64_t bytes_max, nb_error *err);

// ---- Tasks that make edges for others ----

/// This task makes the edge with that key.
NB_NODISCARD nb_status nb_ledger_add_task_edge(nb_ledger *self, uint64_t task, const nb_digest *key,
                                               nb_error *err);
/// The open task that makes the edge; 0 if there is none.
NB_NODISCARD nb_status nb_ledger_find_edge_task(nb_ledger *self, const nb_digest *key,
                                                uint64_t *out_task, nb_error *err);
/// `task` waits for `needed`.
NB_NODISCARD nb_status nb_ledger_add_need(nb_ledger *self, uint64_t task, uint64_t needed,
                                          nb_error *err);

/// Which end of such a row is known.
typedef enum nb_need_query {
    NB_NEEDS_OF,      ///< What the task waits for: open ones
    NB_NEEDS_EVER_OF, ///< The same, over or not
    NB_NEEDED_BY      ///< Open tasks that wait for it
} nb_need_query;

/// The other ends, ascending, at most `room` of them.
NB_NODISCARD nb_status nb_ledger_list_needs(nb_ledger *self, nb_need_query query, uint64_t task,
                                            uint64_t *out_tasks, size_t room, size_t *out_count,
                                            nb_error *err);

/// One of all rows whose ends are both open.
typedef struct nb_need {
    uint64_t task, needed;
} nb_need;

/// By task. The caller frees *out_needs.
NB_NODISCARD nb_status nb_ledger_open_needs(nb_ledger *self, nb_need **out_needs, size_t *out_count,
                                            nb_error *err);

/// Another plan for an open task.
NB_NODISCARD nb_status nb_ledger_set_plan(nb_ledger *self, uint64_t task, const nb_digest *plan,
                                          uint64_t plan_size, nb_error *err);

#endif // NB_COORDINATOR_PLAN_LEDGER_H
