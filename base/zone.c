// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/zone.h"

#include "base/file.h"
#include "base/text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER_SIZE = 44,
    TRANSITIONS_MAX = 4000,
    DAY_S = 24 * 60 * 60,
};

/// "M3.5.0/2": the week-th (5: the last) weekday of a month, at `time_s` of the local day.
typedef struct change_rule {
    int month, week, weekday;
    int32_t time_s;
} change_rule;

/// What the file's last line says of the time behind its last transition.
typedef struct posix_rule {
    int32_t standard_s, summer_s; ///< Ahead of UTC
    change_rule begin, end;       ///< Of summer time
    enum { NO_RULE, CONSTANT, WITH_SUMMER } kind;
} posix_rule;

struct nb_zone {
    size_t count;
    int64_t *times;
    int32_t *offsets; ///< From times[i] on
    int32_t first_s;  ///< Before the first transition
    posix_rule rule;
};

void nb_zone_destroy(nb_zone **self_p)
{
    if (*self_p) {
        free((*self_p)->times);
        free((*self_p)->offsets);
        free(*self_p);
        *self_p = NULL;
    }
}

// ---- Days ----

// Days since 1970 of a date in the Gregorian calendar (Hinnant, days_from_civil).
static int64_t days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const int64_t year_of_era = year - era * 400;
    const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static int64_t year_of(int64_t utc_s)
{
    int64_t year = 1970 + utc_s / (365 * DAY_S + DAY_S / 4);
    while (days_of(year + 1, 1, 1) * DAY_S <= utc_s) {
        year++;
    }
    while (days_of(year, 1, 1) * DAY_S > utc_s) {
        year--;
    }
    return year;
}

static int weekday_of(int64_t days) { return (int)(((days + 4) % 7 + 7) % 7); } // 1970: Thursday

// Local seconds since 1970 at which the rule strikes in that year.
static int64_t moment_of(const change_rule *rule, int64_t year)
{
    const int64_t first = days_of(year, rule->month, 1);
    const int64_t next =
        (rule->month == 12) ? days_of(year + 1, 1, 1) : days_of(year, rule->month + 1, 1);
    int64_t day =
        first + (rule->weekday - weekday_of(first) + 7) % 7 + (int64_t)7 * (rule->week - 1);
    while (day >= next) { // the fifth is the last
        day -= 7;
    }
    return day * DAY_S + rule->time_s;
}

static int32_t rule_offset(const posix_rule *rule, int64_t utc_s)
{
    if (rule->kind != WITH_SUMMER) {
        return rule->standard_s;
    }
    const int64_t year = year_of(utc_s + rule->standard_s);
    const int64_t begin = moment_of(&rule->begin, year) - rule->standard_s;
    const int64_t end = moment_of(&rule->end, year) - rule->summer_s;
    const int is_summer = (begin < end) ? (utc_s >= begin && utc_s < end)
                                        : (utc_s >= begin || utc_s < end); // the south
    return is_summer ? rule->summer_s : rule->standard_s;
}

int32_t nb_zone_offset(const nb_zone *self, int64_t utc_s)
{
    if (self->count == 0 || utc_s >= self->times[self->count - 1]) {
        if (self->rule.kind != NO_RULE) {
            return rule_offset(&self->rule, utc_s);
        }
        return (self->count > 0) ? self->offsets[self->count - 1] : self->first_s;
    }
    size_t low = 0;
    size_t high = self->count;
    while (low < high) { // the first transition behind the moment
        const size_t middle = low + (high - low) / 2;
        if (self->times[middle] <= utc_s) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return (low > 0) ? self->offsets[low - 1] : self->first_s;
}

// ---- The last line: "CET-1CEST,M3.5.0,M10.5.0/3" ----

static bool skip_name(const char **at)
{
    const char *start = *at;
    if (**at == '<') {
        *at += strcspn(*at, ">");
        *at += (**at == '>') ? 1 : 0;
    } else {
        while (isalpha((unsigned char)**at)) {
            ++*at;
        }
    }
    return *at - start >= 3;
}

static bool read_number(const char **at, int most, int *out)
{
    int value = 0;
    const char *start = *at;
    while (**at >= '0' && **at <= '9' && value <= most) {
        value = value * 10 + (*(*at)++ - '0');
    }
    *out = value;
    return *at > start && value <= most;
}

// [+-]h[h[h]][:mm[:ss]]
static bool read_time(const char **at, int32_t *out_s)
{
    const int sign = (**at == '-') ? -1 : 1;
    *at += (**at == '-' || **at == '+') ? 1 : 0;
    int hours = 0;
    int minutes = 0;
    int seconds = 0;
    bool good = read_number(at, 167, &hours);
    if (good && **at == ':') {
        ++*at;
        good = read_number(at, 59, &minutes);
    }
    if (good && **at == ':') {
        ++*at;
        good = read_number(at, 59, &seconds);
    }
    *out_s = sign * (hours * 3600 + minutes * 60 + seconds);
    return good;
}

static bool read_rule(const char **at, change_rule *out)
{
    if ((*at)[0] != ',' || (*at)[1] != 'M') { // other forms are in no zone file today
        return false;
    }
    *at += 2;
    *out = (change_rule){.time_s = 2 * 3600};
    bool good = read_number(at, 12, &out->month) && out->month > 0 && *(*at)++ == '.';
    good = good && read_number(at, 5, &out->week) && out->week > 0 && *(*at)++ == '.';
    good = good && read_number(at, 6, &out->weekday);
    if (good && **at == '/') {
        ++*at;
        good = read_time(at, &out->time_s);
    }
    return good;
}

// Empty is fine: then the last transition's offset stays.
static bool read_posix(const char *text, posix_rule *out)
{
    *out = (posix_rule){0};
    if (text[0] == '\0') {
        return true;
    }
    if (!skip_name(&text) || !read_time(&text, &out->standard_s)) {
        return false;
    }
    out->standard_s = -out->standard_s; // POSIX counts westwards
    out->kind = CONSTANT;
    if (*text == '\0') {
        return true;
    }
    if (!skip_name(&text)) {
        return false;
    }
    out->summer_s = out->standard_s + 3600;
    if (*text != ',') {
        if (!read_time(&text, &out->summer_s)) {
            return false;
        }
        out->summer_s = -out->summer_s;
    }
    out->kind = WITH_SUMMER;
    return read_rule(&text, &out->begin) && read_rule(&text, &out->end) && *text == '\0';
}

// ---- The file ----

static int64_t read_big(const uint8_t *bytes, size_t size)
{
    uint64_t value = (bytes[0] & 0x80) ? UINT64_MAX : 0;
    for (size_t i = 0; i < size; i++) {
        value = (value << 8) | bytes[i];
    }
    return (int64_t)value;
}

/// The counts of a header, and where its data ends.
typedef struct block {
    const uint8_t *data;
    size_t utc, standard, leaps, transitions, types, chars;
    size_t time_size;
} block;

static bool read_block(const uint8_t *bytes, size_t size, size_t time_size, block *out,
                       size_t *out_length)
{
    if (size < HEADER_SIZE || memcmp(bytes, "TZif", 4) != 0) {
        return false;
    }
    size_t *const counts[] = {&out->utc,         &out->standard, &out->leaps,
                              &out->transitions, &out->types,    &out->chars};
    for (size_t i = 0; i < NB_COUNT(counts); i++) {
        const int64_t count = read_big(bytes + 20 + 4 * i, 4);
        if (count < 0 || count > NB_ZONE_FILE_MAX) {
            return false;
        }
        *counts[i] = (size_t)count;
    }
    out->time_size = time_size;
    out->data = bytes + HEADER_SIZE;
    *out_length = HEADER_SIZE + out->transitions * (time_size + 1) + out->types * 6 + out->chars +
                  out->leaps * (time_size + 4) + out->standard + out->utc;
    return *out_length <= size && out->transitions <= TRANSITIONS_MAX && out->types > 0;
}

static nb_status fill(nb_zone *self, const block *from, const char *name, nb_error *err)
{
    const uint8_t *times = from->data;
    const uint8_t *indices = times + from->transitions * from->time_size;
    const uint8_t *types = indices + from->transitions;
    const size_t count = from->transitions;
    self->times = calloc(count + 1, sizeof *self->times);
    self->offsets = calloc(count + 1, sizeof *self->offsets);
    if (!self->times || !self->offsets) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the time zone %s", name);
    }
    self->first_s = (int32_t)read_big(types, 4);
    for (size_t i = 0; i < count; i++) {
        self->times[i] = read_big(times + i * from->time_size, from->time_size);
        if (indices[i] >= from->types || (i > 0 && self->times[i] <= self->times[i - 1])) {
            return nb_fail(err, NB_E_CORRUPT, "time zone %s: its file is damaged", name);
        }
        self->offsets[i] = (int32_t)read_big(types + (size_t)6 * indices[i], 4);
    }
    self->count = count;
    return NB_OK;
}

static nb_status read_file(nb_zone *self, const char *name, const uint8_t *bytes, size_t size,
                           nb_error *err)
{
    block first = {0};
    block second = {0};
    size_t first_length = 0;
    size_t second_length = 0;
    char line[128] = "";
    bool good = read_block(bytes, size, 4, &first, &first_length) && bytes[4] >= '2' &&
                read_block(bytes + first_length, size - first_length, 8, &second, &second_length);
    const size_t behind = first_length + second_length;
    if (good && behind < size && bytes[behind] == '\n') {
        const uint8_t *end = memchr(bytes + behind + 1, '\n', size - behind - 1);
        const size_t length = end ? (size_t)(end - (bytes + behind + 1)) : sizeof line;
        good = length < sizeof line;
        memcpy(line, bytes + behind + 1, good ? length : 0);
        line[good ? length : 0] = '\0';
    }
    if (!good || !read_posix(line, &self->rule)) {
        return nb_fail(err, NB_E_CORRUPT, "time zone %s: not a zone file this program reads", name);
    }
    return fill(self, &second, name, err);
}

nb_status nb_zone_parse(const char *name, const void *bytes, size_t size, nb_zone **out_zone,
                        nb_error *err)
{
    *out_zone = NULL;
    NB_SCOPED(nb_zone_destroy) nb_zone *self = calloc(1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the time zone %s", name);
    }
    const nb_status status = read_file(self, name, bytes, size, err);
    if (status == NB_OK) {
        *out_zone = self;
        self = NULL; // the caller's now
    }
    return status;
}

static bool is_zone_name(const char *name)
{
    for (const char *c = name; *c; c++) {
        if (!isalnum((unsigned char)*c) && !strchr("_+-/", *c)) {
            return false; // so no dots either: the name stays in its folder
        }
    }
    return isalpha((unsigned char)name[0]) && strlen(name) < NB_ZONE_NAME_SIZE;
}

nb_status nb_zone_load(const char *name, nb_zone **out_zone, nb_error *err)
{
    *out_zone = NULL;
    char path[128];
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    size_t size = 0;
    nb_status status = NB_E_NOT_FOUND;
    if (is_zone_name(name)) {
        snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
        status = nb_file_read(path, NB_ZONE_FILE_MAX, &bytes, &size, NULL);
    }
    if (status != NB_OK) {
        return nb_fail(err, NB_E_NOT_FOUND,
                       "\"%.64s\" is no time zone here: names are as in /usr/share/zoneinfo, "
                       "Europe/Berlin or UTC",
                       name);
    }
    return nb_zone_parse(name, bytes, size, out_zone, err);
}
