// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/test.h"
#include "tests/unit/dsp/rig.h"

#include <math.h>

enum { FRAMES = 120000 };

static float in[FRAMES], in2[FRAMES], out[FRAMES], out2[FRAMES];

static void fill_impulse(size_t at)
{
    memset(in, 0, sizeof in);
    memset(in2, 0, sizeof in2);
    in[at] = 1.0F;
}

static void echoes_come_at_multiples_of_the_time_and_fall_by_the_feedback(void **state)
{
    (void)state;
    rig_voice voice;
    rig_voice_init(&voice, "delay", 1);
    rig_set(&voice, "time_ms", 100.0);
    rig_set(&voice, "feedback_percent", 50.0);
    fill_impulse(10);
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    float level = 1.0F;
    for (size_t i = 0; i < FRAMES; i++) {
        const bool echo = i > 10 && (i - 10) % 4800 == 0;
        assert_true(out[i] == (echo ? level : 0.0F));
        level *= echo ? 0.5F : 1.0F;
    }
}

// Frame of the largest sample within 20 of `near`.
static size_t peak_near(const float *samples, size_t near)
{
    size_t best = near - 20;
    for (size_t i = near - 20; i <= near + 20; i++) {
        best = (fabsf(samples[i]) > fabsf(samples[best])) ? i : best;
    }
    return best;
}

static void assert_echoes(const char *note, double bpm, unsigned rate_hz, const size_t *echoes,
                          size_t count)
{
    rig_voice voice;
    rig_voice_init(&voice, "delay", 1);
    const nb_processor *it = voice.settings.processor;
    const nb_tempo tempo = {0, bpm};
    const size_t param = (size_t)nb_param_find(it->params, it->param_count, "note");
    voice.settings.rate_hz = rate_hz;
    voice.settings.tempos = &tempo;
    rig_set(&voice, "note", rig_choice(&it->params[param], note));
    rig_set(&voice, "feedback_percent", 80.0);
    fill_impulse(0);
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    for (size_t e = 0; e < count; e++) {
        if (echoes[e] != 0) {
            assert_int_equal(peak_near(out, echoes[e]), echoes[e]);
        }
    }
}

static void notes_follow_the_tempo_without_drift(void **state)
{
    (void)state;
    assert_echoes("1/8t", 120.0, 44100, (size_t[]){7350, 14700, 22050}, 3);
    // The tenth echo stands at 10 * 5538.46 rounded, not at 10 * 5538.
    assert_echoes("1/16", 130.0, 48000, (size_t[]){5538, 11077, 16615, [9] = 55385}, 10);
    assert_echoes("1/4d", 120.0, 48000, (size_t[]){36000, 72000}, 2);
    assert_echoes("1/1", 240.0, 48000, (size_t[]){48000}, 1);
}

static void a_line_between_frames_is_flat_where_music_is(void **state)
{
    (void)state;
    rig_voice voice;
    rig_voice_init(&voice, "delay", 1);
    const nb_tempo tempo = {0, 130.0};
    voice.settings.tempos = &tempo;
    rig_set(&voice, "note", 13.0); // 1/16, 5538.46 frames
    rig_set(&voice, "feedback_percent", 0.0);
    fill_impulse(0);
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    for (double f = 20.0; f < 15000.0; f *= 1.3) {
        assert_true(fabs(rig_magnitude_db(out, 8000, f, 48000.0)) < 0.01);
    }
    assert_true(fabs(rig_magnitude_db(out, 8000, 18000.0, 48000.0)) < 0.2);
}

static void a_tempo_change_fades_from_one_line_to_the_other(void **state)
{
    (void)state;
    static const nb_tempo tempos[] = {{0, 120.0}, {48000, 100.0}};
    rig_voice voice;
    rig_voice_init(&voice, "delay", 1);
    voice.settings.tempos = tempos;
    voice.settings.tempo_count = 2;
    rig_set(&voice, "note", 7.0); // 1/4: 24000 frames, then 28800
    rig_set(&voice, "feedback_percent", 0.0);
    rig_sine(in, FRAMES, 100.0, 48000.0, 0.5, 0.3);
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    for (size_t i = 24000; i < FRAMES; i++) {
        if (i < 48000) {
            assert_true(out[i] == in[i - 24000]);
        }
        if (i >= 48000 + 2400) {
            assert_true(out[i] == in[i - 28800]);
        }
        assert_true(i == 24000 || fabsf(out[i] - out[i - 1]) < 0.01F); // a sine's own step is .0065
    }
}

static void ping_pong_goes_left_and_right_in_turn(void **state)
{
    (void)state;
    rig_voice voice;
    rig_voice_init(&voice, "delay", 2);
    rig_set(&voice, "time_ms", 50.0);
    rig_set(&voice, "feedback_percent", 50.0);
    rig_set(&voice, "ping_pong", 1.0);
    fill_impulse(0);
    in2[0] = 1.0F;
    rig_process_one(&voice, FRAMES, (const float *[]){in, in2}, (float *[]){out, out2});
    assert_true(out[2400] == 1.0F && out2[2400] == 0.0F);
    assert_true(out[4800] == 0.0F && out2[4800] == 0.5F);
    assert_true(out[7200] == 0.25F && out2[7200] == 0.0F);
}

static void each_echo_passes_the_cuts_once_more(void **state)
{
    (void)state;
    rig_voice voice;
    rig_voice_init(&voice, "delay", 1);
    rig_set(&voice, "time_ms", 200.0);
    rig_set(&voice, "feedback_percent", 50.0);
    rig_set(&voice, "low_cut_hz", 200.0);
    rig_set(&voice, "high_cut_hz", 3000.0);
    fill_impulse(0);
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    for (int echo = 1; echo <= 3; echo++) {
        const float *from = out + 9600 * echo;
        const double level_db = -6.0206 * (echo - 1);
        assert_true(fabs(rig_magnitude_db(from, 9000, 200.0, 48000.0) - level_db +
                         (3.0103 + 0.0192) * echo) < 0.02);
        assert_true(fabs(rig_magnitude_db(from, 9000, 3000.0, 48000.0) - level_db +
                         (3.0103 + 0.0186) * echo) < 0.02);
    }
}

static double slow_sine(size_t control, int64_t frame)
{
    (void)control;
    return 10.0 + 10.0 * sin((double)frame * 1e-3);
}

static void echoes_step_back_while_the_key_sounds(void **state)
{
    (void)state;
    rig_voice voice;
    rig_voice_init(&voice, "delay", 1);
    rig_set(&voice, "time_ms", 200.0);
    rig_set(&voice, "feedback_percent", 90.0);
    rig_sine(in, 48000, 1000.0, 48000.0, 0.5, 0.0);
    memset(in + 48000, 0, (FRAMES - 48000) * sizeof(float));
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    rig_set(&voice, "duck_db", 12.0);
    rig_set(&voice, "duck_release_ms", 100.0);
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out2});
    const double down = pow(10.0, -12.0 / 20.0);
    for (size_t i = 12000; i < FRAMES; i++) {
        const double ducked = (double)out2[i];
        const double free = (double)out[i];
        assert_true(fabs(ducked) <= fabs(free) && fabs(ducked) >= fabs(free) * down * 0.9999);
        if (i < 48000) { // the key is there
            assert_true(fabs(ducked - free * down) < 1e-3 * fabs(free));
        }
        if (i >= 48000 + 60000) { // 3 dB over its envelope's 30 ms, and twelve releases later
            assert_true(fabs(ducked - free) < 1e-3 * fabs(free));
        }
    }
}

static void a_sidechain_is_the_key_and_the_depth_can_move(void **state)
{
    (void)state;
    rig_voice voice;
    rig_voice_init(&voice, "delay", 1);
    rig_set(&voice, "time_ms", 100.0);
    rig_set(&voice, "feedback_percent", 0.0);
    rig_sine(in, FRAMES, 1000.0, 48000.0, 0.01, 0.0); // -40 dBFS: under the threshold itself
    rig_sine(in2, FRAMES, 80.0, 48000.0, 0.9, 0.0);
    rig_set(&voice, "duck_db", 20.0);
    const float *const key[] = {in2};
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    rig_process(&(rig_run){.key = key}, &voice, 1, FRAMES, (const float *[]){in},
                (float *[]){out2});
    for (size_t i = 12000; i < FRAMES; i++) {
        assert_true(out[i] == in[i - 4800]);
        assert_true(fabsf(out2[i] - 0.1F * out[i]) <= 1e-3F * fabsf(out[i]));
    }
    rig_move(&voice, "duck_db");
    rig_process(&(rig_run){.key = key, .curve = slow_sine}, &voice, 1, FRAMES,
                (const float *[]){in}, (float *[]){out});
    for (size_t i = 12000; i < FRAMES; i++) {
        const double gain = pow(10.0, -slow_sine(0, (int64_t)i) / 20.0);
        assert_true(fabs((double)out[i] - (double)in[i - 4800] * gain) < 1e-5);
    }
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    rig_voice voice;
    rig_voice_init(&voice, "delay", 1);
    assert_ok(rig_check(&voice, err));
    rig_set(&voice, "ping_pong", 1.0);
    assert_fails(NB_E_INVALID, "stereo strip", rig_check(&voice, err));
    rig_voice_init(&voice, "delay", 2);
    rig_set(&voice, "low_cut_hz", 2000.0);
    rig_set(&voice, "high_cut_hz", 1000.0);
    assert_fails(NB_E_INVALID, "low_cut_hz 2000", rig_check(&voice, err));
    rig_voice_init(&voice, "delay", 2);
    const nb_tempo slow = {0, 5.0};
    voice.settings.tempos = &slow;
    rig_set(&voice, "note", 1.0);
    assert_fails(NB_E_INVALID, "48 s (note 1/1)", rig_check(&voice, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echoes_come_at_multiples_of_the_time_and_fall_by_the_feedback),
        cmocka_unit_test(notes_follow_the_tempo_without_drift),
        cmocka_unit_test(a_line_between_frames_is_flat_where_music_is),
        cmocka_unit_test(a_tempo_change_fades_from_one_line_to_the_other),
        cmocka_unit_test(ping_pong_goes_left_and_right_in_turn),
        cmocka_unit_test(each_echo_passes_the_cuts_once_more),
        cmocka_unit_test(echoes_step_back_while_the_key_sounds),
        cmocka_unit_test(a_sidechain_is_the_key_and_the_depth_can_move),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
