// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/heard.h"

#include "base/digest.h"
#include "base/file.h"
#include "review-cli/batch.h"
#include "review-cli/farm.h"
#include "review-cli/version_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CACHED_MAX = 1000 };

void nb_heard_fini(nb_heard *self)
{
    nb_text_free(&self->path);
    nb_text_free(&self->title);
}

static nb_status make_cache(char **out_folder, nb_error *err)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    const bool has_cache = cache && cache[0] == '/';
    if (!has_cache && (!home || !home[0])) {
        return nb_fail(err, NB_E_NOT_FOUND,
                       "there is no home to keep fetched mixes in: set XDG_CACHE_HOME");
    }
    *out_folder = has_cache ? nb_text_format("%s/nightbus/mixes", cache)
                            : nb_text_format("%s/.cache/nightbus/mixes", home);
    return *out_folder ? nb_file_make_folders(*out_folder, 0777, err)
                       : nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
}

typedef struct cached {
    char name[80];
    struct timespec used;
} cached;

static int by_last_use(const void *left, const void *right)
{
    const cached *a = left;
    const cached *b = right;
    if (a->used.tv_sec != b->used.tv_sec) {
        return a->used.tv_sec < b->used.tv_sec ? 1 : -1;
    }
    return (a->used.tv_nsec < b->used.tv_nsec) - (a->used.tv_nsec > b->used.tv_nsec);
}

/// The files of the folder; how many.
static size_t list_files(DIR *listing, cached *list)
{
    size_t count = 0;
    for (const struct dirent *entry = readdir(listing); entry && count < CACHED_MAX;
         entry = readdir(listing)) {
        struct stat facts;
        const size_t length = strlen(entry->d_name);
        if (length < sizeof list->name && entry->d_name[0] != '.' &&
            fstatat(dirfd(listing), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(facts.st_mode)) {
            memcpy(list[count].name, entry->d_name, length + 1);
            list[count++].used = facts.st_mtim;
        }
    }
    return count;
}

/// Remove all but the newest. What can't be removed stays: it costs room and nothing else.
static void tidy(const char *folder)
{
    DIR *listing = opendir(folder);
    cached *list = calloc(CACHED_MAX, sizeof *list);
    if (listing && list) {
        const size_t count = list_files(listing, list);
        if (count > NB_HEARD_KEPT) {
            qsort(list, count, sizeof *list, by_last_use);
        }
        for (size_t i = NB_HEARD_KEPT; i < count; i++) {
            (void)unlinkat(dirfd(listing), list[i].name, 0);
        }
    }
    free(list);
    if (listing) {
        closedir(listing);
    }
}

static nb_status fetch_mix(nb_farm *farm, const nb_version_name *name,
                           const Nightbus__VersionInfo *info, const char *folder, nb_heard *out,
                           nb_error *err)
{
    const Nightbus__OutputRow *row = nb_version_audio(info);
    if (!row) {
        return nb_fail(err, NB_E_INVALID, "%s@%s has no audio", name->song, name->version);
    }
    char hex[NB_DIGEST_HEX_SIZE];
    const nb_digest digest = nb_wire_to_digest(row->digest);
    nb_digest_to_hex(&digest, hex);
    nb_text_free(&out->path);
    out->path = nb_text_format("%s/%s%s", folder, hex, nb_version_ending(row->name));
    if (!out->path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    if (nb_digest_is_of_file(&digest, row->size, out->path)) {
        (void)utimensat(AT_FDCWD, out->path, NULL, 0); // used just now
        return NB_OK;
    }
    nb_batch batch;
    nb_batch_start(&batch, farm, "fetching", row->size);
    const nb_status status = nb_batch_download(&batch, &digest, row->size, out->path, err);
    nb_batch_finish(&batch);
    return status;
}

/// Once more where its files had been collected meanwhile.
static nb_status find_mix(nb_farm *farm, nb_version_name *name, const char *folder, nb_heard *out,
                          nb_error *err)
{
    for (unsigned round = 0;; round++) {
        NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
        nb_status status = nb_version_wait(farm, name, &reply, err);
        if (status != NB_OK) {
            return status;
        }
        status = fetch_mix(farm, name, reply->version_info, folder, out, err);
        if (status != NB_E_NOT_FOUND || round > 0) {
            return status;
        }
        status = nb_version_render_again(farm, name, NB_RENDER_MIXES, err);
        if (status != NB_OK) {
            return status;
        }
    }
}

static nb_status find_version(const nb_cli *cli, const char *word, nb_heard *out, nb_error *err)
{
    nb_version_name name;
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_text_free) char *folder = NULL;
    nb_status status = nb_version_name_parse(word, &name, err);
    if (status == NB_OK) {
        status = nb_farm_open_album(cli, &farm, err);
    }
    if (status == NB_OK) {
        status = make_cache(&folder, err);
    }
    if (status == NB_OK) {
        status = find_mix(&farm, &name, folder, out, err);
    }
    if (status == NB_OK && folder) {
        tidy(folder);
        out->title = nb_text_format("%s@%s", name.song, name.version);
    }
    return status;
}

nb_status nb_heard_find(const nb_cli *cli, const char *word, nb_heard *out, nb_error *err)
{
    *out = (nb_heard){0};
    nb_status status = NB_OK;
    if (nb_file_exists(word)) {
        out->path = nb_text_format("%s", word);
        out->title = nb_text_format("%s", word);
    } else if (strchr(word, '@') || nb_text_is_id(word)) {
        status = find_version(cli, word, out, err);
    } else {
        status = nb_fail(err, NB_E_NOT_FOUND,
                         "%s: there is no such file (and a version is written as night@v3)", word);
        if (err) {
            nb_text_make_printable(err->text);
        }
    }
    if (status == NB_OK && (!out->path || !out->title)) {
        status = nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    if (out->title) {
        nb_text_make_printable(out->title);
    }
    if (status != NB_OK) {
        nb_heard_fini(out);
    }
    return status;
}
