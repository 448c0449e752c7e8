// SPDX-License-Identifier: GPL-3.0-or-later
/// @file push.h  A new revision, whoever made its list of files: checked, committed, and what
/// follows from the commit.

#ifndef NB_COORDINATOR_PUSH_H
#define NB_COORDINATOR_PUSH_H
#include "coordinator/coordinator_private.h"

/// Makes the list of the revision's files.
typedef nb_status nb_make_manifest(nb_coordinator *self, const nb_album *album, const void *context,
                                   nb_manifest *out, nb_error *err);

typedef struct nb_push {
    const char *album;
    const char *base; ///< What must be the newest revision, "" for none; null: whatever is
    const char *message;
    const uint8_t *client_id; ///< NB_CLIENT_ID_SIZE bytes
    bool stems;
    nb_make_manifest *make;
    const void *context;
} nb_push;

/// Answers with Pushed. A repeat, known by its client id, gets the first answer. Where nothing
/// changed against the newest revision: with that revision and no versions.
NB_NODISCARD nb_status nb_push_run(nb_coordinator *self, const nb_caller *caller,
                                   const nb_push *push, nb_answer *answer, nb_error *err);

#endif // NB_COORDINATOR_PUSH_H
