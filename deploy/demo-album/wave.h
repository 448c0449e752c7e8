// SPDX-License-Identifier: GPL-3.0-or-later
/// @file wave.h  One cycle of a tone in tables without aliases: each level holds just the harmonics
/// that stay under the Nyquist frequency for its half octave of pitch.

#ifndef NB_DEPLOY_DEMO_ALBUM_WAVE_H
#define NB_DEPLOY_DEMO_ALBUM_WAVE_H
#include "base/status.h"

#include <stddef.h>

enum { NB_WAVE_SIZE = 4096, NB_WAVE_LEVELS = 16 };

/// Amplitude of the nth harmonic (from 1) of a tone, a sine.
typedef double nb_wave_spectrum(size_t harmonic);

typedef struct nb_wave {
    unsigned rate_hz;
    double *tables; ///< NB_WAVE_LEVELS tables of NB_WAVE_SIZE
} nb_wave;

NB_NODISCARD nb_status nb_wave_init(nb_wave *self, nb_wave_spectrum *spectrum, unsigned rate_hz,
                                    nb_error *err);
void nb_wave_fini(nb_wave *self);

/// The wave at `phase` in [0, 1) for a tone of `freq_hz`.
double nb_wave_at(const nb_wave *self, double freq_hz, double phase);

double nb_wave_saw(size_t harmonic);
double nb_wave_square(size_t harmonic);

#endif // NB_DEPLOY_DEMO_ALBUM_WAVE_H
