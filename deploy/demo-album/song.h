// SPDX-License-Identifier: GPL-3.0-or-later
/// @file song.h  A song of the demo album: its score, its players, its mix document.

#ifndef NB_DEPLOY_DEMO_ALBUM_SONG_H
#define NB_DEPLOY_DEMO_ALBUM_SONG_H
#include "deploy/demo-album/score.h"
#include "deploy/demo-album/take.h"

/// How a stem's file keeps its samples.
typedef enum nb_stem_format { NB_STEM_16, NB_STEM_24, NB_STEM_FLOAT } nb_stem_format;

/// Play a part from the first beat to the last into the take.
typedef nb_status nb_perform(nb_take *take, const nb_score *score, nb_error *err);

typedef struct nb_stem {
    const char *file; ///< "kick.wav", in audio/SONG
    nb_perform *perform;
    unsigned rate_hz;
    unsigned channels;
    nb_stem_format format;
    double peak_db;  ///< Its highest sample, dBFS; 0 leaves the level alone
    double start_s;  ///< Song time of the file's first sample
    double length_s; ///< 0: to the end of the song
} nb_stem;

typedef struct nb_song {
    const char *id;
    const nb_score *score;
    double length_s; ///< With the last notes' ring
    const nb_stem *stems;
    size_t stem_count;
    const char *document; ///< What mix.yaml holds
} nb_song;

extern const nb_song nb_song_last_bus_home; ///< Soul, 96 bpm, F major, 48 kHz
extern const nb_song nb_song_neon_rain;     ///< Driving, 124 bpm, A minor, 44.1 kHz
extern const nb_song nb_song_rooms;         ///< No song: impulse responses that both use

/// Text of files in this folder, put in when it is built.
extern const char nb_document_last_bus_home[];
extern const char nb_document_neon_rain[];
extern const char nb_document_album[];

#endif // NB_DEPLOY_DEMO_ALBUM_SONG_H
