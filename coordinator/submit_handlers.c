// SPDX-License-Identifier: GPL-3.0-or-later
// Prints and masters put onto the newest revision: nothing else of the album changes.
#include "base/text.h"
#include "coordinator/push.h"
#include "coordinator/song.h"

#include <stdio.h>
#include <string.h>

enum { FOLDER_SIZE = NB_SONG_PATH_SIZE };

typedef struct submission {
    const char *song;
    nb_source source;
    size_t file_count;
    Nightbus__SubmittedFile *const *files;
    char document[NB_SONG_PATH_SIZE]; ///< songs/SONG/master.yaml
    char folder[FOLDER_SIZE];         ///< songs/SONG/master/
} submission;

static bool is_in_folder(const submission *self, const char *path)
{
    const size_t length = strlen(self->folder);
    return strncmp(path, self->folder, length) == 0 && path[length] != '\0' &&
           !strchr(path + length, '/');
}

static nb_status check(const submission *self, nb_error *err)
{
    bool has_document = false;
    if (!nb_text_is_id(self->song)) {
        return nb_fail(err, NB_E_INVALID, "'%.64s' is not the id of a song", self->song);
    }
    for (size_t i = 0; i < self->file_count; i++) {
        const char *path = self->files[i]->path;
        const bool is_document = strcmp(path, self->document) == 0;
        has_document |= is_document;
        if (!is_document && !is_in_folder(self, path)) {
            return nb_fail(err, NB_E_INVALID, "%.200s: a %s may put in only %s and files of %s",
                           path, nb_source_name(self->source), self->document, self->folder);
        }
    }
    return has_document ? NB_OK
                        : nb_fail(err, NB_E_INVALID, "%s is not among the files", self->document);
}

// nb_make_manifest: the newest revision's files, with these in the place of an earlier submission.
static nb_status make_manifest(nb_coordinator *self, const nb_album *album, const void *context,
                               nb_manifest *out, nb_error *err)
{
    (void)self;
    const submission *said = context;
    NB_SCOPED(nb_manifest_fini) nb_manifest newest = {0};
    const char *head = nb_revisions_head(album->revisions);
    nb_status status = check(said, err);
    if (status == NB_OK && head[0]) {
        status = nb_revisions_manifest(album->revisions, head, &newest, err);
    }
    for (size_t i = 0; status == NB_OK && i < newest.file_count; i++) {
        const nb_manifest_file *file = &newest.files[i];
        if (strcmp(file->path, said->document) != 0 && !is_in_folder(said, file->path)) {
            status = nb_manifest_add(out, file->path, &file->digest, file->size, err);
        }
    }
    for (size_t i = 0; status == NB_OK && i < said->file_count; i++) {
        const Nightbus__SubmittedFile *file = said->files[i];
        const nb_digest digest = nb_wire_to_digest(file->digest);
        status = nb_manifest_add(out, file->path, &digest, file->size, err);
    }
    if (status != NB_OK) {
        return status;
    }
    // As text and back: sorted, and checked as one that was pushed.
    NB_SCOPED(nb_text_free) char *text = nb_manifest_format(out);
    nb_manifest_fini(out);
    return text ? nb_manifest_parse(text, strlen(text), out, err)
                : nb_fail(err, NB_E_NO_MEMORY, "no memory for a manifest");
}

static nb_status submit(nb_coordinator *self, const nb_caller *caller, nb_push *push,
                        submission *said, nb_answer *answer, nb_error *err)
{
    char song[NB_SONG_SIZE];
    snprintf(song, sizeof song, "%s", nb_text_is_id(said->song) ? said->song : "");
    nb_song_path(song, said->source, said->document);
    snprintf(said->folder, sizeof said->folder, "songs/%s/%s/", song, nb_source_name(said->source));
    push->make = make_manifest;
    push->context = said;
    return nb_push_run(self, caller, push, answer, err);
}

nb_status nb_handle_submit_print(nb_coordinator *self, const nb_caller *caller,
                                 const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__SubmitPrint *body = request->submit_print;
    submission said = {.song = body->song,
                       .source = NB_SOURCE_PRINT,
                       .file_count = body->n_files,
                       .files = body->files};
    nb_push push = {.album = body->album,
                    .base = body->base_commit,
                    .message = body->message,
                    .client_id = body->client_id.data};
    return submit(self, caller, &push, &said, answer, err);
}

nb_status nb_handle_submit_master(nb_coordinator *self, const nb_caller *caller,
                                  const Nightbus__Request *request, nb_answer *answer,
                                  nb_error *err)
{
    const Nightbus__SubmitMaster *body = request->submit_master;
    submission said = {.song = body->song,
                       .source = NB_SOURCE_MASTER,
                       .file_count = body->n_files,
                       .files = body->files};
    nb_push push = {
        .album = body->album, .message = body->message, .client_id = body->client_id.data};
    return submit(self, caller, &push, &said, answer, err);
}
