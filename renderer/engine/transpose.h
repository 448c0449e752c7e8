// SPDX-License-Identifier: GPL-3.0-or-later
/// @file transpose.h  Channels one after the other <-> channels side by side. Moves bits, computes
/// nothing.

#ifndef NB_RENDERER_ENGINE_TRANSPOSE_H
#define NB_RENDERER_ENGINE_TRANSPOSE_H
#include <stddef.h>

/// out[i * width + lane] = in[lane][i]. `width` is 2, 4 or 8.
void nb_interleave(const float *const *in, size_t width, size_t frames, float *out);

/// out[lane][i] = in[i * width + lane].
void nb_deinterleave(const float *in, size_t width, size_t frames, float *const *out);

#endif // NB_RENDERER_ENGINE_TRANSPOSE_H
