// SPDX-License-Identifier: GPL-3.0-or-later
/// @file arena.h  Memory that is taken in pieces and given back all at once.
///
/// One thread at a time. Every piece is zeroed and aligned to 64 bytes, a cache line and the widest
/// vector register.

#ifndef NB_BASE_ARENA_H
#define NB_BASE_ARENA_H
#include <stdarg.h>
#include <stddef.h>

typedef struct nb_arena nb_arena;

nb_arena *nb_arena_new(void); ///< Null without memory
void nb_arena_destroy(nb_arena **self_p);

/// `count` * `size` zeroed bytes, valid until the arena is destroyed; null without memory, on
/// overflow, and if the arena is null.
void *nb_arena_take(nb_arena *self, size_t count, size_t size);

/// A copy of the string in the arena; null as above.
char *nb_arena_string(nb_arena *self, const char *text);
char *nb_arena_format(nb_arena *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif // NB_BASE_ARENA_H
