// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/dsp/noisy_speech.h"
#include "tests/test.h"

#include <fftw3.h>
#include <math.h>
#include <stdbool.h>

static const double pi = 3.14159265358979323846;

enum { FORMANTS = 3, SIZE = 1024, HOP = 256, LINES = SIZE / 2 + 1 };

static double uniform(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return ((double)*state + 0.5) / 4294967296.0;
}

static double gauss(uint32_t *state)
{
    const double radius = sqrt(-2.0 * log(uniform(state)));
    return radius * cos(2.0 * pi * uniform(state));
}

typedef struct resonator {
    double y1, y2;
} resonator;

static double resonate(resonator *self, double x, double freq_hz, double width_hz, double rate_hz)
{
    const double r = exp(-pi * width_hz / rate_hz);
    const double c = 2.0 * r * cos(2.0 * pi * freq_hz / rate_hz);
    const double y = (1.0 - c + r * r) * x + c * self->y1 - r * r * self->y2;
    self->y2 = self->y1;
    self->y1 = y;
    return y;
}

/// What one syllable sounds like.
typedef struct syllable {
    double seconds, loudness, pitch_hz, fricative;
    const double *formants;
} syllable;

static syllable next_syllable(uint32_t *state)
{
    static const double vowels[][FORMANTS] = {
        {730, 1090, 2440}, {270, 2290, 3010}, {300, 870, 2240}, {530, 1840, 2480}, {570, 840, 2410},
    };
    const bool pause = uniform(state) < 0.22;
    return (syllable){
        .seconds = pause ? 0.25 + 0.35 * uniform(state) : 0.15 + 0.22 * uniform(state),
        .loudness = pause ? 0.0 : pow(10.0, -0.8 * uniform(state)),
        .pitch_hz = 110.0 + 70.0 * uniform(state),
        .fricative = uniform(state) < 0.3 ? 0.1 : 0.0,
        .formants = vowels[(size_t)(uniform(state) * 5.0)],
    };
}

void speech_like(float *out, size_t frames, double rate_hz, uint32_t seed)
{
    uint32_t state = seed;
    resonator voice[FORMANTS] = {0};
    resonator hiss = {0};
    double phase = 0.0;
    double last_pulse = 0.0;
    syllable now = {.formants = NULL};
    size_t left = 0;
    size_t length = 1;
    double peak = 1e-9;
    for (size_t i = 0; i < frames; i++) {
        if (left == 0) {
            now = next_syllable(&state);
            length = left = (size_t)(now.seconds * rate_hz);
        }
        const double at = 1.0 - (double)left-- / (double)length;
        const double swell = now.loudness * sin(pi * at);
        phase += now.pitch_hz * (1.06 - 0.14 * at) / rate_hz;
        phase -= floor(phase);
        // A glottal pulse: opens slowly, closes fast; its slope excites the formants.
        const double pulse = phase < 0.6 ? 0.5 - 0.5 * cos(pi * phase / 0.6) : 0.0;
        const double excitation = (pulse - last_pulse) * 8.0 + 0.01 * gauss(&state);
        last_pulse = pulse;
        double y = 0.0;
        for (size_t f = 0; f < FORMANTS; f++) {
            y +=
                resonate(&voice[f], excitation, now.formants[f], 60.0 + 40.0 * (double)f, rate_hz) *
                (f == FORMANTS - 1 ? 0.7 : 1.0);
        }
        const double breath = resonate(&hiss, gauss(&state), 5500.0, 2500.0, rate_hz);
        const double edge = at < 0.35 ? sin(pi * at / 0.35) : 0.0;
        y = swell * y + now.loudness * now.fricative * edge * breath;
        out[i] = (float)y;
        peak = fmax(peak, fabs(y));
    }
    for (size_t i = 0; i < frames; i++) {
        out[i] = (float)((double)out[i] * 0.5 / peak);
    }
}

void white_noise(float *out, size_t frames, uint32_t seed)
{
    uint32_t state = seed;
    for (size_t i = 0; i < frames; i++) {
        out[i] = (float)gauss(&state);
    }
}

// Paul Kellet's sum of seven one-poles: within 0.05 dB of -3 dB an octave over 9 octaves.
void pink_noise(float *out, size_t frames, uint32_t seed)
{
    static const double poles[] = {0.99886, 0.99332, 0.96900, 0.86650, 0.55000, -0.7616};
    static const double gains[] = {0.0555179, 0.0750759, 0.1538520,
                                   0.3104856, 0.5329522, -0.0168980};
    uint32_t state = seed;
    double low[6] = {0};
    double late = 0.0;
    double energy = 0.0;
    for (size_t i = 0; i < frames; i++) {
        const double white = gauss(&state);
        double sum = late + white * 0.5362;
        for (size_t p = 0; p < 6; p++) {
            low[p] = poles[p] * low[p] + gains[p] * white;
            sum += low[p];
        }
        late = white * 0.115926;
        out[i] = (float)sum;
        energy += sum * sum;
    }
    const double scale = 1.0 / sqrt(energy / (double)frames);
    for (size_t i = 0; i < frames; i++) {
        out[i] = (float)((double)out[i] * scale);
    }
}

static double energy_of(const float *x, size_t frames)
{
    double sum = 0.0;
    for (size_t i = 0; i < frames; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    return sum;
}

double add_noise(const float *clean, const float *noise, size_t frames, double snr_db, float *out)
{
    const double scale =
        sqrt(energy_of(clean, frames) / energy_of(noise, frames)) * pow(10.0, -snr_db / 20.0);
    for (size_t i = 0; i < frames; i++) {
        out[i] = (float)((double)clean[i] + scale * (double)noise[i]);
    }
    return scale;
}

double segmental_snr_db(const float *clean, const float *got, size_t frames, double rate_hz)
{
    const size_t segment = (size_t)(0.02 * rate_hz);
    double loudest = 0.0;
    for (size_t at = 0; at + segment <= frames; at += segment) {
        loudest = fmax(loudest, energy_of(clean + at, segment));
    }
    double sum = 0.0;
    size_t count = 0;
    for (size_t at = 0; at + segment <= frames; at += segment) {
        const double signal = energy_of(clean + at, segment);
        if (signal < loudest * 1e-4) {
            continue;
        }
        double error = 1e-30;
        for (size_t i = at; i < at + segment; i++) {
            const double off = (double)clean[i] - (double)got[i];
            error += off * off;
        }
        sum += fmin(fmax(10.0 * log10(signal / error), -10.0), 35.0);
        count++;
    }
    return sum / (double)count;
}

static void free_floats(float **p) { fftwf_free(*p); }
static void free_lines(fftwf_complex **p) { fftwf_free(*p); }
static void free_plan(fftwf_plan *p) { fftwf_destroy_plan(*p); }

/// Powers of LINES lines in each of the frames, which the caller frees.
static double *powers_of(const float *x, size_t frames, size_t *out_count)
{
    *out_count = (frames - SIZE) / HOP + 1;
    double *powers = calloc(*out_count * LINES, sizeof *powers);
    assert_non_null(powers);
    NB_SCOPED(free_floats) float *in = fftwf_alloc_real(SIZE);
    NB_SCOPED(free_lines) fftwf_complex *lines = fftwf_alloc_complex(LINES);
    NB_SCOPED(free_plan) fftwf_plan plan = fftwf_plan_dft_r2c_1d(SIZE, in, lines, FFTW_ESTIMATE);
    for (size_t f = 0; f < *out_count; f++) {
        for (size_t i = 0; i < SIZE; i++) {
            const double window = 0.5 - 0.5 * cos(2.0 * pi * (double)i / SIZE);
            in[i] = (float)((double)x[f * HOP + i] * window);
        }
        fftwf_execute(plan);
        for (size_t k = 0; k < LINES; k++) {
            const double re = (double)lines[k][0];
            const double im = (double)lines[k][1];
            powers[f * LINES + k] = re * re + im * im;
        }
    }
    return powers;
}

static void free_powers(double **p) { free(*p); }

double log_spectral_distortion_db(const float *clean, const float *got, size_t frames)
{
    size_t count = 0;
    NB_SCOPED(free_powers) double *a = powers_of(clean, frames, &count);
    NB_SCOPED(free_powers) double *b = powers_of(got, frames, &count);
    double greatest = 0.0;
    for (size_t i = 0; i < count * LINES; i++) {
        greatest = fmax(greatest, a[i]);
    }
    const double floor_power = greatest * 1e-5;
    double sum = 0.0;
    for (size_t f = 0; f < count; f++) {
        double squares = 0.0;
        for (size_t k = 0; k < LINES; k++) {
            const double off = 10.0 * log10(fmax(a[f * LINES + k], floor_power) /
                                            fmax(b[f * LINES + k], floor_power));
            squares += off * off;
        }
        sum += sqrt(squares / LINES);
    }
    return sum / (double)count;
}

// Frames in which the clean signal is 40 dB under the noise, 0.1 s from any in which it is not:
// what is left of a word's end is no property of the noise.
static size_t find_pauses(const double *clean, const double *noise, size_t count, bool *pause)
{
    enum { AWAY = 20 };
    size_t pauses = 0;
    for (size_t f = 0; f < count; f++) {
        pause[f] = true;
    }
    for (size_t f = 0; f < count; f++) {
        double clean_power = 0.0;
        double noise_power = 0.0;
        for (size_t k = 0; k < LINES; k++) {
            clean_power += clean[f * LINES + k];
            noise_power += noise[f * LINES + k];
        }
        const bool speech = clean_power >= noise_power * 1e-4;
        for (size_t i = (f > AWAY) ? f - AWAY : 0; speech && i < count && i <= f + AWAY; i++) {
            pause[i] = false;
        }
    }
    for (size_t f = 0; f < count; f++) {
        pauses += pause[f];
    }
    return pauses;
}

// Mean over the lines of the kurtosis of their powers.
static double mean_kurtosis(const double *powers, const bool *pause, size_t count)
{
    double sum = 0.0;
    for (size_t k = 1; k + 1 < LINES; k++) {
        double m2 = 0.0;
        double m4 = 0.0;
        size_t pauses = 0;
        for (size_t f = 0; f < count; f++) {
            const double x = pause[f] ? powers[f * LINES + k] : 0.0;
            m2 += x * x;
            m4 += x * x * x * x;
            pauses += pause[f];
        }
        sum += m4 * (double)pauses / (m2 * m2);
    }
    return sum / (LINES - 2);
}

double log_kurtosis_ratio(const float *clean, const float *before, const float *after,
                          size_t frames)
{
    size_t count = 0;
    NB_SCOPED(free_powers) double *c = powers_of(clean, frames, &count);
    NB_SCOPED(free_powers) double *b = powers_of(before, frames, &count);
    NB_SCOPED(free_powers) double *a = powers_of(after, frames, &count);
    bool *pause = calloc(count, sizeof *pause);
    assert_non_null(pause);
    assert_true(find_pauses(c, b, count, pause) > 50);
    const double ratio = mean_kurtosis(a, pause, count) / mean_kurtosis(b, pause, count);
    free(pause);
    return log(ratio);
}
