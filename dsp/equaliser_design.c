// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/equaliser_design.h"

#include <complex.h>
#include <math.h>
#include <stdbool.h>

static const double pi = 3.14159265358979323846;

static bool is_pass(const nb_band *band)
{
    return band->type == NB_BAND_HIGH_PASS || band->type == NB_BAND_LOW_PASS;
}

size_t nb_band_section_count(const nb_band *band)
{
    return is_pass(band) ? (band->order + 1) / 2 : 1;
}

double nb_band_section_q(const nb_band *band, size_t index)
{
    if (!is_pass(band) || band->order == 2) {
        return band->q;
    }
    const size_t pairs = band->order / 2;
    if (index >= pairs) {
        return 0.0; // an odd order's real pole
    }
    // Poles of a Butterworth filter lie evenly on a half circle. The lowest Q first, so that what
    // the next section would lift is already filtered.
    const double step = pi / (2.0 * band->order);
    const double angle =
        step * ((band->order % 2) ? 2.0 * ((double)index + 1.0) : 2.0 * (double)index + 1.0);
    return 1.0 / (2.0 * cos(angle));
}

static nb_biquad first_order(const nb_band *band, double w)
{
    const double g = tan(w / 2.0);
    const double a1 = (g - 1.0) / (g + 1.0);
    if (band->type == NB_BAND_HIGH_PASS) {
        const double b = 1.0 / (1.0 + g);
        return (nb_biquad){b, -b, 0.0, a1, 0.0};
    }
    const double b = g / (1.0 + g);
    return (nb_biquad){b, b, 0.0, a1, 0.0};
}

static nb_biquad over_a0(double b0, double b1, double b2, double a0, double a1, double a2)
{
    return (nb_biquad){b0 / a0, b1 / a0, b2 / a0, a1 / a0, a2 / a0};
}

// R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients", shelves by Q.
static nb_biquad second_order(const nb_band *band, double q, double w)
{
    const double cosine = cos(w);
    const double alpha = sin(w) / (2.0 * q);
    const double a = pow(10.0, band->gain_db / 40.0);
    const double beta = 2.0 * sqrt(a) * alpha;
    switch (band->type) {
    case NB_BAND_HIGH_PASS: {
        const double b = (1.0 + cosine) / 2.0;
        return over_a0(b, -2.0 * b, b, 1.0 + alpha, -2.0 * cosine, 1.0 - alpha);
    }
    case NB_BAND_LOW_PASS: {
        const double b = (1.0 - cosine) / 2.0;
        return over_a0(b, 2.0 * b, b, 1.0 + alpha, -2.0 * cosine, 1.0 - alpha);
    }
    case NB_BAND_LOW_SHELF: {
        const double sum = (a + 1.0) - (a - 1.0) * cosine;
        return over_a0(a * (sum + beta), 2.0 * a * ((a - 1.0) - (a + 1.0) * cosine),
                       a * (sum - beta), (a + 1.0) + (a - 1.0) * cosine + beta,
                       -2.0 * ((a - 1.0) + (a + 1.0) * cosine),
                       (a + 1.0) + (a - 1.0) * cosine - beta);
    }
    case NB_BAND_HIGH_SHELF: {
        const double sum = (a + 1.0) + (a - 1.0) * cosine;
        return over_a0(a * (sum + beta), -2.0 * a * ((a - 1.0) + (a + 1.0) * cosine),
                       a * (sum - beta), (a + 1.0) - (a - 1.0) * cosine + beta,
                       2.0 * ((a - 1.0) - (a + 1.0) * cosine),
                       (a + 1.0) - (a - 1.0) * cosine - beta);
    }
    case NB_BAND_BELL:
        return over_a0(1.0 + alpha * a, -2.0 * cosine, 1.0 - alpha * a, 1.0 + alpha / a,
                       -2.0 * cosine, 1.0 - alpha / a);
    case NB_BAND_NOTCH:
        break;
    }
    return over_a0(1.0, -2.0 * cosine, 1.0, 1.0 + alpha, -2.0 * cosine, 1.0 - alpha);
}

size_t nb_band_design(const nb_band *band, double rate_hz, nb_biquad out[NB_BAND_SECTIONS_MAX])
{
    const size_t count = nb_band_section_count(band);
    const double w = 2.0 * pi * band->freq_hz / rate_hz;
    for (size_t s = 0; s < count; s++) {
        const double q = nb_band_section_q(band, s);
        out[s] = (q > 0.0) ? second_order(band, q, w) : first_order(band, w);
    }
    return count;
}

// The section's slower pole: of a complex pair the upper one, of a real pair the larger.
static double complex slowest_pole(const nb_biquad *section)
{
    const double half = -section->a1 / 2.0;
    const double discriminant = half * half - section->a2;
    if (discriminant < 0.0) {
        return half + I * sqrt(-discriminant);
    }
    return half + copysign(sqrt(discriminant), half);
}

static double magnitude_at(const nb_biquad *sections, size_t count, double complex z)
{
    const double complex z1 = 1.0 / z;
    double product = 1.0;
    for (size_t s = 0; s < count; s++) {
        const nb_biquad *q = &sections[s];
        product *= cabs((q->b0 + z1 * (q->b1 + z1 * q->b2)) / (1.0 + z1 * (q->a1 + z1 * q->a2)));
    }
    return product;
}

// The largest |H(z)| on the circle |z| = radius: it peaks near the angle of a pole.
static double largest_on_circle(const nb_biquad *sections, size_t count, double radius)
{
    enum { GRID = 64 };
    double largest = 0.0;
    for (size_t i = 0; i <= GRID; i++) {
        const double angle = pi * (double)i / GRID;
        largest = fmax(largest, magnitude_at(sections, count, radius * cexp(I * angle)));
    }
    for (size_t s = 0; s < count; s++) {
        const double angle = carg(slowest_pole(&sections[s]));
        largest = fmax(largest, magnitude_at(sections, count, radius * cexp(I * angle)));
    }
    return largest;
}

// Cauchy's estimate: |h(n)| <= M(r) r^n, where M(r) is the largest |H| on any circle around all
// poles. So the response from frame n on adds up to at most M(r) r^n / (1 - r), and the best of
// some radii is the answer. A factor of 4 covers what the search on the circle can miss.
size_t nb_biquads_tail(const nb_biquad *sections, size_t count, double level)
{
    static const double nearness[] = {0.3, 0.1, 0.03, 0.01};
    double pole = 0.0;
    for (size_t s = 0; s < count; s++) {
        pole = fmax(pole, cabs(slowest_pole(&sections[s])));
    }
    double frames = INFINITY;
    for (size_t i = 0; i < sizeof nearness / sizeof nearness[0]; i++) {
        const double radius = pole + (1.0 - pole) * nearness[i];
        const double largest = 4.0 * largest_on_circle(sections, count, radius);
        frames = fmin(frames, log(level * (1.0 - radius) / largest) / log(radius));
    }
    return (frames > 0.0) ? (size_t)ceil(frames) : 0;
}
