// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/bulk.h"

#include "base/log.h"
#include "base/text.h"
#include "protocol/sockets.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool send_frames(void *socket, const nb_bulk_target *target, const void *bytes, size_t size,
                        zmq_msg_t *chunk)
{
    // With ROUTER_MANDATORY the first frame is the one that fails; then nothing was sent.
    if (target->peer && !nb_socket_send(socket, target->peer->routing_id,
                                        target->peer->routing_id_size, ZMQ_SNDMORE)) {
        return false;
    }
    if (!nb_socket_send(socket, bytes, size, chunk ? ZMQ_SNDMORE : 0)) {
        return false;
    }
    return !chunk || zmq_msg_send(chunk, socket, ZMQ_DONTWAIT) >= 0;
}

bool nb_bulk_send(void *socket, const nb_bulk_target *target, Nightbus__Bulk *message,
                  zmq_msg_t *chunk)
{
    uint8_t session[NB_SESSION_SIZE];
    memcpy(session, target->session, sizeof session);
    message->session = (ProtobufCBinaryData){NB_SESSION_SIZE, session};
    void *bytes = NULL;
    size_t size = 0;
    nb_error err = {0};
    bool sent = false;
    int errnum = EINVAL;
    if (nb_wire_pack_bulk(message, &bytes, &size, &err) == NB_OK) {
        sent = send_frames(socket, target, bytes, size, chunk);
        errnum = errno;
    } else {
        nb_log_error("%s", err.text);
    }
    free(bytes);
    message->session = (ProtobufCBinaryData){0, NULL}; // it was on this function's stack
    if (chunk) {
        zmq_msg_close(chunk); // empty if it was sent
    }
    errno = errnum;
    return sent;
}

bool nb_bulk_send_want(void *socket, const nb_bulk_target *target, const Nightbus__Want *want)
{
    Nightbus__Want copy = *want;
    Nightbus__Bulk message = NIGHTBUS__BULK__INIT;
    message.body_case = NIGHTBUS__BULK__BODY_WANT;
    message.want = &copy;
    return nb_bulk_send(socket, target, &message, NULL);
}

bool nb_bulk_send_stored(void *socket, const nb_bulk_target *target, const nb_digest *digest)
{
    Nightbus__Stored stored = NIGHTBUS__STORED__INIT;
    stored.digest = nb_wire_digest(digest);
    Nightbus__Bulk message = NIGHTBUS__BULK__INIT;
    message.body_case = NIGHTBUS__BULK__BODY_STORED;
    message.stored = &stored;
    return nb_bulk_send(socket, target, &message, NULL);
}

bool nb_bulk_send_wait(void *socket, const nb_bulk_target *target, const nb_digest *digest)
{
    Nightbus__Wait wait = NIGHTBUS__WAIT__INIT;
    wait.digest = nb_wire_digest(digest);
    Nightbus__Bulk message = NIGHTBUS__BULK__INIT;
    message.body_case = NIGHTBUS__BULK__BODY_WAIT;
    message.wait = &wait;
    return nb_bulk_send(socket, target, &message, NULL);
}

bool nb_bulk_send_refused(void *socket, const nb_bulk_target *target, const nb_digest *digest,
                          nb_status status, const char *text)
{
    char printable[NB_TEXT_MAX / 4];
    snprintf(printable, sizeof printable, "%s", text);
    nb_text_make_printable(printable); // cut in a character, or with one from a path
    Nightbus__Refused refused = NIGHTBUS__REFUSED__INIT;
    refused.digest = nb_wire_digest(digest);
    refused.status = status;
    refused.text = printable;
    Nightbus__Bulk message = NIGHTBUS__BULK__INIT;
    message.body_case = NIGHTBUS__BULK__BODY_REFUSED;
    message.refused = &refused;
    return nb_bulk_send(socket, target, &message, NULL);
}

void nb_bulk_keep_memory(void)
{
    // A chunk and its encrypted copy, a window of them in a heap: more than glibc keeps by itself.
    enum {
        LARGEST_KEPT = 4 * NB_CHUNK_SIZE,
        KEPT = 64 * NB_CHUNK_SIZE,
        GROWTH = 8 * NB_CHUNK_SIZE
    };
    mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT);
    mallopt(M_TRIM_THRESHOLD, KEPT);
    mallopt(M_TOP_PAD, GROWTH);
}
