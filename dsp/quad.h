// SPDX-License-Identifier: GPL-3.0-or-later
/// @file quad.h  Four floats side by side, at every register width, and rows of them exchanged.
///
/// Inside dsp/ only; static for the reason given in lanes.h.

#ifndef NB_DSP_QUAD_H
#define NB_DSP_QUAD_H
#include <stddef.h>
#include <string.h>

typedef float nb_quad __attribute__((vector_size(16)));

/// Four frames of four rows, exchanged.
static inline void nb_transpose_4(const float *from, size_t from_row, float *to, size_t to_row)
{
    nb_quad a, b, c, d;
    memcpy(&a, from, sizeof a);
    memcpy(&b, from + from_row, sizeof b);
    memcpy(&c, from + 2 * from_row, sizeof c);
    memcpy(&d, from + 3 * from_row, sizeof d);
    const nb_quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    const nb_quad ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const nb_quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const nb_quad cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    a = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    b = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    c = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    d = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
    memcpy(to, &a, sizeof a);
    memcpy(to + to_row, &b, sizeof b);
    memcpy(to + 2 * to_row, &c, sizeof c);
    memcpy(to + 3 * to_row, &d, sizeof d);
}

#endif // NB_DSP_QUAD_H
