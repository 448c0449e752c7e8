// SPDX-License-Identifier: GPL-3.0-or-later
// Formant synthesis in cascade after Klatt, "Software for a cascade/parallel formant synthesizer",
// JASA 67 (1980).
#include "deploy/demo-album/voice.h"

#include "base/status.h"
#include "deploy/demo-album/filter.h"

#include <string.h>

// A tube has a formant about every kilohertz, without end. The first five make the vowel; without
// the others, which stay where they are, everything above 5 kHz would be lost.
enum { FORMANTS = 5, FORMANTS_ABOVE = 8, CONTROL_FRAMES = 32 };

typedef struct vowel {
    char name;
    double formants_hz[FORMANTS];
} vowel;

static const vowel vowels[] = {
    {'a', {850.0, 1300.0, 2850.0, 3700.0, 4900.0}}, {'e', {520.0, 2050.0, 2900.0, 3800.0, 4900.0}},
    {'i', {320.0, 2600.0, 3150.0, 3900.0, 4900.0}}, {'o', {500.0, 900.0, 2800.0, 3700.0, 4900.0}},
    {'u', {360.0, 800.0, 2650.0, 3700.0, 4900.0}},  {'@', {560.0, 1500.0, 2700.0, 3700.0, 4900.0}},
};
static const double widths_hz[FORMANTS] = {75.0, 95.0, 130.0, 170.0, 220.0};

/// How a syllable begins.
typedef struct onset {
    char name;
    double length_s;
    double voicing; ///< Level of the tone meanwhile
    double noise;   ///< Level of the hiss
    double noise_hz;
    double formants_hz[2]; ///< Where the mouth starts from
} onset;

static const onset onsets[] = {
    {'l', 0.070, 0.55, 0.0, 5000.0, {360.0, 1250.0}},
    {'n', 0.075, 0.35, 0.0, 5000.0, {260.0, 1700.0}},
    {'m', 0.080, 0.35, 0.0, 5000.0, {250.0, 1000.0}},
    {'d', 0.045, 0.05, 0.35, 4200.0, {300.0, 1800.0}},
    {'b', 0.045, 0.05, 0.20, 1200.0, {280.0, 900.0}},
    {'t', 0.055, 0.00, 0.70, 5200.0, {350.0, 1800.0}},
    {'k', 0.060, 0.00, 0.60, 2600.0, {350.0, 2000.0}},
    {'s', 0.110, 0.00, 0.60, 7200.0, {350.0, 1700.0}},
    {'f', 0.090, 0.00, 0.30, 6000.0, {340.0, 1100.0}},
    {'h', 0.070, 0.10, 0.40, 2000.0, {600.0, 1500.0}},
    {'r', 0.080, 0.60, 0.0, 5000.0, {420.0, 1150.0}},
    {'w', 0.080, 0.55, 0.0, 5000.0, {320.0, 700.0}},
    {'y', 0.075, 0.60, 0.0, 5000.0, {300.0, 2400.0}},
};

/// What the singer's body does, moving at CONTROL_FRAMES towards what the line asks.
typedef struct body {
    double pitch;
    double formants_hz[FORMANTS];
    double voicing, noise, noise_hz;
    double vibrato;      ///< Its depth now
    double vibrato_turn; ///< Its phase
    double waver;        ///< Slow random error of pitch, semitones
    double tone_hz;      ///< What all that comes to
    double phase;        ///< Of the folds
    double gate;         ///< Breath: open from the first note to the end of the last
    nb_resonator tract[FORMANTS + FORMANTS_ABOVE];
    nb_svf hiss;
} body;

double nb_wave_glottal(size_t harmonic)
{
    // -12 dB an octave from the folds, +6 from the lips; a little duller to start with.
    const double h = (double)harmonic;
    return 1.0 / (h * (1.0 + 0.012 * h));
}

static const double *vowel_formants(char name)
{
    for (size_t i = 0; i < NB_COUNT(vowels); i++) {
        if (vowels[i].name == name) {
            return vowels[i].formants_hz;
        }
    }
    return vowels[NB_COUNT(vowels) - 1].formants_hz;
}

static const onset *find_onset(char name)
{
    for (size_t i = 0; i < NB_COUNT(onsets); i++) {
        if (onsets[i].name == name) {
            return &onsets[i];
        }
    }
    return NULL;
}

static double toward(double from, double to, double share) { return from + share * (to - from); }

/// Where the mouth wants to be `since_s` into a syllable of `length_s`.
static void aim_formants(const nb_syllable *syllable, const onset *start, double since_s,
                         double length_s, double out_hz[FORMANTS])
{
    const double *first = vowel_formants(syllable->vowels[0]);
    const double *second = vowel_formants(syllable->vowels[1]);
    const double late = (since_s / length_s - 0.45) / 0.4;
    const double part = (late < 0.0) ? 0.0 : (late > 1.0) ? 1.0 : late;
    for (size_t f = 0; f < FORMANTS; f++) {
        out_hz[f] = toward(first[f], second[f], part);
    }
    if (start && since_s < start->length_s) {
        memcpy(out_hz, start->formants_hz, sizeof start->formants_hz);
    }
}

/// Move the body for one control step.
static void move_body(body *self, nb_take *take, const nb_singer *singer,
                      const nb_syllable *syllable, double since_s, double length_s)
{
    const double rate = (double)take->rate_hz / CONTROL_FRAMES;
    const onset *start = find_onset(syllable->onset);
    const bool starting = start && since_s < start->length_s;
    const double aim = syllable->pitch + singer->transpose;
    self->pitch = toward(self->pitch, aim, nb_settle_share(singer->glide_s, rate));
    self->waver = toward(self->waver, 0.0, nb_settle_share(0.08, rate)) +
                  0.006 * nb_random_normal(&take->random);
    // Only what is held long enough gets vibrato.
    const double deep = (since_s > 0.28) ? singer->vibrato : 0.0;
    self->vibrato = toward(self->vibrato, deep, nb_settle_share(0.18, rate));
    self->vibrato_turn += singer->vibrato_hz / rate;
    const double voicing = starting ? start->voicing : 1.0 - 0.25 * since_s / (length_s + 0.5);
    self->voicing = toward(self->voicing, voicing, nb_settle_share(0.012, rate));
    self->noise = toward(self->noise, starting ? start->noise : 0.0, nb_settle_share(0.010, rate));
    self->noise_hz = starting ? start->noise_hz : self->noise_hz;
    double aim_hz[FORMANTS];
    aim_formants(syllable, start, since_s, length_s, aim_hz);
    for (size_t f = 0; f < FORMANTS; f++) {
        self->formants_hz[f] =
            toward(self->formants_hz[f], aim_hz[f], nb_settle_share(0.022, rate));
    }
}

static void tune_above(nb_resonator tract[FORMANTS_ABOVE], const nb_singer *singer, double rate)
{
    for (int f = 0; f < FORMANTS_ABOVE; f++) {
        nb_resonator_tune(&tract[f], singer->tract * (5900.0 + 1000.0 * f), 350.0 + 90.0 * f, rate);
    }
}

/// Bring tone and filters to where the body is.
static void tune_body(body *self, const nb_singer *singer, double rate)
{
    const double shake = self->vibrato * sin(2.0 * nb_pi * self->vibrato_turn);
    self->tone_hz = nb_note_hz(self->pitch + self->waver + shake);
    for (size_t f = 0; f < FORMANTS; f++) {
        double freq_hz = self->formants_hz[f] * singer->tract;
        // On high notes singers open the mouth, so that the first formant follows the tone.
        const double open_hz = 1.06 * self->tone_hz;
        freq_hz = (f == 0 && freq_hz < open_hz) ? open_hz : freq_hz;
        nb_resonator_tune(&self->tract[f], freq_hz, widths_hz[f], rate);
    }
    nb_svf_tune(&self->hiss, self->noise_hz, 1.2, rate);
}

/// The syllable that sounds at a time: its consonant comes before its beat.
static size_t syllable_at(const nb_score *score, const nb_syllable *line, size_t count,
                          double time_s, double *out_since_s)
{
    size_t now = 0;
    double begun_s = 0.0;
    for (size_t i = 0; i < count; i++) {
        const onset *start = find_onset(line[i].onset);
        const double lead_s = start ? 0.7 * start->length_s : 0.0;
        const double at_s = nb_score_seconds(score, line[i].beat) - lead_s;
        if (i > 0 && at_s > time_s) {
            break;
        }
        now = i;
        begun_s = at_s;
    }
    *out_since_s = (time_s > begun_s) ? time_s - begun_s : 0.0;
    return now;
}

/// One frame of sound.
static double sound(body *self, nb_random *random, const nb_part *part, double rate)
{
    const double air = nb_random_signed(random);
    // Breath comes in puffs: most while the folds are open, in the first half of the cycle.
    const double puff = part->singer.breath * air * (self->phase < 0.5 ? 1.0 : 0.3);
    double tone = self->voicing * (nb_wave_at(part->glottal, self->tone_hz, self->phase) + puff);
    for (size_t f = 0; f < NB_COUNT(self->tract); f++) {
        tone = nb_resonator_step(&self->tract[f], tone);
    }
    nb_svf_step(&self->hiss, air);
    self->phase += self->tone_hz / rate;
    self->phase -= floor(self->phase);
    return self->gate * tone + 0.9 * self->noise * self->hiss.band;
}

/// A body about to sing a first syllable: the pitch comes from a little below.
static body start_body(const nb_part *part, const nb_syllable *first, double rate)
{
    body self = {.pitch = first->pitch + part->singer.transpose - 1.2, .noise_hz = 4000.0};
    memcpy(self.formants_hz, vowel_formants(first->vowels[0]), sizeof self.formants_hz);
    tune_above(self.tract + FORMANTS, &part->singer, rate);
    return self;
}

/// One breath: `count` syllables without a rest.
static void sing_breath(nb_take *take, const nb_part *part, const nb_syllable *line, size_t count)
{
    const double rate = take->rate_hz, release_s = 0.14;
    const nb_syllable *last = &line[count - 1];
    const double begin_s = nb_score_seconds(part->score, line[0].beat) - 0.12;
    const double end_s = nb_score_seconds(part->score, last->beat + last->beats) - 0.05;
    const double opening = nb_settle_share(0.025, rate), closing = nb_settle_share(0.05, rate);
    const size_t frames = nb_take_note_frames(take, end_s - begin_s + release_s);
    double *out = nb_take_note(take, frames);
    body self = start_body(part, &line[0], rate);
    for (size_t i = 0; i < frames; i++) {
        const double time_s = begin_s + (double)i / rate;
        if (i % CONTROL_FRAMES == 0) {
            double since_s = 0.0;
            const nb_syllable *now = &line[syllable_at(part->score, line, count, time_s, &since_s)];
            const double length_s = nb_score_seconds(part->score, now->beat + now->beats) -
                                    nb_score_seconds(part->score, now->beat);
            move_body(&self, take, &part->singer, now, since_s, length_s);
            tune_body(&self, &part->singer, rate);
        }
        const bool singing = time_s > begin_s + 0.04 && time_s < end_s;
        self.gate = toward(self.gate, singing ? 1.0 : 0.0, singing ? opening : closing);
        out[i] = sound(&self, &take->random, part, rate);
    }
    nb_note_fade(take, out, frames, 0.03);
    const double loose_s = 0.001 * part->singer.loose_ms * nb_random_normal(&take->random);
    nb_take_add(take, begin_s + loose_s, frames, part->level, part->pan);
}

void nb_sing(nb_take *take, const nb_part *part, const nb_syllable *line, size_t count)
{
    size_t start = 0;
    while (start < count) {
        size_t end = start;
        while (end < count && line[end].pitch != 0) {
            end++;
        }
        if (end > start) {
            sing_breath(take, part, line + start, end - start);
        }
        start = end + 1;
    }
}
