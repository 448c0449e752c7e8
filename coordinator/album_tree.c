// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/album_tree.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char attributes_path[] = ".gitattributes";

// The rule of nb_manifest_is_document. Documents keep their bytes: no line ends are turned.
static const char attributes[] = "* filter=lfs diff=lfs merge=lfs -text\n"
                                 "?*.yaml !filter diff !merge -text\n"
                                 "?*.yml !filter diff !merge -text\n"
                                 "?*.md !filter diff !merge -text\n"
                                 "?*.txt !filter diff !merge -text\n"
                                 "?*.json !filter diff !merge -text\n"
                                 ".gitattributes !filter diff !merge -text\n";

static void free_index(git_index **index_p) { git_index_free(*index_p); }
static void free_blob(git_blob **blob_p) { git_blob_free(*blob_p); }

// ---- Pointers ----

static const char pointer_start[] = "version https://git-lfs.github.com/spec/v1\noid sha256:";

void nb_lfs_pointer_format(const nb_digest *digest, uint64_t size, char *out)
{
    char hex[NB_DIGEST_HEX_SIZE];
    nb_digest_to_hex(digest, hex);
    snprintf(out, NB_LFS_POINTER_MAX, "%s%s\nsize %" PRIu64 "\n", pointer_start, hex, size);
}

nb_status nb_lfs_pointer_parse(const char *text, size_t size, nb_digest *out_digest,
                               uint64_t *out_size, nb_error *err)
{
    const size_t start = sizeof pointer_start - 1;
    const size_t hex_length = NB_DIGEST_HEX_SIZE - 1;
    char copy[NB_LFS_POINTER_MAX] = "";
    if (size >= sizeof copy || size < start + hex_length ||
        memcmp(text, pointer_start, start) != 0) {
        return nb_fail(err, NB_E_CORRUPT, "not a Git LFS pointer");
    }
    memcpy(copy, text, size);
    char hex[NB_DIGEST_HEX_SIZE] = "";
    memcpy(hex, copy + start, hex_length);
    const char *rest = copy + start + hex_length;
    char *end = NULL;
    if (strncmp(rest, "\nsize ", 6) != 0 || rest[6] < '0' || rest[6] > '9') {
        return nb_fail(err, NB_E_CORRUPT, "a Git LFS pointer without a size");
    }
    *out_size = strtoull(rest + 6, &end, 10);
    if (strcmp(end, "\n") != 0) {
        return nb_fail(err, NB_E_CORRUPT, "a Git LFS pointer with more behind its size");
    }
    return nb_digest_from_hex(hex, out_digest, err);
}

// ---- Writing ----

static nb_status write_blob(const nb_revisions *self, const void *bytes, size_t size, git_oid *out,
                            nb_error *err)
{
    const int code = git_blob_create_from_buffer(out, self->repo, bytes, size);
    return (code == 0) ? NB_OK : nb_git_fail(self, code, "writing a file", err);
}

static nb_status write_file(const nb_revisions *self, const nb_manifest_file *file, git_oid *out,
                            nb_error *err)
{
    if (!nb_manifest_is_document(file->path)) {
        char pointer[NB_LFS_POINTER_MAX];
        nb_lfs_pointer_format(&file->digest, file->size, pointer);
        // By the specification an empty file is its own pointer.
        return write_blob(self, pointer, file->size > 0 ? strlen(pointer) : 0, out, err);
    }
    if (file->size > NB_MANIFEST_DOCUMENT_BYTES_MAX) {
        return nb_fail(err, NB_E_LIMIT, "%s has %" PRIu64 " bytes; a document has at most %d",
                       file->path, file->size, NB_MANIFEST_DOCUMENT_BYTES_MAX);
    }
    void *bytes = NULL;
    size_t size = 0;
    nb_status status = nb_blob_store_get(self->store, &file->digest, &bytes, &size, err);
    if (status == NB_OK) {
        status = write_blob(self, bytes, size, out, err);
    }
    free(bytes);
    return status;
}

static nb_status add_entry(const nb_revisions *self, git_index *index, const char *path,
                           const git_oid *id, nb_error *err)
{
    git_index_entry entry = {.mode = GIT_FILEMODE_BLOB, .path = path, .id = *id};
    const int code = git_index_add(index, &entry);
    return (code == 0) ? NB_OK : nb_git_fail(self, code, path, err);
}

static nb_status fill_index(const nb_revisions *self, const nb_manifest *manifest, git_index *index,
                            nb_error *err)
{
    git_oid id;
    nb_status status = write_blob(self, attributes, sizeof attributes - 1, &id, err);
    if (status == NB_OK) {
        status = add_entry(self, index, attributes_path, &id, err);
    }
    for (size_t i = 0; status == NB_OK && i < manifest->file_count; i++) {
        status = write_file(self, &manifest->files[i], &id, err);
        if (status == NB_OK) {
            status = add_entry(self, index, manifest->files[i].path, &id, err);
        }
    }
    return status;
}

nb_status nb_album_tree_write(const nb_revisions *self, const nb_manifest *manifest,
                              git_tree **out_tree, nb_error *err)
{
    *out_tree = NULL;
    NB_SCOPED(free_index) git_index *index = NULL;
    int code = git_index_new(&index);
    if (code != 0) {
        return nb_git_fail(self, code, "sorting the revision's files", err);
    }
    const nb_status status = fill_index(self, manifest, index, err);
    if (status != NB_OK) {
        return status;
    }
    git_oid id;
    code = git_index_write_tree_to(&id, index, self->repo);
    if (code == 0) {
        code = git_tree_lookup(out_tree, self->repo, &id);
    }
    return (code == 0) ? NB_OK : nb_git_fail(self, code, "writing the revision's folders", err);
}

// ---- Reading ----

typedef struct tree_reader {
    const nb_revisions *revisions;
    nb_manifest *manifest;
    nb_error *err;
    nb_status status;
} tree_reader;

static nb_status read_file(const tree_reader *self, const char *path, const git_oid *id)
{
    NB_SCOPED(free_blob) git_blob *blob = NULL;
    const int code = git_blob_lookup(&blob, self->revisions->repo, id);
    if (code != 0) {
        return nb_git_fail(self->revisions, code, path, self->err);
    }
    const char *bytes = git_blob_rawcontent(blob);
    uint64_t size = (uint64_t)git_blob_rawsize(blob);
    nb_digest digest;
    if (nb_manifest_is_document(path) || size == 0) {
        digest = nb_digest_of(bytes, size);
    } else {
        const nb_status status =
            nb_lfs_pointer_parse(bytes, (size_t)size, &digest, &size, self->err);
        if (status != NB_OK) {
            return status;
        }
    }
    return nb_manifest_add(self->manifest, path, &digest, size, self->err);
}

// git_tree_walk callback; `root` ends with a slash or is empty.
static int visit(const char *root, const git_tree_entry *entry, void *payload)
{
    tree_reader *self = payload;
    if (git_tree_entry_type(entry) == GIT_OBJECT_TREE) {
        return 0;
    }
    NB_SCOPED(nb_text_free) char *path = nb_text_format("%s%s", root, git_tree_entry_name(entry));
    if (!path) {
        self->status = nb_fail(self->err, NB_E_NO_MEMORY, "no memory for a path");
        return -1;
    }
    if (strcmp(path, attributes_path) == 0) {
        return 0;
    }
    self->status = read_file(self, path, git_tree_entry_id(entry));
    return (self->status == NB_OK) ? 0 : -1;
}

nb_status nb_album_tree_read(const nb_revisions *self, const git_tree *tree, nb_manifest *out,
                             nb_error *err)
{
    tree_reader reader = {.revisions = self, .manifest = out, .err = err, .status = NB_OK};
    const int code = git_tree_walk(tree, GIT_TREEWALK_PRE, visit, &reader);
    if (reader.status != NB_OK) {
        nb_manifest_fini(out);
        return reader.status;
    }
    if (code != 0) {
        nb_manifest_fini(out);
        return nb_git_fail(self, code, "reading a revision's files", err);
    }
    // Git sorts a folder "a" as "a/"; a manifest's paths ascend as plain strings.
    NB_SCOPED(nb_text_free) char *sorted = nb_manifest_format(out);
    return sorted ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for a manifest");
}
