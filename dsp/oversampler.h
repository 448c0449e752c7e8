// SPDX-License-Identifier: GPL-3.0-or-later
/// @file oversampler.h  Two or four samples in place of one, and back: for curves that make
/// harmonics.
///
/// Inside dsp/ only. Linear-phase half-band filters in polyphase form, lanes side by side, 64-bit.
/// Passband 0 to 0.4535 of the rate (20 kHz at 44.1 kHz), ripple under 1e-5 dB; what would fold
/// into the passband is at least 124 dB down. Between the passband and its mirror image
/// (20 to 24.1 kHz at 44.1 kHz) images and aliases are let through in part, as half-bands do: they
/// stay above the passband. A sum's terms have one order, so bits do not depend on the block's
/// size.

#ifndef NB_DSP_OVERSAMPLER_H
#define NB_DSP_OVERSAMPLER_H
#include "base/arena.h"
#include "dsp/lanes.h"

#include <stdbool.h>
#include <string.h>

enum {
    NB_OVERSAMPLER_CHUNK = 64, ///< Frames that one call takes at most
    // Half of the coefficients beside the centre that are not zero, outermost first.
    NB_HALF_BAND_OUTER = 42, ///< 167 taps, between 1 and 2 times the rate
    NB_HALF_BAND_UP = 8,     ///< 31 taps, from 2 to 4 times
    NB_HALF_BAND_DOWN = 7,   ///< 27 taps, from 4 to 2 times
    NB_AVERAGE_EVEN = 7,     ///< 29 taps, from 2 to 4 times, in two phases of 15 and 14
    NB_AVERAGE_ODD = 7,
    /// What both directions delay, in frames; at 4 times with either filter.
    NB_OVERSAMPLER_LATENCY_2 = 83,
    NB_OVERSAMPLER_LATENCY_4 = 90,
};

/// Twice the half-bands' coefficients, for the gain of zero-stuffing.
extern const double nb_half_band_outer[NB_HALF_BAND_OUTER];
extern const double nb_half_band_up[NB_HALF_BAND_UP];
extern const double nb_half_band_down[NB_HALF_BAND_DOWN];
/// From 2 to 4 times for a curve that is averaged over three neighbours, each with a third
/// (antiderivative anti-aliasing of second order): the passband is 3 / (1 + 2 cos w), the inverse
/// of that average's droop. The last of the even phase is its middle.
extern const double nb_average_even[NB_AVERAGE_EVEN + 1];
extern const double nb_average_odd[NB_AVERAGE_ODD];

typedef enum nb_oversampler_kind {
    NB_OVERSAMPLER_2,
    NB_OVERSAMPLER_4,
    NB_OVERSAMPLER_4_AVERAGE ///< The caller's curve delays by one of the four, see above
} nb_oversampler_kind;

enum {
    NB_OVERSAMPLER_OUTER_PAST = 2 * NB_HALF_BAND_OUTER - 1,
    NB_OVERSAMPLER_INNER_PAST = 2 * NB_HALF_BAND_UP - 1,
};

/// Each line begins with the past that its filter reads.
typedef struct nb_oversampler {
    nb_oversampler_kind kind;
    nb_lanes base[NB_OVERSAMPLER_OUTER_PAST + NB_OVERSAMPLER_CHUNK];
    nb_lanes twice[NB_OVERSAMPLER_INNER_PAST + 2 * NB_OVERSAMPLER_CHUNK];
    nb_lanes even_4[NB_OVERSAMPLER_INNER_PAST + 2 * NB_OVERSAMPLER_CHUNK];
    nb_lanes odd_4[NB_OVERSAMPLER_INNER_PAST + 2 * NB_OVERSAMPLER_CHUNK];
    nb_lanes even_2[NB_OVERSAMPLER_OUTER_PAST + NB_OVERSAMPLER_CHUNK];
    nb_lanes odd_2[NB_OVERSAMPLER_OUTER_PAST + NB_OVERSAMPLER_CHUNK];
} nb_oversampler;

static inline size_t nb_oversampler_factor(const nb_oversampler *self)
{
    return (self->kind == NB_OVERSAMPLER_2) ? 2 : 4;
}

static inline void nb_oversampler_reset(nb_oversampler *self)
{
    const nb_oversampler_kind kind = self->kind;
    memset(self, 0, sizeof *self);
    self->kind = kind;
}

/// out[n * stride] = sum of half[k] (x[n - k] + x[n - last + k]), and middle[n] * by where `middle`
/// is not null. Four outputs at a time, so that their sums do not wait for one another.
static inline void nb_fir_symmetric(const double *half, size_t pairs, size_t last,
                                    const nb_lanes *x, const nb_lanes *middle, double by,
                                    nb_lanes *out, size_t stride, size_t frames)
{
    enum { GROUP = 4 };
    size_t n = 0;
    for (; n + GROUP <= frames; n += GROUP) {
        nb_lanes sums[GROUP];
        for (size_t g = 0; g < GROUP; g++) {
            sums[g] = middle ? middle[n + g] * by : nb_lanes_set(0.0);
        }
        for (size_t k = 0; k < pairs; k++) {
            const nb_lanes *young = x + n - k;
            const nb_lanes *old = x + n + k - last;
            for (size_t g = 0; g < GROUP; g++) {
                sums[g] += (young[g] + old[g]) * half[k];
            }
        }
        for (size_t g = 0; g < GROUP; g++) {
            out[(n + g) * stride] = sums[g];
        }
    }
    for (; n < frames; n++) {
        nb_lanes sum = middle ? middle[n] * by : nb_lanes_set(0.0);
        for (size_t k = 0; k < pairs; k++) {
            const nb_lanes *young = x + n - k;
            const nb_lanes *old = x + n + k - last;
            sum += (*young + *old) * half[k];
        }
        out[n * stride] = sum;
    }
}

/// Move what the next call's filters read to the line's front.
static inline void nb_oversampler_keep(nb_lanes *line, size_t past, size_t frames)
{
    memmove(line, line + frames, past * sizeof *line);
}

static inline void nb_oversampler_up_inner(nb_oversampler *self, nb_lanes *out, size_t frames)
{
    const nb_lanes *x = self->twice + NB_OVERSAMPLER_INNER_PAST;
    if (self->kind == NB_OVERSAMPLER_4) {
        nb_fir_symmetric(nb_half_band_up, NB_HALF_BAND_UP, 2 * NB_HALF_BAND_UP - 1, x, NULL, 0.0,
                         out, 2, frames);
        const nb_lanes *middle = x + 1 - NB_HALF_BAND_UP;
        for (size_t n = 0; n < frames; n++) {
            out[2 * n + 1] = middle[n];
        }
        return;
    }
    nb_fir_symmetric(nb_average_even, NB_AVERAGE_EVEN, 2 * NB_AVERAGE_EVEN, x, x - NB_AVERAGE_EVEN,
                     nb_average_even[NB_AVERAGE_EVEN], out, 2, frames);
    nb_fir_symmetric(nb_average_odd, NB_AVERAGE_ODD, 2 * NB_AVERAGE_ODD - 1, x, NULL, 0.0, out + 1,
                     2, frames);
}

/// Write factor * frames samples to `out`; frames at most NB_OVERSAMPLER_CHUNK.
static inline void nb_oversampler_up(nb_oversampler *self, const nb_lanes *in, nb_lanes *out,
                                     size_t frames)
{
    nb_lanes *base = self->base + NB_OVERSAMPLER_OUTER_PAST;
    memcpy(base, in, frames * sizeof *in);
    nb_lanes *twice =
        (self->kind == NB_OVERSAMPLER_2) ? out : self->twice + NB_OVERSAMPLER_INNER_PAST;
    nb_fir_symmetric(nb_half_band_outer, NB_HALF_BAND_OUTER, 2 * NB_HALF_BAND_OUTER - 1, base, NULL,
                     0.0, twice, 2, frames);
    const nb_lanes *middle = base + 1 - NB_HALF_BAND_OUTER;
    for (size_t n = 0; n < frames; n++) {
        twice[2 * n + 1] = middle[n];
    }
    nb_oversampler_keep(self->base, NB_OVERSAMPLER_OUTER_PAST, frames);
    if (self->kind != NB_OVERSAMPLER_2) {
        nb_oversampler_up_inner(self, out, 2 * frames);
        nb_oversampler_keep(self->twice, NB_OVERSAMPLER_INNER_PAST, 2 * frames);
    }
}

/// Part every second sample from its neighbour.
static inline void nb_oversampler_part(const nb_lanes *in, nb_lanes *even, nb_lanes *odd,
                                       size_t frames)
{
    for (size_t n = 0; n < frames; n++) {
        even[n] = in[2 * n];
        odd[n] = in[2 * n + 1];
    }
}

/// Read factor * frames samples, which are overwritten, and write `frames` to `out`.
static inline void nb_oversampler_down(nb_oversampler *self, nb_lanes *samples, nb_lanes *out,
                                       size_t frames)
{
    if (self->kind != NB_OVERSAMPLER_2) {
        nb_lanes *even = self->even_4 + NB_OVERSAMPLER_INNER_PAST;
        nb_lanes *odd = self->odd_4 + NB_OVERSAMPLER_INNER_PAST;
        nb_oversampler_part(samples, even, odd, 2 * frames);
        nb_fir_symmetric(nb_half_band_down, NB_HALF_BAND_DOWN, 2 * NB_HALF_BAND_DOWN - 1, even,
                         odd - NB_HALF_BAND_DOWN, 1.0, samples, 1, 2 * frames);
        for (size_t n = 0; n < 2 * frames; n++) {
            samples[n] *= 0.5;
        }
        nb_oversampler_keep(self->even_4, NB_OVERSAMPLER_INNER_PAST, 2 * frames);
        nb_oversampler_keep(self->odd_4, NB_OVERSAMPLER_INNER_PAST, 2 * frames);
    }
    nb_lanes *even = self->even_2 + NB_OVERSAMPLER_OUTER_PAST;
    nb_lanes *odd = self->odd_2 + NB_OVERSAMPLER_OUTER_PAST;
    nb_oversampler_part(samples, even, odd, frames);
    nb_fir_symmetric(nb_half_band_outer, NB_HALF_BAND_OUTER, 2 * NB_HALF_BAND_OUTER - 1, even,
                     odd - NB_HALF_BAND_OUTER, 1.0, out, 1, frames);
    for (size_t n = 0; n < frames; n++) {
        out[n] *= 0.5;
    }
    nb_oversampler_keep(self->even_2, NB_OVERSAMPLER_OUTER_PAST, frames);
    nb_oversampler_keep(self->odd_2, NB_OVERSAMPLER_OUTER_PAST, frames);
}

#endif // NB_DSP_OVERSAMPLER_H
