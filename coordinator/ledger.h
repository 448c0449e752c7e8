// SPDX-License-Identifier: GPL-3.0-or-later
/// @file ledger.h  What the farm knows besides the albums themselves: keys, which blobs belong to
/// which album, answered requests, jobs, tasks, attempts, results. docs/store-format.md has the
/// tables.
///
/// A ledger is a connection and belongs to one thread at a time; open another for another thread.
/// Every change is on disk when its function returns, alone or with the others of its transaction.

#ifndef NB_COORDINATOR_LEDGER_H
#define NB_COORDINATOR_LEDGER_H
#include "base/digest.h"
#include "base/status.h"
#include "coordinator/roles.h"
#include "coordinator/scheduler.h"
#include "protocol/keys.h"
#include "protocol/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NB_PIN_MS = 24 * 60 * 60 * 1000, ///< How long an uploaded blob waits for its push
    NB_TASK_LINES_MAX = 5000,        ///< Log lines kept of a task; the oldest go
    NB_SONG_SIZE = 65,
    NB_ALBUM_SIZE = 65,
    NB_NAME_SIZE = 201,
    NB_COMMIT_SIZE = 41,
    NB_VERSION_SIZE = 12, ///< "v2147483647"
};

/// A version's name as one number: 3 for "v3", -1 for the master "m1"; 0 for what is no version.
int64_t nb_version_number(const char *name);
/// The name of that number.
void nb_version_name(int64_t number, char out[NB_VERSION_SIZE]);

/// How long the files of a rendering are kept that nobody approved or mastered: 90 days. They can
/// be made again under the same fingerprint.
static const int64_t nb_output_kept_ms = INT64_C(90) * 24 * 60 * 60 * 1000;

typedef struct nb_ledger nb_ledger;

/// Open the ledger, creating or checking its tables. NB_E_VERSION if a newer program made it.
NB_NODISCARD nb_status nb_ledger_open(const char *path, nb_ledger **out_ledger, nb_error *err);
void nb_ledger_close(nb_ledger **self_p);

/// All or nothing: what is written between begin and end. `end` commits when `status` is NB_OK.
NB_NODISCARD nb_status nb_ledger_begin(nb_ledger *self, nb_error *err);
NB_NODISCARD nb_status nb_ledger_end(nb_ledger *self, nb_status status, nb_error *err);
/// Transactions committed through this connection.
uint64_t nb_ledger_commits(const nb_ledger *self);

// ---- Keys (members.h has the rest) ----

/// Whose key it is, and what that person or renderer may do on the whole farm.
typedef struct nb_member {
    char name[NB_NAME_SIZE];
    unsigned roles; ///< NB_ROLE_..., those that hold everywhere
    bool local;     ///< A renderer of this machine that may read the store itself
} nb_member;

/// Enrol a key. Roles are its holder's, but for NB_ROLE_RENDERER, which is the key's alone: who
/// holds such a key has no other role. A key that was revoked stays so.
NB_NODISCARD nb_status nb_ledger_put_member(nb_ledger *self, const nb_public_key *key,
                                            const nb_member *member, nb_error *err);
/// NB_E_PERMISSION if the key is not known, or was revoked.
NB_NODISCARD nb_status nb_ledger_get_member(nb_ledger *self, const nb_public_key *key,
                                            nb_member *out, nb_error *err);

// ---- Albums ----

typedef struct nb_album_row {
    char name[NB_ALBUM_SIZE];
    int64_t created_ms;
    char settled[NB_COMMIT_SIZE]; ///< Tags and jobs are made up to this commit; "" for none
} nb_album_row;

NB_NODISCARD nb_status nb_ledger_add_album(nb_ledger *self, const char *name, int64_t created_ms,
                                           nb_error *err);
/// NB_E_NOT_FOUND in words that a person can use.
NB_NODISCARD nb_status nb_ledger_get_album(nb_ledger *self, const char *name, nb_album_row *out,
                                           nb_error *err);
/// At most NB_ROWS_MAX albums behind `after` ("" for the first), by name. The caller frees
/// *out_rows.
NB_NODISCARD nb_status nb_ledger_list_albums(nb_ledger *self, const char *after,
                                             nb_album_row **out_rows, size_t *out_count,
                                             nb_error *err);
NB_NODISCARD nb_status nb_ledger_set_settled(nb_ledger *self, const char *album, const char *commit,
                                             nb_error *err);

// ---- Blobs ----

/// The blob belongs to the album: kept until `pinned_until_ms` at least, or for good once `kept`.
NB_NODISCARD nb_status nb_ledger_pin_blob(nb_ledger *self, const char *album,
                                          const nb_digest *digest, uint64_t size,
                                          int64_t pinned_until_ms, nb_error *err);
NB_NODISCARD nb_status nb_ledger_keep_blob(nb_ledger *self, const char *album,
                                           const nb_digest *digest, uint64_t size, nb_error *err);
/// Does the blob belong to the album? NB_E_NOT_FOUND if not.
NB_NODISCARD nb_status nb_ledger_get_blob(nb_ledger *self, const char *album,
                                          const nb_digest *digest, uint64_t *out_size,
                                          nb_error *err);
/// Does anything refer to the blob: an album, a result, the plan of an open task?
NB_NODISCARD nb_status nb_ledger_is_needed(nb_ledger *self, const nb_digest *digest, int64_t now_ms,
                                           bool *out_needed, nb_error *err);

// ---- Requests that were answered ----

/// The first answer to this client's request, in new memory; null where there was none.
NB_NODISCARD nb_status nb_ledger_get_answer(nb_ledger *self,
                                            const uint8_t client_id[NB_CLIENT_ID_SIZE],
                                            const char *kind, const char *album, void **out_bytes,
                                            size_t *out_size, nb_error *err);
NB_NODISCARD nb_status nb_ledger_put_answer(nb_ledger *self,
                                            const uint8_t client_id[NB_CLIENT_ID_SIZE],
                                            const char *kind, const char *album, const void *bytes,
                                            size_t size, int64_t now_ms, nb_error *err);
/// Forget answers older than `before_ms`, and pins that ran out.
NB_NODISCARD nb_status nb_ledger_prune(nb_ledger *self, int64_t before_ms, int64_t now_ms,
                                       nb_error *err);

#endif // NB_COORDINATOR_LEDGER_H
