// SPDX-License-Identifier: GPL-3.0-or-later
/// @file plain_loop.c  What a programmer writes on a first afternoon: a C loop over the tracks.
///
///     bench_plain_loop SONG.txt OUT.wav
///
/// Decodes with libsndfile, filters (a high pass and four bells, transposed direct form),
/// compresses (one detector a sample, logarithm and exponential of the C library), pans and sums, a
/// track after the other in blocks, the tracks shared out over OpenMP's threads. It leaves out the
/// reverb, the delay, the bus compressor, the limiter and the report. Each line of SONG.txt is a
/// track: its file and a tab, high pass in Hz, four times frequency, gain and Q, threshold, ratio,
/// knee, attack in ms, release in ms and make-up of its compressor, gain of left and of right.

#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SECTIONS = 5,
    CHANNELS = 2,
    BLOCK_FRAMES = 4096,
    TRACKS_MAX = 1024,
    PATH_SIZE = 4096,
};

static const float db_of_log = 8.685889638F; // 20 / ln 10

typedef struct biquad {
    float b0, b1, b2, a1, a2;
    float state[CHANNELS][2];
} biquad;

typedef struct track {
    char path[PATH_SIZE];
    double high_pass_hz;
    double bells[SECTIONS - 1][3];
    double threshold_db, ratio, knee_db, attack_ms, release_ms, makeup_db;
    double gain[CHANNELS];
} track;

typedef struct strip {
    SNDFILE *file;
    int channels;
    biquad sections[SECTIONS];
    float threshold_db, slope, knee_db, makeup_db, attack, release;
    float reduction_db;
    float gain[CHANNELS];
} strip;

/// The cookbook's filters (Bristow-Johnson): a high pass where `bell` is zero.
static biquad design(double freq_hz, double gain_db, double q, double rate_hz, int bell)
{
    const double omega = 2.0 * M_PI * freq_hz / rate_hz;
    const double alpha = sin(omega) / (2.0 * q);
    const double root = pow(10.0, gain_db / 40.0);
    const double c = cos(omega);
    const double a0 = bell ? 1.0 + alpha / root : 1.0 + alpha;
    biquad made = {.a1 = (float)(-2.0 * c / a0)};
    if (bell) {
        made.b0 = (float)((1.0 + alpha * root) / a0);
        made.b1 = (float)(-2.0 * c / a0);
        made.b2 = (float)((1.0 - alpha * root) / a0);
        made.a2 = (float)((1.0 - alpha / root) / a0);
    } else {
        made.b0 = (float)((1.0 + c) / 2.0 / a0);
        made.b1 = (float)(-(1.0 + c) / a0);
        made.b2 = (float)((1.0 + c) / 2.0 / a0);
        made.a2 = (float)((1.0 - alpha) / a0);
    }
    return made;
}

/// One channel through all sections, a sample at a time: the sections overlap in the pipeline.
static void filter(strip *self, int channel, float *samples, sf_count_t frames)
{
    biquad at[SECTIONS];
    memcpy(at, self->sections, sizeof at);
    for (sf_count_t i = 0; i < frames; i++) {
        float sample = samples[i * self->channels + channel];
        for (int s = 0; s < SECTIONS; s++) {
            float *state = at[s].state[channel];
            const float out = at[s].b0 * sample + state[0];
            state[0] = at[s].b1 * sample - at[s].a1 * out + state[1];
            state[1] = at[s].b2 * sample - at[s].a2 * out;
            sample = out;
        }
        samples[i * self->channels + channel] = sample;
    }
    memcpy(self->sections, at, sizeof at);
}

static void compress(strip *self, float *samples, sf_count_t frames)
{
    const int channels = self->channels;
    for (sf_count_t i = 0; i < frames; i++) {
        float peak = 1e-9F;
        for (int c = 0; c < channels; c++) {
            const float level = fabsf(samples[i * channels + c]);
            peak = level > peak ? level : peak;
        }
        const float over_db = db_of_log * logf(peak) - self->threshold_db;
        float wanted_db = 0.0F;
        if (2.0F * over_db > self->knee_db) {
            wanted_db = self->slope * over_db;
        } else if (2.0F * over_db > -self->knee_db) {
            const float into = over_db + self->knee_db / 2.0F;
            wanted_db = self->slope * into * into / (2.0F * self->knee_db);
        }
        const float pace = wanted_db < self->reduction_db ? self->attack : self->release;
        self->reduction_db += pace * (wanted_db - self->reduction_db);
        const float gain = expf((self->reduction_db + self->makeup_db) / db_of_log);
        for (int c = 0; c < channels; c++) {
            samples[i * channels + c] *= gain;
        }
    }
}

static int strip_open(strip *self, const track *settings, double *rate_hz)
{
    SF_INFO info = {0};
    memset(self, 0, sizeof *self);
    self->file = sf_open(settings->path, SFM_READ, &info);
    if (!self->file || info.channels > CHANNELS) {
        fprintf(stderr, "plain_loop: %s: %s\n", settings->path, sf_strerror(self->file));
        return 1;
    }
    *rate_hz = info.samplerate;
    self->channels = info.channels;
    self->sections[0] = design(settings->high_pass_hz, 0.0, M_SQRT1_2, *rate_hz, 0);
    for (int b = 0; b < SECTIONS - 1; b++) {
        const double *bell = settings->bells[b];
        self->sections[b + 1] = design(bell[0], bell[1], bell[2], *rate_hz, 1);
    }
    self->threshold_db = (float)settings->threshold_db;
    self->slope = (float)(1.0 / settings->ratio - 1.0);
    self->knee_db = (float)settings->knee_db;
    self->makeup_db = (float)settings->makeup_db;
    self->attack = (float)(1.0 - exp(-1.0 / (settings->attack_ms * 1e-3 * *rate_hz)));
    self->release = (float)(1.0 - exp(-1.0 / (settings->release_ms * 1e-3 * *rate_hz)));
    self->gain[0] = (float)settings->gain[0];
    self->gain[1] = (float)settings->gain[1];
    return 0;
}

/// The strip's next frames, stereo; returns how many there were.
static sf_count_t strip_render(strip *self, float *out)
{
    float samples[BLOCK_FRAMES * CHANNELS];
    const sf_count_t frames = sf_readf_float(self->file, samples, BLOCK_FRAMES);
    for (int c = 0; c < self->channels; c++) {
        filter(self, c, samples, frames);
    }
    compress(self, samples, frames);
    for (sf_count_t i = 0; i < frames; i++) {
        out[2 * i] = self->gain[0] * samples[i * self->channels];
        out[2 * i + 1] = self->gain[1] * samples[i * self->channels + self->channels - 1];
    }
    return frames;
}

static size_t read_song(const char *path, track *tracks)
{
    FILE *file = fopen(path, "r");
    size_t count = 0;
    while (file && count < TRACKS_MAX) {
        track *to = &tracks[count];
        int found = fscanf(file, " %4095[^\t] %lf", to->path, &to->high_pass_hz);
        for (int b = 0; b < SECTIONS - 1; b++) {
            double *bell = to->bells[b];
            found += fscanf(file, "%lf %lf %lf", &bell[0], &bell[1], &bell[2]);
        }
        found += fscanf(file, "%lf %lf %lf %lf %lf %lf %lf %lf", &to->threshold_db, &to->ratio,
                        &to->knee_db, &to->attack_ms, &to->release_ms, &to->makeup_db, &to->gain[0],
                        &to->gain[1]);
        if (found != 22) {
            break;
        }
        count++;
    }
    if (file) {
        fclose(file);
    }
    return count;
}

/// Block after block: every strip's in parallel, then their sum.
static int render(strip *strips, size_t count, SNDFILE *out)
{
    float(*blocks)[BLOCK_FRAMES * CHANNELS] = calloc(count, sizeof *blocks);
    float sum[BLOCK_FRAMES * CHANNELS];
    sf_count_t frames = blocks ? BLOCK_FRAMES : 0;
    while (frames == BLOCK_FRAMES) {
        frames = 0;
#pragma omp parallel for schedule(dynamic) reduction(max : frames)
        for (size_t t = 0; t < count; t++) {
            const sf_count_t read = strip_render(&strips[t], blocks[t]);
            memset(blocks[t] + read * CHANNELS, 0,
                   (size_t)(BLOCK_FRAMES - read) * CHANNELS * sizeof(float));
            frames = read > frames ? read : frames;
        }
        memset(sum, 0, sizeof sum);
        for (size_t t = 0; t < count; t++) {
            for (sf_count_t i = 0; i < frames * CHANNELS; i++) {
                sum[i] += blocks[t][i];
            }
        }
        if (sf_writef_float(out, sum, frames) != frames) {
            break;
        }
    }
    free(blocks);
    return sf_error(out) != 0;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "Usage: bench_plain_loop SONG.txt OUT.wav\n");
        return 2;
    }
    track *tracks = calloc(TRACKS_MAX, sizeof *tracks);
    const size_t count = tracks ? read_song(argv[1], tracks) : 0;
    strip *strips = calloc(count + 1, sizeof *strips);
    double rate_hz = 0.0;
    int faults = count == 0 || !strips;
    for (size_t t = 0; t < count && !faults; t++) {
        faults = strip_open(&strips[t], &tracks[t], &rate_hz);
    }
    SF_INFO info = {.samplerate = (int)rate_hz,
                    .channels = CHANNELS,
                    .format = SF_FORMAT_WAV | SF_FORMAT_PCM_24};
    SNDFILE *out = faults ? NULL : sf_open(argv[2], SFM_WRITE, &info);
    faults = !out || render(strips, count, out) != 0;
    if (faults) {
        fprintf(stderr, "plain_loop: failed\n");
    }
    sf_close(out);
    for (size_t t = 0; t < count; t++) {
        sf_close(strips[t].file);
    }
    free(strips);
    free(tracks);
    return faults;
}
