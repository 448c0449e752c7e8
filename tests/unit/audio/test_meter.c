// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/meter.h"
#include "rig.h"
#include "test.h"

#include <math.h>
#include <pthread.h>

enum { RATE = 48000 };

static const double pi = 3.14159265358979323846;

static nb_measures measure(unsigned rate_hz, unsigned channels, const float *samples, size_t frames,
                           size_t block)
{
    NB_SCOPED(nb_meter_destroy) nb_meter *meter = NULL;
    nb_measures out;
    assert_ok(nb_meter_new(rate_hz, channels, &meter, err));
    for (size_t done = 0; done < frames; done += block) {
        const size_t part = (frames - done < block) ? frames - done : block;
        assert_ok(nb_meter_add(meter, samples + done * channels, part, err));
    }
    assert_ok(nb_meter_finish(meter, &out, err));
    return out;
}

/// The figures by their bits, so that -INFINITY equals itself; the series too.
static void assert_same(nb_measures *a, nb_measures *b)
{
    assert_int_equal(a->loudness_count, b->loudness_count);
    assert_memory_equal(a->loudness_lufs, b->loudness_lufs, a->loudness_count * sizeof(float));
    assert_memory_equal(a->momentary_lufs, b->momentary_lufs, a->loudness_count * sizeof(float));
    assert_memory_equal(a, b, offsetof(nb_measures, loudness_count));
    nb_measures_fini(a);
    nb_measures_fini(b);
}

static void the_cut_into_calls_changes_no_bit(void **state)
{
    (void)state;
    enum { FRAMES = 5 * 44100 + 123 };
    static float samples[FRAMES * 2];
    static const size_t blocks[] = {1, 7, 441, 882, 883, 4096, 100000};
    rig_noise(samples, NB_COUNT(samples), 1);
    for (size_t i = 0; i < NB_COUNT(blocks); i++) {
        nb_measures whole = measure(44100, 2, samples, FRAMES, FRAMES);
        nb_measures split = measure(44100, 2, samples, FRAMES, blocks[i]);
        assert_true(isfinite(whole.integrated_lufs) && isfinite(whole.short_term_max_lufs));
        assert_same(&whole, &split);
    }
}

static void silence_has_no_loudness(void **state)
{
    (void)state;
    static float samples[5 * RATE * 2];
    nb_measures got = measure(RATE, 2, samples, 5 * RATE, 1000);
    const double none[] = {got.integrated_lufs,
                           got.loudness_range_lu,
                           got.short_term_max_lufs,
                           got.momentary_max_lufs,
                           got.true_peak_dbtp,
                           got.sample_peak_dbfs,
                           got.plr_lu,
                           got.correlation};
    for (size_t i = 0; i < NB_COUNT(none); i++) {
        assert_true(isinf(none[i]) && none[i] < 0.0);
    }
    assert_true(got.silence_head_s == 5.0 && got.silence_tail_s == 5.0);
    assert_int_equal(got.loudness_count, 50);
    for (size_t i = 0; i < got.loudness_count; i++) {
        assert_true(isinf(got.loudness_lufs[i]) && isinf(got.momentary_lufs[i]));
    }
    nb_measures_fini(&got);
    got = measure(RATE, 2, samples, 0, 1);
    assert_int_equal(got.loudness_count, 0);
    assert_true(isinf(got.integrated_lufs) && got.silence_head_s == 0.0);
    nb_measures_fini(&got);
}

static void fill_tone(float *samples, size_t frames, unsigned channels, double level)
{
    for (size_t i = 0; i < frames; i++) {
        for (unsigned c = 0; c < channels; c++) {
            samples[i * channels + c] = (float)(level * sin(2.0 * pi * 1000.0 * (double)i / RATE));
        }
    }
}

static void short_files_lack_what_needs_a_longer_window(void **state)
{
    (void)state;
    static float samples[3 * RATE * 2];
    fill_tone(samples, 3 * RATE, 2, 0.1);
    nb_measures got = measure(RATE, 2, samples, 3 * RATE / 10, 1000); // 0.3 s
    assert_true(isinf(got.integrated_lufs) && isinf(got.momentary_max_lufs) && isinf(got.plr_lu));
    assert_true(fabs(got.sample_peak_dbfs + 20.0) < 0.01);
    nb_measures_fini(&got);
    got = measure(RATE, 2, samples, 4 * RATE / 10, 1000); // 0.4 s
    assert_true(fabs(got.integrated_lufs + 20.0) < 0.1);
    assert_true(fabs(got.momentary_max_lufs + 20.0) < 0.1);
    assert_true(isinf(got.short_term_max_lufs) && isinf(got.loudness_range_lu));
    nb_measures_fini(&got);
    got = measure(RATE, 2, samples, 3 * RATE, 1000);
    assert_true(fabs(got.short_term_max_lufs + 20.0) < 0.1);
    assert_true(fabs(got.loudness_range_lu) < 0.01);
    nb_measures_fini(&got);
}

static void mono_counts_once(void **state)
{
    (void)state;
    static float samples[4 * RATE];
    fill_tone(samples, 4 * RATE, 1, 0.1);
    nb_measures got = measure(RATE, 1, samples, 4 * RATE, 1000);
    assert_true(fabs(got.integrated_lufs + 23.0) < 0.1);
    assert_true(isinf(got.correlation));
    nb_measures_fini(&got);
}

static void surround_channels_weigh_as_bs_1770_says(void **state)
{
    (void)state;
    enum { FRAMES = 4 * RATE, CHANNELS = 8 };
    static float samples[FRAMES * CHANNELS];
    // 7.1: the low-frequency channel counts nothing, the sides 1.5 dB more, the backs as the front.
    static const double expected[CHANNELS] = {-23.0, -23.0, -23.0, -INFINITY,
                                              -23.0, -23.0, -21.5, -21.5};
    for (unsigned c = 0; c < CHANNELS; c++) {
        memset(samples, 0, sizeof samples);
        for (size_t i = 0; i < FRAMES; i++) {
            samples[i * CHANNELS + c] = (float)(0.1 * sin(2.0 * pi * 1000.0 * (double)i / RATE));
        }
        nb_measures got = measure(RATE, CHANNELS, samples, FRAMES, 1000);
        if (isinf(expected[c])) {
            assert_true(isinf(got.integrated_lufs));
        } else {
            assert_true(fabs(got.integrated_lufs - expected[c]) < 0.1);
        }
        nb_measures_fini(&got);
    }
}

static void clipping_offset_correlation_and_silence_are_seen(void **state)
{
    (void)state;
    enum { FRAMES = 2 * RATE };
    static float samples[FRAMES * 2];
    rig_noise(samples, NB_COUNT(samples), 6);
    for (size_t i = 0; i < FRAMES; i++) {
        samples[2 * i] += 0.125F;
        samples[2 * i + 1] = -samples[2 * i];
        if (i < 4800 || i >= FRAMES - 12000) {
            samples[2 * i] = samples[2 * i + 1] = 0.0F;
        }
    }
    samples[2 * 10000] = 1.0F;
    samples[2 * 10001] = 32767.0F / 32768.0F;
    samples[2 * 10002 + 1] = -1.5F;
    samples[2 * 10003 + 1] = 0.9999F;
    nb_measures got = measure(RATE, 2, samples, FRAMES, 999);
    assert_int_equal(got.clipped_samples, 3);
    assert_true(fabs(fabs(got.dc_offset) - 0.125 * (FRAMES - 16800) / FRAMES) < 0.002);
    assert_true(got.correlation < -0.99 && got.correlation >= -1.0);
    assert_true(fabs(got.silence_head_s - 0.1) < 0.001);
    assert_true(fabs(got.silence_tail_s - 0.25) < 0.001);
    assert_true(fabs(got.sample_peak_dbfs - 20.0 * log10(1.5)) < 1e-6);
    assert_true(got.true_peak_dbtp >= got.sample_peak_dbfs);
    assert_true(fabs(got.plr_lu - (got.true_peak_dbtp - got.integrated_lufs)) < 1e-9);
    nb_measures_fini(&got);
}

static void a_sample_that_is_not_finite_is_refused_with_its_place(void **state)
{
    (void)state;
    float samples[2 * 1000] = {0};
    NB_SCOPED(nb_meter_destroy) nb_meter *meter = NULL;
    assert_ok(nb_meter_new(RATE, 2, &meter, err));
    assert_ok(nb_meter_add(meter, samples, 1000, err));
    samples[2 * 17 + 1] = NAN;
    assert_fails(NB_E_INVALID, "frame 1017 of channel 2", nb_meter_add(meter, samples, 1000, err));
    nb_meter *none = meter;
    assert_fails(NB_E_INVALID, "7999 Hz", nb_meter_new(7999, 2, &none, err));
    assert_null(none);
    assert_fails(NB_E_INVALID, "65 channels", nb_meter_new(RATE, 65, &none, err));
}

static void odd_rates_keep_the_time_of_the_series(void **state)
{
    (void)state;
    static const unsigned rates[] = {8000, 11025, 22050, 37123, 192000};
    static float samples[192000 * 4];
    rig_noise(samples, NB_COUNT(samples), 8);
    for (size_t i = 0; i < NB_COUNT(rates); i++) {
        nb_measures got = measure(rates[i], 1, samples, (size_t)rates[i] * 4, 1000);
        assert_int_equal(got.loudness_count, 40);
        assert_true(isfinite(got.momentary_max_lufs));
        nb_measures_fini(&got);
    }
}

static void *measure_in_thread(void *arg)
{
    const float *samples = arg;
    for (int i = 0; i < 20; i++) {
        nb_measures got = measure(RATE, 2, samples, RATE, 4096);
        nb_measures_fini(&got);
    }
    return NULL;
}

static void meters_in_many_threads_do_not_disturb_each_other(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    static float samples[RATE * 2];
    rig_noise(samples, NB_COUNT(samples), 11);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, measure_in_thread, samples), 0);
    }
    nb_measures before = measure(RATE, 2, samples, RATE, 4096);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    nb_measures after = measure(RATE, 2, samples, RATE, 4096);
    assert_same(&before, &after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cut_into_calls_changes_no_bit),
        cmocka_unit_test(silence_has_no_loudness),
        cmocka_unit_test(short_files_lack_what_needs_a_longer_window),
        cmocka_unit_test(mono_counts_once),
        cmocka_unit_test(surround_channels_weigh_as_bs_1770_says),
        cmocka_unit_test(clipping_offset_correlation_and_silence_are_seen),
        cmocka_unit_test(a_sample_that_is_not_finite_is_refused_with_its_place),
        cmocka_unit_test(odd_rates_keep_the_time_of_the_series),
        cmocka_unit_test(meters_in_many_threads_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
