// SPDX-License-Identifier: GPL-3.0-or-later
/// @file gating.h  Integrated loudness and loudness range, of a loudness ten times a second.
///
/// The measuring blocks of BS.1770-4 are the momentary loudness every 100 ms, those of EBU Tech
/// 3342 the short-term loudness: a meter has both already, so nothing is summed again.

#ifndef NB_AUDIO_GATING_H
#define NB_AUDIO_GATING_H
#include <stddef.h>

/// ITU-R BS.1770-4, annex 1: the mean energy, in LUFS, of the 400 ms blocks over -70 LUFS and over
/// 10 LU under the mean of those. -INFINITY where there are none.
double nb_integrated_loudness(const float *momentary_lufs, size_t count);

/// EBU Tech 3342: in LU, from the 10th to the 95th percentile of the 3 s blocks over -70 LUFS and
/// over 20 LU under the mean energy of those. -INFINITY where there are none; NAN without memory.
double nb_loudness_range(const float *short_term_lufs, size_t count);

#endif // NB_AUDIO_GATING_H
