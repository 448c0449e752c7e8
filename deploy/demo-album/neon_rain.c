// SPDX-License-Identifier: GPL-3.0-or-later
// "Neon Rain": driving, in A minor. Four bars in, eight of verse, eight of chorus, three out.
#include "deploy/demo-album/drums.h"
#include "deploy/demo-album/players.h"
#include "deploy/demo-album/song.h"

static const nb_chord a_min = {33, {57, 60, 64, 69}, {0}};
static const nb_chord f_maj = {29, {57, 60, 65, 69}, {0}};
static const nb_chord c_maj = {36, {55, 60, 64, 67}, {0}};
static const nb_chord g_maj = {31, {55, 59, 62, 67}, {0}};
static const nb_chord e_maj = {28, {56, 59, 64, 68}, {0}};
static const nb_chord e_7 = {28, {56, 59, 62, 64}, {0}};

static const nb_bar bars[] = {
    {&a_min, NULL, 'i'}, {&f_maj, NULL, 'i'},   {&c_maj, NULL, 'i'}, {&g_maj, NULL, 'i'},

    {&a_min, NULL, 'v'}, {&a_min, NULL, 'v'},   {&f_maj, NULL, 'v'}, {&f_maj, NULL, 'v'},
    {&c_maj, NULL, 'v'}, {&c_maj, NULL, 'v'},   {&g_maj, NULL, 'v'}, {&e_maj, NULL, 'v'},

    {&f_maj, NULL, 'c'}, {&g_maj, NULL, 'c'},   {&a_min, NULL, 'c'}, {&c_maj, NULL, 'c'},
    {&f_maj, NULL, 'c'}, {&g_maj, NULL, 'c'},   {&e_maj, NULL, 'c'}, {&e_7, NULL, 'c'},

    {&a_min, NULL, 'o'}, {&f_maj, &g_maj, 'o'}, {&a_min, NULL, 'o'},
};
static const nb_score_tempo tempos[] = {{0.0, 124.0}};
static const nb_score score = {tempos, NB_COUNT(tempos), bars, NB_COUNT(bars), 0.0};

static const char lead_verse[] =
    "E4:0.5:ni E4:0.5:yo G4:0.5:na E4:0.5:le D4:0.5:wa C4:0.5:na D4:1:rei E4:2.5:nou -:1.5 "
    "C4:0.5:wi C4:0.5:la F4:0.5:lo E4:0.5:ke D4:0.5:sa C4:0.5:na A3:1:tai C4:2.5:lou -:1.5 "
    "E4:0.5:ni E4:0.5:ba G4:0.5:di E4:0.5:no G4:0.5:sa A4:0.5:ka G4:1:nai E4:2.5:rei -:1.5 "
    "D4:0.5:wa D4:0.5:ne E4:0.5:ta D4:0.5:ke B3:0.5:mi D4:0.5:ta E4:1:dau "
    "G#4:2:nou E4:1:na B4:0.75:hai -:0.25";
static const char lead_chorus[] =
    "A4:1.5:ni G4:0.5:yo F4:1:na E4:0.5:le F4:0.5:ne G4:2:rei D4:1:ni G4:0.75:ne -:0.25 "
    "A4:1.5:ka B4:0.5:la C5:1:rai B4:0.5:ne A4:0.5:no G4:2.5:nou -:0.5 E4:1:sa "
    "A4:1.5:ni G4:0.5:yo F4:1:na A4:1:le B4:2:rei A4:0.5:no G4:0.5:na D4:0.75:ma -:0.25 "
    "G#4:1.5:ta B4:0.5:ka E4:1.75:mi -:0.25 D5:1:hou B4:1:na G#4:1:wei B4:0.75:ta -:0.25";
static const char lead_outro[] = "A4:3.5:nou -:0.5 A4:2:ho B4:1.75:ha -:0.25 A4:3.5:nai -:0.5";

enum { VERSE_BEAT = 16, CHORUS_BEAT = 48, OUTRO_BEAT = 80 };

static nb_status perform_kick(nb_take *take, const nb_score *self, nb_error *err)
{
    (void)err;
    static const nb_groove groove = {"9.......9.......",
                                     {"9...9...9...9...", "9...9...9...9..6"},
                                     {"9...9...9...9...", "9...9...9...9.6."},
                                     "9...9...9...9...",
                                     "9...9...9.9.9.9.",
                                     "9..............."};
    nb_score_play_drum(self, take, &groove, 1.0, nb_drum_kick_tight);
    return NB_OK;
}

static nb_status perform_snare(nb_take *take, const nb_score *self, nb_error *err)
{
    (void)err;
    static const nb_groove groove = {NULL,
                                     {"....8.......8...", "....8.......8..3"},
                                     {"....9.......9...", "....9..3....9.33"},
                                     "....9.......9...",
                                     "....8...55667789",
                                     "9..............."};
    nb_score_play_drum(self, take, &groove, 2.0, nb_drum_snare_big);
    return NB_OK;
}

static nb_status perform_hats(nb_take *take, const nb_score *self, nb_error *err)
{
    (void)err;
    static const nb_groove closed = {NULL,
                                     {"6.4.6.4.6.4.6.4.", "6.4.6.4.6.446.4."},
                                     {"7355735573557355", "7355735573557355"},
                                     "6.4.6.4.6.4.6.4.",
                                     NULL,
                                     NULL};
    static const nb_groove open = {
        NULL, {NULL, NULL}, {"..7...7...7...7.", "..7...7...7...7."}, "..7...7...7...7.",
        NULL, NULL};
    nb_score_play_drum(self, take, &closed, 1.5, nb_drum_hat);
    nb_score_play_drum(self, take, &open, 1.5, nb_drum_hat_open);
    return NB_OK;
}

static nb_status perform_toms(nb_take *take, const nb_score *self, nb_error *err)
{
    (void)err;
    static const nb_groove low = {"8..6..7.8..6..7.", {NULL, NULL}, {NULL, NULL}, NULL,
                                  "............8888", NULL};
    static const nb_groove mid = {"....6.......6...", {NULL, NULL}, {NULL, NULL}, NULL,
                                  "........8888....", NULL};
    static const nb_groove high = {NULL, {NULL, NULL},       {NULL, NULL},
                                   NULL, "....7778........", NULL};
    nb_score_play_drum(self, take, &low, 3.0, nb_drum_tom_low);
    nb_score_play_drum(self, take, &mid, 3.0, nb_drum_tom_mid);
    nb_score_play_drum(self, take, &high, 3.0, nb_drum_tom_high);
    const double crashes[] = {VERSE_BEAT, CHORUS_BEAT, CHORUS_BEAT + 16.0, OUTRO_BEAT,
                              OUTRO_BEAT + 8.0};
    for (size_t i = 0; i < NB_COUNT(crashes); i++) {
        nb_drum_crash(take, nb_score_seconds(self, crashes[i]), 0.8);
    }
    return NB_OK;
}

/// A synthesiser's two oscillators.
typedef struct waves {
    nb_wave saw, square;
} waves;

static void waves_fini(waves *self)
{
    nb_wave_fini(&self->saw);
    nb_wave_fini(&self->square);
}

static nb_status waves_init(waves *self, unsigned rate_hz, nb_error *err)
{
    const nb_status status = nb_wave_init(&self->saw, nb_wave_saw, rate_hz, err);
    return (status != NB_OK) ? status : nb_wave_init(&self->square, nb_wave_square, rate_hz, err);
}

static nb_status perform_bass(nb_take *take, const nb_score *self, nb_error *err)
{
    static const nb_groove groove = {"R---------------",
                                     {"r-r-r-r-R-r-r-o-", "r-r-r-r-R-r-f-o-"},
                                     {"R-r-o-r-R-r-o-f-", "R-r-o-r-R-r-o-a-"},
                                     "R-r-o-r-R-r-o-r-",
                                     NULL,
                                     "R---------------"};
    NB_SCOPED(waves_fini) waves tones = {0};
    const nb_status status = waves_init(&tones, take->rate_hz, err);
    if (status == NB_OK) {
        const nb_synth_bass bass = {&tones.saw, &tones.square};
        nb_score_play(self, take, &groove, 0.8, nb_player_synth_bass, &bass);
    }
    return status;
}

static nb_status perform_arpeggio(nb_take *take, const nb_score *self, nb_error *err)
{
    static const nb_groove groove = {"1353175315351753",
                                     {"1.3.5.3.1.3.6.5.", "1.3.5.3.7.5.3.2."},
                                     {"1353175315351753", "1353175315351873"},
                                     "1353175315351753",
                                     NULL,
                                     "1---------------"};
    NB_SCOPED(nb_wave_fini) nb_wave saw = {0};
    const nb_status status = nb_wave_init(&saw, nb_wave_saw, take->rate_hz, err);
    if (status == NB_OK) {
        nb_score_play(self, take, &groove, 0.5, nb_player_arpeggio, &saw);
    }
    return status;
}

static nb_status perform_pad(nb_take *take, const nb_score *self, nb_error *err)
{
    static const nb_groove groove = {"x---------------",
                                     {"x---------------", "x---------------"},
                                     {"X---------------", "X---------------"},
                                     "X-------X-------",
                                     NULL,
                                     "x---------------"};
    NB_SCOPED(nb_wave_fini) nb_wave saw = {0};
    const nb_status status = nb_wave_init(&saw, nb_wave_saw, take->rate_hz, err);
    if (status == NB_OK) {
        nb_score_play(self, take, &groove, 4.0, nb_player_section, &saw);
    }
    return status;
}

static nb_status perform_guitar(nb_take *take, const nb_score *self, nb_error *err)
{
    static const nb_groove groove = {NULL,
                                     {"x-x-x-x-x-x-x-x-", "x-x-x-x-x-x-X---"},
                                     {"X-------X-----X-", "X-------X---X---"},
                                     "X-------X-------",
                                     NULL,
                                     "X---------------"};
    nb_score_play(self, take, &groove, 4.0, nb_player_power, NULL);
    nb_take_normalise(take, 0.0);
    return nb_take_amplify(take, 9.0, err);
}

static nb_status perform_lead(nb_take *take, const nb_score *self, nb_error *err)
{
    NB_SCOPED(nb_wave_fini) nb_wave glottal = {0};
    const nb_status status = nb_wave_init(&glottal, nb_wave_glottal, take->rate_hz, err);
    if (status != NB_OK) {
        return status;
    }
    nb_part part = {self, &glottal, {0.87, 5.0, 0.25, 0.12, 0.028, 0.0, 6.0}, 0.8, 0.0};
    nb_syllable line[NB_SYLLABLES_MAX];
    size_t count = nb_score_read_line(lead_verse, VERSE_BEAT, line);
    nb_sing(take, &part, line, count);
    count = nb_score_read_line(lead_chorus, CHORUS_BEAT, line);
    part.level = 1.0;
    nb_sing(take, &part, line, count);
    count = nb_score_read_line(lead_outro, OUTRO_BEAT, line);
    part.level = 0.9;
    nb_sing(take, &part, line, count);
    return NB_OK;
}

static nb_status perform_backing(nb_take *take, const nb_score *self, nb_error *err)
{
    static const nb_groove groove = {
        NULL, {NULL, NULL},      {"A-------....O---", "O-----------A-A-"}, "O-------A-------",
        NULL, "O---------------"};
    NB_SCOPED(nb_wave_fini) nb_wave glottal = {0};
    const nb_status status = nb_wave_init(&glottal, nb_wave_glottal, take->rate_hz, err);
    if (status != NB_OK) {
        return status;
    }
    const nb_choir choir = {self, &glottal, {0.9, 5.0, 0.15, 0.2, 0.04, 0.0, 14.0}, 'h'};
    nb_score_play(self, take, &groove, 8.0, nb_player_choir, &choir);
    return NB_OK;
}

/// Two bars that rise, recorded once: the mix document places them twice.
static nb_status perform_riser(nb_take *take, const nb_score *self, nb_error *err)
{
    NB_SCOPED(nb_wave_fini) nb_wave saw = {0};
    const nb_status status = nb_wave_init(&saw, nb_wave_saw, take->rate_hz, err);
    if (status == NB_OK) {
        const nb_note note = {0.0, nb_score_seconds(self, 8.0), 57.0, 0.8, 0.0};
        nb_play_riser(take, &saw, &note);
    }
    return status;
}

static const nb_stem stems[] = {
    {"kick.wav", perform_kick, 44100, 1, NB_STEM_24, -6.0, 0.0, 0.0},
    {"snare.wav", perform_snare, 44100, 1, NB_STEM_24, -6.0, 0.0, 0.0},
    {"hats.wav", perform_hats, 44100, 2, NB_STEM_16, -9.0, 0.0, 0.0},
    {"toms.wav", perform_toms, 48000, 2, NB_STEM_24, -6.0, 0.0, 0.0},
    {"bass.wav", perform_bass, 44100, 1, NB_STEM_24, -6.0, 0.0, 0.0},
    {"arpeggio.wav", perform_arpeggio, 48000, 2, NB_STEM_24, -6.0, 0.0, 0.0},
    {"pad.wav", perform_pad, 44100, 2, NB_STEM_FLOAT, -6.0, 0.0, 0.0},
    {"guitar-left.wav", perform_guitar, 44100, 1, NB_STEM_24, -6.0, 7.0, 0.0},
    {"guitar-right.wav", perform_guitar, 44100, 1, NB_STEM_24, -6.0, 7.0, 0.0},
    {"lead.wav", perform_lead, 48000, 1, NB_STEM_24, -3.0, 7.0, 0.0},
    {"backing.wav", perform_backing, 44100, 2, NB_STEM_24, -6.0, 22.0, 0.0},
    {"riser.wav", perform_riser, 44100, 2, NB_STEM_16, -6.0, 0.0, 4.0},
};

const nb_song nb_song_neon_rain = {
    .id = "neon-rain",
    .score = &score,
    .length_s = 45.5,
    .stems = stems,
    .stem_count = NB_COUNT(stems),
    .document = nb_document_neon_rain,
};
