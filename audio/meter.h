// SPDX-License-Identifier: GPL-3.0-or-later
/// @file meter.h  All that a report says of one file, measured in one pass beside the render.
///
/// ITU-R BS.1770-4 and EBU R 128: the channels' energy behind the K weighting every 20 ms;
/// momentary and short-term loudness are running means of that (EBU Tech 3341, cases 9 to 14),
/// and integrated loudness and range come from them by gating.h. The result does not depend on how
/// the frames were cut into calls. One thread at a time.

#ifndef NB_AUDIO_METER_H
#define NB_AUDIO_METER_H
#include "audio/spectrum.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/// Values that silence or a short file does not have are -INFINITY here, null in JSON. The maxima
/// are of whole windows; the series begins with windows that reach back into silence.
typedef struct nb_measures {
    unsigned rate_hz;
    unsigned channels;
    int64_t frames;
    double integrated_lufs;
    double loudness_range_lu; ///< -INFINITY under 3 s
    double short_term_max_lufs;
    double momentary_max_lufs;
    double true_peak_dbtp;
    double sample_peak_dbfs;
    double plr_lu;           ///< True peak less integrated loudness
    int64_t clipped_samples; ///< At or over full scale of 16 bits, 32767/32768; all channels
    double dc_offset;        ///< The largest mean of a channel, with its sign; 1.0 is full scale
    double correlation;      ///< Stereo, over the whole file; -INFINITY for mono and silence
    double silence_head_s;   ///< Under -60 dBFS at the start; of a silent file, all of it
    double silence_tail_s;   ///< As above, at the end
    size_t spectrum_count;   ///< Bands under half the rate
    double spectrum_db[NB_SPECTRUM_BANDS];
    size_t loudness_count; ///< 10 a second
    float *loudness_lufs;  ///< Short-term (3 s) loudness at 0.1 s, 0.2 s, ...; owned
    float *momentary_lufs; ///< Momentary (400 ms), as above; owned
} nb_measures;

void nb_measures_fini(nb_measures *self);

typedef struct nb_meter nb_meter;

/// `channels` 1 or 2 (more by their usual order); rate 8,000 to 384,000 Hz.
NB_NODISCARD nb_status nb_meter_new(unsigned rate_hz, unsigned channels, nb_meter **out_meter,
                                    nb_error *err);
void nb_meter_destroy(nb_meter **self_p);
/// NB_E_INVALID for a sample that is not finite.
NB_NODISCARD nb_status nb_meter_add(nb_meter *self, const float *interleaved, size_t frames,
                                    nb_error *err);
/// The measures of all that was added, once, at the end. The caller fini's `out`.
NB_NODISCARD nb_status nb_meter_finish(nb_meter *self, nb_measures *out, nb_error *err);

#endif // NB_AUDIO_METER_H
