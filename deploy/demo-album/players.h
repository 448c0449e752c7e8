// SPDX-License-Identifier: GPL-3.0-or-later
/// @file players.h  Players of grooves: from a mark and a chord to the notes of an instrument.

#ifndef NB_DEPLOY_DEMO_ALBUM_PLAYERS_H
#define NB_DEPLOY_DEMO_ALBUM_PLAYERS_H
#include "deploy/demo-album/instruments.h"
#include "deploy/demo-album/score.h"
#include "deploy/demo-album/voice.h"

/// The pitch that a bass line's mark asks for: r(oot), f(ifth), o(ctave), s(eventh), or
/// a(pproach): a half-tone under the next root.
int nb_bass_pitch(const nb_step *step);

/// Marks of a bass line, on a plucked string or a synthesiser.
void nb_player_bass(nb_take *take, const void *context, const nb_step *step);

typedef struct nb_synth_bass {
    const nb_wave *saw, *square;
} nb_synth_bass;
/// `context` is an nb_synth_bass.
void nb_player_synth_bass(nb_take *take, const void *context, const nb_step *step);

/// Whole chords on the electric piano, low keys left and high ones right.
void nb_player_piano(nb_take *take, const void *context, const nb_step *step);

/// A chord strummed: down on even sixteenths, up on odd; 'p' marks pick one string after another,
/// 'c' marks are muted ("chick").
void nb_player_strum(nb_take *take, const void *context, const nb_step *step);

/// Root and fifth under the palm (lower case) or ringing (capitals): for an amplifier.
void nb_player_power(nb_take *take, const void *context, const nb_step *step);

/// One note of the chord a mark ('1' is the lowest), for arpeggios. `context` is the saw's nb_wave.
void nb_player_arpeggio(nb_take *take, const void *context, const nb_step *step);

/// The chord for its whole length, by a section of strings. `context` is the saw's nb_wave.
void nb_player_section(nb_take *take, const void *context, const nb_step *step);

/// Backing voices.
typedef struct nb_choir {
    const nb_score *score;
    const nb_wave *glottal;
    nb_singer singer; ///< As whom all of them sing, more or less
    char onset;       ///< Consonant of the accented
} nb_choir;
/// The chord sung on the mark's vowel; capitals begin with the choir's consonant. `context` is an
/// nb_choir.
void nb_player_choir(nb_take *take, const void *context, const nb_step *step);

#endif // NB_DEPLOY_DEMO_ALBUM_PLAYERS_H
