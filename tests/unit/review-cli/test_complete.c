// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/complete.h"
#include "tests/test.h"

enum { WORDS_MAX = 8 };

/// Plan for the words of `line`, which are parted by single spaces; it ends where the cursor is.
static nb_complete_plan plan_of(const char *line, nb_text *out)
{
    static char copy[200];
    const char *words[WORDS_MAX];
    size_t count = 0;
    snprintf(copy, sizeof copy, "%s", line);
    char *rest = copy;
    for (char *word = strsep(&rest, " "); word; word = strsep(&rest, " ")) {
        assert_true(count < WORDS_MAX);
        words[count++] = word;
    }
    const nb_complete_plan plan = nb_complete_plan_make(words, count);
    nb_complete_static(&plan, words[count - 1], out);
    nb_text_add(out, ""); // never null
    return plan;
}

static void assert_kinds(const char *line, unsigned kinds)
{
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    const unsigned found = plan_of(line, &text).kinds;
    if (found != kinds) {
        fail_msg("'%s': kinds %#x, expected %#x", line, found, kinds);
    }
}

static void assert_says(const char *line, const char *words)
{
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    plan_of(line, &text);
    if (!strstr(text.chars, words)) {
        fail_msg("'%s': '%s' is not in: %s", line, words, text.chars);
    }
}

static void what_stands_where_follows_from_the_usage(void **state)
{
    (void)state;
    assert_kinds("", NB_COMPLETE_COMMANDS);
    assert_kinds("pu", NB_COMPLETE_COMMANDS);
    assert_kinds("note ", NB_COMPLETE_COMMANDS);
    assert_kinds("help ", NB_COMPLETE_COMMANDS);
    assert_kinds("show ", NB_COMPLETE_VERSIONS);
    assert_kinds("approve night@", NB_COMPLETE_VERSIONS);
    assert_kinds("show night@v1 ", 0);
    assert_kinds("log ", NB_COMPLETE_SONGS);
    assert_kinds("note add ", NB_COMPLETE_VERSIONS);
    assert_kinds("note add night@v1 ", 0);
    assert_kinds("note resolve ", NB_COMPLETE_NOTES);
    assert_kinds("note reply night#", NB_COMPLETE_NOTES);
    assert_kinds("diff night@v1 ", NB_COMPLETE_VERSIONS | NB_COMPLETE_FILES);
    assert_kinds("report ", NB_COMPLETE_VERSIONS | NB_COMPLETE_FILES);
    assert_kinds("render ", NB_COMPLETE_FILES);
    assert_kinds("album clone ", NB_COMPLETE_ALBUMS);
    assert_kinds("album clone night ", NB_COMPLETE_FILES);
    assert_kinds("submit-master night@v1 a.wav ", NB_COMPLETE_FILES);
    assert_kinds("submit-master night@v1 a.wav b.wav ", NB_COMPLETE_FILES);
    assert_kinds("nodes ", 0);
    assert_kinds("nonsense ", NB_COMPLETE_COMMANDS);
}

static void options_and_their_values_are_passed_over(void **state)
{
    (void)state;
    assert_kinds("--album night show ", NB_COMPLETE_VERSIONS);
    assert_kinds("show --json ", NB_COMPLETE_VERSIONS);
    assert_kinds("approve -m yes ", NB_COMPLETE_VERSIONS);
    assert_kinds("-A night note add ", NB_COMPLETE_VERSIONS);
    assert_kinds("log -L 5 ", NB_COMPLETE_SONGS);
    assert_kinds("show -- -", NB_COMPLETE_VERSIONS);
}

static void values_of_options_have_their_own(void **state)
{
    (void)state;
    assert_kinds("show --album ", NB_COMPLETE_ALBUMS);
    assert_kinds("--farm ", NB_COMPLETE_FILES);
    assert_kinds("request-changes night@v1 -F ", NB_COMPLETE_FILES);
    assert_kinds("approve night@v1 -m ", 0);
    assert_kinds("note export night@v1 --format r", NB_COMPLETE_WORDS);
    assert_says("note export night@v1 --format r", "rpp\n");
    assert_says("render --dither sh", "shaped\n");
}

static void commands_and_options_come_from_the_table(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    assert_says("app", "approve\t");
    assert_says("al", "album\n");
    assert_says("note a", "add\t");
    assert_says("approve --", "--yes\tdo it without asking\n");
    assert_says("note add --", "--track\t");
    assert_says("log --", "--limit\t");
    plan_of("fetch --js", &text);
    assert_string_equal(text.chars, "--json\tJSON instead of a table\n");
    text.length = 0;
    plan_of("pull --js", &text); // it has none
    assert_int_equal(text.length, 0);
}

/// So that completing never needs a word of its own for a new command.
static void every_command_can_be_reached(void **state)
{
    (void)state;
    size_t count = 0;
    const nb_command *const *commands = nb_commands(&count);
    for (size_t i = 0; i < count; i++) {
        const char *space = strchr(commands[i]->name, ' ');
        char candidate[80];
        char line[80];
        snprintf(line, sizeof line, "%.*s", space ? (int)(space + 1 - commands[i]->name) : 0,
                 commands[i]->name);
        snprintf(candidate, sizeof candidate, "%s\t", space ? space + 1 : commands[i]->name);
        assert_says(line, candidate);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stands_where_follows_from_the_usage),
        cmocka_unit_test(options_and_their_values_are_passed_over),
        cmocka_unit_test(values_of_options_have_their_own),
        cmocka_unit_test(commands_and_options_come_from_the_table),
        cmocka_unit_test(every_command_can_be_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
