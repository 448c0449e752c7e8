// SPDX-License-Identifier: GPL-3.0-or-later
/// @file coordinator.h  The farm's one place of state: albums, store, ledger, scheduler, and the
/// answers to all requests. Knows no socket: what it answers goes through nb_coordinator_link.
///
/// One thread, but for the functions at the end, which the server's own threads call.

#ifndef NB_COORDINATOR_COORDINATOR_H
#define NB_COORDINATOR_COORDINATOR_H
#include "protocol/server.h"

typedef struct nb_coordinator nb_coordinator;

/// The way to the peers.
typedef struct nb_coordinator_link {
    void *context;
    /// Send a reply, never blocking.
    nb_status (*send)(void *context, const nb_peer *peer, const Nightbus__Reply *reply,
                      nb_error *err);
    nb_status (*open_session)(void *context, const nb_public_key *key,
                              uint8_t out_session[NB_SESSION_SIZE], nb_error *err);
    uint16_t (*bulk_port)(void *context);
    /// Is the connection still there? Without it (null) all are.
    bool (*is_connected)(void *context, const nb_peer *peer);
    /// The key is good no more: end its sessions, cut its connections. May be null.
    void (*forget_key)(void *context, const nb_public_key *key);
} nb_coordinator_link;

typedef struct nb_coordinator_options {
    const char *data_path; ///< Folder of keys/, albums/, store/, ledger.sqlite
    bool transfer;         ///< Renderers of this machine get no path to the store
    uint64_t incarnation;  ///< Random
    int64_t lease_ms;      ///< How long a renderer may be silent; 0: NB_LEASE_MS
} nb_coordinator_options;

/// Open all state, mend what a crash left: tags and jobs that are missing are made, open tasks and
/// their leases taken up again.
NB_NODISCARD nb_status nb_coordinator_open(const nb_coordinator_options *options, int64_t now_ms,
                                           nb_coordinator **out_coordinator, nb_error *err);
void nb_coordinator_destroy(nb_coordinator **self_p);

/// Must be called before the first request.
void nb_coordinator_connect(nb_coordinator *self, const nb_coordinator_link *link);

nb_blob_store *nb_coordinator_store(nb_coordinator *self); ///< Borrowed

/// Act on a request. What renderers ask all the time shares one commit with its neighbours: the
/// answers go out with nb_coordinator_commit, or with the next request that is not of that kind.
void nb_coordinator_hear(nb_coordinator *self, const nb_peer *peer,
                         const Nightbus__Request *request, int64_t now_ms);

/// Write what was heard to disk, then send the answers.
void nb_coordinator_commit(nb_coordinator *self, int64_t now_ms);

/// Commit, then do some of what can wait: plan jobs, write renderings into reviews.
void nb_coordinator_advance(nb_coordinator *self, int64_t now_ms);

/// Let time pass: leases, answers that were held back, what could not be written before.
void nb_coordinator_tick(nb_coordinator *self, int64_t now_ms);

/// Move what nothing refers to into the store's trash.
NB_NODISCARD nb_status nb_coordinator_collect(nb_coordinator *self, nb_error *err);

// What the server's threads ask (see protocol/server.h); `context` is the coordinator.
nb_server_knows_key nb_coordinator_knows_key;
nb_server_may_read nb_coordinator_may_read;
nb_server_may_write nb_coordinator_may_write;
nb_server_stored nb_coordinator_stored;

/// Write the metrics to a file that appears whole, for a collector that reads files.
NB_NODISCARD nb_status nb_coordinator_write_metrics(nb_coordinator *self, const char *path,
                                                    nb_error *err);

#endif // NB_COORDINATOR_COORDINATOR_H
