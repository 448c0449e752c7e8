// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/true_peak.h"
#include "dsp/pcm.h"
#include "dsp/processor.h"
#include "dsp/true_peak_kernel.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { HISTORY = NB_TRUE_PEAK_WINDOW - 1, CHUNK_FRAMES = 1024 };

static const double pi = 3.14159265358979323846;

typedef struct channel {
    float samples[HISTORY + CHUNK_FRAMES]; ///< Those before the next one, then a chunk
    float max;
} channel;

struct nb_true_peak {
    nb_true_peak_filter filter;
    unsigned channel_count;
    channel *channels;
};

static double sinc(double x) { return (x == 0.0) ? 1.0 : sin(pi * x) / (pi * x); }

// Modified Bessel function of the first kind, order 0, by its power series.
static double bessel_i0(double x)
{
    double sum = 1.0;
    double term = 1.0;
    for (int k = 1; term > 1e-18 * sum; k++) {
        const double half_over_k = x / (2.0 * k);
        term *= half_over_k * half_over_k;
        sum += term;
    }
    return sum;
}

// Weight of a value `distance` away from the point, of taps that reach out to `half_length`.
static double weight(double distance, double half_length, double beta)
{
    const double position = distance / half_length;
    const double inside = 1.0 - position * position;
    const double window = (inside <= 0.0) ? 0.0 : bessel_i0(beta * sqrt(inside)) / bessel_i0(beta);
    return sinc(distance) * window;
}

// Half way, flat within 0.03 dB to 0.47 of the rate: the sharpest edge that still reads a sine
// right. A softer one misses up to 0.5 dB of what random signs reach between samples. The quarters
// are right within 0.002 dB, the fine points within 0.008, over all that the first step lets pass.
static void fill_fine(nb_true_peak_filter *self)
{
    static const double half_beta = 4.0;
    static const double quarter_beta = 7.5;
    static const double fine_beta = 7.0;
    for (int j = 0; j < NB_TRUE_PEAK_HALF_PAIRS; j++) {
        self->half[j] = (float)weight(j + 0.5, NB_TRUE_PEAK_HALF_PAIRS, half_beta);
    }
    for (int j = 0; j < NB_TRUE_PEAK_QUARTER_PAIRS; j++) {
        self->quarter[j] = (float)weight(j + 0.5, NB_TRUE_PEAK_QUARTER_PAIRS, quarter_beta);
    }
    for (int j = 0; j < NB_TRUE_PEAK_FINE_PAIRS; j++) {
        const double near = weight(j + 0.25, NB_TRUE_PEAK_FINE_PAIRS, fine_beta);
        const double far = weight(j + 0.75, NB_TRUE_PEAK_FINE_PAIRS, fine_beta);
        self->fine_middle[j] = (float)weight(j + 0.5, NB_TRUE_PEAK_FINE_PAIRS, fine_beta);
        self->fine_even[j] = (float)((near + far) / 2.0);
        self->fine_odd[j] = (float)((near - far) / 2.0);
    }
}

// libebur128 1.2.6, interp_create: sinc with a Hann window of 49 taps.
static double coarse_weight(double distance, int factor)
{
    const double from_centre = distance * factor / 24.0; // in halves of the window
    return (from_centre < 1.0) ? sinc(distance) * 0.5 * (1.0 + cos(pi * from_centre)) : 0.0;
}

// Fourfold under 96 kHz, twofold under 192 kHz, none from there on; its first point is the sample.
static void fill_coarse(nb_true_peak_filter *self, unsigned rate_hz)
{
    const int factor = (rate_hz < 96000) ? 4 : (rate_hz < 192000) ? 2 : 1;
    self->coarse_points = (unsigned)factor;
    for (int j = 0; j < NB_TRUE_PEAK_COARSE_HALF_PAIRS; j++) {
        self->coarse_half[j] = (float)coarse_weight(j + 0.5, factor);
    }
    for (int j = 0; j < NB_TRUE_PEAK_COARSE_QUARTER_PAIRS; j++) {
        const double near = coarse_weight(j + 0.25, factor);
        const double far = coarse_weight(j + 0.75, factor);
        self->coarse_even[j] = (float)((near + far) / 2.0);
        self->coarse_odd[j] = (float)((near - far) / 2.0);
    }
}

static double sum_of_magnitudes(const float *pairs, size_t count)
{
    double sum = 0.0;
    for (size_t j = 0; j < count; j++) {
        sum += 2.0 * fabs((double)pairs[j]);
    }
    return sum;
}

// Both points of a pair of sums: each weight is even + odd or even - odd.
static double sum_of_both(const float *even, const float *odd, size_t count)
{
    double sum = 0.0;
    for (size_t j = 0; j < count; j++) {
        sum += fabs((double)even[j] + (double)odd[j]) + fabs((double)even[j] - (double)odd[j]);
    }
    return sum;
}

// What each of the points of sample 0 becomes when sample `at` is 1 and all others are 0: their
// weights of that sample. By quarters: the value at m / 4.
static double weight_at_quarter(const nb_true_peak_filter *self, int m, int at)
{
    if (m % 4 == 0) {
        return (m / 4 == at) ? 1.0 : 0.0;
    }
    if (m % 2 == 0) {
        const int before = (m - 2) / 4; // exact: m is one of ..., -2, 2, 6, ...
        const int pair = (at > before) ? at - before - 1 : before - at;
        return (pair < NB_TRUE_PEAK_HALF_PAIRS) ? (double)self->half[pair] : 0.0;
    }
    double sum = 0.0;
    for (int j = 0; j < NB_TRUE_PEAK_QUARTER_PAIRS; j++) {
        sum += (double)self->quarter[j] * (weight_at_quarter(self, m - 1 - 2 * j, at) +
                                           weight_at_quarter(self, m + 1 + 2 * j, at));
    }
    return sum;
}

// The largest that a point can be where no sample is over 1.
static double reach_of_points(const nb_true_peak_filter *self)
{
    double sums[NB_TRUE_PEAK_POINTS] = {0};
    for (int at = -NB_TRUE_PEAK_BEFORE; at <= NB_TRUE_PEAK_BEHIND; at++) {
        for (int m = 0; m < 4; m++) {
            double middle = 0.0;
            double even = 0.0;
            double odd = 0.0;
            for (int j = 0; j < NB_TRUE_PEAK_FINE_PAIRS; j++) {
                const double before = weight_at_quarter(self, m - j, at);
                const double behind = weight_at_quarter(self, m + 1 + j, at);
                middle += (double)self->fine_middle[j] * (before + behind);
                even += (double)self->fine_even[j] * (before + behind);
                odd += (double)self->fine_odd[j] * (before - behind);
            }
            sums[4 * m] += fabs(weight_at_quarter(self, m, at));
            sums[4 * m + 1] += fabs(even + odd);
            sums[4 * m + 2] += fabs(middle);
            sums[4 * m + 3] += fabs(even - odd);
        }
    }
    double largest = 0.0;
    for (size_t i = 0; i < NB_COUNT(sums); i++) {
        largest = fmax(largest, sums[i]);
    }
    return largest;
}

static void fill_reaches(nb_true_peak_filter *self, unsigned rate_hz)
{
    static const double rounding = 1.0001; // above all rounding of the sums
    const double coarse = fmax(
        sum_of_magnitudes(self->coarse_half, (rate_hz < 96000) ? NB_TRUE_PEAK_COARSE_QUARTER_PAIRS
                                                               : NB_TRUE_PEAK_COARSE_HALF_PAIRS),
        sum_of_both(self->coarse_even, self->coarse_odd, NB_TRUE_PEAK_COARSE_QUARTER_PAIRS));
    const double fine = fmax(sum_of_magnitudes(self->fine_middle, NB_TRUE_PEAK_FINE_PAIRS),
                             sum_of_both(self->fine_even, self->fine_odd, NB_TRUE_PEAK_FINE_PAIRS));
    self->fine_reach = (float)(rounding * fine);
    self->reach = (float)(rounding * fmax(coarse, reach_of_points(self)));
}

static nb_true_peak_scan *scan_of_this_machine(void)
{
#if defined(__x86_64__)
    switch (nb_lane_count()) {
    case 8:
        return nb_true_peak_scan_x8;
    case 4:
        return nb_true_peak_scan_x4;
    default:
        break;
    }
#endif
    return nb_true_peak_scan_x2;
}

void nb_true_peak_filter_init(nb_true_peak_filter *self, unsigned rate_hz)
{
    memset(self, 0, sizeof *self);
    fill_fine(self);
    fill_coarse(self, rate_hz);
    fill_reaches(self, rate_hz);
    self->scan = scan_of_this_machine();
}

nb_status nb_true_peak_new(unsigned rate_hz, unsigned channels, nb_true_peak **out_peak,
                           nb_error *err)
{
    *out_peak = NULL;
    if (rate_hz == 0 || channels == 0 || channels > NB_TRUE_PEAK_CHANNELS_MAX) {
        return nb_fail(err, NB_E_INVALID, "true peak of %u channels at %u Hz: at most %d channels",
                       channels, rate_hz, NB_TRUE_PEAK_CHANNELS_MAX);
    }
    nb_true_peak *self = calloc(1, sizeof *self);
    channel *all = calloc(channels, sizeof *all);
    if (!self || !all) {
        free(self);
        free(all);
        return nb_fail(err, NB_E_NO_MEMORY, "true peak: no memory");
    }
    nb_true_peak_filter_init(&self->filter, rate_hz);
    self->channel_count = channels;
    self->channels = all;
    *out_peak = self;
    return NB_OK;
}

void nb_true_peak_destroy(nb_true_peak **self_p)
{
    if (*self_p) {
        free((*self_p)->channels);
        free(*self_p);
        *self_p = NULL;
    }
}

static float scan_max(const nb_true_peak *self, const float *samples, size_t count, float max)
{
    float peaks[CHUNK_FRAMES];
    self->filter.scan(&self->filter, samples, count, max, peaks);
    // Floats from 0 on are ordered as their bits are, which vectorises.
    int32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        int32_t bits;
        memcpy(&bits, &peaks[i], sizeof bits);
        largest = (bits > largest) ? bits : largest;
    }
    float found;
    memcpy(&found, &largest, sizeof found);
    return (found > max) ? found : max;
}

static void add_chunk(nb_true_peak *self, const float *interleaved, size_t frames)
{
    float *to[NB_TRUE_PEAK_CHANNELS_MAX];
    for (unsigned c = 0; c < self->channel_count; c++) {
        to[c] = self->channels[c].samples + HISTORY;
    }
    nb_pcm_read(NB_PCM_F32LE, (const unsigned char *)interleaved, self->channel_count, frames, to);
    for (unsigned c = 0; c < self->channel_count; c++) {
        channel *one = &self->channels[c];
        one->max = scan_max(self, one->samples, frames, one->max);
        memmove(one->samples, one->samples + frames, HISTORY * sizeof *one->samples);
    }
}

void nb_true_peak_add(nb_true_peak *self, const float *interleaved, size_t frames)
{
    for (size_t start = 0; start < frames; start += CHUNK_FRAMES) {
        const size_t left = frames - start;
        add_chunk(self, interleaved + start * self->channel_count,
                  (left < CHUNK_FRAMES) ? left : CHUNK_FRAMES);
    }
}

double nb_true_peak_channel_max(const nb_true_peak *self, unsigned index)
{
    const channel *one = &self->channels[index];
    float samples[2 * HISTORY] = {0};
    memcpy(samples, one->samples, HISTORY * sizeof *samples);
    return (double)scan_max(self, samples, HISTORY, one->max);
}

double nb_true_peak_max(const nb_true_peak *self)
{
    double max = 0.0;
    for (unsigned c = 0; c < self->channel_count; c++) {
        max = fmax(max, nb_true_peak_channel_max(self, c));
    }
    return max;
}
