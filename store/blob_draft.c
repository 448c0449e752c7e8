// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.h"
#include "base/text.h"
#include "store/blob_files.h"
#include "store/blob_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FLUSH_STEP = 8 << 20 }; ///< The way to the disk begins after so many bytes

struct nb_blob_draft {
    const nb_blob_store *store;
    nb_digest id;
    uint64_t size;         ///< Promised
    uint64_t have;         ///< In the file and in the hasher
    uint64_t flushed;      ///< Of them on their way to the disk
    uint64_t last_flushed; ///< What `flushed` was one step before
    bool drops_behind;
    nb_hasher *hasher;
    char *path;
    int fd; ///< Locked while open: one writer a draft, over all processes
};

void nb_blob_draft_destroy(nb_blob_draft **self_p)
{
    nb_blob_draft *self = *self_p;
    if (self) {
        nb_file_close_fd(&self->fd);
        nb_hasher_destroy(&self->hasher);
        free(self->path);
        free(self);
        *self_p = NULL;
    }
}

void nb_blob_draft_discard(nb_blob_draft **self_p)
{
    if (*self_p) {
        unlink((*self_p)->path); // before it is unlocked: the name is still this file's
    }
    nb_blob_draft_destroy(self_p);
}

static bool has_its_name(const nb_blob_draft *self)
{
    struct stat opened;
    struct stat named;
    return fstat(self->fd, &opened) == 0 && stat(self->path, &named) == 0 &&
           opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

/// Open and lock the draft's file. Between open and flock another process may have committed it, so
/// that the name means another file or none: then once more.
static nb_status open_locked(nb_blob_draft *self, nb_error *err)
{
    enum { TRIES_MAX = 100, DRAFT_MODE = 0644 };
    for (int i = 0; i < TRIES_MAX; i++) {
        nb_file_close_fd(&self->fd);
        self->fd = open(self->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, DRAFT_MODE);
        if (self->fd < 0 && errno == EACCES && i == 0 && chmod(self->path, DRAFT_MODE) == 0) {
            continue; // a crash between the blob's mode and its name
        }
        if (self->fd < 0) {
            return nb_fail_errno(err, errno, "%s", self->path);
        }
        if (flock(self->fd, LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK) {
                return nb_fail(err, NB_E_CONFLICT, "%s: somebody else is sending this blob",
                               self->path);
            }
            return nb_fail_errno(err, errno, "%s", self->path);
        }
        if (has_its_name(self)) {
            return NB_OK;
        }
    }
    return nb_fail(err, NB_E_CONFLICT, "%s: others keep replacing this draft", self->path);
}

/// Hash what an earlier attempt left. More than was promised cannot be of this blob.
static nb_status read_again(nb_blob_draft *self, nb_error *err)
{
    struct stat info;
    if (fstat(self->fd, &info) != 0) {
        return nb_fail_errno(err, errno, "%s", self->path);
    }
    if ((uint64_t)info.st_size > self->size && ftruncate(self->fd, 0) != 0) {
        return nb_fail_errno(err, errno, "%s", self->path);
    }
    NB_SCOPED(nb_text_free) char *block = malloc(NB_BLOB_BLOCK);
    if (!block) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", self->path);
    }
    for (;;) {
        const ssize_t got = pread(self->fd, block, NB_BLOB_BLOCK, (off_t)self->have);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return nb_fail_errno(err, errno, "%s", self->path);
        }
        if (got == 0) {
            return NB_OK;
        }
        nb_hasher_add(self->hasher, block, (size_t)got);
        self->have += (uint64_t)got;
    }
}

nb_status nb_blob_draft_open(nb_blob_store *store, const nb_digest *id, uint64_t size,
                             nb_blob_draft **out_draft, nb_error *err)
{
    return nb_blob_draft_open_for(store, id, size, "", out_draft, err);
}

static nb_status open_draft(nb_blob_store *store, const nb_digest *id, uint64_t size,
                            const char *kind, const char *owner, nb_blob_draft **out_draft,
                            nb_error *err)
{
    *out_draft = NULL;
    char hex[NB_DIGEST_HEX_SIZE];
    nb_digest_to_hex(id, hex);
    NB_SCOPED(nb_blob_draft_destroy) nb_blob_draft *draft = calloc(1, sizeof *draft);
    if (!draft) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", store->incoming);
    }
    *draft = (nb_blob_draft){
        .store = store, .id = *id, .size = size, .hasher = nb_hasher_new(), .fd = -1};
    draft->path =
        nb_text_format("%s/%s%s%s%s", store->incoming, kind, hex, owner[0] ? "-" : "", owner);
    if (!draft->path) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", store->incoming);
    }
    nb_status status = open_locked(draft, err);
    if (status == NB_OK) {
        status = read_again(draft, err);
    }
    if (status == NB_OK) {
        status = nb_blob_files_check_space(store, size - draft->have, err);
    }
    if (status == NB_OK) {
        *out_draft = draft;
        draft = NULL; // the caller's now
    }
    return status;
}

nb_status nb_blob_draft_open_for(nb_blob_store *store, const nb_digest *id, uint64_t size,
                                 const char *owner, nb_blob_draft **out_draft, nb_error *err)
{
    return open_draft(store, id, size, "", owner, out_draft, err);
}

nb_status nb_blob_draft_open_growing(nb_blob_store *store, const nb_digest *id, uint64_t size,
                                     const char *owner, nb_blob_draft **out_draft, nb_error *err)
{
    return open_draft(store, id, size, NB_BLOB_GROWING, owner, out_draft, err);
}

uint64_t nb_blob_draft_have(const nb_blob_draft *self) { return self->have; }

void nb_blob_draft_drop_behind(nb_blob_draft *self) { self->drops_behind = true; }

/// Start writing what came since the last step, so that the fsync at the end has little left to do:
/// an error of the disk is told by that. What is dropped behind leaves memory one step later; who
/// waits for it is told of its errors here, and the fsync is not told of them again.
static nb_status flush_step(nb_blob_draft *self, nb_error *err)
{
    enum {
        WRITTEN = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER
    };
    const off_t last = (off_t)self->last_flushed;
    const off_t now = (off_t)self->flushed;
    (void)sync_file_range(self->fd, now, (off_t)self->have - now, SYNC_FILE_RANGE_WRITE);
    if (self->drops_behind && now > last) {
        if (sync_file_range(self->fd, last, now - last, WRITTEN) != 0) {
            return nb_fail_errno(err, errno, "%s", self->path);
        }
        (void)posix_fadvise(self->fd, last, now - last, POSIX_FADV_DONTNEED);
    }
    self->last_flushed = self->flushed;
    self->flushed = self->have;
    return NB_OK;
}

nb_status nb_blob_draft_write(nb_blob_draft *self, const void *bytes, size_t size, nb_error *err)
{
    if (size > self->size - self->have) {
        return nb_fail(err, NB_E_LIMIT, "%s: more bytes than the %llu promised", self->path,
                       (unsigned long long)self->size);
    }
    nb_status status = nb_blob_files_write(self->fd, self->path, bytes, size, self->have, err);
    if (status == NB_OK) {
        nb_hasher_add(self->hasher, bytes, size);
        self->have += size;
    }
    if (status == NB_OK && self->have - self->flushed >= FLUSH_STEP) {
        status = flush_step(self, err);
    }
    if (status != NB_OK) {
        // A full disk needs its room for notes and commits more than half a blob; and what a disk
        // refused once may be whole in memory, for who goes on with it, and nowhere else.
        unlink(self->path);
    }
    return status;
}

nb_status nb_blob_draft_commit(nb_blob_draft **self_p, nb_error *err)
{
    const nb_digest name = (*self_p)->id;
    return nb_blob_draft_commit_as(self_p, &name, err);
}

nb_status nb_blob_draft_commit_as(nb_blob_draft **self_p, const nb_digest *name, nb_error *err)
{
    NB_SCOPED(nb_blob_draft_destroy) nb_blob_draft *self = *self_p;
    *self_p = NULL;
    if (self->have != self->size) {
        return nb_fail(err, NB_E_INVALID, "%s: %llu of %llu bytes are there", self->path,
                       (unsigned long long)self->have, (unsigned long long)self->size);
    }
    const nb_digest found = nb_hasher_finish(self->hasher);
    if (!nb_digest_equal(&found, name)) {
        unlink(self->path);
        char hex[NB_DIGEST_HEX_SIZE];
        nb_digest_to_hex(name, hex);
        return nb_fail(err, NB_E_CORRUPT, "blob %s: the bytes sent hash to something else", hex);
    }
    const nb_status status = nb_blob_files_publish(self->store, self->fd, self->path, name, err);
    if (status != NB_OK && has_its_name(self)) { // else it is a blob's, and the name another's
        unlink(self->path); // memory may show whole what the disk refused: nobody goes on with it
    }
    return status;
}
