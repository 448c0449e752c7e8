// SPDX-License-Identifier: GPL-3.0-or-later
// What holds for every processor, tried on settings that use all of it.
#include "tests/test.h"
#include "tests/unit/dsp/rig.h"

#include <math.h>

enum { FRAMES = 30000, RESPONSE = 9000, CASES_MAX = 48 };

static float response[4][RESPONSE];
static const float *const response_channels[] = {response[0], response[1], response[2],
                                                 response[3]};

/// A voice and what it is called in a failure.
typedef struct sample_case {
    const char *what;
    rig_voice voice;
} sample_case;

static sample_case cases[CASES_MAX];
static size_t case_count;

static rig_voice *add_case(const char *what, const char *processor)
{
    assert_true(case_count < CASES_MAX);
    sample_case *it = &cases[case_count++];
    it->what = what;
    rig_voice_init(&it->voice, processor, 2);
    return &it->voice;
}

static void add_simple_cases(void)
{
    rig_voice *it = add_case("gain", "gain");
    rig_set(it, "gain_db", -3.3);
    rig_set(it, "polarity", 1.0);
    rig_move(add_case("moving gain", "gain"), "gain_db");
    rig_set(add_case("pan", "pan"), "pan_percent", 33.0);
    it = add_case("moving pan", "pan");
    it->settings.input_is_mono = true;
    rig_set(it, "law", 2.0);
    rig_move(it, "pan_percent");
    it = add_case("compressor", "compressor");
    rig_set(it, "lookahead_ms", 1.7);
    rig_set(it, "detector", 1.0);
    it = add_case("moving compressor", "compressor");
    rig_move(it, "threshold_db");
    rig_move(it, "ratio");
    rig_move(it, "release_ms");
    rig_set(add_case("limiter", "limiter"), "gain_db", 9.0);
}

static void add_long_cases(void)
{
    static const nb_tempo tempos[] = {{0, 131.0}, {9000, 150.5}, {9900, 88.0}, {20000, 97.0}};
    rig_voice *it = add_case("equaliser", "equaliser");
    rig_band(it, "high-pass", 40.0, 0.0, 0.7, "30");
    rig_band(it, "bell", 300.0, 6.0, 2.0, "12");
    rig_band(it, "high-shelf", 9000.0, -4.0, 0.7, "12");
    it = add_case("moving equaliser", "equaliser");
    rig_band(it, "low-pass", 900.0, 0.0, 0.7, "18");
    rig_band(it, "bell", 300.0, 6.0, 2.0, "12");
    rig_band(it, "low-shelf", 200.0, -4.0, 0.7, "12");
    rig_move_band(it, 0, "freq_hz");
    rig_move_band(it, 2, "gain_db");
    rig_move_band(it, 2, "q");
    it = add_case("dynamic equaliser", "equaliser");
    rig_band(it, "bell", 900.0, 3.0, 1.0, "12");
    rig_band(it, "high-shelf", 5000.0, -2.0, 0.7, "12");
    rig_set_band(it, 0, "range_db", -9.0);
    rig_set_band(it, 1, "range_db", 5.0);
    rig_set_band(it, 1, "threshold_db", -9.0);
    it = add_case("linear equaliser", "linear-equaliser");
    rig_band(it, "bell", 900.0, 3.0, 1.0, "12");
    rig_band(it, "high-pass", 300.0, 0.0, 0.7, "24");
    rig_set(add_case("delay", "delay"), "time_ms", 47.0);
    it = add_case("moving delay", "delay");
    rig_set(it, "note", 17.0);
    rig_set(it, "ping_pong", 1.0);
    rig_set(it, "low_cut_hz", 150.0);
    rig_set(it, "high_cut_hz", 5000.0);
    rig_move(it, "feedback_percent");
    it->settings.tempos = tempos;
    it->settings.tempo_count = 4;
    it = add_case("convolution", "convolution");
    rig_set(it, "predelay_ms", 12.0);
    rig_set(it, "mix_percent", 40.0);
    rig_move(it, "gain_db");
    it->settings.audio = response_channels;
    it->settings.audio_channels = 4;
    it->settings.audio_frames = RESPONSE;
}

static void add_colour_cases(void)
{
    rig_voice *it = add_case("saturation", "saturation");
    rig_set(it, "curve", 1.0); // tube
    rig_set(it, "bias_percent", 12.0);
    it = add_case("tape saturation", "saturation");
    rig_set(it, "drive_db", 18.0);
    it = add_case("transformer saturation", "saturation");
    rig_set(it, "curve", 2.0);
    rig_set(it, "quality", 1.0);
    it = add_case("moving saturation", "saturation");
    rig_set(it, "curve", 4.0); // hard
    rig_move(it, "drive_db");
    rig_move(it, "output_db");
    it = add_case("image", "image");
    rig_set(it, "width_percent", 140.0);
    rig_set(it, "rotation_percent", -20.0);
    rig_set(it, "mono_below_hz", 120.0);
    rig_set(it, "haas_ms", 11.0);
    it = add_case("moving image", "image");
    rig_move(it, "width_percent");
    rig_move(it, "rotation_percent");
    it = add_case("bit depth", "bit-depth");
    rig_set(it, "bits", 12.0);
    rig_set(it, "dither", 3.0); // f-weighted
    rig_set(add_case("white bit depth", "bit-depth"), "bits", 8.0);
}

static void add_space_cases(void)
{
    rig_voice *it = add_case("reverb", "reverb");
    rig_set(it, "decay_s", 0.4);
    rig_set(it, "mod_rate_hz", 1.5);
    it = add_case("moving reverb", "reverb");
    rig_set(it, "predelay_ms", 3.0);
    rig_move(it, "width_percent");
    rig_move(it, "early_db");
    rig_set(add_case("chorus", "chorus"), "feedback_percent", -40.0);
    it = add_case("moving chorus", "chorus");
    rig_move(it, "rate_hz");
    rig_move(it, "depth_ms");
    rig_move(it, "feedback_percent");
    it = add_case("ducked delay", "delay");
    rig_set(it, "time_ms", 33.0);
    rig_set(it, "duck_db", 9.0);
}

static void add_bands(rig_voice *voice, size_t count)
{
    const nb_processor *it = voice->settings.processor;
    for (size_t b = 0; b < count; b++, voice->settings.band_count++) {
        for (size_t p = 0; p < it->band_param_count; p++) {
            voice->band_values[b * it->band_param_count + p] = it->band_params[p].initial;
        }
        rig_set_band(voice, b, "upto_hz", 150.0 * pow(6.0, (double)b));
    }
}

static void add_dynamics_cases(void)
{
    rig_voice *it = add_case("feedback compressor", "compressor");
    rig_set(it, "topology", 1.0);
    rig_set(it, "auto_release", 1.0);
    rig_set(it, "key_low_cut_hz", 120.0);
    add_bands(add_case("multiband compressor", "multiband-compressor"), 4);
    it = add_case("moving multiband compressor", "multiband-compressor");
    add_bands(it, 3);
    rig_move_band(it, 1, "threshold_db");
    rig_move_band(it, 2, "makeup_db");
    it = add_case("gate", "gate");
    rig_set(it, "threshold_db", -4.0);
    rig_set(it, "lookahead_ms", 1.3);
    rig_set(it, "key_high_cut_hz", 4000.0);
    rig_move(add_case("moving gate", "gate"), "hysteresis_db");
    add_case("de-esser", "de-esser");
    it = add_case("moving wideband de-esser", "de-esser");
    rig_set(it, "action", 1.0);
    rig_move(it, "range_db");
    it = add_case("transient shaper", "transient-shaper");
    rig_set(it, "attack_db", 9.0);
    rig_set(it, "sustain_db", -5.0);
    rig_move(add_case("moving transient shaper", "transient-shaper"), "attack_db");
}

static int make_cases(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 4; c++) {
        rig_noise(response[c], RESPONSE, 0.02, 50 + c);
    }
    add_simple_cases();
    add_dynamics_cases();
    add_long_cases();
    add_space_cases();
    add_colour_cases();
    return 0;
}

// Slow, and within the range of whatever it moves.
static double wobble(size_t control, int64_t frame)
{
    const double swing = sin((double)frame * 0.001 + (double)control);
    return 2.0 + 1.5 * swing;
}

static void free_channels(float *(*channels)[RIG_CHANNELS_MAX])
{
    for (size_t c = 0; c < RIG_CHANNELS_MAX; c++) {
        free((*channels)[c]);
    }
}

#define CHANNELS(name)                                                                             \
    NB_SCOPED(free_channels) float *name[RIG_CHANNELS_MAX];                                        \
    take_channels(name)

static void take_channels(float *channels[RIG_CHANNELS_MAX])
{
    for (size_t c = 0; c < RIG_CHANNELS_MAX; c++) {
        channels[c] = calloc(FRAMES, sizeof(float));
        assert_non_null(channels[c]);
    }
}

static void fill(float *channels[RIG_CHANNELS_MAX], uint32_t seed)
{
    for (uint32_t c = 0; c < RIG_CHANNELS_MAX; c++) {
        rig_noise(channels[c], FRAMES, 0.7, seed + c);
    }
}

static void assert_same(const sample_case *it, const char *how, float *const *a, float *const *b)
{
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < FRAMES; i++) {
            if (memcmp(&a[c][i], &b[c][i], sizeof(float)) != 0) {
                fail_msg("%s %s: channel %zu frame %zu: %g, not %g", it->what, how, c, i,
                         (double)b[c][i], (double)a[c][i]);
            }
        }
    }
}

static void any_block_split_gives_the_same_bits(void **state)
{
    (void)state;
    for (size_t k = 0; k < case_count; k++) {
        CHANNELS(in);
        CHANNELS(whole);
        CHANNELS(split);
        fill(in, 1);
        const float *const *input = (const float *const *)in;
        const rig_run at_once = {.curve = wobble, .start_frame = 500};
        const rig_run in_pieces = {.curve = wobble, .start_frame = 500, .first_block = 401};
        rig_process(&at_once, &cases[k].voice, 1, FRAMES, input, whole);
        rig_process(&in_pieces, &cases[k].voice, 1, FRAMES, input, split);
        assert_same(&cases[k], "split", whole, split);
    }
}

static void every_width_gives_the_same_bits(void **state)
{
    (void)state;
    for (size_t k = 0; k < case_count; k++) {
        CHANNELS(in);
        CHANNELS(narrow);
        fill(in, 2);
        const float *const *input = (const float *const *)in;
        rig_process(&(rig_run){.curve = wobble, .lanes = 2}, &cases[k].voice, 1, FRAMES, input,
                    narrow);
        for (size_t lanes = 4; lanes <= 8; lanes *= 2) {
            if (!nb_level_runs(lanes)) {
                print_message("this machine has no registers of %zu lanes\n", lanes);
                continue;
            }
            CHANNELS(wide);
            rig_process(&(rig_run){.curve = wobble, .lanes = lanes}, &cases[k].voice, 1, FRAMES,
                        input, wide);
            assert_same(&cases[k], "wide", narrow, wide);
        }
    }
}

// Neighbours with other settings, in front and behind, that use the same controls.
static void a_voice_does_not_hear_its_neighbours(void **state)
{
    (void)state;
    if (nb_lane_count() < 4) {
        print_message("this machine has room for one stereo voice\n");
        return;
    }
    for (size_t k = 0; k < case_count; k++) {
        const nb_processor *it = cases[k].voice.settings.processor;
        if (it->form == NB_FORM_PLANAR) {
            continue;
        }
        rig_voice voices[2] = {cases[k].voice, cases[k].voice};
        for (size_t p = 0; p < it->param_count; p++) {
            voices[0].values[p] =
                it->params[p].scale == NB_SCALE_CHOICE ? it->params[p].initial : it->params[p].max;
        }
        if (it->bands_max > 0 &&
            nb_param_find(it->band_params, it->band_param_count, "type") >= 0) {
            rig_band(&voices[0], "low-pass", 5000.0, 0.0, 0.7, "48");
        }
        CHANNELS(in);
        CHANNELS(alone);
        CHANNELS(beside);
        fill(in, 3);
        rig_process(&(rig_run){.curve = wobble}, &voices[1], 1, FRAMES,
                    (const float *const *)(in + 2), alone);
        rig_process(&(rig_run){.curve = wobble}, voices, 2, FRAMES, (const float *const *)in,
                    beside);
        assert_same(&cases[k], "with a neighbour", alone, beside + 2);
    }
}

static void reset_forgets_the_past(void **state)
{
    (void)state;
    for (size_t k = 0; k < case_count; k++) {
        CHANNELS(in);
        CHANNELS(once);
        CHANNELS(again);
        fill(in, 4);
        const float *const *input = (const float *const *)in;
        rig_process(&(rig_run){.curve = wobble}, &cases[k].voice, 1, FRAMES, input, once);
        rig_process(&(rig_run){.curve = wobble, .twice = true}, &cases[k].voice, 1, FRAMES, input,
                    again);
        assert_same(&cases[k], "after reset", once, again);
    }
}

static size_t tail_of(const rig_voice *voice, size_t *out_latency)
{
    nb_settings settings = voice->settings;
    settings.values = voice->values;
    settings.band_values = voice->band_values;
    settings.moving = voice->moving;
    *out_latency = settings.processor->latency(&settings);
    return settings.processor->tail(&settings);
}

static void after_the_tail_nothing_is_left_over_minus_120_decibels(void **state)
{
    (void)state;
    for (size_t k = 0; k < case_count; k++) {
        size_t latency = 0;
        const size_t tail = tail_of(&cases[k].voice, &latency);
        if (strncmp(cases[k].what, "moving", 6) == 0) {
            continue; // bounds by the worst of all values, minutes long
        }
        const size_t loud = 20000;
        const size_t frames = loud + latency + tail + 5000;
        float *in[2];
        float *out[2];
        for (uint32_t c = 0; c < 2; c++) {
            in[c] = calloc(frames, sizeof(float));
            out[c] = calloc(frames, sizeof(float));
            rig_noise(in[c], loud, 1.0, 7 + c);
        }
        rig_process(&(rig_run){.curve = wobble}, &cases[k].voice, 1, frames,
                    (const float *const *)in, out);
        for (size_t c = 0; c < 2; c++) {
            for (size_t i = loud + latency + tail; i < frames; i++) {
                if (!(fabs((double)out[c][i]) < 1e-6)) {
                    fail_msg("%s: %g at %zu, tail %zu", cases[k].what, (double)out[c][i],
                             i - loud - latency, tail);
                }
            }
            free(in[c]);
            free(out[c]);
        }
    }
}

static void silence_leaves_no_denormals(void **state)
{
    (void)state;
    rig_voice voice;
    rig_voice_init(&voice, "equaliser", 1);
    rig_band(&voice, "bell", 5000.0, 12.0, 0.7, "12");
    rig_band(&voice, "high-pass", 3000.0, 0.0, 0.7, "24");
    enum { LONG = 200000 };
    float *in = calloc(LONG, sizeof(float));
    float *out = calloc(LONG, sizeof(float));
    in[0] = 1.0F;
    rig_process_one(&voice, LONG, (const float *const *)&in, &out);
    for (size_t i = 0; i < LONG; i++) {
        assert_true(fpclassify((double)out[i]) != FP_SUBNORMAL);
        assert_true(out[i] == 0.0F || fabsf(out[i]) > 1e-38F);
    }
    assert_true(out[LONG - 1] == 0.0F);
    free(in);
    free(out);
}

static void assert_sane_param(const nb_processor *it, const nb_param *param)
{
    if (!(param->min <= param->initial && param->initial <= param->max &&
          param->min < param->max)) {
        fail_msg("%s %s: range", it->name, param->name);
    }
    assert_non_null(param->help);
    assert_true(param->help[strlen(param->help) - 1] == '.');
    assert_true((param->scale == NB_SCALE_CHOICE) == (param->choices != NULL));
    assert_true(param->scale != NB_SCALE_LOG || param->min > 0.0);
    assert_true(!param->off || param->scale == NB_SCALE_DB);
    static const char *const endings[][2] = {
        {"dB", "_db"}, {"Hz", "_hz"}, {"ms", "_ms"}, {"s", "_s"}, {"%", "_percent"}};
    for (size_t e = 0; e < NB_COUNT(endings); e++) {
        const size_t length = strlen(endings[e][1]);
        const size_t whole = strlen(param->name);
        const bool ends =
            whole > length && strcmp(param->name + whole - length, endings[e][1]) == 0;
        if (strcmp(param->unit, endings[e][0]) == 0 && !ends) {
            fail_msg("%s %s: no unit in its name", it->name, param->name);
        }
    }
    size_t choices = 0;
    while (param->choices && param->choices[choices]) {
        choices++;
    }
    assert_true(!param->choices || (double)choices == param->max + 1.0);
}

static void parameter_tables_are_sane(void **state)
{
    (void)state;
    for (size_t i = 0; i < nb_processor_count(); i++) {
        const nb_processor *it = nb_processor_at(i);
        assert_ptr_equal(it, nb_processor_find(it->name));
        assert_true(it->revision > 0 && it->init && it->reset && it->process);
        assert_true(it->latency && it->tail && it->help);
        assert_true((it->band_params != NULL) == (it->bands_max > 0));
        for (size_t p = 0; p < it->param_count; p++) {
            assert_sane_param(it, &it->params[p]);
            assert_int_equal(nb_param_find(it->params, it->param_count, it->params[p].name), p);
        }
        for (size_t p = 0; p < it->band_param_count; p++) {
            assert_sane_param(it, &it->band_params[p]);
            assert_int_equal(
                nb_param_find(it->band_params, it->band_param_count, it->band_params[p].name), p);
        }
    }
    assert_null(nb_processor_find("reverberator"));
    assert_int_equal(nb_param_find(NULL, 0, "gain_db"), -1);
}

static size_t takes_left = SIZE_MAX;

void *__real_nb_arena_take(nb_arena *arena, size_t count, size_t size);
void *__wrap_nb_arena_take(nb_arena *arena, size_t count, size_t size);

void *__wrap_nb_arena_take(nb_arena *arena, size_t count, size_t size)
{
    if (takes_left == 0) {
        return NULL;
    }
    takes_left--;
    return __real_nb_arena_take(arena, count, size);
}

static nb_status init_with(const rig_voice *voice, size_t takes, nb_error *err)
{
    nb_settings settings = voice->settings;
    settings.values = voice->values;
    settings.band_values = voice->band_values;
    settings.moving = voice->moving;
    NB_SCOPED(nb_arena_destroy) nb_arena *arena = nb_arena_new();
    void *made = NULL;
    takes_left = takes;
    const nb_status status = settings.processor->init(arena, &settings, 1, &made, err);
    takes_left = SIZE_MAX;
    assert_true((status == NB_OK) == (made != NULL));
    return status;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    for (size_t k = 0; k < case_count; k++) {
        size_t takes = 0;
        nb_error err = {0};
        while (init_with(&cases[k].voice, takes, &err) != NB_OK) {
            assert_int_equal(err.status, NB_E_NO_MEMORY);
            assert_non_null(strstr(err.text, cases[k].voice.settings.processor->name));
            takes++;
            assert_true(takes < 100);
        }
        assert_true(takes > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_block_split_gives_the_same_bits),
        cmocka_unit_test(every_width_gives_the_same_bits),
        cmocka_unit_test(a_voice_does_not_hear_its_neighbours),
        cmocka_unit_test(reset_forgets_the_past),
        cmocka_unit_test(after_the_tail_nothing_is_left_over_minus_120_decibels),
        cmocka_unit_test(silence_leaves_no_denormals),
        cmocka_unit_test(parameter_tables_are_sane),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_cases, NULL);
}
