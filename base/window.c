// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/window.h"

#include <stdio.h>
#include <string.h>

enum { MINUTE_MS = 60000, DAY_MIN = 24 * 60 };

void nb_window_fini(nb_window *self) { nb_zone_destroy(&self->zone); }

// "HH:MM"; -1 if it is not.
static int minutes_of(const char *text)
{
    for (int i = 0; i < 5; i++) {
        if (i == 2 ? text[i] != ':' : (text[i] < '0' || text[i] > '9')) {
            return -1;
        }
    }
    const int hours = (text[0] - '0') * 10 + text[1] - '0';
    const int minutes = (text[3] - '0') * 10 + text[4] - '0';
    return (hours < 24 && minutes < 60) ? hours * 60 + minutes : -1;
}

nb_status nb_window_parse(const char *text, nb_window *out, nb_error *err)
{
    *out = (nb_window){0};
    const bool shaped = strlen(text) > 12 && text[5] == '-' && text[11] == ' ';
    out->from_min = shaped ? minutes_of(text) : -1;
    out->to_min = shaped ? minutes_of(text + 6) : -1;
    if (out->from_min < 0 || out->to_min < 0 || out->from_min == out->to_min) {
        return nb_fail(err, NB_E_INVALID, "\"%.80s\" are no hours: 22:00-06:00 Europe/Berlin, say",
                       text);
    }
    return nb_zone_load(text + 12, &out->zone, err);
}

bool nb_window_is_open(const nb_window *self, int64_t wall_ms)
{
    const int64_t utc_s = wall_ms / 1000;
    const int64_t local_s = utc_s + nb_zone_offset(self->zone, utc_s);
    const int minute = (int)(((local_s / 60) % DAY_MIN + DAY_MIN) % DAY_MIN);
    return (self->from_min < self->to_min) ? minute >= self->from_min && minute < self->to_min
                                           : minute >= self->from_min || minute < self->to_min;
}

int64_t nb_window_next_ms(const nb_window *self, int64_t wall_ms)
{
    const bool open = nb_window_is_open(self, wall_ms);
    int64_t at_ms = wall_ms - wall_ms % MINUTE_MS;
    for (int i = 0; i < 2 * DAY_MIN; i++) {
        at_ms += MINUTE_MS;
        if (nb_window_is_open(self, at_ms) != open) {
            return at_ms;
        }
    }
    return at_ms;
}
