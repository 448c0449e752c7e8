// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/meter.h"
#include "audio/audio_file.h"
#include "audio/gating.h"
#include "audio/spectrum.h"
#include "dsp/k_weighting.h"
#include "dsp/true_peak.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEPS_PER_SECOND = 50, // 20 ms: EBU Tech 3341, case 13 fails at hops of 100 ms
    STEP_MS = 1000 / STEPS_PER_SECOND,
    MOMENTARY_STEPS = 20,   // 400 ms
    SHORT_TERM_STEPS = 150, // 3 s
    STEPS_PER_POINT = 5     // the series has ten points a second
};

// BS.1770-4: loudness = -0.691 + 10 log10(energy).
static const double loudness_offset = -0.691;
// -60 dBFS.
static const float silence_level = 0.001F;
// The top of 16 bits. A converter that clips gives this at most on the upper side.
static const float full_scale = 32767.0F / 32768.0F;

/// What is kept of one channel's samples.
typedef struct channel_sums {
    double sum;
    float peak;
} channel_sums;

struct nb_meter {
    unsigned rate_hz;
    unsigned channels;
    nb_k_weighting loudness;
    nb_true_peak *true_peak;
    nb_spectrum *spectrum;

    float *step; ///< Frames of the step that is not complete
    size_t step_frames;
    int64_t step_count; ///< Complete ones

    double energies[SHORT_TERM_STEPS]; ///< A ring: step n stands at n modulo its length
    double momentary_max;              ///< Energy
    double short_term_max;             ///< Energy

    float *short_term_points;
    float *momentary_points;
    size_t point_count;
    size_t point_capacity;

    channel_sums sums[NB_AUDIO_CHANNELS_MAX];
    double left_left, right_right, left_right;
    int64_t frames;
    int64_t clipped;
    int64_t first_sound; ///< Frame, or -1
    int64_t last_sound;
};

static double decibels(double level) { return (level > 0.0) ? 20.0 * log10(level) : -INFINITY; }

static double loudness_of(double energy)
{
    return (energy > 0.0) ? loudness_offset + 10.0 * log10(energy) : -INFINITY;
}

void nb_measures_fini(nb_measures *self)
{
    free(self->loudness_lufs);
    free(self->momentary_lufs);
    self->loudness_lufs = NULL;
    self->momentary_lufs = NULL;
    self->loudness_count = 0;
}

/// BS.1770-4, table 4, by the order of a file's channels: what comes from the sides counts 1.41
/// times, and a low-frequency channel not at all. A number without a usual order: each counts once.
static double weight_of(unsigned channels, unsigned channel)
{
    static const double side = 1.41;
    static const double of_4[] = {1.0, 1.0, side, side};                       // L R Ls Rs
    static const double of_5[] = {1.0, 1.0, 1.0, side, side};                  // L R C Ls Rs
    static const double of_5_1[] = {1.0, 1.0, 1.0, 0.0, side, side};           // L R C LFE Ls Rs
    static const double of_7_1[] = {1.0, 1.0, 1.0, 0.0, 1.0, 1.0, side, side}; // back, then sides
    switch (channels) {
    case NB_COUNT(of_4):
        return of_4[channel];
    case NB_COUNT(of_5):
        return of_5[channel];
    case NB_COUNT(of_5_1):
        return of_5_1[channel];
    case NB_COUNT(of_7_1):
        return of_7_1[channel];
    default:
        return 1.0;
    }
}

static int64_t step_start(const nb_meter *self, int64_t step)
{
    return step * self->rate_hz / STEPS_PER_SECOND;
}

nb_status nb_meter_new(unsigned rate_hz, unsigned channels, nb_meter **out_meter, nb_error *err)
{
    *out_meter = NULL;
    if (rate_hz < NB_AUDIO_RATE_MIN_HZ || rate_hz > NB_AUDIO_RATE_MAX_HZ || channels == 0 ||
        channels > NB_AUDIO_CHANNELS_MAX) {
        return nb_fail(err, NB_E_INVALID, "can't measure %u channels at %u Hz", channels, rate_hz);
    }
    NB_SCOPED(nb_meter_destroy) nb_meter *self = calloc(1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a loudness meter");
    }
    self->rate_hz = rate_hz;
    self->channels = channels;
    self->first_sound = -1;
    self->step = calloc((rate_hz / STEPS_PER_SECOND + 1) * (size_t)channels, sizeof *self->step);
    nb_k_weighting_init(&self->loudness, rate_hz, channels);
    if (!self->step) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a loudness meter");
    }
    nb_status status = nb_true_peak_new(rate_hz, channels, &self->true_peak, err);
    if (status == NB_OK) {
        status = nb_spectrum_new(rate_hz, channels, &self->spectrum, err);
    }
    if (status == NB_OK) {
        *out_meter = self;
        self = NULL;
    }
    return status;
}

void nb_meter_destroy(nb_meter **self_p)
{
    nb_meter *self = *self_p;
    if (self) {
        nb_true_peak_destroy(&self->true_peak);
        nb_spectrum_destroy(&self->spectrum);
        free(self->step);
        free(self->short_term_points);
        free(self->momentary_points);
        free(self);
        *self_p = NULL;
    }
}

/// Mean of the last `count` steps; what lies before the first is silence. Summed anew each time: a
/// running sum would carry the rounding of everything loud that has left it.
static double mean_energy(const nb_meter *self, int count)
{
    const int64_t first = self->step_count - count;
    double sum = 0.0;
    for (int64_t step = (first > 0) ? first : 0; step < self->step_count; step++) {
        sum += self->energies[step % SHORT_TERM_STEPS];
    }
    return sum / count;
}

static nb_status add_point(nb_meter *self, double short_term, double momentary, nb_error *err)
{
    if (self->point_count == self->point_capacity) {
        const size_t capacity = self->point_capacity ? self->point_capacity * 2 : 1024;
        float *points = realloc(self->short_term_points, capacity * sizeof *points);
        self->short_term_points = points ? points : self->short_term_points;
        float *others = realloc(self->momentary_points, capacity * sizeof *others);
        self->momentary_points = others ? others : self->momentary_points;
        if (!points || !others) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for the loudness over time");
        }
        self->point_capacity = capacity;
    }
    self->short_term_points[self->point_count] = (float)loudness_of(short_term);
    self->momentary_points[self->point_count] = (float)loudness_of(momentary);
    self->point_count++;
    return NB_OK;
}

/// Left and right.
typedef double pair __attribute__((vector_size(16)));

typedef struct pair_sums {
    pair plain, squares, products; ///< The last one's halves are equal
} pair_sums;

static inline void add_frame(pair_sums *self, const float *frame)
{
    const pair sample = {(double)frame[0], (double)frame[1]};
    const pair other = {sample[1], sample[0]};
    self->plain += sample;
    self->squares += sample * sample;
    self->products += sample * other;
}

/// Of a stereo step, in four parts that do not wait for one another.
static pair_sums sum_stereo(const float *samples, size_t frames)
{
    pair_sums parts[4] = {0};
    size_t i = 0;
    for (; i + 4 <= frames; i += 4) {
        for (size_t k = 0; k < 4; k++) {
            add_frame(&parts[k], samples + 2 * (i + k));
        }
    }
    for (; i < frames; i++) {
        add_frame(&parts[0], samples + 2 * i);
    }
    for (size_t k = 1; k < 4; k++) {
        parts[0].plain += parts[k].plain;
        parts[0].squares += parts[k].squares;
        parts[0].products += parts[k].products;
    }
    return parts[0];
}

static double sum_of(const float *samples, size_t stride, size_t frames)
{
    double sum = 0.0;
    for (size_t i = 0; i < frames; i++) {
        sum += (double)samples[i * stride];
    }
    return sum;
}

/// The bits of the largest magnitude: of floats without their sign, bits have the same order, and
/// those of infinities and NaNs stand above all.
static uint32_t largest_bits(const float *samples, size_t stride, size_t count)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &samples[i * stride], sizeof bits);
        bits &= 0x7fffffffU;
        largest = (bits > largest) ? bits : largest;
    }
    return largest;
}

static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static bool is_sound_at(const nb_meter *self, const float *step, size_t frame)
{
    const float *samples = step + frame * self->channels;
    return float_of_bits(largest_bits(samples, 1, self->channels)) >= silence_level;
}

/// Where in the step, which begins at frame `start` of the file, the first and last sound stand.
static void find_sound(nb_meter *self, const float *step, int64_t start, size_t frames)
{
    size_t last = frames;
    while (last > 0 && !is_sound_at(self, step, last - 1)) {
        last--;
    }
    if (last == 0) {
        return;
    }
    self->last_sound = start + (int64_t)last - 1;
    size_t first = 0;
    while (self->first_sound < 0 && !is_sound_at(self, step, first)) {
        first++;
    }
    self->first_sound = (self->first_sound < 0) ? start + (int64_t)first : self->first_sound;
}

static void add_stereo_sums(nb_meter *self, const float *samples, size_t frames)
{
    const pair_sums sums = sum_stereo(samples, frames);
    self->sums[0].sum += sums.plain[0];
    self->sums[1].sum += sums.plain[1];
    self->left_left += sums.squares[0];
    self->right_right += sums.squares[1];
    self->left_right += sums.products[0];
}

/// Of whole steps, so that no cut into calls changes a bit of the sums.
static void add_sums(nb_meter *self, const float *samples, size_t frames)
{
    const unsigned channels = self->channels;
    float loudest = 0.0F;
    for (unsigned c = 0; c < channels; c++) {
        channel_sums *sums = &self->sums[c];
        const float peak = float_of_bits(largest_bits(samples + c, channels, frames));
        sums->sum += (channels == 2) ? 0.0 : sum_of(samples + c, channels, frames);
        sums->peak = (peak > sums->peak) ? peak : sums->peak;
        loudest = (peak > loudest) ? peak : loudest;
    }
    for (size_t i = 0; i < frames * channels && loudest >= full_scale; i++) {
        self->clipped += fabsf(samples[i]) >= full_scale;
    }
    if (loudest >= silence_level) {
        find_sound(self, samples, self->frames - (int64_t)frames, frames);
    }
    if (channels == 2) {
        add_stereo_sums(self, samples, frames);
    }
}

/// Of whole steps only: what the file's end leaves of one is in no window.
static double energy_of(nb_meter *self, const float *samples, size_t frames)
{
    double sums[NB_AUDIO_CHANNELS_MAX];
    double energy = 0.0;
    nb_k_weighting_run(&self->loudness, samples, frames, sums);
    for (unsigned c = 0; c < self->channels; c++) {
        energy += weight_of(self->channels, c) * sums[c];
    }
    return energy / (double)frames;
}

/// Measure a step, or what the file's end left of one.
static void feed_step(nb_meter *self, const float *samples, size_t frames)
{
    add_sums(self, samples, frames);
    nb_spectrum_add(self->spectrum, samples, frames);
    self->step_frames = 0;
}

static nb_status finish_step(nb_meter *self, const float *samples, size_t frames, nb_error *err)
{
    feed_step(self, samples, frames);
    self->energies[self->step_count % SHORT_TERM_STEPS] = energy_of(self, samples, frames);
    self->step_count++;
    const double momentary = mean_energy(self, MOMENTARY_STEPS);
    const double short_term = mean_energy(self, SHORT_TERM_STEPS);
    // A maximum is of whole windows: a file shorter than one has none.
    if (self->step_count >= MOMENTARY_STEPS) {
        self->momentary_max = fmax(self->momentary_max, momentary);
    }
    if (self->step_count >= SHORT_TERM_STEPS) {
        self->short_term_max = fmax(self->short_term_max, short_term);
    }
    return (self->step_count % STEPS_PER_POINT == 0) ? add_point(self, short_term, momentary, err)
                                                     : NB_OK;
}

/// After a NaN all figures would be wrong.
static nb_status check_finite(const nb_meter *self, const float *samples, size_t frames,
                              nb_error *err)
{
    const size_t count = frames * self->channels;
    const bool is_finite = isfinite(float_of_bits(largest_bits(samples, 1, count)));
    for (size_t i = 0; i < count && !is_finite; i++) {
        if (!isfinite(samples[i])) {
            const int64_t frame = self->frames + (int64_t)(i / self->channels);
            return nb_fail(err, NB_E_INVALID,
                           "the sample at frame %lld of channel %zu is not a finite number",
                           (long long)frame, i % self->channels + 1);
        }
    }
    return NB_OK;
}

nb_status nb_meter_add(nb_meter *self, const float *interleaved, size_t frames, nb_error *err)
{
    nb_status status = check_finite(self, interleaved, frames, err);
    size_t done = 0;
    while (status == NB_OK && done < frames) {
        const size_t step_size =
            (size_t)(step_start(self, self->step_count + 1) - step_start(self, self->step_count));
        const size_t room = step_size - self->step_frames;
        const size_t part = (frames - done < room) ? frames - done : room;
        const float *from = interleaved + done * self->channels;
        const bool is_whole = part == step_size; // and need not be copied
        if (!is_whole) {
            memcpy(self->step + self->step_frames * self->channels, from,
                   part * self->channels * sizeof *from);
        }
        nb_true_peak_add(self->true_peak, from, part);
        self->step_frames += part;
        self->frames += (int64_t)part;
        done += part;
        if (self->step_frames == step_size) {
            status = finish_step(self, is_whole ? from : self->step, step_size, err);
        }
    }
    return status;
}

static double correlation(const nb_meter *self)
{
    const double power = self->left_left * self->right_right;
    if (self->channels != 2 || !(power > 0.0)) {
        return -INFINITY;
    }
    return fmax(-1.0, fmin(1.0, self->left_right / sqrt(power)));
}

static double largest_offset(const nb_meter *self)
{
    double largest = 0.0;
    for (unsigned c = 0; c < self->channels && self->frames > 0; c++) {
        const double mean = self->sums[c].sum / (double)self->frames;
        largest = (fabs(mean) > fabs(largest)) ? mean : largest;
    }
    return largest;
}

static double sample_peak(const nb_meter *self)
{
    float peak = 0.0F;
    for (unsigned c = 0; c < self->channels; c++) {
        peak = fmaxf(peak, self->sums[c].peak);
    }
    return decibels((double)peak);
}

static void measure_silence(const nb_meter *self, nb_measures *out)
{
    const bool has_sound = self->first_sound >= 0;
    const int64_t head = has_sound ? self->first_sound : self->frames;
    const int64_t tail = has_sound ? self->frames - 1 - self->last_sound : self->frames;
    out->silence_head_s = (double)head / self->rate_hz;
    out->silence_tail_s = (double)tail / self->rate_hz;
}

/// Points of windows that do not reach back before the file's start.
static size_t whole_windows(const nb_meter *self, const float *points, int steps,
                            const float **out_first)
{
    const size_t before = (size_t)(steps / STEPS_PER_POINT - 1);
    const bool any = self->point_count > before;
    *out_first = any ? points + before : points;
    return any ? self->point_count - before : 0;
}

static nb_status measure_loudness(const nb_meter *self, nb_measures *out, nb_error *err)
{
    const float *blocks = NULL;
    size_t count = whole_windows(self, self->momentary_points, MOMENTARY_STEPS, &blocks);
    out->integrated_lufs = nb_integrated_loudness(blocks, count);
    count = whole_windows(self, self->short_term_points, SHORT_TERM_STEPS, &blocks);
    out->loudness_range_lu = nb_loudness_range(blocks, count);
    return isnan(out->loudness_range_lu)
               ? nb_fail(err, NB_E_NO_MEMORY, "no memory to measure loudness range")
               : NB_OK;
}

nb_status nb_meter_finish(nb_meter *self, nb_measures *out, nb_error *err)
{
    *out = (nb_measures){0};
    if (self->step_frames > 0) {
        feed_step(self, self->step, self->step_frames);
    }
    const nb_status status = measure_loudness(self, out, err);
    if (status != NB_OK) {
        return status;
    }
    out->rate_hz = self->rate_hz;
    out->channels = self->channels;
    out->frames = self->frames;
    out->short_term_max_lufs = loudness_of(self->short_term_max);
    out->momentary_max_lufs = loudness_of(self->momentary_max);
    out->true_peak_dbtp = decibels(nb_true_peak_max(self->true_peak));
    out->sample_peak_dbfs = sample_peak(self);
    out->plr_lu =
        isfinite(out->integrated_lufs) ? out->true_peak_dbtp - out->integrated_lufs : -INFINITY;
    out->clipped_samples = self->clipped;
    out->dc_offset = largest_offset(self);
    out->correlation = correlation(self);
    measure_silence(self, out);
    out->spectrum_count = nb_spectrum_finish(self->spectrum, out->spectrum_db);
    out->loudness_count = self->point_count;
    out->loudness_lufs = self->short_term_points;
    out->momentary_lufs = self->momentary_points;
    self->short_term_points = NULL;
    self->momentary_points = NULL;
    self->point_count = 0;
    self->point_capacity = 0;
    return NB_OK;
}
