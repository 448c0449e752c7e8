// SPDX-License-Identifier: GPL-3.0-or-later
// Differences counted: one line a strip.
#include "review/mix_diff.h"
#include "review/mix_words.h"

#include <stdio.h>
#include <string.h>

enum { NAME_COLUMNS_MAX = 32, TITLE_SIZE = 320 };

/// What is counted: a clip, insert or send once, however much of it changed.
typedef enum counted {
    COUNT_SETTINGS,
    COUNT_CLIPS,
    COUNT_INSERTS,
    COUNT_SENDS,
    COUNT_LANES,
    COUNTS
} counted;

typedef struct row {
    char title[TITLE_SIZE];
    const char *whole; ///< "new track", or null
    size_t counts[COUNTS];
} row;

static counted kind_of(const nb_mix_change *change)
{
    static const counted by_area[] = {[NB_MIX_OF_STRIP] = COUNT_SETTINGS,
                                      [NB_MIX_OF_CLIP] = COUNT_CLIPS,
                                      [NB_MIX_OF_INSERT] = COUNT_INSERTS,
                                      [NB_MIX_OF_SEND] = COUNT_SENDS};
    return change->section == NB_MIX_LANE ? COUNT_LANES
           : change->has_key              ? by_area[change->key.area]
                                          : COUNT_SETTINGS;
}

/// Is it of the same clip, insert or send as the one before?
static bool is_repeated(const nb_mix_change *change, const nb_mix_change *last)
{
    return last && change->section == NB_MIX_VALUE && last->section == NB_MIX_VALUE &&
           change->has_key && last->has_key && change->key.item.length > 0 &&
           change->key.area == last->key.area &&
           nb_mix_span_equal(change->key.item, last->key.item);
}

static void take_title(const nb_mix_diff *diff, const nb_mix_change *change, row *out)
{
    const nb_mix_span strip = nb_mix_change_strip(change);
    char path[TITLE_SIZE];
    snprintf(path, sizeof path, "%.*s/name", (int)strip.length, strip.chars);
    const json_t *name = nb_mix_model_get(diff->after, NB_MIX_VALUE, path);
    name = name ? name : nb_mix_model_get(diff->before, NB_MIX_VALUE, path);
    if (change->section == NB_MIX_SONG || change->section == NB_MIX_ALTERNATE) {
        snprintf(out->title, sizeof out->title, "%s",
                 change->section == NB_MIX_SONG ? "Song" : "Alternates");
    } else if (strip.length == 3 && memcmp(strip.chars, "mix", 3) == 0) {
        snprintf(out->title, sizeof out->title, "Mix bus");
    } else if (name) {
        snprintf(out->title, sizeof out->title, "%s", json_string_value(name));
    } else {
        snprintf(out->title, sizeof out->title, "%.*s", (int)strip.length, strip.chars);
    }
    nb_text_make_printable(out->title);
}

/// Count the strip's changes from `first`; returns where they end.
static size_t take_row(const nb_mix_diff *diff, size_t first, row *out)
{
    const nb_mix_change *last = NULL;
    *out = (row){.whole = NULL};
    take_title(diff, &diff->changes[first], out);
    size_t i = first;
    for (; i < diff->count && diff->changes[i].strip_rank == diff->changes[first].strip_rank; i++) {
        const nb_mix_change *change = &diff->changes[i];
        const bool is_list = change->has_key && change->key.type == NB_KEY_IDS &&
                             change->key.area == NB_MIX_OF_STRIP;
        if (change->section == NB_MIX_STRIP) {
            out->whole = !change->before ? "new" : !change->after ? "removed" : "other kind";
        } else if (!is_list && !is_repeated(change, last)) {
            out->counts[kind_of(change)]++;
        }
        last = change;
    }
    return i;
}

static void add_counts(const row *self, nb_text *out)
{
    static const char *const names[COUNTS] = {"setting", "clip", "insert", "send", "lane"};
    const char *comma = "";
    if (self->whole) {
        nb_text_add(out, self->whole);
        comma = ": ";
    }
    const bool is_gone = self->whole && strcmp(self->whole, "removed") == 0;
    for (size_t i = 0; i < COUNTS && !is_gone; i++) {
        if (self->counts[i] > 0) {
            nb_text_addf(out, "%s%zu %s%s", comma, self->counts[i], names[i],
                         self->counts[i] == 1 ? "" : "s");
            comma = ", ";
        }
    }
    nb_text_add(out, comma[0] ? "" : "order");
}

/// `text` in exactly `columns` columns, cut with an ellipsis where it is longer.
static void add_padded(const char *text, size_t columns, nb_text *out)
{
    NB_SCOPED(nb_text_free) char *copy = strdup(text);
    if (!copy) {
        out->failed = true;
        return;
    }
    const bool cut = nb_text_columns(copy) > columns;
    for (size_t end = strlen(copy); cut && end > 0 && nb_text_columns(copy) + 1 > columns;) {
        end--;
        while (end > 0 && ((unsigned char)copy[end] & 0xC0) == 0x80) {
            end--;
        }
        copy[end] = '\0';
    }
    const size_t shown = nb_text_columns(copy) + cut;
    nb_text_addf(out, "%s%s%*s", copy, cut ? "\u2026" : "",
                 (int)(columns > shown ? columns - shown : 0), "");
}

void nb_mix_diff_print_stat(const nb_mix_diff *self, bool colour, nb_text *out)
{
    size_t columns = 0;
    row one;
    for (size_t i = 0; i < self->count;) {
        i = take_row(self, i, &one);
        const size_t width = nb_text_columns(one.title);
        columns = width > columns ? width : columns;
    }
    columns = columns > NAME_COLUMNS_MAX ? NAME_COLUMNS_MAX : columns;
    for (size_t i = 0; i < self->count;) {
        i = take_row(self, i, &one);
        nb_text_add(out, colour ? "\033[1m" : "");
        add_padded(one.title, columns, out);
        nb_text_add(out, colour ? "\033[0m  " : "  ");
        add_counts(&one, out);
        nb_text_add(out, "\n");
    }
}
