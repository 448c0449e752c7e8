// SPDX-License-Identifier: GPL-3.0-or-later
// Ardour sessions: `<Location>` in `<Locations>`. From version 7 on places are superclocks ("a"
// and a number; how many make a second is in the file) or ticks of music ("b"), before it samples.
// What is written is put between the bytes of the session: a parser only finds out where. Every
// Location needs an id of its own (7.3 crashes without) and cue="0" (else it saves rubbish).
#include "review/markers/format.h"

#include <expat.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    DEPTH_MAX = 64,
    TEMPOS_MAX = 10000,
    PLACE_SIZE = 32,
    TICKS_PER_QUARTER = 1920,
    SUPERCLOCK_VERSION = 7000
};
static const int64_t superclocks_usual = 282240000; // a second, since Ardour 7.0

/// A tempo, constant until the next.
typedef struct tempo {
    double superclock;
    double quarters;
    double superclocks_per_quarter; ///< NAN where it is a ramp
} tempo;

/// Where a Location says that it is.
typedef struct place {
    char start[PLACE_SIZE];
    char end[PLACE_SIZE];
} place;

/// What was found in a session.
typedef struct scan {
    const nb_marker_source *source;
    XML_Parser parser;
    nb_status status;
    nb_error error;
    int depth;
    int list_depth; ///< Of what is inside <Locations>: 2 in a session, 1 in a piece; 0 outside
    int64_t version;
    int64_t rate_hz;
    int64_t superclocks; ///< A second
    int64_t id_counter;
    int64_t id_max;
    XML_Index session_tag; ///< Where <Session ...> stands; -1 for none
    int session_tag_size;
    XML_Index list_tag; ///< <Locations> or <Locations/>
    int list_tag_size;
    XML_Index list_end;  ///< </Locations>; -1 where it is one tag
    nb_markers *markers; ///< Without places until the end; null if they are not wanted
    place *places;       ///< Of the markers
    size_t place_capacity;
    size_t tempo_count;
    tempo *tempos;
} scan;

static void scan_fini(scan *self)
{
    XML_ParserFree(self->parser);
    free(self->places);
    free(self->tempos);
}

static void where_of(const scan *self, char out[NB_MARKER_WHERE_SIZE])
{
    snprintf(out, NB_MARKER_WHERE_SIZE, "%.120s: line %lu", self->source->name,
             (unsigned long)XML_GetCurrentLineNumber(self->parser));
}

/// Stop parsing with what `error` says.
static void stop(scan *self, nb_status status)
{
    self->status = status;
    XML_StopParser(self->parser, XML_FALSE);
}

static const char *attribute(const XML_Char **attributes, const char *name)
{
    for (; attributes[0]; attributes += 2) {
        if (strcmp(attributes[0], name) == 0) {
            return attributes[1];
        }
    }
    return NULL;
}

static int64_t whole(const XML_Char **attributes, const char *name, int64_t fallback)
{
    int64_t value = 0;
    const char *text = attribute(attributes, name);
    return text && nb_marker_parse_whole(text, &value) ? value : fallback;
}

/// True if `flags`, "IsMark,IsCDMarker", has one of `names`.
static bool has_flag(const char *flags, const char *const *names, size_t count)
{
    while (*flags) {
        const size_t length = strcspn(flags, ",");
        for (size_t i = 0; i < count; i++) {
            if (strlen(names[i]) == length && strncmp(flags, names[i], length) == 0) {
                return true;
            }
        }
        flags += length + (flags[length] ? 1 : 0);
    }
    return false;
}

/// A mark or range that a person made, not the session's own furniture.
static bool is_marker(const char *flags)
{
    static const char *const wanted[] = {"IsMark", "IsRangeMarker", "IsCDMarker"};
    static const char *const others[] = {"IsAutoLoop", "IsAutoPunch",   "IsSessionRange",
                                         "IsXrun",     "IsClockOrigin", "IsCueMarker"};
    return has_flag(flags, wanted, NB_COUNT(wanted)) && !has_flag(flags, others, NB_COUNT(others));
}

static nb_status take_location(scan *self, const XML_Char **attributes, nb_error *err)
{
    const char *flags = attribute(attributes, "flags");
    const char *start = attribute(attributes, "start");
    const char *end = attribute(attributes, "end");
    const char *name = attribute(attributes, "name");
    char where[NB_MARKER_WHERE_SIZE];
    where_of(self, where);
    if (!flags || !start || !end || strlen(start) >= PLACE_SIZE || strlen(end) >= PLACE_SIZE) {
        nb_markers_leave_out(self->markers, "%s: a Location without a place", where);
        return NB_OK;
    }
    if (!is_marker(flags)) {
        return NB_OK;
    }
    nb_marker marker = {.colour = NB_MARKER_NO_COLOUR};
    nb_status status = nb_marker_text_clean(where, name ? name : "", name ? strlen(name) : 0,
                                            NB_MARKER_WINDOWS_1252, &marker.text, err);
    const size_t at = self->markers->count;
    if (status == NB_OK && at == self->place_capacity) {
        const size_t capacity = at > 0 ? 2 * at : 64;
        place *places = reallocarray(self->places, capacity, sizeof *places);
        if (!places) {
            free(marker.text);
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for the markers");
        }
        self->places = places;
        self->place_capacity = capacity;
    }
    if (status != NB_OK) {
        return status;
    }
    snprintf(self->places[at].start, PLACE_SIZE, "%s", start);
    snprintf(self->places[at].end, PLACE_SIZE, "%s", end);
    return nb_markers_take(self->markers, &marker, where, err);
}

/// "12:960": quarters and ticks.
static bool parse_quarters(const char *text, double *out)
{
    char *end = NULL;
    const double quarters = (double)strtol(text, &end, 10);
    const double ticks = *end == ':' ? (double)strtol(end + 1, &end, 10) : 0.0;
    *out = quarters + ticks / TICKS_PER_QUARTER;
    return end != text && *end == '\0';
}

static nb_status take_tempo(scan *self, const XML_Char **attributes, nb_error *err)
{
    const char *npm = attribute(attributes, "npm");
    const char *end_npm = attribute(attributes, "enpm");
    const char *quarters = attribute(attributes, "quarters");
    double notes = 0.0;
    double end_notes = 0.0;
    tempo found = {.superclock = (double)whole(attributes, "sclock", 0)};
    if (!npm || !quarters || nb_text_parse_number(npm, &notes, NULL) != NB_OK ||
        !parse_quarters(quarters, &found.quarters)) {
        return NB_OK; // of another version: markers in ticks will be left out
    }
    if (self->tempo_count >= TEMPOS_MAX) {
        return nb_fail(err, NB_E_LIMIT, "%s: more than %d tempos", self->source->name, TEMPOS_MAX);
    }
    if (!self->tempos) {
        self->tempos = calloc(TEMPOS_MAX, sizeof *self->tempos);
    }
    if (!self->tempos) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for tempos");
    }
    const bool ramped =
        end_npm && (nb_text_parse_number(end_npm, &end_notes, NULL) != NB_OK || end_notes != notes);
    const double note_type = (double)whole(attributes, "note-type", 4);
    const double quarters_per_minute = notes * 4.0 / (note_type > 0.0 ? note_type : 4.0);
    found.superclocks_per_quarter = ramped || !(quarters_per_minute > 0.0)
                                        ? (double)NAN
                                        : (double)self->superclocks * 60.0 / quarters_per_minute;
    self->tempos[self->tempo_count++] = found;
    return NB_OK;
}

static void take_session(scan *self, const XML_Char **attributes)
{
    self->session_tag = XML_GetCurrentByteIndex(self->parser);
    self->session_tag_size = XML_GetCurrentByteCount(self->parser);
    self->version = whole(attributes, "version", 0);
    self->rate_hz = whole(attributes, "sample-rate", 0);
    self->id_counter = whole(attributes, "id-counter", 0);
}

static nb_status begin_list(scan *self, nb_error *err)
{
    if (self->list_tag >= 0) {
        return nb_fail(err, NB_E_INVALID, "%s: has two lists of Locations", self->source->name);
    }
    self->list_depth = self->depth;
    self->list_tag = XML_GetCurrentByteIndex(self->parser);
    self->list_tag_size = XML_GetCurrentByteCount(self->parser);
    return NB_OK;
}

static void on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    scan *self = context;
    nb_status status = NB_OK;
    const int depth = self->depth++;
    const int64_t id = whole(attributes, "id", 0);
    self->id_max = id > self->id_max ? id : self->id_max;
    if (self->depth > DEPTH_MAX) {
        status = nb_fail(&self->error, NB_E_LIMIT, "%s: deeper than %d elements",
                         self->source->name, DEPTH_MAX);
    } else if (depth == 0 && strcmp(name, "Session") == 0) {
        take_session(self, attributes);
    } else if (strcmp(name, "Locations") == 0 && depth == (self->session_tag >= 0 ? 1 : 0)) {
        status = begin_list(self, &self->error);
    } else if (depth == 0) {
        status =
            nb_fail(&self->error, NB_E_INVALID, "%s: is not an Ardour session", self->source->name);
    } else if (self->markers && self->list_depth > 0 && depth == self->list_depth &&
               strcmp(name, "Location") == 0) {
        status = take_location(self, attributes, &self->error);
    } else if (depth == 1 && strcmp(name, "TempoMap") == 0) {
        self->superclocks = whole(attributes, "superclocks-per-second", superclocks_usual);
    } else if (depth == 3 && strcmp(name, "Tempo") == 0) {
        status = take_tempo(self, attributes, &self->error);
    }
    if (status != NB_OK) {
        stop(self, status);
    }
}

static void on_end(void *context, const XML_Char *name)
{
    scan *self = context;
    self->depth--;
    if (self->list_depth > 0 && self->depth == self->list_depth - 1 &&
        strcmp(name, "Locations") == 0) {
        self->list_depth = 0;
        // One tag, <Locations/>, has no end of its own.
        const char *tag = self->source->bytes + self->list_tag;
        const bool alone = tag[self->list_tag_size - 2] == '/';
        self->list_end = alone ? -1 : XML_GetCurrentByteIndex(self->parser);
    }
}

static void on_doctype(void *context, const XML_Char *name, const XML_Char *system_id,
                       const XML_Char *public_id, int has_internal_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    scan *self = context;
    stop(self,
         nb_fail(&self->error, NB_E_INVALID,
                 "%s: has a document type, which Ardour's sessions do not", self->source->name));
}

static void on_declaration(void *context, const XML_Char *version, const XML_Char *encoding,
                           int standalone)
{
    (void)version;
    (void)standalone;
    scan *self = context;
    if (encoding && strcasecmp(encoding, "UTF-8") != 0) {
        stop(self, nb_fail(&self->error, NB_E_INVALID, "%s: is not in UTF-8", self->source->name));
    }
}

static nb_status run_scan(scan *self, nb_error *err)
{
    self->session_tag = self->list_tag = self->list_end = -1;
    self->superclocks = superclocks_usual;
    self->parser = XML_ParserCreate("UTF-8");
    if (!self->parser) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to read %s", self->source->name);
    }
    XML_SetUserData(self->parser, self);
    XML_SetElementHandler(self->parser, on_start, on_end);
    XML_SetStartDoctypeDeclHandler(self->parser, on_doctype);
    XML_SetXmlDeclHandler(self->parser, on_declaration);
    const bool parsed = XML_Parse(self->parser, self->source->bytes, (int)self->source->size,
                                  XML_TRUE) == XML_STATUS_OK;
    if (self->status != NB_OK) {
        return nb_fail(err, self->status, "%s", self->error.text);
    }
    if (!parsed) {
        return nb_fail(err, NB_E_CORRUPT, "%s: line %lu: %s", self->source->name,
                       (unsigned long)XML_GetCurrentLineNumber(self->parser),
                       XML_ErrorString(XML_GetErrorCode(self->parser)));
    }
    const bool rate_is_known =
        self->session_tag < 0 || (self->rate_hz > 0 && self->rate_hz <= 1000000);
    if (!rate_is_known || self->superclocks <= 0 ||
        self->superclocks > nb_marker_second_ns * 1000) {
        return nb_fail(err, NB_E_INVALID, "%s: has no sample rate or superclock that can be",
                       self->source->name);
    }
    return NB_OK;
}

// ---- reading ----

static bool ticks_to_ns(const scan *self, int64_t ticks, int64_t *out_ns)
{
    const double quarters = (double)ticks / TICKS_PER_QUARTER;
    const tempo *holds = NULL;
    for (size_t i = 0; i < self->tempo_count && self->tempos[i].quarters <= quarters; i++) {
        holds = &self->tempos[i];
    }
    if (!holds || !isfinite(holds->superclocks_per_quarter)) {
        return false;
    }
    const double superclock =
        holds->superclock + (quarters - holds->quarters) * holds->superclocks_per_quarter;
    const double ns = superclock / (double)self->superclocks * 1e9;
    *out_ns = ns >= 0.0 && ns < 1e18 ? llround(ns) : -1;
    return true;
}

/// "a282240000" superclocks, "b1920" ticks, or samples.
static bool parse_place(const scan *self, const char *text, int64_t *out_ns)
{
    const bool has_unit = *text == 'a' || *text == 'b';
    const bool negative = text[has_unit ? 1 : 0] == '-';
    int64_t value = 0;
    if (negative) {
        *out_ns = -1; // left out by who takes it
        return true;
    }
    char digits[PLACE_SIZE];
    snprintf(digits, sizeof digits, "%s", text + (has_unit ? 1 : 0));
    digits[strcspn(digits, ".")] = '\0'; // 10.5 counts as 10 there too
    if (!nb_marker_parse_whole(digits, &value)) {
        return false;
    }
    if (*text == 'b') {
        return ticks_to_ns(self, value, out_ns);
    }
    const int64_t rate = self->rate_hz > 0 ? self->rate_hz : 48000;
    *out_ns = nb_marker_scale(value, nb_marker_second_ns, *text == 'a' ? self->superclocks : rate);
    return true;
}

static nb_status parse(const nb_marker_source *source, nb_markers *out, nb_error *err)
{
    nb_markers found = {0};
    NB_SCOPED(scan_fini) scan self = {.source = source, .markers = &found};
    nb_status status = run_scan(&self, err);
    out->left_out = found.left_out;
    memcpy(out->left_out_why, found.left_out_why, sizeof out->left_out_why);
    for (size_t i = 0; i < found.count && status == NB_OK; i++) {
        nb_marker *marker = &found.items[i];
        if (!parse_place(&self, self.places[i].start, &marker->at_ns) ||
            !parse_place(&self, self.places[i].end, &marker->end_ns)) {
            nb_markers_leave_out(out, "%s: a marker at a beat under a tempo that is not steady",
                                 source->name);
            continue;
        }
        status = nb_markers_take(out, marker, source->name, err);
    }
    nb_markers_fini(&found);
    return status;
}

// ---- writing ----

static void add_escaped(nb_text *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            nb_text_add(out, "&amp;");
            break;
        case '<':
            nb_text_add(out, "&lt;");
            break;
        case '>':
            nb_text_add(out, "&gt;");
            break;
        case '"':
            nb_text_add(out, "&quot;");
            break;
        case '\n':
            nb_text_add(out, "&#10;");
            break;
        case '\t':
            nb_text_add(out, "&#9;");
            break;
        default:
            nb_text_add_bytes(out, text, 1);
        }
    }
}

static void add_place(const scan *self, const char *name, int64_t ns, nb_text *out)
{
    const bool superclocks = self->version >= SUPERCLOCK_VERSION;
    nb_text_addf(out, " %s=\"%s%lld\"", name, superclocks ? "a" : "",
                 (long long)nb_marker_scale(ns, superclocks ? self->superclocks : self->rate_hz,
                                            nb_marker_second_ns));
}

static nb_status add_locations(const scan *self, const nb_markers *markers, int64_t first_id,
                               nb_text *out, nb_error *err)
{
    for (size_t i = 0; i < markers->count; i++) {
        const nb_marker *marker = &markers->items[i];
        NB_SCOPED(nb_text_free) char *label = nb_marker_label(marker);
        if (!label) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for the markers");
        }
        nb_text_addf(out, "    <Location id=\"%lld\" name=\"", (long long)first_id + (long long)i);
        add_escaped(out, label);
        nb_text_add(out, "\"");
        add_place(self, "start", marker->at_ns, out);
        add_place(self, "end", marker->end_ns, out);
        nb_text_addf(out, " flags=\"%s\" locked=\"0\"",
                     marker->end_ns > marker->at_ns ? "IsRangeMarker" : "IsMark");
        nb_text_add(out, self->version >= SUPERCLOCK_VERSION
                             ? " timestamp=\"0\" cue=\"0\"/>\n"
                             : " position-lock-style=\"AudioTime\"/>\n");
    }
    return NB_OK;
}

/// Where the value of an attribute stands in a start tag, which is known to be well-formed.
static bool find_value(const char *tag, size_t size, const char *name, size_t *out_start,
                       size_t *out_size)
{
    const size_t name_size = strlen(name);
    size_t at = strcspn(tag, " \t\r\n/>"); // behind the element's name
    while (at < size) {
        at += strspn(tag + at, " \t\r\n");
        const size_t start = at;
        at += strcspn(tag + at, "= \t\r\n/>");
        const bool is_it = at - start == name_size && strncmp(tag + start, name, name_size) == 0;
        at += strspn(tag + at, "= \t\r\n");
        if (at >= size || (tag[at] != '"' && tag[at] != '\'')) {
            return false;
        }
        const char *close = strchr(tag + at + 1, tag[at]);
        if (!close) {
            return false;
        }
        *out_start = at + 1;
        *out_size = (size_t)(close - tag) - at - 1;
        if (is_it) {
            return true;
        }
        at = (size_t)(close - tag) + 1;
    }
    return false;
}

/// The session's start tag with its counter raised, so that Ardour gives none of our ids again.
static void add_session_tag(const scan *self, int64_t counter, nb_text *out)
{
    const char *tag = self->source->bytes + self->session_tag;
    const size_t size = (size_t)self->session_tag_size;
    size_t start = 0;
    size_t length = 0;
    if (find_value(tag, size, "id-counter", &start, &length)) {
        nb_text_add_bytes(out, tag, start);
        nb_text_addf(out, "%lld", (long long)counter);
        nb_text_add_bytes(out, tag + start + length, size - start - length);
        return;
    }
    nb_text_add_bytes(out, tag, size - 1);
    nb_text_addf(out, " id-counter=\"%lld\">", (long long)counter);
}

/// The markers just before the end of the list, each on a line as Ardour writes them.
static nb_status add_list(const scan *self, const nb_markers *markers, int64_t first_id,
                          nb_text *out, nb_error *err)
{
    const char *bytes = self->source->bytes;
    const size_t tag = (size_t)self->list_tag;
    const size_t tag_size = (size_t)self->list_tag_size;
    if (self->list_end < 0) {
        nb_text_add_bytes(out, bytes + tag, tag_size - 2); // without "/>"
        nb_text_add(out, ">\n");
        const nb_status status = add_locations(self, markers, first_id, out, err);
        nb_text_add(out, "  </Locations>");
        return status;
    }
    // Before the blanks that indent the end tag.
    size_t end = (size_t)self->list_end;
    while (end > tag + tag_size && (bytes[end - 1] == ' ' || bytes[end - 1] == '\t')) {
        end--;
    }
    nb_text_add_bytes(out, bytes + tag, end - tag);
    nb_text_add(out, bytes[end - 1] == '\n' ? "" : "\n");
    const nb_status status = add_locations(self, markers, first_id, out, err);
    nb_text_add_bytes(out, bytes + end, (size_t)self->list_end - end);
    return status;
}

static nb_status compose_into(const nb_markers *markers, const nb_marker_source *session,
                              nb_text *out, nb_error *err)
{
    NB_SCOPED(scan_fini) scan self = {.source = session};
    nb_status status = run_scan(&self, err);
    if (status != NB_OK) {
        return status;
    }
    if (self.session_tag < 0 || self.list_tag < 0) {
        return nb_fail(err, NB_E_INVALID, "%s: is no Ardour session with a list of Locations",
                       session->name);
    }
    if (markers->count == 0) {
        nb_text_add_bytes(out, session->bytes, session->size);
        return NB_OK;
    }
    const int64_t first_id = (self.id_counter > self.id_max ? self.id_counter : self.id_max) + 1;
    const size_t tag_end = (size_t)self.session_tag + (size_t)self.session_tag_size;
    const size_t list_end = self.list_end >= 0 ? (size_t)self.list_end
                                               : (size_t)self.list_tag + (size_t)self.list_tag_size;
    nb_text_add_bytes(out, session->bytes, (size_t)self.session_tag);
    add_session_tag(&self, first_id + (int64_t)markers->count, out);
    nb_text_add_bytes(out, session->bytes + tag_end, (size_t)self.list_tag - tag_end);
    status = add_list(&self, markers, first_id, out, err);
    nb_text_add_bytes(out, session->bytes + list_end, session->size - list_end);
    return status;
}

static nb_status compose(const nb_markers *markers, const nb_marker_source *session, nb_text *out,
                         nb_error *err)
{
    if (session) {
        return compose_into(markers, session, out, err);
    }
    const scan self = {.version = SUPERCLOCK_VERSION, .superclocks = superclocks_usual};
    nb_text_add(out, "  <Locations>\n");
    const nb_status status = add_locations(&self, markers, 1, out, err);
    nb_text_add(out, "  </Locations>\n");
    return status;
}

const nb_marker_codec nb_marker_codec_ardour = {
    .name = "ardour",
    .parse = parse,
    .compose = compose,
    .takes_session = true,
};
