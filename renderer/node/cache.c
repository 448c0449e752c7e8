// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/node/cache.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CHECKED_COUNT =
        16384, // files whose check is remembered; two that share a place forget the other
    CHECKED_MS = 24 * 60 * 60 * 1000,
};

/// A file that hashed to its name, and what its inode said then.
typedef struct checked {
    nb_digest id;
    int64_t until_ms;
    ino_t inode;
    off_t size;
    struct timespec changed;
} checked;

struct nb_cache {
    char *folder;
    uint64_t limit_bytes;
    checked *checks; ///< By the digest's first bytes
};

/// A file of the cache, for the choice of what goes.
typedef struct entry {
    char *path;
    uint64_t size;
    int64_t used_ms;
} entry;

typedef struct entries {
    entry *list;
    size_t count;
    size_t capacity;
    uint64_t bytes;
} entries;

static void entries_fini(entries *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(self->list[i].path);
    }
    free(self->list);
}

static void close_folder(DIR **folder_p)
{
    if (*folder_p) {
        closedir(*folder_p);
    }
}

nb_status nb_cache_open(const char *folder, uint64_t limit_bytes, nb_cache **out_cache,
                        nb_error *err)
{
    *out_cache = NULL;
    const nb_status status = nb_file_make_folders(folder, 0700, err);
    if (status != NB_OK) {
        return status;
    }
    nb_cache *self = calloc(1, sizeof *self);
    if (self) {
        self->folder = strdup(folder);
        self->limit_bytes = limit_bytes;
        self->checks = calloc(CHECKED_COUNT, sizeof *self->checks);
    }
    if (!self || !self->folder || !self->checks) {
        nb_cache_destroy(&self);
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the cache");
    }
    *out_cache = self;
    return NB_OK;
}

void nb_cache_destroy(nb_cache **self_p)
{
    if (*self_p) {
        free((*self_p)->folder);
        free((*self_p)->checks);
        free(*self_p);
        *self_p = NULL;
    }
}

nb_status nb_cache_path(const nb_cache *self, const nb_digest *id, char **out_path, nb_error *err)
{
    char hex[NB_DIGEST_HEX_SIZE];
    nb_digest_to_hex(id, hex);
    *out_path = NULL;
    NB_SCOPED(nb_text_free) char *path = nb_text_format("%s/%.2s/%s", self->folder, hex, hex);
    if (!path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path in the cache");
    }
    const nb_status status = nb_file_make_parents(path, 0700, err);
    if (status == NB_OK) {
        *out_path = path;
        path = NULL; // the caller's now
    }
    return status;
}

static checked *check_of(const nb_cache *self, const nb_digest *id)
{
    return &self->checks[(id->bytes[0] << 8 | id->bytes[1]) % CHECKED_COUNT];
}

// Whoever writes to a file, or puts another in its place, changes its inode or the time of its
// change. Only a disk that forgets does neither: so it is read again once a day.
static bool is_checked(const nb_cache *self, const nb_digest *id, const struct stat *now)
{
    const checked *check = check_of(self, id);
    return check->until_ms > nb_clock_ms() && nb_digest_equal(&check->id, id) &&
           check->inode == now->st_ino && check->size == now->st_size &&
           check->changed.tv_sec == now->st_ctim.tv_sec &&
           check->changed.tv_nsec == now->st_ctim.tv_nsec;
}

static void remember(const nb_cache *self, const nb_digest *id, const char *path, int64_t until_ms)
{
    struct stat now;
    *check_of(self, id) = (stat(path, &now) == 0)
                              ? (checked){*id, until_ms, now.st_ino, now.st_size, now.st_ctim}
                              : (checked){.until_ms = 0};
}

// Mark as used, which changes the time of its change, and remember it as it is now.
static void use(const nb_cache *self, const nb_digest *id, const char *path, int64_t until_ms)
{
    utimensat(AT_FDCWD, path, NULL, 0);
    remember(self, id, path, until_ms);
}

bool nb_cache_has(const nb_cache *self, const nb_digest *id, uint64_t size)
{
    NB_SCOPED(nb_text_free) char *path = NULL;
    nb_error err = {0};
    struct stat now;
    if (nb_cache_path(self, id, &path, &err) != NB_OK || !path || stat(path, &now) != 0) {
        return false;
    }
    if (is_checked(self, id, &now) && (uint64_t)now.st_size == size) {
        use(self, id, path, check_of(self, id)->until_ms);
        return true;
    }
    nb_digest found;
    uint64_t found_size = 0;
    if (nb_digest_of_file(path, &found, &found_size, &err) != NB_OK || found_size != size ||
        !nb_digest_equal(&found, id)) {
        nb_log_warn("%s is damaged and is fetched again", path);
        unlink(path);
        return false;
    }
    use(self, id, path, nb_clock_ms() + CHECKED_MS);
    return true;
}

void nb_cache_put(const nb_cache *self, const nb_digest *id)
{
    NB_SCOPED(nb_text_free) char *path = NULL;
    if (nb_cache_path(self, id, &path, NULL) == NB_OK && path) {
        use(self, id, path, nb_clock_ms() + CHECKED_MS);
    }
}

bool nb_cache_is_sound(nb_cache *self, const nb_digest *id, const char *path)
{
    struct stat now;
    nb_digest found;
    if (stat(path, &now) != 0) {
        return false;
    }
    if (is_checked(self, id, &now)) {
        return true;
    }
    if (nb_digest_of_file(path, &found, NULL, NULL) != NB_OK || !nb_digest_equal(&found, id)) {
        return false;
    }
    remember(self, id, path, nb_clock_ms() + CHECKED_MS);
    return true;
}

static nb_status entries_add(entries *self, const char *path, const struct stat *info,
                             nb_error *err)
{
    if (self->count == self->capacity) {
        const size_t capacity = self->capacity ? self->capacity * 2 : 256;
        entry *list = reallocarray(self->list, capacity, sizeof *list);
        if (!list) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory to list the cache");
        }
        self->list = list;
        self->capacity = capacity;
    }
    entry *added = &self->list[self->count];
    added->path = strdup(path);
    if (!added->path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to list the cache");
    }
    added->size = (uint64_t)info->st_size;
    added->used_ms = (int64_t)info->st_mtim.tv_sec * 1000 + info->st_mtim.tv_nsec / 1000000;
    self->count++;
    self->bytes += added->size;
    return NB_OK;
}

/// List a folder and those in it; the cache is two levels deep.
static nb_status list_folder(const char *path, entries *out, nb_error *err)
{
    NB_SCOPED(close_folder) DIR *folder = opendir(path);
    if (!folder) {
        return NB_OK; // gone since it was listed
    }
    nb_status status = NB_OK;
    for (const struct dirent *found = readdir(folder); found && status == NB_OK;
         found = readdir(folder)) {
        if (found->d_name[0] == '.') {
            continue;
        }
        NB_SCOPED(nb_text_free) char *child = nb_file_join(path, found->d_name);
        struct stat info;
        if (!child || lstat(child, &info) != 0) {
            continue;
        }
        if (S_ISDIR(info.st_mode)) {
            status = list_folder(child, out, err);
        } else if (S_ISREG(info.st_mode)) {
            status = entries_add(out, child, &info, err);
        }
    }
    return status;
}

static int by_age(const void *a, const void *b)
{
    const int64_t x = ((const entry *)a)->used_ms;
    const int64_t y = ((const entry *)b)->used_ms;
    return (x > y) - (x < y);
}

nb_status nb_cache_make_room(nb_cache *self, uint64_t bytes, int64_t keep_since_ms, nb_error *err)
{
    NB_SCOPED(entries_fini) entries all = {0};
    const nb_status status = list_folder(self->folder, &all, err);
    if (status != NB_OK) {
        return status;
    }
    if (all.count > 0) {
        qsort(all.list, all.count, sizeof *all.list, by_age);
    }
    for (size_t i = 0; i < all.count && all.bytes + bytes > self->limit_bytes; i++) {
        if (all.list[i].used_ms >= keep_since_ms) {
            break;
        }
        if (unlink(all.list[i].path) == 0) {
            all.bytes -= all.list[i].size;
        }
    }
    if (all.bytes + bytes > self->limit_bytes) {
        char needed[NB_TEXT_SIZE_SIZE];
        char limit[NB_TEXT_SIZE_SIZE];
        nb_text_format_size(all.bytes + bytes, needed);
        nb_text_format_size(self->limit_bytes, limit);
        return nb_fail(err, NB_E_LIMIT,
                       "the song's files take %s, more than this renderer's cache may hold (%s): "
                       "start it with a larger --cache-gb",
                       needed, limit);
    }
    return NB_OK;
}
