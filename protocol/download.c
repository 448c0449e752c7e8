// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "protocol/client.h"
#include "protocol/flow.h"
#include "protocol/transfer.h"
#include "store/blob_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/// Where the bytes go: a file beside the target, or memory.
typedef struct sink {
    const char *part_path;
    int fd; ///< Below zero: memory
    uint8_t *bytes;
} sink;

typedef struct download {
    nb_transfer transfer;
    const sink *into;
    nb_hasher *hasher; ///< Of what is there
    uint64_t have;
    uint64_t asked; ///< On this connection
    nb_flow flow;
} download;

static nb_status write_sink(const sink *into, uint64_t offset, const uint8_t *bytes, size_t size,
                            nb_error *err)
{
    if (into->fd < 0) {
        memcpy(into->bytes + offset, bytes, size);
        return NB_OK;
    }
    while (size > 0) {
        const ssize_t wrote = pwrite(into->fd, bytes, size, (off_t)offset);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote < 0) {
            return nb_fail_errno(err, errno, "%s", into->part_path);
        }
        bytes += wrote;
        offset += (uint64_t)wrote;
        size -= (size_t)wrote;
    }
    return NB_OK;
}

/// Ask for what fits the window.
static void ask(download *self)
{
    nb_client *client = self->transfer.client;
    const nb_bulk_target target = nb_connection_target(client);
    Nightbus__Want want = NIGHTBUS__WANT__INIT;
    want.digest = nb_wire_digest(&self->transfer.digest);
    want.album = nb_wire_string(self->transfer.scope.album);
    want.has_task = self->transfer.scope.task > 0;
    want.task = self->transfer.scope.task;
    while (self->asked < self->transfer.size && self->asked - self->have < self->flow.size) {
        const uint64_t rest = self->transfer.size - self->asked;
        want.offset = self->asked;
        want.size = rest < NB_CHUNK_SIZE ? (uint32_t)rest : NB_CHUNK_SIZE;
        if (!nb_bulk_send_want(client->bulk.socket, &target, &want)) {
            return; // later
        }
        self->asked += want.size;
        nb_flow_ask(&self->flow, nb_clock_us());
    }
}

static nb_status take_chunk(download *self, nb_bulk_received *received, nb_error *err)
{
    const Nightbus__Chunk *chunk = received->message->chunk;
    const uint64_t size = self->transfer.size;
    if (chunk->total != size) {
        return nb_fail(err, NB_E_INVALID, "the farm's blob has %llu bytes, not %llu",
                       (unsigned long long)chunk->total, (unsigned long long)size);
    }
    if (chunk->offset != self->have || received->frames.count < 2 || self->have >= self->asked) {
        return NB_OK; // not what was asked for last
    }
    zmq_msg_t *frame = &received->frames.parts[1];
    const size_t got = zmq_msg_size(frame);
    const uint64_t rest = size - self->have;
    if (got != (rest < NB_CHUNK_SIZE ? rest : NB_CHUNK_SIZE)) {
        return nb_fail(err, NB_E_INVALID, "the coordinator sent %zu bytes where others were wanted",
                       got);
    }
    const uint8_t *bytes = zmq_msg_data(frame);
    const int64_t arrived_us = nb_clock_us();
    const nb_status status = write_sink(self->into, self->have, bytes, got, err);
    if (status != NB_OK) {
        return status;
    }
    nb_hasher_add(self->hasher, bytes, got);
    nb_flow_arrive(&self->flow, got, arrived_us);
    self->have += got;
    self->transfer.client->received_bytes += got;
    nb_transfer_report(&self->transfer, self->have);
    return NB_OK;
}

static nb_status handle(download *self, nb_bulk_received *received, nb_error *err)
{
    switch (received->message->body_case) {
    case NIGHTBUS__BULK__BODY_CHUNK:
        return take_chunk(self, received, err);
    case NIGHTBUS__BULK__BODY_REFUSED:
        return nb_transfer_refused(&self->transfer, received->message->refused, err);
    default:
        return NB_OK; // of an upload before
    }
}

/// Fetch what is missing and check the whole.
static nb_status run(download *self, nb_error *err)
{
    nb_transfer_begin(&self->transfer);
    nb_flow_init(&self->flow);
    nb_transfer_report(&self->transfer, self->have);
    self->asked = self->have;
    while (self->have < self->transfer.size) {
        bool fresh = false;
        nb_status status = nb_transfer_connect(&self->transfer, &fresh, err);
        if (status != NB_OK) {
            return status;
        }
        if (fresh) {
            self->asked = self->have; // what the old connection was asked for is lost
            nb_flow_restart(&self->flow);
        }
        ask(self);
        NB_SCOPED(nb_bulk_received_fini) nb_bulk_received received = {0};
        status = nb_transfer_receive(&self->transfer, NB_CLIENT_POLL_MS, &received, err);
        if (status == NB_OK && received.message) {
            status = handle(self, &received, err);
        }
        if (status != NB_OK) {
            return status;
        }
    }
    const nb_digest found = nb_hasher_finish(self->hasher);
    if (!nb_digest_equal(&found, &self->transfer.digest)) {
        char hex[NB_DIGEST_HEX_SIZE];
        nb_digest_to_hex(&self->transfer.digest, hex);
        return nb_fail(err, NB_E_CORRUPT, "blob %s: the bytes received hash to something else",
                       hex);
    }
    return NB_OK;
}

/// Open PATH.part for us alone and hash what it holds.
static nb_status open_part(const char *path, uint64_t size, nb_hasher *hasher, int *out_fd,
                           uint64_t *out_have, nb_error *err)
{
    *out_have = 0;
    *out_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    struct stat info;
    if (*out_fd < 0 || fstat(*out_fd, &info) != 0) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    if (flock(*out_fd, LOCK_EX | LOCK_NB) != 0) {
        return nb_fail(err, NB_E_CONFLICT, "%s: another fetch is writing it", path);
    }
    if ((uint64_t)info.st_size > size) {
        return ftruncate(*out_fd, 0) == 0 ? NB_OK : nb_fail_errno(err, errno, "%s", path);
    }
    NB_SCOPED(nb_text_free) char *block = malloc(NB_CHUNK_SIZE);
    if (!block) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", path);
    }
    for (;;) {
        const ssize_t got = pread(*out_fd, block, NB_CHUNK_SIZE, (off_t)*out_have);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0 ? NB_OK : nb_fail_errno(err, errno, "%s", path);
        }
        nb_hasher_add(hasher, block, (size_t)got);
        *out_have += (uint64_t)got;
    }
}

/// Fetch into the part file; `out_resumed` says that it held something.
static nb_status fetch_part(nb_transfer transfer, const char *part, bool *out_resumed,
                            nb_error *err)
{
    NB_SCOPED(nb_hasher_destroy) nb_hasher *hasher = nb_hasher_new();
    NB_SCOPED(nb_file_close_fd) int fd = -1;
    uint64_t have = 0;
    nb_status status = open_part(part, transfer.size, hasher, &fd, &have, err);
    if (status != NB_OK) {
        return status;
    }
    *out_resumed = have > 0;
    const sink into = {part, fd, NULL};
    download one = {.transfer = transfer, .into = &into, .hasher = hasher, .have = have};
    status = run(&one, err);
    if (status == NB_E_CORRUPT) {
        unlink(part);
    }
    return status;
}

nb_status nb_client_download(nb_client *self, nb_blob_scope scope, const nb_digest *digest,
                             uint64_t size, const char *path, nb_blob_progress *progress,
                             void *context, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *part = nb_text_format("%s.part", path);
    if (!part) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", path);
    }
    const nb_transfer transfer = {self, scope, *digest, size, progress, context, 0, 0, 0, 0};
    bool resumed = false;
    nb_status status = fetch_part(transfer, part, &resumed, err);
    if (status == NB_E_CORRUPT && resumed) {
        status = fetch_part(transfer, part, &resumed, err); // what lay there was of something else
    }
    return status == NB_OK ? nb_file_publish(part, path, err) : status;
}

nb_status nb_client_download_bytes(nb_client *self, nb_blob_scope scope, const nb_digest *digest,
                                   uint64_t size, void **out_bytes, size_t *out_size, nb_error *err)
{
    *out_bytes = NULL;
    *out_size = 0;
    if (size > NB_BLOB_SMALL_MAX) {
        return nb_fail(err, NB_E_LIMIT, "a blob of %llu bytes is not read into memory; at most %d",
                       (unsigned long long)size, NB_BLOB_SMALL_MAX);
    }
    NB_SCOPED(nb_hasher_destroy) nb_hasher *hasher = nb_hasher_new();
    uint8_t *bytes = malloc((size_t)size + 1);
    if (!bytes) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a blob of %llu bytes",
                       (unsigned long long)size);
    }
    const sink into = {"memory", -1, bytes};
    download one = {.transfer = {self, scope, *digest, size, NULL, NULL, 0, 0, 0, 0},
                    .into = &into,
                    .hasher = hasher};
    const nb_status status = run(&one, err);
    if (status != NB_OK) {
        free(bytes);
        return status;
    }
    bytes[size] = '\0';
    *out_bytes = bytes;
    *out_size = (size_t)size;
    return NB_OK;
}
