// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/submission.h"

#include "base/file.h"
#include "base/text.h"
#include "review-cli/batch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COPY_BYTES = 1 << 20 };

void nb_submission_fini(nb_submission *self)
{
    for (size_t i = 0; i < self->file_count; i++) {
        free(self->files[i].path);
        free(self->files[i].local_path);
        free(self->files[i].text);
    }
    *self = (nb_submission){0};
}

// ---- What is put in ----

/// "songs/night/master", and what the document there is called.
static const char *kind_name(const nb_submission *self)
{
    return self->kind == NB_PRINT_MASTER ? "master" : "print";
}

nb_status nb_submission_add(nb_submission *self, const char *local_path, nb_error *err)
{
    if (self->file_count == NB_PRINT_FILES_MAX) {
        return nb_fail(err, NB_E_LIMIT, "more than %d files at once", NB_PRINT_FILES_MAX);
    }
    const char *slash = strrchr(local_path, '/');
    const char *name = slash ? slash + 1 : local_path;
    nb_submitted *file = &self->files[self->file_count++];
    *file = (nb_submitted){
        .path = nb_text_format("songs/%s/%s/%s", self->song, kind_name(self), name),
        .local_path = strdup(local_path),
    };
    if (!file->path || !file->local_path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    nb_error why = {0};
    if (nb_text_check_path(file->path, &why) != NB_OK) {
        return nb_fail(err, NB_E_INVALID, "%s: give the file another name", why.text);
    }
    if (nb_manifest_is_document(file->path)) {
        return nb_fail(err, NB_E_INVALID, "%s: its name is that of a text, not of audio", name);
    }
    return nb_digest_of_file(local_path, &file->digest, &file->size, err);
}

nb_status nb_submission_describe(nb_submission *self, const nb_print *print, nb_error *err)
{
    nb_print_file files[NB_PRINT_FILES_MAX];
    nb_print whole = *print;
    for (size_t i = 0; i < self->file_count; i++) {
        files[i] = (nb_print_file){.path = self->files[i].path};
    }
    whole.kind = self->kind;
    whole.files = files;
    whole.file_count = self->file_count;
    nb_submitted *file = &self->files[self->file_count++];
    *file = (nb_submitted){
        .path = nb_text_format("songs/%s/%s.yaml", self->song, kind_name(self)),
        .text = nb_print_format(&whole),
    };
    if (!file->path || !file->text) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a document");
    }
    file->size = strlen(file->text);
    file->digest = nb_digest_of(file->text, file->size);
    // What the farm would say of it is better said before anything is sent: two files of one name.
    NB_SCOPED(nb_print_destroy) nb_print *parsed = NULL;
    return nb_print_parse(file->path, file->text, file->size, self->kind, NULL, &parsed, err);
}

// ---- Sending ----

// Of each file whether the farm lacks its bytes.
static nb_status ask_missing(nb_submission *self, nb_farm *farm, bool *out, nb_error *err)
{
    ProtobufCBinaryData digests[NB_PRINT_FILES_MAX + 1];
    Nightbus__Missing body = NIGHTBUS__MISSING__INIT;
    for (size_t i = 0; i < self->file_count; i++) {
        digests[body.n_digests++] = nb_wire_digest(&self->files[i].digest);
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

static nb_status send_files(nb_submission *self, nb_farm *farm, nb_error *err)
{
    bool missing[NB_PRINT_FILES_MAX + 1] = {false};
    nb_status status = ask_missing(self, farm, missing, err);
    uint64_t total = 0;
    for (size_t i = 0; i < self->file_count; i++) {
        total += missing[i] && self->files[i].local_path ? self->files[i].size : 0;
    }
    nb_batch batch;
    nb_batch_start(&batch, farm, "sending", total);
    for (size_t i = 0; status == NB_OK && i < self->file_count; i++) {
        const nb_submitted *file = &self->files[i];
        if (missing[i] && file->local_path) {
            status = nb_batch_upload(&batch, file->local_path, &file->digest, file->size, err);
        } else if (missing[i]) {
            const nb_blob_scope scope = {.album = farm->album};
            nb_digest digest;
            status =
                nb_client_upload_bytes(farm->client, scope, file->text, file->size, &digest, err);
        }
    }
    nb_batch_finish(&batch);
    self->sent_bytes = nb_batch_moved(&batch);
    return status;
}

// Both requests have the same fields, as types of their own.
#define FILL(body)                                                                                 \
    do {                                                                                           \
        (body).album = farm->album;                                                                \
        (body).song = song;                                                                        \
        (body).message = text;                                                                     \
        (body).n_files = self->file_count;                                                         \
        (body).files = list;                                                                       \
        (body).client_id = (ProtobufCBinaryData){sizeof id, id};                                   \
    } while (false)

static nb_status ask(nb_submission *self, nb_farm *farm, const char *base, const char *message,
                     Nightbus__Reply **out_reply, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *song = strdup(self->song); // messages borrow without const
    NB_SCOPED(nb_text_free) char *text = strdup(message);
    NB_SCOPED(nb_text_free) char *commit = base ? strdup(base) : NULL;
    Nightbus__SubmittedFile files[NB_PRINT_FILES_MAX + 1];
    Nightbus__SubmittedFile *list[NB_PRINT_FILES_MAX + 1];
    uint8_t id[NB_CLIENT_ID_SIZE];
    for (size_t i = 0; i < self->file_count; i++) {
        nightbus__submitted_file__init(&files[i]);
        files[i].path = self->files[i].path;
        files[i].digest = nb_wire_digest(&self->files[i].digest);
        files[i].size = self->files[i].size;
        list[i] = &files[i];
    }
    if (!song || !text || (base && !commit)) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a request");
    }
    const nb_status status = nb_farm_make_id(id, err);
    if (status != NB_OK) {
        return status;
    }
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    Nightbus__SubmitPrint print = NIGHTBUS__SUBMIT_PRINT__INIT;
    Nightbus__SubmitMaster master = NIGHTBUS__SUBMIT_MASTER__INIT;
    FILL(print);
    FILL(master);
    print.base_commit = commit;
    if (self->kind == NB_PRINT_MASTER) {
        request.body_case = NIGHTBUS__REQUEST__BODY_SUBMIT_MASTER;
        request.submit_master = &master;
    } else {
        request.body_case = NIGHTBUS__REQUEST__BODY_SUBMIT_PRINT;
        request.submit_print = &print;
    }
    return nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_PUSHED, 0, out_reply, err);
}

nb_status nb_submission_send(nb_submission *self, nb_farm *farm, const char *base,
                             const char *message, Nightbus__Reply **out_reply, nb_error *err)
{
    *out_reply = NULL;
    const nb_status status = send_files(self, farm, err);
    return status == NB_OK ? ask(self, farm, base, message, out_reply, err) : status;
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

static nb_status place_file(const nb_submitted *file, const nb_folder *folder, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *to = nb_file_join(folder->path, file->path);
    if (!to) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    nb_status status = nb_file_make_parents(to, 0777, err);
    if (status != NB_OK || (file->local_path && nb_file_is_same(file->local_path, to))) {
        return status;
    }
    return file->local_path ? copy_file(file->local_path, to, err)
                            : nb_file_write(to, file->text, strlen(file->text), 0666, err);
}

// What the submission took out of the revision goes here too, where it is as it was.
static void remove_replaced(const nb_folder *folder, const nb_manifest *now, const char *parent)
{
    for (size_t i = 0; i < folder->manifest.file_count; i++) {
        const nb_manifest_file *file = &folder->manifest.files[i];
        NB_SCOPED(nb_text_free) char *path = nb_file_join(folder->path, file->path);
        nb_digest digest;
        if (path && strncmp(file->path, parent, strlen(parent)) == 0 &&
            !nb_manifest_find(now, file->path) &&
            nb_digest_of_file(path, &digest, NULL, NULL) == NB_OK &&
            nb_digest_equal(&digest, &file->digest)) {
            (void)unlink(path); // what can't be removed is told of by `status`
        }
    }
}

nb_status nb_submission_place(const nb_submission *self, nb_farm *farm, nb_folder *folder,
                              const char *commit, nb_error *err)
{
    NB_SCOPED(nb_manifest_fini) nb_manifest manifest = {0};
    NB_SCOPED(nb_text_free)
    char *parent = nb_text_format("songs/%s/%s/", self->song, kind_name(self));
    if (!parent) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    nb_status status = nb_farm_manifest(farm, commit, &manifest, err);
    for (size_t i = 0; status == NB_OK && i < self->file_count; i++) {
        status = place_file(&self->files[i], folder, err);
    }
    if (status != NB_OK) {
        return status;
    }
    remove_replaced(folder, &manifest, parent);
    return nb_folder_set_base(folder, commit, &manifest, err);
}
