// SPDX-License-Identifier: GPL-3.0-or-later
/// @file dither_kernel.h  The noise behind dither.h. Inside dsp/ only.

#ifndef NB_DSP_DITHER_KERNEL_H
#define NB_DSP_DITHER_KERNEL_H
#include <stddef.h>
#include <stdint.h>

enum { NB_DITHER_CHUNK = 256 };

/// out[i] = a triangular random number in (-1, 1) for frame `first_frame` + i; `first_frame` even,
/// `frames` at most NB_DITHER_CHUNK and even.
typedef void nb_dither_noise_kernel(uint64_t key, uint32_t channel, int64_t first_frame,
                                    double *out, size_t frames);

nb_dither_noise_kernel nb_dither_noise_x2;
#if defined(__x86_64__)
nb_dither_noise_kernel nb_dither_noise_x2_v3, nb_dither_noise_x4, nb_dither_noise_x8;
#endif

enum { NB_PHILOX_ROUNDS = 10 };
#define NB_PHILOX_M0 UINT32_C(0xD2511F53)
#define NB_PHILOX_M1 UINT32_C(0xCD9E8D57)
#define NB_PHILOX_W0 UINT32_C(0x9E3779B9) // golden ratio
#define NB_PHILOX_W1 UINT32_C(0xBB67AE85) // sqrt(3) - 1

/// One round: words in place.
static inline void nb_philox_round(uint32_t c[4], uint32_t k0, uint32_t k1)
{
    const uint64_t a = (uint64_t)NB_PHILOX_M0 * c[0];
    const uint64_t b = (uint64_t)NB_PHILOX_M1 * c[2];
    const uint32_t c1 = c[1];
    const uint32_t c3 = c[3];
    c[0] = (uint32_t)(b >> 32) ^ c1 ^ k0;
    c[1] = (uint32_t)b;
    c[2] = (uint32_t)(a >> 32) ^ c3 ^ k1;
    c[3] = (uint32_t)a;
}

#endif // NB_DSP_DITHER_KERNEL_H
