// SPDX-License-Identifier: GPL-3.0-or-later
/// @file sessions.h  Who said Hello, and who sends rubbish: two small tables by key.

#ifndef NB_PROTOCOL_SESSIONS_H
#define NB_PROTOCOL_SESSIONS_H
#include "protocol/keys.h"
#include "protocol/limits.h"

#include <stdbool.h>
#include <stdint.h>

/// Sessions of all connections. Any thread may call.
typedef struct nb_sessions nb_sessions;

nb_sessions *nb_sessions_new(void); ///< Null without memory
void nb_sessions_destroy(nb_sessions **self_p);

/// Make one for `key`: random bytes. When the table is full the least recently used one goes; when
/// the key has NB_SESSIONS_KEY_MAX, its own.
NB_NODISCARD nb_status nb_sessions_open(nb_sessions *self, const nb_public_key *key,
                                        uint8_t out_session[NB_SESSION_SIZE], nb_error *err);
/// True if it is open and belongs to `key`; then it is used just now.
bool nb_sessions_use(nb_sessions *self, const nb_public_key *key,
                     const uint8_t session[NB_SESSION_SIZE]);

/// Is it still open? As nb_sessions_use, but no use of it.
bool nb_sessions_has(nb_sessions *self, const nb_public_key *key,
                     const uint8_t session[NB_SESSION_SIZE]);
/// End all sessions of `key`.
void nb_sessions_close(nb_sessions *self, const nb_public_key *key);

enum { NB_FAULT_KEYS = 64 };

/// Bad messages by key, for one socket and its thread. Zero-initialise.
typedef struct nb_faults {
    struct nb_fault {
        nb_public_key key;
        unsigned count;
        int64_t since_ms; ///< Of the first one counted
        int64_t ignored_until_ms;
    } rows[NB_FAULT_KEYS];
} nb_faults;

/// Count a bad message of `key`.
void nb_faults_count(nb_faults *self, const nb_public_key *key, int64_t now_ms);
/// True while messages of `key` are to be dropped unread.
bool nb_faults_ignores(const nb_faults *self, const nb_public_key *key, int64_t now_ms);

#endif // NB_PROTOCOL_SESSIONS_H
