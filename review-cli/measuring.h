// SPDX-License-Identifier: GPL-3.0-or-later
/// @file measuring.h  A file here, measured with a progress bar.

#ifndef NB_REVIEW_CLI_MEASURING_H
#define NB_REVIEW_CLI_MEASURING_H
#include "audio/audio_file.h"
#include "base/status.h"
#include "review/report.h"

/// Read all of the file at `path`, which is as `info` says, and measure it. The caller frees `out`
/// with nb_report_fini.
NB_NODISCARD nb_status nb_measure_file(const char *path, const nb_audio_info *info, nb_report *out,
                                       nb_error *err);

#endif // NB_REVIEW_CLI_MEASURING_H
