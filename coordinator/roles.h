// SPDX-License-Identifier: GPL-3.0-or-later
/// @file roles.h  What people and programs are to the farm. Roles are sets, not ranks: each request
/// lists the roles that may send it (dispatch.c, docs/permissions.md).

#ifndef NB_COORDINATOR_ROLES_H
#define NB_COORDINATOR_ROLES_H
#include "base/status.h"

#include <stddef.h>

/// The ledger holds these numbers: they never change their meaning.
enum {
    NB_ROLE_OWNER = 1 << 0,     ///< Of an album: all, also who else may do what
    NB_ROLE_RENDERER = 1 << 1,  ///< A program that asks for work; never a person's
    NB_ROLE_ENGINEER = 1 << 2,  ///< Of an album: pushes, renders, answers notes
    NB_ROLE_ARTIST = 1 << 3,    ///< Of an album: listens, notes, approves
    NB_ROLE_MASTERING = 1 << 4, ///< Of an album: takes mixes, gives masters
    NB_ROLE_OPERATOR = 1 << 5,  ///< Of the farm: nodes, jobs, keys
    NB_ROLE_GUEST = 1 << 6,     ///< Holds an invite: may join, and nothing else

    NB_ROLES_ALBUM = NB_ROLE_OWNER | NB_ROLE_ENGINEER | NB_ROLE_ARTIST | NB_ROLE_MASTERING,
    NB_ROLES_PERSON = NB_ROLES_ALBUM | NB_ROLE_OPERATOR,
    NB_ROLES_TEXT_SIZE = 80,
};

/// The role of that name; NB_E_INVALID names those there are.
NB_NODISCARD nb_status nb_role_parse(const char *name, unsigned *out_role, nb_error *err);

/// "owner, engineer", or "none".
void nb_roles_format(unsigned roles, char out[NB_ROLES_TEXT_SIZE]);

/// The roles in the order of docs/permissions.md, with their names. Null behind the last.
const char *nb_role_name(size_t index, unsigned *out_role);

#endif // NB_COORDINATOR_ROLES_H
