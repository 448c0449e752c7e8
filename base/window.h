// SPDX-License-Identifier: GPL-3.0-or-later
/// @file window.h  Hours of the day with a named time zone: "22:00-06:00 Europe/Berlin".
///
/// What counts is the clock on the wall there. Where summer time takes an hour away, a window that
/// begins in it begins when the clock has jumped; where an hour comes twice, it counts twice.

#ifndef NB_BASE_WINDOW_H
#define NB_BASE_WINDOW_H
#include "base/status.h"
#include "base/zone.h"

#include <stdbool.h>
#include <stdint.h>

enum { NB_WINDOW_TEXT_SIZE = 88 };

typedef struct nb_window {
    nb_zone *zone;
    int from_min, to_min; ///< Minutes of the day; `to` is outside, and before `from` over midnight
} nb_window;

/// Read "HH:MM-HH:MM ZONE". NB_E_INVALID says what is expected.
NB_NODISCARD nb_status nb_window_parse(const char *text, nb_window *out, nb_error *err);
void nb_window_fini(nb_window *self);

bool nb_window_is_open(const nb_window *self, int64_t wall_ms);

/// When it opens or closes next, in wall milliseconds; at most two days ahead.
int64_t nb_window_next_ms(const nb_window *self, int64_t wall_ms);

#endif // NB_BASE_WINDOW_H
