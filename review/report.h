// SPDX-License-Identifier: GPL-3.0-or-later
/// @file report.h  The measurements of one rendered file, as JSON and as people read them.

#ifndef NB_REVIEW_REPORT_H
#define NB_REVIEW_REPORT_H
#include "base/json.h"
#include "base/status.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

enum { NB_REPORT_BANDS = 30 }; ///< Thirds of an octave, 25 Hz to 20 kHz

/// Their nominal centres (IEC 61260-1), in Hz.
extern const double nb_report_band_hz[NB_REPORT_BANDS];

/// As nb_measures (audio/meter.h) without its owner's rules; -INFINITY is "none".
typedef struct nb_report {
    unsigned sample_rate_hz;
    unsigned channels;
    int64_t frames;
    double duration_s;
    double integrated_lufs;
    double loudness_range_lu;
    double short_term_max_lufs;
    double momentary_max_lufs;
    double true_peak_dbtp;
    double sample_peak_dbfs;
    double plr_lu;
    int64_t clipped_samples;
    double dc_offset;
    double stereo_correlation;
    double silence_head_s;
    double silence_tail_s;
    size_t spectrum_count; ///< Bands under half the rate; 0 in reports from before they had them
    double spectrum_db[NB_REPORT_BANDS]; ///< 0 dBFS is a full sine in every channel
    size_t loudness_count;               ///< At 10 Hz
    float *short_term_lufs;
    float *momentary_lufs;
} nb_report;

void nb_report_fini(nb_report *self);

/// The stable JSON of docs/cli.md: integrated_lufs, loudness_range_lu, short_term_max_lufs,
/// momentary_max_lufs, true_peak_dbtp, sample_peak_dbfs, plr_lu, duration_s, sample_rate_hz,
/// channels, frames, clipped_samples, dc_offset, stereo_correlation, silence_head_s,
/// silence_tail_s, spectrum {centre_hz[], level_db[]}, loudness_over_time {interval_s,
/// short_term_lufs[], momentary_lufs[]}. Null without memory.
json_t *nb_report_to_json(const nb_report *self);
NB_NODISCARD nb_status nb_report_from_json(const char *what, const json_t *json, nb_report *out,
                                           nb_error *err);

/// The same bytes everywhere for the same measures: what goes into the store.
NB_NODISCARD nb_status nb_report_write(const nb_report *self, const char *path, nb_error *err);
/// The same in new memory; null without memory.
char *nb_report_to_text(const nb_report *self);

/// For a terminal, at most 80 columns: the numbers, what stands out (clipping, DC, over full
/// scale, mono, out of phase, silence), and the loudness over time and the spectrum drawn in block
/// characters. `colour` adds ANSI colours.
void nb_report_print(const nb_report *self, bool colour, nb_text *out);

#endif // NB_REVIEW_REPORT_H
