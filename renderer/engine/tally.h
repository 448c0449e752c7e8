// SPDX-License-Identifier: GPL-3.0-or-later
/// @file tally.h  Where one thread's time goes, while it runs tasks: laps of one clock, each put
/// down to a node or to a piece of work between nodes.

#ifndef NB_RENDERER_ENGINE_TALLY_H
#define NB_RENDERER_ENGINE_TALLY_H
#include "renderer/engine/render.h"

#include <time.h>

typedef struct nb_tally {
    uint64_t *node_ns; ///< By node; null: nobody wants to know
    uint64_t work_ns[NB_PROFILE_WORKS];
    uint64_t lap; ///< When the lap began
} nb_tally;

static inline uint64_t nb_tally_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static inline uint64_t nb_tally_lap(nb_tally *self)
{
    const uint64_t before = self->lap;
    self->lap = nb_tally_now();
    return self->lap - before;
}

/// A lap begins.
static inline void nb_tally_start(nb_tally *self)
{
    if (self->node_ns) {
        self->lap = nb_tally_now();
    }
}

/// The lap went into that work; the next begins.
static inline void nb_tally_work(nb_tally *self, nb_profile_work work)
{
    if (self->node_ns) {
        self->work_ns[work] += nb_tally_lap(self);
    }
}

/// The lap went into these nodes, in equal parts; the next begins.
static inline void nb_tally_nodes(nb_tally *self, const size_t *nodes, size_t count)
{
    if (self->node_ns) {
        const uint64_t ns = nb_tally_lap(self);
        for (size_t i = 0; i < count; i++) {
            self->node_ns[nodes[i]] += ns / count + (i < ns % count);
        }
    }
}

#endif // NB_RENDERER_ENGINE_TALLY_H
