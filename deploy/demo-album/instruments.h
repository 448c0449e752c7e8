// SPDX-License-Identifier: GPL-3.0-or-later
/// @file instruments.h  Keys, strings and pads: one call plays one note (or chord) of a take.

#ifndef NB_DEPLOY_DEMO_ALBUM_INSTRUMENTS_H
#define NB_DEPLOY_DEMO_ALBUM_INSTRUMENTS_H
#include "deploy/demo-album/take.h"
#include "deploy/demo-album/wave.h"

/// A note as every instrument takes it.
typedef struct nb_note {
    double at_s;
    double length_s;
    double pitch;    ///< MIDI note
    double velocity; ///< (0, 1]
    double pan;
} nb_note;

/// A string under a finger: picked, damped at the note's end.
typedef struct nb_string_kind {
    double ring_s;      ///< To -60 dB, of the lowest string
    double bright;      ///< Of the pick: 0 dark to 1 bright
    double pick_place;  ///< Along the string, 0 to 0.5
    double body_hz[2];  ///< Resonances of what it is mounted on; 0 for none
    double body_amount; ///< How much of them
} nb_string_kind;

extern const nb_string_kind nb_string_bass;   ///< Flat-wound, under fingers
extern const nb_string_kind nb_string_guitar; ///< Hollow body, clean
extern const nb_string_kind nb_string_muted;  ///< Solid body, palm on the bridge

void nb_play_string(nb_take *take, const nb_string_kind *kind, const nb_note *note);

/// Electric piano: a struck tine by frequency modulation.
void nb_play_piano(nb_take *take, const nb_note *note);

/// Synthesiser bass: saw and square an octave lower through a resonant filter that closes.
void nb_play_synth_bass(nb_take *take, const nb_wave *saw, const nb_wave *square,
                        const nb_note *note);

/// Synthesiser pluck for arpeggios; `open` from 0 to 1 is the filter.
void nb_play_pluck(nb_take *take, const nb_wave *saw, const nb_note *note, double open);

/// A section of bowed strings on one note: four players, no two in tune.
void nb_play_section(nb_take *take, const nb_wave *saw, const nb_note *note, double bright);

/// Noise and tone that rise for the length of the note.
void nb_play_riser(nb_take *take, const nb_wave *saw, const nb_note *note);

/// Drive the whole take through an amplifier and its loudspeaker, four times oversampled.
NB_NODISCARD nb_status nb_take_amplify(nb_take *take, double drive, nb_error *err);

/// Swing the level between the sides, `depth` from 0 to 1.
void nb_take_tremolo(nb_take *take, double swing_hz, double depth);

/// A room, as a convolution reverb wants it.
typedef struct nb_room {
    double decay_s;   ///< To -60 dB
    double before_s;  ///< Until the first reflection
    double bright_hz; ///< Where the high end is lost at first
    double dark_hz;   ///< And in the end
    size_t echoes;    ///< Single early reflections
} nb_room;

/// Fill a stereo take with the room's answer to an impulse, each side of unit energy.
void nb_take_room(nb_take *take, const nb_room *room);

#endif // NB_DEPLOY_DEMO_ALBUM_INSTRUMENTS_H
