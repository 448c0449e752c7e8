// SPDX-License-Identifier: GPL-3.0-or-later
/// @file desk.h  An album's desk at the prompt: each song's newest versions, what waits for whom,
/// and the renders that run.

#ifndef NB_REVIEW_CLI_DESK_H
#define NB_REVIEW_CLI_DESK_H
#include "base/json.h"
#include "review-cli/farm.h"

/// What the farm knows of one album. Zero-initialise; nb_desk_fini frees.
typedef struct nb_desk {
    char *album;
    size_t page_count;
    Nightbus__Reply **pages; ///< VersionListings
    Nightbus__Reply *jobs;   ///< A JobListing of all albums
} nb_desk;

void nb_desk_fini(nb_desk *self);

/// Ask the farm for the album's desk.
NB_NODISCARD nb_status nb_desk_fetch(nb_farm *farm, const char *album, nb_desk *out, nb_error *err);

/// The songs as a table, then the renders that are waiting or running.
void nb_desk_print(const nb_desk *self, bool colour, nb_text *out);

/// `songs[]` and `renders[]`, set in `object`. False without memory.
bool nb_desk_to_json(const nb_desk *self, json_t *object);

#endif // NB_REVIEW_CLI_DESK_H
