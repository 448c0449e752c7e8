// SPDX-License-Identifier: GPL-3.0-or-later
// Adobe Audition's marker list: a .csv whose separators are tabs, `Name Start Duration Time Format
// Type Description`, times as `1:04.608` where Time Format is decimal.
#include "review/markers/format.h"

#include <string.h>
#include <strings.h>

/// Where the columns stand.
typedef struct columns {
    int name, start, duration, format, description;
} columns;

static nb_status find_columns(const nb_marker_rows *rows, columns *out, nb_error *err)
{
    static const char *const name[] = {"Name", NULL};
    static const char *const start[] = {"Start", NULL};
    static const char *const duration[] = {"Duration", NULL};
    static const char *const format[] = {"Time Format", NULL};
    static const char *const description[] = {"Description", NULL};
    *out = (columns){nb_marker_rows_find(rows, name), nb_marker_rows_find(rows, start),
                     nb_marker_rows_find(rows, duration), nb_marker_rows_find(rows, format),
                     nb_marker_rows_find(rows, description)};
    return out->name >= 0 && out->start >= 0
               ? NB_OK
               : nb_fail(err, NB_E_INVALID,
                         "%s: not Audition's markers: the first line must name the columns Name "
                         "and Start, with tabs between them",
                         rows->where);
}

static nb_status parse_place(const nb_marker_rows *rows, const columns *at, int cell,
                             int64_t *out_ns, nb_error *err)
{
    const char *format = nb_marker_rows_cell(rows, at->format);
    if (*format && strcasecmp(format, "decimal") != 0) {
        return nb_fail(err, NB_E_INVALID,
                       "%s: the time format is not decimal; set it to Decimal (mm:ss.ddd) in "
                       "Audition and export again",
                       rows->where);
    }
    return nb_marker_parse_clock(nb_marker_rows_cell(rows, cell), out_ns)
               ? NB_OK
               : nb_fail(err, NB_E_INVALID, "%s: cell %d is not a time like 1:04.608", rows->where,
                         cell + 1);
}

/// The name, with the description under it where there is one.
static nb_status parse_text(const nb_marker_rows *rows, const columns *at, char **out,
                            nb_error *err)
{
    const char *name = nb_marker_rows_cell(rows, at->name);
    const char *description = nb_marker_rows_cell(rows, at->description);
    NB_SCOPED(nb_text_free) char *both = nb_text_format("%s\n%s", name, description);
    if (!both) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a marker");
    }
    return nb_marker_text_clean(rows->where, both, strlen(both), NB_MARKER_WINDOWS_1252, out, err);
}

static nb_status take_marker(const nb_marker_rows *rows, const columns *at, nb_markers *out,
                             nb_error *err)
{
    nb_marker marker = {.colour = NB_MARKER_NO_COLOUR};
    int64_t duration_ns = 0;
    nb_status status = parse_place(rows, at, at->start, &marker.at_ns, err);
    if (status == NB_OK && *nb_marker_rows_cell(rows, at->duration)) {
        status = parse_place(rows, at, at->duration, &duration_ns, err);
    }
    if (status == NB_OK) {
        status = parse_text(rows, at, &marker.text, err);
    }
    marker.end_ns = marker.at_ns + duration_ns;
    return status == NB_OK ? nb_markers_take(out, &marker, rows->where, err) : status;
}

static nb_status parse(const nb_marker_source *source, nb_markers *out, nb_error *err)
{
    NB_SCOPED(nb_marker_rows_fini) nb_marker_rows rows = {0};
    columns at;
    nb_status status = nb_marker_rows_open(source, '\t', false, &rows, err);
    if (status != NB_OK || !nb_marker_rows_next(&rows)) {
        return status;
    }
    status = find_columns(&rows, &at, err);
    while (status == NB_OK && nb_marker_rows_next(&rows)) {
        status = take_marker(&rows, &at, out, err);
    }
    return status;
}

static nb_status compose(const nb_markers *markers, const nb_marker_source *session, nb_text *out,
                         nb_error *err)
{
    (void)session;
    nb_text_add(out, "Name\tStart\tDuration\tTime Format\tType\tDescription\n");
    for (size_t i = 0; i < markers->count; i++) {
        const nb_marker *marker = &markers->items[i];
        NB_SCOPED(nb_text_free) char *label = nb_marker_label_line(marker);
        char start[NB_MARKER_TIME_SIZE];
        char duration[NB_MARKER_TIME_SIZE];
        if (!label) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for the markers");
        }
        nb_marker_format_clock(marker->at_ns, start);
        nb_marker_format_clock(marker->end_ns - marker->at_ns, duration);
        nb_text_addf(out, "%s\t%s\t%s\tdecimal\tCue\t\n", label, start, duration);
    }
    return NB_OK;
}

const nb_marker_codec nb_marker_codec_audition = {
    .name = "audition",
    .parse = parse,
    .compose = compose,
};
