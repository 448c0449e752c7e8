// SPDX-License-Identifier: GPL-3.0-or-later
/// @file ledger_private.h  The ledger's inside, for ledger.c and farm_ledger.c.

#ifndef NB_COORDINATOR_LEDGER_PRIVATE_H
#define NB_COORDINATOR_LEDGER_PRIVATE_H
#include "coordinator/ledger.h"
#include "coordinator/sql.h"

struct nb_ledger {
    nb_sql *sql;
};

/// Copy a column's text; NB_E_CORRUPT if it does not fit.
NB_NODISCARD nb_status nb_ledger_copy_text(const nb_sql_rows *rows, int column, char *out,
                                           size_t size, nb_error *err);

#endif // NB_COORDINATOR_LEDGER_PRIVATE_H
