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

/// Who a name is. Names that differ in case alone are one.
typedef struct nb_name_use {
    bool person;             ///< Somebody has it, with a key that was not revoked or with roles
    bool renderer;           ///< A renderer's key has it
    char name[NB_NAME_SIZE]; ///< As the ledger writes it; "" where nobody has it
} nb_name_use;

NB_NODISCARD nb_status nb_ledger_find_name(nb_ledger *self, const char *name, nb_name_use *out,
                                           nb_error *err);

/// Has that person a key that was not revoked?
NB_NODISCARD nb_status nb_ledger_has_key(nb_ledger *self, const char *name, bool *out,
                                         nb_error *err);

/// A grant as a listing has it; the album is "" for the farm.
typedef struct nb_grant {
    char name[NB_NAME_SIZE];
    char album[NB_ALBUM_SIZE];
    unsigned roles;
} nb_grant;

/// At most `limit` grants behind (name, album), in that order; of one album where it is not null.
/// The caller frees.
NB_NODISCARD nb_status nb_ledger_list_grants(nb_ledger *self, const char *only_album,
                                             const nb_grant *after, size_t limit,
                                             nb_grant **out_rows, size_t *out_count, nb_error *err);
/// How many people but `name` were granted `role` on the album ("" is the farm), and still have a
/// key to use it.
NB_NODISCARD nb_status nb_ledger_count_others(nb_ledger *self, const char *name, const char *album,
                                              unsigned role, int64_t *out_count, nb_error *err);

// ---- Keys ----

enum { NB_KEYS_MAX = 100000 }; ///< Enrolled ones, revoked ones among them

typedef struct nb_key_row {
    uint64_t id; ///< Its place in listings
    nb_public_key key;
    char name[NB_NAME_SIZE];
    char label[NB_NAME_SIZE];
    bool renderer;
    int64_t created_ms, seen_ms, revoked_ms;
} nb_key_row;

/// NB_E_NOT_FOUND.
NB_NODISCARD nb_status nb_ledger_get_key(nb_ledger *self, const nb_public_key *key, nb_key_row *out,
                                         nb_error *err);
/// At most `limit` keys behind `after`, in the order they came; those of one person where `name` is
/// not null. The caller frees.
NB_NODISCARD nb_status nb_ledger_list_keys(nb_ledger *self, const char *name, uint64_t after,
                                           size_t limit, nb_key_row **out_rows, size_t *out_count,
                                           nb_error *err);
/// Enrol another key of `name`, or of a renderer of that name (NB_ROLE_RENDERER, else 0).
/// NB_E_EXISTS for one that is known, also where it was revoked; NB_E_LIMIT for too many.
NB_NODISCARD nb_status nb_ledger_add_key(nb_ledger *self, const nb_public_key *key,
                                         const char *name, unsigned renderer, nb_error *err);
NB_NODISCARD nb_status nb_ledger_label_key(nb_ledger *self, const nb_public_key *key,
                                           const char *label, nb_error *err);
/// It said Hello. Written at most once an hour.
NB_NODISCARD nb_status nb_ledger_touch_key(nb_ledger *self, const nb_public_key *key,
                                           int64_t now_ms, nb_error *err);
/// For good: the row stays, so that nothing enrols it again.
NB_NODISCARD nb_status nb_ledger_revoke_key(nb_ledger *self, const nb_public_key *key,
                                            int64_t now_ms, nb_error *err);

#endif // NB_COORDINATOR_MEMBERS_H
