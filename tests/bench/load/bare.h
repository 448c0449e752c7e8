// SPDX-License-Identifier: GPL-3.0-or-later
/// @file bare.h  The yardstick of transfers: ZeroMQ with CURVE and nothing else.

#ifndef NB_BENCH_LOAD_BARE_H
#define NB_BENCH_LOAD_BARE_H
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

/// Send `size` bytes of memory in messages of 1 MiB from one process to another over loopback. The
/// other writes them to a file at `path`, or drops them where it is null. The seconds until the
/// last one was there.
NB_NODISCARD nb_status nb_bare_loop(uint64_t size, const char *path, double *out_seconds,
                                    nb_error *err);

#endif // NB_BENCH_LOAD_BARE_H
