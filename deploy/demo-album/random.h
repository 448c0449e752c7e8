// SPDX-License-Identifier: GPL-3.0-or-later
/// @file random.h  The players' small differences, from a fixed seed (splitmix64).

#ifndef NB_DEPLOY_DEMO_ALBUM_RANDOM_H
#define NB_DEPLOY_DEMO_ALBUM_RANDOM_H
#include <stdint.h>

typedef struct nb_random {
    uint64_t state;
} nb_random;

/// A stream of its own for each name: adding a stem changes no other.
nb_random nb_random_named(uint64_t seed, const char *name);

/// In [0, 1).
double nb_random_unit(nb_random *self);

/// In [-1, 1): also white noise.
double nb_random_signed(nb_random *self);

/// About normal, with deviation 1 and never past 3.5: how late a hand comes.
double nb_random_normal(nb_random *self);

#endif // NB_DEPLOY_DEMO_ALBUM_RANDOM_H
