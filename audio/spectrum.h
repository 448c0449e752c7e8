// SPDX-License-Identifier: GPL-3.0-or-later
/// @file spectrum.h  The level in each third of an octave, over a whole file.
///
/// Bands of IEC 61260-1, base ten: centres 1000 Hz times 10^(n/10), edges half a step on either
/// side. Windows of a third of a second that overlap by half, weighted by half a sine, so that each
/// sample's energy counts exactly once (J. Princen, A. Bradley 1986): the bands sum to the file's.

#ifndef NB_AUDIO_SPECTRUM_H
#define NB_AUDIO_SPECTRUM_H
#include "base/status.h"

#include <stddef.h>

enum {
    NB_SPECTRUM_BANDS = 30,      ///< 25 Hz to 20 kHz
    NB_SPECTRUM_FIRST_BAND = -16 ///< n of the first band's centre
};

typedef struct nb_spectrum nb_spectrum;

NB_NODISCARD nb_status nb_spectrum_new(unsigned rate_hz, unsigned channels, nb_spectrum **out,
                                       nb_error *err);
void nb_spectrum_destroy(nb_spectrum **self_p);

/// The result does not depend on how the frames were cut into calls.
void nb_spectrum_add(nb_spectrum *self, const float *interleaved, size_t frames);

/// Once, at the end: how many bands lie under half the rate, and the level of each. 0 dBFS is a
/// sine of full scale in every channel; -INFINITY is silence.
size_t nb_spectrum_finish(nb_spectrum *self, double levels_db[NB_SPECTRUM_BANDS]);

/// Hz.
double nb_spectrum_centre(size_t band);

#endif // NB_AUDIO_SPECTRUM_H
