// SPDX-License-Identifier: GPL-3.0-or-later
/// @file farm.h  A coordinator of tests: a real server on a real port, with a thread that answers.

#ifndef NB_TESTS_FARM_H
#define NB_TESTS_FARM_H
#include "protocol/client.h"
#include "protocol/server.h"
#include "tests/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum {
    FARM_KEYS_MAX = 8,
    FARM_WAIT_MS = 30000, ///< For what is to come: tests run beside others on busy machines
};

typedef struct farm {
    char folder[64];
    nb_key_pair keys;
    nb_public_key known[FARM_KEYS_MAX];
    atomic_uint known_count;
    nb_blob_store *store;
    nb_server *server;
    pthread_t thread;
    atomic_bool stop;
    atomic_bool silent;  ///< Take requests and answer none
    atomic_bool forgets; ///< Refuse all as NB_E_STALE until the next Hello
    atomic_bool may_write;
    atomic_bool may_read;
    atomic_bool writes_exist; ///< may_write says NB_E_EXISTS
    atomic_bool refuses_syncs;
    atomic_bool gives_task; ///< A Sync of an idle renderer gets task 7
    atomic_bool drops_task; ///< A Sync of a busy one hears that the task is not its any more
    atomic_uint lease_ms;
    atomic_uint busy_count;                 ///< Syncs of busy renderers that were answered
    atomic_uint stopping_count;             ///< Of them, by renderers that drain
    atomic_uint line_count, left_out_count; ///< Lines that came with them; those said to be missing
    atomic_uint refused_line_count;         ///< Lines of Syncs that were refused
    atomic_uint hello_count, stored_count, write_count;
    atomic_int receive_status;
    char control[256]; ///< Kept over a restart, so that clients find it again
    char bulk[256];
} farm;

/// Start one in a new folder under /tmp.
void farm_open(farm *self);
/// Stop the server and its thread; the store stays.
void farm_stop(farm *self);
/// Start the server again at the same ports.
void farm_restart(farm *self);
void farm_close(farm *self);

/// Make a key pair in a file of the farm's folder, known or not, and the address a client needs.
nb_farm_address farm_invite(farm *self, const char *name, bool known);
nb_status farm_connect(const nb_farm_address *address, nb_client **out, nb_error *err);

/// Write `size` bytes of noise that `seed` decides; its digest.
nb_digest farm_write_noise(const char *path, uint64_t size, uint64_t seed);

#endif // NB_TESTS_FARM_H
