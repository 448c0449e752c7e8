// SPDX-License-Identifier: GPL-3.0-or-later
/// @file filter.h  The instruments' filters: state variable, one pole, resonator. All state is
/// double.

#ifndef NB_DEPLOY_DEMO_ALBUM_FILTER_H
#define NB_DEPLOY_DEMO_ALBUM_FILTER_H
#include <math.h>

static const double nb_pi = 3.14159265358979323846;

/// State-variable filter (trapezoidal integrators): its cutoff may move at every sample.
typedef struct nb_svf {
    double damping, a1, a2, a3; ///< Coefficients
    double first, second;       ///< Integrators
    double low, band, high;     ///< What the last step gave
} nb_svf;

static inline void nb_svf_tune(nb_svf *self, double freq_hz, double q, double rate_hz)
{
    const double most = 0.45 * rate_hz;
    const double g = tan(nb_pi * (freq_hz < most ? freq_hz : most) / rate_hz);
    self->damping = 1.0 / q;
    self->a1 = 1.0 / (1.0 + g * (g + self->damping));
    self->a2 = g * self->a1;
    self->a3 = g * self->a2;
}

static inline void nb_svf_step(nb_svf *self, double in)
{
    const double rest = in - self->second;
    self->band = self->a1 * self->first + self->a2 * rest;
    self->low = self->second + self->a2 * self->first + self->a3 * rest;
    self->high = in - self->damping * self->band - self->low;
    self->first = 2.0 * self->band - self->first;
    self->second = 2.0 * self->low - self->second;
}

/// One-pole low-pass; `share` of the way to the input at each step.
static inline double nb_onepole_share(double freq_hz, double rate_hz)
{
    return 1.0 - exp(-2.0 * nb_pi * freq_hz / rate_hz);
}

/// The same for something that settles in about `time_s`.
static inline double nb_settle_share(double time_s, double rate_hz)
{
    return 1.0 - exp(-1.0 / (time_s * rate_hz));
}

/// Two-pole resonator with a gain of 1 at 0 Hz (Klatt 1980), so that a cascade of them keeps the
/// levels of vowels as a vocal tract does.
typedef struct nb_resonator {
    double a, b, c;
    double last, before;
} nb_resonator;

static inline void nb_resonator_tune(nb_resonator *self, double freq_hz, double width_hz,
                                     double rate_hz)
{
    const double radius = exp(-nb_pi * width_hz / rate_hz);
    self->c = -radius * radius;
    self->b = 2.0 * radius * cos(2.0 * nb_pi * freq_hz / rate_hz);
    self->a = 1.0 - self->b - self->c;
}

static inline double nb_resonator_step(nb_resonator *self, double in)
{
    const double out = self->a * in + self->b * self->last + self->c * self->before;
    self->before = self->last;
    self->last = out;
    return out;
}

/// Soft saturation between -1 and 1; algebraic, so every machine agrees on it.
static inline double nb_saturate(double in) { return in / sqrt(1.0 + in * in); }

/// Hertz of a MIDI note, which may lie between two keys.
static inline double nb_note_hz(double note) { return 440.0 * exp2((note - 69.0) / 12.0); }

#endif // NB_DEPLOY_DEMO_ALBUM_FILTER_H
