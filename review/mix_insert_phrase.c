// SPDX-License-Identifier: GPL-3.0-or-later
// An insert's changes in one phrase: its own settings, then its bands.
#include "review/mix_phrase.h"

#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 512 };

static const char arrow[] = " \u2192 ";

/// "band air (9 kHz)": the frequency, or what else of the band's table is in Hz, helps to find it.
static void add_band_name(const nb_mix_printer *self, const nb_mix_change *change, bool is_new,
                          nb_text *out)
{
    const nb_mix_key *key = &change->key;
    const nb_processor *processor = key->processor;
    nb_text_addf(out, "%sband %.*s", is_new ? "new " : "", (int)key->band.length, key->band.chars);
    for (size_t i = 0; i < processor->band_param_count && !is_new; i++) {
        const nb_param *param = &processor->band_params[i];
        if (strcmp(param->unit, "Hz") != 0) {
            continue;
        }
        char name[PATH_SIZE];
        double value = param->initial;
        snprintf(name, sizeof name, "%.*s.%s", (int)key->band.length, key->band.chars, param->name);
        const json_t *given = nb_mix_sibling(self->diff->before, change, name);
        if (!given || nb_mix_param_number(param, given, &value)) {
            nb_text_add(out, " (");
            nb_mix_words_number(param, value, out);
            nb_text_add(out, ")");
        }
        return;
    }
}

/// Has the band of that id a setting among these changes?
static bool has_settings(const nb_mix_diff *diff, size_t first, size_t end, const char *id)
{
    for (size_t i = first; i < end; i++) {
        if (nb_mix_span_equal(diff->changes[i].key.band, (nb_mix_span){id, strlen(id)})) {
            return true;
        }
    }
    return false;
}

/// The bands that came and went, and their order. New ones that have settings are told with them.
static void add_band_list(const nb_mix_diff *diff, const nb_mix_change *change, size_t first,
                          size_t end, nb_text *out)
{
    const char *comma = "";
    for (size_t i = 0; i < json_array_size(change->before); i++) {
        const char *id = json_string_value(json_array_get(change->before, i));
        if (!nb_mix_list_has(change->after, id)) {
            nb_text_addf(out, "%sband %s removed", comma, id);
            comma = "; ";
        }
    }
    for (size_t i = 0; i < json_array_size(change->after); i++) {
        const char *id = json_string_value(json_array_get(change->after, i));
        if (!nb_mix_list_has(change->before, id) && !has_settings(diff, first, end, id)) {
            nb_text_addf(out, "%snew band %s", comma, id);
            comma = "; ";
        }
    }
    if (nb_mix_is_reordered(change->before, change->after)) {
        nb_text_addf(out, "%sbands now in the order ", comma);
        nb_mix_add_list(change->after, out);
    }
}

static bool is_band_of(const json_t *list, nb_mix_span band)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *id = json_string_value(json_array_get(list, i));
        if (nb_mix_span_equal(band, (nb_mix_span){id, strlen(id)})) {
            return true;
        }
    }
    return false;
}

/// The settings of an insert that changed, or all of a new one; bands behind its own.
static void add_settings(nb_mix_printer *self, size_t first, size_t end, bool is_new)
{
    nb_text *out = &self->phrase;
    const nb_mix_diff *diff = self->diff;
    nb_mix_span band = {"", 0};
    const char *lead = ": ";
    for (size_t i = first; i < end; i++) {
        const nb_mix_change *change = &diff->changes[i];
        const nb_mix_key *key = &change->key;
        const bool in_after = key->band.length == 0 ||
                              is_band_of(nb_mix_sibling(diff->after, change, "bands"), key->band);
        if (key->type == NB_KEY_PROCESSOR ||
            (is_new && (!change->after || key->type == NB_KEY_IDS)) || !in_after) {
            continue;
        }
        const bool new_band =
            key->band.length > 0 &&
            (is_new || !is_band_of(nb_mix_sibling(diff->before, change, "bands"), key->band));
        const bool next_band = !nb_mix_span_equal(band, key->band);
        const size_t before = out->length;
        nb_text_add(out, next_band && strcmp(lead, ", ") == 0 ? "; " : lead);
        const size_t led = out->length;
        if (next_band) {
            add_band_name(self, change, new_band, out);
            nb_text_add(out, " ");
            band = key->band;
        }
        if (key->type == NB_KEY_IDS) {
            add_band_list(diff, change, first, end, out);
        } else {
            nb_mix_add_setting(change, is_new || new_band, out);
        }
        if (out->length == led && !out->failed) { // nothing to say of the list
            out->length = before;
            out->chars[before] = '\0';
            continue;
        }
        lead = ", ";
    }
}

/// Where in the signal a new insert is.
static void add_insert_place(const nb_mix_printer *self, const nb_mix_change *change, nb_text *out)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%.*s/inserts", (int)change->key.strip.length,
             change->key.strip.chars);
    const json_t *list = nb_mix_model_get(self->diff->after, NB_MIX_VALUE, path);
    const json_t *before = nb_mix_model_get(self->diff->before, NB_MIX_VALUE, path);
    for (size_t i = 0; i < json_array_size(list) && json_array_size(before) > 0; i++) {
        const char *id = json_string_value(json_array_get(list, i));
        if (nb_mix_span_equal(change->key.item, (nb_mix_span){id, strlen(id)})) {
            nb_text_addf(out, i > 0 ? " behind %s" : " before all others",
                         i > 0 ? json_string_value(json_array_get(list, i - 1)) : "");
        }
    }
}

void nb_mix_print_insert(nb_mix_printer *self, size_t first, size_t end)
{
    const nb_mix_change *change = &self->diff->changes[first];
    const nb_mix_span id = change->key.item;
    const char *was = json_string_value(nb_mix_sibling(self->diff->before, change, "processor"));
    const char *is = json_string_value(nb_mix_sibling(self->diff->after, change, "processor"));
    nb_text *out = &self->phrase;
    if (!was && !is) {
        return;
    }
    if (!is) {
        nb_text_addf(out, "%s %.*s removed", was, (int)id.length, id.chars);
        nb_mix_phrase_end(self, NB_MIX_GONE);
        return;
    }
    if (!was) {
        nb_text_addf(out, "new %s %.*s", is, (int)id.length, id.chars);
        add_insert_place(self, change, out);
    } else if (strcmp(was, is) != 0) {
        nb_text_addf(out, "%.*s: %s%s%s", (int)id.length, id.chars, was, arrow, is);
    } else if (nb_mix_span_equal(id, (nb_mix_span){is, strlen(is)})) {
        nb_text_add(out, is);
    } else {
        nb_text_addf(out, "%.*s (%s)", (int)id.length, id.chars, is);
    }
    add_settings(self, first, end, !was || strcmp(was, is) != 0);
    nb_mix_phrase_end(self, was ? NB_MIX_CHANGED : NB_MIX_NEW);
}
