// SPDX-License-Identifier: GPL-3.0-or-later
/// @file keys.h  CURVE key pairs in files, mode 0600.

#ifndef NB_PROTOCOL_KEYS_H
#define NB_PROTOCOL_KEYS_H
#include "base/status.h"

#include <stdint.h>

enum { NB_KEY_SIZE = 32, NB_KEY_TEXT_SIZE = 41 };

/// A public key as ZeroMQ writes it (Z85, 40 characters) and people copy it.
typedef struct nb_public_key {
    char text[NB_KEY_TEXT_SIZE];
} nb_public_key;

typedef struct nb_key_pair {
    nb_public_key public_key;
    char secret_text[NB_KEY_TEXT_SIZE];
} nb_key_pair;

NB_NODISCARD nb_status nb_key_pair_make(nb_key_pair *out, nb_error *err);

/// Write to a file of mode 0600 that must not exist yet; read one back. Reading refuses a file that
/// others may read, with the chmod that mends it.
NB_NODISCARD nb_status nb_key_pair_save(const nb_key_pair *self, const char *path, nb_error *err);
NB_NODISCARD nb_status nb_key_pair_load(const char *path, nb_key_pair *out, nb_error *err);

/// Load the pair at `path`, or make and save one if there is none.
NB_NODISCARD nb_status nb_key_pair_ensure(const char *path, nb_key_pair *out, nb_error *err);

/// 64 hex digits, for addresses: Z85 has characters that shells and URLs mind.
NB_NODISCARD nb_status nb_public_key_to_hex(const nb_public_key *self, char out[65], nb_error *err);
NB_NODISCARD nb_status nb_public_key_from_hex(const char *hex, nb_public_key *out, nb_error *err);

/// The 32 bytes that messages carry.
NB_NODISCARD nb_status nb_public_key_to_bytes(const nb_public_key *self, uint8_t out[NB_KEY_SIZE],
                                              nb_error *err);
void nb_public_key_from_bytes(const uint8_t bytes[NB_KEY_SIZE], nb_public_key *out);

#endif // NB_PROTOCOL_KEYS_H
