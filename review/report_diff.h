// SPDX-License-Identifier: GPL-3.0-or-later
/// @file report_diff.h  What was measured of two versions, side by side.

#ifndef NB_REVIEW_REPORT_DIFF_H
#define NB_REVIEW_REPORT_DIFF_H
#include "review/report.h"

/// Each figure that moved by more than 0.1, on a line of its own: integrated loudness, loudness
/// range, short-term maximum, true peak, PLR. Then the thirds of an octave that moved more than
/// 0.5 dB, neighbours that moved the same way together. One line that says so where nothing did.
void nb_report_diff_print(const nb_report *before, const nb_report *after, bool colour,
                          nb_text *out);

/// All of them, moved or not: "integrated_lufs": {"old", "new"}, ..., "spectrum": an array of
/// {"centre_hz", "old", "new"}. Null without memory.
json_t *nb_report_diff_to_json(const nb_report *before, const nb_report *after);

#endif // NB_REVIEW_REPORT_DIFF_H
