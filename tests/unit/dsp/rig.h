// SPDX-License-Identifier: GPL-3.0-or-later
/// @file rig.h  Runs any processor on planar signals, at any width, cut in any way: for tests.

#ifndef NB_TESTS_DSP_RIG_H
#define NB_TESTS_DSP_RIG_H
#include "dsp/level.h"
#include "dsp/processor.h"

#include <stdio.h>

enum { RIG_PARAMS_MAX = 16, RIG_BANDS_MAX = 24, RIG_BAND_PARAMS_MAX = 16, RIG_CHANNELS_MAX = 8 };

/// One voice with the storage that its settings point to.
typedef struct rig_voice {
    nb_settings settings;
    double values[RIG_PARAMS_MAX];
    double band_values[RIG_BANDS_MAX * RIG_BAND_PARAMS_MAX];
    bool moving[RIG_PARAMS_MAX + RIG_BANDS_MAX * RIG_BAND_PARAMS_MAX];
} rig_voice;

/// All defaults, at 48 kHz and 120 bpm; `channels` 1 or 2.
void rig_voice_init(rig_voice *self, const char *processor, unsigned channels);
void rig_set(rig_voice *self, const char *param, double value);
/// Add a band, what is not named at its default; types and slopes by their words.
void rig_band(rig_voice *self, const char *type, double freq_hz, double gain_db, double q,
              const char *slope);
/// Another parameter of a band that is there.
void rig_set_band(rig_voice *self, size_t band, const char *param, double value);
void rig_move(rig_voice *self, const char *param);
void rig_move_band(rig_voice *self, size_t band, const char *param);
/// Index of a word among a parameter's choices.
double rig_choice(const nb_param *param, const char *word);

/// What the processor is given. A voice may be copied: these point into it only while it is used.
nb_settings rig_settings(const rig_voice *self);
/// What the processor says to the voice.
size_t rig_latency(const rig_voice *self);
nb_status rig_check(const rig_voice *self, nb_error *err);
/// Make a state of the voice, and throw it away.
nb_status rig_start(const rig_voice *self, nb_error *err);

/// A table of expected values, or the test is skipped.
FILE *rig_open_table(const char *name);

/// A moved control's value at a frame of the song.
typedef double (*rig_curve)(size_t control, int64_t frame);

typedef struct rig_run {
    size_t lanes;       ///< 0: this machine's
    size_t first_block; ///< 0: all at once; else blocks of 1 to so many frames in turn
    bool twice;         ///< Run, reset, run again: the second one's output counts
    int64_t start_frame;
    rig_curve curve;
    const float *const *key; ///< As the input, or null
} rig_run;

/// All voices in one state. Channels of `in` and `out` follow one another, voice by voice.
void rig_process(const rig_run *how, const rig_voice *voices, size_t voice_count, size_t frames,
                 const float *const *in, float *const *out);

/// One voice, all at once.
void rig_process_one(const rig_voice *voice, size_t frames, const float *const *in,
                     float *const *out);

/// Noise in [-peak, peak], the same for the same seed.
void rig_noise(float *out, size_t frames, double peak, uint32_t seed);
void rig_sine(float *out, size_t frames, double freq_hz, double rate_hz, double peak, double phase);

/// Magnitude in dB of a response at one frequency.
double rig_magnitude_db(const float *response, size_t frames, double freq_hz, double rate_hz);

#endif // NB_TESTS_DSP_RIG_H
