// SPDX-License-Identifier: GPL-3.0-or-later
/// @file wav_chunks.h  The chunks of a WAV: where they stand, and those that hold cues.

#ifndef NB_REVIEW_MARKERS_WAV_CHUNKS_H
#define NB_REVIEW_MARKERS_WAV_CHUNKS_H
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { NB_WAV_CUE_SIZE = 24 }; ///< Bytes of a record of `cue `

/// A chunk that was read whole.
typedef struct nb_wav_chunk {
    unsigned char *bytes;
    size_t size;
} nb_wav_chunk;

/// Where a chunk stands in the file.
typedef struct nb_wav_extent {
    int64_t at;   ///< Of its id
    int64_t size; ///< With its head and its pad byte
    bool is_ours; ///< Cues and their texts, which are written anew
} nb_wav_extent;

/// What was found in a WAV. Set name and file; nb_wav_fini frees, but does not close.
typedef struct nb_wav {
    const char *name;
    FILE *file;
    int64_t file_size;
    int64_t riff_end; ///< As its head says
    unsigned rate_hz;
    nb_wav_chunk cues;  ///< The last of each, as programs append them
    nb_wav_chunk texts; ///< Behind "adtl"
    nb_wav_chunk loops;
    size_t extent_count;
    nb_wav_extent *extents;
    bool cut; ///< A chunk goes on behind the end of the file
} nb_wav;

void nb_wav_fini(nb_wav *self);

/// Go through the chunks. RF64 and what is no WAV are refused.
NB_NODISCARD nb_status nb_wav_scan(nb_wav *self, nb_error *err);

/// How many cues there are; NB_E_CORRUPT if the chunk has no room for so many.
NB_NODISCARD nb_status nb_wav_count_cues(const nb_wav *self, size_t *out_count, nb_error *err);

/// The next sub-chunk of the texts at `*at_p`; false at the end, or where one is cut.
bool nb_wav_next_text(const nb_wav *self, size_t *at_p, const unsigned char **out_id,
                      const unsigned char **out_data, size_t *out_size);

/// Read just so many bytes from where the file stands.
NB_NODISCARD nb_status nb_wav_read(const nb_wav *self, void *out, size_t size, nb_error *err);

/// True if four letters are those, whatever their case: some programs write them small.
bool nb_wav_is(const unsigned char *id, const char *wanted);

/// `count` bytes as a number, little end first.
uint32_t nb_wav_number(const unsigned char *bytes, size_t count);

#endif // NB_REVIEW_MARKERS_WAV_CHUNKS_H
