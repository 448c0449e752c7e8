// SPDX-License-Identifier: GPL-3.0-or-later
/// @file zap.h  The thread that says whose key may connect (ZAP, ZeroMQ RFC 27).
///
/// A key that is not known gets 400, which is final; 300 would leave its sender hanging. A key that
/// is known becomes the User-Id of every message of its connection.

#ifndef NB_PROTOCOL_ZAP_H
#define NB_PROTOCOL_ZAP_H
#include "protocol/keys.h"
#include "protocol/server.h"

#include <stdbool.h>

typedef struct nb_zap nb_zap;

/// Bind the handler in the ZeroMQ context `zmq` and start its thread. One per context.
NB_NODISCARD nb_status nb_zap_start(void *zmq, nb_server_knows_key *knows_key, void *context,
                                    nb_zap **out_zap, nb_error *err);
/// Stop the thread. After this no handshake of the context succeeds.
void nb_zap_stop(nb_zap *self);
void nb_zap_destroy(nb_zap **self_p);

/// False once the thread has ended, for whatever reason. Any thread may ask.
bool nb_zap_is_alive(const nb_zap *self);

/// Let a throwaway key try to connect to a socket of this context, set up as the real ones are.
/// Fails unless it is turned away by the handler's own 400.
NB_NODISCARD nb_status nb_zap_self_test(void *zmq, nb_error *err);

#endif // NB_PROTOCOL_ZAP_H
