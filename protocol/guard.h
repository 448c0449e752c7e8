// SPDX-License-Identifier: GPL-3.0-or-later
/// @file guard.h  What connections may cost before and beside what they say: how many come from one
/// address, how many stand half open, how much one may send without ever ending a message.
///
/// libzmq 4.3.4 has no call that closes a peer's connection, and MAXMSGSIZE bounds a frame, not a
/// message of endless frames. So a thread hears of each connection from the sockets' monitors, and
/// shuts its TCP socket down where it goes too far; ZeroMQ then sees a peer that left.

#ifndef NB_PROTOCOL_GUARD_H
#define NB_PROTOCOL_GUARD_H
#include "protocol/keys.h"
#include "protocol/sockets.h"

#include <stdint.h>

typedef struct nb_guard nb_guard;

NB_NODISCARD nb_status nb_guard_new(nb_guard **out_guard, nb_error *err);

/// Watch the connections of a ROUTER that is not bound yet; at most two. One that has sent
/// `unheard_bytes_max` since its last whole message is cut. Before the socket is closed:
/// nb_socket_stop_monitor.
NB_NODISCARD nb_status nb_guard_watch(nb_guard *self, void *zmq, void *router,
                                      uint64_t unheard_bytes_max, nb_error *err);

/// Start the thread; nothing is watched after this.
NB_NODISCARD nb_status nb_guard_start(nb_guard *self, nb_error *err);

/// To be called when all that it watches is closed.
void nb_guard_destroy(nb_guard **self_p);

/// A whole message of `key` came: `body` is one of its frames. Any thread may call.
void nb_guard_heard(nb_guard *self, zmq_msg_t *body, const nb_public_key *key);

/// Cut all connections that `key` was heard on. Any thread may call.
void nb_guard_cut(nb_guard *self, const nb_public_key *key);

/// How many connections were cut or turned away. Any thread may call.
uint64_t nb_guard_count(nb_guard *self);

#endif // NB_PROTOCOL_GUARD_H
