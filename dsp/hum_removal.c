// SPDX-License-Identifier: GPL-3.0-or-later
// Mains hum and its harmonics notched out. docs/dsp/hum-removal.md
//
// A notch is the mean of the signal and an all-pass that turns it upside down at one frequency
// (Regalia, Mitra and Vaidyanathan 1988). The all-pass is a normalised lattice (Gray and Markel
// 1975): two rotations, which keep energy however their angles move, so that automation can follow
// a mains that drifts. Sines and cosines of all harmonics come from the fundamental's by a
// recurrence.
#include "dsp/kernel.h"
#include "dsp/lanes_math.h"

#include <math.h>

extern const nb_processor NB_KERNEL(nb_hum_removal);

enum { FUNDAMENTAL_HZ, HARMONICS, WIDTH_HZ, DEPTH_DB, PARAM_COUNT };
enum { HARMONICS_MAX = 40, CHUNK_FRAMES = 64 };
_Static_assert(HARMONICS_MAX % 2 == 0, "notches run in pairs");

static const nb_param params[] = {
    [FUNDAMENTAL_HZ] = {"fundamental_hz", "Hz", NB_SCALE_LOG, 15.0, 70.0, 50.0, .automatable = true,
                        .help = "Frequency of the mains: 50 or 60, railways 16.7."},
    [HARMONICS] = {"harmonics", "", NB_SCALE_WHOLE, 1.0, HARMONICS_MAX, 20.0,
                   .help = "How many notches there are: at the fundamental and its multiples."},
    [WIDTH_HZ] = {"width_hz", "Hz", NB_SCALE_LOG, 0.1, 6.0, 2.0,
                  .help = "Width of each notch at -3 dB, the same at all harmonics."},
    [DEPTH_DB] = {"depth_db", "dB", NB_SCALE_DB, 0.0, 100.0, 60.0, .automatable = true,
                  .help = "How far down the middle of a notch is."},
};
_Static_assert(NB_COUNT(params) == PARAM_COUNT, "a row for each parameter");

static const double highest_of_rate = 0.49;

typedef struct notch {
    nb_lanes cosine, sine; ///< Of the harmonic's angle a frame
    nb_masks used;         ///< Lanes that have so many harmonics
    nb_lanes inner, outer; ///< The lattice's two delays
} notch;

typedef struct hum_removal {
    nb_lanes half_turns_per_hz; ///< pi / rate: half the angle a frame
    nb_lanes fundamental_hz, depth_db;
    nb_lanes k2, c2; ///< Rotation by the width, a sine and a cosine
    size_t count;    ///< Of the voice with the most harmonics
    notch notches[HARMONICS_MAX];
} hum_removal;

static double highest_hz(const nb_settings *settings)
{
    const bool moves = nb_settings_moves(settings, FUNDAMENTAL_HZ);
    const double fundamental =
        moves ? params[FUNDAMENTAL_HZ].max : settings->values[FUNDAMENTAL_HZ];
    return fundamental * settings->values[HARMONICS];
}

static nb_status check(const nb_settings *settings, nb_error *err)
{
    const double limit = highest_of_rate * settings->rate_hz;
    if (!(highest_hz(settings) <= limit)) {
        return nb_fail(err, NB_E_INVALID,
                       "the highest of %g harmonics is at %g Hz, over %g, 0.49 of the sample rate",
                       settings->values[HARMONICS], highest_hz(settings), limit);
    }
    return NB_OK;
}

static size_t latency(const nb_settings *settings)
{
    (void)settings;
    return 0;
}

// Each notch rings with the pole sqrt(k2) at its own frequency, at most with what a full-scale tone
// there has left in it; the margin is for what the notches do to each other's ringing.
static size_t tail(const nb_settings *settings)
{
    static const double level = 1e-6; // -120 dB
    static const double margin = 4.0;
    const double t = tan(NB_PI * settings->values[WIDTH_HZ] / settings->rate_hz);
    const double log_pole = 0.5 * (log1p(-t) - log1p(t));
    return (size_t)ceil(log(level / (margin * settings->values[HARMONICS])) / log_pole);
}

static void reset(void *state)
{
    hum_removal *self = state;
    for (size_t k = 0; k < HARMONICS_MAX; k++) {
        self->notches[k].inner = nb_lanes_set(0.0);
        self->notches[k].outer = nb_lanes_set(0.0);
    }
}

static void set_voice(hum_removal *self, const nb_settings *voice, size_t lane)
{
    const double t = tan(NB_PI * voice->values[WIDTH_HZ] / voice->rate_hz);
    self->half_turns_per_hz[lane] = NB_PI / voice->rate_hz;
    self->k2[lane] = (1.0 - t) / (1.0 + t);
    self->c2[lane] = 2.0 * sqrt(t) / (1.0 + t);
    const size_t count = (size_t)voice->values[HARMONICS];
    for (size_t k = 0; k < count; k++) {
        self->notches[k].used[lane] = -1;
    }
    self->count = (count > self->count) ? count : self->count;
}

/// Cosines and sines of a harmonic's angle and of the one's before: cos (k+1)w is
/// 2 cos w cos kw - cos (k-1)w, and the sine alike.
typedef struct harmonic {
    nb_lanes twice; ///< 2 cos w
    nb_lanes cosine, sine, last_cosine, last_sine;
} harmonic;

static inline harmonic first_harmonic(nb_lanes half_turns_per_hz, nb_lanes fundamental_hz)
{
    const nb_lanes half = fundamental_hz * half_turns_per_hz;
    const nb_lanes half_sine = nb_lanes_sin(half);
    // Not by the sine of a quarter turn less the angle, which loses small ones.
    const nb_lanes cosine = 1.0 - 2.0 * half_sine * half_sine;
    return (harmonic){cosine + cosine, cosine, nb_lanes_sin(half + half), nb_lanes_set(1.0),
                      nb_lanes_set(0.0)};
}

static inline void advance(harmonic *self)
{
    const nb_lanes cosine = self->twice * self->cosine - self->last_cosine;
    const nb_lanes sine = self->twice * self->sine - self->last_sine;
    self->last_cosine = self->cosine;
    self->last_sine = self->sine;
    self->cosine = cosine;
    self->sine = sine;
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    hum_removal *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "hum-removal: no memory");
    }
    for (size_t v = 0; v < voice_count; v++) {
        const nb_status status = check(&voices[v], err);
        if (status != NB_OK) {
            return status;
        }
        const size_t lane = nb_voice_lane(voices, v);
        for (size_t c = 0; c < voices[v].channels; c++) {
            set_voice(self, &voices[v], lane + c);
        }
    }
    self->fundamental_hz = nb_lanes_of_param(voices, voice_count, FUNDAMENTAL_HZ);
    self->depth_db = nb_lanes_of_param(voices, voice_count, DEPTH_DB);
    harmonic it = first_harmonic(self->half_turns_per_hz, self->fundamental_hz);
    for (size_t k = 0; k < HARMONICS_MAX; k++) {
        self->notches[k].cosine = it.cosine;
        self->notches[k].sine = it.sine;
        advance(&it);
    }
    *out_state = self;
    return NB_OK;
}

/// How a notch adds the signal and its all-pass, of which `kept` is what stays in the middle.
typedef struct blend {
    nb_lanes straight, turned;
} blend;

static inline blend blend_of(nb_lanes depth_db)
{
    const nb_lanes kept = nb_lanes_from_db(-depth_db);
    return (blend){0.5 * (1.0 + kept), 0.5 * (1.0 - kept)};
}

// One frame through one notch.
static inline nb_lanes turn(notch *self, nb_lanes k2, nb_lanes c2, blend by, nb_lanes in)
{
    const nb_lanes forward = c2 * in - k2 * self->outer;
    const nb_lanes all_pass = k2 * in + c2 * self->outer;
    self->outer = self->sine * self->inner - self->cosine * forward;
    self->inner = self->sine * forward + self->cosine * self->inner;
    // Selected, not multiplied by zero: that would lose the sign of zero.
    return nb_lanes_select(self->used, by.straight * in + by.turned * all_pass, in);
}

// Two notches at once: while one waits for its state, the other computes.
static void run_fixed(hum_removal *self, nb_lanes *samples, size_t frames)
{
    const nb_lanes k2 = self->k2;
    const nb_lanes c2 = self->c2;
    const blend by = blend_of(self->depth_db);
    for (size_t k = 0; k < self->count; k += 2) {
        notch first = self->notches[k];
        notch second = self->notches[k + 1]; // one that no lane uses where the count is odd
        for (size_t i = 0; i < frames; i++) {
            samples[i] = turn(&second, k2, c2, by, turn(&first, k2, c2, by, samples[i]));
        }
        self->notches[k] = first;
        self->notches[k + 1] = second;
    }
}

/// What moves at one frame.
typedef struct motion {
    harmonic angle;
    blend by;
} motion;

static void run_moving(hum_removal *self, motion *motions, nb_lanes *samples, size_t frames)
{
    const nb_lanes k2 = self->k2;
    const nb_lanes c2 = self->c2;
    for (size_t k = 0; k < self->count; k++) {
        notch it = self->notches[k];
        for (size_t i = 0; i < frames; i++) {
            it.cosine = motions[i].angle.cosine;
            it.sine = motions[i].angle.sine;
            samples[i] = turn(&it, k2, c2, motions[i].by, samples[i]);
            advance(&motions[i].angle);
        }
        self->notches[k] = it;
    }
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    hum_removal *self = state;
    const nb_control fundamental_hz = nb_control_of(block, FUNDAMENTAL_HZ, self->fundamental_hz);
    const nb_control depth_db = nb_control_of(block, DEPTH_DB, self->depth_db);
    nb_lanes samples[CHUNK_FRAMES];
    motion motions[CHUNK_FRAMES];
    for (size_t start = 0; start < block->frames; start += CHUNK_FRAMES) {
        const size_t left = block->frames - start;
        const size_t frames = (left < CHUNK_FRAMES) ? left : CHUNK_FRAMES;
        for (size_t i = 0; i < frames; i++) {
            samples[i] = nb_frame_load(block->in, start + i);
        }
        if (fundamental_hz.moved || depth_db.moved) {
            for (size_t i = 0; i < frames; i++) {
                motions[i].angle = first_harmonic(self->half_turns_per_hz,
                                                  nb_control_at(&fundamental_hz, start + i));
                motions[i].by = blend_of(nb_control_at(&depth_db, start + i));
            }
            run_moving(self, motions, samples, frames);
        } else {
            run_fixed(self, samples, frames);
        }
        for (size_t i = 0; i < frames; i++) {
            nb_frame_store(block->out, start + i, samples[i]);
        }
    }
}

const nb_processor NB_KERNEL(nb_hum_removal) = {
    .name = "hum-removal",
    .revision = 1,
    .cost_ns = 17,
    .moving_cost_ns = 33,
    .help = "Notches out the mains' hum and its harmonics.",
    .form = NB_FORM_LANES,
    .params = params,
    .param_count = NB_COUNT(params),
    .check = check,
    .latency = latency,
    .tail = tail,
    .init = init,
    .reset = reset,
    .process = process,
};
