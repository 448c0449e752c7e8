// SPDX-License-Identifier: GPL-3.0-or-later
/// @file ledger_private.h  The ledger's inside, for the files that keep its tables.

#ifndef NB_COORDINATOR_LEDGER_PRIVATE_H
#define NB_COORDINATOR_LEDGER_PRIVATE_H
#include "coordinator/farm_ledger.h"
#include "coordinator/ledger.h"
#include "coordinator/sql.h"

struct nb_ledger {
    nb_sql *sql;
};

/// Copy a column's text; NB_E_CORRUPT if it does not fit.
NB_NODISCARD nb_status nb_ledger_copy_text(const nb_sql_rows *rows, int column, char *out,
                                           size_t size, nb_error *err);

/// Append the rows (name, digest, size) to a result's outputs, up to NB_RESULT_FILES_MAX.
NB_NODISCARD nb_status nb_ledger_read_outputs(nb_sql_rows *rows, nb_result *out, nb_error *err);

#endif // NB_COORDINATOR_LEDGER_PRIVATE_H
