// SPDX-License-Identifier: GPL-3.0-or-later
// The review of an album: git notes, one for each commit that has events.
#include "base/text.h"
#include "coordinator/review_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTE_PATH_SIZE = GIT_OID_HEXSZ + 2 }; // "ab/cdef..." and its end

static const char branch_ref[] = "refs/heads/review";

static void free_entry(git_tree_entry **entry_p) { git_tree_entry_free(*entry_p); }
static void free_note(git_note **note_p) { git_note_free(*note_p); }
static void free_reference(git_reference **reference_p) { git_reference_free(*reference_p); }

nb_status nb_revisions_link_review(nb_revisions *self, nb_error *err)
{
    git_oid id;
    if (git_reference_name_to_id(&id, self->repo, nb_review_ref) != 0) {
        return NB_OK; // no notes yet; a branch that leads nowhere would trouble git fsck
    }
    NB_SCOPED(free_reference) git_reference *branch = NULL;
    const int code = git_reference_lookup(&branch, self->repo, branch_ref);
    if (code == 0 && git_reference_type(branch) == GIT_REFERENCE_SYMBOLIC) {
        return NB_OK;
    }
    NB_SCOPED(free_reference) git_reference *made = NULL;
    const int made_code =
        git_reference_symbolic_create(&made, self->repo, branch_ref, nb_review_ref, 1, NULL);
    return (made_code == 0) ? NB_OK : nb_git_fail(self, made_code, "making branch review", err);
}

// Does the tree of the notes name events of the commit, whether they can be read or not?
static nb_status find_events(const nb_revisions *self, const char *commit, bool *out, nb_error *err)
{
    git_oid id;
    char path[NOTE_PATH_SIZE];
    NB_SCOPED(nb_git_commit_free) git_commit *head = NULL;
    NB_SCOPED(nb_git_tree_free) git_tree *tree = NULL;
    NB_SCOPED(free_entry) git_tree_entry *entry = NULL;
    *out = false;
    int code = git_reference_name_to_id(&id, self->repo, nb_review_ref);
    if (code == GIT_ENOTFOUND) {
        return NB_OK; // before the first word
    }
    if (code == 0) {
        code = git_commit_lookup(&head, self->repo, &id);
    }
    if (code == 0) {
        code = git_commit_tree(&tree, head);
    }
    if (code != 0) { // no review at all is something else than one that can't be read
        return nb_git_fail(self, code == GIT_ENOTFOUND ? GIT_ERROR : code, "reading its review",
                           err);
    }
    snprintf(path, sizeof path, "%.2s/%s", commit, commit + 2);
    *out = git_tree_entry_bypath(&entry, tree, commit) == 0 ||
           git_tree_entry_bypath(&entry, tree, path) == 0;
    return NB_OK;
}

nb_status nb_revisions_review(const nb_revisions *self, const char *commit, char **out_lines,
                              nb_error *err)
{
    *out_lines = NULL;
    git_oid id;
    if (git_oid_fromstr(&id, commit) != 0) {
        return nb_fail(err, NB_E_INVALID, "'%.60s' is not a commit: 40 hex digits", commit);
    }
    nb_status status = nb_review_guard(self, err);
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(free_note) git_note *note = NULL;
    int code = git_note_read(&note, self->repo, nb_review_ref, &id);
    bool has_events = false;
    if (code != 0) {
        status = find_events(self, commit, &has_events, err);
    }
    if (status == NB_OK && has_events) {
        status = nb_review_mend(self, commit, err);
        code = (status == NB_OK) ? git_note_read(&note, self->repo, nb_review_ref, &id) : 0;
    }
    if (status != NB_OK) {
        return status;
    }
    if (code != 0 && code != GIT_ENOTFOUND) {
        return nb_git_fail(self, code, "reading its review", err);
    }
    *out_lines = strdup(note ? git_note_message(note) : "");
    return *out_lines ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for the review");
}

// ---- Writing ----

// What changes by one call.
typedef struct change {
    nb_revisions *self;
    git_tree *tree;     ///< Of the notes as they are; null before the first
    git_commit *parent; ///< And its commit
    size_t update_count;
    git_tree_update *updates;
    char (*paths)[NOTE_PATH_SIZE];
} change;

static void change_fini(change *self)
{
    git_tree_free(self->tree);
    git_commit_free(self->parent);
    free(self->updates);
    free(self->paths);
}

static nb_status load_notes(change *self, nb_error *err)
{
    git_oid id;
    int code = git_reference_name_to_id(&id, self->self->repo, nb_review_ref);
    if (code == GIT_ENOTFOUND) {
        return NB_OK;
    }
    if (code == 0) {
        code = git_commit_lookup(&self->parent, self->self->repo, &id);
    }
    if (code == 0) {
        code = git_commit_tree(&self->tree, self->parent);
    }
    return (code == 0) ? NB_OK : nb_git_fail(self->self, code, "reading its review", err);
}

// Where a commit's note is. A new one goes into the folder of its first two digits, as git itself
// does it where there are many: no tree has more than a 256th of the notes.
static nb_status find_path(const change *self, const char *commit, char out[NOTE_PATH_SIZE],
                           nb_error *err)
{
    NB_SCOPED(free_entry) git_tree_entry *entry = NULL;
    snprintf(out, NOTE_PATH_SIZE, "%s", commit);
    const int code = self->tree ? git_tree_entry_bypath(&entry, self->tree, commit) : GIT_ENOTFOUND;
    if (code == GIT_ENOTFOUND) {
        snprintf(out, NOTE_PATH_SIZE, "%.2s/%s", commit, commit + 2);
        return NB_OK;
    }
    return (code == 0) ? NB_OK : nb_git_fail(self->self, code, "reading its review", err);
}

static bool is_first_of_commit(const nb_review_line *lines, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(lines[i].commit, lines[index].commit) == 0) {
            return false;
        }
    }
    return true;
}

// The events of lines[first]'s commit, with all lines for it behind them.
static nb_status add_update(change *self, const nb_review_line *lines, size_t count, size_t first,
                            nb_error *err)
{
    const char *commit = lines[first].commit;
    NB_SCOPED(nb_text_free) char *present = NULL;
    nb_status status = nb_revisions_review(self->self, commit, &present, err);
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_text_add(&text, present);
    if (text.length > 0 && text.chars[text.length - 1] != '\n') {
        nb_text_add(&text, "\n");
    }
    for (size_t i = first; i < count; i++) {
        if (strcmp(lines[i].commit, commit) == 0) {
            nb_text_addf(&text, "%s\n", lines[i].line);
        }
    }
    if (text.failed) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the review");
    }
    char *path = self->paths[self->update_count];
    status = find_path(self, commit, path, err);
    if (status != NB_OK) {
        return status;
    }
    git_tree_update *update = &self->updates[self->update_count++];
    *update = (git_tree_update){
        .action = GIT_TREE_UPDATE_UPSERT, .filemode = GIT_FILEMODE_BLOB, .path = path};
    const int code =
        git_blob_create_from_buffer(&update->id, self->self->repo, text.chars, text.length);
    return (code == 0) ? NB_OK : nb_git_fail(self->self, code, "writing its review", err);
}

static nb_status commit_notes(change *self, const char *person, int64_t time_ms, nb_error *err)
{
    NB_SCOPED(nb_git_signature_free) git_signature *author = NULL;
    const nb_status status = nb_git_signature(self->self, person, time_ms, &author, err);
    if (status != NB_OK) {
        return status;
    }
    git_repository *repo = self->self->repo;
    NB_SCOPED(nb_git_tree_free) git_tree *tree = NULL;
    git_oid id;
    int code = git_tree_create_updated(&id, repo, self->tree, self->update_count, self->updates);
    if (code == 0) {
        code = git_tree_lookup(&tree, repo, &id);
    }
    const git_commit *parents[] = {self->parent};
    if (code == 0) {
        code = git_commit_create(&id, repo, NULL, author, author, "UTF-8", "Review\n", tree,
                                 self->parent ? 1 : 0, parents);
    }
    if (code != 0) {
        return nb_git_fail(self->self, code, "writing its review", err);
    }
    const nb_status moved = nb_review_move(self->self, &id, err);
    return (moved == NB_OK) ? nb_revisions_link_review(self->self, err) : moved;
}

nb_status nb_revisions_review_add_all(nb_revisions *self, const nb_review_line *lines, size_t count,
                                      const char *person, int64_t time_ms, nb_error *err)
{
    if (count == 0) {
        return NB_OK;
    }
    NB_SCOPED(change_fini)
    change made = {.self = self,
                   .updates = calloc(count, sizeof *made.updates),
                   .paths = calloc(count, sizeof *made.paths)};
    if (!made.updates || !made.paths) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the review");
    }
    nb_status status = load_notes(&made, err);
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        if (is_first_of_commit(lines, i)) {
            status = add_update(&made, lines, count, i, err);
        }
    }
    return (status == NB_OK) ? commit_notes(&made, person, time_ms, err) : status;
}

nb_status nb_revisions_review_add(nb_revisions *self, const char *commit, const char *line,
                                  const char *person, int64_t time_ms, nb_error *err)
{
    const nb_review_line one = {commit, line};
    return nb_revisions_review_add_all(self, &one, 1, person, time_ms, err);
}
