// SPDX-License-Identifier: GPL-3.0-or-later
/// @file true_peak_kernel.h  The interpolators behind true_peak.h and the limiter.
///
/// Inside dsp/ only.

#ifndef NB_DSP_TRUE_PEAK_KERNEL_H
#define NB_DSP_TRUE_PEAK_KERNEL_H
#include <stddef.h>

enum {
    NB_TRUE_PEAK_PHASES = 16, ///< Points looked at for each sample
    NB_TRUE_PEAK_TAPS = 64,   ///< Of each phase: 31 before its sample, the sample, 32 behind it
    NB_TRUE_PEAK_BEFORE = 31,
    NB_TRUE_PEAK_BEHIND = 32,
    NB_TRUE_PEAK_COARSE_PHASES = 4,
    NB_TRUE_PEAK_COARSE_TAPS = 24, ///< Of libebur128's 49 taps at its two-fold rate: 12 + 12
    NB_TRUE_PEAK_COARSE_FIRST = NB_TRUE_PEAK_BEFORE - 11,
};

typedef struct nb_true_peak_filter {
    _Alignas(64) float fine[NB_TRUE_PEAK_TAPS][NB_TRUE_PEAK_PHASES];
    _Alignas(16) float coarse[NB_TRUE_PEAK_COARSE_TAPS][NB_TRUE_PEAK_COARSE_PHASES];
    float reach; ///< No interpolated point exceeds this times the largest sample
} nb_true_peak_filter;

void nb_true_peak_filter_init(nb_true_peak_filter *self, unsigned rate_hz);

/// peaks[i] = the largest of |x| from samples[i + NB_TRUE_PEAK_BEFORE] up to, and without, the next
/// sample. Reads count + NB_TRUE_PEAK_TAPS - 1 samples. Where nothing in reach comes up to `floor`,
/// a peak may read 0 instead: that is what makes quiet passages cheap.
typedef void nb_true_peak_scan(const nb_true_peak_filter *filter, const float *samples,
                               size_t count, float floor, float *peaks);

nb_true_peak_scan nb_true_peak_scan_x2;
#if defined(__x86_64__)
nb_true_peak_scan nb_true_peak_scan_x2_v3, nb_true_peak_scan_x4, nb_true_peak_scan_x8;
#endif

#endif // NB_DSP_TRUE_PEAK_KERNEL_H
