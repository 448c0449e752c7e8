// SPDX-License-Identifier: GPL-3.0-or-later
/// @file sliding_peak.h  The largest of the last so many levels, in every lane.
///
/// Inside dsp/ only. Unlike a decaying envelope it stands still on a steady tone whose half wave is
/// shorter than the window. M. van Herk's method: of two neighbouring stretches of window length,
/// the maxima to the first one's end and from the second one's beginning; three comparisons a
/// frame at any length.

#ifndef NB_DSP_SLIDING_PEAK_H
#define NB_DSP_SLIDING_PEAK_H
#include "base/arena.h"
#include "dsp/kernel.h"

#include <string.h>

typedef struct nb_sliding_peak {
    size_t window;  ///< Frames
    size_t at;      ///< In the stretch that grows
    float *maxima;  ///< Under `at` levels of this stretch, from it on maxima of the one before
    nb_lanes grown; ///< The largest of this stretch
} nb_sliding_peak;

/// False without memory.
static inline bool nb_sliding_peak_init(nb_sliding_peak *self, nb_arena *arena, size_t window)
{
    *self = (nb_sliding_peak){.window = window ? window : 1};
    self->maxima = nb_arena_take(arena, self->window, NB_LANES * sizeof *self->maxima);
    return self->maxima != NULL;
}

static inline void nb_sliding_peak_reset(nb_sliding_peak *self)
{
    memset(self->maxima, 0, self->window * NB_LANES * sizeof *self->maxima);
    self->grown = (nb_lanes){0};
    self->at = 0;
}

// From levels to maxima to the stretch's end.
static inline void nb_sliding_peak_turn(nb_sliding_peak *self)
{
    nb_lanes largest = {0};
    for (size_t i = self->window; i-- > 0;) {
        largest = nb_lanes_max(nb_frame_load(self->maxima, i), largest);
        nb_frame_store(self->maxima, i, largest);
    }
    self->grown = (nb_lanes){0};
    self->at = 0;
}

/// Levels, 0 or more, become peaks in place.
static inline void nb_sliding_peak_run(nb_sliding_peak *self, float *levels, size_t frames)
{
    for (size_t i = 0; i < frames; i++) {
        const nb_lanes level = nb_frame_load(levels, i);
        self->grown = nb_lanes_max(level, self->grown);
        nb_frame_store(self->maxima, self->at, level);
        self->at++;
        nb_lanes peak = self->grown;
        if (self->at < self->window) {
            peak = nb_lanes_max(nb_frame_load(self->maxima, self->at), peak);
        } else {
            nb_sliding_peak_turn(self);
        }
        nb_frame_store(levels, i, peak);
    }
}

#endif // NB_DSP_SLIDING_PEAK_H
