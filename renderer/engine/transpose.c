// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/transpose.h"

#include <string.h>

enum { TILE = 4 };

typedef float tile_row __attribute__((vector_size(TILE * sizeof(float))));

static inline tile_row load(const float *from)
{
    tile_row row;
    memcpy(&row, from, sizeof row);
    return row;
}

static inline void store(float *to, tile_row row) { memcpy(to, &row, sizeof row); }

/// Four rows become four columns, in registers.
static inline void turn(tile_row rows[TILE])
{
    const tile_row a = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5);
    const tile_row b = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7);
    const tile_row c = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5);
    const tile_row d = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
    rows[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    rows[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    rows[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    rows[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

void nb_interleave(const float *const *in, size_t width, size_t frames, float *out)
{
    const size_t tiled = (width % TILE == 0) ? frames - frames % TILE : 0;
    for (size_t i = 0; i < tiled; i += TILE) {
        for (size_t lane = 0; lane < width; lane += TILE) {
            tile_row rows[TILE];
            for (size_t r = 0; r < TILE; r++) {
                rows[r] = load(in[lane + r] + i);
            }
            turn(rows);
            for (size_t r = 0; r < TILE; r++) {
                store(out + (i + r) * width + lane, rows[r]);
            }
        }
    }
    for (size_t i = tiled; i < frames; i++) {
        for (size_t lane = 0; lane < width; lane++) {
            out[i * width + lane] = in[lane][i];
        }
    }
}

void nb_deinterleave(const float *in, size_t width, size_t frames, float *const *out)
{
    const size_t tiled = (width % TILE == 0) ? frames - frames % TILE : 0;
    for (size_t i = 0; i < tiled; i += TILE) {
        for (size_t lane = 0; lane < width; lane += TILE) {
            tile_row rows[TILE];
            for (size_t r = 0; r < TILE; r++) {
                rows[r] = load(in + (i + r) * width + lane);
            }
            turn(rows);
            for (size_t r = 0; r < TILE; r++) {
                store(out[lane + r] + i, rows[r]);
            }
        }
    }
    for (size_t i = tiled; i < frames; i++) {
        for (size_t lane = 0; lane < width; lane++) {
            out[lane][i] = in[i * width + lane];
        }
    }
}
