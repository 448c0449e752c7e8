// SPDX-License-Identifier: GPL-3.0-or-later
/// @file ring.h  The part of an edge that is in memory: planar 32-bit floats, a frame at
/// frame % capacity.
///
/// The executor sees to it that nothing is written over before its last reader is done, and that
/// nobody reads what is not written: a ring has no lock and no cursor of its own.

#ifndef NB_RENDERER_ENGINE_RING_H
#define NB_RENDERER_ENGINE_RING_H
#include "base/arena.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct nb_ring {
    float *samples[2]; ///< One array for each channel
    unsigned channels; ///< 1 or 2
    size_t capacity;   ///< In frames
} nb_ring;

/// Memory comes from `arena`.
NB_NODISCARD nb_status nb_ring_init(nb_ring *self, nb_arena *arena, unsigned channels,
                                    size_t capacity, nb_error *err);

/// Frames first .. first + frames - 1 of a channel, side by side: in the ring itself, or in `spare`
/// where they go over its end. Channel 1 of a mono edge is its channel 0.
const float *nb_ring_view(const nb_ring *self, unsigned channel, int64_t first, size_t frames,
                          float *spare);

/// The longest stretch from `first` on that is whole in the ring, at most `frames`: where it
/// begins, and its length.
static inline size_t nb_ring_stretch(const nb_ring *self, int64_t first, size_t frames,
                                     size_t *out_frames)
{
    const size_t at = (size_t)((uint64_t)first % self->capacity);
    const size_t whole = self->capacity - at;
    *out_frames = (frames < whole) ? frames : whole;
    return at;
}

/// Put frames first .. first + frames - 1 of a channel. `samples` may be their place in the ring.
void nb_ring_put(nb_ring *self, unsigned channel, int64_t first, const float *samples,
                 size_t frames);

#endif // NB_RENDERER_ENGINE_RING_H
