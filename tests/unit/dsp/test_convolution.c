// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/test.h"
#include "tests/unit/dsp/rig.h"

#include <math.h>

enum { FRAMES = 60000, LATENCY = 8192, LONG_RESPONSE = 20000 };

static float in[2][FRAMES], out[2][FRAMES];
static float responses[4][LONG_RESPONSE];
static const float *const inputs[] = {in[0], in[1]};
static float *const outputs[] = {out[0], out[1]};
static const float *const audio[] = {responses[0], responses[1], responses[2], responses[3]};

static int make_signals(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 2; c++) {
        rig_noise(in[c], FRAMES, 0.5, 1 + c);
    }
    for (uint32_t c = 0; c < 4; c++) {
        rig_noise(responses[c], LONG_RESPONSE, 1.0, 10 + c);
        for (size_t i = 0; i < LONG_RESPONSE; i++) {
            responses[c][i] *= 0.1F * expf(-(float)i / 3000.0F); // a room
        }
    }
    return 0;
}

static rig_voice convolution(unsigned channels, size_t audio_channels, size_t frames)
{
    rig_voice voice;
    rig_voice_init(&voice, "convolution", channels);
    voice.settings.audio = audio;
    voice.settings.audio_channels = audio_channels;
    voice.settings.audio_frames = frames;
    return voice;
}

static double direct(const float *x, const float *h, size_t length, size_t at)
{
    double sum = 0.0;
    for (size_t k = 0; k < length && k <= at; k++) {
        sum += (double)h[k] * (double)x[at - k];
    }
    return sum;
}

static const size_t places[] = {0, 1, 77, 8191, 8192, 8193, 16383, 16384, 19999, 30000, 51000};

// Error under -120 dB of the output's own level.
static void assert_sample(size_t channel, size_t at, double expected, double level)
{
    const double got = (double)out[channel][at + LATENCY];
    if (!(fabs(got - expected) < 1e-6 * level)) {
        fail_msg("channel %zu frame %zu: %g, not %g", channel, at, got, expected);
    }
}

static double level_of(size_t channel)
{
    double sum = 0.0;
    for (size_t i = LATENCY; i < FRAMES; i++) {
        sum += (double)out[channel][i] * (double)out[channel][i];
    }
    return sqrt(sum / (FRAMES - LATENCY));
}

static void one_channel_agrees_with_the_direct_form_in_doubles(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 100, 8192, 8193, LONG_RESPONSE};
    for (size_t l = 0; l < NB_COUNT(lengths); l++) {
        const rig_voice voice = convolution(1, 1, lengths[l]);
        rig_process_one(&voice, FRAMES, inputs, outputs);
        for (size_t p = 0; p < NB_COUNT(places); p++) {
            assert_sample(0, places[p], direct(in[0], responses[0], lengths[l], places[p]),
                          level_of(0));
        }
    }
}

static void a_stereo_response_keeps_the_sides_apart(void **state)
{
    (void)state;
    const rig_voice voice = convolution(2, 2, LONG_RESPONSE);
    rig_process_one(&voice, FRAMES, inputs, outputs);
    for (size_t c = 0; c < 2; c++) {
        for (size_t p = 0; p < NB_COUNT(places); p++) {
            assert_sample(c, places[p], direct(in[c], responses[c], LONG_RESPONSE, places[p]),
                          level_of(c));
        }
    }
}

static void four_channels_are_true_stereo(void **state)
{
    (void)state;
    const rig_voice voice = convolution(2, 4, LONG_RESPONSE);
    rig_process_one(&voice, FRAMES, inputs, outputs);
    for (size_t c = 0; c < 2; c++) {
        for (size_t p = 0; p < NB_COUNT(places); p++) {
            const double expected = direct(in[0], responses[c], LONG_RESPONSE, places[p]) +
                                    direct(in[1], responses[2 + c], LONG_RESPONSE, places[p]);
            assert_sample(c, places[p], expected, level_of(c));
        }
    }
}

static void dry_and_wet_come_together(void **state)
{
    (void)state;
    rig_voice voice = convolution(2, 1, 500);
    rig_set(&voice, "predelay_ms", 10.0);
    rig_set(&voice, "gain_db", -6.0);
    rig_set(&voice, "mix_percent", 25.0);
    rig_process_one(&voice, FRAMES, inputs, outputs);
    for (size_t p = 0; p < NB_COUNT(places); p++) {
        const size_t at = places[p];
        const double wet = (at < 480) ? 0.0 : direct(in[1], responses[0], 500, at - 480);
        const double expected = 0.75 * (double)in[1][at] + 0.25 * wet * pow(10.0, -6.0 / 20.0);
        assert_sample(1, at, expected, level_of(1));
    }
}

static void a_response_is_cut_where_the_document_says(void **state)
{
    (void)state;
    rig_voice voice = convolution(1, 1, LONG_RESPONSE);
    rig_set(&voice, "length_s", 0.1);
    voice.settings.values = voice.values;
    assert_int_equal(voice.settings.processor->tail(&voice.settings), 4800);
    memset(in[0], 0, sizeof in[0]);
    in[0][0] = 1.0F;
    rig_process_one(&voice, FRAMES, inputs, outputs);
    assert_true(fabsf(out[0][LATENCY + 4000] - responses[0][4000]) < 1e-6F);
    for (size_t i = LATENCY + 4800; i < FRAMES; i++) {
        assert_true(fabsf(out[0][i]) < 1e-7F);
    }
    rig_noise(in[0], FRAMES, 0.5, 1);
}

static nb_status check(rig_voice voice, nb_error *err)
{
    voice.settings.values = voice.values;
    return voice.settings.processor->check(&voice.settings, err);
}

static void responses_that_fit_no_strip_are_refused(void **state)
{
    (void)state;
    assert_ok(check(convolution(2, 4, 10), err));
    assert_ok(check(convolution(1, 0, 0), err));
    assert_fails(NB_E_INVALID, "this one has 3", check(convolution(2, 3, 10), err));
    assert_fails(NB_E_INVALID, "stereo strip", check(convolution(1, 2, 10), err));
    rig_voice empty = convolution(1, 1, 0);
    NB_SCOPED(nb_arena_destroy) nb_arena *arena = nb_arena_new();
    void *made = NULL;
    empty.settings.values = empty.values;
    assert_fails(NB_E_INVALID, "empty",
                 empty.settings.processor->init(arena, &empty.settings, 1, &made, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_channel_agrees_with_the_direct_form_in_doubles),
        cmocka_unit_test(a_stereo_response_keeps_the_sides_apart),
        cmocka_unit_test(four_channels_are_true_stereo),
        cmocka_unit_test(dry_and_wet_come_together),
        cmocka_unit_test(a_response_is_cut_where_the_document_says),
        cmocka_unit_test(responses_that_fit_no_strip_are_refused),
    };
    return cmocka_run_group_tests(tests, make_signals, NULL);
}
