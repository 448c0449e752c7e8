// SPDX-License-Identifier: GPL-3.0-or-later
// The list of markers, and the table of the formats.
#include "base/file.h"
#include "review/markers/format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const nb_marker_codec *const codecs[NB_MARKER_FORMATS] = {
    [NB_MARKER_REAPER_CSV] = &nb_marker_codec_reaper_csv,
    [NB_MARKER_RPP] = &nb_marker_codec_rpp,
    [NB_MARKER_AUDACITY] = &nb_marker_codec_audacity,
    [NB_MARKER_ARDOUR] = &nb_marker_codec_ardour,
    [NB_MARKER_PROTOOLS] = &nb_marker_codec_protools,
    [NB_MARKER_MIDI] = &nb_marker_codec_midi,
    [NB_MARKER_WAV_CUE] = &nb_marker_codec_wav_cue,
    [NB_MARKER_AUDITION] = &nb_marker_codec_audition,
    [NB_MARKER_CSV] = &nb_marker_codec_csv,
    [NB_MARKER_MARKDOWN] = &nb_marker_codec_markdown,
};

// ---- the list ----

static void marker_fini(nb_marker *self)
{
    free(self->text);
    free(self->author);
    *self = (nb_marker){0};
}

void nb_markers_fini(nb_markers *self)
{
    for (size_t i = 0; i < self->count; i++) {
        marker_fini(&self->items[i]);
    }
    free(self->items);
    *self = (nb_markers){0};
}

static nb_status grow(nb_markers *self, nb_error *err)
{
    if (self->count < self->capacity) {
        return NB_OK;
    }
    const size_t capacity = self->capacity > 0 ? 2 * self->capacity : 64;
    nb_marker *items = reallocarray(self->items, capacity, sizeof *items);
    if (!items) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for %zu markers", capacity);
    }
    self->items = items;
    self->capacity = capacity;
    return NB_OK;
}

void nb_markers_leave_out(nb_markers *self, const char *format, ...)
{
    if (self->left_out++ > 0) {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(self->left_out_why, sizeof self->left_out_why, format, args);
    va_end(args);
    nb_text_make_printable(self->left_out_why);
}

nb_status nb_markers_take(nb_markers *self, nb_marker *marker, const char *where, nb_error *err)
{
    nb_status status = NB_OK;
    if (self->count >= NB_MARKERS_MAX) {
        status = nb_fail(err, NB_E_LIMIT, "%s: more than %d markers", where, NB_MARKERS_MAX);
    } else if (marker->at_ns < 0 || marker->at_ns > nb_marker_time_max_ns) {
        nb_markers_leave_out(self, "%s: a marker %s", where,
                             marker->at_ns < 0 ? "before the start" : "behind 24 hours");
        marker_fini(marker);
        return NB_OK;
    } else {
        status = grow(self, err);
    }
    if (status != NB_OK) {
        marker_fini(marker);
        return status;
    }
    marker->end_ns = marker->end_ns < marker->at_ns ? marker->at_ns : marker->end_ns;
    marker->end_ns =
        marker->end_ns > nb_marker_time_max_ns ? nb_marker_time_max_ns : marker->end_ns;
    self->items[self->count++] = *marker;
    *marker = (nb_marker){0};
    return NB_OK;
}

nb_status nb_markers_add(nb_markers *self, const nb_marker *marker, nb_error *err)
{
    if (marker->at_ns < 0 || marker->end_ns < marker->at_ns ||
        marker->end_ns > nb_marker_time_max_ns) {
        return nb_fail(err, NB_E_INVALID, "a marker that is not inside 24 hours");
    }
    if (marker->text && strlen(marker->text) > NB_MARKER_TEXT_MAX) {
        return nb_fail(err, NB_E_LIMIT, "a marker's text of %zu bytes; at most %d are allowed",
                       strlen(marker->text), NB_MARKER_TEXT_MAX);
    }
    nb_marker copy = *marker;
    copy.text = strdup(marker->text ? marker->text : "");
    copy.author = marker->author ? strdup(marker->author) : NULL;
    if (!copy.text || (marker->author && !copy.author)) {
        marker_fini(&copy);
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a marker");
    }
    return nb_markers_take(self, &copy, "the markers", err);
}

/// A marker and where it stood, so that sorting keeps the order of equals.
typedef struct placed_marker {
    nb_marker marker;
    size_t index;
} placed_marker;

static int by_place(const void *a, const void *b)
{
    const placed_marker *x = a;
    const placed_marker *y = b;
    if (x->marker.at_ns != y->marker.at_ns) {
        return x->marker.at_ns < y->marker.at_ns ? -1 : 1;
    }
    if (x->marker.end_ns != y->marker.end_ns) {
        return x->marker.end_ns < y->marker.end_ns ? -1 : 1;
    }
    return (x->index > y->index) - (x->index < y->index);
}

void nb_markers_sort(nb_markers *self)
{
    placed_marker *placed = self->count > 1 ? calloc(self->count, sizeof *placed) : NULL;
    if (!placed) {
        return; // without memory they stay in the file's order
    }
    for (size_t i = 0; i < self->count; i++) {
        placed[i] = (placed_marker){.marker = self->items[i], .index = i};
    }
    qsort(placed, self->count, sizeof *placed, by_place);
    for (size_t i = 0; i < self->count; i++) {
        self->items[i] = placed[i].marker;
    }
    free(placed);
}

// ---- the formats ----

const char *nb_marker_format_name(nb_marker_format format) { return codecs[format]->name; }

bool nb_marker_format_is_read(nb_marker_format format)
{
    return codecs[format]->parse || codecs[format]->read;
}

bool nb_marker_format_is_written(nb_marker_format format)
{
    return codecs[format]->compose || codecs[format]->write;
}

bool nb_marker_format_takes_session(nb_marker_format format)
{
    return codecs[format]->takes_session;
}

bool nb_marker_format_is_binary(nb_marker_format format) { return codecs[format]->is_binary; }

nb_status nb_marker_format_by_name(const char *name, nb_marker_format *out, nb_error *err)
{
    const char *names[NB_MARKER_FORMATS];
    char list[200] = "";
    for (size_t i = 0; i < NB_MARKER_FORMATS; i++) {
        names[i] = codecs[i]->name;
        if (strcmp(names[i], name) == 0) {
            *out = (nb_marker_format)i;
            return NB_OK;
        }
        const size_t length = strlen(list);
        snprintf(list + length, sizeof list - length, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    char shown[64];
    snprintf(shown, sizeof shown, "%.60s", name);
    nb_text_make_printable(shown);
    const char *nearest = nb_text_nearest(shown, names, NB_MARKER_FORMATS);
    return nearest ? nb_fail(err, NB_E_USAGE, "there is no format \"%s\"; did you mean %s?", shown,
                             nearest)
                   : nb_fail(err, NB_E_USAGE, "there is no format \"%s\"; one of: %s", shown, list);
}

static const struct {
    const char *ending;
    nb_marker_format format;
} endings[] = {
    {".rpp", NB_MARKER_RPP},   {".ardour", NB_MARKER_ARDOUR}, {".mid", NB_MARKER_MIDI},
    {".midi", NB_MARKER_MIDI}, {".wav", NB_MARKER_WAV_CUE},   {".md", NB_MARKER_MARKDOWN},
    {".csv", NB_MARKER_CSV},   {".tsv", NB_MARKER_AUDITION},  {".txt", NB_MARKER_AUDACITY},
};

nb_status nb_marker_format_of_new_file(const char *path, nb_marker_format *out, nb_error *err)
{
    const char *slash = strrchr(path, '/');
    const char *ending = strrchr(slash ? slash : path, '.');
    for (size_t i = 0; ending && i < NB_COUNT(endings); i++) {
        if (strcasecmp(ending, endings[i].ending) == 0) {
            *out = endings[i].format;
            return NB_OK;
        }
    }
    char shown[200];
    snprintf(shown, sizeof shown, "%.190s", path);
    nb_text_make_printable(shown);
    return nb_fail(err, NB_E_USAGE, "%s: its ending does not say the format; add --format", shown);
}

/// The first bytes of a file as text; "" if it can't be read, which who reads it will report.
static void peek(const char *path, char *out, size_t size)
{
    NB_SCOPED(nb_file_close) FILE *file = fopen(path, "re");
    const size_t got = file ? fread(out, 1, size - 1, file) : 0;
    out[got] = '\0';
}

nb_status nb_marker_format_of_file(const char *path, nb_marker_format *out, nb_error *err)
{
    const nb_status status = nb_marker_format_of_new_file(path, out, err);
    if (status != NB_OK) {
        return status;
    }
    char start[4096];
    if (*out == NB_MARKER_CSV || *out == NB_MARKER_AUDITION) {
        peek(path, start, sizeof start);
        start[strcspn(start, "\r\n")] = '\0';
        if (strstr(start, "Name\tStart\tDuration")) {
            *out = NB_MARKER_AUDITION;
        } else if (strstr(start, "#,Name,") || strncmp(start, "Name,Start", 10) == 0) {
            *out = NB_MARKER_REAPER_CSV;
        }
    } else if (*out == NB_MARKER_AUDACITY) {
        peek(path, start, sizeof start);
        *out = strstr(start, "SESSION NAME:\t") || strstr(start, "M A R K E R S  L I S T I N G")
                   ? NB_MARKER_PROTOOLS
                   : NB_MARKER_AUDACITY;
    }
    return NB_OK;
}

// ---- reading and writing ----

/// How errors call a file: its name without folders, printable.
static void name_of(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/');
    snprintf(out, size, "%s", slash ? slash + 1 : path);
    nb_text_make_printable(out);
}

static nb_status cannot(nb_marker_format format, const char *what, nb_error *err)
{
    return nb_fail(err, NB_E_USAGE, "%s files cannot be %s", codecs[format]->name, what);
}

nb_status nb_markers_parse(const char *name, const void *bytes, size_t size,
                           nb_marker_format format, nb_markers *out, nb_error *err)
{
    const nb_marker_codec *codec = codecs[format];
    *out = (nb_markers){0};
    if (!nb_marker_format_is_read(format)) {
        return cannot(format, "read", err);
    }
    if (size > NB_MARKERS_FILE_MAX) {
        return nb_fail(err, NB_E_LIMIT, "%s: larger than %d MB", name, NB_MARKERS_FILE_MAX >> 20);
    }
    NB_SCOPED(nb_text_free) char *copy = malloc(size + 1);
    if (!copy) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory for it", name);
    }
    memcpy(copy, size > 0 ? bytes : "", size);
    copy[size] = '\0';
    nb_markers found = {0};
    nb_status status = NB_OK;
    if (codec->parse) {
        const nb_marker_source source = {name, copy, size};
        status = codec->parse(&source, &found, err);
    } else {
        // One byte more: fmemopen wants a size.
        NB_SCOPED(nb_file_close) FILE *in = fmemopen(copy, size > 0 ? size : 1, "r");
        status = in ? codec->read(name, in, &found, err) : nb_fail_errno(err, errno, "%s", name);
    }
    if (status != NB_OK) {
        nb_markers_fini(&found);
        return status;
    }
    nb_markers_sort(&found);
    *out = found;
    return NB_OK;
}

nb_status nb_markers_read(const char *path, nb_marker_format format, nb_markers *out, nb_error *err)
{
    const nb_marker_codec *codec = codecs[format];
    *out = (nb_markers){0};
    char name[120];
    name_of(path, name, sizeof name);
    if (!codec->read) {
        NB_SCOPED(nb_text_free) char *bytes = NULL;
        size_t size = 0;
        const nb_status status = nb_file_read(path, NB_MARKERS_FILE_MAX, &bytes, &size, err);
        return status == NB_OK ? nb_markers_parse(name, bytes, size, format, out, err) : status;
    }
    NB_SCOPED(nb_file_close) FILE *in = fopen(path, "re");
    if (!in) {
        return nb_fail_errno(err, errno, "%s", name);
    }
    const nb_status status = codec->read(name, in, out, err);
    if (status != NB_OK) {
        nb_markers_fini(out);
        return status;
    }
    nb_markers_sort(out);
    return NB_OK;
}

static nb_status write_text(const nb_markers *self, const nb_marker_codec *codec,
                            const char *session, const char *name, FILE *out, nb_error *err)
{
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    nb_marker_source source = {.name = name};
    nb_status status =
        session ? nb_file_read(session, NB_MARKERS_FILE_MAX, &bytes, &source.size, err) : NB_OK;
    source.bytes = bytes;
    if (status == NB_OK) {
        status = codec->compose(self, session ? &source : NULL, &text, err);
    }
    if (status != NB_OK) {
        return status;
    }
    if (text.failed) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the markers");
    }
    return text.length == 0 || fwrite(text.chars, 1, text.length, out) == text.length
               ? NB_OK
               : nb_fail_errno(err, errno, "writing the markers");
}

nb_status nb_markers_write(const nb_markers *self, nb_marker_format format, const char *session,
                           FILE *out, nb_error *err)
{
    const nb_marker_codec *codec = codecs[format];
    if (!nb_marker_format_is_written(format)) {
        return cannot(format, "written", err);
    }
    if (session && !codec->takes_session) {
        return nb_fail(err, NB_E_USAGE, "%s files are written anew, not into a session",
                       codec->name);
    }
    char name[120];
    name_of(session ? session : "", name, sizeof name);
    nb_status status = NB_OK;
    if (codec->write) {
        NB_SCOPED(nb_file_close) FILE *in = session ? fopen(session, "re") : NULL;
        if (session && !in) {
            return nb_fail_errno(err, errno, "%s", name);
        }
        status = codec->write(self, name, in, out, err);
    } else {
        status = write_text(self, codec, session, name, out, err);
    }
    if (status == NB_OK && fflush(out) != 0) {
        return nb_fail_errno(err, errno, "writing the markers");
    }
    return status;
}
