// SPDX-License-Identifier: GPL-3.0-or-later
/// @file answered.h  Which notes a version answers, and which it leaves open.

#ifndef NB_REVIEW_CLI_ANSWERED_H
#define NB_REVIEW_CLI_ANSWERED_H
#include "base/json.h"
#include "base/text.h"
#include "review-cli/farm.h"

/// Notes as rows of `note list` (docs/cli.md). Zero-initialise; nb_answered_fini frees.
typedef struct nb_answered {
    json_t *fixed;
    json_t *open;
    nb_text missed; ///< What a message says it fixes but could not, a line each
} nb_answered;

void nb_answered_fini(nb_answered *self);

/// Of the versions ("night@v4") that a push with this message made.
NB_NODISCARD nb_status nb_answered_by_push(nb_farm *farm, char *const *versions, size_t count,
                                           const char *message, nb_answered *out, nb_error *err);

/// The notes of `before` that a later version, up to `after`, answers; only `fixed` is filled.
NB_NODISCARD nb_status nb_answered_between(nb_farm *farm, const nb_version_name *before,
                                           const nb_version_name *after, nb_answered *out,
                                           nb_error *err);

/// One line a note: "  WORDS night#12 at 1:32.000: vocal up".
void nb_answered_print(const json_t *notes, const char *words, nb_text *out);

#endif // NB_REVIEW_CLI_ANSWERED_H
