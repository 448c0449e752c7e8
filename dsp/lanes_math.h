// SPDX-License-Identifier: GPL-3.0-or-later
/// @file lanes_math.h  Logarithm, power and sine in lanes, by our own polynomials.
///
/// libm's results differ between its versions and CPUs; these are sums and products of doubles in a
/// fixed order. Relative errors are under 1e-11, far under the 1e-4 dB that levels are allowed
/// (docs/dsp/processors.md). Coefficients: interpolation at Chebyshev nodes in 50 digits.

#ifndef NB_DSP_LANES_MATH_H
#define NB_DSP_LANES_MATH_H
#include "dsp/lanes.h"

#define NB_PI             3.14159265358979323846
#define NB_DB_PER_OCTAVE  6.02059991327962390427  // 20 log10(2)
#define NB_OCTAVES_PER_DB 0.166096404744368117394 // 1 / the above

// Adding it rounds a double under 2^51 to a whole number, which stands in its low bits.
#define NB_ROUND_MAGIC 6755399441055744.0 // 1.5 * 2^52

/// 2^x, error under 3e-12 of the result; x is held in [-1022, 1023]. 2^n is exact for whole n.
static inline nb_lanes nb_lanes_exp2(nb_lanes x)
{
    x = nb_lanes_clamp(x, -1022.0, 1023.0);
    const nb_lanes rounded = x + NB_ROUND_MAGIC;
    const nb_lanes f = x - (rounded - NB_ROUND_MAGIC); // in [-1/2, 1/2]
    nb_lanes p = f * 1.325080551750225e-06 + 1.5303700711365693e-05;
    p = p * f + 0.00015403475186530786;
    p = p * f + 0.0013333478473685416;
    p = p * f + 0.00961812913523614;
    p = p * f + 0.055504109063258665;
    p = p * f + 0.24022650695888503;
    p = p * f + 0.6931471805568324;
    p = p * f + 1.0;
    // The magic's own bits leave by the shift: only the whole number reaches the exponent.
    return (nb_lanes)((nb_masks)p + ((nb_masks)rounded << 52));
}

/// log2(x) of a normal x > 0, absolute error under 3e-12; exact for powers of two.
static inline nb_lanes nb_lanes_log2(nb_lanes x)
{
    const int64_t root_half = 0x3fe6a09e667f3bcd; // bits of sqrt(1/2)
    const nb_masks bits = (nb_masks)x;
    typedef uint64_t unsigned_masks __attribute__((vector_size(NB_LANES * 8)));
    // x = m * 2^e with m in [sqrt(1/2), sqrt(2)); a logical shift, since AVX2 has no other.
    const nb_masks biased =
        (nb_masks)((unsigned_masks)(bits - root_half + ((int64_t)1024 << 52)) >> 52);
    const nb_masks e_bits = biased - 1024;
    const nb_lanes m = (nb_lanes)(bits - (e_bits << 52));
    const nb_lanes e = (nb_lanes)(e_bits + 0x4338000000000000) - NB_ROUND_MAGIC;
    const nb_lanes s = (m - 1.0) / (m + 1.0); // log2(m) = 2 atanh(s) / ln 2
    const nb_lanes z = s * s;
    nb_lanes p = z * 0.3407120415619086 + 0.41167376623771057;
    p = p * z + 0.5770835660048659;
    p = p * z + 0.9617966734515485;
    p = p * z + 2.885390081789987;
    return p * s + e;
}

/// The factor of a level in dB; 0 under -1000 dB ("off" is -infinity). Exactly 1 for 0 dB.
static inline nb_lanes nb_lanes_from_db(nb_lanes db)
{
    const nb_lanes factor = nb_lanes_exp2(db * NB_OCTAVES_PER_DB);
    return nb_lanes_select((nb_masks)(db < nb_lanes_set(-1000.0)), nb_lanes_set(0.0), factor);
}

/// The level in dB of a factor > 0.
static inline nb_lanes nb_lanes_to_db(nb_lanes factor)
{
    return nb_lanes_log2(factor) * NB_DB_PER_OCTAVE;
}

/// sin(x) for x in [0, pi/2], error under 1e-13 of the result; cos(x) is the sine of pi/2 - x.
static inline nb_lanes nb_lanes_sin(nb_lanes x)
{
    const nb_lanes z = x * x;
    nb_lanes p = z * 1.54112197466489e-10 - 2.503026818882279e-08;
    p = p * z + 2.7556952912858047e-06;
    p = p * z - 0.00019841266683130672;
    p = p * z + 0.00833333332035835;
    p = p * z - 0.16666666666466673;
    p = p * z + 0.9999999999999496;
    return p * x;
}

/// sin(2 pi turns) for turns in [0, 2^51).
static inline nb_lanes nb_lanes_sin_turns(nb_lanes turns)
{
    const nb_lanes near = (turns + NB_ROUND_MAGIC) - NB_ROUND_MAGIC;
    const nb_lanes part = turns - near; // in [-1/2, 1/2]
    const nb_lanes size = nb_lanes_abs(part);
    const nb_lanes sine = nb_lanes_sin(nb_lanes_min(size, 0.5 - size) * (2.0 * NB_PI));
    return nb_lanes_select((nb_masks)(part < nb_lanes_set(0.0)), -sine, sine);
}

#endif // NB_DSP_LANES_MATH_H
