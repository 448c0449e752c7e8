// SPDX-License-Identifier: GPL-3.0-or-later
// True-peak limiter. docs/dsp/limiter.md
//
// Frames are counted from the newest input n. Its detector knows the peak around n - 35; the least
// gain within 1.5 ms of a place is known 1.5 ms later, and two moving averages of 1.5 ms make that
// gain smooth without ever letting it rise above what the place itself needs. Each step goes over a
// chunk before the next: only the release and the sums have to wait for the frame before.
#include "dsp/kernel.h"
#include "dsp/true_peak_kernel.h"

#include <math.h>
#include <string.h>

extern const nb_processor NB_KERNEL(nb_limiter);

enum { GAIN_DB, CEILING_DBTP, RELEASE_MS };
enum { CHUNK_FRAMES = 512, DETECTOR_HISTORY = NB_TRUE_PEAK_WINDOW - 1 };

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
    float peak_before;   ///< The detector's, one frame earlier
    size_t calm_frames;  ///< Since a gain under 1 was needed; counted up to limiter.calm_max
    size_t unity_frames; ///< Since `released` was under 1; as above
    double *needed;      ///< Gains: of window - 1 frames before the chunk, then of the chunk
    double *least;       ///< As much, to find the least in
    moving_sum first, second;
    float *samples[2]; ///< x': `history` frames before the chunk, then the chunk
} voice;

typedef struct limiter {
    nb_true_peak_filter filter;
    size_t half;     ///< Frames of 1.5 ms
    size_t window;   ///< Frames whose least gain counts: half on each side, and the one itself
    size_t latency;  ///< 2 half + the detector's
    size_t history;  ///< Frames that the delay or the detector look back
    size_t calm_max; ///< After as many frames no frame before them counts
    voice *voices;
    size_t voice_count;
    size_t lane_count; ///< Of all voices
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
        it->peak_before = 0.0F;
        it->calm_frames = it->unity_frames = self->calm_max;
        for (size_t i = 0; i < self->window - 1; i++) {
            it->needed[i] = 1.0;
        }
        moving_sum_reset(&it->first, one);
        moving_sum_reset(&it->second, one * (int64_t)it->first.length);
        for (size_t c = 0; c < it->channels; c++) {
            memset(it->samples[c], 0, self->history * sizeof *it->samples[c]);
        }
    }
}

static bool take_buffers(nb_arena *arena, const limiter *self, voice *it)
{
    const size_t box = self->half + 1;
    const size_t gains = self->window - 1 + CHUNK_FRAMES;
    it->needed = nb_arena_take(arena, gains, sizeof *it->needed);
    it->least = nb_arena_take(arena, gains, sizeof *it->least);
    it->first.length = it->second.length = box;
    it->first.ring = nb_arena_take(arena, box, sizeof *it->first.ring);
    it->second.ring = nb_arena_take(arena, box, sizeof *it->second.ring);
    bool complete = it->needed && it->least && it->first.ring && it->second.ring;
    for (size_t c = 0; c < it->channels; c++) {
        it->samples[c] = nb_arena_take(arena, self->history + CHUNK_FRAMES, sizeof *it->samples[c]);
        complete = complete && it->samples[c];
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
    self->window = 2 * self->half + 1;
    self->latency = latency(&voices[0]);
    self->history = (self->latency > DETECTOR_HISTORY) ? self->latency : DETECTOR_HISTORY;
    self->calm_max = 2 * self->window;
    self->voices = all;
    self->voice_count = voice_count;
    for (size_t v = 0; v < voice_count; v++) {
        voice *it = &all[v];
        it->lane = nb_voice_lane(voices, v);
        it->channels = voices[v].channels;
        self->lane_count += it->channels;
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

// The detector's peaks in both channels, each the larger of its own and the one before: as of two
// neighbours, the point between them may be higher than either is alone.
static void find_peaks(const limiter *self, voice *it, size_t frames, float *peaks)
{
    float found[2][1 + CHUNK_FRAMES] = {{0}};
    for (size_t c = 0; c < it->channels; c++) {
        const float *samples = it->samples[c] + self->history - DETECTOR_HISTORY;
        self->filter.scan(&self->filter, samples, frames, (float)it->ceiling, found[c] + 1);
    }
    float *larger = found[0];
    for (size_t i = 1; i <= frames && it->channels == 2; i++) {
        larger[i] = (found[1][i] > larger[i]) ? found[1][i] : larger[i];
    }
    larger[0] = it->peak_before;
    it->peak_before = larger[frames];
    for (size_t i = 0; i < frames; i++) {
        peaks[i] = (larger[i + 1] > larger[i]) ? larger[i + 1] : larger[i];
    }
}

// The gains that the chunk's peaks need; false where that is 1 throughout.
static bool find_needed(const limiter *self, voice *it, const float *peaks, size_t frames)
{
    double *needed = it->needed + self->window - 1;
    size_t calm = it->calm_frames;
    for (size_t i = 0; i < frames; i++) {
        const double peak = (double)peaks[i];
        needed[i] = it->ceiling / ((peak > it->ceiling) ? peak : it->ceiling);
    }
    for (size_t i = 0; i < frames; i++) {
        calm = (needed[i] < 1.0) ? 0 : calm + 1;
    }
    const bool is_calm = calm >= it->calm_frames + frames;
    it->calm_frames = (calm < self->calm_max) ? calm : self->calm_max;
    return !is_calm;
}

// least[i] = the least of needed[i .. i + window - 1], by doubling the stretch that is known.
static void find_least(const limiter *self, voice *it, size_t frames)
{
    const size_t count = frames + self->window - 1;
    double *least = it->least;
    memcpy(least, it->needed, count * sizeof *least);
    size_t known = 1;
    for (; 2 * known <= self->window; known *= 2) {
        for (size_t i = 0; i + known < count; i++) {
            least[i] = (least[i + known] < least[i]) ? least[i + known] : least[i];
        }
    }
    const size_t rest = self->window - known;
    for (size_t i = 0; i < frames; i++) {
        least[i] = (least[i + rest] < least[i]) ? least[i + rest] : least[i];
    }
}

// Upwards by the release, downwards at once; in place.
static void release_gains(const limiter *self, voice *it, size_t frames)
{
    double *gains = it->least;
    const double release = it->release;
    double released = it->released;
    size_t unity = it->unity_frames;
    for (size_t i = 0; i < frames; i++) {
        const double goal = gains[i];
        const double rising = (goal - release * goal) + release * released;
        released = (rising < goal - settled) ? rising : goal;
        gains[i] = released;
    }
    for (size_t i = 0; i < frames; i++) {
        unity = (gains[i] < 1.0) ? 0 : unity + 1;
    }
    it->released = released;
    it->unity_frames = (unity < self->calm_max) ? unity : self->calm_max;
}

// Both moving averages; in place.
static void smooth_gains(voice *it, size_t frames)
{
    double *gains = it->least;
    moving_sum first = it->first;
    moving_sum second = it->second;
    const double length = (double)first.length;
    const double unity = length * length * gain_scale;
    for (size_t i = 0; i < frames; i++) {
        const int64_t once = moving_sum_add(&first, (int64_t)(gains[i] * gain_scale));
        gains[i] = (double)moving_sum_add(&second, once) / unity;
    }
    it->first = first;
    it->second = second;
}

// The smooth gains of the frames `latency` ago, in it->least; false where each is exactly 1.
static bool find_gains(const limiter *self, voice *it, size_t frames)
{
    float peaks[CHUNK_FRAMES];
    const size_t before = self->window - 1;
    const size_t calm_before = it->calm_frames;
    find_peaks(self, it, frames, peaks);
    const bool is_calm = !find_needed(self, it, peaks, frames) && calm_before >= before;
    if (is_calm && it->unity_frames == self->calm_max) {
        return false; // neither the averages nor the frames before hold anything but 1
    }
    find_least(self, it, frames);
    memmove(it->needed, it->needed + frames, before * sizeof *it->needed);
    release_gains(self, it, frames);
    smooth_gains(it, frames);
    return true;
}

static void run_voice(const limiter *self, voice *it, const nb_block *block, size_t start,
                      size_t frames)
{
    for (size_t c = 0; c < it->channels; c++) {
        const float *in = block->in + start * NB_LANES + it->lane + c;
        float *samples = it->samples[c] + self->history;
        for (size_t i = 0; i < frames; i++) {
            samples[i] = (float)((double)in[i * NB_LANES] * it->gain);
        }
    }
    const bool is_limiting = find_gains(self, it, frames);
    const double *gains = it->least;
    for (size_t c = 0; c < it->channels; c++) {
        float *out = block->out + start * NB_LANES + it->lane + c;
        const float *delayed = it->samples[c] + self->history - self->latency;
        if (is_limiting) {
            for (size_t i = 0; i < frames; i++) {
                out[i * NB_LANES] = (float)((double)delayed[i] * gains[i]);
            }
        } else {
            for (size_t i = 0; i < frames; i++) {
                out[i * NB_LANES] = delayed[i];
            }
        }
        memmove(it->samples[c], it->samples[c] + frames, self->history * sizeof(float));
    }
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    limiter *self = state;
    if (block->out != block->in && self->lane_count < NB_LANES) { // lanes of no voice
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
    .revision = 2,
    .cost_ns = 7,
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
