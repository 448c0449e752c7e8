// SPDX-License-Identifier: GPL-3.0-or-later
/// @file levels.c  What a mix measures, so that the programs' outputs can be held against each
/// other.
///
///     bench_levels FILE
///
/// Prints JSON: frames, channels, bits, integrated loudness, true peak, and the level of eight
/// octaves from 63 Hz to 8 kHz in dBFS (RMS over the file, both channels, two band passes each).

#include <ebur128.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>

enum { BANDS = 8, BLOCK_FRAMES = 4096, CHANNELS = 2, POLES = 2 };

typedef struct band {
    double b0, a1, a2;
    double x[POLES][CHANNELS][2];
    double y[POLES][CHANNELS][2];
    double energy;
} band;

static void band_init(band *self, double freq_hz, double rate_hz)
{
    const double omega = 2.0 * M_PI * freq_hz / rate_hz;
    const double alpha = sin(omega) / (2.0 * M_SQRT2); // an octave wide
    *self = (band){.b0 = alpha / (1.0 + alpha),
                   .a1 = -2.0 * cos(omega) / (1.0 + alpha),
                   .a2 = (1.0 - alpha) / (1.0 + alpha)};
}

static void band_add(band *self, int channel, double sample)
{
    for (int p = 0; p < POLES; p++) {
        double *x = self->x[p][channel];
        double *y = self->y[p][channel];
        const double out = self->b0 * (sample - x[1]) - self->a1 * y[0] - self->a2 * y[1];
        x[1] = x[0];
        x[0] = sample;
        y[1] = y[0];
        y[0] = out;
        sample = out;
    }
    self->energy += sample * sample;
}

static double decibel(double energy) { return 10.0 * log10(energy + 1e-20); }

static int bits_of(int format)
{
    switch (format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_16:
        return 16;
    case SF_FORMAT_PCM_24:
        return 24;
    default:
        return 32;
    }
}

static int measure(SNDFILE *file, const SF_INFO *info)
{
    static float samples[BLOCK_FRAMES * CHANNELS];
    band bands[BANDS];
    ebur128_state *meter = ebur128_init(CHANNELS, (unsigned long)info->samplerate,
                                        EBUR128_MODE_I | EBUR128_MODE_TRUE_PEAK);
    for (int b = 0; b < BANDS; b++) {
        band_init(&bands[b], 62.5 * (1 << b), info->samplerate);
    }
    sf_count_t frames = 0;
    while (meter && (frames = sf_readf_float(file, samples, BLOCK_FRAMES)) > 0) {
        ebur128_add_frames_float(meter, samples, (size_t)frames);
        for (int b = 0; b < BANDS; b++) {
            for (sf_count_t i = 0; i < frames * CHANNELS; i++) {
                band_add(&bands[b], (int)(i % CHANNELS), samples[i]);
            }
        }
    }
    double loudness = 0.0;
    double left = 0.0;
    double right = 0.0;
    const int faulty = !meter || ebur128_loudness_global(meter, &loudness) != EBUR128_SUCCESS ||
                       ebur128_true_peak(meter, 0, &left) != EBUR128_SUCCESS ||
                       ebur128_true_peak(meter, 1, &right) != EBUR128_SUCCESS;
    printf("{\"frames\": %lld, \"channels\": %d, \"bits\": %d, ", (long long)info->frames,
           info->channels, bits_of(info->format));
    printf("\"lufs\": %.2f, \"dbtp\": %.2f, \"bands_db\": [", loudness > -200 ? loudness : -200.0,
           20.0 * log10(fmax(left, right) + 1e-10));
    for (int b = 0; b < BANDS; b++) {
        printf("%s%.1f", b ? ", " : "",
               decibel(bands[b].energy / (double)(info->frames * CHANNELS + 1)));
    }
    printf("]}\n");
    ebur128_destroy(&meter);
    return faulty;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "Usage: bench_levels FILE\n");
        return 2;
    }
    SF_INFO info = {0};
    SNDFILE *file = sf_open(argv[1], SFM_READ, &info);
    if (!file || info.channels != CHANNELS) {
        fprintf(stderr, "bench_levels: %s: %s\n", argv[1],
                file ? "is not stereo" : sf_strerror(NULL));
        sf_close(file);
        return 1;
    }
    const int faults = measure(file, &info);
    sf_close(file);
    return faults;
}
