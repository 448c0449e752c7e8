// SPDX-License-Identifier: GPL-3.0-or-later
/// @file ago.h  A moment as people say it: "just now", "2 min ago", a date.

#ifndef NB_REVIEW_CLI_AGO_H
#define NB_REVIEW_CLI_AGO_H
#include <stdint.h>

enum { NB_AGO_SIZE = 32 };

/// Both in wall-clock milliseconds. Older than a week is a date; a moment to come (clocks differ)
/// is "just now".
void nb_ago_format(int64_t wall_ms, int64_t now_ms, char out[NB_AGO_SIZE]);

#endif // NB_REVIEW_CLI_AGO_H
