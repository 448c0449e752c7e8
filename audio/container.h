// SPDX-License-Identifier: GPL-3.0-or-later
/// @file container.h  What an audio file's own chunks say, held against the file's size.
///
/// libsndfile clips a length that lies to what the file holds and says nothing, so a recording that
/// was cut would be rendered as a shorter good one. This reads the sizes first.

#ifndef NB_AUDIO_CONTAINER_H
#define NB_AUDIO_CONTAINER_H
#include "base/status.h"
#include "dsp/pcm.h"

#include <stdbool.h>
#include <stdint.h>

/// The kinds that are handed to libsndfile; whatever else it knows is refused as unknown.
typedef enum nb_container_kind {
    NB_CONTAINER_UNKNOWN,
    NB_CONTAINER_WAV,
    NB_CONTAINER_RF64,
    NB_CONTAINER_W64,
    NB_CONTAINER_AIFF,
    NB_CONTAINER_CAF,
    NB_CONTAINER_FLAC,
    NB_CONTAINER_OGG,
    NB_CONTAINER_MPEG
} nb_container_kind;

typedef struct nb_container {
    nb_container_kind kind;
    int64_t start;            ///< Bytes of an ID3 tag before it
    unsigned channels;        ///< 0 for FLAC, Ogg and MP3, which their decoder checks
    double rate_hz;           ///< As above
    unsigned bytes_per_frame; ///< 0 for coded samples
    double bytes_per_second;  ///< 0 where not known
    nb_pcm_format samples;    ///< How they stand there, where they can be read without a decoder
    int64_t data_offset;      ///< 0 where there is no such thing
    int64_t data_bytes;       ///< Held by the file
    int64_t frames;           ///< -1 where only the decoder knows
    char warning[128];        ///< A clause for people, or empty
} nb_container;

/// Look at the open file `fd`, without moving its offset. `name` is what errors call it. A kind
/// that is not known is no error; a header at odds with itself or with the file's size is.
NB_NODISCARD nb_status nb_container_inspect(int fd, const char *name, nb_container *out,
                                            nb_error *err);

/// Refuse a rate or a number of channels outside the limits of audio_file.h.
NB_NODISCARD nb_status nb_container_check_facts(const char *name, double rate_hz, unsigned channels,
                                                nb_error *err);

#endif // NB_AUDIO_CONTAINER_H
