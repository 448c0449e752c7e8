// SPDX-License-Identifier: GPL-3.0-or-later
/// @file null.h  The null test: what is left of A when B, brought to its place, level and polarity,
/// is taken away.

#ifndef NB_AUDIO_NULL_H
#define NB_AUDIO_NULL_H
#include "audio/align.h"
#include "audio/audio_file.h"
#include "audio/recording.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

/// Levels of silence are -INFINITY. RMS is over all channels.
typedef struct nb_null {
    double gain_db; ///< B's level over A's on all they share, by least squares; 0 under 0.0001 dB
    nb_shared_part shared;
    double peak_dbfs; ///< Of the difference
    double rms_dbfs;
    double a_rms_dbfs;  ///< Of A there, to hold the difference against
    int64_t peak_frame; ///< Of A
    unsigned peak_channel;
} nb_null;

/// Have both the same rate of their own, number of channels, length, and the same value in every
/// sample?
NB_NODISCARD nb_status nb_null_is_identical(nb_recording *a, nb_recording *b,
                                            const nb_audio_watch *watch, bool *out_identical,
                                            nb_error *err);

/// Take B away from A where both are, as `alignment` (which matches) says; the difference goes to
/// `writer`, unless it is null: of 1 channel where both are mono, otherwise of 2.
NB_NODISCARD nb_status nb_null_run(nb_recording *a, nb_recording *b, const nb_alignment *alignment,
                                   nb_audio_writer *writer, const nb_audio_watch *watch,
                                   nb_null *out, nb_error *err);

#endif // NB_AUDIO_NULL_H
