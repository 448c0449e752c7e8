// SPDX-License-Identifier: GPL-3.0-or-later
/// @file convert.h  A whole file at another rate, by libsoxr at its best quality (VHQ).
///
/// Impulses land exactly at n * to / from; the length is frames * to / from, halves up; bits do not
/// depend on the machine's cores. Memory is bounded whatever the length.

#ifndef NB_AUDIO_CONVERT_H
#define NB_AUDIO_CONVERT_H
#include "audio/audio_file.h"
#include "base/status.h"

#include <stdbool.h>

/// Frames that `frames` become.
int64_t nb_convert_frames(int64_t frames, unsigned from_hz, unsigned to_hz);

/// Decode all of `file` (from its start), convert to `to_hz`, and write the frames as headerless
/// interleaved native 32-bit floats to the descriptor `fd`. `cancelled` may be null; it is looked
/// at now and then.
NB_NODISCARD nb_status nb_convert_file(nb_audio_file *file, unsigned to_hz, int fd,
                                       const volatile bool *cancelled, nb_error *err);

/// Decode and, if its rate differs, convert a whole short file (an impulse response) into planar
/// channels: (*out_channels)[c] has *out_frames floats; free with nb_planar_destroy. NB_E_LIMIT
/// past `frames_max` at `to_hz`.
NB_NODISCARD nb_status nb_convert_load(nb_audio_file *file, unsigned to_hz, int64_t frames_max,
                                       float ***out_channels, size_t *out_frames, nb_error *err);
void nb_planar_destroy(float ***channels_p);

#endif // NB_AUDIO_CONVERT_H
