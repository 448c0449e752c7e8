// SPDX-License-Identifier: GPL-3.0-or-later
#include "deploy/demo-album/wave.h"

#include "deploy/demo-album/filter.h"

#include <stdlib.h>

// Level n serves tones up to lowest_hz * 2^((n + 1) / 2): from 32.7 Hz (C1) to 8 kHz.
static const double lowest_hz = 32.7;
static const double sqrt_2 = 1.4142135623730951;
enum { HARMONICS_MAX = 600 };

static double top_hz(size_t level) { return lowest_hz * exp2(((double)level + 1.0) / 2.0); }

static void fill_level(nb_wave *self, nb_wave_spectrum *spectrum, const double *sine, size_t level)
{
    double *table = self->tables + level * NB_WAVE_SIZE;
    const double room = 0.45 * self->rate_hz / top_hz(level);
    const size_t harmonics = (room < HARMONICS_MAX) ? (size_t)room : HARMONICS_MAX;
    for (size_t h = 1; h <= harmonics || h == 1; h++) {
        const double height = spectrum(h);
        for (size_t i = 0; i < NB_WAVE_SIZE; i++) {
            table[i] += height * sine[(h * i) % NB_WAVE_SIZE];
        }
    }
}

nb_status nb_wave_init(nb_wave *self, nb_wave_spectrum *spectrum, unsigned rate_hz, nb_error *err)
{
    *self = (nb_wave){.rate_hz = rate_hz};
    self->tables = calloc((size_t)NB_WAVE_LEVELS * NB_WAVE_SIZE, sizeof(double));
    double *sine = calloc(NB_WAVE_SIZE, sizeof(double));
    if (!self->tables || !sine) {
        free(sine);
        nb_wave_fini(self);
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for wave tables");
    }
    for (size_t i = 0; i < NB_WAVE_SIZE; i++) {
        sine[i] = sin(2.0 * nb_pi * (double)i / NB_WAVE_SIZE);
    }
    for (size_t level = 0; level < NB_WAVE_LEVELS; level++) {
        fill_level(self, spectrum, sine, level);
    }
    free(sine);
    return NB_OK;
}

void nb_wave_fini(nb_wave *self)
{
    free(self->tables);
    *self = (nb_wave){0};
}

double nb_wave_at(const nb_wave *self, double freq_hz, double phase)
{
    size_t level = 0;
    double top = lowest_hz * sqrt_2;
    while (top < freq_hz && level < NB_WAVE_LEVELS - 1) {
        top *= sqrt_2;
        level++;
    }
    const double *table = self->tables + level * NB_WAVE_SIZE;
    const double place = phase * NB_WAVE_SIZE;
    const size_t index = (size_t)place;
    const double part = place - (double)index;
    const double a = table[(index + NB_WAVE_SIZE - 1) % NB_WAVE_SIZE];
    const double b = table[index % NB_WAVE_SIZE];
    const double c = table[(index + 1) % NB_WAVE_SIZE];
    const double d = table[(index + 2) % NB_WAVE_SIZE];
    // Catmull-Rom: its images lie far under the saw's own slope at 4,096 points a cycle.
    const double slope = 0.5 * (c - a);
    const double bend = a - 2.5 * b + 2.0 * c - 0.5 * d;
    const double twist = 0.5 * (d - a) + 1.5 * (b - c);
    return ((twist * part + bend) * part + slope) * part + b;
}

double nb_wave_saw(size_t harmonic) { return 0.6 / (double)harmonic; }

double nb_wave_square(size_t harmonic)
{
    return (harmonic % 2 == 1) ? 1.0 / (double)harmonic : 0.0;
}
