// SPDX-License-Identifier: GPL-3.0-or-later
// What changed in an album's review between two of its commits: git compares the trees, so that the
// cost is that of what is new, not of all that was ever said.
#include "base/text.h"
#include "coordinator/review_private.h"

#include <stdlib.h>
#include <string.h>

static void free_diff(git_diff **diff_p) { git_diff_free(*diff_p); }

nb_status nb_revisions_review_head(const nb_revisions *self, char out[NB_COMMIT_SIZE],
                                   nb_error *err)
{
    git_oid id;
    out[0] = '\0';
    const nb_status status = nb_review_guard(self, err);
    if (status != NB_OK) {
        return status;
    }
    const int code = git_reference_name_to_id(&id, self->repo, nb_review_ref);
    if (code == GIT_ENOTFOUND) {
        return NB_OK;
    }
    if (code != 0) {
        return nb_git_fail(self, code, "reading its review", err);
    }
    git_oid_tostr(out, NB_COMMIT_SIZE, &id);
    return NB_OK;
}

bool nb_revisions_review_includes(const nb_revisions *self, const char *later, const char *earlier)
{
    git_oid newer;
    git_oid older;
    if (git_oid_fromstr(&newer, later) != 0 || git_oid_fromstr(&older, earlier) != 0) {
        return false;
    }
    return git_oid_equal(&newer, &older) ||
           git_graph_descendant_of(self->repo, &newer, &older) == 1;
}

static nb_status load_tree(const nb_revisions *self, const char *commit, git_tree **out,
                           nb_error *err)
{
    NB_SCOPED(nb_git_commit_free) git_commit *found = NULL;
    *out = NULL;
    if (commit[0] == '\0') {
        return NB_OK; // before the first word
    }
    git_oid id;
    int code = git_oid_fromstr(&id, commit);
    if (code == 0) {
        code = git_commit_lookup(&found, self->repo, &id);
    }
    if (code == 0) {
        code = git_commit_tree(out, found);
    }
    return (code == 0) ? NB_OK : nb_git_fail(self, code, "reading its review", err);
}

/// The bytes of a note as text in new memory; "" for none.
static nb_status read_lines(const nb_revisions *self, const git_diff_file *file, char **out,
                            nb_error *err)
{
    git_blob *blob = NULL;
    *out = NULL;
    if (!(file->flags & GIT_DIFF_FLAG_EXISTS) || git_oid_is_zero(&file->id)) {
        *out = strdup("");
    } else {
        const int code = git_blob_lookup(&blob, self->repo, &file->id);
        if (code != 0) {
            return nb_git_fail(self, code, "reading its review", err);
        }
        *out = strndup(git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob));
        git_blob_free(blob);
    }
    return *out ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for the review");
}

nb_status nb_revisions_review_changes(const nb_revisions *self, const char *since,
                                      const char *until, nb_review_change_visit *visit,
                                      void *context, nb_error *err)
{
    NB_SCOPED(nb_git_tree_free) git_tree *before = NULL;
    NB_SCOPED(nb_git_tree_free) git_tree *now = NULL;
    NB_SCOPED(free_diff) git_diff *diff = NULL;
    nb_status status = load_tree(self, since, &before, err);
    if (status == NB_OK) {
        status = load_tree(self, until, &now, err);
    }
    if (status != NB_OK) {
        return status;
    }
    const int code = git_diff_tree_to_tree(&diff, self->repo, before, now, NULL);
    if (code != 0) {
        return nb_git_fail(self, code, "comparing its review", err);
    }
    // A note that moved into a folder shows as one removed and one added: all its events are old
    // ones, which the visitor knows by their ids only if it sees both, so its paths are matched.
    const int matched = git_diff_find_similar(diff, NULL);
    if (matched != 0) {
        return nb_git_fail(self, matched, "comparing its review", err);
    }
    for (size_t i = 0; status == NB_OK && i < git_diff_num_deltas(diff); i++) {
        const git_diff_delta *delta = git_diff_get_delta(diff, i);
        NB_SCOPED(nb_text_free) char *old_lines = NULL;
        NB_SCOPED(nb_text_free) char *new_lines = NULL;
        status = read_lines(self, &delta->old_file, &old_lines, err);
        if (status == NB_OK) {
            status = read_lines(self, &delta->new_file, &new_lines, err);
        }
        if (status == NB_OK) {
            status = visit(context, old_lines, new_lines, err);
        }
    }
    return status;
}
