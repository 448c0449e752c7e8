// SPDX-License-Identifier: GPL-3.0-or-later
// Audacity's labels: `start TAB end TAB label` in seconds, equal times for a point. It writes a
// decimal point and reads a comma too; a line that begins with a backslash is the spectral
// selection of the label before it.
#include "review/markers/format.h"

#include <string.h>

static nb_status take_label(const nb_marker_rows *rows, nb_markers *out, nb_error *err)
{
    nb_marker marker = {.colour = NB_MARKER_NO_COLOUR};
    const char *second = nb_marker_rows_cell(rows, 1);
    if (!nb_marker_parse_seconds_comma(nb_marker_rows_cell(rows, 0), &marker.at_ns)) {
        return nb_fail(err, NB_E_INVALID, "%s: a label begins with its start in seconds and a tab",
                       rows->where);
    }
    // Without an end the second cell is the text of a point.
    const bool has_end = nb_marker_parse_seconds_comma(second, &marker.end_ns);
    marker.end_ns = has_end ? marker.end_ns : marker.at_ns;
    const char *text = has_end ? nb_marker_rows_cell(rows, 2) : second;
    const nb_status status = nb_marker_text_clean(rows->where, text, strlen(text),
                                                  NB_MARKER_WINDOWS_1252, &marker.text, err);
    return status == NB_OK ? nb_markers_take(out, &marker, rows->where, err) : status;
}

static nb_status parse(const nb_marker_source *source, nb_markers *out, nb_error *err)
{
    NB_SCOPED(nb_marker_rows_fini) nb_marker_rows rows = {0};
    nb_status status = nb_marker_rows_open(source, '\t', false, &rows, err);
    while (status == NB_OK && nb_marker_rows_next(&rows)) {
        status = rows.cells[0][0] == '\\' ? NB_OK : take_label(&rows, out, err);
    }
    return status;
}

static nb_status compose(const nb_markers *markers, const nb_marker_source *session, nb_text *out,
                         nb_error *err)
{
    (void)session;
    for (size_t i = 0; i < markers->count; i++) {
        NB_SCOPED(nb_text_free) char *label = nb_marker_label_line(&markers->items[i]);
        char start[NB_MARKER_TIME_SIZE];
        char end[NB_MARKER_TIME_SIZE];
        if (!label) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for the markers");
        }
        nb_marker_format_seconds(markers->items[i].at_ns, 6, start);
        nb_marker_format_seconds(markers->items[i].end_ns, 6, end);
        nb_text_addf(out, "%s\t%s\t%s\n", start, end, label);
    }
    return NB_OK;
}

const nb_marker_codec nb_marker_codec_audacity = {
    .name = "audacity",
    .parse = parse,
    .compose = compose,
};
