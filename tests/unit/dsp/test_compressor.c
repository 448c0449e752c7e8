// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/test.h"
#include "tests/unit/dsp/rig.h"

#include <math.h>

enum { FRAMES = 72000, STEP = 24000 };

static float in[FRAMES], in2[FRAMES], key[FRAMES], out[FRAMES], out2[FRAMES];

static rig_voice compressor(double ratio, double knee_db)
{
    rig_voice voice;
    rig_voice_init(&voice, "compressor", 1);
    rig_set(&voice, "threshold_db", -20.0);
    rig_set(&voice, "ratio", ratio);
    rig_set(&voice, "knee_db", knee_db);
    return voice;
}

static FILE *open_table(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", NB_EXPECTED_DIR, name);
    FILE *file = fopen(path, "r");
    if (!file) {
        print_message("%s is not here: skipped\n", path);
        skip();
    }
    return file;
}

static double amplitude(double level_db) { return pow(10.0, level_db / 20.0); }

static void fill_with(float *samples, size_t from, size_t to, double value)
{
    for (size_t i = from; i < to; i++) {
        samples[i] = (float)value;
    }
}

// A constant as key and signal: what comes out in the end lies on the static curve.
static void assert_curve(double ratio, double knee_db, double in_db, double out_db)
{
    const rig_voice voice = compressor(ratio, knee_db);
    enum { LONG = 20000 };
    fill_with(in, 0, LONG, amplitude(in_db));
    rig_process_one(&voice, LONG, (const float *[]){in}, (float *[]){out});
    const double settled_db = 20.0 * log10((double)out[LONG - 1]);
    if (!(fabs(settled_db - out_db) < 0.001)) {
        fail_msg("ratio %g knee %g: %g dB gives %g, not %g", ratio, knee_db, in_db, settled_db,
                 out_db);
    }
}

static void levels_settle_on_the_static_curve(void **state)
{
    (void)state;
    assert_curve(4.0, 6.0, -22.0, -22.0625);
    assert_curve(4.0, 6.0, -20.0, -20.5625);
    assert_curve(4.0, 12.0, -20.0, -21.125);
    assert_curve(4.0, 12.0, -14.0, -18.5);
    assert_curve(4.0, 0.0, -10.0, -17.5);
    assert_curve(4.0, 0.0, -30.0, -30.0);
}

static void the_static_curve_agrees_with_the_table(void **state)
{
    (void)state;
    FILE *table = open_table("expected_static.tsv");
    char line[256];
    size_t rows = 0;
    while (table && fgets(line, sizeof line, table)) {
        double threshold, ratio, knee_db, in_db, out_db;
        if (sscanf(line, "%lf %lf %lf %lf %lf", &threshold, &ratio, &knee_db, &in_db, &out_db) ==
            5) {
            assert_true(threshold == -20.0);
            assert_curve(ratio, knee_db, in_db, out_db);
            rows++;
        }
    }
    fclose(table);
    assert_true(rows > 100);
}

// The step of the table: -30, -10, -30 dB; as a level in the key, or as a sine of 1 kHz.
static void fill_step(bool sine)
{
    for (size_t i = 0; i < FRAMES; i++) {
        const double peak = amplitude((i >= STEP && i < 2 * STEP) ? -10.0 : -30.0);
        const double phase = 2.0 * 3.14159265358979323846 * (double)(i % 48) / 48.0;
        key[i] = (float)(sine ? peak * sin(phase) : peak);
        in[i] = 1.0F;
    }
}

static void attack_and_release_agree_with_the_table(void **state)
{
    (void)state;
    FILE *table = open_table("expected_compressor.tsv");
    char line[512];
    size_t rows = 0;
    while (table && fgets(line, sizeof line, table)) {
        char level[16], detector[32], phase[16];
        double knee_db, t_ms, expected_db, mean_db;
        if (sscanf(line, "%15s %31s %lf %15s %lf %lf %lf", level, detector, &knee_db, phase, &t_ms,
                   &expected_db, &mean_db) != 7 ||
            strcmp(detector, "decoupled") != 0) {
            continue;
        }
        fill_step(strcmp(level, "sine") == 0);
        const rig_voice voice = compressor(4.0, knee_db);
        const float *const keys[] = {key};
        rig_process(&(rig_run){.key = keys}, &voice, 1, FRAMES, (const float *[]){in},
                    (float *[]){out});
        const size_t step = strcmp(phase, "attack") == 0 ? STEP : 2 * STEP;
        const double reduction_db = -20.0 * log10((double)out[step + (size_t)(48.0 * t_ms) - 1]);
        if (!(fabs(reduction_db - expected_db) < 0.01)) {
            fail_msg("%s: %g dB, not %g", line, reduction_db, expected_db);
        }
        rows++;
    }
    fclose(table);
    assert_true(rows > 50);
}

static void look_ahead_delays_by_exactly_its_latency(void **state)
{
    (void)state;
    rig_voice voice = compressor(1.0, 0.0);
    rig_set(&voice, "lookahead_ms", 3.5);
    voice.settings.values = voice.values;
    assert_int_equal(voice.settings.processor->latency(&voice.settings), 168);
    fill_with(in, 0, FRAMES, 0.0);
    in[100] = 0.75F;
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    for (size_t i = 0; i < FRAMES; i++) {
        assert_true(out[i] == ((i == 268) ? 0.75F : 0.0F));
    }
}

static void voices_of_one_register_may_look_ahead_differently(void **state)
{
    (void)state;
    rig_voice voices[2] = {compressor(1.0, 0.0), compressor(1.0, 0.0)};
    rig_set(&voices[0], "lookahead_ms", 1.0);
    rig_set(&voices[1], "lookahead_ms", 2.0);
    rig_noise(in, FRAMES, 0.5, 1);
    rig_noise(in2, FRAMES, 0.5, 2);
    rig_process(&(rig_run){0}, voices, 2, FRAMES, (const float *[]){in, in2},
                (float *[]){out, out2});
    assert_memory_equal(in, out + 48, (FRAMES - 48) * sizeof *in);
    assert_memory_equal(in2, out2 + 96, (FRAMES - 96) * sizeof *in);
}

static void both_channels_of_a_stereo_voice_get_one_gain(void **state)
{
    (void)state;
    rig_voice voice = compressor(4.0, 0.0);
    voice.settings.channels = 2;
    fill_with(in, 0, FRAMES, amplitude(-10.0));
    fill_with(in2, 0, FRAMES, amplitude(-40.0));
    rig_process_one(&voice, FRAMES, (const float *[]){in, in2}, (float *[]){out, out2});
    assert_true(fabs(20.0 * log10((double)out[FRAMES - 1]) + 17.5) < 1e-3);
    assert_true(fabs(20.0 * log10((double)out2[FRAMES - 1]) + 47.5) < 1e-3);
}

static void the_rms_detector_reads_a_sine_three_decibels_lower(void **state)
{
    (void)state;
    rig_voice voice = compressor(4.0, 0.0);
    rig_set(&voice, "detector", 1.0);
    fill_step(true);
    const float *const keys[] = {key};
    rig_process(&(rig_run){.key = keys}, &voice, 1, FRAMES, (const float *[]){in},
                (float *[]){out});
    const double reduction_db = -20.0 * log10((double)out[2 * STEP - 1]);
    // -10 dB of peak are -13.01 of rms, 6.99 over the threshold; three quarters of it go.
    assert_true(fabs(reduction_db - 5.24) < 0.05);
}

static void the_dry_share_is_the_input(void **state)
{
    (void)state;
    rig_voice voice = compressor(20.0, 0.0);
    rig_set(&voice, "mix_percent", 0.0);
    rig_set(&voice, "makeup_db", 12.0);
    rig_noise(in, FRAMES, 0.9, 3);
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    assert_memory_equal(in, out, sizeof in);
}

static double still(size_t control, int64_t frame)
{
    (void)frame;
    static const double values[] = {-20.0, 4.0, 6.0, 10.0, 100.0, 0.0, 100.0};
    return values[control];
}

static void a_lane_that_stands_still_gives_the_bits_of_none(void **state)
{
    (void)state;
    rig_voice voice = compressor(4.0, 6.0);
    rig_noise(in, FRAMES, 0.9, 4);
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    rig_move(&voice, "ratio");
    rig_move(&voice, "attack_ms");
    rig_process(&(rig_run){.curve = still}, &voice, 1, FRAMES, (const float *[]){in},
                (float *[]){out2});
    assert_memory_equal(out, out2, sizeof out);
}

// The reduction at each frame of the step, by a key; the signal is 1.
static void run_step(const rig_voice *voice, bool sine)
{
    fill_step(sine);
    const float *const keys[] = {key};
    rig_process(&(rig_run){.key = keys}, voice, 1, FRAMES, (const float *[]){in}, (float *[]){out});
}

static double reduction_db_at(size_t frame) { return -20.0 * log10((double)out[frame]); }

static void steady_sines_settle_on_the_curve_in_both_topologies(void **state)
{
    (void)state;
    static const double ratios[] = {1.5, 4.0, 20.0, 100.0};
    static const double knees_db[] = {0.0, 6.0, 12.0};
    for (size_t k = 0; k < 24; k++) {
        const double ratio = ratios[k % 4];
        const double knee_db = knees_db[k / 4 % 3];
        rig_voice voice = compressor(ratio, knee_db);
        rig_set(&voice, "topology", k < 12 ? 0.0 : 1.0);
        run_step(&voice, true);
        double mean_db = 0.0;
        for (size_t i = 2 * STEP - 48; i < 2 * STEP; i++) {
            mean_db += reduction_db_at(i) / 48.0;
        }
        if (!(fabs(mean_db - 10.0 * (1.0 - 1.0 / ratio)) < 0.05)) {
            fail_msg("ratio %g knee %g: %g dB", ratio, knee_db, mean_db);
        }
    }
}

static void a_feedback_loop_settles_on_the_same_curve(void **state)
{
    (void)state;
    static const double levels_db[] = {-30.0, -24.0, -21.0, -18.0, -15.0, -10.0, 0.0};
    for (size_t k = 0; k < NB_COUNT(levels_db); k++) {
        rig_voice voice = compressor(3.0, 12.0);
        fill_with(in, 0, FRAMES, amplitude(levels_db[k]));
        rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
        rig_set(&voice, "topology", 1.0);
        rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out2});
        const double apart_db = 20.0 * log10((double)out[FRAMES - 1] / (double)out2[FRAMES - 1]);
        assert_true(fabs(apart_db) < 1e-3);
    }
}

static void a_feedback_loop_is_faster_by_the_ratio(void **state)
{
    (void)state;
    rig_voice voice = compressor(4.0, 0.0);
    rig_set(&voice, "topology", 1.0);
    rig_set(&voice, "attack_ms", 40.0);
    run_step(&voice, false);
    // 40 ms / 4: after 10 ms 1 - 1/e of the reduction.
    const double share = reduction_db_at(STEP + 480 - 1) / 7.5;
    assert_true(fabs(share / (1.0 - exp(-1.0)) - 1.0) < 0.05);
}

static void the_fastest_feedback_loop_does_not_overshoot(void **state)
{
    (void)state;
    rig_voice voice = compressor(100.0, 0.0);
    rig_set(&voice, "topology", 1.0);
    rig_set(&voice, "attack_ms", 0.05);
    for (double knee_db = 0.0; knee_db < 25.0; knee_db += 8.0) {
        rig_set(&voice, "knee_db", knee_db);
        run_step(&voice, false);
        // The widest knee ends above the step's -10 dB.
        const double settled_db = knee_db > 20.0 ? 0.99 * 22.0 * 22.0 / 48.0 : 9.9;
        for (size_t i = STEP + 1; i < 2 * STEP; i++) {
            assert_true(reduction_db_at(i) > reduction_db_at(i - 1) - 1e-4);
            assert_true(reduction_db_at(i) < settled_db + 1e-3);
        }
    }
}

// Frames until half of the reduction at `from` is gone.
static size_t half_way(size_t from)
{
    size_t i = from;
    while (i + 1 < FRAMES && reduction_db_at(i) > 0.5 * reduction_db_at(from)) {
        i++;
    }
    return i - from;
}

static void the_automatic_release_tells_a_burst_from_a_tone(void **state)
{
    (void)state;
    rig_voice voice = compressor(4.0, 0.0);
    rig_set(&voice, "attack_ms", 0.5);
    rig_set(&voice, "release_ms", 40.0);
    rig_set(&voice, "auto_release", 1.0);
    const float *const keys[] = {key};
    size_t halves[2];
    static const size_t lengths[] = {240, 40000}; // 5 ms, 833 ms
    for (size_t k = 0; k < 2; k++) {
        fill_with(in, 0, FRAMES, 1.0);
        fill_with(key, 0, FRAMES, 0.0);
        fill_with(key, 1000, 1000 + lengths[k], amplitude(-8.0));
        rig_process(&(rig_run){.key = keys}, &voice, 1, FRAMES, (const float *[]){in},
                    (float *[]){out});
        halves[k] = half_way(1000 + lengths[k] - 1);
    }
    // ln 2 of 40 ms, with the slow one's first charge; ln 2 of 400 ms.
    assert_true(halves[0] > 1330 && halves[0] < 1700);
    assert_true(halves[1] > 9000 && halves[1] < 14000);
}

static double reduction_of_tone(rig_voice *voice, double freq_hz)
{
    rig_sine(key, FRAMES, freq_hz, 48000.0, 0.5, 0.0);
    fill_with(in, 0, FRAMES, 1.0);
    const float *const keys[] = {key};
    rig_process(&(rig_run){.key = keys}, voice, 1, FRAMES, (const float *[]){in}, (float *[]){out});
    return reduction_db_at(FRAMES - 1);
}

static void key_filters_are_heard_by_the_detector_alone(void **state)
{
    (void)state;
    rig_voice voice = compressor(4.0, 0.0);
    rig_set(&voice, "key_low_cut_hz", 500.0);
    rig_set(&voice, "key_high_cut_hz", 2000.0);
    const double level_db = 20.0 * log10(0.5);
    // Butterworth of second order: 3.01 dB down at each cut, 24.1 two octaves beyond.
    assert_true(fabs(reduction_of_tone(&voice, 1000.0) - 0.75 * (level_db + 20.0 - 0.53)) < 0.1);
    assert_true(fabs(reduction_of_tone(&voice, 500.0) - 0.75 * (level_db + 20.0 - 3.03)) < 0.1);
    assert_true(fabs(reduction_of_tone(&voice, 125.0)) < 1e-6);
    rig_set(&voice, "ratio", 1.0);
    rig_noise(in, FRAMES, 0.9, 5);
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    assert_memory_equal(in, out, sizeof in);
}

static void crossed_key_cuts_are_refused(void **state)
{
    (void)state;
    rig_voice voice = compressor(4.0, 0.0);
    rig_set(&voice, "key_low_cut_hz", 1500.0);
    rig_set(&voice, "key_high_cut_hz", 900.0);
    voice.settings.values = voice.values;
    nb_error error = {0};
    assert_int_equal(voice.settings.processor->check(&voice.settings, &error), NB_E_INVALID);
    assert_non_null(strstr(error.text, "key_low_cut_hz 1500"));
    rig_set(&voice, "key_high_cut_hz", 4000.0);
    assert_int_equal(voice.settings.processor->check(&voice.settings, &error), NB_OK);
}

static void a_quiet_stretch_after_a_loud_one_ends_at_unity(void **state)
{
    (void)state;
    rig_voice voice = compressor(4.0, 6.0);
    rig_set(&voice, "release_ms", 20.0);
    fill_with(in, 0, 4800, amplitude(-6.0));
    fill_with(in, 4800, FRAMES, amplitude(-60.0));
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    assert_true(out[4800] < 0.5F * in[4800]);
    assert_true(out[FRAMES - 1] == in[FRAMES - 1]);
}

static void neighbours_of_other_modes_change_no_bit(void **state)
{
    (void)state;
    rig_voice voices[2] = {compressor(4.0, 6.0), compressor(8.0, 3.0)};
    static const char *const modes[] = {"detector", "topology", "auto_release"};
    for (size_t m = 0; m < 8; m++) {
        for (size_t bit = 0; bit < 3; bit++) {
            rig_set(&voices[0], modes[bit], (double)(m >> bit & 1U));
            rig_set(&voices[1], modes[bit], (double)(~m >> bit & 1U));
        }
        rig_noise(in, FRAMES, 0.9, 6);
        rig_noise(in2, FRAMES, 0.4, 7);
        rig_process(&(rig_run){.lanes = 2}, voices, 2, FRAMES, (const float *[]){in, in2},
                    (float *[]){out, out2});
        rig_process(&(rig_run){.first_block = 300}, &voices[0], 1, FRAMES, (const float *[]){in},
                    (float *[]){key});
        assert_memory_equal(out, key, sizeof out);
        rig_process(&(rig_run){.first_block = 77}, &voices[1], 1, FRAMES, (const float *[]){in2},
                    (float *[]){key});
        assert_memory_equal(out2, key, sizeof out);
    }
}

static double sweep(size_t control, int64_t frame)
{
    static const double middle[] = {-30.0, 20.0, 12.0, 40.0, 200.0, 0.0, 50.0};
    static const double swing[] = {40.0, 17.0, 20.0, 60.0, 300.0, 20.0, 40.0};
    return middle[control] + swing[control] * sin((double)frame * 0.0003 * (double)(control + 1));
}

static void moving_everything_stays_smooth_and_finite(void **state)
{
    (void)state;
    for (size_t topology = 0; topology < 2; topology++) {
        rig_voice voice = compressor(4.0, 6.0);
        rig_set(&voice, "topology", (double)topology);
        rig_set(&voice, "auto_release", 1.0);
        for (size_t p = 0; p < 7; p++) {
            voice.moving[p] = true;
        }
        fill_with(in, 0, FRAMES, 0.5);
        rig_process(&(rig_run){.curve = sweep}, &voice, 1, FRAMES, (const float *[]){in},
                    (float *[]){out});
        for (size_t i = 1; i < FRAMES; i++) {
            assert_true(isfinite(out[i]));
            assert_true(i < 100 || fabsf(out[i] - out[i - 1]) < 0.05F * fabsf(out[i]) + 1e-6F);
        }
    }
}

static void nothing_in_the_key_upsets_it_for_long(void **state)
{
    (void)state;
    static const float odd[] = {INFINITY, NAN, 3e38F, 1e-42F};
    for (size_t k = 0; k < NB_COUNT(odd); k++) {
        for (size_t mode = 0; mode < 4; mode++) {
            rig_voice voice = compressor(4.0, 6.0);
            rig_set(&voice, "release_ms", 5.0);
            rig_set(&voice, "topology", (double)(mode & 1U));
            rig_set(&voice, "detector", (double)(mode >> 1U));
            fill_with(in, 0, FRAMES, 1.0);
            fill_with(key, 0, FRAMES, 0.001);
            key[100] = odd[k];
            const float *const keys[] = {key};
            rig_process(&(rig_run){.key = keys}, &voice, 1, FRAMES, (const float *[]){in},
                        (float *[]){out});
            for (size_t i = 0; i < FRAMES; i++) {
                assert_true(out[i] >= 0.0F && out[i] <= 1.0F);
            }
            assert_true(out[FRAMES - 1] > 0.99F);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_settle_on_the_static_curve),
        cmocka_unit_test(the_static_curve_agrees_with_the_table),
        cmocka_unit_test(attack_and_release_agree_with_the_table),
        cmocka_unit_test(look_ahead_delays_by_exactly_its_latency),
        cmocka_unit_test(voices_of_one_register_may_look_ahead_differently),
        cmocka_unit_test(both_channels_of_a_stereo_voice_get_one_gain),
        cmocka_unit_test(the_rms_detector_reads_a_sine_three_decibels_lower),
        cmocka_unit_test(the_dry_share_is_the_input),
        cmocka_unit_test(a_lane_that_stands_still_gives_the_bits_of_none),
        cmocka_unit_test(steady_sines_settle_on_the_curve_in_both_topologies),
        cmocka_unit_test(a_feedback_loop_settles_on_the_same_curve),
        cmocka_unit_test(a_feedback_loop_is_faster_by_the_ratio),
        cmocka_unit_test(the_fastest_feedback_loop_does_not_overshoot),
        cmocka_unit_test(the_automatic_release_tells_a_burst_from_a_tone),
        cmocka_unit_test(key_filters_are_heard_by_the_detector_alone),
        cmocka_unit_test(crossed_key_cuts_are_refused),
        cmocka_unit_test(a_quiet_stretch_after_a_loud_one_ends_at_unity),
        cmocka_unit_test(neighbours_of_other_modes_change_no_bit),
        cmocka_unit_test(moving_everything_stays_smooth_and_finite),
        cmocka_unit_test(nothing_in_the_key_upsets_it_for_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
