// SPDX-License-Identifier: GPL-3.0-or-later
/// @file equaliser_design.h  From a band's parameters to filter sections.
///
/// Inside dsp/ only. Equations, sources and errors: docs/dsp/equaliser.md.

#ifndef NB_DSP_EQUALISER_DESIGN_H
#define NB_DSP_EQUALISER_DESIGN_H
#include <stdbool.h>
#include <stddef.h>

typedef enum nb_band_type {
    NB_BAND_HIGH_PASS,
    NB_BAND_LOW_PASS,
    NB_BAND_LOW_SHELF,
    NB_BAND_HIGH_SHELF,
    NB_BAND_BELL,
    NB_BAND_NOTCH,
    NB_BAND_TILT,
} nb_band_type;

typedef enum nb_band_alignment {
    NB_BAND_BUTTERWORTH,
    NB_BAND_LINKWITZ_RILEY, ///< A Butterworth filter of half the order, twice: even orders only
} nb_band_alignment;

/// Above so much of the sample rate there is nothing left to match.
#define NB_BAND_HIGHEST_OF_RATE 0.49

/// Sections of the steepest pass, 48 dB/octave.
#define NB_BAND_SECTIONS_MAX 4

typedef struct nb_band {
    nb_band_type type;
    double freq_hz;
    double gain_db;
    double q;
    unsigned order;              ///< Of a pass: 1 is 6 dB/octave, 8 is 48; others ignore it
    nb_band_alignment alignment; ///< Of a pass
} nb_band;

/// y = b0 x + b1 x1 + b2 x2 - a1 y1 - a2 y2.
typedef struct nb_biquad {
    double b0, b1, b2, a1, a2;
} nb_biquad;

/// How many sections the band has: 1 to NB_BAND_SECTIONS_MAX.
size_t nb_band_section_count(const nb_band *band);

/// The Q of section `index`; 0 means a section of first order.
double nb_band_section_q(const nb_band *band, size_t index);

/// Whether the band's own `q` matters: not to a pass whose alignment fixes its sections'.
bool nb_band_q_rules(const nb_band *band);

/// Whether the band hands its input through: a bell, shelf or tilt of 0 dB.
bool nb_band_is_flat(const nb_band *band);

/// The band's sections at `rate_hz`; returns how many, none for a flat band.
size_t nb_band_design(const nb_band *band, double rate_hz, nb_biquad out[NB_BAND_SECTIONS_MAX]);

/// |H| of the analogue prototype at `freq_hz`.
double nb_band_magnitude(const nb_band *band, double freq_hz);

/// Frames after which the cascade's impulse response adds up to under `level`.
size_t nb_biquads_tail(const nb_biquad *sections, size_t count, double level);

#endif // NB_DSP_EQUALISER_DESIGN_H
