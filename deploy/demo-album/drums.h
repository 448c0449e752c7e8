// SPDX-License-Identifier: GPL-3.0-or-later
/// @file drums.h  Struck things, from their physics: membranes with their modes and a pitch that
/// falls as the skin relaxes, wires and jingles as noise, cymbals as a crowd of partials.
///
/// Each is an nb_hit: velocity in (0, 1] makes it louder, brighter and longer.

#ifndef NB_DEPLOY_DEMO_ALBUM_DRUMS_H
#define NB_DEPLOY_DEMO_ALBUM_DRUMS_H
#include "deploy/demo-album/take.h"

void nb_drum_kick(nb_take *take, double at_s, double velocity);       ///< Felt beater, round
void nb_drum_kick_tight(nb_take *take, double at_s, double velocity); ///< Short, with a click
void nb_drum_snare(nb_take *take, double at_s, double velocity);
void nb_drum_snare_big(nb_take *take, double at_s, double velocity); ///< Deep, a clap on top
void nb_drum_hat(nb_take *take, double at_s, double velocity);
void nb_drum_hat_open(nb_take *take, double at_s, double velocity);
void nb_drum_ride(nb_take *take, double at_s, double velocity);
void nb_drum_crash(nb_take *take, double at_s, double velocity);
void nb_drum_tom_high(nb_take *take, double at_s, double velocity);
void nb_drum_tom_mid(nb_take *take, double at_s, double velocity);
void nb_drum_tom_low(nb_take *take, double at_s, double velocity);
void nb_drum_shaker(nb_take *take, double at_s, double velocity);
void nb_drum_tambourine(nb_take *take, double at_s, double velocity);
void nb_drum_conga(nb_take *take, double at_s, double velocity);

#endif // NB_DEPLOY_DEMO_ALBUM_DRUMS_H
