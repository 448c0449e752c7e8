// SPDX-License-Identifier: GPL-3.0-or-later
/// @file digest.h  SHA-256, the name of every blob and the key of every edge (libcrypto).

#ifndef NB_BASE_DIGEST_H
#define NB_BASE_DIGEST_H
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NB_DIGEST_SIZE = 32, NB_DIGEST_HEX_SIZE = 65 };

typedef struct nb_digest {
    uint8_t bytes[NB_DIGEST_SIZE];
} nb_digest;

bool nb_digest_equal(const nb_digest *a, const nb_digest *b);
bool nb_digest_is_zero(const nb_digest *self);
int nb_digest_compare(const nb_digest *a, const nb_digest *b);

/// Write 64 lower-case hex digits and a null.
void nb_digest_to_hex(const nb_digest *self, char out[NB_DIGEST_HEX_SIZE]);

/// Read exactly 64 lower-case hex digits; anything else is NB_E_INVALID.
NB_NODISCARD nb_status nb_digest_from_hex(const char *hex, nb_digest *out, nb_error *err);

/// Take `size` bytes, which must be 32, as they came in a message.
NB_NODISCARD nb_status nb_digest_from_bytes(const void *bytes, size_t size, nb_digest *out,
                                            nb_error *err);

/// The digest of `size` bytes. Ends the process only if libcrypto has no SHA-256 at all.
nb_digest nb_digest_of(const void *bytes, size_t size);

/// Digest and size of a file's bytes. `out_size` may be null.
NB_NODISCARD nb_status nb_digest_of_file(const char *path, nb_digest *out, uint64_t *out_size,
                                         nb_error *err);

/// Does the file hold these bytes? It is read only where its size is right. False where it can't
/// be.
bool nb_digest_is_of_file(const nb_digest *self, uint64_t size, const char *path);

/// A running digest.
typedef struct nb_hasher nb_hasher;

nb_hasher *nb_hasher_new(void); ///< Never null, as nb_digest_of
void nb_hasher_destroy(nb_hasher **self_p);
void nb_hasher_add(nb_hasher *self, const void *bytes, size_t size);
/// Numbers enter as eight bytes, little end first; strings with their length before them, so that
/// no two different sequences of fields give the same bytes.
void nb_hasher_add_u64(nb_hasher *self, uint64_t value);
void nb_hasher_add_i64(nb_hasher *self, int64_t value);
void nb_hasher_add_double(nb_hasher *self, double value); ///< By its bits; -0 counts as 0
void nb_hasher_add_string(nb_hasher *self, const char *text);
void nb_hasher_add_digest(nb_hasher *self, const nb_digest *digest);
/// The digest of all that was added; the hasher starts again at nothing.
nb_digest nb_hasher_finish(nb_hasher *self);

#endif // NB_BASE_DIGEST_H
