// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/ring.h"

#include <string.h>

nb_status nb_ring_init(nb_ring *self, nb_arena *arena, unsigned channels, size_t capacity,
                       nb_error *err)
{
    *self = (nb_ring){.channels = channels, .capacity = capacity};
    for (unsigned channel = 0; channel < channels; channel++) {
        self->samples[channel] = nb_arena_take(arena, capacity, sizeof(float));
        if (!self->samples[channel]) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for %zu frames between two processors",
                           capacity);
        }
    }
    return NB_OK;
}

const float *nb_ring_view(const nb_ring *self, unsigned channel, int64_t first, size_t frames,
                          float *spare)
{
    const float *samples = self->samples[channel < self->channels ? channel : 0];
    const size_t at = (size_t)((uint64_t)first % self->capacity);
    if (at + frames <= self->capacity) {
        return samples + at;
    }
    const size_t before_end = self->capacity - at;
    memcpy(spare, samples + at, before_end * sizeof *spare);
    memcpy(spare + before_end, samples, (frames - before_end) * sizeof *spare);
    return spare;
}

void nb_ring_put(nb_ring *self, unsigned channel, int64_t first, const float *samples,
                 size_t frames)
{
    float *to = self->samples[channel];
    const size_t at = (size_t)((uint64_t)first % self->capacity);
    if (samples == to + at) {
        return; // made in their place
    }
    const size_t before_end = self->capacity - at;
    const size_t head = (frames < before_end) ? frames : before_end;
    memcpy(to + at, samples, head * sizeof *to);
    memcpy(to, samples + head, (frames - head) * sizeof *to);
}
