// SPDX-License-Identifier: GPL-3.0-or-later
#include "deploy/demo-album/random.h"

static uint64_t next(nb_random *self)
{
    self->state += 0x9e3779b97f4a7c15u;
    uint64_t mixed = self->state;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

nb_random nb_random_named(uint64_t seed, const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u ^ seed; // FNV-1a
    for (const char *at = name; *at; at++) {
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
    }
    return (nb_random){hash};
}

double nb_random_unit(nb_random *self) { return (double)(next(self) >> 11) * 0x1p-53; }

double nb_random_signed(nb_random *self) { return 2.0 * nb_random_unit(self) - 1.0; }

double nb_random_normal(nb_random *self)
{
    // Four uniform numbers have a variance of 4/3 together.
    double sum = 0.0;
    for (int i = 0; i < 4; i++) {
        sum += nb_random_signed(self);
    }
    return sum * 0.8660254037844386;
}
