// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "store/blob_files.h"
#include "store/blob_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/// A renderer that comes back at all does so within seconds.
enum { GROWING_AGE_S = 60 * 60 };

/// One run of nb_blob_store_collect.
typedef struct collection {
    const nb_blob_store *store;
    nb_blob_is_needed *is_needed;
    void *context;
    int64_t now_s;
    int64_t age_s;
    int64_t trash_s;
    nb_collect_result result;
} collection;

/// What to do with each entry of a folder.
typedef nb_status visit(collection *self, const char *path, const char *name, nb_error *err);

static void close_folder(DIR **folder_p)
{
    if (*folder_p) {
        closedir(*folder_p);
        *folder_p = NULL;
    }
}

static nb_status visit_folder(collection *self, const char *path, visit *each, nb_error *err)
{
    NB_SCOPED(close_folder) DIR *folder = opendir(path);
    if (!folder) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    nb_status status = NB_OK;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry) {
            return errno ? nb_fail_errno(err, errno, "%s", path) : NB_OK;
        }
        if (entry->d_name[0] == '.') {
            continue;
        }
        NB_SCOPED(nb_text_free) char *child = nb_file_join(path, entry->d_name);
        status = child ? each(self, child, entry->d_name, err)
                       : nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", path);
        if (status != NB_OK) {
            return status;
        }
    }
}

static bool is_older(const collection *self, const struct stat *info, int64_t age_s)
{
    return self->now_s - (int64_t)info->st_mtime >= age_s;
}

/// Move one blob that nobody needs. The lock keeps out whoever puts the same bytes just now.
static nb_status trash_blob(collection *self, const char *path, const char *name,
                            const nb_digest *id, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *target = nb_file_join(self->store->trash, name);
    NB_SCOPED(nb_file_close_fd) int lock = -1;
    nb_status status = target ? nb_blob_files_lock(self->store, NB_STORE_EXCLUSIVE, &lock, err)
                              : nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", path);
    if (status != NB_OK) {
        return status;
    }
    struct stat info;
    if (stat(path, &info) != 0 || !is_older(self, &info, self->age_s) ||
        self->is_needed(self->context, id)) {
        self->result.kept_count++; // it was put again since we looked
        return NB_OK;
    }
    // Its time in the trash counts from now. The date first: a crash in between makes it young.
    if (utimensat(AT_FDCWD, path, NULL, 0) != 0 || rename(path, target) != 0) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    self->result.trashed_count++;
    self->result.trashed_bytes += (uint64_t)info.st_size;
    return NB_OK;
}

static nb_status judge_blob(collection *self, const char *path, const char *name, nb_error *err)
{
    nb_digest id;
    struct stat info;
    if (nb_digest_from_hex(name, &id, NULL) != NB_OK || lstat(path, &info) != 0 ||
        !S_ISREG(info.st_mode)) {
        return NB_OK; // nothing of ours
    }
    if (!is_older(self, &info, self->age_s) || self->is_needed(self->context, &id)) {
        self->result.kept_count++;
        return NB_OK;
    }
    return trash_blob(self, path, name, &id, err);
}

static nb_status visit_second(collection *self, const char *path, const char *name, nb_error *err)
{
    (void)name;
    return nb_file_is_folder(path) ? visit_folder(self, path, judge_blob, err) : NB_OK;
}

static nb_status visit_first(collection *self, const char *path, const char *name, nb_error *err)
{
    (void)name;
    return nb_file_is_folder(path) ? visit_folder(self, path, visit_second, err) : NB_OK;
}

static nb_status purge(collection *self, const char *path, const struct stat *info, nb_error *err)
{
    if (unlink(path) != 0 && errno != ENOENT) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    self->result.removed_count++;
    self->result.removed_bytes += (uint64_t)info->st_size;
    return NB_OK;
}

static nb_status judge_trash(collection *self, const char *path, const char *name, nb_error *err)
{
    (void)name;
    struct stat info;
    if (lstat(path, &info) != 0 || !S_ISREG(info.st_mode) ||
        !is_older(self, &info, self->trash_s)) {
        return NB_OK;
    }
    return purge(self, path, &info, err);
}

// What the check set aside, if it ever did.
static nb_status empty_damaged(collection *self, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *damaged = nb_file_join(self->store->root, "damaged");
    if (!damaged) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", self->store->root);
    }
    return nb_file_is_folder(damaged) ? visit_folder(self, damaged, judge_trash, err) : NB_OK;
}

static nb_status judge_draft(collection *self, const char *path, const char *name, nb_error *err)
{
    const bool grows = strncmp(name, NB_BLOB_GROWING, strlen(NB_BLOB_GROWING)) == 0;
    const int64_t age_s = (grows && self->trash_s > GROWING_AGE_S) ? GROWING_AGE_S : self->trash_s;
    NB_SCOPED(nb_file_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) ||
        !is_older(self, &info, age_s) || flock(fd, LOCK_EX | LOCK_NB) != 0) {
        return NB_OK; // gone, young, or being written
    }
    return purge(self, path, &info, err);
}

nb_status nb_blob_store_collect(nb_blob_store *self, nb_blob_is_needed *is_needed, void *context,
                                int64_t age_s, int64_t trash_s, nb_collect_result *out,
                                nb_error *err)
{
    collection run = {self, is_needed, context, nb_clock_wall_ms() / 1000, age_s, trash_s, {0}};
    // The trash first, so that nothing is trashed and removed in one run, whatever `trash_s` is.
    nb_status status = visit_folder(&run, self->trash, judge_trash, err);
    if (status == NB_OK) {
        status = empty_damaged(&run, err);
    }
    if (status == NB_OK) {
        status = visit_folder(&run, self->incoming, judge_draft, err);
    }
    if (status == NB_OK) {
        status = visit_folder(&run, self->objects, visit_first, err);
    }
    *out = run.result;
    return status;
}
