// SPDX-License-Identifier: GPL-3.0-or-later
// True-peak limiter. docs/dsp/limiter.md
//
// Frames are counted from the newest input n. Its detector knows the peak around n - 32; the least
// gain within 1.5 ms of a place is known 1.5 ms later, and two moving averages of 1.5 ms make that
// gain smooth without ever letting it rise above what the place itself needs.
#include "dsp/kernel.h"
#include "dsp/true_peak_kernel.h"

#include <math.h>
#include <string.h>

extern const nb_processor NB_KERNEL(nb_limiter);

enum { GAIN_DB, CEILING_DBTP, RELEASE_MS };
enum { CHUNK_FRAMES = 256, HISTORY = NB_TRUE_PEAK_TAPS - 1 };

static const nb_param params[] = {
    [GAIN_DB] = {"gain_db", "dB", NB_SCALE_DB, -24.0, 36.0, 0.0,
                 .help = "Gain ahead of the limiter: how hard it works."},
    [CEILING_DBTP] = {"ceiling_dbtp", "dBTP", NB_SCALE_DB, -24.0, 0.0, -1.0,
                      .help = "No true peak rises above it."},
    [RELEASE_MS] = {"release_ms", "ms", NB_SCALE_LOG, 1.0, 2000.0, 100.0,
                    .help = "Time constant of the gain's way back to unity."},
};

static const double look_ahead_s = 0.0015;
// Gains are averaged as whole numbers: a running sum of them never drifts, so that the gain
// returns to exactly 1, and 2^40 of them still leave room for the sums at 384 kHz.
static const double gain_scale = 0x1p40;
static const double settled = 1e-9; // closer to its goal the release arrives

/// The least of the last `window` values: a queue of candidates that only rises.
typedef struct sliding_min {
    double *values;
    int64_t *places;
    size_t capacity, head, count;
    int64_t window;
} sliding_min;

/// Sum of the last `length` values.
typedef struct moving_sum {
    int64_t *ring;
    size_t length, at;
    int64_t sum;
} moving_sum;

typedef struct voice {
    size_t lane;
    size_t channels;
    double gain, ceiling;
    double release; ///< What a frame leaves of the distance to the goal
    double released;
    double peak_before; ///< The detector's, one frame earlier
    int64_t frame;
    sliding_min least;
    moving_sum first, second;
    float *delay[2];
    size_t delay_at;
    float samples[2][HISTORY + CHUNK_FRAMES];
} voice;

typedef struct limiter {
    nb_true_peak_filter filter;
    size_t half;    ///< Frames of 1.5 ms
    size_t latency; ///< 2 half + the detector's
    voice *voices;
    size_t voice_count;
} limiter;

static size_t half_frames(unsigned rate_hz)
{
    return (size_t)floor(look_ahead_s * rate_hz + 0.5) + 1;
}

static nb_status check(const nb_settings *settings, nb_error *err)
{
    static const unsigned rate_max_hz = 384000;
    return settings->rate_hz <= rate_max_hz
               ? NB_OK
               : nb_fail(err, NB_E_LIMIT, "the limiter runs at up to %u Hz, not %u", rate_max_hz,
                         settings->rate_hz);
}

static size_t latency(const nb_settings *settings)
{
    return 2 * half_frames(settings->rate_hz) + NB_TRUE_PEAK_BEHIND;
}

static size_t tail(const nb_settings *settings)
{
    (void)settings; // gain times a delayed signal: silent where that is
    return 0;
}

static void sliding_min_reset(sliding_min *self) { self->head = self->count = 0; }

// The value joins at `place`; what it undercuts can never be the least again.
static double sliding_min_add(sliding_min *self, int64_t place, double value)
{
    while (self->count > 0) {
        const size_t last = (self->head + self->count - 1) % self->capacity;
        if (self->values[last] < value) {
            break;
        }
        self->count--;
    }
    const size_t end = (self->head + self->count) % self->capacity;
    self->values[end] = value;
    self->places[end] = place;
    self->count++;
    if (self->places[self->head] <= place - self->window) {
        self->head = (self->head + 1) % self->capacity;
        self->count--;
    }
    return self->values[self->head];
}

static void moving_sum_reset(moving_sum *self, int64_t value)
{
    for (size_t i = 0; i < self->length; i++) {
        self->ring[i] = value;
    }
    self->sum = value * (int64_t)self->length;
    self->at = 0;
}

static inline int64_t moving_sum_add(moving_sum *self, int64_t value)
{
    self->sum += value - self->ring[self->at];
    self->ring[self->at] = value;
    self->at = (self->at + 1 == self->length) ? 0 : self->at + 1;
    return self->sum;
}

static void reset(void *state)
{
    limiter *self = state;
    const int64_t one = (int64_t)gain_scale;
    for (size_t v = 0; v < self->voice_count; v++) {
        voice *it = &self->voices[v];
        it->released = 1.0;
        it->peak_before = 0.0;
        it->frame = 0;
        it->delay_at = 0;
        sliding_min_reset(&it->least);
        moving_sum_reset(&it->first, one);
        moving_sum_reset(&it->second, one * (int64_t)it->first.length);
        memset(it->samples, 0, sizeof it->samples);
        for (size_t c = 0; c < NB_COUNT(it->delay); c++) {
            if (it->delay[c]) {
                memset(it->delay[c], 0, self->latency * sizeof *it->delay[c]);
            }
        }
    }
}

static bool take_buffers(nb_arena *arena, const limiter *self, voice *it)
{
    const size_t box = self->half + 1;
    it->least.window = (int64_t)(2 * self->half + 1);
    it->least.capacity = 2 * self->half + 2;
    it->least.values = nb_arena_take(arena, it->least.capacity, sizeof *it->least.values);
    it->least.places = nb_arena_take(arena, it->least.capacity, sizeof *it->least.places);
    it->first.length = it->second.length = box;
    it->first.ring = nb_arena_take(arena, box, sizeof *it->first.ring);
    it->second.ring = nb_arena_take(arena, box, sizeof *it->second.ring);
    const bool complete = it->least.values && it->least.places && it->first.ring && it->second.ring;
    for (size_t c = 0; c < it->channels; c++) {
        it->delay[c] = nb_arena_take(arena, self->latency, sizeof *it->delay[c]);
        if (!it->delay[c]) {
            return false;
        }
    }
    return complete;
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    limiter *self = nb_arena_take(arena, 1, sizeof *self);
    voice *all = nb_arena_take(arena, voice_count, sizeof *all);
    if (!self || !all) {
        return nb_fail(err, NB_E_NO_MEMORY, "limiter: no memory");
    }
    nb_true_peak_filter_init(&self->filter, voices[0].rate_hz);
    self->half = half_frames(voices[0].rate_hz);
    self->latency = latency(&voices[0]);
    self->voices = all;
    self->voice_count = voice_count;
    for (size_t v = 0; v < voice_count; v++) {
        voice *it = &all[v];
        it->lane = nb_voice_lane(voices, v);
        it->channels = voices[v].channels;
        it->gain = pow(10.0, voices[v].values[GAIN_DB] / 20.0);
        it->ceiling = pow(10.0, voices[v].values[CEILING_DBTP] / 20.0);
        it->release = exp(-1000.0 / (voices[v].values[RELEASE_MS] * voices[v].rate_hz));
        if (!take_buffers(arena, self, it)) {
            return nb_fail(err, NB_E_NO_MEMORY, "limiter: no memory for its look-ahead");
        }
    }
    reset(self);
    *out_state = self;
    return NB_OK;
}

// The smooth gain of the frame `latency` ago, when the detector has found `peak`.
static double next_gain(voice *self, double peak)
{
    const double around = (peak > self->peak_before) ? peak : self->peak_before;
    self->peak_before = peak;
    const double needed = (around > self->ceiling) ? self->ceiling / around : 1.0;
    const double least = sliding_min_add(&self->least, self->frame++, needed);
    const double rising = least + self->release * (self->released - least);
    self->released = (rising < least && least - rising > settled) ? rising : least;
    const int64_t once = moving_sum_add(&self->first, (int64_t)(self->released * gain_scale));
    const int64_t twice = moving_sum_add(&self->second, once);
    const double length = (double)self->first.length;
    return (double)twice / (length * length * gain_scale);
}

static void run_voice(const limiter *self, voice *it, const nb_block *block, size_t start,
                      size_t frames)
{
    float peaks[2][CHUNK_FRAMES] = {0};
    for (size_t c = 0; c < it->channels; c++) {
        const float *in = block->in + start * NB_LANES + it->lane + c;
        float *samples = it->samples[c];
        for (size_t i = 0; i < frames; i++) {
            samples[HISTORY + i] = (float)((double)in[i * NB_LANES] * it->gain);
        }
        NB_KERNEL(nb_true_peak_scan)(&self->filter, samples, frames, (float)it->ceiling, peaks[c]);
    }
    float *out = block->out + start * NB_LANES + it->lane;
    for (size_t i = 0; i < frames; i++) {
        const float peak = (peaks[0][i] > peaks[1][i]) ? peaks[0][i] : peaks[1][i];
        const double gain = next_gain(it, (double)peak);
        for (size_t c = 0; c < it->channels; c++) {
            float *delayed = &it->delay[c][it->delay_at];
            out[i * NB_LANES + c] = (float)((double)*delayed * gain);
            *delayed = it->samples[c][HISTORY + i];
        }
        it->delay_at = (it->delay_at + 1 == self->latency) ? 0 : it->delay_at + 1;
    }
    for (size_t c = 0; c < it->channels; c++) {
        memmove(it->samples[c], it->samples[c] + frames, HISTORY * sizeof(float));
    }
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    limiter *self = state;
    if (block->out != block->in) { // lanes of no voice
        memset(block->out, 0, block->frames * NB_LANES * sizeof *block->out);
    }
    for (size_t start = 0; start < block->frames; start += CHUNK_FRAMES) {
        const size_t left = block->frames - start;
        const size_t frames = (left < CHUNK_FRAMES) ? left : CHUNK_FRAMES;
        for (size_t v = 0; v < self->voice_count; v++) {
            run_voice(self, &self->voices[v], block, start, frames);
        }
    }
}

const nb_processor NB_KERNEL(nb_limiter) = {
    .name = "limiter",
    .revision = 1,
    .help = "True-peak limiter: the last processor of a mix bus or a master.",
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
