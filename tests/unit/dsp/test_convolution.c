// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/test.h"
#include "tests/unit/dsp/rig.h"

#include <math.h>

enum { FRAMES = 70000, LATENCY = 16384, LONG_RESPONSE = 20000 };

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
        fail_msg("channel %zu frame %zu: %.9g, not %.9g, level %g", channel, at, got, expected,
                 level);
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

static void the_start_can_be_left_out_and_the_decay_shortened(void **state)
{
    (void)state;
    rig_voice voice = convolution(1, 1, LONG_RESPONSE);
    rig_set(&voice, "start_ms", 50.0); // 2400 frames
    rig_set(&voice, "length_s", 0.2);
    rig_set(&voice, "fade_ms", 100.0);
    rig_set(&voice, "decay_db_s", 40.0);
    rig_set(&voice, "predelay_ms", 200.0); // 9600 frames: more than a block
    voice.settings.values = voice.values;
    assert_int_equal(voice.settings.processor->tail(&voice.settings), 9600 + 9600);
    memset(in[0], 0, sizeof in[0]);
    in[0][0] = 1.0F;
    rig_process_one(&voice, FRAMES, inputs, outputs);
    for (size_t i = 0; i + LATENCY < FRAMES; i++) {
        double expected = 0.0;
        if (i >= 9600 && i < 9600 + 9600) {
            const double at = (double)(i - 9600);
            const double fade = fmin(1.0, (9600.0 - at) / 4800.0);
            expected = (double)responses[0][i - 9600 + 2400] * fade *
                       pow(10.0, -40.0 * at / 48000.0 / 20.0);
        }
        assert_true(fabs((double)out[0][i + LATENCY] - expected) < 1e-7);
    }
    rig_noise(in[0], FRAMES, 0.5, 1);
}

// A mono strip in front of a stereo response: one input, doubled.
static void two_equal_channels_are_one_source(void **state)
{
    (void)state;
    for (size_t channels = 2; channels <= 4; channels += 2) {
        rig_voice voice = convolution(2, channels, LONG_RESPONSE);
        voice.settings.input_is_mono = true;
        rig_process_one(&voice, FRAMES, (const float *[]){in[0], in[0]}, outputs);
        for (size_t c = 0; c < 2; c++) {
            double error = 0.0;
            double count = 0.0;
            for (size_t at = 0; at < FRAMES - LATENCY; at += 997) {
                double expected = direct(in[0], responses[c], LONG_RESPONSE, at);
                expected +=
                    (channels == 4) ? direct(in[0], responses[2 + c], LONG_RESPONSE, at) : 0.0;
                const double off = (double)out[c][at + LATENCY] - expected;
                error += off * off;
                count += 1.0;
            }
            assert_true(sqrt(error / count) < 1e-6 * level_of(c));
        }
    }
}

static void silence_between_sounds_changes_nothing(void **state)
{
    (void)state;
    memset(in[0] + 9000, 0, 40000 * sizeof(float));
    const rig_voice voice = convolution(2, 4, 9000);
    rig_process_one(&voice, FRAMES, inputs, outputs);
    for (size_t p = 0; p < NB_COUNT(places); p++) {
        assert_sample(0, places[p],
                      direct(in[0], responses[0], 9000, places[p]) +
                          direct(in[1], responses[2], 9000, places[p]),
                      level_of(0));
    }
    const rig_voice left = convolution(2, 2, 9000);
    rig_process_one(&left, FRAMES, inputs, outputs);
    for (size_t i = LATENCY + 32768; i < LATENCY + 40960; i++) { // whole blocks later
        assert_true(out[0][i] == 0.0F); // not even a rounding of the other side
    }
    rig_noise(in[0], FRAMES, 0.5, 1);
}

enum { HALL_FRAMES = 480000, HALL_INPUT = 580000 };

// A measured hall of four channels (OpenAIR, 96 kHz, 16 bits), taken at 48 kHz and followed by its
// own late part: a response of 10 s that a hall could have. False where the data is not at hand.
static bool read_hall(float *hall[4])
{
    const char *data = getenv("NIGHTBUS_SHARED_DATA");
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/ir-openair/Jack-Lyons-Hall-University-of-York.wav",
                   data ? data : NB_EXPECTED_DIR "/..");
    FILE *file = fopen(path, "rb");
    if (!file) {
        print_message("no %s: skipped\n", path);
        return false;
    }
    uint8_t frame[8];
    assert_int_equal(fseek(file, 44, SEEK_SET), 0);
    for (size_t i = 0; i < HALL_FRAMES; i++) {
        const bool read = i < 384000 && fread(frame, sizeof frame, 1, file) == 1;
        for (size_t c = 0; c < 4; c++) {
            const int16_t sample = (int16_t)(frame[2 * c] | frame[2 * c + 1] << 8);
            hall[c][i] = read ? (float)sample / 32768.0F : hall[c][i - 200000] * 0.3F;
        }
    }
    assert_int_equal(fclose(file), 0);
    return true;
}

static void a_hall_of_ten_seconds_agrees_with_the_direct_form(void **state)
{
    (void)state;
    float *hall[4];
    float *signals[4]; // two inputs, two outputs
    for (size_t c = 0; c < 4; c++) {
        hall[c] = calloc(HALL_FRAMES, sizeof(float));
        signals[c] = calloc(HALL_INPUT, sizeof(float));
        assert_true(hall[c] && signals[c]);
    }
    const bool present = read_hall(hall);
    if (present) {
        rig_noise(signals[0], HALL_INPUT, 0.5, 21);
        rig_noise(signals[1], HALL_INPUT, 0.5, 22);
        rig_voice voice = convolution(2, 4, HALL_FRAMES);
        voice.settings.audio = (const float *const *)hall;
        rig_process_one(&voice, HALL_INPUT, (const float *const *)signals, signals + 2);
        double energy = 0.0;
        double error = 0.0;
        for (size_t at = 479000; at < HALL_INPUT - LATENCY; at += 3571) {
            for (size_t c = 0; c < 2; c++) {
                const double expected = direct(signals[0], hall[c], HALL_FRAMES, at) +
                                        direct(signals[1], hall[2 + c], HALL_FRAMES, at);
                const double got = (double)signals[2 + c][at + LATENCY];
                energy += expected * expected;
                error += (got - expected) * (got - expected);
            }
        }
        const double error_db = 10.0 * log10(error / energy);
        print_message("10 s of true stereo: error %.1f dB\n", error_db);
        assert_true(error_db < -120.0);
    }
    for (size_t c = 0; c < 4; c++) {
        free(hall[c]);
        free(signals[c]);
    }
    if (!present) {
        skip();
    }
}

static nb_status check(rig_voice voice, nb_error *err) { return rig_check(&voice, err); }

static void responses_that_fit_no_strip_are_refused(void **state)
{
    (void)state;
    assert_ok(check(convolution(2, 4, 10), err));
    assert_ok(check(convolution(1, 0, 0), err));
    assert_fails(NB_E_INVALID, "this one has 3", check(convolution(2, 3, 10), err));
    assert_fails(NB_E_INVALID, "stereo strip", check(convolution(1, 2, 10), err));
    rig_voice late = convolution(1, 1, 480);
    rig_set(&late, "start_ms", 10.0);
    assert_fails(NB_E_INVALID, "start_ms 10 is behind the response's end at 10 ms",
                 check(late, err));
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
        cmocka_unit_test(the_start_can_be_left_out_and_the_decay_shortened),
        cmocka_unit_test(two_equal_channels_are_one_source),
        cmocka_unit_test(silence_between_sounds_changes_nothing),
        cmocka_unit_test(a_hall_of_ten_seconds_agrees_with_the_direct_form),
        cmocka_unit_test(responses_that_fit_no_strip_are_refused),
    };
    return cmocka_run_group_tests(tests, make_signals, NULL);
}
