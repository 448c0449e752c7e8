// SPDX-License-Identifier: GPL-3.0-or-later
// Pan of a mono signal, balance of a stereo one. docs/dsp/pan.md
#include "dsp/kernel.h"
#include "dsp/lanes_math.h"

extern const nb_processor NB_KERNEL(nb_pan);

enum { PAN_PERCENT, LAW };
enum { LAW_LINEAR = 1, LAW_COMPROMISE };

static const char *const laws[] = {"constant-power", "linear", "compromise", NULL};

static const nb_param params[] = {
    [PAN_PERCENT] = {"pan_percent", "%", NB_SCALE_LINEAR, -100.0, 100.0, 0.0, .automatable = true,
                     .help = "-100 is left, 0 the centre, 100 right; the balance of a stereo "
                             "strip."},
    [LAW] = {"law", "", NB_SCALE_CHOICE, 0.0, 2.0, 0.0, .choices = laws,
             .help = "Level at the centre: constant-power -3 dB, linear -6 dB, compromise "
                     "-4.5 dB; a balance is always unity there."},
};

typedef struct pan {
    nb_lanes percent;
    nb_lanes side; ///< -1 in left lanes, 1 in right ones
    nb_masks linear, compromise;
    nb_masks balance;
    nb_lanes unity; ///< 1 over the law's gain at the centre
} pan;

static nb_status check(const nb_settings *settings, nb_error *err)
{
    return settings->channels == 2
               ? NB_OK
               : nb_fail(err, NB_E_INVALID, "pan has two channels at its output, not %u",
                         settings->channels);
}

static size_t no_frames(const nb_settings *settings)
{
    (void)settings;
    return 0;
}

/// The law's gain of a channel at position u: 0 on the far side, 1 on its own.
static inline nb_lanes law_gain(const pan *self, nb_lanes u)
{
    const nb_lanes sine = nb_lanes_sin(u * (NB_PI / 2.0));
    const nb_lanes both = nb_lanes_sqrt(u * sine);
    return nb_lanes_select(self->linear, u, nb_lanes_select(self->compromise, both, sine));
}

static inline nb_lanes gain_at(const pan *self, nb_lanes percent)
{
    const nb_lanes towards = nb_lanes_clamp(percent, -100.0, 100.0) * 0.01 * self->side;
    const nb_lanes panned = law_gain(self, (towards + 1.0) * 0.5);
    // A balance only lowers the side it turns away from.
    const nb_lanes one = nb_lanes_set(1.0);
    const nb_lanes lowered = nb_lanes_min(panned * self->unity, one);
    const nb_masks away = (nb_masks)(towards < nb_lanes_set(0.0));
    return nb_lanes_select(self->balance, nb_lanes_select(away, lowered, one), panned);
}

static void set_voices(pan *self, const nb_settings *voices, size_t voice_count)
{
    self->percent = nb_lanes_of_param(voices, voice_count, PAN_PERCENT);
    for (size_t v = 0; v < voice_count; v++) {
        const size_t lane = nb_voice_lane(voices, v);
        for (size_t c = 0; c < voices[v].channels; c++) {
            self->side[lane + c] = (c == 0) ? -1.0 : 1.0;
            self->linear[lane + c] = -(voices[v].values[LAW] == LAW_LINEAR);
            self->compromise[lane + c] = -(voices[v].values[LAW] == LAW_COMPROMISE);
            self->balance[lane + c] = -!voices[v].input_is_mono;
        }
    }
    self->unity = 1.0 / law_gain(self, nb_lanes_set(0.5));
}

static bool factors(const nb_settings *settings, double out[2])
{
    if (nb_settings_moves(settings, PAN_PERCENT)) {
        return false;
    }
    pan one = {0};
    set_voices(&one, settings, 1);
    const nb_lanes gains = gain_at(&one, one.percent);
    out[0] = gains[0];
    out[1] = gains[1];
    return true;
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    pan *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "pan: no memory");
    }
    set_voices(self, voices, voice_count);
    *out_state = self;
    return NB_OK;
}

static void reset(void *state) { (void)state; } // remembers nothing

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    const pan *self = state;
    const nb_control percent = nb_control_of(block, PAN_PERCENT, self->percent);
    if (!percent.moved) {
        const nb_lanes factor = gain_at(self, self->percent);
        for (size_t i = 0; i < block->frames; i++) {
            nb_frame_store(block->out, i, nb_frame_load(block->in, i) * factor);
        }
        return;
    }
    for (size_t i = 0; i < block->frames; i++) {
        const nb_lanes factor = gain_at(self, nb_lanes_load(percent.moved, i));
        nb_frame_store(block->out, i, nb_frame_load(block->in, i) * factor);
    }
}

const nb_processor NB_KERNEL(nb_pan) = {
    .name = "pan",
    .revision = 1,
    .cost_ns = 1,
    .moving_cost_ns = 4,
    .help = "Places a mono signal between left and right; balances a stereo one.",
    .form = NB_FORM_LANES,
    .params = params,
    .param_count = NB_COUNT(params),
    .check = check,
    .latency = no_frames,
    .tail = no_frames,
    .init = init,
    .reset = reset,
    .process = process,
    .factors = factors,
};
