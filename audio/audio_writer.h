// SPDX-License-Identifier: GPL-3.0-or-later
/// @file audio_writer.h  WAV files of whole numbers, dithered, and files that are followed while
/// they grow: what nb_audio_writer_open (32-bit float, audio_file.h) does not offer.

#ifndef NB_AUDIO_AUDIO_WRITER_H
#define NB_AUDIO_AUDIO_WRITER_H
#include "audio/audio_file.h"
#include "base/digest.h"
#include "dsp/dither.h"

#include <stdatomic.h>
#include <stdbool.h>

typedef enum nb_sample_format {
    NB_SAMPLE_FLOAT_32,
    NB_SAMPLE_PCM_16,
    NB_SAMPLE_PCM_24
} nb_sample_format;

/// What closing a file promises.
typedef enum nb_audio_keep {
    NB_AUDIO_KEPT,   ///< It is on disk then; the way there begins while it grows
    NB_AUDIO_HANDED, ///< Whoever takes it further flushes it; the way there begins as well
    NB_AUDIO_SCRATCH ///< Nothing: it need never get to the disk
} nb_audio_keep;

/// How far a file has come, for another thread that reads behind its writer, and what it is in the
/// end. Zero-initialise; outlives the writer.
typedef struct nb_audio_growth {
    /// Of the file's beginning those that are written and will not change, header included. Stays 0
    /// where the length is not known beforehand; never more than `size`.
    atomic_uint_least64_t bytes;
    uint64_t size;    ///< Of the whole file; may be read once `bytes` is not 0
    bool is_whole;    ///< Set by nb_audio_writer_close where `bytes` came to `size`; then also ...
    nb_digest digest; ///< ... of the whole file, hashed while it was written
} nb_audio_growth;

typedef struct nb_audio_writer_options {
    unsigned rate_hz;
    unsigned channels;
    int64_t frames_expected; ///< 0 where unknown
    nb_sample_format samples;
    nb_dither_kind dither; ///< Of whole numbers
    const char *name;      ///< Of the output: picks the noise; null is ""
    int64_t first_frame;   ///< Of the song: where the first call's frames stand
    nb_audio_keep keep;
    nb_audio_growth *growth; ///< Kept up to date; may be null. Hashing costs some CPU time
} nb_audio_writer_options;

/// As nb_audio_writer_open.
NB_NODISCARD nb_status nb_audio_writer_open_as(const char *path,
                                               const nb_audio_writer_options *options,
                                               nb_audio_writer **out_writer, nb_error *err);

/// As nb_audio_writer_write, and put into `interleaved` what a reader of the file will get.
NB_NODISCARD nb_status nb_audio_writer_write_back(nb_audio_writer *self, float *interleaved,
                                                  size_t frames, nb_error *err);

/// Let frames pass unwritten: those behind them get the bits that they have in the whole file,
/// whose dither remembers errors and silence.
void nb_audio_writer_pass(nb_audio_writer *self, const float *interleaved, size_t frames);

#endif // NB_AUDIO_AUDIO_WRITER_H
