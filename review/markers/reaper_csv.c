// SPDX-License-Identifier: GPL-3.0-or-later
// REAPER's region/marker list as CSV: `#,Name,Start,End,Length,Color`, where # is M1 or R1. A line
// is one to six fields parted by commas or blanks. Times follow the project's ruler, so only those
// of Minutes:Seconds (and plain seconds) mean the same everywhere.
#include "review/markers/format.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/// Where the fields stand; -1 for those that are not there.
typedef struct columns {
    int number, name, start, end, length, colour;
} columns;

static const columns usual_columns = {0, 1, 2, 3, 4, 5};

/// "M1", "R12".
static bool is_marker_id(const char *text)
{
    const size_t digits = strspn(text + (text[0] ? 1 : 0), "0123456789");
    return (text[0] == 'M' || text[0] == 'R') && digits > 0 && digits < 9 &&
           text[1 + digits] == '\0';
}

/// Take the header apart; false if the row is none.
static bool find_columns(const nb_marker_rows *rows, columns *out)
{
    static const char *const number[] = {"#", NULL};
    static const char *const name[] = {"Name", NULL};
    static const char *const start[] = {"Start", NULL};
    static const char *const end[] = {"End", NULL};
    static const char *const length[] = {"Length", NULL};
    static const char *const colour[] = {"Color", "Colour", NULL};
    *out = (columns){nb_marker_rows_find(rows, number), nb_marker_rows_find(rows, name),
                     nb_marker_rows_find(rows, start),  nb_marker_rows_find(rows, end),
                     nb_marker_rows_find(rows, length), nb_marker_rows_find(rows, colour)};
    return out->start >= 0 && (out->name >= 0 || out->number >= 0);
}

/// How many of `wanted` there are in `text`.
static size_t count_of(const char *text, char wanted)
{
    size_t count = 0;
    for (; *text; text++) {
        count += *text == wanted ? 1 : 0;
    }
    return count;
}

static nb_status parse_place(const nb_marker_rows *rows, int cell, int64_t *out_ns, nb_error *err)
{
    const char *text = nb_marker_rows_cell(rows, cell);
    if (nb_marker_parse_clock(text, out_ns)) {
        return NB_OK;
    }
    char shown[48];
    snprintf(shown, sizeof shown, "%.40s", text);
    nb_text_make_printable(shown);
    const char *unit = count_of(text, '.') > 1   ? " is in bars"
                       : count_of(text, ':') > 2 ? " is in frames of video"
                                                 : " is not a time";
    return nb_fail(err, NB_E_INVALID,
                   "%s: '%s'%s; set REAPER's ruler to Minutes:Seconds and export again",
                   rows->where, shown, unit);
}

static int parse_colour(const char *text)
{
    text += *text == '#' ? 1 : 0;
    for (size_t i = 0; i < 6; i++) {
        if (!isxdigit((unsigned char)text[i])) {
            return NB_MARKER_NO_COLOUR;
        }
    }
    return text[6] == '\0' ? (int)strtol(text, NULL, 16) : NB_MARKER_NO_COLOUR;
}

static nb_status take_marker(const nb_marker_rows *rows, const columns *at, nb_markers *out,
                             nb_error *err)
{
    nb_marker marker = {.colour = parse_colour(nb_marker_rows_cell(rows, at->colour))};
    const char *number = nb_marker_rows_cell(rows, at->number);
    const char *name = nb_marker_rows_cell(rows, at->name);
    int64_t length_ns = 0;
    nb_status status = parse_place(rows, at->start, &marker.at_ns, err);
    marker.end_ns = marker.at_ns;
    if (status == NB_OK && *nb_marker_rows_cell(rows, at->end)) {
        status = parse_place(rows, at->end, &marker.end_ns, err);
    } else if (status == NB_OK && *nb_marker_rows_cell(rows, at->length)) {
        status = parse_place(rows, at->length, &length_ns, err);
        marker.end_ns += length_ns;
    }
    if (status == NB_OK) {
        status = nb_marker_text_clean(rows->where, name, strlen(name), NB_MARKER_WINDOWS_1252,
                                      &marker.text, err);
    }
    if (status != NB_OK) {
        return status;
    }
    marker.number = is_marker_id(number) ? (unsigned)strtoul(number + 1, NULL, 10) : 0;
    return nb_markers_take(out, &marker, rows->where, err);
}

/// The first row tells: a header, or the fields in their usual order, or a name and a start.
static nb_status parse_rows(nb_marker_rows *rows, nb_markers *out, nb_error *err)
{
    columns at = usual_columns;
    nb_status status = NB_OK;
    bool more = nb_marker_rows_next(rows);
    if (more && find_columns(rows, &at)) {
        more = nb_marker_rows_next(rows);
    } else if (more) {
        const bool numbered = is_marker_id(nb_marker_rows_cell(rows, 0)) || rows->count > 3;
        at = numbered ? usual_columns : (columns){-1, 0, 1, 2, -1, -1};
    }
    for (; more && status == NB_OK; more = nb_marker_rows_next(rows)) {
        status = take_marker(rows, &at, out, err);
    }
    return status;
}

static nb_status parse(const nb_marker_source *source, nb_markers *out, nb_error *err)
{
    NB_SCOPED(nb_marker_rows_fini) nb_marker_rows rows = {0};
    const size_t first_line = strcspn(source->bytes, "\r\n");
    const char separator = memchr(source->bytes, ',', first_line) ? ',' : ' ';
    const nb_status status = nb_marker_rows_open(source, separator, true, &rows, err);
    return status == NB_OK ? parse_rows(&rows, out, err) : status;
}

static nb_status compose(const nb_markers *markers, const nb_marker_source *session, nb_text *out,
                         nb_error *err)
{
    (void)session;
    nb_text_add(out, "#,Name,Start,End,Length,Color\n");
    unsigned counts[2] = {0};
    for (size_t i = 0; i < markers->count; i++) {
        const nb_marker *marker = &markers->items[i];
        const bool region = marker->end_ns > marker->at_ns;
        const unsigned count = ++counts[region];
        NB_SCOPED(nb_text_free) char *label = nb_marker_label_line(marker);
        if (!label) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for the markers");
        }
        char start[NB_MARKER_TIME_SIZE];
        char end[NB_MARKER_TIME_SIZE] = "";
        char length[NB_MARKER_TIME_SIZE] = "";
        nb_marker_format_clock(marker->at_ns, start);
        if (region) {
            nb_marker_format_clock(marker->end_ns, end);
            nb_marker_format_clock(marker->end_ns - marker->at_ns, length);
        }
        nb_text_addf(out, "%c%u,", region ? 'R' : 'M', marker->number ? marker->number : count);
        nb_marker_add_quoted(out, label);
        nb_text_addf(out, ",%s,%s,%s,", start, end, length);
        if (marker->colour >= 0) {
            nb_text_addf(out, "%06X", (unsigned)marker->colour & 0xffffffu);
        }
        nb_text_add(out, "\n");
    }
    return NB_OK;
}

const nb_marker_codec nb_marker_codec_reaper_csv = {
    .name = "reaper-csv",
    .parse = parse,
    .compose = compose,
};
