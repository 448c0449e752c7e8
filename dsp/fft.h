// SPDX-License-Identifier: GPL-3.0-or-later
/// @file fft.h  The adapter to FFTW in floats: its planner is global state, behind one lock here.
///
/// For dsp/ and for what audio/ aligns. Plans are FFTW_ESTIMATE, so nothing measured chooses an
/// algorithm. They are made once and live as long as the program; running them is free for all
/// threads.

#ifndef NB_DSP_FFT_H
#define NB_DSP_FFT_H
#include "base/status.h"

#include <stddef.h>

/// Plans of one size, there and back.
typedef struct nb_fft nb_fft;

/// The smallest and largest size, powers of two.
#define NB_FFT_SIZE_MIN ((size_t)1 << 7)
#define NB_FFT_SIZE_MAX ((size_t)1 << 20)

/// Floats of a spectrum's real parts, padded to whole cache lines: size / 2 + 1 of them count. The
/// imaginary parts follow: so a product of spectra needs no shuffles, and GCC 12 finds no pattern
/// in it that it would fuse even with -ffp-contract=off.
static inline size_t nb_fft_bins(size_t size) { return size / 2 + 16; }

/// The plans of `size`, a power of two in [NB_FFT_SIZE_MIN, NB_FFT_SIZE_MAX], made if no one has
/// yet. They live as long as the program; all threads may run them.
NB_NODISCARD nb_status nb_fft_of_size(size_t size, const nb_fft **out_fft, nb_error *err);

/// Spectrum, 2 nb_fft_bins(size) floats, of `size` samples. Both 64-byte aligned; `samples` may be
/// overwritten.
void nb_fft_run_forward(const nb_fft *self, float *samples, float *spectrum);

/// The samples times the size; overwrites `spectrum`.
void nb_fft_run_inverse(const nb_fft *self, float *spectrum, float *samples);

#endif // NB_DSP_FFT_H
