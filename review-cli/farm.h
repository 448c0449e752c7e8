// SPDX-License-Identifier: GPL-3.0-or-later
/// @file farm.h  The farm that a command means, and asking it.

#ifndef NB_REVIEW_CLI_FARM_H
#define NB_REVIEW_CLI_FARM_H
#include "base/status.h"
#include "protocol/client.h"
#include "review-cli/command.h"
#include "review-cli/version_name.h"

#include <stdint.h>

/// A connection that a command uses.
typedef struct nb_farm {
    nb_client *client;
    char *where; ///< As --farm takes it; a file is an absolute path
    char *album; ///< Null where the command needs none
} nb_farm;

void nb_farm_fini(nb_farm *self);

/// Find the farm (--farm, NIGHTBUS_FARM, the album's folder, the farm that `up` last started) and
/// connect. Without the album.
NB_NODISCARD nb_status nb_farm_open(const nb_cli *cli, nb_farm *out, nb_error *err);

/// As nb_farm_open, and find the album: --album, or the folder's.
NB_NODISCARD nb_status nb_farm_open_album(const nb_cli *cli, nb_farm *out, nb_error *err);

/// Send a request and take the reply, which must be of `wanted` kind (a NIGHTBUS__REPLY__BODY_*).
/// Where nobody answers, it is sent again for up to half a minute: a coordinator that died is
/// started again, and every request may be repeated. `extra_wait_ms` as for nb_client_call.
NB_NODISCARD nb_status nb_farm_ask(nb_farm *self, Nightbus__Request *request, int wanted,
                                   int64_t extra_wait_ms, Nightbus__Reply **out_reply,
                                   nb_error *err);

/// True where a transfer may be tried again: the farm may be starting anew. Sleeps a little; false
/// after half a minute from `start_ms` (nb_clock_ms) or on Ctrl-C.
bool nb_farm_may_retry(nb_status status, int64_t start_ms);

/// What the farm knows of a version.
NB_NODISCARD nb_status nb_farm_show(nb_farm *self, const nb_version_name *name,
                                    Nightbus__Reply **out_reply, nb_error *err);

/// The newest revision, or `commit` if not null.
NB_NODISCARD nb_status nb_farm_head(nb_farm *self, const char *commit, Nightbus__Reply **out_reply,
                                    nb_error *err);

/// 16 random bytes that name a request, so that a repeat gets the first answer.
NB_NODISCARD nb_status nb_farm_make_id(uint8_t out[NB_CLIENT_ID_SIZE], nb_error *err);

/// The path of the file that remembers the farm last started by this user; null without a home.
char *nb_farm_last_path(void);

#endif // NB_REVIEW_CLI_FARM_H
