// SPDX-License-Identifier: GPL-3.0-or-later
// Albums: finding one, its versions, and what follows from its commits.
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "coordinator/backup.h"
#include "coordinator/coordinator_private.h"
#include "coordinator/song.h"
#include "coordinator/song_notes.h"
#include "coordinator/standing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMITS_MAX = 100000 }; // of an album; a person pushes 20 a day for 13 years

nb_status nb_coordinator_album(nb_coordinator *self, const char *name, nb_album **out,
                               nb_error *err)
{
    *out = NULL;
    for (size_t i = 0; i < self->album_count; i++) {
        if (strcmp(self->albums[i].name, name) == 0) {
            *out = &self->albums[i];
            return NB_OK;
        }
    }
    return nb_fail(err, NB_E_NOT_FOUND,
                   "no album '%.64s' on this farm ('nightbus album list' shows them)", name);
}

// An erasing that was cut goes on before anybody asks. While a backup copies it is left to the next
// collection: the backup would list what goes.
static nb_status finish_erasing(nb_coordinator *self, nb_revisions *revisions, nb_error *err)
{
    NB_SCOPED(nb_file_close_fd) int lock = -1;
    bool erasing = false;
    const nb_status status = nb_revisions_is_erasing(revisions, &erasing, err);
    return (status == NB_OK && erasing && nb_backup_may_collect(self->data_path, &lock))
               ? nb_revisions_finish_erasing(revisions, err)
               : status;
}

nb_status nb_coordinator_add_album(nb_coordinator *self, const char *name, nb_album **out,
                                   nb_error *err)
{
    *out = NULL;
    NB_SCOPED(nb_text_free) char *path = nb_text_format("%s/albums/%s.git", self->data_path, name);
    nb_album *grown = reallocarray(self->albums, self->album_count + 1, sizeof *grown);
    if (!path || !grown) {
        self->albums = grown ? grown : self->albums;
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for album '%s'", name);
    }
    self->albums = grown;
    nb_album *album = &self->albums[self->album_count];
    *album = (nb_album){0};
    snprintf(album->name, sizeof album->name, "%s", name);
    nb_status status = nb_notes_cache_new(&album->notes, err);
    if (status == NB_OK) {
        status = nb_revisions_open(path, self->store, &album->revisions, err);
    }
    if (status == NB_OK) {
        status = finish_erasing(self, album->revisions, err);
    }
    if (status == NB_OK) {
        self->album_count++;
        *out = album;
    } else {
        nb_revisions_close(&album->revisions);
        nb_notes_cache_destroy(&album->notes);
    }
    return status;
}

nb_status nb_album_check_song(const nb_album *self, const char *song, nb_error *err)
{
    return nb_revisions_find_version(self->revisions, song, NULL)
               ? NB_OK
               : nb_fail(err, NB_E_NOT_FOUND, "album '%s' has no song '%.64s'", self->name, song);
}

static nb_status say_none(const nb_album *self, const char *song, const char *wanted, nb_error *err)
{
    const nb_version *newest = nb_revisions_find_version(self->revisions, song, NULL);
    const nb_version *master = nb_revisions_newest_master(self->revisions, song);
    if (!newest) {
        return nb_album_check_song(self, song, err);
    }
    if (wanted[0] != 'm') {
        return nb_fail(err, NB_E_NOT_FOUND, "no %s@%s; the newest is %s@%s", song, wanted, song,
                       newest->name);
    }
    return master ? nb_fail(err, NB_E_NOT_FOUND, "no %s@%s; the newest master is %s@%s", song,
                            wanted, song, master->name)
                  : nb_fail(err, NB_E_NOT_FOUND, "%s has no master yet", song);
}

// The newest mix that stands approved.
static nb_status find_approved(const nb_album *self, const char *song, const nb_version **out,
                               nb_error *err)
{
    size_t count = 0;
    const nb_version *versions = nb_revisions_versions(self->revisions, &count);
    nb_status status = NB_OK;
    for (size_t i = count; status == NB_OK && !*out && i-- > 0;) { // they ascend
        if (strcmp(versions[i].song, song) != 0 || versions[i].source == NB_SOURCE_MASTER) {
            continue;
        }
        NB_SCOPED(nb_version_review_fini) nb_version_review review = {0};
        status = nb_album_review(self, &versions[i], &review, err);
        if (status == NB_OK && review.decisions.standing == NB_STANDING_APPROVED) {
            *out = &versions[i];
        }
    }
    if (status != NB_OK || *out) {
        return status;
    }
    const nb_version *newest = nb_revisions_find_version(self->revisions, song, NULL);
    return newest ? nb_fail(err, NB_E_NOT_FOUND, "no mix of %s is approved; the newest is %s@%s",
                            song, song, newest->name)
                  : nb_album_check_song(self, song, err);
}

nb_status nb_album_version(const nb_album *self, const char *song, const char *version,
                           const nb_version **out, nb_error *err)
{
    const bool is_latest = strcmp(version, "latest") == 0;
    const bool is_master = strcmp(version, "master") == 0;
    *out = NULL;
    if (!is_latest && !is_master && strcmp(version, "approved") != 0 &&
        nb_version_number(version) == 0) {
        return nb_fail(err, NB_E_INVALID,
                       "'%.20s' is not a version: v1, v2, ..., latest, approved, or of masters m1, "
                       "m2, ..., master",
                       version);
    }
    if (strcmp(version, "approved") == 0) {
        return find_approved(self, song, out, err);
    }
    *out = is_master ? nb_revisions_newest_master(self->revisions, song)
                     : nb_revisions_find_version(self->revisions, song, is_latest ? NULL : version);
    return *out ? NB_OK : say_none(self, song, version, err);
}

nb_status nb_coordinator_check_space(const nb_coordinator *self, uint64_t size, nb_error *err)
{
    uint64_t free_bytes = 0;
    uint64_t total = 0;
    const nb_status status = nb_file_space(self->data_path, &free_bytes, &total, err);
    if (status != NB_OK) {
        return status;
    }
    if (free_bytes < size || (free_bytes - size) < total / 100 * NB_FREE_PERCENT_MIN) {
        char have[NB_TEXT_SIZE_SIZE];
        nb_text_format_size(free_bytes, have);
        return nb_fail(err, NB_E_NO_SPACE,
                       "the coordinator's disk is nearly full (%s free, and %d %% must stay free): "
                       "make room on it, then push again",
                       have, NB_FREE_PERCENT_MIN);
    }
    return NB_OK;
}

// ---- Settling ----

typedef struct commit_list {
    size_t count;
    char (*ids)[NB_COMMIT_SIZE]; // newest first
} commit_list;

static void free_commits(commit_list *list) { free(list->ids); }

static nb_status list_commits(const nb_album *self, const char *settled, commit_list *out,
                              nb_error *err)
{
    char at[NB_COMMIT_SIZE];
    snprintf(at, sizeof at, "%s", nb_revisions_head(self->revisions));
    while (at[0] && strcmp(at, settled) != 0) {
        if (out->count == COMMITS_MAX) {
            return nb_fail(err, NB_E_LIMIT, "album '%s' has more than %d revisions", self->name,
                           COMMITS_MAX);
        }
        void *grown = reallocarray(out->ids, out->count + 1, sizeof *out->ids);
        if (!grown) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for the revisions of '%s'", self->name);
        }
        out->ids = grown;
        memcpy(out->ids[out->count++], at, sizeof at);
        NB_SCOPED(nb_revision_fini) nb_revision revision = {0};
        const nb_status status = nb_revisions_get(self->revisions, at, &revision, err);
        if (status != NB_OK) {
            return status;
        }
        memcpy(at, revision.parent, sizeof at);
    }
    return NB_OK;
}

// Has the song a version on this commit or a newer one? Then a crash came after its tag was made.
// Masters are counted apart.
static bool is_tagged(const nb_album *self, const char *song, nb_source source,
                      const commit_list *commits, size_t index)
{
    const bool wants_master = source == NB_SOURCE_MASTER;
    size_t count = 0;
    const nb_version *versions = nb_revisions_versions(self->revisions, &count);
    for (size_t i = 0; i < count; i++) {
        const bool is_ours = strcmp(versions[i].song, song) == 0 &&
                             (versions[i].source == NB_SOURCE_MASTER) == wants_master;
        for (size_t j = 0; j <= index && is_ours; j++) {
            if (strcmp(versions[i].commit, commits->ids[j]) == 0) {
                return true;
            }
        }
    }
    return false;
}

// Versions that get their tags together.
typedef struct version_list {
    size_t count, capacity;
    nb_version *items;
} version_list;

static void free_versions(version_list *list) { free(list->items); }

static nb_status add_version(version_list *list, const nb_version *version, nb_error *err)
{
    if (list->count == list->capacity) {
        const size_t wanted = list->capacity ? list->capacity * 2 : 16;
        nb_version *grown = reallocarray(list->items, wanted, sizeof *grown);
        if (!grown) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for new versions");
        }
        list->items = grown;
        list->capacity = wanted;
    }
    list->items[list->count++] = *version;
    return NB_OK;
}

static nb_status note_song(const nb_album *self, const char *commit, const char *path,
                           const nb_manifest *manifest, version_list *out, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    size_t size = 0;
    nb_status status = nb_revisions_read(self->revisions, commit, path, &bytes, &size, err);
    if (status != NB_OK) {
        return status;
    }
    nb_version version = {0};
    nb_error problem = {0};
    if (nb_song_read_version(path, bytes, size, manifest, &version, &problem) != NB_OK) {
        // It was checked when it was pushed, so an older program took what this one does not.
        nb_log_warn("album '%s', revision %.12s: %s", self->name, commit, problem.text);
        return NB_OK;
    }
    const nb_version *newest = version.source == NB_SOURCE_MASTER
                                   ? nb_revisions_newest_master(self->revisions, version.song)
                                   : nb_revisions_find_version(self->revisions, version.song, NULL);
    if (newest && nb_digest_equal(&newest->song_digest, &version.song_digest)) {
        return NB_OK;
    }
    snprintf(version.commit, sizeof version.commit, "%s", commit);
    version.number = newest ? newest->number + 1 : 1;
    return add_version(out, &version, err);
}

static nb_status settle_commit(nb_coordinator *self, const nb_album *album,
                               const commit_list *commits, size_t index, nb_error *err)
{
    const char *commit = commits->ids[index];
    NB_SCOPED(nb_manifest_fini) nb_manifest manifest = {0};
    NB_SCOPED(free_versions) version_list made = {0};
    nb_status status = nb_revisions_manifest(album->revisions, commit, &manifest, err);
    for (size_t i = 0; status == NB_OK && i < manifest.file_count; i++) {
        const nb_manifest_file *file = &manifest.files[i];
        char song[NB_SONG_SIZE];
        nb_source source;
        status = nb_ledger_keep_blob(self->ledger, album->name, &file->digest, file->size, err);
        if (status == NB_OK && nb_song_of_path(file->path, song, &source) &&
            (source == NB_SOURCE_MASTER || nb_song_is_heard(&manifest, song, source)) &&
            !is_tagged(album, song, source, commits, index)) {
            status = note_song(album, commit, file->path, &manifest, &made, err);
        }
    }
    if (status == NB_OK) {
        status = nb_revisions_tag_all(album->revisions, made.items, made.count, err);
    }
    size_t count = 0;
    const nb_version *versions = nb_revisions_versions(album->revisions, &count);
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        if (strcmp(versions[i].commit, commit) == 0) {
            status = nb_note_settle(album, &versions[i], err);
        }
    }
    return status;
}

static nb_status add_missing_jobs(nb_coordinator *self, const nb_album *album, nb_error *err)
{
    size_t count = 0;
    const nb_version *versions = nb_revisions_versions(album->revisions, &count);
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        nb_job job;
        status = nb_ledger_find_job(self->ledger, album->name, versions[i].song, versions[i].name,
                                    &job, err);
        if (status == NB_OK && job.id == 0) {
            uint64_t id = 0;
            status =
                nb_coordinator_start_job(self, album->name, &versions[i], NB_WANT_MIXES, &id, err);
        }
    }
    return status;
}

nb_status nb_album_settle(nb_coordinator *self, const nb_album *album, nb_error *err)
{
    nb_album_row row;
    NB_SCOPED(free_commits) commit_list commits = {0};
    nb_status status = nb_ledger_get_album(self->ledger, album->name, &row, err);
    if (status == NB_OK) {
        status = list_commits(album, row.settled, &commits, err);
    }
    if (status == NB_OK) {
        status = nb_ledger_begin(self->ledger, err);
    }
    if (status != NB_OK) {
        return status;
    }
    for (size_t i = commits.count; status == NB_OK && i-- > 0;) {
        status = settle_commit(self, album, &commits, i, err);
    }
    if (status == NB_OK) {
        status = add_missing_jobs(self, album, err);
    }
    if (status == NB_OK) {
        status = nb_ledger_set_settled(self->ledger, album->name,
                                       nb_revisions_head(album->revisions), err);
    }
    return nb_ledger_end(self->ledger, status, err);
}
