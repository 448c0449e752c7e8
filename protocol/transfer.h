// SPDX-License-Identifier: GPL-3.0-or-later
/// @file transfer.h  What uploads and downloads of a client share: staying connected.

#ifndef NB_PROTOCOL_TRANSFER_H
#define NB_PROTOCOL_TRANSFER_H
#include "protocol/connection.h"

enum { NB_STALE_MAX = 5 }; ///< New sessions in a row that are refused as stale

/// One blob on its way. Zero-initialise, then set the first five.
typedef struct nb_transfer {
    nb_client *client;
    nb_blob_scope scope;
    nb_digest digest;
    uint64_t size;
    nb_blob_progress *progress;
    void *context;
    int64_t heard_ms;   ///< The last word on this connection
    int64_t contact_ms; ///< The last word at all
    int64_t pause_ms;   ///< Before the next attempt to connect
    unsigned stale_count;
} nb_transfer;

/// Start the clock.
void nb_transfer_begin(nb_transfer *self);

/// See to it that there is a connection, waiting for one if need be. `out_fresh` says that it is a
/// new one: whatever was under way is lost. Fails for good after NB_NO_CONTACT_MS, on a stop, and
/// where the key is not known.
NB_NODISCARD nb_status nb_transfer_connect(nb_transfer *self, bool *out_fresh, nb_error *err);

/// Wait `wait_ms` at most for a message about this blob. None, or a connection that broke, leave
/// `out->message` null.
NB_NODISCARD nb_status nb_transfer_receive(nb_transfer *self, int64_t wait_ms,
                                           nb_bulk_received *out, nb_error *err);

/// The coordinator refused: NB_OK if another try on a new session makes sense, else its status.
NB_NODISCARD nb_status nb_transfer_refused(nb_transfer *self, const Nightbus__Refused *refused,
                                           nb_error *err);

void nb_transfer_report(const nb_transfer *self, uint64_t done);

#endif // NB_PROTOCOL_TRANSFER_H
