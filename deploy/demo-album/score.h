// SPDX-License-Identifier: GPL-3.0-or-later
/// @file score.h  How the songs are written down: bars of chords, step patterns, sung lines.
///
/// Beats are quarter notes from the song's start; every bar has four.

#ifndef NB_DEPLOY_DEMO_ALBUM_SCORE_H
#define NB_DEPLOY_DEMO_ALBUM_SCORE_H
#include "deploy/demo-album/take.h"

#include <stdbool.h>
#include <stddef.h>

enum { NB_BEATS_A_BAR = 4, NB_STEPS_A_BAR = 16, NB_CHORD_NOTES = 6 };

/// From this beat on.
typedef struct nb_score_tempo {
    double beat;
    double bpm;
} nb_score_tempo;

typedef struct nb_chord {
    int root;                    ///< Its bass note, as MIDI counts: 60 is middle C
    int notes[NB_CHORD_NOTES];   ///< Voicing from low to high; 0 ends it
    int strings[NB_CHORD_NOTES]; ///< The guitar's grip, low string first; 0 is not struck
} nb_chord;

typedef struct nb_bar {
    const nb_chord *chord;
    const nb_chord *second; ///< From the third beat on; null: the same
    char section;           ///< 'i'ntro, 'v'erse, 'c'horus, 'o'utro
} nb_bar;

typedef struct nb_score {
    const nb_score_tempo *tempos; ///< The first at beat 0
    size_t tempo_count;
    const nb_bar *bars;
    size_t bar_count;
    double swing; ///< How late every second sixteenth comes, as a share of a sixteenth
} nb_score;

/// Seconds from the start of the song to a beat.
double nb_score_seconds(const nb_score *self, double beat);

/// The chord under a beat; the last one after the end.
const nb_chord *nb_score_chord(const nb_score *self, double beat);

/// What a player plays in each kind of bar: a mark for each sixteenth, '.' rests, '-' holds. Digits
/// are velocities from '1' (barely) to '9' (hard); of letters, capitals are accents, and the
/// instrument knows what they mean. Null is silence.
typedef struct nb_groove {
    const char *intro;
    const char *verse[2]; ///< Even and odd bars
    const char *chorus[2];
    const char *outro;
    const char *fill;   ///< A section's last bar; null: as the others
    const char *ending; ///< The song's last bar
} nb_groove;

/// One mark of a groove, in time.
typedef struct nb_step {
    double beat, beats; ///< As written
    double at_s;        ///< As played
    double length_s;    ///< With its '-' marks
    double velocity;
    char mark;
    size_t index; ///< Sixteenth of the bar
    const nb_chord *chord;
    const nb_chord *next; ///< The chord after this one's end
} nb_step;

typedef void nb_player(nb_take *take, const void *context, const nb_step *step);

/// Play the whole song. Each mark comes about `loose_ms` early or late and a little louder or
/// softer.
void nb_score_play(const nb_score *self, nb_take *take, const nb_groove *groove, double loose_ms,
                   nb_player *player, const void *context);

/// One hit of a drum: velocity in (0, 1].
typedef void nb_hit(nb_take *take, double at_s, double velocity);

/// The same for a drum.
void nb_score_play_drum(const nb_score *self, nb_take *take, const nb_groove *groove,
                        double loose_ms, nb_hit *hit);

/// One syllable of a sung line.
typedef struct nb_syllable {
    double beat, beats;
    int pitch;      ///< MIDI note; 0 rests
    char onset;     ///< Consonant in front, or 0
    char vowels[2]; ///< From the first to the second: a diphthong
} nb_syllable;

enum { NB_SYLLABLES_MAX = 160 };

/// Read a line of "PITCH:BEATS:SYLLABLE" words ("C#5:1.5:lai", "-:1" rests) that starts at `beat`;
/// returns how many syllables and rests. The songs' own lines only: a mistake in one aborts.
size_t nb_score_read_line(const char *line, double beat, nb_syllable out[NB_SYLLABLES_MAX]);

#endif // NB_DEPLOY_DEMO_ALBUM_SCORE_H
