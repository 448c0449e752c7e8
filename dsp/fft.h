// SPDX-License-Identifier: GPL-3.0-or-later
/// @file fft.h  The one adapter to FFTW: its planner is global state, behind one lock here.
///
/// For dsp/ and for what audio/ aligns. Plans are FFTW_ESTIMATE, so nothing measured chooses an algorithm. They are
/// made once and live as long as the program; running them is free for all threads.

#ifndef NB_DSP_FFT_H
#define NB_DSP_FFT_H
#include "base/status.h"

#include <stddef.h>

/// Samples of the size that convolution uses.
#define NB_FFT_SIZE 16384
/// Floats of a spectrum's real parts, padded to whole cache lines: 8193 of them count.
#define NB_FFT_BINS (NB_FFT_SIZE / 2 + 16)
/// Floats of a spectrum: all real parts, then all imaginary ones. So a product of spectra needs no
/// shuffles, and GCC 12 finds no pattern in it that it would fuse even with -ffp-contract=off.
#define NB_FFT_SPECTRUM (2 * NB_FFT_BINS)

/// Make the plans if no one has yet. Call it before the two below.
NB_NODISCARD nb_status nb_fft_prepare(nb_error *err);

/// Spectrum of NB_FFT_SIZE samples. Both 64-byte aligned; `samples` may be overwritten.
void nb_fft_forward(float *samples, float *spectrum);

/// The samples times NB_FFT_SIZE; overwrites `spectrum`.
void nb_fft_inverse(float *spectrum, float *samples);

/// Plans of one size, there and back.
typedef struct nb_fft nb_fft;

/// The smallest and largest size, powers of two.
#define NB_FFT_SIZE_MIN ((size_t)1 << 7)
#define NB_FFT_SIZE_MAX ((size_t)1 << 20)

/// Floats of a spectrum's real parts, padded as NB_FFT_BINS is: size / 2 + 1 of them count. The
/// imaginary parts follow.
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
