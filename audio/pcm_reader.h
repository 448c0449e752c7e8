// SPDX-License-Identifier: GPL-3.0-or-later
/// @file pcm_reader.h  Plain samples read from where they stand in a file, without a decoder.
///
/// By pread and never by mmap: a file cut while it is mapped kills the process. Reads that follow
/// one another share a buffer, since a system call for each of them would cost more than the
/// samples. One thread at a time.

#ifndef NB_AUDIO_PCM_READER_H
#define NB_AUDIO_PCM_READER_H
#include "base/status.h"
#include "dsp/pcm.h"

#include <stddef.h>
#include <stdint.h>

/// Set the first five, leave the others 0; call nb_pcm_reader_fini in the end.
typedef struct nb_pcm_reader {
    int fd;               ///< Borrowed; its offset never moves
    nb_pcm_format format; ///< Not NB_PCM_OTHER
    unsigned channels;
    int64_t frames;
    int64_t offset; ///< Of frame 0, in bytes

    unsigned char *buffer; ///< Made by the first read
    int64_t buffer_offset; ///< Of its first byte
    size_t buffered;       ///< Bytes
} nb_pcm_reader;

/// Free the buffer; a later read makes another.
void nb_pcm_reader_fini(nb_pcm_reader *self);

/// Read frames first .. first + frames - 1, a channel to an array; `out_frames` of them are there.
/// `name` is what errors call the file. An error of the device is one; an early end is none.
NB_NODISCARD nb_status nb_pcm_reader_read(nb_pcm_reader *self, const char *name, int64_t first,
                                          size_t frames, float *const *out, size_t *out_frames,
                                          nb_error *err);

/// The same, interleaved.
NB_NODISCARD nb_status nb_pcm_reader_read_interleaved(nb_pcm_reader *self, const char *name,
                                                      int64_t first, size_t frames, float *out,
                                                      size_t *out_frames, nb_error *err);

#endif // NB_AUDIO_PCM_READER_H
