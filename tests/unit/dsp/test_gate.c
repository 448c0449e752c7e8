// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/test.h"
#include "tests/unit/dsp/rig.h"

#include <math.h>

enum { RATE = 48000, FRAMES = 4 * RATE };

static float in[FRAMES], in2[FRAMES], key[FRAMES], out[FRAMES], out2[FRAMES];

static rig_voice gate(double threshold_db, double hysteresis_db, double hold_ms)
{
    rig_voice voice;
    rig_voice_init(&voice, "gate", 1);
    rig_set(&voice, "threshold_db", threshold_db);
    rig_set(&voice, "hysteresis_db", hysteresis_db);
    rig_set(&voice, "hold_ms", hold_ms);
    return voice;
}

static double amplitude(double level_db) { return pow(10.0, level_db / 20.0); }

static void fill_with(float *samples, size_t from, size_t to, double value)
{
    for (size_t i = from; i < to; i++) {
        samples[i] = (float)value;
    }
}

// Gain of each frame: the signal is 1, the key decides.
static void run_keyed(const rig_voice *voice)
{
    fill_with(in, 0, FRAMES, 1.0);
    const float *const keys[] = {key};
    rig_process(&(rig_run){.key = keys}, voice, 1, FRAMES, (const float *[]){in}, (float *[]){out});
}

static double gain_db_at(size_t frame) { return 20.0 * log10((double)out[frame]); }

static double gaussian(uint32_t *state)
{
    double sum = 0.0;
    for (int k = 0; k < 12; k++) {
        *state = *state * 1664525U + 1013904223U;
        sum += (double)*state / 4294967296.0;
    }
    return sum - 6.0;
}

// 997 Hz whose level wanders around `level_db` by 1 dB rms, in noise of 20 Hz.
static void fill_wandering_tone(double level_db)
{
    static double wander[FRAMES];
    uint32_t state = 5;
    double once = 0.0, twice = 0.0, power = 0.0;
    const double share = exp(-2.0 * M_PI * 20.0 / RATE);
    for (size_t i = 0; i < FRAMES; i++) {
        once = (1.0 - share) * gaussian(&state) + share * once;
        twice = (1.0 - share) * once + share * twice;
        wander[i] = twice;
        power += twice * twice / FRAMES;
    }
    for (size_t i = 0; i < FRAMES; i++) {
        const double now_db = level_db + wander[i] / sqrt(power);
        key[i] = (float)(amplitude(now_db) * sin(2.0 * M_PI * 997.0 / RATE * (double)i));
    }
}

static size_t openings_of(double hysteresis_db, double hold_ms)
{
    rig_voice voice = gate(-20.0, hysteresis_db, hold_ms);
    rig_set(&voice, "attack_ms", 0.02);
    rig_set(&voice, "release_ms", 1.0);
    run_keyed(&voice);
    size_t openings = 0;
    bool open = false;
    for (size_t i = 0; i < FRAMES; i++) {
        const bool rises = i > 0 && out[i] > out[i - 1];
        openings += rises && !open;
        open = rises || (open && out[i] >= out[i - 1]);
    }
    return openings;
}

static void hysteresis_and_hold_end_the_chatter(void **state)
{
    (void)state;
    fill_wandering_tone(-20.0);
    const size_t bare = openings_of(0.0, 0.0);
    const size_t held = openings_of(0.0, 50.0);
    const size_t two_db = openings_of(2.0, 0.0);
    const size_t usual = openings_of(3.0, 20.0);
    print_message("openings in 4 s: %zu bare, %zu held, %zu with 2 dB, %zu with 3 dB held\n", bare,
                  held, two_db, usual);
    assert_true(bare > 30);
    assert_true(held <= bare / 3);
    assert_true(two_db <= 6);
    assert_true(usual <= 1);
}

static void a_steady_tone_at_the_threshold_keeps_it_open(void **state)
{
    (void)state;
    static const double freqs_hz[] = {60.0, 997.0, 11300.0};
    for (size_t f = 0; f < NB_COUNT(freqs_hz); f++) {
        const rig_voice voice = gate(-20.0, 1.0, 0.0);
        rig_sine(key, FRAMES, freqs_hz[f], RATE, amplitude(-19.5), 0.3);
        run_keyed(&voice);
        for (size_t i = FRAMES / 4; i < FRAMES; i++) {
            assert_true(out[i] == 1.0F);
        }
    }
}

static void the_range_is_exact(void **state)
{
    (void)state;
    for (double range_db = 0.0; range_db <= 120.0; range_db += 20.0) {
        rig_voice voice = gate(-20.0, 3.0, 0.0);
        rig_set(&voice, "range_db", range_db);
        rig_sine(key, FRAMES, 997.0, RATE, amplitude(-40.0), 0.0);
        run_keyed(&voice);
        assert_true(fabs(gain_db_at(FRAMES - 1) + range_db) < 0.001);
    }
}

static void an_expander_settles_on_its_line(void **state)
{
    (void)state;
    for (double level_db = -26.0; level_db > -60.0; level_db -= 3.0) {
        rig_voice voice = gate(-20.0, 3.0, 0.0);
        rig_set(&voice, "ratio", 2.0);
        rig_set(&voice, "range_db", 30.0);
        rig_sine(key, FRAMES, 997.0, RATE, amplitude(level_db), 0.0);
        run_keyed(&voice);
        const double expected_db = fmax(level_db + 20.0, -30.0);
        assert_true(fabs(gain_db_at(FRAMES - 1) - expected_db) < 0.05);
    }
}

static void attack_hold_and_release_last_as_set(void **state)
{
    (void)state;
    rig_voice voice = gate(-20.0, 3.0, 100.0);
    rig_set(&voice, "range_db", 60.0);
    rig_set(&voice, "attack_ms", 5.0);
    rig_set(&voice, "release_ms", 50.0);
    fill_with(key, 0, FRAMES, 0.0);
    fill_with(key, RATE, 2 * RATE, 0.5);
    run_keyed(&voice);
    assert_true(fabs(gain_db_at(RATE - 1) + 60.0) < 0.001);
    assert_true(fabs(gain_db_at(RATE + 240 - 1) + 60.0 * exp(-1.0)) < 0.1);
    assert_true(out[2 * RATE - 1] == 1.0F);
    // 10 ms of the peak's window and 100 ms of hold, to the frame.
    const size_t closes = 2 * RATE - 1 + 479 + 4800;
    assert_true(out[closes] == 1.0F && out[closes + 1] < 1.0F);
    assert_true(fabs(gain_db_at(closes + 2400) + 60.0 * (1.0 - exp(-1.0))) < 0.1);
}

static void look_ahead_opens_before_the_sound(void **state)
{
    (void)state;
    rig_voice voice = gate(-20.0, 3.0, 20.0);
    rig_set(&voice, "lookahead_ms", 5.0);
    rig_set(&voice, "attack_ms", 0.3);
    voice.settings.values = voice.values;
    assert_int_equal(voice.settings.processor->latency(&voice.settings), 240);
    fill_with(in, 0, FRAMES, 0.0);
    in[1000] = 0.75F;
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    for (size_t i = 0; i < FRAMES; i++) {
        assert_true(i == 1240 ? fabsf(out[i] - 0.75F) < 1e-5F : out[i] == 0.0F);
    }
}

static void the_key_filter_keeps_the_kick_from_opening_it(void **state)
{
    (void)state;
    rig_voice voice = gate(-30.0, 3.0, 0.0);
    rig_set(&voice, "key_low_cut_hz", 500.0);
    rig_sine(key, FRAMES, 60.0, RATE, 0.5, 0.0);
    run_keyed(&voice);
    assert_true(gain_db_at(FRAMES - 1) < -79.0);
    rig_sine(key, FRAMES, 2000.0, RATE, 0.5, 0.0);
    run_keyed(&voice);
    assert_true(out[FRAMES - 1] == 1.0F);
    rig_set(&voice, "key_high_cut_hz", 500.0);
    voice.settings.values = voice.values;
    assert_int_equal(voice.settings.processor->check(&voice.settings, NULL), NB_E_INVALID);
}

static void stereo_opens_as_one(void **state)
{
    (void)state;
    rig_voice voice = gate(-20.0, 3.0, 0.0);
    voice.settings.channels = 2;
    fill_with(in, 0, FRAMES, 0.5);
    fill_with(in2, 0, FRAMES, 0.001);
    rig_process_one(&voice, FRAMES, (const float *[]){in, in2}, (float *[]){out, out2});
    assert_true(out[FRAMES - 1] == in[0] && out2[FRAMES - 1] == in2[0]);
}

static double sweep(size_t control, int64_t frame)
{
    return 20.0 * sin((double)frame * 0.0003 * (double)(control + 1)) - (control == 0 ? 30.0 : 0.0);
}

static double still(size_t control, int64_t frame)
{
    (void)frame;
    static const double values[] = {-20.0, 3.0, 100.0, 80.0, 0.5, 20.0, 100.0};
    return values[control];
}

static void any_split_width_and_lane_that_stands_still_give_the_same_bits(void **state)
{
    (void)state;
    rig_voice voice = gate(-20.0, 3.0, 20.0);
    rig_set(&voice, "lookahead_ms", 2.0);
    fill_wandering_tone(-21.0);
    rig_process_one(&voice, FRAMES, (const float *[]){key}, (float *[]){out});
    for (size_t lanes = 2; lanes <= 8 && nb_level_runs(lanes); lanes *= 2) {
        const rig_run how = {.lanes = lanes, .first_block = 37 * lanes};
        rig_process(&how, &voice, 1, FRAMES, (const float *[]){key}, (float *[]){out2});
        assert_memory_equal(out, out2, sizeof out);
    }
    rig_move(&voice, "range_db");
    rig_move(&voice, "hold_ms");
    rig_process(&(rig_run){.curve = still}, &voice, 1, FRAMES, (const float *[]){key},
                (float *[]){out2});
    assert_memory_equal(out, out2, sizeof out);
    for (size_t p = 0; p < 7; p++) {
        voice.moving[p] = true;
    }
    rig_process(&(rig_run){.curve = sweep}, &voice, 1, FRAMES, (const float *[]){key},
                (float *[]){out});
    for (size_t i = 0; i < FRAMES; i++) {
        assert_true(isfinite(out[i]) && fabsf(out[i]) <= 1.0F);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hysteresis_and_hold_end_the_chatter),
        cmocka_unit_test(a_steady_tone_at_the_threshold_keeps_it_open),
        cmocka_unit_test(the_range_is_exact),
        cmocka_unit_test(an_expander_settles_on_its_line),
        cmocka_unit_test(attack_hold_and_release_last_as_set),
        cmocka_unit_test(look_ahead_opens_before_the_sound),
        cmocka_unit_test(the_key_filter_keeps_the_kick_from_opening_it),
        cmocka_unit_test(stereo_opens_as_one),
        cmocka_unit_test(any_split_width_and_lane_that_stands_still_give_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
