// SPDX-License-Identifier: GPL-3.0-or-later
/// @file grants.h  Who may give which roles to whom, and roles as messages carry them.

#ifndef NB_COORDINATOR_GRANTS_H
#define NB_COORDINATOR_GRANTS_H
#include "coordinator/ledger.h"

/// What is to be given: roles, and the album they count on ("" where none is named, "*" for all).
typedef struct nb_offer {
    unsigned roles;
    char album[NB_ALBUM_SIZE];
} nb_offer;

/// Read roles and album as a message has them. NB_E_INVALID for a role that does not go with the
/// album, or with another role; NB_E_NOT_FOUND for an album that is not there.
NB_NODISCARD nb_status nb_offer_read(nb_ledger *ledger, char *const *roles, size_t count,
                                     const char *album, nb_offer *out, nb_error *err);

/// May `person` give that? Owners of an album give its roles, operators those of the farm.
NB_NODISCARD nb_status nb_offer_check(nb_ledger *ledger, const char *person, const nb_offer *offer,
                                      nb_error *err);

/// Is it an owner of all albums? Such a one may make keys for others.
NB_NODISCARD nb_status nb_is_owner_of_all(nb_ledger *ledger, const char *person, bool *out,
                                          nb_error *err);

/// Give it, beside what the person has.
NB_NODISCARD nb_status nb_offer_grant(nb_ledger *ledger, const char *person, const nb_offer *offer,
                                      nb_error *err);

#endif // NB_COORDINATOR_GRANTS_H
