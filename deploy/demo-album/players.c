// SPDX-License-Identifier: GPL-3.0-or-later
#include "deploy/demo-album/players.h"

#include <ctype.h>
#include <math.h>

int nb_bass_pitch(const nb_step *step)
{
    const int root = step->chord->root;
    switch (tolower(step->mark)) {
    case 'f':
        return root + 7;
    case 'o':
        return root + 12;
    case 's':
        return root + 10;
    case 'a':
        return step->next->root - 1;
    default:
        return root;
    }
}

void nb_player_bass(nb_take *take, const void *context, const nb_step *step)
{
    (void)context;
    const nb_note note = {step->at_s, 0.92 * step->length_s, nb_bass_pitch(step), step->velocity,
                          0};
    nb_play_string(take, &nb_string_bass, &note);
}

void nb_player_synth_bass(nb_take *take, const void *context, const nb_step *step)
{
    const nb_synth_bass *self = context;
    const nb_note note = {step->at_s, 0.85 * step->length_s, nb_bass_pitch(step), step->velocity,
                          0};
    nb_play_synth_bass(take, self->saw, self->square, &note);
}

void nb_player_piano(nb_take *take, const void *context, const nb_step *step)
{
    (void)context;
    for (size_t i = 0; i < NB_CHORD_NOTES && step->chord->notes[i]; i++) {
        const int pitch = step->chord->notes[i];
        // Ten fingers never fall at once, and the little finger sings.
        const double late_s = 0.004 * (double)i + 0.002 * nb_random_unit(&take->random);
        const double louder = (i + 1 < NB_CHORD_NOTES && step->chord->notes[i + 1]) ? 0.85 : 1.0;
        const nb_note note = {step->at_s + late_s, 0.95 * step->length_s, pitch,
                              louder * step->velocity, (pitch - 62) / 40.0};
        nb_play_piano(take, &note);
    }
}

void nb_player_strum(nb_take *take, const void *context, const nb_step *step)
{
    (void)context;
    const bool muted = step->mark == 'c', picked = tolower(step->mark) == 'p';
    const double between_s = picked ? step->length_s / NB_CHORD_NOTES : 0.011;
    for (size_t i = 0; i < NB_CHORD_NOTES; i++) {
        const bool down = step->index % 2 == 0 || picked;
        const int pitch = step->chord->strings[down ? i : NB_CHORD_NOTES - 1 - i];
        if (pitch == 0) {
            continue;
        }
        const double late_s = between_s * (double)i * (1.0 + 0.1 * nb_random_signed(&take->random));
        const double ring_s = muted ? 0.03 : step->length_s - (picked ? late_s : 0.0);
        const double velocity = step->velocity * (down ? 1.0 : 0.8) * (muted ? 0.6 : 1.0);
        const nb_note note = {step->at_s + late_s, ring_s, pitch, velocity, 0.0};
        nb_play_string(take, muted ? &nb_string_muted : &nb_string_guitar, &note);
    }
}

void nb_player_power(nb_take *take, const void *context, const nb_step *step)
{
    (void)context;
    static const int above[] = {12, 19, 24};
    const bool ringing = isupper((unsigned char)step->mark) != 0;
    for (size_t i = 0; i < (ringing ? 3U : 2U); i++) {
        const nb_note note = {step->at_s + 0.004 * (double)i, 0.9 * step->length_s,
                              step->chord->root + above[i], step->velocity, 0.0};
        nb_play_string(take, ringing ? &nb_string_guitar : &nb_string_muted, &note);
    }
}

void nb_player_arpeggio(nb_take *take, const void *context, const nb_step *step)
{
    size_t count = 0;
    while (count < NB_CHORD_NOTES && step->chord->notes[count]) {
        count++;
    }
    if (count == 0) {
        return;
    }
    const size_t place = (size_t)(step->mark - '1');
    const int octaves = (int)(place / count);
    const double open = 0.5 + 0.5 * sin(0.35 * step->at_s);
    const nb_note note = {step->at_s, 0.8 * step->length_s,
                          step->chord->notes[place % count] + 12 * octaves,
                          (step->index % 4 == 0) ? 0.9 : 0.65, (step->index % 2) ? 0.6 : -0.6};
    nb_play_pluck(take, context, &note, open);
}

void nb_player_section(nb_take *take, const void *context, const nb_step *step)
{
    for (size_t i = 0; i < NB_CHORD_NOTES && step->chord->notes[i]; i++) {
        // First violins left, violas and celli right, as they sit.
        const nb_note note = {step->at_s, step->length_s,
                              step->chord->notes[i] + ((i > 1) ? 12 : 0), step->velocity,
                              0.6 - 0.3 * (double)i};
        nb_play_section(take, context, &note, (step->mark == 'X') ? 0.9 : 0.45);
    }
}

void nb_player_choir(nb_take *take, const void *context, const nb_step *step)
{
    const nb_choir *self = context;
    const char vowel = (char)tolower((unsigned char)step->mark);
    const bool accented = vowel != step->mark;
    for (size_t i = 0; i < NB_CHORD_NOTES && step->chord->notes[i]; i++) {
        // Two singers a part, one on each side, and the lower the further out.
        for (int side = -1; side <= 1; side += 2) {
            nb_part part = {self->score, self->glottal, self->singer, step->velocity,
                            side * (0.95 - 0.2 * (double)i)};
            part.singer.tract *= 1.0 + 0.03 * nb_random_normal(&take->random);
            part.singer.vibrato_hz *= 1.0 + 0.06 * nb_random_signed(&take->random);
            part.singer.transpose += 0.06 * nb_random_normal(&take->random);
            const nb_syllable syllable = {.beat = step->beat,
                                          .beats = step->beats,
                                          .pitch = step->chord->notes[i],
                                          .onset = accented ? self->onset : '\0',
                                          .vowels = {vowel, vowel}};
            nb_sing(take, &part, &syllable, 1);
        }
    }
}
