// SPDX-License-Identifier: GPL-3.0-or-later
/// @file master_comparison.h  A master held against the mix it was made of: is it the same music,
/// all of it, and what did mastering do to its level?

#ifndef NB_REVIEW_MASTER_COMPARISON_H
#define NB_REVIEW_MASTER_COMPARISON_H
#include "base/json.h"
#include "base/status.h"
#include "base/text.h"
#include "review/report.h"

#include <stdbool.h>

/// How much longer or shorter the sound of a master may be without a question: heads and tails
/// are cut, fades are made. Silence at either end does not count.
#define NB_MASTER_LENGTH_DIFFERENCE_S 3.0

/// -INFINITY for "none", as in a report.
typedef struct nb_master_figures {
    double duration_s;
    double sound_s; ///< Without the silence at its head and tail
    double integrated_lufs;
    double loudness_range_lu;
    double true_peak_dbtp;
    double plr_lu;
} nb_master_figures;

typedef struct nb_master_comparison {
    char mix[16];                    ///< "v4"
    nb_master_figures before, after; ///< Of the mix, of the master
    bool matches;                    ///< Both hold the same music; nothing below counts otherwise
    bool steady;                     ///< No part of it lies elsewhere than the rest
    bool inverted;                   ///< Its polarity is the mix's turned over
    double offset_s;                 ///< Positive: the music comes later in the master
    double confidence;               ///< 0 to 1
} nb_master_comparison;

void nb_master_figures_of(const nb_report *report, nb_master_figures *out);

/// The reasons to ask before such a master is taken, a sentence each; null behind the last. In
/// `out`, which holds NB_MASTER_DOUBTS_MAX and one more; their number is returned.
enum { NB_MASTER_DOUBTS_MAX = 3, NB_MASTER_DOUBT_SIZE = 160 };
size_t nb_master_doubts(const nb_master_comparison *self,
                        char out[NB_MASTER_DOUBTS_MAX][NB_MASTER_DOUBT_SIZE]);

/// What a master's report.json has under "comparison"; docs/masters.md has its keys. Null without
/// memory.
json_t *nb_master_comparison_to_json(const nb_master_comparison *self);
NB_NODISCARD nb_status nb_master_comparison_from_json(const char *what, const json_t *json,
                                                      nb_master_comparison *out, nb_error *err);

/// For a terminal: the figures side by side, then how it lies. At most 80 columns.
void nb_master_comparison_print(const nb_master_comparison *self, bool colour, nb_text *out);

#endif // NB_REVIEW_MASTER_COMPARISON_H
