// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/parts.h"

#include <string.h>

/// A stretch of one node on its way.
typedef struct stretch {
    nb_edges *edges;
    size_t index;
    const nb_node *node;
    int64_t first;
    size_t frames;
    nb_scratch *scratch;
} stretch;

static const float *view(const stretch *self, size_t input, unsigned channel, float *spare)
{
    return nb_edges_view(self->edges, self->node->inputs[input], channel, self->first, self->frames,
                         spare);
}

static nb_status put(const stretch *self, unsigned channel, float *samples, nb_error *err)
{
    return nb_edges_put(self->edges, self->index, channel, self->first, samples, self->frames, err);
}

static nb_status put_copy(const stretch *self, unsigned channel, const float *samples,
                          nb_error *err)
{
    float *copy = self->scratch->planes[7];
    memmove(copy, samples, self->frames * sizeof *copy);
    return put(self, channel, copy, err);
}

static nb_status take_part(const stretch *self, nb_error *err)
{
    float *const *planes = self->scratch->planes;
    const bool mono = self->edges->graph->nodes[self->node->inputs[0]].channels == 1;
    const nb_part part = self->node->part;
    if (mono && part == NB_PART_SIDE) {
        memset(planes[0], 0, self->frames * sizeof(float));
        return put(self, 0, planes[0], err);
    }
    if (mono || part == NB_PART_LEFT || part == NB_PART_RIGHT) {
        return put_copy(self, 0, view(self, 0, part == NB_PART_RIGHT, planes[0]), err);
    }
    const float *left = view(self, 0, 0, planes[0]);
    const float *right = view(self, 0, 1, planes[1]);
    const double sign = (part == NB_PART_SIDE) ? -1.0 : 1.0;
    self->edges->kernel->half_sum(left, right, sign, planes[2], self->frames);
    return put(self, 0, planes[2], err);
}

static nb_status put_back(const stretch *self, nb_error *err)
{
    // L = M + S and R = M - S, where the part is the first of the two and the rest is computed.
    static const double mid_left[3] = {1.0, 1.0, -1.0};
    static const double mid_right[3] = {1.0, -1.0, -1.0};
    static const double side_left[3] = {1.0, 1.0, 1.0};
    static const double side_right[3] = {-1.0, 1.0, 1.0};
    float *const *planes = self->scratch->planes;
    const nb_edge_kernel *kernel = self->edges->kernel;
    const nb_part part = self->node->part;
    const float *new_part = view(self, 0, 0, planes[0]);
    if (self->node->channels == 1) { // whose side is silence, and all else the edge itself
        return put_copy(self, 0, (part == NB_PART_SIDE) ? view(self, 1, 0, planes[1]) : new_part,
                        err);
    }
    const float *left = view(self, 1, 0, planes[1]);
    const float *right = view(self, 1, 1, planes[2]);
    if (part == NB_PART_LEFT || part == NB_PART_RIGHT) {
        nb_status status = put_copy(self, 0, (part == NB_PART_LEFT) ? new_part : left, err);
        return (status == NB_OK)
                   ? put_copy(self, 1, (part == NB_PART_RIGHT) ? new_part : right, err)
                   : status;
    }
    const bool is_mid = part == NB_PART_MID;
    kernel->join(new_part, left, right, is_mid ? mid_left : side_left, planes[3], self->frames);
    kernel->join(new_part, left, right, is_mid ? mid_right : side_right, planes[4], self->frames);
    nb_status status = put(self, 0, planes[3], err);
    return (status == NB_OK) ? put(self, 1, planes[4], err) : status;
}

nb_status nb_parts_run(nb_edges *edges, size_t node, nb_scratch *scratch, int64_t first,
                       int64_t end, nb_error *err)
{
    stretch it = {.edges = edges,
                  .index = node,
                  .node = &edges->graph->nodes[node],
                  .first = first,
                  .scratch = scratch};
    nb_status status = NB_OK;
    while (status == NB_OK && it.first < end) {
        const int64_t left = end - it.first;
        it.frames = (left < NB_SCRATCH_FRAMES) ? (size_t)left : NB_SCRATCH_FRAMES;
        status = (it.node->kind == NB_NODE_PART) ? take_part(&it, err) : put_back(&it, err);
        it.first += (int64_t)it.frames;
    }
    nb_tally_nodes(&scratch->tally, &node, 1);
    return status;
}
