// SPDX-License-Identifier: GPL-3.0-or-later
/// @file notes.h  The notes of a version, fetched page by page; and as markers.

#ifndef NB_REVIEW_CLI_NOTES_H
#define NB_REVIEW_CLI_NOTES_H
#include "base/json.h"
#include "base/status.h"
#include "review-cli/farm.h"
#include "review-cli/version_name.h"
#include "review/markers.h"

/// Notes as one JSON array of their rows (docs/cli.md). Zero-initialise; nb_notes_fini frees.
typedef struct nb_notes {
    json_t *rows;
    char version[64]; ///< What "latest" was
} nb_notes;

void nb_notes_fini(nb_notes *self);

NB_NODISCARD nb_status nb_notes_fetch(nb_farm *farm, const nb_version_name *name, nb_notes *out,
                                      nb_error *err);

/// The notes as markers, by place, their texts safe to print.
NB_NODISCARD nb_status nb_notes_to_markers(const nb_notes *self, nb_markers *out, nb_error *err);

#endif // NB_REVIEW_CLI_NOTES_H
