// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/git_pack.h"

#include "base/file.h"
#include "base/text.h"

#include <git2/sys/mempack.h>
#include <git2/sys/odb_backend.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_OF_ALL = 999, ///< The backend that is asked first, and so takes what is written
    PACKED_REFS_MAX = 64 << 20,
};

static const char packed_refs_header[] = "# pack-refs with: peeled fully-peeled sorted \n";

static void free_odb(git_odb **odb_p) { git_odb_free(*odb_p); }
static void free_builder(git_packbuilder **builder_p) { git_packbuilder_free(*builder_p); }

nb_status nb_git_pack_open(const nb_revisions *revisions, nb_git_pack *out, nb_error *err)
{
    *out = (nb_git_pack){.revisions = revisions, .view = *revisions};
    out->view.repo = NULL;
    NB_SCOPED(free_odb) git_odb *odb = NULL;
    git_odb_backend *memory = NULL;
    int code = git_repository_open_bare(&out->view.repo, git_repository_path(revisions->repo));
    if (code == 0) {
        code = git_repository_odb(&odb, out->view.repo);
    }
    if (code == 0) {
        code = git_mempack_new(&memory);
    }
    if (code == 0) {
        code = git_odb_add_backend(odb, memory, FIRST_OF_ALL); // its owner from here on
    }
    if (code != 0) {
        nb_git_pack_close(out);
        return nb_git_fail(revisions, code, "opening it for a large push", err);
    }
    return NB_OK;
}

void nb_git_pack_close(nb_git_pack *self)
{
    git_repository_free(self->view.repo);
    self->view.repo = NULL;
}

static int insert(git_packbuilder *builder, git_repository *repo, const git_oid *id)
{
    git_commit *commit = NULL;
    if (git_commit_lookup(&commit, repo, id) == 0) {
        git_commit_free(commit);
        return git_packbuilder_insert_commit(builder, id);
    }
    return git_packbuilder_insert(builder, id, NULL);
}

nb_status nb_git_pack_write(const nb_git_pack *self, const git_oid *ids, size_t count,
                            nb_error *err)
{
    NB_SCOPED(free_builder) git_packbuilder *builder = NULL;
    NB_SCOPED(free_odb) git_odb *odb = NULL;
    int code = git_packbuilder_new(&builder, self->view.repo);
    for (size_t i = 0; code == 0 && i < count; i++) {
        code = insert(builder, self->view.repo, &ids[i]);
    }
    if (code == 0) {
        code = git_packbuilder_write(builder, NULL, 0, NULL, NULL);
    }
    if (code == 0) {
        code = git_repository_odb(&odb, self->revisions->repo);
    }
    if (code == 0) {
        code = git_odb_refresh(odb); // the album's own handle sees the pack from here on
    }
    return (code == 0) ? NB_OK : nb_git_fail(self->revisions, code, "writing a pack", err);
}

// ---- Tags ----

static int compare_tags(const void *a, const void *b)
{
    return strcmp(((const nb_git_tag_line *)a)->name, ((const nb_git_tag_line *)b)->name);
}

static void add_tag(nb_text *out, const nb_git_tag_line *tag)
{
    char id[GIT_OID_HEXSZ + 1];
    git_oid_tostr(id, sizeof id, &tag->tag);
    nb_text_addf(out, "%s %s\n", id, tag->name);
    git_oid_tostr(id, sizeof id, &tag->target);
    nb_text_addf(out, "^%s\n", id);
}

// The lines of the old file and the new tags, in the order of their names. A line that begins with
// '^' belongs to the one before it.
static void merge(const char *old, const nb_git_tag_line *tags, size_t count, nb_text *out)
{
    size_t next = 0;
    nb_text_add(out, packed_refs_header);
    for (const char *line = old; *line;) {
        const char *end = strchrnul(line, '\n');
        const size_t length = (size_t)(end - line);
        if (line[0] != '#' && line[0] != '^' && length > GIT_OID_HEXSZ + 1) {
            char name[1024];
            snprintf(name, sizeof name, "%.*s", (int)(length - GIT_OID_HEXSZ - 1),
                     line + GIT_OID_HEXSZ + 1);
            while (next < count && strcmp(tags[next].name, name) < 0) {
                add_tag(out, &tags[next++]);
            }
        }
        if (line[0] != '#') {
            nb_text_add_bytes(out, line, length);
            nb_text_add(out, "\n");
        }
        line = *end ? end + 1 : end;
    }
    while (next < count) {
        add_tag(out, &tags[next++]);
    }
}

nb_status nb_git_pack_tags(const nb_revisions *revisions, nb_git_tag_line *tags, size_t count,
                           nb_error *err)
{
    NB_SCOPED(nb_text_free)
    char *path = nb_file_join(git_repository_path(revisions->repo), "packed-refs");
    NB_SCOPED(nb_text_free) char *old = NULL;
    size_t size = 0;
    if (!path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for tags");
    }
    if (nb_file_exists(path)) {
        const nb_status status = nb_file_read(path, PACKED_REFS_MAX, &old, &size, err);
        if (status != NB_OK) {
            return status;
        }
    }
    qsort(tags, count, sizeof *tags, compare_tags);
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    merge(old ? old : "", tags, count, &text);
    return text.failed ? nb_fail(err, NB_E_NO_MEMORY, "no memory for tags")
                       : nb_file_write(path, text.chars, text.length, 0666, err);
}
