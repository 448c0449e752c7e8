// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/backup.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "coordinator/sql.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DEPTH_MAX = 32, ///< Folders in folders: refs of songs, objects
    COPY_SIZE = 1 << 20,
};

// ---- Holding collection ----

static nb_status open_lock(const char *data, int *out_fd, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *path = nb_file_join(data, "backup.lock");
    if (!path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    *out_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return (*out_fd >= 0) ? NB_OK : nb_fail_errno(err, errno, "%s", path);
}

nb_status nb_backup_hold_collection(const char *data, int *out_fd, nb_error *err)
{
    nb_status status = open_lock(data, out_fd, err);
    if (status == NB_OK && flock(*out_fd, LOCK_SH) != 0) {
        status = nb_fail_errno(err, errno, "%s/backup.lock", data);
    }
    return status;
}

bool nb_backup_may_collect(const char *data, int *out_fd)
{
    return open_lock(data, out_fd, NULL) == NB_OK && flock(*out_fd, LOCK_EX | LOCK_NB) == 0;
}

// ---- Copying ----

/// A copy under way: two folders that are alike.
typedef struct copier {
    nb_backup_result *out;
    bool is_store; ///< Its files are counted as blobs
} copier;

static nb_status copy_bytes(int from, int to, const char *name, nb_error *err)
{
    static char buffer[COPY_SIZE]; // one backup to a process
    for (;;) {
        const ssize_t got = read(from, buffer, sizeof buffer);
        if (got <= 0) {
            return (got == 0) ? NB_OK : nb_fail_errno(err, errno, "%s", name);
        }
        for (ssize_t at = 0; at < got;) {
            const ssize_t put = write(to, buffer + at, (size_t)(got - at));
            if (put < 0) {
                return nb_fail_errno(err, errno, "the copy of %s", name);
            }
            at += put;
        }
    }
}

// Under a temporary name first: a name in the backup is a whole file.
static nb_status copy_file(const char *from, const char *to, mode_t mode, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *draft = nb_text_format("%s.part", to);
    NB_SCOPED(nb_file_close_fd) int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0 && errno == ENOENT) {
        return NB_OK; // a reference that was replaced, a pack that was put together meanwhile
    }
    if (in < 0 || !draft) {
        return nb_fail_errno(err, draft ? errno : ENOMEM, "%s", from);
    }
    unlink(draft);
    NB_SCOPED(nb_file_close_fd)
    int out = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);
    if (out < 0) {
        return nb_fail_errno(err, errno, "%s", draft);
    }
    const nb_status status = copy_bytes(in, out, from, err);
    if (status != NB_OK) {
        unlink(draft);
        return status;
    }
    return rename(draft, to) == 0 ? NB_OK : nb_fail_errno(err, errno, "%s", to);
}

static nb_status copy_link(const char *from, const char *to, nb_error *err)
{
    char target[4096];
    const ssize_t length = readlink(from, target, sizeof target - 1);
    if (length < 0) {
        return nb_fail_errno(err, errno, "%s", from);
    }
    target[length] = '\0';
    unlink(to);
    return symlink(target, to) == 0 ? NB_OK : nb_fail_errno(err, errno, "%s", to);
}

// What is named by its content and has the same size is there already.
static bool is_known(const char *to, const struct stat *from)
{
    struct stat there;
    return (from->st_mode & 0222) == 0 && stat(to, &there) == 0 && there.st_size == from->st_size;
}

static nb_status copy_entry(copier *self, const char *from, const char *to, unsigned depth,
                            nb_error *err);

static nb_status copy_folder(copier *self, const char *from, const char *to, unsigned depth,
                             nb_error *err)
{
    nb_status status =
        (depth < DEPTH_MAX)
            ? nb_file_make_folders(to, 0700, err)
            : nb_fail(err, NB_E_LIMIT, "%s: more than %d folders deep", from, DEPTH_MAX);
    DIR *folder = (status == NB_OK) ? opendir(from) : NULL;
    if (status == NB_OK && !folder) {
        return nb_fail_errno(err, errno, "%s", from);
    }
    for (struct dirent *entry = NULL; status == NB_OK && (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        NB_SCOPED(nb_text_free) char *source = nb_file_join(from, entry->d_name);
        NB_SCOPED(nb_text_free) char *target = nb_file_join(to, entry->d_name);
        status = (source && target) ? copy_entry(self, source, target, depth + 1, err)
                                    : nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    if (folder) {
        closedir(folder);
    }
    return status;
}

static nb_status copy_entry(copier *self, const char *from, const char *to, unsigned depth,
                            nb_error *err)
{
    struct stat info;
    if (lstat(from, &info) != 0) {
        return (errno == ENOENT) ? NB_OK : nb_fail_errno(err, errno, "%s", from);
    }
    if (S_ISDIR(info.st_mode)) {
        return copy_folder(self, from, to, depth, err);
    }
    if (S_ISLNK(info.st_mode)) {
        return copy_link(from, to, err);
    }
    if (!S_ISREG(info.st_mode)) {
        return NB_OK;
    }
    const bool known = is_known(to, &info);
    self->out->blobs += self->is_store ? 1 : 0;
    if (known) {
        return NB_OK;
    }
    self->out->new_blobs += self->is_store ? 1 : 0;
    self->out->new_bytes += self->is_store ? (uint64_t)info.st_size : 0;
    return copy_file(from, to, info.st_mode, err);
}

/// Copy `name` of one folder into another, if it is there.
static nb_status copy_named(copier *self, const char *from, const char *to, const char *name,
                            nb_error *err)
{
    NB_SCOPED(nb_text_free) char *source = nb_file_join(from, name);
    NB_SCOPED(nb_text_free) char *target = nb_file_join(to, name);
    if (!source || !target) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    return copy_entry(self, source, target, 0, err);
}

// ---- The three stores ----

static nb_status copy_ledger(const char *data, const char *to, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *from = nb_file_join(data, "ledger.sqlite");
    NB_SCOPED(nb_text_free) char *target = nb_file_join(to, "ledger.sqlite");
    NB_SCOPED(nb_text_free) char *draft = nb_file_join(to, "ledger.sqlite.part");
    NB_SCOPED(nb_sql_close) nb_sql *sql = NULL;
    if (!from || !target || !draft) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    if (!nb_file_exists(from)) {
        return nb_fail(err, NB_E_NOT_FOUND, "%s: no farm keeps its state here", data);
    }
    NB_SCOPED(nb_text_fini) nb_text script = {0};
    nb_text_add(&script, "VACUUM INTO '");
    for (const char *c = draft; *c; c++) {
        nb_text_add(&script, *c == '\'' ? "'" : "");
        nb_text_add_bytes(&script, c, 1);
    }
    nb_text_add(&script, "'");
    if (script.failed) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    unlink(draft);
    nb_status status = nb_sql_open(from, &sql, err);
    if (status == NB_OK) {
        status = nb_sql_script(sql, script.chars, err);
    }
    if (status == NB_OK && rename(draft, target) != 0) {
        status = nb_fail_errno(err, errno, "%s", target);
    }
    return status;
}

// References first: what they lead to is there already. Loose ones before packed ones, and loose
// objects before packs, since that is the way things move.
static nb_status copy_album(copier *self, const char *from, const char *to, nb_error *err)
{
    static const char *const parts[] = {"HEAD",        "config", "description", "refs",
                                        "packed-refs", "info",   "objects",     "lfs"};
    nb_status status = nb_file_make_folders(to, 0700, err);
    for (size_t i = 0; status == NB_OK && i < NB_COUNT(parts); i++) {
        if (strcmp(parts[i], "objects") == 0) {
            // The packs come again last, should loose objects have gone into one meanwhile.
            status = copy_named(self, from, to, "objects", err);
            if (status == NB_OK) {
                status = copy_named(self, from, to, "objects/pack", err);
            }
        } else {
            status = copy_named(self, from, to, parts[i], err);
        }
    }
    return status;
}

static nb_status copy_albums(copier *self, const char *data, const char *to, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *from = nb_file_join(data, "albums");
    NB_SCOPED(nb_text_free) char *target = nb_file_join(to, "albums");
    DIR *folder = from ? opendir(from) : NULL;
    if (!folder || !target) {
        if (folder) {
            closedir(folder);
        }
        return nb_fail_errno(err, errno, "%s/albums", data);
    }
    nb_status status = NB_OK;
    for (struct dirent *entry = NULL; status == NB_OK && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        NB_SCOPED(nb_text_free) char *source = nb_file_join(from, entry->d_name);
        NB_SCOPED(nb_text_free) char *copy = nb_file_join(target, entry->d_name);
        status = (source && copy) ? copy_album(self, source, copy, err)
                                  : nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
        self->out->albums++;
    }
    closedir(folder);
    return status;
}

static nb_status sync_all(const char *to, nb_error *err)
{
    NB_SCOPED(nb_file_close_fd) int fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return (fd >= 0 && syncfs(fd) == 0) ? NB_OK : nb_fail_errno(err, errno, "%s", to);
}

static nb_status write_done(const char *to, const nb_backup_result *out, nb_error *err)
{
    char when[NB_CLOCK_ISO_SIZE];
    nb_clock_iso(nb_clock_wall_ms(), when);
    NB_SCOPED(nb_text_free) char *path = nb_file_join(to, "backup.json");
    NB_SCOPED(nb_json_free)
    json_t *json =
        json_pack("{ss ss ss sI sI}", "format", "nightbus-backup/1", "version", NB_VERSION, "time",
                  when, "albums", (json_int_t)out->albums, "blobs", (json_int_t)out->blobs);
    return (path && json) ? nb_json_write(path, json, err)
                          : nb_fail(err, NB_E_NO_MEMORY, "no memory for a backup");
}

static nb_status copy_all(const char *data, const char *to, nb_backup_result *out, nb_error *err)
{
    static const char *const rest[] = {"keys", "coordinator.json"};
    copier plain = {.out = out};
    copier store = {.out = out, .is_store = true};
    nb_status status = copy_ledger(data, to, err);
    if (status == NB_OK) {
        status = copy_albums(&plain, data, to, err);
    }
    if (status == NB_OK) {
        status = copy_named(&store, data, to, "store/objects", err);
    }
    for (size_t i = 0; status == NB_OK && i < NB_COUNT(rest); i++) {
        status = copy_named(&plain, data, to, rest[i], err);
    }
    return status;
}

nb_status nb_backup(const char *data, const char *to, nb_backup_result *out, nb_error *err)
{
    *out = (nb_backup_result){0};
    NB_SCOPED(nb_file_close_fd) int lock = -1;
    NB_SCOPED(nb_text_free) char *done = nb_file_join(to, "backup.json");
    NB_SCOPED(nb_text_free) char *store = nb_file_join(to, "store");
    if (!done || !store) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    nb_status status = nb_file_make_folders(to, 0700, err);
    if (status == NB_OK) {
        status = nb_file_make_folders(store, 0700, err);
    }
    if (status == NB_OK) {
        unlink(done); // from now on it is not whole
        status = nb_backup_hold_collection(data, &lock, err);
    }
    if (status == NB_OK) {
        status = copy_all(data, to, out, err);
    }
    if (status == NB_OK) {
        status = sync_all(to, err);
    }
    return (status == NB_OK) ? write_done(to, out, err) : status;
}
