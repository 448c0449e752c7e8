// SPDX-License-Identifier: GPL-3.0-or-later
/// @file submission.h  A print or master put onto an album's newest revision, whatever else a
/// working folder holds, and without one too.

#ifndef NB_REVIEW_CLI_SUBMISSION_H
#define NB_REVIEW_CLI_SUBMISSION_H
#include "base/status.h"
#include "mix/print.h"
#include "protocol/manifest.h"
#include "review-cli/farm.h"
#include "review-cli/folder.h"

#include <stdint.h>

/// One file of it. Of the two sources exactly one is set.
typedef struct nb_submitted {
    char *path;       ///< In the album
    char *local_path; ///< Bytes of this file here
    char *text;       ///< Or these
    nb_digest digest;
    uint64_t size;
} nb_submitted;

/// Zero-initialise, set the first two; nb_submission_fini frees.
typedef struct nb_submission {
    const char *song;
    nb_print_kind kind;
    size_t file_count;
    nb_submitted files[NB_PRINT_FILES_MAX + 1]; ///< The document stands last
    uint64_t sent_bytes;
} nb_submission;

void nb_submission_fini(nb_submission *self);

/// Put in an audio file, under its own name; it is hashed here. NB_E_INVALID where its name cannot
/// stand in an album.
NB_NODISCARD nb_status nb_submission_add(nb_submission *self, const char *local_path,
                                         nb_error *err);

/// Put in the document that names them all. `print` has what no file says: rate, start, and of a
/// master the mix; its kind and files are taken from here.
NB_NODISCARD nb_status nb_submission_describe(nb_submission *self, const nb_print *print,
                                              nb_error *err);

/// Send what the farm lacks, then the submission. With `base` (of a print; may be null) the newest
/// revision must be that one: NB_E_CONFLICT.
NB_NODISCARD nb_status nb_submission_send(nb_submission *self, nb_farm *farm, const char *base,
                                          const char *message, Nightbus__Reply **out_reply,
                                          nb_error *err);

/// Bring a working folder that stood at the revision before to the one that was made: the files
/// are written, its own changes to others stay.
NB_NODISCARD nb_status nb_submission_place(const nb_submission *self, nb_farm *farm,
                                           nb_folder *folder, const char *commit, nb_error *err);

#endif // NB_REVIEW_CLI_SUBMISSION_H
