// SPDX-License-Identifier: GPL-3.0-or-later
/// @file recording.h  A mono or stereo file as two of them are compared: any frame at any time,
/// with silence around it, at a rate of the caller's choice.
///
/// A file at another rate is converted (convert.h) into a temporary file that has no name; all else
/// is read from where it stands. Memory is bounded whatever the length. One thread at a time.

#ifndef NB_AUDIO_RECORDING_H
#define NB_AUDIO_RECORDING_H
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NB_RECORDING_CHANNELS_MAX = 2 };

typedef struct nb_recording nb_recording;

/// Who watches long work: each may be null.
typedef struct nb_audio_watch {
    const volatile bool *cancelled;
    void (*progress)(void *context, int64_t done_frames, int64_t total_frames);
    void *context;
} nb_audio_watch;

/// Tell how far it is; NB_E_CANCELLED where it shall stop. `watch` may be null.
NB_NODISCARD nb_status nb_audio_watch_tell(const nb_audio_watch *watch, int64_t done_frames,
                                           int64_t total_frames, nb_error *err);

/// Open `path`; `rate_hz` 0 is its own. Refuses more than two channels. `name` as for
/// nb_audio_file_open; `watch` may be null.
NB_NODISCARD nb_status nb_recording_open(const char *path, const char *name, unsigned rate_hz,
                                         const nb_audio_watch *watch, nb_recording **out_recording,
                                         nb_error *err);
void nb_recording_destroy(nb_recording **self_p);

const char *nb_recording_name(const nb_recording *self);
unsigned nb_recording_rate_hz(const nb_recording *self);
unsigned nb_recording_own_rate_hz(const nb_recording *self); ///< Before it was converted
unsigned nb_recording_channels(const nb_recording *self);
int64_t nb_recording_frames(const nb_recording *self);

/// Read interleaved frames from `first` on, which may lie before its start or behind its end: there
/// is silence. `channels` is the recording's number, or 2 for a mono one heard on both sides.
NB_NODISCARD nb_status nb_recording_read(nb_recording *self, int64_t first, size_t frames,
                                         unsigned channels, float *out, nb_error *err);

#endif // NB_AUDIO_RECORDING_H
