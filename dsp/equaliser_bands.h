// SPDX-License-Identifier: GPL-3.0-or-later
/// @file equaliser_bands.h  The equaliser's band parameters, and the bands that move.
///
/// Inside dsp/ only, compiled once for every register width. A band moves where automation moves
/// its frequency, gain or q, or where its own level moves its gain (a dynamic band).

#ifndef NB_DSP_EQUALISER_BANDS_H
#define NB_DSP_EQUALISER_BANDS_H
#include "base/arena.h"
#include "dsp/equaliser_params.h"

/// Indices of the band parameters behind the shared ones.
enum {
    NB_EQ_RANGE_DB = NB_EQ_SHARED_COUNT,
    NB_EQ_THRESHOLD_DB,
    NB_EQ_RATIO,
    NB_EQ_ATTACK_MS,
    NB_EQ_RELEASE_MS,
    NB_EQ_PARAM_COUNT
};

/// Frames that a call works on at once.
#define NB_EQ_CHUNK_FRAMES 64

typedef struct nb_moving_bands nb_moving_bands;

static inline bool nb_eq_param_moves(const nb_settings *settings, size_t band, size_t param)
{
    return nb_settings_moves(settings, nb_control_of_band(settings->processor, band, param));
}

/// Whether automation moves the band's response.
static inline bool nb_eq_band_moves(const nb_settings *settings, size_t band)
{
    return nb_eq_param_moves(settings, band, NB_EQ_FREQ_HZ) ||
           nb_eq_param_moves(settings, band, NB_EQ_GAIN_DB) ||
           nb_eq_param_moves(settings, band, NB_EQ_Q);
}

/// Whether the band's level moves its gain.
static inline bool nb_eq_band_is_dynamic(const nb_settings *settings, size_t band)
{
    return nb_band_value(settings, band, NB_EQ_RANGE_DB) != 0.0 ||
           nb_eq_param_moves(settings, band, NB_EQ_RANGE_DB);
}

/// All moving bands of the voices; null where none moves. `params` is the band parameters' table.
NB_NODISCARD nb_status NB_KERNEL(nb_moving_bands_init)(nb_arena *arena, const nb_settings *voices,
                                                       size_t voice_count,
                                                       nb_moving_bands **out_self, nb_error *err);

void NB_KERNEL(nb_moving_bands_reset)(nb_moving_bands *self);

/// Filter `frames` samples, at most NB_EQ_CHUNK_FRAMES, that stand at `start` of the block and
/// passed the bands at rest. Reads the block's input (or key) for levels: not yet overwritten.
void NB_KERNEL(nb_moving_bands_run)(nb_moving_bands *self, const nb_block *block, size_t start,
                                    nb_lanes *samples, size_t frames);

#endif // NB_DSP_EQUALISER_BANDS_H
