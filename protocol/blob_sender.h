// SPDX-License-Identifier: GPL-3.0-or-later
/// @file blob_sender.h  Ranges that clients want, read from the store and sent. The bulk thread's
/// own.

#ifndef NB_PROTOCOL_BLOB_SENDER_H
#define NB_PROTOCOL_BLOB_SENDER_H
#include "protocol/bulk.h"
#include "protocol/sessions.h"
#include "store/blob_store.h"

#include <stdatomic.h>
#include <stdbool.h>

/// Chunks that ZeroMQ holds. Its I/O threads count them down, so this outlives the context.
typedef struct nb_send_budget {
    atomic_uint chunks;
    int event_fd; ///< Written to when there is room again
} nb_send_budget;

typedef struct nb_range {
    nb_peer peer;
    uint8_t session[NB_SESSION_SIZE];
    nb_digest digest;
    uint64_t offset;
    uint32_t size;
} nb_range;

typedef struct nb_blob_sender nb_blob_sender;

/// Borrows all four. Null without memory. Ranges of sessions that end before their turn are
/// refused.
nb_blob_sender *nb_blob_sender_new(const nb_blob_store *store, void *socket, nb_send_budget *budget,
                                   nb_sessions *sessions);
void nb_blob_sender_destroy(nb_blob_sender **self_p);

/// Queue a range that its peer may read. False if there are too many: it will ask again.
bool nb_blob_sender_add(nb_blob_sender *self, const nb_range *range);

/// Send as many as the budget allows.
void nb_blob_sender_pump(nb_blob_sender *self);

#endif // NB_PROTOCOL_BLOB_SENDER_H
