// SPDX-License-Identifier: GPL-3.0-or-later
/// @file standing.h  Where a version stands, in words and as JSON: the same in log, show, status.

#ifndef NB_REVIEW_CLI_STANDING_H
#define NB_REVIEW_CLI_STANDING_H
#include "base/json.h"
#include "base/text.h"
#include "protocol/nightbus.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

/// "approved", "changes", "open"; of a version without a rendering its state: "running". Borrowed.
const char *nb_standing_short(const Nightbus__VersionRow *row);

/// "approved by ada, 2 h ago", "changes requested by ada, ...", "open", "open (ada withdrew ...)".
void nb_standing_words(const Nightbus__VersionRow *row, int64_t now_ms, nb_text *out);

/// "-14.2" or "" where it has none.
void nb_standing_loudness(const Nightbus__VersionRow *row, char out[16]);

/// The row for --json; null without memory. docs/cli.md has the keys.
json_t *nb_standing_to_json(const Nightbus__VersionRow *row);

/// The number in "v12" or "m3"; 0 for another text.
unsigned nb_standing_number(const char *version);

/// True for a master of an older mix than the newest.
bool nb_standing_is_left_behind(const Nightbus__VersionRow *row);

#endif // NB_REVIEW_CLI_STANDING_H
