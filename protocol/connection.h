// SPDX-License-Identifier: GPL-3.0-or-later
/// @file connection.h  The client's sockets: made, watched, and made anew after a gap.
///
/// ZeroMQ reconnects by itself and tells nobody; then the coordinator knows neither our session nor
/// what was lost. So a monitor watches each socket, and a gap closes it for good.

#ifndef NB_PROTOCOL_CONNECTION_H
#define NB_PROTOCOL_CONNECTION_H
#include "protocol/bulk.h"
#include "protocol/client.h"
#include "protocol/sockets.h"

#include <stdatomic.h>

enum {
    NB_CLIENT_POLL_MS = 100,    ///< How soon the stop flag is seen
    NB_CLIENT_TIMEOUT_MS = 5000 ///< What options.timeout_ms 0 means
};

/// A DEALER and the PAIR that hears its events; null while closed.
typedef struct nb_line {
    void *socket;
    void *monitor;
} nb_line;

struct nb_client {
    nb_farm_address address;
    nb_client_options options;
    nb_key_pair keys;
    void *zmq;
    nb_line control;
    nb_line bulk;
    Nightbus__Reply *welcome; ///< Of the last Hello; kept while disconnected
    uint64_t last_id;
    unsigned line_count; ///< For names of monitors
    atomic_uint held;    ///< Chunks that ZeroMQ has not sent yet
    uint64_t sent_bytes;
    uint64_t received_bytes;
};

/// True if the program was asked to stop.
bool nb_client_is_stopped(const nb_client *self);

/// Make the control connection anew: new socket, new routing id, Hello, Welcome. Fails as
/// nb_client_connect says, at `until_ms` at the latest, or sooner where nobody listens.
NB_NODISCARD nb_status nb_connection_open(nb_client *self, int64_t until_ms, nb_error *err);
/// Connect the bulk socket too, if it is not.
NB_NODISCARD nb_status nb_connection_open_bulk(nb_client *self, nb_error *err);
void nb_connection_close(nb_client *self);

/// Take the events of a line. False if the connection broke.
bool nb_line_is_whole(nb_line *self);

/// A bulk message for us, with the frames its chunk is in.
typedef struct nb_bulk_received {
    Nightbus__Bulk *message; ///< Null if none came
    nb_frames frames;
} nb_bulk_received;

void nb_bulk_received_fini(nb_bulk_received *self);

/// Wait `wait_ms` at most, which is not more than NB_CLIENT_POLL_MS, for a bulk message of this
/// session. NB_E_UNREACHABLE if the connection broke: it is closed then.
NB_NODISCARD nb_status nb_connection_receive_bulk(nb_client *self, int64_t wait_ms,
                                                  nb_bulk_received *out, nb_error *err);

/// Whom bulk messages go to: this session.
nb_bulk_target nb_connection_target(const nb_client *self);

/// Sleep, but not past a stop.
void nb_client_sleep_ms(const nb_client *self, int64_t ms);

#endif // NB_PROTOCOL_CONNECTION_H
