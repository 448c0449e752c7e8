// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "base/file.h"
#include "protocol/client.h"
#include "protocol/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    ASK_AFTER_WAIT_MS = 1000,
    LOOK_MS = 5 ///< How soon it is seen that a file has grown
};

/// Where the bytes come from: a file, or memory.
typedef struct source {
    const char *name;
    int fd; ///< Below zero: memory
    const uint8_t *bytes;
} source;

/// What is known of a file that another thread writes.
typedef struct growth {
    nb_blob_look *look; ///< Null for a blob that is whole
    void *context;
    nb_growth_state state;
    uint64_t there; ///< Bytes
    nb_digest name; ///< Once it is grown
    bool has_news;  ///< That the coordinator should hear
} growth;

typedef struct upload {
    nb_transfer transfer;
    const source *from;
    growth growth;
    int64_t offer_ms; ///< When to offer (again)
    bool served;      ///< A range was sent
    bool resumed;     ///< The first range was not the blob's beginning
    bool tried_again; ///< After a draft that was damaged
    bool stored;
} upload;

static nb_status read_source(const source *from, uint64_t offset, uint8_t *bytes, size_t size,
                             nb_error *err)
{
    if (from->fd < 0) {
        memcpy(bytes, from->bytes + offset, size);
        return NB_OK;
    }
    while (size > 0) {
        const ssize_t got = pread(from->fd, bytes, size, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return nb_fail_errno(err, errno, "%s", from->name);
        }
        if (got == 0) {
            return nb_fail(err, NB_E_CORRUPT, "%s: became shorter while it was sent", from->name);
        }
        bytes += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return NB_OK;
}

/// Called by an I/O thread of ZeroMQ.
static void chunk_sent(void *bytes, void *held_hint)
{
    atomic_uint *held = held_hint;
    free(bytes);
    atomic_fetch_sub(held, 1);
}

static nb_status send_chunk(upload *self, uint64_t offset, uint32_t size, nb_error *err)
{
    nb_client *client = self->transfer.client;
    uint8_t *bytes = malloc(size);
    if (!bytes) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a chunk");
    }
    const nb_status status = read_source(self->from, offset, bytes, size, err);
    if (status != NB_OK) {
        free(bytes);
        return status;
    }
    zmq_msg_t chunk;
    atomic_fetch_add(&client->held, 1);
    if (zmq_msg_init_data(&chunk, bytes, size, chunk_sent, &client->held) != 0) {
        chunk_sent(bytes, &client->held);
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a chunk");
    }
    Nightbus__Chunk body = NIGHTBUS__CHUNK__INIT;
    body.digest = nb_wire_digest(&self->transfer.digest);
    body.offset = offset;
    body.total = self->transfer.size;
    Nightbus__Bulk message = NIGHTBUS__BULK__INIT;
    message.body_case = NIGHTBUS__BULK__BODY_CHUNK;
    message.chunk = &body;
    const nb_bulk_target target = nb_connection_target(client);
    // One that does not go now is asked for again: by the new connection, or after a while.
    if (nb_bulk_send(client->bulk.socket, &target, &message, &chunk)) {
        client->sent_bytes += size;
    }
    return NB_OK;
}

static nb_status serve_want(upload *self, const Nightbus__Want *want, nb_error *err)
{
    const uint64_t size = self->growth.there;
    if (want->size == 0 || want->offset >= size || want->size > size - want->offset) {
        return nb_fail(err, NB_E_INVALID, "%s: the coordinator wants bytes that are not there",
                       self->from->name);
    }
    if (!self->served) {
        self->served = true;
        self->resumed = want->offset > 0;
        nb_transfer_report(&self->transfer, want->offset);
    }
    const nb_status status = send_chunk(self, want->offset, want->size, err);
    if (status == NB_OK) {
        nb_transfer_report(&self->transfer, want->offset + want->size);
    }
    return status;
}

static nb_status handle_refused(upload *self, const Nightbus__Refused *refused, nb_error *err)
{
    if (refused->status == NB_E_CORRUPT && self->resumed && !self->tried_again) {
        // What an earlier attempt left may have been damaged; it is gone now. Once from the start.
        self->tried_again = true;
        self->served = false;
        self->offer_ms = 0;
        return NB_OK;
    }
    return nb_transfer_refused(&self->transfer, refused, err);
}

static nb_status handle(upload *self, const Nightbus__Bulk *message, nb_error *err)
{
    const int64_t now_ms = nb_clock_ms();
    self->offer_ms = now_ms + NB_SILENCE_MS;
    switch (message->body_case) {
    case NIGHTBUS__BULK__BODY_WANT:
        return serve_want(self, message->want, err);
    case NIGHTBUS__BULK__BODY_STORED:
        self->stored = true;
        nb_transfer_report(&self->transfer, self->transfer.size);
        return NB_OK;
    case NIGHTBUS__BULK__BODY_WAIT:
        self->offer_ms = now_ms + ASK_AFTER_WAIT_MS;
        return NB_OK;
    case NIGHTBUS__BULK__BODY_REFUSED:
        return handle_refused(self, message->refused, err);
    default:
        return NB_OK; // a chunk that nobody asked for
    }
}

/// Offer the blob if it is time: at the start of a connection, and when nothing was heard for a
/// while though all that was wanted has left.
static void offer_if_due(upload *self)
{
    nb_client *client = self->transfer.client;
    const int64_t now_ms = nb_clock_ms();
    const bool is_silent =
        now_ms >= self->offer_ms && (self->offer_ms == 0 || atomic_load(&client->held) == 0);
    if (!is_silent && !self->growth.has_news) {
        return;
    }
    self->growth.has_news = false;
    self->offer_ms = now_ms + NB_SILENCE_MS;
    Nightbus__Offer offer = NIGHTBUS__OFFER__INIT;
    offer.digest = nb_wire_digest(&self->transfer.digest);
    offer.size = self->transfer.size;
    offer.album = nb_wire_string(self->transfer.scope.album);
    offer.has_task = self->transfer.scope.task > 0;
    offer.task = self->transfer.scope.task;
    offer.has_written = self->growth.look != NULL;
    offer.written = self->growth.there;
    offer.has_name = offer.has_written && self->growth.state == NB_GROWN;
    offer.name = nb_wire_digest(&self->growth.name);
    Nightbus__Bulk message = NIGHTBUS__BULK__INIT;
    message.body_case = NIGHTBUS__BULK__BODY_OFFER;
    message.offer = &offer;
    const nb_bulk_target target = nb_connection_target(client);
    nb_bulk_send(client->bulk.socket, &target, &message, NULL);
}

/// See how far the file has come. Whole chunks are news, and its end.
static nb_status look(upload *self, nb_error *err)
{
    growth *known = &self->growth;
    if (!known->look || known->state == NB_GROWN) {
        return NB_OK;
    }
    uint64_t there = 0;
    known->state = known->look(known->context, &there, &known->name);
    if (known->state == NB_GROWTH_GIVEN_UP) {
        return nb_fail(err, NB_E_CANCELLED, "%s: it was given up", self->from->name);
    }
    there = (known->state == NB_GROWN || there >= self->transfer.size)
                ? self->transfer.size
                : there - there % NB_CHUNK_SIZE;
    known->has_news = there > known->there || known->state == NB_GROWN;
    known->there = there;
    return NB_OK;
}

static nb_status run(upload *self, nb_error *err)
{
    nb_transfer_begin(&self->transfer);
    while (!self->stored) {
        nb_status status = look(self, err);
        if (status != NB_OK) {
            return status;
        }
        bool fresh = false;
        status = nb_transfer_connect(&self->transfer, &fresh, err);
        if (status != NB_OK) {
            return status;
        }
        if (fresh) {
            self->offer_ms = 0;
        }
        offer_if_due(self);
        NB_SCOPED(nb_bulk_received_fini) nb_bulk_received received = {0};
        const bool looks = self->growth.look && self->growth.state == NB_GROWING;
        status = nb_transfer_receive(&self->transfer, looks ? LOOK_MS : NB_CLIENT_POLL_MS,
                                     &received, err);
        if (status == NB_OK && received.message) {
            status = handle(self, received.message, err);
        }
        if (status != NB_OK) {
            return status;
        }
    }
    return NB_OK;
}

nb_status nb_client_upload(nb_client *self, nb_blob_scope scope, const char *path,
                           const nb_digest *digest, uint64_t size, nb_blob_progress *progress,
                           void *context, nb_error *err)
{
    NB_SCOPED(nb_file_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    const source from = {path, fd, NULL};
    upload one = {.transfer = {.client = self,
                               .scope = scope,
                               .digest = *digest,
                               .size = size,
                               .progress = progress,
                               .context = context},
                  .from = &from,
                  .growth = {.there = size}};
    return run(&one, err);
}

nb_status nb_client_upload_growing(nb_client *self, nb_blob_scope scope, const char *path,
                                   uint64_t size, nb_blob_look *look_at, void *context,
                                   nb_error *err)
{
    NB_SCOPED(nb_file_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    const source from = {path, fd, NULL};
    upload one = {.transfer = {.client = self, .scope = scope, .size = size},
                  .from = &from,
                  .growth = {.look = look_at, .context = context},
                  .tried_again = true}; // one that is refused as corrupt is sent whole afterwards
    // Nobody else's draft shall be found by it.
    if (getrandom(one.transfer.digest.bytes, NB_DIGEST_SIZE, 0) != NB_DIGEST_SIZE) {
        return nb_fail_errno(err, errno, "random bytes");
    }
    return run(&one, err);
}

nb_status nb_client_upload_bytes(nb_client *self, nb_blob_scope scope, const void *bytes,
                                 size_t size, nb_digest *out_digest, nb_error *err)
{
    const nb_digest digest = nb_digest_of(bytes, size);
    const source from = {"bytes in memory", -1, bytes};
    upload one = {.transfer = {.client = self, .scope = scope, .digest = digest, .size = size},
                  .from = &from,
                  .growth = {.there = size}};
    const nb_status status = run(&one, err);
    if (status == NB_OK) {
        *out_digest = digest;
    }
    return status;
}
