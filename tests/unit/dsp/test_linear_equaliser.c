// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/test.h"
#include "tests/unit/dsp/analogue.h"
#include "tests/unit/dsp/rig.h"

enum { FRAMES = 3 << 17 };

static float impulse[FRAMES], response[FRAMES], other[FRAMES];
static const float *const in[] = {impulse};

static int make_impulse(void **state)
{
    (void)state;
    impulse[0] = 1.0F;
    return 0;
}

static rig_voice one_band(const char *type, double freq_hz, double gain_db, double q,
                          const char *slope)
{
    rig_voice voice;
    rig_voice_init(&voice, "linear-equaliser", 1);
    rig_band(&voice, type, freq_hz, gain_db, q, slope);
    return voice;
}

static void magnitudes_are_the_analogue_ones_up_to_20_khz(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        double freq_hz, gain_db, q;
    } bands[] = {
        {"bell", 30.0, 12.0, 2.0},        {"bell", 100.0, 12.0, 4.0},
        {"bell", 1000.0, 12.0, 8.0},      {"bell", 15000.0, -12.0, 1.0},
        {"bell", 60.0, -24.0, 1.0},       {"low-shelf", 80.0, 9.0, 0.7},
        {"high-shelf", 9000.0, 6.0, 1.0}, {"tilt", 700.0, 6.0, 1.0},
        {"high-pass", 60.0, 0.0, 0.7},    {"low-pass", 12000.0, 0.0, 0.7},
        {"notch", 3000.0, 0.0, 3.0},
    };
    for (size_t k = 0; k < NB_COUNT(bands); k++) {
        rig_voice voice =
            one_band(bands[k].type, bands[k].freq_hz, bands[k].gain_db, bands[k].q, "12");
        voice.settings.rate_hz = (k % 2) ? 44100 : 48000;
        rig_process_one(&voice, FRAMES, in, (float *[]){response});
        for (double f = 20.0; f < 20000.0; f *= 1.19) {
            const double expected =
                analogue_db(bands[k].type, f, bands[k].freq_hz, bands[k].gain_db, bands[k].q);
            const double measured = rig_magnitude_db(response, FRAMES, f, voice.settings.rate_hz);
            if (expected > -40.0 && !(fabs(measured - expected) < 0.05)) {
                fail_msg("%s %g Hz: %g dB at %g, not %g", bands[k].type, bands[k].freq_hz, measured,
                         f, expected);
            }
        }
    }
}

static void every_slope_and_alignment_is_there(void **state)
{
    (void)state;
    static const char *const slopes[] = {"6", "12", "18", "24", "30", "36", "42", "48"};
    for (unsigned k = 0; k < 16; k++) {
        const unsigned order = k / 2 + 1;
        rig_voice voice = one_band("low-pass", 1000.0, 0.0, sqrt(0.5), slopes[k / 2]);
        rig_set_band(&voice, 0, "alignment", k % 2);
        if (k % 2 && order % 2) {
            continue;
        }
        rig_process_one(&voice, FRAMES / 8, in, (float *[]){response});
        for (double f = 100.0; f < 4000.0; f *= 1.3) {
            const double expected =
                (k % 2) ? 2.0 * butterworth_db("low-pass", f, 1000.0, (int)order / 2)
                        : butterworth_db("low-pass", f, 1000.0, (int)order);
            if (expected > -60.0) {
                const double measured = rig_magnitude_db(response, FRAMES / 8, f, 48000.0);
                assert_true(fabs(measured - expected) < 0.05);
            }
        }
    }
}

static void the_response_is_symmetric_about_its_latency(void **state)
{
    (void)state;
    rig_voice voice = one_band("bell", 100.0, 9.0, 2.0, "12");
    rig_band(&voice, "high-pass", 40.0, 0.0, 0.7, "24");
    rig_band(&voice, "high-shelf", 8000.0, -5.0, 0.7, "12");
    rig_process_one(&voice, FRAMES, in, (float *[]){response});
    const size_t middle = rig_latency(&voice);
    double worst = 0.0;
    double reach = 0.0;
    for (size_t i = 1; i < middle; i++) {
        const double before = (double)response[middle - i];
        worst = fmax(worst, fabs(before - (double)response[middle + i]));
        reach = fmax(reach, fabs(before));
    }
    assert_true(reach > 0.01);
    if (!(worst < 1e-9)) {
        fail_msg("%g", worst);
    }
    for (size_t i = 0; i < FRAMES; i++) {
        assert_true(fabsf(response[i]) <= fabsf(response[middle]));
    }
}

static void the_length_follows_from_the_settings(void **state)
{
    (void)state;
    // 6 q rate / freq taps, then up to the next power of two and one: half on each side, and the
    // block of as many.
    const rig_voice low = one_band("bell", 30.0, 12.0, 2.0, "12");
    assert_int_equal(rig_latency(&low), 3 * 16384);
    const rig_voice mid = one_band("bell", 100.0, 12.0, 4.0, "12");
    assert_int_equal(rig_latency(&mid), 3 * 8192);
    const rig_voice high = one_band("bell", 1000.0, 12.0, 0.7, "12");
    assert_int_equal(rig_latency(&high), 3 * 1024);
    const rig_voice flat = one_band("bell", 30.0, 0.0, 2.0, "12");
    assert_int_equal(rig_latency(&flat), 3 * 1024);
}

static void no_bands_only_delay(void **state)
{
    (void)state;
    rig_voice voice;
    rig_voice_init(&voice, "linear-equaliser", 1);
    rig_noise(other, FRAMES / 8, 0.5, 3);
    rig_process_one(&voice, FRAMES / 8, (const float *[]){other}, (float *[]){response});
    const size_t latency = rig_latency(&voice);
    for (size_t i = latency; i < FRAMES / 8; i++) {
        assert_true(fabs((double)response[i] - (double)other[i - latency]) < 1e-6);
    }
}

static void silence_between_sounds_is_silent_and_forgets_nothing(void **state)
{
    (void)state;
    const rig_voice voice = one_band("bell", 1000.0, 6.0, 1.0, "12");
    enum { LATER = 40000 };
    memset(other, 0, sizeof other);
    other[0] = other[LATER] = 1.0F;
    rig_process_one(&voice, FRAMES / 4, (const float *[]){other}, (float *[]){response});
    const size_t latency = rig_latency(&voice);
    assert_true(response[latency + 20000] == 0.0F);
    for (size_t i = 0; i < 1024; i++) {
        const double first = (double)response[latency + i];
        assert_true(fabs((double)response[latency + LATER + i] - first) < 1e-7);
    }
}

static void bad_bands_are_refused(void **state)
{
    (void)state;
    rig_voice voice = one_band("bell", 20.0, 6.0, 10.0, "12");
    assert_fails(NB_E_INVALID, "band 1: so narrow and low a band needs 144000 taps",
                 rig_check(&voice, err));
    voice = one_band("bell", 23900.0, 6.0, 1.0, "12");
    assert_fails(NB_E_INVALID, "band 1: freq_hz 23900 is over 23520", rig_check(&voice, err));
    voice = one_band("low-pass", 900.0, 0.0, 1.0, "18");
    rig_set_band(&voice, 0, "alignment", 1.0);
    assert_fails(NB_E_INVALID, "linkwitz-riley", rig_check(&voice, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(magnitudes_are_the_analogue_ones_up_to_20_khz),
        cmocka_unit_test(every_slope_and_alignment_is_there),
        cmocka_unit_test(the_response_is_symmetric_about_its_latency),
        cmocka_unit_test(the_length_follows_from_the_settings),
        cmocka_unit_test(no_bands_only_delay),
        cmocka_unit_test(silence_between_sounds_is_silent_and_forgets_nothing),
        cmocka_unit_test(bad_bands_are_refused),
    };
    return cmocka_run_group_tests(tests, make_impulse, NULL);
}
