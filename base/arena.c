// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, BLOCK_SIZE = 64 * 1024 };

typedef struct block {
    struct block *next;
    size_t size;
    size_t used;
} block;

struct nb_arena {
    block *blocks; // the newest first
    size_t left;   // bytes that may still be taken from the system
    bool over_limit;
};

static size_t round_up(size_t size) { return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1); }

nb_arena *nb_arena_new(void) { return nb_arena_new_limited(SIZE_MAX); }

nb_arena *nb_arena_new_limited(size_t bytes_max)
{
    nb_arena *self = calloc(1, sizeof *self);
    if (self) {
        self->left = bytes_max;
    }
    return self;
}

bool nb_arena_is_over_limit(const nb_arena *self) { return self && self->over_limit; }

void nb_arena_destroy(nb_arena **self_p)
{
    if (!*self_p) {
        return;
    }
    for (block *at = (*self_p)->blocks; at;) {
        block *next = at->next;
        free(at);
        at = next;
    }
    free(*self_p);
    *self_p = NULL;
}

static block *add_block(nb_arena *self, size_t size)
{
    const size_t header = round_up(sizeof(block));
    const size_t capacity = size > BLOCK_SIZE ? size : BLOCK_SIZE;
    if (header + capacity > self->left) {
        self->over_limit = true;
        return NULL;
    }
    block *fresh = aligned_alloc(ALIGNMENT, header + capacity);
    if (!fresh) {
        return NULL;
    }
    self->left -= header + capacity;
    *fresh = (block){self->blocks, capacity, 0};
    self->blocks = fresh;
    return fresh;
}

void *nb_arena_take(nb_arena *self, size_t count, size_t size)
{
    size_t bytes;
    if (!self || __builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 4) {
        return NULL;
    }
    bytes = round_up(bytes ? bytes : 1);
    block *at = self->blocks;
    if (!at || at->size - at->used < bytes) {
        at = add_block(self, bytes);
    }
    if (!at) {
        return NULL;
    }
    void *piece = (char *)at + round_up(sizeof(block)) + at->used;
    at->used += bytes;
    return memset(piece, 0, bytes);
}

char *nb_arena_string(nb_arena *self, const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = nb_arena_take(self, size, 1);
    return copy ? memcpy(copy, text, size) : NULL;
}

char *nb_arena_format(nb_arena *self, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : nb_arena_take(self, (size_t)length + 1, 1);
    if (text) {
        vsnprintf(text, (size_t)length + 1, format, again);
    }
    va_end(again);
    return text;
}
