// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/true_peak.h"
#include "dsp/processor.h"
#include "dsp/true_peak_kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HISTORY = NB_TRUE_PEAK_TAPS - 1, CHUNK_FRAMES = 1024 };

static const double pi = 3.14159265358979323846;

typedef struct channel {
    float history[HISTORY]; ///< The samples before the next one
    float max;
} channel;

struct nb_true_peak {
    nb_true_peak_filter filter;
    nb_true_peak_scan *scan;
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

// Flat within 0.03 dB to 0.47 of the rate at 64 taps: the sharpest edge that still reads a sine
// right. A softer one misses up to 0.5 dB of what random signs reach between samples.
static double kaiser(double position)
{
    static const double beta = 4.0;
    const double inside = 1.0 - position * position;
    return (inside <= 0.0) ? 0.0 : bessel_i0(beta * sqrt(inside)) / bessel_i0(beta);
}

static void fill_fine(nb_true_peak_filter *self)
{
    for (int k = 0; k < NB_TRUE_PEAK_TAPS; k++) {
        for (int p = 0; p < NB_TRUE_PEAK_PHASES; p++) {
            const double t = k - NB_TRUE_PEAK_BEFORE - (double)p / NB_TRUE_PEAK_PHASES;
            self->fine[k][p] = (float)(sinc(t) * kaiser(t / NB_TRUE_PEAK_BEHIND));
        }
    }
}

// libebur128 1.2.6, interp_create: sinc with a Hann window of 49 taps, 4-fold under 96 kHz, 2-fold
// under 192 kHz, none from there on. Its phase 0 is the sample itself.
static void fill_coarse(nb_true_peak_filter *self, unsigned rate_hz)
{
    const int factor = (rate_hz < 96000) ? 4 : (rate_hz < 192000) ? 2 : 1;
    for (int k = 0; k < NB_TRUE_PEAK_COARSE_TAPS; k++) {
        for (int p = 1; p < factor; p++) {
            const int before = NB_TRUE_PEAK_BEFORE - NB_TRUE_PEAK_COARSE_FIRST;
            const double t = k - before - (double)p / factor;
            const double from_centre = t * factor / 24.0; // in halves of the window
            self->coarse[k][p] = (fabs(from_centre) < 1.0)
                                     ? (float)(sinc(t) * 0.5 * (1.0 + cos(pi * from_centre)))
                                     : 0.0F;
        }
    }
}

void nb_true_peak_filter_init(nb_true_peak_filter *self, unsigned rate_hz)
{
    memset(self, 0, sizeof *self);
    fill_fine(self);
    fill_coarse(self, rate_hz);
    double reach = 1.0;
    for (int p = 0; p < NB_TRUE_PEAK_PHASES; p++) {
        double sum = 0.0;
        for (int k = 0; k < NB_TRUE_PEAK_TAPS; k++) {
            sum += fabs((double)self->fine[k][p]);
        }
        reach = fmax(reach, sum);
    }
    for (int p = 0; p < NB_TRUE_PEAK_COARSE_PHASES; p++) {
        double sum = 0.0;
        for (int k = 0; k < NB_TRUE_PEAK_COARSE_TAPS; k++) {
            sum += fabs((double)self->coarse[k][p]);
        }
        reach = fmax(reach, sum);
    }
    self->reach = (float)(reach * 1.0001); // above all rounding of the sums
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

nb_status nb_true_peak_new(unsigned rate_hz, unsigned channels, nb_true_peak **out_peak,
                           nb_error *err)
{
    *out_peak = NULL;
    if (rate_hz == 0 || channels == 0 || channels > NB_TRUE_PEAK_CHANNELS_MAX) {
        return nb_fail(err, NB_E_INVALID, "true peak of %u channels at %u Hz: at most %d channels",
                       channels, rate_hz, NB_TRUE_PEAK_CHANNELS_MAX);
    }
    // The filter is read as whole registers.
    nb_true_peak *self = aligned_alloc(64, (sizeof *self + 63) / 64 * 64);
    channel *all = calloc(channels, sizeof *all);
    if (!self || !all) {
        free(self);
        free(all);
        return nb_fail(err, NB_E_NO_MEMORY, "true peak: no memory");
    }
    nb_true_peak_filter_init(&self->filter, rate_hz);
    self->scan = scan_of_this_machine();
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
    self->scan(&self->filter, samples, count, max, peaks);
    for (size_t i = 0; i < count; i++) {
        max = (peaks[i] > max) ? peaks[i] : max;
    }
    return max;
}

static void add_chunk(nb_true_peak *self, const float *interleaved, size_t frames)
{
    float samples[HISTORY + CHUNK_FRAMES];
    for (unsigned c = 0; c < self->channel_count; c++) {
        channel *one = &self->channels[c];
        memcpy(samples, one->history, sizeof one->history);
        for (size_t i = 0; i < frames; i++) {
            samples[HISTORY + i] = interleaved[i * self->channel_count + c];
        }
        one->max = scan_max(self, samples, frames, one->max);
        memcpy(one->history, samples + frames, sizeof one->history);
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
    memcpy(samples, one->history, sizeof one->history);
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
