// SPDX-License-Identifier: GPL-3.0-or-later
/// @file since.h  "Since when", as people say it: "2d", "3h", "2026-11-01".

#ifndef NB_REVIEW_CLI_SINCE_H
#define NB_REVIEW_CLI_SINCE_H
#include "base/status.h"

#include <stdint.h>

/// Read a number of minutes, hours, days or weeks before `now_ms` ("30m", "3h", "2d", "1w"), or a
/// date (UTC, its midnight), into wall-clock milliseconds. NB_E_USAGE in words.
NB_NODISCARD nb_status nb_since_parse(const char *text, int64_t now_ms, int64_t *out_ms,
                                      nb_error *err);

#endif // NB_REVIEW_CLI_SINCE_H
