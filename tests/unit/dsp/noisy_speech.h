// SPDX-License-Identifier: GPL-3.0-or-later
/// @file noisy_speech.h  Speech-like material, noises, and the figures of merit of noise reduction.

#ifndef NB_TESTS_DSP_NOISY_SPEECH_H
#define NB_TESTS_DSP_NOISY_SPEECH_H
#include <stddef.h>
#include <stdint.h>

/// Syllables of a pulse train through three formants, with fricatives and pauses; peak near 0.5.
/// The same for the same seed.
void speech_like(float *out, size_t frames, double rate_hz, uint32_t seed);

/// Gaussian noise, white or falling by 3 dB an octave, of unit variance.
void white_noise(float *out, size_t frames, uint32_t seed);
void pink_noise(float *out, size_t frames, uint32_t seed);

/// clean + noise, the noise scaled so that it lies `snr_db` under the clean signal, both whole;
/// returns the scale.
double add_noise(const float *clean, const float *noise, size_t frames, double snr_db, float *out);

/// Mean over segments of 20 ms of 10 log10(clean^2 / (clean - got)^2), each held in [-10, 35] dB,
/// where the clean signal is within 40 dB of its loudest segment.
double segmental_snr_db(const float *clean, const float *got, size_t frames, double rate_hz);

/// Mean over frames of the rms difference of the two log power spectra in dB, both held at 50 dB
/// under the clean signal's greatest line.
double log_spectral_distortion_db(const float *clean, const float *got, size_t frames);

/// Logarithm of the ratio of the kurtosis of the lines' powers, over the frames where `clean` is
/// silent: 0 where the noise has only become softer, large where single tones of it remain
/// (Y. Uemura and others 2008).
double log_kurtosis_ratio(const float *clean, const float *before, const float *after,
                          size_t frames);

#endif // NB_TESTS_DSP_NOISY_SPEECH_H
