// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/pull.h"

#include "base/file.h"
#include "review-cli/batch.h"
#include "review-cli/stop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char theirs_ending[] = ".theirs";

typedef struct pull {
    nb_farm *farm;
    nb_folder *folder;
    nb_pull_result *out;
    nb_stat_cache *cache;
    nb_manifest head; ///< Files at the head
    nb_batch batch;
} pull;

static void pull_fini(pull *self)
{
    nb_stat_cache_destroy(&self->cache);
    nb_manifest_fini(&self->head);
}

void nb_pull_result_fini(nb_pull_result *self) { nb_text_fini(&self->conflicts); }

static bool is_same(const nb_digest *a, const nb_digest *b)
{
    return a && b ? nb_digest_equal(a, b) : a == b;
}

nb_pull_action nb_pull_decide(const nb_digest *base, const nb_digest *head, const nb_digest *here)
{
    if (is_same(head, base) || is_same(head, here)) {
        return NB_PULL_KEEP;
    }
    if (is_same(here, base)) {
        return head ? NB_PULL_TAKE : NB_PULL_REMOVE;
    }
    if (!here) {
        return NB_PULL_TAKE; // removed here, changed there: nothing of ours would be lost
    }
    return head ? NB_PULL_CONFLICT : NB_PULL_STAYS;
}

static nb_status get_manifest(pull *self, nb_error *err)
{
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    nb_status status = nb_farm_head(self->farm, NULL, &reply, err);
    if (status != NB_OK || !reply->album_state->head) {
        return status;
    }
    const Nightbus__AlbumState *state = reply->album_state;
    snprintf(self->out->head, sizeof self->out->head, "%s", state->head);
    if (!state->has_manifest || !state->has_manifest_size ||
        state->manifest_size > NB_MANIFEST_BYTES_MAX) {
        return nb_fail(err, NB_E_INVALID, "the farm does not say which files the album has");
    }
    const nb_digest digest = nb_wire_to_digest(state->manifest);
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    size_t size = 0;
    status = nb_batch_bytes(self->farm, &digest, state->manifest_size, &bytes, &size, err);
    return status == NB_OK ? nb_manifest_parse(bytes, size, &self->head, err) : status;
}

/// The digest of the file here; `*out_there` says whether there is one.
static nb_status digest_here(pull *self, const char *path, nb_digest *out, bool *out_there,
                             nb_error *err)
{
    uint64_t size = 0;
    nb_error why = {0};
    const nb_status status =
        nb_stat_cache_digest(self->cache, path, NULL, NULL, nb_stop_flag(), out, &size, &why);
    *out_there = status == NB_OK;
    return status == NB_OK || status == NB_E_NOT_FOUND ? NB_OK
                                                       : nb_fail(err, status, "%s", why.text);
}

static nb_status decide(pull *self, const char *path, nb_pull_action *out, nb_error *err)
{
    const nb_manifest_file *base = nb_manifest_find(&self->folder->manifest, path);
    const nb_manifest_file *head = nb_manifest_find(&self->head, path);
    nb_digest here;
    bool there = false;
    const nb_status status = digest_here(self, path, &here, &there, err);
    if (status == NB_OK) {
        *out = nb_pull_decide(base ? &base->digest : NULL, head ? &head->digest : NULL,
                              there ? &here : NULL);
    }
    return status;
}

/// Fetch beside the album, so that a cut transfer goes on, then put it in its place in one step.
static nb_status take(pull *self, const nb_manifest_file *file, const char *to_path, nb_error *err)
{
    char hex[NB_DIGEST_HEX_SIZE];
    nb_digest_to_hex(&file->digest, hex);
    NB_SCOPED(nb_text_free) char *name = nb_text_format("incoming/%s", hex);
    NB_SCOPED(nb_text_free) char *from = name ? nb_folder_private(self->folder, name) : NULL;
    NB_SCOPED(nb_text_free) char *to = nb_file_join(self->folder->path, to_path);
    if (!from || !to) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    nb_status status = nb_file_make_parents(to, 0777, err);
    if (status == NB_OK) {
        status = nb_file_make_parents(from, 0777, err);
    }
    if (status == NB_OK) {
        status = nb_batch_download(&self->batch, &file->digest, file->size, from, err);
    }
    return status == NB_OK ? nb_file_publish(from, to, err) : status;
}

static void tell(pull *self, const char *path, const char *what)
{
    nb_text_addf(&self->out->conflicts, "  %s: %s\n", path, what);
    self->out->conflict_count++;
}

static nb_status take_head_file(pull *self, const nb_manifest_file *file, nb_error *err)
{
    nb_pull_action action = NB_PULL_KEEP;
    nb_status status = decide(self, file->path, &action, err);
    if (status == NB_OK && action == NB_PULL_TAKE) {
        self->out->taken_count++;
        return take(self, file, file->path, err);
    }
    if (status == NB_OK && action == NB_PULL_CONFLICT) {
        NB_SCOPED(nb_text_free) char *theirs = nb_text_format("%s%s", file->path, theirs_ending);
        if (!theirs) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
        }
        status = take(self, file, theirs, err);
        if (status == NB_OK) {
            tell(self, file->path, "changed on both sides; theirs is beside it as FILE.theirs");
        }
    }
    return status;
}

static nb_status drop_base_file(pull *self, const nb_manifest_file *file, nb_error *err)
{
    if (nb_manifest_find(&self->head, file->path)) {
        return NB_OK;
    }
    nb_pull_action action = NB_PULL_KEEP;
    const nb_status status = decide(self, file->path, &action, err);
    if (status == NB_OK && action == NB_PULL_STAYS) {
        tell(self, file->path, "removed there, changed here; it stays, and a push brings it back");
    }
    if (status == NB_OK && action == NB_PULL_REMOVE) {
        NB_SCOPED(nb_text_free) char *full = nb_file_join(self->folder->path, file->path);
        if (!full || (unlink(full) != 0 && errno != ENOENT)) {
            return nb_fail_errno(err, full ? errno : ENOMEM, "%s", file->path);
        }
        self->out->removed_count++;
    }
    return status;
}

/// Bytes that will be fetched.
static nb_status measure(pull *self, uint64_t *out_total, nb_error *err)
{
    *out_total = 0;
    for (size_t i = 0; i < self->head.file_count; i++) {
        nb_pull_action action = NB_PULL_KEEP;
        const nb_status status = decide(self, self->head.files[i].path, &action, err);
        if (status != NB_OK) {
            return status;
        }
        if (action == NB_PULL_TAKE || action == NB_PULL_CONFLICT) {
            *out_total += self->head.files[i].size;
        }
    }
    return NB_OK;
}

static nb_status take_all(pull *self, nb_error *err)
{
    uint64_t total = 0;
    nb_status status = measure(self, &total, err);
    nb_batch_start(&self->batch, self->farm, "fetching", total);
    // Documents name audio: audio first, so that a pull that is cut leaves no document without it.
    for (int documents = 0; documents <= 1 && status == NB_OK; documents++) {
        for (size_t i = 0; i < self->head.file_count && status == NB_OK; i++) {
            if (nb_manifest_is_document(self->head.files[i].path) == (documents == 1)) {
                status = take_head_file(self, &self->head.files[i], err);
            }
        }
    }
    for (size_t i = 0; i < self->folder->manifest.file_count && status == NB_OK; i++) {
        status = drop_base_file(self, &self->folder->manifest.files[i], err);
    }
    nb_batch_finish(&self->batch);
    return status;
}

nb_status nb_pull(nb_farm *farm, nb_folder *folder, nb_pull_result *out, nb_error *err)
{
    *out = (nb_pull_result){0};
    NB_SCOPED(pull_fini) pull self = {.farm = farm, .folder = folder, .out = out};
    nb_status status = nb_folder_stat_cache(folder, &self.cache, err);
    if (status == NB_OK) {
        status = get_manifest(&self, err);
    }
    out->was_current =
        out->head[0] == '\0' || (folder->base && strcmp(folder->base, out->head) == 0);
    if (status != NB_OK || out->was_current) {
        return status;
    }
    status = take_all(&self, err);
    nb_error ignored = {0};
    const nb_status saved = nb_stat_cache_save(self.cache, &ignored);
    if (status == NB_OK && saved == NB_E_NO_SPACE) {
        status = nb_fail(err, saved, "%s", ignored.text);
    }
    return status == NB_OK ? nb_folder_set_base(folder, out->head, &self.head, err) : status;
}

char *nb_pull_find_unmerged(const nb_folder *folder)
{
    for (size_t i = 0; i < folder->manifest.file_count; i++) {
        NB_SCOPED(nb_text_free)
        char *path = nb_text_format("%s%s", folder->manifest.files[i].path, theirs_ending);
        NB_SCOPED(nb_text_free) char *full = path ? nb_file_join(folder->path, path) : NULL;
        if (full && nb_file_exists(full)) {
            char *found = path;
            path = NULL; // the caller's now
            return found;
        }
    }
    return NULL;
}
