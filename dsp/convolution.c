// SPDX-License-Identifier: GPL-3.0-or-later
// Convolution with an impulse response: rooms, plates, cabinets. docs/dsp/convolution.md
//
// Uniformly partitioned overlap-save (T. Stockham 1966; G. Garcia 2002): blocks of 8192 frames,
// one spectrum of each block's input kept for every partition of the response. A block's result
// is known when its last frame has come, so the latency is one block, and the engine reads ahead.
#include "dsp/fft.h"
#include "dsp/kernel.h"
#include "dsp/lanes_math.h"

#include <math.h>
#include <string.h>

extern const nb_processor NB_KERNEL(nb_convolution);

enum { GAIN_DB, MIX_PERCENT, PREDELAY_MS, LENGTH_S, PARAM_COUNT };
enum { BLOCK_FRAMES = NB_FFT_SIZE / 2, PATHS_MAX = 4 };

static const char *const libraries[] = {"fftw3f", NULL};

static const nb_param params[] = {
    [GAIN_DB] = {"gain_db", "dB", NB_SCALE_DB, -60.0, 24.0, 0.0, .automatable = true, .off = true,
                 .help = "Gain of the convolved signal; the file's own level counts."},
    [MIX_PERCENT] = {"mix_percent", "%", NB_SCALE_LINEAR, 0.0, 100.0, 100.0, .automatable = true,
                     .help = "Share of the convolved signal; 100 on a send's bus."},
    [PREDELAY_MS] = {"predelay_ms", "ms", NB_SCALE_LINEAR, 0.0, 500.0, 0.0,
                     .help = "Delays the convolved signal."},
    [LENGTH_S] = {"length_s", "s", NB_SCALE_LINEAR, 0.01, 30.0, 30.0,
                  .help = "The response is cut there, with a fade of 10 ms."},
};
_Static_assert(NB_COUNT(params) == PARAM_COUNT, "a row for each parameter");

static const double fade_s = 0.01;

/// One response: from an input channel to an output channel.
typedef struct path {
    size_t from, to;
    float *spectra; ///< A spectrum for each partition
} path;

typedef struct convolution {
    size_t channels;
    size_t partitions;
    size_t path_count;
    path paths[PATHS_MAX];
    float *inputs[2];      ///< Ring of `partitions` input spectra
    float *samples[2];     ///< The last block's input, then this one's
    float *wet[2];         ///< What the last block's transform gave
    float *work;           ///< NB_FFT_SIZE samples
    float *sum;            ///< A spectrum
    size_t newest;         ///< Of the ring
    size_t filled;         ///< Frames of this block
    nb_lanes gain_db, mix; ///< In lane 0; what does not move
} convolution;

static size_t response_frames(const nb_settings *settings)
{
    const double cut = settings->values[LENGTH_S] * settings->rate_hz + 0.5;
    const size_t cut_frames = (size_t)cut;
    return (cut_frames < settings->audio_frames) ? cut_frames : settings->audio_frames;
}

static size_t predelay_frames(const nb_settings *settings)
{
    return nb_frames_of_ms(settings->values[PREDELAY_MS], settings->rate_hz);
}

static nb_status check(const nb_settings *settings, nb_error *err)
{
    const size_t channels = settings->audio_channels; // 0: the file is not read yet
    if (channels != 0 && channels != 1 && channels != 2 && channels != PATHS_MAX) {
        return nb_fail(err, NB_E_INVALID,
                       "an impulse response has 1, 2 or 4 channels, this one has %zu", channels);
    }
    if (channels > 1 && settings->channels == 1) {
        return nb_fail(err, NB_E_INVALID,
                       "an impulse response of %zu channels needs a stereo strip: put the "
                       "convolution on a stereo bus, or take a response of one channel",
                       channels);
    }
    return NB_OK;
}

static size_t latency(const nb_settings *settings)
{
    (void)settings;
    return BLOCK_FRAMES;
}

static size_t tail(const nb_settings *settings)
{
    // Not known before the file is read: the longest that may come.
    const size_t frames =
        settings->audio_frames
            ? response_frames(settings)
            : nb_frames_of_ms(1000.0 * settings->values[LENGTH_S], settings->rate_hz);
    return frames + predelay_frames(settings);
}

static float *take_floats(nb_arena *arena, size_t count)
{
    return nb_arena_take(arena, count, sizeof(float));
}

static nb_status take_buffers(nb_arena *arena, convolution *self, nb_error *err)
{
    bool complete = true;
    for (size_t c = 0; c < self->channels; c++) {
        self->inputs[c] = take_floats(arena, self->partitions * NB_FFT_SPECTRUM);
        self->samples[c] = take_floats(arena, NB_FFT_SIZE);
        self->wet[c] = take_floats(arena, BLOCK_FRAMES);
        complete = complete && self->inputs[c] && self->samples[c] && self->wet[c];
    }
    for (size_t p = 0; p < self->path_count; p++) {
        self->paths[p].spectra = take_floats(arena, self->partitions * NB_FFT_SPECTRUM);
        complete = complete && self->paths[p].spectra;
    }
    self->work = take_floats(arena, NB_FFT_SIZE);
    self->sum = take_floats(arena, NB_FFT_SPECTRUM);
    return (complete && self->work && self->sum)
               ? NB_OK
               : nb_fail(err, NB_E_NO_MEMORY, "convolution: no memory for %zu partitions",
                         self->partitions);
}

static float *spectrum_at(float *ring, size_t index) { return ring + index * NB_FFT_SPECTRUM; }

// Transform the response, behind its predelay, partition by partition.
static void set_response(convolution *self, const path *target, const nb_settings *settings,
                         const float *response)
{
    const size_t predelay = predelay_frames(settings);
    const size_t frames = response_frames(settings);
    const bool cut = frames < settings->audio_frames;
    const double fade = fade_s * settings->rate_hz;
    for (size_t p = 0; p < self->partitions; p++) {
        memset(self->work, 0, NB_FFT_SIZE * sizeof *self->work);
        for (size_t i = 0; i < BLOCK_FRAMES; i++) {
            const size_t at = p * BLOCK_FRAMES + i;
            if (at < predelay || at >= predelay + frames) {
                continue;
            }
            const double to_end = (double)(predelay + frames - at);
            const double window = (cut && to_end < fade) ? to_end / fade : 1.0;
            // The transform there and back multiplies by its size.
            self->work[i] = (float)((double)response[at - predelay] * window / NB_FFT_SIZE);
        }
        nb_fft_forward(self->work, spectrum_at(target->spectra, p));
    }
}

// One channel goes to every channel; two each to its own; four are LL, LR, RL, RR.
static void set_paths(convolution *self, const nb_settings *settings)
{
    self->path_count = (settings->audio_channels == PATHS_MAX) ? PATHS_MAX : self->channels;
    for (size_t p = 0; p < self->path_count; p++) {
        const bool true_stereo = self->path_count == PATHS_MAX;
        self->paths[p] = (path){.from = true_stereo ? p / 2 : p, .to = true_stereo ? p % 2 : p};
    }
}

static void reset(void *state)
{
    convolution *self = state;
    for (size_t c = 0; c < self->channels; c++) {
        memset(self->inputs[c], 0, self->partitions * NB_FFT_SPECTRUM * sizeof *self->inputs[c]);
        memset(self->samples[c], 0, NB_FFT_SIZE * sizeof *self->samples[c]);
        memset(self->wet[c], 0, BLOCK_FRAMES * sizeof *self->wet[c]);
    }
    self->newest = 0;
    self->filled = 0;
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    (void)voice_count; // planar: one voice
    const nb_settings *settings = &voices[0];
    nb_status status = check(settings, err);
    if (status != NB_OK) {
        return status;
    }
    if (settings->audio_channels == 0 || settings->audio_frames == 0) {
        return nb_fail(err, NB_E_INVALID, "the impulse response is empty");
    }
    convolution *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "convolution: no memory");
    }
    const size_t frames = predelay_frames(settings) + response_frames(settings);
    self->channels = settings->channels;
    self->partitions = (frames + BLOCK_FRAMES - 1) / BLOCK_FRAMES;
    self->gain_db[0] = settings->values[GAIN_DB];
    self->mix[0] = settings->values[MIX_PERCENT];
    set_paths(self, settings);
    status = nb_fft_prepare(err);
    status = (status == NB_OK) ? take_buffers(arena, self, err) : status;
    if (status != NB_OK) {
        return status;
    }
    for (size_t p = 0; p < self->path_count; p++) {
        const size_t channel = (settings->audio_channels == 1) ? 0 : p;
        set_response(self, &self->paths[p], settings, settings->audio[channel]);
    }
    reset(self);
    *out_state = self;
    return NB_OK;
}

// sum += a * b
static void add_product(float *sum, const float *a, const float *b)
{
    float *sum_im = sum + NB_FFT_BINS;
    const float *a_im = a + NB_FFT_BINS;
    const float *b_im = b + NB_FFT_BINS;
    for (size_t i = 0; i < NB_FFT_BINS; i++) {
        sum[i] += a[i] * b[i] - a_im[i] * b_im[i];
        sum_im[i] += a[i] * b_im[i] + a_im[i] * b[i];
    }
}

static void transform_inputs(convolution *self)
{
    self->newest = (self->newest + 1 == self->partitions) ? 0 : self->newest + 1;
    for (size_t c = 0; c < self->channels; c++) {
        memcpy(self->work, self->samples[c], NB_FFT_SIZE * sizeof *self->work);
        nb_fft_forward(self->work, spectrum_at(self->inputs[c], self->newest));
        memmove(self->samples[c], self->samples[c] + BLOCK_FRAMES,
                BLOCK_FRAMES * sizeof *self->samples[c]);
    }
}

static void transform_output(convolution *self, size_t channel)
{
    memset(self->sum, 0, NB_FFT_SPECTRUM * sizeof *self->sum);
    for (size_t p = 0; p < self->path_count; p++) {
        const path *it = &self->paths[p];
        for (size_t k = 0; it->to == channel && k < self->partitions; k++) {
            const size_t age = (self->newest + self->partitions - k) % self->partitions;
            add_product(self->sum, spectrum_at(self->inputs[it->from], age),
                        spectrum_at(it->spectra, k));
        }
    }
    nb_fft_inverse(self->sum, self->work);
    memcpy(self->wet[channel], self->work + BLOCK_FRAMES, BLOCK_FRAMES * sizeof *self->work);
}

// The frames [start, start + frames) of the call lie within one block of the transform.
static void run_part(convolution *self, const nb_block *block, size_t start, size_t frames)
{
    const double *gain_db = block->controls ? block->controls[GAIN_DB] : NULL;
    const double *mix = block->controls ? block->controls[MIX_PERCENT] : NULL;
    nb_lanes factor = nb_lanes_from_db(self->gain_db);
    double share = self->mix[0] * 0.01;
    for (size_t i = 0; i < frames; i++) {
        const size_t at = self->filled + i;
        if (gain_db) {
            factor = nb_lanes_from_db(nb_lanes_set(gain_db[start + i]));
        }
        share = mix ? mix[start + i] * 0.01 : share;
        for (size_t c = 0; c < self->channels; c++) {
            const float now = block->planar_in[c][start + i]; // before out, which may be in
            const double dry = (double)self->samples[c][at];
            const double wet = (double)self->wet[c][at] * factor[0];
            block->planar_out[c][start + i] = (float)(dry * (1.0 - share) + wet * share);
            self->samples[c][BLOCK_FRAMES + at] = now;
        }
    }
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    convolution *self = state;
    for (size_t start = 0; start < block->frames;) {
        const size_t left = block->frames - start;
        const size_t room = BLOCK_FRAMES - self->filled;
        const size_t frames = (left < room) ? left : room;
        run_part(self, block, start, frames);
        start += frames;
        self->filled += frames;
        if (self->filled == BLOCK_FRAMES) {
            transform_inputs(self);
            for (size_t c = 0; c < self->channels; c++) {
                transform_output(self, c);
            }
            self->filled = 0;
        }
    }
}

const nb_processor NB_KERNEL(nb_convolution) = {
    .name = "convolution",
    .revision = 1,
    .help = "Convolution with an impulse response: 1, 2 or 4 channels (true stereo).",
    .libraries = libraries,
    .form = NB_FORM_PLANAR,
    .takes_audio = true,
    .params = params,
    .param_count = NB_COUNT(params),
    .check = check,
    .latency = latency,
    .tail = tail,
    .init = init,
    .reset = reset,
    .process = process,
};
