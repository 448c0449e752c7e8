// SPDX-License-Identifier: GPL-3.0-or-later
/// @file measure.h  A plan that renders nothing: audio that was made elsewhere gets its report.

#ifndef NB_RENDERER_NODE_MEASURE_H
#define NB_RENDERER_NODE_MEASURE_H
#include "base/status.h"
#include "mix/fingerprint.h"
#include "mix/plan.h"
#include "mix/print.h"
#include "renderer/engine/print.h"

/// What a plan with a kind of print or master says, its document parsed, its key found here too.
/// NB_E_VERSION where the keys differ.
NB_NODISCARD nb_status nb_measure_read(const nb_plan *plan, const char *bytes, size_t size,
                                       const nb_fingerprint *fingerprint, nb_print **out,
                                       nb_error *err);

/// Measure the plan's files, which lie at `paths`. `out_text` is their report.json in new memory.
NB_NODISCARD nb_status nb_measure_run(const nb_plan *plan, const nb_print *print,
                                      char *const *paths, const nb_audio_watch *watch,
                                      nb_report *out, char **out_text, nb_error *err);

/// The plan's file that is the document's file `index`; null where the plan lacks it.
const nb_plan_file *nb_measure_file(const nb_plan *plan, const nb_print *print, size_t index);

#endif // NB_RENDERER_NODE_MEASURE_H
