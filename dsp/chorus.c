// SPDX-License-Identifier: GPL-3.0-or-later
// Moving copies of the signal: chorus, flanger, vibrato. docs/dsp/chorus.md
#include "dsp/kernel.h"
#include "dsp/lanes_math.h"
#include "dsp/sinc.h"

#include <math.h>
#include <string.h>

extern const nb_processor NB_KERNEL(nb_chorus);

enum { VOICES, RATE_HZ, DEPTH_MS, DELAY_MS, FEEDBACK_PERCENT, SPREAD_PERCENT, PARAM_COUNT };
enum {
    STEP = 64,
    ROOM_FRAMES = 4096, // the line's history moves back to the front as seldom
    LEAST_DELAY = NB_SINC_TAPS / 2 + 2,
};

static const nb_param params[] = {
    [VOICES] = {"voices", "", NB_SCALE_WHOLE, 1.0, 6.0, 3.0,
                .help = "Copies, evenly apart on the sweep; a flanger has one."},
    [RATE_HZ] = {"rate_hz", "Hz", NB_SCALE_LOG, 0.02, 10.0, 0.6, .automatable = true,
                 .help = "Sweeps a second."},
    [DEPTH_MS] = {"depth_ms", "ms", NB_SCALE_LINEAR, 0.0, 20.0, 2.5, .automatable = true,
                  .help = "How far the delay sweeps up from delay_ms."},
    [DELAY_MS] = {"delay_ms", "ms", NB_SCALE_LOG, 0.3, 50.0, 12.0,
                  .help = "The shortest delay of the sweep: a chorus's 5 to 30, a flanger's 0.3 "
                          "to 5."},
    [FEEDBACK_PERCENT] = {"feedback_percent", "%", NB_SCALE_LINEAR, -95.0, 95.0, 0.0,
                          .automatable = true,
                          .help = "Share of the copies' mean that is delayed again; negative "
                                  "turns it over."},
    [SPREAD_PERCENT] = {"spread_percent", "%", NB_SCALE_LINEAR, 0.0, 100.0, 100.0,
                        .help = "At 100 the right sweeps a quarter turn after the left."},
};
_Static_assert(NB_COUNT(params) == PARAM_COUNT, "a row for each parameter");

typedef float quad __attribute__((vector_size(16)));

/// A channel's past: `history` frames and what came since, in one piece.
typedef struct line {
    float *frames;
    double offset; ///< Of its sweep, in turns
} line;

typedef struct chorus {
    size_t channels, voices;
    size_t step;    ///< Frames at once: with feedback none of them reads what they write
    size_t history; ///< Frames that the longest reading goes back
    size_t at;      ///< Where the next frame is written, in both lines
    bool feeds;     ///< There is feedback, or may be
    line lines[2];
    const nb_sinc_row *sinc;
    double delay;                 ///< Frames
    double turn;                  ///< Of the sweep, in [0, 1)
    double per_turn;              ///< Turns a frame for 1 Hz
    double per_depth;             ///< Frames for 1 ms
    double rate, depth, feedback; ///< What does not move
} chorus;

/// A step's readings of one voice, to whole groups of lanes and of four.
typedef struct reading {
    int64_t back[STEP + NB_LANES]; ///< From the frame itself to the first tap's
    int64_t row[STEP + NB_LANES];
    double rest[STEP + NB_LANES]; ///< Of the way to the next row
} reading;

static double delay_frames(const nb_settings *settings)
{
    return settings->values[DELAY_MS] * 0.001 * settings->rate_hz;
}

static double deepest_frames(const nb_settings *settings)
{
    const bool moves = nb_settings_moves(settings, DEPTH_MS);
    const double depth_ms = moves ? params[DEPTH_MS].max : settings->values[DEPTH_MS];
    return delay_frames(settings) + depth_ms * 0.001 * settings->rate_hz;
}

static nb_status check(const nb_settings *settings, nb_error *err)
{
    if (!(delay_frames(settings) >= LEAST_DELAY)) {
        return nb_fail(err, NB_E_INVALID,
                       "delay_ms %g is under %d frames at %u Hz: it is read between frames by 16 "
                       "of them",
                       settings->values[DELAY_MS], LEAST_DELAY, settings->rate_hz);
    }
    return NB_OK;
}

static size_t latency(const nb_settings *settings)
{
    (void)settings;
    return 0;
}

static bool feeds_back(const nb_settings *settings)
{
    return settings->values[FEEDBACK_PERCENT] != 0.0 ||
           nb_settings_moves(settings, FEEDBACK_PERCENT);
}

// As the delay's: turn n is at most feedback^n of the first; a factor of 8 for voices and edges.
static size_t tail(const nb_settings *settings)
{
    const bool moves = nb_settings_moves(settings, FEEDBACK_PERCENT);
    const double percent =
        moves ? params[FEEDBACK_PERCENT].max : fabs(settings->values[FEEDBACK_PERCENT]);
    const double feedback = percent * 0.01;
    const double turns =
        (feedback > 0.0) ? ceil(log(1e-6 / 8.0 * (1.0 - feedback)) / log(feedback)) : 0.0;
    return (size_t)ceil((turns + 1.0) * (deepest_frames(settings) + NB_SINC_TAPS));
}

static void reset(void *state)
{
    chorus *self = state;
    for (size_t c = 0; c < self->channels; c++) {
        memset(self->lines[c].frames, 0,
               (self->history + ROOM_FRAMES) * sizeof *self->lines[c].frames);
    }
    self->at = self->history;
    self->turn = 0.0;
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    (void)voice_count; // planar: one voice
    const nb_settings *settings = &voices[0];
    const nb_status status = check(settings, err);
    if (status != NB_OK) {
        return status;
    }
    chorus *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "chorus: no memory");
    }
    self->channels = settings->channels;
    self->voices = (size_t)settings->values[VOICES];
    self->delay = delay_frames(settings);
    self->per_turn = 1.0 / settings->rate_hz;
    self->per_depth = 0.001 * settings->rate_hz;
    self->rate = settings->values[RATE_HZ];
    self->depth = settings->values[DEPTH_MS];
    self->feedback = settings->values[FEEDBACK_PERCENT];
    self->feeds = feeds_back(settings);
    const size_t free_frames = (size_t)self->delay - NB_SINC_TAPS / 2;
    self->step = (self->feeds && free_frames < STEP) ? free_frames : STEP;
    self->history = (size_t)ceil(deepest_frames(settings)) + NB_SINC_TAPS;
    self->sinc = nb_sinc_table_new(arena);
    bool complete = self->sinc;
    for (size_t c = 0; c < self->channels; c++) {
        line *it = &self->lines[c];
        it->offset = (c == 1) ? settings->values[SPREAD_PERCENT] * 0.01 * 0.25 : 0.0;
        it->frames = nb_arena_take(arena, self->history + ROOM_FRAMES, sizeof(float));
        complete = complete && it->frames;
    }
    if (!complete) {
        return nb_fail(err, NB_E_NO_MEMORY, "chorus: no memory for its lines");
    }
    reset(self);
    *out_state = self;
    return NB_OK;
}

/// The sweep over one step: its place in turns and its depth in frames, padded to whole lanes.
typedef struct sweep {
    double turn[STEP + NB_LANES], depth[STEP + NB_LANES];
} sweep;

static inline double held(double value, double low, double high)
{
    return (value > high) ? high : (value > low) ? value : low; // NaN becomes the low end
}

static void fill_sweep(chorus *self, const nb_block *block, size_t start, size_t frames, sweep *out)
{
    const double *rate = block->controls ? block->controls[RATE_HZ] : NULL;
    const double *depth = block->controls ? block->controls[DEPTH_MS] : NULL;
    double turn = self->turn;
    for (size_t i = 0; i < frames; i++) {
        const double hz = rate ? rate[start + i] : self->rate;
        const double ms = depth ? depth[start + i] : self->depth;
        turn += held(hz, 0.0, params[RATE_HZ].max) * self->per_turn;
        turn -= (turn >= 1.0) ? 1.0 : 0.0;
        out->turn[i] = turn;
        out->depth[i] = held(ms, 0.0, params[DEPTH_MS].max) * self->per_depth;
    }
    for (size_t i = frames; i < frames + NB_LANES; i++) {
        out->turn[i] = out->depth[i] = 0.0;
    }
    self->turn = turn;
}

// (1 + sin(2 pi turns)) / 2, for turns in [0, 8).
static inline nb_lanes raised_sine(nb_lanes turns)
{
    return nb_lanes_clamp(nb_lanes_sin_turns(turns) * 0.5 + 0.5, 0.0, 1.0);
}

// The largest whole number not over x, and its bits; 0 <= x < 2^51.
static inline nb_lanes floor_of(nb_lanes x, nb_masks *out_whole)
{
    const nb_lanes near = (x + NB_ROUND_MAGIC) - NB_ROUND_MAGIC;
    const nb_lanes whole = nb_lanes_select((nb_masks)(near > x), near - 1.0, near) + NB_ROUND_MAGIC;
    *out_whole = (nb_masks)whole - 0x4338000000000000; // the magic's own bits
    return whole - NB_ROUND_MAGIC;
}

// Where the voice is read for each frame: whole frames back, and the table's row between them. A
// place on a frame is the one before it and the table's end.
static void find_readings(const chorus *self, const sweep *sweeping, double offset, size_t frames,
                          reading *out)
{
    for (size_t i = 0; i < frames; i += NB_LANES) {
        nb_lanes turn;
        nb_lanes depth;
        memcpy(&turn, sweeping->turn + i, sizeof turn);
        memcpy(&depth, sweeping->depth + i, sizeof depth);
        const nb_lanes place = self->delay + depth * raised_sine(turn + offset);
        nb_masks back;
        nb_masks row;
        const nb_lanes phase = (floor_of(place, &back) + 1.0 - place) * NB_SINC_PHASES;
        const nb_lanes last = nb_lanes_set(NB_SINC_PHASES - 1);
        const nb_lanes rest = phase - floor_of(nb_lanes_min(phase, last), &row);
        back += 1 + NB_SINC_AFTER;
        memcpy(out->back + i, &back, sizeof back);
        memcpy(out->row + i, &row, sizeof row);
        memcpy(out->rest + i, &rest, sizeof rest);
    }
}

static inline quad load_quad(const float *from)
{
    quad value;
    memcpy(&value, from, sizeof value);
    return value;
}

// Four products of frame `i`, from tap `k` on.
static inline quad weigh_quad(const float *x, const nb_sinc_row *row, float rest, size_t k)
{
    return load_quad(x + k) * (load_quad(row->taps + k) + load_quad(row->slopes + k) * rest);
}

// The sixteen products of frame `i`, added to four sums.
static inline quad weigh(const chorus *self, const reading *from, const float *line_at, size_t i)
{
    const float *x = line_at + i - from->back[i];
    const nb_sinc_row *row = &self->sinc[from->row[i]];
    const float rest = (float)from->rest[i];
    return (weigh_quad(x, row, rest, 0) + weigh_quad(x, row, rest, 8)) +
           (weigh_quad(x, row, rest, 4) + weigh_quad(x, row, rest, 12));
}

static inline size_t at_most(size_t i, size_t last) { return (i < last) ? i : last; }

// Add the voice to `sum`, four frames at a time; frames past the last are read where it is.
static void add_voice(const chorus *self, const reading *from, const float *line_at, size_t frames,
                      float *sum)
{
    const size_t last = frames - 1;
    for (size_t i = 0; i < frames; i += 4) {
        const quad a = weigh(self, from, line_at, i);
        const quad b = weigh(self, from, line_at, at_most(i + 1, last));
        const quad c = weigh(self, from, line_at, at_most(i + 2, last));
        const quad d = weigh(self, from, line_at, at_most(i + 3, last));
        const quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
        const quad ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
        const quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
        const quad cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
        const quad value = (__builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5) +
                            __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7)) +
                           (__builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5) +
                            __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
        quad before;
        memcpy(&before, sum + i, sizeof before);
        before += value;
        memcpy(sum + i, &before, sizeof before);
    }
}

static void run_channel(chorus *self, const nb_block *block, size_t channel, size_t start,
                        size_t frames, const sweep *sweeping)
{
    const double *moved = block->controls ? block->controls[FEEDBACK_PERCENT] : NULL;
    const line *it = &self->lines[channel];
    float *line_at = it->frames + self->at;
    float sum[STEP] __attribute__((aligned(64))) = {0};
    reading readings;
    memcpy(line_at, block->planar_in[channel] + start, frames * sizeof *line_at);
    for (size_t v = 0; v < self->voices; v++) {
        const double offset = it->offset + (double)v / (double)self->voices;
        find_readings(self, sweeping, offset, frames, &readings);
        add_voice(self, &readings, line_at, frames, sum);
    }
    const double mean = 1.0 / (double)self->voices;
    for (size_t i = 0; self->feeds && i < frames; i++) {
        const double percent = moved ? moved[start + i] : self->feedback;
        const double feedback =
            fmin(fmax(percent, params[FEEDBACK_PERCENT].min), params[FEEDBACK_PERCENT].max) * 0.01;
        line_at[i] = (float)((double)line_at[i] + (double)sum[i] * mean * feedback);
    }
    const float gain = (float)sqrt(mean);
    float *out = block->planar_out[channel] + start;
    for (size_t i = 0; i < frames; i++) {
        out[i] = sum[i] * gain;
    }
}

// The frames [start, start + frames) of the call, and room for them in the lines.
static void run_step(chorus *self, const nb_block *block, size_t start, size_t frames)
{
    sweep sweeping;
    if (self->at + STEP > self->history + ROOM_FRAMES) {
        for (size_t c = 0; c < self->channels; c++) {
            float *all = self->lines[c].frames;
            memmove(all, all + self->at - self->history, self->history * sizeof *all);
        }
        self->at = self->history;
    }
    fill_sweep(self, block, start, frames, &sweeping);
    for (size_t c = 0; c < self->channels; c++) {
        run_channel(self, block, c, start, frames, &sweeping);
    }
    self->at += frames;
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    chorus *self = state;
    for (size_t start = 0; start < block->frames; start += self->step) {
        const size_t left = block->frames - start;
        run_step(self, block, start, (left < self->step) ? left : self->step);
    }
}

const nb_processor NB_KERNEL(nb_chorus) = {
    .name = "chorus",
    .revision = 1,
    .cost_ns = 29,
    .help = "Copies of the signal whose delay sweeps: chorus, flanger, vibrato.",
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
