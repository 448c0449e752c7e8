// SPDX-License-Identifier: GPL-3.0-or-later
/// @file saturation_curve.h  The curves of the saturation, their first two antiderivatives, and
/// their average over three neighbouring samples.
///
/// Inside dsp/ only. All curves are odd, with slope 1 at zero: f(x) = sign(x) height phi(y),
/// y = steepness |x|, where phi rises from 0 to 1. Its antiderivatives are written as what they are
/// far out and a remainder that stays small:
///
///     integral of phi        = y - first + P'(y)
///     integral of that       = y^2 / 2 - first y + second + P(y)
///
/// since a difference of large squares would lose the bits that the remainder is about.
/// Derivation and errors: docs/dsp/saturation.md.

#ifndef NB_DSP_SATURATION_CURVE_H
#define NB_DSP_SATURATION_CURVE_H
#include "dsp/lanes_math.h"

#include <stdbool.h>

typedef enum curve_kind {
    CURVE_TANH,
    CURVE_HARD,
    CURVE_CUBIC,
    CURVE_LANGEVIN,
    CURVE_KINDS
} curve_kind;

/// One lane's: height is 1 / steepness where the slope is to be 1. Hard clipping uses neither.
typedef struct curve_shape {
    nb_lanes steepness[2]; ///< Of positive and of negative inputs
    nb_lanes height[2];
} curve_shape;

// Polynomials by interpolation at Chebyshev nodes in 40 digits; errors under 2e-14, most under
// 1e-15. -Li2(-v) / v and ln(1 + v) / v for v in [0, 1].
static const double curve_dilog[] = {
    0.99999999999999891,   -0.24999999999937094,   0.11111111105026552,    -0.06249999765580068,
    0.039999952137261804,  -0.027777180176721206,  0.020403195901218635,   -0.015595949530155368,
    0.01222148854669087,   -0.0096009846960639003, 0.0072799801917030686,  -0.0050438470464985698,
    0.0029887751100885427, -0.0014072303849598484, 0.00048202156480911159, -0.00010516831596941696,
    1.0866727617265119e-5,
};
static const double curve_ln_one_plus[] = {
    0.99999999999998539,   -0.49999999999153941,  0.3333333325145484,    -0.24999996842330872,
    0.19999935431561236,   -0.16665858790762876,  0.14278979964022669,   -0.12460465372909532,
    0.1094123169317675,    -0.094503698734114305, 0.077216949024756597,  -0.056539701347161546,
    0.034836716935024871,  -0.016851081857679476, 0.0058808557302412989, -0.0013000593119805039,
    0.0001356067702978315,
};
// Li2(v) / v and -ln(1 - v) / v for v in [0, e^-4].
static const double curve_dilog_small[] = {
    1.0,
    0.25000000000000004,
    0.11111111111107056,
    0.062500000017693905,
    0.039999996212080177,
    0.027778217579330438,
    0.020379943451693189,
    0.016562255687835055,
};
static const double curve_ln_one_minus[] = {
    1.0,
    0.50000000000000032,
    0.33333333333296592,
    0.25000000016027562,
    0.19999996569541191,
    0.16667064824853095,
    0.14260182308473238,
    0.13346901424829871,
};
// L(y) / y, its integral / y^2, that one's integral / y^3, and L''(y) / y in y^2, for y in [0, 2].
static const double curve_langevin[] = {
    0.33333333333332854,     -0.022222222221816739,  0.002116402110691064,
    -0.00021164017987673519, 2.1377706837761475e-5,  -2.1642434579019901e-6,
    2.1907794467461909e-7,   -2.2075463932851719e-8, 2.176310513534492e-9,
    -1.9978851230457406e-10, 1.5445126527596226e-11, -8.4838363018220132e-13,
    2.3651879881962588e-14,
};
static const double curve_langevin_first[] = {
    0.16666666666666647,     -0.0055555555555387876, 0.00035273368583095833,
    -2.6455025143220249e-5,  2.1377761078469356e-6,  -1.803604025095495e-7,
    1.5653937387730921e-8,   -1.3827208050595719e-9, 1.2201320601855949e-10,
    -1.0261687685443991e-11, 7.4486233350369773e-13, -3.9241998880469784e-14,
    1.0653793719241127e-15,
};
static const double curve_langevin_second[] = {
    0.055555555555555548,    -0.0011111111111104511,  5.0390526571714569e-5,
    -2.9394473323149211e-6,  1.9434347914770297e-7,   -1.3874126819401147e-8,
    1.0438011677749759e-9,   -8.1449405392515126e-11, 6.4636332115669081e-12,
    -4.9901027524554607e-13, 3.4021623123938297e-14,  -1.7190406153110744e-15,
    4.5452064782029761e-17,
};
static const double curve_langevin_bend[] = {
    -0.13333333333304663,    0.042328042303782153,  -0.0088888885468416112,  0.0015391996331657785,
    -0.00023807891479974051, 3.4194758447488455e-5, -4.6540299729331564e-6,  6.0368093733261026e-7,
    -7.3370567423432732e-8,  7.9179259081651463e-9, -6.8633687114131374e-10, 4.0663836007635667e-11,
    -1.1901866792657429e-12,
};
// 2^x for x in +-1/2; ln((1 + s) / (1 - s)) / s in s^2 for s^2 in [0, 0.0295].
static const double curve_exp2[] = {
    1.0,
    0.69314718055994531,
    0.24022650695910071,
    0.055504108664821699,
    0.0096181291076284831,
    0.0013333558146390353,
    0.00015403530393362755,
    1.5252733856293466e-5,
    1.3215486815999977e-6,
    1.0178051192960649e-7,
    7.054894386348348e-9,
    4.4566753410492059e-10,
    2.5733568308756891e-11,
};
static const double curve_atanh[] = {
    2.0,
    0.66666666666666658,
    0.40000000000007499,
    0.28571428568817636,
    0.22222222677146835,
    0.18181773720945537,
    0.15387161664597039,
    0.13248746535494303,
    0.1326225363958399,
};

static inline nb_lanes curve_horner(const double *c, size_t count, nb_lanes z)
{
    nb_lanes p = nb_lanes_set(c[count - 1]);
    for (size_t i = count - 1; i-- > 0;) {
        p = p * z + c[i];
    }
    return p;
}

#define CURVE_POLY(name, z) curve_horner(name, sizeof(name) / sizeof *(name), z)

static inline bool curve_any(nb_masks mask)
{
#if NB_LANES == 8 && defined(__AVX512DQ__)
    return _mm512_movepi64_mask((__m512i)mask) != 0;
#elif NB_LANES == 4 && defined(__AVX__)
    return _mm256_movemask_pd((__m256d)mask) != 0;
#elif NB_LANES == 2 && defined(__SSE2__)
    return _mm_movemask_pd((__m128d)mask) != 0;
#else
    int64_t any = 0;
    for (unsigned lane = 0; lane < NB_LANES; lane++) {
        any |= mask[lane];
    }
    return any != 0;
#endif
}

/// e^-2y for y >= 0, to the last bits: its errors are divided by small differences.
static inline nb_lanes curve_fade(nb_lanes y)
{
    const nb_lanes x = nb_lanes_max(y * -2.8853900817779268, nb_lanes_set(-1000.0)); // -2 / ln 2
    const nb_lanes rounded = x + NB_ROUND_MAGIC;
    const nb_lanes p = CURVE_POLY(curve_exp2, x - (rounded - NB_ROUND_MAGIC));
    return (nb_lanes)((nb_masks)p + ((nb_masks)rounded << 52));
}

/// ln y for y >= 2, to the last bits.
static inline nb_lanes curve_ln(nb_lanes y)
{
    const int64_t root_half = 0x3fe6a09e667f3bcd; // bits of sqrt(1/2)
    // y is over 1: the exponent's difference is positive, and AVX2 shifts by zeros only.
    typedef uint64_t unsigned_masks __attribute__((vector_size(NB_LANES * 8)));
    const nb_masks exponent = (nb_masks)((unsigned_masks)((nb_masks)y - root_half) >> 52);
    const nb_lanes m = (nb_lanes)((nb_masks)y - (exponent << 52));
    const nb_lanes e = (nb_lanes)(exponent + 0x4338000000000000) - NB_ROUND_MAGIC;
    const nb_lanes s = (m - 1.0) / (m + 1.0);
    return e * 0.69314718055994531 + s * CURVE_POLY(curve_atanh, s * s);
}

/// phi(y).
static inline nb_lanes curve_phi(curve_kind kind, nb_lanes y)
{
    const nb_lanes one = nb_lanes_set(1.0);
    if (kind == CURVE_TANH) {
        const nb_lanes v = curve_fade(y);
        return (1.0 - v) / (1.0 + v);
    }
    if (kind == CURVE_CUBIC) {
        const nb_lanes held = nb_lanes_min(y, nb_lanes_set(1.5));
        return held - held * held * held * (4.0 / 27.0);
    }
    if (kind == CURVE_LANGEVIN) {
        const nb_masks far = (nb_masks)(y >= nb_lanes_set(2.0));
        const nb_lanes v = curve_fade(y);
        const nb_lanes coth = 1.0 + 2.0 * v / (1.0 - nb_lanes_min(v, nb_lanes_set(0.5)));
        const nb_lanes held = nb_lanes_min(y, nb_lanes_set(2.0));
        return nb_lanes_select(far, coth - 1.0 / nb_lanes_max(y, one),
                               held * CURVE_POLY(curve_langevin, held * held));
    }
    return nb_lanes_min(y, one);
}

/// phi''(y), of curves without corners.
static inline nb_lanes curve_bend(curve_kind kind, nb_lanes y, nb_lanes phi)
{
    if (kind == CURVE_TANH) {
        return -2.0 * phi * (1.0 - phi * phi);
    }
    if (kind == CURVE_CUBIC) {
        return nb_lanes_select((nb_masks)(y < nb_lanes_set(1.5)), y * (-8.0 / 9.0),
                               nb_lanes_set(0.0));
    }
    const nb_masks far = (nb_masks)(y >= nb_lanes_set(2.0));
    const nb_lanes held = nb_lanes_min(y, nb_lanes_set(2.0));
    const nb_lanes inverse = 1.0 / nb_lanes_max(y, nb_lanes_set(2.0));
    const nb_lanes slope = 1.0 - phi * phi - 2.0 * phi * inverse;
    const nb_lanes outside =
        -2.0 * phi * slope - 2.0 * slope * inverse + 2.0 * phi * inverse * inverse;
    return nb_lanes_select(far, outside, held * CURVE_POLY(curve_langevin_bend, held * held));
}

static inline double curve_first(curve_kind kind)
{
    return (kind == CURVE_CUBIC) ? 0.5625 : 0.69314718055994531; // ln 2
}

static inline double curve_second(curve_kind kind)
{
    return (kind == CURVE_CUBIC) ? 0.225 : (kind == CURVE_TANH) ? 0.41123351671205661 : 0.0;
}

/// P'(y).
static inline nb_lanes curve_rest_first(curve_kind kind, nb_lanes y)
{
    if (kind == CURVE_TANH) {
        const nb_lanes v = curve_fade(y);
        return v * CURVE_POLY(curve_ln_one_plus, v);
    }
    if (kind == CURVE_CUBIC) {
        const nb_lanes t = nb_lanes_min(y, nb_lanes_set(1.5));
        const nb_lanes z = t * t;
        return z * 0.5 - z * z * (1.0 / 27.0) - t + 0.5625;
    }
    const nb_masks far = (nb_masks)(y >= nb_lanes_set(2.0));
    const nb_lanes v = nb_lanes_min(curve_fade(y), nb_lanes_set(0.0184));
    const nb_lanes t = nb_lanes_min(y, nb_lanes_set(2.0));
    const nb_lanes z = t * t;
    const nb_lanes outside =
        -curve_ln(nb_lanes_max(y, nb_lanes_set(2.0))) - v * CURVE_POLY(curve_ln_one_minus, v);
    const nb_lanes inside = z * CURVE_POLY(curve_langevin_first, z) - t + 0.69314718055994531;
    return nb_lanes_select(far, outside, inside);
}

/// P(y).
static inline nb_lanes curve_rest(curve_kind kind, nb_lanes y)
{
    if (kind == CURVE_TANH) {
        const nb_lanes v = curve_fade(y);
        return v * CURVE_POLY(curve_dilog, v) * -0.5;
    }
    if (kind == CURVE_CUBIC) {
        const nb_lanes t = nb_lanes_min(y, nb_lanes_set(1.5));
        const nb_lanes z = t * t;
        return t * z * (1.0 / 6.0 - z * (1.0 / 135.0)) - z * 0.5 + t * 0.5625 - 0.225;
    }
    const nb_masks far = (nb_masks)(y >= nb_lanes_set(2.0));
    const nb_lanes v = nb_lanes_min(curve_fade(y), nb_lanes_set(0.0184));
    const nb_lanes t = nb_lanes_min(y, nb_lanes_set(2.0));
    const nb_lanes z = t * t;
    const nb_lanes held = nb_lanes_max(y, nb_lanes_set(2.0));
    const nb_lanes outside = held - held * curve_ln(held) +
                             v * CURVE_POLY(curve_dilog_small, v) * 0.5 - 0.82246703342411322;
    const nb_lanes inside =
        t * z * CURVE_POLY(curve_langevin_second, z) - z * 0.5 + t * 0.69314718055994531;
    return nb_lanes_select(far, outside, inside);
}

/// x by side of zero.
typedef struct curve_side {
    nb_lanes sign, size, steepness, height;
} curve_side;

static inline curve_side curve_side_of(const curve_shape *shape, nb_lanes x)
{
    const nb_masks below = (nb_masks)(x < nb_lanes_set(0.0));
    return (curve_side){nb_lanes_select(below, nb_lanes_set(-1.0), nb_lanes_set(1.0)),
                        nb_lanes_abs(x),
                        nb_lanes_select(below, shape->steepness[1], shape->steepness[0]),
                        nb_lanes_select(below, shape->height[1], shape->height[0])};
}

/// f(x).
static inline nb_lanes curve_value(curve_kind kind, const curve_shape *shape, nb_lanes x)
{
    if (kind == CURVE_HARD) {
        return nb_lanes_clamp(x, -1.0, 1.0);
    }
    const curve_side it = curve_side_of(shape, x);
    return it.sign * it.height * curve_phi(kind, it.steepness * it.size);
}

/// A sample with what the average needs of it.
typedef struct curve_point {
    nb_lanes x;
    nb_lanes rest;  ///< Second antiderivative less what it is far out on this side
    nb_lanes whole; ///< Second antiderivative
    bool is_known;  ///< The two above were computed: most samples of quiet music do without
} curve_point;

static inline void curve_know(curve_kind kind, const curve_shape *shape, curve_point *self)
{
    if (self->is_known) {
        return;
    }
    const curve_side it = curve_side_of(shape, self->x);
    const nb_lanes y = it.steepness * it.size;
    const nb_lanes rest = curve_rest(kind, y);
    const nb_lanes scale = it.sign * it.height / (it.steepness * it.steepness);
    self->rest = scale * rest;
    self->whole = scale * (y * (y * 0.5 - curve_first(kind)) + curve_second(kind) + rest);
    self->is_known = true;
}

/// Three points by size of x.
typedef struct curve_order {
    nb_lanes x[3], g[3];
} curve_order;

static inline void curve_swap(curve_order *self, size_t a, size_t b)
{
    const nb_masks wrong = (nb_masks)(self->x[a] > self->x[b]);
    const nb_lanes x = self->x[a];
    const nb_lanes g = self->g[a];
    self->x[a] = nb_lanes_select(wrong, self->x[b], x);
    self->g[a] = nb_lanes_select(wrong, self->g[b], g);
    self->x[b] = nb_lanes_select(wrong, x, self->x[b]);
    self->g[b] = nb_lanes_select(wrong, g, self->g[b]);
}

/// First divided difference of g between points i and i + 1; where they nearly meet, the
/// derivative between them.
static inline nb_lanes curve_slope(curve_kind kind, const curve_shape *shape,
                                   const curve_order *order, size_t i, nb_masks straddles)
{
    const double meet = 1e-5;
    const nb_lanes gap = order->x[i + 1] - order->x[i];
    const nb_masks near = (nb_masks)(gap < nb_lanes_set(meet));
    const nb_lanes apart = nb_lanes_select(near, nb_lanes_set(1.0), gap);
    const nb_lanes slope = (order->g[i + 1] - order->g[i]) / apart;
    if (!curve_any(near)) {
        return slope;
    }
    const curve_side it = curve_side_of(shape, (order->x[i] + order->x[i + 1]) * 0.5);
    const nb_lanes y = it.steepness * it.size;
    const nb_lanes rest = curve_rest_first(kind, y);
    const nb_lanes whole = y - curve_first(kind) + rest;
    const nb_lanes between = it.height / it.steepness * nb_lanes_select(straddles, whole, rest);
    return nb_lanes_select(near, between, slope);
}

/// Mean of f over all x = a x0 + b x1 + c x2 with a + b + c = 1, a, b, c >= 0 (Hermite-Genocchi):
/// twice the second divided difference of the second antiderivative. `reach` is max - min.
static inline nb_lanes curve_mean_far(curve_kind kind, const curve_shape *shape,
                                      curve_point *points)
{
    for (size_t i = 0; i < 3; i++) {
        curve_know(kind, shape, &points[i]);
    }
    const nb_lanes zero = nb_lanes_set(0.0);
    const nb_masks below = (nb_masks)(points[0].x < zero);
    const nb_masks straddles =
        (below ^ (nb_masks)(points[1].x < zero)) | (below ^ (nb_masks)(points[2].x < zero));
    curve_order order;
    for (size_t i = 0; i < 3; i++) {
        order.x[i] = points[i].x;
        order.g[i] = nb_lanes_select(straddles, points[i].whole, points[i].rest);
    }
    curve_swap(&order, 0, 1);
    curve_swap(&order, 1, 2);
    curve_swap(&order, 0, 1);
    const nb_lanes reach = order.x[2] - order.x[0];
    const nb_lanes rise = curve_slope(kind, shape, &order, 1, straddles) -
                          curve_slope(kind, shape, &order, 0, straddles);
    const nb_lanes far_out = nb_lanes_select(below, -shape->height[1], shape->height[0]);
    const nb_lanes tiny = nb_lanes_set(1e-300);
    return nb_lanes_select(straddles, zero, far_out) + 2.0 * rise / nb_lanes_max(reach, tiny);
}

/// As above where the three lie close together: the curve's value and bend at their mean.
static inline nb_lanes curve_mean_near(curve_kind kind, const curve_shape *shape,
                                       const curve_point *points)
{
    const nb_lanes a = points[0].x;
    const nb_lanes b = points[1].x;
    const nb_lanes c = points[2].x;
    const curve_side it = curve_side_of(shape, (a + b + c) * (1.0 / 3.0));
    const nb_lanes ab = a - b;
    const nb_lanes bc = b - c;
    const nb_lanes ca = c - a;
    const nb_lanes variance = (ab * ab + bc * bc + ca * ca) * (1.0 / 36.0);
    const nb_lanes y = it.steepness * it.size;
    const nb_lanes phi = curve_phi(kind, y);
    const nb_lanes bend = curve_bend(kind, y, phi) * it.steepness * it.steepness;
    return it.sign * it.height * (phi + bend * variance * 0.5);
}

/// Mean of a curve without corners over the triangle of three neighbours.
static inline nb_lanes curve_mean(curve_kind kind, const curve_shape *shape, curve_point *points)
{
    // Error of the near form about 1e-9 here; of the far one, rounding over the square of this.
    const double close = (kind == CURVE_CUBIC) ? 1e-3 : 1e-2;
    const nb_lanes high = nb_lanes_max(nb_lanes_max(points[0].x, points[1].x), points[2].x);
    const nb_lanes low = nb_lanes_min(nb_lanes_min(points[0].x, points[1].x), points[2].x);
    const nb_masks near = (nb_masks)(high - low < nb_lanes_set(close));
    if (!curve_any(near)) {
        return curve_mean_far(kind, shape, points);
    }
    const nb_lanes quiet = curve_mean_near(kind, shape, points);
    if (!curve_any(~near)) {
        return quiet;
    }
    return nb_lanes_select(near, quiet, curve_mean_far(kind, shape, points));
}

/// Mean of max(x - corner, 0) over the triangle of a <= b <= c: a cubic on each side of b, all
/// terms of one sign, so nothing cancels however close the three are.
static inline nb_lanes curve_ramp_mean(nb_lanes a, nb_lanes b, nb_lanes c, double corner)
{
    const nb_lanes zero = nb_lanes_set(0.0);
    const nb_lanes above = nb_lanes_max(c - corner, zero);
    const nb_lanes below = nb_lanes_max(corner - a, zero);
    const nb_masks past_b = (nb_masks)(b <= nb_lanes_set(corner));
    const nb_lanes span = c - a;
    const nb_lanes leg = nb_lanes_select(past_b, c - b, b - a);
    const nb_lanes over = nb_lanes_select(past_b, above, below);
    const nb_lanes tiny = nb_lanes_set(1e-150);
    const nb_lanes part =
        over * (over / nb_lanes_max(leg, tiny)) * (over / nb_lanes_max(span, tiny)) * (1.0 / 3.0);
    const nb_lanes mean = (a + b + c) * (1.0 / 3.0) - corner;
    return nb_lanes_select(past_b, part, mean + part);
}

/// Mean of hard clipping at +-1 over the triangle of three neighbours.
static inline nb_lanes curve_hard_mean(const curve_point *points)
{
    curve_order order = {{points[0].x, points[1].x, points[2].x}, {{0}}};
    curve_swap(&order, 0, 1);
    curve_swap(&order, 1, 2);
    curve_swap(&order, 0, 1);
    const nb_lanes one = nb_lanes_set(1.0);
    const nb_lanes mean = (order.x[0] + order.x[1] + order.x[2]) * (1.0 / 3.0);
    if (!curve_any((nb_masks)(order.x[2] > one) | (nb_masks)(order.x[0] < -one))) {
        return nb_lanes_clamp(mean + 0.0, -1.0, 1.0); // as below with two zeros, to the sign
    }
    const nb_lanes up = curve_ramp_mean(order.x[0], order.x[1], order.x[2], 1.0);
    // max(-1 - x, 0) by reflection.
    const nb_lanes down = curve_ramp_mean(-order.x[2], -order.x[1], -order.x[0], 1.0);
    // One of both is zero but where the three lie on both sides of the whole range.
    return nb_lanes_clamp(mean - up + down, -1.0, 1.0);
}

#endif // NB_DSP_SATURATION_CURVE_H
