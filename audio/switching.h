// SPDX-License-Identifier: GPL-3.0-or-later
/// @file switching.h  Two recordings in one file that goes from one to the other and back, at equal
/// loudness: the way to hear what changed.
///
/// Time goes on across a switch: both are heard at their own place. The louder one is lowered by
/// the difference of their integrated loudness (ITU-R BS.1770-4) over the part that both have;
/// nothing is raised, so nothing clips that did not.

#ifndef NB_AUDIO_SWITCHING_H
#define NB_AUDIO_SWITCHING_H
#include "audio/align.h"
#include "audio/audio_file.h"
#include "audio/recording.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

/// How loud both are over what they share, and what each is lowered by.
typedef struct nb_level_match {
    bool matched; ///< False: one is silent or too short there to have a loudness; gains are 0
    double a_lufs, b_lufs;
    double a_gain_db, b_gain_db; ///< 0 or below
} nb_level_match;

NB_NODISCARD nb_status nb_level_match_find(nb_recording *a, nb_recording *b,
                                           const nb_shared_part *shared,
                                           const nb_audio_watch *watch, nb_level_match *out,
                                           nb_error *err);

/// Channels of the file: 1 where both are mono.
unsigned nb_switching_channels(const nb_recording *a, const nb_recording *b);

/// Write the shared part, beginning with A, a switch every `period` frames, each a crossfade of
/// 15 ms around its place. `*out_switches` counts them: the last stands at that many periods.
/// NB_E_INVALID where not one falls into the shared part.
NB_NODISCARD nb_status nb_switching_write(nb_recording *a, nb_recording *b,
                                          const nb_shared_part *shared,
                                          const nb_level_match *levels, int64_t period,
                                          nb_audio_writer *writer, const nb_audio_watch *watch,
                                          int64_t *out_switches, nb_error *err);

#endif // NB_AUDIO_SWITCHING_H
