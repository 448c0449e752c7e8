// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/hours.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char zones[] = "/zoneinfo/";

/// The zone this machine is in: TZ where it is a name, else what /etc/localtime leads to.
static void zone_here(char out[NB_ZONE_NAME_SIZE])
{
    const char *set = getenv("TZ");
    char path[PATH_MAX];
    nb_zone *zone = NULL;
    snprintf(out, NB_ZONE_NAME_SIZE, "%s", set && set[0] == ':' ? set + 1 : set ? set : "");
    if (out[0] && nb_zone_load(out, &zone, NULL) == NB_OK) {
        nb_zone_destroy(&zone);
        return;
    }
    const ssize_t length = readlink("/etc/localtime", path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    const char *name = strstr(path, zones);
    snprintf(out, NB_ZONE_NAME_SIZE, "%s", name ? name + strlen(zones) : "UTC");
}

nb_status nb_hours_get(const nb_args *args, char out[NB_WINDOW_TEXT_SIZE], bool *out_given,
                       nb_error *err)
{
    const char *hours = nb_args_get(args, "window");
    const char *zone = nb_args_get(args, "zone");
    char here[NB_ZONE_NAME_SIZE];
    out[0] = '\0';
    *out_given = hours != NULL;
    if (!hours) {
        return zone ? nb_fail(err, NB_E_USAGE, "--zone goes with --window") : NB_OK;
    }
    if (strcmp(hours, "none") == 0) {
        return NB_OK;
    }
    if (!zone) {
        zone_here(here);
        zone = here;
    }
    snprintf(out, NB_WINDOW_TEXT_SIZE, "%.20s %.64s", hours, zone);
    nb_window window;
    const nb_status status = nb_window_parse(out, &window, err);
    nb_window_fini(&window);
    if (status != NB_OK && err) {
        err->status = NB_E_USAGE;
    }
    return status == NB_OK ? NB_OK : NB_E_USAGE;
}
