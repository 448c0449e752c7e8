// SPDX-License-Identifier: GPL-3.0-or-later
/// @file markers.h  Notes as markers of other programs: read from and written to their files.
///
/// A marker's place is in nanoseconds: finer than half a frame at any rate we take, so that a frame
/// turned into nanoseconds and back is the same frame. What each format keeps, and where that was
/// tried: docs/markers.md. Texts that were read are UTF-8 without anything that can't be seen but
/// line feeds and tabs, as notes must be.

#ifndef NB_REVIEW_MARKERS_H
#define NB_REVIEW_MARKERS_H
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    NB_MARKERS_MAX = 100000,
    NB_MARKER_TEXT_MAX = 8 << 10, ///< Bytes, as a note's
    NB_MARKERS_FILE_MAX =
        64 << 20, ///< Bytes of a marker file or session; of a WAV without its audio
    NB_MARKERS_WHY_SIZE = 200,
    NB_MARKER_NO_COLOUR = -1
};

typedef enum nb_marker_format {
    NB_MARKER_REAPER_CSV,
    NB_MARKER_RPP,
    NB_MARKER_AUDACITY,
    NB_MARKER_ARDOUR,
    NB_MARKER_PROTOOLS,
    NB_MARKER_MIDI,
    NB_MARKER_WAV_CUE,
    NB_MARKER_AUDITION,
    NB_MARKER_CSV,
    NB_MARKER_MARKDOWN,
    NB_MARKER_FORMATS
} nb_marker_format;

typedef struct nb_marker {
    int64_t at_ns;
    int64_t end_ns; ///< Equal to at_ns for a point
    char *text;     ///< May be empty where a program's marker had no name
    char *author;   ///< Null for none. Most formats have one text: it stands before it, "Zoë: ..."
    unsigned number; ///< The note's, or the file's; 0 for none
    bool resolved;
    int colour; ///< 0xRRGGBB, or NB_MARKER_NO_COLOUR
} nb_marker;

/// A tempo from a place on, for formats whose time is music.
typedef struct nb_marker_tempo {
    int64_t at_ns;
    double quarters_per_minute;
    unsigned beats; ///< Of the bar: 3 in 3/4
    unsigned unit;  ///< 4 in 3/4; a power of two
} nb_marker_tempo;

/// A list with what its file needs to say besides. Zero-initialise; nb_markers_fini frees.
typedef struct nb_markers {
    size_t count;
    size_t capacity;
    nb_marker *items;
    unsigned rate_hz;   ///< The song's; 0 where not known: then written as at 48 kHz
    const char *title;  ///< Borrowed: "night@v3", for formats with a heading; may be null
    size_t tempo_count; ///< 0: 120 bpm, 4/4
    const nb_marker_tempo *tempos;          ///< Borrowed; ascending, the first at 0
    size_t left_out;                        ///< Markers of a file that have no place we could know
    char left_out_why[NB_MARKERS_WHY_SIZE]; ///< Of the first of them; safe to print
} nb_markers;

void nb_markers_fini(nb_markers *self);

/// Append a copy of `marker`. A place outside 24 hours, an end before its start or a text over the
/// limit is refused.
NB_NODISCARD nb_status nb_markers_add(nb_markers *self, const nb_marker *marker, nb_error *err);

/// By place, the shorter first; those at one place stay in their order.
void nb_markers_sort(nb_markers *self);

/// `frame` at `rate_hz` in nanoseconds, to the nearest. nb_text_ns_to_frames goes back.
int64_t nb_markers_frame_to_ns(int64_t frame, unsigned rate_hz);

/// `text` with nothing in it that can't be seen but line feeds and tabs, in new memory; "" for
/// null. Null without memory.
char *nb_markers_printable(const char *text);

/// "reaper-csv"; never null.
const char *nb_marker_format_name(nb_marker_format format);
/// NB_E_USAGE with the names that there are, and the nearest, if there is no such format.
NB_NODISCARD nb_status nb_marker_format_by_name(const char *name, nb_marker_format *out,
                                                nb_error *err);
/// By the ending of `path`, and by the first bytes where several formats share it. For a file that
/// is to be written these are not looked at. NB_E_USAGE if it can't be told.
NB_NODISCARD nb_status nb_marker_format_of_file(const char *path, nb_marker_format *out,
                                                nb_error *err);
NB_NODISCARD nb_status nb_marker_format_of_new_file(const char *path, nb_marker_format *out,
                                                    nb_error *err);
bool nb_marker_format_is_read(nb_marker_format format);
bool nb_marker_format_is_written(nb_marker_format format);
/// True if markers can be written into a copy of a session (or a WAV) of that format.
bool nb_marker_format_takes_session(nb_marker_format format);
/// True if what is written is nothing for a terminal.
bool nb_marker_format_is_binary(nb_marker_format format);

/// Read the markers of a file, by place. Errors name the file and the line.
NB_NODISCARD nb_status nb_markers_read(const char *path, nb_marker_format format, nb_markers *out,
                                       nb_error *err);
/// The same from memory; `name` is what errors call it.
NB_NODISCARD nb_status nb_markers_parse(const char *name, const void *bytes, size_t size,
                                        nb_marker_format format, nb_markers *out, nb_error *err);

/// Write the markers, which must be in order (nb_markers_sort), to `out`. With a `session` (may be
/// null), a copy of that file is written with the markers in it and every other byte as it was.
NB_NODISCARD nb_status nb_markers_write(const nb_markers *self, nb_marker_format format,
                                        const char *session, FILE *out, nb_error *err);

#endif // NB_REVIEW_MARKERS_H
