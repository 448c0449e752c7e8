// SPDX-License-Identifier: GPL-3.0-or-later
#include "deploy/demo-album/instruments.h"
#include "deploy/demo-album/song.h"

static nb_status perform_plate(nb_take *take, const nb_score *score, nb_error *err)
{
    (void)score;
    (void)err;
    static const nb_room plate = {1.9, 0.004, 11000.0, 3200.0, 40};
    nb_take_room(take, &plate);
    return NB_OK;
}

static nb_status perform_chamber(nb_take *take, const nb_score *score, nb_error *err)
{
    (void)score;
    (void)err;
    static const nb_room chamber = {0.75, 0.002, 8000.0, 2400.0, 24};
    nb_take_room(take, &chamber);
    return NB_OK;
}

static const nb_stem stems[] = {
    {"plate.wav", perform_plate, 48000, 2, NB_STEM_FLOAT, 0.0, 0.0, 1.8},
    {"chamber.wav", perform_chamber, 48000, 2, NB_STEM_FLOAT, 0.0, 0.0, 0.7},
};

const nb_song nb_song_rooms = {"rooms", NULL, 0.0, stems, NB_COUNT(stems), NULL};
