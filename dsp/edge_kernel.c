// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/edge_kernel.h"

#include "dsp/lanes.h"

#include <stdint.h>
#include <string.h>

extern const nb_edge_kernel NB_KERNEL(nb_edge_kernel);

// ---- Channels and lanes: square tiles are turned in registers ----

typedef float row4 __attribute__((vector_size(16)));

static inline row4 load4(const float *from)
{
    row4 row;
    memcpy(&row, from, sizeof row);
    return row;
}

static inline void store4(float *to, row4 row) { memcpy(to, &row, sizeof row); }

static inline void turn4(row4 rows[4])
{
    const row4 a = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5);
    const row4 b = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7);
    const row4 c = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5);
    const row4 d = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
    rows[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    rows[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    rows[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    rows[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

#if defined(__AVX__) // else no lanes are as wide
typedef float row8 __attribute__((vector_size(32)));

static inline row8 load8(const float *from)
{
    row8 row;
    memcpy(&row, from, sizeof row);
    return row;
}

static inline void store8(float *to, row8 row) { memcpy(to, &row, sizeof row); }

static inline void turn8(row8 r[8])
{
    row8 pairs[8];
    row8 quads[8];
    for (size_t i = 0; i < 8; i += 2) {
        pairs[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        pairs[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (size_t i = 0; i < 8; i += 4) {
        for (size_t j = 0; j < 2; j++) {
            const row8 low = pairs[i + j];
            const row8 high = pairs[i + j + 2];
            quads[i + 2 * j] = __builtin_shufflevector(low, high, 0, 1, 8, 9, 4, 5, 12, 13);
            quads[i + 2 * j + 1] = __builtin_shufflevector(low, high, 2, 3, 10, 11, 6, 7, 14, 15);
        }
    }
    for (size_t i = 0; i < 4; i++) {
        r[i] = __builtin_shufflevector(quads[i], quads[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        r[i + 4] = __builtin_shufflevector(quads[i], quads[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

#endif

/// Frames that whole tiles of the width cover.
static size_t interleave_tiles(const float *const *in, size_t width, size_t frames, float *out)
{
    size_t i = 0;
    switch (width) {
#if defined(__AVX__)
    case 8:
        for (; i + 8 <= frames; i += 8) {
            row8 rows[8];
            for (size_t r = 0; r < 8; r++) {
                rows[r] = load8(in[r] + i);
            }
            turn8(rows);
            for (size_t r = 0; r < 8; r++) {
                store8(out + (i + r) * 8, rows[r]);
            }
        }
        return i;
#endif
    case 4:
        for (; i + 4 <= frames; i += 4) {
            row4 rows[4] = {load4(in[0] + i), load4(in[1] + i), load4(in[2] + i), load4(in[3] + i)};
            turn4(rows);
            for (size_t r = 0; r < 4; r++) {
                store4(out + (i + r) * 4, rows[r]);
            }
        }
        return i;
    case 2:
        for (; i + 4 <= frames; i += 4) {
            const row4 a = load4(in[0] + i);
            const row4 b = load4(in[1] + i);
            store4(out + 2 * i, __builtin_shufflevector(a, b, 0, 4, 1, 5));
            store4(out + 2 * i + 4, __builtin_shufflevector(a, b, 2, 6, 3, 7));
        }
        return i;
    default:
        return i;
    }
}

static void interleave(const float *const *in, size_t width, size_t frames, float *out)
{
    for (size_t i = interleave_tiles(in, width, frames, out); i < frames; i++) {
        for (size_t lane = 0; lane < width; lane++) {
            out[i * width + lane] = in[lane][i];
        }
    }
}

static size_t deinterleave_tiles(const float *in, size_t width, size_t frames, float *const *out)
{
    size_t i = 0;
    switch (width) {
#if defined(__AVX__)
    case 8:
        for (; i + 8 <= frames; i += 8) {
            row8 rows[8];
            for (size_t r = 0; r < 8; r++) {
                rows[r] = load8(in + (i + r) * 8);
            }
            turn8(rows);
            for (size_t r = 0; r < 8; r++) {
                store8(out[r] + i, rows[r]);
            }
        }
        return i;
#endif
    case 4:
        for (; i + 4 <= frames; i += 4) {
            row4 rows[4] = {load4(in + i * 4), load4(in + i * 4 + 4), load4(in + i * 4 + 8),
                            load4(in + i * 4 + 12)};
            turn4(rows);
            for (size_t r = 0; r < 4; r++) {
                store4(out[r] + i, rows[r]);
            }
        }
        return i;
    case 2:
        for (; i + 4 <= frames; i += 4) {
            const row4 a = load4(in + 2 * i);
            const row4 b = load4(in + 2 * i + 4);
            store4(out[0] + i, __builtin_shufflevector(a, b, 0, 2, 4, 6));
            store4(out[1] + i, __builtin_shufflevector(a, b, 1, 3, 5, 7));
        }
        return i;
    default:
        return i;
    }
}

static void deinterleave(const float *in, size_t width, size_t frames, float *const *out)
{
    for (size_t i = deinterleave_tiles(in, width, frames, out); i < frames; i++) {
        for (size_t lane = 0; lane < width; lane++) {
            out[lane][i] = in[i * width + lane];
        }
    }
}

// ---- Samples that are none: all bits of the exponent set ----

enum { EXPONENT = 0x7F800000 };

static bool all_finite(const float *samples, size_t frames)
{
    int32_t bad = 0;
    for (size_t i = 0; i < frames; i++) {
        int32_t bits;
        memcpy(&bits, &samples[i], sizeof bits);
        bad |= -((bits & EXPONENT) == EXPONENT);
    }
    return bad == 0;
}

/// As much as the widest lanes' frame, and a whole number of frames of every width.
typedef int32_t row_bits __attribute__((vector_size(32)));

static bool settle(float *lanes, size_t width, size_t frames, const bool *live)
{
    const size_t row = sizeof(row_bits) / sizeof(float);
    bool all = true;
    row_bits mask;
    for (size_t i = 0; i < row; i++) {
        mask[i] = -(int32_t)live[i % width];
        all = all && live[i % width];
    }
    if (all) {
        return all_finite(lanes, frames * width);
    }
    row_bits bad = {0};
    const size_t count = frames * width;
    size_t i = 0;
    for (; i + row <= count; i += row) {
        row_bits bits;
        memcpy(&bits, lanes + i, sizeof bits);
        bits &= mask;
        bad |= (bits & EXPONENT) == EXPONENT;
        memcpy(lanes + i, &bits, sizeof bits);
    }
    for (; i < count; i++) {
        lanes[i] = live[i % width] ? lanes[i] : 0.0F;
        bad[0] |= -(int32_t)!all_finite(lanes + i, 1);
    }
    int32_t any = 0;
    for (size_t j = 0; j < row; j++) {
        any |= bad[j];
    }
    return any == 0;
}

// ---- Gains and sums ----

static void scale(const float *in, double factor, float *out, size_t frames)
{
    for (size_t i = 0; i < frames; i++) {
        out[i] = (float)((double)in[i] * factor);
    }
}

static void scale_wide(const float *in, double factor, double *restrict out, size_t frames)
{
    for (size_t i = 0; i < frames; i++) {
        out[i] = (double)(float)((double)in[i] * factor);
    }
}

static void rescale_wide(const double *in, double factor, double *out, size_t frames)
{
    for (size_t i = 0; i < frames; i++) {
        out[i] = (double)(float)(in[i] * factor);
    }
}

// What is said twice here is said for edges and for doubles that were rounded before. Each sum is
// loaded and stored once; a compiler leaves out the terms that a case has no use for.
#define ADD_TERMS(name, type)                                                                      \
    static inline double name##_term(type sample, double factor, bool scaled)                      \
    {                                                                                              \
        return scaled ? (double)(float)((double)sample * factor) : (double)sample;                 \
    }                                                                                              \
    static inline void name##_some(const type *const *in, const double *factors, bool scaled,      \
                                   size_t terms, double *restrict sums, size_t frames)             \
    {                                                                                              \
        const type *at[NB_EDGE_TERMS];                                                             \
        double by[NB_EDGE_TERMS];                                                                  \
        for (size_t t = 0; t < NB_EDGE_TERMS; t++) {                                               \
            at[t] = in[t < terms ? t : 0];                                                         \
            by[t] = scaled ? factors[t < terms ? t : 0] : 1.0;                                     \
        }                                                                                          \
        for (size_t i = 0; i < frames; i++) {                                                      \
            double sum = sums[i] + name##_term(at[0][i], by[0], scaled);                           \
            sum = (terms > 1) ? sum + name##_term(at[1][i], by[1], scaled) : sum;                  \
            sum = (terms > 2) ? sum + name##_term(at[2][i], by[2], scaled) : sum;                  \
            sums[i] = (terms > 3) ? sum + name##_term(at[3][i], by[3], scaled) : sum;              \
        }                                                                                          \
    }                                                                                              \
    static inline void name##_kind(const type *const *in, const double *factors, bool scaled,      \
                                   size_t terms, double *sums, size_t frames)                      \
    {                                                                                              \
        switch (terms) {                                                                           \
        case 4:                                                                                    \
            name##_some(in, factors, scaled, 4, sums, frames);                                     \
            return;                                                                                \
        case 3:                                                                                    \
            name##_some(in, factors, scaled, 3, sums, frames);                                     \
            return;                                                                                \
        case 2:                                                                                    \
            name##_some(in, factors, scaled, 2, sums, frames);                                     \
            return;                                                                                \
        default:                                                                                   \
            name##_some(in, factors, scaled, 1, sums, frames);                                     \
            return;                                                                                \
        }                                                                                          \
    }                                                                                              \
    static void name(const type *const *in, const double *factors, size_t terms, double *sums,     \
                     size_t frames)                                                                \
    {                                                                                              \
        if (factors) {                                                                             \
            name##_kind(in, factors, true, terms, sums, frames);                                   \
        } else {                                                                                   \
            name##_kind(in, NULL, false, terms, sums, frames);                                     \
        }                                                                                          \
    }

ADD_TERMS(add, float)
ADD_TERMS(add_wide, double)

static void round_sums(const double *restrict sums, float *restrict out, size_t frames)
{
    for (size_t i = 0; i < frames; i++) {
        out[i] = (float)sums[i];
    }
}

// ---- Parts of a signal ----

static void half_sum(const float *a, const float *b, double sign, float *out, size_t frames)
{
    for (size_t i = 0; i < frames; i++) {
        out[i] = (float)(((double)a[i] + sign * (double)b[i]) * 0.5);
    }
}

static void mean(const float *a, const float *b, float *out, size_t frames)
{
    for (size_t i = 0; i < frames; i++) {
        out[i] = 0.5F * (a[i] + b[i]);
    }
}

static void join(const float *part, const float *a, const float *b, const double signs[3],
                 float *out, size_t frames)
{
    const double of_part = signs[0];
    const double of_rest = signs[1];
    const double of_b = signs[2];
    for (size_t i = 0; i < frames; i++) {
        const double rest = ((double)a[i] + of_b * (double)b[i]) * 0.5;
        out[i] = (float)(of_part * (double)part[i] + of_rest * rest);
    }
}

const nb_edge_kernel NB_KERNEL(nb_edge_kernel) = {
    .interleave = interleave,
    .deinterleave = deinterleave,
    .settle = settle,
    .all_finite = all_finite,
    .scale = scale,
    .scale_wide = scale_wide,
    .rescale_wide = rescale_wide,
    .add = add,
    .add_wide = add_wide,
    .round = round_sums,
    .half_sum = half_sum,
    .mean = mean,
    .join = join,
};
