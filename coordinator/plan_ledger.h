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

#endif // NB_COORDINATOR_PLAN_LEDGER_H
