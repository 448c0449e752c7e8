// SPDX-License-Identifier: GPL-3.0-or-later
/// @file format.h  What the formats of markers share: their table, times, texts and rows.

#ifndef NB_REVIEW_MARKERS_FORMAT_H
#define NB_REVIEW_MARKERS_FORMAT_H
#include "base/status.h"
#include "base/text.h"
#include "review/markers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/// A file in memory. `bytes` have a null behind the last one that does not count.
typedef struct nb_marker_source {
    const char *name; ///< Printable
    const char *bytes;
    size_t size;
} nb_marker_source;

/// A format has the first two functions, or the last two where its files are too large for memory;
/// null where it is not read or not written.
typedef struct nb_marker_codec {
    const char *name;
    nb_status (*parse)(const nb_marker_source *source, nb_markers *out, nb_error *err);
    /// `session` may be null.
    nb_status (*compose)(const nb_markers *markers, const nb_marker_source *session, nb_text *out,
                         nb_error *err);
    nb_status (*read)(const char *name, FILE *in, nb_markers *out, nb_error *err);
    nb_status (*write)(const nb_markers *markers, const char *name, FILE *session, FILE *out,
                       nb_error *err);
    bool takes_session;
    bool is_binary;
} nb_marker_codec;

extern const nb_marker_codec nb_marker_codec_reaper_csv, nb_marker_codec_rpp,
    nb_marker_codec_audacity, nb_marker_codec_ardour, nb_marker_codec_protools,
    nb_marker_codec_midi, nb_marker_codec_wav_cue, nb_marker_codec_audition, nb_marker_codec_csv,
    nb_marker_codec_markdown;

// ---- times (times.c) ----

extern const int64_t nb_marker_second_ns;
extern const int64_t nb_marker_time_max_ns; ///< 24 hours

/// Read "[-]digits[.digits]" seconds, with any number of digits behind the point (rounded to the
/// nanosecond) and at most nine before it. False if it is anything else.
bool nb_marker_parse_seconds(const char *text, int64_t *out_ns);
/// The same, with a point or a comma.
bool nb_marker_parse_seconds_comma(const char *text, int64_t *out_ns);
/// Read "m:ss[.fff]" or "h:mm:ss[.fff]", or seconds.
bool nb_marker_parse_clock(const char *text, int64_t *out_ns);
/// A whole number without a sign, at most 18 digits.
bool nb_marker_parse_whole(const char *text, int64_t *out);

/// round(a * b / c) for a * b that may need 128 bits; c > 0, a and b not below 0.
int64_t nb_marker_scale(int64_t a, int64_t b, int64_t c);

enum { NB_MARKER_TIME_SIZE = 40 };
/// "1:03.250", with hours only when there are any, to the nearest millisecond.
void nb_marker_format_clock(int64_t ns, char out[NB_MARKER_TIME_SIZE]);
/// "63.250000": seconds with `decimals` (1 to 9) digits.
void nb_marker_format_seconds(int64_t ns, unsigned decimals, char out[NB_MARKER_TIME_SIZE]);

// ---- texts (texts.c) ----

/// What bytes that are not UTF-8 are taken for.
typedef enum nb_marker_charset { NB_MARKER_WINDOWS_1252, NB_MARKER_MAC_ROMAN } nb_marker_charset;

/// Bytes of a file as a marker's text in new memory: UTF-8, blanks at both ends gone, line ends as
/// line feeds, what can't be seen replaced. `where` ("night.csv: line 3") begins the error of a
/// text that is too long.
NB_NODISCARD nb_status nb_marker_text_clean(const char *where, const char *bytes, size_t size,
                                            nb_marker_charset charset, char **out, nb_error *err);
/// "Zoë: vocal up" in new memory, for formats with one text. Null without memory.
char *nb_marker_label(const nb_marker *marker);
/// The same on one line: line feeds and tabs are spaces.
char *nb_marker_label_line(const nb_marker *marker);
/// `text` in ASCII, in new memory: letters without their marks, '?' for what has none.
char *nb_marker_to_ascii(const char *text);
/// Append `code` as UTF-8.
void nb_marker_add_code(nb_text *out, uint32_t code);

// ---- lists ----

/// Append `*marker`, whose strings the list takes (on failure they are freed); an end before the
/// start is moved to it. A place before 0 or behind 24 hours counts as left out.
NB_NODISCARD nb_status nb_markers_take(nb_markers *self, nb_marker *marker, const char *where,
                                       nb_error *err);
/// Count a marker whose place can't be known.
void nb_markers_leave_out(nb_markers *self, const char *format, ...) NB_PRINTF(2, 3);

// ---- rows (rows.c) ----

enum { NB_MARKER_CELLS_MAX = 24, NB_MARKER_WHERE_SIZE = 160 };

/// Rows of cells in a text file.
typedef struct nb_marker_rows {
    const char *name;
    char *text; ///< A copy, in which the cells stand
    char *at;
    size_t line; ///< Of the row last taken, from 1
    size_t next_line;
    char separator; ///< ' ' for runs of blanks
    bool quotes;    ///< RFC 4180: "a ""b"", c"
    size_t count;
    char *cells[NB_MARKER_CELLS_MAX]; ///< What is behind the last is dropped
    char where[NB_MARKER_WHERE_SIZE]; ///< "night.csv: line 3"
} nb_marker_rows;

/// Refuses what is no text: UTF-16, nulls. A byte order mark is skipped.
NB_NODISCARD nb_status nb_marker_rows_open(const nb_marker_source *source, char separator,
                                           bool quotes, nb_marker_rows *out, nb_error *err);
void nb_marker_rows_fini(nb_marker_rows *self);
/// The next row that is not empty; false at the end.
bool nb_marker_rows_next(nb_marker_rows *self);
/// The cell of that number (from 0), "" where the row is shorter or `cell` is below 0.
const char *nb_marker_rows_cell(const nb_marker_rows *self, int cell);
/// The number of the first cell that is one of `names` (null-ended), whatever its case; -1 if none.
int nb_marker_rows_find(const nb_marker_rows *self, const char *const *names);

/// Append a cell in quotes, those inside doubled.
void nb_marker_add_quoted(nb_text *out, const char *cell);

#endif // NB_REVIEW_MARKERS_FORMAT_H
