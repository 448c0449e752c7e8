// SPDX-License-Identifier: GPL-3.0-or-later
/// @file document.h  A mix document: mix.yaml as parsed values. docs/mix-format.md is the format.
///
/// Values are checked against their tables and each other; what needs the audio itself (does the
/// file exist, is it long enough) is checked when the graph is built. Immutable once parsed;
/// threads may share it.

#ifndef NB_MIX_DOCUMENT_H
#define NB_MIX_DOCUMENT_H
#include "base/arena.h"
#include "base/digest.h"
#include "base/status.h"
#include "dsp/processor.h"
#include "mix/problems.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NB_DOCUMENT_BYTES_MAX = 4 << 20, ///< A whole day of automation fits
    NB_TRACKS_MAX = 1024,            ///< And as many buses
    NB_CLIPS_MAX = 20000,            ///< In one song; a heavily edited drum kit has about 3,000
    NB_INSERTS_MAX = 32,             ///< On one strip
    NB_SENDS_MAX = 32,
    NB_LANES_MAX = 4096,     ///< Automation lanes in one song
    NB_POINTS_MAX = 1000000, ///< Points in one song
    NB_TEMPOS_MAX = 10000,
    NB_ALTERNATES_MAX = 32,
};

typedef enum nb_fade_shape {
    NB_FADE_LINEAR,
    NB_FADE_EQUAL_POWER,
    NB_FADE_S_CURVE,
    NB_FADE_EXPONENTIAL
} nb_fade_shape;

typedef struct nb_clip {
    const char *id;
    const char *file; ///< Path from the album's folder
    nb_place place;   ///< Where the file is named in the document
    int64_t at_ns;    ///< Song time of its first sample
    int64_t offset_ns;
    int64_t length_ns; ///< Below 0: to the end of the file
    double gain_db;
    int64_t fade_in_ns, fade_out_ns;
    nb_fade_shape fade_in_shape, fade_out_shape;
} nb_clip;

/// What of a signal an insert works on.
typedef enum nb_part {
    NB_PART_ALL,
    NB_PART_MID,
    NB_PART_SIDE,
    NB_PART_LEFT,
    NB_PART_RIGHT
} nb_part;

typedef struct nb_insert {
    const char *id;
    nb_place place;
    const nb_processor *processor;
    bool bypass;
    nb_part part;
    double wet_percent; ///< Share of the processed signal
    const double *values;
    size_t band_count;
    const char *const *band_ids; ///< "1", "2", ... where the document gives none
    const double *band_values;
    const char *sidechain; ///< Id of a track or bus; null for none
    nb_place sidechain_place;
    const char *file; ///< For a processor with takes_audio; null for none
    nb_place file_place;
} nb_insert;

typedef struct nb_send {
    const char *to; ///< Id of a bus
    nb_place place;
    double level_db; ///< -infinity for off
    bool pre_fader;
} nb_send;

/// A track, a bus, or the mix bus ("mix").
typedef struct nb_strip {
    const char *id;
    const char *name; ///< For people; the id where none is given
    nb_place place;
    bool is_bus;
    size_t clip_count;
    const nb_clip *clips;
    size_t insert_count;
    const nb_insert *inserts;
    bool polarity_inverted;
    bool mute;
    double fader_db; ///< -infinity for off
    /// Settings of the "pan" processor: its table is what pan keys are parsed with.
    const double *pan_values;
    size_t send_count;
    const nb_send *sends;
    const char *output; ///< Id of a bus, or "mix"; null for the mix bus itself
    nb_place output_place;
} nb_strip;

typedef enum nb_curve { NB_CURVE_LINE, NB_CURVE_HOLD } nb_curve;

typedef struct nb_point {
    int64_t ns;
    double value; ///< In the parameter's unit; -infinity for off
} nb_point;

typedef enum nb_lane_target {
    NB_LANE_FADER,
    NB_LANE_PAN,
    NB_LANE_INSERT,
    NB_LANE_SEND,
    NB_LANE_WET ///< An insert's wet_percent
} nb_lane_target;

/// One automation lane, its target already found.
typedef struct nb_lane {
    const char *path; ///< "vox/comp/threshold_db", "vox/fader_db", "vox/sends/plate/level_db"
    nb_place place;
    const nb_strip *strip;
    nb_lane_target target;
    size_t index;   ///< Of the insert or send on its strip
    size_t control; ///< See nb_block: of the insert's processor, "pan", "gain" or "blend"
    const nb_param *param;
    nb_curve curve;
    size_t point_count;
    const nb_point *points; ///< Ascending
} nb_lane;

/// What an alternate makes different on one strip.
typedef struct nb_override {
    const nb_strip *strip;
    bool mute, unmute;
    double offset_db; ///< Behind the fader
} nb_override;

/// The same mix with some strips otherwise: an instrumental, a cappella, TV mix, vocal up.
typedef struct nb_alternate {
    const char *id;
    const char *name; ///< For people; the id where none is given
    nb_place place;
    size_t override_count;
    const nb_override *overrides; ///< By strip id, each strip once
} nb_alternate;

typedef struct nb_document_tempo {
    int64_t ns;
    double bpm;
    unsigned beats; ///< Of the bar: 3 in 3/4
    unsigned unit;  ///< 4 in 3/4
} nb_document_tempo;

typedef struct nb_document {
    nb_arena *arena;       ///< Owns all below
    const char *file_name; ///< As people know it
    const char *title;
    unsigned rate_hz;
    double tail_max_s;
    bool has_tempo;     ///< The document says its tempos; else it is 120 in 4/4
    size_t tempo_count; ///< At least one
    const nb_document_tempo *tempos;
    size_t track_count; ///< In the document's order
    const nb_strip *tracks;
    size_t bus_count;
    const nb_strip *buses;
    nb_strip mix;
    size_t lane_count;
    const nb_lane *lanes;
    size_t alternate_count; ///< In the document's order
    const nb_alternate *alternates;
} nb_document;

/// Parse `size` bytes of the file that people know as `file_name`. Every mistake found is added to
/// `problems` (which may be null) and the first is in `err` with the number of the others.
NB_NODISCARD nb_status nb_document_parse(const char *file_name, const char *bytes, size_t size,
                                         nb_problems *problems, nb_document **out, nb_error *err);

void nb_document_destroy(nb_document **self_p);

/// The distinct audio files that the document names, in order of first mention; borrowed strings,
/// the array belongs to the document.
const char *const *nb_document_files(const nb_document *self, size_t *out_count);

/// Finds the digest of a path's bytes. Fails with NB_E_NOT_FOUND where there is no such file.
typedef nb_status nb_digest_lookup(void *context, const char *path, nb_digest *out, nb_error *err);

/// The song digest: of the canonical document with each path replaced by its file's SHA-256. Names,
/// comments, order of keys and of tracks, and values at their default do not count.
NB_NODISCARD nb_status nb_document_digest(const nb_document *self, nb_digest_lookup *lookup,
                                          void *context, nb_digest *out, nb_error *err);

#endif // NB_MIX_DOCUMENT_H
