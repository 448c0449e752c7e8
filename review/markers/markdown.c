// SPDX-License-Identifier: GPL-3.0-or-later
// A list to tick off, for a message or a page: written only.
#include "review/markers/format.h"

#include <ctype.h>
#include <string.h>

static void add_indent(nb_text *out)
{
    enum { COLUMNS = 6 }; // under "- [ ] "
    nb_text_addf(out, "\n%*s", COLUMNS, "");
}

/// Text as it shall be read, not as signs of Markdown or HTML.
static void add_plain(nb_text *out, const char *text)
{
    enum { START, NUMBER, INSIDE } place = START; // of the line: "- a" and "1. a" would be lists
    for (const char *at = text; *at; at++) {
        const char c = *at;
        if (c == '\n') {
            nb_text_add(out, "  ");
            add_indent(out);
            place = START;
            continue;
        }
        const bool begins_list =
            (place == START && strchr("-+=", c)) || (place == NUMBER && strchr(".)", c));
        if (begins_list || strchr("\\`*_[]<>#|~&", c)) {
            nb_text_add(out, "\\");
        }
        nb_text_add_bytes(out, at, 1);
        if (!(place == START && (c == ' ' || c == '\t'))) {
            place = place != INSIDE && isdigit((unsigned char)c) ? NUMBER : INSIDE;
        }
    }
}

static nb_status compose(const nb_markers *markers, const nb_marker_source *session, nb_text *out,
                         nb_error *err)
{
    (void)session;
    (void)err;
    nb_text_add(out, "# Notes");
    if (markers->title) {
        nb_text_add(out, " on ");
        add_plain(out, markers->title);
    }
    nb_text_add(out, "\n\n");
    for (size_t i = 0; i < markers->count; i++) {
        const nb_marker *marker = &markers->items[i];
        char start[NB_MARKER_TIME_SIZE];
        char end[NB_MARKER_TIME_SIZE] = "";
        nb_marker_format_clock(marker->at_ns, start);
        nb_text_addf(out, "- [%c] **%s", marker->resolved ? 'x' : ' ', start);
        if (marker->end_ns > marker->at_ns) {
            nb_marker_format_clock(marker->end_ns, end);
            nb_text_addf(out, " - %s", end);
        }
        nb_text_add(out, "** ");
        if (marker->number > 0) {
            nb_text_addf(out, "\\#%u ", marker->number);
        }
        if (marker->author && marker->author[0]) {
            add_plain(out, marker->author);
            nb_text_add(out, ": ");
        }
        add_plain(out, marker->text ? marker->text : "");
        nb_text_add(out, "\n");
    }
    nb_text_add(out, markers->count == 0 ? "None.\n" : "");
    return NB_OK;
}

const nb_marker_codec nb_marker_codec_markdown = {
    .name = "markdown",
    .compose = compose,
};
