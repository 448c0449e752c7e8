// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/blob_sender.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_FILES = 32 };

/// A blob kept open between its ranges.
typedef struct open_blob {
    nb_digest digest;
    uint64_t size;
    uint64_t used; ///< Larger is later; 0 is a free row
    int fd;
} open_blob;

struct nb_blob_sender {
    const nb_blob_store *store;
    void *socket;
    nb_send_budget *budget;
    nb_sessions *sessions;
    open_blob blobs[OPEN_FILES];
    uint64_t uses;
    size_t first; ///< Of the ring
    size_t count;
    nb_range ranges[NB_WANTS_MAX];
};

nb_blob_sender *nb_blob_sender_new(const nb_blob_store *store, void *socket, nb_send_budget *budget,
                                   nb_sessions *sessions)
{
    nb_blob_sender *self = calloc(1, sizeof *self);
    if (self) {
        self->store = store;
        self->socket = socket;
        self->budget = budget;
        self->sessions = sessions;
        for (size_t i = 0; i < OPEN_FILES; i++) {
            self->blobs[i].fd = -1;
        }
    }
    return self;
}

void nb_blob_sender_destroy(nb_blob_sender **self_p)
{
    nb_blob_sender *self = *self_p;
    if (self) {
        for (size_t i = 0; i < OPEN_FILES; i++) {
            nb_file_close_fd(&self->blobs[i].fd);
        }
        free(self);
        *self_p = NULL;
    }
}

bool nb_blob_sender_add(nb_blob_sender *self, const nb_range *range)
{
    if (self->count == NB_WANTS_MAX) {
        return false;
    }
    self->ranges[(self->first + self->count) % NB_WANTS_MAX] = *range;
    self->count++;
    return true;
}

/// Is it the file that has the name now? A damaged one was taken away and made anew.
static bool is_same_file(int fd, const char *path)
{
    struct stat opened;
    struct stat named;
    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev;
}

/// The blob, opened now or before. A blob that collection takes meanwhile stays readable to whoever
/// is in the middle of it; who begins must find it in the store.
static nb_status find_open(nb_blob_sender *self, const nb_range *range, open_blob **out,
                           nb_error *err)
{
    const nb_digest *digest = &range->digest;
    NB_SCOPED(nb_text_free) char *path = NULL;
    nb_status status = NB_OK;
    if (range->offset == 0) {
        status = nb_blob_store_path(self->store, digest, &path, err);
    }
    if (status != NB_OK) {
        return status;
    }
    open_blob *oldest = &self->blobs[0];
    for (size_t i = 0; i < OPEN_FILES; i++) {
        open_blob *blob = &self->blobs[i];
        if (blob->used > 0 && nb_digest_equal(&blob->digest, digest)) {
            if (path && !is_same_file(blob->fd, path)) {
                oldest = blob;
                break;
            }
            blob->used = ++self->uses;
            *out = blob;
            return NB_OK;
        }
        oldest = blob->used < oldest->used ? blob : oldest;
    }
    if (!path) {
        status = nb_blob_store_path(self->store, digest, &path, err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_file_close_fd(&oldest->fd);
    *oldest = (open_blob){.fd = open(path, O_RDONLY | O_CLOEXEC)};
    struct stat info;
    if (oldest->fd < 0 || fstat(oldest->fd, &info) != 0) {
        const int errnum = errno;
        nb_file_close_fd(&oldest->fd);
        return nb_fail_errno(err, errnum, "%s", path);
    }
    oldest->digest = *digest;
    oldest->size = (uint64_t)info.st_size;
    oldest->used = ++self->uses;
    *out = oldest;
    return NB_OK;
}

/// Called by an I/O thread of ZeroMQ once a chunk is on its way, or dropped.
static void chunk_sent(void *bytes, void *budget_hint)
{
    nb_send_budget *budget = budget_hint;
    free(bytes);
    if (atomic_fetch_sub(&budget->chunks, 1) == NB_SEND_BUDGET) {
        eventfd_write(budget->event_fd, 1);
    }
}

static nb_status read_range(const open_blob *blob, uint64_t offset, uint8_t *bytes, size_t size,
                            nb_error *err)
{
    while (size > 0) {
        const ssize_t got = pread(blob->fd, bytes, size, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return nb_fail_errno(err, got < 0 ? errno : EIO, "reading the blob");
        }
        bytes += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return NB_OK;
}

/// Read a range into a message that ZeroMQ will send without a copy.
static nb_status read_chunk(nb_blob_sender *self, const nb_range *range, zmq_msg_t *out_chunk,
                            uint64_t *out_total, nb_error *err)
{
    open_blob *blob = &self->blobs[0]; // until it is found
    nb_status status = find_open(self, range, &blob, err);
    if (status != NB_OK) {
        return status;
    }
    if (range->size == 0 || range->offset >= blob->size) {
        return nb_fail(err, NB_E_INVALID, "bytes from %llu of a blob of %llu",
                       (unsigned long long)range->offset, (unsigned long long)blob->size);
    }
    const uint64_t rest = blob->size - range->offset;
    const size_t size = rest < range->size ? (size_t)rest : range->size;
    uint8_t *bytes = malloc(size);
    if (!bytes) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a chunk");
    }
    status = read_range(blob, range->offset, bytes, size, err);
    if (status != NB_OK) {
        free(bytes);
        return status;
    }
    atomic_fetch_add(&self->budget->chunks, 1);
    if (zmq_msg_init_data(out_chunk, bytes, size, chunk_sent, self->budget) != 0) {
        chunk_sent(bytes, self->budget);
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a chunk");
    }
    *out_total = blob->size;
    return NB_OK;
}

static void send_range(nb_blob_sender *self, const nb_range *range)
{
    nb_bulk_target target = {&range->peer, {0}};
    memcpy(target.session, range->session, sizeof target.session);
    zmq_msg_t chunk;
    uint64_t total = 0;
    nb_error err = {0};
    // A range may have waited while its key was revoked.
    const nb_status status =
        nb_sessions_has(self->sessions, &range->peer.key, range->session)
            ? read_chunk(self, range, &chunk, &total, &err)
            : nb_fail(&err, NB_E_STALE, "this session is not open any more: say Hello again");
    if (status != NB_OK) {
        nb_bulk_send_refused(self->socket, &target, &range->digest, status, err.text);
        return;
    }
    Nightbus__Chunk body = NIGHTBUS__CHUNK__INIT;
    body.digest = nb_wire_digest(&range->digest);
    body.offset = range->offset;
    body.total = total;
    Nightbus__Bulk message = NIGHTBUS__BULK__INIT;
    message.body_case = NIGHTBUS__BULK__BODY_CHUNK;
    message.chunk = &body;
    // A peer that left or does not read misses it, and asks again if it still wants it.
    nb_bulk_send(self->socket, &target, &message, &chunk);
}

void nb_blob_sender_pump(nb_blob_sender *self)
{
    while (self->count > 0 && atomic_load(&self->budget->chunks) < NB_SEND_BUDGET) {
        const nb_range range = self->ranges[self->first];
        self->first = (self->first + 1) % NB_WANTS_MAX;
        self->count--;
        send_range(self, &range);
    }
}
