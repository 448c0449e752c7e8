// SPDX-License-Identifier: GPL-3.0-or-later
/// @file schema.h  The keys of a mix document: one table for each kind of map in it.
///
/// The reader, the reference and the JSON Schema all go by these tables. What an insert's or band's
/// parameters are, the processors' tables say.

#ifndef NB_MIX_SCHEMA_H
#define NB_MIX_SCHEMA_H
#include "dsp/processor.h"

#include <stdbool.h>
#include <stddef.h>

#define NB_MIX_FORMAT "nightbus-mix/1"

typedef enum nb_key_type {
    NB_KEY_FORMAT_NAME, ///< Exactly NB_MIX_FORMAT
    NB_KEY_NAME,        ///< Text for people
    NB_KEY_ID,          ///< [a-z0-9-]
    NB_KEY_PATH,        ///< From the album's folder
    NB_KEY_TIME,        ///< Seconds or m:ss.mmm
    NB_KEY_METER,       ///< 3/4
    NB_KEY_PARAM,       ///< As its nb_param says
    NB_KEY_PROCESSOR,   ///< The name of one
    NB_KEY_LIST,        ///< Of `object`
    NB_KEY_MAP,         ///< One `object`
    NB_KEY_LANES,       ///< Lane path to lane
    NB_KEY_POINTS,      ///< Lines of `time value`
    NB_KEY_IDS,         ///< A list of ids
    NB_KEY_OFFSETS,     ///< Id to a value of `param`
    NB_KEY_RESERVED,    ///< Refused: kept for what importers will need
} nb_key_type;

/// Which processor's parameters a map takes beside its own keys.
typedef enum nb_key_extra {
    NB_EXTRA_NONE,
    NB_EXTRA_PAN,
    NB_EXTRA_INSERT,
    NB_EXTRA_BAND
} nb_key_extra;

typedef struct nb_object nb_object;

typedef struct nb_key {
    const char *name;
    nb_key_type type;
    bool required;
    const nb_param *param;   ///< NB_KEY_PARAM, whose `initial` is the default; NB_KEY_OFFSETS
    const nb_object *object; ///< NB_KEY_LIST, NB_KEY_MAP
    const char *initial;     ///< The default in words where there is no param; null for none
    const char *help;
} nb_key;

struct nb_object {
    const char *name; ///< "song", "clip", ...
    const char *help;
    const nb_key *keys;
    size_t key_count;
    nb_key_extra extra;
};

// The order of each table's keys.
enum {
    NB_SONG_FORMAT,
    NB_SONG_TITLE,
    NB_SONG_RATE,
    NB_SONG_TAIL,
    NB_SONG_TEMPO,
    NB_SONG_TRACKS,
    NB_SONG_BUSES,
    NB_SONG_MIX,
    NB_SONG_AUTOMATION,
    NB_SONG_ALTERNATES,
    NB_SONG_VCA,
    NB_SONG_SECTIONS,
    NB_SONG_KEYS
};
enum { NB_TEMPO_AT, NB_TEMPO_BPM, NB_TEMPO_METER, NB_TEMPO_KEYS };
/// A track's keys begin with those of a bus, and a bus's with those of the mix bus.
enum {
    NB_STRIP_INSERTS,
    NB_STRIP_FADER,
    NB_STRIP_MIX_KEYS,
    NB_STRIP_ID = NB_STRIP_MIX_KEYS,
    NB_STRIP_NAME,
    NB_STRIP_POLARITY,
    NB_STRIP_MUTE,
    NB_STRIP_SENDS,
    NB_STRIP_OUTPUT,
    NB_STRIP_VCA,
    NB_STRIP_BUS_KEYS,
    NB_STRIP_CLIPS = NB_STRIP_BUS_KEYS,
    NB_STRIP_TRACK_KEYS
};
enum {
    NB_CLIP_ID,
    NB_CLIP_FILE,
    NB_CLIP_AT,
    NB_CLIP_OFFSET,
    NB_CLIP_LENGTH,
    NB_CLIP_GAIN,
    NB_CLIP_FADE_IN,
    NB_CLIP_FADE_OUT,
    NB_CLIP_FADE_IN_SHAPE,
    NB_CLIP_FADE_OUT_SHAPE,
    NB_CLIP_GAIN_LANE,
    NB_CLIP_KEYS
};
enum {
    NB_INSERT_ID,
    NB_INSERT_PROCESSOR,
    NB_INSERT_BYPASS,
    NB_INSERT_CHANNEL,
    NB_INSERT_WET,
    NB_INSERT_BANDS,
    NB_INSERT_SIDECHAIN,
    NB_INSERT_FILE,
    NB_INSERT_KEYS
};
enum { NB_BAND_ID, NB_BAND_KEYS };
enum { NB_SEND_TO, NB_SEND_LEVEL, NB_SEND_TAP, NB_SEND_KEYS };
enum {
    NB_ALTERNATE_ID,
    NB_ALTERNATE_NAME,
    NB_ALTERNATE_MUTE,
    NB_ALTERNATE_UNMUTE,
    NB_ALTERNATE_OFFSET,
    NB_ALTERNATE_KEYS
};
enum { NB_LANE_KEY_CURVE, NB_LANE_KEY_POINTS, NB_LANE_KEYS };
/// The most keys that any map has.
enum { NB_OBJECT_KEYS_MAX = 16 };

extern const nb_object nb_song_object, nb_tempo_object, nb_track_object, nb_bus_object,
    nb_mix_object, nb_clip_object, nb_insert_object, nb_band_object, nb_send_object, nb_lane_object,
    nb_alternate_object;

/// What a strip's fader, a send, an insert's wet share and their lanes take.
extern const nb_param nb_fader_param, nb_level_param, nb_wet_param;

/// All of them, in the order of the reference; null behind the last.
const nb_object *nb_schema_at(size_t index);

/// The key by which a strip gives a parameter of the "pan" processor: "pan_percent", "pan_law".
/// Written to `out` of `size` bytes; returns `out`.
const char *nb_schema_pan_key(const nb_param *param, char *out, size_t size);

/// The default of a parameter as documents write it, e.g. "-18", "true", "bell".
const char *nb_schema_format_value(const nb_param *param, double value, char *out, size_t size);

#endif // NB_MIX_SCHEMA_H
