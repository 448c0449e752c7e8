// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/spectrum.h"

#include "dsp/fft.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

enum { ALIGNMENT = 64 };

struct nb_spectrum {
    unsigned rate_hz;
    unsigned channels;
    size_t size; ///< Frames of a window
    const nb_fft *fft;
    float *window;
    float *history; ///< Of each channel `size` frames, the newest last
    float *samples; ///< Room for one windowed channel
    float *bins;    ///< and its spectrum
    float *powers;  ///< By bin, of a window's channels
    double *power;  ///< and of all windows
    size_t filled;  ///< Frames of the newer half
    long long frames;
};

double nb_spectrum_centre(size_t band)
{
    return 1000.0 * pow(10.0, ((double)band + NB_SPECTRUM_FIRST_BAND) / 10.0);
}

/// At least 300 ms: the lowest band is 6 Hz wide.
static size_t window_size(unsigned rate_hz)
{
    size_t size = 2048;
    while (size * 10 < (size_t)rate_hz * 3) {
        size *= 2;
    }
    return size;
}

static float *take_floats(size_t count)
{
    const size_t size = (count * sizeof(float) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    float *floats = aligned_alloc(ALIGNMENT, size);
    if (floats) {
        memset(floats, 0, size);
    }
    return floats;
}

nb_status nb_spectrum_new(unsigned rate_hz, unsigned channels, nb_spectrum **out, nb_error *err)
{
    *out = NULL;
    NB_SCOPED(nb_spectrum_destroy) nb_spectrum *self = calloc(1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a spectrum");
    }
    self->rate_hz = rate_hz;
    self->channels = channels;
    self->size = window_size(rate_hz);
    self->window = take_floats(self->size);
    self->history = take_floats(self->size * channels);
    self->samples = take_floats(self->size);
    self->bins = take_floats(2 * nb_fft_bins(self->size));
    self->powers = take_floats(self->size / 2 + 1);
    self->power = calloc(self->size / 2 + 1, sizeof *self->power);
    if (!self->window || !self->history || !self->samples || !self->bins || !self->powers ||
        !self->power) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a spectrum");
    }
    for (size_t i = 0; i < self->size; i++) {
        self->window[i] = (float)sin(pi * ((double)i + 0.5) / (double)self->size);
    }
    const nb_status status = nb_fft_of_size(self->size, &self->fft, err);
    if (status == NB_OK) {
        *out = self;
        self = NULL;
    }
    return status;
}

void nb_spectrum_destroy(nb_spectrum **self_p)
{
    nb_spectrum *self = *self_p;
    if (self) {
        free(self->window);
        free(self->history);
        free(self->samples);
        free(self->bins);
        free(self->powers);
        free(self->power);
        free(self);
        *self_p = NULL;
    }
}

/// Of the first channel instead of what was there.
static void add_powers(const nb_spectrum *self, bool first)
{
    const float *restrict re = self->bins;
    const float *restrict im = self->bins + nb_fft_bins(self->size);
    float *restrict powers = self->powers;
    for (size_t k = 0; k <= self->size / 2; k++) {
        const float before = first ? 0.0F : powers[k];
        powers[k] = before + (re[k] * re[k] + im[k] * im[k]);
    }
}

/// The window that `history` holds; then its newer half becomes the older.
static void transform(nb_spectrum *self)
{
    const size_t half = self->size / 2;
    for (unsigned c = 0; c < self->channels; c++) {
        float *history = self->history + c * self->size;
        for (size_t i = 0; i < self->size; i++) {
            self->samples[i] = history[i] * self->window[i];
        }
        nb_fft_run_forward(self->fft, self->samples, self->bins);
        add_powers(self, c == 0);
        memcpy(history, history + half, half * sizeof *history);
    }
    for (size_t k = 0; k <= half; k++) {
        self->power[k] += (double)self->powers[k];
    }
    self->filled = 0;
}

static void take_frames(nb_spectrum *self, const float *interleaved, size_t frames)
{
    const unsigned channels = self->channels;
    for (unsigned c = 0; c < channels; c++) {
        float *to = self->history + c * self->size + self->size / 2 + self->filled;
        for (size_t i = 0; i < frames; i++) {
            to[i] = interleaved[i * channels + c];
        }
    }
    self->filled += frames;
    self->frames += (long long)frames;
}

void nb_spectrum_add(nb_spectrum *self, const float *interleaved, size_t frames)
{
    for (size_t done = 0; done < frames;) {
        const size_t room = self->size / 2 - self->filled;
        const size_t part = (frames - done < room) ? frames - done : room;
        take_frames(self, interleaved + done * self->channels, part);
        done += part;
        if (self->filled == self->size / 2) {
            transform(self);
        }
    }
}

/// Silence behind the end, so that the last samples too stand in two windows.
static void flush(nb_spectrum *self)
{
    const size_t half = self->size / 2;
    for (int i = 0; i < 2; i++) {
        for (unsigned c = 0; c < self->channels; c++) {
            float *newer = self->history + c * self->size + half;
            memset(newer + self->filled, 0, (half - self->filled) * sizeof *newer);
        }
        transform(self);
    }
}

/// Energy from `low` to `high`, in bins; a bin reaches half a bin to either side.
static double energy_between(const nb_spectrum *self, double low, double high)
{
    double energy = 0.0;
    for (size_t k = (size_t)fmax(low, 0.0); k <= self->size / 2 && (double)k - 0.5 < high; k++) {
        const double from = fmax(low, (double)k - 0.5);
        const double to = fmin(high, (double)k + 0.5);
        const double sides = (k == 0 || k == self->size / 2) ? 1.0 : 2.0; // and minus k
        energy += (to > from) ? (to - from) * sides * self->power[k] : 0.0;
    }
    return energy;
}

size_t nb_spectrum_finish(nb_spectrum *self, double levels_db[NB_SPECTRUM_BANDS])
{
    static const double half_band = 1.12201845430196343559; // 10^(1/20)
    flush(self);
    const double bins_per_hz = (double)self->size / self->rate_hz;
    const double samples = (double)self->frames * self->channels * (double)self->size;
    size_t count = 0;
    for (; count < NB_SPECTRUM_BANDS; count++) {
        const double centre = nb_spectrum_centre(count) * bins_per_hz;
        if (centre * half_band > (double)self->size / 2.0) {
            break;
        }
        const double energy = energy_between(self, centre / half_band, centre * half_band);
        // A full sine has a mean square of one half.
        levels_db[count] =
            (energy > 0.0 && samples > 0.0) ? 10.0 * log10(2.0 * energy / samples) : -INFINITY;
    }
    return count;
}
