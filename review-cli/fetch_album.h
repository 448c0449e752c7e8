// SPDX-License-Identifier: GPL-3.0-or-later
/// @file fetch_album.h  `fetch ALBUM --approved` and `--masters`: one version of each song.

#ifndef NB_REVIEW_CLI_FETCH_ALBUM_H
#define NB_REVIEW_CLI_FETCH_ALBUM_H
#include "review-cli/command.h"

NB_NODISCARD nb_status nb_fetch_album(nb_cli *cli, nb_error *err);

#endif // NB_REVIEW_CLI_FETCH_ALBUM_H
