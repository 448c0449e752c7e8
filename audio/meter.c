// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/meter.h"

#include "audio/audio_file.h"
#include "dsp/true_peak.h"

#include <ebur128.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/// Energies are taken every 20 ms. With hops of 100 ms EBU Tech 3341's case 13 reads up to 0.45 LU
/// low; with 20 ms all cases pass, and a momentary window is exactly 20 of them.
enum {
    STEPS_PER_S = 50,
    STEP_MS = 20,
    MOMENTARY_STEPS = 20,
    SHORT_TERM_STEPS = 150,
    STEPS_PER_POINT = STEPS_PER_S / 10,
};

static const float silence_level = 0.001f;  // -60 dBFS
static const double lufs_of_unity = -0.691; // BS.1770-4: loudness of a mean square of 1

struct nb_meter {
    unsigned rate_hz;
    unsigned channels;
    int64_t frames;
    ebur128_state *loudness;
    nb_true_peak *true_peak;
    int64_t steps;                        ///< Energies taken
    double energies[SHORT_TERM_STEPS];    ///< Energy k at k % SHORT_TERM_STEPS
    double momentary_max, short_term_max; ///< Mean squares of full windows
    size_t point_count, point_capacity;
    float *short_term_lufs;
    float *momentary_lufs;
    double sum[NB_AUDIO_CHANNELS_MAX];         ///< For the DC offset
    double square_left, square_right, product; ///< For the correlation
    float peak;
    int64_t clipped;
    int64_t first_loud, last_loud; ///< Frames over -60 dBFS; -1 for none
};

/// ebur128_init writes file-scope tables on each call: one at a time.
static ebur128_state *open_loudness(unsigned channels, unsigned rate_hz)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    ebur128_state *state = ebur128_init(channels, rate_hz, EBUR128_MODE_I | EBUR128_MODE_LRA);
    pthread_mutex_unlock(&lock);
    return state;
}

void nb_measures_fini(nb_measures *self)
{
    free(self->loudness_lufs);
    free(self->momentary_lufs);
    *self = (nb_measures){0};
}

void nb_meter_destroy(nb_meter **self_p)
{
    nb_meter *self = *self_p;
    if (!self) {
        return;
    }
    if (self->loudness) {
        ebur128_destroy(&self->loudness);
    }
    nb_true_peak_destroy(&self->true_peak);
    free(self->short_term_lufs);
    free(self->momentary_lufs);
    free(self);
    *self_p = NULL;
}

nb_status nb_meter_new(unsigned rate_hz, unsigned channels, nb_meter **out_meter, nb_error *err)
{
    *out_meter = NULL;
    if (channels < 1 || channels > NB_AUDIO_CHANNELS_MAX || rate_hz < NB_AUDIO_RATE_MIN_HZ ||
        rate_hz > NB_AUDIO_RATE_MAX_HZ) {
        return nb_fail(err, NB_E_INVALID, "cannot measure %u channels at %u Hz", channels, rate_hz);
    }
    NB_SCOPED(nb_meter_destroy) nb_meter *self = calloc(1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a meter");
    }
    self->rate_hz = rate_hz;
    self->channels = channels;
    self->first_loud = -1;
    self->last_loud = -1;
    self->loudness = open_loudness(channels, rate_hz);
    if (!self->loudness) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a meter");
    }
    for (unsigned c = 6; c < channels; c++) { // libebur128 leaves out what is beyond 5.1
        ebur128_set_channel(self->loudness, c, EBUR128_LEFT);
    }
    const nb_status status = nb_true_peak_new(rate_hz, channels, &self->true_peak, err);
    if (status != NB_OK) {
        return status;
    }
    *out_meter = self;
    self = NULL; // the caller's now
    return NB_OK;
}

/// Mean square (K-weighted, channels weighted) of the newest `count` energies; those before the
/// start are silence. Summed anew each time, oldest first: subtracting would leave rounding behind.
static double mean_energy(const nb_meter *self, int64_t count)
{
    double sum = 0.0;
    const int64_t first = self->steps > count ? self->steps - count : 0;
    for (int64_t k = first; k < self->steps; k++) {
        sum += self->energies[k % SHORT_TERM_STEPS];
    }
    return sum / (double)count;
}

static double lufs_of_energy(double energy)
{
    return energy > 0.0 ? 10.0 * log10(energy) + lufs_of_unity : -INFINITY;
}

static nb_status add_point(nb_meter *self, double short_term, double momentary, nb_error *err)
{
    if (self->point_count == self->point_capacity) {
        const size_t capacity = self->point_capacity * 2 + 1024;
        float *grown = realloc(self->short_term_lufs, capacity * sizeof *grown);
        self->short_term_lufs = grown ? grown : self->short_term_lufs;
        float *other = grown ? realloc(self->momentary_lufs, capacity * sizeof *other) : NULL;
        self->momentary_lufs = other ? other : self->momentary_lufs;
        if (!grown || !other) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for the loudness over time");
        }
        self->point_capacity = capacity;
    }
    self->short_term_lufs[self->point_count] = (float)lufs_of_energy(short_term);
    self->momentary_lufs[self->point_count] = (float)lufs_of_energy(momentary);
    self->point_count++;
    return NB_OK;
}

/// Twenty more milliseconds are in libebur128: take their energy.
static nb_status take_step(nb_meter *self, nb_error *err)
{
    double lufs = -HUGE_VAL;
    if (ebur128_loudness_window(self->loudness, STEP_MS, &lufs) != EBUR128_SUCCESS) {
        return nb_fail(err, NB_E_NO_MEMORY, "libebur128 cannot measure");
    }
    const double energy = isfinite(lufs) ? pow(10.0, (lufs - lufs_of_unity) / 10.0) : 0.0;
    self->energies[self->steps % SHORT_TERM_STEPS] = energy;
    self->steps++;
    const double momentary = mean_energy(self, MOMENTARY_STEPS);
    const double short_term = mean_energy(self, SHORT_TERM_STEPS);
    if (self->steps >= MOMENTARY_STEPS) {
        self->momentary_max = fmax(self->momentary_max, momentary);
    }
    if (self->steps >= SHORT_TERM_STEPS) {
        self->short_term_max = fmax(self->short_term_max, short_term);
    }
    return self->steps % STEPS_PER_POINT == 0 ? add_point(self, short_term, momentary, err) : NB_OK;
}

/// What needs the samples only. `frame` is that of the first one.
static void add_samples(nb_meter *self, const float *interleaved, size_t frames, int64_t frame)
{
    for (size_t i = 0; i < frames; i++) {
        const float *at = interleaved + i * self->channels;
        float loudest = 0.0f;
        for (unsigned c = 0; c < self->channels; c++) {
            const float level = fabsf(at[c]);
            loudest = level > loudest ? level : loudest;
            self->clipped += level >= 1.0f;
            self->sum[c] += at[c];
        }
        self->peak = loudest > self->peak ? loudest : self->peak;
        if (loudest > silence_level) {
            self->last_loud = frame + (int64_t)i;
            self->first_loud = self->first_loud < 0 ? self->last_loud : self->first_loud;
        }
        if (self->channels == 2) {
            const double left = at[0];
            const double right = at[1];
            self->square_left += left * left;
            self->square_right += right * right;
            self->product += left * right;
        }
    }
}

nb_status nb_meter_add(nb_meter *self, const float *interleaved, size_t frames, nb_error *err)
{
    nb_true_peak_add(self->true_peak, interleaved, frames);
    add_samples(self, interleaved, frames, self->frames);
    size_t done = 0;
    while (done < frames) {
        // Steps end at frames that are a function of the frame number alone: cuts never show.
        const int64_t step_end = (self->steps + 1) * self->rate_hz / STEPS_PER_S;
        const int64_t wanted = step_end - self->frames;
        const size_t count = (int64_t)(frames - done) < wanted ? frames - done : (size_t)wanted;
        if (ebur128_add_frames_float(self->loudness, interleaved + done * self->channels, count) !=
            EBUR128_SUCCESS) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory to measure the loudness");
        }
        done += count;
        self->frames += (int64_t)count;
        if (self->frames == step_end) {
            const nb_status status = take_step(self, err);
            if (status != NB_OK) {
                return status;
            }
        }
    }
    return NB_OK;
}

static double db_of(double amplitude)
{
    return amplitude > 0.0 ? 20.0 * log10(amplitude) : -INFINITY;
}

static double dc_offset_of(const nb_meter *self)
{
    double largest = 0.0;
    for (unsigned c = 0; c < self->channels && self->frames > 0; c++) {
        const double mean = self->sum[c] / (double)self->frames;
        largest = fabs(mean) > fabs(largest) ? mean : largest;
    }
    return largest;
}

static double correlation_of(const nb_meter *self)
{
    static const double silence = 1e-12; // -120 dBFS as a mean square
    const double floor = silence * (double)self->frames;
    if (self->channels != 2 || self->square_left <= floor || self->square_right <= floor) {
        return -INFINITY;
    }
    const double value = self->product / sqrt(self->square_left * self->square_right);
    return fmin(fmax(value, -1.0), 1.0);
}

nb_status nb_meter_finish(nb_meter *self, nb_measures *out, nb_error *err)
{
    *out = (nb_measures){.rate_hz = self->rate_hz, .channels = self->channels};
    double integrated = -HUGE_VAL;
    double range = 0.0;
    if (ebur128_loudness_global(self->loudness, &integrated) != EBUR128_SUCCESS ||
        ebur128_loudness_range(self->loudness, &range) != EBUR128_SUCCESS) {
        return nb_fail(err, NB_E_NO_MEMORY, "libebur128 cannot measure");
    }
    const bool has_range = self->steps >= SHORT_TERM_STEPS && isfinite(integrated);
    const double seconds = (double)self->frames / self->rate_hz;
    const bool silent = self->first_loud < 0;
    out->frames = self->frames;
    out->integrated_lufs = isfinite(integrated) ? integrated : -INFINITY;
    out->loudness_range_lu = has_range ? range : -INFINITY;
    out->momentary_max_lufs = lufs_of_energy(self->momentary_max);
    out->short_term_max_lufs = lufs_of_energy(self->short_term_max);
    out->true_peak_dbtp = db_of(nb_true_peak_max(self->true_peak));
    out->sample_peak_dbfs = db_of(self->peak);
    out->plr_lu = isfinite(integrated) ? out->true_peak_dbtp - integrated : -INFINITY;
    out->clipped_samples = self->clipped;
    out->dc_offset = dc_offset_of(self);
    out->correlation = correlation_of(self);
    out->silence_head_s = silent ? seconds : (double)self->first_loud / self->rate_hz;
    out->silence_tail_s =
        silent ? seconds : (double)(self->frames - 1 - self->last_loud) / self->rate_hz;
    out->loudness_count = self->point_count;
    out->loudness_lufs = self->short_term_lufs;
    out->momentary_lufs = self->momentary_lufs;
    self->short_term_lufs = NULL; // the caller's now
    self->momentary_lufs = NULL;
    self->point_count = self->point_capacity = 0;
    return NB_OK;
}
