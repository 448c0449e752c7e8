// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/markers/format.h"

#include <string.h>

const int64_t nb_marker_second_ns = 1000000000;
const int64_t nb_marker_time_max_ns = 24LL * 60 * 60 * 1000000000;

/// Up to `most` digits at `*at_p`; false if there are none or more.
static bool take_digits(const char **at_p, size_t most, int64_t *out)
{
    const size_t digits = strspn(*at_p, "0123456789");
    if (digits == 0 || digits > most) {
        return false;
    }
    *out = 0;
    for (size_t i = 0; i < digits; i++) {
        *out = *out * 10 + ((*at_p)[i] - '0');
    }
    *at_p += digits;
    return true;
}

/// ".25" or nothing, up to the end of the text. Digits behind the ninth round.
static bool take_fraction(const char *at, const char *points, int64_t *out_ns)
{
    *out_ns = 0;
    if (*at == '\0') {
        return true;
    }
    if (!strchr(points, *at)) {
        return false;
    }
    const char *digits = at + 1;
    const size_t count = strspn(digits, "0123456789");
    for (size_t i = 0; i < 9; i++) {
        *out_ns = *out_ns * 10 + (i < count ? digits[i] - '0' : 0);
    }
    *out_ns += count > 9 && digits[9] >= '5' ? 1 : 0;
    return count > 0 && digits[count] == '\0';
}

static bool parse_seconds(const char *text, const char *points, int64_t *out_ns)
{
    const bool negative = *text == '-';
    const char *at = text + (negative ? 1 : 0);
    int64_t seconds = 0;
    int64_t fraction_ns = 0;
    if (!take_digits(&at, 9, &seconds) || !take_fraction(at, points, &fraction_ns)) {
        return false;
    }
    *out_ns = (seconds * nb_marker_second_ns + fraction_ns) * (negative ? -1 : 1);
    return true;
}

bool nb_marker_parse_seconds(const char *text, int64_t *out_ns)
{
    return parse_seconds(text, ".", out_ns);
}

bool nb_marker_parse_seconds_comma(const char *text, int64_t *out_ns)
{
    return parse_seconds(text, ".,", out_ns);
}

bool nb_marker_parse_clock(const char *text, int64_t *out_ns)
{
    const bool negative = *text == '-';
    const char *at = text + (negative ? 1 : 0);
    int64_t parts[3] = {0};
    size_t count = 0;
    int64_t fraction_ns = 0;
    if (!take_digits(&at, 9, &parts[count++])) {
        return false;
    }
    while (*at == ':' && count < 3) {
        at++;
        if (!take_digits(&at, 2, &parts[count]) || parts[count++] >= 60) {
            return false;
        }
    }
    if (!take_fraction(at, ".,", &fraction_ns)) {
        return false;
    }
    int64_t seconds = 0;
    for (size_t i = 0; i < count; i++) {
        seconds = seconds * 60 + parts[i];
    }
    if (seconds > 1000000000) { // more would not fit nanoseconds
        return false;
    }
    *out_ns = (seconds * nb_marker_second_ns + fraction_ns) * (negative ? -1 : 1);
    return true;
}

bool nb_marker_parse_whole(const char *text, int64_t *out)
{
    const char *at = text;
    return take_digits(&at, 18, out) && *at == '\0';
}

int64_t nb_marker_scale(int64_t a, int64_t b, int64_t c)
{
    const __int128 value = ((__int128)a * b * 2 + c) / ((__int128)c * 2);
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

int64_t nb_markers_frame_to_ns(int64_t frame, unsigned rate_hz)
{
    return rate_hz == 0 || frame <= 0 ? 0 : nb_marker_scale(frame, nb_marker_second_ns, rate_hz);
}

void nb_marker_format_clock(int64_t ns, char out[NB_MARKER_TIME_SIZE])
{
    const long long ms = (long long)((ns + 500000) / 1000000);
    const long long minutes = ms / 60000;
    const int rest = (int)(ms % 60000);
    if (minutes >= 60) {
        snprintf(out, NB_MARKER_TIME_SIZE, "%lld:%02lld:%02d.%03d", minutes / 60, minutes % 60,
                 rest / 1000, rest % 1000);
    } else {
        snprintf(out, NB_MARKER_TIME_SIZE, "%lld:%02d.%03d", minutes, rest / 1000, rest % 1000);
    }
}

void nb_marker_format_seconds(int64_t ns, unsigned decimals, char out[NB_MARKER_TIME_SIZE])
{
    int64_t scale = 1;
    for (unsigned i = decimals; i < 9; i++) {
        scale *= 10;
    }
    const int64_t units = (ns + scale / 2) / scale;
    const int64_t per_second = nb_marker_second_ns / scale;
    snprintf(out, NB_MARKER_TIME_SIZE, "%lld.%0*lld", (long long)(units / per_second),
             (int)decimals, (long long)(units % per_second));
}
