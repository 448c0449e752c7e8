// SPDX-License-Identifier: GPL-3.0-or-later
/// @file progress.h  A bar with speed and time left, for anything that takes over a second.
///
/// On a terminal one line is drawn again and again on stderr; elsewhere a plain line appears every
/// ten seconds and at the end. Nothing shows in the first second. One thread draws.

#ifndef NB_BASE_PROGRESS_H
#define NB_BASE_PROGRESS_H
#include <stdbool.h>
#include <stdint.h>

typedef enum nb_progress_unit {
    NB_PROGRESS_BYTES,  ///< Done and total in bytes; the speed in MB/s
    NB_PROGRESS_FRAMES, ///< Done and total in frames; the speed in times real time
    NB_PROGRESS_COUNT   ///< Done and total as they are
} nb_progress_unit;

typedef struct nb_progress {
    char title[64];
    nb_progress_unit unit;
    uint64_t total;
    uint64_t start_done; ///< What was there already: it does not count towards the speed
    unsigned rate_hz;    ///< For frames
    int64_t start_ms;
    int64_t shown_ms;
    bool shown;
    bool terminal;
    bool quiet;
} nb_progress;

/// Start. `total` 0 means unknown: speed, but no bar and no time left. `rate_hz` is for frames.
void nb_progress_start(nb_progress *self, const char *title, nb_progress_unit unit, uint64_t total,
                       unsigned rate_hz);

/// What was done when the work began, as when a cut transfer goes on.
void nb_progress_skip(nb_progress *self, uint64_t done);

/// Say how much is done; draws at most ten times a second.
void nb_progress_update(nb_progress *self, uint64_t done);

/// Clear the bar (a terminal) or say the last line (elsewhere), if anything was shown.
void nb_progress_finish(nb_progress *self, uint64_t done);

#endif // NB_BASE_PROGRESS_H
