// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/ago.h"
#include "review-cli/table.h"
#include "tests/test.h"

static const nb_table_column columns[] = {
    {"JOB", NB_TABLE_RIGHT}, {"STATE", NB_TABLE_LEFT}, {"TEXT", NB_TABLE_FLEX}};

static void add(nb_table *table, const char *job, const char *state, const char *text)
{
    const char *const cells[] = {job, state, text};
    nb_table_add(table, cells);
}

static void columns_are_as_wide_as_their_content(void **state)
{
    (void)state;
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    add(&table, "7", "done", "short");
    add(&table, "1234", "running", "");
    nb_table_print(&table, false, &text);
    assert_string_equal(text.chars, " JOB  STATE    TEXT\n"
                                    "   7  done     short\n"
                                    "1234  running\n");
}

static void wide_characters_are_counted_as_they_are_drawn(void **state)
{
    (void)state;
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    const nb_table_column two[] = {{"A", NB_TABLE_LEFT}, {"B", NB_TABLE_LEFT}};
    nb_table_init(&table, two, 2);
    const char *const first[] = {"größe", "x"};
    const char *const second[] = {"夜行", "x"};
    nb_table_add(&table, first);
    nb_table_add(&table, second);
    nb_table_print(&table, false, &text);
    assert_string_equal(text.chars, "A      B\ngröße  x\n夜行   x\n");
}

static void a_long_text_is_cut_so_that_80_columns_hold(void **state)
{
    (void)state;
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    char words[301] = "";
    for (size_t i = 0; i < 100; i++) {
        memcpy(words + 3 * i, "ü ", 4);
    }
    add(&table, "1", "done", words);
    nb_table_print(&table, false, &text);
    assert_true(nb_text_is_utf8(text.chars, text.length, NULL));
    char *line = strtok(text.chars, "\n");
    line = strtok(NULL, "\n");
    assert_int_equal(nb_text_columns(line), NB_TABLE_WIDTH);
    assert_non_null(strstr(line, "…"));
}

static void a_wrapping_last_column_keeps_all_its_words(void **state)
{
    (void)state;
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    const nb_table_column two[] = {{"AT", NB_TABLE_LEFT}, {"NOTE", NB_TABLE_WRAP}};
    nb_table_init(&table, two, 2);
    char words[401] = "";
    for (size_t i = 0; i < 100; i++) {
        memcpy(words + 4 * i, "üx ", 5);
    }
    char unbroken[101] = "";
    memset(unbroken, 'y', 100);
    const char *const first[] = {"0:01", words};
    const char *const second[] = {"0:02", unbroken};
    nb_table_add(&table, first);
    nb_table_add(&table, second);
    nb_table_print(&table, false, &text);
    size_t x_count = 0;
    size_t y_count = 0;
    for (const char *at = text.chars; *at; at++) {
        x_count += *at == 'x';
        y_count += *at == 'y';
    }
    assert_int_equal(x_count, 100);
    assert_int_equal(y_count, 100);
    assert_non_null(strstr(text.chars, "üx\n      üx"));
    assert_non_null(strstr(text.chars, "\n0:02  y"));
    for (char *line = strtok(text.chars, "\n"); line; line = strtok(NULL, "\n")) {
        assert_true(nb_text_columns(line) <= NB_TABLE_WIDTH);
    }
}

static void escapes_of_a_peer_do_not_reach_the_terminal(void **state)
{
    (void)state;
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    add(&table, "1", "do\033[2Jne", "a\nb");
    nb_table_print(&table, false, &text);
    assert_null(strchr(text.chars, '\033'));
    assert_non_null(strstr(text.chars, "a?b"));
}

static void a_wide_terminal_is_used(void **state)
{
    (void)state;
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    char words[151];
    memset(words, 'x', 150);
    words[150] = '\0';
    setenv("COLUMNS", "120", 1);
    nb_table_init(&table, columns, NB_COUNT(columns));
    setenv("COLUMNS", "80", 1);
    add(&table, "1", "done", words);
    nb_table_print(&table, false, &text);
    char *line = strtok(text.chars, "\n");
    line = strtok(NULL, "\n");
    assert_int_equal(nb_text_columns(line), 120);
}

static void colours_are_only_where_they_are_wanted_and_widen_nothing(void **state)
{
    (void)state;
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    NB_SCOPED(nb_text_fini) nb_text plain = {0};
    NB_SCOPED(nb_text_fini) nb_text coloured = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    add(&table, "1", "approved", "x");
    nb_table_style(&table, 1, NB_STYLE_GOOD);
    nb_table_print(&table, false, &plain);
    nb_table_print(&table, true, &coloured);
    assert_null(strchr(plain.chars, '\033'));
    assert_non_null(strstr(coloured.chars, "  \033[32mapproved\033[0m  x\n"));
}

static void a_text_is_wrapped_at_words_and_keeps_its_own_lines(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_table_add_wrapped(&text, "one two\n\nthree\tfour\033 five\n", 2, 10);
    assert_string_equal(text.chars, "  one two\n\n  three\n  four? five\n");
}

static void a_table_without_rows_is_nothing(void **state)
{
    (void)state;
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    nb_table_print(&table, true, &text);
    assert_int_equal(text.length, 0);
}

static void cutting_never_splits_a_character(void **state)
{
    (void)state;
    for (size_t width = 0; width < 12; width++) {
        NB_SCOPED(nb_text_fini) nb_text text = {0};
        nb_table_add_cut(&text, "a夜ü行e\xcc\x81nd of it", width);
        const char *chars = text.chars ? text.chars : "";
        assert_true(nb_text_is_utf8(chars, strlen(chars), NULL));
        assert_true(nb_text_columns(chars) <= width);
    }
}

static void moments_are_said_as_people_say_them(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *said;
    } cases[] = {{-5, "just now"},     {3, "just now"},          {59, "59 s ago"},
                 {60, "1 min ago"},    {3599, "59 min ago"},     {7200, "2 h ago"},
                 {86400, "1 day ago"}, {3 * 86400, "3 days ago"}};
    const int64_t now_ms = 1800000000000;
    for (size_t i = 0; i < NB_COUNT(cases); i++) {
        char said[NB_AGO_SIZE];
        nb_ago_format(now_ms - cases[i].seconds * 1000, now_ms, said);
        assert_string_equal(said, cases[i].said);
    }
    char date[NB_AGO_SIZE];
    nb_ago_format(now_ms - 30LL * 86400 * 1000, now_ms, date);
    assert_int_equal(strlen(date), strlen("2026-12-16"));
}

int main(void)
{
    setenv("COLUMNS", "80", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_their_content),
        cmocka_unit_test(wide_characters_are_counted_as_they_are_drawn),
        cmocka_unit_test(a_long_text_is_cut_so_that_80_columns_hold),
        cmocka_unit_test(a_wrapping_last_column_keeps_all_its_words),
        cmocka_unit_test(escapes_of_a_peer_do_not_reach_the_terminal),
        cmocka_unit_test(a_wide_terminal_is_used),
        cmocka_unit_test(colours_are_only_where_they_are_wanted_and_widen_nothing),
        cmocka_unit_test(a_text_is_wrapped_at_words_and_keeps_its_own_lines),
        cmocka_unit_test(a_table_without_rows_is_nothing),
        cmocka_unit_test(cutting_never_splits_a_character),
        cmocka_unit_test(moments_are_said_as_people_say_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
