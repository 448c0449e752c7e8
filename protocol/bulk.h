// SPDX-License-Identifier: GPL-3.0-or-later
/// @file bulk.h  Sending bulk messages, from either side.

#ifndef NB_PROTOCOL_BULK_H
#define NB_PROTOCOL_BULK_H
#include "protocol/server.h"
#include "protocol/wire.h"

#include <stdbool.h>
#include <zmq.h>

/// Whom a bulk message goes to. A client leaves the peer null: it has but one.
typedef struct nb_bulk_target {
    const nb_peer *peer;
    uint8_t session[NB_SESSION_SIZE];
} nb_bulk_target;

/// Send `message` (its session is set here), and behind it `chunk` if that is not null; the chunk
/// is taken in any case. False with errno where it does not go now: EHOSTUNREACH, EAGAIN.
bool nb_bulk_send(void *socket, const nb_bulk_target *target, Nightbus__Bulk *message,
                  zmq_msg_t *chunk);

/// The four messages without bytes that both kinds of transfer send.
bool nb_bulk_send_want(void *socket, const nb_bulk_target *target, const Nightbus__Want *want);
bool nb_bulk_send_stored(void *socket, const nb_bulk_target *target, const nb_digest *digest);
bool nb_bulk_send_wait(void *socket, const nb_bulk_target *target, const nb_digest *digest);
bool nb_bulk_send_refused(void *socket, const nb_bulk_target *target, const nb_digest *digest,
                          nb_status status, const char *text);

/// Have malloc keep the memory of chunks instead of giving it to the system and asking for it anew:
/// each would be zeroed and mapped page by page again (7 % of a transfer's CPU time, measured). For
/// the whole process; calling it again changes nothing.
void nb_bulk_keep_memory(void);

#endif // NB_PROTOCOL_BULK_H
