// SPDX-License-Identifier: GPL-3.0-or-later
/// @file graft.h  A few files put onto an album's newest revision, whatever else a working folder
/// holds, and without one too: a print, a master.

#ifndef NB_REVIEW_CLI_GRAFT_H
#define NB_REVIEW_CLI_GRAFT_H
#include "base/status.h"
#include "protocol/manifest.h"
#include "review-cli/farm.h"
#include "review-cli/folder.h"

#include <stdint.h>

enum { NB_GRAFT_FILES_MAX = 64 };

/// One file to put in. Of the two sources exactly one is set.
typedef struct nb_graft_file {
    char *path;       ///< In the album
    char *local_path; ///< Bytes of this file here
    char *text;       ///< Or these
    nb_digest digest;
    uint64_t size;
} nb_graft_file;

/// Zero-initialise; nb_graft_fini frees.
typedef struct nb_graft {
    char *folder_replaced; ///< Files below this folder that are not put in are taken out
    size_t file_count;
    nb_graft_file files[NB_GRAFT_FILES_MAX];
    uint64_t sent_bytes;
} nb_graft;

void nb_graft_fini(nb_graft *self);

/// Put a file in; it is hashed here, with progress.
NB_NODISCARD nb_status nb_graft_add_file(nb_graft *self, const char *path, const char *local_path,
                                         nb_error *err);
/// Put a document in; `text` becomes the graft's.
NB_NODISCARD nb_status nb_graft_add_text(nb_graft *self, const char *path, char *text,
                                         nb_error *err);

/// Send what the farm lacks and push. Where somebody pushes at the same moment it is done again on
/// theirs. With `base` (may be null) the newest revision must be that one: NB_E_CONFLICT.
NB_NODISCARD nb_status nb_graft_push(nb_graft *self, nb_farm *farm, const char *base,
                                     const char *message, Nightbus__Reply **out_reply,
                                     nb_error *err);

/// Bring a working folder that stood at `base` to the revision that was made: the files are
/// written, its own changes to others stay.
NB_NODISCARD nb_status nb_graft_place(const nb_graft *self, nb_farm *farm, nb_folder *folder,
                                      const char *commit, nb_error *err);

/// The manifest of a revision, or of the newest one for null; `*out_head` (may be null) is its
/// commit, in new memory, null while the album is empty.
NB_NODISCARD nb_status nb_farm_manifest(nb_farm *farm, const char *commit, char **out_head,
                                        nb_manifest *out, nb_error *err);

#endif // NB_REVIEW_CLI_GRAFT_H
