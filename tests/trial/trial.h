// SPDX-License-Identifier: GPL-3.0-or-later
/// @file trial.h  A processor with random settings on random signals, held to its contract.
///
/// For the fuzzer and for a unit test: all choices come from a trial_source, so that bytes or a
/// seed repeat a trial. The contract is processor.h's: however frames are cut into calls, whatever
/// the width of the register and whoever sits in the neighbouring lanes, after a reset or in a
/// fresh state, the bits are the same; and finite input gives finite output without denormals.

#ifndef NB_TESTS_TRIAL_TRIAL_H
#define NB_TESTS_TRIAL_TRIAL_H
#include "dsp/processor.h"

/// Where choices come from: bytes first, then numbers made from them and from `seed`.
typedef struct trial_source {
    const uint8_t *bytes;
    size_t size;
    uint64_t seed;
} trial_source;

/// What a trial found; `text` says more.
typedef enum trial_result {
    TRIAL_HOLDS,
    TRIAL_REFUSED, ///< The processor refuses such settings, and says why
    TRIAL_BROKEN
} trial_result;

typedef struct trial_report {
    trial_result result;
    char text[512];
} trial_report;

/// One trial of the processor at `index`.
trial_report trial_run(size_t index, trial_source source);

/// One trial of its tail, with settings that do not move: so many frames after noise at full scale
/// has ended, no sample may be 1e-6 (-120 dBFS) from what silence alone gives. Refused too where
/// the tail is longer than a test may last.
trial_report trial_tail(size_t index, trial_source source);

/// Hand one voice with settings that the processor takes to `use`, and its report back.
trial_report trial_settings(size_t index, trial_source source,
                            trial_report (*use)(const nb_settings *voice));

#endif // NB_TESTS_TRIAL_TRIAL_H
