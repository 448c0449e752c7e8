// SPDX-License-Identifier: GPL-3.0-or-later
// Samples side by side in a register, taps one after the other: the order of each sum, and so its
// bits, are the same at every width.
#include "dsp/true_peak_kernel.h"
#include "dsp/lanes.h"

#include <math.h>
#include <string.h>

#if defined(__AVX512F__)
enum { WIDTH = 16 };
#elif defined(__AVX__)
enum { WIDTH = 8 };
#else
enum { WIDTH = 4 };
#endif

enum {
    PAD = 16,               ///< The widest WIDTH: no array's length, and no bit, depends on it
    BLOCK = 128,            ///< Samples looked at together
    EDGE = 3,               ///< Half way points needed on either side of them
    ROW = BLOCK + 2 * EDGE, ///< Three registers' worth of each width go into 144 as they are
    GROUP = 3,              ///< Registers at once: their sums do not wait for one another
    COARSE_FIRST = NB_TRUE_PEAK_BEFORE, ///< In the samples, the one at the block's first place
};

typedef float row __attribute__((vector_size(WIDTH * 4), aligned(4)));
typedef int32_t row_bits __attribute__((vector_size(WIDTH * 4), aligned(4)));

// What is known between the samples: place i + EDGE belongs to the block's sample i.
typedef struct points {
    float samples[ROW + 2 * PAD];
    float first_quarters[ROW + 2 * PAD];
    float halves[ROW + 2 * PAD];
    float third_quarters[ROW + 2 * PAD];
} points;

static inline row load(const float *at)
{
    row value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline void store(float *at, row value) { memcpy(at, &value, sizeof value); }

static inline row magnitude(row value) { return (row)((row_bits)value & INT32_MAX); }

static inline row larger(row a, row b)
{
#if defined(__AVX512F__)
    return (row)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX__)
    return (row)_mm256_max_ps((__m256)a, (__m256)b);
#elif defined(__SSE2__)
    return (row)_mm_max_ps((__m128)a, (__m128)b);
#else
    const row_bits mask = a > b;
    return (row)((mask & (row_bits)a) | (~mask & (row_bits)b));
#endif
}

// The largest magnitude of all; floats without their sign are ordered as integers are.
static float largest_of(const float *values, size_t count)
{
    int32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        int32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        bits &= INT32_MAX;
        largest = (bits > largest) ? bits : largest;
    }
    float value;
    memcpy(&value, &largest, sizeof value);
    return value;
}

// Half way points of `count` places: out[i] lies between x[i + 31] and x[i + 32].
static void find_halves(const nb_true_peak_filter *filter, const float *x, size_t count, float *out)
{
    for (size_t start = 0; start < count; start += GROUP * WIDTH) {
        row sums[GROUP] = {{0}};
        for (size_t j = NB_TRUE_PEAK_HALF_PAIRS; j-- > 0;) { // the smallest weights first
            const float *before = x + start + NB_TRUE_PEAK_HALF_PAIRS - 1 - j;
            const float *behind = x + start + NB_TRUE_PEAK_HALF_PAIRS + j;
            for (size_t g = 0; g < GROUP; g++) {
                sums[g] += filter->half[j] * (load(before + g * WIDTH) + load(behind + g * WIDTH));
            }
        }
        for (size_t g = 0; g < GROUP; g++) {
            store(out + start + g * WIDTH, sums[g]);
        }
    }
}

// Value `m` half samples from place i, among samples and half way points.
static inline row at_half(const points *self, size_t i, int m)
{
    const int whole = (m - (m & 1)) / 2;
    return load(((m & 1) ? self->halves : self->samples) + ((ptrdiff_t)i + whole));
}

// Value `m` quarters of a sample from place i, among all.
static inline row at_quarter(const points *self, size_t i, int m)
{
    const float *const of[] = {self->samples, self->first_quarters, self->halves,
                               self->third_quarters};
    const int part = m & 3;
    return load(of[part] + ((ptrdiff_t)i + (m - part) / 4));
}

static inline __attribute__((always_inline)) row quarter(const nb_true_peak_filter *filter,
                                                         const points *self, size_t i, int m)
{
    row sum = {0};
    for (int j = NB_TRUE_PEAK_QUARTER_PAIRS; j-- > 0;) {
        sum += filter->quarter[j] * (at_half(self, i, m - j) + at_half(self, i, m + 1 + j));
    }
    return sum;
}

// Quarters from one place before the block to one behind it; they need halves two further out.
static void find_quarters(const nb_true_peak_filter *filter, size_t count, points *self)
{
    for (size_t i = EDGE - 1; i < EDGE + count + 1; i += WIDTH) {
        store(self->first_quarters + i, quarter(filter, self, i, 0));
        store(self->third_quarters + i, quarter(filter, self, i, 1));
    }
}

// The largest of the three fine points between the values m and m + 1 quarters from place i.
static inline __attribute__((always_inline)) row fine(const nb_true_peak_filter *filter,
                                                      const points *self, size_t i, int m)
{
    row middle = {0};
    row even = {0};
    row odd = {0};
    for (int j = NB_TRUE_PEAK_FINE_PAIRS; j-- > 0;) {
        const row before = at_quarter(self, i, m - j);
        const row behind = at_quarter(self, i, m + 1 + j);
        middle += filter->fine_middle[j] * (before + behind);
        even += filter->fine_even[j] * (before + behind);
        odd += filter->fine_odd[j] * (before - behind);
    }
    return larger(magnitude(middle), magnitude(even) + magnitude(odd));
}

// Of libebur128's points: in `self`, the samples alone.
static inline __attribute__((always_inline)) row coarse(const nb_true_peak_filter *filter,
                                                        const float *x, size_t pairs)
{
    row middle = {0};
    for (size_t j = pairs; j-- > 0;) {
        middle += filter->coarse_half[j] * (load(x - j) + load(x + 1 + j));
    }
    return magnitude(middle);
}

static inline __attribute__((always_inline)) row coarse_quarters(const nb_true_peak_filter *filter,
                                                                 const float *x)
{
    row even = {0};
    row odd = {0};
    for (size_t j = NB_TRUE_PEAK_COARSE_QUARTER_PAIRS; j-- > 0;) {
        const row before = load(x - j);
        const row behind = load(x + 1 + j);
        even += filter->coarse_even[j] * (before + behind);
        odd += filter->coarse_odd[j] * (before - behind);
    }
    return magnitude(even) + magnitude(odd);
}

static void find_coarse(const nb_true_peak_filter *filter, const float *x, size_t count,
                        float *peaks)
{
    for (size_t i = 0; i < count && filter->coarse_points == 4; i += WIDTH) {
        const row peak = larger(coarse(filter, x + i, NB_TRUE_PEAK_COARSE_QUARTER_PAIRS),
                                coarse_quarters(filter, x + i));
        store(peaks + i, larger(load(peaks + i), peak));
    }
    for (size_t i = 0; i < count && filter->coarse_points == 2; i += WIDTH) {
        const row peak = coarse(filter, x + i, NB_TRUE_PEAK_COARSE_HALF_PAIRS);
        store(peaks + i, larger(load(peaks + i), peak));
    }
}

// Peaks of `count` samples, at most BLOCK; `x` is readable for PAD and more beyond their window.
static void scan_block(const nb_true_peak_filter *filter, const float *x, size_t count, float floor,
                       float *peaks)
{
    points all;
    memcpy(all.samples, x + NB_TRUE_PEAK_HALF_PAIRS - 1, sizeof all.samples);
    find_halves(filter, x, count + 2 * EDGE, all.halves);
    find_quarters(filter, count, &all);
    for (size_t i = 0; i < count; i += WIDTH) {
        const size_t at = i + EDGE;
        const row whole =
            larger(magnitude(load(all.samples + at)), magnitude(load(all.halves + at)));
        const row parts = larger(magnitude(load(all.first_quarters + at)),
                                 magnitude(load(all.third_quarters + at)));
        store(peaks + i, larger(whole, parts));
    }
    // The quarters beside the block count in its fine points.
    const float beside = fmaxf(largest_of(all.halves + EDGE - 1, 1),
                               fmaxf(largest_of(all.third_quarters + EDGE - 1, 1),
                                     largest_of(all.samples + EDGE + count, 1)));
    const float behind = fmaxf(largest_of(all.first_quarters + EDGE + count, 1),
                               largest_of(all.halves + EDGE + count, 1));
    const float nearby = fmaxf(largest_of(peaks, count), fmaxf(beside, behind));
    if (!(nearby * filter->fine_reach < floor)) {
        for (size_t i = 0; i < count; i += WIDTH) {
            const size_t at = i + EDGE;
            const row low = larger(fine(filter, &all, at, 0), fine(filter, &all, at, 1));
            const row high = larger(fine(filter, &all, at, 2), fine(filter, &all, at, 3));
            store(peaks + i, larger(load(peaks + i), larger(low, high)));
        }
    }
    find_coarse(filter, x + COARSE_FIRST, count, peaks);
}

void NB_KERNEL(nb_true_peak_scan)(const nb_true_peak_filter *filter, const float *samples,
                                  size_t count, float floor, float *peaks)
{
    for (size_t start = 0; start < count; start += BLOCK) {
        const size_t frames = (count - start < BLOCK) ? count - start : BLOCK;
        const size_t window = frames + NB_TRUE_PEAK_WINDOW - 1;
        const float *x = samples + start;
        if (largest_of(x, window) * filter->reach < floor) {
            memset(peaks + start, 0, frames * sizeof *peaks);
            continue;
        }
        // A copy with room behind it, so that whole registers can be read and written.
        float padded[BLOCK + NB_TRUE_PEAK_WINDOW + (GROUP + 2) * PAD];
        float found[BLOCK + 2 * PAD];
        memcpy(padded, x, window * sizeof *x);
        memset(padded + window, 0, sizeof padded - window * sizeof *x);
        scan_block(filter, padded, frames, floor, found);
        memcpy(peaks + start, found, frames * sizeof *peaks);
    }
}
