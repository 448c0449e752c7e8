// SPDX-License-Identifier: GPL-3.0-or-later
/// @file version_name.h  How people name a version: "night@v3", "night@m1", "night".

#ifndef NB_REVIEW_CLI_VERSION_NAME_H
#define NB_REVIEW_CLI_VERSION_NAME_H
#include "base/status.h"

#include <stdbool.h>

enum { NB_VERSION_NAME_SONG_SIZE = 65, NB_VERSION_NAME_VERSION_SIZE = 16 };

typedef struct nb_version_name {
    char song[NB_VERSION_NAME_SONG_SIZE];
    char version[NB_VERSION_NAME_VERSION_SIZE]; ///< "v3", "m1", "latest", "approved", "master"
} nb_version_name;

/// Read "SONG@vN", "SONG@mN" (a master), "SONG@latest" or "SONG" (the newest mix), "SONG@approved"
/// (the newest approved mix), "SONG@master" (the newest master).
NB_NODISCARD nb_status nb_version_name_parse(const char *text, nb_version_name *out, nb_error *err);

/// "m1" or "master".
bool nb_version_name_is_master(const nb_version_name *self);

#endif // NB_REVIEW_CLI_VERSION_NAME_H
