// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/k_weighting.h"

#include "dsp/kernel.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

/// Two channels side by side: one alone would wait for its own last sample all the time.
typedef double pair __attribute__((vector_size(16)));

// The prototypes behind the recommendation's tables, to all their digits: De Man 2018.
static void set_shelf(nb_k_section *self, double rate_hz)
{
    const double k = tan(pi * 1681.974450955533 / rate_hz);
    const double q = 0.7071752369554196;
    const double high = pow(10.0, 3.999843853973347 / 20.0);
    const double band = pow(high, 0.4996667741545416);
    const double scale = 1.0 / (1.0 + k / q + k * k);
    self->b0 = (high + band * k / q + k * k) * scale;
    self->b1 = 2.0 * (k * k - high) * scale;
    self->b2 = (high - band * k / q + k * k) * scale;
    self->a1 = 2.0 * (k * k - 1.0) * scale;
    self->a2 = (1.0 - k / q + k * k) * scale;
}

static void set_high_pass(nb_k_section *self, double rate_hz)
{
    const double k = tan(pi * 38.13547087602444 / rate_hz);
    const double q = 0.5003270373238773;
    const double scale = 1.0 / (1.0 + k / q + k * k);
    self->b0 = 1.0; // not scaled: so the table has it
    self->b1 = -2.0;
    self->b2 = 1.0;
    self->a1 = 2.0 * (k * k - 1.0) * scale;
    self->a2 = (1.0 - k / q + k * k) * scale;
}

void nb_k_weighting_init(nb_k_weighting *self, unsigned rate_hz, unsigned channels)
{
    *self = (nb_k_weighting){.channels = channels};
    set_shelf(&self->shelf, rate_hz);
    set_high_pass(&self->high_pass, rate_hz);
}

/// A section at work on two channels: what is kept of it in registers.
typedef struct running {
    pair b0, b1, b2, a1, a2;
    pair first, second;
} running;

static inline pair both(double value) { return (pair){value, value}; }

static inline running start(const nb_k_section *it, size_t channels)
{
    const double(*state)[2] = it->states[channels];
    return (running){both(it->b0),
                     both(it->b1),
                     both(it->b2),
                     both(it->a1),
                     both(it->a2),
                     {state[0][0], state[0][1]},
                     {state[1][0], state[1][1]}};
}

static inline void stop(const running *at, nb_k_section *it, size_t channels)
{
    for (size_t c = 0; c < 2; c++) {
        it->states[channels][0][c] = at->first[c];
        it->states[channels][1][c] = at->second[c];
    }
}

static inline pair filter(running *at, pair in)
{
    const pair out = at->b0 * in + at->first;
    at->first = (at->b1 * in + at->second) - at->a1 * out;
    at->second = at->b2 * in - at->a2 * out;
    return out;
}

/// `stride` samples from frame to frame; of a last channel on its own `other` is 0.
static pair run_pair(nb_k_weighting *self, size_t channels, const float *samples, size_t stride,
                     size_t other, size_t frames)
{
    running shelf = start(&self->shelf, channels);
    running high_pass = start(&self->high_pass, channels);
    pair sum = {0.0, 0.0};
    for (size_t i = 0; i < frames; i++) {
        const float *frame = samples + i * stride;
        const pair in = {(double)frame[0], (double)frame[other]};
        const pair out = filter(&high_pass, filter(&shelf, in));
        sum += out * out;
    }
    stop(&shelf, &self->shelf, channels);
    stop(&high_pass, &self->high_pass, channels);
    return sum;
}

void nb_k_weighting_run(nb_k_weighting *self, const float *interleaved, size_t frames, double *sums)
{
    NB_NO_DENORMALS;
    for (size_t c = 0; c < self->channels; c += 2) {
        const size_t other = (c + 1 < self->channels) ? 1 : 0;
        const pair sum = run_pair(self, c / 2, interleaved + c, self->channels, other, frames);
        sums[c] = sum[0];
        if (other) {
            sums[c + 1] = sum[1];
        }
    }
}
