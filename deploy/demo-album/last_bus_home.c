// SPDX-License-Identifier: GPL-3.0-or-later
// "Last Bus Home": soul in F major. Two bars in, eight of verse, eight of chorus a little faster,
// three out and slowing down.
#include "deploy/demo-album/drums.h"
#include "deploy/demo-album/players.h"
#include "deploy/demo-album/song.h"

static const nb_chord f_maj9 = {29, {57, 60, 64, 67}, {0, 0, 53, 57, 60, 64}};
static const nb_chord a_aug7 = {33, {55, 61, 65, 69}, {0, 0, 55, 61, 65, 69}};
static const nb_chord d_min9 = {38, {53, 57, 60, 64}, {0, 0, 50, 57, 60, 65}};
static const nb_chord bb_maj9 = {34, {57, 60, 62, 65}, {0, 46, 53, 57, 62, 65}};
static const nb_chord c_sus13 = {36, {58, 62, 65, 69}, {0, 48, 55, 58, 62, 65}};
static const nb_chord c_13 = {36, {58, 62, 64, 69}, {0, 0, 52, 58, 62, 69}};
static const nb_chord a_min7 = {33, {55, 60, 64, 67}, {0, 45, 52, 55, 60, 64}};
static const nb_chord f_9 = {29, {57, 60, 63, 67}, {0, 0, 53, 57, 63, 67}};
static const nb_chord bb_min6 = {34, {58, 61, 65, 67}, {0, 46, 55, 58, 61, 65}};
static const nb_chord f_69 = {29, {57, 60, 62, 67, 72}, {0, 0, 53, 57, 62, 67}};

static const nb_bar bars[] = {
    {&bb_maj9, NULL, 'i'}, {&c_sus13, NULL, 'i'},

    {&f_maj9, NULL, 'v'},  {&a_aug7, NULL, 'v'},  {&d_min9, NULL, 'v'}, {&bb_maj9, &c_sus13, 'v'},
    {&f_maj9, NULL, 'v'},  {&a_aug7, NULL, 'v'},  {&d_min9, NULL, 'v'}, {&bb_maj9, &c_sus13, 'v'},

    {&bb_maj9, NULL, 'c'}, {&c_13, NULL, 'c'},    {&a_min7, NULL, 'c'}, {&d_min9, NULL, 'c'},
    {&bb_maj9, NULL, 'c'}, {&c_13, NULL, 'c'},    {&f_maj9, NULL, 'c'}, {&f_maj9, &f_9, 'c'},

    {&bb_maj9, NULL, 'o'}, {&bb_min6, NULL, 'o'}, {&f_69, NULL, 'o'},
};
// The mix document's tempo map says the same in seconds.
static const nb_score_tempo tempos[] = {{0.0, 96.0}, {40.0, 98.0}, {76.0, 92.0}, {80.0, 80.0}};
static const nb_score score = {tempos, NB_COUNT(tempos), bars, NB_COUNT(bars), 0.16};

static const char lead_verse[] = "-:0.5 C5:0.5:wo A4:0.5:ke C5:0.5:ta D5:1:lai C5:1:ti "
                                 "A4:1.5:nou G4:0.5:wa E4:1:re -:1 "
                                 "-:0.5 A4:0.5:da F4:0.5:la A4:0.5:ma C5:1.5:rei A4:0.5:no "
                                 "Bb4:1:so A4:0.5:la G4:0.5:de G4:1.5:wei -:0.5 "
                                 "-:0.5 C5:0.5:be C5:0.5:li D5:0.5:na F5:1:nai D5:0.5:te C5:0.5:lo "
                                 "C#5:1.5:mei A4:0.5:no E4:1:lou -:1 "
                                 "-:0.5 D5:0.5:di D5:0.5:da C5:0.5:ne A4:1:hau F4:1:mi "
                                 "D5:1:so C5:0.75:lo -:0.25 Bb4:0.5:tu G4:0.5:ne A4:0.75:wi -:0.25";
static const char lead_chorus[] = "F5:1.5:ho D5:0.5:la C5:1:ba A4:1:so "
                                  "Bb4:0.5:ta A4:0.5:ke G4:1.25:mi -:0.75 G4:0.5:ta A4:0.5:ke "
                                  "C5:1.5:hou E5:0.5:na D5:0.5:le C5:0.5:na A4:1:lou "
                                  "A4:0.5:di C5:0.5:na D5:2:rai -:1 "
                                  "F5:1.5:ho D5:0.5:la C5:1:ba D5:1:so "
                                  "E5:1:ta D5:0.5:ke C5:0.5:mi Bb4:1:hou -:1 "
                                  "A4:1:no C5:1:ma F5:1.5:rou E5:0.5:na "
                                  "C5:2.75:hou -:1.25";
static const char lead_outro[] =
    "D5:2:la C5:1.75:lai -:0.25 C#5:2:lo C5:1:no Bb4:1:ma A4:3.5:hou -:0.5";

enum { VERSE_BEAT = 8, CHORUS_BEAT = 40, OUTRO_BEAT = 72 };

static nb_status perform_kick(nb_take *take, const nb_score *self, nb_error *err)
{
    (void)err;
    static const nb_groove groove = {NULL,
                                     {"9......5..8.....", "9......5..8..4.."},
                                     {"9..4...59.8.....", "9..4...5..8..4.."},
                                     "9.......8.5.....",
                                     "9......5..8.8...",
                                     "9..............."};
    nb_score_play_drum(self, take, &groove, 3.0, nb_drum_kick);
    return NB_OK;
}

static nb_status perform_snare(nb_take *take, const nb_score *self, nb_error *err)
{
    (void)err;
    static const nb_groove groove = {NULL,
                                     {"....8..2.2..8..1", "....8..1.2..8.2."},
                                     {"....9..2.2..9..2", "....9..2.3..9.23"},
                                     "....7.......7...",
                                     "....8..2.2567789",
                                     NULL};
    nb_score_play_drum(self, take, &groove, 4.0, nb_drum_snare);
    return NB_OK;
}

static nb_status perform_hats(nb_take *take, const nb_score *self, nb_error *err)
{
    (void)err;
    static const nb_groove closed = {"4...5...4...5.3.",
                                     {"6.4.7.425.4.7.4.", "6.4.7.4.5.427.3."},
                                     {"7.4.8.4.7.4.8.4.", "7.4.8.427.4.8..."},
                                     "5...6...5...6...",
                                     "6.4.7.425.......",
                                     NULL};
    static const nb_groove open = {
        NULL, {NULL, "..............6."}, {NULL, "..............7."}, NULL, NULL, NULL};
    nb_score_play_drum(self, take, &closed, 3.5, nb_drum_hat);
    nb_score_play_drum(self, take, &open, 3.5, nb_drum_hat_open);
    return NB_OK;
}

/// Toms, cymbals, and what the microphones above the kit hear of the snare.
static nb_status perform_overheads(nb_take *take, const nb_score *self, nb_error *err)
{
    static const nb_groove ride = {
        NULL, {NULL, NULL},      {"7.4.6.4.7.4.6.4.", "7.4.6.4.7.4.6.5."}, "6...6...6...6...",
        NULL, "7..............."};
    static const nb_groove crash = {NULL, {NULL, NULL}, {NULL, NULL},
                                    NULL, NULL,         "8..............."};
    static const nb_groove high = {NULL, {NULL, NULL},       {NULL, NULL},
                                   NULL, "........78......", NULL};
    static const nb_groove mid = {NULL, {NULL, NULL}, {NULL, NULL}, NULL, "..........78....", NULL};
    static const nb_groove low = {NULL, {NULL, NULL}, {NULL, NULL}, NULL, "............7989", NULL};
    nb_score_play_drum(self, take, &ride, 4.0, nb_drum_ride);
    nb_score_play_drum(self, take, &crash, 4.0, nb_drum_crash);
    nb_drum_crash(take, nb_score_seconds(self, VERSE_BEAT), 0.6);
    nb_drum_crash(take, nb_score_seconds(self, CHORUS_BEAT), 0.9);
    nb_drum_crash(take, nb_score_seconds(self, OUTRO_BEAT), 0.7);
    nb_score_play_drum(self, take, &high, 5.0, nb_drum_tom_high);
    nb_score_play_drum(self, take, &mid, 5.0, nb_drum_tom_mid);
    nb_score_play_drum(self, take, &low, 5.0, nb_drum_tom_low);
    nb_take_normalise(take, 0.0);
    return perform_snare(take, self, err);
}

static nb_status perform_percussion(nb_take *take, const nb_score *self, nb_error *err)
{
    (void)err;
    static const nb_groove shaker = {"5.3.6.3.5.3.6.3.",
                                     {"5363537353635373", "5363537353635373"},
                                     {"6374647463746474", "6374647463746474"},
                                     "5.3.6.3.5.3.6.3.",
                                     NULL,
                                     NULL};
    static const nb_groove tambourine = {
        NULL, {NULL, NULL}, {"....8.......8..4", "....8.......8.4."}, NULL, NULL, NULL};
    static const nb_groove conga = {"..4..4..8.8.....",
                                    {"..4..4..8.7...4.", "4.4..4..8.7..4.."},
                                    {"..5..5..9.8...5.", "5.5..5..9.8..5.."},
                                    "..4.....8.......",
                                    NULL,
                                    NULL};
    nb_score_play_drum(self, take, &shaker, 4.0, nb_drum_shaker);
    nb_score_play_drum(self, take, &tambourine, 5.0, nb_drum_tambourine);
    nb_score_play_drum(self, take, &conga, 6.0, nb_drum_conga);
    return NB_OK;
}

static nb_status perform_bass(nb_take *take, const nb_score *self, nb_error *err)
{
    (void)err;
    static const nb_groove groove = {NULL,
                                     {"R--.--fo..R-f-a-", "R--...r.R---o-a-"},
                                     {"R--r..foR-.rf-a-", "R--r..fof-.ro-a-"},
                                     "R-----f-r---f-a-",
                                     NULL,
                                     "R---------------"};
    nb_score_play(self, take, &groove, 4.0, nb_player_bass, NULL);
    return NB_OK;
}

static nb_status perform_keys(nb_take *take, const nb_score *self, nb_error *err)
{
    (void)err;
    static const nb_groove groove = {"X---------x-x---",
                                     {"X--x--x---x-.x--", "X-----x-X--x--x-"},
                                     {"X-----x-X---x-x-", "X--x----X-x---x-"},
                                     "X-------x---x---",
                                     NULL,
                                     "X---------------"};
    nb_score_play(self, take, &groove, 5.0, nb_player_piano, NULL);
    nb_take_tremolo(take, 4.6, 0.3);
    return NB_OK;
}

static nb_status perform_guitar(nb_take *take, const nb_score *self, nb_error *err)
{
    (void)err;
    static const nb_groove groove = {"p-------p-------",
                                     {"..c.X-c...c.X-.c", "..c.X-c.X---X-.c"},
                                     {"X---c.x-X-x-c.x-", "X---c.x-X-x-c.xx"},
                                     "p-------x-------",
                                     NULL,
                                     "X---------------"};
    nb_score_play(self, take, &groove, 5.0, nb_player_strum, NULL);
    return NB_OK;
}

static nb_status perform_lead(nb_take *take, const nb_score *self, nb_error *err)
{
    NB_SCOPED(nb_wave_fini) nb_wave glottal = {0};
    const nb_status status = nb_wave_init(&glottal, nb_wave_glottal, take->rate_hz, err);
    if (status != NB_OK) {
        return status;
    }
    nb_part part = {self, &glottal, {1.0, 5.4, 0.32, 0.10, 0.035, 0.0, 8.0}, 0.8, 0.0};
    nb_syllable line[NB_SYLLABLES_MAX];
    size_t count = nb_score_read_line(lead_verse, VERSE_BEAT, line);
    nb_sing(take, &part, line, count);
    count = nb_score_read_line(lead_chorus, CHORUS_BEAT, line);
    part.level = 1.0;
    nb_sing(take, &part, line, count);
    count = nb_score_read_line(lead_outro, OUTRO_BEAT, line);
    part.level = 0.75;
    nb_sing(take, &part, line, count);
    return NB_OK;
}

static nb_status perform_backing(nb_take *take, const nb_score *self, nb_error *err)
{
    static const nb_groove groove = {
        NULL, {NULL, NULL},      {"U-----------A-A-", "O-------....A-A-"}, "U---------------",
        NULL, "A---------------"};
    NB_SCOPED(nb_wave_fini) nb_wave glottal = {0};
    const nb_status status = nb_wave_init(&glottal, nb_wave_glottal, take->rate_hz, err);
    if (status != NB_OK) {
        return status;
    }
    const nb_choir choir = {self, &glottal, {0.97, 5.2, 0.2, 0.16, 0.05, 0.0, 12.0}, 'd'};
    nb_score_play(self, take, &groove, 6.0, nb_player_choir, &choir);
    return NB_OK;
}

static nb_status perform_strings(nb_take *take, const nb_score *self, nb_error *err)
{
    static const nb_groove groove = {"x---------------",
                                     {"x---------------", "x-------x-------"},
                                     {"X---------------", "X-------X-------"},
                                     "X---------------",
                                     NULL,
                                     "x---------------"};
    NB_SCOPED(nb_wave_fini) nb_wave saw = {0};
    const nb_status status = nb_wave_init(&saw, nb_wave_saw, take->rate_hz, err);
    if (status == NB_OK) {
        nb_score_play(self, take, &groove, 8.0, nb_player_section, &saw);
    }
    return status;
}

static const nb_stem stems[] = {
    {"kick.wav", perform_kick, 48000, 1, NB_STEM_24, -6.0, 0.0, 0.0},
    {"snare.wav", perform_snare, 48000, 1, NB_STEM_24, -6.0, 0.0, 0.0},
    {"hats.wav", perform_hats, 48000, 1, NB_STEM_16, -9.0, 0.0, 0.0},
    {"overheads.wav", perform_overheads, 48000, 2, NB_STEM_24, -6.0, 0.0, 0.0},
    {"percussion.wav", perform_percussion, 44100, 2, NB_STEM_16, -6.0, 0.0, 0.0},
    {"bass.wav", perform_bass, 48000, 1, NB_STEM_24, -6.0, 0.0, 0.0},
    {"keys.wav", perform_keys, 48000, 2, NB_STEM_24, -6.0, 0.0, 0.0},
    {"guitar.wav", perform_guitar, 44100, 1, NB_STEM_24, -6.0, 0.0, 0.0},
    {"strings.wav", perform_strings, 48000, 2, NB_STEM_24, -6.0, 0.0, 0.0},
    // The singer recorded the verse and the rest on two days, with some bars of both on each.
    {"lead-verse.wav", perform_lead, 48000, 1, NB_STEM_FLOAT, -3.0, 4.0, 24.0},
    {"lead-chorus.wav", perform_lead, 48000, 1, NB_STEM_FLOAT, -3.0, 22.0, 0.0},
    {"backing.wav", perform_backing, 48000, 2, NB_STEM_24, -6.0, 24.0, 0.0},
};

const nb_song nb_song_last_bus_home = {
    .id = "last-bus-home",
    .score = &score,
    .length_s = 53.5,
    .stems = stems,
    .stem_count = NB_COUNT(stems),
    .document = nb_document_last_bus_home,
};
