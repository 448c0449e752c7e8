// SPDX-License-Identifier: GPL-3.0-or-later
/// @file fetch_mastering.h  `fetch SONG@V --for mastering`: a mix as a mastering engineer wants it,
/// its bytes untouched, with what was said and decided of it.

#ifndef NB_REVIEW_CLI_FETCH_MASTERING_H
#define NB_REVIEW_CLI_FETCH_MASTERING_H
#include "review-cli/command.h"

NB_NODISCARD nb_status nb_fetch_for_mastering(nb_cli *cli, nb_error *err);

#endif // NB_REVIEW_CLI_FETCH_MASTERING_H
