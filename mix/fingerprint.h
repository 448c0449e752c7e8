// SPDX-License-Identifier: GPL-3.0-or-later
/// @file fingerprint.h  What decides an engine's bits besides its input.
///
/// A renderer makes its own at start (renderer/engine), sends it in its first message, and every
/// key has the parts in it that its node depends on. Two renderers with equal fingerprints give
/// equal bits.

#ifndef NB_MIX_FINGERPRINT_H
#define NB_MIX_FINGERPRINT_H
#include "base/digest.h"
#include "base/status.h"

enum { NB_FINGERPRINT_LIBRARIES_MAX = 16, NB_FINGERPRINT_TEXT_MAX = 2000 };

/// One library: its name, its version, and what it does to fixed noise at start.
typedef struct nb_fingerprint_library {
    char name[24];
    char version[40];
    char probe[17]; ///< 16 hex digits
} nb_fingerprint_library;

typedef struct nb_fingerprint {
    unsigned core_revision; ///< Of the engine: graph, sums, clips, writing
    char cpu_class[24];     ///< "x86-64-v3", "x86-64", "aarch64"
    size_t library_count;
    nb_fingerprint_library libraries[NB_FINGERPRINT_LIBRARIES_MAX]; ///< Ascending by name
} nb_fingerprint;

/// One line, as messages and the ledger carry it: "core=1 cpu=x86-64-v3 fftw3f=3.3.10/0123... ...".
NB_NODISCARD nb_status nb_fingerprint_format(const nb_fingerprint *self,
                                             char out[NB_FINGERPRINT_TEXT_MAX], nb_error *err);
NB_NODISCARD nb_status nb_fingerprint_parse(const char *text, nb_fingerprint *out, nb_error *err);

/// Add to a key: the core and the CPU class, then the named libraries (null-terminated, may be
/// null). A library that the fingerprint lacks enters as absent.
void nb_fingerprint_hash(const nb_fingerprint *self, const char *const *libraries,
                         nb_hasher *hasher);

#endif // NB_MIX_FINGERPRINT_H
