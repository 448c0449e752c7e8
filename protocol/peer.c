// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/peer.h"

#include <string.h>

bool nb_peer_read(nb_frames *frames, nb_peer *out)
{
    *out = (nb_peer){0};
    const size_t id_size = zmq_msg_size(&frames->parts[0]);
    // The key is that of the body: on 4.3.4 the frame with the routing id carries none.
    const char *user = frames->count > 1 ? zmq_msg_gets(&frames->parts[1], "User-Id") : NULL;
    if (!user || strlen(user) != NB_KEY_TEXT_SIZE - 1 || id_size > sizeof out->routing_id) {
        return false;
    }
    memcpy(out->key.text, user, NB_KEY_TEXT_SIZE);
    memcpy(out->routing_id, zmq_msg_data(&frames->parts[0]), id_size);
    out->routing_id_size = id_size;
    return true;
}
