// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/convert.h"
#include "base/file.h"
#include "rig.h"
#include "test.h"

#include <fcntl.h>
#include <math.h>
#include <unistd.h>

static const double pi = 3.14159265358979323846;

static nb_audio_file *open_file(const char *path)
{
    nb_audio_file *file = NULL;
    assert_ok(nb_audio_file_open(path, NULL, &file, err));
    return file;
}

static void lengths_are_rounded_halves_up(void **state)
{
    (void)state;
    assert_int_equal(nb_convert_frames(0, 44100, 48000), 0);
    assert_int_equal(nb_convert_frames(147, 44100, 48000), 160);
    assert_int_equal(nb_convert_frames(1, 48000, 24000), 1); // half a frame
    assert_int_equal(nb_convert_frames(3, 48000, 24000), 2);
    assert_int_equal(nb_convert_frames(1, 48000, 16000), 0);
    assert_int_equal(nb_convert_frames(INT64_C(86400) * 384000, 384000, 8000),
                     INT64_C(86400) * 8000);
    assert_int_equal(nb_convert_frames(INT64_C(86400) * 8000 + 1, 8000, 384000),
                     INT64_C(86400) * 384000 + 48);
}

static void a_converted_file_has_the_promised_length(void **state)
{
    (void)state;
    static const unsigned rates[] = {8000, 11025, 44100, 48000, 88200, 96000, 192000};
    static const size_t lengths[] = {1, 2, 147, 8191, 8192, 8193, 30011};
    static float samples[30011];
    rig_noise(samples, NB_COUNT(samples), 2);
    for (size_t i = 0; i < NB_COUNT(rates); i++) {
        for (size_t n = 0; n < NB_COUNT(lengths); n++) {
            const unsigned to_hz = rates[(i + n) % NB_COUNT(rates)];
            const char *path = rig_write("length.wav", rates[i], 1, samples, lengths[n]);
            NB_SCOPED(nb_audio_file_destroy) nb_audio_file *file = open_file(path);
            NB_SCOPED(nb_planar_destroy) float **planar = NULL;
            size_t frames = 0;
            assert_ok(nb_convert_load(file, to_hz, 10000000, &planar, &frames, err));
            assert_int_equal(frames, nb_convert_frames((int64_t)lengths[n], rates[i], to_hz));
        }
    }
}

static void an_impulse_lands_where_it_should(void **state)
{
    (void)state;
    enum { AT = 14700, FRAMES = 44100 };
    static float samples[FRAMES];
    samples[AT] = 1.0F;
    const char *path = rig_write("impulse.wav", 44100, 1, samples, FRAMES);
    static const unsigned rates[] = {48000, 96000, 22050};
    for (size_t i = 0; i < NB_COUNT(rates); i++) {
        NB_SCOPED(nb_audio_file_destroy) nb_audio_file *file = open_file(path);
        NB_SCOPED(nb_planar_destroy) float **planar = NULL;
        size_t frames = 0;
        assert_ok(nb_convert_load(file, rates[i], 200000, &planar, &frames, err));
        const size_t at = AT * (size_t)rates[i] / 44100;
        // Symmetric about its frame, so neither early nor late by any part of one.
        for (size_t n = 1; n < 200; n++) {
            assert_true(fabsf(planar[0][at]) > fabsf(planar[0][at + n]));
            assert_true(fabsf(planar[0][at - n] - planar[0][at + n]) < 1e-6F);
        }
    }
}

static void a_sine_stays_a_sine_below_minus_110_db(void **state)
{
    (void)state;
    enum { FRAMES = 44100 };
    static float samples[FRAMES];
    for (size_t i = 0; i < FRAMES; i++) {
        samples[i] = (float)(0.5 * sin(2.0 * pi * 997.0 * (double)i / 44100.0));
    }
    NB_SCOPED(nb_audio_file_destroy)
    nb_audio_file *file = open_file(rig_write("sine.wav", 44100, 1, samples, FRAMES));
    NB_SCOPED(nb_planar_destroy) float **planar = NULL;
    size_t frames = 0;
    assert_ok(nb_convert_load(file, 48000, 48000, &planar, &frames, err));
    double worst = 0.0;
    for (size_t i = 4800; i < 43200; i++) { // the ends ring
        const double expected = 0.5 * sin(2.0 * pi * 997.0 * (double)i / 48000.0);
        worst = fmax(worst, fabs((double)planar[0][i] - expected));
    }
    assert_true(worst < 3e-6);
}

static void a_raw_conversion_equals_a_loaded_one(void **state)
{
    (void)state;
    enum { FRAMES = 50000 };
    static float samples[FRAMES * 2];
    rig_noise(samples, NB_COUNT(samples), 9);
    const char *path = rig_write("stereo.wav", 44100, 2, samples, FRAMES);
    static const unsigned rates[] = {44100, 48000, 32000};
    for (size_t i = 0; i < NB_COUNT(rates); i++) {
        NB_SCOPED(nb_audio_file_destroy) nb_audio_file *file = open_file(path);
        NB_SCOPED(nb_planar_destroy) float **planar = NULL;
        size_t frames = 0;
        assert_ok(nb_convert_load(file, rates[i], 100000, &planar, &frames, err));
        NB_SCOPED(nb_file_close_fd)
        int fd = open(rig_path("raw"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        // The file stands at its end: conversion begins at its start all the same.
        assert_ok(nb_convert_file(file, rates[i], fd, NULL, err));
        NB_SCOPED(nb_file_close) FILE *raw = fopen(rig_path("raw"), "rb");
        assert_non_null(raw);
        for (size_t n = 0; n < frames; n++) {
            float frame[2];
            assert_int_equal(fread(frame, sizeof frame, 1, raw), 1);
            assert_memory_equal(&frame[0], &planar[0][n], sizeof(float));
            assert_memory_equal(&frame[1], &planar[1][n], sizeof(float));
            if (rates[i] == 44100) {
                assert_memory_equal(frame, samples + 2 * n, sizeof frame);
            }
        }
        assert_int_equal(fgetc(raw), EOF);
    }
}

static void what_comes_after_changes_nothing_before(void **state)
{
    (void)state;
    enum { SHORT = 60000, LONG = 90000, RING = 2000 };
    static float samples[LONG];
    rig_noise(samples, LONG, 4);
    NB_SCOPED(nb_audio_file_destroy)
    nb_audio_file *whole = open_file(rig_write("long.wav", 44100, 1, samples, LONG));
    NB_SCOPED(nb_audio_file_destroy)
    nb_audio_file *part = open_file(rig_write("short.wav", 44100, 1, samples, SHORT));
    NB_SCOPED(nb_planar_destroy) float **a = NULL;
    NB_SCOPED(nb_planar_destroy) float **b = NULL;
    size_t frames = 0;
    assert_ok(nb_convert_load(whole, 48000, 200000, &a, &frames, err));
    assert_ok(nb_convert_load(part, 48000, 200000, &b, &frames, err));
    assert_memory_equal(a[0], b[0], (frames - RING) * sizeof(float));
}

static void cancelling_and_limits_and_full_disks_are_told(void **state)
{
    (void)state;
    static float samples[20000];
    const char *path = rig_write("cancel.wav", 44100, 1, samples, NB_COUNT(samples));
    NB_SCOPED(nb_audio_file_destroy) nb_audio_file *file = open_file(path);
    const volatile bool cancelled = true;
    NB_SCOPED(nb_file_close_fd) int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_fails(NB_E_CANCELLED, "cancelled", nb_convert_file(file, 48000, full, &cancelled, err));
    assert_fails(NB_E_NO_SPACE, "", nb_convert_file(file, 48000, full, NULL, err));
    assert_fails(NB_E_INVALID, "7000 Hz", nb_convert_file(file, 7000, full, NULL, err));
    float **planar = NULL;
    size_t frames = 0;
    assert_fails(NB_E_LIMIT, "cancel.wav: lasts 0.5 s; at most 0.1 s",
                 nb_convert_load(file, 48000, 4800, &planar, &frames, err));
    assert_null(planar);
}

/// The amplitude of `freq_hz` in `count` frames under a Kaiser window (beta 26: everything else is
/// 200 dB down from ten bins off).
static double amplitude_at(const float *samples, size_t count, double freq_hz, double rate_hz,
                           const double *window, double window_sum)
{
    double real = 0.0;
    double imaginary = 0.0;
    for (size_t i = 0; i < count; i++) {
        const double phase = 2.0 * pi * fmod(freq_hz / rate_hz * (double)i, 1.0);
        real += window[i] * (double)samples[i] * cos(phase);
        imaginary += window[i] * (double)samples[i] * sin(phase);
    }
    return 2.0 * hypot(real, imaginary) / window_sum;
}

enum { WINDOW = 16384 };

static double make_window(double *window)
{
    double sum = 0.0;
    for (size_t i = 0; i < WINDOW; i++) {
        const double place = 2.0 * ((double)i + 0.5) / WINDOW - 1.0;
        const double half_beta = 13.0 * sqrt(1.0 - place * place);
        double series = 1.0;
        double term = 1.0;
        for (int n = 1; n < 80; n++) {
            term *= half_beta / n * half_beta / n;
            series += term;
        }
        window[i] = series;
        sum += series;
    }
    return sum;
}

/// A sine of `freq_hz` at half scale, converted: *out_planar has its frames.
static void convert_sine(double freq_hz, unsigned from_hz, unsigned to_hz, float ***out_planar)
{
    enum { FRAMES = 65536 };
    static float samples[FRAMES];
    for (size_t i = 0; i < FRAMES; i++) {
        const double phase = 2.0 * pi * fmod(freq_hz / from_hz * (double)i, 1.0);
        samples[i] = (float)(0.5 * sin(phase));
    }
    NB_SCOPED(nb_audio_file_destroy)
    nb_audio_file *file = open_file(rig_write("tone.wav", from_hz, 1, samples, FRAMES));
    size_t frames = 0;
    assert_ok(nb_convert_load(file, to_hz, 400000, out_planar, &frames, err));
    assert_true(frames > 8000 + WINDOW);
}

/// Gain of a conversion at one frequency, in dB, its middle only.
static double gain_db(double freq_hz, unsigned from_hz, unsigned to_hz, double at_hz)
{
    static double window[WINDOW];
    static double sum;
    if (sum == 0.0) {
        sum = make_window(window);
    }
    NB_SCOPED(nb_planar_destroy) float **planar = NULL;
    convert_sine(freq_hz, from_hz, to_hz, &planar);
    const double got = amplitude_at(planar[0] + 8000, WINDOW, at_hz, to_hz, window, sum);
    return 20.0 * log10(fmax(got, 1e-15) / 0.5);
}

static void the_passband_is_flat_to_20_khz(void **state)
{
    (void)state;
    static const unsigned rates[][2] = {{44100, 48000}, {48000, 44100}};
    static const double freqs_hz[] = {50.0, 1000.0, 10000.0, 18000.0, 19950.0};
    for (size_t r = 0; r < NB_COUNT(rates); r++) {
        for (size_t f = 0; f < NB_COUNT(freqs_hz); f++) {
            const double got = gain_db(freqs_hz[f], rates[r][0], rates[r][1], freqs_hz[f]);
            if (!(got < 0.001 && got > -0.0065)) {
                fail_msg("%u to %u Hz: %g dB at %g Hz", rates[r][0], rates[r][1], got, freqs_hz[f]);
            }
        }
    }
    assert_true(fabs(gain_db(20950.0, 44100, 48000, 20950.0) + 3.0) < 0.3);
    assert_true(gain_db(22150.0, 96000, 48000, 22150.0) > -0.02);
}

/// libsoxr's own spurs are -185 dBc and less. Files are floats: their rounding spreads over all
/// bins of a tone that never repeats, and stands about there too.
static void images_and_aliases_are_180_db_down(void **state)
{
    (void)state;
    static const struct {
        double freq_hz;
        unsigned from_hz, to_hz;
        double at_hz;
    } cases[] = {
        {10007.31, 44100, 48000, 48000.0 - (44100.0 - 10007.31)}, // its image, folded
        {18003.77, 44100, 48000, 48000.0 - (44100.0 - 18003.77)},
        {30011.13, 96000, 48000, 48000.0 - 30011.13},
        {26003.39, 96000, 48000, 48000.0 - 26003.39},
        {40009.71, 96000, 44100, 44100.0 - 40009.71},
        {10007.31, 48000, 96000, 48000.0 - 10007.31},
    };
    for (size_t k = 0; k < NB_COUNT(cases); k++) {
        const double got =
            gain_db(cases[k].freq_hz, cases[k].from_hz, cases[k].to_hz, cases[k].at_hz);
        if (!(got < -180.0)) {
            fail_msg("%g Hz, %u to %u: %g dBc at %g Hz", cases[k].freq_hz, cases[k].from_hz,
                     cases[k].to_hz, got, cases[k].at_hz);
        }
    }
}

static void a_sample_that_is_none_is_named_with_its_file_and_time(void **state)
{
    (void)state;
    enum { FRAMES = 44100, BAD = 30870 }; // 0.700 s
    static float samples[FRAMES];
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < NB_COUNT(bad); i++) {
        rig_noise(samples, FRAMES, 3);
        samples[BAD] = bad[i];
        const char *path = rig_write("broken.wav", 44100, 1, samples, FRAMES);
        static const unsigned rates[] = {44100, 48000};
        for (size_t r = 0; r < NB_COUNT(rates); r++) {
            NB_SCOPED(nb_audio_file_destroy) nb_audio_file *file = NULL;
            assert_ok(nb_audio_file_open(path, "songs/night/hall.wav", &file, err));
            // As an impulse response is loaded, and as a stem at another rate.
            float **planar = NULL;
            size_t frames = 0;
            assert_fails(NB_E_INVALID, "songs/night/hall.wav: the sample at 0:00.700 (channel 1",
                         nb_convert_load(file, rates[r], 100000, &planar, &frames, err));
            assert_null(planar);
            NB_SCOPED(nb_file_close_fd) int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
            assert_fails(NB_E_INVALID, "songs/night/hall.wav: the sample at 0:00.700 (channel 1",
                         nb_convert_file(file, rates[r], fd, NULL, err));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_are_rounded_halves_up),
        cmocka_unit_test(a_converted_file_has_the_promised_length),
        cmocka_unit_test(an_impulse_lands_where_it_should),
        cmocka_unit_test(a_sine_stays_a_sine_below_minus_110_db),
        cmocka_unit_test(a_raw_conversion_equals_a_loaded_one),
        cmocka_unit_test(what_comes_after_changes_nothing_before),
        cmocka_unit_test(the_passband_is_flat_to_20_khz),
        cmocka_unit_test(images_and_aliases_are_180_db_down),
        cmocka_unit_test(a_sample_that_is_none_is_named_with_its_file_and_time),
        cmocka_unit_test(cancelling_and_limits_and_full_disks_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
