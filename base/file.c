// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.h"

#include "base/text.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

void nb_file_close(FILE **stream_p)
{
    if (*stream_p) {
        fclose(*stream_p);
        *stream_p = NULL;
    }
}

void nb_file_close_fd(int *fd_p)
{
    if (*fd_p >= 0) {
        close(*fd_p);
        *fd_p = -1;
    }
}

nb_status nb_file_read(const char *path, size_t most, char **out_bytes, size_t *out_size,
                       nb_error *err)
{
    *out_bytes = NULL;
    *out_size = 0;
    NB_SCOPED(nb_file_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    if (!S_ISREG(info.st_mode)) {
        return nb_fail(err, NB_E_INVALID, "%s: is not a file", path);
    }
    if ((uint64_t)info.st_size > most) {
        return nb_fail(err, NB_E_LIMIT, "%s: %lld bytes; at most %zu are read", path,
                       (long long)info.st_size, most);
    }
    const size_t wanted = (size_t)info.st_size;
    char *bytes = malloc(wanted + 1);
    if (!bytes) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory for %zu bytes", path, wanted);
    }
    size_t size = 0;
    while (size < wanted) {
        const ssize_t got = read(fd, bytes + size, wanted - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            const int errnum = errno;
            free(bytes);
            return nb_fail_errno(err, errnum, "%s", path);
        }
        if (got == 0) {
            break; // it became shorter meanwhile
        }
        size += (size_t)got;
    }
    bytes[size] = '\0';
    *out_bytes = bytes;
    *out_size = size;
    return NB_OK;
}

nb_status nb_file_sync_folder_of(const char *path, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *folder = strdup(path);
    if (!folder) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", path);
    }
    char *slash = strrchr(folder, '/');
    if (slash) {
        slash[slash == folder] = '\0';
    }
    NB_SCOPED(nb_file_close_fd)
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        return nb_fail_errno(err, errno, "folder of %s", path);
    }
    return NB_OK;
}

/// A name beside `path` that no other writer takes: 64 random bits.
static char *draft_name(const char *path)
{
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random) {
        return NULL;
    }
    return nb_text_format("%s.%016llx", path, (unsigned long long)random);
}

/// The mode is given to open(2), which takes the umask off: reading the umask means setting it,
/// which other threads would see.
static nb_status open_draft(const char *path, mode_t mode, nb_file_draft *out, nb_error *err)
{
    *out = (nb_file_draft){0};
    nb_file_draft draft = {NULL, draft_name(path), strdup(path)};
    int fd = -1;
    if (draft.draft_path && draft.path) {
        fd = open(draft.draft_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    }
    if (fd >= 0) {
        draft.stream = fdopen(fd, "w+b");
    }
    if (!draft.stream) {
        const int errnum = errno;
        if (fd >= 0) {
            close(fd);
            unlink(draft.draft_path);
        }
        free(draft.draft_path);
        free(draft.path);
        return nb_fail_errno(err, errnum, "%s", path);
    }
    *out = draft;
    return NB_OK;
}

nb_status nb_file_draft_open(const char *path, nb_file_draft *out, nb_error *err)
{
    return open_draft(path, 0666, out, err);
}

nb_status nb_file_draft_commit(nb_file_draft *self, nb_error *err)
{
    assert(self->stream && self->path);
    // ferror first: a write that failed minutes ago must not be forgotten by a good fflush.
    const bool written = !ferror(self->stream) && fflush(self->stream) == 0;
    if (!written || fsync(fileno(self->stream)) != 0) {
        const int errnum = errno ? errno : EIO;
        return nb_fail_errno(err, errnum, "%s", self->path);
    }
    const int closed = fclose(self->stream);
    self->stream = NULL;
    if (closed != 0 || rename(self->draft_path, self->path) != 0) {
        return nb_fail_errno(err, errno, "%s", self->path);
    }
    free(self->draft_path); // it has its name now: nothing to take away
    self->draft_path = NULL;
    NB_SCOPED(nb_text_free) char *path = self->path;
    self->path = NULL;
    return nb_file_sync_folder_of(path, err);
}

void nb_file_draft_fini(nb_file_draft *self)
{
    nb_file_close(&self->stream);
    if (self->draft_path) {
        unlink(self->draft_path);
    }
    free(self->draft_path);
    free(self->path);
    *self = (nb_file_draft){0};
}

nb_status nb_file_write(const char *path, const void *bytes, size_t size, mode_t mode,
                        nb_error *err)
{
    NB_SCOPED(nb_file_draft_fini) nb_file_draft draft = {0};
    const nb_status status = open_draft(path, mode, &draft, err);
    if (status != NB_OK) {
        return status;
    }
    if (size > 0 && fwrite(bytes, 1, size, draft.stream) != size) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    return nb_file_draft_commit(&draft, err);
}

nb_status nb_file_publish(const char *from, const char *to, nb_error *err)
{
    NB_SCOPED(nb_file_close_fd) int fd = open(from, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        return nb_fail_errno(err, errno, "%s", from);
    }
    if (rename(from, to) != 0) {
        return nb_fail_errno(err, errno, "%s", to);
    }
    return nb_file_sync_folder_of(to, err);
}

nb_status nb_file_make_folders(const char *path, mode_t mode, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *prefix = strdup(path);
    if (!prefix) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", path);
    }
    for (char *at = prefix + 1;; at++) {
        if (*at != '/' && *at != '\0') {
            continue;
        }
        const char end = *at;
        *at = '\0';
        if (mkdir(prefix, mode) != 0 && errno != EEXIST) {
            return nb_fail_errno(err, errno, "%s", prefix);
        }
        if (end == '\0') {
            break;
        }
        *at = end;
    }
    if (!nb_file_is_folder(path)) {
        return nb_fail(err, NB_E_EXISTS, "%s: is in the way, and not a folder", path);
    }
    return NB_OK;
}

nb_status nb_file_make_parents(const char *path, mode_t mode, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *folder = strdup(path);
    if (!folder) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", path);
    }
    char *slash = strrchr(folder, '/');
    if (!slash || slash == folder) {
        return NB_OK;
    }
    *slash = '\0';
    return nb_file_make_folders(folder, mode, err);
}

bool nb_file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

bool nb_file_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool nb_file_is_same(const char *a, const char *b)
{
    struct stat x;
    struct stat y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

nb_status nb_file_size(const char *path, uint64_t *out_size, nb_error *err)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    *out_size = (uint64_t)info.st_size;
    return NB_OK;
}

char *nb_file_join(const char *folder, const char *name)
{
    const size_t length = strlen(folder);
    const char *between = length > 0 && folder[length - 1] == '/' ? "" : "/";
    return nb_text_format("%s%s%s", folder, between, name);
}

char *nb_file_absolute(const char *path)
{
    if (path[0] == '/') {
        return strdup(path);
    }
    NB_SCOPED(nb_text_free) char *here = getcwd(NULL, 0);
    return here ? nb_file_join(here, path) : NULL;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

nb_status nb_file_remove_all(const char *path, nb_error *err)
{
    enum { OPEN_FOLDERS_MAX = 32 };
    if (nftw(path, remove_one, OPEN_FOLDERS_MAX, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    return NB_OK;
}

nb_status nb_file_space(const char *path, uint64_t *out_free, uint64_t *out_total, nb_error *err)
{
    struct statvfs info;
    if (statvfs(path, &info) != 0) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    *out_free = (uint64_t)info.f_bavail * info.f_frsize;
    *out_total = (uint64_t)info.f_blocks * info.f_frsize;
    return NB_OK;
}
