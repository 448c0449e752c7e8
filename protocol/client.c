// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/client.h"

#include "base/clock.h"
#include "protocol/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_MS = 100, RETRY_MAX_MS = 2000 };

nb_status nb_client_connect(const nb_farm_address *address, const nb_client_options *options,
                            nb_client **out_client, nb_error *err)
{
    *out_client = NULL;
    NB_SCOPED(nb_client_destroy) nb_client *client = calloc(1, sizeof *client);
    if (!client) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a client");
    }
    client->address = *address;
    client->options = *options;
    if (client->options.timeout_ms <= 0) {
        client->options.timeout_ms = NB_CLIENT_TIMEOUT_MS;
    }
    if (options->keys) {
        client->keys = *options->keys;
    }
    nb_status status =
        options->keys ? NB_OK : nb_key_pair_load(address->key_path, &client->keys, err);
    if (status != NB_OK) {
        return status;
    }
    client->zmq = zmq_ctx_new();
    if (!client->zmq) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a client");
    }
    status = nb_connection_open(client, nb_clock_ms() + client->options.timeout_ms, err);
    if (status == NB_OK) {
        *out_client = client;
        client = NULL; // the caller's now
    }
    return status;
}

void nb_client_destroy(nb_client **self_p)
{
    nb_client *self = *self_p;
    if (!self) {
        return;
    }
    nb_connection_close(self);
    if (self->zmq) {
        while (zmq_ctx_term(self->zmq) != 0 && errno == EINTR) {
        }
    }
    nb_wire_free_reply(&self->welcome);
    explicit_bzero(&self->keys, sizeof self->keys);
    free(self);
    *self_p = NULL;
}

const Nightbus__Welcome *nb_client_welcome(const nb_client *self)
{
    return self->welcome ? self->welcome->welcome : NULL;
}

const nb_farm_address *nb_client_address(const nb_client *self) { return &self->address; }

uint64_t nb_client_sent_bytes(const nb_client *self) { return self->sent_bytes; }

uint64_t nb_client_received_bytes(const nb_client *self) { return self->received_bytes; }

/// Take one reply off the socket, if one is there that answers `id`. A reply of id 0 says that our
/// request could not be read.
static nb_status take_reply(nb_client *self, uint64_t id, Nightbus__Reply **out_reply,
                            nb_error *err)
{
    nb_frames frames;
    if (!nb_frames_receive(self->control.socket, &frames)) {
        return NB_OK;
    }
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    const nb_status status = nb_wire_unpack_reply(zmq_msg_data(&frames.parts[0]),
                                                  zmq_msg_size(&frames.parts[0]), &reply, err);
    nb_frames_fini(&frames);
    if (status != NB_OK || (reply->id != id && reply->id != 0)) {
        return status; // late, of a request that was given up
    }
    if (reply->failure) {
        return nb_fail(err, (nb_status)reply->failure->status, "%s", reply->failure->text);
    }
    if (reply->id == id) {
        *out_reply = reply;
        reply = NULL; // the caller's now
    }
    return NB_OK;
}

/// Wait for the answer to `id`. `out_gap` says that the connection broke first.
static nb_status wait_reply(nb_client *self, uint64_t id, int64_t until_ms,
                            Nightbus__Reply **out_reply, bool *out_gap, nb_error *err)
{
    for (;;) {
        zmq_pollitem_t items[] = {{self->control.socket, 0, ZMQ_POLLIN, 0},
                                  {self->control.monitor, 0, ZMQ_POLLIN, 0}};
        zmq_poll(items, (int)NB_COUNT(items), NB_CLIENT_POLL_MS);
        const nb_status status = take_reply(self, id, out_reply, err);
        if (status != NB_OK || *out_reply) {
            return status;
        }
        if (nb_client_is_stopped(self)) {
            return nb_fail(err, NB_E_INTERRUPTED, "stopped while waiting for the farm");
        }
        if (!nb_line_is_whole(&self->control)) {
            *out_gap = true;
            return nb_fail(err, NB_E_UNREACHABLE, "%s: the connection broke",
                           self->address.control);
        }
        if (nb_clock_ms() >= until_ms) {
            return nb_fail(err, NB_E_TIMEOUT, "%s: no answer within %lld s", self->address.control,
                           (long long)(self->options.timeout_ms + 999) / 1000);
        }
    }
}

/// Send it once and wait.
static nb_status try_call(nb_client *self, Nightbus__Request *request, int64_t until_ms,
                          Nightbus__Reply **out_reply, bool *out_gap, nb_error *err)
{
    *out_gap = false;
    if (!self->control.socket || !nb_line_is_whole(&self->control)) {
        const nb_status status = nb_connection_open(self, until_ms, err);
        if (status != NB_OK) {
            *out_gap = status == NB_E_UNREACHABLE;
            return status;
        }
    }
    request->id = ++self->last_id;
    void *bytes = NULL;
    size_t size = 0;
    const nb_status status = nb_wire_pack_request(request, &bytes, &size, err);
    if (status != NB_OK) {
        return status;
    }
    const bool sent = nb_socket_send(self->control.socket, bytes, size, 0);
    free(bytes);
    if (!sent) {
        *out_gap = true;
        return nb_fail(err, NB_E_UNREACHABLE, "%s: the connection broke", self->address.control);
    }
    return wait_reply(self, request->id, until_ms, out_reply, out_gap, err);
}

nb_status nb_client_call(nb_client *self, Nightbus__Request *request, int64_t extra_wait_ms,
                         Nightbus__Reply **out_reply, nb_error *err)
{
    *out_reply = NULL;
    const int64_t until_ms = nb_clock_ms() + self->options.timeout_ms + extra_wait_ms;
    int64_t pause_ms = RETRY_MS;
    bool was_stale = false;
    for (;;) {
        bool gap = false;
        const nb_status status = try_call(self, request, until_ms, out_reply, &gap, err);
        // Once: a connection that was long idle may have lost its place among the sessions, and
        // Hello brings it back. A lease that is over stays over.
        const bool is_forgotten = status == NB_E_STALE && !was_stale;
        was_stale = was_stale || is_forgotten;
        if (!gap && !is_forgotten) {
            return status;
        }
        // Every request may be sent again: what counts twice carries the client's id.
        nb_connection_close(self);
        if (nb_clock_ms() + pause_ms >= until_ms) {
            return status;
        }
        nb_client_sleep_ms(self, pause_ms);
        pause_ms = pause_ms * 2 < RETRY_MAX_MS ? pause_ms * 2 : RETRY_MAX_MS;
    }
}
