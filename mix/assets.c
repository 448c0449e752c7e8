// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/assets.h"

#include <stdlib.h>
#include <string.h>

/// 24 h at the highest rate; a header that says more is wrong.
static const int64_t frames_max = 24LL * 3600 * 384000;
enum { RATE_MIN = 8000, RATE_MAX = 384000, RESPONSE_CHANNELS_MAX = 4 };

static int by_path(const void *a, const void *b)
{
    const nb_asset_entry *left = a;
    const nb_asset_entry *right = b;
    return strcmp(left->asset.path, right->asset.path);
}

nb_asset_entry *nb_assets_get(const nb_assets *self, const char *path)
{
    const nb_asset_entry key = {.asset = {.path = path}};
    return bsearch(&key, self->entries, self->count, sizeof key, by_path);
}

size_t nb_assets_use(nb_assets *self, nb_asset_entry *entry)
{
    if (!entry->used) {
        entry->used = true;
        entry->index = self->used_count++;
    }
    return entry->index;
}

int64_t nb_asset_frames_at(const nb_asset *asset, unsigned rate_hz)
{
    if (asset->rate_hz == 0 || asset->rate_hz == rate_hz) {
        return asset->frames;
    }
    // frames_max * RATE_MAX * 2 is far under 2^63.
    return (2 * asset->frames * rate_hz + asset->rate_hz) / (2 * (int64_t)asset->rate_hz);
}

static void note_place(const nb_assets *self, const char *path, nb_place place,
                       unsigned channels_max, nb_problems *problems)
{
    nb_asset_entry *entry = nb_assets_get(self, path);
    if (entry->place.line == 0) {
        entry->place = place;
    }
    const nb_asset *asset = &entry->asset;
    if (asset->channels > channels_max) {
        nb_problems_add(problems, place, "%s: has %u channels; %s", path, asset->channels,
                        channels_max == 2 ? "a clip is mono or stereo"
                                          : "an impulse response has up to 4");
    }
}

static void note_strip(const nb_assets *self, const nb_strip *strip, nb_problems *problems)
{
    for (size_t i = 0; i < strip->clip_count; i++) {
        note_place(self, strip->clips[i].file, strip->clips[i].place, 2, problems);
    }
    for (size_t i = 0; i < strip->insert_count; i++) {
        if (strip->inserts[i].file) {
            note_place(self, strip->inserts[i].file, strip->inserts[i].file_place,
                       RESPONSE_CHANNELS_MAX, problems);
        }
    }
}

static void note_places(const nb_assets *self, const nb_document *document, nb_problems *problems)
{
    for (size_t i = 0; i < document->track_count; i++) {
        note_strip(self, &document->tracks[i], problems);
    }
    for (size_t i = 0; i < document->bus_count; i++) {
        note_strip(self, &document->buses[i], problems);
    }
    note_strip(self, &document->mix, problems);
}

static void check_header(nb_asset_entry *entry, nb_problems *problems)
{
    nb_asset *asset = &entry->asset;
    if (asset->channels == 0) {
        return; // nobody looked
    }
    if (asset->rate_hz < RATE_MIN || asset->rate_hz > RATE_MAX) {
        asset->channels = 0; // then nothing more is made of it
        nb_problems_add(problems, entry->place, "%s: its rate of %u Hz is not within %d to %d Hz",
                        asset->path, asset->rate_hz, RATE_MIN, RATE_MAX);
    } else if (asset->frames <= 0 || asset->frames > frames_max) {
        asset->channels = 0;
        nb_problems_add(problems, entry->place, "%s: %s", asset->path,
                        asset->frames <= 0 ? "it is empty" : "it is longer than 24 hours");
    }
}

nb_status nb_assets_find(const nb_document *document, nb_arena *arena, nb_asset_lookup *lookup,
                         void *context, nb_problems *problems, nb_assets *out, nb_error *err)
{
    *out = (nb_assets){0};
    size_t count = 0;
    const char *const *files = nb_document_files(document, &count);
    out->entries = nb_arena_take(arena, count, sizeof *out->entries);
    nb_error *failures = nb_arena_take(arena, 1, sizeof *failures);
    if (!out->entries || !failures) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for %zu files", count);
    }
    for (size_t i = 0; i < count; i++) {
        out->entries[i].asset.path = files[i];
    }
    out->count = count;
    qsort(out->entries, count, sizeof *out->entries, by_path);
    note_places(out, document, problems);
    for (size_t i = 0; i < count; i++) {
        nb_asset_entry *entry = &out->entries[i];
        nb_asset found = {0};
        const nb_status status = lookup(context, entry->asset.path, &found, failures);
        if (status == NB_E_INTERRUPTED || status == NB_E_CANCELLED || status == NB_E_NO_MEMORY) {
            return nb_fail(err, status, "%s", failures->text);
        }
        if (status != NB_OK) {
            const bool names_it = strstr(failures->text, entry->asset.path) != NULL;
            nb_problems_add(problems, entry->place, "%s%s%s", names_it ? "" : entry->asset.path,
                            names_it ? "" : ": ", failures->text);
            continue;
        }
        found.path = entry->asset.path;
        entry->asset = found;
        check_header(entry, problems);
    }
    note_places(out, document, problems); // now with the channels
    return NB_OK;
}
