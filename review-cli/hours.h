// SPDX-License-Identifier: GPL-3.0-or-later
/// @file hours.h  --window and --zone, as commands take them.

#ifndef NB_REVIEW_CLI_HOURS_H
#define NB_REVIEW_CLI_HOURS_H
#include "base/window.h"
#include "review-cli/args.h"

/// What --window says, with --zone or the zone of this machine: "22:00-06:00 Europe/Berlin". "" for
/// `none`. *out_given is false where --window was not given.
NB_NODISCARD nb_status nb_hours_get(const nb_args *args, char out[NB_WINDOW_TEXT_SIZE],
                                    bool *out_given, nb_error *err);

#endif // NB_REVIEW_CLI_HOURS_H
