// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/stat_cache.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CACHE_BYTES_MAX = 64 << 20,
    HASH_CHUNK = 1 << 20,
    SETTLE_MS = 2000, ///< The coarsest file times that are met: FAT's two seconds
};

struct nb_stat_cache {
    char *cache_path;
    char *root;
    json_t *entries; ///< path -> [size, mtime_ns, ctime_ns, inode, digest]
    bool changed;
};

void nb_stat_cache_destroy(nb_stat_cache **self_p)
{
    if (*self_p) {
        free((*self_p)->cache_path);
        free((*self_p)->root);
        json_decref((*self_p)->entries);
        free(*self_p);
        *self_p = NULL;
    }
}

nb_status nb_stat_cache_open(const char *cache_path, const char *root, nb_stat_cache **out_cache,
                             nb_error *err)
{
    *out_cache = NULL;
    NB_SCOPED(nb_stat_cache_destroy) nb_stat_cache *self = calloc(1, sizeof *self);
    if (self) {
        self->root = strdup(root);
        self->cache_path = cache_path ? strdup(cache_path) : NULL;
        if (!cache_path ||
            nb_json_read(cache_path, CACHE_BYTES_MAX, &self->entries, NULL) != NB_OK ||
            !json_is_object(self->entries)) {
            json_decref(self->entries);
            self->entries = json_object();
        }
    }
    if (!self || !self->root || !self->entries || (cache_path && !self->cache_path)) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the list of known files");
    }
    *out_cache = self;
    self = NULL; // the caller's now
    return NB_OK;
}

static int64_t nanoseconds(const struct timespec *at)
{
    return (int64_t)at->tv_sec * 1000000000 + at->tv_nsec;
}

bool nb_stat_cache_knows(const nb_stat_cache *self, const char *path, const struct stat *info,
                         nb_digest *out)
{
    const json_t *entry = json_object_get(self->entries, path);
    if (json_array_size(entry) != 5) {
        return false;
    }
    const int64_t wanted[4] = {(int64_t)info->st_size, nanoseconds(&info->st_mtim),
                               nanoseconds(&info->st_ctim), (int64_t)info->st_ino};
    for (size_t i = 0; i < 4; i++) {
        const json_t *number = json_array_get(entry, i);
        if (!json_is_integer(number) || json_integer_value(number) != wanted[i]) {
            return false;
        }
    }
    const char *hex = json_string_value(json_array_get(entry, 4));
    return hex && nb_digest_from_hex(hex, out, NULL) == NB_OK;
}

/// Remember a digest, if the file was at rest when it was hashed.
static void remember(nb_stat_cache *self, const char *path, const struct stat *info,
                     const nb_digest *digest, int64_t hashed_wall_ms)
{
    self->changed = true;
    if (nanoseconds(&info->st_mtim) / 1000000 > hashed_wall_ms - SETTLE_MS) {
        json_object_del(self->entries, path);
        return;
    }
    char hex[NB_DIGEST_HEX_SIZE];
    nb_digest_to_hex(digest, hex);
    json_object_set_new(self->entries, path,
                        json_pack("[I, I, I, I, s]", (json_int_t)info->st_size,
                                  (json_int_t)nanoseconds(&info->st_mtim),
                                  (json_int_t)nanoseconds(&info->st_ctim), (json_int_t)info->st_ino,
                                  hex));
}

static nb_status hash(int fd, const char *path, nb_stat_cache_progress *progress, void *context,
                      const volatile bool *stop, nb_digest *out, uint64_t *out_size, nb_error *err)
{
    NB_SCOPED(nb_hasher_destroy) nb_hasher *hasher = nb_hasher_new();
    NB_SCOPED(nb_text_free) char *buffer = malloc(HASH_CHUNK);
    if (!buffer) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory to hash it", path);
    }
    *out_size = 0;
    for (;;) {
        if (stop && *stop) {
            return nb_fail(err, NB_E_INTERRUPTED, "interrupted");
        }
        const ssize_t got = read(fd, buffer, HASH_CHUNK);
        if (got < 0 && errno != EINTR) {
            return nb_fail_errno(err, errno, "%s", path);
        }
        if (got == 0) {
            *out = nb_hasher_finish(hasher);
            return NB_OK;
        }
        if (got > 0) {
            nb_hasher_add(hasher, buffer, (size_t)got);
            *out_size += (uint64_t)got;
            if (progress) {
                progress(context, (uint64_t)got);
            }
        }
    }
}

nb_status nb_stat_cache_digest(nb_stat_cache *self, const char *path,
                               nb_stat_cache_progress *progress, void *context,
                               const volatile bool *stop, nb_digest *out, uint64_t *out_size,
                               nb_error *err)
{
    NB_SCOPED(nb_text_free) char *full = nb_file_join(self->root, path);
    if (!full) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    // A FIFO must not hang us: opened without waiting, then refused.
    NB_SCOPED(nb_file_close_fd) int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    if (!S_ISREG(info.st_mode)) {
        return nb_fail(err, NB_E_INVALID, "%s: not a file", path);
    }
    if (nb_stat_cache_knows(self, path, &info, out)) {
        *out_size = (uint64_t)info.st_size;
        return NB_OK;
    }
    const int64_t now_ms = nb_clock_wall_ms();
    const nb_status status = hash(fd, path, progress, context, stop, out, out_size, err);
    if (status == NB_OK) {
        remember(self, path, &info, out, now_ms);
    }
    return status;
}

nb_status nb_stat_cache_save(nb_stat_cache *self, nb_error *err)
{
    if (!self->changed || !self->cache_path) {
        return NB_OK;
    }
    NB_SCOPED(nb_text_free) char *line = nb_json_line(self->entries);
    if (!line) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the list of known files");
    }
    self->changed = false;
    return nb_file_write(self->cache_path, line, strlen(line), 0666, err);
}
