// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/master_comparison.h"
#include "tests/test.h"

#include <math.h>

static nb_report report_of(double duration_s, double head_s, double tail_s, double lufs)
{
    return (nb_report){.duration_s = duration_s,
                       .silence_head_s = head_s,
                       .silence_tail_s = tail_s,
                       .integrated_lufs = lufs,
                       .true_peak_dbtp = isfinite(lufs) ? -1.0 : -INFINITY,
                       .loudness_range_lu = 6.0,
                       .plr_lu = 12.0};
}

/// A master as it should be: 4 dB louder, its head cut, the same music.
static nb_master_comparison good(void)
{
    nb_master_comparison it = {
        .mix = "v4", .matches = true, .steady = true, .offset_s = -0.5, .confidence = 0.98};
    const nb_report mix = report_of(200.0, 1.0, 2.0, -18.0);
    const nb_report master = report_of(198.0, 0.5, 0.5, -14.0);
    nb_master_figures_of(&mix, &it.before);
    nb_master_figures_of(&master, &it.after);
    return it;
}

static size_t doubts_of(const nb_master_comparison *it, const char *says)
{
    char doubts[NB_MASTER_DOUBTS_MAX][NB_MASTER_DOUBT_SIZE];
    const size_t count = nb_master_doubts(it, doubts);
    bool found = !says;
    for (size_t i = 0; i < count; i++) {
        found |= says && strstr(doubts[i], says);
    }
    if (!found) {
        fail_msg("no doubt says '%s'", says);
    }
    return count;
}

static void a_good_master_raises_no_doubt(void **state)
{
    (void)state;
    const nb_master_comparison it = good();
    assert_int_equal(doubts_of(&it, NULL), 0);
}

static void another_song_another_length_and_silence_are_doubted(void **state)
{
    (void)state;
    nb_master_comparison it = good();
    it.matches = false;
    it.confidence = 0.03;
    assert_int_equal(doubts_of(&it, "does not hold the music of v4"), 1);

    it = good();
    it.after.sound_s = it.before.sound_s - 20.0;
    assert_int_equal(doubts_of(&it, "20.0 s shorter"), 1);
    it.after.sound_s = it.before.sound_s + 20.0;
    assert_int_equal(doubts_of(&it, "20.0 s longer"), 1);
    it.matches = false;
    assert_int_equal(doubts_of(&it, "does not hold"), 2);

    const nb_report silent = report_of(200.0, 200.0, 200.0, -INFINITY);
    nb_master_figures_of(&silent, &it.after);
    assert_true(it.after.sound_s == 0.0);
    assert_int_equal(doubts_of(&it, "silent"), 1);
}

static void silence_at_the_ends_is_no_other_length(void **state)
{
    (void)state;
    nb_master_comparison it = good();
    const nb_report padded = report_of(230.0, 15.0, 18.0, -14.0);
    nb_master_figures_of(&padded, &it.after);
    assert_int_equal(doubts_of(&it, NULL), 0);
}

static void the_json_comes_back_as_it_went(void **state)
{
    (void)state;
    nb_master_comparison cases[] = {good(), good(), good()};
    cases[1].matches = false;
    const nb_report silent = report_of(200.0, 200.0, 200.0, -INFINITY);
    nb_master_figures_of(&silent, &cases[2].after);
    for (size_t i = 0; i < NB_COUNT(cases); i++) {
        NB_SCOPED(nb_json_free) json_t *json = nb_master_comparison_to_json(&cases[i]);
        nb_master_comparison back;
        assert_ok(nb_master_comparison_from_json("it", json, &back, err));
        assert_string_equal(back.mix, "v4");
        assert_int_equal(back.matches, cases[i].matches);
        assert_true(back.before.sound_s == cases[i].before.sound_s);
        assert_true(back.after.integrated_lufs == cases[i].after.integrated_lufs);
        assert_true(!back.matches || back.offset_s == cases[i].offset_s);
    }
}

static void json_that_is_none_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const keys[] = {"mix", "before", "after", "confidence", "offset_s"};
    for (size_t i = 0; i < NB_COUNT(keys); i++) {
        const nb_master_comparison it = good();
        nb_master_comparison back;
        NB_SCOPED(nb_json_free) json_t *json = nb_master_comparison_to_json(&it);
        json_object_del(json, keys[i]);
        assert_fails(NB_E_INVALID, keys[i], nb_master_comparison_from_json("it", json, &back, err));
    }
}

static void the_table_fits_a_terminal_and_says_how_it_lies(void **state)
{
    (void)state;
    nb_master_comparison it = good();
    it.inverted = true;
    it.steady = false;
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_master_comparison_print(&it, false, &text);
    assert_non_null(strstr(text.chars, "-18.0 LUFS"));
    assert_non_null(strstr(text.chars, "+4.0"));
    assert_non_null(strstr(text.chars, "0.5000 s earlier"));
    assert_non_null(strstr(text.chars, "polarity"));
    assert_non_null(strstr(text.chars, "edited?"));
    for (char *line = strtok(text.chars, "\n"); line; line = strtok(NULL, "\n")) {
        assert_true(nb_text_columns(line) <= 80);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_master_raises_no_doubt),
        cmocka_unit_test(another_song_another_length_and_silence_are_doubted),
        cmocka_unit_test(silence_at_the_ends_is_no_other_length),
        cmocka_unit_test(the_json_comes_back_as_it_went),
        cmocka_unit_test(json_that_is_none_is_refused_by_name),
        cmocka_unit_test(the_table_fits_a_terminal_and_says_how_it_lies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
