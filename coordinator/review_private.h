// SPDX-License-Identifier: GPL-3.0-or-later
/// @file review_private.h  The review's references, watched and mended: for review_notes.c,
/// review_guard.c and review_erase.c.
///
/// The coordinator alone writes the review, and remembers what it wrote last under a reference of
/// its own. Where refs/notes/review is something else, another hand was there: that is set aside,
/// and the coordinator's own goes on. docs/store-format.md, "The review".

#ifndef NB_COORDINATOR_REVIEW_PRIVATE_H
#define NB_COORDINATOR_REVIEW_PRIVATE_H
#include "coordinator/revisions_private.h"

extern const char nb_review_ref[];   ///< "refs/notes/review"
extern const char nb_review_aside[]; ///< "refs/nightbus/set-aside/"

/// Look before reading or writing: is the review still as it was left?
NB_NODISCARD nb_status nb_review_guard(const nb_revisions *self, nb_error *err);

/// The review's commit; NB_E_NOT_FOUND without `err` where there is none yet.
NB_NODISCARD nb_status nb_review_head(const nb_revisions *self, git_oid *out, nb_error *err);

/// Make `commit` the review: on disk when it returns, and mended by the next guard where a crash
/// comes in between.
NB_NODISCARD nb_status nb_review_move(const nb_revisions *self, const git_oid *commit,
                                      nb_error *err);

/// Keep a commit under a reference of its own, whatever becomes of the review.
NB_NODISCARD nb_status nb_review_keep(const nb_revisions *self, const git_oid *commit,
                                      nb_error *err);

/// The events of `commit` can't be read: go back to the newest that can, and set the damage aside.
NB_NODISCARD nb_status nb_review_mend(const nb_revisions *self, const char *commit, nb_error *err);

/// Commit a tree as a review without a history before it.
NB_NODISCARD nb_status nb_review_commit_root(const nb_revisions *self, const git_oid *tree,
                                             const git_signature *author, const char *message,
                                             git_oid *out, nb_error *err);

#endif // NB_COORDINATOR_REVIEW_PRIVATE_H
