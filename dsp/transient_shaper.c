// SPDX-License-Identifier: GPL-3.0-or-later
// Transient shaper. docs/dsp/transient-shaper.md
//
// Two pairs of envelopes follow one peak level. A pair that differs in its attack is apart while
// the sound rises, one that differs in its release while it falls; on a steady tone both are equal.
#include "dsp/kernel.h"
#include "dsp/lanes_math.h"
#include "dsp/level_math.h"
#include "dsp/sliding_peak.h"

extern const nb_processor NB_KERNEL(nb_transient_shaper);

enum { ATTACK_DB, SUSTAIN_DB, OUTPUT_DB, PARAM_COUNT };
enum { CHUNK_FRAMES = 128 };

static const nb_param params[] = {
    [ATTACK_DB] = {"attack_db", "dB", NB_SCALE_LINEAR, -24.0, 24.0, 0.0, .automatable = true,
                   .help = "Gain at the first moment of a sound that rises out of silence."},
    [SUSTAIN_DB] = {"sustain_db", "dB", NB_SCALE_LINEAR, -24.0, 24.0, 0.0, .automatable = true,
                    .help = "Gain that a sound's decay ends with."},
    [OUTPUT_DB] = {"output_db", "dB", NB_SCALE_DB, -24.0, 24.0, 0.0, .automatable = true,
                   .help = "Gain behind both."},
};
_Static_assert(NB_COUNT(params) == PARAM_COUNT, "a row for each parameter");

static const double peak_window_ms = 10.0; // half a wave of 50 Hz
static const double fast_attack_ms = 1.0;
static const double slow_attack_ms = 15.0;
static const double fast_release_ms = 30.0;
static const double slow_release_ms = 300.0;
static const float silent = 1e-5F; // -100 dB: what falls below has no decay to lift

typedef struct chunk {
    float at[CHUNK_FRAMES * NB_LANES] __attribute__((aligned(64)));
} chunk;

/// Octaves of gain: for each octave that a pair stands apart, and behind both.
typedef struct gains {
    chunk attack, sustain, output;
} gains;

/// A pair of envelopes: a step from silence or into it takes them apart.
typedef struct pair {
    nb_lanes fast, slow;
} pair;

typedef struct shaper {
    nb_lanes values[PARAM_COUNT];
    nb_group_bits stereo;
    nb_sliding_peak peak;
    double fast_attack, slow_attack, fast_release, slow_release; ///< Shares kept of the old value
    pair rise, fall;
    gains fixed; ///< One group of what does not move
} shaper;

/// Both pairs' envelopes of a chunk.
typedef struct envelopes {
    chunk rise_fast, rise_slow, fall_fast, fall_slow;
} envelopes;

static size_t latency(const nb_settings *settings)
{
    (void)settings;
    return 0;
}

static size_t tail(const nb_settings *settings)
{
    (void)settings; // a gain: silent where the input is
    return 0;
}

static nb_lanes clamped(nb_lanes value, size_t param)
{
    return nb_lanes_clamp(value, params[param].min, params[param].max);
}

// The first moment of a step: the envelopes stand apart by the ratio of their time constants.
static nb_lanes per_octave(nb_lanes gain_db)
{
    static const double octaves_apart = 3.90689059560851852932; // log2(15 ms / 1 ms)
    return gain_db * (NB_OCTAVES_PER_DB / octaves_apart);
}

static inline void set_gains(gains *self, size_t i, const nb_lanes values[PARAM_COUNT])
{
    nb_frame_store(self->attack.at, i, per_octave(clamped(values[ATTACK_DB], ATTACK_DB)));
    nb_frame_store(self->sustain.at, i, per_octave(clamped(values[SUSTAIN_DB], SUSTAIN_DB)));
    nb_frame_store(self->output.at, i, clamped(values[OUTPUT_DB], OUTPUT_DB) * NB_OCTAVES_PER_DB);
}

static void reset(void *state)
{
    shaper *self = state;
    nb_sliding_peak_reset(&self->peak);
    self->rise = self->fall = (pair){0};
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    static const double log2_e = 1.44269504088896340736;
    *out_state = NULL;
    shaper *self = nb_arena_take(arena, 1, sizeof *self);
    const size_t window = nb_frames_of_ms(peak_window_ms, voices[0].rate_hz);
    if (!self || !nb_sliding_peak_init(&self->peak, arena, window)) {
        return nb_fail(err, NB_E_NO_MEMORY, "transient-shaper: no memory");
    }
    for (size_t p = 0; p < PARAM_COUNT; p++) {
        self->values[p] = nb_lanes_of_param(voices, voice_count, p);
    }
    for (size_t i = 0; i < NB_GROUP_FRAMES; i++) {
        set_gains(&self->fixed, i, self->values);
    }
    nb_masks stereo = {0};
    for (size_t v = 0; v < voice_count; v++) {
        const size_t lane = nb_voice_lane(voices, v);
        for (size_t c = 0; c < voices[v].channels; c++) {
            stereo[lane + c] = -(voices[v].channels == 2);
        }
    }
    self->stereo = nb_group_of_masks(stereo);
    const double octave_ms = -1000.0 * log2_e / voices[0].rate_hz;
    self->fast_attack = nb_lanes_exp2(nb_lanes_set(octave_ms / fast_attack_ms))[0];
    self->slow_attack = nb_lanes_exp2(nb_lanes_set(octave_ms / slow_attack_ms))[0];
    self->fast_release = nb_lanes_exp2(nb_lanes_set(octave_ms / fast_release_ms))[0];
    self->slow_release = nb_lanes_exp2(nb_lanes_set(octave_ms / slow_release_ms))[0];
    reset(self);
    *out_state = self;
    return NB_OK;
}

static void find_peaks(shaper *self, const float *in, float *peaks, size_t frames)
{
    const size_t count = frames * NB_LANES;
    for (size_t at = 0; at < count; at += NB_GROUP) {
        nb_group_store(peaks + at, nb_group_level(in + at, count - at, self->stereo));
    }
    nb_sliding_peak_run(&self->peak, peaks, frames);
}

// The rising pair falls at once with the level, the falling one rises at once with it: so the one
// says nothing of decays and the other nothing of onsets.
static void follow(shaper *self, const float *peaks, envelopes *out, size_t frames)
{
    const nb_lanes fast_attack = nb_lanes_set(self->fast_attack);
    const nb_lanes slow_attack = nb_lanes_set(self->slow_attack);
    const nb_lanes fast_release = nb_lanes_set(self->fast_release);
    const nb_lanes slow_release = nb_lanes_set(self->slow_release);
    pair rise = self->rise;
    pair fall = self->fall;
    for (size_t i = 0; i < frames; i++) {
        const nb_lanes peak = nb_frame_load(peaks, i);
        rise.fast = nb_lanes_min(peak, (1.0 - fast_attack) * peak + fast_attack * rise.fast);
        rise.slow = nb_lanes_min(peak, (1.0 - slow_attack) * peak + slow_attack * rise.slow);
        fall.fast = nb_lanes_max(peak, fast_release * fall.fast);
        fall.slow = nb_lanes_max(peak, slow_release * fall.slow);
        nb_frame_store(out->rise_fast.at, i, rise.fast);
        nb_frame_store(out->rise_slow.at, i, rise.slow);
        nb_frame_store(out->fall_fast.at, i, fall.fast);
        nb_frame_store(out->fall_slow.at, i, fall.slow);
    }
    self->rise = rise;
    self->fall = fall;
}

// How far the envelopes of a pair stand apart in octaves, from 0 to what their first moment gives.
static inline nb_group apart(const float *high, const float *low)
{
    const nb_group floor = nb_group_set(silent);
    const nb_group most = nb_group_set(3.9068906F); // log2(15)
    const nb_group octaves = nb_group_log2(nb_group_max(nb_group_load(high), floor)) -
                             nb_group_log2(nb_group_max(nb_group_load(low), floor));
    return nb_group_min(nb_group_max(octaves, (nb_group){0}), most);
}

// The chunk's gain in octaves, taken away: what nb_group_scale wants. Values of each sample, or of
// one group (`step` 0).
static inline void find_reductions(const gains *by, size_t step, const envelopes *of,
                                   float *reduction, size_t frames)
{
    for (size_t at = 0, v = 0; at < frames * NB_LANES; at += NB_GROUP, v += step) {
        const nb_group rises = apart(of->rise_fast.at + at, of->rise_slow.at + at);
        const nb_group falls = apart(of->fall_slow.at + at, of->fall_fast.at + at);
        const nb_group gain = nb_group_load(by->attack.at + v) * rises +
                              nb_group_load(by->sustain.at + v) * falls +
                              nb_group_load(by->output.at + v);
        nb_group_store(reduction + at, -gain);
    }
}

static void find_gains(const shaper *self, const nb_block *block, size_t start, gains *out,
                       size_t frames)
{
    nb_control controls[PARAM_COUNT];
    for (size_t p = 0; p < PARAM_COUNT; p++) {
        controls[p] = nb_control_of(block, p, self->values[p]);
    }
    for (size_t i = 0; i < frames; i++) {
        nb_lanes values[PARAM_COUNT];
        for (size_t p = 0; p < PARAM_COUNT; p++) {
            values[p] = nb_control_at(&controls[p], start + i);
        }
        set_gains(out, i, values);
    }
}

static void process_chunk(shaper *self, const nb_block *block, bool moving, size_t start,
                          size_t frames)
{
    chunk peaks;
    envelopes apart_by;
    const float *in = block->in + start * NB_LANES;
    find_peaks(self, in, peaks.at, frames);
    follow(self, peaks.at, &apart_by, frames);
    if (moving) {
        gains now;
        memset(&now, 0, sizeof now); // behind the last frame too: a group may reach there
        find_gains(self, block, start, &now, frames);
        find_reductions(&now, NB_GROUP, &apart_by, peaks.at, frames);
    } else {
        find_reductions(&self->fixed, 0, &apart_by, peaks.at, frames);
    }
    nb_group_scale(in, peaks.at, frames * NB_LANES, block->out + start * NB_LANES);
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    bool moving = false;
    for (size_t p = 0; block->controls && p < PARAM_COUNT; p++) {
        moving |= block->controls[p] != NULL;
    }
    for (size_t start = 0; start < block->frames; start += CHUNK_FRAMES) {
        const size_t left = block->frames - start;
        process_chunk(state, block, moving, start, (left < CHUNK_FRAMES) ? left : CHUNK_FRAMES);
    }
}

const nb_processor NB_KERNEL(nb_transient_shaper) = {
    .name = "transient-shaper",
    .revision = 1,
    .cost_ns = 6,
    .help = "Lifts or lowers onsets and decays at any level; stereo is linked.",
    .form = NB_FORM_LANES,
    .params = params,
    .param_count = NB_COUNT(params),
    .latency = latency,
    .tail = tail,
    .init = init,
    .reset = reset,
    .process = process,
};
