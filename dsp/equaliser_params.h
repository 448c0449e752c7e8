// SPDX-License-Identifier: GPL-3.0-or-later
/// @file equaliser_params.h  The band vocabulary that both equalisers share.
///
/// Inside dsp/ only; everything is static for the reason given in lanes.h.

#ifndef NB_DSP_EQUALISER_PARAMS_H
#define NB_DSP_EQUALISER_PARAMS_H
#include "dsp/equaliser_design.h"
#include "dsp/kernel.h"

/// Indices of the band parameters that both have.
enum {
    NB_EQ_TYPE,
    NB_EQ_FREQ_HZ,
    NB_EQ_GAIN_DB,
    NB_EQ_Q,
    NB_EQ_SLOPE,
    NB_EQ_ALIGNMENT,
    NB_EQ_SHARED_COUNT
};

static const char *const nb_eq_types[] = {
    [NB_BAND_HIGH_PASS] = "high-pass", [NB_BAND_LOW_PASS] = "low-pass",
    [NB_BAND_LOW_SHELF] = "low-shelf", [NB_BAND_HIGH_SHELF] = "high-shelf",
    [NB_BAND_BELL] = "bell",           [NB_BAND_NOTCH] = "notch",
    [NB_BAND_TILT] = "tilt",           [NB_BAND_TILT + 1] = NULL,
};
static const char *const nb_eq_slopes[] = {"6", "12", "18", "24", "30", "36", "42", "48", NULL};
static const char *const nb_eq_alignments[] = {"butterworth", "linkwitz-riley", NULL};

/// Their rows; `moves` says whether automation may move a band.
// clang-format off
#define NB_EQ_SHARED_PARAMS(moves)                                                                 \
    [NB_EQ_TYPE] = {"type", "", NB_SCALE_CHOICE, 0.0, NB_BAND_TILT, NB_BAND_BELL,                  \
                    .choices = nb_eq_types, .help = "Shape of the band."},                         \
    [NB_EQ_FREQ_HZ] = {"freq_hz", "Hz", NB_SCALE_LOG, 10.0, 24000.0, 1000.0,                       \
                       .automatable = (moves),                                                     \
                       .help = "Centre of a bell, notch or tilt, corner of a pass, middle of a "   \
                               "shelf; under 0.49 of the sample rate."},                           \
    [NB_EQ_GAIN_DB] = {"gain_db", "dB", NB_SCALE_DB, -30.0, 30.0, 0.0, .automatable = (moves),     \
                       .help = "Of bells and shelves; of a tilt, far above freq_hz, and its "      \
                               "opposite far below."},                                             \
    [NB_EQ_Q] = {"q", "", NB_SCALE_LOG, 0.1, 40.0, 0.70710678118654752, .automatable = (moves),    \
                 .help = "Narrowness of bells and notches; resonance of shelves and of 12 "        \
                         "dB/octave Butterworth passes."},                                         \
    [NB_EQ_SLOPE] = {"slope_db_oct", "dB/oct", NB_SCALE_CHOICE, 0.0, 7.0, 1.0,                     \
                     .choices = nb_eq_slopes,                                                      \
                     .help = "Of a pass; other than 12 it is a Butterworth filter, -3 dB at "      \
                             "freq_hz, and q has no effect."},                                     \
    [NB_EQ_ALIGNMENT] = {"alignment", "", NB_SCALE_CHOICE, 0.0, 1.0, 0.0,                          \
                         .choices = nb_eq_alignments,                                              \
                         .help = "Of a pass: linkwitz-riley is -6 dB at freq_hz, has 12, 24, 36 "  \
                                 "or 48 dB/octave, and no q."}
// clang-format on

static inline nb_band nb_eq_band(const nb_settings *settings, size_t index)
{
    return (nb_band){
        .type = (nb_band_type)nb_band_value(settings, index, NB_EQ_TYPE),
        .freq_hz = nb_band_value(settings, index, NB_EQ_FREQ_HZ),
        .gain_db = nb_band_value(settings, index, NB_EQ_GAIN_DB),
        .q = nb_band_value(settings, index, NB_EQ_Q),
        .order = (unsigned)nb_band_value(settings, index, NB_EQ_SLOPE) + 1,
        .alignment = (nb_band_alignment)nb_band_value(settings, index, NB_EQ_ALIGNMENT),
    };
}

/// Relations that hold for a band of either equaliser.
static inline nb_status nb_eq_check(const nb_band *band, size_t index, unsigned rate_hz,
                                    nb_error *err)
{
    const double highest_hz = NB_BAND_HIGHEST_OF_RATE * rate_hz;
    if (!(band->freq_hz <= highest_hz)) {
        return nb_fail(err, NB_E_INVALID,
                       "band %zu: freq_hz %g is over %g, 0.49 of the sample rate %u", index + 1,
                       band->freq_hz, highest_hz, rate_hz);
    }
    const bool pass = band->type == NB_BAND_HIGH_PASS || band->type == NB_BAND_LOW_PASS;
    if (pass && band->alignment == NB_BAND_LINKWITZ_RILEY && band->order % 2) {
        return nb_fail(err, NB_E_INVALID,
                       "band %zu: a linkwitz-riley pass has 12, 24, 36 or 48 dB/octave, not %u",
                       index + 1, 6 * band->order);
    }
    return NB_OK;
}

#endif // NB_DSP_EQUALISER_PARAMS_H
