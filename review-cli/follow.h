// SPDX-License-Identifier: GPL-3.0-or-later
/// @file follow.h  Watching jobs until they are over.

#ifndef NB_REVIEW_CLI_FOLLOW_H
#define NB_REVIEW_CLI_FOLLOW_H
#include "base/status.h"
#include "review-cli/farm.h"

#include <stddef.h>
#include <stdint.h>

enum { NB_FOLLOW_JOBS_MAX = 1000 };

/// How one job ended.
typedef struct nb_followed {
    char name[96];   ///< "night@v3"
    bool done;       ///< False: it failed
    bool cached;     ///< Nothing was rendered: the keys were known
    char error[512]; ///< Of a failed one
} nb_followed;

/// Called with each new line of a job's log; may be null.
typedef void nb_follow_line(void *context, const char *line);

/// Watch `jobs` with one progress bar until all are over. `out` has room for `count`. Ctrl-C is
/// NB_E_INTERRUPTED: the jobs go on.
NB_NODISCARD nb_status nb_follow(nb_farm *farm, const uint64_t *jobs, size_t count,
                                 nb_follow_line *on_line, void *context, nb_followed *out,
                                 nb_error *err);

#endif // NB_REVIEW_CLI_FOLLOW_H
