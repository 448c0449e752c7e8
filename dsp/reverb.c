// SPDX-License-Identifier: GPL-3.0-or-later
// A room of sixteen lines behind a diffuser (reverb_network.h), its early and late part shared
// and spread. docs/dsp/reverb.md
#include "dsp/kernel.h"
#include "dsp/lanes_math.h"
#include "dsp/reverb_network.h"

#include <math.h>
#include <string.h>

extern const nb_processor NB_KERNEL(nb_reverb);

enum {
    PREDELAY_MS,
    DECAY_S,
    LOW_DECAY_PERCENT,
    LOW_CROSSOVER_HZ,
    HIGH_DECAY_PERCENT,
    HIGH_CROSSOVER_HZ,
    SIZE_PERCENT,
    MOD_RATE_HZ,
    MOD_DEPTH_MS,
    EARLY_DB,
    WIDTH_PERCENT,
    PARAM_COUNT
};
enum { STEP = NB_STEP };

static const nb_param params[] = {
    [PREDELAY_MS] = {"predelay_ms", "ms", NB_SCALE_LINEAR, 0.0, 500.0, 20.0,
                     .help = "Silence before the room answers."},
    [DECAY_S] = {"decay_s", "s", NB_SCALE_LOG, 0.2, 30.0, 2.0,
                 .help = "Time in which the middle of the spectrum falls by 60 dB."},
    [LOW_DECAY_PERCENT] = {"low_decay_percent", "%", NB_SCALE_LOG, 20.0, 250.0, 110.0,
                           .help = "Decay far below low_crossover_hz, by decay_s."},
    [LOW_CROSSOVER_HZ] = {"low_crossover_hz", "Hz", NB_SCALE_LOG, 50.0, 1000.0, 250.0,
                          .help = "There the decay is between low and middle."},
    [HIGH_DECAY_PERCENT] = {"high_decay_percent", "%", NB_SCALE_LOG, 10.0, 200.0, 40.0,
                            .help = "Decay far above high_crossover_hz, by decay_s: the damping."},
    [HIGH_CROSSOVER_HZ] = {"high_crossover_hz", "Hz", NB_SCALE_LOG, 1000.0, 16000.0, 5000.0,
                           .help = "There the decay is between middle and high."},
    [SIZE_PERCENT] = {"size_percent", "%", NB_SCALE_LOG, 20.0, 300.0, 100.0,
                      .help = "Length of the room's paths; 100 is a hall, 30 a chamber."},
    [MOD_RATE_HZ] = {"mod_rate_hz", "Hz", NB_SCALE_LOG, 0.05, 2.0, 0.5,
                     .help = "How fast half of the paths change their lengths."},
    [MOD_DEPTH_MS] = {"mod_depth_ms", "ms", NB_SCALE_LINEAR, 0.0, 0.5, 0.15,
                      .help = "How far they change; 0 for a room that stands still."},
    [EARLY_DB] = {"early_db", "dB", NB_SCALE_DB, -60.0, 12.0, -6.0, .automatable = true,
                  .off = true, .help = "Level of the first, dense reflections beside the late."},
    [WIDTH_PERCENT] = {"width_percent", "%", NB_SCALE_LINEAR, 0.0, 150.0, 100.0,
                       .automatable = true,
                       .help = "0 is mono, 100 left and right without correlation."},
};
_Static_assert(NB_COUNT(params) == PARAM_COUNT, "a row for each parameter");

typedef struct reverb {
    size_t channels;
    nb_reverb_network *network;
    double early_level, side; ///< What does not move
    size_t filled;            ///< Frames of this step
    float pending[2][STEP];   ///< This step's input
    float late[2][STEP];      ///< What the last step gave
    float early[2][STEP];
} reverb;

static nb_status check(const nb_settings *settings, nb_error *err)
{
    const double low_hz = settings->values[LOW_CROSSOVER_HZ];
    const double high_hz = settings->values[HIGH_CROSSOVER_HZ];
    if (!(low_hz < high_hz)) {
        return nb_fail(err, NB_E_INVALID, "low_crossover_hz %g is not under high_crossover_hz %g",
                       low_hz, high_hz);
    }
    if (!(2.0 * high_hz < settings->rate_hz)) {
        return nb_fail(err, NB_E_INVALID,
                       "high_crossover_hz %g is not under half the sample rate %u", high_hz,
                       settings->rate_hz);
    }
    return NB_OK;
}

static size_t latency(const nb_settings *settings)
{
    (void)settings;
    return STEP;
}

static nb_reverb_room room_of(const nb_settings *settings)
{
    const double *values = settings->values;
    const double mid_s = values[DECAY_S];
    return (nb_reverb_room){
        .channels = settings->channels,
        .decay = {.rate_hz = settings->rate_hz,
                  .low_s = mid_s * values[LOW_DECAY_PERCENT] * 0.01,
                  .mid_s = mid_s,
                  .high_s = mid_s * values[HIGH_DECAY_PERCENT] * 0.01,
                  .low_hz = values[LOW_CROSSOVER_HZ],
                  .high_hz = values[HIGH_CROSSOVER_HZ]},
        .size = values[SIZE_PERCENT] * 0.01,
        .predelay_frames = nb_frames_of_ms(values[PREDELAY_MS], settings->rate_hz),
        .depth_frames = values[MOD_DEPTH_MS] * 0.001 * settings->rate_hz,
        .mod_rate_hz = values[MOD_RATE_HZ],
    };
}

// 120 dB, and 20 more for full scale at all frequencies at once; the paths up to the lines.
static size_t tail(const nb_settings *settings)
{
    const nb_reverb_room room = room_of(settings);
    size_t frames[NB_REVERB_LINES];
    nb_reverb_line_frames(room.decay.rate_hz, room.size, room.depth_frames, frames);
    const double longest_s = nb_reverb_longest_s(&room.decay, frames);
    const double paths_s = 0.15 * room.size;
    return room.predelay_frames +
           (size_t)ceil((longest_s * 140.0 / 60.0 + paths_s) * room.decay.rate_hz);
}

static void reset(void *state)
{
    reverb *self = state;
    NB_KERNEL(nb_reverb_network_reset)(self->network);
    memset(self->pending, 0, sizeof self->pending);
    memset(self->late, 0, sizeof self->late);
    memset(self->early, 0, sizeof self->early);
    self->filled = 0;
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    (void)voice_count; // planar: one voice
    const nb_settings *settings = &voices[0];
    reverb *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "reverb: no memory");
    }
    self->channels = settings->channels;
    self->early_level = nb_lanes_from_db(nb_lanes_set(settings->values[EARLY_DB]))[0];
    self->side = settings->values[WIDTH_PERCENT] * 0.01;
    const nb_reverb_room room = room_of(settings);
    const nb_status status = NB_KERNEL(nb_reverb_network_init)(arena, &room, &self->network, err);
    if (status != NB_OK) {
        return status;
    }
    reset(self);
    *out_state = self;
    return NB_OK;
}

/// Levels of a part of a call.
typedef struct levels {
    const double *early_db, *width; ///< Null where nothing moves
    double early, side;
} levels;

static inline double levels_early(const levels *self, size_t i)
{
    return self->early_db ? nb_lanes_from_db(nb_lanes_set(self->early_db[i]))[0] : self->early;
}

static inline void put_mono(const reverb *self, const levels *how, size_t frames, float *out)
{
    const float *late = self->late[0] + self->filled;
    const float *early = self->early[0] + self->filled;
    for (size_t i = 0; i < frames; i++) {
        out[i] = (float)((double)late[i] + levels_early(how, i) * (double)early[i]);
    }
}

static inline void put_stereo(const reverb *self, const levels *how, size_t frames,
                              float *restrict left, float *restrict right)
{
    const size_t at = self->filled;
    for (size_t i = 0; i < frames; i++) {
        const double early = levels_early(how, i);
        const double side = how->width ? how->width[i] * 0.01 : how->side;
        const double l = (double)self->late[0][at + i] + early * (double)self->early[0][at + i];
        const double r = (double)self->late[1][at + i] + early * (double)self->early[1][at + i];
        const double middle = (l + r) * 0.5;
        const double half = (l - r) * 0.5 * side;
        left[i] = (float)(middle + half);
        right[i] = (float)(middle - half);
    }
}

// Where nothing moves the compiler knows, and the loops go along time in SIMD.
static void put(const reverb *self, const levels *how, size_t frames, float *const *out)
{
    const levels fixed = {.early = how->early, .side = how->side};
    const bool moves = how->early_db || how->width;
    if (self->channels == 1) {
        put_mono(self, moves ? how : &fixed, frames, out[0]);
    } else if (moves) {
        put_stereo(self, how, frames, out[0], out[1]);
    } else if (frames == STEP) {
        put_stereo(self, &fixed, STEP, out[0], out[1]);
    } else {
        put_stereo(self, &fixed, frames, out[0], out[1]);
    }
}

// The frames [start, start + frames) of the call lie within one step.
static void run_part(reverb *self, const nb_block *block, size_t start, size_t frames)
{
    const double *early_db = block->controls ? block->controls[EARLY_DB] : NULL;
    const double *width = block->controls ? block->controls[WIDTH_PERCENT] : NULL;
    const levels how = {.early_db = early_db ? early_db + start : NULL,
                        .width = width ? width + start : NULL,
                        .early = self->early_level,
                        .side = self->side};
    float *const out[2] = {block->planar_out[0] + start,
                           block->planar_out[self->channels - 1] + start};
    for (size_t c = 0; c < self->channels; c++) {
        memcpy(self->pending[c] + self->filled, block->planar_in[c] + start,
               frames * sizeof(float)); // before `out`, which may be `in`
    }
    put(self, &how, frames, out);
    self->filled += frames;
}

static void finish_step(reverb *self)
{
    NB_KERNEL(nb_reverb_network_run)(self->network, self->pending, self->late, self->early);
    self->filled = 0;
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    reverb *self = state;
    for (size_t start = 0; start < block->frames;) {
        const size_t left = block->frames - start;
        const size_t room = STEP - self->filled;
        const size_t frames = (left < room) ? left : room;
        run_part(self, block, start, frames);
        start += frames;
        if (self->filled == STEP) {
            finish_step(self);
        }
    }
}

const nb_processor NB_KERNEL(nb_reverb) = {
    .name = "reverb",
    .revision = 2,
    .cost_ns = 38,
    .help = "A room of sixteen paths: decay by frequency, size, movement.",
    .form = NB_FORM_PLANAR,
    .params = params,
    .param_count = NB_COUNT(params),
    .check = check,
    .latency = latency,
    .tail = tail,
    .init = init,
    .reset = reset,
    .process = process,
};
