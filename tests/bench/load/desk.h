// SPDX-License-Identifier: GPL-3.0-or-later
/// @file desk.h  The person of a benchmark: a client with the owner's key, and an album.

#ifndef NB_BENCH_LOAD_DESK_H
#define NB_BENCH_LOAD_DESK_H
#include "coordinator_process.h"
#include "protocol/client.h"

/// Connect with the key pair in DIR/desk.key.
NB_NODISCARD nb_status nb_desk_connect(const char *control, const nb_public_key *server,
                                       const char *folder, nb_client **out_client, nb_error *err);

/// Save the pair as DIR/desk.key, connect, and make the album nb_seed_album.
NB_NODISCARD nb_status nb_desk_open(const nb_coordinator_process *coordinator, const char *folder,
                                    const nb_key_pair *pair, nb_client **out_client, nb_error *err);

/// Make the album nb_seed_album.
NB_NODISCARD nb_status nb_desk_make_album(nb_client *client, nb_error *err);

/// A small question and its answer.
NB_NODISCARD nb_status nb_desk_ask(nb_client *client, nb_error *err);

#endif // NB_BENCH_LOAD_DESK_H
