// SPDX-License-Identifier: GPL-3.0-or-later
/// @file synthesise.c  The stems of the benchmark: the same bytes on every machine, in seconds.
///
///     bench_synthesise stems FOLDER COUNT SECONDS
///     bench_synthesise response FILE
///
/// Eight kinds of player in turn, each with velocities, sections and pauses, so that compressors
/// have work. Under every stem lies noise at -80 dBFS: no program gains by skipping silence.
/// Additions, products and divisions of doubles only, no libm: bits do not depend on a C library.

#include "base/status.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    RATE_HZ = 48000,
    TABLE_BITS = 11, ///< One period of a wave: 2,048 values, read between by straight lines
    TABLE_SIZE = 1 << TABLE_BITS,
    SAMPLE_BYTES = 3,
    HEADER_BYTES = 44,
    BLOCK_FRAMES = 4096,
    CHANNELS_MAX = 2,
    VOICES = 3,         ///< Oscillators a channel
    NOTE_FRAMES = 6000, ///< A sixteenth at 120 quarters a minute
    BAR_NOTES = 16,
    RESPONSE_FRAMES = 2 * RATE_HZ,
    NAME_SIZE = 4096,
};

static const double tau = 6.283185307179586;
static const double floor_gain = 1e-4;
static const double full_scale = 8388607.0;

/// A player: how a stem of its kind sounds. Times are in frames.
typedef struct player {
    double lowest_hz;
    unsigned semitones;   ///< Range of its notes
    unsigned every_notes; ///< Sixteenths between onsets
    unsigned hit_percent; ///< How many of them are played
    double attack;
    double decay;
    double noise;    ///< Share of noise in the sound
    double harmonic; ///< Level of each harmonic by the one before
    double sweep;    ///< Share of the pitch that falls away after the onset (drums)
    double peak;     ///< Of the loudest note
} player;

static const player players[] = {
    {48, 1, 4, 95, 40, 7000, 0.05, 0.15, 3.0, 0.80},      // kick
    {180, 2, 8, 98, 20, 5000, 0.75, 0.30, 0.5, 0.70},     // snare
    {41, 12, 2, 85, 200, 12000, 0.02, 0.55, 0.0, 0.60},   // bass
    {130, 18, 16, 90, 9000, 90000, 0.03, 0.60, 0.0, 0.5}, // pad
    {700, 5, 2, 90, 10, 1800, 0.95, 0.60, 0.0, 0.60},     // hat
    {110, 24, 4, 80, 90, 20000, 0.04, 0.75, 0.0, 0.65},   // guitar
    {165, 14, 4, 70, 1500, 24000, 0.12, 0.80, 0.0, 0.7},  // voice
    {220, 24, 3, 75, 60, 15000, 0.03, 0.45, 0.0, 0.60},   // keys
};

/// One channel while it plays.
typedef struct channel {
    uint32_t phase[VOICES];
    double step[VOICES]; ///< Of the phase, a frame; 2^32 is a turn
    double sweep;
    double level;  ///< Of the note, falling
    double rising; ///< 0 to 1 over the attack
    double target;
    uint64_t noise;
    double dull; ///< State of the noise's low pass
} channel;

typedef struct stem {
    const player *player;
    double table[TABLE_SIZE + 1];
    uint64_t score; ///< Random numbers that both channels share: they play the same notes
    unsigned channels;
    channel channel[CHANNELS_MAX];
} stem;

/// splitmix64
static uint64_t next_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t mixed = *state;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

/// In [-1, 1), cheap: one step of a linear congruence.
static double next_noise(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(int32_t)(*state >> 32) * 0x1p-31;
}

/// sin(tau * turns) for turns in [0, 1) by its series about the middle: exact to 1e-12.
static double sine(double turns)
{
    const double x = tau * (turns - 0.5);
    double term = x;
    double sum = x;
    for (int n = 1; n < 14; n++) {
        term *= -x * x / ((2.0 * n) * (2.0 * n + 1.0));
        sum += term;
    }
    return -sum;
}

static void fill_table(double *table, double harmonic)
{
    double highest = 0.0;
    for (size_t i = 0; i <= TABLE_SIZE; i++) {
        double level = 1.0;
        table[i] = 0.0;
        for (size_t h = 1; h <= 24; h++) {
            table[i] += level * sine((double)(h * i % TABLE_SIZE) / TABLE_SIZE);
            level *= harmonic;
        }
        highest = table[i] > highest ? table[i] : highest;
    }
    for (size_t i = 0; i <= TABLE_SIZE; i++) {
        table[i] /= highest;
    }
}

static void start_note(stem *self, unsigned number)
{
    const player *sound = self->player;
    const unsigned section = number / (BAR_NOTES * 8); // eight bars, louder and softer in turn
    const double loudness = section % 2 ? 1.0 : 0.55;
    const uint64_t random = next_random(&self->score);
    if (number % sound->every_notes != 0 || random % 100 >= sound->hit_percent) {
        return;
    }
    double pitch = sound->lowest_hz;
    for (unsigned i = 0; i < (random >> 8) % sound->semitones; i++) {
        pitch *= 1.0594630943592953; // a semitone
    }
    const double velocity = 0.35 + 0.65 * (double)((random >> 24) % 1000) / 999.0;
    for (unsigned c = 0; c < self->channels; c++) {
        channel *to = &self->channel[c];
        for (unsigned v = 0; v < VOICES; v++) {
            const double detune = 1.0 + 0.0021 * ((double)v - 1.0) + 0.0007 * c;
            to->step[v] = pitch * detune * 0x1p32 / RATE_HZ;
        }
        to->sweep = sound->sweep;
        to->target = sound->peak * velocity * loudness;
        to->level = to->target;
        to->rising = 0.0;
    }
}

static void play(const stem *self, channel *state, double *out, size_t frames)
{
    const player *sound = self->player;
    const double decay = 1.0 - 1.0 / sound->decay;
    const double attack = 1.0 / sound->attack;
    const double tone = (1.0 - sound->noise) / VOICES;
    channel at = *state;
    for (size_t i = 0; i < frames; i++) {
        const double pitch = 1.0 + at.sweep;
        double sum = 0.0;
        for (size_t v = 0; v < VOICES; v++) {
            const uint32_t index = at.phase[v] >> (32 - TABLE_BITS);
            const double part = (double)(at.phase[v] << TABLE_BITS) * 0x1p-32; // between two values
            sum += self->table[index] + part * (self->table[index + 1] - self->table[index]);
            at.phase[v] += (uint32_t)(int64_t)(at.step[v] * pitch);
        }
        const double noise = next_noise(&at.noise);
        at.dull += 0.3 * (noise - at.dull);
        at.rising = at.rising + attack < 1.0 ? at.rising + attack : 1.0;
        out[i] = at.level * at.rising * (tone * sum + sound->noise * (noise - 0.5 * at.dull)) +
                 floor_gain * noise;
        at.level *= decay;
        at.sweep *= 0.9992;
    }
    *state = at;
}

static void put_sample(unsigned char *to, double value)
{
    const double scaled = value * full_scale;
    const int32_t whole = (int32_t)(scaled < 0.0 ? scaled - 0.5 : scaled + 0.5);
    to[0] = (unsigned char)(whole & 0xff);
    to[1] = (unsigned char)((whole >> 8) & 0xff);
    to[2] = (unsigned char)((whole >> 16) & 0xff);
}

static void put_number(unsigned char *to, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        to[i] = (unsigned char)(value >> (8 * i));
    }
}

static void put_tag(unsigned char *to, const char *tag)
{
    for (unsigned i = 0; tag[i]; i++) {
        to[i] = (unsigned char)tag[i];
    }
}

static void write_header(FILE *file, unsigned channels, uint32_t frames)
{
    unsigned char header[HEADER_BYTES];
    const uint32_t frame_bytes = channels * SAMPLE_BYTES;
    put_tag(header, "RIFF....WAVEfmt ");
    put_number(header + 4, HEADER_BYTES - 8 + frames * frame_bytes, 4);
    put_number(header + 16, 16, 4);
    put_number(header + 20, 1, 2); // PCM
    put_number(header + 22, channels, 2);
    put_number(header + 24, RATE_HZ, 4);
    put_number(header + 28, RATE_HZ * frame_bytes, 4);
    put_number(header + 32, frame_bytes, 2);
    put_number(header + 34, 8 * SAMPLE_BYTES, 2);
    put_tag(header + 36, "data");
    put_number(header + 40, frames * frame_bytes, 4);
    fwrite(header, 1, sizeof header, file);
}

/// Every fourth stem is stereo: the first 8 have 2, the 32 have 8, the 128 have 32.
static void stem_init(stem *self, unsigned index)
{
    memset(self, 0, sizeof *self);
    self->player = &players[index % NB_COUNT(players)];
    self->channels = index % 4 == 3 ? 2 : 1;
    self->score = 0x6e69676874627573u + index;
    fill_table(self->table, self->player->harmonic);
    for (unsigned c = 0; c < self->channels; c++) {
        self->channel[c].noise = 7919u * (index + 1) + 104729u * c;
        for (unsigned v = 0; v < VOICES; v++) {
            self->channel[c].phase[v] = (uint32_t)next_random(&self->channel[c].noise);
        }
    }
}

static void write_frames(stem *self, FILE *file, uint32_t frames)
{
    static _Thread_local double made[CHANNELS_MAX][NOTE_FRAMES];
    static _Thread_local unsigned char bytes[NOTE_FRAMES * CHANNELS_MAX * SAMPLE_BYTES];
    const unsigned channels = self->channels;
    for (uint32_t first = 0; first < frames; first += NOTE_FRAMES) {
        const uint32_t count = frames - first < NOTE_FRAMES ? frames - first : NOTE_FRAMES;
        start_note(self, first / NOTE_FRAMES);
        for (unsigned c = 0; c < channels; c++) {
            play(self, &self->channel[c], made[c], count);
            for (uint32_t i = 0; i < count; i++) {
                put_sample(bytes + (size_t)SAMPLE_BYTES * (i * channels + c), made[c][i]);
            }
        }
        fwrite(bytes, (size_t)SAMPLE_BYTES * channels, count, file);
    }
}

/// A file takes its name when it is whole.
static int publish(FILE *file, const char *draft, const char *path)
{
    const int faulty = ferror(file);
    if (fclose(file) != 0 || faulty || rename(draft, path) != 0) {
        fprintf(stderr, "bench_synthesise: %s: %s\n", path, strerror(errno));
        unlink(draft);
        return 1;
    }
    return 0;
}

static FILE *open_draft(const char *path, char *draft)
{
    snprintf(draft, NAME_SIZE, "%s.part", path);
    FILE *file = fopen(draft, "wb");
    if (!file) {
        fprintf(stderr, "bench_synthesise: %s: %s\n", draft, strerror(errno));
    }
    return file;
}

static int write_stem(const char *folder, unsigned index, uint32_t frames)
{
    char path[NAME_SIZE - 8];
    char draft[NAME_SIZE];
    snprintf(path, sizeof path, "%s/stem-%03u.wav", folder, index + 1);
    stem *self = malloc(sizeof *self);
    FILE *file = self ? open_draft(path, draft) : NULL;
    if (!file) {
        free(self);
        return 1;
    }
    stem_init(self, index);
    write_header(file, self->channels, frames);
    write_frames(self, file, frames);
    free(self);
    return publish(file, draft, path);
}

static int write_stems(const char *folder, unsigned count, uint32_t frames)
{
    int faults = 0;
#pragma omp parallel for schedule(dynamic) reduction(+ : faults)
    for (unsigned i = 0; i < count; i++) {
        faults += write_stem(folder, i, frames);
    }
    return faults > 0;
}

/// Two seconds of stereo noise that falls by 60 dB and grows dull on its way.
static int write_response(const char *path)
{
    char draft[NAME_SIZE];
    FILE *file = open_draft(path, draft);
    if (!file) {
        return 1;
    }
    write_header(file, 2, RESPONSE_FRAMES);
    uint64_t noise[2] = {1, 2};
    double dull[2] = {0.0, 0.0};
    double level = 0.03;
    for (uint32_t i = 0; i < RESPONSE_FRAMES; i++) {
        unsigned char bytes[2 * SAMPLE_BYTES];
        const double openness = 0.7 - 0.6 * (double)i / RESPONSE_FRAMES;
        for (int c = 0; c < 2; c++) {
            dull[c] += openness * (next_noise(&noise[c]) - dull[c]);
            put_sample(bytes + SAMPLE_BYTES * c, level * dull[c]);
        }
        level *= 1.0 - 7.2e-5; // 60 dB over 2 s
        fwrite(bytes, 1, sizeof bytes, file);
    }
    return publish(file, draft, path);
}

static int usage(void)
{
    fprintf(stderr, "Usage: bench_synthesise stems FOLDER COUNT SECONDS\n"
                    "       bench_synthesise response FILE\n");
    return 2;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "response") == 0) {
        return write_response(argv[2]);
    }
    if (argc != 5 || strcmp(argv[1], "stems") != 0) {
        return usage();
    }
    char *end = NULL;
    const long count = strtol(argv[3], &end, 10);
    if (*end || count < 1 || count > 999) {
        return usage();
    }
    const long seconds = strtol(argv[4], &end, 10);
    if (*end || seconds < 1 || seconds > 3600) {
        return usage();
    }
    return write_stems(argv[2], (unsigned)count, (uint32_t)seconds * RATE_HZ);
}
