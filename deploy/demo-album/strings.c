// SPDX-License-Identifier: GPL-3.0-or-later
// Plucked strings after Karplus and Strong, extended by Jaffe and Smith (Computer Music Journal
// 7:2, 1983): a delay line as long as the string, a loss filter, a tuning all-pass, a pick
// position.
#include "base/status.h"
#include "deploy/demo-album/filter.h"
#include "deploy/demo-album/instruments.h"

enum { LINE_MAX = 4096 }; ///< Frames of the lowest string: 24 Hz at 96 kHz

const nb_string_kind nb_string_bass = {3.5, 0.22, 0.22, {92.0, 0.0}, 0.5};
const nb_string_kind nb_string_guitar = {3.0, 0.75, 0.13, {205.0, 410.0}, 0.6};
const nb_string_kind nb_string_muted = {0.55, 0.5, 0.09, {0.0, 0.0}, 0.0};

typedef struct string {
    double line[LINE_MAX];
    size_t length, at;
    double loss;          ///< A turn's gain, so that it rings for its time
    double blend, before; ///< Loss of highs: the mean of neighbours
    double tune, tune_in, tune_out;
} string;

/// Noise for one turn of the string, darker the softer it is picked, less what a pick there misses.
static void pick(string *self, nb_take *take, const nb_string_kind *kind, double velocity)
{
    double burst[LINE_MAX];
    const double cutoff_hz = 700.0 + 9000.0 * kind->bright * (0.25 + 0.75 * velocity);
    const double share = nb_onepole_share(cutoff_hz, take->rate_hz);
    double low = 0.0, mean = 0.0;
    for (size_t i = 0; i < self->length; i++) {
        low += share * (nb_random_signed(&take->random) - low);
        burst[i] = low;
        mean += low / (double)self->length;
    }
    const size_t gap = 1 + (size_t)(kind->pick_place * (double)self->length);
    for (size_t i = 0; i < self->length; i++) {
        const double other = burst[(i + self->length - gap % self->length) % self->length];
        self->line[i] = burst[i] - mean - 0.9 * (other - mean);
    }
}

static void tune_string(string *self, const nb_take *take, const nb_string_kind *kind, double pitch)
{
    const double freq_hz = nb_note_hz(pitch);
    const double period = take->rate_hz / freq_hz;
    self->blend = 0.5 - 0.42 * kind->bright * (freq_hz < 600.0 ? 1.0 : 0.7);
    // The blend of neighbours delays by its share of a frame; the all-pass by 0.3 to 1.3 frames.
    const double whole = floor(period - self->blend - 0.3);
    const double part = period - self->blend - whole;
    self->length = (whole < LINE_MAX) ? (size_t)whole : LINE_MAX;
    self->tune = (1.0 - part) / (1.0 + part);
    const double ring_s = kind->ring_s * pow(82.4 / freq_hz, 0.35);
    self->loss = pow(0.001, 1.0 / (freq_hz * ring_s));
}

static double step_string(string *self)
{
    const double heard = self->line[self->at];
    const double dulled = (1.0 - self->blend) * heard + self->blend * self->before;
    self->before = heard;
    const double tuned = self->tune * dulled + self->tune_in - self->tune * self->tune_out;
    self->tune_in = dulled;
    self->tune_out = tuned;
    self->line[self->at] = self->loss * tuned;
    self->at = (self->at + 1 == self->length) ? 0 : self->at + 1;
    return heard;
}

/// What the body adds at its own resonances.
static void add_body(const nb_take *take, const nb_string_kind *kind, double *note, size_t frames)
{
    for (size_t b = 0; b < NB_COUNT(kind->body_hz); b++) {
        if (kind->body_hz[b] == 0.0) {
            continue;
        }
        nb_svf body = {0};
        nb_svf_tune(&body, kind->body_hz[b], 3.0, take->rate_hz);
        for (size_t i = 0; i < frames; i++) {
            nb_svf_step(&body, note[i]);
            note[i] += kind->body_amount * body.damping * body.band;
        }
    }
}

void nb_play_string(nb_take *take, const nb_string_kind *kind, const nb_note *note)
{
    string plucked = {0};
    const double cents = 2.5 * nb_random_normal(&take->random);
    tune_string(&plucked, take, kind, note->pitch + cents / 100.0);
    pick(&plucked, take, kind, note->velocity);
    const size_t held = nb_take_note_frames(take, note->length_s);
    const size_t frames = nb_take_note_frames(take, note->length_s + 0.12);
    double *out = nb_take_note(take, frames);
    const double damped = exp(-1.0 / (0.018 * take->rate_hz));
    double finger = 1.0;
    for (size_t i = 0; i < frames; i++) {
        finger *= (i > held) ? damped : 1.0;
        out[i] = finger * step_string(&plucked);
    }
    add_body(take, kind, out, frames);
    nb_note_fade(take, out, frames, 0.02);
    nb_take_add(take, note->at_s, frames, note->velocity, note->pan);
}
