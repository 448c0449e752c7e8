// SPDX-License-Identifier: GPL-3.0-or-later
// Constant offset taken away. docs/dsp/dc-removal.md
#include "dsp/kernel.h"
#include "dsp/lanes_math.h"

#include <math.h>

extern const nb_processor NB_KERNEL(nb_dc_removal);

enum { CUTOFF_HZ };

static const nb_param params[] = {
    [CUTOFF_HZ] = {"cutoff_hz", "Hz", NB_SCALE_LOG, 0.1, 5.0, 3.0,
                   .help = "Frequency at -3 dB; 10 Hz loses 0.4 dB at 3 Hz."},
};

typedef struct dc_removal {
    nb_lanes gain;   ///< g / (1 + g) of a trapezoidal integrator, g = tan(pi cutoff / rate)
    nb_lanes offset; ///< The integrator: the only memory of past input
} dc_removal;

static double gain_of(const nb_settings *settings)
{
    const double g = tan(NB_PI * settings->values[CUTOFF_HZ] / settings->rate_hz);
    return g / (1.0 + g);
}

static size_t latency(const nb_settings *settings)
{
    (void)settings;
    return 0;
}

// What a constant at full scale has left behind falls by 1 - 2 gain a frame.
static size_t tail(const nb_settings *settings)
{
    static const double level = 1e-6; // -120 dB
    return 1 + (size_t)ceil(log(level) / log1p(-2.0 * gain_of(settings)));
}

static void reset(void *state)
{
    dc_removal *self = state;
    self->offset = nb_lanes_set(0.0);
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    dc_removal *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "dc-removal: no memory");
    }
    for (size_t v = 0; v < voice_count; v++) {
        const size_t lane = nb_voice_lane(voices, v);
        for (size_t c = 0; c < voices[v].channels; c++) {
            self->gain[lane + c] = gain_of(&voices[v]);
        }
    }
    *out_state = self;
    return NB_OK;
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    dc_removal *self = state;
    const nb_lanes gain = self->gain;
    nb_lanes offset = self->offset;
    for (size_t i = 0; i < block->frames; i++) {
        const nb_lanes in = nb_frame_load(block->in, i);
        const nb_lanes step = gain * (in - offset);
        const nb_lanes low = offset + step;
        offset = low + step;
        nb_frame_store(block->out, i, in - low);
    }
    self->offset = offset;
}

const nb_processor NB_KERNEL(nb_dc_removal) = {
    .name = "dc-removal",
    .revision = 1,
    .cost_ns = 1,
    .help = "Removes a constant offset.",
    .form = NB_FORM_LANES,
    .params = params,
    .param_count = NB_COUNT(params),
    .latency = latency,
    .tail = tail,
    .init = init,
    .reset = reset,
    .process = process,
};
