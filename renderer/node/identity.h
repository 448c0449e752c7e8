// SPDX-License-Identifier: GPL-3.0-or-later
/// @file identity.h  Who a renderer is to its farm, and how it comes to speak with it.

#ifndef NB_RENDERER_NODE_IDENTITY_H
#define NB_RENDERER_NODE_IDENTITY_H
#include "base/status.h"
#include "protocol/client.h"

#include <stdbool.h>
#include <stdint.h>

/// Strings are borrowed for the life of the process.
typedef struct nb_identity {
    const char *farm; ///< farm.json, read again at each connection, or "tcp://HOST:PORT/HEX"
    const char *key_path;
    const char *name;
    const char *fingerprint;
    unsigned threads;
    uint8_t instance[NB_INSTANCE_SIZE]; ///< Random: this process, whatever its connections
} nb_identity;

/// Connect once. `stop` may be null; `timeout_ms` 0 is the client's default.
NB_NODISCARD nb_status nb_identity_connect(const nb_identity *self, const volatile bool *stop,
                                           int64_t timeout_ms, nb_client **out_client,
                                           nb_error *err);

/// True where the same request may succeed on a new connection: nobody answered, or the coordinator
/// started anew and does not know the session.
bool nb_identity_may_reconnect(nb_status status);

#endif // NB_RENDERER_NODE_IDENTITY_H
