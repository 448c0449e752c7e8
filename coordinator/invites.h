// SPDX-License-Identifier: GPL-3.0-or-later
/// @file invites.h  Invites in the ledger: throwaway keys that may join, once, until they expire.

#ifndef NB_COORDINATOR_INVITES_H
#define NB_COORDINATOR_INVITES_H
#include "coordinator/ledger.h"

enum {
    NB_INVITES_OPEN_MAX = 1000, ///< At once; more is a mistake or an attack
    NB_INVITE_DAYS_MAX = 90,    ///< How long one may be good
    NB_INVITE_KEPT_DAYS = 90,   ///< How long a spent one is listed
};

/// An invite as it stands. Roles of albums count on `album`: "" is none named, "*" all.
typedef struct nb_invite_row {
    uint64_t id;
    nb_public_key key;
    char album[NB_ALBUM_SIZE];
    unsigned roles;
    char name[NB_NAME_SIZE];   ///< Whom it is for; "" lets them choose
    char person[NB_NAME_SIZE]; ///< Who made it
    int64_t created_ms, expires_ms, used_ms, revoked_ms;
    char joined[NB_NAME_SIZE]; ///< Who used it
} nb_invite_row;

/// "open", "used", "expired" or "revoked".
const char *nb_invite_state(const nb_invite_row *self, int64_t now_ms);

/// Add one; `row->id` is set. NB_E_EXISTS for a key that was ever in an invite or enrolled,
/// NB_E_LIMIT for too many open ones.
NB_NODISCARD nb_status nb_ledger_add_invite(nb_ledger *self, nb_invite_row *row, nb_error *err);
/// The invite of that throwaway key, in any state. NB_E_NOT_FOUND.
NB_NODISCARD nb_status nb_ledger_invite_of_key(nb_ledger *self, const nb_public_key *key,
                                               nb_invite_row *out, nb_error *err);
NB_NODISCARD nb_status nb_ledger_get_invite(nb_ledger *self, uint64_t id, nb_invite_row *out,
                                            nb_error *err);
/// At most `limit` invites older than `before` (0: the newest), newest first. The caller frees.
NB_NODISCARD nb_status nb_ledger_list_invites(nb_ledger *self, uint64_t before, size_t limit,
                                              nb_invite_row **out_rows, size_t *out_count,
                                              nb_error *err);
/// Spend it. NB_E_STALE if it was not open any more.
NB_NODISCARD nb_status nb_ledger_use_invite(nb_ledger *self, uint64_t id, const char *joined,
                                            int64_t now_ms, nb_error *err);
/// Take it back. NB_E_STALE if it was not open any more.
NB_NODISCARD nb_status nb_ledger_revoke_invite(nb_ledger *self, uint64_t id, int64_t now_ms,
                                               nb_error *err);
/// Take back all that `person` made and nobody used.
NB_NODISCARD nb_status nb_ledger_revoke_invites_of(nb_ledger *self, const char *person,
                                                   int64_t now_ms, nb_error *err);
/// Forget those that are spent for longer than NB_INVITE_KEPT_DAYS.
NB_NODISCARD nb_status nb_ledger_prune_invites(nb_ledger *self, int64_t now_ms, nb_error *err);

#endif // NB_COORDINATOR_INVITES_H
