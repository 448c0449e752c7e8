// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/equaliser_shape.h"

#include <complex.h>
#include <math.h>

static const double pi = 3.14159265358979323846;

static bool is_pass(const nb_band *band)
{
    return band->type == NB_BAND_HIGH_PASS || band->type == NB_BAND_LOW_PASS;
}

bool nb_band_q_rules(const nb_band *band)
{
    return !is_pass(band) || (band->order == 2 && band->alignment == NB_BAND_BUTTERWORTH);
}

bool nb_band_is_flat(const nb_band *band)
{
    return !is_pass(band) && band->type != NB_BAND_NOTCH && band->gain_db == 0.0;
}

size_t nb_band_section_count(const nb_band *band)
{
    return is_pass(band) ? (band->order + 1) / 2 : 1;
}

// Poles of a Butterworth filter lie evenly on a half circle. The lowest Q first, so that what the
// next section would lift is already filtered.
static double butterworth_q(unsigned order, size_t pair)
{
    const double step = pi / (2.0 * order);
    const double angle =
        step * ((order % 2) ? 2.0 * ((double)pair + 1.0) : 2.0 * (double)pair + 1.0);
    return 1.0 / (2.0 * cos(angle));
}

double nb_band_section_q(const nb_band *band, size_t index)
{
    if (nb_band_q_rules(band)) {
        return band->q;
    }
    if (band->alignment == NB_BAND_LINKWITZ_RILEY) {
        // Two real poles of an odd half make one section of Q 1/2.
        const unsigned half = band->order / 2;
        const size_t first = half % 2;
        return (index < first) ? 0.5 : butterworth_q(half, (index - first) / 2);
    }
    const size_t pairs = band->order / 2;
    return (index < pairs) ? butterworth_q(band->order, index) : 0.0; // an odd order's real pole
}

static nb_biquad biquad_of(const nb_section *section)
{
    const nb_triple *n = &section->numerator;
    const nb_triple *d = &section->denominator;
    const double n_mean = (n->sum[0] + n->alternating[0]) / 4.0;
    const double d_mean = (d->sum[0] + d->alternating[0]) / 4.0;
    const double a0 = d_mean + d->difference[0] / 2.0;
    return (nb_biquad){
        .b0 = (n_mean + n->difference[0] / 2.0) / a0,
        .b1 = (n->sum[0] - n->alternating[0]) / 2.0 / a0,
        .b2 = (n_mean - n->difference[0] / 2.0) / a0,
        .a1 = (d->sum[0] - d->alternating[0]) / 2.0 / a0,
        .a2 = (d_mean - d->difference[0] / 2.0) / a0,
    };
}

size_t nb_band_design(const nb_band *band, double rate_hz, nb_biquad out[NB_BAND_SECTIONS_MAX])
{
    if (nb_band_is_flat(band)) {
        return 0;
    }
    const size_t count = nb_band_section_count(band);
    for (size_t s = 0; s < count; s++) {
        nb_shape shape;
        nb_shape_clear(&shape);
        nb_shape_set(&shape, 0, band, s);
        const nb_place place =
            nb_place_of(&shape, nb_lanes_set(NB_PI / rate_hz), nb_lanes_set(band->freq_hz),
                        nb_lanes_set(band->gain_db), nb_lanes_set(band->q));
        const nb_section section = nb_section_of(&shape, &place);
        out[s] = biquad_of(&section);
    }
    return count;
}

// |H| of one section of the prototype; `q` is 0 for one of first order.
static double section_magnitude(const nb_band *band, double q, double ratio)
{
    const double a = pow(10.0, band->gain_db / 40.0);
    const double root = sqrt(a);
    const double complex s = I * ratio;
    switch (band->type) {
    case NB_BAND_HIGH_PASS:
        return (q > 0.0) ? cabs(s * s / (s * s + s / q + 1.0)) : cabs(s / (s + 1.0));
    case NB_BAND_LOW_PASS:
        return (q > 0.0) ? cabs(1.0 / (s * s + s / q + 1.0)) : cabs(1.0 / (s + 1.0));
    case NB_BAND_LOW_SHELF:
        return cabs(a * (s * s + s * root / q + a) / (a * s * s + s * root / q + 1.0));
    case NB_BAND_HIGH_SHELF:
        return cabs(a * (a * s * s + s * root / q + 1.0) / (s * s + s * root / q + a));
    case NB_BAND_BELL:
        return cabs((s * s + s * a / q + 1.0) / (s * s + s / (a * q) + 1.0));
    case NB_BAND_TILT:
        return cabs((s * a * a + 1.0) / (s + a * a));
    case NB_BAND_NOTCH:
        break;
    }
    return cabs((s * s + 1.0) / (s * s + s / q + 1.0));
}

double nb_band_magnitude(const nb_band *band, double freq_hz)
{
    double product = 1.0;
    for (size_t s = 0; s < nb_band_section_count(band); s++) {
        product *= section_magnitude(band, nb_band_section_q(band, s), freq_hz / band->freq_hz);
    }
    return product;
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
