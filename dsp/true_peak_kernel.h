// SPDX-License-Identifier: GPL-3.0-or-later
/// @file true_peak_kernel.h  The interpolators behind true_peak.h and the limiter.
///
/// Inside dsp/ only. Sixteen points a sample are reached in three steps: the point half way, by 64
/// taps, which alone must be sharp; from there, where half the band is empty, the quarters by 12;
/// from there twelve more by 6 each. Beside them stands the interpolator of libebur128.

#ifndef NB_DSP_TRUE_PEAK_KERNEL_H
#define NB_DSP_TRUE_PEAK_KERNEL_H
#include <stddef.h>

enum {
    NB_TRUE_PEAK_POINTS = 16, ///< Looked at for each sample
    // Weights go by pairs: of the two values as near to the point, one before, one behind it.
    NB_TRUE_PEAK_HALF_PAIRS = 32,
    NB_TRUE_PEAK_QUARTER_PAIRS = 6,
    NB_TRUE_PEAK_FINE_PAIRS = 3,
    NB_TRUE_PEAK_COARSE_HALF_PAIRS = 12,   ///< libebur128's 49 taps where it doubles the rate
    NB_TRUE_PEAK_COARSE_QUARTER_PAIRS = 6, ///< ... and where it takes it fourfold
    /// Samples before the one looked at that its points depend on, and behind it. The last fine
    /// points need the half way points up to three samples away.
    NB_TRUE_PEAK_BEFORE = NB_TRUE_PEAK_HALF_PAIRS - 1 + 3,
    NB_TRUE_PEAK_BEHIND = NB_TRUE_PEAK_HALF_PAIRS + 3,
    NB_TRUE_PEAK_WINDOW = NB_TRUE_PEAK_BEFORE + 1 + NB_TRUE_PEAK_BEHIND,
};

/// A point at 1/4 of the way is sum(even (a + b)) + sum(odd (a - b)) over pairs, the one at 3/4 the
/// same with a minus: the larger of both has the magnitude of the sums added.
typedef struct nb_true_peak_filter nb_true_peak_filter;

/// peaks[i] = the largest of |x| from samples[i + NB_TRUE_PEAK_BEFORE] up to, and without, the next
/// sample. Reads count + NB_TRUE_PEAK_WINDOW - 1 samples. A peak under `floor` may read anything
/// under it: that is what makes quiet passages cheap.
typedef void nb_true_peak_scan(const nb_true_peak_filter *filter, const float *samples,
                               size_t count, float floor, float *peaks);

struct nb_true_peak_filter {
    float half[NB_TRUE_PEAK_HALF_PAIRS];
    float quarter[NB_TRUE_PEAK_QUARTER_PAIRS];
    float fine_middle[NB_TRUE_PEAK_FINE_PAIRS];
    float fine_even[NB_TRUE_PEAK_FINE_PAIRS];
    float fine_odd[NB_TRUE_PEAK_FINE_PAIRS];
    float coarse_half[NB_TRUE_PEAK_COARSE_HALF_PAIRS];
    float coarse_even[NB_TRUE_PEAK_COARSE_QUARTER_PAIRS];
    float coarse_odd[NB_TRUE_PEAK_COARSE_QUARTER_PAIRS];
    unsigned coarse_points;  ///< A sample: 1, 2 or 4
    float reach;             ///< No point exceeds this times the largest sample of its window
    float fine_reach;        ///< No fine point exceeds this times the largest of its six neighbours
    nb_true_peak_scan *scan; ///< In this machine's widest registers; the bits are the same in all
};

void nb_true_peak_filter_init(nb_true_peak_filter *self, unsigned rate_hz);

nb_true_peak_scan nb_true_peak_scan_x2;
#if defined(__x86_64__)
nb_true_peak_scan nb_true_peak_scan_x2_v3, nb_true_peak_scan_x4, nb_true_peak_scan_x8;
#endif

#endif // NB_DSP_TRUE_PEAK_KERNEL_H
