// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/pcm.h"
#include "dsp/pcm_kernel.h"
#include "dsp/processor.h"

nb_pcm_format nb_pcm_format_of(bool is_float, bool is_big_endian, unsigned bits)
{
    if (is_float) {
        return (bits != 32) ? NB_PCM_OTHER : is_big_endian ? NB_PCM_F32BE : NB_PCM_F32LE;
    }
    switch (bits) {
    case 16:
        return is_big_endian ? NB_PCM_S16BE : NB_PCM_S16LE;
    case 24:
        return is_big_endian ? NB_PCM_S24BE : NB_PCM_S24LE;
    case 32:
        return is_big_endian ? NB_PCM_S32BE : NB_PCM_S32LE;
    default:
        return NB_PCM_OTHER;
    }
}

size_t nb_pcm_sample_bytes(nb_pcm_format format)
{
    switch (format) {
    case NB_PCM_S16LE:
    case NB_PCM_S16BE:
        return 2;
    case NB_PCM_S24LE:
    case NB_PCM_S24BE:
        return 3;
    case NB_PCM_S32LE:
    case NB_PCM_S32BE:
    case NB_PCM_F32LE:
    case NB_PCM_F32BE:
        return 4;
    case NB_PCM_OTHER:
    default:
        return 0;
    }
}

bool nb_pcm_is_float(nb_pcm_format format)
{
    return format == NB_PCM_F32LE || format == NB_PCM_F32BE;
}

void nb_pcm_read(nb_pcm_format format, const unsigned char *bytes, unsigned channels, size_t frames,
                 float *const *out)
{
#if defined(__x86_64__)
    switch (nb_lane_count()) {
    case 8:
        nb_pcm_read_x8(format, bytes, channels, frames, out);
        return;
    case 4:
        nb_pcm_read_x4(format, bytes, channels, frames, out);
        return;
    default:
        break;
    }
#endif
    nb_pcm_read_x2(format, bytes, channels, frames, out);
}
