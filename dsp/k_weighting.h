// SPDX-License-Identifier: GPL-3.0-or-later
/// @file k_weighting.h  The loudness filter of ITU-R BS.1770-4 and the energy behind it.
///
/// A shelf of 4 dB over 1.7 kHz for the head, then a high pass at 38 Hz, as second-order sections
/// in 64 bit. The recommendation tabulates 48 kHz; other rates get the same analogue prototypes
/// through the bilinear transform (B. De Man 2018), as libebur128 has them.

#ifndef NB_DSP_K_WEIGHTING_H
#define NB_DSP_K_WEIGHTING_H
#include <stddef.h>

enum { NB_K_WEIGHTING_CHANNELS_MAX = 64 };

/// A section, transposed direct form II.
typedef struct nb_k_section {
    double b0, b1, b2, a1, a2;
    /// By pair of channels: the two delays, of both
    double states[NB_K_WEIGHTING_CHANNELS_MAX / 2][2][2];
} nb_k_section;

typedef struct nb_k_weighting {
    unsigned channels;
    nb_k_section shelf, high_pass;
} nb_k_weighting;

/// Of 1 to NB_K_WEIGHTING_CHANNELS_MAX channels, after silence.
void nb_k_weighting_init(nb_k_weighting *self, unsigned rate_hz, unsigned channels);

/// Filter the next frames; `sums`, one for each channel, become the sums of their squares.
void nb_k_weighting_run(nb_k_weighting *self, const float *interleaved, size_t frames,
                        double *sums);

#endif // NB_DSP_K_WEIGHTING_H
