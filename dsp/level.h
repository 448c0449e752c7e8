// SPDX-License-Identifier: GPL-3.0-or-later
/// @file level.h  The processors at a register width of one's choice: for tests and measurements.

#ifndef NB_DSP_LEVEL_H
#define NB_DSP_LEVEL_H
#include "dsp/processor.h"

/// Whether this build has kernels of that many lanes and this CPU can run them.
bool nb_level_runs(size_t lanes);

/// As nb_processor_at, for registers of `lanes` doubles; null where nb_level_runs says no. All
/// widths share names, parameters, latency and tail, and give the same bits.
const nb_processor *nb_processor_at_level(size_t index, size_t lanes);

#endif // NB_DSP_LEVEL_H
