// SPDX-License-Identifier: GPL-3.0-or-later
// Faders, sends, trims. docs/dsp/gain.md
#include "dsp/kernel.h"
#include "dsp/lanes_math.h"

extern const nb_processor NB_KERNEL(nb_gain);

enum { GAIN_DB, POLARITY };

static const char *const polarities[] = {"normal", "inverted", NULL};

static const nb_param params[] = {
    [GAIN_DB] = {"gain_db", "dB", NB_SCALE_DB, -120.0, 40.0, 0.0, .automatable = true, .off = true,
                 .help = "Gain; off is silence."},
    [POLARITY] = {"polarity", "", NB_SCALE_CHOICE, 0.0, 1.0, 0.0, .choices = polarities,
                  .help = "Inverted turns the signal upside down."},
};

typedef struct gain {
    nb_lanes gain_db;
    nb_lanes sign; ///< 1, -1 where inverted
} gain;

static size_t no_frames(const nb_settings *settings)
{
    (void)settings;
    return 0;
}

static bool factors(const nb_settings *settings, double out[2])
{
    if (nb_settings_moves(settings, GAIN_DB)) {
        return false;
    }
    const nb_lanes level = nb_lanes_from_db(nb_lanes_set(settings->values[GAIN_DB]));
    out[0] = level[0] * (1.0 - 2.0 * settings->values[POLARITY]);
    out[1] = out[0];
    return true;
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    gain *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "gain: no memory");
    }
    self->gain_db = nb_lanes_of_param(voices, voice_count, GAIN_DB);
    self->sign = 1.0 - 2.0 * nb_lanes_of_param(voices, voice_count, POLARITY);
    *out_state = self;
    return NB_OK;
}

static void reset(void *state) { (void)state; } // remembers nothing

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    const gain *self = state;
    const nb_control gain_db = nb_control_of(block, GAIN_DB, self->gain_db);
    const nb_lanes sign = self->sign;
    if (!gain_db.moved) {
        const nb_lanes factor = nb_lanes_from_db(self->gain_db) * sign;
        for (size_t i = 0; i < block->frames; i++) {
            nb_frame_store(block->out, i, nb_frame_load(block->in, i) * factor);
        }
        return;
    }
    for (size_t i = 0; i < block->frames; i++) {
        const nb_lanes factor = nb_lanes_from_db(nb_lanes_load(gain_db.moved, i)) * sign;
        nb_frame_store(block->out, i, nb_frame_load(block->in, i) * factor);
    }
}

const nb_processor NB_KERNEL(nb_gain) = {
    .name = "gain",
    .revision = 1,
    .cost_ns = 1,
    .moving_cost_ns = 2,
    .help = "Gain and polarity.",
    .form = NB_FORM_LANES,
    .params = params,
    .param_count = NB_COUNT(params),
    .latency = no_frames,
    .tail = no_frames,
    .init = init,
    .reset = reset,
    .process = process,
    .factors = factors,
};
