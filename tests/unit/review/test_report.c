// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.h"
#include "review/report.h"
#include "test.h"

#include <math.h>
#include <unistd.h>

/// A song of `seconds` that rises from -30 to -10 LUFS.
static nb_report make_report(double seconds)
{
    nb_report report = {
        .sample_rate_hz = 44100,
        .channels = 2,
        .frames = llround(seconds * 44100),
        .duration_s = seconds,
        .integrated_lufs = -15.98765,
        .loudness_range_lu = 7.2,
        .short_term_max_lufs = -10.0,
        .momentary_max_lufs = -9.0,
        .true_peak_dbtp = -1.25,
        .sample_peak_dbfs = -1.5,
        .plr_lu = 14.73765,
        .dc_offset = -0.0000123,
        .stereo_correlation = 0.5,
        .silence_head_s = 0.25,
        .spectrum_count = NB_REPORT_BANDS,
        .loudness_count = (size_t)(seconds * 10),
    };
    for (size_t i = 0; i < NB_REPORT_BANDS; i++) {
        report.spectrum_db[i] = -20.0 - 1.5 * (double)i;
    }
    report.spectrum_db[0] = -INFINITY;
    report.short_term_lufs = calloc(report.loudness_count + 1, sizeof(float));
    report.momentary_lufs = calloc(report.loudness_count + 1, sizeof(float));
    for (size_t i = 0; i < report.loudness_count; i++) {
        report.short_term_lufs[i] = -30.0F + 20.0F * (float)i / (float)report.loudness_count;
        report.momentary_lufs[i] = report.short_term_lufs[i] + 1.0F;
    }
    return report;
}

static void silence_is_null_and_nothing_else_is(void **state)
{
    (void)state;
    NB_SCOPED(nb_report_fini) nb_report report = make_report(1.0);
    report.integrated_lufs = report.plr_lu = report.stereo_correlation = -INFINITY;
    report.short_term_lufs[3] = -INFINITY;
    NB_SCOPED(nb_json_free) json_t *json = nb_report_to_json(&report);
    const char *key;
    json_t *value;
    size_t nulls = 0;
    json_object_foreach(json, key, value) { nulls += json_is_null(value); }
    assert_int_equal(nulls, 3);
    assert_true(json_is_null(json_object_get(json, "integrated_lufs")));
    const json_t *series = json_object_get(json, "loudness_over_time");
    assert_true(json_is_null(json_array_get(json_object_get(series, "short_term_lufs"), 3)));
    NB_SCOPED(nb_text_free) char *text = nb_json_line(json);
    assert_null(strstr(text, "inf"));
}

static void the_keys_and_their_order_are_stable(void **state)
{
    (void)state;
    static const char *const keys[] = {"integrated_lufs",
                                       "loudness_range_lu",
                                       "short_term_max_lufs",
                                       "momentary_max_lufs",
                                       "true_peak_dbtp",
                                       "sample_peak_dbfs",
                                       "plr_lu",
                                       "duration_s",
                                       "sample_rate_hz",
                                       "channels",
                                       "frames",
                                       "clipped_samples",
                                       "dc_offset",
                                       "stereo_correlation",
                                       "silence_head_s",
                                       "silence_tail_s",
                                       "spectrum",
                                       "loudness_over_time"};
    NB_SCOPED(nb_report_fini) nb_report report = make_report(1.0);
    NB_SCOPED(nb_json_free) json_t *json = nb_report_to_json(&report);
    assert_int_equal(json_object_size(json), NB_COUNT(keys));
    const char *key;
    json_t *value;
    size_t i = 0;
    json_object_foreach(json, key, value) { assert_string_equal(key, keys[i++]); }
}

static void what_is_written_is_read_and_written_the_same(void **state)
{
    (void)state;
    char path[] = "/tmp/nightbus-report-XXXXXX";
    close(mkstemp(path));
    NB_SCOPED(nb_report_fini) nb_report report = make_report(12.3);
    NB_SCOPED(nb_report_fini) nb_report back = {0};
    NB_SCOPED(nb_json_free) json_t *json = NULL;
    NB_SCOPED(nb_text_free) char *first = NULL;
    NB_SCOPED(nb_text_free) char *second = NULL;
    size_t size;
    assert_ok(nb_report_write(&report, path, err));
    assert_ok(nb_file_read(path, 1 << 20, &first, &size, err));
    assert_ok(nb_json_read(path, 1 << 20, &json, err));
    assert_ok(nb_report_from_json("report.json", json, &back, err));
    assert_ok(nb_report_write(&back, path, err));
    assert_ok(nb_file_read(path, 1 << 20, &second, &size, err));
    assert_string_equal(first, second);
    assert_non_null(strstr(first, "\"integrated_lufs\": -15.988,"));
    assert_int_equal(back.loudness_count, 123);
    assert_int_equal(back.spectrum_count, NB_REPORT_BANDS);
    assert_true(isinf(back.spectrum_db[0]) && back.spectrum_db[29] == -63.5);
    assert_int_equal(back.frames, report.frames);
    unlink(path);
}

static void a_damaged_report_is_refused_with_its_key(void **state)
{
    (void)state;
    NB_SCOPED(nb_report_fini) nb_report report = make_report(1.0);
    NB_SCOPED(nb_json_free) json_t *whole = nb_report_to_json(&report);
    const char *key;
    json_t *value;
    nb_report out;
    json_object_foreach(whole, key, value)
    {
        NB_SCOPED(nb_json_free) json_t *part = json_copy(whole);
        json_object_set_new(part, key, json_string("loud"));
        const char *words = (strcmp(key, "loudness_over_time") == 0) ? "short_term_lufs"
                            : (strcmp(key, "spectrum") == 0)         ? "level_db"
                                                                     : key;
        assert_fails(NB_E_INVALID, words, nb_report_from_json("x.json", part, &out, err));
        assert_null(out.short_term_lufs);
    }
    NB_SCOPED(nb_json_free) json_t *uneven = json_deep_copy(whole);
    json_array_remove(
        json_object_get(json_object_get(uneven, "loudness_over_time"), "momentary_lufs"), 0);
    assert_fails(NB_E_INVALID, "differ in length",
                 nb_report_from_json("x.json", uneven, &out, err));
    json_object_set_new(whole, "frames", json_integer(-1));
    assert_fails(NB_E_INVALID, "'frames' is -1", nb_report_from_json("x.json", whole, &out, err));
}

static char *print(const nb_report *report, bool colour)
{
    nb_text text = {0};
    nb_report_print(report, colour, &text);
    return nb_text_take(&text);
}

static void no_line_is_wider_than_80_columns(void **state)
{
    (void)state;
    static const double lengths[] = {0.0, 0.05, 0.3, 2.0, 29.0, 31.0, 236.0, 5000.0, 86400.0};
    for (size_t i = 0; i < NB_COUNT(lengths); i++) {
        NB_SCOPED(nb_report_fini) nb_report report = make_report(lengths[i]);
        report.clipped_samples = INT64_MAX;
        report.dc_offset = -1.0;
        report.silence_head_s = report.silence_tail_s = lengths[i];
        report.true_peak_dbtp = 59.9;
        NB_SCOPED(nb_text_free) char *text = print(&report, false);
        assert_null(strchr(text, '\033'));
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
            if (nb_text_columns(line) > 80) {
                fail_msg("%zu columns: %s", nb_text_columns(line), line);
            }
        }
    }
}

static void the_picture_rises_with_the_loudness(void **state)
{
    (void)state;
    NB_SCOPED(nb_report_fini) nb_report report = make_report(236.0);
    NB_SCOPED(nb_text_free) char *text = print(&report, false);
    size_t rows = 0;
    size_t filled = 0;
    char *spectrum = strstr(text, "  Spectrum");
    assert_non_null(spectrum);
    spectrum[0] = '\0';
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        const char *axis = strstr(line, "\u2524");
        if (!axis) {
            continue;
        }
        size_t full = 0;
        for (const char *at = axis; (at = strstr(at, "\u2588")) != NULL; at++) {
            full++;
        }
        assert_true(full >= filled); // lower rows hold more
        filled = full;
        rows++;
    }
    assert_int_equal(rows, 8);
    assert_true(filled > 50);
    NB_SCOPED(nb_text_free) char *again = print(&report, false);
    assert_non_null(strstr(again, "\u25c2\n"));
    assert_non_null(strstr(again, "3:00"));
    assert_non_null(strstr(again, "-16.0 LUFS"));
    assert_non_null(strstr(again, "3:56.000"));
}

static void what_stands_out_is_said_in_words(void **state)
{
    (void)state;
    NB_SCOPED(nb_report_fini) nb_report report = make_report(60.0);
    NB_SCOPED(nb_text_free) char *clean = print(&report, false);
    assert_null(strchr(clean, '!'));
    report.clipped_samples = 1;
    report.true_peak_dbtp = 0.5;
    report.dc_offset = -0.02;
    report.stereo_correlation = 1.0;
    report.silence_head_s = 2.0;
    report.silence_tail_s = 4.0;
    NB_SCOPED(nb_text_free) char *text = print(&report, true);
    static const char *const words[] = {"1 sample at",   "+0.5 dBTP",   "2.0 % of", "Mono:",
                                        "Begins with 2", "Ends with 4", "\033[33m"};
    for (size_t i = 0; i < NB_COUNT(words); i++) {
        assert_non_null(strstr(text, words[i]));
    }
    report.stereo_correlation = -0.9;
    NB_SCOPED(nb_text_free) char *opposed = print(&report, false);
    assert_non_null(strstr(opposed, "Out of phase"));
    report.integrated_lufs = report.sample_peak_dbfs = -INFINITY;
    NB_SCOPED(nb_text_free) char *silent = print(&report, false);
    assert_non_null(strstr(silent, "Silent from start to end"));
    assert_null(strstr(silent, "Begins with"));
    assert_non_null(strstr(silent, "none"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_is_null_and_nothing_else_is),
        cmocka_unit_test(the_keys_and_their_order_are_stable),
        cmocka_unit_test(what_is_written_is_read_and_written_the_same),
        cmocka_unit_test(a_damaged_report_is_refused_with_its_key),
        cmocka_unit_test(no_line_is_wider_than_80_columns),
        cmocka_unit_test(the_picture_rises_with_the_loudness),
        cmocka_unit_test(what_stands_out_is_said_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
