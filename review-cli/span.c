// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/span.h"

#include "base/text.h"

#include <string.h>

static const int64_t longest_ms = INT64_C(3653) * 24 * 60 * 60 * 1000;

static const struct {
    char letter;
    int64_t ms;
} units[] = {{'s', 1000},
             {'m', INT64_C(60) * 1000},
             {'h', INT64_C(60) * 60 * 1000},
             {'d', INT64_C(24) * 60 * 60 * 1000},
             {'w', INT64_C(7) * 24 * 60 * 60 * 1000}};

static bool parse(const char *text, int64_t *out_ms)
{
    char digits[16];
    const size_t length = strspn(text, "0123456789");
    if (length == 0 || length >= sizeof digits || strlen(text) != length + 1) {
        return false;
    }
    memcpy(digits, text, length);
    digits[length] = '\0';
    for (size_t i = 0; i < NB_COUNT(units); i++) {
        int64_t count = 0;
        if (units[i].letter == text[length] &&
            nb_text_parse_integer(digits, 1, longest_ms / units[i].ms, &count, NULL) == NB_OK) {
            *out_ms = count * units[i].ms;
            return true;
        }
    }
    return false;
}

nb_status nb_span_parse(const char *option, const char *text, int64_t *out_ms, nb_error *err)
{
    *out_ms = 0;
    return parse(text, out_ms)
               ? NB_OK
               : nb_fail(err, NB_E_USAGE,
                         "--%s '%.40s': a number and s, m, h, d or w, at most ten years: 12h, 7d",
                         option, text);
}
