// SPDX-License-Identifier: GPL-3.0-or-later
/// @file fft_pair.h  Transforms of two real signals at once, in doubles: FFTW's other precision.
///
/// Inside dsp/ only. One signal is the real part, the other the imaginary one. A filter whose
/// spectrum is real leaves them apart, so that linear phase needs no more than this. Plans are
/// FFTW_ESTIMATE, made once, and live as long as the program; all threads may run them.

#ifndef NB_DSP_FFT_PAIR_H
#define NB_DSP_FFT_PAIR_H
#include "base/status.h"

#include <stddef.h>

typedef struct nb_fft_pair nb_fft_pair;

/// The smallest and largest size, powers of two. The engine's fingerprint probes them all.
#define NB_FFT_PAIR_MIN ((size_t)1 << 11)
#define NB_FFT_PAIR_MAX ((size_t)1 << 18)

/// Doubles from the first signal to the second: the size, and what keeps both from meeting in the
/// same places of the cache. A buffer has twice as many, 64-byte aligned.
static inline size_t nb_fft_pair_stride(size_t size) { return size + 16; }

/// The plans of `size`, made if no one has yet.
NB_NODISCARD nb_status nb_fft_pair_of_size(size_t size, const nb_fft_pair **out_pair,
                                           nb_error *err);

/// Signals to spectrum, in place.
void nb_fft_pair_forward(const nb_fft_pair *self, double *buffer);

/// Spectrum to signals times the size, in place.
void nb_fft_pair_inverse(const nb_fft_pair *self, double *buffer);

#endif // NB_DSP_FFT_PAIR_H
