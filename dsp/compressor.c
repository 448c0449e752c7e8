// SPDX-License-Identifier: GPL-3.0-or-later
// Compressor. docs/dsp/compressor.md
//
// Key filter and detector give a block's gain reduction (detector.h); here it becomes a gain on the
// delayed signal.
#include "dsp/detector.h"
#include "dsp/key_filter.h"
#include "dsp/look_ahead.h"

extern const nb_processor NB_KERNEL(nb_compressor);

enum {
    THRESHOLD_DB,
    RATIO,
    KNEE_DB,
    ATTACK_MS,
    RELEASE_MS,
    MAKEUP_DB,
    MIX_PERCENT,
    LOOKAHEAD_MS,
    DETECTOR,
    TOPOLOGY,
    AUTO_RELEASE,
    KEY_LOW_CUT_HZ,
    KEY_HIGH_CUT_HZ,
    PARAM_COUNT
};

static const char *const detectors[] = {"peak", "rms", NULL};
static const char *const topologies[] = {"feed-forward", "feedback", NULL};

static const nb_param params[] = {
    [THRESHOLD_DB] = {"threshold_db", "dB", NB_SCALE_DB, -80.0, 0.0, -20.0, .automatable = true,
                      .help = "Level over which the gain falls."},
    [RATIO] = {"ratio", "", NB_SCALE_LOG, 1.0, 100.0, 4.0, .automatable = true,
               .help = "So many dB over the threshold become one."},
    [KNEE_DB] = {"knee_db", "dB", NB_SCALE_LINEAR, 0.0, 24.0, 6.0, .automatable = true,
                 .help = "Width of the bend around the threshold."},
    [ATTACK_MS] = {"attack_ms", "ms", NB_SCALE_LOG, 0.05, 500.0, 10.0, .automatable = true,
                   .help = "Time constant of falling gain."},
    [RELEASE_MS] = {"release_ms", "ms", NB_SCALE_LOG, 1.0, 5000.0, 100.0, .automatable = true,
                    .help = "Time constant of the gain's way back, in series with the attack's."},
    [MAKEUP_DB] = {"makeup_db", "dB", NB_SCALE_DB, -24.0, 36.0, 0.0, .automatable = true,
                   .help = "Gain behind the compression; the dry part of a mix has none."},
    [MIX_PERCENT] = {"mix_percent", "%", NB_SCALE_LINEAR, 0.0, 100.0, 100.0, .automatable = true,
                     .help = "Share of the compressed signal; the rest is dry, delayed alike."},
    [LOOKAHEAD_MS] = {"lookahead_ms", "ms", NB_SCALE_LINEAR, 0.0, 20.0, 0.0,
                      .help = "The gain moves that much ahead of the sound."},
    [DETECTOR] = {"detector", "", NB_SCALE_CHOICE, 0.0, 1.0, 0.0, .choices = detectors,
                  .help = "Peak follows the waveform, rms its mean square over 10 ms."},
    [TOPOLOGY] = {"topology", "", NB_SCALE_CHOICE, 0.0, 1.0, 0.0, .choices = topologies,
                  .help = "Where the level is taken: ahead of the gain, or behind it, which makes "
                          "the attack as many times faster as the ratio says."},
    [AUTO_RELEASE] = {"auto_release", "", NB_SCALE_SWITCH, 0.0, 1.0, 0.0,
                      .help = "Long reductions release ten times slower, short ones as set."},
    [KEY_LOW_CUT_HZ] = {"key_low_cut_hz", "Hz", NB_SCALE_LOG, NB_KEY_LOW_CUT_NONE_HZ,
                        NB_KEY_LOW_CUT_MAX_HZ, NB_KEY_LOW_CUT_NONE_HZ,
                        .help = "12 dB/octave high-pass in the key only; 10 is none."},
    [KEY_HIGH_CUT_HZ] = {"key_high_cut_hz", "Hz", NB_SCALE_LOG, NB_KEY_HIGH_CUT_MIN_HZ,
                         NB_KEY_HIGH_CUT_NONE_HZ, NB_KEY_HIGH_CUT_NONE_HZ,
                         .help = "12 dB/octave low-pass in the key only; 20000 is none."},
};
_Static_assert(NB_COUNT(params) == PARAM_COUNT, "a row for each parameter");

_Static_assert((int)THRESHOLD_DB == NB_DETECTOR_THRESHOLD_DB && (int)RATIO == NB_DETECTOR_RATIO &&
                   (int)KNEE_DB == NB_DETECTOR_KNEE_DB && (int)ATTACK_MS == NB_DETECTOR_ATTACK_MS &&
                   (int)RELEASE_MS == NB_DETECTOR_RELEASE_MS,
               "the detector's parameters stand first");

/// The gain behind the reduction, of one group's frames: in octaves and as shares.
typedef struct output {
    nb_group makeup, dry, wet;
} output;

typedef struct compressor {
    nb_detector detector;
    nb_key_filter filter;
    nb_look_ahead look_ahead;
    nb_lanes makeup_db, mix_percent;
    output fixed;
} compressor;

/// Where a block's moved makeup and mix stand.
typedef struct output_controls {
    nb_control makeup_db, mix_percent;
    bool move;
} output_controls;

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

static output output_of(nb_lanes makeup_db, nb_lanes mix_percent)
{
    const nb_param *makeup = &params[MAKEUP_DB];
    const nb_param *mix = &params[MIX_PERCENT];
    const nb_lanes octaves =
        nb_lanes_clamp(makeup_db, makeup->min, makeup->max) * NB_OCTAVES_PER_DB;
    const nb_lanes wet = nb_lanes_clamp(mix_percent, mix->min, mix->max) * 0.01;
    return (output){nb_group_of_lanes(octaves), nb_group_of_lanes(1.0 - wet),
                    nb_group_of_lanes(wet)};
}

static void reset(void *state)
{
    compressor *self = state;
    nb_detector_reset(&self->detector);
    nb_key_filter_reset(&self->filter);
    nb_look_ahead_reset(&self->look_ahead);
}

static nb_detector_mode mode_of(const nb_settings *voice)
{
    return (nb_detector_mode){
        .stereo = voice->channels == 2,
        .rms = voice->values[DETECTOR] == 1.0,
        .feedback = voice->values[TOPOLOGY] == 1.0,
        .auto_release = voice->values[AUTO_RELEASE] == 1.0,
    };
}

static void set_lanes(compressor *self, const nb_settings *voices, size_t voice_count)
{
    nb_lanes values[NB_DETECTOR_PARAMS];
    for (size_t p = 0; p < NB_DETECTOR_PARAMS; p++) {
        values[p] = nb_lanes_of_param(voices, voice_count, p);
    }
    nb_detector_mode modes[NB_LANES];
    for (size_t lane = 0; lane < NB_LANES; lane++) {
        modes[lane] = mode_of(&voices[0]); // in lanes of no voice, so that no step is added
        modes[lane].stereo = false;
    }
    for (size_t v = 0; v < voice_count; v++) {
        const size_t first = nb_voice_lane(voices, v);
        const double *of = voices[v].values;
        for (size_t lane = first; lane < first + voices[v].channels; lane++) {
            modes[lane] = mode_of(&voices[v]);
            nb_key_filter_set(&self->filter, lane, of[KEY_LOW_CUT_HZ], of[KEY_HIGH_CUT_HZ],
                              voices[v].rate_hz);
        }
    }
    nb_detector_init(&self->detector, voices[0].rate_hz, values, modes);
    self->makeup_db = nb_lanes_of_param(voices, voice_count, MAKEUP_DB);
    self->mix_percent = nb_lanes_of_param(voices, voice_count, MIX_PERCENT);
    self->fixed = output_of(self->makeup_db, self->mix_percent);
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    compressor *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "compressor: no memory");
    }
    if (!nb_look_ahead_init(&self->look_ahead, arena, voices, voice_count, NB_DETECTOR_FRAMES)) {
        return nb_fail(err, NB_E_NO_MEMORY, "compressor: no memory for %zu frames of look-ahead",
                       self->look_ahead.frames_max);
    }
    set_lanes(self, voices, voice_count);
    reset(self);
    *out_state = self;
    return NB_OK;
}

// The last group of a block may be short.
static inline __attribute__((always_inline)) void scale_group(const float *in, nb_group factor,
                                                              size_t left, float *out)
{
    if (left >= NB_GROUP) {
        nb_group_store(out, nb_group_load(in) * factor);
    } else {
        nb_group_store_part(out, nb_group_load_part(in, left) * factor, left);
    }
}

static inline nb_group factor_of(const output *now, nb_group reduction)
{
    return now->dry + now->wet * nb_group_exp2(now->makeup - reduction);
}

static void scale_fixed(const output *now, const float *in, const float *reduction, size_t frames,
                        float *out)
{
    const output fixed = *now;
    const size_t count = frames * NB_LANES;
    for (size_t at = 0; at < count; at += NB_GROUP) {
        scale_group(in + at, factor_of(&fixed, nb_group_load(reduction + at)), count - at,
                    out + at);
    }
}

static void scale_resting(const output *now, const float *in, size_t frames, float *out)
{
    const nb_group factor = factor_of(now, (nb_group){0});
    const size_t count = frames * NB_LANES;
    for (size_t at = 0; at < count; at += NB_GROUP) {
        scale_group(in + at, factor, count - at, out + at);
    }
}

// Frame by frame: each has its own makeup and mix, in the first lanes of a group.
static void scale_moving(const output_controls *controls, size_t start, const float *in,
                         const float *reduction, size_t frames, float *out)
{
    for (size_t i = 0; i < frames; i++) {
        const output now = output_of(nb_control_at(&controls->makeup_db, start + i),
                                     nb_control_at(&controls->mix_percent, start + i));
        const nb_group factor =
            factor_of(&now, nb_group_load_part(reduction + i * NB_LANES, NB_LANES));
        scale_group(in + i * NB_LANES, factor, NB_LANES, out + i * NB_LANES);
    }
}

static void process_chunk(compressor *self, const nb_block *block,
                          const nb_detector_controls *controls, const output_controls *behind,
                          size_t frames)
{
    nb_detector_block filtered, reduction, delayed;
    const size_t start = controls->start;
    const float *in = block->in + start * NB_LANES;
    const float *key = block->key ? block->key + start * NB_LANES : in;
    float *out = block->out + start * NB_LANES;
    key = nb_key_filter_run(&self->filter, key, frames, filtered.at);
    const bool reduces = nb_detector_run(&self->detector, controls, key, frames, reduction.at);
    in = nb_look_ahead_run(&self->look_ahead, in, frames, delayed.at);
    if (behind->move) {
        if (!reduces) {
            memset(reduction.at, 0, frames * NB_LANES * sizeof *reduction.at);
        }
        scale_moving(behind, start, in, reduction.at, frames, out);
    } else if (reduces) {
        scale_fixed(&self->fixed, in, reduction.at, frames, out);
    } else {
        scale_resting(&self->fixed, in, frames, out);
    }
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    compressor *self = state;
    nb_detector_controls controls = nb_detector_controls_of(block, THRESHOLD_DB);
    output_controls behind = {nb_control_of(block, MAKEUP_DB, self->makeup_db),
                              nb_control_of(block, MIX_PERCENT, self->mix_percent), false};
    behind.move = behind.makeup_db.moved || behind.mix_percent.moved;
    for (size_t start = 0; start < block->frames; start += NB_DETECTOR_FRAMES) {
        const size_t left = block->frames - start;
        controls.start = start;
        process_chunk(self, block, &controls, &behind,
                      (left < NB_DETECTOR_FRAMES) ? left : NB_DETECTOR_FRAMES);
    }
}

const nb_processor NB_KERNEL(nb_compressor) = {
    .name = "compressor",
    .revision = 2,
    .cost_ns = 3,
    .moving_cost_ns = 18,
    .help = "Compressor with look-ahead, sidechain and parallel mix; stereo is linked.",
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
