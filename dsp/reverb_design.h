// SPDX-License-Identifier: GPL-3.0-or-later
/// @file reverb_design.h  The reverb's numbers: line lengths, decay by frequency, filters.
///
/// Inside dsp/ only. Pure functions; equations and sources: docs/dsp/reverb.md.

#ifndef NB_DSP_REVERB_DESIGN_H
#define NB_DSP_REVERB_DESIGN_H
#include <stddef.h>

enum { NB_REVERB_LINES = 16, NB_REVERB_DIFFUSERS = 3 };

/// The decay that a document asks for.
typedef struct nb_reverb_decay {
    double rate_hz;
    double low_s, mid_s, high_s; ///< T60 far below, between and far above the crossovers
    double low_hz, high_hz;      ///< Crossovers: there the decay rate is half way
} nb_reverb_decay;

/// T60 at a frequency, as the network's filters make it.
double nb_reverb_t60_s(const nb_reverb_decay *decay, double freq_hz);

/// A one-pole shelf: y = direct x + state, then state = fresh x + old state.
typedef struct nb_reverb_shelf {
    double direct, fresh, old;
} nb_reverb_shelf;

/// One line's absorption: two shelves in a row.
typedef struct nb_reverb_shelves {
    nb_reverb_shelf low, high;
} nb_reverb_shelves;

/// The absorption of a line of `frames`, times `gain`. Beside the middle no shelf takes more than
/// 60 dB at once: nobody hears a decay within one path, and the filter's own would outlast it.
nb_reverb_shelves nb_reverb_absorption(const nb_reverb_decay *decay, double frames, double gain);

/// T60 of what falls most slowly in a network of such lines, its filters' own memory included:
/// the longest of the three decays or, where those are short for their crossovers, up to 1.3 times
/// that.
double nb_reverb_longest_s(const nb_reverb_decay *decay, const size_t frames[NB_REVERB_LINES]);

/// Lengths of the network's lines in frames: ascending primes, each with room for a swing of
/// `depth_frames`.
void nb_reverb_line_frames(double rate_hz, double size, double depth_frames,
                           size_t out_frames[NB_REVERB_LINES]);

/// Lengths of diffuser `stage`, of which each channel has its own.
void nb_reverb_diffuser_frames(double rate_hz, double size, size_t stage,
                               size_t out_frames[NB_REVERB_LINES]);

/// The gain of the lines' sum at which noise leaves as loud as it enters, whatever the decay.
double nb_reverb_output_gain(const nb_reverb_decay *decay, const size_t frames[NB_REVERB_LINES]);

#endif // NB_DSP_REVERB_DESIGN_H
