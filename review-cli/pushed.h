// SPDX-License-Identifier: GPL-3.0-or-later
/// @file pushed.h  What came of a push: the versions it made, watched until they are rendered.

#ifndef NB_REVIEW_CLI_PUSHED_H
#define NB_REVIEW_CLI_PUSHED_H
#include "base/json.h"
#include "base/status.h"
#include "review-cli/farm.h"

#include <stdint.h>

/// All borrowed.
typedef struct nb_pushed {
    nb_cli *cli;
    nb_farm *farm;
    const Nightbus__Pushed *reply; ///< Null where there was nothing to push
    const char *commit;            ///< The revision that the folder now is; may be null
    uint64_t sent_bytes;
    const char *message; ///< What was said of it: "fixes #12" answers notes; may be null
    const char *details; ///< Lines for people behind the versions; may be null
    json_t *more;        ///< Put into the JSON; may be null
} nb_pushed;

/// docs/cli.md has the keys. Null without memory.
json_t *nb_pushed_to_json(const nb_pushed *self);

/// Print it and, without --no-wait, watch the jobs and print each version's headline. A version
/// that could not be rendered is NB_E_INVALID.
NB_NODISCARD nb_status nb_pushed_tell(const nb_pushed *self, nb_error *err);

#endif // NB_REVIEW_CLI_PUSHED_H
