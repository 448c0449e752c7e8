// SPDX-License-Identifier: GPL-3.0-or-later
/// @file note_time.h  Times as people say them of a song: "1:32", "92.5", "bar 33", "33|2", and
/// regions "1:32-1:40", "bar 33-35".

#ifndef NB_REVIEW_NOTE_TIME_H
#define NB_REVIEW_NOTE_TIME_H
#include "base/status.h"
#include "mix/document.h"

#include <stddef.h>
#include <stdint.h>

/// A moment in song time, or in the music.
typedef struct nb_note_moment {
    int64_t ns;   ///< Where `bar` is 0
    unsigned bar; ///< From 1
    double beat;  ///< Of the bar, from 1: 2.5 is the second half of the second
} nb_note_moment;

/// Read a moment, or a region as two; both are the same for a point. Mistakes are NB_E_USAGE.
NB_NODISCARD nb_status nb_note_time_parse(const char *text, nb_note_moment out[2], nb_error *err);

/// The song time of a moment. NB_E_INVALID where it counts bars and the song has no tempo map
/// (`tempo_count` 0), or the bar has no such beat.
NB_NODISCARD nb_status nb_note_time_resolve(const nb_note_moment *moment,
                                            const nb_document_tempo *tempos, size_t tempo_count,
                                            int64_t *out_ns, nb_error *err);

#endif // NB_REVIEW_NOTE_TIME_H
