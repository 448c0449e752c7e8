// SPDX-License-Identifier: GPL-3.0-or-later
// Bands that automation or their own level moves.
#include "tests/test.h"
#include "tests/unit/dsp/analogue.h"
#include "tests/unit/dsp/rig.h"

enum { FRAMES = 1 << 16 };

static const double pi = 3.14159265358979323846;
static float impulse[FRAMES], sine[FRAMES], key[FRAMES], resting[FRAMES], moved[FRAMES];
static const float *const in[] = {impulse};
static const float *const sine_in[] = {sine};

static int make_impulse(void **state)
{
    (void)state;
    impulse[0] = 1.0F;
    return 0;
}

static const char *const types[] = {"bell",      "notch",      "high-pass", "low-pass",
                                    "low-shelf", "high-shelf", "tilt"};

static double band_values[3];

// Controls of a single band: type, freq_hz, gain_db, q, ...
static double constant(size_t control, int64_t frame)
{
    (void)frame;
    return band_values[control - 1];
}

static void a_band_that_could_move_answers_as_one_that_cannot(void **state)
{
    (void)state;
    static const char *const slopes[] = {"6", "12", "18", "24", "30", "36", "42", "48"};
    static const double values[][3] = {
        {700.0, 7.5, 1.3}, {60.0, -9.0, 6.0}, {14000.0, 12.0, 0.6}, {9000.0, -20.0, 0.3}};
    for (size_t k = 0; k < NB_COUNT(types) * NB_COUNT(slopes) * NB_COUNT(values); k++) {
        const double *at = values[k % NB_COUNT(values)];
        rig_voice voice;
        rig_voice_init(&voice, "equaliser", 1);
        rig_band(&voice, types[k / 32], at[0], at[1], at[2], slopes[k / 4 % 8]);
        rig_process_one(&voice, FRAMES / 8, in, (float *[]){resting});
        rig_move_band(&voice, 0, "freq_hz");
        rig_move_band(&voice, 0, "gain_db");
        rig_move_band(&voice, 0, "q");
        memcpy(band_values, at, sizeof band_values);
        rig_process(&(rig_run){.curve = constant}, &voice, 1, FRAMES / 8, in, (float *[]){moved});
        for (size_t i = 0; i < FRAMES / 8; i++) {
            const double scale = fmax(1.0, fabs((double)resting[i]));
            assert_true(fabs((double)moved[i] - (double)resting[i]) < 1e-7 * scale);
        }
    }
}

static uint32_t hash(size_t control, int64_t frame)
{
    uint32_t x = (uint32_t)frame * 2654435761U + (uint32_t)control * 40503U;
    x = (x ^ (x >> 15)) * 2246822519U;
    return x >> 16;
}

// Every control jumps at every sample, over its whole range.
static double jumping(size_t control, int64_t frame)
{
    static const double low[] = {20.0, -24.0, 0.3};
    static const double high[] = {23000.0, 24.0, 20.0};
    return (hash(control, frame) % 2) ? low[control - 1] : high[control - 1];
}

static void wild_modulation_stays_bounded(void **state)
{
    (void)state;
    rig_sine(sine, FRAMES, 440.0, 48000.0, 0.5, 0.0);
    for (size_t t = 0; t < NB_COUNT(types); t++) {
        rig_voice voice;
        rig_voice_init(&voice, "equaliser", 1);
        rig_band(&voice, types[t], 700.0, 7.5, 1.3, "12");
        rig_move_band(&voice, 0, "freq_hz");
        rig_move_band(&voice, 0, "gain_db");
        rig_move_band(&voice, 0, "q");
        rig_process(&(rig_run){.curve = jumping}, &voice, 1, FRAMES, sine_in, (float *[]){moved});
        for (size_t i = 0; i < FRAMES; i++) {
            assert_true(fabs((double)moved[i]) < 200.0);
        }
    }
}

static int64_t hop = 4;

static double switching(size_t control, int64_t frame)
{
    (void)control;
    return (frame / hop % 2) ? 8000.0 : 80.0;
}

static double anywhere(size_t control, int64_t frame)
{
    return 20.0 * pow(1000.0, hash(control, frame) / 65536.0);
}

static double peak_of_low_pass(double q, rig_curve curve)
{
    rig_sine(sine, FRAMES, 440.0, 48000.0, 0.5, 0.0);
    rig_voice voice;
    rig_voice_init(&voice, "equaliser", 1);
    rig_band(&voice, "low-pass", 700.0, 0.0, q, "12");
    rig_move_band(&voice, 0, "freq_hz");
    rig_process(&(rig_run){.curve = curve}, &voice, 1, FRAMES, sine_in, (float *[]){moved});
    double peak = 0.0;
    for (size_t i = 0; i < FRAMES; i++) {
        peak = fmax(peak, fabs((double)moved[i]));
    }
    return peak;
}

// Direct forms run to infinity on these.
static void a_cutoff_that_jumps_every_few_frames_stays_small(void **state)
{
    (void)state;
    hop = 4;
    assert_true(peak_of_low_pass(8.0, switching) < 1.0);
    hop = 16;
    assert_true(peak_of_low_pass(8.0, switching) < 1.0);
    assert_true(peak_of_low_pass(20.0, anywhere) < 1.5);
}

static double ramp_frames;

static double swelling(size_t control, int64_t frame)
{
    (void)control;
    const double t = fmin((double)frame / ramp_frames, 1.0); // raised cosine
    return 6.0 * (1.0 - cos(pi * t));
}

static void a_smooth_move_makes_no_noise(void **state)
{
    (void)state;
    static const double limits_db[][2] = {{10.0, -96.0}, {20.0, -106.0}, {50.0, -115.0}};
    rig_sine(sine, FRAMES, 60.0, 48000.0, 0.2, 0.0);
    for (size_t k = 0; k < NB_COUNT(limits_db); k++) {
        ramp_frames = 48.0 * limits_db[k][0];
        rig_voice voice;
        rig_voice_init(&voice, "equaliser", 1);
        rig_band(&voice, "bell", 60.0, 0.0, 1.0, "12");
        rig_move_band(&voice, 0, "gain_db");
        rig_process(&(rig_run){.curve = swelling}, &voice, 1, FRAMES, sine_in, (float *[]){moved});
        rig_voice_init(&voice, "equaliser", 1);
        rig_band(&voice, "high-pass", 5000.0, 0.0, 0.7, "48");
        rig_process_one(&voice, FRAMES, (const float *[]){moved}, (float *[]){resting});
        double peak = 0.0;
        for (size_t i = 200; i < FRAMES; i++) { // behind the onset of the sine itself
            peak = fmax(peak, fabs((double)resting[i]));
        }
        const double residue_db = 20.0 * log10(peak / 0.2);
        if (!(residue_db < limits_db[k][1])) {
            fail_msg("%g ms: %g dBFS", limits_db[k][0], residue_db);
        }
    }
}

static double sweeping(size_t control, int64_t frame)
{
    (void)control;
    return 10000.0 + 3000.0 * sin((double)frame * 0.0003);
}

// The third frequency of the match crosses the band's own on this way.
static void a_sweep_through_the_treble_leaves_no_click(void **state)
{
    (void)state;
    rig_sine(sine, FRAMES, 100.0, 48000.0, 0.2, 0.0);
    static const char *const swept[] = {"bell", "low-pass", "high-pass"};
    for (size_t t = 0; t < NB_COUNT(swept); t++) {
        rig_voice voice;
        rig_voice_init(&voice, "equaliser", 1);
        rig_band(&voice, swept[t], 10000.0, 12.0, 1.0, "12");
        rig_move_band(&voice, 0, "freq_hz");
        rig_process(&(rig_run){.curve = sweeping}, &voice, 1, FRAMES, sine_in, (float *[]){moved});
        rig_voice_init(&voice, "equaliser", 1);
        rig_band(&voice, "high-pass", 5000.0, 0.0, 0.7, "48");
        rig_process_one(&voice, FRAMES, (const float *[]){moved}, (float *[]){resting});
        for (size_t i = 400; i < FRAMES; i++) {
            assert_true(fabs((double)resting[i]) < 2e-6);
        }
    }
}

static rig_voice dynamic_bell(double freq_hz, double gain_db, double range_db)
{
    rig_voice voice;
    rig_voice_init(&voice, "equaliser", 1);
    rig_band(&voice, "bell", freq_hz, gain_db, 1.5, "12");
    rig_set_band(&voice, 0, "range_db", range_db);
    rig_set_band(&voice, 0, "threshold_db", -30.0);
    rig_set_band(&voice, 0, "ratio", 4.0);
    return voice;
}

static double magnitude_behind(const float *signal, size_t first, double freq_hz)
{
    double complex sum = 0.0;
    for (size_t i = first; i < FRAMES; i++) {
        sum += (double)signal[i] * cexp(-I * 2.0 * pi * freq_hz / 48000.0 * (double)i);
    }
    return 20.0 * log10(2.0 * cabs(sum) / (double)(FRAMES - first));
}

static void a_steady_tone_gets_the_static_curve(void **state)
{
    (void)state;
    static const double freqs[] = {60.0, 1000.0, 9000.0};
    static const double levels[] = {-34.0, -30.0, -25.0, -18.0, -6.0};
    for (size_t k = 0; k < 2 * NB_COUNT(freqs) * NB_COUNT(levels); k++) {
        const double range_db = (k % 2) ? 8.0 : -8.0;
        const double freq_hz = freqs[k / 2 % NB_COUNT(freqs)];
        const double level = levels[k / 2 / NB_COUNT(freqs)];
        rig_sine(sine, FRAMES, freq_hz, 48000.0, pow(10.0, level / 20.0), 0.0);
        const rig_voice voice = dynamic_bell(freq_hz, 3.0, range_db);
        rig_process_one(&voice, FRAMES, sine_in, (float *[]){moved});
        const double curve = fmin(8.0, 0.75 * fmax(0.0, level + 30.0));
        const double expected = level + 3.0 + ((k % 2) ? curve : -curve);
        const double measured = magnitude_behind(moved, 48000 - 480 * 29, freq_hz);
        if (!(fabs(measured - expected) < 0.05)) {
            fail_msg("%g Hz at %g dB: %g, not %g", freq_hz, level, measured, expected);
        }
    }
}

static void a_dynamic_band_at_rest_is_the_static_one_to_the_bit(void **state)
{
    (void)state;
    static const char *const dynamic[] = {"bell", "low-shelf", "high-shelf"};
    rig_noise(sine, FRAMES, 0.01, 9); // -40 dB, under every threshold
    for (size_t t = 0; t < 2 * NB_COUNT(dynamic); t++) {
        rig_voice voice;
        rig_voice_init(&voice, "equaliser", 1);
        rig_band(&voice, "high-pass", 80.0, 0.0, 0.7, "24");
        rig_band(&voice, dynamic[t / 2], 2500.0, (t % 2) ? -7.0 : 0.0, 0.9, "12");
        rig_band(&voice, "bell", 500.0, 4.0, 2.0, "12");
        rig_set_band(&voice, 1, "threshold_db", -30.0);
        rig_process_one(&voice, FRAMES, sine_in, (float *[]){resting});
        rig_set_band(&voice, 1, "range_db", -12.0);
        rig_process_one(&voice, FRAMES, sine_in, (float *[]){moved});
        assert_memory_equal(resting, moved, sizeof moved);
    }
}

static void a_dynamic_band_comes_back_to_rest_to_the_bit(void **state)
{
    (void)state;
    rig_voice voice = dynamic_bell(1000.0, -4.0, -12.0);
    rig_set_band(&voice, 0, "release_ms", 20.0);
    rig_noise(sine, FRAMES, 0.005, 9);
    rig_sine(sine, 4000, 1000.0, 48000.0, 0.7, 0.0); // a burst in front
    rig_process_one(&voice, FRAMES, sine_in, (float *[]){moved});
    rig_set_band(&voice, 0, "range_db", 0.0);
    rig_process_one(&voice, FRAMES, sine_in, (float *[]){resting});
    assert_true(memcmp(moved, resting, 4000 * sizeof *moved) != 0);
    assert_memory_equal(moved + FRAMES / 2, resting + FRAMES / 2, FRAMES / 2 * sizeof *moved);
}

// A steady key holds the gain: then the whole response is that of a band at rest there.
static void a_held_gain_has_the_static_bands_response(void **state)
{
    (void)state;
    static const char *const held[] = {"bell", "low-shelf", "high-shelf"};
    const float *const keys[] = {key};
    memset(sine, 0, sizeof sine);
    sine[FRAMES / 2] = 1.0F;
    for (size_t t = 0; t < NB_COUNT(held); t++) {
        rig_sine(key, FRAMES, 3000.0, 48000.0, pow(10.0, -22.0 / 20.0), 0.0);
        rig_voice voice;
        rig_voice_init(&voice, "equaliser", 1);
        rig_band(&voice, held[t], 3000.0, 5.0, 0.8, "12");
        rig_set_band(&voice, 0, "range_db", -9.0);
        rig_set_band(&voice, 0, "threshold_db", -30.0);
        rig_set_band(&voice, 0, "ratio", 4.0);
        rig_process(&(rig_run){.key = keys}, &voice, 1, FRAMES, sine_in, (float *[]){moved});
        rig_voice_init(&voice, "equaliser", 1);
        rig_band(&voice, held[t], 3000.0, 5.0 - 0.75 * 8.0, 0.8, "12");
        rig_process_one(&voice, FRAMES, sine_in, (float *[]){resting});
        for (double f = 100.0; f < 20000.0; f *= 1.25) {
            const double difference =
                rig_magnitude_db(moved + FRAMES / 2, FRAMES / 2, f, 48000.0) -
                rig_magnitude_db(resting + FRAMES / 2, FRAMES / 2, f, 48000.0);
            assert_true(fabs(difference) < 0.02);
        }
    }
}

static double gain_at(const float *tone, size_t frame)
{
    double complex sum = 0.0; // 48 periods of 8 kHz, centred
    for (size_t i = frame - 144; i < frame + 144; i++) {
        sum += (double)tone[i] * cexp(-I * 2.0 * pi / 6.0 * (double)i);
    }
    return 20.0 * log10(cabs(sum) / 144.0) + 40.0;
}

static void attack_and_release_take_their_times(void **state)
{
    (void)state;
    enum { ON = 4800, OFF = 40800 };
    const float *const keys[] = {key};
    rig_sine(sine, FRAMES, 8000.0, 48000.0, 0.01, 0.0);
    rig_sine(key, FRAMES, 8000.0, 48000.0, 1.0, 0.0);
    memset(key, 0, ON * sizeof *key);
    memset(key + OFF, 0, (FRAMES - OFF) * sizeof *key);
    rig_voice voice = dynamic_bell(8000.0, 0.0, -12.0);
    rig_set_band(&voice, 0, "attack_ms", 20.0);
    rig_process(&(rig_run){.key = keys}, &voice, 1, FRAMES, sine_in, (float *[]){moved});
    assert_true(fabs(gain_at(moved, ON - 480)) < 0.01);
    const double attack = gain_at(moved, ON + 960) / -12.0;
    assert_true(fabs(attack - 0.632) < 0.05 * 0.632);
    assert_true(fabs(gain_at(moved, OFF - 480) + 12.0) < 0.05);
    // The two one-poles in series, from rest: (a exp(-t/a) - r exp(-t/r)) / (a - r), t = r = 100.
    const double left = (20.0 * exp(-5.0) - 100.0 * exp(-1.0)) / (20.0 - 100.0);
    assert_true(fabs(gain_at(moved, OFF + 4800) / -12.0 - left) < 0.05 * left);
}

static void the_two_sides_of_a_stereo_strip_move_together(void **state)
{
    (void)state;
    rig_sine(sine, FRAMES, 1000.0, 48000.0, 0.5, 0.0);
    rig_sine(key, FRAMES, 1000.0, 48000.0, 0.001, 0.0);
    rig_voice voice = dynamic_bell(1000.0, 0.0, -12.0);
    voice.settings.channels = 2;
    rig_process_one(&voice, FRAMES, (const float *[]){sine, key}, (float *[]){moved, resting});
    assert_true(fabs(magnitude_behind(resting, FRAMES - 4800, 1000.0) + 60.0 + 12.0) < 0.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_band_that_could_move_answers_as_one_that_cannot),
        cmocka_unit_test(wild_modulation_stays_bounded),
        cmocka_unit_test(a_cutoff_that_jumps_every_few_frames_stays_small),
        cmocka_unit_test(a_smooth_move_makes_no_noise),
        cmocka_unit_test(a_sweep_through_the_treble_leaves_no_click),
        cmocka_unit_test(a_steady_tone_gets_the_static_curve),
        cmocka_unit_test(a_dynamic_band_at_rest_is_the_static_one_to_the_bit),
        cmocka_unit_test(a_dynamic_band_comes_back_to_rest_to_the_bit),
        cmocka_unit_test(a_held_gain_has_the_static_bands_response),
        cmocka_unit_test(attack_and_release_take_their_times),
        cmocka_unit_test(the_two_sides_of_a_stereo_strip_move_together),
    };
    return cmocka_run_group_tests(tests, make_impulse, NULL);
}
