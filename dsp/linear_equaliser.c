// SPDX-License-Identifier: GPL-3.0-or-later
// Linear-phase equaliser. docs/dsp/linear-equaliser.md
//
// The bands' analogue magnitudes, sampled and transformed, are a symmetric response; overlap-save
// convolves with it in one partition. Centred at 0 its spectrum is real: no bin has a phase, a
// product costs one multiplication, and the two channels run as one complex signal. In doubles,
// since floats' rounding within the transform would show as a difference of the two halves.
#include "dsp/equaliser_params.h"
#include "dsp/fft_pair.h"

#include <math.h>
#include <string.h>

extern const nb_processor NB_KERNEL(nb_linear_equaliser);

enum { BANDS_MAX = 24, REACH_MIN_LOG = 10, REACH_MAX_LOG = 16 };

static const char *const libraries[] = {"fftw3", NULL};

static const nb_param band_params[] = {NB_EQ_SHARED_PARAMS(false)};

typedef struct linear_equaliser {
    size_t channels;
    size_t block;           ///< Frames that a transform gives: twice the reach
    size_t size;            ///< Of the transform: twice the block
    const nb_fft_pair *fft; ///< Of that size
    double *gains;          ///< Of each bin
    double *pair;           ///< A transform's buffer
    float *samples[2];      ///< The last block's input, then this one's
    float *ready[2];        ///< What the last transform gave
    size_t filled;          ///< Frames of this block
    size_t quiet_blocks;    ///< Blocks since anything but zeros came, held at 2
    bool loud;              ///< Anything but zeros came in this block
} linear_equaliser;

// The taps that the band needs: 6 q rate / freq leave an error under 0.1 dB, and large gains
// sharpen the resonance.
static double taps_of(const nb_band *band, double rate_hz)
{
    if (nb_band_is_flat(band)) {
        return 0.0;
    }
    double q = (band->type == NB_BAND_NOTCH) ? 8.0 * band->q : 0.5; // for the corner at its bottom
    for (size_t s = 0; s < nb_band_section_count(band); s++) {
        q = fmax(q, nb_band_section_q(band, s));
    }
    q = (band->type == NB_BAND_TILT) ? 0.5 * pow(10.0, fabs(band->gain_db) / 20.0) : q;
    const double sharper = 0.5 * pow(10.0, fabs(band->gain_db) / 40.0);
    const bool rings = band->type == NB_BAND_BELL;
    return 6.0 * q * fmax(rings ? sharper : 1.0, 1.0) * rate_hz / band->freq_hz;
}

// Taps on either side of the middle one: a power of two.
static size_t reach_of(const nb_settings *settings)
{
    double taps = 0.0;
    for (size_t b = 0; b < settings->band_count; b++) {
        const nb_band band = nb_eq_band(settings, b);
        taps = fmax(taps, taps_of(&band, settings->rate_hz));
    }
    size_t reach = (size_t)1 << REACH_MIN_LOG;
    while (2.0 * (double)reach + 1.0 < taps && reach < (size_t)1 << REACH_MAX_LOG) {
        reach *= 2;
    }
    return reach;
}

static nb_status check(const nb_settings *settings, nb_error *err)
{
    static const size_t taps_max = ((size_t)2 << REACH_MAX_LOG) + 1;
    for (size_t b = 0; b < settings->band_count; b++) {
        const nb_band band = nb_eq_band(settings, b);
        nb_status status = nb_eq_check(&band, b, settings->rate_hz, err);
        if (status != NB_OK) {
            return status;
        }
        const double taps = taps_of(&band, settings->rate_hz);
        if (taps > (double)taps_max) {
            return nb_fail(err, NB_E_INVALID,
                           "band %zu: so narrow and low a band needs %.0f taps, more than %zu: "
                           "raise freq_hz, lower q or take the equaliser",
                           b + 1, taps, taps_max);
        }
    }
    return NB_OK;
}

static size_t latency(const nb_settings *settings)
{
    const size_t reach = reach_of(settings);
    return reach + 2 * reach; // the response's middle, and one block
}

static size_t tail(const nb_settings *settings) { return reach_of(settings); }

static nb_status take_buffers(nb_arena *arena, linear_equaliser *self, nb_error *err)
{
    bool complete = true;
    for (size_t c = 0; c < self->channels; c++) {
        self->samples[c] = nb_arena_take(arena, self->size, sizeof(float));
        self->ready[c] = nb_arena_take(arena, self->block, sizeof(float));
        complete = complete && self->samples[c] && self->ready[c];
    }
    self->gains = nb_arena_take(arena, self->size, sizeof(double));
    self->pair = nb_arena_take(arena, 2 * nb_fft_pair_stride(self->size), sizeof(double));
    return (complete && self->gains && self->pair)
               ? NB_OK
               : nb_fail(err, NB_E_NO_MEMORY, "linear-equaliser: no memory for %zu taps",
                         self->block + 1);
}

static double magnitude_at(const nb_settings *settings, double freq_hz)
{
    double magnitude = 1.0;
    for (size_t b = 0; b < settings->band_count; b++) {
        const nb_band band = nb_eq_band(settings, b);
        magnitude *= nb_band_magnitude(&band, freq_hz);
    }
    return magnitude;
}

// `block` magnitudes around the circle become as many samples around 0. The farthest stands for
// both ends: half of it goes to each, and the response has block + 1 taps.
static nb_status set_gains(linear_equaliser *self, const nb_settings *settings, nb_error *err)
{
    const size_t block = self->block;
    const size_t reach = block / 2;
    const nb_fft_pair *design = NULL;
    nb_status status = nb_fft_pair_of_size(block, &design, err);
    if (status != NB_OK) {
        return status;
    }
    for (size_t i = 0; i <= reach; i++) {
        const double freq_hz = (double)i * settings->rate_hz / (double)block;
        const double magnitude = magnitude_at(settings, freq_hz) / (double)block;
        self->pair[i] = self->pair[(block - i) % block] = magnitude;
    }
    memset(self->pair + nb_fft_pair_stride(block), 0, block * sizeof *self->pair);
    nb_fft_pair_inverse(design, self->pair);
    memset(self->pair + reach + 1, 0, (self->size - reach - 1) * sizeof *self->pair);
    self->pair[reach] *= 0.5;
    for (size_t i = 1; i <= reach; i++) {
        self->pair[self->size - i] = self->pair[i];
    }
    memset(self->pair + nb_fft_pair_stride(self->size), 0, self->size * sizeof *self->pair);
    nb_fft_pair_forward(self->fft, self->pair);
    for (size_t i = 0; i < self->size; i++) {
        // There and back multiplies by the size. Equal on both sides to the last bit.
        const size_t twin = (self->size - i) % self->size;
        self->gains[i] = (self->pair[i] + self->pair[twin]) / (2.0 * (double)self->size);
    }
    return NB_OK;
}

static void reset(void *state)
{
    linear_equaliser *self = state;
    for (size_t c = 0; c < self->channels; c++) {
        memset(self->samples[c], 0, self->size * sizeof *self->samples[c]);
        memset(self->ready[c], 0, self->block * sizeof *self->ready[c]);
    }
    self->filled = 0;
    self->quiet_blocks = 2;
    self->loud = false;
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    (void)voice_count; // planar: one voice
    linear_equaliser *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "linear-equaliser: no memory");
    }
    self->channels = voices[0].channels;
    self->block = 2 * reach_of(&voices[0]);
    self->size = 2 * self->block;
    nb_status status = nb_fft_pair_of_size(self->size, &self->fft, err);
    status = (status == NB_OK) ? take_buffers(arena, self, err) : status;
    status = (status == NB_OK) ? set_gains(self, &voices[0], err) : status;
    if (status != NB_OK) {
        return status;
    }
    reset(self);
    *out_state = self;
    return NB_OK;
}

static bool any_sound(const float *samples, size_t frames)
{
    bool any = false;
    for (size_t i = 0; i < frames; i++) {
        any |= samples[i] != 0.0F;
    }
    return any;
}

static void transform(linear_equaliser *self)
{
    double *parts[2] = {self->pair, self->pair + nb_fft_pair_stride(self->size)};
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < self->size; i++) {
            parts[c][i] = (c < self->channels) ? (double)self->samples[c][i] : 0.0;
        }
    }
    nb_fft_pair_forward(self->fft, self->pair);
    for (size_t i = 0; i < self->size; i++) {
        parts[0][i] *= self->gains[i];
        parts[1][i] *= self->gains[i];
    }
    nb_fft_pair_inverse(self->fft, self->pair);
    // The circle closes within the reach of either end; between lies what is true.
    for (size_t c = 0; c < self->channels; c++) {
        for (size_t i = 0; i < self->block; i++) {
            self->ready[c][i] = (float)parts[c][self->block / 2 + i];
        }
    }
}

static void finish_block(linear_equaliser *self)
{
    self->quiet_blocks = self->loud ? 0 : self->quiet_blocks + (self->quiet_blocks < 2);
    if (self->quiet_blocks < 2) {
        transform(self);
    }
    for (size_t c = 0; c < self->channels; c++) {
        if (self->quiet_blocks == 2) {
            memset(self->ready[c], 0, self->block * sizeof *self->ready[c]);
        }
        memcpy(self->samples[c], self->samples[c] + self->block,
               self->block * sizeof *self->samples[c]);
    }
    self->filled = 0;
    self->loud = false;
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    linear_equaliser *self = state;
    for (size_t start = 0; start < block->frames;) {
        const size_t left = block->frames - start;
        const size_t room = self->block - self->filled;
        const size_t frames = (left < room) ? left : room;
        for (size_t c = 0; c < self->channels; c++) {
            const float *in = block->planar_in[c] + start;
            self->loud = self->loud || any_sound(in, frames);
            memcpy(self->samples[c] + self->block + self->filled, in, frames * sizeof *in);
        }
        for (size_t c = 0; c < self->channels; c++) {
            memcpy(block->planar_out[c] + start, self->ready[c] + self->filled,
                   frames * sizeof(float));
        }
        start += frames;
        self->filled += frames;
        if (self->filled == self->block) {
            finish_block(self);
        }
    }
}

const nb_processor NB_KERNEL(nb_linear_equaliser) = {
    .name = "linear-equaliser",
    .revision = 1,
    .cost_ns = 23,
    .help = "Equaliser of linear phase: the bands' magnitudes without their phase shift.",
    .libraries = libraries,
    .form = NB_FORM_PLANAR,
    .band_params = band_params,
    .band_param_count = NB_COUNT(band_params),
    .bands_max = BANDS_MAX,
    .check = check,
    .latency = latency,
    .tail = tail,
    .init = init,
    .reset = reset,
    .process = process,
};
