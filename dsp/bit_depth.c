// SPDX-License-Identifier: GPL-3.0-or-later
// Fewer bits, with dither. docs/dsp/bit-depth.md
#include "dsp/dither.h"
#include "dsp/kernel.h"

#include <string.h>

extern const nb_processor NB_KERNEL(nb_bit_depth);

enum { BITS, DITHER, SEED };

enum { CHUNK = 256 };

static const char *const dithers[] = {"none", "tpdf", "lipshitz", "f-weighted", NULL};
_Static_assert(NB_COUNT(dithers) == NB_DITHER_KINDS + 1, "one word for each kind");

static const nb_param params[] = {
    [BITS] = {"bits", "", NB_SCALE_WHOLE, NB_DITHER_BITS_MIN, NB_DITHER_BITS_MAX, 16.0,
              .help = "Steps in full scale, as a power of two; what is over full scale is "
                      "clipped."},
    [DITHER] = {"dither", "", NB_SCALE_CHOICE, 0.0, NB_DITHER_KINDS - 1.0, NB_DITHER_TPDF,
                .choices = dithers,
                .help = "Tpdf is white noise that frees the error from the signal; lipshitz and "
                        "f-weighted shape it away from where hearing is keenest."},
    [SEED] = {"seed", "", NB_SCALE_WHOLE, 0.0, 65535.0, 0.0,
              .help = "Another number, another noise: for inserts that sound together."},
};

typedef struct bit_depth {
    bool used[NB_LANES];
    nb_dither channels[NB_LANES];
} bit_depth;

static size_t no_frames(const nb_settings *settings)
{
    (void)settings;
    return 0;
}

/// Noise goes on until silence has lasted for half a second.
static size_t tail(const nb_settings *settings)
{
    return (settings->values[DITHER] == NB_DITHER_NONE) ? 0 : settings->rate_hz / 2 + 1;
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    bit_depth *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "bit-depth: no memory");
    }
    for (size_t v = 0; v < voice_count; v++) {
        const size_t lane = nb_voice_lane(voices, v);
        const double *values = voices[v].values;
        const uint64_t key = nb_dither_key("bit_depth") + (uint64_t)values[SEED];
        for (size_t c = 0; c < voices[v].channels; c++) {
            self->used[lane + c] = true;
            nb_dither_init(&self->channels[lane + c], (nb_dither_kind)values[DITHER],
                           (unsigned)values[BITS], voices[v].rate_hz, key, (uint32_t)c);
        }
    }
    *out_state = self;
    return NB_OK;
}

static void reset(void *state)
{
    bit_depth *self = state;
    for (size_t lane = 0; lane < NB_LANES; lane++) {
        nb_dither_reset(&self->channels[lane]);
    }
}

static void run_lane(nb_dither *channel, const nb_block *block, size_t lane)
{
    const float step = (float)(2.0 / (double)(1U << channel->bits));
    int32_t whole[CHUNK];
    for (size_t start = 0; start < block->frames; start += CHUNK) {
        const size_t left = block->frames - start;
        const size_t frames = (left < CHUNK) ? left : CHUNK;
        const size_t offset = start * NB_LANES + lane;
        nb_dither_run(channel, block->start_frame + (int64_t)start, block->in + offset, NB_LANES,
                      whole, 1, frames);
        for (size_t i = 0; i < frames; i++) {
            block->out[offset + i * NB_LANES] = (float)whole[i] * step; // exact
        }
    }
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    bit_depth *self = state;
    for (size_t lane = 0; lane < NB_LANES; lane++) {
        if (self->used[lane]) {
            run_lane(&self->channels[lane], block, lane);
        } else if (block->out != block->in) {
            for (size_t i = 0; i < block->frames; i++) {
                block->out[i * NB_LANES + lane] = 0.0F;
            }
        }
    }
}

const nb_processor NB_KERNEL(nb_bit_depth) = {
    .name = "bit-depth",
    .revision = 1,
    .cost_ns = 4,
    .help = "Fewer bits, with dither and noise shaping.",
    .form = NB_FORM_LANES,
    .params = params,
    .param_count = NB_COUNT(params),
    .latency = no_frames,
    .tail = tail,
    .init = init,
    .reset = reset,
    .process = process,
};
