// SPDX-License-Identifier: GPL-3.0-or-later
// Pro Tools' "session info as text": read only, since Pro Tools itself can't. Cells are padded and
// parted by tabs, columns are known by their names, and nothing is escaped: a tab in a name makes
// more cells, a line feed more lines. A place is in samples from the session's start where UNITS
// says Samples; markers tied to bars have only LOCATION, in the format that was chosen on export.
#include "review/markers/format.h"

#include <stdlib.h>
#include <string.h>

/// What the head of the file says.
typedef struct head {
    int64_t rate_hz;
    char start[24];   ///< Timecode
    int64_t fps;      ///< Frames that timecode counts in a second
    bool pulled_down; ///< A second of timecode takes 1.001 s
    bool drop;        ///< Timecode leaves out numbers to keep up with the clock
} head;

/// Where the columns stand; -1 for none.
typedef struct columns {
    int number, location, reference, units, name, type;
} columns;

static void trim(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\r')) {
        text[--length] = '\0';
    }
}

/// The value of a line of the head, or null if it is another one.
static const char *value_of(const char *line, const char *key)
{
    const size_t length = strlen(key);
    return strncmp(line, key, length) == 0 ? line + length + strspn(line + length, "\t ") : NULL;
}

static void take_timecode_format(head *self, const char *format)
{
    static const struct {
        const char *words;
        int64_t fps;
        bool pulled_down;
    } formats[] = {
        {"23.976", 24, true}, {"24", 24, false},    {"25", 25, false},   {"29.97", 30, true},
        {"30", 30, false},    {"47.952", 48, true}, {"48", 48, false},   {"50", 50, false},
        {"59.94", 60, true},  {"60", 60, false},    {"100", 100, false}, {"119.88", 120, true},
        {"120", 120, false},
    };
    for (size_t i = 0; i < NB_COUNT(formats); i++) {
        const size_t length = strlen(formats[i].words);
        if (strncmp(format, formats[i].words, length) == 0 && format[length] == ' ') {
            self->fps = formats[i].fps;
            self->pulled_down = formats[i].pulled_down;
        }
    }
    self->drop = strstr(format, "Drop") && !strstr(format, "Non") && self->fps % 30 == 0;
}

static void take_head(head *self, const char *line)
{
    const char *rate = value_of(line, "SAMPLE RATE:");
    const char *start = value_of(line, "SESSION START TIMECODE:");
    const char *format = value_of(line, "TIMECODE FORMAT:");
    int64_t ns = 0;
    if (rate && nb_marker_parse_seconds(rate, &ns)) {
        self->rate_hz = (ns + nb_marker_second_ns / 2) / nb_marker_second_ns;
    } else if (start) {
        snprintf(self->start, sizeof self->start, "%.23s", start);
    } else if (format) {
        take_timecode_format(self, format);
    }
}

/// "01:00:00:00[.ff]" as hundredths of frames since timecode 0; drop frame has ';' for some.
static bool parse_timecode(const head *self, const char *text, int64_t *out)
{
    int64_t parts[5] = {0};
    size_t count = 0;
    const char *at = text;
    for (; count < 5; at++) {
        const size_t digits = strspn(at, "0123456789");
        if (digits == 0 || digits > 3) {
            return false;
        }
        parts[count++] = strtol(at, NULL, 10);
        at += digits;
        const bool more = count < 4 ? strchr(":;", *at) && *at : *at == '.';
        if (!more) {
            break;
        }
    }
    if (count < 4 || *at != '\0' || self->fps == 0) {
        return false;
    }
    const int64_t minutes = parts[0] * 60 + parts[1];
    int64_t frames = (minutes * 60 + parts[2]) * self->fps + parts[3];
    if (self->drop) {
        frames -= self->fps / 15 * (minutes - minutes / 10);
    }
    *out = frames * 100 + parts[4];
    return true;
}

/// A LOCATION in timecode, Min:Secs or samples, as nanoseconds from the session's start.
static bool parse_location(const head *self, const char *text, int64_t *out_ns)
{
    int64_t value = 0;
    int64_t start = 0;
    if (nb_marker_parse_whole(text, &value)) {
        *out_ns = self->rate_hz > 0 && value <= nb_marker_time_max_ns / 1000
                      ? nb_marker_scale(value, nb_marker_second_ns, self->rate_hz)
                      : -1;
        return self->rate_hz > 0;
    }
    if (parse_timecode(self, text, &value)) {
        if (!parse_timecode(self, self->start, &start)) {
            return false;
        }
        // A session that begins at 23:57 goes on behind midnight.
        const int64_t day = self->fps * 86400 * 100;
        const int64_t since = value >= start ? value - start : value - start + day;
        *out_ns = nb_marker_scale(since, nb_marker_second_ns * (self->pulled_down ? 1001 : 1000),
                                  self->fps * 100 * 1000);
        return true;
    }
    return strchr(text, ':') && nb_marker_parse_clock(text, out_ns);
}

static bool find_columns(const nb_marker_rows *rows, columns *out)
{
    static const char *const number[] = {"#", NULL};
    static const char *const location[] = {"LOCATION", NULL};
    static const char *const reference[] = {"TIME REFERENCE", NULL};
    static const char *const units[] = {"UNITS", NULL};
    static const char *const name[] = {"NAME", NULL};
    static const char *const type[] = {"TRACK TYPE", NULL};
    *out = (columns){nb_marker_rows_find(rows, number),    nb_marker_rows_find(rows, location),
                     nb_marker_rows_find(rows, reference), nb_marker_rows_find(rows, units),
                     nb_marker_rows_find(rows, name),      nb_marker_rows_find(rows, type)};
    return out->number >= 0 && out->location >= 0 && out->name >= 0;
}

/// A marker on its way: cells of several lines.
typedef struct draft {
    char where[NB_MARKER_WHERE_SIZE];
    bool is_open;
    bool has_place;
    int64_t ns;
    int64_t number;
    nb_text text;
} draft;

static void draft_fini(draft *self) { nb_text_fini(&self->text); }

static bool begins_marker(const nb_marker_rows *rows)
{
    const char *cell = nb_marker_rows_cell(rows, 0);
    const size_t digits = strspn(cell, "0123456789");
    return rows->count >= 4 && digits > 0 && digits < 10 &&
           cell[digits + strspn(cell + digits, " ")] == '\0';
}

/// A cell without its padding, in new memory.
static char *trimmed(const nb_marker_rows *rows, int cell)
{
    const char *text = nb_marker_rows_cell(rows, cell);
    char *copy = strdup(text + strspn(text, " "));
    if (copy) {
        trim(copy);
    }
    return copy;
}

static void find_draft_place(const nb_marker_rows *rows, const columns *at, const head *session,
                             draft *out)
{
    NB_SCOPED(nb_text_free) char *units = trimmed(rows, at->units);
    NB_SCOPED(nb_text_free) char *reference = trimmed(rows, at->reference);
    NB_SCOPED(nb_text_free) char *location = trimmed(rows, at->location);
    int64_t samples = 0;
    if (!units || !reference || !location) {
        out->text.failed = true;
    } else if (strcmp(units, "Samples") == 0 && session->rate_hz > 0 &&
               nb_marker_parse_whole(reference, &samples) &&
               samples <= nb_marker_time_max_ns / 1000) {
        out->ns = nb_marker_scale(samples, nb_marker_second_ns, session->rate_hz);
        out->has_place = true;
    } else {
        out->has_place = parse_location(session, location, &out->ns);
    }
}

/// The cell that says what a marker stands on, "Ruler" or "Track"; the one before it is its name.
/// Both are no part of the text. -1 in files of before 2023.12.
static int type_cell(const nb_marker_rows *rows, const columns *at)
{
    for (int i = at->name + 2; at->type >= 0 && i < (int)rows->count; i++) {
        NB_SCOPED(nb_text_free) char *cell = trimmed(rows, i);
        if (cell && (strcmp(cell, "Ruler") == 0 || strcmp(cell, "Track") == 0)) {
            return i;
        }
    }
    return -1;
}

/// Append the cells from `first` on, a line each, but for `type` and the one before it. Tabs in
/// texts shift what is behind them, so name and comments can't be told apart: all is kept.
static void add_cells(const nb_marker_rows *rows, int first, int type, draft *out)
{
    for (int i = first; i < (int)rows->count; i++) {
        NB_SCOPED(nb_text_free) char *cell = trimmed(rows, i);
        if (!cell) {
            out->text.failed = true;
        } else if (*cell && !(type >= 0 && (i == type || i == type - 1))) {
            nb_text_add(&out->text, out->text.length > 0 ? "\n" : "");
            nb_text_add(&out->text, cell);
        }
    }
}

static nb_status finish_draft(draft *self, nb_markers *out, nb_error *err)
{
    if (!self->is_open) {
        return NB_OK;
    }
    self->is_open = false;
    if (self->text.failed) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a marker");
    }
    if (!self->has_place) {
        nb_markers_leave_out(out,
                             "%s: a marker in bars or feet; set the time format to Min:Secs, "
                             "timecode or samples and export again",
                             self->where);
        return NB_OK;
    }
    nb_marker marker = {.at_ns = self->ns, .end_ns = self->ns, .colour = NB_MARKER_NO_COLOUR};
    marker.number = (unsigned)self->number;
    const char *text = self->text.chars ? self->text.chars : "";
    const nb_status status = nb_marker_text_clean(self->where, text, strlen(text),
                                                  NB_MARKER_MAC_ROMAN, &marker.text, err);
    return status == NB_OK ? nb_markers_take(out, &marker, self->where, err) : status;
}

static void begin_draft(const nb_marker_rows *rows, const columns *at, const head *session,
                        draft *out)
{
    draft_fini(out);
    *out = (draft){.is_open = true};
    snprintf(out->where, sizeof out->where, "%s", rows->where);
    out->number = strtol(nb_marker_rows_cell(rows, 0), NULL, 10);
    find_draft_place(rows, at, session, out);
    add_cells(rows, at->name, type_cell(rows, at), out);
}

/// True where another listing begins: "T R A C K  L I S T I N G".
static bool begins_listing(const nb_marker_rows *rows)
{
    return rows->count == 1 && strstr(rows->cells[0], "  L I S T I N G");
}

static nb_status parse_markers(nb_marker_rows *rows, const head *session, nb_markers *out,
                               nb_error *err)
{
    columns at;
    NB_SCOPED(draft_fini) draft open = {0};
    if (!nb_marker_rows_next(rows)) {
        return NB_OK;
    }
    if (!find_columns(rows, &at)) {
        return nb_fail(err, NB_E_INVALID,
                       "%s: the list of markers must name its columns #, LOCATION and NAME",
                       rows->where);
    }
    nb_status status = NB_OK;
    while (status == NB_OK && nb_marker_rows_next(rows) && !begins_listing(rows)) {
        if (begins_marker(rows)) {
            status = finish_draft(&open, out, err);
            begin_draft(rows, &at, session, &open);
        } else if (open.is_open && open.text.length <= NB_MARKER_TEXT_MAX) {
            add_cells(rows, 0, -1, &open);
        }
    }
    return status == NB_OK ? finish_draft(&open, out, err) : status;
}

static nb_status parse(const nb_marker_source *source, nb_markers *out, nb_error *err)
{
    NB_SCOPED(nb_marker_rows_fini) nb_marker_rows rows = {0};
    head session = {0};
    nb_status status = nb_marker_rows_open(source, '\t', false, &rows, err);
    bool found = false;
    bool is_session = false;
    while (status == NB_OK && !found && nb_marker_rows_next(&rows)) {
        found = strncmp(rows.cells[0], "M A R K E R S", 13) == 0;
        is_session = is_session || strncmp(rows.cells[0], "SESSION NAME:", 13) == 0;
        NB_SCOPED(nb_text_free)
        char *line = nb_text_format("%s\t%s", rows.cells[0], nb_marker_rows_cell(&rows, 1));
        if (!line) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for %s", source->name);
        }
        take_head(&session, line);
    }
    if (status != NB_OK) {
        return status;
    }
    if (!found) {
        return is_session ? NB_OK
                          : nb_fail(err, NB_E_INVALID, "%s: is not Pro Tools' session info as text",
                                    source->name);
    }
    return parse_markers(&rows, &session, out, err);
}

const nb_marker_codec nb_marker_codec_protools = {
    .name = "protools",
    .parse = parse,
};
