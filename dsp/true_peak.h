// SPDX-License-Identifier: GPL-3.0-or-later
/// @file true_peak.h  The highest level a signal reaches between its samples, too.
///
/// The larger of two interpolators (docs/dsp/limiter.md): 16 times, 64 taps a phase, which is right
/// within 0.03 dB; and the 49-tap one of libebur128, which reads higher on noise: a ceiling must
/// hold for those who measure with that one as well. The limiter and the reports share it.

#ifndef NB_DSP_TRUE_PEAK_H
#define NB_DSP_TRUE_PEAK_H
#include "base/status.h"

#include <stddef.h>

/// Most channels that one detector takes.
#define NB_TRUE_PEAK_CHANNELS_MAX 64

typedef struct nb_true_peak nb_true_peak;

/// A detector for `channels` interleaved channels at `rate_hz`. One thread at a time.
NB_NODISCARD nb_status nb_true_peak_new(unsigned rate_hz, unsigned channels,
                                        nb_true_peak **out_peak, nb_error *err);

/// Destroy `*self_p` and set it to null; null is allowed.
void nb_true_peak_destroy(nb_true_peak **self_p);

/// Take `frames` more frames. The maximum does not depend on how frames are cut into calls.
void nb_true_peak_add(nb_true_peak *self, const float *interleaved, size_t frames);

/// The maximum of all channels so far, linear (1.0 is full scale): samples, what lies between them,
/// and what rings if silence follows. 0 for silence.
double nb_true_peak_max(const nb_true_peak *self);

/// As above, of one channel.
double nb_true_peak_channel_max(const nb_true_peak *self, unsigned channel);

#endif // NB_DSP_TRUE_PEAK_H
