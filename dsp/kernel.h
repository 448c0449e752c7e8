// SPDX-License-Identifier: GPL-3.0-or-later
/// @file kernel.h  What processors share: their voices' lanes, moved values, denormals.
///
/// Inside dsp/ only; everything is static for the reason given in lanes.h.

#ifndef NB_DSP_KERNEL_H
#define NB_DSP_KERNEL_H
#include "dsp/lanes.h"
#include "dsp/processor.h"

/// Denormal numbers count as zero until nb_denormals_restore: a filter that rings out in silence
/// would otherwise run a hundred times slower. NB_SCOPED around every `process`.
static inline unsigned nb_denormals_off(void)
{
#if defined(__SSE2__)
    const unsigned saved = _mm_getcsr();
    _mm_setcsr(saved | 0x8040); // flush to zero, denormals are zero
    return saved;
#else
    return 0;
#endif
}

static inline void nb_denormals_restore(const unsigned *saved)
{
#if defined(__SSE2__)
    _mm_setcsr(*saved);
#else
    (void)saved;
#endif
}

#define NB_NO_DENORMALS                                                                            \
    NB_SCOPED(nb_denormals_restore) const unsigned saved_csr = nb_denormals_off();                 \
    (void)saved_csr

/// Whether a lane of automation moves this control of the voice.
static inline bool nb_settings_moves(const nb_settings *voice, size_t control)
{
    return voice->moving && voice->moving[control];
}

static inline size_t nb_control_of_band(const nb_processor *self, size_t band, size_t param)
{
    return self->param_count + band * self->band_param_count + param;
}

static inline double nb_band_value(const nb_settings *voice, size_t band, size_t param)
{
    return voice->band_values[band * voice->processor->band_param_count + param];
}

/// A control's values: moved, or the same for ever.
typedef struct nb_control {
    const double *moved; ///< Null where nothing moves
    nb_lanes fixed;
} nb_control;

static inline nb_control nb_control_of(const nb_block *block, size_t index, nb_lanes fixed)
{
    return (nb_control){block->controls ? block->controls[index] : NULL, fixed};
}

static inline nb_lanes nb_control_at(const nb_control *self, size_t i)
{
    return self->moved ? nb_lanes_load(self->moved, i) : self->fixed;
}

/// Frames of a time, to the nearest, halves up.
static inline size_t nb_frames_of_ms(double time_ms, unsigned rate_hz)
{
    return (size_t)(time_ms * rate_hz / 1000.0 + 0.5);
}

/// The value of one parameter in the lanes of each voice, its default in lanes of no voice.
static inline nb_lanes nb_lanes_of_param(const nb_settings *voices, size_t voice_count,
                                         size_t param)
{
    nb_lanes values = nb_lanes_set(voices[0].processor->params[param].initial);
    for (size_t v = 0; v < voice_count; v++) {
        const size_t lane = nb_voice_lane(voices, v);
        for (size_t c = 0; c < voices[v].channels; c++) {
            values[lane + c] = voices[v].values[param];
        }
    }
    return values;
}

#endif // NB_DSP_KERNEL_H
