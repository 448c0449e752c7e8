// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/mix_phrase.h"

#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 512 };

static const char arrow[] = " \u2192 ";

void nb_mix_phrase_end(nb_mix_printer *self, nb_mix_tone what)
{
    static const char *const colours[] = {"", "\033[32m", "\033[31m"};
    const bool coloured = self->colour && what != NB_MIX_CHANGED;
    if (self->phrase.length > 0) {
        nb_mix_words_wrap(self->phrase.chars, 2, coloured ? colours[what] : "",
                          coloured ? "\033[0m" : "", self->out);
        self->phrase.length = 0;
        self->phrase.chars[0] = '\0';
    }
    self->out->failed = self->out->failed || self->phrase.failed;
}

json_t *nb_mix_sibling(const json_t *model, const nb_mix_change *change, const char *name)
{
    const nb_mix_key *key = &change->key;
    const char *end = key->item.length > 0 ? key->item.chars + key->item.length
                                           : key->strip.chars + key->strip.length;
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%.*s/%s", (int)(end - change->path), change->path, name);
    return nb_mix_model_get(model, NB_MIX_VALUE, path);
}

static bool is_same_item(const nb_mix_change *a, const nb_mix_change *b)
{
    return a->section == b->section && a->strip_rank == b->strip_rank && a->has_key && b->has_key &&
           a->key.area == b->key.area && nb_mix_span_equal(a->key.item, b->key.item);
}

size_t nb_mix_item_end(const nb_mix_diff *diff, size_t first)
{
    size_t end = first + 1;
    while (end < diff->count && is_same_item(&diff->changes[first], &diff->changes[end])) {
        end++;
    }
    return end;
}

bool nb_mix_list_has(const json_t *list, const char *id)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (strcmp(json_string_value(json_array_get(list, i)), id) == 0) {
            return true;
        }
    }
    return false;
}

bool nb_mix_is_reordered(const json_t *before, const json_t *after)
{
    size_t at = 0;
    for (size_t i = 0; i < json_array_size(before); i++) {
        const char *id = json_string_value(json_array_get(before, i));
        if (!nb_mix_list_has(after, id)) {
            continue;
        }
        while (at < json_array_size(after) &&
               !nb_mix_list_has(before, json_string_value(json_array_get(after, at)))) {
            at++;
        }
        if (strcmp(json_string_value(json_array_get(after, at++)), id) != 0) {
            return true;
        }
    }
    return false;
}

void nb_mix_add_list(const json_t *list, nb_text *out)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        nb_text_addf(out, "%s%s", i > 0 ? ", " : "", json_string_value(json_array_get(list, i)));
    }
}

const char *nb_mix_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *nb_mix_path_of(const json_t *file)
{
    const char *path = json_string_value(json_object_get(file, "path"));
    return path ? path : "";
}

/// A file that changed: its bytes tell a new take from a new name.
static void add_file(const nb_mix_change *change, nb_text *out)
{
    const char *before = nb_mix_path_of(change->before);
    const char *after = nb_mix_path_of(change->after);
    const bool same_name = strcmp(nb_mix_base_name(before), nb_mix_base_name(after)) == 0;
    const char *left = same_name ? before : nb_mix_base_name(before);
    const char *right = same_name ? after : nb_mix_base_name(after);
    if (!change->before || !change->after) {
        nb_text_addf(out, "file %s", change->after ? nb_mix_base_name(after) : "removed");
    } else if (!change->sound) {
        nb_text_addf(out, "file renamed, same audio (%s%s%s)", left, arrow, right);
    } else if (strcmp(before, after) != 0) {
        nb_text_addf(out, "take replaced (%s%s%s)", left, arrow, right);
    } else if (json_is_null(json_object_get(change->after, "sha256"))) {
        nb_text_addf(out, "its audio is missing (%s)", after);
    } else {
        nb_text_addf(out, "new audio in %s", nb_mix_base_name(after));
    }
}

void nb_mix_add_setting(const nb_mix_change *change, bool is_new, nb_text *out)
{
    char label[NB_MIX_WORDS_LABEL];
    const nb_mix_key *key = &change->key;
    if (key->type == NB_KEY_PATH) {
        add_file(change, out);
        return;
    }
    if (strcmp(key->name, "bypass") == 0 && key->area == NB_MIX_OF_INSERT) {
        nb_text_add(out, change->after ? "bypassed" : "no longer bypassed");
        return;
    }
    nb_mix_words_label(key, label);
    nb_text_addf(out, "%s ", label);
    nb_mix_words_setting(key, change->before, change->after, is_new, out);
}
