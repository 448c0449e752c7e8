// SPDX-License-Identifier: GPL-3.0-or-later
/// @file span.h  Spans of time as options take them: "30m", "12h", "7d", "2w".

#ifndef NB_REVIEW_CLI_SPAN_H
#define NB_REVIEW_CLI_SPAN_H
#include "base/status.h"

#include <stdint.h>

/// A whole number and s, m, h, d or w; at most ten years. NB_E_USAGE names the option.
NB_NODISCARD nb_status nb_span_parse(const char *option, const char *text, int64_t *out_ms,
                                     nb_error *err);

#endif // NB_REVIEW_CLI_SPAN_H
