// SPDX-License-Identifier: GPL-3.0-or-later
/// @file equaliser_shape.h  A band's sections at one moment, matched to their analogue prototypes.
///
/// Inside dsp/ only, in lanes and without libm, so that a band that moves has at each frame the
/// very coefficients of one that rests there. Method, symbols and errors: docs/dsp/equaliser.md.
///
/// One side of the section's fraction is known: the poles, by impulse invariance (M. Vicanek,
/// "Matched Second Order Digital Filters", 2016), or for high passes and notches the zeros. The
/// other side's |.|^2 is met at 0 Hz, at the band's frequency and at a third one. Cuts are boosts
/// with the sides exchanged.

#ifndef NB_DSP_EQUALISER_SHAPE_H
#define NB_DSP_EQUALISER_SHAPE_H
#include "dsp/equaliser_design.h"
#include "dsp/lanes_math.h"

/// c0 + c1/z + c2/z^2 by its value at 0 Hz, at half the rate, and c0 - c2. Exact where the
/// coefficients themselves would drown the difference of nearly equal numbers, at low frequencies.
typedef struct nb_triple {
    nb_lanes sum, alternating, difference;
} nb_triple;

/// A second-order section: numerator over denominator.
typedef struct nb_section {
    nb_triple numerator, denominator;
} nb_section;

/// The kind of a section in each lane: what does not move.
typedef struct nb_shape {
    nb_masks through; ///< No section at all: hands its samples through
    nb_masks second_order;
    nb_masks bell, high_shelf, low_shelf, tilt, high_pass, notch;
    nb_lanes inverse_sign; ///< The sides are exchanged where gain_db times it is over 0
    nb_lanes fixed_q;      ///< Where the alignment says; 0 where the band's q rules
    nb_lanes third_at, third_slope, third_curve, third_min, third_max; ///< See nb_third
} nb_shape;

/// What all sections of a band share. Angles are halves of those on the unit circle, p = sin^2.
typedef struct nb_place {
    nb_lanes half_angle;           ///< pi f / rate
    nb_lanes sine, cosine, p0, p1; ///< At the band's frequency; p0 = cos^2
    nb_lanes third_sine, third_cosine, third_p0, third_p1;
    nb_lanes third_ratio_squared; ///< Of the third frequency to the band's
    nb_lanes q, gain_db;
    nb_lanes root_alpha; ///< Of alpha = 10^(-|gain_db| / 40)
} nb_place;

/// Where a shape's third frequency lies, as a share of half the rate: of the band's own share c,
/// at + slope c + curve c^2 within [min, max].
typedef struct nb_third {
    double at, slope, curve, min, max;
} nb_third;

static inline void nb_shape_set_third(nb_shape *self, unsigned lane, nb_third third)
{
    // From shares of half the rate to half angles.
    self->third_at[lane] = third.at * (NB_PI / 2.0);
    self->third_slope[lane] = third.slope;
    self->third_curve[lane] = third.curve * (2.0 / NB_PI);
    self->third_min[lane] = third.min * (NB_PI / 2.0);
    self->third_max[lane] = third.max * (NB_PI / 2.0);
}

/// A shape whose lanes all hand their samples through.
static inline void nb_shape_clear(nb_shape *self)
{
    *self = (nb_shape){.through = ~(nb_masks){0}};
    for (unsigned lane = 0; lane < NB_LANES; lane++) {
        nb_shape_set_third(self, lane, (nb_third){.at = 0.8, .min = 0.8, .max = 0.8});
    }
}

/// Make lane `lane` section `index` of the band. The third frequencies were found by a search over
/// types, frequencies, gains and q for the smallest error up to 20 kHz at 44.1 kHz.
static inline void nb_shape_set(nb_shape *self, unsigned lane, const nb_band *band, size_t index)
{
    const double q = nb_band_section_q(band, index);
    const nb_band_type type = band->type;
    const bool pass = type == NB_BAND_HIGH_PASS || type == NB_BAND_LOW_PASS;
    self->through[lane] = 0;
    self->second_order[lane] = -(q != 0.0 && type != NB_BAND_TILT);
    self->bell[lane] = -(type == NB_BAND_BELL);
    self->high_shelf[lane] = -(type == NB_BAND_HIGH_SHELF);
    self->low_shelf[lane] = -(type == NB_BAND_LOW_SHELF);
    self->tilt[lane] = -(type == NB_BAND_TILT);
    self->high_pass[lane] = -(type == NB_BAND_HIGH_PASS);
    self->notch[lane] = -(type == NB_BAND_NOTCH);
    self->fixed_q[lane] = (pass && !nb_band_q_rules(band)) ? (q != 0.0 ? q : 1.0) : 0.0;
    const bool falls = type == NB_BAND_BELL || type == NB_BAND_LOW_SHELF;
    const bool rises = type == NB_BAND_HIGH_SHELF || type == NB_BAND_TILT;
    self->inverse_sign[lane] = falls ? -1.0 : rises ? 1.0 : 0.0;
    switch (type) {
    case NB_BAND_BELL:
        nb_shape_set_third(self, lane, (nb_third){1.04, -1.0, 0.0, 0.51, 0.85});
        break;
    case NB_BAND_HIGH_PASS:
        nb_shape_set_third(self, lane, (nb_third){-0.214, 3.12, -2.4, 0.5, 0.8});
        break;
    case NB_BAND_NOTCH:
        nb_shape_set_third(self, lane, (nb_third){.at = 0.8, .min = 0.8, .max = 0.8});
        break;
    case NB_BAND_LOW_PASS:
    case NB_BAND_LOW_SHELF:
    case NB_BAND_HIGH_SHELF:
    case NB_BAND_TILT:
        nb_shape_set_third(self, lane, (nb_third){1.73, -1.25, 0.0, 0.6, 0.85});
        break;
    }
}

/// The band's place; `half_turn_per_hz` is pi / rate. All values are in their ranges.
static inline nb_place nb_place_of(const nb_shape *shape, nb_lanes half_turn_per_hz,
                                   nb_lanes freq_hz, nb_lanes gain_db, nb_lanes q)
{
    // As near as the third frequency may come: below, the quotient of differences would be noise.
    static const double nearest = 1e-4;
    // A slim bell has no skirt under 5 kHz that a high third frequency would lift.
    static const double wide = 1.0;
    static const double slim = 3.0;
    static const double narrow_third = 0.8 * (NB_PI / 2.0);
    nb_place now;
    now.half_angle = freq_hz * half_turn_per_hz;
    now.sine = nb_lanes_sin(now.half_angle);
    now.cosine = nb_lanes_sin(NB_PI / 2.0 - now.half_angle);
    now.p1 = now.sine * now.sine;
    now.p0 = now.cosine * now.cosine;
    nb_lanes third = (shape->third_curve * now.half_angle + shape->third_slope) * now.half_angle;
    third = third + shape->third_at;
    third = nb_lanes_min(nb_lanes_max(third, shape->third_min), shape->third_max);
    const nb_lanes narrow = nb_lanes_clamp((q - wide) / (slim - wide), 0.0, 1.0);
    third = nb_lanes_select(shape->bell, third + narrow * (narrow_third - third), third);
    const nb_masks near = (nb_masks)(nb_lanes_abs(third - now.half_angle) < nb_lanes_set(nearest));
    third = nb_lanes_select(near, now.half_angle + nearest, third);
    now.third_sine = nb_lanes_sin(third);
    now.third_cosine = nb_lanes_sin(NB_PI / 2.0 - third);
    now.third_p1 = now.third_sine * now.third_sine;
    now.third_p0 = now.third_cosine * now.third_cosine;
    const nb_lanes ratio = third / now.half_angle;
    now.third_ratio_squared = ratio * ratio;
    now.q = q;
    now.gain_db = gain_db;
    now.root_alpha = nb_lanes_exp2(nb_lanes_abs(gain_db) * (-NB_OCTAVES_PER_DB / 4.0));
    return now;
}

/// c2 s^2 + c1 s + c0, with s = j at the band's frequency.
typedef struct nb_quadratic {
    nb_lanes c2, c1, c0;
} nb_quadratic;

static inline nb_lanes nb_quadratic_power(const nb_quadratic *self, nb_lanes ratio_squared)
{
    const nb_lanes real = self->c0 - self->c2 * ratio_squared;
    return real * real + self->c1 * self->c1 * ratio_squared;
}

/// The prototype's two sides, boosts as cuts' inverses: poles, and what is fitted.
static inline void nb_shape_prototype(const nb_shape *self, const nb_place *now, nb_lanes q,
                                      nb_quadratic *poles, nb_quadratic *zeros)
{
    const nb_lanes one = nb_lanes_set(1.0);
    const nb_lanes zero = {0};
    const nb_lanes per_q = 1.0 / q;
    const nb_lanes root = now->root_alpha;
    const nb_lanes alpha = root * root;
    const nb_lanes squared = alpha * alpha;
    const nb_masks shelf = self->high_shelf | self->low_shelf;
    const nb_lanes slope = nb_lanes_select(self->bell, alpha, nb_lanes_select(shelf, root, one));
    poles->c2 = nb_lanes_select(self->second_order, one, zero);
    poles->c1 = nb_lanes_select(self->second_order, per_q * slope, one);
    poles->c0 = nb_lanes_select(shelf, alpha, nb_lanes_select(self->tilt, squared, one));
    zeros->c2 = nb_lanes_select(self->bell | self->low_shelf, one,
                                nb_lanes_select(self->high_shelf, squared, zero));
    const nb_lanes shelf_slope =
        nb_lanes_select(self->high_shelf, alpha * root * per_q, per_q / root);
    zeros->c1 = nb_lanes_select(
        shelf, shelf_slope,
        nb_lanes_select(self->bell, per_q / alpha, nb_lanes_select(self->tilt, squared, zero)));
    zeros->c0 = nb_lanes_select(self->high_shelf, alpha,
                                nb_lanes_select(self->low_shelf, 1.0 / alpha, one));
}

/// Poles of the prototype on the unit circle, and their |.|^2 at two frequencies, as products of
/// distances: nothing cancels.
typedef struct nb_known {
    nb_triple triple;
    nb_lanes at_zero, at_freq, at_third; ///< |.|^2
} nb_known;

static inline nb_lanes nb_distance(nb_lanes radius, nb_lanes half_sine)
{
    const nb_lanes gap = 1.0 - radius;
    return gap * gap + 4.0 * radius * half_sine * half_sine;
}

static inline nb_known nb_known_poles(const nb_quadratic *poles, const nb_place *now)
{
    static const double log2_e = 1.44269504088896340736;
    const nb_lanes zero = {0};
    const nb_lanes w = 2.0 * now->half_angle;
    const nb_masks second = (nb_masks)(poles->c2 > zero);
    const nb_lanes damping = nb_lanes_select(second, 0.5 * poles->c1, poles->c0);
    const nb_lanes inside =
        damping * damping - nb_lanes_select(second, poles->c0, poles->c0 * poles->c0);
    const nb_lanes root = nb_lanes_sqrt(nb_lanes_abs(inside)) * w;
    const nb_masks real = (nb_masks)(inside >= zero);
    const nb_lanes apart = nb_lanes_select(real, root, zero);
    const nb_lanes x = nb_lanes_exp2(log2_e * (apart - damping * w));
    nb_lanes y = nb_lanes_exp2(-log2_e * (apart + damping * w));
    y = nb_lanes_select(second, y, zero);
    const nb_lanes half_turn = nb_lanes_select(real, zero, 0.5 * root);
    const nb_lanes sine = nb_lanes_sin(half_turn);
    const nb_lanes cosine = nb_lanes_sin(NB_PI / 2.0 - half_turn);
    const nb_lanes bend = 4.0 * x * sine * sine;
    nb_known known;
    known.triple.sum = (1.0 - x) * (1.0 - y) + bend;
    known.triple.alternating = (1.0 + x) * (1.0 + y) - bend;
    known.triple.difference = 1.0 - x * y;
    known.at_zero = known.triple.sum * known.triple.sum;
    nb_lanes in = sine * now->cosine;
    nb_lanes across = cosine * now->sine;
    known.at_freq = nb_distance(x, in - across) * nb_distance(y, in + across);
    in = sine * now->third_cosine;
    across = cosine * now->third_sine;
    known.at_third = nb_distance(x, in - across) * nb_distance(y, in + across);
    return known;
}

/// |.|^2 that the fitted side shall have.
typedef struct nb_wanted {
    nb_lanes at_zero, at_freq, at_third;
} nb_wanted;

// The zeros of high passes and notches are known, the poles fitted.
static inline nb_wanted nb_wanted_poles(const nb_shape *self, const nb_place *now,
                                        const nb_quadratic *poles, nb_triple *out_zeros)
{
    const nb_lanes zero = {0};
    const nb_lanes w = 2.0 * now->half_angle;
    const nb_lanes w2 = w * w;
    const nb_lanes r2 = now->third_ratio_squared;
    const nb_lanes freq_power = nb_quadratic_power(poles, nb_lanes_set(1.0));
    const nb_lanes third_power = nb_quadratic_power(poles, r2);
    // (1 - 1/z)^2 or 1 - 1/z at 0 Hz; a notch's zeros lie on the circle.
    const nb_lanes first_at_third = 4.0 * now->third_p1 / r2;
    const nb_lanes beside = 4.0 * (now->third_p1 - now->p1) / (1.0 - r2);
    const nb_lanes four_p1 = 4.0 * now->p1;
    nb_wanted wanted;
    wanted.at_zero = nb_lanes_select(self->notch, four_p1 * four_p1,
                                     nb_lanes_select(self->second_order, w2 * w2, w2));
    const nb_lanes pass = nb_lanes_select(self->second_order, four_p1 * four_p1, four_p1);
    wanted.at_freq = freq_power * nb_lanes_select(self->notch, four_p1 * now->p0 * w2, pass);
    wanted.at_third = third_power * nb_lanes_select(self->notch, beside * beside,
                                                    nb_lanes_select(self->second_order,
                                                                    first_at_third * first_at_third,
                                                                    first_at_third));
    out_zeros->sum = nb_lanes_select(self->notch, four_p1, zero);
    out_zeros->alternating =
        nb_lanes_select(self->notch, 4.0 * now->p0,
                        nb_lanes_select(self->second_order, nb_lanes_set(4.0), nb_lanes_set(2.0)));
    out_zeros->difference =
        nb_lanes_select(self->notch | self->second_order, zero, nb_lanes_set(1.0));
    return wanted;
}

/// The triple whose |.|^2 is B0 cos^2 + B1 sin^2 + B2 sin^2(2.), through the three wanted values.
/// A resonant high pass over `resonant` keeps its poles by impulse invariance instead: three
/// values would not hold its peak in place.
static inline nb_triple nb_fit(const nb_place *now, const nb_wanted *wanted, nb_lanes own_share,
                               const nb_known *own)
{
    static const double least = 1e-30; // of a square: keeps the root real, and the filter stable
    const nb_lanes at = (wanted->at_freq - wanted->at_zero * now->p0) / now->p1;
    const nb_lanes third = (wanted->at_third - wanted->at_zero * now->third_p0) / now->third_p1;
    nb_lanes alternating_squared =
        (now->p0 * third - now->third_p0 * at) / (now->third_p1 - now->p1);
    nb_lanes sum_squared = wanted->at_zero;
    const nb_lanes scale = wanted->at_freq / own->at_freq;
    const nb_lanes own_alternating = own->triple.alternating * own->triple.alternating;
    sum_squared = sum_squared + own_share * (scale * own->at_zero - sum_squared);
    alternating_squared =
        alternating_squared + own_share * (scale * own_alternating - alternating_squared);
    nb_triple fitted;
    fitted.sum = nb_lanes_sqrt(sum_squared);
    fitted.alternating = nb_lanes_sqrt(nb_lanes_max(alternating_squared, nb_lanes_set(least)));
    const nb_lanes rest = fitted.sum * now->p0 - fitted.alternating * now->p1;
    const nb_lanes difference_squared = (wanted->at_freq - rest * rest) / (4.0 * now->p0 * now->p1);
    fitted.difference = nb_lanes_sqrt(nb_lanes_max(difference_squared, nb_lanes_set(least)));
    return fitted;
}

static inline nb_triple nb_triple_select(nb_masks mask, nb_triple yes, nb_triple no)
{
    return (nb_triple){nb_lanes_select(mask, yes.sum, no.sum),
                       nb_lanes_select(mask, yes.alternating, no.alternating),
                       nb_lanes_select(mask, yes.difference, no.difference)};
}

/// The section of a shape at a place.
static inline nb_section nb_section_of(const nb_shape *self, const nb_place *now)
{
    static const double fitted_to = 2.6; // q of a high pass: the largest of a Butterworth section
    static const double resonant = 6.0;
    const nb_lanes zero = {0};
    const nb_masks own_q = (nb_masks)(self->fixed_q == zero);
    const nb_lanes q = nb_lanes_select(own_q, now->q, self->fixed_q);
    nb_quadratic poles;
    nb_quadratic zeros;
    nb_shape_prototype(self, now, q, &poles, &zeros);
    const nb_known known = nb_known_poles(&poles, now);
    const nb_lanes one = nb_lanes_set(1.0);
    const nb_lanes dc = zeros.c0 / poles.c0;
    const nb_lanes r2 = now->third_ratio_squared;
    nb_wanted wanted = {
        known.at_zero * dc * dc,
        known.at_freq * nb_quadratic_power(&zeros, one) / nb_quadratic_power(&poles, one),
        known.at_third * nb_quadratic_power(&zeros, r2) / nb_quadratic_power(&poles, r2),
    };
    nb_triple known_zeros;
    const nb_wanted other = nb_wanted_poles(self, now, &poles, &known_zeros);
    const nb_masks zeros_known = self->high_pass | self->notch;
    wanted.at_zero = nb_lanes_select(zeros_known, other.at_zero, wanted.at_zero);
    wanted.at_freq = nb_lanes_select(zeros_known, other.at_freq, wanted.at_freq);
    wanted.at_third = nb_lanes_select(zeros_known, other.at_third, wanted.at_third);
    nb_lanes own_share = nb_lanes_clamp((q - fitted_to) / (resonant - fitted_to), 0.0, 1.0);
    own_share = nb_lanes_select(self->high_pass & self->second_order, own_share, zero);
    const nb_triple fitted = nb_fit(now, &wanted, own_share, &known);
    const nb_masks inverse = zeros_known | (nb_masks)(now->gain_db * self->inverse_sign > zero);
    const nb_triple other_side = nb_triple_select(zeros_known, known_zeros, known.triple);
    nb_section section = {.numerator = nb_triple_select(inverse, other_side, fitted),
                          .denominator = nb_triple_select(inverse, fitted, other_side)};
    section.numerator = nb_triple_select(self->through, section.denominator, section.numerator);
    return section;
}

#endif // NB_DSP_EQUALISER_SHAPE_H
