// SPDX-License-Identifier: GPL-3.0-or-later
/// @file album_renders.h  Renderings of whole albums; their handlers are in coordinator_private.h.

#ifndef NB_COORDINATOR_ALBUM_RENDERS_H
#define NB_COORDINATOR_ALBUM_RENDERS_H
#include "coordinator/sql.h"

/// Make this part's tables where they are not there. Called by nb_ledger_open.
NB_NODISCARD nb_status nb_ledger_make_album_render_tables(nb_sql *sql, nb_error *err);

#endif // NB_COORDINATOR_ALBUM_RENDERS_H
