// SPDX-License-Identifier: GPL-3.0-or-later
/// @file detector.h  From a key's level to a gain reduction: what all compressors share.
///
/// Inside dsp/ only. After D. Giannoulis, M. Massberg, J. Reiss, "Digital Dynamic Range Compressor
/// Design" (JAES 2012): gain computer on the level's logarithm, then the smooth decoupled peak
/// detector, which unlike the branching one settles on the curve. Levels and reductions are in
/// octaves (one is 6.02 dB). docs/dsp/compressor.md has the equations.
///
/// Level and curve have no memory and run over groups (level_math.h); only what has one runs frame
/// by frame, in doubles. A step that no lane needs is left out, which changes no bit.

#ifndef NB_DSP_DETECTOR_H
#define NB_DSP_DETECTOR_H
#include "dsp/kernel.h"
#include "dsp/lanes_math.h"
#include "dsp/level_math.h"

/// The most frames of one block.
enum { NB_DETECTOR_FRAMES = 128 };

/// Samples of one block, and room to fill up the last group.
typedef struct nb_detector_block {
    float at[NB_DETECTOR_FRAMES * NB_LANES] __attribute__((aligned(64)));
} nb_detector_block;

/// The parameters that a detector follows; ranges for its processors' tables.
typedef enum nb_detector_param {
    NB_DETECTOR_THRESHOLD_DB,
    NB_DETECTOR_RATIO,
    NB_DETECTOR_KNEE_DB,
    NB_DETECTOR_ATTACK_MS,
    NB_DETECTOR_RELEASE_MS,
    NB_DETECTOR_PARAMS
} nb_detector_param;

#define NB_DETECTOR_RANGES                                                                         \
    {                                                                                              \
        [NB_DETECTOR_THRESHOLD_DB] = {-80.0, 0.0}, [NB_DETECTOR_RATIO] = {1.0, 100.0},             \
        [NB_DETECTOR_KNEE_DB] = {0.0, 24.0}, [NB_DETECTOR_ATTACK_MS] = {0.05, 500.0},              \
        [NB_DETECTOR_RELEASE_MS] = {                                                               \
            1.0,                                                                                   \
            5000.0                                                                                 \
        }                                                                                          \
    }

/// How one voice's detector works; parameters that may move are given apart.
typedef struct nb_detector_mode {
    bool stereo;       ///< The louder of both channels counts
    bool rms;          ///< The mean square over 10 ms instead of the waveform
    bool feedback;     ///< The level behind the gain instead of ahead of it
    bool auto_release; ///< A second, slow release that long reductions charge
} nb_detector_mode;

/// The static curve, in octaves; values of a block's samples, or of one group (`step` 0).
typedef struct nb_detector_curve {
    float offset[NB_DETECTOR_FRAMES * NB_LANES] __attribute__((aligned(64)));
    float knee[NB_DETECTOR_FRAMES * NB_LANES] __attribute__((aligned(64)));
    float knee_scale[NB_DETECTOR_FRAMES * NB_LANES] __attribute__((aligned(64)));
    float slope[NB_DETECTOR_FRAMES * NB_LANES] __attribute__((aligned(64)));
} nb_detector_curve;

/// What a frame keeps of the old value.
typedef struct nb_detector_shares {
    nb_lanes attack, release, slow;
} nb_detector_shares;

/// A reduction's memory, one for each topology.
typedef struct nb_detector_memory {
    nb_lanes held;      ///< Behind the release
    nb_lanes slow;      ///< Behind the slow release, 0 without one
    nb_lanes reduction; ///< Behind the attack
} nb_detector_memory;

typedef struct nb_detector {
    nb_group_bits stereo, rms;
    nb_group_bits feedback;
    bool any_rms, any_feedback, any_forward, any_auto;
    nb_lanes auto_release; ///< 1 in lanes with a slow release, 0 in others
    nb_lanes mean_share;   ///< Share of the old mean square that a frame keeps
    nb_lanes mean_square;
    nb_detector_memory forward, back;
    double ms_per_frame_octave; ///< Turns 1 / time in ms into the exponent of 2 of one frame
    nb_lanes values[NB_DETECTOR_PARAMS];
    nb_group level_scale; ///< 1, or 1/2 for mean squares
    // Of values that do not move:
    nb_group onset; ///< Levels under it have no reduction
    float offset[NB_GROUP], knee[NB_GROUP], knee_scale[NB_GROUP], slope[NB_GROUP];
    nb_detector_shares shares;
} nb_detector;

/// Where a block's moved values stand; null pointers for those that do not move.
typedef struct nb_detector_controls {
    const double *moved[NB_DETECTOR_PARAMS];
    size_t start; ///< Frame of the block in them
    bool any;
} nb_detector_controls;

static inline nb_lanes nb_detector_held(nb_lanes value, nb_detector_param param)
{
    static const double ranges[NB_DETECTOR_PARAMS][2] = NB_DETECTOR_RANGES;
    return nb_lanes_clamp(value, ranges[param][0], ranges[param][1]);
}

// exp(-1 / (time * rate))
static inline nb_lanes nb_detector_share(const nb_detector *self, nb_lanes time_ms)
{
    return nb_lanes_exp2(self->ms_per_frame_octave / time_ms);
}

static inline nb_detector_shares nb_detector_shares_of(const nb_detector *self, nb_lanes attack_ms,
                                                       nb_lanes release_ms)
{
    static const double slow_times = 10.0; // the slow release's time constant in releases
    const nb_lanes held_ms = nb_detector_held(release_ms, NB_DETECTOR_RELEASE_MS);
    nb_detector_shares shares = {
        .attack = nb_detector_share(self, nb_detector_held(attack_ms, NB_DETECTOR_ATTACK_MS)),
        .release = nb_detector_share(self, held_ms),
    };
    if (self->any_auto) {
        shares.slow = nb_detector_share(self, slow_times * held_ms);
    }
    return shares;
}

// One frame of the curve. knee_scale is 1 / (2 knee), 0 for a hard one.
static inline void nb_detector_curve_frame(nb_lanes threshold_db, nb_lanes ratio, nb_lanes knee_db,
                                           size_t i, float *offset, float *knee, float *knee_scale,
                                           float *slope)
{
    const nb_lanes zero = {0};
    const nb_lanes octaves = nb_detector_held(knee_db, NB_DETECTOR_KNEE_DB) * NB_OCTAVES_PER_DB;
    const nb_lanes threshold =
        nb_detector_held(threshold_db, NB_DETECTOR_THRESHOLD_DB) * NB_OCTAVES_PER_DB;
    nb_frame_store(offset, i, 0.5 * octaves - threshold);
    nb_frame_store(knee, i, octaves);
    nb_frame_store(knee_scale, i, nb_lanes_select((nb_masks)(octaves > zero), 0.5 / octaves, zero));
    nb_frame_store(slope, i, 1.0 - 1.0 / nb_detector_held(ratio, NB_DETECTOR_RATIO));
}

// A level under the onset stands under the knee in spite of every rounding.
static inline nb_lanes nb_detector_onset(const nb_detector *self, const nb_masks *rms)
{
    static const double margin = 1e-3; // octaves
    const nb_lanes *values = self->values;
    const nb_lanes lower =
        (nb_detector_held(values[NB_DETECTOR_THRESHOLD_DB], NB_DETECTOR_THRESHOLD_DB) -
         0.5 * nb_detector_held(values[NB_DETECTOR_KNEE_DB], NB_DETECTOR_KNEE_DB)) *
            NB_OCTAVES_PER_DB -
        margin;
    const nb_lanes level = nb_lanes_exp2(nb_lanes_select(*rms, 2.0 * lower, lower));
    const nb_masks reduces = (nb_masks)(values[NB_DETECTOR_RATIO] > nb_lanes_set(1.0));
    return nb_lanes_select(reduces, level, nb_lanes_set(0x1p126));
}

static inline void nb_detector_reset(nb_detector *self)
{
    self->mean_square = (nb_lanes){0};
    self->forward = self->back = (nb_detector_memory){0};
}

/// `values` are each lane's, `modes` too (of lanes of no voice: zero).
static inline void nb_detector_init(nb_detector *self, unsigned rate_hz,
                                    const nb_lanes values[NB_DETECTOR_PARAMS],
                                    const nb_detector_mode modes[NB_LANES])
{
    static const double log2_e = 1.44269504088896340736;
    static const double rms_ms = 10.0;
    *self = (nb_detector){.ms_per_frame_octave = -1000.0 * log2_e / rate_hz};
    memcpy(self->values, values, sizeof self->values);
    nb_masks stereo = {0}, rms = {0}, feedback = {0};
    for (size_t lane = 0; lane < NB_LANES; lane++) {
        stereo[lane] = -modes[lane].stereo;
        rms[lane] = -modes[lane].rms;
        feedback[lane] = -modes[lane].feedback;
        self->auto_release[lane] = modes[lane].auto_release;
        self->any_rms |= modes[lane].rms;
        self->any_feedback |= modes[lane].feedback;
        self->any_forward |= !modes[lane].feedback;
        self->any_auto |= modes[lane].auto_release;
    }
    self->stereo = nb_group_of_masks(stereo);
    self->rms = nb_group_of_masks(rms);
    self->feedback = nb_group_of_masks(feedback);
    const nb_lanes one = nb_lanes_set(1.0);
    self->level_scale = nb_group_of_lanes(nb_lanes_select(rms, 0.5 * one, one));
    self->onset = nb_group_of_lanes(nb_detector_onset(self, &rms));
    self->mean_share = nb_detector_share(self, nb_lanes_set(rms_ms));
    self->shares =
        nb_detector_shares_of(self, values[NB_DETECTOR_ATTACK_MS], values[NB_DETECTOR_RELEASE_MS]);
    for (size_t i = 0; i < NB_GROUP_FRAMES; i++) {
        nb_detector_curve_frame(values[NB_DETECTOR_THRESHOLD_DB], values[NB_DETECTOR_RATIO],
                                values[NB_DETECTOR_KNEE_DB], i, self->offset, self->knee,
                                self->knee_scale, self->slope);
    }
}

/// A block's moved values; `first` is the control of NB_DETECTOR_THRESHOLD_DB, the others follow.
static inline nb_detector_controls nb_detector_controls_of(const nb_block *block, size_t first)
{
    nb_detector_controls controls = {0};
    for (size_t p = 0; block->controls && p < NB_DETECTOR_PARAMS; p++) {
        controls.moved[p] = block->controls[first + p];
        controls.any |= controls.moved[p] != NULL;
    }
    return controls;
}

static inline nb_lanes nb_detector_value(const nb_detector *self,
                                         const nb_detector_controls *controls,
                                         nb_detector_param param, size_t i)
{
    const double *moved = controls->moved[param];
    return moved ? nb_lanes_load(moved, controls->start + i) : self->values[param];
}

// The key's levels; true where one reaches its onset.
static inline bool nb_detector_levels(const nb_detector *self, const float *key, size_t frames,
                                      float *level)
{
    const size_t count = frames * NB_LANES;
    nb_group_bits over = {0};
    for (size_t at = 0; at < count; at += NB_GROUP) {
        const nb_group value = nb_group_level(key + at, count - at, self->stereo);
        nb_group_store(level + at, value);
        over |= (nb_group_bits)(value >= self->onset);
    }
    return nb_group_any(__builtin_convertvector(over, nb_group));
}

// The mean square in place of the level, where it is asked for; true where one reaches its onset.
static inline bool nb_detector_mean_squares(nb_detector *self, float *level, size_t frames)
{
    const nb_lanes share = self->mean_share;
    const nb_lanes rest = 1.0 - share;
    nb_lanes mean = self->mean_square;
    nb_detector_block means;
    for (size_t i = 0; i < frames; i++) {
        const nb_lanes value = nb_frame_load(level, i);
        mean = rest * (value * value) + share * mean;
        nb_frame_store(means.at, i, mean);
    }
    self->mean_square = mean;
    const size_t padding = (NB_GROUP_FRAMES - frames % NB_GROUP_FRAMES) % NB_GROUP_FRAMES;
    memset(means.at + frames * NB_LANES, 0, padding * NB_LANES * sizeof *means.at);
    nb_group_bits over = {0};
    for (size_t at = 0; at < frames * NB_LANES; at += NB_GROUP) {
        const nb_group value =
            nb_group_select(self->rms, nb_group_load(means.at + at), nb_group_load(level + at));
        nb_group_store(level + at, value);
        over |= (nb_group_bits)(value >= self->onset);
    }
    return nb_group_any(__builtin_convertvector(over, nb_group));
}

static inline nb_group nb_detector_octaves(const nb_detector *self, const float *level)
{
    return nb_group_log2(nb_group_load(level)) * self->level_scale;
}

// What the static curve asks for at each level. `step` is NB_GROUP where the curve moves, else 0.
static inline __attribute__((always_inline)) void
nb_detector_wanted(const nb_detector *self, const float *offset, const float *knee,
                   const float *knee_scale, const float *slope, size_t step, const float *level,
                   size_t frames, float *wanted)
{
    const nb_group zero = {0};
    for (size_t at = 0, c = 0; at < frames * NB_LANES; at += NB_GROUP, c += step) {
        const nb_group octaves = nb_detector_octaves(self, level + at);
        const nb_group over = nb_group_max(octaves + nb_group_load(offset + c), zero);
        const nb_group bend = nb_group_min(over, nb_group_load(knee + c));
        nb_group_store(wanted + at,
                       nb_group_load(slope + c) *
                           (bend * bend * nb_group_load(knee_scale + c) + (over - bend)));
    }
}

// A value on its way to nothing arrives: less than this changes no gain, and a time constant of
// 5 s at 192 kHz settles by it 1e-6 dB lower.
#define NB_DETECTOR_DRAIN 1e-13

/// The slow release follows the fast one and takes over where it is higher.
static inline __attribute__((always_inline)) nb_lanes
nb_detector_slow(nb_detector_memory *past, nb_lanes share, nb_lanes auto_release)
{
    const nb_lanes taken = auto_release * (1.0 - share);
    past->slow =
        nb_lanes_max((past->held * taken - NB_DETECTOR_DRAIN) + auto_release * share * past->slow,
                     (nb_lanes){0});
    return nb_lanes_max(past->held, past->slow);
}

// The release: what is wanted at once, or what is left of what was.
static inline __attribute__((always_inline)) nb_lanes
nb_detector_hold(nb_detector_memory *past, const nb_detector_shares *shares, nb_lanes auto_release,
                 nb_lanes wanted, const bool any_auto)
{
    const nb_lanes taken = wanted * (1.0 - shares->release) - NB_DETECTOR_DRAIN;
    past->held = nb_lanes_max(taken + shares->release * past->held, wanted);
    return any_auto ? nb_detector_slow(past, shares->slow, auto_release) : past->held;
}

static inline __attribute__((always_inline)) nb_lanes
nb_detector_follow(nb_detector_memory *past, const nb_detector_shares *shares,
                   nb_lanes auto_release, nb_lanes wanted, const bool any_auto)
{
    const nb_lanes held = nb_detector_hold(past, shares, auto_release, wanted, any_auto);
    past->reduction = nb_lanes_max((held * (1.0 - shares->attack) - NB_DETECTOR_DRAIN) +
                                       shares->attack * past->reduction,
                                   (nb_lanes){0});
    return past->reduction;
}

// `moving` and `any_auto` are constants at every call.
static inline __attribute__((always_inline)) void
nb_detector_forward(nb_detector *self, const nb_detector_controls *controls, const float *wanted,
                    size_t frames, float *reduction, const bool moving, const bool any_auto)
{
    nb_detector_memory past = self->forward;
    nb_detector_shares shares = self->shares;
    const nb_lanes auto_release = self->auto_release;
    for (size_t i = 0; i < frames; i++) {
        if (moving) {
            shares = nb_detector_shares_of(
                self, nb_detector_value(self, controls, NB_DETECTOR_ATTACK_MS, i),
                nb_detector_value(self, controls, NB_DETECTOR_RELEASE_MS, i));
        }
        nb_frame_store(
            reduction, i,
            nb_detector_follow(&past, &shares, auto_release, nb_frame_load(wanted, i), any_auto));
    }
    self->forward = past;
}

/// The curve as the output's level sees it: what it asks for there, and how steeply.
typedef struct nb_detector_back_curve {
    nb_lanes knee;  ///< Where the straight part begins
    nb_lanes bend;  ///< 2 slope / knee ahead of the gain, 0 for a hard knee
    nb_lanes steep; ///< ratio - 1
} nb_detector_back_curve;

static inline nb_detector_back_curve nb_detector_back_curve_of(nb_lanes knee, nb_lanes slope)
{
    const nb_lanes zero = {0};
    return (nb_detector_back_curve){
        .knee = knee * (1.0 - 0.5 * slope),
        .bend = nb_lanes_select((nb_masks)(knee > zero), 2.0 * slope / knee, zero),
        .steep = slope / (1.0 - slope),
    };
}

// One frame of the loop, whose level is held ahead of it: a hold within would keep what the attack
// has already answered. The gain that a frame gets changes the level that it is made from; one
// Newton step from the last gain solves that for the straight part of the curve exactly, and never
// overshoots in the bend, where the curve is convex. So no attack is too fast for the loop.
static inline __attribute__((always_inline)) nb_lanes
nb_detector_loop(nb_detector_memory *past, const nb_detector_shares *shares, nb_lanes auto_release,
                 const nb_detector_back_curve *curve, nb_lanes over)
{
    const nb_lanes zero = {0};
    const nb_lanes one = nb_lanes_set(1.0);
    const nb_lanes top = nb_detector_hold(past, shares, auto_release, over, true);
    const nb_lanes behind = nb_lanes_max(top - past->reduction, zero);
    const nb_lanes bent = nb_lanes_min(behind, curve->knee);
    const nb_lanes root = nb_lanes_sqrt(nb_lanes_max(one - bent * curve->bend, zero));
    const nb_lanes wanted = bent * (1.0 - root) / (1.0 + root) + curve->steep * (behind - bent);
    const nb_masks straight = (nb_masks)(behind > curve->knee);
    const nb_lanes steep = nb_lanes_select(straight, curve->steep, (1.0 - root) / root);
    const nb_lanes charge = 1.0 - shares->attack;
    const nb_lanes step = charge * (wanted - past->reduction) / (1.0 + charge * steep);
    past->reduction = nb_lanes_max(past->reduction + step - NB_DETECTOR_DRAIN, zero);
    return past->reduction;
}

static inline __attribute__((always_inline)) void
nb_detector_back(nb_detector *self, const nb_detector_controls *controls, const float *knee,
                 const float *slope, const float *over, size_t frames, float *reduction,
                 const bool moving)
{
    nb_detector_memory past = self->back;
    nb_detector_shares shares = self->shares;
    nb_detector_back_curve curve =
        nb_detector_back_curve_of(nb_frame_load(knee, 0), nb_frame_load(slope, 0));
    for (size_t i = 0; i < frames; i++) {
        if (moving) {
            shares = nb_detector_shares_of(
                self, nb_detector_value(self, controls, NB_DETECTOR_ATTACK_MS, i),
                nb_detector_value(self, controls, NB_DETECTOR_RELEASE_MS, i));
            curve = nb_detector_back_curve_of(nb_frame_load(knee, i), nb_frame_load(slope, i));
        }
        const nb_lanes octaves = nb_frame_load(over, i);
        nb_frame_store(reduction, i,
                       nb_detector_loop(&past, &shares, self->auto_release, &curve, octaves));
    }
    self->back = past;
}

// How far each level stands over the knee's lower end: what the feedback loop starts from.
static inline __attribute__((always_inline)) void nb_detector_over(const nb_detector *self,
                                                                   const float *offset, size_t step,
                                                                   const float *level,
                                                                   size_t frames, float *over)
{
    for (size_t at = 0, c = 0; at < frames * NB_LANES; at += NB_GROUP, c += step) {
        const nb_group octaves = nb_detector_octaves(self, level + at);
        nb_group_store(over + at, nb_group_max(octaves + nb_group_load(offset + c), (nb_group){0}));
    }
}

static inline void nb_detector_follow_all(nb_detector *self, const nb_detector_controls *controls,
                                          const float *wanted, size_t frames, float *reduction)
{
    if (controls->any) {
        nb_detector_forward(self, controls, wanted, frames, reduction, true, true);
    } else if (self->any_auto) {
        nb_detector_forward(self, controls, wanted, frames, reduction, false, true);
    } else {
        nb_detector_forward(self, controls, wanted, frames, reduction, false, false);
    }
}

// The block whose curve moves: frame by frame, filled up to whole groups with the last one.
static inline void nb_detector_curve_fill(const nb_detector *self,
                                          const nb_detector_controls *controls, size_t frames,
                                          nb_detector_curve *curve)
{
    const size_t whole = (frames + NB_GROUP_FRAMES - 1) / NB_GROUP_FRAMES * NB_GROUP_FRAMES;
    for (size_t i = 0; i < whole; i++) {
        const size_t at = (i < frames) ? i : frames - 1;
        nb_detector_curve_frame(nb_detector_value(self, controls, NB_DETECTOR_THRESHOLD_DB, at),
                                nb_detector_value(self, controls, NB_DETECTOR_RATIO, at),
                                nb_detector_value(self, controls, NB_DETECTOR_KNEE_DB, at), i,
                                curve->offset, curve->knee, curve->knee_scale, curve->slope);
    }
}

// Lanes whose loop is closed take their reduction from there.
static inline void nb_detector_mix_topologies(const nb_detector *self, size_t frames,
                                              const float *back, float *reduction)
{
    for (size_t at = 0; at < frames * NB_LANES; at += NB_GROUP) {
        nb_group_store(reduction + at, nb_group_select(self->feedback, nb_group_load(back + at),
                                                       nb_group_load(reduction + at)));
    }
}

static inline void nb_detector_run_moving(nb_detector *self, const nb_detector_controls *controls,
                                          const float *level, size_t frames, float *reduction)
{
    nb_detector_curve curve;
    nb_detector_block asked;
    nb_detector_curve_fill(self, controls, frames, &curve);
    if (self->any_forward) {
        nb_detector_wanted(self, curve.offset, curve.knee, curve.knee_scale, curve.slope, NB_GROUP,
                           level, frames, asked.at);
        nb_detector_follow_all(self, controls, asked.at, frames, reduction);
    }
    if (self->any_feedback) {
        nb_detector_block back;
        nb_detector_over(self, curve.offset, NB_GROUP, level, frames, asked.at);
        nb_detector_back(self, controls, curve.knee, curve.slope, asked.at, frames, back.at, true);
        nb_detector_mix_topologies(self, frames, back.at, reduction);
    }
}

// `loud`: a level of the block reaches its onset.
static inline void nb_detector_run_fixed(nb_detector *self, const nb_detector_controls *controls,
                                         const float *level, bool loud, size_t frames,
                                         float *reduction)
{
    nb_detector_block asked;
    if (!loud) {
        memset(asked.at, 0, frames * NB_LANES * sizeof *asked.at);
    }
    if (self->any_forward) {
        if (loud) {
            nb_detector_wanted(self, self->offset, self->knee, self->knee_scale, self->slope, 0,
                               level, frames, asked.at);
        }
        nb_detector_follow_all(self, controls, asked.at, frames, reduction);
    }
    if (self->any_feedback) {
        nb_detector_block back;
        if (loud) {
            nb_detector_over(self, self->offset, 0, level, frames, asked.at);
        }
        nb_detector_back(self, controls, self->knee, self->slope, asked.at, frames, back.at, false);
        nb_detector_mix_topologies(self, frames, back.at, reduction);
    }
}

static inline bool nb_detector_rests(const nb_detector *self)
{
    const nb_lanes sum = self->forward.held + self->forward.slow + self->forward.reduction +
                         self->back.held + self->back.slow + self->back.reduction;
    for (size_t lane = 0; lane < NB_LANES; lane++) {
        if (sum[lane] != 0.0) { // all are at least 0
            return false;
        }
    }
    return true;
}

/// The gain reduction of up to NB_DETECTOR_FRAMES frames, in octaves, by their key. False, and
/// nothing written, where all of it is 0.
static inline bool nb_detector_run(nb_detector *self, const nb_detector_controls *controls,
                                   const float *key, size_t frames, float *reduction)
{
    nb_detector_block level;
    bool loud = nb_detector_levels(self, key, frames, level.at);
    if (self->any_rms) {
        loud = nb_detector_mean_squares(self, level.at, frames);
    }
    if (controls->any) {
        nb_detector_run_moving(self, controls, level.at, frames, reduction);
        return true;
    }
    if (!loud && nb_detector_rests(self)) {
        return false;
    }
    nb_detector_run_fixed(self, controls, level.at, loud, frames, reduction);
    return true;
}

#endif // NB_DSP_DETECTOR_H
