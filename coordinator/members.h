// SPDX-License-Identifier: GPL-3.0-or-later
/// @file members.h  People, their keys and their roles, in the ledger.
///
/// A person is a name; each may have several keys. Roles are granted to people: on one album, or on
/// the whole farm (album ""), where a role of albums counts on every one of them.

#ifndef NB_COORDINATOR_MEMBERS_H
#define NB_COORDINATOR_MEMBERS_H
#include "coordinator/ledger.h"

/// As nb_ledger_put_member, for a row of keys/trusted.json: it counts when it is new, or says
/// something else than it said last, so that what was changed by a command since stays changed.
NB_NODISCARD nb_status nb_ledger_put_trusted(nb_ledger *self, const nb_public_key *key,
                                             const nb_member *member, nb_error *err);

/// What `name` was granted on this album alone; "" is the farm.
NB_NODISCARD nb_status nb_ledger_get_roles(nb_ledger *self, const char *name, const char *album,
                                           unsigned *out_roles, nb_error *err);
/// What `name` was granted anywhere.
NB_NODISCARD nb_status nb_ledger_any_roles(nb_ledger *self, const char *name, unsigned *out_roles,
                                           nb_error *err);
/// Grant exactly these on the album ("" is the farm); 0 takes all away.
NB_NODISCARD nb_status nb_ledger_set_roles(nb_ledger *self, const char *name, const char *album,
                                           unsigned roles, nb_error *err);

#endif // NB_COORDINATOR_MEMBERS_H
