// SPDX-License-Identifier: GPL-3.0-or-later
// A table for people and their spreadsheets, quoted as RFC 4180 says. A spreadsheet takes a cell
// that begins with = + - @, a tab or a return for a formula, so such a cell gets an apostrophe in
// front, and so does one that already has apostrophes in front of such a character: taking one away
// gives back what it was.
#include "review/markers/format.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool wants_guard(const char *cell)
{
    const char first = cell[strspn(cell, "'")];
    return first != '\0' && strchr("=+-@\t\r", first) != NULL;
}

static void add_cell(nb_text *out, const char *cell)
{
    NB_SCOPED(nb_text_free)
    char *guarded = nb_text_format("%s%s", wants_guard(cell) ? "'" : "", cell);
    if (!guarded) {
        out->failed = true;
        return;
    }
    if (strpbrk(guarded, ",\"\r\n") || guarded[0] == ' ' || wants_guard(cell)) {
        nb_marker_add_quoted(out, guarded);
    } else {
        nb_text_add(out, guarded);
    }
}

static nb_status compose(const nb_markers *markers, const nb_marker_source *session, nb_text *out,
                         nb_error *err)
{
    (void)session;
    (void)err;
    nb_text_add(out, "number,start,end,start_s,end_s,author,state,text\r\n");
    for (size_t i = 0; i < markers->count; i++) {
        const nb_marker *marker = &markers->items[i];
        char start[NB_MARKER_TIME_SIZE];
        char end[NB_MARKER_TIME_SIZE] = "";
        char start_s[NB_MARKER_TIME_SIZE];
        char end_s[NB_MARKER_TIME_SIZE] = "";
        nb_marker_format_clock(marker->at_ns, start);
        nb_marker_format_seconds(marker->at_ns, 9, start_s);
        if (marker->end_ns > marker->at_ns) {
            nb_marker_format_clock(marker->end_ns, end);
            nb_marker_format_seconds(marker->end_ns, 9, end_s);
        }
        nb_text_addf(out, "%u,%s,%s,%s,%s,", marker->number ? marker->number : (unsigned)i + 1,
                     start, end, start_s, end_s);
        add_cell(out, marker->author ? marker->author : "");
        nb_text_addf(out, ",%s,", marker->resolved ? "resolved" : "open");
        add_cell(out, marker->text ? marker->text : "");
        nb_text_add(out, "\r\n");
    }
    return NB_OK;
}

/// Where the columns stand; -1 for those that are not there.
typedef struct columns {
    int number, start, end, author, state, text;
} columns;

static nb_status find_columns(const nb_marker_rows *rows, columns *out, nb_error *err)
{
    static const char *const number[] = {"number", "#", NULL};
    static const char *const start[] = {"start_s", "at_s", "start", "time", "at", "in", NULL};
    static const char *const end[] = {"end_s", "end", "out", NULL};
    static const char *const author[] = {"author", "person", "who", NULL};
    static const char *const state[] = {"state", "status", NULL};
    static const char *const text[] = {"text", "note", "comment", "name", "label", NULL};
    *out = (columns){nb_marker_rows_find(rows, number), nb_marker_rows_find(rows, start),
                     nb_marker_rows_find(rows, end),    nb_marker_rows_find(rows, author),
                     nb_marker_rows_find(rows, state),  nb_marker_rows_find(rows, text)};
    return out->start >= 0 && out->text >= 0
               ? NB_OK
               : nb_fail(err, NB_E_INVALID,
                         "%s: the first line must name the columns start and text", rows->where);
}

static const char *unguarded(const char *cell)
{
    return cell[0] == '\'' && wants_guard(cell) ? cell + 1 : cell;
}

static nb_status take_text(const nb_marker_rows *rows, int cell, char **out, nb_error *err)
{
    const char *text = unguarded(nb_marker_rows_cell(rows, cell));
    return nb_marker_text_clean(rows->where, text, strlen(text), NB_MARKER_WINDOWS_1252, out, err);
}

static nb_status parse_place(const nb_marker_rows *rows, int cell, int64_t *out_ns, nb_error *err)
{
    return nb_marker_parse_clock(unguarded(nb_marker_rows_cell(rows, cell)), out_ns)
               ? NB_OK
               : nb_fail(
                     err, NB_E_INVALID,
                     "%s: cell %d is not a time; write seconds (92.5), m:ss (1:32.5) or h:mm:ss",
                     rows->where, cell + 1);
}

static nb_status take_marker(const nb_marker_rows *rows, const columns *at, nb_markers *out,
                             nb_error *err)
{
    nb_marker marker = {.colour = NB_MARKER_NO_COLOUR};
    int64_t number = 0;
    nb_status status = parse_place(rows, at->start, &marker.at_ns, err);
    marker.end_ns = marker.at_ns;
    if (status == NB_OK && *nb_marker_rows_cell(rows, at->end)) {
        status = parse_place(rows, at->end, &marker.end_ns, err);
    }
    if (status == NB_OK) {
        status = take_text(rows, at->text, &marker.text, err);
    }
    if (status == NB_OK && *nb_marker_rows_cell(rows, at->author)) {
        status = take_text(rows, at->author, &marker.author, err);
    }
    if (status != NB_OK) {
        free(marker.text);
        return status;
    }
    const char *digits = nb_marker_rows_cell(rows, at->number);
    marker.number =
        nb_marker_parse_whole(digits + (*digits == '#' ? 1 : 0), &number) && number <= INT32_MAX
            ? (unsigned)number
            : 0;
    marker.resolved = strcasecmp(nb_marker_rows_cell(rows, at->state), "resolved") == 0;
    return nb_markers_take(out, &marker, rows->where, err);
}

/// Spreadsheets of other languages part cells with semicolons, or tabs.
static char separator_of(const nb_marker_source *source)
{
    const size_t length = strcspn(source->bytes, "\r\n");
    if (memchr(source->bytes, '\t', length)) {
        return '\t';
    }
    return !memchr(source->bytes, ',', length) && memchr(source->bytes, ';', length) ? ';' : ',';
}

static nb_status parse(const nb_marker_source *source, nb_markers *out, nb_error *err)
{
    NB_SCOPED(nb_marker_rows_fini) nb_marker_rows rows = {0};
    columns at;
    nb_status status = nb_marker_rows_open(source, separator_of(source), true, &rows, err);
    if (status != NB_OK || !nb_marker_rows_next(&rows)) {
        return status;
    }
    status = find_columns(&rows, &at, err);
    while (status == NB_OK && nb_marker_rows_next(&rows)) {
        status = take_marker(&rows, &at, out, err);
    }
    return status;
}

const nb_marker_codec nb_marker_codec_csv = {
    .name = "csv",
    .parse = parse,
    .compose = compose,
};
