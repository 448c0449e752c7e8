// SPDX-License-Identifier: GPL-3.0-or-later
/// @file container_private.h  What the readers of the containers share. Only for container*.c.

#ifndef NB_AUDIO_CONTAINER_PRIVATE_H
#define NB_AUDIO_CONTAINER_PRIVATE_H
#include "audio/container.h"

#include <stddef.h>

// A real file has some ten; each costs a read.
enum { NB_CONTAINER_CHUNKS_MAX = 10000 };

/// The file being looked at. Reads that fail or fall short are told apart nowhere: a header that
/// can't be read is a header that isn't there.
typedef struct nb_container_source {
    int fd;
    int64_t size;
    const char *name;
} nb_container_source;

/// Read exactly `size` bytes at `offset`.
bool nb_container_peek(const nb_container_source *source, int64_t offset, void *out, size_t size);

/// One more chunk; false with an error where there are too many.
NB_NODISCARD nb_status nb_container_count_chunk(const nb_container_source *source, unsigned *count,
                                                nb_error *err);

/// Hold the length that the header gives the samples, which begin at `offset`, against the file,
/// and fill in data_offset, data_bytes and frames.
NB_NODISCARD nb_status nb_container_set_data(const nb_container_source *source, int64_t offset,
                                             uint64_t declared, nb_container *out, nb_error *err);

/// Frames of uncompressed samples whose size is `bits` each: refuses a frame size that is at odds.
NB_NODISCARD nb_status nb_container_check_frame_size(const nb_container_source *source,
                                                     unsigned bits, unsigned bytes_per_frame,
                                                     nb_container *out, nb_error *err);

NB_NODISCARD nb_status nb_container_read_riff(const nb_container_source *source, nb_container *out,
                                              nb_error *err);
NB_NODISCARD nb_status nb_container_read_w64(const nb_container_source *source, nb_container *out,
                                             nb_error *err);
NB_NODISCARD nb_status nb_container_read_aiff(const nb_container_source *source, nb_container *out,
                                              nb_error *err);
NB_NODISCARD nb_status nb_container_read_caf(const nb_container_source *source, nb_container *out,
                                             nb_error *err);

/// Check a WAV's "fmt " of `size` bytes, at most 40 of which are in `bytes`; Wave64 has the same.
NB_NODISCARD nb_status nb_container_read_format(const nb_container_source *source,
                                                const unsigned char *bytes, size_t size,
                                                nb_container *out, nb_error *err);

static inline uint64_t nb_little(const unsigned char *bytes, unsigned count)
{
    uint64_t value = 0;
    for (unsigned i = count; i > 0; i--) {
        value = value << 8 | bytes[i - 1];
    }
    return value;
}

static inline uint64_t nb_big(const unsigned char *bytes, unsigned count)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

#endif // NB_AUDIO_CONTAINER_PRIVATE_H
