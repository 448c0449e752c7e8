// SPDX-License-Identifier: GPL-3.0-or-later
/// @file voice.h  A sung line: a glottal wave through the formants of its vowels, with consonants,
/// glides between notes and vibrato on the long ones.

#ifndef NB_DEPLOY_DEMO_ALBUM_VOICE_H
#define NB_DEPLOY_DEMO_ALBUM_VOICE_H
#include "deploy/demo-album/score.h"
#include "deploy/demo-album/wave.h"

/// A singer.
typedef struct nb_singer {
    double tract; ///< Formants against a woman's: 1.0 for her, about 0.86 for a man
    double vibrato_hz;
    double vibrato;   ///< Depth in semitones
    double breath;    ///< Noise in the tone, 0 to 1
    double glide_s;   ///< From note to note
    double transpose; ///< Semitones against the written line
    double loose_ms;  ///< How far from the beat
} nb_singer;

/// The spectrum of a glottal wave after the lips: build the singer's nb_wave with it.
double nb_wave_glottal(size_t harmonic);

/// Who sings what, and where in the picture.
typedef struct nb_part {
    const nb_score *score;
    const nb_wave *glottal;
    nb_singer singer;
    double level, pan;
} nb_part;

/// Sing a line: syllables up to each rest are one breath, at most NB_TAKE_NOTE_S long.
void nb_sing(nb_take *take, const nb_part *part, const nb_syllable *line, size_t count);

#endif // NB_DEPLOY_DEMO_ALBUM_VOICE_H
