// SPDX-License-Identifier: GPL-3.0-or-later
/// @file plan.h  The order that a renderer gets: which document, which files, which keys to make.
///
/// Travels as a blob of JSON ("nightbus-plan/1"); docs/protocol.md has its keys. The coordinator
/// makes it; the renderer builds the graph itself and refuses a plan whose keys it does not find.

#ifndef NB_MIX_PLAN_H
#define NB_MIX_PLAN_H
#include "base/digest.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { NB_PLAN_FILES_MAX = 20000, NB_PLAN_BYTES_MAX = 8 << 20 };

typedef struct nb_plan_file {
    char *path;
    nb_digest digest;
    uint64_t size;
} nb_plan_file;

typedef struct nb_plan {
    char *album;
    char *song;
    char *version;      ///< "v3"
    char *fingerprint;  ///< As nb_fingerprint_format writes it
    nb_digest document; ///< Blob of the mix document
    uint64_t document_size;
    nb_digest mix_key; ///< Key of the sink "mix"
    size_t file_count;
    nb_plan_file *files;
} nb_plan;

void nb_plan_fini(nb_plan *self);
/// One line of JSON in new memory; null without memory. Equal plans give equal text.
char *nb_plan_format(const nb_plan *self);
NB_NODISCARD nb_status nb_plan_parse(const char *bytes, size_t size, nb_plan *out, nb_error *err);

#endif // NB_MIX_PLAN_H
