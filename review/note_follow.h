// SPDX-License-Identifier: GPL-3.0-or-later
/// @file note_follow.h  Where a note of one version of a mix lies in the next.
///
/// A time moves along only where it is sure: the note names a track and what sounds there on it
/// moved by one step, or all that sounds there moved alike. Otherwise it stays, and is unsure
/// where something moved.

#ifndef NB_REVIEW_NOTE_FOLLOW_H
#define NB_REVIEW_NOTE_FOLLOW_H
#include "base/json.h"

#include <stdbool.h>
#include <stdint.h>

/// A place in song time, and what it is about.
typedef struct nb_follow_place {
    int64_t at_ns, end_ns; ///< Equal for a point
    const char *track;     ///< A track's id; null for all
} nb_follow_place;

typedef struct nb_follow_step {
    int64_t by_ns; ///< How far to move; 0 to stay
    bool unsure;
} nb_follow_step;

/// Between two models (mix_model.h) of the song.
nb_follow_step nb_note_follow(const json_t *before, const json_t *after,
                              const nb_follow_place *place);

#endif // NB_REVIEW_NOTE_FOLLOW_H
