// SPDX-License-Identifier: GPL-3.0-or-later
/// @file dither.h  Floats made whole numbers of 8 to 24 bits, with dither and noise shaping.
///
/// The noise is Philox4x32-10 (Salmon and others, 2011) of a key, the channel and the frame: it
/// does not depend on how frames are cut into calls, and two renders of one output have the same
/// noise wherever their signal is the same. After 0.5 s of digital silence, and before the first
/// sound, nothing is added: silence stays digital. Errors and levels: docs/dsp/bit-depth.md.

#ifndef NB_DSP_DITHER_H
#define NB_DSP_DITHER_H
#include <stddef.h>
#include <stdint.h>

typedef enum nb_dither_kind {
    NB_DITHER_NONE,       ///< Rounded to nearest, halves to even
    NB_DITHER_TPDF,       ///< Triangular, 2 steps wide, white
    NB_DITHER_LIPSHITZ,   ///< As TPDF, the error shaped by Lipshitz and others' 5 taps
    NB_DITHER_F_WEIGHTED, ///< By Wannamaker's 9 taps: less where hearing is keen, more above
    NB_DITHER_KINDS
} nb_dither_kind;

/// Their names in documents and on the command line; null-terminated.
extern const char *const nb_dither_names[NB_DITHER_KINDS + 1];

enum { NB_DITHER_BITS_MIN = 8, NB_DITHER_BITS_MAX = 24, NB_DITHER_TAPS_MAX = 9 };

/// One channel. Open: embed by value.
typedef struct nb_dither {
    nb_dither_kind kind;
    unsigned bits;
    uint64_t key;
    uint32_t channel;
    size_t blank_frames;               ///< Of silence, from which on nothing is added
    size_t zeros;                      ///< Frames of silence up to now
    double errors[NB_DITHER_TAPS_MAX]; ///< Latest first, in steps
} nb_dither;

/// `bits` NB_DITHER_BITS_MIN to NB_DITHER_BITS_MAX.
void nb_dither_init(nb_dither *self, nb_dither_kind kind, unsigned bits, unsigned rate_hz,
                    uint64_t key, uint32_t channel);
void nb_dither_reset(nb_dither *self); ///< Forget past input

/// out[i * out_stride] = in[i * in_stride] in steps of 2^(1 - bits), held inside
/// [-2^(bits - 1), 2^(bits - 1) - 1]. `first_frame`, which may be negative, picks the noise.
void nb_dither_run(nb_dither *self, int64_t first_frame, const float *in, size_t in_stride,
                   int32_t *out, size_t out_stride, size_t frames);

/// The key of an output's or insert's name.
uint64_t nb_dither_key(const char *name);

/// The largest |out - in| in steps, where nothing is clipped.
double nb_dither_error_max(nb_dither_kind kind);

/// Four random words of Philox4x32-10.
void nb_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]);

#endif // NB_DSP_DITHER_H
