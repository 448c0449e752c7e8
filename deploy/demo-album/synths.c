// SPDX-License-Identifier: GPL-3.0-or-later
#include "deploy/demo-album/filter.h"
#include "deploy/demo-album/instruments.h"

/// Step a phase in [0, 1).
static double turn(double phase, double freq_hz, double rate_hz)
{
    phase += freq_hz / rate_hz;
    return phase - floor(phase);
}

/// Attack and release without corners; between them the level sinks towards `sustain`.
typedef struct envelope {
    double attack_s, decay_s, sustain, release_s;
} envelope;

static double envelope_at(const envelope *self, double time_s, double length_s)
{
    const double up = 1.0 - exp(-time_s / self->attack_s);
    const double level = self->sustain + (1.0 - self->sustain) * exp(-time_s / self->decay_s);
    const double down = (time_s > length_s) ? exp((length_s - time_s) / self->release_s) : 1.0;
    return up * level * down;
}

void nb_play_piano(nb_take *take, const nb_note *note)
{
    const double rate = take->rate_hz, freq_hz = nb_note_hz(note->pitch);
    const size_t frames = nb_take_note_frames(take, note->length_s + 0.5);
    double *out = nb_take_note(take, frames);
    const double ring_s = 2.6 * pow(261.6 / freq_hz, 0.45);
    const envelope bar = {0.0015, ring_s, 0.0, 0.09};
    const double growl =
        (0.35 + 1.5 * note->velocity * note->velocity) * (freq_hz < 900.0 ? 1.0 : 0.5);
    const double tine = 0.35 * note->velocity * (14.0 * freq_hz < 0.4 * rate ? 1.0 : 0.0);
    for (size_t i = 0; i < frames; i++) {
        const double time_s = (double)i / rate, angle = 2.0 * nb_pi * freq_hz * time_s;
        const double body = sin(angle + growl * exp(-time_s / 0.7) * sin(angle));
        const double bell = sin(angle + tine * exp(-time_s / 0.12) * sin(14.0 * angle));
        out[i] = envelope_at(&bar, time_s, note->length_s) * (0.7 * body + 0.4 * bell);
    }
    nb_note_fade(take, out, frames, 0.1);
    nb_take_add(take, note->at_s, frames, note->velocity, note->pan);
}

void nb_play_synth_bass(nb_take *take, const nb_wave *saw, const nb_wave *square,
                        const nb_note *note)
{
    const double rate = take->rate_hz, freq_hz = nb_note_hz(note->pitch);
    const size_t frames = nb_take_note_frames(take, note->length_s + 0.12);
    double *out = nb_take_note(take, frames);
    static const envelope level = {0.002, 0.5, 0.75, 0.02};
    nb_svf filter = {0};
    double phase = 0.0, below = 0.0;
    for (size_t i = 0; i < frames; i++) {
        const double time_s = (double)i / rate;
        if (i % 16 == 0) {
            const double sweep = exp(-time_s / 0.11) * (0.4 + 0.6 * note->velocity);
            nb_svf_tune(&filter, 260.0 + 2400.0 * sweep, 2.2, rate);
        }
        const double tone =
            nb_wave_at(saw, freq_hz, phase) + 0.35 * nb_wave_at(square, 0.5 * freq_hz, below);
        nb_svf_step(&filter, tone);
        out[i] = envelope_at(&level, time_s, note->length_s) *
                 nb_saturate(0.9 * filter.low + 0.5 * sin(2.0 * nb_pi * phase));
        phase = turn(phase, freq_hz, rate);
        below = turn(below, 0.5 * freq_hz, rate);
    }
    nb_note_fade(take, out, frames, 0.03);
    nb_take_add(take, note->at_s, frames, note->velocity, note->pan);
}

void nb_play_pluck(nb_take *take, const nb_wave *saw, const nb_note *note, double open)
{
    const double rate = take->rate_hz, freq_hz = nb_note_hz(note->pitch);
    const size_t frames = nb_take_note_frames(take, note->length_s + 0.6);
    double *out = nb_take_note(take, frames);
    static const envelope level = {0.0015, 0.28, 0.0, 0.12};
    nb_svf filter = {0};
    double left = nb_random_unit(&take->random), right = nb_random_unit(&take->random);
    for (size_t i = 0; i < frames; i++) {
        const double time_s = (double)i / rate;
        if (i % 16 == 0) {
            const double sweep = exp(-time_s / 0.09) * (0.3 + 0.7 * note->velocity);
            nb_svf_tune(&filter, 350.0 + (1200.0 + 6500.0 * open) * sweep, 1.6, rate);
        }
        nb_svf_step(&filter, nb_wave_at(saw, freq_hz, left) + nb_wave_at(saw, freq_hz, right));
        out[i] = envelope_at(&level, time_s, note->length_s) * filter.low;
        left = turn(left, freq_hz * 1.0023, rate);
        right = turn(right, freq_hz * 0.9977, rate);
    }
    nb_note_fade(take, out, frames, 0.1);
    nb_take_add(take, note->at_s, frames, 0.5 * note->velocity, note->pan);
}

/// One desk of the section.
static void play_desk(nb_take *take, const nb_wave *saw, const nb_note *note, double bright,
                      double pan)
{
    const double rate = take->rate_hz;
    const size_t frames = nb_take_note_frames(take, note->length_s + 0.7);
    double *out = nb_take_note(take, frames);
    const envelope bow = {0.11 + 0.05 * nb_random_unit(&take->random), 4.0, 0.85, 0.16};
    const double cents = 6.0 * nb_random_normal(&take->random);
    const double freq_hz = nb_note_hz(note->pitch + cents / 100.0);
    const double shake_hz = 5.2 + 0.5 * nb_random_signed(&take->random);
    double phase = nb_random_unit(&take->random), shake = nb_random_unit(&take->random);
    nb_svf filter = {0};
    nb_svf_tune(&filter, 900.0 + 4200.0 * bright * note->velocity, 0.7, rate);
    for (size_t i = 0; i < frames; i++) {
        const double time_s = (double)i / rate;
        const double deep = 0.0035 * (1.0 - exp(-time_s / 0.4));
        const double now_hz = freq_hz * (1.0 + deep * sin(2.0 * nb_pi * shake));
        nb_svf_step(&filter, nb_wave_at(saw, now_hz, phase));
        out[i] = envelope_at(&bow, time_s, note->length_s) * filter.low;
        phase = turn(phase, now_hz, rate);
        shake = turn(shake, shake_hz, rate);
    }
    nb_note_fade(take, out, frames, 0.1);
    nb_take_add(take, note->at_s + 0.012 * nb_random_unit(&take->random), frames,
                0.25 * note->velocity, pan);
}

void nb_play_section(nb_take *take, const nb_wave *saw, const nb_note *note, double bright)
{
    for (int desk = 0; desk < 4; desk++) {
        const double pan = note->pan + 0.22 * (desk - 1.5);
        play_desk(take, saw, note, bright, (pan > 1.0) ? 1.0 : (pan < -1.0) ? -1.0 : pan);
    }
}

void nb_play_riser(nb_take *take, const nb_wave *saw, const nb_note *note)
{
    const double rate = take->rate_hz;
    const size_t frames = nb_take_note_frames(take, note->length_s);
    for (int side = -1; side <= 1; side += 2) {
        double *out = nb_take_note(take, frames);
        nb_svf filter = {0};
        double phase = 0.0;
        for (size_t i = 0; i < frames; i++) {
            const double part = (double)i / (double)frames;
            if (i % 16 == 0) {
                nb_svf_tune(&filter, 300.0 * exp2(4.6 * part), 2.5, rate);
            }
            const double freq_hz = nb_note_hz(note->pitch + 12.0 * part + 0.12 * side);
            nb_svf_step(&filter, nb_random_signed(&take->random));
            out[i] = part * part *
                     (0.8 * filter.band + 0.25 * nb_wave_at(saw, freq_hz, phase) * (1.0 - part));
            phase = turn(phase, freq_hz, rate);
        }
        nb_note_fade(take, out, frames, 0.03);
        nb_take_add(take, note->at_s, frames, note->velocity, 0.7 * side);
    }
}
