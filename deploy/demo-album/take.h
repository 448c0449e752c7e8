// SPDX-License-Identifier: GPL-3.0-or-later
/// @file take.h  One stem being recorded: a player's notes, summed where they fall.

#ifndef NB_DEPLOY_DEMO_ALBUM_TAKE_H
#define NB_DEPLOY_DEMO_ALBUM_TAKE_H
#include "base/status.h"
#include "deploy/demo-album/random.h"

#include <stddef.h>

typedef struct nb_take {
    unsigned rate_hz;
    unsigned channels; ///< 1 or 2
    double start_s;    ///< Song time of its first frame
    size_t frames;
    float *samples;   ///< Interleaved
    nb_random random; ///< This player's hand
    double *note;     ///< Scratch for one note, `note_frames` long
    size_t note_frames;
} nb_take;

enum { NB_TAKE_NOTE_S = 12 }; ///< The longest note or sung phrase

/// Silence for now. The take hears from `start_s` of the song on for `length_s`.
NB_NODISCARD nb_status nb_take_init(nb_take *self, unsigned rate_hz, unsigned channels,
                                    double start_s, double length_s, nb_random random,
                                    nb_error *err);
void nb_take_fini(nb_take *self);

/// Frames in `seconds` of a note, at most what the scratch holds.
size_t nb_take_note_frames(const nb_take *self, double seconds);

/// The scratch, `frames` of it cleared.
double *nb_take_note(nb_take *self, size_t frames);

/// Add the scratch's first `frames` at a time of the song. `pan` from -1 (left) to 1, equal power;
/// a mono take does not hear it.
void nb_take_add(nb_take *self, double at_s, size_t frames, double gain, double pan);

/// Scale so that the highest sample stands at `peak_db` dBFS.
void nb_take_normalise(nb_take *self, double peak_db);

/// Fade the last `seconds` to nothing, so that no note is cut.
void nb_take_fade_end(nb_take *self, double seconds);

/// Fade `frames` of a note's end over the last `seconds` of it.
void nb_note_fade(const nb_take *self, double *note, size_t frames, double seconds);

#endif // NB_DEPLOY_DEMO_ALBUM_TAKE_H
