// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/blob_store.h"

#include "base/file.h"
#include "base/text.h"
#include "store/blob_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void nb_blob_store_destroy(nb_blob_store **self_p)
{
    nb_blob_store *self = *self_p;
    if (self) {
        free(self->root);
        free(self->objects);
        free(self->incoming);
        free(self->trash);
        free(self->lock);
        free(self);
        *self_p = NULL;
    }
}

static nb_status make_folders(nb_blob_store *store, nb_error *err)
{
    const char *const folders[] = {store->objects, store->incoming, store->trash};
    for (size_t i = 0; i < NB_COUNT(folders); i++) {
        const nb_status status = nb_file_make_folders(folders[i], NB_BLOB_FOLDER_MODE, err);
        if (status != NB_OK) {
            return status;
        }
    }
    return nb_file_sync_folder_of(store->objects, err);
}

nb_status nb_blob_store_open(const char *path, nb_blob_store **out_store, nb_error *err)
{
    *out_store = NULL;
    nb_status status = nb_file_make_folders(path, NB_BLOB_FOLDER_MODE, err);
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_blob_store_destroy) nb_blob_store *store = calloc(1, sizeof *store);
    if (!store) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", path);
    }
    // Absolute, so that a later chdir changes nothing.
    store->root = realpath(path, NULL);
    if (!store->root) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    store->objects = nb_file_join(store->root, "objects");
    store->incoming = nb_file_join(store->root, "incoming");
    store->trash = nb_file_join(store->root, "trash");
    store->lock = nb_file_join(store->root, "lock");
    if (!store->objects || !store->incoming || !store->trash || !store->lock) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", path);
    }
    status = make_folders(store, err);
    if (status == NB_OK) {
        *out_store = store;
        store = NULL; // the caller's now
    }
    return status;
}

const char *nb_blob_store_objects(const nb_blob_store *self) { return self->objects; }

nb_status nb_blob_files_lock(const nb_blob_store *store, nb_store_lock kind, int *out_fd,
                             nb_error *err)
{
    *out_fd = -1;
    // Opened anew each time: flock belongs to the open file, so threads too exclude each other.
    const int fd = open(store->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        return nb_fail_errno(err, errno, "%s", store->lock);
    }
    while (flock(fd, kind == NB_STORE_SHARED ? LOCK_SH : LOCK_EX) != 0) {
        if (errno != EINTR) {
            const int errnum = errno;
            close(fd);
            return nb_fail_errno(err, errnum, "%s", store->lock);
        }
    }
    *out_fd = fd;
    return NB_OK;
}

nb_status nb_blob_store_hold(const nb_blob_store *self, int *out_fd, nb_error *err)
{
    return nb_blob_files_lock(self, NB_STORE_SHARED, out_fd, err);
}

char *nb_blob_files_object(const nb_blob_store *store, const nb_digest *id)
{
    char hex[NB_DIGEST_HEX_SIZE];
    nb_digest_to_hex(id, hex);
    return nb_text_format("%s/%.2s/%.2s/%s", store->objects, hex, hex + 2, hex);
}

static nb_status sync_folder(const char *path, nb_error *err)
{
    NB_SCOPED(nb_file_close_fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    return NB_OK;
}

/// fsync objects/ab/cd, objects/ab and objects. All three each time: another process may have made
/// a folder a moment ago and not have come to its fsync; one that has nothing to write costs
/// little.
static nb_status sync_folders_above(const nb_blob_store *store, const char *object, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *folder = strdup(object);
    if (!folder) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", object);
    }
    const size_t top = strlen(store->objects);
    nb_status status = NB_OK;
    while (status == NB_OK && strlen(folder) > top) {
        *strrchr(folder, '/') = '\0';
        status = sync_folder(folder, err);
    }
    return status;
}

nb_status nb_blob_files_publish(const nb_blob_store *store, int fd, const char *from,
                                const nb_digest *id, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *object = nb_blob_files_object(store, id);
    if (!object) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", from);
    }
    nb_status status = nb_file_make_parents(object, NB_BLOB_FOLDER_MODE, err);
    if (status != NB_OK) {
        return status;
    }
    // Young again, also where the bytes were taken from an old file: collection looks at the age.
    if (fchmod(fd, NB_BLOB_FILE_MODE) != 0 || futimens(fd, NULL) != 0 || fsync(fd) != 0) {
        return nb_fail_errno(err, errno, "%s", from);
    }
    NB_SCOPED(nb_file_close_fd) int lock = -1;
    status = nb_blob_files_lock(store, NB_STORE_SHARED, &lock, err);
    if (status != NB_OK) {
        return status;
    }
    if (rename(from, object) != 0) {
        return nb_fail_errno(err, errno, "%s", object);
    }
    return sync_folders_above(store, object, err);
}

nb_status nb_blob_files_write(int fd, const char *path, const void *bytes, size_t size,
                              uint64_t offset, nb_error *err)
{
    const char *at = bytes;
    while (size > 0) {
        const ssize_t wrote = pwrite(fd, at, size, (off_t)offset);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote < 0 && (errno == ENOSPC || errno == EDQUOT)) {
            return nb_fail(err, NB_E_NO_SPACE, "%s: the disk is full: %s", path, strerror(errno));
        }
        if (wrote < 0) {
            return nb_fail_errno(err, errno, "%s", path);
        }
        at += wrote;
        offset += (uint64_t)wrote;
        size -= (size_t)wrote;
    }
    return NB_OK;
}

nb_status nb_blob_files_check_space(const nb_blob_store *store, uint64_t size, nb_error *err)
{
    uint64_t available = 0;
    uint64_t total = 0;
    const nb_status status = nb_file_space(store->root, &available, &total, err);
    if (status != NB_OK || size <= available) {
        return status;
    }
    char wanted[NB_TEXT_SIZE_SIZE];
    char there[NB_TEXT_SIZE_SIZE];
    nb_text_format_size(size, wanted);
    nb_text_format_size(available, there);
    return nb_fail(err, NB_E_NO_SPACE, "%s: the disk is full: %s more are needed, %s are free",
                   store->root, wanted, there);
}

bool nb_blob_store_has(const nb_blob_store *self, const nb_digest *id, uint64_t *out_size)
{
    NB_SCOPED(nb_text_free) char *object = nb_blob_files_object(self, id);
    struct stat info;
    if (!object || stat(object, &info) != 0 || !S_ISREG(info.st_mode)) {
        return false;
    }
    if (out_size) {
        *out_size = (uint64_t)info.st_size;
    }
    return true;
}

static nb_status fail_absent(const nb_digest *id, nb_error *err)
{
    char hex[NB_DIGEST_HEX_SIZE];
    nb_digest_to_hex(id, hex);
    return nb_fail(err, NB_E_NOT_FOUND, "blob %s is not in the store", hex);
}

nb_status nb_blob_store_path(const nb_blob_store *self, const nb_digest *id, char **out_path,
                             nb_error *err)
{
    *out_path = NULL;
    NB_SCOPED(nb_text_free) char *object = nb_blob_files_object(self, id);
    if (!object) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", self->root);
    }
    if (!nb_blob_store_has(self, id, NULL)) {
        return fail_absent(id, err);
    }
    *out_path = object;
    object = NULL; // the caller's now
    return NB_OK;
}

/// A file in incoming/ that goes away again unless it becomes a blob. It is locked as drafts are,
/// so that collection sees it is alive.
typedef struct temporary {
    char *path;
    int fd;
} temporary;

static void temporary_fini(temporary *self)
{
    if (self->path) {
        unlink(self->path); // what became a blob has another name by now
        free(self->path);
    }
    nb_file_close_fd(&self->fd);
}

static nb_status temporary_open(const nb_blob_store *store, temporary *out, nb_error *err)
{
    *out = (temporary){nb_file_join(store->incoming, "put-XXXXXX"), -1};
    if (!out->path) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", store->incoming);
    }
    out->fd = mkostemp(out->path, O_CLOEXEC);
    if (out->fd < 0) {
        const int errnum = errno;
        free(out->path); // no file of this name is ours
        out->path = NULL;
        return nb_fail_errno(err, errnum, "%s", store->incoming);
    }
    flock(out->fd, LOCK_EX | LOCK_NB); // nobody else knows the name: it is ours
    return NB_OK;
}

/// Make a blob that is there young again, so that collection leaves it to whoever put it just now.
/// False if it is not there (any more).
static bool refresh(const nb_blob_store *store, const nb_digest *id, uint64_t size)
{
    NB_SCOPED(nb_file_close_fd) int lock = -1;
    NB_SCOPED(nb_text_free) char *object = nb_blob_files_object(store, id);
    struct stat info;
    return object && nb_blob_files_lock(store, NB_STORE_SHARED, &lock, NULL) == NB_OK &&
           stat(object, &info) == 0 && (uint64_t)info.st_size == size &&
           utimensat(AT_FDCWD, object, NULL, 0) == 0 &&
           sync_folders_above(store, object, NULL) == NB_OK;
}

nb_status nb_blob_store_put(nb_blob_store *self, const void *bytes, size_t size, nb_digest *out_id,
                            nb_error *err)
{
    const nb_digest id = nb_digest_of(bytes, size);
    if (refresh(self, &id, size)) {
        *out_id = id;
        return NB_OK;
    }
    NB_SCOPED(temporary_fini) temporary file = {NULL, -1};
    nb_status status = temporary_open(self, &file, err);
    if (status == NB_OK) {
        status = nb_blob_files_write(file.fd, file.path, bytes, size, 0, err);
    }
    if (status == NB_OK) {
        status = nb_blob_files_publish(self, file.fd, file.path, &id, err);
    }
    if (status == NB_OK) {
        *out_id = id;
    }
    return status;
}

/// Read `from` to its end, hash it, and, if `to` is not null, copy it there.
static nb_status digest_stream(int from, const char *path, const temporary *to, nb_digest *out_id,
                               uint64_t *out_size, nb_error *err)
{
    NB_SCOPED(nb_hasher_destroy) nb_hasher *hasher = nb_hasher_new();
    NB_SCOPED(nb_text_free) char *block = malloc(NB_BLOB_BLOCK);
    if (!block) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", path);
    }
    uint64_t size = 0;
    for (;;) {
        const ssize_t got = read(from, block, NB_BLOB_BLOCK);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return nb_fail_errno(err, errno, "%s", path);
        }
        if (got == 0) {
            break;
        }
        nb_hasher_add(hasher, block, (size_t)got);
        const nb_status status =
            to ? nb_blob_files_write(to->fd, to->path, block, (size_t)got, size, err) : NB_OK;
        if (status != NB_OK) {
            return status;
        }
        size += (uint64_t)got;
    }
    *out_id = nb_hasher_finish(hasher);
    *out_size = size;
    return NB_OK;
}

/// Copy the file's bytes into a blob.
static nb_status copy_in(nb_blob_store *self, int from, const char *path, nb_digest *out_id,
                         uint64_t *out_size, nb_error *err)
{
    NB_SCOPED(temporary_fini) temporary file = {NULL, -1};
    nb_status status = temporary_open(self, &file, err);
    if (status == NB_OK) {
        status = digest_stream(from, path, &file, out_id, out_size, err);
    }
    if (status != NB_OK || refresh(self, out_id, *out_size)) {
        return status;
    }
    return nb_blob_files_publish(self, file.fd, file.path, out_id, err);
}

/// A file that is handed over.
typedef struct handed {
    const char *path;
    int fd;
    uint64_t size;
    bool can_move; ///< It lies on our file system, and under one name: through another one it would
                   ///< change under the blob
} handed;

static void handed_fini(handed *self) { nb_file_close_fd(&self->fd); }

static nb_status handed_open(const nb_blob_store *self, const char *path, handed *out,
                             nb_error *err)
{
    *out = (handed){.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC)};
    struct stat file;
    struct stat folder;
    if (out->fd < 0 || fstat(out->fd, &file) != 0) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    if (!S_ISREG(file.st_mode)) {
        return nb_fail(err, NB_E_INVALID, "%s: is not a file", path);
    }
    if (stat(self->incoming, &folder) != 0) {
        return nb_fail_errno(err, errno, "%s", self->incoming);
    }
    out->size = (uint64_t)file.st_size;
    out->can_move = file.st_dev == folder.st_dev && file.st_nlink == 1;
    return NB_OK;
}

/// Rename the file, which hashes to `id`, into the store.
static nb_status move_in(nb_blob_store *self, const handed *file, const nb_digest *id,
                         nb_error *err)
{
    if (refresh(self, id, file->size)) {
        unlink(file->path);
        return NB_OK;
    }
    return nb_blob_files_publish(self, file->fd, file->path, id, err);
}

nb_status nb_blob_store_put_file(nb_blob_store *self, const char *path, nb_put_mode mode,
                                 nb_digest *out_id, uint64_t *out_size, nb_error *err)
{
    NB_SCOPED(handed_fini) handed file = {.fd = -1};
    nb_status status = handed_open(self, path, &file, err);
    if (status != NB_OK) {
        return status;
    }
    nb_digest id;
    uint64_t size = 0;
    if (mode == NB_PUT_TAKE && file.can_move) {
        status = digest_stream(file.fd, path, NULL, &id, &size, err);
        file.size = size;
        if (status == NB_OK) {
            status = move_in(self, &file, &id, err);
        }
    } else {
        status = nb_blob_files_check_space(self, file.size, err);
        if (status == NB_OK) {
            status = copy_in(self, file.fd, path, &id, &size, err);
        }
        if (status == NB_OK && mode == NB_PUT_TAKE) {
            unlink(path);
        }
    }
    if (status == NB_OK) {
        *out_id = id;
        if (out_size) {
            *out_size = size;
        }
    }
    return status;
}

nb_status nb_blob_store_take_hashed(nb_blob_store *self, const char *path, const nb_digest *id,
                                    uint64_t size, nb_error *err)
{
    NB_SCOPED(handed_fini) handed file = {.fd = -1};
    const nb_status status = handed_open(self, path, &file, err);
    if (status != NB_OK) {
        return status;
    }
    if (file.size != size) {
        return nb_fail(err, NB_E_CORRUPT, "%s: has %llu bytes, not the %llu that were written",
                       path, (unsigned long long)file.size, (unsigned long long)size);
    }
    if (file.can_move) {
        return move_in(self, &file, id, err);
    }
    nb_digest found;
    const nb_status put = nb_blob_store_put_file(self, path, NB_PUT_TAKE, &found, NULL, err);
    return (put != NB_OK || nb_digest_equal(&found, id))
               ? put
               : nb_fail(err, NB_E_CORRUPT, "%s: does not hash to what was written", path);
}

nb_status nb_blob_store_get(const nb_blob_store *self, const nb_digest *id, void **out_bytes,
                            size_t *out_size, nb_error *err)
{
    *out_bytes = NULL;
    *out_size = 0;
    NB_SCOPED(nb_text_free) char *path = NULL;
    nb_status status = nb_blob_store_path(self, id, &path, err);
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    size_t size = 0;
    status = nb_file_read(path, NB_BLOB_SMALL_MAX, &bytes, &size, err);
    if (status != NB_OK) {
        return status;
    }
    const nb_digest found = nb_digest_of(bytes, size);
    if (!nb_digest_equal(&found, id)) {
        return nb_fail(err, NB_E_CORRUPT, "%s: its bytes do not hash to its name", path);
    }
    *out_bytes = bytes;
    bytes = NULL; // the caller's now
    *out_size = size;
    return NB_OK;
}
