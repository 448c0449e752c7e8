// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/note_time.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_SIZE = 64, BAR_MAX = 1000000 };

static const double ns_per_s = 1e9;
static const double day_ns = 24.0 * 60.0 * 60.0 * 1e9;

static nb_status refuse(const char *text, const char *why, nb_error *err)
{
    char shown[TEXT_SIZE];
    snprintf(shown, sizeof shown, "%s", text);
    nb_text_make_printable(shown);
    return nb_fail(err, NB_E_USAGE, "'%s' %s; write 1:32, 1:32.5-1:40, bar 33 or 33|2", shown, why);
}

/// "bar 33", "33|2", "bar 33|2.5"; `in_bars` takes "33" for a bar too.
static bool parse_bar(const char *text, bool in_bars, nb_note_moment *out)
{
    const bool says_bar = strncmp(text, "bar", 3) == 0;
    const char *at = says_bar ? text + 3 + strspn(text + 3, "s ") : text;
    char number[TEXT_SIZE];
    const size_t digits = strspn(at, "0123456789");
    int64_t bar = 0;
    if (digits == 0 || digits >= sizeof number || (!says_bar && !in_bars && at[digits] != '|')) {
        return false;
    }
    memcpy(number, at, digits);
    number[digits] = '\0';
    *out = (nb_note_moment){.beat = 1.0};
    if (nb_text_parse_integer(number, 1, BAR_MAX, &bar, NULL) != NB_OK) {
        return false;
    }
    out->bar = (unsigned)bar;
    return at[digits] == '\0' ||
           (at[digits] == '|' && at[digits + 1] >= '1' && at[digits + 1] <= '9' &&
            nb_text_parse_number(at + digits + 1, &out->beat, NULL) == NB_OK);
}

/// One side of a region. `before` is the other, where this is the second.
static nb_status parse_moment(const char *text, const nb_note_moment *before, nb_note_moment *out,
                              nb_error *err)
{
    *out = (nb_note_moment){0};
    const bool in_bars = before && before->bar > 0 && !strchr(text, ':') && !strchr(text, '.');
    if (in_bars || strncmp(text, "bar", 3) == 0 || strchr(text, '|')) {
        return parse_bar(text, in_bars, out) ? NB_OK : refuse(text, "names no bar", err);
    }
    if (nb_text_parse_time(text, &out->ns, NULL) != NB_OK) {
        return refuse(text, "is not a time", err);
    }
    return NB_OK;
}

nb_status nb_note_time_parse(const char *text, nb_note_moment out[2], nb_error *err)
{
    char first[TEXT_SIZE];
    const char *dash = strchr(text, '-');
    size_t length = dash ? (size_t)(dash - text) : strlen(text);
    if (text[0] == '-') {
        return refuse(text, "is before the song begins", err);
    }
    if (length >= sizeof first || strlen(text) >= 2 * sizeof first) {
        return refuse(text, "is no time", err);
    }
    while (length > 0 && text[length - 1] == ' ') {
        length--;
    }
    memcpy(first, text, length);
    first[length] = '\0';
    nb_status status = parse_moment(first, NULL, &out[0], err);
    out[1] = out[0];
    if (status == NB_OK && dash) {
        status = parse_moment(dash + 1 + strspn(dash + 1, " "), &out[0], &out[1], err);
    }
    const bool backwards =
        out[0].bar > 0 && out[1].bar > 0
            ? out[1].bar < out[0].bar || (out[1].bar == out[0].bar && out[1].beat < out[0].beat)
            : out[0].bar == 0 && out[1].bar == 0 && out[1].ns < out[0].ns;
    return (status == NB_OK && backwards) ? refuse(text, "ends before it begins", err) : status;
}

nb_status nb_note_time_resolve(const nb_note_moment *moment, const nb_document_tempo *tempos,
                               size_t tempo_count, int64_t *out_ns, nb_error *err)
{
    *out_ns = moment->ns;
    if (moment->bar == 0) {
        return NB_OK;
    }
    if (tempo_count == 0) {
        return nb_fail(err, NB_E_INVALID,
                       "bar %u: the song has no tempo map; say the time, or give it a tempo: in "
                       "mix.yaml",
                       moment->bar);
    }
    // Each line of the map begins a bar, as a change of meter does on the desk: what is left of the
    // bar before it is cut off.
    double bars = moment->bar - 1.0;
    for (size_t i = 0; i < tempo_count; i++) {
        const nb_document_tempo *tempo = &tempos[i];
        const double beat_ns = ns_per_s * 60.0 / tempo->bpm * 4.0 / tempo->unit;
        const double span_ns =
            i + 1 < tempo_count ? (double)(tempos[i + 1].ns - tempo->ns) : HUGE_VAL;
        const double span_bars = ceil(span_ns / (beat_ns * tempo->beats) - 1e-6);
        if (bars >= span_bars) {
            bars -= span_bars;
            continue;
        }
        if (moment->beat >= tempo->beats + 1.0) {
            return nb_fail(err, NB_E_INVALID, "bar %u has %u beats", moment->bar, tempo->beats);
        }
        const double ns =
            (double)tempo->ns + (bars * tempo->beats + (moment->beat - 1.0)) * beat_ns;
        if (ns > day_ns) {
            return nb_fail(err, NB_E_INVALID, "bar %u is behind 24 hours", moment->bar);
        }
        *out_ns = llround(ns);
        return NB_OK;
    }
    return nb_fail(err, NB_E_INVALID, "bar %u is behind the song", moment->bar);
}
