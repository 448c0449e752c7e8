// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.h"
#include "base/text.h"
#include "review-cli/editor.h"
#include "tests/test.h"

#include <unistd.h>

static const nb_editor_environment desk = {
    .visual = "visual", .editor = "editor", .terminal = "xterm", .has_terminal = true};

static void the_editor_is_chosen_as_git_chooses(void **state)
{
    (void)state;
    nb_editor_environment at = desk;
    assert_string_equal(nb_editor_choose(&at), "visual");
    at.visual = "";
    assert_string_equal(nb_editor_choose(&at), "editor");
    at.editor = NULL;
    assert_string_equal(nb_editor_choose(&at), "vi");
    at.nightbus_editor = "ours -w";
    assert_string_equal(nb_editor_choose(&at), "ours -w");
}

static void a_dumb_terminal_gets_no_full_screen(void **state)
{
    (void)state;
    nb_editor_environment at = desk;
    at.terminal = "dumb";
    assert_string_equal(nb_editor_choose(&at), "editor");
    at.editor = NULL;
    assert_null(nb_editor_choose(&at));
}

static void without_a_terminal_only_our_own_variable_counts(void **state)
{
    (void)state;
    nb_editor_environment at = desk;
    at.has_terminal = false;
    assert_null(nb_editor_choose(&at));
    at.nightbus_editor = "ed";
    assert_string_equal(nb_editor_choose(&at), "ed");
}

static void cleaning_drops_hints_and_blanks_but_no_word(void **state)
{
    (void)state;
    static const struct {
        const char *written, *cleaned;
        bool hints;
    } cases[] = {
        {"", "", true},
        {"\n \n\t\n", "", true},
        {"# a hint\n#\n", "", true},
        {"one", "one", true},
        {"\n\none  \r\n\n\n two\t\n# hint\n\n", "one\n\n\n two", true},
        {"one\n# hint\ntwo\n", "one\ntwo", true},
        {"#12 is back\n#no hint\n", "#12 is back\n#no hint", true},
        {"# kept\nfrom a file\n", "# kept\nfrom a file", false},
        {"größe \n", "größe", true},
    };
    for (size_t i = 0; i < NB_COUNT(cases); i++) {
        NB_SCOPED(nb_text_free) char *text = strdup(cases[i].written);
        nb_editor_clean(text, cases[i].hints);
        assert_string_equal(text, cases[i].cleaned);
    }
}

static nb_status get(const nb_editor_wish *wish, nb_error *err)
{
    NB_SCOPED(nb_editor_text_fini) nb_editor_text text = {0};
    const nb_status status = nb_editor_get(wish, &text, err);
    nb_editor_text_accept(&text);
    return status;
}

static void a_text_that_cannot_be_one_is_refused_in_words(void **state)
{
    (void)state;
    const nb_editor_wish empty = {.what = "note", .given = " \n", .bytes_most = 8};
    const nb_editor_wish twice = {.what = "note", .given = "a", .file = "-", .bytes_most = 8};
    const nb_editor_wish broken = {.what = "note", .given = "ab\xff", .bytes_most = 8};
    const nb_editor_wish longer = {.what = "note", .given = "123456789", .bytes_most = 8};
    const nb_editor_wish fits = {.what = "note", .given = "12345678 ", .bytes_most = 8};
    const nb_editor_wish absent = {.what = "note", .file = "/nonexistent/a", .bytes_most = 8};
    assert_fails(NB_E_INVALID, "no text", get(&empty, err));
    assert_fails(NB_E_USAGE, "twice", get(&twice, err));
    assert_fails(NB_E_INVALID, "byte 3", get(&broken, err));
    assert_fails(NB_E_LIMIT, "9 bytes; at most 8", get(&longer, err));
    assert_fails(NB_E_NOT_FOUND, "/nonexistent/a", get(&absent, err));
    assert_ok(get(&fits, err));
}

static void a_zero_byte_hides_nothing(void **state)
{
    (void)state;
    char path[] = "/tmp/nightbus-editor-XXXXXX";
    const int file = mkstemp(path);
    assert_int_equal(write(file, "a\0b", 3), 3);
    close(file);
    const nb_editor_wish wish = {.what = "note", .file = path, .bytes_most = 8};
    assert_fails(NB_E_INVALID, "zero byte", get(&wish, err));
    unlink(path);
}

static void what_the_editor_wrote_is_the_text(void **state)
{
    (void)state;
    // Shown in the editor: the text of before and the hints. Put behind it: a line.
    setenv("NIGHTBUS_EDITOR", "f() { grep -q '^# how' \"$1\" && echo 'and #12' >>\"$1\"; }; f", 1);
    const nb_editor_wish wish = {
        .what = "note", .initial = "before", .hints = "how\n\nto", .bytes_most = 80};
    NB_SCOPED(nb_editor_text_fini) nb_editor_text text = {0};
    assert_ok(nb_editor_get(&wish, &text, err));
    assert_string_equal(text.text, "before\nand #12");
    NB_SCOPED(nb_text_free) char *path = strdup(text.path);
    assert_true(nb_file_exists(path)); // until the farm has it
    nb_editor_text_accept(&text);
    assert_false(nb_file_exists(path));
}

static void an_empty_text_and_a_failed_editor_end_it(void **state)
{
    (void)state;
    const nb_editor_wish wish = {.what = "note", .hints = "how", .bytes_most = 80};
    setenv("NIGHTBUS_EDITOR", "true", 1);
    assert_fails(NB_E_CANCELLED, "nothing was written", get(&wish, err));
    setenv("NIGHTBUS_EDITOR", "exit 3;", 1);
    assert_fails(NB_E_CANCELLED, "ended with an error", get(&wish, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_editor_is_chosen_as_git_chooses),
        cmocka_unit_test(a_dumb_terminal_gets_no_full_screen),
        cmocka_unit_test(without_a_terminal_only_our_own_variable_counts),
        cmocka_unit_test(cleaning_drops_hints_and_blanks_but_no_word),
        cmocka_unit_test(a_text_that_cannot_be_one_is_refused_in_words),
        cmocka_unit_test(a_zero_byte_hides_nothing),
        cmocka_unit_test(what_the_editor_wrote_is_the_text),
        cmocka_unit_test(an_empty_text_and_a_failed_editor_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
