// SPDX-License-Identifier: GPL-3.0-or-later
/// @file step_ring.h  A delay line that is written and read in whole steps of 32 frames.
///
/// Inside dsp/ only; static for the reason given in lanes.h.

#ifndef NB_DSP_STEP_RING_H
#define NB_DSP_STEP_RING_H
#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum { NB_STEP = 32 };

/// A ring of whole steps. Its first frames stand behind its end once more, so that any reading of
/// a step and an interpolator's taps lies in one piece.
typedef struct nb_step_ring {
    float *frames;
    size_t size;
    size_t at; ///< Where the coming step is written
} nb_step_ring;

/// Room for readings up to `reach` frames back; false without memory.
static inline bool nb_step_ring_take(nb_arena *arena, nb_step_ring *self, size_t reach)
{
    self->size = (reach + 2 * NB_STEP - 1) / NB_STEP * NB_STEP;
    self->frames = nb_arena_take(arena, self->size + 2 * NB_STEP, sizeof(float));
    return self->frames != NULL;
}

/// Forget the past.
static inline void nb_step_ring_reset(nb_step_ring *self)
{
    memset(self->frames, 0, (self->size + 2 * NB_STEP) * sizeof *self->frames);
    self->at = 0;
}

/// Put the coming step; it can be read, 0 frames back, before the ring goes on.
static inline void nb_step_ring_write(nb_step_ring *self, const float *frames)
{
    memcpy(self->frames + self->at, frames, NB_STEP * sizeof *frames);
    if (self->at < (size_t)2 * NB_STEP) {
        memcpy(self->frames + self->size + self->at, frames, NB_STEP * sizeof *frames);
    }
}

/// Go on to the step after.
static inline void nb_step_ring_advance(nb_step_ring *self)
{
    self->at = (self->at + NB_STEP == self->size) ? 0 : self->at + NB_STEP;
}

/// A step, and 16 frames more, from `frames` before the coming step's start.
static inline const float *nb_step_ring_read(const nb_step_ring *self, size_t frames)
{
    const float *from =
        self->frames + ((self->at >= frames) ? self->at : self->at + self->size) - frames;
    // There are more rings than a CPU follows: ask for what the next step reads.
    __builtin_prefetch(from + NB_STEP + 16);
    __builtin_prefetch(from + 2 * NB_STEP);
    return from;
}

#endif // NB_DSP_STEP_RING_H
