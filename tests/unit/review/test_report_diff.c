// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/report_diff.h"
#include "tests/test.h"

#include <math.h>

static const nb_report first = {.integrated_lufs = -14.2,
                                .loudness_range_lu = 6.0,
                                .short_term_max_lufs = -9.95,
                                .true_peak_dbtp = -1.0,
                                .plr_lu = 13.2};

static void only_what_moved_is_told(void **state)
{
    (void)state;
    nb_report second = first;
    second.integrated_lufs = -13.8;
    second.loudness_range_lu = 6.09;
    second.true_peak_dbtp = 0.02;
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_report_diff_print(&first, &second, false, &text);
    assert_string_equal(text.chars, "Measured\n"
                                    "  integrated        -14.2 \u2192 -13.8 LUFS (+0.4)\n"
                                    "  true peak         -1.0 \u2192 0.0 dBTP (+1.0)\n");
}

static void nothing_that_moved_is_said_too(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_report_diff_print(&first, &first, false, &text);
    assert_string_equal(text.chars,
                        "Measured\n  loudness, range and peak within 0.1 of what they were\n");
}

static void thirds_of_an_octave_that_moved_are_told_together(void **state)
{
    (void)state;
    nb_report left = first;
    nb_report right = first;
    left.spectrum_count = right.spectrum_count = NB_REPORT_BANDS;
    for (size_t i = 0; i < NB_REPORT_BANDS; i++) {
        left.spectrum_db[i] = right.spectrum_db[i] = -30.0;
    }
    right.spectrum_db[5] += 0.8;
    right.spectrum_db[6] += 1.9;
    right.spectrum_db[7] += 0.4;
    right.spectrum_db[21] -= 3.0;
    left.spectrum_db[29] = -120.0; // nobody hears that
    right.spectrum_db[29] = -110.0;
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_report_diff_print(&left, &right, false, &text);
    assert_string_equal(text.chars, "Measured\n"
                                    "  80-100 Hz         +0.8 to +1.9 dB\n"
                                    "  3.15 kHz          -3.0 dB\n");
    NB_SCOPED(nb_json_free) json_t *json = nb_report_diff_to_json(&left, &right);
    const json_t *band = json_array_get(json_object_get(json, "spectrum"), 21);
    assert_true(json_number_value(json_object_get(band, "centre_hz")) == 3150.0);
    assert_true(json_number_value(json_object_get(band, "new")) == -33.0);
}

static void silence_has_no_figures(void **state)
{
    (void)state;
    nb_report silent = first;
    silent.integrated_lufs = -INFINITY;
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_report_diff_print(&first, &silent, false, &text);
    assert_string_equal(text.chars, "Measured\n  integrated        -14.2 \u2192 none LUFS\n");
    NB_SCOPED(nb_json_free) json_t *json = nb_report_diff_to_json(&first, &silent);
    assert_int_equal(json_object_size(json), 6);
    const json_t *pair = json_object_get(json, "integrated_lufs");
    assert_true(json_is_null(json_object_get(pair, "new")));
    assert_true(json_real_value(json_object_get(pair, "old")) == -14.2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_moved_is_told),
        cmocka_unit_test(nothing_that_moved_is_said_too),
        cmocka_unit_test(thirds_of_an_octave_that_moved_are_told_together),
        cmocka_unit_test(silence_has_no_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
