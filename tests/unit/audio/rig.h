// SPDX-License-Identifier: GPL-3.0-or-later
/// @file rig.h  Files and signals that the tests of audio share.

#ifndef NB_TESTS_AUDIO_RIG_H
#define NB_TESTS_AUDIO_RIG_H
#include "audio/audio_file.h"

#include <stddef.h>
#include <stdint.h>

/// A fresh folder, one a program; removed when it ends.
const char *rig_folder(void);

/// "folder/name" in static memory, valid until sixteen more were asked for.
const char *rig_path(const char *name);

/// Bytes on their way to a file.
typedef struct rig_bytes {
    unsigned char *bytes;
    size_t size;
} rig_bytes;

void rig_put(rig_bytes *self, const void *bytes, size_t size);
void rig_put_id(rig_bytes *self, const char *id); ///< Four characters
void rig_put_little(rig_bytes *self, uint64_t value, unsigned count);
void rig_put_big(rig_bytes *self, uint64_t value, unsigned count);
/// Write them to the folder as `name`, free them, and give the path.
const char *rig_save(rig_bytes *self, const char *name);

/// What stands in a WAV header.
typedef struct rig_wav {
    unsigned tag, channels, rate_hz, bits, frame_bytes;
    uint32_t data_size; ///< As declared
} rig_wav;

rig_wav rig_good_wav(void); ///< 48 kHz, 16 bits, stereo, RIG_FRAMES frames
enum { RIG_FRAMES = 4800, RIG_DATA_BYTES = RIG_FRAMES * 4 };
/// A RIFF header as said, then `size` bytes of noise.
rig_bytes rig_make_wav(const rig_wav *wav, size_t size);

/// Write interleaved floats as a WAV file by the writer under test.
const char *rig_write(const char *name, unsigned rate_hz, unsigned channels, const float *samples,
                      size_t frames);

/// The same noise each time, -12 dBFS at most.
void rig_noise(float *out, size_t count, uint64_t seed);

#endif // NB_TESTS_AUDIO_RIG_H
