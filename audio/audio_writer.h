// SPDX-License-Identifier: GPL-3.0-or-later
/// @file audio_writer.h  WAV files of whole numbers, dithered: what nb_audio_writer_open (32-bit
/// float, audio_file.h) does not offer.

#ifndef NB_AUDIO_AUDIO_WRITER_H
#define NB_AUDIO_AUDIO_WRITER_H
#include "audio/audio_file.h"
#include "dsp/dither.h"

typedef enum nb_sample_format {
    NB_SAMPLE_FLOAT_32,
    NB_SAMPLE_PCM_16,
    NB_SAMPLE_PCM_24
} nb_sample_format;

typedef struct nb_audio_writer_options {
    unsigned rate_hz;
    unsigned channels;
    int64_t frames_expected; ///< 0 where unknown
    nb_sample_format samples;
    nb_dither_kind dither; ///< Of whole numbers
    const char *name;      ///< Of the output: picks the noise; null is ""
    int64_t first_frame;   ///< Of the song: where the first call's frames stand
    bool scratch;          ///< Closing does not flush it: whoever takes the file further does
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
