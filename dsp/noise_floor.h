// SPDX-License-Identifier: GPL-3.0-or-later
/// @file noise_floor.h  The noise under a signal, by the minima of its smoothed power.
///
/// Minimum statistics (R. Martin 2001): between words and notes each spectral line falls to the
/// noise for a moment, so the least of its smoothed power over three seconds is the noise, but for
/// a known factor: the least of many is less than their mean. Here the window lies around the
/// frame, not behind it, since an offline engine can read ahead.
///
/// Inside dsp/ only; everything is static for the reason given in lanes.h.

#ifndef NB_DSP_NOISE_FLOOR_H
#define NB_DSP_NOISE_FLOOR_H
#include "base/arena.h"
#include "dsp/lanes_math.h"

#include <float.h>
#include <stdbool.h>
#include <string.h>

/// Frames ahead and behind whose least power counts; 1.5 s of either at 48 kHz. A note held longer
/// passes for noise.
#define NB_NOISE_FLOOR_AHEAD 140
#define NB_NOISE_FLOOR_ROWS  (2 * NB_NOISE_FLOOR_AHEAD + 1)

/// Frames after digital silence that only fill the smoothing: the least of raw powers means
/// nothing.
#define NB_NOISE_FLOOR_WARM_UP 12

/// One channel's. Lines behind each other, `bins` floats a row, a multiple of 16.
typedef struct nb_noise_floor {
    size_t bins;
    float *power; ///< Smoothed
    /// Rows of the block of frames that is being filled, and behind them what is left of the block
    /// before, each row there the least of itself and all behind it (van Herk 1992). So the least
    /// of any window costs three comparisons a line, whatever its length.
    float *rows;
    float *least;   ///< Of the block's rows so far
    bool *counts;   ///< Whether the row of the last NB_NOISE_FLOOR_ROWS frames holds a power
    size_t row;     ///< Next to fill
    size_t counted; ///< Of `counts`
    size_t age;     ///< Frames since digital silence, up to NB_NOISE_FLOOR_WARM_UP
} nb_noise_floor;

static inline void nb_noise_floor_reset(nb_noise_floor *self)
{
    memset(self->power, 0, self->bins * sizeof *self->power);
    for (size_t i = 0; i < NB_NOISE_FLOOR_ROWS * self->bins; i++) {
        self->rows[i] = FLT_MAX;
    }
    for (size_t i = 0; i < self->bins; i++) {
        self->least[i] = FLT_MAX;
    }
    memset(self->counts, 0, NB_NOISE_FLOOR_ROWS * sizeof *self->counts);
    self->row = 0;
    self->counted = 0;
    self->age = 0;
}

/// False without memory.
static inline bool nb_noise_floor_init(nb_noise_floor *self, nb_arena *arena, size_t bins)
{
    self->bins = bins;
    self->power = nb_arena_take(arena, bins, sizeof *self->power);
    self->rows = nb_arena_take(arena, NB_NOISE_FLOOR_ROWS * bins, sizeof *self->rows);
    self->least = nb_arena_take(arena, bins, sizeof *self->least);
    self->counts = nb_arena_take(arena, NB_NOISE_FLOOR_ROWS, sizeof *self->counts);
    return self->power && self->rows && self->least && self->counts;
}

static inline void nb_noise_floor_least(float *restrict to, const float *restrict from, size_t bins)
{
    for (size_t i = 0; i < bins; i++) {
        to[i] = (from[i] < to[i]) ? from[i] : to[i];
    }
}

// The block is full: from here on its rows stand for all behind them.
static inline void nb_noise_floor_turn(nb_noise_floor *self)
{
    for (size_t r = NB_NOISE_FLOOR_ROWS - 1; r-- > 0;) {
        float *row = self->rows + r * self->bins;
        nb_noise_floor_least(row, row + self->bins, self->bins);
    }
    for (size_t i = 0; i < self->bins; i++) {
        self->least[i] = FLT_MAX;
    }
    self->row = 0;
}

// Over time by a pole, and over three lines, whose weights add up to one.
static inline void nb_noise_floor_smooth(float *restrict to, const float *restrict from,
                                         size_t bins, float keep)
{
    for (size_t i = 0; i < bins; i++) {
        const float below = from[i > 0 ? i - 1 : 0];
        const float above = from[i + 1 < bins ? i + 1 : i];
        const float fresh = 0.25F * (below + above) + 0.5F * from[i];
        to[i] = keep * to[i] + (1.0F - keep) * fresh;
    }
}

/// Take the powers of the next frame; null where it holds digital silence, which is no noise.
static inline void nb_noise_floor_push(nb_noise_floor *self, const float *power)
{
    static const float keep = 0.85F;
    if (self->row == NB_NOISE_FLOOR_ROWS) {
        nb_noise_floor_turn(self);
    }
    float *row = self->rows + self->row * self->bins;
    self->age = power ? self->age : 0;
    if (power) {
        // The first frames by their mean, until that is slower than the smoothing.
        const float mean = 1.0F - 1.0F / (float)(self->age + 1);
        const float old = (mean < keep) ? mean : keep;
        nb_noise_floor_smooth(self->power, power, self->bins, old);
    }
    const bool counts = power && self->age == NB_NOISE_FLOOR_WARM_UP;
    self->age += power && !counts;
    self->counted += counts;
    self->counted -= self->counts[self->row];
    self->counts[self->row] = counts;
    if (counts) {
        memcpy(row, self->power, self->bins * sizeof *row);
        nb_noise_floor_least(self->least, row, self->bins);
    } else {
        for (size_t i = 0; i < self->bins; i++) {
            row[i] = FLT_MAX;
        }
    }
    self->row++;
}

/// Mean over least of `rows` smoothed powers of noise: measured on white noise, within 1 %.
static inline float nb_noise_floor_bias(size_t rows)
{
    const double octaves = nb_lanes_log2(nb_lanes_set((double)rows))[0];
    return (float)(1.0 + octaves * (0.009886 + octaves * (0.025428 - octaves * 0.001098)));
}

/// One over the noise's power, NB_NOISE_FLOOR_AHEAD frames behind the newest. Huge, so that
/// everything is signal, where the window holds no noise at all.
static inline void nb_noise_floor_inverse(const nb_noise_floor *self, float *restrict inverse)
{
    static const float lowest = 1e-30F;
    if (self->counted == 0) {
        for (size_t i = 0; i < self->bins; i++) {
            inverse[i] = 1.0F / lowest;
        }
        return;
    }
    const float bias = nb_noise_floor_bias(self->counted);
    // Of the block before, the rows that this one has not taken yet.
    const bool more = self->row < NB_NOISE_FLOOR_ROWS;
    const float *before = more ? self->rows + self->row * self->bins : self->least;
    for (size_t i = 0; i < self->bins; i++) {
        const float least = (before[i] < self->least[i]) ? before[i] : self->least[i];
        const float noise = bias * least;
        inverse[i] = 1.0F / ((noise > lowest) ? noise : lowest);
    }
}

#endif // NB_DSP_NOISE_FLOOR_H
