// SPDX-License-Identifier: GPL-3.0-or-later
/// @file notes.h  The notes of a version, of a song or of an album, fetched page by page; told, and
/// as markers.

#ifndef NB_REVIEW_CLI_NOTES_H
#define NB_REVIEW_CLI_NOTES_H
#include "base/json.h"
#include "base/status.h"
#include "review-cli/farm.h"
#include "review-cli/version_name.h"
#include "review/markers.h"

#include <stdbool.h>

/// Notes as one JSON array (docs/cli.md), each with its replies. Zero-initialise; nb_notes_fini
/// frees.
typedef struct nb_notes {
    json_t *rows;
    char version[64];  ///< What "latest" was; "" for more than one version
    double duration_s; ///< Of the version; below 0 before it is rendered
    unsigned rate_hz;  ///< Of the version; 0 for more than one
} nb_notes;

void nb_notes_fini(nb_notes *self);

/// The notes of a version; of the newest versions of all songs for a null `name`.
NB_NODISCARD nb_status nb_notes_fetch(nb_farm *farm, const nb_version_name *name, nb_notes *out,
                                      nb_error *err);
/// Every note of the song, or of all songs.
NB_NODISCARD nb_status nb_notes_fetch_all(nb_farm *farm, const nb_version_name *name, nb_notes *out,
                                          nb_error *err);
/// The notes of an answer.
NB_NODISCARD nb_status nb_notes_take(const Nightbus__NoteListing *listing, nb_notes *out,
                                     nb_error *err);

/// Sort by song, then place.
void nb_notes_sort(nb_notes *self);
/// Keep the notes whose member `key` is `value` (a string; capitals do not matter).
void nb_notes_keep(nb_notes *self, const char *key, const char *value);
/// Take out what was deleted or erased.
void nb_notes_drop_gone(nb_notes *self);

/// "1:32.500" or "1:32.000-1:40.000": where a note is.
enum { NB_NOTES_PLACE_SIZE = 2 * NB_TEXT_TIME_SIZE + 2 };
void nb_notes_format_place(const json_t *row, char out[NB_NOTES_PLACE_SIZE]);

/// A note's text and, in brackets, what else there is to it: its track, the version it came from,
/// what became of it. Null without memory.
char *nb_notes_words(const json_t *row);

/// A note's words as a marker has them: with its track, and its replies behind them. Null without
/// memory.
char *nb_notes_marker_text(const json_t *row);

/// Lines become one, with " / " between them: for tables. In new memory, null without it.
char *nb_notes_one_line(const char *text);

/// The notes as markers, by place, their texts safe to print.
NB_NODISCARD nb_status nb_notes_to_markers(const nb_notes *self, nb_markers *out, nb_error *err);

#endif // NB_REVIEW_CLI_NOTES_H
