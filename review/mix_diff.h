// SPDX-License-Identifier: GPL-3.0-or-later
/// @file mix_diff.h  What changed from one mix to another: found by id, told in the words of the
/// desk, and as JSON that turns the one into the other.
///
/// Works on models (mix_model.h), so the tables of documents and processors say what there is: a
/// new processor needs nothing here.

#ifndef NB_REVIEW_MIX_DIFF_H
#define NB_REVIEW_MIX_DIFF_H
#include "base/text.h"
#include "review/mix_model.h"

#define NB_MIX_DIFF_FORMAT "nightbus-diff/1"

enum {
    /// A patch from outside: two of the largest documents written out, with all their points.
    NB_MIX_DIFF_BYTES_MAX = 64 << 20,
    NB_MIX_CHANGES_MAX = 1000000
};

/// One value that is otherwise.
typedef struct nb_mix_change {
    nb_mix_section section;
    const char *path; ///< Borrowed from a model
    json_t *before;   ///< Null: was not there, or stood at its default
    json_t *after;    ///< Null: is not there any more, or stands at its default
    bool has_key;     ///< `key` says what the path names: sections value and lane
    nb_mix_key key;
    /// False where it cannot be heard: a name, an order, a file renamed with the same bytes.
    bool sound;
    // The place among the changes: strips in the order of the document, then clips by time,
    // inserts in the order of the signal, sends, lanes.
    size_t strip_rank;
    double item_rank;
    size_t found; ///< Its number as it was found
} nb_mix_change;

/// Changes by strip: the song's first, then tracks, buses, the mix bus, alternates.
/// Zero-initialise; nb_mix_diff_fini frees.
typedef struct nb_mix_diff {
    json_t *before, *after; ///< The models
    size_t count;
    nb_mix_change *changes;
} nb_mix_diff;

void nb_mix_diff_fini(nb_mix_diff *self);

/// Compare two models, which the diff shares.
NB_NODISCARD nb_status nb_mix_diff_find(json_t *before, json_t *after, nb_mix_diff *out,
                                        nb_error *err);

/// Does it hold a change that can be heard?
bool nb_mix_diff_has_sound(const nb_mix_diff *self);

/// The strip's id that a change is about; empty for the song's own and for alternates.
nb_mix_span nb_mix_change_strip(const nb_mix_change *self);

/// Points of a lane, compared.
typedef struct nb_mix_lane_change {
    size_t points_before, points_after;
    double first_s, last_s; ///< Where they differ
    double low, high;       ///< The values now, or before where the lane is gone; -infinity is off
    bool same_points;       ///< Only the curve changed
} nb_mix_lane_change;

nb_mix_lane_change nb_mix_lane_compare(const nb_mix_change *self);

/// `format` and `changes[]`, as docs/cli.md has them. Null without memory.
json_t *nb_mix_diff_to_json(const nb_mix_diff *self);

/// Read a diff's JSON as it came from outside: its size, its format, the shape of each change.
NB_NODISCARD nb_status nb_mix_diff_parse(const char *what, const char *bytes, size_t size,
                                         json_t **out, nb_error *err);

/// Apply a diff's JSON to a model, all of it or nothing. NB_E_CONFLICT where the model does not
/// hold what a change says was there, NB_E_INVALID where what comes out is no model.
NB_NODISCARD nb_status nb_mix_diff_apply(const json_t *diff, const json_t *model, json_t **out,
                                         nb_error *err);

/// In words, grouped by strip, at most 80 columns. `colour` adds ANSI colours: green is new, red
/// is gone. Nothing where nothing changed.
void nb_mix_diff_print(const nb_mix_diff *self, bool colour, nb_text *out);

/// One line a strip: how many changes, and of what.
void nb_mix_diff_print_stat(const nb_mix_diff *self, bool colour, nb_text *out);

#endif // NB_REVIEW_MIX_DIFF_H
