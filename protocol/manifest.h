// SPDX-License-Identifier: GPL-3.0-or-later
/// @file manifest.h  The files of one album revision: path, digest, size. Travels as a blob of JSON
/// ("nightbus-manifest/1"); docs/protocol.md has its keys.

#ifndef NB_PROTOCOL_MANIFEST_H
#define NB_PROTOCOL_MANIFEST_H
#include "base/digest.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NB_MANIFEST_FILES_MAX = 20000,
    NB_MANIFEST_BYTES_MAX = 8 << 20,
    NB_MANIFEST_DOCUMENT_BYTES_MAX = 4 << 20, ///< A document kept as a git blob
};

typedef struct nb_manifest_file {
    char *path;
    nb_digest digest;
    uint64_t size;
} nb_manifest_file;

/// Zero-initialise; nb_manifest_fini frees. Files ascend by path.
typedef struct nb_manifest {
    size_t file_count;
    nb_manifest_file *files;
} nb_manifest;

void nb_manifest_fini(nb_manifest *self);
NB_NODISCARD nb_status nb_manifest_add(nb_manifest *self, const char *path, const nb_digest *digest,
                                       uint64_t size, nb_error *err);
const nb_manifest_file *nb_manifest_find(const nb_manifest *self, const char *path);
/// Sorts, then writes one line of JSON in new memory; null without memory.
char *nb_manifest_format(nb_manifest *self);
/// Checks paths (nb_text_check_path), duplicates (also case-folded), counts, sizes.
NB_NODISCARD nb_status nb_manifest_parse(const char *bytes, size_t size, nb_manifest *out,
                                         nb_error *err);

/// True for what git keeps as text (.yaml .yml .md .txt .json); all else is kept as a Git LFS
/// pointer. The same rule stands in the album's .gitattributes.
bool nb_manifest_is_document(const char *path);

#endif // NB_PROTOCOL_MANIFEST_H
