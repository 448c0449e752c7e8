// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/repacker.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "coordinator/backup.h"

#include <dirent.h>
#include <errno.h>
#include <git2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    FOLDERS = 256,                 ///< Of loose objects, by the first byte of their names
    NICE = 10,                     ///< Anything else goes before it
    AFTER_FAILURE_MS = 60 * 60000, ///< What fails once will do so again
};

static void free_repo(git_repository **repo_p) { git_repository_free(*repo_p); }
static void free_builder(git_packbuilder **builder_p) { git_packbuilder_free(*builder_p); }

static void close_folder(DIR **folder_p)
{
    if (*folder_p) {
        closedir(*folder_p);
    }
}

static nb_status fail(const char *path, const char *what, nb_error *err)
{
    const git_error *error = git_error_last();
    return nb_fail(err, NB_E_IO, "%s: %s: %s", path, what,
                   (error && error->message) ? error->message : "no more is known");
}

// ---- Loose objects ----

typedef struct loose_list {
    size_t count;
    git_oid ids[NB_REPACK_MOST];
} loose_list;

static void free_list(loose_list **list_p) { free(*list_p); }

static void list_folder(const char *path, unsigned first, loose_list *out)
{
    NB_SCOPED(nb_text_free) char *name = nb_text_format("%s/objects/%02x", path, first);
    NB_SCOPED(close_folder) DIR *folder = name ? opendir(name) : NULL;
    for (const struct dirent *entry = NULL; folder && (entry = readdir(folder));) {
        char hex[GIT_OID_HEXSZ + 1];
        snprintf(hex, sizeof hex, "%02x%.38s", first, entry->d_name);
        if (out->count < NB_REPACK_MOST && strlen(entry->d_name) == GIT_OID_HEXSZ - 2 &&
            git_oid_fromstr(&out->ids[out->count], hex) == 0) {
            out->count++;
        }
    }
}

static void remove_loose(const char *path, const loose_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        char hex[GIT_OID_HEXSZ + 1];
        git_oid_tostr(hex, sizeof hex, &list->ids[i]);
        NB_SCOPED(nb_text_free)
        char *name = nb_text_format("%s/objects/%.2s/%s", path, hex, hex + 2);
        if (name && unlink(name) != 0 && errno != ENOENT) {
            nb_log_warn("%s: %s", name, strerror(errno)); // it is in the pack, too
        }
    }
}

// ---- A pack ----

static bool is_stopped(atomic_bool *stop) { return stop && atomic_load(stop); }

// git_packbuilder_progress
static int go_on(int stage, uint32_t current, uint32_t total, void *payload)
{
    (void)stage;
    (void)current;
    (void)total;
    return is_stopped(payload) ? GIT_EUSER : 0;
}

// git_indexer_progress_cb
static int go_on_writing(const git_indexer_progress *progress, void *payload)
{
    (void)progress;
    return is_stopped(payload) ? GIT_EUSER : 0;
}

// What can't be read stays where it is, and out of the list.
static int insert_all(git_packbuilder *builder, loose_list *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        const int code = git_packbuilder_insert(builder, &list->ids[i], NULL);
        if (code == GIT_EUSER) {
            return code;
        }
        if (code == 0) {
            list->ids[kept++] = list->ids[i];
        }
    }
    list->count = kept;
    return 0;
}

// Flushed and named: GIT_OPT_ENABLE_FSYNC_GITDIR is on (nb_revisions_start).
static nb_status write_pack(const char *path, loose_list *list, atomic_bool *stop, nb_error *err)
{
    NB_SCOPED(free_repo) git_repository *repo = NULL;
    NB_SCOPED(free_builder) git_packbuilder *builder = NULL;
    int code = git_repository_open_bare(&repo, path);
    if (code == 0) {
        code = git_packbuilder_new(&builder, repo);
    }
    if (code == 0) {
        git_packbuilder_set_threads(builder, 1);
        code = git_packbuilder_set_callbacks(builder, go_on, stop);
    }
    if (code == 0) {
        code = insert_all(builder, list);
    }
    if (code == 0 && list->count > 0 && !is_stopped(stop)) {
        code = git_packbuilder_write(builder, NULL, 0, go_on_writing, stop);
    }
    if (is_stopped(stop)) {
        return nb_fail(err, NB_E_INTERRUPTED, "%s: its packing was stopped", path);
    }
    return (code == 0) ? NB_OK : fail(path, "packing its loose objects", err);
}

nb_status nb_repack(const char *path, size_t least, atomic_bool *stop, size_t *out_count,
                    nb_error *err)
{
    *out_count = 0;
    NB_SCOPED(free_list) loose_list *list = calloc(1, sizeof *list);
    if (!list) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to pack an album");
    }
    for (unsigned i = 0; i < FOLDERS && !is_stopped(stop); i++) {
        list_folder(path, i, list);
    }
    if (list->count < least || list->count == 0) {
        return NB_OK;
    }
    const nb_status status = write_pack(path, list, stop, err);
    if (status == NB_OK) {
        remove_loose(path, list);
        *out_count = list->count;
    }
    return status;
}

// ---- The thread ----

struct nb_repacker {
    char *data;
    int64_t every_ms;
    pthread_t thread;
    atomic_bool stop;     ///< The pack that is being made
    pthread_mutex_t work; ///< Held while one is, or while none may be
    pthread_mutex_t lock; ///< Guards all below
    pthread_cond_t changed;
    bool ending;
};

static nb_status repack_album(nb_repacker *self, const char *path, nb_error *err)
{
    size_t count = 0;
    const int64_t start_ms = nb_clock_ms();
    const nb_status status = nb_repack(path, NB_REPACK_LEAST, &self->stop, &count, err);
    if (count > 0) {
        nb_log_info("%s: %zu loose objects packed in %.1f s", path, count,
                    (double)(nb_clock_ms() - start_ms) / 1000.0);
    }
    return status;
}

// True where all went well.
static bool repack_all(nb_repacker *self)
{
    NB_SCOPED(nb_file_close_fd) int lock = -1;
    NB_SCOPED(nb_text_free) char *albums = nb_file_join(self->data, "albums");
    NB_SCOPED(close_folder) DIR *folder = albums ? opendir(albums) : NULL;
    bool good = true;
    if (!folder || !nb_backup_may_collect(self->data, &lock)) {
        return true; // a backup runs: next time
    }
    for (const struct dirent *entry = NULL;
         (entry = readdir(folder)) && !atomic_load(&self->stop);) {
        NB_SCOPED(nb_text_free) char *path = nb_file_join(albums, entry->d_name);
        nb_error err = {0};
        if (!path || entry->d_name[0] == '.') {
            continue;
        }
        const nb_status status = repack_album(self, path, &err);
        if (status != NB_OK && status != NB_E_INTERRUPTED) {
            nb_log_warn("%s", err.text);
            good = false;
        }
    }
    return good;
}

static void *run(void *arg)
{
    nb_repacker *self = arg;
    setpriority(PRIO_PROCESS, 0, NICE); // of this thread alone, on Linux
    int64_t wait_ms = self->every_ms;
    pthread_mutex_lock(&self->lock);
    while (!self->ending) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += (time_t)(wait_ms / 1000);
        until.tv_nsec += (long)(wait_ms % 1000 * 1000000);
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (pthread_cond_timedwait(&self->changed, &self->lock, &until) != ETIMEDOUT) {
            continue;
        }
        pthread_mutex_unlock(&self->lock);
        pthread_mutex_lock(&self->work);
        wait_ms = repack_all(self) ? self->every_ms : AFTER_FAILURE_MS;
        pthread_mutex_unlock(&self->work);
        pthread_mutex_lock(&self->lock);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

nb_status nb_repacker_new(const char *data, int64_t every_ms, nb_repacker **out_repacker,
                          nb_error *err)
{
    *out_repacker = NULL;
    nb_repacker *self = calloc(1, sizeof *self);
    if (!self || !(self->data = strdup(data))) {
        free(self);
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for packing");
    }
    self->every_ms = every_ms;
    pthread_mutex_init(&self->work, NULL);
    pthread_mutex_init(&self->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&self->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    const int failed = nb_thread_start(&self->thread, run, self);
    if (failed != 0) {
        free(self->data);
        free(self);
        return nb_fail_errno(err, failed, "the packing's thread");
    }
    *out_repacker = self;
    return NB_OK;
}

void nb_repacker_destroy(nb_repacker **self_p)
{
    nb_repacker *self = *self_p;
    if (!self) {
        return;
    }
    atomic_store(&self->stop, true);
    pthread_mutex_lock(&self->lock);
    self->ending = true;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    pthread_mutex_destroy(&self->work);
    free(self->data);
    free(self);
    *self_p = NULL;
}

void nb_repacker_hold(nb_repacker *self)
{
    atomic_store(&self->stop, true);
    pthread_mutex_lock(&self->work);
}

void nb_repacker_resume(nb_repacker *self)
{
    atomic_store(&self->stop, false);
    pthread_mutex_unlock(&self->work);
}
