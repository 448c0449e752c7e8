// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/align.h"
#include "audio/null.h"
#include "rig.h"
#include "test.h"

#include <math.h>

enum { RATE = 48000, FRAMES = 12 * RATE, LONGEST = 24 * RATE };

static const double pi = 3.14159265358979323846;

static nb_recording *open_at(const char *path, unsigned rate_hz)
{
    nb_recording *out = NULL;
    assert_ok(nb_recording_open(path, NULL, rate_hz, NULL, &out, err));
    return out;
}

/// Write both, align, and take B away from A; `out_null` may be null.
static nb_alignment align(const float *a, size_t a_frames, unsigned a_channels, const float *b,
                          size_t b_frames, unsigned b_channels, nb_null *out_null)
{
    nb_alignment out;
    NB_SCOPED(nb_recording_destroy)
    nb_recording *in_a = open_at(rig_write("a.wav", RATE, a_channels, a, a_frames), 0);
    NB_SCOPED(nb_recording_destroy)
    nb_recording *in_b = open_at(rig_write("b.wav", RATE, b_channels, b, b_frames), 0);
    assert_ok(nb_align(in_a, in_b, NULL, &out, err));
    if (out_null && out.matches) {
        assert_ok(nb_null_run(in_a, in_b, &out, NULL, NULL, out_null, err));
    }
    return out;
}

/// `frames` of `from`, beginning `offset` frames before or behind its start, times `gain`.
static void move(const float *from, size_t from_frames, unsigned channels, int64_t offset,
                 float gain, float *out, size_t frames)
{
    for (size_t i = 0; i < frames; i++) {
        const int64_t at = (int64_t)i - offset;
        for (unsigned c = 0; c < channels; c++) {
            const bool inside = at >= 0 && at < (int64_t)from_frames;
            out[i * channels + c] = inside ? gain * from[at * channels + c] : 0.0F;
        }
    }
}

/// Noise through a low-pass with a beat in it: as wide a peak as music has.
static void fill_music(float *out, size_t frames, uint64_t seed)
{
    rig_noise(out, frames * 2, seed);
    float left = 0.0F;
    float right = 0.0F;
    for (size_t i = 0; i < frames; i++) {
        const double beat = 0.4 + 0.6 * fabs(sin(pi * (double)i / 11111.0));
        left += 0.05F * (out[2 * i] - left);
        right += 0.05F * (out[2 * i + 1] - right);
        out[2 * i] = (float)beat * (left + 0.3F * right);
        out[2 * i + 1] = (float)beat * (right + 0.3F * left);
    }
}

static float song[LONGEST * 2];
static float other[LONGEST * 2];

static void offset_gain_and_polarity_come_back_exactly(void **state)
{
    (void)state;
    static const struct {
        int64_t offset;
        float gain;
    } cases[] = {{0, 1.0F},           {1, -0.5F},      {-1, 0.25F},       {2, 1.0F},
                 {479, -1.5F},        {-12345, 0.01F}, {3 * RATE, -0.7F}, {-5 * RATE - 7, 1.0F},
                 {7 * RATE + 3, 0.5F}};
    fill_music(song, FRAMES, 1);
    for (size_t i = 0; i < NB_COUNT(cases); i++) {
        const double gain = (double)cases[i].gain;
        nb_null null;
        move(song, FRAMES, 2, cases[i].offset, cases[i].gain, other, FRAMES);
        const nb_alignment got = align(song, FRAMES, 2, other, FRAMES, 2, &null);
        assert_true(got.matches && got.steady);
        assert_int_equal(got.offset_frames, cases[i].offset);
        assert_int_equal(got.inverted, gain < 0.0);
        assert_true(fabs(got.gain_db - 20.0 * log10(fabs(gain))) < 0.001);
        assert_true(got.confidence > 0.999);
        assert_true(fabs(null.gain_db - 20.0 * log10(fabs(gain))) < 0.0001);
        assert_true(null.peak_dbfs < -140.0); // what rounding to floats leaves
        const int64_t away = cases[i].offset < 0 ? -cases[i].offset : cases[i].offset;
        assert_int_equal(null.shared.frames, FRAMES - away);
    }
}

static void ten_seconds_are_found_and_more_are_not(void **state)
{
    (void)state;
    fill_music(song, LONGEST, 2);
    move(song, LONGEST, 2, 10 * RATE, 1.0F, other, LONGEST);
    assert_int_equal(align(song, LONGEST, 2, other, LONGEST, 2, NULL).offset_frames, 10 * RATE);
    assert_int_equal(align(other, LONGEST, 2, song, LONGEST, 2, NULL).offset_frames, -10 * RATE);
    move(song, LONGEST, 2, 11 * RATE, 1.0F, other, LONGEST);
    assert_false(align(song, LONGEST, 2, other, LONGEST, 2, NULL).matches);
}

static void an_excerpt_is_found_in_the_whole(void **state)
{
    (void)state;
    fill_music(song, LONGEST, 3);
    const size_t start = 4 * RATE + 11;
    const float *excerpt = song + 2 * start;
    nb_null null;
    nb_alignment got = align(song, LONGEST, 2, excerpt, RATE, 2, &null);
    assert_true(got.matches);
    assert_int_equal(got.offset_frames, -(int64_t)start);
    assert_int_equal(null.shared.frames, RATE);
    assert_true(isinf(null.peak_dbfs));
    got = align(excerpt, RATE / 20, 2, song, LONGEST, 2, NULL); // 50 ms
    assert_true(got.matches);
    assert_int_equal(got.offset_frames, start);
}

static void other_music_does_not_match(void **state)
{
    (void)state;
    fill_music(song, FRAMES, 4);
    fill_music(other, FRAMES, 5);
    const nb_alignment got = align(song, FRAMES, 2, other, FRAMES, 2, NULL);
    assert_false(got.matches);
    assert_true(got.confidence < 0.3);
}

static void silence_matches_nothing(void **state)
{
    (void)state;
    fill_music(song, FRAMES, 6);
    memset(other, 0, sizeof other);
    assert_false(align(song, FRAMES, 2, other, FRAMES, 2, NULL).matches);
    assert_false(align(other, FRAMES, 2, song, FRAMES, 2, NULL).matches);
    assert_false(align(other, FRAMES, 2, other, FRAMES, 2, NULL).matches);
    assert_false(align(song, 1, 2, song, 1, 2, NULL).matches); // nothing to go by
}

static void steady_tones_and_loops_take_the_smallest_offset(void **state)
{
    (void)state;
    for (size_t i = 0; i < FRAMES; i++) {
        song[i] = (float)(0.5 * sin(2.0 * pi * 440.0 * (double)i / RATE));
    }
    assert_int_equal(align(song, FRAMES, 1, song, FRAMES, 1, NULL).offset_frames, 0);
    move(song, FRAMES, 1, 5, 1.0F, other, FRAMES);
    assert_int_equal(align(song, FRAMES, 1, other, FRAMES, 1, NULL).offset_frames, 5);
    fill_music(song, FRAMES, 7);
    for (size_t i = 2 * RATE; i < (size_t)FRAMES * 2; i++) {
        song[i] = song[i - (size_t)2 * RATE]; // the same second again and again
    }
    assert_int_equal(align(song, FRAMES, 2, song, FRAMES, 2, NULL).offset_frames, 0);
}

static void sides_of_opposite_polarity_do_not_vanish(void **state)
{
    (void)state;
    fill_music(song, FRAMES, 8);
    for (size_t i = 0; i < FRAMES; i++) {
        song[2 * i + 1] = -song[2 * i];
    }
    move(song, FRAMES, 2, 777, -1.0F, other, FRAMES);
    const nb_alignment got = align(song, FRAMES, 2, other, FRAMES, 2, NULL);
    assert_true(got.matches && got.inverted);
    assert_int_equal(got.offset_frames, 777);
}

static void mono_is_heard_on_both_sides(void **state)
{
    (void)state;
    rig_noise(song, FRAMES, 9);
    for (size_t i = 0; i < FRAMES; i++) {
        other[2 * i] = other[2 * i + 1] = song[i];
    }
    nb_null null;
    const nb_alignment got = align(song, FRAMES, 1, other, FRAMES, 2, &null);
    assert_true(got.matches && got.offset_frames == 0);
    assert_true(isinf(null.peak_dbfs) && isinf(null.rms_dbfs));
}

static void an_insert_in_the_middle_is_told(void **state)
{
    (void)state;
    fill_music(song, LONGEST, 10);
    move(song, LONGEST, 2, RATE, 1.0F, other, LONGEST);
    memcpy(other, song, (size_t)8 * RATE * 2 * sizeof *song); // 8 s of it stay where they were
    const nb_alignment got = align(song, LONGEST, 2, other, LONGEST, 2, NULL);
    assert_true(got.matches && !got.steady);
    assert_int_equal(got.offset_frames, RATE);
}

static void noise_at_minus_80_db_is_found_where_it_is_largest(void **state)
{
    (void)state;
    enum { SPIKE = 7 * RATE + 99 };
    fill_music(song, FRAMES, 11);
    rig_noise(other, (size_t)FRAMES * 2, 12);
    double energy = 0.0;
    for (size_t i = 0; i < (size_t)FRAMES * 2; i++) {
        energy += (double)other[i] * (double)other[i];
    }
    const double scale = 1e-4 / sqrt(energy / (FRAMES * 2.0));
    for (size_t i = 0; i < (size_t)FRAMES * 2; i++) {
        other[i] = song[i] + (float)(scale * (double)other[i]);
    }
    nb_null null;
    nb_alignment got = align(song, FRAMES, 2, other, FRAMES, 2, &null);
    assert_true(got.matches && got.offset_frames == 0 && !got.inverted);
    assert_true(fabs(null.rms_dbfs + 80.0) < 0.05);
    assert_true(fabs(null.gain_db) < 0.001);
    other[2 * SPIKE + 1] += 0.01F;
    got = align(song, FRAMES, 2, other, FRAMES, 2, &null);
    assert_int_equal(null.peak_frame, SPIKE);
    assert_int_equal(null.peak_channel, 1);
    assert_true(fabs(null.peak_dbfs + 40.0) < 0.2);
}

static bool is_identical(const char *a, const char *b)
{
    bool out = false;
    NB_SCOPED(nb_recording_destroy) nb_recording *in_a = open_at(a, 0);
    NB_SCOPED(nb_recording_destroy) nb_recording *in_b = open_at(b, nb_recording_rate_hz(in_a));
    assert_ok(nb_null_is_identical(in_a, in_b, NULL, &out, err));
    return out;
}

static void identical_is_every_sample_and_no_less(void **state)
{
    (void)state;
    fill_music(song, FRAMES, 13);
    const char *a = rig_write("same-a.wav", RATE, 2, song, FRAMES);
    assert_true(is_identical(a, rig_write("same-b.wav", RATE, 2, song, FRAMES)));
    assert_false(is_identical(a, rig_write("short.wav", RATE, 2, song, FRAMES - 1)));
    assert_false(is_identical(a, rig_write("mono.wav", RATE, 1, song, FRAMES)));
    assert_false(is_identical(a, rig_write("rate.wav", 44100, 2, song, FRAMES)));
    song[FRAMES * 2 - 1] = nextafterf(song[FRAMES * 2 - 1], 1.0F);
    assert_false(is_identical(a, rig_write("last.wav", RATE, 2, song, FRAMES)));
    memset(other, 0, sizeof other);
    const char *silence = rig_write("silence.wav", RATE, 2, other, RATE);
    assert_true(is_identical(silence, silence));
}

static void another_rate_is_converted(void **state)
{
    (void)state;
    fill_music(song, FRAMES, 14);
    NB_SCOPED(nb_recording_destroy)
    nb_recording *a = open_at(rig_write("high.wav", 2 * RATE, 2, song, FRAMES), RATE);
    assert_int_equal(nb_recording_own_rate_hz(a), 2 * RATE);
    assert_int_equal(nb_recording_rate_hz(a), RATE);
    assert_int_equal(nb_recording_frames(a), FRAMES / 2);
    NB_SCOPED(nb_recording_destroy) nb_recording *b = open_at(rig_path("high.wav"), 2 * RATE);
    float low[2];
    float high[2];
    for (int64_t frame = 1000; frame < FRAMES / 2; frame += 3333) {
        assert_ok(nb_recording_read(a, frame, 1, 2, low, err));
        assert_ok(nb_recording_read(b, 2 * frame, 1, 2, high, err));
        assert_true(fabsf(low[0] - high[0]) < 0.01F); // filtered, but nothing of it is up there
    }
}

static void around_a_recording_is_silence(void **state)
{
    (void)state;
    rig_noise(song, 20, 15);
    float got[40];
    NB_SCOPED(nb_recording_destroy)
    nb_recording *a = open_at(rig_write("ten.wav", RATE, 2, song, 10), 0);
    assert_ok(nb_recording_read(a, -5, 20, 2, got, err));
    for (size_t i = 0; i < 40; i++) {
        const float wanted = i >= 10 && i < 30 ? song[i - 10] : 0.0F;
        assert_true(got[i] == wanted);
    }
    assert_ok(nb_recording_read(a, 1000, 20, 2, got, err));
    assert_true(got[0] == 0.0F && got[39] == 0.0F);
}

static void more_than_stereo_is_refused(void **state)
{
    (void)state;
    nb_recording *out = NULL;
    rig_noise(song, 300, 16);
    assert_fails(
        NB_E_INVALID, "3 channels",
        nb_recording_open(rig_write("three.wav", RATE, 3, song, 100), NULL, 0, NULL, &out, err));
    assert_null(out);
}

static void what_is_cancelled_stops(void **state)
{
    (void)state;
    const volatile bool cancelled = true;
    const nb_audio_watch watch = {.cancelled = &cancelled};
    nb_alignment alignment;
    bool identical = true;
    fill_music(song, RATE, 17);
    NB_SCOPED(nb_recording_destroy)
    nb_recording *a = open_at(rig_write("stop.wav", RATE, 2, song, RATE), 0);
    assert_fails(NB_E_CANCELLED, "cancelled", nb_align(a, a, &watch, &alignment, err));
    assert_fails(NB_E_CANCELLED, "cancelled", nb_null_is_identical(a, a, &watch, &identical, err));
    assert_false(identical);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offset_gain_and_polarity_come_back_exactly),
        cmocka_unit_test(ten_seconds_are_found_and_more_are_not),
        cmocka_unit_test(an_excerpt_is_found_in_the_whole),
        cmocka_unit_test(other_music_does_not_match),
        cmocka_unit_test(silence_matches_nothing),
        cmocka_unit_test(steady_tones_and_loops_take_the_smallest_offset),
        cmocka_unit_test(sides_of_opposite_polarity_do_not_vanish),
        cmocka_unit_test(mono_is_heard_on_both_sides),
        cmocka_unit_test(an_insert_in_the_middle_is_told),
        cmocka_unit_test(noise_at_minus_80_db_is_found_where_it_is_largest),
        cmocka_unit_test(identical_is_every_sample_and_no_less),
        cmocka_unit_test(another_rate_is_converted),
        cmocka_unit_test(around_a_recording_is_silence),
        cmocka_unit_test(more_than_stereo_is_refused),
        cmocka_unit_test(what_is_cancelled_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
