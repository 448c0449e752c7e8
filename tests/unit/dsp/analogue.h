// SPDX-License-Identifier: GPL-3.0-or-later
/// @file analogue.h  The equaliser's analogue prototypes, written out again for tests, so that a
/// slip in the design's algebra cannot repeat itself.

#ifndef NB_TESTS_DSP_ANALOGUE_H
#define NB_TESTS_DSP_ANALOGUE_H
#include <complex.h>
#include <math.h>
#include <string.h>

/// |H| in dB of a bell, shelf, tilt, notch or 12 dB/octave pass.
static inline double analogue_db(const char *type, double f, double f0, double gain_db, double q)
{
    const double complex s = I * f / f0;
    const double a = pow(10.0, gain_db / 40.0);
    const double root = sqrt(a);
    const double complex plain = s * s + s / q + 1.0;
    double complex h = 0.0;
    if (strcmp(type, "bell") == 0) {
        h = (s * s + s * (a / q) + 1.0) / (s * s + s / (a * q) + 1.0);
    } else if (strcmp(type, "low-shelf") == 0) {
        h = a * (s * s + root / q * s + a) / (a * s * s + root / q * s + 1.0);
    } else if (strcmp(type, "high-shelf") == 0) {
        h = a * (a * s * s + root / q * s + 1.0) / (s * s + root / q * s + a);
    } else if (strcmp(type, "tilt") == 0) {
        h = (s * a * a + 1.0) / (s + a * a);
    } else if (strcmp(type, "notch") == 0) {
        h = (s * s + 1.0) / plain;
    } else if (strcmp(type, "high-pass") == 0) {
        h = s * s / plain;
    } else if (strcmp(type, "low-pass") == 0) {
        h = 1.0 / plain;
    }
    return 20.0 * log10(cabs(h) + 1e-30);
}

/// |H| in dB of a Butterworth pass.
static inline double butterworth_db(const char *type, double f, double f0, int order)
{
    const double ratio = (strcmp(type, "high-pass") == 0) ? f0 / f : f / f0;
    return -10.0 * log10(1.0 + pow(ratio, 2.0 * order));
}

#endif // NB_TESTS_DSP_ANALOGUE_H
