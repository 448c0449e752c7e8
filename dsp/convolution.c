// SPDX-License-Identifier: GPL-3.0-or-later
// Convolution with an impulse response: rooms, plates, cabinets. docs/dsp/convolution.md
//
// Uniformly partitioned overlap-save (T. Stockham 1966; G. Garcia 2002): blocks of 8192 frames,
// one spectrum of each block's input kept for every partition of the response. Two blocks are made
// in one go, a round: each of the response's spectra and of the inputs' then comes from memory once
// for both. A round's result is known when its last frame has come, so that is the latency, and the
// engine reads ahead.
// The transform is our own (convolution_fft.h): it need not sort its bins, which the products do
// not ask for, and gives the same bits on every CPU.
#include "dsp/convolution_fft.h"
#include "dsp/kernel.h"
#include "dsp/lanes_math.h"

#include <math.h>
#include <string.h>

extern const nb_processor NB_KERNEL(nb_convolution);

enum { GAIN_DB, MIX_PERCENT, PREDELAY_MS, LENGTH_S, START_MS, FADE_MS, DECAY_DB_S, PARAM_COUNT };
enum {
    BLOCK_FRAMES = NB_BLOCK_FRAMES,
    ROUND_BLOCKS = 2,
    ROUND_FRAMES = ROUND_BLOCKS * BLOCK_FRAMES,
    PATHS_MAX = 4,
    SLICE_FLOATS = 2 * NB_SLICE_BINS, // real parts, then imaginary ones
};

static const nb_param params[] = {
    [GAIN_DB] = {"gain_db", "dB", NB_SCALE_DB, -60.0, 24.0, 0.0, .automatable = true, .off = true,
                 .help = "Gain of the convolved signal; the file's own level counts."},
    [MIX_PERCENT] = {"mix_percent", "%", NB_SCALE_LINEAR, 0.0, 100.0, 100.0, .automatable = true,
                     .help = "Share of the convolved signal; 100 on a send's bus."},
    [PREDELAY_MS] = {"predelay_ms", "ms", NB_SCALE_LINEAR, 0.0, 500.0, 0.0,
                     .help = "Delays the convolved signal."},
    [LENGTH_S] = {"length_s", "s", NB_SCALE_LINEAR, 0.01, 30.0, 30.0,
                  .help = "The response is cut so long after its start, with a fade."},
    [START_MS] = {"start_ms", "ms", NB_SCALE_LINEAR, 0.0, 5000.0, 0.0,
                  .help = "Leaves out the response's beginning: its own silence, or the direct "
                          "sound."},
    [FADE_MS] = {"fade_ms", "ms", NB_SCALE_LINEAR, 0.0, 10000.0, 10.0,
                 .help = "Straight fade before a cut by length_s."},
    [DECAY_DB_S] = {"decay_db_s", "dB/s", NB_SCALE_LINEAR, 0.0, 300.0, 0.0,
                    .help = "The response falls so much faster: a shorter room without a cut."},
};
_Static_assert(NB_COUNT(params) == PARAM_COUNT, "a row for each parameter");

/// A response: from an input channel to an output channel.
typedef struct path {
    size_t from, to;
    float *spectra; ///< Slice after slice; in each slice, of every partition the real, then the
                    ///< imaginary parts
} path;

/// What all convolutions with the same response have in common.
typedef struct response {
    nb_block_fft fft;
    float *spectra; ///< Path after path
} response;

typedef struct convolution {
    size_t channels, sources; ///< Two equal channels are one source
    size_t first;             ///< The partition with the response's first frame
    size_t partitions;        ///< From there on
    size_t ring_size;         ///< first + partitions, and the round's other blocks
    size_t path_count;
    path paths[PATHS_MAX];
    float *inputs[2];  ///< Ring of `ring_size` input spectra
    bool *silent[2];   ///< Of each of them: nothing but zeros
    float *samples[2]; ///< The last round's input, then this one's
    float *wet[2];     ///< What the last round's transforms gave
    const nb_block_fft *fft;
    nb_block_room *rooms;  ///< One for each block of a round
    size_t newest;         ///< Of the ring
    size_t filled;         ///< Frames of this round
    nb_lanes gain_db, mix; ///< In lane 0; what does not move
} convolution;

static size_t start_frames(const nb_settings *settings)
{
    return nb_frames_of_ms(settings->values[START_MS], settings->rate_hz);
}

// Where the document cuts; the file may end before.
static size_t cut_frames(const nb_settings *settings)
{
    return nb_frames_of_ms(1000.0 * settings->values[LENGTH_S], settings->rate_hz);
}

static size_t response_frames(const nb_settings *settings)
{
    const size_t start = start_frames(settings);
    const size_t left = (start < settings->audio_frames) ? settings->audio_frames - start : 0;
    const size_t cut = cut_frames(settings);
    return (cut < left) ? cut : left;
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
    if (settings->audio_frames > 0 && response_frames(settings) == 0) {
        return nb_fail(err, NB_E_INVALID, "start_ms %g is behind the response's end at %g ms",
                       settings->values[START_MS],
                       1000.0 * (double)settings->audio_frames / settings->rate_hz);
    }
    return NB_OK;
}

static size_t latency(const nb_settings *settings)
{
    (void)settings;
    return ROUND_FRAMES;
}

static size_t tail(const nb_settings *settings)
{
    // Not known before the file is read: the longest that may come.
    const size_t frames = settings->audio_frames ? response_frames(settings) : cut_frames(settings);
    return frames + predelay_frames(settings);
}

static float *take_floats(nb_arena *arena, size_t count)
{
    return nb_arena_take(arena, count, sizeof(float));
}

static nb_status take_buffers(nb_arena *arena, convolution *self, nb_error *err)
{
    bool complete = true;
    for (size_t c = 0; c < self->sources; c++) {
        self->inputs[c] = take_floats(arena, self->ring_size * NB_SPECTRUM_FLOATS);
        self->silent[c] = nb_arena_take(arena, self->ring_size, sizeof(bool));
        complete = complete && self->inputs[c] && self->silent[c];
    }
    for (size_t c = 0; c < self->channels; c++) {
        self->samples[c] = take_floats(arena, (size_t)2 * ROUND_FRAMES);
        self->wet[c] = take_floats(arena, ROUND_FRAMES);
        complete = complete && self->samples[c] && self->wet[c];
    }
    self->rooms = nb_arena_take(arena, ROUND_BLOCKS, sizeof *self->rooms);
    return (complete && self->rooms)
               ? NB_OK
               : nb_fail(err, NB_E_NO_MEMORY, "convolution: no memory for %zu partitions",
                         self->ring_size);
}

// One channel goes to every channel; two each to its own; four are LL, LR, RL, RR. Where both
// inputs are one, each output has one path only: LL + RL, LR + RR.
static void set_paths(convolution *self, const nb_settings *settings)
{
    const bool true_stereo = settings->audio_channels == PATHS_MAX;
    const bool all = true_stereo && self->sources == 2;
    self->path_count = all ? PATHS_MAX : self->channels;
    for (size_t p = 0; p < self->path_count; p++) {
        const size_t from = all ? p / 2 : (self->sources == 2) ? p : 0;
        self->paths[p] = (path){.from = from, .to = all ? p % 2 : p};
    }
}

/// What trimming makes of the file's samples.
typedef struct shape {
    size_t start, frames;
    double fade;   ///< Frames before the end; 0 where the response is whole
    double octave; ///< log2 of the gain from frame to frame
} shape;

static shape shape_of(const nb_settings *settings)
{
    const size_t start = start_frames(settings);
    const size_t frames = response_frames(settings);
    const bool cut = start + frames < settings->audio_frames;
    return (shape){
        .start = start,
        .frames = frames,
        .fade = cut ? settings->values[FADE_MS] * 0.001 * settings->rate_hz : 0.0,
        .octave = -settings->values[DECAY_DB_S] * NB_OCTAVES_PER_DB / settings->rate_hz,
    };
}

static double response_at(const nb_settings *settings, const shape *form, const path *target,
                          size_t i)
{
    const float *const *audio = settings->audio;
    const size_t from = form->start + i;
    double sample = 0.0;
    if (settings->audio_channels == 1) {
        sample = (double)audio[0][from];
    } else if (settings->audio_channels == 2) {
        sample = (double)audio[target->to][from];
    } else if (settings->input_is_mono) {
        sample = (double)audio[target->to][from] + (double)audio[2 + target->to][from];
    } else {
        sample = (double)audio[2 * target->from + target->to][from];
    }
    const double to_end = (double)(form->frames - i);
    const double window = (to_end < form->fade) ? to_end / form->fade : 1.0;
    return sample * window * nb_lanes_exp2(nb_lanes_set(form->octave * (double)i))[0];
}

// Transform the response, behind its predelay, partition by partition.
static void set_response(convolution *self, const path *target, const nb_settings *settings)
{
    const size_t predelay = predelay_frames(settings) - self->first * BLOCK_FRAMES;
    const shape form = shape_of(settings);
    float *part = self->samples[0]; // not in use yet; its second half is silence
    memset(part, 0, (size_t)2 * BLOCK_FRAMES * sizeof *part);
    for (size_t p = 0; p < self->partitions; p++) {
        for (size_t i = 0; i < BLOCK_FRAMES; i++) {
            const size_t at = p * BLOCK_FRAMES + i;
            const bool inside = at >= predelay && at < predelay + form.frames;
            const double sample =
                inside ? response_at(settings, &form, target, at - predelay) : 0.0;
            part[i] = (float)(sample / BLOCK_FRAMES); // the inverse multiplies by it
        }
        float *spectrum = self->inputs[0]; // nor is this
        nb_block_fft_forward(self->fft, self->rooms, part, part + BLOCK_FRAMES, spectrum);
        for (size_t s = 0; s < NB_SLICES; s++) {
            memcpy(target->spectra + (s * self->partitions + p) * SLICE_FLOATS,
                   spectrum + s * SLICE_FLOATS, SLICE_FLOATS * sizeof *spectrum);
        }
    }
}

static response *make_response(nb_arena *arena, size_t floats)
{
    response *made = nb_arena_take(arena, 1, sizeof *made);
    if (made) {
        made->spectra = take_floats(arena, floats);
        nb_block_fft_init(&made->fft);
    }
    return (made && made->spectra) ? made : NULL;
}

// The factors and the spectra of all paths, made once for all convolutions that have them in
// common: four alternates that read one response find it in the cache.
static nb_status take_response(nb_arena *arena, convolution *self, const nb_settings *settings,
                               nb_error *err)
{
    const size_t path_floats = self->partitions * NB_SPECTRUM_FLOATS;
    response *common = settings->shared ? *settings->shared : NULL;
    const bool is_made = common != NULL;
    if (!is_made) {
        common = make_response(arena, self->path_count * path_floats);
    }
    if (!common) {
        return nb_fail(err, NB_E_NO_MEMORY, "convolution: no memory for %zu partitions",
                       self->partitions);
    }
    self->fft = &common->fft;
    for (size_t p = 0; p < self->path_count; p++) {
        self->paths[p].spectra = common->spectra + p * path_floats;
        if (!is_made) {
            set_response(self, &self->paths[p], settings);
        }
    }
    if (settings->shared) {
        *settings->shared = common;
    }
    return NB_OK;
}

static void reset(void *state)
{
    convolution *self = state;
    for (size_t c = 0; c < self->sources; c++) {
        memset(self->inputs[c], 0, self->ring_size * NB_SPECTRUM_FLOATS * sizeof *self->inputs[c]);
        memset(self->silent[c], true, self->ring_size * sizeof *self->silent[c]);
    }
    for (size_t c = 0; c < self->channels; c++) {
        memset(self->samples[c], 0, (size_t)2 * ROUND_FRAMES * sizeof *self->samples[c]);
        memset(self->wet[c], 0, ROUND_FRAMES * sizeof *self->wet[c]);
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
    self->sources = settings->input_is_mono ? 1 : settings->channels;
    const size_t blocks = (frames + BLOCK_FRAMES - 1) / BLOCK_FRAMES;
    self->first = predelay_frames(settings) / BLOCK_FRAMES;
    self->partitions = blocks - self->first;
    self->ring_size = blocks + ROUND_BLOCKS - 1;
    self->gain_db[0] = settings->values[GAIN_DB];
    self->mix[0] = settings->values[MIX_PERCENT];
    set_paths(self, settings);
    status = take_buffers(arena, self, err);
    if (status != NB_OK) {
        return status;
    }
    status = take_response(arena, self, settings, err);
    if (status != NB_OK) {
        return status;
    }
    reset(self);
    *out_state = self;
    return NB_OK;
}

enum { LINE_FLOATS = 16 };

/// What the products of a slice need next. A slice is a page, and what a CPU fetches ahead by
/// itself ends with the page.
typedef struct ahead {
    const float *input, *response;
} ahead;

// sum += x * h over a slice.
static inline void add_product(float *restrict sum, const float *restrict x,
                               const float *restrict h, const ahead *next)
{
    for (size_t line = 0; line < NB_SLICE_BINS; line += LINE_FLOATS) {
        __builtin_prefetch(next->input + 2 * line);
        __builtin_prefetch(next->input + 2 * line + LINE_FLOATS);
        __builtin_prefetch(next->response + 2 * line);
        __builtin_prefetch(next->response + 2 * line + LINE_FLOATS);
        for (size_t i = line; i < line + LINE_FLOATS; i++) {
            const float x_re = x[i];
            const float x_im = x[NB_SLICE_BINS + i];
            const float h_re = h[i];
            const float h_im = h[NB_SLICE_BINS + i];
            sum[i] += x_re * h_re - x_im * h_im;
            sum[NB_SLICE_BINS + i] += x_re * h_im + x_im * h_re;
        }
    }
}

static bool all_zero(const float *samples, size_t count)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t sample;
        memcpy(&sample, samples + i, sizeof sample);
        bits |= sample;
    }
    return bits << 1 == 0; // minus zero is one too
}

static void transform_inputs(convolution *self)
{
    for (size_t r = 0; r < ROUND_BLOCKS; r++) {
        self->newest = (self->newest + 1 == self->ring_size) ? 0 : self->newest + 1;
        for (size_t c = 0; c < self->sources; c++) {
            const float *samples =
                self->samples[c] + ROUND_FRAMES - BLOCK_FRAMES + r * BLOCK_FRAMES;
            const bool silent = all_zero(samples, (size_t)2 * BLOCK_FRAMES);
            self->silent[c][self->newest] = silent;
            if (!silent) {
                nb_block_fft_forward(self->fft, self->rooms, samples, samples + BLOCK_FRAMES,
                                     self->inputs[c] + self->newest * NB_SPECTRUM_FLOATS);
            }
        }
    }
    for (size_t c = 0; c < self->channels; c++) {
        memcpy(self->samples[c], self->samples[c] + ROUND_FRAMES,
               ROUND_FRAMES * sizeof *self->samples[c]);
    }
}

// The ring's place of the input that partition `k` answers to in block `r` of the round.
static size_t place_of(const convolution *self, size_t r, size_t k)
{
    const size_t age = ROUND_BLOCKS - 1 - r + self->first + k;
    return (self->newest + self->ring_size - age) % self->ring_size;
}

static bool channel_sounds(const convolution *self, size_t channel, size_t r)
{
    for (size_t p = 0; p < self->path_count; p++) {
        for (size_t k = 0; k < self->partitions && self->paths[p].to == channel; k++) {
            if (!self->silent[self->paths[p].from][place_of(self, r, k)]) {
                return true;
            }
        }
    }
    return false;
}

/// A slice of the round's results.
typedef struct round_slice {
    float sums[ROUND_BLOCKS][SLICE_FLOATS] __attribute__((aligned(64)));
} round_slice;

// Add to a slice of the round what a path makes of all past inputs. A spectrum of the response is
// used for both blocks while it is at hand, and the input that one block meets here is the one that
// the other met a partition before.
static void add_path(const convolution *self, const path *it, size_t slice, round_slice *out)
{
    const float *inputs = self->inputs[it->from] + slice * SLICE_FLOATS;
    const float *responses = it->spectra + slice * self->partitions * SLICE_FLOATS;
    for (size_t k = 0; k < self->partitions; k++) {
        const bool last = k + 1 == self->partitions; // then the next slice begins
        const size_t after = last ? 0 : k + 1;
        const size_t step = (last && slice + 1 < NB_SLICES) ? SLICE_FLOATS : 0;
        for (size_t r = 0; r < ROUND_BLOCKS; r++) {
            const size_t place = place_of(self, r, k);
            const ahead next = {
                .input = inputs + place_of(self, r, after) * NB_SPECTRUM_FLOATS + step,
                .response = responses + after * SLICE_FLOATS + step * self->partitions};
            if (!self->silent[it->from][place]) {
                add_product(out->sums[r], inputs + place * NB_SPECTRUM_FLOATS,
                            responses + k * SLICE_FLOATS, &next);
            }
        }
    }
}

static void transform_output(convolution *self, size_t channel)
{
    bool sounds[ROUND_BLOCKS];
    bool any = false;
    for (size_t r = 0; r < ROUND_BLOCKS; r++) {
        sounds[r] = channel_sounds(self, channel, r);
        any = any || sounds[r];
    }
    for (size_t s = 0; s < NB_SLICES && any; s++) {
        round_slice slice = {0};
        for (size_t p = 0; p < self->path_count; p++) {
            if (self->paths[p].to == channel) {
                add_path(self, &self->paths[p], s, &slice);
            }
        }
        for (size_t r = 0; r < ROUND_BLOCKS; r++) {
            nb_block_fft_take_slice(self->fft, &self->rooms[r], s, slice.sums[r]);
        }
    }
    for (size_t r = 0; r < ROUND_BLOCKS; r++) {
        float *wet = self->wet[channel] + r * BLOCK_FRAMES;
        if (sounds[r]) {
            nb_block_fft_inverse(self->fft, &self->rooms[r], wet);
        } else {
            memset(wet, 0, BLOCK_FRAMES * sizeof *wet);
        }
    }
}

/// What the frames of a call become: out = dry (1 - share) + wet factor share.
typedef struct levels {
    const double *gain_db, *mix; ///< Null where nothing moves
    double factor, share;
} levels;

static void mix_moving(const levels *how, size_t frames, const float *dry, const float *wet,
                       float *out)
{
    double factor = how->factor;
    double share = how->share;
    for (size_t i = 0; i < frames; i++) {
        if (how->gain_db) {
            factor = nb_lanes_from_db(nb_lanes_set(how->gain_db[i]))[0];
        }
        share = how->mix ? how->mix[i] * 0.01 : share;
        out[i] = (float)((double)dry[i] * (1.0 - share) + (double)wet[i] * factor * share);
    }
}

static void mix_fixed(const levels *how, size_t frames, const float *restrict dry,
                      const float *restrict wet, float *restrict out)
{
    const double factor = how->factor;
    const double share = how->share;
    for (size_t i = 0; i < frames; i++) {
        out[i] = (float)((double)dry[i] * (1.0 - share) + (double)wet[i] * factor * share);
    }
}

// The frames [start, start + frames) of the call lie within one round.
static void run_part(convolution *self, const nb_block *block, size_t start, size_t frames)
{
    const double *gain_db = block->controls ? block->controls[GAIN_DB] : NULL;
    const double *mix = block->controls ? block->controls[MIX_PERCENT] : NULL;
    const levels how = {.gain_db = gain_db ? gain_db + start : NULL,
                        .mix = mix ? mix + start : NULL,
                        .factor = nb_lanes_from_db(self->gain_db)[0],
                        .share = self->mix[0] * 0.01};
    for (size_t c = 0; c < self->channels; c++) {
        float *dry = self->samples[c] + self->filled;
        // Before `out`, which may be `in`.
        memcpy(dry + ROUND_FRAMES, block->planar_in[c] + start, frames * sizeof *dry);
        ((gain_db || mix) ? mix_moving : mix_fixed)(&how, frames, dry, self->wet[c] + self->filled,
                                                    block->planar_out[c] + start);
    }
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    convolution *self = state;
    for (size_t start = 0; start < block->frames;) {
        const size_t left = block->frames - start;
        const size_t room = ROUND_FRAMES - self->filled;
        const size_t frames = (left < room) ? left : room;
        run_part(self, block, start, frames);
        start += frames;
        self->filled += frames;
        if (self->filled == ROUND_FRAMES) {
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
    .revision = 3,
    .cost_ns = 10,
    .moving_cost_ns = 20,
    .help = "Convolution with an impulse response: 1, 2 or 4 channels (true stereo).",
    .form = NB_FORM_PLANAR,
    .takes_audio = true,
    .audio_widens = true,
    .params = params,
    .param_count = NB_COUNT(params),
    .check = check,
    .latency = latency,
    .tail = tail,
    .init = init,
    .reset = reset,
    .process = process,
};
