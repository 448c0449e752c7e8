// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/note_follow.h"

#include "review/mix_model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 512 };

/// A value of a clip in seconds; `otherwise` where it stands at its default.
static double clip_value(const json_t *model, const char *clip, const char *name, double otherwise)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", clip, name);
    const json_t *value = nb_mix_model_get(model, NB_MIX_VALUE, path);
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

static int64_t to_ns(double seconds) { return llround(seconds * 1e9); }

/// Does the clip sound, or may it, inside the place? Without a length it lasts as long as its file,
/// which nobody here knows.
static bool sounds_at(const json_t *model, const char *clip, const nb_follow_place *place)
{
    const int64_t at_ns = to_ns(clip_value(model, clip, "at", 0.0));
    const double length_s = clip_value(model, clip, "length", -1.0);
    const bool begins = at_ns <= place->end_ns;
    return begins && (length_s < 0.0 || at_ns + to_ns(length_s) > place->at_ns);
}

/// Song time of where the clip's file would begin: what stays where only a clip's edges are cut.
static int64_t origin_ns(const json_t *model, const char *clip)
{
    return to_ns(clip_value(model, clip, "at", 0.0)) -
           to_ns(clip_value(model, clip, "offset", 0.0));
}

static bool is_muted(const json_t *model, const char *strip, size_t length)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%.*s/mute", (int)length, strip);
    return json_is_true(nb_mix_model_get(model, NB_MIX_VALUE, path));
}

/// "vox/clips/verse" of "vox/clips/verse/file"; false for any other path.
static bool clip_of(const char *path, char out[PATH_SIZE], size_t *out_strip)
{
    static const char part[] = "/clips/";
    const char *clips = strstr(path, part);
    const char *end = clips ? strchr(clips + sizeof part - 1, '/') : NULL;
    if (!end || strcmp(end, "/file") != 0 || (size_t)(end - path) >= PATH_SIZE) {
        return false;
    }
    memcpy(out, path, (size_t)(end - path));
    out[end - path] = '\0';
    *out_strip = (size_t)(clips - path);
    return true;
}

/// What the clips that sound at a place did.
typedef struct tally {
    size_t clips; ///< That are in both
    size_t gone;
    int64_t by_ns; ///< Of the first
    bool differ;   ///< Not all by the same step
    bool moved;
} tally;

static void count_clip(tally *self, const json_t *before, const json_t *after, const char *clip)
{
    char path[PATH_SIZE + sizeof "/file"];
    snprintf(path, sizeof path, "%s/file", clip);
    if (!nb_mix_model_get(after, NB_MIX_VALUE, path)) {
        self->gone++;
        return;
    }
    const int64_t by_ns = origin_ns(after, clip) - origin_ns(before, clip);
    self->differ = self->differ || (self->clips > 0 && by_ns != self->by_ns);
    self->by_ns = self->clips == 0 ? by_ns : self->by_ns;
    self->moved = self->moved || by_ns != 0;
    self->clips++;
}

nb_follow_step nb_note_follow(const json_t *before, const json_t *after,
                              const nb_follow_place *place)
{
    tally found = {0};
    const char *path = NULL;
    const json_t *value = NULL;
    json_object_foreach(nb_mix_model_section(before, NB_MIX_VALUE), path, value)
    {
        char clip[PATH_SIZE];
        size_t strip = 0;
        if (!clip_of(path, clip, &strip)) {
            continue;
        }
        const bool is_meant =
            place->track ? strlen(place->track) == strip && strncmp(path, place->track, strip) == 0
                         : !is_muted(before, path, strip);
        if (is_meant && sounds_at(before, clip, place)) {
            count_clip(&found, before, after, clip);
        }
    }
    // A take that is gone has taken nothing with it, unless the note was about just that.
    const bool lost = place->track && found.gone > 0;
    if (lost || (found.moved && (found.differ || found.gone > 0)) ||
        place->at_ns + found.by_ns < 0) {
        return (nb_follow_step){.unsure = true};
    }
    return (nb_follow_step){.by_ns = found.by_ns};
}
