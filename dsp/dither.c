// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/dither.h"
#include "dsp/dither_kernel.h"
#include "dsp/processor.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

// Adding it rounds to a whole number, halves to even: the same at any optimisation.
static const double round_magic = 6755399441055744.0; // 1.5 * 2^52

const char *const nb_dither_names[NB_DITHER_KINDS + 1] = {"none", "tpdf", "lipshitz", "f-weighted",
                                                          NULL};

typedef struct shaper {
    size_t count;
    double taps[NB_DITHER_TAPS_MAX];
} shaper;

// Made for 44.1 kHz: Lipshitz, Vanderkooy, Wannamaker, "Minimally audible noise shaping", JAES 39
// (1991); Wannamaker, "Psychoacoustically optimal noise shaping", JAES 40 (1992).
static const shaper shapers[NB_DITHER_KINDS] = {
    [NB_DITHER_LIPSHITZ] = {5, {2.033, -2.165, 1.959, -1.590, 0.6149}},
    [NB_DITHER_F_WEIGHTED] = {9,
                              {2.412, -3.370, 3.937, -4.174, 3.353, -2.205, 1.281, -0.569, 0.0847}},
};

static nb_dither_noise_kernel *noise_of_this_machine(void)
{
#if defined(__x86_64__)
    switch (nb_lane_count()) {
    case 8:
        return nb_dither_noise_x8;
    case 4:
        return nb_dither_noise_x4;
    default:
        break;
    }
#endif
    return nb_dither_noise_x2;
}

void nb_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4])
{
    uint32_t k0 = key[0];
    uint32_t k1 = key[1];
    memcpy(out, counter, 4 * sizeof *out);
    for (unsigned round = 0; round < NB_PHILOX_ROUNDS; round++) {
        nb_philox_round(out, k0, k1);
        k0 += NB_PHILOX_W0;
        k1 += NB_PHILOX_W1;
    }
}

uint64_t nb_dither_key(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); // FNV-1a
    for (; *name; name++) {
        hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    }
    return hash;
}

void nb_dither_init(nb_dither *self, nb_dither_kind kind, unsigned bits, unsigned rate_hz,
                    uint64_t key, uint32_t channel)
{
    *self = (nb_dither){
        .kind = kind, .bits = bits, .key = key, .channel = channel, .blank_frames = rate_hz / 2};
    nb_dither_reset(self);
}

void nb_dither_reset(nb_dither *self)
{
    self->zeros = self->blank_frames; // before the first sound there is silence
    memset(self->errors, 0, sizeof self->errors);
}

double nb_dither_error_max(nb_dither_kind kind)
{
    const double own = (kind == NB_DITHER_NONE) ? 0.5 : 1.5; // rounding, and the noise under 1
    double sum = 1.0;
    for (size_t k = 0; k < shapers[kind].count; k++) {
        sum += fabs(shapers[kind].taps[k]);
    }
    return own * sum;
}

static inline double hold(double value, double low, double high)
{
    return (value > low) ? ((value < high) ? value : high) : low; // low where it is no number
}

/// Is the sample one of a silence that gets no noise?
static inline bool is_blank(nb_dither *self, float sample)
{
    self->zeros = (sample == 0.0F) ? self->zeros + 1 : 0;
    if (self->zeros <= self->blank_frames) {
        return false;
    }
    self->zeros = self->blank_frames + 1; // does not wrap
    return true;
}

static void run_flat(nb_dither *self, const double *noise, const float *in, size_t in_stride,
                     int32_t *out, size_t out_stride, size_t frames)
{
    const double scale = ldexp(1.0, (int)self->bits - 1);
    bool has_zeros = false;
    for (size_t i = 0; i < frames; i++) {
        const double value = (double)in[i * in_stride];
        const double whole = (value * scale + noise[i] + round_magic) - round_magic;
        out[i * out_stride] = (int32_t)hold(whole, -scale, scale - 1.0);
        has_zeros |= value == 0.0;
    }
    if (!has_zeros) {
        self->zeros = 0;
        return;
    }
    for (size_t i = 0; i < frames; i++) {
        out[i * out_stride] = is_blank(self, in[i * in_stride]) ? 0 : out[i * out_stride];
    }
}

static void run_shaped(nb_dither *self, const double *noise, const float *in, size_t in_stride,
                       int32_t *out, size_t out_stride, size_t frames)
{
    const double scale = ldexp(1.0, (int)self->bits - 1);
    const shaper *it = &shapers[self->kind];
    double errors[NB_DITHER_TAPS_MAX];
    memcpy(errors, self->errors, sizeof errors);
    for (size_t i = 0; i < frames; i++) {
        const float sample = in[i * in_stride];
        if (is_blank(self, sample)) {
            memset(errors, 0, sizeof errors);
            out[i * out_stride] = 0;
            continue;
        }
        double wanted = (double)sample * scale;
        for (size_t k = it->count; k-- > 0;) { // the latest last: only it is waited for
            wanted -= it->taps[k] * errors[k];
        }
        const double whole = (wanted + noise[i] + round_magic) - round_magic;
        const double held = hold(whole, -scale, scale - 1.0);
        for (size_t k = NB_DITHER_TAPS_MAX - 1; k > 0; k--) {
            errors[k] = errors[k - 1];
        }
        errors[0] = hold(held - wanted, -1.5, 1.5); // more is clipping, which is not shaped
        out[i * out_stride] = (int32_t)held;
    }
    memcpy(self->errors, errors, sizeof errors);
}

void nb_dither_run(nb_dither *self, int64_t first_frame, const float *in, size_t in_stride,
                   int32_t *out, size_t out_stride, size_t frames)
{
    nb_dither_noise_kernel *make_noise = noise_of_this_machine();
    const bool shaped = shapers[self->kind].count > 0;
    double noise[NB_DITHER_CHUNK] = {0};
    for (size_t done = 0; done < frames;) {
        const int64_t at = first_frame + (int64_t)done;
        const size_t odd = (size_t)(at & 1); // a pair's second half
        const size_t room = NB_DITHER_CHUNK - odd;
        const size_t count = (frames - done < room) ? frames - done : room;
        if (self->kind != NB_DITHER_NONE) {
            make_noise(self->key, self->channel, at - (int64_t)odd, noise,
                       (count + odd + 1) / 2 * 2);
        }
        (shaped ? run_shaped : run_flat)(self, noise + odd, in + done * in_stride, in_stride,
                                         out + done * out_stride, out_stride, count);
        done += count;
    }
}
