// SPDX-License-Identifier: GPL-3.0-or-later
// Counters side by side, one round after the other: loops that the compiler makes vectors of.
#include "dsp/dither_kernel.h"
#include "dsp/lanes.h"

// Two frames take one counter's four words: two each, whose difference is triangular.
void NB_KERNEL(nb_dither_noise)(uint64_t key, uint32_t channel, int64_t first_frame, double *out,
                                size_t frames)
{
    enum { PAIRS = NB_DITHER_CHUNK / 2 };
    // Words as the low halves of 64 bits: products need no widening.
    uint64_t c0[PAIRS];
    uint64_t c1[PAIRS];
    uint64_t c2[PAIRS];
    uint64_t c3[PAIRS];
    const uint64_t low = UINT32_MAX;
    const uint64_t first_pair = (uint64_t)(first_frame >> 1);
    const size_t pairs = frames / 2;
    for (size_t i = 0; i < pairs; i++) {
        c0[i] = (first_pair + i) & low;
        c1[i] = (first_pair + i) >> 32;
        c2[i] = channel;
        c3[i] = 0;
    }
    uint32_t k0 = (uint32_t)key;
    uint32_t k1 = (uint32_t)(key >> 32);
    for (unsigned round = 0; round < NB_PHILOX_ROUNDS; round++) {
        for (size_t i = 0; i < pairs; i++) {
            const uint64_t a = c0[i] * NB_PHILOX_M0;
            const uint64_t b = c2[i] * NB_PHILOX_M1;
            c0[i] = (b >> 32) ^ c1[i] ^ k0;
            c1[i] = b & low;
            c2[i] = (a >> 32) ^ c3[i] ^ k1;
            c3[i] = a & low;
        }
        k0 += NB_PHILOX_W0;
        k1 += NB_PHILOX_W1;
    }
    // 31 bits of each word, so that the difference fits and its conversion is exact.
    for (size_t i = 0; i < pairs; i++) {
        out[2 * i] = (double)((int32_t)(c0[i] >> 1) - (int32_t)(c1[i] >> 1)) * 0x1p-31;
        out[2 * i + 1] = (double)((int32_t)(c2[i] >> 1) - (int32_t)(c3[i] >> 1)) * 0x1p-31;
    }
}
