// SPDX-License-Identifier: GPL-3.0-or-later
/// @file look_ahead.h  A delay of each lane's own length, for signals whose gain must move first.
///
/// Inside dsp/ only; works block by block.

#ifndef NB_DSP_LOOK_AHEAD_H
#define NB_DSP_LOOK_AHEAD_H
#include "base/arena.h"
#include "dsp/kernel.h"

#include <string.h>

typedef struct nb_look_ahead {
    size_t frames[NB_LANES];
    size_t frames_max;
    bool differs;  ///< Lanes have several lengths
    float *ring;   ///< `length` frames; null where no lane is delayed
    size_t length; ///< frames_max and one block
    size_t at;     ///< Where the next frame goes
} nb_look_ahead;

/// The delay of every lane is its voice's `processor->latency`; blocks have up to `block_frames`.
/// False without memory.
static inline bool nb_look_ahead_init(nb_look_ahead *self, nb_arena *arena,
                                      const nb_settings *voices, size_t voice_count,
                                      size_t block_frames)
{
    *self = (nb_look_ahead){0};
    for (size_t lane = 0; lane < NB_LANES; lane++) {
        self->frames[lane] = voices[0].processor->latency(&voices[0]); // for lanes of no voice
    }
    for (size_t v = 0; v < voice_count; v++) {
        const size_t lane = nb_voice_lane(voices, v);
        for (size_t c = lane; c < lane + voices[v].channels; c++) {
            self->frames[c] = voices[v].processor->latency(&voices[v]);
        }
    }
    for (size_t lane = 0; lane < NB_LANES; lane++) {
        const size_t frames = self->frames[lane];
        self->differs |= frames != self->frames[0];
        self->frames_max = (frames > self->frames_max) ? frames : self->frames_max;
    }
    if (self->frames_max == 0) {
        return true;
    }
    self->length = self->frames_max + block_frames;
    self->ring = nb_arena_take(arena, self->length, NB_LANES * sizeof *self->ring);
    return self->ring != NULL;
}

static inline void nb_look_ahead_reset(nb_look_ahead *self)
{
    if (self->ring) {
        memset(self->ring, 0, self->length * NB_LANES * sizeof *self->ring);
    }
    self->at = 0;
}

/// Frames before the ring's end, of `frames` from place `at`.
static inline size_t nb_look_ahead_straight(const nb_look_ahead *self, size_t at, size_t frames)
{
    const size_t left = self->length - at;
    return (frames < left) ? frames : left;
}

/// The block's frames as they were `frames` ago: in `delayed`, or `in` itself without a delay.
static inline const float *nb_look_ahead_run(nb_look_ahead *self, const float *in, size_t frames,
                                             float *delayed)
{
    if (!self->ring) {
        return in;
    }
    const size_t start = self->at;
    const size_t straight = nb_look_ahead_straight(self, start, frames);
    const size_t frame_size = NB_LANES * sizeof *in;
    memcpy(self->ring + start * NB_LANES, in, straight * frame_size);
    memcpy(self->ring, in + straight * NB_LANES, (frames - straight) * frame_size);
    self->at = (start + frames) % self->length;
    if (!self->differs) {
        const size_t from = (start + self->length - self->frames_max) % self->length;
        const size_t first = nb_look_ahead_straight(self, from, frames);
        memcpy(delayed, self->ring + from * NB_LANES, first * frame_size);
        memcpy(delayed + first * NB_LANES, self->ring, (frames - first) * frame_size);
        return delayed;
    }
    for (size_t lane = 0; lane < NB_LANES; lane++) {
        size_t from = (start + self->length - self->frames[lane]) % self->length;
        for (size_t i = 0; i < frames; i++) {
            delayed[i * NB_LANES + lane] = self->ring[from * NB_LANES + lane];
            from = (from + 1 == self->length) ? 0 : from + 1;
        }
    }
    return delayed;
}

#endif // NB_DSP_LOOK_AHEAD_H
