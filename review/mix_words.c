// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/mix_words.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DECIMALS_MAX = 9 };

static const char arrow[] = " \u2192 ";

/// A unit as it ends names: "dB" is "_db", "%" is "_percent", "dB/oct" is "_db_oct".
static void unit_ending(const char *unit, char out[NB_MIX_WORDS_VALUE])
{
    size_t length = 0;
    out[length++] = '_';
    if (strcmp(unit, "%") == 0) {
        snprintf(out, NB_MIX_WORDS_VALUE, "_percent");
        return;
    }
    for (; *unit && length + 1 < NB_MIX_WORDS_VALUE; unit++) {
        out[length++] = isalnum((unsigned char)*unit) ? (char)tolower((unsigned char)*unit) : '_';
    }
    out[length] = '\0';
}

void nb_mix_words_label(const nb_mix_key *key, char out[NB_MIX_WORDS_LABEL])
{
    snprintf(out, NB_MIX_WORDS_LABEL, "%s", key->name);
    if (key->type == NB_KEY_PARAM && key->param->unit[0]) {
        char ending[NB_MIX_WORDS_VALUE];
        unit_ending(key->param->unit, ending);
        const size_t length = strlen(out);
        const size_t cut = strlen(ending);
        if (length > cut && strcmp(out + length - cut, ending) == 0) {
            out[length - cut] = '\0';
        }
    }
    for (char *at = out; *at; at++) {
        *at = *at == '_' ? ' ' : *at;
    }
}

/// Decimals that show about four digits of `value`, without zeros at the end.
static int decimals_of(double value)
{
    enum { DIGITS = 4 };
    if (value == 0.0 || !isfinite(value)) {
        return 0;
    }
    int decimals = DIGITS - 1 - (int)floor(log10(fabs(value)));
    decimals = decimals < 0 ? 0 : decimals > DECIMALS_MAX ? DECIMALS_MAX : decimals;
    char text[NB_MIX_WORDS_VALUE];
    snprintf(text, sizeof text, "%.*f", decimals, value);
    for (size_t end = strlen(text); decimals > 0 && text[end - 1] == '0'; end--) {
        decimals--;
    }
    return decimals;
}

/// Decimals that show two values, and that they differ.
static int decimals_for(double before, double after)
{
    const int left = decimals_of(before);
    const int right = decimals_of(after);
    int decimals = left > right ? left : right;
    for (; decimals < DECIMALS_MAX && before != after; decimals++) {
        char a[NB_MIX_WORDS_VALUE];
        char b[NB_MIX_WORDS_VALUE];
        snprintf(a, sizeof a, "%.*f", decimals, before);
        snprintf(b, sizeof b, "%.*f", decimals, after);
        if (strcmp(a, b) != 0) {
            break;
        }
    }
    return decimals;
}

static void add_number(const nb_param *param, double value, int decimals, nb_text *out)
{
    const bool is_level = param->scale == NB_SCALE_DB && param->min < 0.0 && param->max > 0.0;
    if (param->scale == NB_SCALE_CHOICE) {
        nb_text_add(out, param->choices[(size_t)value]);
    } else if (param->scale == NB_SCALE_SWITCH) {
        nb_text_add(out, value != 0.0 ? "on" : "off");
    } else if (isinf(value)) {
        nb_text_add(out, "off");
    } else {
        nb_text_addf(out, is_level && value > 0.0 ? "%+.*f" : "%.*f", decimals,
                     value == 0.0 ? 0.0 : value);
    }
}

static bool in_kilohertz(const nb_param *param, double value)
{
    return strcmp(param->unit, "Hz") == 0 && value >= 1000.0;
}

static bool has_unit(const nb_param *param, double value)
{
    return param->unit[0] && isfinite(value) && param->scale != NB_SCALE_CHOICE &&
           param->scale != NB_SCALE_SWITCH;
}

static void add_unit(const nb_param *param, double value, nb_text *out)
{
    if (has_unit(param, value)) {
        nb_text_addf(out, " %s%s", in_kilohertz(param, value) ? "k" : "", param->unit);
    }
}

void nb_mix_words_number(const nb_param *param, double value, nb_text *out)
{
    const double shown = in_kilohertz(param, value) ? value / 1000.0 : value;
    add_number(param, shown, decimals_of(shown), out);
    add_unit(param, value, out);
}

static void add_pair(const nb_param *param, double before, double after, const char *between,
                     nb_text *out)
{
    const bool one_unit = in_kilohertz(param, before) == in_kilohertz(param, after) &&
                          isfinite(before) && isfinite(after);
    if (!one_unit) {
        nb_mix_words_number(param, before, out);
        nb_text_add(out, between);
        nb_mix_words_number(param, after, out);
        return;
    }
    const double scale = in_kilohertz(param, before) ? 1000.0 : 1.0;
    const int decimals = decimals_for(before / scale, after / scale);
    add_number(param, before / scale, decimals, out);
    nb_text_add(out, between);
    add_number(param, after / scale, decimals, out);
    add_unit(param, after, out);
}

void nb_mix_words_numbers(const nb_param *param, double before, double after, nb_text *out)
{
    add_pair(param, before, after, arrow, out);
}

void nb_mix_words_range(const nb_param *param, double low, double high, nb_text *out)
{
    add_pair(param, low, high, " to ", out);
}

void nb_mix_words_time(double seconds, char out[NB_MIX_WORDS_VALUE])
{
    char text[NB_TEXT_TIME_SIZE];
    nb_text_format_time(seconds, text);
    char *dot = strchr(text, '.');
    for (size_t end = strlen(text); dot && (text[end - 1] == '0' || text[end - 1] == '.'); end--) {
        const bool at_dot = text[end - 1] == '.';
        text[end - 1] = '\0';
        dot = at_dot ? NULL : dot;
    }
    snprintf(out, NB_MIX_WORDS_VALUE, "%s", text);
}

void nb_mix_words_length(double seconds, char out[NB_MIX_WORDS_VALUE])
{
    const bool small = seconds < 1.0;
    const double shown = small ? seconds * 1000.0 : seconds;
    // Nanoseconds are exact in documents; noise of the subtraction behind them is not shown.
    const double clean = round(shown * 1e6) / 1e6;
    int decimals = decimals_of(clean);
    decimals = decimals > 6 ? 6 : decimals;
    snprintf(out, NB_MIX_WORDS_VALUE, "%.*f %s", decimals, clean, small ? "ms" : "s");
}

static void add_length(const json_t *value, const char *none, nb_text *out)
{
    char text[NB_MIX_WORDS_VALUE];
    nb_mix_words_length(json_number_value(value), text);
    nb_text_add(out, value ? text : none);
}

static void add_text(const nb_mix_key *key, const json_t *value, nb_text *out)
{
    const char *text = json_string_value(value);
    if (text) {
        nb_text_add(out, text);
    } else if (key->type == NB_KEY_NAME) { // a strip without a name goes by its id
        nb_text_add_bytes(out, key->strip.chars, key->strip.length);
    } else {
        nb_text_add(out, key->area == NB_MIX_OF_STRIP ? "mix" : "its own input");
    }
}

static void add_param(const nb_param *param, const json_t *before, const json_t *after, bool is_new,
                      nb_text *out)
{
    double old_value = param->initial;
    double new_value = old_value;
    if ((before && !nb_mix_param_number(param, before, &old_value)) ||
        (after && !nb_mix_param_number(param, after, &new_value))) {
        nb_text_add(out, "changed"); // another processor's parameter of the same name
    } else if (is_new) {
        nb_mix_words_number(param, new_value, out);
    } else if (param->scale == NB_SCALE_SWITCH) {
        add_number(param, new_value, 0, out);
    } else {
        nb_mix_words_numbers(param, old_value, new_value, out);
    }
}

void nb_mix_words_setting(const nb_mix_key *key, const json_t *before, const json_t *after,
                          bool is_new, nb_text *out)
{
    if (key->type == NB_KEY_PARAM) {
        add_param(key->param, before, after, is_new, out);
    } else if (key->type == NB_KEY_TIME) {
        const char *none = strcmp(key->name, "length") == 0 ? "to the end of the file" : "0";
        if (!is_new) {
            add_length(before, none, out);
            nb_text_add(out, arrow);
        }
        add_length(after, none, out);
    } else {
        if (!is_new) {
            add_text(key, before, out);
            nb_text_add(out, arrow);
        }
        add_text(key, after, out);
    }
}

/// May a line end before this space? Not between a number and its unit.
static bool may_break(const char *text, size_t at)
{
    const unsigned char next = (unsigned char)text[at + 1];
    const bool is_number = at > 0 && isdigit((unsigned char)text[at - 1]);
    return text[at] == ' ' && !(is_number && (isalpha(next) || next == '%'));
}

/// Where the line that begins at `text` ends: at a space, or in a word that is too long for any.
static size_t line_length(const char *text, size_t columns)
{
    char part[NB_MIX_WORDS_WIDTH * 4 + 1];
    size_t best = 0;
    for (size_t length = 0;; length++) {
        const bool at_end = text[length] == '\0';
        const bool inside = ((unsigned char)text[length] & 0xC0) == 0x80;
        if (at_end || (!inside && length > 0)) {
            snprintf(part, sizeof part, "%.*s", (int)length, text);
            if (length >= sizeof part || nb_text_columns(part) > columns) {
                return best > 0 ? best : length - 1;
            }
            best = at_end || may_break(text, length) ? length : best;
        }
        if (at_end) {
            return length;
        }
    }
}

void nb_mix_words_wrap(const char *text, size_t indent, const char *colour, const char *plain,
                       nb_text *out)
{
    NB_SCOPED(nb_text_free) char *copy = strdup(text);
    if (!copy) {
        out->failed = true;
        return;
    }
    nb_text_make_printable(copy);
    for (const char *at = copy; *at;) {
        size_t length = line_length(at, NB_MIX_WORDS_WIDTH - indent);
        while (((unsigned char)at[length] & 0xC0) == 0x80) {
            length--; // never inside a character
        }
        nb_text_addf(out, "%*s%s%.*s%s\n", (int)indent, "", colour, (int)length, at, plain);
        indent += at == copy ? 2 : 0;
        at += length;
        at += *at == ' ';
    }
}
