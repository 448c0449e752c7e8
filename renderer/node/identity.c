// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/node/identity.h"

#include <stdio.h>
#include <string.h>

nb_status nb_identity_connect(const nb_identity *self, const volatile bool *stop,
                              int64_t timeout_ms, nb_client **out_client, nb_error *err)
{
    *out_client = NULL;
    nb_farm_address address = {0};
    nb_status status = strncmp(self->farm, "tcp://", 6) == 0
                           ? nb_farm_address_parse(self->farm, self->key_path, &address, err)
                           : nb_farm_address_read(self->farm, &address, err);
    if (status != NB_OK) {
        return status;
    }
    // farm.json names the key of whoever started the farm; ours is another.
    snprintf(address.key_path, sizeof address.key_path, "%s", self->key_path);
    const nb_client_options options = {
        .program = "nightbus-renderer",
        .role = "renderer",
        .name = self->name,
        .fingerprint = self->fingerprint,
        .threads = self->threads,
        .instance = self->instance,
        .timeout_ms = timeout_ms,
        .stop = stop,
    };
    return nb_client_connect(&address, &options, out_client, err);
}

bool nb_identity_may_reconnect(nb_status status)
{
    return status == NB_E_UNREACHABLE || status == NB_E_TIMEOUT;
}
