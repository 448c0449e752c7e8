// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/mix_diff.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ID_SIZE = 65, PATH_SIZE = 512 };

typedef struct finder {
    nb_mix_diff *diff;
    json_t *ranks; // strip id to its place
    size_t capacity;
    bool no_memory;
} finder;

void nb_mix_diff_fini(nb_mix_diff *self)
{
    json_decref(self->before);
    json_decref(self->after);
    free(self->changes);
    *self = (nb_mix_diff){0};
}

nb_mix_span nb_mix_change_strip(const nb_mix_change *self)
{
    switch (self->section) {
    case NB_MIX_STRIP:
    case NB_MIX_VALUE:
    case NB_MIX_LANE:
        return (nb_mix_span){self->path, strcspn(self->path, "/")};
    default:
        return (nb_mix_span){"", 0};
    }
}

static void add_ranks(finder *self, const json_t *model, const char *list)
{
    const json_t *ids = nb_mix_model_get(model, NB_MIX_SONG, list);
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const char *id = json_string_value(json_array_get(ids, i));
        const json_int_t rank = 1 + (json_int_t)json_object_size(self->ranks);
        if (id && !json_object_get(self->ranks, id) &&
            json_object_set_new(self->ranks, id, json_integer(rank)) != 0) {
            self->no_memory = true;
        }
    }
}

/// The song's own first, then tracks, buses, the mix bus, alternates.
static size_t rank_of(const finder *self, const nb_mix_change *change)
{
    const size_t last = json_object_size(self->ranks) + 1;
    if (change->section == NB_MIX_SONG) {
        return 0;
    }
    if (change->section == NB_MIX_ALTERNATE) {
        return last + 1;
    }
    char id[ID_SIZE];
    const nb_mix_span strip = nb_mix_change_strip(change);
    snprintf(id, sizeof id, "%.*s", (int)strip.length, strip.chars);
    const json_t *rank = json_object_get(self->ranks, id);
    return rank ? (size_t)json_integer_value(rank) : last;
}

/// A clip's place is its time, an insert's its number in the signal.
static double item_rank(const json_t *model, const nb_mix_key *key)
{
    char path[PATH_SIZE];
    const int strip = (int)key->strip.length;
    if (key->area == NB_MIX_OF_CLIP) {
        snprintf(path, sizeof path, "%.*s/clips/%.*s/at", strip, key->strip.chars,
                 (int)key->item.length, key->item.chars);
        return json_number_value(nb_mix_model_get(model, NB_MIX_VALUE, path));
    }
    if (key->area != NB_MIX_OF_INSERT) {
        return 0.0;
    }
    snprintf(path, sizeof path, "%.*s/inserts", strip, key->strip.chars);
    const json_t *list = nb_mix_model_get(model, NB_MIX_VALUE, path);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *id = json_string_value(json_array_get(list, i));
        if (nb_mix_span_equal(key->item, (nb_mix_span){id, strlen(id)})) {
            return (double)i;
        }
    }
    return NB_INSERTS_MAX;
}

static bool is_same_file(const json_t *before, const json_t *after)
{
    const char *left = json_string_value(json_object_get(before, "sha256"));
    const char *right = json_string_value(json_object_get(after, "sha256"));
    return left && right && strcmp(left, right) == 0;
}

/// Can the change be heard? Exactly what the song digest counts.
static bool has_sound(const nb_mix_change *change)
{
    switch (change->section) {
    case NB_MIX_SONG:
        return strcmp(change->path, nb_song_object.keys[NB_SONG_RATE].name) == 0 ||
               strcmp(change->path, nb_song_object.keys[NB_SONG_TAIL].name) == 0 ||
               strcmp(change->path, nb_song_object.keys[NB_SONG_TEMPO].name) == 0;
    case NB_MIX_ALTERNATE: // its name is for people, its being there is not
        return strchr(change->path, '/') || !change->before || !change->after;
    case NB_MIX_VALUE:
        return !change->has_key ||
               (change->key.type != NB_KEY_NAME &&
                !(change->key.type == NB_KEY_PATH && is_same_file(change->before, change->after)));
    default:
        return true;
    }
}

static void add_change(finder *self, nb_mix_section section, const char *path, json_t *before,
                       json_t *after)
{
    nb_mix_diff *diff = self->diff;
    if (diff->count == self->capacity) {
        const size_t capacity = self->capacity > 0 ? 2 * self->capacity : 64;
        nb_mix_change *larger = realloc(diff->changes, capacity * sizeof *larger);
        if (!larger) {
            self->no_memory = true;
            return;
        }
        diff->changes = larger;
        self->capacity = capacity;
    }
    nb_mix_change change = {
        .section = section, .path = path, .before = before, .after = after, .found = diff->count};
    const json_t *model = after ? diff->after : diff->before;
    if (section == NB_MIX_VALUE || section == NB_MIX_LANE) {
        // A value back at its default stands in the model before; what it is, the one after knows.
        change.has_key = nb_mix_key_find(diff->after, path, &change.key) ||
                         nb_mix_key_find(diff->before, path, &change.key);
        change.item_rank = change.has_key ? item_rank(model, &change.key) : 0.0;
    }
    if (section == NB_MIX_ALTERNATE) {
        change.key.item = (nb_mix_span){path, strcspn(path, "/")};
    }
    change.sound = has_sound(&change);
    change.strip_rank = rank_of(self, &change);
    diff->changes[diff->count++] = change;
}

static void compare_section(finder *self, nb_mix_section section)
{
    json_t *before = nb_mix_model_section(self->diff->before, section);
    json_t *after = nb_mix_model_section(self->diff->after, section);
    const char *path = NULL;
    json_t *value = NULL;
    json_object_foreach(before, path, value)
    {
        json_t *now = json_object_get(after, path);
        if (!now || !json_equal(value, now)) {
            add_change(self, section, path, value, now);
        }
    }
    json_object_foreach(after, path, value)
    {
        if (!json_object_get(before, path)) {
            add_change(self, section, path, NULL, value);
        }
    }
}

static int compare_spans(nb_mix_span a, nb_mix_span b)
{
    const size_t common = a.length < b.length ? a.length : b.length;
    const int order = common > 0 ? memcmp(a.chars, b.chars, common) : 0;
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static int by_place(const void *a, const void *b)
{
    const nb_mix_change *left = a;
    const nb_mix_change *right = b;
    if (left->strip_rank != right->strip_rank) {
        return left->strip_rank < right->strip_rank ? -1 : 1;
    }
    if (left->section != right->section) {
        return left->section < right->section ? -1 : 1;
    }
    if (left->key.area != right->key.area) {
        return left->key.area < right->key.area ? -1 : 1;
    }
    if (left->item_rank != right->item_rank) {
        return left->item_rank < right->item_rank ? -1 : 1;
    }
    int order = compare_spans(left->key.item, right->key.item);
    order = order != 0 ? order : compare_spans(left->key.band, right->key.band);
    return order != 0 ? order : (left->found > right->found) - (left->found < right->found);
}

/// A clip that moved has values that say the old time and values that say the new one: all of an
/// item's changes take the place of the thing as it is now.
static void find_items(nb_mix_diff *diff)
{
    for (size_t i = 0; i < diff->count; i++) {
        nb_mix_change *change = &diff->changes[i];
        char path[PATH_SIZE];
        const nb_mix_key *key = &change->key;
        if (!change->has_key || key->item.length == 0) {
            continue;
        }
        snprintf(path, sizeof path, "%.*s/%s",
                 (int)(key->item.chars + key->item.length - change->path), change->path,
                 key->area == NB_MIX_OF_CLIP ? "file" : "processor");
        const bool is_there = nb_mix_model_get(diff->after, NB_MIX_VALUE, path) != NULL;
        change->item_rank = item_rank(is_there ? diff->after : diff->before, key);
    }
}

nb_status nb_mix_diff_find(json_t *before, json_t *after, nb_mix_diff *out, nb_error *err)
{
    *out = (nb_mix_diff){.before = json_incref(before), .after = json_incref(after)};
    NB_SCOPED(nb_json_free) json_t *ranks = json_object();
    finder self = {.diff = out, .ranks = ranks, .no_memory = !ranks};
    add_ranks(&self, after, nb_song_object.keys[NB_SONG_TRACKS].name);
    add_ranks(&self, before, nb_song_object.keys[NB_SONG_TRACKS].name);
    add_ranks(&self, after, nb_song_object.keys[NB_SONG_BUSES].name);
    add_ranks(&self, before, nb_song_object.keys[NB_SONG_BUSES].name);
    for (nb_mix_section section = 0; section < NB_MIX_SECTIONS; section++) {
        compare_section(&self, section);
    }
    if (self.no_memory) {
        nb_mix_diff_fini(out);
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to compare two mixes");
    }
    find_items(out);
    if (out->count > 0) {
        qsort(out->changes, out->count, sizeof *out->changes, by_place);
    }
    return NB_OK;
}

bool nb_mix_diff_has_sound(const nb_mix_diff *self)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->changes[i].sound) {
            return true;
        }
    }
    return false;
}

static const json_t *points_of(const json_t *lane)
{
    return json_object_get(lane, nb_lane_object.keys[NB_LANE_KEY_POINTS].name);
}

static double time_at(const json_t *points, size_t index)
{
    return json_number_value(json_array_get(json_array_get(points, index), 0));
}

/// The first and last time at which the points differ.
static void find_range(const json_t *old_points, const json_t *new_points, nb_mix_lane_change *out)
{
    size_t first = 0;
    size_t old_end = json_array_size(old_points);
    size_t new_end = json_array_size(new_points);
    while (first < old_end && first < new_end &&
           json_equal(json_array_get(old_points, first), json_array_get(new_points, first))) {
        first++;
    }
    while (old_end > first && new_end > first &&
           json_equal(json_array_get(old_points, old_end - 1),
                      json_array_get(new_points, new_end - 1))) {
        old_end--;
        new_end--;
    }
    out->same_points = old_end == first && new_end == first;
    const double old_first = old_end > first ? time_at(old_points, first) : INFINITY;
    const double new_first = new_end > first ? time_at(new_points, first) : INFINITY;
    const double old_last = old_end > first ? time_at(old_points, old_end - 1) : 0.0;
    const double new_last = new_end > first ? time_at(new_points, new_end - 1) : 0.0;
    out->first_s = out->same_points ? 0.0 : fmin(old_first, new_first);
    out->last_s = fmax(old_last, new_last);
}

nb_mix_lane_change nb_mix_lane_compare(const nb_mix_change *self)
{
    const json_t *old_points = points_of(self->before);
    const json_t *new_points = points_of(self->after);
    const json_t *shown = new_points ? new_points : old_points;
    nb_mix_lane_change out = {.points_before = json_array_size(old_points),
                              .points_after = json_array_size(new_points),
                              .low = INFINITY,
                              .high = -INFINITY};
    find_range(old_points, new_points, &out);
    for (size_t i = 0; i < json_array_size(shown) && self->has_key; i++) {
        double value = 0.0;
        nb_mix_param_number(self->key.param, json_array_get(json_array_get(shown, i), 1), &value);
        out.low = fmin(out.low, value);
        out.high = fmax(out.high, value);
    }
    return out;
}
