// SPDX-License-Identifier: GPL-3.0-or-later
/// @file audio_file.h  Audio files read, and the lies in their headers found.
///
/// libsndfile opens and decodes them; plain samples (whole numbers of 16 to 32 bits, floats) are
/// read from where they stand, to the bits that libsndfile gives. Accepts what libsndfile reads
/// (WAV, RF64, W64, AIFF, CAF, FLAC, Ogg, MP3), decided by content. Refuses in words: empty or
/// unfinished recordings, files cut short of what their header says, rates outside 8,000 to 384,000
/// Hz, more than 64 channels or 24 hours, samples that are not finite or over +60 dBFS (with file,
/// channel and time). FLAC's own MD5 is not checked: albums name their files by SHA-256. A file
/// object belongs to one thread at a time.

#ifndef NB_AUDIO_AUDIO_FILE_H
#define NB_AUDIO_AUDIO_FILE_H
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NB_AUDIO_CHANNELS_MAX = 64,
    NB_AUDIO_RATE_MIN_HZ = 8000,
    NB_AUDIO_RATE_MAX_HZ = 384000,
    NB_AUDIO_SECONDS_MAX = 24 * 60 * 60 ///< As the longest time in a document
};

typedef struct nb_audio_info {
    unsigned rate_hz;
    unsigned channels;
    int64_t frames;
    bool is_whole;     ///< Its samples are whole numbers: finite, never -0 or denormal
    char format[48];   ///< For people: "WAV, 24 bit PCM"
    char warning[128]; ///< For people: what is odd about the file but no error; mostly empty
} nb_audio_info;

typedef struct nb_audio_file nb_audio_file;

/// Open and check the header against the file's size. `name` is what errors call it (the path in
/// the album, where `path` is a blob's); null for `path` itself.
NB_NODISCARD nb_status nb_audio_file_open(const char *path, const char *name,
                                          nb_audio_file **out_file, nb_error *err);
void nb_audio_file_destroy(nb_audio_file **self_p);
const nb_audio_info *nb_audio_file_info(const nb_audio_file *self);
/// What errors call it.
const char *nb_audio_file_name(const nb_audio_file *self);

/// Go to a frame, exactly.
NB_NODISCARD nb_status nb_audio_file_seek(nb_audio_file *self, int64_t frame, nb_error *err);

/// Read exactly `frames` interleaved frames into `out`; fewer is NB_E_CORRUPT, a bad sample
/// NB_E_INVALID.
NB_NODISCARD nb_status nb_audio_file_read(nb_audio_file *self, float *out, size_t frames,
                                          nb_error *err);

/// As nb_audio_file_read, into an array for each of the file's channels.
NB_NODISCARD nb_status nb_audio_file_read_planar(nb_audio_file *self, float *const *out,
                                                 size_t frames, nb_error *err);

/// Only the header, checked as by open.
NB_NODISCARD nb_status nb_audio_file_probe(const char *path, const char *name, nb_audio_info *out,
                                           nb_error *err);

/// A WAV file being written: 32-bit float, no PEAK chunk (it stores the time), RF64 where it grows
/// past 4 GB. The same samples give the same bytes.
typedef struct nb_audio_writer nb_audio_writer;

NB_NODISCARD nb_status nb_audio_writer_open(const char *path, unsigned rate_hz, unsigned channels,
                                            int64_t frames_expected, nb_audio_writer **out_writer,
                                            nb_error *err);
NB_NODISCARD nb_status nb_audio_writer_write(nb_audio_writer *self, const float *interleaved,
                                             size_t frames, nb_error *err);
/// Finish the header, fsync and close. On failure the file is not whole: remove it.
NB_NODISCARD nb_status nb_audio_writer_close(nb_audio_writer **self_p, nb_error *err);
/// Abandon: closes without the promise of close. Null is fine.
void nb_audio_writer_destroy(nb_audio_writer **self_p);

#endif // NB_AUDIO_AUDIO_FILE_H
