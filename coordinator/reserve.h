// SPDX-License-Identifier: GPL-3.0-or-later
/// @file reserve.h  A file that only takes room, for a start on a disk that others filled: without
/// a little room SQLite can't even read.

#ifndef NB_COORDINATOR_RESERVE_H
#define NB_COORDINATOR_RESERVE_H
#include "base/status.h"

enum { NB_RESERVE_BYTES = 8 << 20 }; ///< A few of the ledger's checkpoints

/// Before anything is opened: give up the reserve of the data folder where the disk is full.
void nb_reserve_take(const char *data);

/// Make it, or make it again, where there is room for much more.
void nb_reserve_keep(const char *data);

/// What to say where a start failed for want of room, which there was no reserve for.
nb_status nb_reserve_explain(const char *data, nb_status status, nb_error *err);

#endif // NB_COORDINATOR_RESERVE_H
