// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"

#include <time.h>

static int64_t read_ms(clockid_t clock)
{
    struct timespec now = {0};
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t nb_clock_ms(void) { return read_ms(CLOCK_BOOTTIME); }

int64_t nb_clock_us(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t nb_clock_wall_ms(void) { return read_ms(CLOCK_REALTIME); }

void nb_clock_iso(int64_t wall_ms, char out[NB_CLOCK_ISO_SIZE])
{
    const time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc = {0};
    gmtime_r(&seconds, &utc);
    strftime(out, NB_CLOCK_ISO_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

void nb_clock_sleep_ms(int64_t ms)
{
    const struct timespec pause = {ms / 1000, (ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
}
