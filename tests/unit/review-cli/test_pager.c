// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/pager.h"
#include "review-cli/terminal.h"
#include "tests/test.h"

#include <unistd.h>

static const nb_pager_environment desk = {
    .terminal = "xterm", .has_terminal = true, .has_less = true};

static void ours_goes_before_everybodys_and_that_before_less(void **state)
{
    (void)state;
    nb_pager_environment at = desk;
    assert_string_equal(nb_pager_choose(&at), "less");
    at.pager = "more";
    assert_string_equal(nb_pager_choose(&at), "more");
    at.nightbus_pager = "less -S";
    assert_string_equal(nb_pager_choose(&at), "less -S");
}

static void there_is_none_where_nobody_could_read_it(void **state)
{
    (void)state;
    nb_pager_environment piped = desk;
    nb_pager_environment dumb = desk;
    nb_pager_environment unset = desk;
    nb_pager_environment bare = desk;
    piped.has_terminal = false;
    piped.nightbus_pager = "less";
    dumb.terminal = "dumb";
    unset.terminal = NULL;
    bare.has_less = false;
    assert_null(nb_pager_choose(&piped));
    assert_null(nb_pager_choose(&dumb));
    assert_null(nb_pager_choose(&unset));
    assert_null(nb_pager_choose(&bare));
}

static void an_empty_choice_and_cat_turn_it_off(void **state)
{
    (void)state;
    nb_pager_environment at = desk;
    at.pager = "less";
    at.nightbus_pager = "";
    assert_null(nb_pager_choose(&at));
    at.nightbus_pager = "cat";
    assert_null(nb_pager_choose(&at));
}

static void without_a_terminal_nothing_is_started(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const int before = dup(STDOUT_FILENO);
    fflush(stdout);
    assert_true(dup2(ends[1], STDOUT_FILENO) >= 0);
    nb_pager pager;
    nb_pager_start(&pager);
    const bool running = nb_pager_is_running();
    nb_pager_finish(&pager);
    assert_true(dup2(before, STDOUT_FILENO) >= 0);
    close(before);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(pager.pid, 0);
    assert_false(running);
}

static void the_width_is_columns_within_reason(void **state)
{
    (void)state;
    setenv("COLUMNS", "132", 1);
    assert_int_equal(nb_terminal_columns(), 132);
    setenv("COLUMNS", "3", 1);
    assert_int_equal(nb_terminal_columns(), NB_TERMINAL_COLUMNS_LEAST);
    setenv("COLUMNS", "99999", 1);
    assert_int_equal(nb_terminal_columns(), NB_TERMINAL_COLUMNS_MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ours_goes_before_everybodys_and_that_before_less),
        cmocka_unit_test(there_is_none_where_nobody_could_read_it),
        cmocka_unit_test(an_empty_choice_and_cat_turn_it_off),
        cmocka_unit_test(without_a_terminal_nothing_is_started),
        cmocka_unit_test(the_width_is_columns_within_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
