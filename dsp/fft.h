// SPDX-License-Identifier: GPL-3.0-or-later
/// @file fft.h  The one adapter to FFTW: its planner is global state, behind one lock here.
///
/// Inside dsp/ only. Plans are FFTW_ESTIMATE, so nothing measured chooses an algorithm. They are
/// made once and live as long as the program; running them is free for all threads.

#ifndef NB_DSP_FFT_H
#define NB_DSP_FFT_H
#include "base/status.h"

#include <complex.h>
#include <stddef.h>

/// Samples of the one size that convolution uses.
#define NB_FFT_SIZE 16384
/// Complex numbers of its spectrum.
#define NB_FFT_BINS (NB_FFT_SIZE / 2 + 1)

/// Make the plans if no one has yet. Call it before the two below.
NB_NODISCARD nb_status nb_fft_prepare(nb_error *err);

/// Spectrum of NB_FFT_SIZE samples. Both 64-byte aligned; `samples` may be overwritten.
void nb_fft_forward(float *samples, float complex *spectrum);

/// The samples times NB_FFT_SIZE; overwrites `spectrum`.
void nb_fft_inverse(float complex *spectrum, float *samples);

#endif // NB_DSP_FFT_H
