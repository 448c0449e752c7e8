// SPDX-License-Identifier: GPL-3.0-or-later
// Hum and offset removal: their responses against their equations, on tones and as impulses.
#include "tests/test.h"
#include "tests/unit/dsp/rig.h"

#include <math.h>

enum { RATE = 48000, FRAMES = 8 * RATE };

static float in[FRAMES], out[FRAMES], more[FRAMES];

static void run(const rig_run *how, const rig_voice *voice)
{
    const float *from = in;
    float *to = out;
    rig_process(how, voice, 1, FRAMES, &from, &to);
}

static rig_voice hum_voice(double fundamental_hz, double harmonics)
{
    rig_voice voice;
    rig_voice_init(&voice, "hum-removal", 1);
    rig_set(&voice, "fundamental_hz", fundamental_hz);
    rig_set(&voice, "harmonics", harmonics);
    return voice;
}

static double rms_db(const float *x, size_t from, size_t to)
{
    double sum = 0.0;
    for (size_t i = from; i < to; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    return 10.0 * log10(sum / (double)(to - from) + 1e-30);
}

// How far a tone falls once the notches have settled.
static double fall_db(const rig_voice *voice, double freq_hz)
{
    rig_sine(in, FRAMES, freq_hz, RATE, 0.5, 0.3);
    run(&(rig_run){0}, voice);
    return rms_db(in, FRAMES - 2 * RATE, FRAMES) - rms_db(out, FRAMES - 2 * RATE, FRAMES);
}

static void
every_harmonic_falls_by_forty_decibels_and_a_tone_beside_it_by_less_than_half(void **state)
{
    (void)state;
    static const double mains_hz[] = {16.7, 50.0, 59.97};
    double least_db = 1000.0;
    double most_db = 0.0;
    for (size_t m = 0; m < NB_COUNT(mains_hz); m++) {
        const rig_voice voice = hum_voice(mains_hz[m], 40.0);
        for (size_t k = 1; k <= 40; k += (k < 4) ? 1 : 6) {
            least_db = fmin(least_db, fall_db(&voice, mains_hz[m] * (double)k));
            if (m > 0) { // railways' harmonics are 16.7 Hz apart
                most_db = fmax(most_db, fall_db(&voice, mains_hz[m] * (double)k + 10.0));
                most_db = fmax(most_db, fall_db(&voice, mains_hz[m] * (double)k - 10.0));
            }
        }
    }
    print_message("harmonics fall by at least %.1f dB, tones 10 Hz beside by at most %.3f dB\n",
                  least_db, most_db);
    assert_true(least_db >= 40.0);
    assert_true(most_db < 0.5);
}

// All of a hum at once, as a rectifier makes it.
static void a_buzz_of_all_harmonics_falls_by_forty_decibels(void **state)
{
    (void)state;
    memset(in, 0, sizeof in);
    for (size_t k = 1; k <= 20; k++) {
        rig_sine(more, FRAMES, 60.0 * (double)k, RATE, 0.5 / (double)k, (double)(k * k));
        for (size_t i = 0; i < FRAMES; i++) {
            in[i] += more[i];
        }
    }
    const rig_voice voice = hum_voice(60.0, 20.0);
    run(&(rig_run){0}, &voice);
    assert_true(rms_db(in, FRAMES - RATE, FRAMES) - rms_db(out, FRAMES - RATE, FRAMES) > 40.0);
}

// |H| of one notch: the all-pass turns by a half at the middle, by a quarter half a width beside.
static void a_notch_is_three_decibels_down_half_its_width_beside(void **state)
{
    (void)state;
    static const double widths_hz[] = {0.5, 2.0, 6.0};
    memset(in, 0, sizeof in);
    in[0] = 1.0F;
    for (size_t w = 0; w < NB_COUNT(widths_hz); w++) {
        rig_voice voice = hum_voice(50.0, 1.0);
        rig_set(&voice, "width_hz", widths_hz[w]);
        rig_set(&voice, "depth_db", 100.0);
        run(&(rig_run){0}, &voice);
        // Half a width beside, in the bilinear transform's own frequencies.
        const double t = tan(3.14159265358979 * widths_hz[w] / RATE);
        const double c = cos(2.0 * 3.14159265358979 * 50.0 / RATE);
        for (int side = -1; side <= 1; side += 2) {
            // cos w = (c -+ t sqrt(t^2 + 1 - c^2)) / (1 + t^2) makes (c - cos w)^2 = t^2 sin^2 w
            const double cosine = (c - side * t * sqrt(t * t + 1.0 - c * c)) / (1.0 + t * t);
            const double edge_hz = acos(cosine) * RATE / (2.0 * 3.14159265358979);
            assert_true(fabs(edge_hz - (50.0 + side * widths_hz[w] / 2.0)) <
                        0.6 * widths_hz[w] * widths_hz[w] / 50.0);
            assert_true(fabs(rig_magnitude_db(out, FRAMES, edge_hz, RATE) + 3.0103) < 0.01);
        }
        assert_true(fabs(rig_magnitude_db(out, FRAMES, 1000.0, RATE)) < 0.01);
    }
}

static void the_depth_is_as_asked(void **state)
{
    (void)state;
    static const double depths_db[] = {0.0, 6.0, 20.0, 40.0};
    for (size_t d = 0; d < NB_COUNT(depths_db); d++) {
        rig_voice voice = hum_voice(50.0, 5.0);
        rig_set(&voice, "depth_db", depths_db[d]);
        assert_true(fabs(fall_db(&voice, 150.0) - depths_db[d]) < 0.05);
    }
}

static double drift(size_t control, int64_t frame)
{
    (void)control;
    return 50.0 + 0.2 * sin((double)frame * 3e-5);
}

static void notches_follow_a_mains_that_drifts(void **state)
{
    (void)state;
    double phase = 0.0;
    for (size_t i = 0; i < FRAMES; i++) {
        phase += 2.0 * 3.14159265358979 * drift(0, (int64_t)i) / RATE;
        in[i] = (float)(0.3 * sin(phase) + 0.2 * sin(7.0 * phase));
    }
    rig_voice voice = hum_voice(50.0, 20.0);
    run(&(rig_run){0}, &voice);
    const double still_db = rms_db(out, 4 * RATE, FRAMES);
    rig_move(&voice, "fundamental_hz");
    run(&(rig_run){.curve = drift}, &voice);
    const double following_db = rms_db(out, 4 * RATE, FRAMES);
    print_message("drifting hum: %.1f dB, still notches leave %.1f dB, moving ones %.1f dB\n",
                  rms_db(in, 4 * RATE, FRAMES), still_db, following_db);
    assert_true(following_db < rms_db(in, 4 * RATE, FRAMES) - 35.0);
    assert_true(following_db < still_db - 15.0);
}

static double jump(size_t control, int64_t frame)
{
    (void)control;
    return (frame * 2654435761LL >> 9) % 2 == 0 ? 15.0 : 70.0;
}

static double hold(size_t control, int64_t frame)
{
    (void)control;
    (void)frame;
    return 50.0;
}

// The lattice turns, it never stretches: whatever its angles do, no more energy leaves than came.
static void notches_that_jump_at_every_sample_add_no_energy(void **state)
{
    (void)state;
    rig_noise(in, FRAMES, 0.5, 3);
    rig_voice voice = hum_voice(50.0, 40.0);
    rig_move(&voice, "fundamental_hz");
    run(&(rig_run){.curve = jump}, &voice);
    assert_true(rms_db(out, 0, FRAMES) <= rms_db(in, 0, FRAMES));
    run(&(rig_run){.curve = hold}, &voice);
    memcpy(more, out, sizeof more);
    voice = hum_voice(50.0, 40.0);
    run(&(rig_run){0}, &voice);
    assert_memory_equal(out, more, sizeof out);
}

static void harmonics_beyond_half_the_rate_are_refused(void **state)
{
    (void)state;
    rig_voice voice = hum_voice(60.0, 40.0);
    voice.settings.rate_hz = 4000;
    assert_fails(NB_E_INVALID, "highest of 40 harmonics is at 2400 Hz", rig_start(&voice, err));
    voice.settings.rate_hz = 8000;
    assert_ok(rig_start(&voice, err));
}

static void a_constant_offset_goes_and_the_rest_stays(void **state)
{
    (void)state;
    rig_voice voice;
    rig_voice_init(&voice, "dc-removal", 1);
    rig_sine(in, FRAMES, 30.0, RATE, 0.25, 0.0);
    for (size_t i = 0; i < FRAMES; i++) {
        in[i] += 0.5F;
    }
    run(&(rig_run){0}, &voice);
    double sum = 0.0;
    for (size_t i = FRAMES - RATE; i < FRAMES; i++) {
        sum += (double)out[i];
    }
    assert_true(fabs(sum / RATE) < 1e-6);
    assert_true(fabs(rms_db(out, FRAMES - RATE, FRAMES) - 20.0 * log10(0.25 / sqrt(2.0))) < 0.05);
}

static void the_offset_filter_is_three_decibels_down_at_its_cutoff(void **state)
{
    (void)state;
    static const double cutoffs_hz[] = {0.5, 3.0, 5.0};
    memset(in, 0, sizeof in);
    in[0] = 1.0F;
    for (size_t k = 0; k < NB_COUNT(cutoffs_hz); k++) {
        rig_voice voice;
        rig_voice_init(&voice, "dc-removal", 1);
        rig_set(&voice, "cutoff_hz", cutoffs_hz[k]);
        run(&(rig_run){0}, &voice);
        assert_true(fabs(rig_magnitude_db(out, FRAMES, cutoffs_hz[k], RATE) + 3.0103) < 0.01);
        const double octave_db = 10.0 * log10(0.8); // first order, an octave above
        assert_true(fabs(rig_magnitude_db(out, FRAMES, 2.0 * cutoffs_hz[k], RATE) - octave_db) <
                    0.01);
        assert_true(fabs(rig_magnitude_db(out, FRAMES, 1000.0, RATE)) < 0.001);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            every_harmonic_falls_by_forty_decibels_and_a_tone_beside_it_by_less_than_half),
        cmocka_unit_test(a_buzz_of_all_harmonics_falls_by_forty_decibels),
        cmocka_unit_test(a_notch_is_three_decibels_down_half_its_width_beside),
        cmocka_unit_test(the_depth_is_as_asked),
        cmocka_unit_test(notches_follow_a_mains_that_drifts),
        cmocka_unit_test(notches_that_jump_at_every_sample_add_no_energy),
        cmocka_unit_test(harmonics_beyond_half_the_rate_are_refused),
        cmocka_unit_test(a_constant_offset_goes_and_the_rest_stays),
        cmocka_unit_test(the_offset_filter_is_three_decibels_down_at_its_cutoff),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
