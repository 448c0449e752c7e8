// SPDX-License-Identifier: GPL-3.0-or-later
/// @file mix_phrase.h  The phrases that tell a difference. Only for nb_mix_diff_print.

#ifndef NB_REVIEW_MIX_PHRASE_H
#define NB_REVIEW_MIX_PHRASE_H
#include "review/mix_diff.h"
#include "review/mix_words.h"

/// What happened to a thing, which its colour says too.
typedef enum nb_mix_tone { NB_MIX_CHANGED, NB_MIX_NEW, NB_MIX_GONE } nb_mix_tone;

typedef struct nb_mix_printer {
    const nb_mix_diff *diff;
    bool colour;
    nb_text *out;
    nb_text phrase; ///< The one that is being made
    bool order_told;
} nb_mix_printer;

/// Write the phrase, if there is any, and begin the next.
void nb_mix_phrase_end(nb_mix_printer *self, nb_mix_tone what);

/// A value beside the one that changed: of the same strip, clip, insert or send.
json_t *nb_mix_sibling(const json_t *model, const nb_mix_change *change, const char *name);

/// Behind the last change of the same clip, insert or send.
size_t nb_mix_item_end(const nb_mix_diff *diff, size_t first);

bool nb_mix_list_has(const json_t *list, const char *id);
/// Do the ids that both lists have stand in another order?
bool nb_mix_is_reordered(const json_t *before, const json_t *after);
void nb_mix_add_list(const json_t *list, nb_text *out);

const char *nb_mix_base_name(const char *path);
/// The path of a file's value; "" for none.
const char *nb_mix_path_of(const json_t *file);

/// "ratio 3 → 4"; of a new thing "ratio 4".
void nb_mix_add_setting(const nb_mix_change *change, bool is_new, nb_text *out);

/// One insert's changes, from `first` to before `end`.
void nb_mix_print_insert(nb_mix_printer *self, size_t first, size_t end);

#endif // NB_REVIEW_MIX_PHRASE_H
