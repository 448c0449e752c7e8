// SPDX-License-Identifier: GPL-3.0-or-later
/// @file pull.h  The newest revision into a working folder, without touching what was changed
/// there.
///
/// A file that changed on one side only is taken from that side. One that changed on both stays as
/// it is here, and theirs is written beside it as FILE.theirs: merging a mix is listening, not
/// guessing.

#ifndef NB_REVIEW_CLI_PULL_H
#define NB_REVIEW_CLI_PULL_H
#include "base/digest.h"
#include "base/status.h"
#include "base/text.h"
#include "review-cli/farm.h"
#include "review-cli/folder.h"

#include <stdbool.h>
#include <stddef.h>

/// What becomes of one file.
typedef enum nb_pull_action {
    NB_PULL_KEEP,     ///< Here it is as it should be, or only we changed it
    NB_PULL_TAKE,     ///< Theirs is written
    NB_PULL_REMOVE,   ///< They removed it, we had not changed it
    NB_PULL_CONFLICT, ///< Both changed it: theirs goes beside ours
    NB_PULL_STAYS,    ///< They removed it, we changed it: ours stays
} nb_pull_action;

/// The rule, by the file's digest in the base, at the head and here; null where it is absent.
nb_pull_action nb_pull_decide(const nb_digest *base, const nb_digest *head, const nb_digest *here);

/// What a pull did.
typedef struct nb_pull_result {
    char head[48]; ///< "" while the album is empty
    size_t taken_count, removed_count;
    size_t conflict_count;
    nb_text conflicts; ///< A line for each
    bool was_current;
} nb_pull_result;

void nb_pull_result_fini(nb_pull_result *self);

/// Fetch the head and bring the folder up to it; the base moves with it, also where there are
/// conflicts. Interrupted, it changes no file half and may be repeated.
NB_NODISCARD nb_status nb_pull(nb_farm *farm, nb_folder *folder, nb_pull_result *out,
                               nb_error *err);

/// A FILE.theirs of an earlier pull that is still there, as a path in the album; new memory, null
/// if there is none.
char *nb_pull_find_unmerged(const nb_folder *folder);

#endif // NB_REVIEW_CLI_PULL_H
