// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/text.h"
#include "dsp/level.h"
#include "dsp/true_peak.h"
#include "dsp/true_peak_kernel.h"
#include "tests/test.h"
#include "tests/unit/dsp/rig.h"

#include <ebur128.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { FRAMES = 96000 };

static const double pi = 3.14159265358979323846;
static float in[FRAMES], in2[FRAMES], out[FRAMES], out2[FRAMES];

static double db(double factor) { return 20.0 * log10(factor); }

static double ebur128_peak_db(const float *samples, size_t frames, unsigned rate_hz)
{
    ebur128_state *meter = ebur128_init(1, rate_hz, EBUR128_MODE_TRUE_PEAK);
    assert_non_null(meter);
    assert_int_equal(ebur128_add_frames_float(meter, samples, frames), EBUR128_SUCCESS);
    double peak = 0.0;
    assert_int_equal(ebur128_true_peak(meter, 0, &peak), EBUR128_SUCCESS);
    ebur128_destroy(&meter);
    return db(peak);
}

static double own_peak_db(const float *samples, size_t frames, unsigned rate_hz)
{
    nb_true_peak *detector = NULL;
    assert_ok(nb_true_peak_new(rate_hz, 1, &detector, err));
    nb_true_peak_add(detector, samples, frames);
    const double peak = nb_true_peak_max(detector);
    nb_true_peak_destroy(&detector);
    return db(peak);
}

// Modified Bessel function of order 0, by its series.
static double bessel_i0(double x)
{
    double sum = 1.0;
    double term = 1.0;
    for (int k = 1; k < 60; k++) {
        term *= (x / (2.0 * k)) * (x / (2.0 * k));
        sum += term;
    }
    return sum;
}

// The true peak at 32 points a sample, by a longer sinc than the detector's: 96 taps a point, in
// doubles.
static double fine_peak_db(const float *samples, size_t frames)
{
    enum { POINTS = 32, TAPS = 96 };
    static double taps[POINTS][TAPS];
    for (int p = 0; p < POINTS; p++) {
        for (int k = 0; k < TAPS; k++) {
            const int before = TAPS / 2 - 1;
            const double t = k - before - (double)p / POINTS;
            const double inside = fmax(0.0, 1.0 - (t * 2.0 / TAPS) * (t * 2.0 / TAPS));
            const double window = bessel_i0(10.0 * sqrt(inside)) / bessel_i0(10.0);
            taps[p][k] = window * ((t == 0.0) ? 1.0 : sin(pi * t) / (pi * t));
        }
    }
    double largest = 0.0;
    for (size_t i = 0; i + TAPS <= frames; i++) {
        for (int p = 0; p < POINTS; p++) {
            double sum = 0.0;
            for (size_t k = 0; k < TAPS; k++) {
                sum += taps[p][k] * (double)samples[i + k];
            }
            largest = fmax(largest, fabs(sum));
        }
    }
    return db(largest);
}

static void gauss(float *samples, double level, uint32_t seed)
{
    static float part[FRAMES];
    memset(samples, 0, FRAMES * sizeof *samples);
    for (uint32_t n = 0; n < 12; n++) { // twelve uniform ones make a normal one
        rig_noise(part, FRAMES, level / 2.0, seed * 100 + n);
        for (size_t i = 0; i < FRAMES; i++) {
            samples[i] += part[i];
        }
    }
}

static void quiet_gauss(void) { gauss(in, 0.25, 1); }

static void loud_gauss(void) { gauss(in, 4.0, 2); } // +12 dB

static void sine_between_samples(void) // a quarter of the rate, 45 degrees
{
    rig_sine(in, FRAMES, 12000.0, 48000.0, 1.41, pi / 4.0);
}

static void square(void)
{
    for (size_t i = 0; i < FRAMES; i++) {
        in[i] = ((i / 24) % 2) ? 1.0F : -1.0F;
    }
}

static void random_signs(void)
{
    rig_noise(in, FRAMES, 1.0, 3);
    for (size_t i = 0; i < FRAMES; i++) {
        in[i] = (in[i] > 0.0F) ? 1.0F : -1.0F;
    }
}

// The worst of all signals: each sample pushes the point between two of them.
static void signs_of_sinc(int count)
{
    memset(in, 0, sizeof in);
    for (int n = -count / 2; n < count / 2; n++) {
        const double t = n + 0.5;
        in[FRAMES / 2 + n] = (sin(pi * t) / (pi * t) > 0.0) ? 1.0F : -1.0F;
    }
}

static void signs_of_sinc_12(void) { signs_of_sinc(12); }
static void signs_of_sinc_48(void) { signs_of_sinc(48); }
static void signs_of_sinc_200(void) { signs_of_sinc(200); }

// Sines up to 0.45 of the rate, in eight phases one after the other.
static void high_sines(void)
{
    static const double shares[] = {0.25, 0.35, 0.40, 0.45};
    enum { PIECES = 32, PIECE = FRAMES / PIECES };
    for (size_t i = 0; i < PIECES; i++) {
        const size_t phase = i / 4;
        rig_sine(in + i * PIECE, PIECE, shares[i % 4] * 48000.0, 48000.0, 1.0,
                 (double)phase * pi / 8.0);
    }
}

// conformance.md, "Limiter" and "True peak".
static const struct {
    const char *name;
    void (*fill)(void);
} signals[] = {
    {"Gaussian noise", quiet_gauss},
    {"Gaussian noise at +12 dB", loud_gauss},
    {"a quarter of the rate at 45 degrees", sine_between_samples},
    {"a square wave", square},
    {"random signs", random_signs},
    {"12 signs of a sinc", signs_of_sinc_12},
    {"48 signs of a sinc", signs_of_sinc_48},
    {"200 signs of a sinc", signs_of_sinc_200},
    {"sines up to 0.45 of the rate", high_sines},
};

/// Limit `in` and hold both measures of the result against the ceiling; the 32 points of the
/// frames around `middle`.
static void check_ceiling(const char *name, double gain_db, double release_ms, size_t middle)
{
    enum { REACH = 5000 };
    rig_voice voice;
    rig_voice_init(&voice, "limiter", 1);
    rig_set(&voice, "gain_db", gain_db);
    rig_set(&voice, "release_ms", release_ms);
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    const size_t first = (middle < REACH)            ? 0
                         : (middle > FRAMES - REACH) ? FRAMES - 2 * REACH
                                                     : middle - REACH;
    const double by_ebur128 = ebur128_peak_db(out, FRAMES, 48000);
    const double fine = fine_peak_db(out + first, 2 * REACH);
    if (!(by_ebur128 <= -1.0 + 0.05 && fine <= -1.0 + 0.05)) {
        fail_msg("%s at %+g dB: libebur128 %g, 32 points %g dBTP", name, gain_db, by_ebur128, fine);
    }
}

static void no_true_peak_rises_over_the_ceiling(void **state)
{
    (void)state;
    for (size_t signal = 0; signal < NB_COUNT(signals); signal++) {
        for (int gain_db = 0; gain_db <= 20; gain_db += 10) {
            signals[signal].fill();
            check_ceiling(signals[signal].name, gain_db, (signal % 2) ? 1.0 : 100.0, FRAMES / 2);
        }
    }
}

/// The two seconds of a recording that are loudest, in `in`; false where ffmpeg gives none.
static bool load_loudest(const char *path)
{
    static float piece[FRAMES];
    double loudest = 0.0;
    NB_SCOPED(nb_text_free)
    char *command =
        nb_text_format("ffmpeg -v error -nostdin -i '%s' -f f32le -ac 1 -ar 48000 - 2>&1", path);
    FILE *pipe = popen(command, "r"); // NOLINT(cert-env33-c): a witness, in a test
    assert_non_null(pipe);
    while (fread(piece, sizeof *piece, FRAMES, pipe) == FRAMES) {
        double energy = 0.0;
        for (size_t i = 0; i < FRAMES; i++) {
            energy += (double)piece[i] * (double)piece[i];
        }
        if (energy > loudest) {
            loudest = energy;
            memcpy(in, piece, sizeof in);
        }
    }
    return pclose(pipe) == 0 && loudest > 0.0;
}

static size_t place_of_highest(const float *samples)
{
    size_t highest = 0;
    for (size_t i = 0; i < FRAMES; i++) {
        highest = (fabsf(samples[i]) > fabsf(samples[highest])) ? i : highest;
    }
    return highest;
}

static void real_stems_at_20_db_stay_under_the_ceiling(void **state)
{
    (void)state;
    const char *data = getenv("NIGHTBUS_SHARED_DATA");
    char pattern[4096];
    snprintf(pattern, sizeof pattern, "%s/song-caesium/*.m4a", data ? data : NB_EXPECTED_DIR "/..");
    glob_t found = {0};
    const bool there = glob(pattern, 0, NULL, &found) == 0 && system("ffmpeg -version >/dev/null "
                                                                     "2>&1") == 0;
    if (!there) {
        printf("skipped: needs ffmpeg and %s\n", pattern);
        globfree(&found);
        skip();
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        assert_true(load_loudest(found.gl_pathv[i]));
        check_ceiling(found.gl_pathv[i], 20.0, 100.0, place_of_highest(in));
    }
    globfree(&found);
}

static void other_rates_hold_the_ceiling_too(void **state)
{
    (void)state;
    static const unsigned rates[] = {44100, 88200, 96000, 192000};
    for (size_t r = 0; r < NB_COUNT(rates); r++) {
        rig_voice voice;
        rig_voice_init(&voice, "limiter", 1);
        voice.settings.rate_hz = rates[r];
        loud_gauss();
        rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
        assert_true(ebur128_peak_db(out, FRAMES, rates[r]) <= -0.95);
        assert_true(own_peak_db(out, FRAMES, rates[r]) <= -0.95);
    }
}

static void under_the_ceiling_no_bit_changes(void **state)
{
    (void)state;
    rig_voice voice;
    rig_voice_init(&voice, "limiter", 1);
    voice.settings.values = voice.values;
    const size_t latency = voice.settings.processor->latency(&voice.settings);
    rig_noise(in, FRAMES, 0.2, 4);
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    assert_memory_equal(in, out + latency, (FRAMES - latency) * sizeof *in);
    assert_int_equal(latency, 2 * 73 + 35); // 3 ms and the detector
}

static void the_gain_comes_back_to_exactly_unity(void **state)
{
    (void)state;
    rig_voice voice;
    rig_voice_init(&voice, "limiter", 1);
    rig_set(&voice, "release_ms", 20.0);
    voice.settings.values = voice.values;
    const size_t latency = voice.settings.processor->latency(&voice.settings);
    rig_noise(in, FRAMES, 0.2, 5);
    in[1000] = 3.0F;
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    assert_true(fabsf(out[1000 + latency]) < 0.9F);
    assert_memory_equal(in + 40000, out + 40000 + latency, (FRAMES - 40000 - latency) * sizeof *in);
}

static void both_channels_of_a_stereo_voice_get_one_gain(void **state)
{
    (void)state;
    rig_voice voice;
    rig_voice_init(&voice, "limiter", 2);
    rig_set(&voice, "gain_db", 6.0);
    rig_sine(in, FRAMES, 997.0, 48000.0, 0.9, 0.0);
    rig_sine(in2, FRAMES, 997.0, 48000.0, 0.09, 0.0);
    rig_process_one(&voice, FRAMES, (const float *[]){in, in2}, (float *[]){out, out2});
    for (size_t i = 1000; i < FRAMES; i++) {
        assert_true(fabs((double)out2[i] * 10.0 - (double)out[i]) < 1e-6);
    }
}

static void rates_without_room_for_exact_sums_are_refused(void **state)
{
    (void)state;
    rig_voice voice;
    rig_voice_init(&voice, "limiter", 1);
    voice.settings.rate_hz = 768000;
    assert_fails(NB_E_LIMIT, "384000", voice.settings.processor->check(&voice.settings, err));
}

// EBU Tech 3341, cases 15 to 19, with a taper of 10 ms.
static void sines_read_as_the_standard_says(void **state)
{
    (void)state;
    static const double cases[][4] = {// divisor of the rate, phase in degrees, peak, dBTP
                                      {4, 0, 0.5, -6.0},
                                      {4, 45, 0.5, -6.0},
                                      {6, 60, 0.5, -6.0},
                                      {8, 67.5, 0.5, -6.0},
                                      {4, 45, 1.41, 3.0}};
    for (size_t k = 0; k < NB_COUNT(cases); k++) {
        rig_sine(in, 48000, 48000.0 / cases[k][0], 48000.0, cases[k][2], cases[k][1] * pi / 180.0);
        for (size_t i = 0; i < 480; i++) {
            const float taper = (float)(0.5 - 0.5 * cos(pi * (double)i / 480.0));
            in[i] *= taper;
            in[47999 - i] *= taper;
        }
        const double read = own_peak_db(in, 48000, 48000) - cases[k][3];
        assert_true(read < 0.2 && read > -0.05);
    }
}

static void the_detector_reads_no_less_than_libebur128(void **state)
{
    (void)state;
    static const unsigned rates[] = {44100, 48000, 96000, 192000};
    for (size_t signal = 0; signal < NB_COUNT(signals); signal++) {
        for (size_t r = 0; r < NB_COUNT(rates); r++) {
            signals[signal].fill();
            const double difference =
                own_peak_db(in, FRAMES, rates[r]) - ebur128_peak_db(in, FRAMES, rates[r]);
            assert_true(difference > -0.001);
        }
    }
}

static void the_detector_does_not_care_how_frames_are_cut(void **state)
{
    (void)state;
    quiet_gauss();
    nb_true_peak *whole = NULL;
    nb_true_peak *pieces = NULL;
    assert_ok(nb_true_peak_new(48000, 2, &whole, err));
    assert_ok(nb_true_peak_new(48000, 2, &pieces, err));
    nb_true_peak_add(whole, in, FRAMES / 2);
    for (size_t done = 0, size = 1; done < FRAMES / 2; done += size, size = size % 1777 + 1) {
        size = (size < FRAMES / 2 - done) ? size : FRAMES / 2 - done;
        nb_true_peak_add(pieces, in + 2 * done, size);
    }
    assert_true(nb_true_peak_max(whole) == nb_true_peak_max(pieces));
    assert_true(nb_true_peak_channel_max(whole, 1) == nb_true_peak_channel_max(pieces, 1));
    nb_true_peak_destroy(&whole);
    nb_true_peak_destroy(&pieces);
    nb_true_peak_destroy(&pieces);
}

// What the limiter calls is the widest this machine has; the others must not differ.
static void every_width_finds_the_same_peaks(void **state)
{
    (void)state;
    static float narrow[FRAMES];
    nb_true_peak_filter filter;
    nb_true_peak_filter_init(&filter, 48000);
    static const struct {
        size_t lanes;
        nb_true_peak_scan *scan;
    } widths[] = {
        {2, nb_true_peak_scan_x2},
#if defined(__x86_64__)
        {4, nb_true_peak_scan_x2_v3},
        {4, nb_true_peak_scan_x4},
        {8, nb_true_peak_scan_x8},
#endif
    };
    loud_gauss();
    const size_t count = 10007;
    const float floor = 6.0F;
    nb_true_peak_scan_x2(&filter, in, count, 0.0F, narrow);
    for (size_t w = 0; w < NB_COUNT(widths); w++) {
        if (nb_level_runs(widths[w].lanes)) {
            widths[w].scan(&filter, in, count, 0.0F, out);
            assert_memory_equal(narrow, out, count * sizeof *out);
            // Peaks from the floor on are all there, and no others.
            widths[w].scan(&filter, in, count, floor, out);
            for (size_t i = 0; i < count; i++) {
                assert_true((narrow[i] >= floor) ? out[i] == narrow[i] : out[i] < floor);
            }
        }
    }
}

static void the_last_samples_count_and_silence_is_zero(void **state)
{
    (void)state;
    memset(in, 0, sizeof in);
    nb_true_peak *detector = NULL;
    assert_ok(nb_true_peak_new(48000, 1, &detector, err));
    assert_true(nb_true_peak_max(detector) == 0.0);
    nb_true_peak_add(detector, in, 100);
    assert_true(nb_true_peak_max(detector) == 0.0);
    nb_true_peak_add(detector, (float[]){0.5F}, 1);
    assert_true(nb_true_peak_max(detector) == 0.5);
    nb_true_peak_destroy(&detector);
    assert_fails(NB_E_INVALID, "0 channels", nb_true_peak_new(48000, 0, &detector, err));
    assert_null(detector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_true_peak_rises_over_the_ceiling),
        cmocka_unit_test(real_stems_at_20_db_stay_under_the_ceiling),
        cmocka_unit_test(other_rates_hold_the_ceiling_too),
        cmocka_unit_test(under_the_ceiling_no_bit_changes),
        cmocka_unit_test(the_gain_comes_back_to_exactly_unity),
        cmocka_unit_test(both_channels_of_a_stereo_voice_get_one_gain),
        cmocka_unit_test(rates_without_room_for_exact_sums_are_refused),
        cmocka_unit_test(sines_read_as_the_standard_says),
        cmocka_unit_test(the_detector_reads_no_less_than_libebur128),
        cmocka_unit_test(the_detector_does_not_care_how_frames_are_cut),
        cmocka_unit_test(every_width_finds_the_same_peaks),
        cmocka_unit_test(the_last_samples_count_and_silence_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
