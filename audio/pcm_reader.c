// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/pcm_reader.h"
#include "audio/audio_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

// Measured on 1 GB of stems in the page cache: 0.19 s with reads of 6 KiB, 0.12 s with 32 KiB,
// 0.10 s with 64 KiB, and no less with more.
enum { BUFFER_BYTES = 65536 };

void nb_pcm_reader_fini(nb_pcm_reader *self)
{
    free(self->buffer);
    self->buffer = NULL;
    self->buffered = 0;
}

static nb_status make_buffer(nb_pcm_reader *self, const char *name, nb_error *err)
{
    self->buffer = malloc(BUFFER_BYTES);
    if (!self->buffer) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory to read it", name);
    }
    (void)posix_fadvise(self->fd, 0, 0, POSIX_FADV_SEQUENTIAL); // a hint: it reads ahead further
    return NB_OK;
}

/// Fill the buffer from `offset` on, to its end or the samples'.
static nb_status fill_buffer(nb_pcm_reader *self, const char *name, int64_t offset, int64_t end,
                             nb_error *err)
{
    const nb_status status = self->buffer ? NB_OK : make_buffer(self, name, err);
    if (status != NB_OK) {
        return status;
    }
    const size_t wanted = (end - offset < BUFFER_BYTES) ? (size_t)(end - offset) : BUFFER_BYTES;
    self->buffer_offset = offset;
    self->buffered = 0;
    while (self->buffered < wanted) {
        const ssize_t got = pread(self->fd, self->buffer + self->buffered, wanted - self->buffered,
                                  (off_t)(offset + (int64_t)self->buffered));
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            return nb_fail_errno(err, errno, "%s", name);
        }
        self->buffered += (got > 0) ? (size_t)got : 0;
    }
    return NB_OK;
}

/// Bytes at `offset` that the buffer has.
static size_t bytes_at(const nb_pcm_reader *self, int64_t offset)
{
    const int64_t into = offset - self->buffer_offset;
    return (into >= 0 && into < (int64_t)self->buffered) ? self->buffered - (size_t)into : 0;
}

/// Frames of `channels` samples: all that the file has, or one where they stay interleaved.
static nb_status read_frames(nb_pcm_reader *self, const char *name, unsigned channels,
                             int64_t first, size_t frames, float *const *out, size_t *out_frames,
                             nb_error *err)
{
    float *to[NB_AUDIO_CHANNELS_MAX];
    const size_t sample_bytes = nb_pcm_sample_bytes(self->format);
    const size_t frame_bytes = sample_bytes * channels;
    const int64_t end = self->offset + self->frames * (int64_t)(sample_bytes * self->channels);
    *out_frames = 0;
    if (frame_bytes == 0) {
        return nb_fail(err, NB_E_INVALID, "%s: its samples need a decoder", name);
    }
    while (*out_frames < frames) {
        const int64_t offset = self->offset + (first + (int64_t)*out_frames) * (int64_t)frame_bytes;
        if (bytes_at(self, offset) < frame_bytes && offset < end) {
            const nb_status status = fill_buffer(self, name, offset, end, err);
            if (status != NB_OK) {
                return status;
            }
        }
        const size_t there = bytes_at(self, offset) / frame_bytes;
        if (there == 0) {
            break;
        }
        const size_t left = frames - *out_frames;
        const size_t taken = (left < there) ? left : there;
        for (unsigned c = 0; c < channels; c++) {
            to[c] = out[c] + *out_frames;
        }
        nb_pcm_read(self->format, self->buffer + (offset - self->buffer_offset), channels, taken,
                    to);
        *out_frames += taken;
    }
    return NB_OK;
}

nb_status nb_pcm_reader_read(nb_pcm_reader *self, const char *name, int64_t first, size_t frames,
                             float *const *out, size_t *out_frames, nb_error *err)
{
    return read_frames(self, name, self->channels, first, frames, out, out_frames, err);
}

nb_status nb_pcm_reader_read_interleaved(nb_pcm_reader *self, const char *name, int64_t first,
                                         size_t frames, float *out, size_t *out_frames,
                                         nb_error *err)
{
    const unsigned channels = self->channels;
    const nb_status status = read_frames(self, name, 1, first * channels, frames * channels,
                                         (float *const[]){out}, out_frames, err);
    *out_frames /= channels;
    return status;
}
