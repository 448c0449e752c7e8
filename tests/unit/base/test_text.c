// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/text.h"
#include "test.h"

static void times_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ns;
    } times[] = {{"0", 0},
                 {"1.5", 1500000000},
                 {"1:32", 92000000000},
                 {"1:32.001", 92001000000},
                 {"0:00.000000001", 1},
                 {"1:02:03.25", 3723250000000},
                 {"86400", 86400000000000},
                 {"24:00:00", 86400000000000}};
    for (size_t i = 0; i < NB_COUNT(times); i++) {
        int64_t ns = -1;
        assert_ok(nb_text_parse_time(times[i].text, &ns, err));
        assert_int_equal(ns, times[i].ns);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",         "-1",
                                        "1:75",     "1:60",
                                        "1:2:60",   "1:60:00",
                                        "1e3",      "+1",
                                        " 1",       "1 ",
                                        "1:",       ":30",
                                        "1::2",     "1:2:3:4",
                                        "0x10",     "nan",
                                        "inf",      "86401",
                                        "24:00:01", "1.2.3",
                                        ".",        "99999999999999999999"};
    for (size_t i = 0; i < NB_COUNT(texts); i++) {
        int64_t ns = 0;
        nb_error err = {0};
        if (nb_text_parse_time(texts[i], &ns, &err) == NB_OK) {
            fail_msg("'%s' was taken as %lld ns", texts[i], (long long)ns);
        }
        assert_true(err.text[0] != '\0');
    }
}

static void frames_are_rounded_once_and_halves_up(void **state)
{
    (void)state;
    assert_int_equal(nb_text_ns_to_frames(0, 48000), 0);
    assert_int_equal(nb_text_ns_to_frames(1000000000, 44100), 44100);
    assert_int_equal(nb_text_ns_to_frames(62500, 8000), 1); // half a frame
    assert_int_equal(nb_text_ns_to_frames(62499, 8000), 0);
    assert_int_equal(nb_text_ns_to_frames(INT64_C(86400000000000), 384000), INT64_C(33177600000));
}

static void times_are_written_as_people_write_them(void **state)
{
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } times[] = {
        {0.0, "0:00.000"}, {92.0, "1:32.000"}, {59.9996, "1:00.000"}, {3723.25, "1:02:03.250"}};
    for (size_t i = 0; i < NB_COUNT(times); i++) {
        char text[NB_TEXT_TIME_SIZE];
        nb_text_format_time(times[i].seconds, text);
        assert_string_equal(text, times[i].text);
    }
}

static void paths_stay_inside_the_album(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "audio/vox lead.wav", "songs/night/mix.yaml",
                                       "audio/J\u00fcrgen/\u6b4c.flac", "a..b/c...d"};
    static const char *const bad[] = {"",
                                      "/etc/passwd",
                                      "../x",
                                      "a/../b",
                                      "a/..",
                                      ".",
                                      "./a",
                                      "a//b",
                                      "a/",
                                      "a\\b",
                                      "a/.git/x",
                                      ".GIT",
                                      ".gitattributes",
                                      "git~1/x",
                                      "GIT~1",
                                      "a\nb",
                                      "a\033[2Jb",
                                      "a\u202eb",
                                      "a\u200bb",
                                      "a /b",
                                      "a./b",
                                      "\xff",
                                      "\xc0\xae\xc0\xae/x"};
    for (size_t i = 0; i < NB_COUNT(good); i++) {
        assert_ok(nb_text_check_path(good[i], err));
    }
    for (size_t i = 0; i < NB_COUNT(bad); i++) {
        assert_fails(NB_E_INVALID, "path", nb_text_check_path(bad[i], err));
    }
    char part[302];
    memset(part, 'x', 300);
    part[300] = '\0';
    assert_fails(NB_E_INVALID, "200", nb_text_check_path(part, err));
    char path[1300];
    for (size_t i = 0; i < sizeof path; i++) {
        path[i] = (i % 100 == 99) ? '/' : 'x';
    }
    path[1001] = '\0';
    assert_fails(NB_E_INVALID, "1001 bytes", nb_text_check_path(path, err));
    path[998] = '\0';
    assert_ok(nb_text_check_path(path, err));
}

static void names_are_what_a_person_can_see(void **state)
{
    (void)state;
    char name[300] = "J\u00fcrgen & die Mixer";
    assert_ok(nb_text_check_name("name", name, err));
    assert_fails(NB_E_INVALID, "title", nb_text_check_name("title", "", err));
    assert_fails(NB_E_INVALID, "space", nb_text_check_name("title", " a", err));
    assert_fails(NB_E_INVALID, "U+0007", nb_text_check_name("title", "a\ab", err));
    assert_fails(NB_E_INVALID, "U+202E", nb_text_check_name("title", "a\u202eb", err));
    assert_fails(NB_E_INVALID, "byte 2", nb_text_check_name("title", "a\xed\xa0\x80", err));
    memset(name, 'x', 201);
    name[201] = '\0';
    assert_fails(NB_E_INVALID, "201 bytes", nb_text_check_name("title", name, err));
    name[200] = '\0';
    assert_ok(nb_text_check_name("title", name, err));
}

static void ids_have_few_characters(void **state)
{
    (void)state;
    assert_true(nb_text_is_id("night-2"));
    static const char *const bad[] = {
        "",       "-a",  "a-",
        "A",      "a_b", "a b",
        "\u00e4", "a/b", "01234567890123456789012345678901234567890123456789012345678901234"};
    for (size_t i = 0; i < NB_COUNT(bad); i++) {
        assert_false(nb_text_is_id(bad[i]));
    }
}

static void numbers_are_read_strictly(void **state)
{
    (void)state;
    static const char *const good[] = {"0", "-1.5", "1e3", "2.5e-3", "007"};
    static const double values[] = {0.0, -1.5, 1000.0, 0.0025, 7.0};
    static const char *const bad[] = {"",    "+1",  "1.", ".5", "0x10", "inf", "nan", "1e999",
                                      "1,5", "1_0", "1 ", " 1", "1e",   "--1", "1e+", "-"};
    double number = 0.0;
    for (size_t i = 0; i < NB_COUNT(good); i++) {
        assert_ok(nb_text_parse_number(good[i], &number, err));
        assert_true(number == values[i]);
    }
    for (size_t i = 0; i < NB_COUNT(bad); i++) {
        if (nb_text_parse_number(bad[i], &number, NULL) == NB_OK) {
            fail_msg("'%s' was taken as %g", bad[i], number);
        }
    }
    int64_t whole = 0;
    assert_ok(nb_text_parse_integer("-12", -12, 5, &whole, err));
    assert_int_equal(whole, -12);
    assert_int_not_equal(nb_text_parse_integer("6", -12, 5, &whole, NULL), NB_OK);
    assert_int_not_equal(nb_text_parse_integer("1.0", -12, 5, &whole, NULL), NB_OK);
    assert_int_not_equal(
        nb_text_parse_integer("99999999999999999999", INT64_MIN, INT64_MAX, &whole, NULL), NB_OK);
}

static void the_nearest_word_helps_or_is_silent(void **state)
{
    (void)state;
    static const char *const words[] = {"gain_db", "freq_hz", "attack_ms"};
    assert_string_equal(nb_text_nearest("gian_db", words, NB_COUNT(words)), "gain_db");
    assert_string_equal(nb_text_nearest("frq_hz", words, NB_COUNT(words)), "freq_hz");
    assert_null(nb_text_nearest("zzzzzzzz", words, NB_COUNT(words)));
    assert_null(nb_text_nearest("gain_db", words, 0));
}

static void utf8_is_checked_to_the_letter(void **state)
{
    (void)state;
    static const char *const bad[] = {"\x80",         "\xc0\x80",         "\xe0\x80\x80",
                                      "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80",
                                      "\xc3"};
    size_t offset = 99;
    assert_true(nb_text_is_utf8("a\u00fc\u6b4c\U0001f3b8", 10, NULL));
    assert_false(nb_text_is_utf8("ab\xff", 3, &offset));
    assert_int_equal(offset, 2);
    for (size_t i = 0; i < NB_COUNT(bad); i++) {
        assert_false(nb_text_is_utf8(bad[i], strlen(bad[i]), NULL));
    }
    char text[] = "a\033[2J\xff\u202eb\u00fc";
    nb_text_make_printable(text);
    assert_string_equal(text, "a?[2J??b\u00fc");
    assert_int_equal(nb_text_columns("a\u00fc\u6b4c"), 4);
}

static void lines_of_people_stay_lines_and_nothing_else_of_them_is_raw(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *shown;
    } cases[] = {{"one", "one"},
                 {"one\ntwo", "one\n  two"},
                 {"\n\none\n\ntwo\n\n", "one\n\n  two"},
                 {"a\tb\n\033[2Jc\r\nd\xff", "a b\n  ?[2Jc?\n  d?"},
                 {"", ""},
                 {"\n\n", ""}};
    for (size_t i = 0; i < NB_COUNT(cases); i++) {
        NB_SCOPED(nb_text_fini) nb_text text = {0};
        nb_text_add_lines(&text, cases[i].text, 2);
        assert_false(text.failed);
        assert_string_equal(text.chars ? text.chars : "", cases[i].shown);
    }
}

static void a_growing_text_keeps_all_that_was_added(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    for (int i = 0; i < 1000; i++) {
        nb_text_addf(&text, "%d,", i);
    }
    nb_text_add_bytes(&text, "end", 3);
    assert_int_equal(text.length, 10 * 2 + 90 * 3 + 900 * 4 + 3);
    NB_SCOPED(nb_text_free) char *taken = nb_text_take(&text);
    assert_string_equal(taken + strlen(taken) - 7, "999,end");
    assert_null(text.chars);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_exact),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(frames_are_rounded_once_and_halves_up),
        cmocka_unit_test(times_are_written_as_people_write_them),
        cmocka_unit_test(paths_stay_inside_the_album),
        cmocka_unit_test(names_are_what_a_person_can_see),
        cmocka_unit_test(ids_have_few_characters),
        cmocka_unit_test(numbers_are_read_strictly),
        cmocka_unit_test(the_nearest_word_helps_or_is_silent),
        cmocka_unit_test(utf8_is_checked_to_the_letter),
        cmocka_unit_test(lines_of_people_stay_lines_and_nothing_else_of_them_is_raw),
        cmocka_unit_test(a_growing_text_keeps_all_that_was_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
