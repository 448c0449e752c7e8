// SPDX-License-Identifier: GPL-3.0-or-later
/// @file sinc.h  Reading a line between its frames: a windowed sinc of 16 taps.
///
/// Inside dsp/ only. Kaiser window, beta 8: within 0.001 dB of flat, and -78 dB of the ideal, to
/// 15 kHz at 48 kHz; -0.13 dB at 18 kHz. The table is made in `init`, by libm.

#ifndef NB_DSP_SINC_H
#define NB_DSP_SINC_H
#include "base/arena.h"

#include <stddef.h>

enum {
    NB_SINC_TAPS = 16,
    NB_SINC_AFTER = 7,    ///< Tap k weighs the frame k - NB_SINC_AFTER ahead of the place
    NB_SINC_PHASES = 256, ///< Rows of the table; a straight line between two errs by -94 dB
};

/// Taps for each phase and, beside them, the way to the next phase's.
typedef struct nb_sinc_row {
    float taps[NB_SINC_TAPS];
    float slopes[NB_SINC_TAPS];
} nb_sinc_row;

/// A table of NB_SINC_PHASES rows for fractions in [0, 1); null without memory. Each row's taps
/// sum to 1.
const nb_sinc_row *nb_sinc_table_new(nb_arena *arena);

/// The taps of a Kaiser-windowed sinc at `fraction` behind tap `after`; their sum is 1.
void nb_sinc_taps(double fraction, size_t after, size_t count, double beta, double *out_taps);

#endif // NB_DSP_SINC_H
