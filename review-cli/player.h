// SPDX-License-Identifier: GPL-3.0-or-later
/// @file player.h  The program that plays audio on this machine: mpv, else ffplay.

#ifndef NB_REVIEW_CLI_PLAYER_H
#define NB_REVIEW_CLI_PLAYER_H
#include "base/status.h"

/// Zero-initialise; nb_player_fini frees.
typedef struct nb_player {
    const char *name; ///< "mpv"
    char *path;
} nb_player;

void nb_player_fini(nb_player *self);

/// Look for one on PATH. NB_E_NOT_FOUND says what to install.
NB_NODISCARD nb_status nb_player_find(nb_player *out, nb_error *err);

/// Play the file from `start_s` on and wait until it is over. Ctrl-C reaches the player, which ends
/// in its own way; we go on behind it.
NB_NODISCARD nb_status nb_player_run(const nb_player *self, const char *file, double start_s,
                                     nb_error *err);

#endif // NB_REVIEW_CLI_PLAYER_H
