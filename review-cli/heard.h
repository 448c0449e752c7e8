// SPDX-License-Identifier: GPL-3.0-or-later
/// @file heard.h  What compare and play take: an audio file, or a version whose mix is fetched.
///
/// Fetched mixes are kept in $XDG_CACHE_HOME/nightbus/mixes (else ~/.cache), named by their digest;
/// the NB_HEARD_KEPT used last stay.

#ifndef NB_REVIEW_CLI_HEARD_H
#define NB_REVIEW_CLI_HEARD_H
#include "base/status.h"
#include "review-cli/command.h"

enum { NB_HEARD_KEPT = 16 };

/// Zero-initialise; nb_heard_fini frees.
typedef struct nb_heard {
    char *path;
    char *title; ///< For people, printable: the file as it was given, or "night@v3"
} nb_heard;

void nb_heard_fini(nb_heard *self);

/// Find `word`, a file or else a version; files need no farm. Waits for a version that is still
/// rendering.
NB_NODISCARD nb_status nb_heard_find(const nb_cli *cli, const char *word, nb_heard *out,
                                     nb_error *err);

#endif // NB_REVIEW_CLI_HEARD_H
