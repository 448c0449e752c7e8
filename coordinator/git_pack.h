// SPDX-License-Identifier: GPL-3.0-or-later
/// @file git_pack.h  Many git objects and tags written with a handful of flushes.
///
/// A loose object costs a flush of its file and one of its folder, a tag as many again: a push of
/// two hundred songs took seconds in which nobody else was heard. So what a large push makes is
/// held in memory first and becomes one pack, and its tags become lines of packed-refs. Both are
/// flushed before they take their names.

#ifndef NB_COORDINATOR_GIT_PACK_H
#define NB_COORDINATOR_GIT_PACK_H
#include "coordinator/revisions_private.h"

enum { NB_PACK_LEAST = 24 }; ///< Fewer new files or tags stay loose: a pack for each would be many

/// The repository once more, where new objects stay in memory. Zero-initialise.
typedef struct nb_git_pack {
    const nb_revisions *revisions;
    nb_revisions view; ///< To write objects through; only its `repo` and `store` are its own
} nb_git_pack;

NB_NODISCARD nb_status nb_git_pack_open(const nb_revisions *revisions, nb_git_pack *out,
                                        nb_error *err);
void nb_git_pack_close(nb_git_pack *self);

/// Write these objects, commits with all that they hold, as one pack into the repository.
NB_NODISCARD nb_status nb_git_pack_write(const nb_git_pack *self, const git_oid *ids, size_t count,
                                         nb_error *err);

/// A tag for packed-refs.
typedef struct nb_git_tag_line {
    char name[NB_SONG_SIZE + 32]; ///< "refs/tags/night/v3"
    git_oid tag, target;
} nb_git_tag_line;

/// Put new tags into packed-refs, all or none. Sorts `tags`.
NB_NODISCARD nb_status nb_git_pack_tags(const nb_revisions *revisions, nb_git_tag_line *tags,
                                        size_t count, nb_error *err);

#endif // NB_COORDINATOR_GIT_PACK_H
