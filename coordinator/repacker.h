// SPDX-License-Identifier: GPL-3.0-or-later
/// @file repacker.h  Loose git objects into packs, by a thread of its own.
///
/// Each note leaves three or four loose objects. Where an album has many, they go into one pack:
/// that has its name, flushed, before the first of them is removed, so a crash at any moment leaves
/// every object readable in one of the two places, by us and by any git. Comparing objects for
/// their differences takes seconds, hence the thread. It works on no album while a backup runs, and
/// not while words are erased: a pack made meanwhile would keep them.

#ifndef NB_COORDINATOR_REPACKER_H
#define NB_COORDINATOR_REPACKER_H
#include "base/status.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NB_REPACK_LEAST = 1000,     ///< Fewer loose objects stay: a pack for each few would be many
    NB_REPACK_MOST = 20000,     ///< In one pack; the others go into the next
    NB_REPACK_EVERY_MS = 60000, ///< How often the albums are looked through
};

/// Pack the loose objects of the repository at `path`, where they are `least` or more.
/// `*out_count` is how many went, 0 where they were fewer. Once `*stop` is true it ends with
/// NB_E_INTERRUPTED, and nothing has changed. nb_revisions_start must have been called.
NB_NODISCARD nb_status nb_repack(const char *path, size_t least, atomic_bool *stop,
                                 size_t *out_count, nb_error *err);

typedef struct nb_repacker nb_repacker;

/// Start the thread that looks through the albums of the data folder `data`.
NB_NODISCARD nb_status nb_repacker_new(const char *data, int64_t every_ms,
                                       nb_repacker **out_repacker, nb_error *err);
/// End it, without waiting for a pack that is being made. Null is fine.
void nb_repacker_destroy(nb_repacker **self_p);

/// Give up the pack that is being made, and make none until nb_repacker_resume.
void nb_repacker_hold(nb_repacker *self);
void nb_repacker_resume(nb_repacker *self);

#endif // NB_COORDINATOR_REPACKER_H
