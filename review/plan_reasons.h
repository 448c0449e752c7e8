// SPDX-License-Identifier: GPL-3.0-or-later
/// @file plan_reasons.h  Why an output has to be made: which changes of a mix reach it.

#ifndef NB_REVIEW_PLAN_REASONS_H
#define NB_REVIEW_PLAN_REASONS_H
#include "mix/graph.h"
#include "review/mix_diff.h"

/// Mark in out[change] the changes that can be heard and whose strip feeds the sink `output`
/// ("mix", "alternate/tv", "stem/drums") in one of the two graphs; `before` may be null. What is
/// about the whole song counts for all, what is about an alternate for that one. A stem that none
/// of this touches is another one since the mix's length is, and so is its own: then what may
/// have done that.
NB_NODISCARD nb_status nb_plan_reasons_find(const nb_mix_diff *changes, const nb_graph *before,
                                            const nb_graph *after, const char *output, bool *out,
                                            nb_error *err);

/// The marked changes in words, as nb_mix_diff_print has them.
NB_NODISCARD nb_status nb_plan_reasons_print(const nb_mix_diff *changes, const bool *marks,
                                             bool colour, nb_text *out, nb_error *err);

#endif // NB_REVIEW_PLAN_REASONS_H
