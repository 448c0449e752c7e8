// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/desk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *nb_desk_who_name(nb_desk_who who)
{
    static const char *const names[] = {
        [NB_DESK_NOBODY] = "nobody",       [NB_DESK_FARM] = "farm",
        [NB_DESK_ENGINEER] = "engineer",   [NB_DESK_ARTIST] = "artist",
        [NB_DESK_MASTERING] = "mastering",
    };
    return names[who];
}

static NB_PRINTF(2, 3) nb_desk_wait wait_for(nb_desk_who who, const char *format, ...)
{
    nb_desk_wait wait = {.who = who};
    va_list args;
    va_start(args, format);
    vsnprintf(wait.what, sizeof wait.what, format, args);
    va_end(args);
    return wait;
}

/// Whoever made the version answers changes and notes; then it waits to be decided on.
static nb_desk_wait wait_of(const nb_desk_version *version, nb_desk_who maker)
{
    const char *name = version->name;
    if (version->failed) {
        return wait_for(maker, "%s could not be rendered", name);
    }
    if (!version->rendered) {
        return wait_for(NB_DESK_FARM, "rendering %s", name);
    }
    if (version->standing == NB_STANDING_CHANGES_REQUESTED) {
        return wait_for(maker, "changes to %s", name);
    }
    if (version->open_notes > 0) {
        return wait_for(maker, "%u open note%s on %s", version->open_notes,
                        version->open_notes == 1 ? "" : "s", name);
    }
    return wait_for(NB_DESK_ARTIST, "a decision on %s", name);
}

nb_desk_wait nb_desk_waits(const nb_desk_song *song)
{
    const nb_desk_version *mix = song->mix;
    const nb_desk_version *master = song->master;
    if (!mix) {
        return wait_for(NB_DESK_ENGINEER, "a first mix");
    }
    if (mix->standing != NB_STANDING_APPROVED) {
        return wait_of(mix, NB_DESK_ENGINEER); // also where an older one is approved: it moved on
    }
    if (!master) {
        return wait_for(NB_DESK_MASTERING, "a master of %s", mix->name);
    }
    if (strcmp(master->mix, mix->name) != 0) {
        return wait_for(NB_DESK_MASTERING, "a master of %s; %s is of %s", mix->name, master->name,
                        master->mix);
    }
    return master->standing == NB_STANDING_APPROVED
               ? wait_for(NB_DESK_NOBODY, "done: %s is approved", master->name)
               : wait_of(master, NB_DESK_MASTERING);
}
