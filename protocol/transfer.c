// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/transfer.h"

#include "base/clock.h"

enum { PAUSE_MS = 100, PAUSE_MAX_MS = 5000 };

void nb_transfer_begin(nb_transfer *self)
{
    self->heard_ms = self->contact_ms = nb_clock_ms();
    self->pause_ms = PAUSE_MS;
}

void nb_transfer_report(const nb_transfer *self, uint64_t done)
{
    if (self->progress) {
        self->progress(self->context, done);
    }
}

/// One attempt to have both connections.
static nb_status open_both(nb_client *client, nb_error *err)
{
    nb_status status = NB_OK;
    if (!client->control.socket || !nb_line_is_whole(&client->control)) {
        status = nb_connection_open(client, nb_clock_ms() + client->options.timeout_ms, err);
    }
    return status == NB_OK ? nb_connection_open_bulk(client, err) : status;
}

nb_status nb_transfer_connect(nb_transfer *self, bool *out_fresh, nb_error *err)
{
    *out_fresh = false;
    nb_client *client = self->client;
    if (client->bulk.socket && nb_clock_ms() - self->heard_ms >= NB_STALL_MS) {
        nb_connection_close(
            client); // whatever holds it up, a new connection may not suffer from it
    }
    while (!client->bulk.socket) {
        if (nb_client_is_stopped(client)) {
            return nb_fail(err, NB_E_INTERRUPTED, "stopped");
        }
        const nb_status status = open_both(client, err);
        const int64_t now_ms = nb_clock_ms();
        if (status == NB_OK) {
            self->heard_ms = now_ms;
            *out_fresh = true;
            break;
        }
        if (status != NB_E_UNREACHABLE || now_ms - self->contact_ms >= NB_NO_CONTACT_MS) {
            return status;
        }
        nb_client_sleep_ms(client, self->pause_ms);
        self->pause_ms = self->pause_ms * 2 < PAUSE_MAX_MS ? self->pause_ms * 2 : PAUSE_MAX_MS;
    }
    if (nb_clock_ms() - self->contact_ms >= NB_NO_CONTACT_MS) {
        return nb_fail(err, NB_E_UNREACHABLE, "%s: no word for %d s", client->address.control,
                       NB_NO_CONTACT_MS / 1000);
    }
    return nb_client_is_stopped(client) ? nb_fail(err, NB_E_INTERRUPTED, "stopped") : NB_OK;
}

/// The digest that a message of the coordinator is about.
static const ProtobufCBinaryData *subject(const Nightbus__Bulk *message)
{
    switch (message->body_case) {
    case NIGHTBUS__BULK__BODY_WANT:
        return &message->want->digest;
    case NIGHTBUS__BULK__BODY_CHUNK:
        return &message->chunk->digest;
    case NIGHTBUS__BULK__BODY_STORED:
        return &message->stored->digest;
    case NIGHTBUS__BULK__BODY_REFUSED:
        return &message->refused->digest;
    case NIGHTBUS__BULK__BODY_WAIT:
        return &message->wait->digest;
    default:
        return NULL;
    }
}

nb_status nb_transfer_receive(nb_transfer *self, int64_t wait_ms, nb_bulk_received *out,
                              nb_error *err)
{
    const nb_status status = nb_connection_receive_bulk(self->client, wait_ms, out, err);
    if (status == NB_E_UNREACHABLE) {
        return NB_OK; // the next nb_transfer_connect sees to it
    }
    if (status != NB_OK || !out->message) {
        return status;
    }
    const ProtobufCBinaryData *about = subject(out->message);
    const nb_digest digest = about ? nb_wire_to_digest(*about) : (nb_digest){{0}};
    if (!about || !nb_digest_equal(&digest, &self->digest)) {
        nb_bulk_received_fini(out); // of a transfer that was given up
        return NB_OK;
    }
    self->heard_ms = self->contact_ms = nb_clock_ms();
    self->pause_ms = PAUSE_MS;
    return NB_OK;
}

nb_status nb_transfer_refused(nb_transfer *self, const Nightbus__Refused *refused, nb_error *err)
{
    if (refused->status == NB_E_STALE && ++self->stale_count <= NB_STALE_MAX) {
        nb_connection_close(self->client); // the coordinator was started anew: Hello again
        return NB_OK;
    }
    return nb_fail(err, (nb_status)refused->status, "%s", refused->text);
}
