// SPDX-License-Identifier: GPL-3.0-or-later
// Feed-forward compressor. docs/dsp/compressor.md
//
// After D. Giannoulis, M. Massberg, J. Reiss, "Digital Dynamic Range Compressor Design" (JAES
// 2012): gain computer in dB, then the smooth decoupled peak detector, which unlike the branching
// one settles on the curve.
#include "dsp/kernel.h"
#include "dsp/lanes_math.h"

#include <string.h>

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
    PARAM_COUNT
};

static const char *const detectors[] = {"peak", "rms", NULL};

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
};
_Static_assert(NB_COUNT(params) == PARAM_COUNT, "a row for each parameter");

static const double rms_ms = 10.0;
static const double floor_amplitude = 1e-12; // -240 dB: where silence stands in the logarithm

/// All that the loop needs of the parameters.
typedef struct curve {
    nb_lanes threshold, knee;
    nb_lanes knee_scale;      ///< 1 / (2 knee), 0 for a hard one
    nb_lanes slope;           ///< 1 - 1 / ratio
    nb_lanes attack, release; ///< Shares of the old value that a frame keeps
    nb_lanes makeup, mix;
} curve;

typedef struct compressor {
    nb_lanes values[PARAM_COUNT];
    nb_lanes mean_share; ///< Share of the old mean square that a frame keeps
    nb_masks stereo, rms;
    nb_lanes mean_square, held, reduction; ///< Detector: its one pole, its two stages in dB
    double ms_per_frame_octave; ///< Turns 1 / time in ms into the exponent of 2 of one frame
    size_t look_ahead[NB_LANES];
    size_t look_ahead_max;
    bool look_ahead_differs;
    float *ring; ///< look_ahead_max + 1 frames
    size_t at;
} compressor;

static size_t latency(const nb_settings *settings)
{
    return nb_frames_of_ms(settings->values[LOOKAHEAD_MS], settings->rate_hz);
}

static size_t tail(const nb_settings *settings)
{
    (void)settings; // gain times a delayed signal: silent where that is
    return 0;
}

static nb_lanes clamped(nb_lanes value, size_t param)
{
    return nb_lanes_clamp(value, params[param].min, params[param].max);
}

// exp(-1 / (time * rate))
static inline nb_lanes share_kept(const compressor *self, nb_lanes time_ms)
{
    return nb_lanes_exp2(self->ms_per_frame_octave / time_ms);
}

static inline curve curve_of(const compressor *self, const nb_lanes values[PARAM_COUNT])
{
    curve now;
    const nb_lanes zero = {0};
    now.threshold = clamped(values[THRESHOLD_DB], THRESHOLD_DB);
    now.knee = clamped(values[KNEE_DB], KNEE_DB);
    now.knee_scale = nb_lanes_select((nb_masks)(now.knee > zero), 0.5 / now.knee, zero);
    now.slope = 1.0 - 1.0 / clamped(values[RATIO], RATIO);
    now.attack = share_kept(self, clamped(values[ATTACK_MS], ATTACK_MS));
    now.release = share_kept(self, clamped(values[RELEASE_MS], RELEASE_MS));
    now.makeup = clamped(values[MAKEUP_DB], MAKEUP_DB);
    now.mix = clamped(values[MIX_PERCENT], MIX_PERCENT) * 0.01;
    return now;
}

static void reset(void *state)
{
    compressor *self = state;
    self->mean_square = self->held = self->reduction = (nb_lanes){0};
    memset(self->ring, 0, (self->look_ahead_max + 1) * NB_LANES * sizeof *self->ring);
    self->at = 0;
}

static void set_voice(compressor *self, const nb_settings *voice, size_t lane)
{
    for (size_t c = lane; c < lane + voice->channels; c++) {
        self->look_ahead[c] = latency(voice);
        self->stereo[c] = -(voice->channels == 2);
        self->rms[c] = -(voice->values[DETECTOR] == 1.0);
    }
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    compressor *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "compressor: no memory");
    }
    for (size_t p = 0; p < PARAM_COUNT; p++) {
        self->values[p] = nb_lanes_of_param(voices, voice_count, p);
    }
    static const double log2_e = 1.44269504088896340736;
    self->ms_per_frame_octave = -1000.0 * log2_e / voices[0].rate_hz;
    self->mean_share = share_kept(self, nb_lanes_set(rms_ms));
    for (size_t lane = 0; lane < NB_LANES; lane++) {
        self->look_ahead[lane] = latency(&voices[0]);
    }
    for (size_t v = 0; v < voice_count; v++) {
        set_voice(self, &voices[v], nb_voice_lane(voices, v));
    }
    for (size_t lane = 0; lane < NB_LANES; lane++) {
        const size_t frames = self->look_ahead[lane];
        self->look_ahead_differs |= frames != self->look_ahead[0];
        self->look_ahead_max = (frames > self->look_ahead_max) ? frames : self->look_ahead_max;
    }
    self->ring = nb_arena_take(arena, self->look_ahead_max + 1, NB_LANES * sizeof *self->ring);
    if (!self->ring) {
        return nb_fail(err, NB_E_NO_MEMORY, "compressor: no memory for %zu frames of look-ahead",
                       self->look_ahead_max);
    }
    reset(self);
    *out_state = self;
    return NB_OK;
}

// The frame of `look_ahead` ago, when `now` has just come.
static inline nb_lanes delayed(compressor *self, nb_lanes now)
{
    if (self->look_ahead_max == 0) {
        return now;
    }
    const size_t length = self->look_ahead_max + 1;
    nb_frame_store(self->ring, self->at, now);
    const size_t newest = self->at;
    self->at = (newest + 1 == length) ? 0 : newest + 1;
    if (!self->look_ahead_differs) {
        return nb_frame_load(self->ring, self->at); // the oldest
    }
    nb_lanes then = {0};
    for (size_t lane = 0; lane < NB_LANES; lane++) {
        const size_t place = newest + length - self->look_ahead[lane];
        then[lane] =
            (double)self->ring[(place < length ? place : place - length) * NB_LANES + lane];
    }
    return then;
}

// Gain reduction in dB that the static curve asks for at this level.
static inline nb_lanes reduction_at(const curve *now, nb_lanes level_db)
{
    const nb_lanes zero = {0};
    const nb_lanes half_knee = 0.5 * now->knee;
    const nb_lanes over = level_db - now->threshold;
    const nb_lanes in_knee = nb_lanes_min(nb_lanes_max(over + half_knee, zero), now->knee);
    const nb_lanes above = nb_lanes_max(over - half_knee, zero);
    return now->slope * (in_knee * in_knee * now->knee_scale + above);
}

/// The detector's memory, in registers while the loop runs.
typedef struct memory {
    nb_lanes mean_square, held, reduction;
} memory;

// The factor for one frame of the key.
static inline nb_lanes factor_of(const compressor *self, memory *past, const curve *now,
                                 nb_lanes key)
{
    nb_lanes level = nb_lanes_abs(key);
    level = nb_lanes_select(self->stereo, nb_lanes_max(level, nb_lanes_partner(level)), level);
    const nb_lanes square = level * level;
    past->mean_square = square + self->mean_share * (past->mean_square - square);
    level = nb_lanes_select(self->rms, nb_lanes_sqrt(past->mean_square), level);
    const nb_lanes level_db = nb_lanes_to_db(nb_lanes_max(level, nb_lanes_set(floor_amplitude)));
    const nb_lanes wanted = reduction_at(now, level_db);
    past->held = nb_lanes_max(wanted, wanted + now->release * (past->held - wanted));
    past->reduction = past->held + now->attack * (past->reduction - past->held);
    const nb_lanes wet = nb_lanes_from_db(now->makeup - past->reduction);
    return (1.0 - now->mix) + now->mix * wet;
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    compressor *self = state;
    const float *key = block->key ? block->key : block->in;
    nb_control controls[PARAM_COUNT];
    bool moves = false;
    for (size_t p = 0; p < PARAM_COUNT; p++) {
        controls[p] = nb_control_of(block, p, self->values[p]);
        moves = moves || controls[p].moved;
    }
    curve now = curve_of(self, self->values);
    memory past = {self->mean_square, self->held, self->reduction};
    for (size_t i = 0; i < block->frames; i++) {
        if (moves) {
            nb_lanes values[PARAM_COUNT];
            for (size_t p = 0; p < PARAM_COUNT; p++) {
                values[p] = nb_control_at(&controls[p], i);
            }
            now = curve_of(self, values);
        }
        const nb_lanes factor = factor_of(self, &past, &now, nb_frame_load(key, i));
        nb_frame_store(block->out, i, delayed(self, nb_frame_load(block->in, i)) * factor);
    }
    self->mean_square = past.mean_square;
    self->held = past.held;
    self->reduction = past.reduction;
}

const nb_processor NB_KERNEL(nb_compressor) = {
    .name = "compressor",
    .revision = 1,
    .help = "Compressor with look-ahead, sidechain and parallel mix; stereo is linked.",
    .form = NB_FORM_LANES,
    .takes_sidechain = true,
    .params = params,
    .param_count = NB_COUNT(params),
    .latency = latency,
    .tail = tail,
    .init = init,
    .reset = reset,
    .process = process,
};
