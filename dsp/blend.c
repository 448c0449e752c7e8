// SPDX-License-Identifier: GPL-3.0-or-later
// An insert's wet_percent: its output (the input here) against what went into it (the key). The
// engine's edges are in song time, so both are already aligned. docs/dsp/processors.md
#include "dsp/kernel.h"

extern const nb_processor NB_KERNEL(nb_blend);

enum { WET_PERCENT };

static const nb_param params[] = {
    [WET_PERCENT] = {"wet_percent", "%", NB_SCALE_LINEAR, 0.0, 100.0, 100.0, .automatable = true,
                     .help = "Share of the processed signal; the rest is what went in."},
};

typedef struct blend {
    nb_lanes wet_percent;
} blend;

static size_t no_frames(const nb_settings *settings)
{
    (void)settings;
    return 0;
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    blend *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "blend: no memory");
    }
    self->wet_percent = nb_lanes_of_param(voices, voice_count, WET_PERCENT);
    *out_state = self;
    return NB_OK;
}

static void reset(void *state) { (void)state; } // remembers nothing

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    const blend *self = state;
    const float *dry = block->key ? block->key : block->in;
    const nb_control wet_percent = nb_control_of(block, WET_PERCENT, self->wet_percent);
    for (size_t i = 0; i < block->frames; i++) {
        const nb_lanes percent = nb_control_at(&wet_percent, i);
        const nb_lanes wet = nb_lanes_clamp(percent, 0.0, 100.0) * 0.01;
        nb_frame_store(block->out, i,
                       (1.0 - wet) * nb_frame_load(dry, i) + wet * nb_frame_load(block->in, i));
    }
}

const nb_processor NB_KERNEL(nb_blend) = {
    .name = "blend",
    .revision = 1,
    .cost_ns = 1,
    .help = "The wet_percent of an insert.",
    .form = NB_FORM_LANES,
    .hidden = true,
    .takes_sidechain = true,
    .params = params,
    .param_count = NB_COUNT(params),
    .latency = no_frames,
    .tail = no_frames,
    .init = init,
    .reset = reset,
    .process = process,
};
