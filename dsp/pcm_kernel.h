// SPDX-License-Identifier: GPL-3.0-or-later
/// @file pcm_kernel.h  The loops behind pcm.h. Inside dsp/ only.

#ifndef NB_DSP_PCM_KERNEL_H
#define NB_DSP_PCM_KERNEL_H
#include "dsp/pcm.h"

/// As nb_pcm_read.
typedef void nb_pcm_read_kernel(nb_pcm_format format, const unsigned char *bytes, unsigned channels,
                                size_t frames, float *const *out);

nb_pcm_read_kernel nb_pcm_read_x2;
#if defined(__x86_64__)
nb_pcm_read_kernel nb_pcm_read_x2_v3, nb_pcm_read_x4, nb_pcm_read_x8;
#endif

#endif // NB_DSP_PCM_KERNEL_H
