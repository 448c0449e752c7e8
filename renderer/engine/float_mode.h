// SPDX-License-Identifier: GPL-3.0-or-later
/// @file float_mode.h  How the processor rounds while samples are made: to nearest, denormals as
/// zero.
///
/// The mode belongs to a thread, and a program may have set its own. So every task enters the
/// engine's mode and leaves it again: the bits are the same on whatever thread a task runs, and a
/// filter ringing into silence is not a hundred times slower.

#ifndef NB_RENDERER_ENGINE_FLOAT_MODE_H
#define NB_RENDERER_ENGINE_FLOAT_MODE_H
#include <stdint.h>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

typedef struct nb_float_mode {
    uint64_t before; ///< What the thread had
} nb_float_mode;

/// Enter the engine's mode.
static inline nb_float_mode nb_float_mode_enter(void)
{
#if defined(__SSE2__)
    // All exceptions masked, round to nearest, flush to zero (bit 15), denormals are zero (bit 6).
    const nb_float_mode mode = {_mm_getcsr()};
    _mm_setcsr(0x1F80U | 0x8000U | 0x0040U);
#elif defined(__aarch64__)
    nb_float_mode mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode.before));
    __asm__ volatile("msr fpcr, %0" : : "r"(UINT64_C(1) << 24)); // FZ, round to nearest
#else
    const nb_float_mode mode = {0};
#endif
    return mode;
}

/// Give the thread its own mode back.
static inline void nb_float_mode_leave(nb_float_mode *self)
{
#if defined(__SSE2__)
    _mm_setcsr((unsigned)self->before);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(self->before));
#else
    (void)self;
#endif
}

/// Be in the engine's mode to the end of the block.
#define NB_IN_FLOAT_MODE                                                                           \
    __attribute__((cleanup(nb_float_mode_leave), unused)) nb_float_mode float_mode =               \
        nb_float_mode_enter()

#endif // NB_RENDERER_ENGINE_FLOAT_MODE_H
