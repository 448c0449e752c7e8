// SPDX-License-Identifier: GPL-3.0-or-later
/// @file album_rendering.h  The rendering of a whole album: how far it is, and what came of it.

#ifndef NB_REVIEW_CLI_ALBUM_RENDERING_H
#define NB_REVIEW_CLI_ALBUM_RENDERING_H
#include "review-cli/command.h"
#include "review-cli/farm.h"

/// How many songs are where.
typedef struct nb_album_count {
    size_t total, done, cached, failed, running, waiting;
} nb_album_count;

nb_album_count nb_album_rendering_count(const Nightbus__AlbumRendering *rendering);

/// The one of that number, or the album's newest for 0. NB_E_NOT_FOUND where there is none.
NB_NODISCARD nb_status nb_album_rendering_get(nb_farm *farm, uint64_t number,
                                              Nightbus__Reply **out_reply, nb_error *err);

/// "5 of 12 done, 1 failed; about 3 min left (at 04:12)".
void nb_album_rendering_sum_up(const Nightbus__AlbumRendering *rendering, nb_text *out);

/// As docs/cli.md has it; null without memory.
json_t *nb_album_rendering_to_json(const Nightbus__AlbumRendering *rendering);

/// A line for each song, what failed with its reason, and the sum.
NB_NODISCARD nb_status nb_album_rendering_print(const nb_cli *cli,
                                                const Nightbus__AlbumRendering *rendering,
                                                nb_error *err);

#endif // NB_REVIEW_CLI_ALBUM_RENDERING_H
