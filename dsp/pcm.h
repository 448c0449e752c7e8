// SPDX-License-Identifier: GPL-3.0-or-later
/// @file pcm.h  Samples as they stand in files, made floats: a channel to an array.
///
/// Whole numbers are scaled by a power of two, full scale to 1.0, as libsndfile does it; 32 bits
/// are rounded to the nearest float.

#ifndef NB_DSP_PCM_H
#define NB_DSP_PCM_H
#include <stdbool.h>
#include <stddef.h>

typedef enum nb_pcm_format {
    NB_PCM_OTHER, ///< None of these: a decoder's
    NB_PCM_S16LE,
    NB_PCM_S24LE,
    NB_PCM_S32LE,
    NB_PCM_F32LE,
    NB_PCM_S16BE,
    NB_PCM_S24BE,
    NB_PCM_S32BE,
    NB_PCM_F32BE
} nb_pcm_format;

/// Whole numbers, or IEEE floats, of 16, 24 or 32 bits; NB_PCM_OTHER where there is no such format.
nb_pcm_format nb_pcm_format_of(bool is_float, bool is_big_endian, unsigned bits);

/// Bytes of one sample; 0 of NB_PCM_OTHER.
size_t nb_pcm_sample_bytes(nb_pcm_format format);

/// Whether it can hold what is no finite number.
bool nb_pcm_is_float(nb_pcm_format format);

/// Make out[c][0 .. frames - 1] of `frames` interleaved frames of `channels` samples. Floats
/// keep their bits. `format` is not NB_PCM_OTHER; `bytes` need no alignment.
void nb_pcm_read(nb_pcm_format format, const unsigned char *bytes, unsigned channels, size_t frames,
                 float *const *out);

#endif // NB_DSP_PCM_H
