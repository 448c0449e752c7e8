// SPDX-License-Identifier: GPL-3.0-or-later
/// @file access.h  Which blobs the renderers may move: those of their live leases, and for a while
/// what they kept of a task whose result they brought. No others.
///
/// The coordinator's thread grants and revokes, the bulk thread asks: safe across threads.

#ifndef NB_COORDINATOR_ACCESS_H
#define NB_COORDINATOR_ACCESS_H
#include "mix/plan.h"
#include "protocol/keys.h"

#include <stdbool.h>

typedef struct nb_access nb_access;

NB_NODISCARD nb_status nb_access_new(nb_access **out_access, nb_error *err);
void nb_access_destroy(nb_access **self_p);

/// The holder of `key` works on `task`: it may read the plan, its document and its files, and
/// write.
NB_NODISCARD nb_status nb_access_grant(nb_access *self, const nb_public_key *key, uint64_t task,
                                       const nb_digest *plan_digest, const nb_plan *plan,
                                       nb_error *err);
/// The task is over: nobody works on it.
void nb_access_revoke(nb_access *self, uint64_t task);
/// The task is over; the holder of `key` still sends what it kept of it, until `until_ms`
/// (nb_clock_ms) at the latest.
void nb_access_linger(nb_access *self, const nb_public_key *key, uint64_t task, int64_t until_ms);
/// This holder's attempt is over.
void nb_access_revoke_one(nb_access *self, const nb_public_key *key, uint64_t task);
void nb_access_clear(nb_access *self); ///< Revoke all

bool nb_access_has(nb_access *self, const nb_public_key *key, uint64_t task);
bool nb_access_may_read(nb_access *self, const nb_public_key *key, uint64_t task,
                        const nb_digest *digest);

#endif // NB_COORDINATOR_ACCESS_H
