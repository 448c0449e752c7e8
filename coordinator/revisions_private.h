// SPDX-License-Identifier: GPL-3.0-or-later
/// @file revisions_private.h  The inside of an album's repository, for revisions.c, versions.c and
/// review_notes.c.

#ifndef NB_COORDINATOR_REVISIONS_PRIVATE_H
#define NB_COORDINATOR_REVISIONS_PRIVATE_H
#include "coordinator/revisions.h"

#include <git2.h>

struct nb_revisions {
    git_repository *repo;
    nb_blob_store *store;
    char *name; ///< Of the folder, for errors
    char head[NB_COMMIT_SIZE];
    size_t version_count;
    nb_version *versions; ///< By song, then number
};

/// What libgit2 says of its last failure, as a status.
nb_status nb_git_fail(const nb_revisions *self, int code, const char *what, nb_error *err);

/// Is what libgit2's last call should have read lost: gone, or not what its name says? False where
/// the call failed for another reason, such as memory or a disk that may do better the next time:
/// nothing is given up for that.
bool nb_git_is_lost(const nb_revisions *self, int code);

/// For NB_SCOPED.
void nb_git_object_free(git_object **object_p);
void nb_git_tree_free(git_tree **tree_p);
void nb_git_commit_free(git_commit **commit_p);
void nb_git_signature_free(git_signature **signature_p);

NB_NODISCARD nb_status nb_git_signature(const nb_revisions *self, const char *person,
                                        int64_t time_ms, git_signature **out, nb_error *err);

/// NB_E_NOT_FOUND where the album has no such commit.
NB_NODISCARD nb_status nb_git_commit(const nb_revisions *self, const char *commit, git_commit **out,
                                     nb_error *err);

/// Read all tags into self->versions.
NB_NODISCARD nb_status nb_revisions_load_versions(nb_revisions *self, nb_error *err);
/// Make the branch `review` lead to the notes, once there are any.
NB_NODISCARD nb_status nb_revisions_link_review(nb_revisions *self, nb_error *err);

#endif // NB_COORDINATOR_REVISIONS_PRIVATE_H
