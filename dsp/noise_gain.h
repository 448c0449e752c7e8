// SPDX-License-Identifier: GPL-3.0-or-later
/// @file noise_gain.h  How much of a spectral line is signal: the rule of the noise reduction.
///
/// Inside dsp/ only; everything is static for the reason given in lanes.h.
///
/// | symbol | name here | meaning |
/// |---|---|---|
/// | gamma | post  | power of the line over the noise's power: what is seen |
/// | xi    | prior | power of the signal alone over the noise's: what is estimated |
/// | v     | v     | gamma xi / (1 + xi) |
/// | G     | gain  | factor of the line's amplitude |

#ifndef NB_DSP_NOISE_GAIN_H
#define NB_DSP_NOISE_GAIN_H
#include "dsp/lanes.h"

/// v exp(E1(v)), E1 the exponential integral, for v in [0, 40]; error under 3e-7 of the result.
///
/// It is exp(-0.5772 + Ein(v)) with Ein entire: smooth at 0, where E1 alone has a logarithm, and
/// v itself from 16 on. All coefficients are positive, so nothing cancels.
static inline nb_lanes nb_noise_v_exp_e1(nb_lanes v)
{
    nb_lanes p = v * 0.00026099798582179576 + 0.002805532032539807;
    p = p * v + 0.022291539964590583;
    p = p * v + 0.13097979207108264;
    p = p * v + 0.45232344437158739;
    p = p * v + 0.79855619038890587;
    p = p * v + 0.56145948852922081;
    nb_lanes q = v * 0.00026097951919911223 + 0.0028076917641029079;
    q = q * v + 0.022191790801864869;
    q = q * v + 0.13332633815958059;
    q = q * v + 0.42228707979106469;
    q = q * v + 1.0;
    return p / q;
}

/// Minimum mean square error of the logarithm of the amplitude (Ephraim and Malah 1985, eq. 20):
/// G = xi / (1 + xi) exp(E1(v) / 2), at most 1.
static inline nb_lanes nb_noise_lsa_gain(nb_lanes prior, nb_lanes post)
{
    const nb_lanes wiener = prior / (1.0 + prior);
    // The gain is 1 long before v is 1e-12, and v / F(v) is 1 at 40 within 1e-6.
    const nb_lanes v = nb_lanes_clamp(wiener * post, 1e-12, 40.0);
    const nb_lanes gain = wiener * nb_lanes_sqrt(nb_noise_v_exp_e1(v) / v);
    return nb_lanes_min(gain, nb_lanes_set(1.0));
}

#endif // NB_DSP_NOISE_GAIN_H
