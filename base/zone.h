// SPDX-License-Identifier: GPL-3.0-or-later
/// @file zone.h  Named time zones, read from the system's zone files (TZif, RFC 8536).
///
/// Not by TZ and localtime_r: the environment belongs to the whole process, and other threads read
/// it. A zone is immutable once loaded.

#ifndef NB_BASE_ZONE_H
#define NB_BASE_ZONE_H
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { NB_ZONE_NAME_SIZE = 65, NB_ZONE_FILE_MAX = 64 << 10 };

typedef struct nb_zone nb_zone;

/// Load "Europe/Berlin" from the system's zone files. NB_E_NOT_FOUND for a name that is none.
NB_NODISCARD nb_status nb_zone_load(const char *name, nb_zone **out_zone, nb_error *err);
/// Read the bytes of a zone file. `name` is for errors. NB_E_CORRUPT for what is no TZif.
NB_NODISCARD nb_status nb_zone_parse(const char *name, const void *bytes, size_t size,
                                     nb_zone **out_zone, nb_error *err);
void nb_zone_destroy(nb_zone **self_p);

/// Seconds that local time is ahead of UTC at that moment (seconds since 1970).
int32_t nb_zone_offset(const nb_zone *self, int64_t utc_s);

#endif // NB_BASE_ZONE_H
