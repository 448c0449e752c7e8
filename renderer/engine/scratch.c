// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/scratch.h"

nb_status nb_scratch_init(nb_scratch *self, nb_arena *arena, const nb_scratch_needs *needs,
                          nb_error *err)
{
    const size_t samples = (size_t)NB_SCRATCH_FRAMES * NB_SCRATCH_LANES;
    *self = (nb_scratch){
        .lanes = nb_arena_take(arena, samples, sizeof(float)),
        .key = nb_arena_take(arena, samples, sizeof(float)),
        .controls = nb_arena_take(arena, needs->moving * samples + 1, sizeof(double)),
        .control_list = nb_arena_take(arena, needs->controls + 1, sizeof(double *)),
        .wide = nb_arena_take(arena, needs->wide + 1, sizeof(double)),
    };
    float *planes = nb_arena_take(arena, samples, sizeof(float));
    float *keys = nb_arena_take(arena, samples, 2 * sizeof(float));
    if (!self->lanes || !self->key || !self->controls || !self->control_list || !self->wide ||
        !planes || !keys) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a thread's samples");
    }
    for (size_t lane = 0; lane < NB_SCRATCH_LANES; lane++) {
        self->planes[lane] = planes + lane * NB_SCRATCH_FRAMES;
        self->keys[lane] = keys + 2 * lane * NB_SCRATCH_FRAMES;
    }
    return NB_OK;
}
