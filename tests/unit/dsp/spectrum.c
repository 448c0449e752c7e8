// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/dsp/spectrum.h"

#include <complex.h>
#include <math.h>

static const double pi = 3.14159265358979323846;

size_t spectrum_bin(double freq_hz, double rate_hz)
{
    return (size_t)(freq_hz * SPECTRUM_SIZE / rate_hz) | 1;
}

void spectrum_sine(float *out, size_t frames, size_t bin, double peak)
{
    for (size_t i = 0; i < frames; i++) {
        const size_t phase = bin * i % SPECTRUM_SIZE; // exact, however long
        out[i] = (float)(peak * sin(2.0 * pi * (double)phase / SPECTRUM_SIZE));
    }
}

static void reverse_bits(double complex *x)
{
    for (size_t i = 1, j = 0; i < SPECTRUM_SIZE; i++) {
        size_t bit = SPECTRUM_SIZE / 2;
        for (; j & bit; bit /= 2) {
            j ^= bit;
        }
        j ^= bit;
        if (i < j) {
            const double complex swapped = x[i];
            x[i] = x[j];
            x[j] = swapped;
        }
    }
}

void spectrum_of(const float *samples, double amplitudes[SPECTRUM_BINS])
{
    static double complex x[SPECTRUM_SIZE];
    static double complex turns[SPECTRUM_SIZE / 2];
    for (size_t i = 0; i < SPECTRUM_SIZE; i++) {
        x[i] = (double)samples[i];
    }
    for (size_t i = 0; i < SPECTRUM_SIZE / 2; i++) {
        turns[i] = cexp(-2.0 * I * pi * (double)i / SPECTRUM_SIZE);
    }
    reverse_bits(x);
    for (size_t half = 1; half < SPECTRUM_SIZE; half *= 2) {
        for (size_t start = 0; start < SPECTRUM_SIZE; start += 2 * half) {
            for (size_t k = 0; k < half; k++) {
                const double complex turned =
                    x[start + half + k] * turns[k * (SPECTRUM_SIZE / 2 / half)];
                x[start + half + k] = x[start + k] - turned;
                x[start + k] += turned;
            }
        }
    }
    for (size_t k = 0; k < SPECTRUM_BINS; k++) {
        amplitudes[k] = cabs(x[k]) * ((k == 0) ? 1.0 : 2.0) / SPECTRUM_SIZE;
    }
}

double spectrum_worst_alias(const double amplitudes[SPECTRUM_BINS], size_t bin, size_t first,
                            size_t limit)
{
    double worst = 0.0;
    for (size_t k = first; k < limit; k++) {
        if (k % bin != 0 && amplitudes[k] > worst) {
            worst = amplitudes[k];
        }
    }
    return worst;
}
