// SPDX-License-Identifier: GPL-3.0-or-later
// Phases side by side in a register, taps one after the other: the order of each sum, and so its
// bits, are the same at every width.
#include "dsp/true_peak_kernel.h"
#include "dsp/lanes.h"

#include <string.h>

enum {
    WIDTH = 2 * NB_LANES, // floats in a register
    REGISTERS = NB_TRUE_PEAK_PHASES / WIDTH,
    GROUP = 4, // samples at once: their sums do not wait for one another
};

typedef float phases __attribute__((vector_size(WIDTH * 4)));
typedef float quad __attribute__((vector_size(16)));

// Floats without their sign are ordered as integers are, which vectorises without -ffast-math.
static inline int32_t bits_without_sign(float value)
{
    int32_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    return bits & INT32_MAX;
}

static inline float float_of_bits(int32_t bits)
{
    float value = 0.0F;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float largest_sample(const float *samples, size_t count)
{
    int32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        const int32_t bits = bits_without_sign(samples[i]);
        largest = (bits > largest) ? bits : largest;
    }
    return float_of_bits(largest);
}

static inline int32_t largest_of(const float *values, size_t count, int32_t largest)
{
    for (size_t i = 0; i < count; i++) {
        const int32_t bits = bits_without_sign(values[i]);
        largest = (bits > largest) ? bits : largest;
    }
    return largest;
}

// Peaks of the GROUP samples from `x` on.
static void scan_group(const nb_true_peak_filter *filter, const float *x, float *peaks)
{
    phases fine[GROUP][REGISTERS];
    memset(fine, 0, sizeof fine);
    for (size_t k = 0; k < NB_TRUE_PEAK_TAPS; k++) {
        const phases *taps = (const phases *)(const void *)filter->fine[k];
        for (size_t i = 0; i < GROUP; i++) {
            for (size_t r = 0; r < REGISTERS; r++) {
                fine[i][r] += taps[r] * x[i + k];
            }
        }
    }
    quad coarse[GROUP];
    memset(coarse, 0, sizeof coarse);
    for (size_t k = 0; k < NB_TRUE_PEAK_COARSE_TAPS; k++) {
        const quad taps = *(const quad *)(const void *)filter->coarse[k];
        for (size_t i = 0; i < GROUP; i++) {
            coarse[i] += taps * x[i + k + NB_TRUE_PEAK_COARSE_FIRST];
        }
    }
    for (size_t i = 0; i < GROUP; i++) {
        int32_t largest = bits_without_sign(x[i + NB_TRUE_PEAK_BEFORE]);
        largest = largest_of((const float *)fine[i], NB_TRUE_PEAK_PHASES, largest);
        largest = largest_of((const float *)&coarse[i], NB_TRUE_PEAK_COARSE_PHASES, largest);
        peaks[i] = float_of_bits(largest);
    }
}

void NB_KERNEL(nb_true_peak_scan)(const nb_true_peak_filter *filter, const float *samples,
                                  size_t count, float floor, float *peaks)
{
    enum { STRIDE = 4 * GROUP };
    for (size_t start = 0; start < count; start += STRIDE) {
        const size_t frames = (count - start < STRIDE) ? count - start : STRIDE;
        const float *x = samples + start;
        memset(peaks + start, 0, frames * sizeof *peaks);
        if (largest_sample(x, frames + NB_TRUE_PEAK_TAPS - 1) * filter->reach < floor) {
            continue;
        }
        size_t i = 0;
        for (; i + GROUP <= frames; i += GROUP) {
            scan_group(filter, x + i, peaks + start + i);
        }
        if (i < frames) {
            float rest[GROUP + NB_TRUE_PEAK_TAPS] = {0};
            float rest_peaks[GROUP];
            memcpy(rest, x + i, (frames - i + NB_TRUE_PEAK_TAPS - 1) * sizeof *rest);
            scan_group(filter, rest, rest_peaks);
            memcpy(peaks + start + i, rest_peaks, (frames - i) * sizeof *peaks);
        }
    }
}
