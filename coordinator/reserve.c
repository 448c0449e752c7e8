// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/reserve.h"

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    FULL_BYTES = NB_RESERVE_BYTES / 4, // less than a start needs in the worst case
    PLENTY = 4,                        // times the reserve must be free to make it
};

// False where nobody knows.
static bool read_free(const char *data, uint64_t *out_bytes)
{
    struct statvfs info;
    if (statvfs(data, &info) != 0) {
        return false;
    }
    *out_bytes = (uint64_t)info.f_bavail * info.f_frsize;
    return true;
}

void nb_reserve_take(const char *data)
{
    uint64_t bytes = 0;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(data, "reserve");
    if (path && read_free(data, &bytes) && bytes < FULL_BYTES && unlink(path) == 0) {
        nb_log_warn("the disk of %s is full: gave up the %d MiB kept for that, to start. Make room",
                    data, NB_RESERVE_BYTES >> 20);
    }
}

void nb_reserve_keep(const char *data)
{
    struct stat info;
    uint64_t bytes = 0;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(data, "reserve");
    if (!path || (stat(path, &info) == 0 && info.st_size == NB_RESERVE_BYTES) ||
        !read_free(data, &bytes) || bytes < (uint64_t)PLENTY * NB_RESERVE_BYTES) {
        return;
    }
    NB_SCOPED(nb_file_close_fd)
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const int failed = fd >= 0 ? posix_fallocate(fd, 0, NB_RESERVE_BYTES) : errno;
    if (failed != 0) {
        nb_log_warn("no room is kept for a start on a full disk: %s: %s", path, strerror(failed));
        unlink(path);
    }
}

nb_status nb_reserve_explain(const char *data, nb_status status, nb_error *err)
{
    if (status != NB_E_NO_SPACE || !err) {
        return status;
    }
    NB_SCOPED(nb_text_free) char *said = strdup(err->text);
    return nb_fail(err, status,
                   "%s: the disk of %s has not even the room to read: make some MB free there, "
                   "then start again",
                   said ? said : "no space", data);
}
