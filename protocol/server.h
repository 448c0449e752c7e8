// SPDX-License-Identifier: GPL-3.0-or-later
/// @file server.h  The coordinator's side of the sockets: CURVE and ZAP, control requests, bulk.
///
/// Owns the ZeroMQ context, the ZAP handler and the bulk thread. CURVE fails open without a live
/// ZAP handler (libzmq 4.3.4), so the handler answers a self-test before anything is bound, the
/// sockets enforce their ZAP domain, and should the handler die the ports close. The identity of a
/// message is the CURVE key that ZAP put on it (User-Id of the body frame), never the routing id.

#ifndef NB_PROTOCOL_SERVER_H
#define NB_PROTOCOL_SERVER_H
#include "protocol/keys.h"
#include "protocol/wire.h"
#include "store/blob_store.h"

#include <stdbool.h>
#include <stdint.h>

/// The callbacks are called by the server's own threads, never two at once, while the program's
/// thread may be anywhere.

/// Is this key known? Asked at each handshake.
typedef bool nb_server_knows_key(void *context, const nb_public_key *key);

/// May the holder of `key` read or write this blob for that album or task (null and 0 for none)?
/// NB_E_PERMISSION or NB_E_NOT_FOUND in words. A yes to reading is believed for two seconds. For a
/// write, `size` is what was promised: NB_E_NO_SPACE where the disk is too full, and NB_E_EXISTS
/// where the blob is known to belong to that album: then the client is told Stored at once. All
/// others are sent and hashed, in the store or not: knowing a digest is no right.
typedef nb_status nb_server_may_read(void *context, const nb_public_key *key, const char *album,
                                     uint64_t task, const nb_digest *digest, nb_error *err);
typedef nb_status nb_server_may_write(void *context, const nb_public_key *key, const char *album,
                                      uint64_t task, const nb_digest *digest, uint64_t size,
                                      nb_error *err);
/// The blob is on disk under its name: write the (album, digest) row. Called before Stored is sent;
/// a failure is what the client gets instead.
typedef nb_status nb_server_stored(void *context, const nb_public_key *key, const char *album,
                                   uint64_t task, const nb_digest *digest, uint64_t size,
                                   nb_error *err);

typedef struct nb_server_options {
    const char *control; ///< "tcp://127.0.0.1:*" to bind; '*' takes a free port
    const char *bulk;
    const nb_key_pair *keys;
    nb_blob_store *store;
    nb_server_knows_key *knows_key;
    nb_server_may_read *may_read;
    nb_server_may_write *may_write;
    nb_server_stored *stored;
    void *context;
} nb_server_options;

typedef struct nb_server nb_server;

NB_NODISCARD nb_status nb_server_start(const nb_server_options *options, nb_server **out_server,
                                       nb_error *err);
void nb_server_destroy(nb_server **self_p);

/// The addresses bound, with their ports.
const char *nb_server_control(const nb_server *self);
const char *nb_server_bulk(const nb_server *self);
uint16_t nb_server_bulk_port(const nb_server *self);

/// A session made for (routing id, key): the control handler calls this for each Hello. A client's
/// bulk messages present it; they must come from the same key. Ended sessions are forgotten after
/// an hour without a message.
NB_NODISCARD nb_status nb_server_open_session(nb_server *self, const nb_public_key *key,
                                              uint8_t out_session[NB_SESSION_SIZE], nb_error *err);

/// The key is good no more: its sessions end at once, so that whatever its connections still send
/// or wait for is refused, and the connections are cut. Any thread may call.
void nb_server_forget_key(nb_server *self, const nb_public_key *key);

/// Whom to answer. Copies are fine; a reply to a peer that left is dropped.
typedef struct nb_peer {
    uint8_t routing_id[32];
    size_t routing_id_size;
    nb_public_key key;
} nb_peer;

/// Wait at most `timeout_ms` for a request and unpack it. It and nb_server_reply are for one
/// thread. Fails once the key check has ended: the port is closed then, and the program should end.
/// NB_OK with *out_request null: none came. A message that does not unpack is answered here with
/// its failure and counts as none; peers that keep sending such are ignored for a minute.
NB_NODISCARD nb_status nb_server_receive(nb_server *self, int64_t timeout_ms, nb_peer *out_peer,
                                         Nightbus__Request **out_request, nb_error *err);

/// Send a reply; never blocks.
NB_NODISCARD nb_status nb_server_reply(nb_server *self, const nb_peer *peer,
                                       const Nightbus__Reply *reply, nb_error *err);

/// Is the control connection still there, as far as we know? Asked by a message that every client
/// passes over. For the thread that receives.
bool nb_server_is_connected(nb_server *self, const nb_peer *peer);

#endif // NB_PROTOCOL_SERVER_H
