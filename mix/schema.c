// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/schema.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const polarities[] = {"normal", "inverted", NULL};
static const char *const taps[] = {"post", "pre", NULL};
static const char *const channels[] = {"all", "mid", "side", "left", "right", NULL}; // as nb_part
static const char *const curves[] = {"line", "hold", NULL};
static const char *const shapes[] = {"linear", "equal-power", "s-curve", "exponential", NULL};

static const nb_param rate_param = {"rate_hz", "Hz", NB_SCALE_WHOLE, 8000, 192000, 48000};
static const nb_param tail_param = {"tail_max_s", "s", NB_SCALE_LINEAR, 0, 600, 20};
static const nb_param bpm_param = {"bpm", "", NB_SCALE_LINEAR, 10, 1000, 120};
static const nb_param clip_gain_param = {"gain_db", "dB", NB_SCALE_DB, -120, 40, 0};
static const nb_param shape_param = {"fade_shape", "", NB_SCALE_CHOICE, 0, 3, 0, .choices = shapes};
static const nb_param polarity_param = {"polarity", "", NB_SCALE_CHOICE,      0,
                                        1,          0,  .choices = polarities};
static const nb_param mute_param = {"mute", "", NB_SCALE_SWITCH, 0, 1, 0};
static const nb_param bypass_param = {"bypass", "", NB_SCALE_SWITCH, 0, 1, 0};
static const nb_param channel_param = {"channel", "", NB_SCALE_CHOICE,    0,
                                       4,         0,  .choices = channels};
static const nb_param offset_param = {"offset_db", "dB", NB_SCALE_DB, -60, 24, 0};
static const nb_param tap_param = {"tap", "", NB_SCALE_CHOICE, 0, 1, 0, .choices = taps};
static const nb_param curve_param = {"curve", "", NB_SCALE_CHOICE, 0, 1, 0, .choices = curves};

// Both are the "gain" processor's gain_db under names of their own, and lie inside its range.
const nb_param nb_fader_param = {"fader_db", "dB", NB_SCALE_DB,         -120,
                                 24,         0,    .automatable = true, .off = true};
const nb_param nb_level_param = {"level_db", "dB", NB_SCALE_DB,         -120,
                                 24,         0,    .automatable = true, .off = true};

// The "blend" processor's, under the same name.
const nb_param nb_wet_param = {"wet_percent", "%", NB_SCALE_LINEAR,    0,
                               100,           100, .automatable = true};

static const nb_key song_keys[NB_SONG_KEYS] = {
    [NB_SONG_FORMAT] = {"format", NB_KEY_FORMAT_NAME, true,
                        .help = "Comes first: `nightbus-mix/1`."},
    [NB_SONG_TITLE] = {"title", NB_KEY_NAME, true, .help = "The song's title, for people."},
    [NB_SONG_RATE] = {"rate_hz", NB_KEY_PARAM, false, &rate_param,
                      .help = "The rate that everything runs and is rendered at. Files at other "
                              "rates are converted."},
    [NB_SONG_TAIL] = {"tail_max_s", NB_KEY_PARAM, false, &tail_param,
                      .help = "How long the song may ring after its last clip."},
    [NB_SONG_TEMPO] = {"tempo", NB_KEY_LIST, false, NULL, &nb_tempo_object, "120 in 4/4",
                       "The tempo map, for the display and for delays in note values."},
    [NB_SONG_TRACKS] = {"tracks", NB_KEY_LIST, true, NULL, &nb_track_object, .help = "The tracks."},
    [NB_SONG_BUSES] = {"buses", NB_KEY_LIST, false, NULL, &nb_bus_object, "none",
                       "The buses: groups and returns."},
    [NB_SONG_MIX] = {"mix_bus", NB_KEY_MAP, false, NULL, &nb_mix_object, "no inserts, 0 dB",
                     "The mix bus, which everything ends at. Its id is `mix`."},
    [NB_SONG_AUTOMATION] = {"automation", NB_KEY_LANES, false, NULL, &nb_lane_object, "none",
                            "Lanes by what they move, such as `vox/fader_db`."},
    [NB_SONG_ALTERNATES] = {"alternates", NB_KEY_LIST, false, NULL, &nb_alternate_object, "none",
                            "The same mix with some strips otherwise, rendered beside it: "
                            "instrumental, a cappella, TV mix, vocal up."},
    [NB_SONG_VCA] = {"vca", NB_KEY_RESERVED},
    [NB_SONG_SECTIONS] = {"sections", NB_KEY_RESERVED},
};
static const nb_key tempo_keys[NB_TEMPO_KEYS] = {
    [NB_TEMPO_AT] = {"at", NB_KEY_TIME, true,
                     .help = "From this song time on. The first is 0, each later than the last."},
    [NB_TEMPO_BPM] = {"bpm", NB_KEY_PARAM, true, &bpm_param, .help = "Quarter notes a minute."},
    [NB_TEMPO_METER] = {"meter", NB_KEY_METER, false, NULL, NULL, "as before; 4/4 at first",
                        "The bar, as in 6/8."},
};

#define MIX_KEYS                                                                                   \
    [NB_STRIP_INSERTS] = {"inserts",                                                               \
                          NB_KEY_LIST,                                                             \
                          false,                                                                   \
                          NULL,                                                                    \
                          &nb_insert_object,                                                       \
                          "none",                                                                  \
                          "The processors, in the order of the signal."},                          \
    [NB_STRIP_FADER] = {"fader_db", NB_KEY_PARAM, false, &nb_fader_param,                          \
                        .help = "The fader; `off` is silence."}
#define BUS_KEYS                                                                                   \
    MIX_KEYS,                                                                                      \
        [NB_STRIP_ID] = {"id", NB_KEY_ID, true,                                                    \
                         .help = "What everything else calls it; unique among tracks and "         \
                                 "buses. Signals are summed in the order of ids."},                \
        [NB_STRIP_NAME] = {"name", NB_KEY_NAME, false, NULL, NULL, "the id", "For people."},       \
        [NB_STRIP_POLARITY] = {"polarity", NB_KEY_PARAM, false, &polarity_param,                   \
                               .help = "`inverted` turns the signal upside down at the fader."},   \
        [NB_STRIP_MUTE] = {"mute", NB_KEY_PARAM, false, &mute_param,                               \
                           .help = "Closes output and sends. Sidechains still hear the strip."},   \
        [NB_STRIP_SENDS] = {"sends", NB_KEY_LIST,      false, NULL, &nb_send_object,               \
                            "none",  "Sends to buses."},                                           \
        [NB_STRIP_OUTPUT] =                                                                        \
            {"output", NB_KEY_ID, false, NULL, NULL, "mix", "The id of a bus, or `mix`."},         \
        [NB_STRIP_VCA] = {"vca", NB_KEY_RESERVED}

static const nb_key mix_keys[] = {MIX_KEYS};
static const nb_key bus_keys[] = {BUS_KEYS};
static const nb_key track_keys[] = {
    BUS_KEYS, [NB_STRIP_CLIPS] = {"clips", NB_KEY_LIST, false, NULL, &nb_clip_object, "none",
                                  "The audio on the track. Where clips overlap they add up."}};

static const nb_key clip_keys[NB_CLIP_KEYS] = {
    [NB_CLIP_ID] = {"id", NB_KEY_ID, false, NULL, NULL, "its number in the list",
                    "Unique on the track."},
    [NB_CLIP_FILE] = {"file", NB_KEY_PATH, true,
                      .help = "The audio file, mono or stereo, from the album's folder."},
    [NB_CLIP_AT] = {"at", NB_KEY_TIME, false, NULL, NULL, "0", "Song time where it begins."},
    [NB_CLIP_OFFSET] = {"offset", NB_KEY_TIME, false, NULL, NULL, "0",
                        "How far into the file it begins."},
    [NB_CLIP_LENGTH] = {"length", NB_KEY_TIME, false, NULL, NULL, "to the end of the file",
                        "How much of the file is heard."},
    [NB_CLIP_GAIN] = {"gain_db", NB_KEY_PARAM, false, &clip_gain_param,
                      .help = "Gain before the inserts."},
    [NB_CLIP_FADE_IN] = {"fade_in", NB_KEY_TIME, false, NULL, NULL, "0", "Length of the fade in."},
    [NB_CLIP_FADE_OUT] = {"fade_out", NB_KEY_TIME, false, NULL, NULL, "0",
                          "Length of the fade out."},
    [NB_CLIP_FADE_IN_SHAPE] = {"fade_in_shape", NB_KEY_PARAM, false, &shape_param,
                               .help = "Shape of the fade in."},
    [NB_CLIP_FADE_OUT_SHAPE] = {"fade_out_shape", NB_KEY_PARAM, false, &shape_param,
                                .help = "Shape of the fade out."},
    [NB_CLIP_GAIN_LANE] = {"gain_lane", NB_KEY_RESERVED},
};
static const nb_key insert_keys[NB_INSERT_KEYS] = {
    [NB_INSERT_ID] = {"id", NB_KEY_ID, true,
                      .help = "Unique on the strip; not `sends`, `fader`, `pan`, `clips`, `sum`."},
    [NB_INSERT_PROCESSOR] = {"processor", NB_KEY_PROCESSOR, true,
                             .help = "Which one; its parameters are keys of this map."},
    [NB_INSERT_BYPASS] = {"bypass", NB_KEY_PARAM, false, &bypass_param,
                          .help = "Takes it out of the chain."},
    [NB_INSERT_CHANNEL] = {"channel", NB_KEY_PARAM, false, &channel_param,
                           .help = "What of the signal it works on; the rest passes by. A mono "
                                   "signal has no `side`."},
    [NB_INSERT_WET] = {"wet_percent", NB_KEY_PARAM, false, &nb_wet_param,
                       .help = "Share of the processed signal; the rest is what went in, aligned "
                               "with it. *Automatable.*"},
    [NB_INSERT_BANDS] = {"bands", NB_KEY_LIST, false, NULL, &nb_band_object, "none",
                         "The bands of a processor that has bands."},
    [NB_INSERT_SIDECHAIN] = {"sidechain", NB_KEY_ID, false, NULL, NULL, "its own input",
                             "The track or bus that it listens to, tapped behind that strip's "
                             "inserts."},
    [NB_INSERT_FILE] = {"file", NB_KEY_PATH, false, NULL, NULL, NULL,
                        "The audio of a processor that takes some: an impulse response, a "
                        "sample of noise."},
};
static const nb_key band_keys[NB_BAND_KEYS] = {
    [NB_BAND_ID] = {"id", NB_KEY_ID, false, NULL, NULL, "its number in the list",
                    "Unique in the insert; lanes say `vox/eq/mud.freq_hz`."},
};
static const nb_key send_keys[NB_SEND_KEYS] = {
    [NB_SEND_TO] = {"to", NB_KEY_ID, true, .help = "The id of a bus; one send to each."},
    [NB_SEND_LEVEL] = {"level_db", NB_KEY_PARAM, false, &nb_level_param,
                       .help = "Its level; `off` closes it."},
    [NB_SEND_TAP] = {"tap", NB_KEY_PARAM, false, &tap_param,
                     .help = "`post`: what leaves the strip, behind fader and pan. `pre`: behind "
                             "the inserts."},
};
static const nb_key alternate_keys[NB_ALTERNATE_KEYS] = {
    [NB_ALTERNATE_ID] = {"id", NB_KEY_ID, true,
                         .help = "What commands and files call it, as `instrumental`; not `mix`."},
    [NB_ALTERNATE_NAME] = {"name", NB_KEY_NAME, false, NULL, NULL, "the id", "For people."},
    [NB_ALTERNATE_MUTE] = {"mute", NB_KEY_IDS, false, NULL, NULL, "none",
                           "Tracks and buses that are muted in it."},
    [NB_ALTERNATE_UNMUTE] = {"unmute", NB_KEY_IDS, false, NULL, NULL, "none",
                             "Tracks and buses that are muted in the mix, but not in it."},
    [NB_ALTERNATE_OFFSET] = {"offset_db", NB_KEY_OFFSETS, false, &offset_param, NULL, "none",
                             "What it adds to faders, as `{vox: 1.5}`."},
};
static const nb_key lane_keys[NB_LANE_KEYS] = {
    [NB_LANE_KEY_CURVE] = {"curve", NB_KEY_PARAM, false, &curve_param,
                           .help = "`hold` keeps each value until the next point."},
    [NB_LANE_KEY_POINTS] = {"points", NB_KEY_POINTS, true,
                            .help = "A block of `time value` lines."},
};

const nb_object nb_song_object = {"song", "The document itself.", song_keys, NB_SONG_KEYS};
const nb_object nb_tempo_object = {"tempo", "One line of the tempo map.", tempo_keys,
                                   NB_TEMPO_KEYS};
const nb_object nb_track_object = {"track", "A track.", track_keys, NB_STRIP_TRACK_KEYS,
                                   NB_EXTRA_PAN};
const nb_object nb_bus_object = {"bus", "A bus: a track without clips, always stereo.", bus_keys,
                                 NB_STRIP_BUS_KEYS, NB_EXTRA_PAN};
const nb_object nb_mix_object = {"mix_bus", "The mix bus.", mix_keys, NB_STRIP_MIX_KEYS};
const nb_object nb_clip_object = {"clip", "A piece of a file on a track.", clip_keys, NB_CLIP_KEYS};
const nb_object nb_insert_object = {"insert", "A processor on a strip.", insert_keys,
                                    NB_INSERT_KEYS, NB_EXTRA_INSERT};
const nb_object nb_band_object = {"band", "A band of an insert.", band_keys, NB_BAND_KEYS,
                                  NB_EXTRA_BAND};
const nb_object nb_send_object = {"send", "A send to a bus.", send_keys, NB_SEND_KEYS};
const nb_object nb_alternate_object = {"alternate", "The mix with some strips otherwise.",
                                       alternate_keys, NB_ALTERNATE_KEYS};
const nb_object nb_lane_object = {
    "lane", "An automation lane; where only `points` is given, the block alone will do.", lane_keys,
    NB_LANE_KEYS};

const nb_object *nb_schema_at(size_t index)
{
    static const nb_object *const objects[] = {
        &nb_song_object, &nb_tempo_object, &nb_track_object,    &nb_clip_object,
        &nb_bus_object,  &nb_mix_object,   &nb_insert_object,   &nb_band_object,
        &nb_send_object, &nb_lane_object,  &nb_alternate_object};
    return index < NB_COUNT(objects) ? objects[index] : NULL;
}

const char *nb_schema_pan_key(const nb_param *param, char *out, size_t size)
{
    snprintf(out, size, "%s%s", strncmp(param->name, "pan", 3) == 0 ? "" : "pan_", param->name);
    return out;
}

const char *nb_schema_format_value(const nb_param *param, double value, char *out, size_t size)
{
    if (param->scale == NB_SCALE_CHOICE) {
        snprintf(out, size, "%s", param->choices[(size_t)value]);
    } else if (param->scale == NB_SCALE_SWITCH) {
        snprintf(out, size, "%s", value != 0.0 ? "true" : "false");
    } else if (isinf(value)) {
        snprintf(out, size, "off");
    } else {
        // The fewest digits that bring the same value back.
        for (int digits = 6; digits <= 17; digits++) {
            snprintf(out, size, "%.*g", digits, value);
            double again = 0.0;
            if (nb_text_parse_number(out, &again, NULL) == NB_OK && again == value) {
                break;
            }
        }
    }
    return out;
}
