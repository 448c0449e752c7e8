// SPDX-License-Identifier: GPL-3.0-or-later
/// @file spectrum.h  Bin-exact spectra in 64-bit: for tests that look for harmonics and noise.

#ifndef NB_TESTS_DSP_SPECTRUM_H
#define NB_TESTS_DSP_SPECTRUM_H
#include <stddef.h>

enum { SPECTRUM_SIZE = 1 << 15, SPECTRUM_BINS = SPECTRUM_SIZE / 2 };

/// The odd bin next to a frequency: its harmonics and their aliases fall on bins of their own.
size_t spectrum_bin(double freq_hz, double rate_hz);

/// A sine that fills whole periods of the bin in SPECTRUM_SIZE frames, from phase 0 at frame 0.
void spectrum_sine(float *out, size_t frames, size_t bin, double peak);

/// Peak amplitudes of the sines at each bin (the mean at bin 0) of SPECTRUM_SIZE frames, no window.
void spectrum_of(const float *samples, double amplitudes[SPECTRUM_BINS]);

/// The largest amplitude under `limit` that is no multiple of `bin`, from bin `first` on.
double spectrum_worst_alias(const double amplitudes[SPECTRUM_BINS], size_t bin, size_t first,
                            size_t limit);

#endif // NB_TESTS_DSP_SPECTRUM_H
