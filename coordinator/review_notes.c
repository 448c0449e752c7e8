// SPDX-License-Identifier: GPL-3.0-or-later
// The review of an album: git notes, one for each commit that has events.
#include "base/text.h"
#include "coordinator/revisions_private.h"

#include <stdlib.h>
#include <string.h>

static const char notes_ref[] = "refs/notes/review";
static const char branch_ref[] = "refs/heads/review";

static void free_note(git_note **note_p) { git_note_free(*note_p); }
static void free_reference(git_reference **reference_p) { git_reference_free(*reference_p); }

nb_status nb_revisions_link_review(nb_revisions *self, nb_error *err)
{
    git_oid id;
    if (git_reference_name_to_id(&id, self->repo, notes_ref) != 0) {
        return NB_OK; // no notes yet; a branch that leads nowhere would trouble git fsck
    }
    NB_SCOPED(free_reference) git_reference *branch = NULL;
    const int code = git_reference_lookup(&branch, self->repo, branch_ref);
    if (code == 0 && git_reference_type(branch) == GIT_REFERENCE_SYMBOLIC) {
        return NB_OK;
    }
    NB_SCOPED(free_reference) git_reference *made = NULL;
    const int made_code =
        git_reference_symbolic_create(&made, self->repo, branch_ref, notes_ref, 1, NULL);
    return (made_code == 0) ? NB_OK : nb_git_fail(self, made_code, "making branch review", err);
}

nb_status nb_revisions_review(const nb_revisions *self, const char *commit, char **out_lines,
                              nb_error *err)
{
    *out_lines = NULL;
    git_oid id;
    if (git_oid_fromstr(&id, commit) != 0) {
        return nb_fail(err, NB_E_INVALID, "'%.60s' is not a commit: 40 hex digits", commit);
    }
    NB_SCOPED(free_note) git_note *note = NULL;
    const int code = git_note_read(&note, self->repo, notes_ref, &id);
    if (code != 0 && code != GIT_ENOTFOUND) {
        return nb_git_fail(self, code, "reading its review", err);
    }
    *out_lines = strdup(note ? git_note_message(note) : "");
    return *out_lines ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for the review");
}

nb_status nb_revisions_review_add(nb_revisions *self, const char *commit, const char *line,
                                  const char *person, int64_t time_ms, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *lines = NULL;
    nb_status status = nb_revisions_review(self, commit, &lines, err);
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    NB_SCOPED(nb_git_signature_free) git_signature *author = NULL;
    if (status == NB_OK) {
        status = nb_git_signature(self, person, time_ms, &author, err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_text_add(&text, lines);
    if (text.length > 0 && text.chars[text.length - 1] != '\n') {
        nb_text_add(&text, "\n");
    }
    nb_text_addf(&text, "%s\n", line);
    if (text.failed) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the review");
    }
    git_oid target;
    git_oid id;
    int code = git_oid_fromstr(&target, commit);
    if (code == 0) {
        code = git_note_create(&id, self->repo, notes_ref, author, author, &target, text.chars, 1);
    }
    return (code == 0) ? nb_revisions_link_review(self, err)
                       : nb_git_fail(self, code, "writing its review", err);
}
