// SPDX-License-Identifier: GPL-3.0-or-later
/// @file processors.c  What each registered processor costs, at each register width this CPU has.
///
///     bench_processors [NAME...]
///
/// Prints a line of JSON for each processor and case: nanoseconds of CPU time per frame of one
/// channel, the least of several runs, by lanes. Cases: `still`, all defaults (bands, where there
/// are some, six bells or what the processor calls its first type, boosting and cutting in turn);
/// `moving`, every parameter that a lane may move is moved at every frame. A processor of form
/// LANES has all lanes taken by mono voices, or by stereo ones where it takes no mono.

#include "base/arena.h"
#include "dsp/level.h"
#include "dsp/processor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    RATE_HZ = 48000,
    BLOCK_FRAMES = 1024,
    BLOCKS = 32, ///< That are gone through in turn
    LANES_MAX = 8,
    CHANNELS_MAX = 2,
    PARAMS_MAX = 256,
    CONTROLS_MAX = 1024,
    BANDS = 6,
    TURNS = 7,
    RESPONSE_FRAMES = 2 * RATE_HZ,
};

static const double least_seconds = 0.02; // of a turn

/// One processor with the settings it is tried with, and what it reads and writes.
typedef struct bench {
    const nb_processor *processor;
    size_t lanes;
    nb_settings voices[LANES_MAX];
    size_t voice_count;
    size_t width; ///< Channels it makes at once
    double values[PARAMS_MAX];
    double band_values[PARAMS_MAX];
    bool moving[CONTROLS_MAX];
    nb_tempo tempo;
    const float *response[CHANNELS_MAX];
    const double *controls[CONTROLS_MAX];
    float *in; ///< BLOCKS blocks
    float *out;
    nb_arena *arena;
    void *state;
} bench;

static double next_noise(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (double)(*seed >> 8) * 0x1p-23 - 1.0;
}

static float *take_noise(nb_arena *arena, size_t count, double peak, double fall_frames)
{
    float *noise = nb_arena_take(arena, count, sizeof *noise);
    unsigned seed = 12345;
    for (size_t i = 0; noise && i < count; i++) {
        noise[i] = (float)(peak * exp(-(double)i / fall_frames) * next_noise(&seed));
    }
    return noise;
}

static void set_bands(bench *self)
{
    const nb_processor *processor = self->processor;
    for (size_t b = 0; b < BANDS; b++) {
        for (size_t p = 0; p < processor->band_param_count; p++) {
            const nb_param *param = &processor->band_params[p];
            double value = param->initial;
            if (strcmp(param->name, "freq_hz") == 0) {
                value = 60.0 * pow(2.5, (double)b);
            } else if (strcmp(param->name, "gain_db") == 0) {
                value = b % 2 ? -3.0 : 3.0;
            }
            self->band_values[b * processor->band_param_count + p] = value;
        }
    }
}

static void set_voices(bench *self, unsigned channels, bool moving)
{
    const nb_processor *processor = self->processor;
    const size_t bands = processor->bands_max == 0      ? 0
                         : processor->bands_max < BANDS ? processor->bands_max
                                                        : BANDS;
    const bool is_lanes = processor->form == NB_FORM_LANES;
    self->voice_count = is_lanes ? self->lanes / channels : 1;
    self->width = is_lanes ? self->lanes : channels;
    self->tempo = (nb_tempo){0, 120.0};
    for (size_t v = 0; v < self->voice_count; v++) {
        self->voices[v] = (nb_settings){
            .processor = processor,
            .rate_hz = RATE_HZ,
            .channels = channels,
            .values = self->values,
            .band_count = bands,
            .band_values = self->band_values,
            .moving = moving ? self->moving : NULL,
            .tempos = &self->tempo,
            .tempo_count = 1,
        };
        if (processor->takes_audio && !processor->audio_optional) {
            self->voices[v].audio = self->response;
            self->voices[v].audio_channels = CHANNELS_MAX;
            self->voices[v].audio_frames = RESPONSE_FRAMES;
        }
    }
}

/// A slow swing about the value, a tenth of it or of the range, kept inside.
static double swung(const nb_param *param, double value, size_t frame)
{
    const double swing = sin((double)frame * 6.2831853 / BLOCK_FRAMES);
    const double low = param->min;
    const double high = param->max;
    const double moved = param->scale == NB_SCALE_LOG ? value * (1.0 + 0.1 * swing)
                                                      : value + 0.02 * (high - low) * swing;
    return moved < low ? low : moved > high ? high : moved;
}

/// Curves of a block for a control: a value for each lane and frame, or each frame (planar).
static bool move(bench *self, size_t control, const nb_param *param, double value)
{
    const bool moves = param->automatable && isfinite(value);
    const size_t step = self->processor->form == NB_FORM_LANES ? self->lanes : 1;
    double *curve = moves ? nb_arena_take(self->arena, BLOCK_FRAMES * step, sizeof *curve) : NULL;
    for (size_t i = 0; curve && i < BLOCK_FRAMES * step; i++) {
        curve[i] = swung(param, value, i / step);
    }
    self->moving[control] = curve != NULL;
    self->controls[control] = curve;
    return curve != NULL;
}

/// Returns how many controls move.
static size_t move_all(bench *self)
{
    const nb_processor *processor = self->processor;
    const size_t band_params = processor->band_param_count;
    size_t count = 0;
    for (size_t p = 0; p < processor->param_count; p++) {
        count += move(self, p, &processor->params[p], self->values[p]);
    }
    for (size_t i = 0; i < self->voices[0].band_count * band_params; i++) {
        count += move(self, processor->param_count + i, &processor->band_params[i % band_params],
                      self->band_values[i]);
    }
    return count;
}

static bool init(bench *self, unsigned channels, bool moving)
{
    nb_error err;
    const nb_processor *processor = self->processor;
    set_voices(self, channels, moving);
    for (size_t v = 0; v < self->voice_count; v++) {
        if (processor->check && processor->check(&self->voices[v], &err) != NB_OK) {
            return false;
        }
    }
    if (moving && move_all(self) == 0) {
        return false;
    }
    return processor->init(self->arena, self->voices, self->voice_count, &self->state, &err) ==
           NB_OK;
}

static bool take_memory(bench *self)
{
    self->arena = nb_arena_new();
    self->in = take_noise(self->arena, (size_t)BLOCKS * BLOCK_FRAMES * LANES_MAX, 0.3, 1e12);
    self->out = nb_arena_take(self->arena, (size_t)BLOCK_FRAMES * LANES_MAX, sizeof(float));
    float *response = take_noise(self->arena, RESPONSE_FRAMES, 0.02, RATE_HZ / 4.0);
    self->response[0] = response;
    self->response[1] = response;
    return self->in && self->out && response;
}

/// Ready to process; false where the processor has no such case, said on standard error where it
/// should have one.
static bool bench_init(bench *self, const nb_processor *processor, size_t lanes, bool moving)
{
    *self = (bench){.processor = processor, .lanes = lanes};
    if (!take_memory(self) || processor->param_count > PARAMS_MAX ||
        BANDS * processor->band_param_count > PARAMS_MAX) {
        fprintf(stderr, "bench_processors: %s: too large\n", processor->name);
        return false;
    }
    for (size_t p = 0; p < processor->param_count; p++) {
        self->values[p] = processor->params[p].initial;
    }
    set_bands(self);
    const unsigned first = processor->form == NB_FORM_PLANAR ? 2 : 1;
    if (init(self, first, moving) || init(self, 2, moving)) {
        return true;
    }
    if (!moving) {
        fprintf(stderr, "bench_processors: %s takes none of the settings\n", processor->name);
    }
    return false;
}

static double cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void process(bench *self, size_t number, bool moving)
{
    float *in = self->in + (number % BLOCKS) * BLOCK_FRAMES * self->width;
    const float *planar_in[CHANNELS_MAX] = {in, in + BLOCK_FRAMES};
    float *planar_out[CHANNELS_MAX] = {self->out, self->out + BLOCK_FRAMES};
    const nb_block block = {
        .start_frame = (int64_t)(number * BLOCK_FRAMES),
        .frames = BLOCK_FRAMES,
        .in = in,
        .out = self->out,
        .planar_in = planar_in,
        .planar_out = planar_out,
        .controls = moving ? self->controls : NULL,
    };
    self->processor->process(self->state, &block);
}

/// Nanoseconds per frame of one channel.
static double measure(bench *self, bool moving)
{
    double least = INFINITY;
    size_t number = 0;
    for (int turn = 0; turn < TURNS; turn++) {
        const double start = cpu_now();
        double seconds = 0.0;
        size_t blocks = 0;
        while (seconds < least_seconds) {
            for (int i = 0; i < BLOCKS; i++) {
                process(self, number++, moving);
            }
            blocks += BLOCKS;
            seconds = cpu_now() - start;
        }
        const double cost = 1e9 * seconds / ((double)blocks * BLOCK_FRAMES * (double)self->width);
        least = cost < least ? cost : least;
    }
    return least;
}

static bool is_asked(const char *name, int argc, char **argv)
{
    bool asked = argc == 1;
    for (int i = 1; i < argc; i++) {
        asked = asked || strcmp(argv[i], name) == 0;
    }
    return asked;
}

static void print_case(size_t index, bool moving)
{
    const char *separator = "";
    const char *name = nb_processor_at(index)->name;
    for (size_t lanes = 2; lanes <= LANES_MAX; lanes *= 2) {
        const nb_processor *processor = nb_processor_at_level(index, lanes);
        bench self = {0};
        if (processor && bench_init(&self, processor, lanes, moving)) {
            if (*separator == '\0') {
                printf("{\"program\": \"%s\", \"settings\": \"%s\", \"ns\": {", name,
                       moving ? "moving" : "still");
            }
            printf("%s\"%zu\": %.3f", separator, lanes, measure(&self, moving));
            separator = ", ";
        }
        nb_arena_destroy(&self.arena);
    }
    if (*separator) {
        printf("}}\n");
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    size_t found = 0;
    for (size_t i = 0; i < nb_processor_count(); i++) {
        if (is_asked(nb_processor_at(i)->name, argc, argv)) {
            found++;
            print_case(i, false);
            print_case(i, true);
        }
    }
    if (found == 0) {
        fprintf(stderr, "bench_processors: no such processor; there are:");
        for (size_t i = 0; i < nb_processor_count(); i++) {
            fprintf(stderr, " %s", nb_processor_at(i)->name);
        }
        fprintf(stderr, "\n");
        return 2;
    }
    return 0;
}
