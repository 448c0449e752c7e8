// SPDX-License-Identifier: GPL-3.0-or-later
#include "deploy/demo-album/drums.h"

#include "base/status.h"
#include "deploy/demo-album/filter.h"

/// One mode of a membrane.
typedef struct mode {
    double freq_hz;
    double drop;    ///< How much higher it starts, as a share
    double drop_s;  ///< How fast that goes
    double decay_s; ///< To 1/e
    double height;
} mode;

static void add_mode(const nb_take *take, double *note, size_t frames, const mode *self)
{
    const double falling = exp(-1.0 / (self->drop_s * take->rate_hz));
    const double fading = exp(-1.0 / (self->decay_s * take->rate_hz));
    double bend = self->drop, height = self->height, phase = 0.0;
    for (size_t i = 0; i < frames; i++) {
        note[i] += height * sin(2.0 * nb_pi * phase);
        phase += self->freq_hz * (1.0 + bend) / take->rate_hz;
        bend *= falling;
        height *= fading;
    }
}

/// A burst of noise in a band.
typedef struct burst {
    double freq_hz, q;
    double attack_s, decay_s;
    double height;
} burst;

static void add_burst(nb_take *take, double *note, size_t frames, const burst *self)
{
    nb_svf band = {0};
    nb_svf_tune(&band, self->freq_hz, self->q, take->rate_hz);
    const double rising = nb_settle_share(self->attack_s, take->rate_hz);
    const double fading = exp(-1.0 / (self->decay_s * take->rate_hz));
    double open = 0.0, height = self->height;
    for (size_t i = 0; i < frames; i++) {
        nb_svf_step(&band, nb_random_signed(&take->random));
        open += rising * (1.0 - open);
        note[i] += open * height * band.band;
        height *= fading;
    }
}

/// A crowd of partials between two frequencies that no ear tells apart: metal.
typedef struct metal {
    double low_hz, high_hz;
    size_t partials;
    double decay_s;
    double height;
} metal;

static void add_metal(nb_take *take, double *note, size_t frames, const metal *self)
{
    // The same piece of metal at every stroke: its partials come from a stream of their own.
    nb_random alloy = nb_random_named(self->partials, "alloy");
    const double span = log(self->high_hz / self->low_hz);
    for (size_t p = 0; p < self->partials; p++) {
        const double part = ((double)p + nb_random_unit(&alloy)) / (double)self->partials;
        const double freq_hz = self->low_hz * exp(span * part);
        const double decay_s = self->decay_s * (1.2 - 0.8 * part);
        const double step = 2.0 * nb_pi * freq_hz / take->rate_hz;
        const double fading = exp(-1.0 / (decay_s * take->rate_hz));
        // A rotating pointer, shrinking: one decaying sine for two products a sample.
        const double turn_cos = fading * cos(step), turn_sin = fading * sin(step);
        const double start = 2.0 * nb_pi * nb_random_unit(&take->random);
        const double height = self->height * (0.4 + 0.6 * nb_random_unit(&alloy));
        double x = height * cos(start), y = height * sin(start);
        for (size_t i = 0; i < frames; i++) {
            note[i] += y;
            const double turned = x * turn_cos - y * turn_sin;
            y = x * turn_sin + y * turn_cos;
            x = turned;
        }
    }
}

static void saturate_note(double *note, size_t frames, double drive)
{
    for (size_t i = 0; i < frames; i++) {
        note[i] = nb_saturate(drive * note[i]);
    }
}

static void strike_kick(nb_take *take, double at_s, double velocity, const mode modes[2],
                        const burst *click)
{
    const size_t frames = nb_take_note_frames(take, 0.6);
    double *note = nb_take_note(take, frames);
    for (size_t i = 0; i < 2; i++) {
        add_mode(take, note, frames, &modes[i]);
    }
    burst beater = *click;
    beater.height *= velocity;
    add_burst(take, note, frames, &beater);
    saturate_note(note, frames, 0.7 + 0.6 * velocity);
    nb_note_fade(take, note, frames, 0.1);
    nb_take_add(take, at_s, frames, 0.3 + 0.7 * velocity, 0.0);
}

void nb_drum_kick(nb_take *take, double at_s, double velocity)
{
    static const mode modes[] = {{52.0, 1.8, 0.022, 0.17, 1.2}, {97.0, 0.6, 0.015, 0.05, 0.35}};
    static const burst click = {1800.0, 0.8, 0.0006, 0.006, 0.8};
    strike_kick(take, at_s, velocity, modes, &click);
}

void nb_drum_kick_tight(nb_take *take, double at_s, double velocity)
{
    static const mode modes[] = {{49.0, 3.4, 0.016, 0.13, 1.5}, {112.0, 0.9, 0.010, 0.04, 0.4}};
    static const burst click = {3600.0, 0.7, 0.0003, 0.004, 1.6};
    strike_kick(take, at_s, velocity, modes, &click);
}

static void strike_snare(nb_take *take, double at_s, double velocity, double pitch_hz,
                         double ring_s, double wires_s)
{
    const size_t frames = nb_take_note_frames(take, 0.55);
    double *note = nb_take_note(take, frames);
    const mode modes[] = {{pitch_hz, 0.5, 0.012, ring_s, 0.75},
                          {1.59 * pitch_hz, 0.3, 0.010, 0.6 * ring_s, 0.45},
                          {2.14 * pitch_hz, 0.2, 0.008, 0.4 * ring_s, 0.22}};
    for (size_t i = 0; i < NB_COUNT(modes); i++) {
        add_mode(take, note, frames, &modes[i]);
    }
    const burst noises[] = {{2200.0, 0.6, 0.0005, 0.5 * wires_s, 0.8 * velocity},
                            {5200.0 + 1500.0 * velocity, 0.5, 0.001, wires_s, 1.1 * velocity},
                            {900.0, 1.2, 0.0002, 0.012, 1.2 * velocity}};
    for (size_t i = 0; i < NB_COUNT(noises); i++) {
        add_burst(take, note, frames, &noises[i]);
    }
    saturate_note(note, frames, 0.6 + 0.7 * velocity);
    nb_note_fade(take, note, frames, 0.1);
    nb_take_add(take, at_s, frames, velocity * (0.25 + 0.75 * velocity), 0.0);
}

void nb_drum_snare(nb_take *take, double at_s, double velocity)
{
    strike_snare(take, at_s, velocity, 196.0, 0.06, 0.085);
}

void nb_drum_snare_big(nb_take *take, double at_s, double velocity)
{
    strike_snare(take, at_s, velocity, 172.0, 0.085, 0.13);
    if (velocity < 0.6) {
        return;
    }
    static const double hands_s[] = {0.0, 0.011, 0.019, 0.031};
    for (size_t i = 0; i < NB_COUNT(hands_s); i++) {
        const size_t frames = nb_take_note_frames(take, 0.3);
        double *note = nb_take_note(take, frames);
        const burst hand = {1350.0, 1.4, 0.0004, (i == 3) ? 0.07 : 0.006, 0.7};
        add_burst(take, note, frames, &hand);
        nb_note_fade(take, note, frames, 0.05);
        nb_take_add(take, at_s + hands_s[i], frames, 0.5 * velocity, 0.0);
    }
}

static void strike_metal(nb_take *take, double at_s, double velocity, const metal *body,
                         const burst *wash, double pan)
{
    const size_t frames = nb_take_note_frames(take, 5.0 * body->decay_s + 0.02);
    double *note = nb_take_note(take, frames);
    add_metal(take, note, frames, body);
    burst noise = *wash;
    noise.height *= 0.4 + 0.6 * velocity;
    add_burst(take, note, frames, &noise);
    nb_note_fade(take, note, frames, body->decay_s);
    nb_take_add(take, at_s, frames, velocity * (0.3 + 0.7 * velocity), pan);
}

void nb_drum_hat(nb_take *take, double at_s, double velocity)
{
    const metal body = {4200.0, 15500.0, 28, 0.03 + 0.035 * velocity, 0.05};
    const burst wash = {8800.0, 0.8, 0.0004, 0.03 + 0.025 * velocity, 0.6};
    strike_metal(take, at_s, velocity, &body, &wash, 0.25);
}

void nb_drum_hat_open(nb_take *take, double at_s, double velocity)
{
    static const metal body = {4200.0, 15500.0, 28, 0.16, 0.05};
    static const burst wash = {8200.0, 0.6, 0.001, 0.13, 0.5};
    strike_metal(take, at_s, velocity, &body, &wash, 0.25);
}

void nb_drum_ride(nb_take *take, double at_s, double velocity)
{
    static const metal body = {950.0, 14000.0, 44, 0.34, 0.028};
    static const burst wash = {6000.0, 0.7, 0.0004, 0.05, 0.5};
    strike_metal(take, at_s, velocity, &body, &wash, 0.45);
}

void nb_drum_crash(nb_take *take, double at_s, double velocity)
{
    static const metal body = {480.0, 15000.0, 72, 0.75, 0.022};
    static const burst wash = {5200.0, 0.5, 0.004, 0.5, 0.7};
    strike_metal(take, at_s, velocity, &body, &wash, -0.5);
}

static void strike_tom(nb_take *take, double at_s, double velocity, double pitch_hz, double pan)
{
    const size_t frames = nb_take_note_frames(take, 1.1);
    double *note = nb_take_note(take, frames);
    // A round membrane's first modes stand at these ratios (zeros of the Bessel functions).
    static const double ratios[] = {1.0, 1.593, 2.136, 2.296, 2.653};
    for (size_t i = 0; i < NB_COUNT(ratios); i++) {
        const double share = 1.0 / (1.0 + 1.4 * (double)i);
        const mode skin = {pitch_hz * ratios[i], 0.28 * velocity, 0.06, 0.24 * share, 0.8 * share};
        add_mode(take, note, frames, &skin);
    }
    const burst stick = {2400.0, 0.7, 0.0004, 0.01, 0.7 * velocity};
    add_burst(take, note, frames, &stick);
    saturate_note(note, frames, 0.6 + 0.5 * velocity);
    nb_note_fade(take, note, frames, 0.2);
    nb_take_add(take, at_s, frames, velocity * (0.4 + 0.6 * velocity), pan);
}

void nb_drum_tom_high(nb_take *take, double at_s, double velocity)
{
    strike_tom(take, at_s, velocity, 168.0, 0.4);
}

void nb_drum_tom_mid(nb_take *take, double at_s, double velocity)
{
    strike_tom(take, at_s, velocity, 124.0, 0.0);
}

void nb_drum_tom_low(nb_take *take, double at_s, double velocity)
{
    strike_tom(take, at_s, velocity, 84.0, -0.45);
}

void nb_drum_shaker(nb_take *take, double at_s, double velocity)
{
    const size_t frames = nb_take_note_frames(take, 0.25);
    double *note = nb_take_note(take, frames);
    const burst beads = {6800.0, 1.1, 0.012, 0.028 + 0.02 * velocity, 0.8};
    add_burst(take, note, frames, &beads);
    nb_note_fade(take, note, frames, 0.05);
    nb_take_add(take, at_s - 0.012, frames, velocity, -0.55);
}

void nb_drum_tambourine(nb_take *take, double at_s, double velocity)
{
    static const metal jingles = {6200.0, 16500.0, 22, 0.07, 0.06};
    static const burst frame = {7600.0, 1.0, 0.002, 0.045, 0.5};
    strike_metal(take, at_s, velocity, &jingles, &frame, 0.6);
}

void nb_drum_conga(nb_take *take, double at_s, double velocity)
{
    // Open strokes ring low, light ones are slaps nearer to the rim.
    const double pitch_hz = (velocity > 0.6) ? 186.0 : 262.0;
    const size_t frames = nb_take_note_frames(take, 0.5);
    double *note = nb_take_note(take, frames);
    const mode modes[] = {{pitch_hz, 0.08, 0.02, 0.11, 0.9},
                          {1.6 * pitch_hz, 0.05, 0.02, 0.05, 0.3},
                          {2.3 * pitch_hz, 0.05, 0.01, 0.03, 0.2}};
    for (size_t i = 0; i < NB_COUNT(modes); i++) {
        add_mode(take, note, frames, &modes[i]);
    }
    const burst palm = {1500.0, 0.9, 0.0005, 0.008, 0.5};
    add_burst(take, note, frames, &palm);
    nb_note_fade(take, note, frames, 0.1);
    nb_take_add(take, at_s, frames, 0.3 + 0.5 * velocity, 0.15);
}
