// SPDX-License-Identifier: GPL-3.0-or-later
// Gate and expander. docs/dsp/gate.md
//
// A key's peak opens the gate at the threshold; it stays open down to the hysteresis under that and
// for the hold behind it. Closed, the gain falls as the ratio says, as far as the range.
#include "dsp/key_filter.h"
#include "dsp/lanes_math.h"
#include "dsp/level_math.h"
#include "dsp/look_ahead.h"
#include "dsp/sliding_peak.h"

extern const nb_processor NB_KERNEL(nb_gate);

enum {
    THRESHOLD_DB,
    HYSTERESIS_DB,
    RATIO,
    RANGE_DB,
    ATTACK_MS,
    HOLD_MS,
    RELEASE_MS,
    LOOKAHEAD_MS,
    KEY_LOW_CUT_HZ,
    KEY_HIGH_CUT_HZ,
    PARAM_COUNT
};
enum { CHUNK_FRAMES = 128 };

static const nb_param params[] = {
    [THRESHOLD_DB] = {"threshold_db", "dB", NB_SCALE_DB, -100.0, 0.0, -40.0, .automatable = true,
                      .help = "Peak of the key at which the gate opens."},
    [HYSTERESIS_DB] = {"hysteresis_db", "dB", NB_SCALE_LINEAR, 0.0, 24.0, 3.0, .automatable = true,
                       .help = "So far under the threshold it closes."},
    [RATIO] = {"ratio", "", NB_SCALE_LOG, 1.0, 100.0, 100.0, .automatable = true,
               .help =
                   "Closed, one dB under the threshold becomes so many: an expander at 1.5 to 4."},
    [RANGE_DB] = {"range_db", "dB", NB_SCALE_LINEAR, 0.0, 120.0, 80.0, .automatable = true,
                  .help = "How far the gain falls at most."},
    [ATTACK_MS] = {"attack_ms", "ms", NB_SCALE_LOG, 0.02, 100.0, 0.5, .automatable = true,
                   .help = "Time constant of opening, in dB."},
    [HOLD_MS] = {"hold_ms", "ms", NB_SCALE_LINEAR, 0.0, 2000.0, 20.0, .automatable = true,
                 .help = "How long the gate stays open behind the last peak that keeps it so."},
    [RELEASE_MS] = {"release_ms", "ms", NB_SCALE_LOG, 1.0, 5000.0, 100.0, .automatable = true,
                    .help = "Time constant of closing, in dB."},
    [LOOKAHEAD_MS] = {"lookahead_ms", "ms", NB_SCALE_LINEAR, 0.0, 20.0, 0.0,
                      .help = "The gate opens that much ahead of the sound."},
    [KEY_LOW_CUT_HZ] = {"key_low_cut_hz", "Hz", NB_SCALE_LOG, NB_KEY_LOW_CUT_NONE_HZ,
                        NB_KEY_LOW_CUT_MAX_HZ, NB_KEY_LOW_CUT_NONE_HZ,
                        .help = "12 dB/octave high-pass in the key only; 10 is none."},
    [KEY_HIGH_CUT_HZ] = {"key_high_cut_hz", "Hz", NB_SCALE_LOG, NB_KEY_HIGH_CUT_MIN_HZ,
                         NB_KEY_HIGH_CUT_NONE_HZ, NB_KEY_HIGH_CUT_NONE_HZ,
                         .help = "12 dB/octave low-pass in the key only; 20000 is none."},
};
_Static_assert(NB_COUNT(params) == PARAM_COUNT, "a row for each parameter");

static const double peak_window_ms = 10.0; // half a wave of 50 Hz

/// All that the loop needs of the parameters, in octaves and frames.
typedef struct settings_now {
    nb_lanes opens, stays; ///< Levels
    nb_lanes slope;        ///< ratio - 1
    nb_lanes range;
    nb_lanes attack, release; ///< Shares of the way that a frame goes
    nb_lanes hold;
} settings_now;

/// What the gate remembers, in registers while the loop runs.
typedef struct memory {
    nb_masks open;
    nb_lanes since;     ///< Frames since a peak last kept it open
    nb_lanes reduction; ///< Octaves
} memory;

typedef struct gate {
    nb_lanes values[PARAM_COUNT];
    double octave_ms_per_frame; ///< Turns 1 / time in ms into the exponent of 2 of one frame
    double frames_per_ms;
    nb_group_bits stereo;
    settings_now fixed;
    memory past;
    nb_key_filter filter;
    nb_sliding_peak peak;
    nb_look_ahead look_ahead;
} gate;

typedef struct chunk {
    float at[CHUNK_FRAMES * NB_LANES] __attribute__((aligned(64)));
} chunk;

static nb_status check(const nb_settings *settings, nb_error *err)
{
    return nb_key_filter_check(settings->values[KEY_LOW_CUT_HZ], settings->values[KEY_HIGH_CUT_HZ],
                               err);
}

static size_t latency(const nb_settings *settings)
{
    return nb_frames_of_ms(settings->values[LOOKAHEAD_MS], settings->rate_hz);
}

static size_t tail(const nb_settings *settings)
{
    (void)settings; // gain times a delayed signal: silent where that is
    return 0;
}

static nb_lanes clamped(const nb_lanes values[PARAM_COUNT], size_t param)
{
    return nb_lanes_clamp(values[param], params[param].min, params[param].max);
}

static inline settings_now settings_of(const gate *self, const nb_lanes values[PARAM_COUNT])
{
    const nb_lanes threshold_db = clamped(values, THRESHOLD_DB);
    return (settings_now){
        .opens = threshold_db * NB_OCTAVES_PER_DB,
        .stays = (threshold_db - clamped(values, HYSTERESIS_DB)) * NB_OCTAVES_PER_DB,
        .slope = clamped(values, RATIO) - 1.0,
        .range = clamped(values, RANGE_DB) * NB_OCTAVES_PER_DB,
        .attack = 1.0 - nb_lanes_exp2(self->octave_ms_per_frame / clamped(values, ATTACK_MS)),
        .release = 1.0 - nb_lanes_exp2(self->octave_ms_per_frame / clamped(values, RELEASE_MS)),
        .hold = clamped(values, HOLD_MS) * self->frames_per_ms,
    };
}

static void reset(void *state)
{
    gate *self = state;
    self->past = (memory){.reduction = self->fixed.range}; // closed
    nb_key_filter_reset(&self->filter);
    nb_sliding_peak_reset(&self->peak);
    nb_look_ahead_reset(&self->look_ahead);
}

static void set_lanes(gate *self, const nb_settings *voices, size_t voice_count)
{
    static const double log2_e = 1.44269504088896340736;
    nb_masks stereo = {0};
    for (size_t v = 0; v < voice_count; v++) {
        const size_t first = nb_voice_lane(voices, v);
        const double *of = voices[v].values;
        for (size_t lane = first; lane < first + voices[v].channels; lane++) {
            stereo[lane] = -(voices[v].channels == 2);
            nb_key_filter_set(&self->filter, lane, of[KEY_LOW_CUT_HZ], of[KEY_HIGH_CUT_HZ],
                              voices[v].rate_hz);
        }
    }
    self->stereo = nb_group_of_masks(stereo);
    self->frames_per_ms = voices[0].rate_hz / 1000.0;
    self->octave_ms_per_frame = -log2_e / self->frames_per_ms;
    for (size_t p = 0; p < PARAM_COUNT; p++) {
        self->values[p] = nb_lanes_of_param(voices, voice_count, p);
    }
    self->fixed = settings_of(self, self->values);
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    gate *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self ||
        !nb_sliding_peak_init(&self->peak, arena,
                              nb_frames_of_ms(peak_window_ms, voices[0].rate_hz)) ||
        !nb_look_ahead_init(&self->look_ahead, arena, voices, voice_count, CHUNK_FRAMES)) {
        return nb_fail(err, NB_E_NO_MEMORY, "gate: no memory");
    }
    set_lanes(self, voices, voice_count);
    reset(self);
    *out_state = self;
    return NB_OK;
}

static inline nb_lanes next_reduction(memory *past, const settings_now *now, nb_lanes level)
{
    static const double drain = 1e-13; // what is nearly open arrives
    const nb_lanes zero = {0};
    const nb_masks opens = (nb_masks)(level >= now->opens);
    const nb_masks stays = (nb_masks)(level >= now->stays);
    past->since = nb_lanes_select(stays, zero, past->since + 1.0);
    past->open = opens | (past->open & (nb_masks)(past->since <= now->hold));
    const nb_lanes under = nb_lanes_max(now->opens - level, zero);
    const nb_lanes closed = nb_lanes_min(now->slope * under, now->range);
    const nb_lanes wanted = nb_lanes_select(past->open, zero, closed);
    const nb_lanes way = wanted - past->reduction;
    const nb_lanes share = nb_lanes_select((nb_masks)(way < zero), now->attack, now->release);
    past->reduction = nb_lanes_max(past->reduction + share * way - drain, zero);
    return past->reduction;
}

// `moving` is a constant at every call.
static inline __attribute__((always_inline)) void run_gate(gate *self,
                                                           const nb_control controls[PARAM_COUNT],
                                                           size_t start, float *octaves,
                                                           size_t frames, const bool moving)
{
    memory past = self->past;
    settings_now now = self->fixed;
    for (size_t i = 0; i < frames; i++) {
        if (moving) {
            nb_lanes values[PARAM_COUNT];
            for (size_t p = 0; p < PARAM_COUNT; p++) {
                values[p] = nb_control_at(&controls[p], start + i);
            }
            now = settings_of(self, values);
        }
        nb_frame_store(octaves, i, next_reduction(&past, &now, nb_frame_load(octaves, i)));
    }
    self->past = past;
}

static void find_levels(gate *self, const float *key, float *octaves, size_t frames)
{
    const size_t count = frames * NB_LANES;
    for (size_t at = 0; at < count; at += NB_GROUP) {
        nb_group_store(octaves + at, nb_group_level(key + at, count - at, self->stereo));
    }
    nb_sliding_peak_run(&self->peak, octaves, frames);
    for (size_t at = 0; at < count; at += NB_GROUP) {
        nb_group_store(octaves + at, nb_group_log2(nb_group_load(octaves + at)));
    }
}

static void process_chunk(gate *self, const nb_block *block, const nb_control controls[PARAM_COUNT],
                          bool moving, size_t start, size_t frames)
{
    chunk filtered, octaves, delayed;
    const float *in = block->in + start * NB_LANES;
    const float *key = block->key ? block->key + start * NB_LANES : in;
    find_levels(self, nb_key_filter_run(&self->filter, key, frames, filtered.at), octaves.at,
                frames);
    if (moving) {
        run_gate(self, controls, start, octaves.at, frames, true);
    } else {
        run_gate(self, controls, start, octaves.at, frames, false);
    }
    in = nb_look_ahead_run(&self->look_ahead, in, frames, delayed.at);
    nb_group_scale(in, octaves.at, frames * NB_LANES, block->out + start * NB_LANES);
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    gate *self = state;
    nb_control controls[PARAM_COUNT];
    bool moving = false;
    for (size_t p = 0; p < PARAM_COUNT; p++) {
        controls[p] = nb_control_of(block, p, self->values[p]);
        moving = moving || controls[p].moved;
    }
    for (size_t start = 0; start < block->frames; start += CHUNK_FRAMES) {
        const size_t left = block->frames - start;
        process_chunk(self, block, controls, moving, start,
                      (left < CHUNK_FRAMES) ? left : CHUNK_FRAMES);
    }
}

const nb_processor NB_KERNEL(nb_gate) = {
    .name = "gate",
    .revision = 1,
    .cost_ns = 5,
    .moving_cost_ns = 9,
    .help = "Gate and expander with hysteresis, hold, range and look-ahead; stereo is linked.",
    .form = NB_FORM_LANES,
    .takes_sidechain = true,
    .params = params,
    .param_count = NB_COUNT(params),
    .check = check,
    .latency = latency,
    .tail = tail,
    .init = init,
    .reset = reset,
    .process = process,
};
