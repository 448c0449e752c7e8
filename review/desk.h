// SPDX-License-Identifier: GPL-3.0-or-later
/// @file desk.h  What waits for whom: from where a song's newest mix and its newest master stand.

#ifndef NB_REVIEW_DESK_H
#define NB_REVIEW_DESK_H
#include "review/decisions.h"

#include <stdbool.h>

typedef enum nb_desk_who {
    NB_DESK_NOBODY, ///< All is done
    NB_DESK_FARM,
    NB_DESK_ENGINEER,
    NB_DESK_ARTIST,
    NB_DESK_MASTERING,
} nb_desk_who;

/// One version, as the desk sees it. Strings are borrowed.
typedef struct nb_desk_version {
    const char *name; ///< "v5", "m1"
    bool rendered;
    bool failed; ///< Its rendering
    nb_standing standing;
    unsigned open_notes;
    const char *mix; ///< Of a master: the mix it is of
} nb_desk_version;

/// A song; null where it has no such version.
typedef struct nb_desk_song {
    const nb_desk_version *mix;    ///< The newest
    const nb_desk_version *master; ///< The newest
} nb_desk_song;

enum { NB_DESK_WHAT_SIZE = 96 };

/// What waits, and for whom.
typedef struct nb_desk_wait {
    nb_desk_who who;
    char what[NB_DESK_WHAT_SIZE]; ///< "2 open notes on v5", "a decision on v5", "a master of v4"
} nb_desk_wait;

nb_desk_wait nb_desk_waits(const nb_desk_song *song);

/// "engineer", "artist", "mastering", "farm", "nobody".
const char *nb_desk_who_name(nb_desk_who who);

#endif // NB_REVIEW_DESK_H
