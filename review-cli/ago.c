// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/ago.h"

#include <stdio.h>
#include <time.h>

void nb_ago_format(int64_t wall_ms, int64_t now_ms, char out[NB_AGO_SIZE])
{
    static const int64_t minute_s = 60;
    static const int64_t hour_s = 3600;
    static const int64_t day_s = 86400;
    const int64_t seconds = (now_ms - wall_ms) / 1000;
    if (seconds < 10) {
        snprintf(out, NB_AGO_SIZE, "just now");
    } else if (seconds < minute_s) {
        snprintf(out, NB_AGO_SIZE, "%lld s ago", (long long)seconds);
    } else if (seconds < hour_s) {
        snprintf(out, NB_AGO_SIZE, "%lld min ago", (long long)(seconds / minute_s));
    } else if (seconds < day_s) {
        snprintf(out, NB_AGO_SIZE, "%lld h ago", (long long)(seconds / hour_s));
    } else if (seconds < 7 * day_s) {
        const long long days = (long long)(seconds / day_s);
        snprintf(out, NB_AGO_SIZE, "%lld day%s ago", days, days == 1 ? "" : "s");
    } else {
        const time_t moment = (time_t)(wall_ms / 1000);
        struct tm local;
        if (!localtime_r(&moment, &local) || strftime(out, NB_AGO_SIZE, "%Y-%m-%d", &local) == 0) {
            snprintf(out, NB_AGO_SIZE, "long ago");
        }
    }
}
