// SPDX-License-Identifier: GPL-3.0-or-later
/// @file seed.h  A coordinator's folder with keys for many renderers and work for all of them.

#ifndef NB_BENCH_LOAD_SEED_H
#define NB_BENCH_LOAD_SEED_H
#include "base/digest.h"
#include "protocol/keys.h"

enum { NB_SEED_OUTPUT_SIZE = 4096 };

/// What every simulated renderer says and gives back.
extern const char nb_seed_fingerprint[];
extern const char nb_seed_album[];
/// The one output blob that all tasks are answered with.
void nb_seed_output(unsigned char out[NB_SEED_OUTPUT_SIZE], nb_digest *out_digest);

/// The key of a task's result: its plan names it, its renderer repeats it.
nb_digest nb_seed_key(uint64_t task);

/// Make DIR/keys: a pair for each renderer, the owner's last, and the list of those let in.
NB_NODISCARD nb_status nb_seed_keys(const char *folder, nb_key_pair *pairs, unsigned node_count,
                                    nb_error *err);

/// Queue `count` tasks, each with its job and its plan, in a ledger that has the album. No
/// coordinator may run on the folder.
NB_NODISCARD nb_status nb_seed_tasks(const char *folder, unsigned count, nb_error *err);

/// Tasks that are done with one accepted attempt each, and attempts in all.
NB_NODISCARD nb_status nb_seed_count(const char *folder, uint64_t *out_done, uint64_t *out_attempts,
                                     nb_error *err);

#endif // NB_BENCH_LOAD_SEED_H
