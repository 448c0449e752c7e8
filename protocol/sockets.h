// SPDX-License-Identifier: GPL-3.0-or-later
/// @file sockets.h  What both sides do with a ZeroMQ socket: options with their return codes
/// checked, messages of at most three frames, all sends without waiting.

#ifndef NB_PROTOCOL_SOCKETS_H
#define NB_PROTOCOL_SOCKETS_H
#include "protocol/keys.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

enum {
    NB_FRAMES_MAX = 3,         ///< Routing id, message, bytes of a chunk
    NB_CURVE_FRAME_EXTRA = 64, ///< CURVE counts 33 bytes of envelope against MAXMSGSIZE
    NB_ROUTING_ID_SIZE = 16,
    NB_ROUTING_ID_MAX = 32,
};

/// For NB_SCOPED. Null is fine.
void nb_socket_close(void **socket_p);

/// Send no more events of `socket` to its monitor. To be called before the monitor's PAIR is
/// closed: an event without a reader blocks the context's I/O thread, and with it every socket
/// (4.3.4). Null is fine.
void nb_socket_stop_monitor(void *socket);

typedef struct nb_socket_option {
    const char *name;
    int option;
    int value;
} nb_socket_option;

/// Set them all, or fail naming the first that does not go.
NB_NODISCARD nb_status nb_socket_set(void *socket, const nb_socket_option *options, size_t count,
                                     nb_error *err);
NB_NODISCARD nb_status nb_socket_set_bytes(void *socket, int option, const char *name,
                                           const void *bytes, size_t size, nb_error *err);

/// Make it a CURVE server that lets nobody in whom the ZAP handler does not name, nor anybody while
/// there is no handler.
NB_NODISCARD nb_status nb_socket_secure_server(void *socket, const nb_key_pair *keys,
                                               nb_error *err);
/// Make it a CURVE client of the server with that key.
NB_NODISCARD nb_status nb_socket_secure_client(void *socket, const nb_key_pair *keys,
                                               const nb_public_key *server, nb_error *err);

/// A received message. What came beyond NB_FRAMES_MAX frames was read and dropped.
typedef struct nb_frames {
    zmq_msg_t parts[NB_FRAMES_MAX];
    size_t count;
    bool too_many;
} nb_frames;

/// Take one message without waiting; false if there is none (errno says why).
bool nb_frames_receive(void *socket, nb_frames *out);
void nb_frames_fini(nb_frames *self); ///< Only after a receive that was true

/// Send one frame, copied; false with errno.
bool nb_socket_send(void *socket, const void *bytes, size_t size, int flags);

#endif // NB_PROTOCOL_SOCKETS_H
