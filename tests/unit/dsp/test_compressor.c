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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
