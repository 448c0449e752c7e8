// SPDX-License-Identifier: GPL-3.0-or-later
// REAPER projects: `MARKER id seconds name flags ...` in the project's own block. Bit 0 of the
// flags makes a region, whose end is the next such line with the same id and no name. Markers and
// regions are numbered apart. Inside a block are blocks, `<NAME ...` to `>`.
//
// What is written has the fields of REAPER 5 and no GUID: later ones read those, and give one.
#include "review/markers/format.h"

#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 6, FIELD_ID = 1, FIELD_PLACE = 2, FIELD_NAME = 3, FIELD_FLAGS = 4 };

/// A line of a project, and how deep in blocks it stands.
typedef struct line {
    const char *start; ///< Behind its blanks
    const char *begin;
    size_t length; ///< From `start`, without the line's end
    const char *next;
    size_t number;
    int depth; ///< A block's first and last line have the depth of the block around it
    int depth_behind;
} line;

/// The line behind `self`; false at the end.
static bool next_line(const nb_marker_source *source, line *self)
{
    const char *end = source->bytes + source->size;
    const char *begin = self->next ? self->next : source->bytes;
    if (begin >= end) {
        return false;
    }
    const char *stop = begin;
    while (stop < end && *stop != '\n' && *stop != '\r') {
        stop++;
    }
    const char *start = begin;
    while (start < stop && (*start == ' ' || *start == '\t')) {
        start++;
    }
    const bool crlf = stop + 1 < end && stop[0] == '\r' && stop[1] == '\n';
    const bool opens = start < stop && *start == '<';
    const bool closes = stop - start == 1 && *start == '>';
    self->begin = begin;
    self->start = start;
    self->length = (size_t)(stop - start);
    self->next = stop < end ? stop + (crlf ? 2 : 1) : stop;
    self->number++;
    self->depth = self->depth_behind - (closes ? 1 : 0);
    self->depth_behind = self->depth + (opens ? 1 : 0);
    return true;
}

static bool line_begins(const line *self, const char *word)
{
    const size_t length = strlen(word);
    return self->length >= length && strncmp(self->start, word, length) == 0 &&
           (self->length == length || self->start[length] == ' ');
}

/// Where markers stand: in the block of a project, or in no block of a piece of one.
static int marker_depth(const nb_marker_source *source)
{
    return strncmp(source->bytes, "<REAPER_PROJECT", 15) == 0 ? 1 : 0;
}

static nb_status check_text_file(const nb_marker_source *source, nb_error *err)
{
    return memchr(source->bytes, 0, source->size)
               ? nb_fail(err, NB_E_INVALID, "%s: is not a REAPER project", source->name)
               : NB_OK;
}

/// A field: bare, or in one of three quotes; nothing is escaped in them.
typedef struct field {
    const char *start;
    size_t length;
} field;

static size_t split(const line *self, field fields[FIELDS_MAX])
{
    const char *at = self->start;
    const char *end = at + self->length;
    size_t count = 0;
    while (count < FIELDS_MAX) {
        while (at < end && (*at == ' ' || *at == '\t')) {
            at++;
        }
        if (at == end) {
            break;
        }
        const bool quoted = *at == '"' || *at == '\'' || *at == '`';
        const char quote = quoted ? *at++ : ' ';
        const char *start = at;
        while (at < end && *at != quote) {
            at++;
        }
        fields[count++] = (field){start, (size_t)(at - start)};
        at += quoted && at < end ? 1 : 0;
    }
    return count;
}

/// One MARKER line.
typedef struct marker_line {
    int64_t id;
    int64_t ns;
    bool is_region;
    field name;
} marker_line;

static bool copy_field(const field *self, char out[40])
{
    const bool fits = self->length > 0 && self->length < 40;
    memcpy(out, self->start, fits ? self->length : 0);
    out[fits ? self->length : 0] = '\0';
    return fits;
}

static bool parse_marker_line(const line *self, marker_line *out)
{
    field fields[FIELDS_MAX];
    char text[40];
    const size_t count = split(self, fields);
    int64_t flags = 0;
    *out = (marker_line){.name = {"", 0}};
    if (count <= FIELD_PLACE || !copy_field(&fields[FIELD_ID], text) ||
        !nb_marker_parse_whole(text, &out->id) || !copy_field(&fields[FIELD_PLACE], text) ||
        !nb_marker_parse_seconds(text, &out->ns)) {
        return false;
    }
    out->name = count > FIELD_NAME ? fields[FIELD_NAME] : out->name;
    if (count > FIELD_FLAGS && copy_field(&fields[FIELD_FLAGS], text) &&
        nb_marker_parse_whole(text, &flags)) {
        out->is_region = flags & 1;
    }
    return true;
}

/// Take the marker, and the end of a region from the line behind if it is that.
static nb_status take_marker(const nb_marker_source *source, line *at, nb_markers *out,
                             nb_error *err)
{
    marker_line first;
    marker_line second;
    char where[NB_MARKER_WHERE_SIZE];
    snprintf(where, sizeof where, "%.120s: line %zu", source->name, at->number);
    if (!parse_marker_line(at, &first)) {
        return nb_fail(err, NB_E_INVALID, "%s: MARKER wants a number and a place in seconds",
                       where);
    }
    nb_marker marker = {.at_ns = first.ns, .end_ns = first.ns, .colour = NB_MARKER_NO_COLOUR};
    marker.number = first.id <= INT32_MAX ? (unsigned)first.id : 0;
    line behind = *at;
    if (first.is_region && next_line(source, &behind) && line_begins(&behind, "MARKER") &&
        parse_marker_line(&behind, &second) && second.is_region && second.id == first.id) {
        marker.end_ns = second.ns;
        *at = behind;
    }
    const nb_status status = nb_marker_text_clean(where, first.name.start, first.name.length,
                                                  NB_MARKER_WINDOWS_1252, &marker.text, err);
    return status == NB_OK ? nb_markers_take(out, &marker, where, err) : status;
}

static nb_status parse(const nb_marker_source *source, nb_markers *out, nb_error *err)
{
    const int depth = marker_depth(source);
    line at = {0};
    nb_status status = check_text_file(source, err);
    while (status == NB_OK && next_line(source, &at)) {
        if (at.depth == depth && line_begins(&at, "MARKER")) {
            status = take_marker(source, &at, out, err);
        }
    }
    return status;
}

// ---- writing ----

/// REAPER has three quotes and no escapes: the first that the text does not hold.
static void add_name(nb_text *out, char *name)
{
    const char *quote = !strchr(name, '"') ? "\"" : !strchr(name, '\'') ? "'" : "`";
    for (char *at = name; *quote == '`' && *at; at++) {
        *at = *at == '`' ? '\'' : *at;
    }
    nb_text_addf(out, "%s%s%s", quote, name, quote);
}

/// Where markers go in a project, and what is there.
typedef struct place {
    const char *at;
    bool crlf;
    int64_t last_id[2]; ///< Of markers, of regions
} place;

/// Behind the last marker, or behind the tempo map as REAPER has it, or at the project's end.
static nb_status find_place(const nb_marker_source *source, place *out, nb_error *err)
{
    *out = (place){0};
    nb_status status = check_text_file(source, err);
    if (status == NB_OK && marker_depth(source) != 1) {
        status = nb_fail(err, NB_E_INVALID, "%s: is not a REAPER project", source->name);
    }
    if (status != NB_OK) {
        return status;
    }
    line at = {0};
    const char *behind_tempo = NULL;
    const char *project_end = NULL;
    bool in_tempo = false;
    while (!project_end && next_line(source, &at)) {
        marker_line marker;
        if (at.depth == 1 && line_begins(&at, "MARKER") && parse_marker_line(&at, &marker)) {
            int64_t *last = &out->last_id[marker.is_region];
            *last = marker.id > *last ? marker.id : *last;
            out->at = at.next;
        } else if (at.depth == 1 && line_begins(&at, "<TEMPOENVEX")) {
            in_tempo = true;
        } else if (in_tempo && at.depth == 1 && *at.start == '>') {
            behind_tempo = at.next;
            in_tempo = false;
        } else if (at.depth == 0 && at.length == 1 && *at.start == '>') {
            project_end = at.begin;
        }
        out->crlf = out->crlf || (at.next - at.begin >= 2 && at.next[-2] == '\r');
    }
    if (!project_end) {
        return nb_fail(err, NB_E_CORRUPT, "%s: the project ends before its last '>'", source->name);
    }
    out->at = out->at ? out->at : behind_tempo ? behind_tempo : project_end;
    return NB_OK;
}

static nb_status add_markers(const nb_markers *markers, place *at, bool has_session, nb_text *out,
                             nb_error *err)
{
    const char *line_end = at->crlf ? "\r\n" : "\n";
    for (size_t i = 0; i < markers->count; i++) {
        const nb_marker *marker = &markers->items[i];
        const bool region = marker->end_ns > marker->at_ns;
        NB_SCOPED(nb_text_free) char *label = nb_marker_label_line(marker);
        if (!label) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for the markers");
        }
        char seconds[NB_MARKER_TIME_SIZE];
        const long long id = !has_session && marker->number > 0 ? (long long)marker->number
                                                                : (long long)++at->last_id[region];
        nb_marker_format_seconds(marker->at_ns, 9, seconds);
        nb_text_addf(out, "  MARKER %lld %s ", id, seconds);
        add_name(out, label);
        nb_text_addf(out, " %d 0 1 R%s", region, line_end);
        if (region) {
            nb_marker_format_seconds(marker->end_ns, 9, seconds);
            nb_text_addf(out, "  MARKER %lld %s \"\" 1%s", id, seconds, line_end);
        }
    }
    return NB_OK;
}

static nb_status compose(const nb_markers *markers, const nb_marker_source *session, nb_text *out,
                         nb_error *err)
{
    place at = {0};
    if (!session) {
        return add_markers(markers, &at, false, out, err);
    }
    nb_status status = find_place(session, &at, err);
    if (status != NB_OK) {
        return status;
    }
    const size_t before = (size_t)(at.at - session->bytes);
    nb_text_add_bytes(out, session->bytes, before);
    status = add_markers(markers, &at, true, out, err);
    nb_text_add_bytes(out, at.at, session->size - before);
    return status;
}

const nb_marker_codec nb_marker_codec_rpp = {
    .name = "rpp",
    .parse = parse,
    .compose = compose,
    .takes_session = true,
};
