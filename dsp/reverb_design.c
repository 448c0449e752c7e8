// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/reverb_design.h"

#include "dsp/step_ring.h"

#include <math.h>
#include <stdbool.h>

static const double pi = 3.14159265358979323846;
static const double shortest_line_s = 0.0213; // at size 1; longest / shortest: 3.1
static const double line_spread = 3.1;
static const size_t least_frames = (size_t)3 * NB_STEP; // of a line, before it moves
static const double least_shelf = 0.03162277660168379;  // -30 dB, half of a shelf
// Spans of the diffusers. Together they fill the time until the network's lines answer.
static const double diffuser_s[NB_REVERB_DIFFUSERS] = {0.0093, 0.0217, 0.0391};

static double warped(double freq_hz, double rate_hz)
{
    return tan(pi * fmin(freq_hz, 0.49 * rate_hz) / rate_hz);
}

double nb_reverb_t60_s(const nb_reverb_decay *decay, double freq_hz)
{
    const double low = warped(freq_hz, decay->rate_hz) / warped(decay->low_hz, decay->rate_hz);
    const double high = warped(freq_hz, decay->rate_hz) / warped(decay->high_hz, decay->rate_hz);
    const double mid_rate = 1.0 / decay->mid_s;
    return 1.0 / (mid_rate + (1.0 / decay->low_s - mid_rate) / (1.0 + low * low) +
                  (1.0 / decay->high_s - mid_rate) * high * high / (1.0 + high * high));
}

// The gain of a line: 60 dB in T60.
static double line_gain(double frames, double rate_hz, double t60_s)
{
    return pow(10.0, -3.0 * frames / (rate_hz * t60_s));
}

// (b0 + b1 / z) / (1 + a1 / z)
static nb_reverb_shelf shelf_of(double b0, double b1, double a1)
{
    return (nb_reverb_shelf){.direct = b0, .fresh = b1 - a1 * b0, .old = -a1};
}

static double shelf_root(double gain) { return fmax(sqrt(gain), least_shelf); }

nb_reverb_shelves nb_reverb_absorption(const nb_reverb_decay *decay, double frames, double gain)
{
    const double mid = line_gain(frames, decay->rate_hz, decay->mid_s);
    // Roots of the gains beside the middle's: a shelf is symmetric about its crossover in dB.
    const double low = shelf_root(line_gain(frames, decay->rate_hz, decay->low_s) / mid);
    const double high = shelf_root(line_gain(frames, decay->rate_hz, decay->high_s) / mid);
    const double wl = warped(decay->low_hz, decay->rate_hz);
    const double wh = warped(decay->high_hz, decay->rate_hz);
    const double nl = 1.0 + wl / low;
    const double nh = wh + 1.0 / high;
    const double total = mid * gain;
    return (nb_reverb_shelves){
        .low = shelf_of(total * (1.0 + wl * low) / nl, total * (wl * low - 1.0) / nl,
                        (wl / low - 1.0) / nl),
        .high = shelf_of((wh + high) / nh, (wh - high) / nh, (wh - 1.0 / high) / nh),
    };
}

// A shelf's gain at 1 / z = `past`; infinite where its own memory falls more slowly than z^n.
static double gain_at(const nb_reverb_shelf *self, double past)
{
    const double kept = 1.0 - self->old * past;
    return (kept > 0.0) ? fabs(self->direct + self->fresh * past / kept) : INFINITY;
}

// Whether what a line keeps falls by 60 dB in that time, filters and all: on the circle of that
// decay no gain along the line is over 1. A shelf's gain is the largest at an end of the spectrum.
static bool falls_within(const nb_reverb_decay *decay, double frames, double t60_s)
{
    const nb_reverb_shelves it = nb_reverb_absorption(decay, frames, 1.0);
    const double past = pow(10.0, 3.0 / (decay->rate_hz * t60_s));
    const double most = line_gain(frames, decay->rate_hz, t60_s);
    return gain_at(&it.low, past) * gain_at(&it.high, past) <= most &&
           gain_at(&it.low, -past) * gain_at(&it.high, -past) <= most;
}

double nb_reverb_longest_s(const nb_reverb_decay *decay, const size_t frames[NB_REVERB_LINES])
{
    const double step = 1.02;
    double longest_s = fmax(decay->mid_s, fmax(decay->low_s, decay->high_s));
    for (size_t l = 0; l < NB_REVERB_LINES; l++) {
        while (!falls_within(decay, (double)frames[l], step * longest_s)) {
            longest_s *= step;
        }
    }
    return longest_s;
}

static bool is_prime(size_t number)
{
    for (size_t d = 2; d * d <= number; d++) {
        if (number % d == 0) {
            return false;
        }
    }
    return number > 1;
}

void nb_reverb_line_frames(double rate_hz, double size, double depth_frames,
                           size_t out_frames[NB_REVERB_LINES])
{
    size_t past = least_frames + (size_t)ceil(depth_frames);
    for (size_t l = 0; l < NB_REVERB_LINES; l++) {
        const double ratio = pow(line_spread, (double)l / (NB_REVERB_LINES - 1));
        const size_t wanted = (size_t)(shortest_line_s * size * ratio * rate_hz);
        size_t frames = (wanted > past) ? wanted : past;
        while (!is_prime(frames)) {
            frames++;
        }
        out_frames[l] = frames;
        past = frames + 1;
    }
}

// Sixteen even parts of the span, a place in each by a low-discrepancy sequence, dealt to the
// channels in another order at each stage.
void nb_reverb_diffuser_frames(double rate_hz, double size, size_t stage,
                               size_t out_frames[NB_REVERB_LINES])
{
    static const size_t strides[NB_REVERB_DIFFUSERS] = {5, 11, 7};
    const double golden = 0.6180339887498949;
    for (size_t l = 0; l < NB_REVERB_LINES; l++) {
        const size_t slot = (l * strides[stage] + 3 * stage) % NB_REVERB_LINES;
        const double turn = golden * (double)(slot + NB_REVERB_LINES * stage + 1);
        const double place = ((double)slot + turn - floor(turn)) / NB_REVERB_LINES;
        out_frames[l] = (size_t)(diffuser_s[stage] * size * place * rate_hz);
    }
}

// The lines share the energy 2 P that enters for a power P of each input. Each turn leaves the mean
// of their squared gains; an output sums all lines, hence all turns: 2 P / (1 - mean).
double nb_reverb_output_gain(const nb_reverb_decay *decay, const size_t frames[NB_REVERB_LINES])
{
    double left = 0.0;
    for (size_t l = 0; l < NB_REVERB_LINES; l++) {
        const double gain = line_gain((double)frames[l], decay->rate_hz, decay->mid_s);
        left += gain * gain / NB_REVERB_LINES;
    }
    return sqrt((1.0 - left) / 2.0);
}
