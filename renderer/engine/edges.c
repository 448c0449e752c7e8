// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/edges.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

const float *nb_edges_view(const nb_edges *self, size_t node, unsigned channel, int64_t first,
                           size_t frames, float *spare)
{
    const nb_schedule *schedule = self->schedule;
    if (schedule->edges[node] != NB_EDGE_FACTOR) {
        return nb_ring_view(&self->rings[node], channel, first, frames, spare);
    }
    const nb_node *gain = &self->graph->nodes[node];
    const unsigned own = (channel < gain->channels) ? channel : 0;
    const float *in = nb_edges_view(self, gain->inputs[0], own, first, frames, spare);
    self->kernel->scale(in, schedule->factors[node][own], spare, frames);
    if (first + (int64_t)frames > gain->end_frame) { // an inverted zero would be -0
        const size_t kept = (first < gain->end_frame) ? (size_t)(gain->end_frame - first) : 0;
        memset(spare + kept, 0, (frames - kept) * sizeof *spare);
    }
    return spare;
}

const float *nb_edges_view_key(const nb_edges *self, size_t node, unsigned channel,
                               unsigned channels, int64_t first, size_t frames, float *spare)
{
    if (channels == 2 || self->graph->nodes[node].channels == 1) {
        return nb_edges_view(self, node, channel, first, frames, spare);
    }
    const float *left = nb_edges_view(self, node, 0, first, frames, spare);
    const float *right = nb_edges_view(self, node, 1, first, frames, spare + frames);
    self->kernel->mean(left, right, spare, frames);
    return spare;
}

nb_status nb_edges_refuse(const nb_edges *self, size_t node, int64_t first, const float *samples,
                          size_t stride, size_t frames, nb_error *err)
{
    size_t i = 0;
    while (i < frames && isfinite(samples[i * stride])) {
        i++;
    }
    if (i == frames) {
        return NB_OK;
    }
    char time[NB_TEXT_TIME_SIZE];
    nb_text_format_time((double)(first + (int64_t)i) / (double)self->graph->rate_hz, time);
    return nb_fail(
        err, NB_E_INVALID,
        "%s: its output at %s is not a number or infinite; look for extreme gains before "
        "it, and tell us if there are none",
        self->graph->nodes[node].name, time);
}

float *nb_edges_place(const nb_edges *self, size_t node, unsigned channel, int64_t first,
                      size_t frames, float *spare)
{
    const nb_ring *ring = &self->rings[node];
    size_t whole;
    const size_t at = nb_ring_stretch(ring, first, frames, &whole);
    return (whole == frames) ? ring->samples[channel] + at : spare;
}

nb_status nb_edges_put(nb_edges *self, size_t node, unsigned channel, int64_t first, float *samples,
                       size_t frames, nb_error *err)
{
    const int64_t end_frame = self->graph->nodes[node].end_frame;
    if (first + (int64_t)frames > end_frame) {
        const size_t kept = (first < end_frame) ? (size_t)(end_frame - first) : 0;
        memset(samples + kept, 0, (frames - kept) * sizeof *samples);
    }
    if (!self->kernel->all_finite(samples, frames)) {
        return nb_edges_refuse(self, node, first, samples, 1, frames, err);
    }
    nb_ring_put(&self->rings[node], channel, first, samples, frames);
    return NB_OK;
}
