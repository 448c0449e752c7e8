// SPDX-License-Identifier: GPL-3.0-or-later
/// @file convolution_fft.h  The transform of the convolution's blocks, and its inverse.
///
/// Inside dsp/ only; static for the reason given in lanes.h. A block of 2 M real frames modulo
/// X^2M + 1 is M complex ones modulo X^M - i: frames n and n + M as real and imaginary part, times
/// exp(i pi n / 2M), then a plain complex transform (H. Nussbaumer 1981). So real input costs no
/// second pass over its spectrum. A product's second half is what overlap-save wants, since only
/// the first one wraps round.
///
/// Forward is by decimation in frequency, inverse in time, so nobody sorts the bins. Four passes
/// of radix 4 go along the block; the last 32 points go across sixteen blocks side by side. Real
/// and imaginary parts stand apart. The order of operations is the same at every width.

#ifndef NB_DSP_CONVOLUTION_FFT_H
#define NB_DSP_CONVOLUTION_FFT_H
#include "dsp/quad.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum {
    NB_BLOCK_FRAMES = 8192,                   ///< M
    NB_BLOCK_PASSES = 4,                      ///< Of radix 4, along the block
    NB_LEAF = 32,                             ///< Points that are left
    NB_LEAF_BLOCKS = 16,                      ///< Side by side
    NB_SLICE_BINS = NB_LEAF * NB_LEAF_BLOCKS, ///< Bins of a slice of the spectrum
    NB_SLICES = NB_BLOCK_FRAMES / NB_SLICE_BINS,
    NB_CACHE_GAP = 80, // floats: arrays a power of two apart would fall on the same cache lines
    NB_SPECTRUM_FLOATS = 2 * NB_BLOCK_FRAMES, ///< Slice by slice, real parts first
};

#if defined(__AVX512F__)
typedef float nb_wide __attribute__((vector_size(64)));
#elif defined(__AVX__)
typedef float nb_wide __attribute__((vector_size(32)));
#else
typedef float nb_wide __attribute__((vector_size(16)));
#endif
enum { NB_WIDE = sizeof(nb_wide) / sizeof(float) };

static inline nb_wide nb_wide_load(const float *from)
{
    nb_wide value;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline void nb_wide_store(float *to, nb_wide value) { memcpy(to, &value, sizeof value); }

/// Factors of one pass: exp(-2 pi i k j / length) for k = 1, 2, 3.
typedef struct nb_block_twiddles {
    float re[3][NB_BLOCK_FRAMES / 4 + NB_CACHE_GAP], im[3][NB_BLOCK_FRAMES / 4 + NB_CACHE_GAP];
} nb_block_twiddles;

typedef struct nb_block_fft {
    float turn_re[NB_BLOCK_FRAMES], turn_im[NB_BLOCK_FRAMES]; ///< exp(i pi n / 2M)
    nb_block_twiddles passes[NB_BLOCK_PASSES];                ///< The longest first
    float leaf_re[NB_LEAF], leaf_im[NB_LEAF];                 ///< exp(-2 pi i n / NB_LEAF)
} nb_block_fft;

/// Room for one transform. The factors above serve all, these are each one's own.
typedef struct nb_block_room {
    float re[NB_BLOCK_FRAMES + NB_CACHE_GAP], im[NB_BLOCK_FRAMES + NB_CACHE_GAP];
} nb_block_room;

static inline void nb_block_fft_init(nb_block_fft *self)
{
    static const double tau = 6.28318530717958647692;
    for (size_t n = 0; n < NB_BLOCK_FRAMES; n++) {
        const double angle = tau * (double)n / (4.0 * NB_BLOCK_FRAMES);
        self->turn_re[n] = (float)cos(angle);
        self->turn_im[n] = (float)sin(angle);
    }
    for (size_t p = 0, length = NB_BLOCK_FRAMES; p < NB_BLOCK_PASSES; p++, length /= 4) {
        for (size_t k = 0; k < 3; k++) {
            for (size_t j = 0; j < length / 4; j++) {
                const double angle = -tau * (double)((k + 1) * j) / (double)length;
                self->passes[p].re[k][j] = (float)cos(angle);
                self->passes[p].im[k][j] = (float)sin(angle);
            }
        }
    }
    for (size_t n = 0; n < NB_LEAF; n++) {
        self->leaf_re[n] = (float)cos(tau * (double)n / NB_LEAF);
        self->leaf_im[n] = (float)-sin(tau * (double)n / NB_LEAF);
    }
}

static inline void nb_block_pass_forward(float *re, float *im, size_t q, const nb_block_twiddles *w)
{
    for (size_t j = 0; j < q; j += NB_WIDE) {
        const nb_wide a0_re = nb_wide_load(re + j);
        const nb_wide b0_re = nb_wide_load(re + j + q);
        const nb_wide c0_re = nb_wide_load(re + j + 2 * q);
        const nb_wide d0_re = nb_wide_load(re + j + 3 * q);
        const nb_wide a0_im = nb_wide_load(im + j);
        const nb_wide b0_im = nb_wide_load(im + j + q);
        const nb_wide c0_im = nb_wide_load(im + j + 2 * q);
        const nb_wide d0_im = nb_wide_load(im + j + 3 * q);
        const nb_wide w1_re = nb_wide_load(w->re[0] + j);
        const nb_wide w1_im = nb_wide_load(w->im[0] + j);
        const nb_wide w2_re = nb_wide_load(w->re[1] + j);
        const nb_wide w2_im = nb_wide_load(w->im[1] + j);
        const nb_wide w3_re = nb_wide_load(w->re[2] + j);
        const nb_wide w3_im = nb_wide_load(w->im[2] + j);
        const nb_wide sum_re = a0_re + c0_re;
        const nb_wide sum_im = a0_im + c0_im;
        const nb_wide gap_re = a0_re - c0_re;
        const nb_wide gap_im = a0_im - c0_im;
        const nb_wide odd_re = b0_re + d0_re;
        const nb_wide odd_im = b0_im + d0_im;
        const nb_wide turned_re = b0_im - d0_im; // times -i
        const nb_wide turned_im = d0_re - b0_re;
        const nb_wide b_re = gap_re + turned_re;
        const nb_wide b_im = gap_im + turned_im;
        const nb_wide c_re = sum_re - odd_re;
        const nb_wide c_im = sum_im - odd_im;
        const nb_wide d_re = gap_re - turned_re;
        const nb_wide d_im = gap_im - turned_im;
        nb_wide_store(re + j, sum_re + odd_re);
        nb_wide_store(im + j, sum_im + odd_im);
        nb_wide_store(re + j + q, b_re * w1_re - b_im * w1_im);
        nb_wide_store(im + j + q, b_re * w1_im + b_im * w1_re);
        nb_wide_store(re + j + 2 * q, c_re * w2_re - c_im * w2_im);
        nb_wide_store(im + j + 2 * q, c_re * w2_im + c_im * w2_re);
        nb_wide_store(re + j + 3 * q, d_re * w3_re - d_im * w3_im);
        nb_wide_store(im + j + 3 * q, d_re * w3_im + d_im * w3_re);
    }
}

static inline void nb_block_pass_inverse(float *re, float *im, size_t q, const nb_block_twiddles *w)
{
    for (size_t j = 0; j < q; j += NB_WIDE) {
        const nb_wide a0_re = nb_wide_load(re + j);
        const nb_wide b0_re = nb_wide_load(re + j + q);
        const nb_wide c0_re = nb_wide_load(re + j + 2 * q);
        const nb_wide d0_re = nb_wide_load(re + j + 3 * q);
        const nb_wide a0_im = nb_wide_load(im + j);
        const nb_wide b0_im = nb_wide_load(im + j + q);
        const nb_wide c0_im = nb_wide_load(im + j + 2 * q);
        const nb_wide d0_im = nb_wide_load(im + j + 3 * q);
        const nb_wide w1_re = nb_wide_load(w->re[0] + j);
        const nb_wide w1_im = nb_wide_load(w->im[0] + j);
        const nb_wide w2_re = nb_wide_load(w->re[1] + j);
        const nb_wide w2_im = nb_wide_load(w->im[1] + j);
        const nb_wide w3_re = nb_wide_load(w->re[2] + j);
        const nb_wide w3_im = nb_wide_load(w->im[2] + j);
        const nb_wide b_re = b0_re * w1_re + b0_im * w1_im;
        const nb_wide b_im = b0_im * w1_re - b0_re * w1_im;
        const nb_wide c_re = c0_re * w2_re + c0_im * w2_im;
        const nb_wide c_im = c0_im * w2_re - c0_re * w2_im;
        const nb_wide d_re = d0_re * w3_re + d0_im * w3_im;
        const nb_wide d_im = d0_im * w3_re - d0_re * w3_im;
        const nb_wide sum_re = a0_re + c_re;
        const nb_wide sum_im = a0_im + c_im;
        const nb_wide odd_re = a0_re - c_re;
        const nb_wide odd_im = a0_im - c_im;
        const nb_wide gap_re = b_re + d_re;
        const nb_wide gap_im = b_im + d_im;
        const nb_wide turned_re = d_im - b_im; // times i
        const nb_wide turned_im = b_re - d_re;
        nb_wide_store(re + j, sum_re + gap_re);
        nb_wide_store(im + j, sum_im + gap_im);
        nb_wide_store(re + j + q, odd_re + turned_re);
        nb_wide_store(im + j + q, odd_im + turned_im);
        nb_wide_store(re + j + 2 * q, sum_re - gap_re);
        nb_wide_store(im + j + 2 * q, sum_im - gap_im);
        nb_wide_store(re + j + 3 * q, odd_re - turned_re);
        nb_wide_store(im + j + 3 * q, odd_im - turned_im);
    }
}

/// Sixteen blocks' points side by side.
typedef float nb_leaf[NB_LEAF][NB_LEAF_BLOCKS];

// Radix 2 within every `length` rows: sums, and differences times the leaf's factors.
static inline void nb_leaf_halve(const nb_block_fft *self, float (*restrict re)[NB_LEAF_BLOCKS],
                                 float (*restrict im)[NB_LEAF_BLOCKS], size_t length)
{
    for (size_t row = 0; row < NB_LEAF; row += length) {
        for (size_t j = 0; j < length / 2; j++) {
            const float w_re = self->leaf_re[j * (NB_LEAF / length)];
            const float w_im = self->leaf_im[j * (NB_LEAF / length)];
            const size_t a = row + j;
            const size_t b = a + length / 2;
            for (size_t i = 0; i < NB_LEAF_BLOCKS; i++) {
                const float gap_re = re[a][i] - re[b][i];
                const float gap_im = im[a][i] - im[b][i];
                re[a][i] += re[b][i];
                im[a][i] += im[b][i];
                re[b][i] = gap_re * w_re - gap_im * w_im;
                im[b][i] = gap_re * w_im + gap_im * w_re;
            }
        }
    }
}

static inline void nb_leaf_double(const nb_block_fft *self, float (*restrict re)[NB_LEAF_BLOCKS],
                                  float (*restrict im)[NB_LEAF_BLOCKS], size_t length)
{
    for (size_t row = 0; row < NB_LEAF; row += length) {
        for (size_t j = 0; j < length / 2; j++) {
            const float w_re = self->leaf_re[j * (NB_LEAF / length)];
            const float w_im = self->leaf_im[j * (NB_LEAF / length)];
            const size_t a = row + j;
            const size_t b = a + length / 2;
            for (size_t i = 0; i < NB_LEAF_BLOCKS; i++) {
                const float b_re = re[b][i] * w_re + im[b][i] * w_im;
                const float b_im = im[b][i] * w_re - re[b][i] * w_im;
                re[b][i] = re[a][i] - b_re;
                im[b][i] = im[a][i] - b_im;
                re[a][i] += b_re;
                im[a][i] += b_im;
            }
        }
    }
}

/// Spectrum, NB_SPECTRUM_FLOATS floats, of 2 M frames: the first half and the second.
static inline void nb_block_fft_forward(const nb_block_fft *self, nb_block_room *room,
                                        const float *restrict first, const float *restrict second,
                                        float *restrict spectrum)
{
    for (size_t n = 0; n < NB_BLOCK_FRAMES; n++) {
        room->re[n] = first[n] * self->turn_re[n] - second[n] * self->turn_im[n];
        room->im[n] = first[n] * self->turn_im[n] + second[n] * self->turn_re[n];
    }
    for (size_t p = 0, length = NB_BLOCK_FRAMES; p < NB_BLOCK_PASSES; p++, length /= 4) {
        for (size_t at = 0; at < NB_BLOCK_FRAMES; at += length) {
            nb_block_pass_forward(room->re + at, room->im + at, length / 4, &self->passes[p]);
        }
    }
    for (size_t s = 0; s < NB_SLICES; s++) {
        float *re = spectrum + 2 * s * NB_SLICE_BINS;
        float *im = re + NB_SLICE_BINS;
        for (size_t i = 0; i < NB_LEAF_BLOCKS; i += 4) {
            for (size_t j = 0; j < NB_LEAF; j += 4) {
                const size_t from = s * NB_SLICE_BINS + i * NB_LEAF + j;
                nb_transpose_4(room->re + from, NB_LEAF, re + j * NB_LEAF_BLOCKS + i,
                               NB_LEAF_BLOCKS);
                nb_transpose_4(room->im + from, NB_LEAF, im + j * NB_LEAF_BLOCKS + i,
                               NB_LEAF_BLOCKS);
            }
        }
        for (size_t length = NB_LEAF; length > 1; length /= 2) {
            nb_leaf_halve(self, (float(*)[NB_LEAF_BLOCKS])re, (float(*)[NB_LEAF_BLOCKS])im, length);
        }
    }
}

/// Take slice `s` of a spectrum for the inverse; overwrites it.
static inline void nb_block_fft_take_slice(const nb_block_fft *self, nb_block_room *room, size_t s,
                                           float *slice)
{
    float *re = slice;
    float *im = slice + NB_SLICE_BINS;
    for (size_t length = 2; length <= NB_LEAF; length *= 2) {
        nb_leaf_double(self, (float(*)[NB_LEAF_BLOCKS])re, (float(*)[NB_LEAF_BLOCKS])im, length);
    }
    for (size_t i = 0; i < NB_LEAF_BLOCKS; i += 4) {
        for (size_t j = 0; j < NB_LEAF; j += 4) {
            const size_t to = s * NB_SLICE_BINS + i * NB_LEAF + j;
            nb_transpose_4(re + j * NB_LEAF_BLOCKS + i, NB_LEAF_BLOCKS, room->re + to, NB_LEAF);
            nb_transpose_4(im + j * NB_LEAF_BLOCKS + i, NB_LEAF_BLOCKS, room->im + to, NB_LEAF);
        }
    }
}

/// The second half's M frames of the slices taken, times M.
static inline void nb_block_fft_inverse(const nb_block_fft *self, nb_block_room *room,
                                        float *restrict second)
{
    size_t length = NB_BLOCK_FRAMES >> (2 * (NB_BLOCK_PASSES - 1));
    for (size_t p = NB_BLOCK_PASSES; p-- > 0; length *= 4) {
        for (size_t at = 0; at < NB_BLOCK_FRAMES; at += length) {
            nb_block_pass_inverse(room->re + at, room->im + at, length / 4, &self->passes[p]);
        }
    }
    for (size_t n = 0; n < NB_BLOCK_FRAMES; n++) { // times exp(-i pi n / 2M): its imaginary part
        second[n] = room->im[n] * self->turn_re[n] - room->re[n] * self->turn_im[n];
    }
}

#endif // NB_DSP_CONVOLUTION_FFT_H
