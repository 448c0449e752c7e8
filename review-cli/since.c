// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/since.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t unit_ms(char unit)
{
    enum { MINUTE_MS = 60000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS };
    switch (unit) {
    case 'm':
        return MINUTE_MS;
    case 'h':
        return HOUR_MS;
    case 'd':
        return DAY_MS;
    case 'w':
        return 7LL * DAY_MS;
    default:
        return 0;
    }
}

/// "2026-11-01"; the day must be one.
static bool parse_date(const char *text, int64_t *out_ms)
{
    static const char digits[] = "0123456789";
    if (strlen(text) != 10 || strspn(text, digits) != 4 || text[4] != '-' ||
        strspn(text + 5, digits) != 2 || text[7] != '-' || strspn(text + 8, digits) != 2) {
        return false;
    }
    struct tm day = {.tm_year = (int)strtol(text, NULL, 10) - 1900,
                     .tm_mon = (int)strtol(text + 5, NULL, 10) - 1,
                     .tm_mday = (int)strtol(text + 8, NULL, 10)};
    const struct tm said = day;
    const time_t seconds = timegm(&day); // makes 31 April the first of May
    *out_ms = (int64_t)seconds * 1000;
    return day.tm_year == said.tm_year && day.tm_mon == said.tm_mon && day.tm_mday == said.tm_mday;
}

nb_status nb_since_parse(const char *text, int64_t now_ms, int64_t *out_ms, nb_error *err)
{
    enum { NUMBER_MAX = 100000 };
    const size_t length = strlen(text);
    char number[16] = "";
    int64_t count = 0;
    if (length > 1 && length < sizeof number) {
        memcpy(number, text, length - 1);
    }
    const int64_t unit = length > 1 ? unit_ms(text[length - 1]) : 0;
    if (unit > 0 && number[0] >= '0' && number[0] <= '9' &&
        nb_text_parse_integer(number, 0, NUMBER_MAX, &count, NULL) == NB_OK) {
        *out_ms = now_ms - count * unit;
        return NB_OK;
    }
    if (parse_date(text, out_ms)) {
        return NB_OK;
    }
    char shown[40];
    snprintf(shown, sizeof shown, "%s", text);
    nb_text_make_printable(shown);
    return nb_fail(err, NB_E_USAGE, "\"%s\" is no time: write 3h, 2d, 1w, or 2026-11-01", shown);
}
