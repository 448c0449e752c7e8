// SPDX-License-Identifier: GPL-3.0-or-later
/// @file clock.h  The two clocks: one for leases and progress, one for people.

#ifndef NB_BASE_CLOCK_H
#define NB_BASE_CLOCK_H
#include <stdint.h>

enum { NB_CLOCK_ISO_SIZE = 32 };

/// Milliseconds of CLOCK_BOOTTIME: goes on while the machine sleeps, never jumps. For leases,
/// time-outs, speed.
int64_t nb_clock_ms(void);

/// Microseconds of the same clock. For measuring.
int64_t nb_clock_us(void);

/// Milliseconds since 1970, UTC. For what people read.
int64_t nb_clock_wall_ms(void);

/// Write `wall_ms` as "2026-11-21T09:41:00Z".
void nb_clock_iso(int64_t wall_ms, char out[NB_CLOCK_ISO_SIZE]);

/// Sleep that long; returns early on a signal.
void nb_clock_sleep_ms(int64_t ms);

#endif // NB_BASE_CLOCK_H
