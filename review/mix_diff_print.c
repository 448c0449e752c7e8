// SPDX-License-Identifier: GPL-3.0-or-later
// Differences as an engineer tells them: strip by strip, an insert, clip or send in one phrase.
#include "review/mix_phrase.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { PATH_SIZE = 512 };

static const char arrow[] = " \u2192 ";

/// A clip by its id, where it has one of its own, and its place.
static void add_clip_name(const nb_mix_change *change, const json_t *model, nb_text *out)
{
    char at[NB_MIX_WORDS_VALUE];
    const nb_mix_span id = change->key.item;
    const bool numbered = strspn(id.chars, "0123456789") >= id.length;
    nb_mix_words_time(json_number_value(nb_mix_sibling(model, change, "at")), at);
    nb_text_addf(out, "clip%s%.*s at %s", numbered ? "" : " ", numbered ? 0 : (int)id.length,
                 id.chars, at);
}

static double shift_of(const nb_mix_change *change)
{
    return json_number_value(change->after) - json_number_value(change->before);
}

static void add_shift(double shift_s, nb_text *out)
{
    char text[NB_MIX_WORDS_VALUE];
    nb_mix_words_length(fabs(shift_s), text);
    nb_text_addf(out, " %s %s", text, shift_s > 0.0 ? "later" : "earlier");
}

static bool is_shift(const nb_mix_change *change)
{
    return change->key.area == NB_MIX_OF_CLIP && strcmp(change->key.name, "at") == 0;
}

/// Clips behind one another that moved alike, and did nothing else, are one phrase. Returns where
/// they end; `first` + 1 where there is only one.
static size_t print_shifted(nb_mix_printer *self, size_t first)
{
    const nb_mix_diff *diff = self->diff;
    const nb_mix_change *change = &diff->changes[first];
    static const double same_s = 0.5e-9;
    size_t end = first;
    while (end < diff->count && diff->changes[end].strip_rank == change->strip_rank &&
           diff->changes[end].section == NB_MIX_VALUE && is_shift(&diff->changes[end]) &&
           nb_mix_item_end(diff, end) == end + 1 &&
           nb_mix_sibling(diff->before, &diff->changes[end], "file") &&
           nb_mix_sibling(diff->after, &diff->changes[end], "file") &&
           fabs(shift_of(&diff->changes[end]) - shift_of(change)) < same_s) {
        end++;
    }
    if (end < first + 2) {
        return first + 1;
    }
    char at[NB_MIX_WORDS_VALUE];
    nb_mix_words_time(json_number_value(nb_mix_sibling(diff->before, change, "at")), at);
    nb_text_addf(&self->phrase, "%zu clips", end - first);
    add_shift(shift_of(change), &self->phrase);
    nb_text_addf(&self->phrase, ", the first from %s", at);
    nb_mix_phrase_end(self, NB_MIX_CHANGED);
    return end;
}

static void print_clip(nb_mix_printer *self, size_t first, size_t end)
{
    const nb_mix_diff *diff = self->diff;
    const nb_mix_change *change = &diff->changes[first];
    const json_t *was = nb_mix_sibling(diff->before, change, "file");
    const json_t *is = nb_mix_sibling(diff->after, change, "file");
    nb_text *out = &self->phrase;
    nb_text_add(out, was ? "" : "new ");
    add_clip_name(change, was ? diff->before : diff->after, out);
    if (!is) {
        nb_text_add(out, " removed");
        nb_mix_phrase_end(self, NB_MIX_GONE);
        return;
    }
    if (!was) {
        nb_text_addf(out, " (%s)", nb_mix_base_name(nb_mix_path_of(is)));
    }
    const char *lead = ":";
    for (size_t i = first; i < end; i++) {
        change = &diff->changes[i];
        if (!was && (is_shift(change) || change->key.type == NB_KEY_PATH)) {
            continue; // said with its name
        }
        nb_text_add(out, lead);
        lead = ",";
        if (is_shift(change)) {
            add_shift(shift_of(change), out);
        } else {
            nb_text_add(out, " ");
            nb_mix_add_setting(change, !was, out);
        }
    }
    nb_mix_phrase_end(self, was ? NB_MIX_CHANGED : NB_MIX_NEW);
}

static void print_send(nb_mix_printer *self, size_t first, size_t end)
{
    const nb_mix_diff *diff = self->diff;
    const nb_mix_change *change = &diff->changes[first];
    const json_t *was = nb_mix_sibling(diff->before, change, "level_db");
    const json_t *is = nb_mix_sibling(diff->after, change, "level_db");
    nb_text *out = &self->phrase;
    nb_text_addf(out, "%ssend to %.*s%s", was ? "" : "new ", (int)change->key.item.length,
                 change->key.item.chars, is ? "" : " removed");
    const char *lead = was ? " " : " at ";
    for (size_t i = first; i < end && is; i++) {
        change = &diff->changes[i];
        nb_text_add(out, lead);
        nb_mix_words_setting(&change->key, change->before, change->after, !was, out);
        nb_text_add(out, change->key.param == &nb_level_param ? "" : " fader");
        lead = ", ";
    }
    nb_mix_phrase_end(self, !was ? NB_MIX_NEW : is ? NB_MIX_CHANGED : NB_MIX_GONE);
}

/// Is the strip one that was not there before?
static bool is_new_strip(const nb_mix_printer *self, const nb_mix_change *change)
{
    char id[NB_MIX_WORDS_LABEL];
    snprintf(id, sizeof id, "%.*s", (int)change->key.strip.length, change->key.strip.chars);
    return strcmp(id, "mix") != 0 && !nb_mix_model_get(self->diff->before, NB_MIX_STRIP, id);
}

static void print_strip_value(nb_mix_printer *self, const nb_mix_change *change)
{
    const nb_mix_key *key = &change->key;
    const bool is_new = is_new_strip(self, change);
    nb_text *out = &self->phrase;
    if (key->type == NB_KEY_IDS) {
        if (nb_mix_is_reordered(change->before, change->after)) {
            nb_text_add(out, "inserts now in the order ");
            nb_mix_add_list(change->after, out);
        }
    } else if (strcmp(key->name, "mute") == 0) {
        nb_text_add(out, change->after ? "muted" : "no longer muted");
    } else if (key->type != NB_KEY_NAME) {
        nb_mix_add_setting(change, is_new, out);
    } else if (!is_new) { // a new strip's heading has its name
        nb_text_add(out, "renamed ");
        nb_mix_words_setting(key, change->before, change->after, false, out);
    }
    nb_mix_phrase_end(self, NB_MIX_CHANGED);
}

static void add_lane_name(const nb_mix_change *change, nb_text *out)
{
    const nb_mix_key *key = &change->key;
    char label[NB_MIX_WORDS_LABEL];
    nb_mix_words_label(key, label);
    if (key->area == NB_MIX_OF_SEND) {
        nb_text_addf(out, "automation of the send to %.*s", (int)key->item.length, key->item.chars);
    } else {
        nb_text_addf(out, "automation of %.*s%s%.*s%s%s", (int)key->item.length,
                     key->item.length > 0 ? key->item.chars : "", key->item.length > 0 ? " " : "",
                     (int)key->band.length, key->band.length > 0 ? key->band.chars : "",
                     key->band.length > 0 ? " " : "", label);
    }
}

static void add_lane_values(const nb_mix_change *change, const nb_mix_lane_change *lane,
                            nb_text *out)
{
    if (lane->high != lane->low) {
        nb_mix_words_range(change->key.param, lane->low, lane->high, out);
    } else {
        nb_mix_words_number(change->key.param, lane->low, out);
    }
}

static void print_lane(nb_mix_printer *self, const nb_mix_change *change)
{
    const nb_mix_lane_change lane = nb_mix_lane_compare(change);
    char first[NB_MIX_WORDS_VALUE];
    char last[NB_MIX_WORDS_VALUE];
    nb_text *out = &self->phrase;
    nb_mix_words_time(lane.first_s, first);
    nb_mix_words_time(lane.last_s, last);
    nb_text_add(out, change->before ? "" : "new ");
    add_lane_name(change, out);
    if (!change->after) {
        nb_text_addf(out, " removed (%zu point%s)", lane.points_before,
                     lane.points_before == 1 ? "" : "s");
    } else if (!change->before) {
        nb_text_addf(out, lane.points_after == 1 ? ": %zu point at %s" : ": %zu points from %s",
                     lane.points_after, first);
        nb_text_addf(out, "%s%s, ", lane.points_after == 1 ? "" : " to ",
                     lane.points_after == 1 ? "" : last);
        add_lane_values(change, &lane, out);
    } else {
        const char *was = json_string_value(json_object_get(change->before, "curve"));
        const char *is = json_string_value(json_object_get(change->after, "curve"));
        const char *lead = ":";
        if (strcmp(was, is) != 0) {
            nb_text_addf(out, ": %s%s%s", was, arrow, is);
            lead = ",";
        }
        if (!lane.same_points) {
            nb_text_addf(out, "%s %zu%s%zu points, other from %s to %s, now ", lead,
                         lane.points_before, arrow, lane.points_after, first, last);
            add_lane_values(change, &lane, out);
        }
    }
    nb_mix_phrase_end(self, !change->before ? NB_MIX_NEW
                            : change->after ? NB_MIX_CHANGED
                                            : NB_MIX_GONE);
}

static void add_override(const json_t *value, nb_text *out)
{
    const json_t *offset = json_object_get(value, "offset_db");
    const char *state = json_object_get(value, "mute")     ? "muted"
                        : json_object_get(value, "unmute") ? "heard"
                        : offset                           ? ""
                                                           : "as in the mix";
    nb_text_add(out, state);
    if (offset) {
        nb_text_add(out, state[0] ? " and " : "");
        nb_mix_words_number(nb_alternate_object.keys[NB_ALTERNATE_OFFSET].param,
                            json_number_value(offset), out);
    }
}

static bool is_same_alternate(const nb_mix_change *a, const nb_mix_change *b)
{
    return a->section == NB_MIX_ALTERNATE && b->section == NB_MIX_ALTERNATE &&
           nb_mix_span_equal(a->key.item, b->key.item);
}

/// One alternate's name and strips in one phrase; returns where its changes end.
static size_t print_alternate(nb_mix_printer *self, size_t first)
{
    const nb_mix_diff *diff = self->diff;
    const nb_mix_change *change = &diff->changes[first];
    nb_text *out = &self->phrase;
    char id[NB_MIX_WORDS_LABEL];
    snprintf(id, sizeof id, "%.*s", (int)change->key.item.length, change->key.item.chars);
    const bool was = nb_mix_model_get(diff->before, NB_MIX_ALTERNATE, id) != NULL;
    const bool is = nb_mix_model_get(diff->after, NB_MIX_ALTERNATE, id) != NULL;
    nb_text_addf(out, "%s%s%s", was ? "" : "new ", id, is ? "" : " removed");
    const char *lead = ": ";
    size_t i = first;
    for (; i < diff->count && is_same_alternate(change, &diff->changes[i]); i++) {
        const nb_mix_change *one = &diff->changes[i];
        const char *slash = strchr(one->path, '/');
        const char *name = json_string_value(one->after);
        if (!is || (!slash && !was && strcmp(name, id) == 0)) {
            continue;
        }
        nb_text_add(out, lead);
        lead = ", ";
        if (!slash) {
            nb_text_addf(out, "%s %s", was ? "renamed" : "named", name);
            continue;
        }
        nb_text_addf(out, "%s ", slash + 1);
        if (was) {
            add_override(one->before, out);
            nb_text_add(out, arrow);
        }
        add_override(one->after, out);
    }
    nb_mix_phrase_end(self, !was ? NB_MIX_NEW : is ? NB_MIX_CHANGED : NB_MIX_GONE);
    return i;
}

static void print_tempo(nb_mix_printer *self, const nb_mix_change *change)
{
    nb_text *out = &self->phrase;
    const size_t old_count = json_array_size(change->before);
    const size_t new_count = json_array_size(change->after);
    size_t first = 0;
    while (
        first < old_count && first < new_count &&
        json_equal(json_array_get(change->before, first), json_array_get(change->after, first))) {
        first++;
    }
    const json_t *was = json_array_get(change->before, first);
    const json_t *is = json_array_get(change->after, first);
    char at[NB_MIX_WORDS_VALUE];
    nb_mix_words_time(json_number_value(json_array_get(is ? is : was, 0)), at);
    nb_text_addf(out, "tempo from %s on: ", at);
    const json_t *const sides[] = {was, is};
    for (size_t i = 0; i < NB_COUNT(sides); i++) {
        nb_text_add(out, i > 0 ? arrow : "");
        if (sides[i]) {
            nb_text_addf(out, "%g in %s", json_number_value(json_array_get(sides[i], 1)),
                         json_string_value(json_array_get(sides[i], 2)));
        } else {
            nb_text_add(out, "as before");
        }
    }
    if (old_count > 1 || new_count > 1) {
        nb_text_addf(out, " (%zu%s%zu lines)", old_count, arrow, new_count);
    }
}

static void print_song_value(nb_mix_printer *self, const nb_mix_change *change)
{
    nb_text *out = &self->phrase;
    const nb_key *keys = nb_song_object.keys;
    if (strcmp(change->path, keys[NB_SONG_TITLE].name) == 0) {
        nb_text_addf(out, "title %s%s%s", json_string_value(change->before), arrow,
                     json_string_value(change->after));
    } else if (strcmp(change->path, keys[NB_SONG_TEMPO].name) == 0) {
        print_tempo(self, change);
    } else if (json_is_array(change->after)) {
        if (!self->order_told && nb_mix_is_reordered(change->before, change->after)) {
            nb_text_addf(out, "%s stand in another order, which changes no sound", change->path);
            self->order_told = true;
        }
    } else {
        const nb_key *key =
            &keys[strcmp(change->path, keys[NB_SONG_RATE].name) == 0 ? NB_SONG_RATE : NB_SONG_TAIL];
        const nb_mix_key named = {.name = key->name, .type = NB_KEY_PARAM, .param = key->param};
        char label[NB_MIX_WORDS_LABEL];
        nb_mix_words_label(&named, label);
        nb_text_addf(out, "%s ", label);
        nb_mix_words_setting(&named, change->before, change->after, false, out);
    }
    nb_mix_phrase_end(self, NB_MIX_CHANGED);
}

static void add_heading(const nb_mix_diff *diff, const nb_mix_change *change, nb_text *out)
{
    char id[NB_MIX_WORDS_LABEL];
    char path[PATH_SIZE];
    const nb_mix_span strip = nb_mix_change_strip(change);
    snprintf(id, sizeof id, "%.*s", (int)strip.length, strip.chars);
    snprintf(path, sizeof path, "%s/name", id);
    const bool is_there = nb_mix_model_get(diff->after, NB_MIX_STRIP, id) != NULL;
    const char *name = json_string_value(
        nb_mix_model_get(is_there ? diff->after : diff->before, NB_MIX_VALUE, path));
    if (change->section == NB_MIX_SONG || change->section == NB_MIX_ALTERNATE) {
        nb_text_add(out, change->section == NB_MIX_SONG ? "Song" : "Alternates");
    } else if (strcmp(id, "mix") == 0) {
        nb_text_add(out, "Mix bus");
    } else if (name && strcasecmp(name, id) == 0) {
        nb_text_add(out, name);
    } else if (name) {
        nb_text_addf(out, "%s (%s)", name, id);
    } else {
        nb_text_add(out, id);
    }
}

/// The changes from `first` that belong together; returns where they end.
static size_t print_item(nb_mix_printer *self, size_t first)
{
    const nb_mix_change *change = &self->diff->changes[first];
    size_t end = first + 1;
    if (change->section == NB_MIX_SONG) {
        print_song_value(self, change);
    } else if (change->section == NB_MIX_ALTERNATE) {
        end = print_alternate(self, first);
    } else if (change->section == NB_MIX_STRIP) {
        nb_text_addf(&self->phrase,
                     !change->before  ? "new %s"
                     : !change->after ? "%s removed"
                                      : "is a %s now",
                     json_string_value(change->after ? change->after : change->before));
        nb_mix_phrase_end(self, !change->before ? NB_MIX_NEW
                                : change->after ? NB_MIX_CHANGED
                                                : NB_MIX_GONE);
    } else if (!change->has_key) {
        return end;
    } else if (change->section == NB_MIX_LANE) {
        print_lane(self, change);
    } else if (change->key.area == NB_MIX_OF_STRIP) {
        print_strip_value(self, change);
    } else if (change->key.area == NB_MIX_OF_CLIP) {
        end = print_shifted(self, first);
        if (end == first + 1) {
            end = nb_mix_item_end(self->diff, first);
            print_clip(self, first, end);
        }
    } else {
        end = nb_mix_item_end(self->diff, first);
        (change->key.area == NB_MIX_OF_INSERT ? nb_mix_print_insert : print_send)(self, first, end);
    }
    return end;
}

/// Behind the last change of the same strip.
static size_t strip_end(const nb_mix_diff *diff, size_t first)
{
    size_t end = first + 1;
    while (end < diff->count && diff->changes[end].strip_rank == diff->changes[first].strip_rank) {
        end++;
    }
    return end;
}

/// Of a strip that is gone, no more than that is told.
static bool is_removed(const nb_mix_change *change)
{
    return change->section == NB_MIX_STRIP && !change->after;
}

void nb_mix_diff_print(const nb_mix_diff *self, bool colour, nb_text *out)
{
    nb_mix_printer state = {.diff = self, .colour = colour, .out = out};
    for (size_t first = 0; first < self->count;) {
        const size_t end = strip_end(self, first);
        NB_SCOPED(nb_text_fini) nb_text heading = {0};
        NB_SCOPED(nb_text_fini) nb_text body = {0};
        state.out = &body;
        for (size_t i = first; i < end;) {
            const size_t next = print_item(&state, i);
            i = is_removed(&self->changes[i]) ? end : next;
        }
        if (body.length > 0) { // an order that only follows from what was added is not told
            add_heading(self, &self->changes[first], &heading);
            nb_mix_words_wrap(heading.chars ? heading.chars : "", 0, colour ? "\033[1m" : "",
                              colour ? "\033[0m" : "", out);
            nb_text_add(out, body.chars);
        }
        out->failed = out->failed || body.failed || heading.failed;
        first = end;
    }
    nb_text_fini(&state.phrase);
    if (self->count > 0 && !nb_mix_diff_has_sound(self)) {
        nb_text_add(out, "Nothing of this can be heard.\n");
    }
}
