// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/graft.h"

#include "base/file.h"
#include "base/text.h"
#include "review-cli/batch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 5, COPY_BYTES = 1 << 20 };

void nb_graft_fini(nb_graft *self)
{
    for (size_t i = 0; i < self->file_count; i++) {
        free(self->files[i].path);
        free(self->files[i].local_path);
        free(self->files[i].text);
    }
    free(self->folder_replaced);
    *self = (nb_graft){0};
}

// ---- What is put in ----

static nb_status add(nb_graft *self, const char *path, nb_graft_file **out, nb_error *err)
{
    if (self->file_count == NB_GRAFT_FILES_MAX) {
        return nb_fail(err, NB_E_LIMIT, "more than %d files at once", NB_GRAFT_FILES_MAX);
    }
    const nb_status status = nb_text_check_path(path, err);
    if (status != NB_OK) {
        return status;
    }
    *out = &self->files[self->file_count];
    **out = (nb_graft_file){.path = strdup(path)};
    if (!(*out)->path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    self->file_count++;
    return NB_OK;
}

nb_status nb_graft_add_file(nb_graft *self, const char *path, const char *local_path, nb_error *err)
{
    nb_graft_file *file = NULL;
    nb_status status = add(self, path, &file, err);
    if (status != NB_OK) {
        return status;
    }
    file->local_path = strdup(local_path);
    if (!file->local_path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    return nb_digest_of_file(local_path, &file->digest, &file->size, err);
}

nb_status nb_graft_add_text(nb_graft *self, const char *path, char *text, nb_error *err)
{
    nb_graft_file *file = NULL;
    if (!text) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for %s", path);
    }
    const nb_status status = add(self, path, &file, err);
    if (status != NB_OK) {
        free(text);
        return status;
    }
    file->text = text;
    file->size = strlen(text);
    file->digest = nb_digest_of(text, strlen(text));
    return NB_OK;
}

static bool is_replaced(const nb_graft *self, const char *path)
{
    for (size_t i = 0; i < self->file_count; i++) {
        if (strcmp(self->files[i].path, path) == 0) {
            return true;
        }
    }
    const size_t length = self->folder_replaced ? strlen(self->folder_replaced) : 0;
    return length > 0 && strncmp(path, self->folder_replaced, length) == 0 && path[length] == '/';
}

static nb_status make_manifest(const nb_graft *self, const nb_manifest *head, nb_manifest *out,
                               nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < head->file_count; i++) {
        const nb_manifest_file *file = &head->files[i];
        if (!is_replaced(self, file->path)) {
            status = nb_manifest_add(out, file->path, &file->digest, file->size, err);
        }
    }
    for (size_t i = 0; status == NB_OK && i < self->file_count; i++) {
        const nb_graft_file *file = &self->files[i];
        status = nb_manifest_add(out, file->path, &file->digest, file->size, err);
    }
    return status;
}

// ---- Sending ----

nb_status nb_farm_manifest(nb_farm *farm, const char *commit, char **out_head, nb_manifest *out,
                           nb_error *err)
{
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    nb_status status = nb_farm_head(farm, commit, &reply, err);
    if (out_head) {
        *out_head = NULL;
    }
    if (status != NB_OK || !reply->album_state->head) {
        return status;
    }
    const Nightbus__AlbumState *state = reply->album_state;
    if (!state->has_manifest || !state->has_manifest_size ||
        state->manifest_size > NB_MANIFEST_BYTES_MAX) {
        return nb_fail(err, NB_E_INVALID, "the farm does not say which files the revision has");
    }
    if (out_head) {
        *out_head = strdup(state->head);
        if (!*out_head) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for a revision");
        }
    }
    const nb_digest digest = nb_wire_to_digest(state->manifest);
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    size_t size = 0;
    status = nb_batch_bytes(farm, &digest, state->manifest_size, &bytes, &size, err);
    return status == NB_OK ? nb_manifest_parse(bytes, size, out, err) : status;
}

// Of each digest whether the farm lacks it.
static nb_status ask_missing(const nb_graft *self, nb_farm *farm, bool out[NB_GRAFT_FILES_MAX],
                             nb_error *err)
{
    ProtobufCBinaryData digests[NB_GRAFT_FILES_MAX];
    nb_digest copies[NB_GRAFT_FILES_MAX]; // messages borrow without const
    Nightbus__Missing body = NIGHTBUS__MISSING__INIT;
    for (size_t i = 0; i < self->file_count; i++) {
        copies[i] = self->files[i].digest;
        digests[body.n_digests++] = nb_wire_digest(&copies[i]);
    }
    body.album = farm->album;
    body.digests = digests;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_MISSING;
    request.missing = &body;
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    const nb_status status =
        nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_MISSING_LISTING, 0, &reply, err);
    for (size_t m = 0; status == NB_OK && m < reply->missing_listing->n_digests; m++) {
        const nb_digest missing = nb_wire_to_digest(reply->missing_listing->digests[m]);
        for (size_t i = 0; i < self->file_count; i++) {
            out[i] |= nb_digest_equal(&missing, &self->files[i].digest);
        }
    }
    return status;
}

static nb_status send_files(nb_graft *self, nb_farm *farm, nb_error *err)
{
    bool missing[NB_GRAFT_FILES_MAX] = {false};
    nb_status status = ask_missing(self, farm, missing, err);
    uint64_t total = 0;
    for (size_t i = 0; i < self->file_count; i++) {
        total += missing[i] && self->files[i].local_path ? self->files[i].size : 0;
    }
    nb_batch batch;
    nb_batch_start(&batch, farm, "sending", total);
    for (size_t i = 0; status == NB_OK && i < self->file_count; i++) {
        const nb_graft_file *file = &self->files[i];
        if (missing[i] && file->local_path) {
            status = nb_batch_upload(&batch, file->local_path, &file->digest, file->size, err);
        } else if (missing[i]) {
            const nb_blob_scope scope = {.album = farm->album};
            nb_digest digest;
            status = nb_client_upload_bytes(farm->client, scope, file->text, strlen(file->text),
                                            &digest, err);
        }
    }
    nb_batch_finish(&batch);
    self->sent_bytes += nb_batch_moved(&batch);
    return status;
}

static nb_status push_once(const nb_graft *self, nb_farm *farm, const char *base, bool *out_raced,
                           const char *message, Nightbus__Reply **out_reply, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *head = NULL;
    NB_SCOPED(nb_manifest_fini) nb_manifest newest = {0};
    NB_SCOPED(nb_manifest_fini) nb_manifest manifest = {0};
    uint8_t id[NB_CLIENT_ID_SIZE];
    nb_digest digest;
    *out_raced = false;
    nb_status status = nb_farm_manifest(farm, NULL, &head, &newest, err);
    if (status == NB_OK && base && (!head || strcmp(head, base) != 0)) {
        return nb_fail(err, NB_E_CONFLICT,
                       "somebody pushed before you: `nightbus pull`, listen, then push again");
    }
    if (status == NB_OK) {
        status = make_manifest(self, &newest, &manifest, err);
    }
    NB_SCOPED(nb_text_free) char *line = status == NB_OK ? nb_manifest_format(&manifest) : NULL;
    NB_SCOPED(nb_text_free) char *text = strdup(message);
    if (status == NB_OK && (!line || !text)) {
        status = nb_fail(err, NB_E_NO_MEMORY, "no memory for the manifest");
    }
    if (status == NB_OK) {
        const nb_blob_scope scope = {.album = farm->album};
        status = nb_client_upload_bytes(farm->client, scope, line, strlen(line), &digest, err);
    }
    if (status == NB_OK) {
        status = nb_farm_make_id(id, err);
    }
    if (status != NB_OK) {
        return status;
    }
    Nightbus__Push body = NIGHTBUS__PUSH__INIT;
    body.album = farm->album;
    body.base_commit = head;
    body.message = text;
    body.manifest = nb_wire_digest(&digest);
    body.client_id = (ProtobufCBinaryData){sizeof id, id};
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_PUSH;
    request.push = &body;
    status = nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_PUSHED, 0, out_reply, err);
    *out_raced = status == NB_E_CONFLICT && !base;
    return status;
}

nb_status nb_graft_push(nb_graft *self, nb_farm *farm, const char *base, const char *message,
                        Nightbus__Reply **out_reply, nb_error *err)
{
    *out_reply = NULL;
    self->sent_bytes = 0;
    nb_status status = send_files(self, farm, err);
    bool raced = status == NB_OK;
    for (unsigned i = 0; raced && i < TRIES; i++) {
        status = push_once(self, farm, base, &raced, message, out_reply, err);
    }
    return status;
}

// ---- The working folder ----

static nb_status copy_file(const char *from, const char *to, nb_error *err)
{
    NB_SCOPED(nb_file_close) FILE *in = fopen(from, "rbe");
    NB_SCOPED(nb_file_draft_fini) nb_file_draft draft = {0};
    NB_SCOPED(nb_text_free) char *buffer = malloc(COPY_BYTES);
    if (!in || !buffer) {
        return nb_fail_errno(err, in ? ENOMEM : errno, "%s", from);
    }
    nb_status status = nb_file_draft_open(to, &draft, err);
    while (status == NB_OK) {
        const size_t got = fread(buffer, 1, COPY_BYTES, in);
        if (got == 0) {
            break;
        }
        if (fwrite(buffer, 1, got, draft.stream) != got) {
            status = nb_fail_errno(err, errno, "%s", to);
        }
    }
    if (status == NB_OK && ferror(in)) {
        status = nb_fail_errno(err, errno, "%s", from);
    }
    return status == NB_OK ? nb_file_draft_commit(&draft, err) : status;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat left;
    struct stat right;
    return stat(a, &left) == 0 && stat(b, &right) == 0 && left.st_dev == right.st_dev &&
           left.st_ino == right.st_ino;
}

static nb_status place_file(const nb_graft_file *file, const nb_folder *folder, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *to = nb_file_join(folder->path, file->path);
    if (!to) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    nb_status status = nb_file_make_parents(to, 0777, err);
    if (status != NB_OK || (file->local_path && is_same_file(file->local_path, to))) {
        return status;
    }
    return file->local_path ? copy_file(file->local_path, to, err)
                            : nb_file_write(to, file->text, strlen(file->text), 0666, err);
}

// What the graft took out of the revision goes here too, where it is as it was.
static void remove_replaced(const nb_graft *self, const nb_folder *folder, const nb_manifest *now)
{
    for (size_t i = 0; i < folder->manifest.file_count; i++) {
        const nb_manifest_file *file = &folder->manifest.files[i];
        NB_SCOPED(nb_text_free) char *path = nb_file_join(folder->path, file->path);
        nb_digest digest;
        if (path && is_replaced(self, file->path) && !nb_manifest_find(now, file->path) &&
            nb_digest_of_file(path, &digest, NULL, NULL) == NB_OK &&
            nb_digest_equal(&digest, &file->digest)) {
            (void)unlink(path); // what can't be removed is told of by `status`
        }
    }
}

nb_status nb_graft_place(const nb_graft *self, nb_farm *farm, nb_folder *folder, const char *commit,
                         nb_error *err)
{
    NB_SCOPED(nb_manifest_fini) nb_manifest manifest = {0};
    nb_status status = nb_farm_manifest(farm, commit, NULL, &manifest, err);
    for (size_t i = 0; status == NB_OK && i < self->file_count; i++) {
        status = place_file(&self->files[i], folder, err);
    }
    if (status != NB_OK) {
        return status;
    }
    remove_replaced(self, folder, &manifest);
    return nb_folder_set_base(folder, commit, &manifest, err);
}
