// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/scratch.h"

nb_status nb_scratch_init(nb_scratch *self, nb_arena *arena, size_t controls, size_t moving,
                          nb_error *err)
{
    const size_t samples = (size_t)NB_SCRATCH_FRAMES * NB_SCRATCH_LANES;
    *self = (nb_scratch){
        .in = nb_arena_take(arena, samples, sizeof(float)),
        .key = nb_arena_take(arena, samples, sizeof(float)),
        .sums = nb_arena_take(arena, NB_SCRATCH_FRAMES, sizeof(double)),
        .controls = nb_arena_take(arena, moving * samples + 1, sizeof(double)),
        .control_list = nb_arena_take(arena, controls + 1, sizeof(double *)),
        .frames = nb_arena_take(arena, NB_SCRATCH_FRAMES, 2 * sizeof(float)),
    };
    float *planes = nb_arena_take(arena, samples, 2 * sizeof(float));
    float *clips = nb_arena_take(arena, NB_CLIPS_BLOCK, 2 * sizeof(float));
    if (!self->in || !self->key || !self->sums || !self->controls || !self->control_list ||
        !self->frames || !planes || !clips) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a thread's samples");
    }
    for (size_t lane = 0; lane < NB_SCRATCH_LANES; lane++) {
        self->lane_samples[lane] = planes + lane * NB_SCRATCH_FRAMES;
        self->lane_keys[lane] = planes + (NB_SCRATCH_LANES + lane) * NB_SCRATCH_FRAMES;
    }
    self->clip_samples[0] = clips;
    self->clip_samples[1] = clips + NB_CLIPS_BLOCK;
    return NB_OK;
}
