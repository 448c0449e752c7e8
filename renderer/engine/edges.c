// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/edges.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

const float *nb_edges_view_key(const nb_edges *self, size_t node, unsigned channel,
                               unsigned channels, int64_t first, size_t frames, float *spare)
{
    const nb_ring *ring = &self->rings[node];
    if (channels == 2 || ring->channels == 1) {
        return nb_ring_view(ring, channel, first, frames, spare);
    }
    for (size_t done = 0; done < frames;) { // a stretch that is whole in both channels at a time
        const size_t at = (size_t)((uint64_t)(first + (int64_t)done) % ring->capacity);
        const size_t whole = ring->capacity - at;
        const size_t count = (whole < frames - done) ? whole : frames - done;
        for (size_t i = 0; i < count; i++) {
            spare[done + i] = 0.5F * (ring->samples[0][at + i] + ring->samples[1][at + i]);
        }
        done += count;
    }
    return spare;
}

/// Are the exponent bits all set in any sample? One pass without branches.
static bool all_finite(const float *samples, size_t frames)
{
    uint32_t bad = 0;
    for (size_t i = 0; i < frames; i++) {
        uint32_t bits;
        memcpy(&bits, &samples[i], sizeof bits);
        bad |= (uint32_t)((bits & 0x7F800000U) == 0x7F800000U);
    }
    return bad == 0;
}

static nb_status not_finite(const nb_edges *self, size_t node, int64_t first, const float *samples,
                            size_t frames, nb_error *err)
{
    size_t i = 0;
    while (i + 1 < frames && isfinite(samples[i])) {
        i++;
    }
    char time[NB_TEXT_TIME_SIZE];
    nb_text_format_time((double)(first + (int64_t)i) / (double)self->graph->rate_hz, time);
    return nb_fail(
        err, NB_E_INVALID,
        "%s: its output at %s is not a number or infinite; look for extreme gains before "
        "it, and tell us if there are none",
        self->graph->nodes[node].name, time);
}

nb_status nb_edges_put(nb_edges *self, size_t node, unsigned channel, int64_t first, float *samples,
                       size_t frames, nb_error *err)
{
    if (first < 0) {
        const size_t early = ((uint64_t)-first < frames) ? (size_t)-first : frames;
        samples += early;
        frames -= early;
        first += (int64_t)early;
    }
    const int64_t end_frame = self->graph->nodes[node].end_frame;
    if (first + (int64_t)frames > end_frame) {
        const size_t kept = (first < end_frame) ? (size_t)(end_frame - first) : 0;
        memset(samples + kept, 0, (frames - kept) * sizeof *samples);
    }
    if (!all_finite(samples, frames)) {
        return not_finite(self, node, first, samples, frames, err);
    }
    nb_ring_put(&self->rings[node], channel, first, samples, frames);
    return NB_OK;
}
