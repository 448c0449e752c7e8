// SPDX-License-Identifier: GPL-3.0-or-later
/// @file align.h  Where two recordings of the same music lie against each other: offset to the
/// sample, level, polarity, and how sure that is.
///
/// Up to five sections of ten seconds are searched for in the other recording, ten seconds to
/// either side: by FFT at a low rate, then at every sample around what was found there. The offset
/// that most of them agree on counts; between equal ones (a steady tone, a loop) the smallest. What
/// is compared are differences from sample to sample, so bass and DC do not blur the result. Memory
/// is that of 40 seconds, whatever the length.

#ifndef NB_AUDIO_ALIGN_H
#define NB_AUDIO_ALIGN_H
#include "audio/recording.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum { NB_ALIGN_OFFSET_MAX_S = 10 };

/// Frame n of A is frame n + `offset_frames` of B.
typedef struct nb_alignment {
    bool matches;          ///< Both hold the same music; nothing below counts otherwise
    int64_t offset_frames; ///< Positive: it comes later in B
    double gain_db;        ///< B's level over A's
    bool inverted;         ///< B's polarity is A's turned over
    double confidence;     ///< Correlation where they match best, 0 to 1; 0.5 is enough to match
    bool steady;           ///< No section that matches has another offset
} nb_alignment;

/// Align B with A; both at the same rate. Recordings that do not match are no error.
NB_NODISCARD nb_status nb_align(nb_recording *a, nb_recording *b, const nb_audio_watch *watch,
                                nb_alignment *out, nb_error *err);

/// The part that both have.
typedef struct nb_shared_part {
    int64_t a_first;
    int64_t b_first;
    int64_t frames; ///< 0 for none
} nb_shared_part;

nb_shared_part nb_shared_part_of(const nb_recording *a, const nb_recording *b,
                                 int64_t offset_frames);

#endif // NB_AUDIO_ALIGN_H
