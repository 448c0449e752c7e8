// SPDX-License-Identifier: GPL-3.0-or-later
/// @file key_filter.h  High-pass and low-pass in a detector's key: 12 dB/octave, Butterworth.
///
/// Inside dsp/ only. A cut at the end of its range is none. Trapezoidal state variable filters
/// (A. Simper), state in doubles; nothing of them is heard.

#ifndef NB_DSP_KEY_FILTER_H
#define NB_DSP_KEY_FILTER_H
#include "dsp/kernel.h"

#include <math.h>

#define NB_KEY_LOW_CUT_NONE_HZ  10.0
#define NB_KEY_LOW_CUT_MAX_HZ   2000.0
#define NB_KEY_HIGH_CUT_MIN_HZ  500.0
#define NB_KEY_HIGH_CUT_NONE_HZ 20000.0

/// One filter of second order in every lane that wants it.
typedef struct nb_key_cut {
    nb_masks wanted; ///< Lanes that it filters; the others hand through
    bool any;
    nb_lanes a1, a2, a3;
    nb_lanes s1, s2;
} nb_key_cut;

typedef struct nb_key_filter {
    nb_key_cut low, high;
} nb_key_filter;

// g = tan(pi f / rate), k = 1/Q = sqrt(2)
static inline void nb_key_cut_set(nb_key_cut *self, size_t lane, double freq_hz, double rate_hz)
{
    static const double half_turn = 3.14159265358979323846;
    static const double k = 1.41421356237309504880;
    static const double highest_of_rate = 0.49;
    const double held_hz = fmin(freq_hz, highest_of_rate * rate_hz);
    const double g = tan(half_turn * held_hz / rate_hz);
    const double a1 = 1.0 / (1.0 + g * (g + k));
    self->wanted[lane] = -1;
    self->any = true;
    self->a1[lane] = a1;
    self->a2[lane] = g * a1;
    self->a3[lane] = g * g * a1;
}

/// A lane's cuts; not called, or called with none, the lane hands through.
static inline void nb_key_filter_set(nb_key_filter *self, size_t lane, double low_cut_hz,
                                     double high_cut_hz, double rate_hz)
{
    if (low_cut_hz > NB_KEY_LOW_CUT_NONE_HZ) {
        nb_key_cut_set(&self->low, lane, low_cut_hz, rate_hz);
    }
    if (high_cut_hz < NB_KEY_HIGH_CUT_NONE_HZ) {
        nb_key_cut_set(&self->high, lane, high_cut_hz, rate_hz);
    }
}

/// Refuses cuts that leave nothing between them.
static inline nb_status nb_key_filter_check(double low_cut_hz, double high_cut_hz, nb_error *err)
{
    return (low_cut_hz < high_cut_hz)
               ? NB_OK
               : nb_fail(err, NB_E_INVALID, "key_low_cut_hz %g is not under key_high_cut_hz %g",
                         low_cut_hz, high_cut_hz);
}

static inline void nb_key_filter_reset(nb_key_filter *self)
{
    self->low.s1 = self->low.s2 = self->high.s1 = self->high.s2 = (nb_lanes){0};
}

typedef enum nb_key_cut_side { NB_KEY_CUT_LOW, NB_KEY_CUT_HIGH } nb_key_cut_side;

static inline __attribute__((always_inline)) void
nb_key_cut_run(nb_key_cut *self, nb_key_cut_side side, const float *in, float *out, size_t frames)
{
    const nb_lanes a1 = self->a1, a2 = self->a2, a3 = self->a3;
    const nb_lanes k = nb_lanes_set(1.41421356237309504880);
    nb_lanes s1 = self->s1, s2 = self->s2;
    for (size_t i = 0; i < frames; i++) {
        const nb_lanes x = nb_frame_load(in, i);
        const nb_lanes v3 = x - s2;
        const nb_lanes v1 = a1 * s1 + a2 * v3;
        const nb_lanes v2 = s2 + a2 * s1 + a3 * v3;
        s1 = 2.0 * v1 - s1;
        s2 = 2.0 * v2 - s2;
        const nb_lanes y = (side == NB_KEY_CUT_LOW) ? x - k * v1 - v2 : v2;
        nb_frame_store(out, i, nb_lanes_select(self->wanted, y, x));
    }
    self->s1 = s1;
    self->s2 = s2;
}

/// The filtered key: in `filtered`, or `key` itself where no lane has a cut.
static inline const float *nb_key_filter_run(nb_key_filter *self, const float *key, size_t frames,
                                             float *filtered)
{
    if (self->low.any) {
        nb_key_cut_run(&self->low, NB_KEY_CUT_LOW, key, filtered, frames);
        key = filtered;
    }
    if (self->high.any) {
        nb_key_cut_run(&self->high, NB_KEY_CUT_HIGH, key, filtered, frames);
        key = filtered;
    }
    return key;
}

#endif // NB_DSP_KEY_FILTER_H
