// SPDX-License-Identifier: GPL-3.0-or-later
// The push of a revision: check, commit, then what follows from the commit.
#include "coordinator/push.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "coordinator/coordinator_private.h"
#include "coordinator/prints.h"
#include "coordinator/song.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEARCHED_COMMITS = 1000 }; // how far back a repeated push is looked for

// ---- Checks ----

static nb_status read_manifest(nb_coordinator *self, const nb_album *album, const void *context,
                               nb_manifest *out, nb_error *err)
{
    const Nightbus__Push *said = context;
    const nb_digest digest = nb_wire_to_digest(said->manifest);
    uint64_t known_size = 0;
    void *bytes = NULL;
    size_t size = 0;
    nb_status status = nb_ledger_get_blob(self->ledger, album->name, &digest, &known_size, err);
    if (status == NB_OK && known_size > NB_MANIFEST_BYTES_MAX) {
        status = nb_fail(err, NB_E_LIMIT, "the manifest has %" PRIu64 " bytes, at most %d may be",
                         known_size, NB_MANIFEST_BYTES_MAX);
    }
    if (status == NB_OK) {
        status = nb_blob_store_get(self->store, &digest, &bytes, &size, err);
    }
    if (status == NB_OK) {
        status = nb_manifest_parse(bytes, size, out, err);
    }
    free(bytes);
    if (status == NB_OK && out->file_count == 0) {
        status = nb_fail(err, NB_E_INVALID, "the revision has no files");
    }
    return status;
}

// What is named must be here, belong to the album, and have the size that it is said to have.
static nb_status check_files(nb_coordinator *self, const nb_album *album,
                             const nb_manifest *manifest, nb_error *err)
{
    for (size_t i = 0; i < manifest->file_count; i++) {
        const nb_manifest_file *file = &manifest->files[i];
        uint64_t size = 0;
        nb_status status = nb_text_check_path(file->path, err);
        if (status != NB_OK) {
            return status;
        }
        status = nb_ledger_get_blob(self->ledger, album->name, &file->digest, &size, NULL);
        if (status != NB_OK || !nb_blob_store_has(self->store, &file->digest, &size)) {
            return nb_fail(err, NB_E_NOT_FOUND, "%s was not sent yet: push again", file->path);
        }
        if (size != file->size) {
            return nb_fail(err, NB_E_INVALID,
                           "%s is said to have %" PRIu64 " bytes but has %" PRIu64, file->path,
                           file->size, size);
        }
    }
    return NB_OK;
}

static bool has_song(const nb_manifest *manifest, const char *song)
{
    char mix[NB_SONG_PATH_SIZE];
    char print[NB_SONG_PATH_SIZE];
    nb_song_path(song, NB_SOURCE_MIX, mix);
    nb_song_path(song, NB_SOURCE_PRINT, print);
    return nb_manifest_find(manifest, mix) || nb_manifest_find(manifest, print);
}

// A song's id means one song for ever: versions, notes and links carry it.
static nb_status check_reuse(const nb_album *album, const nb_manifest *newest, const char *song,
                             nb_error *err)
{
    if (!has_song(newest, song) && nb_revisions_find_version(album->revisions, song, NULL)) {
        return nb_fail(err, NB_E_INVALID,
                       "songs/%s: this id belonged to a song that was deleted, and is never used "
                       "again: give the folder another name",
                       song);
    }
    return NB_OK;
}

static nb_status check_song(nb_coordinator *self, const nb_manifest *manifest,
                            const nb_manifest_file *file, nb_source source, nb_error *err)
{
    if (file->size > NB_DOCUMENT_BYTES_MAX) {
        return nb_fail(err, NB_E_LIMIT, "%s has %" PRIu64 " bytes; a document has at most %d",
                       file->path, file->size, NB_DOCUMENT_BYTES_MAX);
    }
    void *bytes = NULL;
    size_t size = 0;
    nb_status status = nb_blob_store_get(self->store, &file->digest, &bytes, &size, err);
    if (status == NB_OK) {
        status = nb_song_check(file->path, bytes, size, source, manifest, err);
    }
    free(bytes);
    return status;
}

static nb_status check_song_folder(const char *path, nb_error *err)
{
    static const char prefix[] = "songs/";
    char id[NB_SONG_SIZE + 1] = "";
    if (strncmp(path, prefix, sizeof prefix - 1) != 0) {
        return NB_OK;
    }
    const char *start = path + sizeof prefix - 1;
    const size_t length = strcspn(start, "/");
    snprintf(id, sizeof id, "%.*s", (int)(length < NB_SONG_SIZE ? length : NB_SONG_SIZE), start);
    if (start[length] == '/' && !nb_text_is_id(id)) {
        return nb_fail(err, NB_E_INVALID,
                       "songs/%.64s: a song's folder is named with a-z, 0-9 and '-', at most 64",
                       id);
    }
    return NB_OK;
}

// A master that stands as it did was checked when it came.
static bool is_new(const nb_manifest *newest, const nb_manifest_file *file)
{
    const nb_manifest_file *before = nb_manifest_find(newest, file->path);
    return !before || !nb_digest_equal(&before->digest, &file->digest);
}

static nb_status check_songs(nb_coordinator *self, const nb_album *album,
                             const nb_manifest *manifest, nb_error *err)
{
    NB_SCOPED(nb_manifest_fini) nb_manifest newest = {0};
    const char *head = nb_revisions_head(album->revisions);
    nb_status status =
        head[0] ? nb_revisions_manifest(album->revisions, head, &newest, err) : NB_OK;
    for (size_t i = 0; status == NB_OK && i < manifest->file_count; i++) {
        const nb_manifest_file *file = &manifest->files[i];
        char song[NB_SONG_SIZE];
        nb_source source;
        status = check_song_folder(file->path, err);
        if (status != NB_OK || !nb_song_of_path(file->path, song, &source)) {
            continue;
        }
        status = check_reuse(album, &newest, song, err);
        if (status == NB_OK) {
            status = check_song(self, manifest, file, source, err);
        }
        if (status == NB_OK && source == NB_SOURCE_MASTER && is_new(&newest, file)) {
            status = nb_coordinator_check_master(self, album, file, song, err);
        }
    }
    return status;
}

// ---- Somebody was first ----

static void add_versions_of(const nb_album *album, const char *commit, nb_text *out)
{
    size_t count = 0;
    const char *separator = " (";
    const nb_version *versions = nb_revisions_versions(album->revisions, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(versions[i].commit, commit) == 0) {
            nb_text_addf(out, "%s%s@%s", separator, versions[i].song, versions[i].name);
            separator = ", ";
        }
    }
    nb_text_add(out, separator[0] == ',' ? ")" : "");
}

static void add_ago(int64_t ms, nb_text *out)
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}};
    for (size_t i = 0; i < NB_COUNT(units); i++) {
        if (ms >= units[i].ms) {
            nb_text_addf(out, " %" PRId64 " %s ago", ms / units[i].ms, units[i].unit);
            return;
        }
    }
    nb_text_add(out, " just now");
}

static nb_status say_conflict(const nb_album *album, const char *base, nb_error *err)
{
    enum { NAMED = 3 };
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    char at[NB_COMMIT_SIZE];
    size_t count = 0;
    snprintf(at, sizeof at, "%s", nb_revisions_head(album->revisions));
    while (at[0] && strcmp(at, base) != 0 && count < SEARCHED_COMMITS) {
        NB_SCOPED(nb_revision_fini) nb_revision revision = {0};
        const nb_status status = nb_revisions_get(album->revisions, at, &revision, err);
        if (status != NB_OK) {
            return status;
        }
        if (count++ < NAMED) {
            const int length = (int)strcspn(revision.message, "\n");
            nb_text_addf(&text, "%s%s pushed '%.*s'", count > 1 ? ", " : "", revision.person,
                         length < 60 ? length : 60, revision.message);
            add_ago(nb_clock_wall_ms() - revision.time_ms, &text);
            add_versions_of(album, at, &text);
        }
        memcpy(at, revision.parent, sizeof at);
    }
    if (count > NAMED) {
        nb_text_addf(&text, " and %zu more", count - NAMED);
    }
    return nb_fail(err, NB_E_CONFLICT, "%s; run nightbus pull, listen, then push again",
                   (text.chars && !text.failed) ? text.chars : "this is not the newest revision");
}

static nb_status check_base(const nb_album *album, const char *base, nb_error *err)
{
    if (!base || strcmp(base, nb_revisions_head(album->revisions)) == 0) {
        return NB_OK;
    }
    nb_revision revision = {0};
    if (base[0] && nb_revisions_get(album->revisions, base, &revision, err) != NB_OK) {
        return nb_fail(err, NB_E_CONFLICT,
                       "this folder is based on revision %.12s, which album '%s' does not have: is "
                       "it another farm's? 'nightbus album clone' makes a fresh folder",
                       base, album->name);
    }
    nb_revision_fini(&revision);
    return say_conflict(album, base, err);
}

// ---- The answer ----

static nb_status fill_pushed(nb_coordinator *self, const nb_album *album, const char *commit,
                             nb_answer *answer, nb_error *err)
{
    size_t count = 0;
    const nb_version *versions = nb_revisions_versions(album->revisions, &count);
    Nightbus__Pushed *pushed = nb_answer_take(answer, 1, sizeof *pushed);
    if (!pushed) {
        return nb_answer_no_memory(err);
    }
    nightbus__pushed__init(pushed);
    pushed->commit = nb_answer_string(answer, commit);
    pushed->versions = nb_answer_take(answer, count, sizeof *pushed->versions);
    pushed->jobs = nb_answer_take(answer, count, sizeof *pushed->jobs);
    if (!pushed->commit || !pushed->versions || !pushed->jobs) {
        return nb_answer_no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(versions[i].commit, commit) != 0) {
            continue;
        }
        char name[NB_SONG_SIZE + 16];
        nb_job job;
        snprintf(name, sizeof name, "%s@%s", versions[i].song, versions[i].name);
        const nb_status status = nb_ledger_find_job(self->ledger, album->name, versions[i].song,
                                                    versions[i].name, &job, err);
        pushed->versions[pushed->n_versions] = nb_answer_string(answer, name);
        if (status != NB_OK || !pushed->versions[pushed->n_versions++]) {
            return (status != NB_OK) ? status : nb_answer_no_memory(err);
        }
        pushed->jobs[pushed->n_jobs++] = job.id;
    }
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_PUSHED;
    answer->reply.pushed = pushed;
    return NB_OK;
}

// The commit that an earlier copy of this request made; "" if none did.
static nb_status find_earlier(nb_coordinator *self, const nb_album *album, const nb_push *push,
                              char out[NB_COMMIT_SIZE], nb_error *err)
{
    void *bytes = NULL;
    size_t size = 0;
    out[0] = '\0';
    const nb_status status = nb_ledger_get_answer(self->ledger, push->client_id, "push",
                                                  album->name, &bytes, &size, err);
    if (status == NB_OK && bytes && size < NB_COMMIT_SIZE) {
        memcpy(out, bytes, size);
        out[size] = '\0';
    }
    free(bytes);
    return status;
}

// The same, from the commits: for a crash between the commit and the ledger.
static nb_status find_committed(const nb_album *album, const nb_push *push,
                                char out[NB_COMMIT_SIZE], nb_error *err)
{
    char id[NB_CLIENT_ID_SIZE * 2 + 1];
    char at[NB_COMMIT_SIZE];
    const char *base = push->base ? push->base : "";
    nb_text_hex(push->client_id, NB_CLIENT_ID_SIZE, id);
    snprintf(at, sizeof at, "%s", nb_revisions_head(album->revisions));
    for (size_t i = 0; i < SEARCHED_COMMITS && at[0] && strcmp(at, base) != 0; i++) {
        NB_SCOPED(nb_revision_fini) nb_revision revision = {0};
        const nb_status status = nb_revisions_get(album->revisions, at, &revision, err);
        if (status != NB_OK) {
            return status;
        }
        if (strcmp(revision.client_id, id) == 0) {
            memcpy(out, at, sizeof at);
            return NB_OK;
        }
        memcpy(at, revision.parent, sizeof at);
    }
    return NB_OK;
}

static nb_status commit_push(nb_coordinator *self, const nb_caller *caller, const nb_album *album,
                             const nb_push *push, nb_error *err)
{
    NB_SCOPED(nb_manifest_fini) nb_manifest manifest = {0};
    nb_status status = check_base(album, push->base, err);
    if (status == NB_OK) {
        status = nb_coordinator_check_space(self, 0, err);
    }
    if (status == NB_OK) {
        status = push->make(self, album, push->context, &manifest, err);
    }
    if (status == NB_OK) {
        status = check_files(self, album, &manifest, err);
    }
    if (status == NB_OK) {
        status = check_songs(self, album, &manifest, err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_revision_draft draft = {.person = caller->member.name,
                               .time_ms = nb_clock_wall_ms(),
                               .message = push->message,
                               .manifest = &manifest};
    memcpy(draft.client_id, push->client_id, sizeof draft.client_id);
    return nb_revisions_commit(album->revisions, &draft, err);
}

/// The stems of all versions that the commit made. Their jobs are not planned yet, so they join
/// those.
static nb_status want_stems(nb_coordinator *self, const nb_album *album, const char *commit,
                            nb_error *err)
{
    size_t count = 0;
    nb_status status = NB_OK;
    const nb_version *versions = nb_revisions_versions(album->revisions, &count);
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        uint64_t job = 0;
        if (strcmp(versions[i].commit, commit) == 0) {
            status =
                nb_coordinator_start_job(self, album->name, &versions[i], NB_WANT_STEMS, &job, err);
        }
    }
    return status;
}

nb_status nb_push_run(nb_coordinator *self, const nb_caller *caller, const nb_push *push,
                      nb_answer *answer, nb_error *err)
{
    nb_album *album = NULL;
    char commit[NB_COMMIT_SIZE] = "";
    nb_status status = nb_coordinator_album(self, push->album, &album, err);
    if (status == NB_OK) {
        status = find_earlier(self, album, push, commit, err);
    }
    if (status == NB_OK && !commit[0]) {
        status = find_committed(album, push, commit, err);
    }
    if (status != NB_OK) {
        return status;
    }
    char before[NB_COMMIT_SIZE];
    snprintf(before, sizeof before, "%s", nb_revisions_head(album->revisions));
    const bool repeated = commit[0] != '\0';
    NB_SCOPED(nb_file_close_fd) int hold = -1; // what check_files finds is there when it is kept
    status = nb_blob_store_hold(self->store, &hold, err);
    if (status != NB_OK) {
        return status;
    }
    if (!repeated) {
        status = commit_push(self, caller, album, push, err);
        snprintf(commit, sizeof commit, "%s", nb_revisions_head(album->revisions));
    }
    // From here on the revision stands. Should the rest fail, the client's repeat, the next push or
    // the next start goes on with it.
    if (status == NB_OK) {
        status = nb_album_settle(self, album, err);
    }
    const bool unchanged = !repeated && strcmp(commit, before) == 0;
    if (status == NB_OK && !unchanged) {
        status = nb_ledger_put_answer(self->ledger, push->client_id, "push", album->name, commit,
                                      strlen(commit), nb_clock_wall_ms(), err);
    }
    if (status != NB_OK) {
        return status;
    }
    if (push->stems) {
        status = want_stems(self, album, commit, err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_coordinator_plan_jobs(self);
    status = fill_pushed(self, album, commit, answer, err);
    if (status == NB_OK && unchanged) {
        answer->reply.pushed->n_versions = 0;
        answer->reply.pushed->n_jobs = 0;
    }
    return status;
}

nb_status nb_handle_push(nb_coordinator *self, const nb_caller *caller,
                         const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__Push *said = request->push;
    const nb_push push = {.album = said->album,
                          .base = said->base_commit ? said->base_commit : "",
                          .message = said->message,
                          .client_id = said->client_id.data,
                          .stems = said->has_stems && said->stems,
                          .make = read_manifest,
                          .context = said};
    return nb_push_run(self, caller, &push, answer, err);
}
