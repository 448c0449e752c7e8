// SPDX-License-Identifier: GPL-3.0-or-later
/// @file peer.h  Whom a message that a ROUTER received is from.

#ifndef NB_PROTOCOL_PEER_H
#define NB_PROTOCOL_PEER_H
#include "protocol/server.h"
#include "protocol/sockets.h"

#include <stdbool.h>

/// Read routing id and key. False if there is no body, or ZAP put no key on it.
bool nb_peer_read(nb_frames *frames, nb_peer *out);

#endif // NB_PROTOCOL_PEER_H
