// SPDX-License-Identifier: GPL-3.0-or-later
/// @file arena.h  Memory that is taken in pieces and given back all at once.
///
/// One thread at a time. Every piece is zeroed and aligned to 64 bytes, a cache line and the widest
/// vector register.

#ifndef NB_BASE_ARENA_H
#define NB_BASE_ARENA_H
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct nb_arena nb_arena;

nb_arena *nb_arena_new(void); ///< Null without memory
/// As above, with `bytes_max` bytes to give at most; what would go beyond is refused with null.
nb_arena *nb_arena_new_limited(size_t bytes_max);
void nb_arena_destroy(nb_arena **self_p);

/// Was a piece refused because of the arena's limit? False for null.
bool nb_arena_is_over_limit(const nb_arena *self);

/// `count` * `size` zeroed bytes, valid until the arena is destroyed; null without memory, on
/// overflow, and if the arena is null.
void *nb_arena_take(nb_arena *self, size_t count, size_t size);

/// A copy of the string in the arena; null as above.
char *nb_arena_string(nb_arena *self, const char *text);
char *nb_arena_format(nb_arena *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif // NB_BASE_ARENA_H
