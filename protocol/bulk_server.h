// SPDX-License-Identifier: GPL-3.0-or-later
/// @file bulk_server.h  The coordinator's bulk thread: blobs in and out, each message's right
/// checked.

#ifndef NB_PROTOCOL_BULK_SERVER_H
#define NB_PROTOCOL_BULK_SERVER_H
#include "protocol/blob_sender.h"
#include "protocol/guard.h"
#include "protocol/server.h"
#include "protocol/sessions.h"
#include "protocol/zap.h"

/// What the thread uses of the server; all of it outlives the thread.
typedef struct nb_bulk_server_options {
    const nb_server_options *server; ///< Its callbacks may be called at any time, one at a time
    nb_sessions *sessions;
    const nb_zap *zap;
    nb_send_budget *budget; ///< With the event that wakes the thread
    nb_guard *guard;        ///< Watches the socket
} nb_bulk_server_options;

typedef struct nb_bulk_server nb_bulk_server;

/// Start serving `*socket_p`, a bound ROUTER, which is taken.
NB_NODISCARD nb_status nb_bulk_server_start(const nb_bulk_server_options *options, void **socket_p,
                                            nb_bulk_server **out_server, nb_error *err);
void nb_bulk_server_destroy(nb_bulk_server **self_p);

#endif // NB_PROTOCOL_BULK_SERVER_H
