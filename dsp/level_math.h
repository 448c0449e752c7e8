// SPDX-License-Identifier: GPL-3.0-or-later
/// @file level_math.h  Levels and gains of a block in 32 bits: flat loops over full registers.
///
/// Inside dsp/ only. A block's samples are floats side by side, frame after frame, so a register
/// of floats (a *group*) holds whole frames: at least two, whatever NB_LANES. What has no memory
/// (levels, curves, gains) runs over groups, twice the lanes of doubles at a time; what has a
/// memory stays in lanes.h. Errors are under 1e-5 dB where 1e-4 are allowed
/// (docs/dsp/processors.md).

#ifndef NB_DSP_LEVEL_MATH_H
#define NB_DSP_LEVEL_MATH_H
#include "dsp/lanes.h"

#include <string.h>

#if defined(__AVX512F__)
#define NB_GROUP 16
#elif defined(__AVX__)
#define NB_GROUP 8
#else
#define NB_GROUP 4
#endif
_Static_assert(NB_GROUP % NB_LANES == 0 && NB_GROUP > NB_LANES, "a group holds whole frames");

enum { NB_GROUP_FRAMES = NB_GROUP / NB_LANES };

typedef float nb_group __attribute__((vector_size(NB_GROUP * 4)));
typedef int32_t nb_group_bits __attribute__((vector_size(NB_GROUP * 4)));
typedef uint32_t nb_group_words __attribute__((vector_size(NB_GROUP * 4)));
typedef float nb_group_anywhere
    __attribute__((vector_size(NB_GROUP * 4), aligned(sizeof(float)), may_alias));

static inline nb_group nb_group_set(float value) { return value - (nb_group){0}; }

static inline nb_group nb_group_load(const float *samples)
{
    return *(const nb_group_anywhere *)(const void *)samples;
}

static inline void nb_group_store(float *samples, nb_group value)
{
    *(nb_group_anywhere *)(void *)samples = value;
}

/// As above for the last `count` samples of a block, with zeros behind them.
static inline nb_group nb_group_load_part(const float *samples, size_t count)
{
    nb_group value = {0};
    memcpy(&value, samples, count * sizeof *samples);
    return value;
}

static inline void nb_group_store_part(float *samples, nb_group value, size_t count)
{
    memcpy(samples, &value, count * sizeof *samples);
}

static inline nb_group nb_group_select(nb_group_bits mask, nb_group yes, nb_group no)
{
    return (nb_group)((mask & (nb_group_bits)yes) | (~mask & (nb_group_bits)no));
}

/// a > b ? a : b, so `b` where `a` is not a number.
static inline nb_group nb_group_max(nb_group a, nb_group b)
{
#if defined(__AVX512F__)
    return (nb_group)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX__)
    return (nb_group)_mm256_max_ps((__m256)a, (__m256)b);
#elif defined(__SSE2__)
    return (nb_group)_mm_max_ps((__m128)a, (__m128)b);
#else
    return nb_group_select((nb_group_bits)(a > b), a, b);
#endif
}

/// a < b ? a : b, so `b` where `a` is not a number.
static inline nb_group nb_group_min(nb_group a, nb_group b)
{
#if defined(__AVX512F__)
    return (nb_group)_mm512_min_ps((__m512)a, (__m512)b);
#elif defined(__AVX__)
    return (nb_group)_mm256_min_ps((__m256)a, (__m256)b);
#elif defined(__SSE2__)
    return (nb_group)_mm_min_ps((__m128)a, (__m128)b);
#else
    return nb_group_select((nb_group_bits)(a < b), a, b);
#endif
}

static inline nb_group nb_group_abs(nb_group value)
{
    return (nb_group)((nb_group_bits)value & INT32_MAX);
}

/// Left and right of each stereo pair exchanged.
static inline nb_group nb_group_partner(nb_group value)
{
#if NB_GROUP == 16
    return __builtin_shufflevector(value, value, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15,
                                   14);
#elif NB_GROUP == 8
    return __builtin_shufflevector(value, value, 1, 0, 3, 2, 5, 4, 7, 6);
#else
    return __builtin_shufflevector(value, value, 1, 0, 3, 2);
#endif
}

/// Whether any of the group's values is not zero.
static inline int nb_group_any(nb_group value)
{
    const nb_group_bits nonzero = (nb_group_bits)(value != nb_group_set(0.0F));
    int32_t any = 0;
    for (unsigned i = 0; i < NB_GROUP; i++) {
        any |= nonzero[i];
    }
    return any != 0;
}

/// Levels of the group at `samples`, of which `left` are the block's: |x|, of stereo pairs the
/// larger, held between -240 dB, where silence stands, and what still has a square. No number is
/// silence.
static inline nb_group nb_group_level(const float *samples, size_t left, nb_group_bits stereo)
{
    const nb_group x =
        (left < NB_GROUP) ? nb_group_load_part(samples, left) : nb_group_load(samples);
    const nb_group level =
        nb_group_min(nb_group_max(nb_group_abs(x), nb_group_set(1e-12F)), nb_group_set(0x1p60F));
    return nb_group_select(stereo, nb_group_max(level, nb_group_partner(level)), level);
}

/// One value of each lane, for every frame of a group.
static inline nb_group nb_group_of_lanes(nb_lanes value)
{
    float samples[NB_GROUP];
    for (unsigned i = 0; i < NB_GROUP; i++) {
        samples[i] = (float)value[i % NB_LANES];
    }
    return nb_group_load(samples);
}

static inline nb_group_bits nb_group_of_masks(nb_masks mask)
{
    nb_group_bits bits = {0};
    for (unsigned i = 0; i < NB_GROUP; i++) {
        bits[i] = (int32_t)mask[i % NB_LANES];
    }
    return bits;
}

/// log2(x) of a normal x > 0: m - 1 times a polynomial of degree 6, without a division. Error under
/// 5e-6 dB and half a unit of the result's last place; exact for powers of two. Infinity is 2^128.
static inline nb_group nb_group_log2(nb_group x)
{
    const int32_t root_half = 0x3f3504f3; // bits of sqrt(1/2)
    const nb_group_bits bits = (nb_group_bits)x;
    const nb_group_bits e = (bits - root_half) >> 23;
    // x = m * 2^e with m in [sqrt(1/2), sqrt(2))
    const nb_group m = (nb_group)(bits - (nb_group_bits)((nb_group_words)e << 23));
    const nb_group t = m - 1.0F;
    nb_group p = t * 0.16818659007549286F - 0.26796385645866394F;
    p = p * t + 0.2961195707321167F;
    p = p * t - 0.3595244586467743F;
    p = p * t + 0.480613112449646F;
    p = p * t - 0.7213602066040039F;
    p = p * t + 1.4426965713500977F;
    return p * t + __builtin_convertvector(e, nb_group);
}

/// 2^x, error under 1e-5 dB in [-16, 16]; x is held in [-126, 127]. 2^n is exact for whole n.
static inline nb_group nb_group_exp2(nb_group x)
{
    const float magic = 12582912.0F; // 1.5 * 2^23: rounds to a whole number, in its low bits
    x = nb_group_min(nb_group_max(x, nb_group_set(-126.0F)), nb_group_set(127.0F));
    const nb_group rounded = x + magic;
    const nb_group f = x - (rounded - magic); // in [-1/2, 1/2]
    nb_group p = f * 0.0013381302123889327F + 0.00966636836528778F;
    p = p * f + 0.055503811687231064F;
    p = p * f + 0.2402234971523285F;
    p = p * f + 0.6931471824645996F;
    p = p * f + 1.0F;
    return (nb_group)((nb_group_bits)p + (nb_group_bits)((nb_group_words)rounded << 23));
}

/// Every sample times 2^-reduction, of its reduction in octaves; `out` may be `in`.
static inline void nb_group_scale(const float *in, const float *reduction, size_t count, float *out)
{
    size_t at = 0;
    for (; at + NB_GROUP <= count; at += NB_GROUP) {
        const nb_group factor = nb_group_exp2(-nb_group_load(reduction + at));
        nb_group_store(out + at, nb_group_load(in + at) * factor);
    }
    if (at < count) {
        const nb_group factor = nb_group_exp2(-nb_group_load_part(reduction + at, count - at));
        nb_group_store_part(out + at, nb_group_load_part(in + at, count - at) * factor, count - at);
    }
}

#endif // NB_DSP_LEVEL_MATH_H
