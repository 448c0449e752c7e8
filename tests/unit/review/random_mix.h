// SPDX-License-Identifier: GPL-3.0-or-later
/// @file random_mix.h  A mix that is edited at random, as text that parses: every key of the format
/// and every processor's every parameter gets its turn.

#ifndef NB_TESTS_RANDOM_MIX_H
#define NB_TESTS_RANDOM_MIX_H
#include "base/text.h"
#include "dsp/processor.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    RANDOM_STRIPS = 8,
    RANDOM_CLIPS = 5,
    RANDOM_INSERTS = 4,
    RANDOM_BANDS = 4,
    RANDOM_PARAMS = 64,
    RANDOM_BAND_PARAMS = 12,
    RANDOM_SENDS = 3,
    RANDOM_LANES = 10,
    RANDOM_POINTS = 6,
    RANDOM_TEMPOS = 4,
    RANDOM_ALTERNATES = 3,
    RANDOM_PATH = 96
};

/// A parameter left out, so that it stands at its default.
#define LEFT_OUT (-1e300)

typedef struct random_clip {
    unsigned id, take, name; ///< Bytes go by `take`; `name` only renames the file
    double at_s, offset_s, length_s, gain_db, fade_in_s, fade_out_s;
    unsigned in_shape, out_shape;
} random_clip;

typedef struct random_insert {
    unsigned id;
    const nb_processor *processor;
    bool bypass;
    unsigned channel, take, sidechain; ///< sidechain: id of a strip, 0 for none
    double wet_percent;
    double values[RANDOM_PARAMS];
    unsigned band_count;
    unsigned band_ids[RANDOM_BANDS];
    double band_values[RANDOM_BANDS][RANDOM_BAND_PARAMS];
} random_insert;

typedef struct random_send {
    unsigned to;
    double level_db;
    bool pre;
} random_send;

typedef struct random_strip {
    unsigned id, name, output; ///< output: id of a strip, 0 for the mix bus
    bool is_bus, mute, inverted;
    double fader_db, pan_percent;
    unsigned pan_law;
    unsigned clip_count, insert_count, send_count;
    random_clip clips[RANDOM_CLIPS];
    random_insert inserts[RANDOM_INSERTS];
    random_send sends[RANDOM_SENDS];
} random_strip;

typedef struct random_lane {
    char path[RANDOM_PATH];
    const nb_param *param;
    bool hold;
    unsigned point_count;
    double times_s[RANDOM_POINTS], values[RANDOM_POINTS];
} random_lane;

typedef struct random_alternate {
    unsigned id, name;
    unsigned mute, unmute, offset; ///< Ids of strips, 0 for none
    double offset_db;
} random_alternate;

/// Plain values: copying it keeps the mix as it was.
typedef struct random_mix {
    uint64_t seed;
    unsigned next_id, title, rate_hz;
    double shrink; ///< All times are divided by it, for tests that render; 0: they are not
    double tail_s;
    unsigned tempo_count, strip_count, lane_count, alternate_count;
    double tempo_s[RANDOM_TEMPOS], bpm[RANDOM_TEMPOS];
    random_strip strips[RANDOM_STRIPS];
    random_insert mix_insert; ///< processor null: none
    double mix_fader_db;
    random_lane lanes[RANDOM_LANES];
    random_alternate alternates[RANDOM_ALTERNATES];
} random_mix;

/// A small mix to begin with.
void random_mix_init(random_mix *self, uint64_t seed);

/// One edit. What comes out may be refused (a loop, a filter over half the rate): then go back to
/// the copy.
void random_mix_edit(random_mix *self);

/// The document. What was left without its strip, insert or bus is left out.
void random_mix_write(const random_mix *self, nb_text *out);

uint64_t random_mix_next(random_mix *self, uint64_t below);

#endif // NB_TESTS_RANDOM_MIX_H
