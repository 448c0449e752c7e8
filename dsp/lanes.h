// SPDX-License-Identifier: GPL-3.0-or-later
/// @file lanes.h  NB_LANES channels side by side, one to a lane of a SIMD register.
///
/// Inside dsp/ only. A processor's source is compiled once for every register width (CMakeLists.txt
/// says NB_LANES: 2, 4 or 8, and NB_LEVEL) and its public symbols end in the level by NB_KERNEL.
/// Every operation here is IEEE exact and independent between lanes, so the width never shows in a
/// result. All functions are static: code compiled for a wide register must not be linked into the
/// narrow build.

#ifndef NB_DSP_LANES_H
#define NB_DSP_LANES_H
#include <stddef.h>
#include <stdint.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#ifndef NB_LANES
#define NB_LANES 2
#define NB_LEVEL x2
#endif

#define NB_KERNEL_JOIN(name, level)   name##_##level
#define NB_KERNEL_EXPAND(name, level) NB_KERNEL_JOIN(name, level)
/// The symbol of this level: nb_gain becomes nb_gain_x4, or nb_gain_x2_v3 for two lanes in code
/// that may use all of x86-64-v3 in its flat loops.
#define NB_KERNEL(name) NB_KERNEL_EXPAND(name, NB_LEVEL)

/// One double for each lane.
typedef double nb_lanes __attribute__((vector_size(NB_LANES * 8)));
/// All bits of a lane set, or none.
typedef int64_t nb_masks __attribute__((vector_size(NB_LANES * 8)));
/// One sample of each lane.
typedef float nb_frame __attribute__((vector_size(NB_LANES * 4)));

static inline nb_lanes nb_lanes_set(double value) { return value - (nb_lanes){0}; }

// A register at once: gcc 12 takes __builtin_convertvector in halves.

static inline nb_lanes nb_frame_widen(nb_frame samples)
{
#if NB_LANES == 8 && defined(__AVX512F__)
    return (nb_lanes)_mm512_cvtps_pd((__m256)samples);
#elif NB_LANES == 4 && defined(__AVX__)
    return (nb_lanes)_mm256_cvtps_pd((__m128)samples);
#else
    return __builtin_convertvector(samples, nb_lanes);
#endif
}

/// Rounded to the nearest, halves to even.
static inline nb_frame nb_frame_narrow(nb_lanes value)
{
#if NB_LANES == 8 && defined(__AVX512F__)
    return (nb_frame)_mm512_cvtpd_ps((__m512d)value);
#elif NB_LANES == 4 && defined(__AVX__)
    return (nb_frame)_mm256_cvtpd_ps((__m256d)value);
#else
    return __builtin_convertvector(value, nb_frame);
#endif
}

/// Frame `i` of lanes side by side, as in nb_block.
static inline nb_lanes nb_frame_load(const float *frames, size_t i)
{
    const nb_frame *at = (const nb_frame *)(const void *)(frames + i * NB_LANES);
    return nb_frame_widen(*at);
}

static inline void nb_frame_store(float *frames, size_t i, nb_lanes value)
{
    *(nb_frame *)(void *)(frames + i * NB_LANES) = nb_frame_narrow(value);
}

/// Doubles side by side, 64-byte aligned, as in nb_block's controls.
static inline nb_lanes nb_lanes_load(const double *values, size_t i)
{
    return *(const nb_lanes *)(const void *)(values + i * NB_LANES);
}

static inline nb_lanes nb_lanes_select(nb_masks mask, nb_lanes yes, nb_lanes no)
{
    return (nb_lanes)((mask & (nb_masks)yes) | (~mask & (nb_masks)no));
}

/// a > b ? a : b in each lane, so `b` where `a` is not a number.
static inline nb_lanes nb_lanes_max(nb_lanes a, nb_lanes b)
{
#if NB_LANES == 8 && defined(__AVX512F__)
    return (nb_lanes)_mm512_max_pd((__m512d)a, (__m512d)b);
#elif NB_LANES == 4 && defined(__AVX__)
    return (nb_lanes)_mm256_max_pd((__m256d)a, (__m256d)b);
#elif NB_LANES == 2 && defined(__SSE2__)
    return (nb_lanes)_mm_max_pd((__m128d)a, (__m128d)b);
#else
    return nb_lanes_select((nb_masks)(a > b), a, b);
#endif
}

/// a < b ? a : b in each lane, so `b` where `a` is not a number.
static inline nb_lanes nb_lanes_min(nb_lanes a, nb_lanes b)
{
#if NB_LANES == 8 && defined(__AVX512F__)
    return (nb_lanes)_mm512_min_pd((__m512d)a, (__m512d)b);
#elif NB_LANES == 4 && defined(__AVX__)
    return (nb_lanes)_mm256_min_pd((__m256d)a, (__m256d)b);
#elif NB_LANES == 2 && defined(__SSE2__)
    return (nb_lanes)_mm_min_pd((__m128d)a, (__m128d)b);
#else
    return nb_lanes_select((nb_masks)(a < b), a, b);
#endif
}

static inline nb_lanes nb_lanes_clamp(nb_lanes value, double low, double high)
{
    return nb_lanes_min(nb_lanes_max(value, nb_lanes_set(low)), nb_lanes_set(high));
}

static inline nb_lanes nb_lanes_abs(nb_lanes value)
{
    return (nb_lanes)((nb_masks)value & INT64_MAX);
}

static inline nb_lanes nb_lanes_sqrt(nb_lanes value)
{
#if NB_LANES == 8 && defined(__AVX512F__)
    return (nb_lanes)_mm512_sqrt_pd((__m512d)value);
#elif NB_LANES == 4 && defined(__AVX__)
    return (nb_lanes)_mm256_sqrt_pd((__m256d)value);
#elif NB_LANES == 2 && defined(__SSE2__)
    return (nb_lanes)_mm_sqrt_pd((__m128d)value);
#else
    for (unsigned lane = 0; lane < NB_LANES; lane++) {
        value[lane] = __builtin_sqrt(value[lane]);
    }
    return value;
#endif
}

/// Left and right of each stereo pair exchanged.
static inline nb_lanes nb_lanes_partner(nb_lanes value)
{
#if NB_LANES == 8
    return __builtin_shufflevector(value, value, 1, 0, 3, 2, 5, 4, 7, 6);
#elif NB_LANES == 4
    return __builtin_shufflevector(value, value, 1, 0, 3, 2);
#else
    return __builtin_shufflevector(value, value, 1, 0);
#endif
}

#endif // NB_DSP_LANES_H
