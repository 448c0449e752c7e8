// SPDX-License-Identifier: GPL-3.0-or-later
// Glossary: x is the shorter recording, from which sections are taken; y the longer one, in which
// they are looked for; lag is how much later x's section stands in y. A window of y reaches
// `reach` frames to either side of the section, so place k of it is the lag k - reach.
#include "audio/align.h"
#include "base/arena.h"
#include "dsp/fft.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum {
    SECTIONS_MAX = 5,
    SECTION_S = 10,
    COARSE_HZ = 12000,       ///< The search's rate lies between this and twice this
    REFINE_FRAMES = 1 << 19, ///< Of a section, at most, where every sample's lag is tried
    READ_FRAMES = 4096
};

// The other channel counts less, so that one of opposite polarity does not vanish in the sum.
static const float other_share = 0.75F;
// Coarse peaks this near to the highest are as good: the smallest offset of them is taken.
static const double coarse_tie = 1e-3;
static const double fine_tie = 1e-9;
// Where y's energy is below this of its loudest place, rounding would look like a match.
static const double energy_floor = 1e-4;
static const double confidence_enough = 0.5;
static const double coarse_enough = 0.25;

typedef struct search {
    nb_recording *x, *y;
    size_t section; ///< Frames
    size_t reach;   ///< A multiple of `factor`
    size_t factor;  ///< Rate over the coarse rate
    size_t coarse_section, coarse_window, fft_size;
    const nb_fft *fft;
    float *section_samples, *window_samples; ///< Mono, differences
    float *samples, *x_spectrum, *y_spectrum;
    double *energy; ///< energy[n]: of the coarse window's samples before n
    float *frames;  ///< READ_FRAMES of two channels
} search;

/// What one section says.
typedef struct finding {
    bool heard; ///< There was something to look for
    int64_t lag;
    double coarse;             ///< Correlation, with what lies outside y counted as missing
    double correlation;        ///< Signed, over what both have
    double x_over_y, y_over_x; ///< Factors that bring one to the other
} finding;

nb_shared_part nb_shared_part_of(const nb_recording *a, const nb_recording *b,
                                 int64_t offset_frames)
{
    nb_shared_part out = {.a_first = offset_frames < 0 ? -offset_frames : 0};
    out.b_first = out.a_first + offset_frames;
    const int64_t in_a = nb_recording_frames(a) - out.a_first;
    const int64_t in_b = nb_recording_frames(b) - out.b_first;
    const int64_t frames = in_a < in_b ? in_a : in_b;
    out.frames = frames > 0 ? frames : 0;
    return out;
}

static nb_status make_search(search *self, nb_arena *arena, nb_error *err)
{
    const size_t rate_hz = nb_recording_rate_hz(self->x);
    const size_t longest = rate_hz * SECTION_S;
    const int64_t frames = nb_recording_frames(self->x);
    self->factor = rate_hz >= 2 * COARSE_HZ ? rate_hz / COARSE_HZ : 1;
    self->section = frames < (int64_t)longest ? (size_t)frames : longest;
    const size_t wanted = rate_hz * NB_ALIGN_OFFSET_MAX_S;
    self->reach = (wanted + self->factor - 1) / self->factor * self->factor;
    const size_t window = self->section + 2 * self->reach;
    self->coarse_section = (self->section + self->factor - 1) / self->factor;
    self->coarse_window = (window + self->factor - 1) / self->factor;
    self->fft_size = NB_FFT_SIZE_MIN;
    while (self->fft_size < self->coarse_window) {
        self->fft_size *= 2;
    }
    assert(self->fft_size <= NB_FFT_SIZE_MAX); // 30 s at under 24 kHz
    const size_t spectrum = 2 * nb_fft_bins(self->fft_size);
    self->section_samples = nb_arena_take(arena, self->section, sizeof(float));
    self->window_samples = nb_arena_take(arena, window, sizeof(float));
    self->samples = nb_arena_take(arena, self->fft_size, sizeof(float));
    self->x_spectrum = nb_arena_take(arena, spectrum, sizeof(float));
    self->y_spectrum = nb_arena_take(arena, spectrum, sizeof(float));
    self->energy = nb_arena_take(arena, self->coarse_window + 1, sizeof(double));
    self->frames = nb_arena_take(arena, READ_FRAMES * NB_RECORDING_CHANNELS_MAX, sizeof(float));
    if (!self->section_samples || !self->window_samples || !self->samples || !self->x_spectrum ||
        !self->y_spectrum || !self->energy || !self->frames) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to align two recordings");
    }
    return nb_fft_of_size(self->fft_size, &self->fft, err);
}

/// Differences of `count` mono samples from `first` on.
static nb_status read_mono(search *self, nb_recording *from, int64_t first, size_t count,
                           float *out, nb_error *err)
{
    float before = 0.0F;
    for (size_t done = 0; done < count; done += READ_FRAMES) {
        const size_t part = count - done < READ_FRAMES ? count - done : READ_FRAMES;
        const nb_status status =
            nb_recording_read(from, first + (int64_t)done, part, 2, self->frames, err);
        if (status != NB_OK) {
            return status;
        }
        for (size_t i = 0; i < part; i++) {
            const float mono = self->frames[2 * i] + other_share * self->frames[2 * i + 1];
            out[done + i] = done + i > 0 ? mono - before : 0.0F; // what came before is not known
            before = mono;
        }
    }
    return NB_OK;
}

/// Means of `factor` samples each; the rest of the FFT's room is silence.
static void thin_out(const search *self, const float *from, size_t count, float *out)
{
    for (size_t i = 0; i < self->fft_size; i++) {
        float sum = 0.0F;
        for (size_t k = i * self->factor; k < count && k < (i + 1) * self->factor; k++) {
            sum += from[k];
        }
        out[i] = sum;
    }
}

/// Correlate: samples[k] becomes the sum of x[n] * y[n + k], times the FFT's size.
static void correlate(search *self, double *out_x_energy)
{
    const size_t bins = self->fft_size / 2 + 1;
    const size_t imaginary = nb_fft_bins(self->fft_size);
    thin_out(self, self->section_samples, self->section, self->samples);
    *out_x_energy = 0.0;
    for (size_t i = 0; i < self->coarse_section; i++) {
        *out_x_energy += (double)self->samples[i] * (double)self->samples[i];
    }
    nb_fft_run_forward(self->fft, self->samples, self->x_spectrum);
    thin_out(self, self->window_samples, self->section + 2 * self->reach, self->samples);
    self->energy[0] = 0.0;
    for (size_t i = 0; i < self->coarse_window; i++) {
        const double sample = (double)self->samples[i];
        self->energy[i + 1] = self->energy[i] + sample * sample;
    }
    nb_fft_run_forward(self->fft, self->samples, self->y_spectrum);
    for (size_t i = 0; i < bins; i++) {
        const float xr = self->x_spectrum[i];
        const float xi = self->x_spectrum[imaginary + i];
        const float yr = self->y_spectrum[i];
        const float yi = self->y_spectrum[imaginary + i];
        self->y_spectrum[i] = xr * yr + xi * yi;
        self->y_spectrum[imaginary + i] = xr * yi - xi * yr;
    }
    nb_fft_run_inverse(self->fft, self->y_spectrum, self->samples);
}

/// Turn the correlation at each place into its magnitude between 0 and 1.
static void normalise(search *self, double x_energy)
{
    const size_t places = 2 * self->reach / self->factor + 1;
    double loudest = 0.0;
    for (size_t k = 0; k < places; k++) {
        loudest = fmax(loudest, self->energy[k + self->coarse_section] - self->energy[k]);
    }
    for (size_t k = 0; k < places; k++) {
        const double heard = self->energy[k + self->coarse_section] - self->energy[k];
        const double energy = fmax(heard, loudest * energy_floor) * x_energy;
        const double sum = (double)self->samples[k] / (double)self->fft_size;
        self->samples[k] = energy > 0.0 ? (float)(fabs(sum) / sqrt(energy)) : 0.0F;
    }
}

static int64_t magnitude(int64_t value) { return value < 0 ? -value : value; }

/// How high the peak at place k would be between the places; 0 where there is no peak.
static double peak_at(const search *self, size_t places, size_t k)
{
    const double here = (double)self->samples[k];
    const double before = k > 0 ? (double)self->samples[k - 1] : 0.0;
    const double behind = k + 1 < places ? (double)self->samples[k + 1] : 0.0;
    const double bend = 2.0 * here - before - behind;
    if (here < before || here < behind) {
        return 0.0;
    }
    // The parabola through the three; at the ends of the reach one of them is not known.
    const bool is_inner = k > 0 && k + 1 < places && bend > 0.0;
    return is_inner ? here + (behind - before) * (behind - before) / (8.0 * bend) : here;
}

/// The highest peak; of peaks as high as it the one nearest to no offset.
static size_t find_place(const search *self)
{
    const size_t places = 2 * self->reach / self->factor + 1;
    const int64_t centre = (int64_t)(self->reach / self->factor);
    double highest = 0.0;
    for (size_t k = 0; k < places; k++) {
        highest = fmax(highest, peak_at(self, places, k));
    }
    const double enough = highest * (1.0 - coarse_tie);
    size_t best = places;
    for (size_t k = 0; k < places; k++) {
        const bool is_nearer =
            best == places || magnitude((int64_t)k - centre) < magnitude((int64_t)best - centre);
        best = is_nearer && peak_at(self, places, k) >= enough ? k : best;
    }
    return best;
}

/// The correlation at one lag, over what both recordings have of the section.
static void try_lag(const search *self, int64_t start, int64_t lag, finding *out)
{
    const int64_t y_start = start + lag;
    const int64_t y_frames = nb_recording_frames(self->y);
    // The first difference of either recording is not known, so it is left out.
    int64_t from = y_start < 0 ? 1 - y_start : 1;
    int64_t to = y_frames - y_start;
    to = to < (int64_t)self->section ? to : (int64_t)self->section;
    if (to - from > REFINE_FRAMES) {
        from += (to - from - REFINE_FRAMES) / 2;
        to = from + REFINE_FRAMES;
    }
    const float *x = self->section_samples;
    const float *y = self->window_samples + (size_t)(lag + (int64_t)self->reach);
    double product = 0.0;
    double x_energy = 0.0;
    double y_energy = 0.0;
    for (int64_t i = from; i < to; i++) {
        product += (double)x[i] * (double)y[i];
        x_energy += (double)x[i] * (double)x[i];
        y_energy += (double)y[i] * (double)y[i];
    }
    const double energy = sqrt(x_energy) * sqrt(y_energy);
    out->lag = lag;
    out->correlation = energy > 0.0 ? fmax(-1.0, fmin(1.0, product / energy)) : 0.0;
    out->x_over_y = y_energy > 0.0 ? product / y_energy : 0.0;
    out->y_over_x = x_energy > 0.0 ? product / x_energy : 0.0;
}

static void refine(const search *self, int64_t start, int64_t coarse_lag, finding *best)
{
    const int64_t margin = 2 * (int64_t)self->factor;
    const int64_t reach = (int64_t)self->reach;
    const int64_t least = coarse_lag - margin > -reach ? coarse_lag - margin : -reach;
    const int64_t most = coarse_lag + margin < reach ? coarse_lag + margin : reach;
    for (int64_t lag = least; lag <= most; lag++) {
        finding here = *best;
        try_lag(self, start, lag, &here);
        const double gain = fabs(here.correlation) - fabs(best->correlation);
        const bool nearer = magnitude(lag) < magnitude(best->lag);
        if (lag == least || gain > fine_tie || (gain > -fine_tie && nearer)) {
            *best = here;
        }
    }
}

static nb_status look_for(search *self, int64_t start, finding *out, nb_error *err)
{
    *out = (finding){0};
    nb_status status = read_mono(self, self->x, start, self->section, self->section_samples, err);
    if (status == NB_OK) {
        status = read_mono(self, self->y, start - (int64_t)self->reach,
                           self->section + 2 * self->reach, self->window_samples, err);
    }
    if (status != NB_OK) {
        return status;
    }
    double x_energy = 0.0;
    correlate(self, &x_energy);
    if (x_energy > 0.0 && self->energy[self->coarse_window] > 0.0) {
        normalise(self, x_energy);
        const size_t place = find_place(self);
        out->heard = true;
        out->coarse = (double)self->samples[place];
        refine(self, start, (int64_t)(place * self->factor) - (int64_t)self->reach, out);
    }
    return NB_OK;
}

static bool is_sure(const finding *self)
{
    return self->heard && fabs(self->correlation) >= confidence_enough &&
           self->coarse >= coarse_enough;
}

/// What the sections of one lag say together.
static double weight_of(const finding *findings, size_t count, int64_t lag)
{
    double weight = 0.0;
    for (size_t i = 0; i < count; i++) {
        weight += is_sure(&findings[i]) && findings[i].lag == lag ? findings[i].coarse : 0.0;
    }
    return weight;
}

static double decibels(double factor) { return 20.0 * log10(fabs(factor)); }

static void decide(const finding *findings, size_t count, bool x_is_b, nb_alignment *out)
{
    const finding *best = NULL;
    double best_weight = 0.0;
    *out = (nb_alignment){.steady = true};
    for (size_t i = 0; i < count; i++) {
        const double weight = weight_of(findings, count, findings[i].lag);
        const bool nearer = best && magnitude(findings[i].lag) < magnitude(best->lag);
        if (weight > best_weight || (weight > 0.0 && weight == best_weight && nearer)) {
            best = &findings[i];
            best_weight = weight;
        }
        out->confidence = fmax(out->confidence, fabs(findings[i].correlation));
    }
    if (!best) {
        return;
    }
    out->matches = true;
    out->offset_frames = x_is_b ? -best->lag : best->lag;
    out->gain_db = decibels(x_is_b ? best->x_over_y : best->y_over_x);
    out->inverted = best->correlation < 0.0;
    out->confidence = 0.0;
    for (size_t i = 0; i < count; i++) {
        const bool agrees = findings[i].lag == best->lag;
        out->steady = out->steady && (agrees || !is_sure(&findings[i]));
        if (agrees && is_sure(&findings[i])) {
            out->confidence = fmax(out->confidence, fabs(findings[i].correlation));
        }
    }
}

nb_status nb_align(nb_recording *a, nb_recording *b, const nb_audio_watch *watch, nb_alignment *out,
                   nb_error *err)
{
    *out = (nb_alignment){0};
    assert(nb_recording_rate_hz(a) == nb_recording_rate_hz(b));
    const bool x_is_b = nb_recording_frames(b) < nb_recording_frames(a);
    search self = {.x = x_is_b ? b : a, .y = x_is_b ? a : b};
    NB_SCOPED(nb_arena_destroy) nb_arena *arena = nb_arena_new();
    finding findings[SECTIONS_MAX] = {0};
    nb_status status = make_search(&self, arena, err);
    const int64_t rest = nb_recording_frames(self.x) - (int64_t)self.section;
    const size_t count = rest > 0 ? SECTIONS_MAX : 1;
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        const int64_t start = count > 1 ? rest * (int64_t)i / (SECTIONS_MAX - 1) : 0;
        status = look_for(&self, start, &findings[i], err);
        if (status == NB_OK) {
            status = nb_audio_watch_tell(watch, (int64_t)i + 1, (int64_t)count, err);
        }
    }
    if (status == NB_OK) {
        decide(findings, count, x_is_b, out);
    }
    return status;
}
