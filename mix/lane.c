// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/graph.h"

#include <math.h>

/// Where a line to or from silence ends: what is under it can't be heard.
static const double silence_db = -120.0;

/// Index of the last point at or before the frame; -1 before the first.
static ptrdiff_t point_before(const nb_graph_lane *self, int64_t frame)
{
    size_t low = 0;
    size_t high = self->point_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (self->points[middle].frame <= frame) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return (ptrdiff_t)low - 1;
}

/// The straight line between two points, at a frame from a's own up to just before b's.
static double on_line(const nb_graph_lane *self, const nb_graph_point *a, const nb_graph_point *b,
                      int64_t frame)
{
    if (self->curve == NB_CURVE_HOLD || frame == a->frame || a->value == b->value) {
        return a->value;
    }
    const double t = (double)(frame - a->frame) / (double)(b->frame - a->frame);
    if (self->param->scale == NB_SCALE_LOG) {
        return a->value * exp(t * log(b->value / a->value));
    }
    // From or to off: as far down as can be heard, and silence at the point itself.
    const double from = isinf(a->value) ? fmin(silence_db, b->value) : a->value;
    const double to = isinf(b->value) ? fmin(silence_db, a->value) : b->value;
    return from + t * (to - from);
}

void nb_graph_lane_fill(const nb_graph_lane *self, int64_t first_frame, size_t count, size_t stride,
                        double *out)
{
    ptrdiff_t before = point_before(self, first_frame);
    const ptrdiff_t last = (ptrdiff_t)self->point_count - 1;
    for (size_t i = 0; i < count; i++) {
        const int64_t frame = first_frame + (int64_t)i;
        while (before < last && self->points[before + 1].frame <= frame) {
            before++;
        }
        const nb_graph_point *point = &self->points[before < 0 ? 0 : before];
        const bool is_held = before < 0 || before == last;
        out[i * stride] = is_held ? point->value : on_line(self, point, point + 1, frame);
    }
}
