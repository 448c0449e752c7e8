// SPDX-License-Identifier: GPL-3.0-or-later
/// @file clips.h  A track's clips as one edge: gain, fades, and the sum where they overlap.
///
/// Fades by position p in [0, 1): frame i of a fade-in of F frames has p = i / F; a fade-out of F
/// frames has p = (frames left, this one included) / F. So a fade-out over the same frames as a
/// fade-in makes an exact crossfade. With arithmetic alone, no libm, bits agree on every machine:
///
///     linear       p
///     equal power  sin(p pi / 2)
///     S-curve      3 p^2 - 2 p^3
///     exponential  (1000^p - 1) / 999: straight in dB over its upper part

#ifndef NB_RENDERER_ENGINE_CLIPS_H
#define NB_RENDERER_ENGINE_CLIPS_H
#include "renderer/engine/stems.h"

enum {
    NB_CLIPS_BLOCK = 2048, ///< Frames that are summed at once
    NB_CLIPS_OPEN_MAX = 16 ///< Files that one track holds open
};

/// Gain of a fade at position p in [0, 1].
double nb_fade_gain(nb_fade_shape shape, double position);

typedef struct nb_clips nb_clips;

/// The clips of `node`; borrows the node and the stems. Reads go forward from frame 0.
NB_NODISCARD nb_status nb_clips_new(const nb_node *node, const nb_stems *stems,
                                    nb_clips **out_clips, nb_error *err);
void nb_clips_destroy(nb_clips **self_p);

/// Make frames first .. first + frames - 1 (at most NB_CLIPS_BLOCK) of each of the node's channels.
NB_NODISCARD nb_status nb_clips_read(nb_clips *self, int64_t first, size_t frames,
                                     float *const out[2], nb_error *err);

#endif // NB_RENDERER_ENGINE_CLIPS_H
