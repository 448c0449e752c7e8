// SPDX-License-Identifier: GPL-3.0-or-later
/// @file ask.h  Questions before what can't be meant by accident.

#ifndef NB_REVIEW_CLI_ASK_H
#define NB_REVIEW_CLI_ASK_H
#include "base/status.h"
#include "review-cli/command.h"

#define NB_OPTION_YES                                                                              \
    {                                                                                              \
        "yes", 'y', NULL, "do it without asking", 0                                                \
    }

/// Go on? Yes where --yes was given; otherwise the person is asked on the terminal, and no is
/// NB_E_CANCELLED. Without a terminal it is NB_E_CONFLICT: `fact`, and that --yes goes on. `fact`
/// is a clause without a period ("night@v5 is newer"), `question` a short one ("approve v4?").
NB_NODISCARD nb_status nb_ask(const nb_cli *cli, const char *fact, const char *question,
                              nb_error *err);

#endif // NB_REVIEW_CLI_ASK_H
