// SPDX-License-Identifier: GPL-3.0-or-later
/// @file trust.h  keys/trusted.json: whose keys the farm knows, and what they may do.

#ifndef NB_REVIEW_CLI_TRUST_H
#define NB_REVIEW_CLI_TRUST_H
#include "base/json.h"
#include "base/status.h"

#include <stdbool.h>

enum { NB_TRUST_NAME_SIZE = 201 };

/// Zero-initialise; nb_trust_fini frees.
typedef struct nb_trust {
    char *folder; ///< keys/
    json_t *rows; ///< [{"name", "roles": [...], "key": hex, "local": true}]
    bool changed; ///< There is something to write
} nb_trust;

/// Read FOLDER/trusted.json; absent is empty.
NB_NODISCARD nb_status nb_trust_open(const char *folder, nb_trust *out, nb_error *err);
void nb_trust_fini(nb_trust *self);

/// See that FOLDER/`file` holds a key pair and that its public key has a row. A key that has one
/// keeps its name and roles: somebody may have changed them.
NB_NODISCARD nb_status nb_trust_ensure(nb_trust *self, const char *file, const char *name,
                                       const char *role, nb_error *err);

/// Write it back, mode 0600, if it changed: a start on a full disk needs no room for it.
NB_NODISCARD nb_status nb_trust_save(const nb_trust *self, nb_error *err);

/// Who sits here: git's user.name, else $USER, else "owner".
void nb_trust_person_here(char out[NB_TRUST_NAME_SIZE]);

#endif // NB_REVIEW_CLI_TRUST_H
