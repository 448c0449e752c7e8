// SPDX-License-Identifier: GPL-3.0-or-later
/// @file push_print.h  `push --print FILE SONG`: a mix made elsewhere becomes a version.

#ifndef NB_REVIEW_CLI_PUSH_PRINT_H
#define NB_REVIEW_CLI_PUSH_PRINT_H
#include "review-cli/command.h"

/// In a working folder it must stand at the newest revision, and gets the print too; outside of one
/// --album names the album.
NB_NODISCARD nb_status nb_push_print(nb_cli *cli, nb_error *err);

#endif // NB_REVIEW_CLI_PUSH_PRINT_H
