// SPDX-License-Identifier: GPL-3.0-or-later
/// @file reverb_network.h  The reverb's room: predelay, diffuser, sixteen lines that feed back.
///
/// Inside dsp/ only, compiled once for every register width. It runs in steps of NB_STEP frames.

#ifndef NB_DSP_REVERB_NETWORK_H
#define NB_DSP_REVERB_NETWORK_H
#include "base/arena.h"
#include "base/status.h"
#include "dsp/lanes.h"
#include "dsp/reverb_design.h"
#include "dsp/step_ring.h"

/// What a document asks of the room.
typedef struct nb_reverb_room {
    size_t channels; ///< 1 or 2, of input and output
    nb_reverb_decay decay;
    double size; ///< 1 for a hall
    size_t predelay_frames;
    double depth_frames; ///< How far the lines' lengths swing; 0: no line moves
    double mod_rate_hz;
} nb_reverb_room;

typedef struct nb_reverb_network nb_reverb_network;

/// A room at rest, in `arena`.
NB_NODISCARD nb_status NB_KERNEL(nb_reverb_network_init)(nb_arena *arena,
                                                         const nb_reverb_room *room,
                                                         nb_reverb_network **out_self,
                                                         nb_error *err);

/// Forget the past.
void NB_KERNEL(nb_reverb_network_reset)(nb_reverb_network *self);

/// One step of each channel: its input, what the lines answer and the first reflections.
void NB_KERNEL(nb_reverb_network_run)(nb_reverb_network *self, const float (*in)[NB_STEP],
                                      float (*out_late)[NB_STEP], float (*out_early)[NB_STEP]);

#endif // NB_DSP_REVERB_NETWORK_H
