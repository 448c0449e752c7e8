// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/args.h"
#include "review-cli/command.h"
#include "tests/test.h"

static const nb_option options[] = {
    {"message", 'm', "TEXT", "what changed"},
    {"json", 'j', NULL, "JSON"},
    {"no-wait", 0, NULL, "do not wait"},
};

static nb_status parse(const char *const *words, nb_args *out, nb_error *err)
{
    int count = 0;
    while (words[count]) {
        count++;
    }
    return nb_args_parse(count, words, options, NB_COUNT(options), out, err);
}

static void options_stand_anywhere(void **state)
{
    (void)state;
    nb_args args;
    const char *const words[] = {"one", "-m", "hello there", "two", "--json", NULL};
    assert_ok(parse(words, &args, err));
    assert_int_equal(args.word_count, 2);
    assert_string_equal(args.words[1], "two");
    assert_string_equal(nb_args_get(&args, "message"), "hello there");
    assert_true(nb_args_has(&args, "json"));
    assert_false(nb_args_has(&args, "no-wait"));
}

static void every_spelling_of_a_value_is_read(void **state)
{
    (void)state;
    const char *const spellings[][3] = {{"--message=x", NULL, NULL},
                                        {"--message", "x", NULL},
                                        {"-mx", NULL, NULL},
                                        {"-m", "x", NULL},
                                        {"-jmx", NULL, NULL}};
    for (size_t i = 0; i < NB_COUNT(spellings); i++) {
        nb_args args;
        assert_ok(parse(spellings[i], &args, err));
        assert_string_equal(nb_args_get(&args, "message"), "x");
        assert_int_equal(args.word_count, 0);
    }
}

static void a_value_may_look_like_an_option(void **state)
{
    (void)state;
    nb_args args;
    const char *const words[] = {"-m", "--json", NULL};
    assert_ok(parse(words, &args, err));
    assert_string_equal(nb_args_get(&args, "message"), "--json");
    assert_false(nb_args_has(&args, "json"));
}

static void a_dash_and_a_digit_begin_a_word(void **state)
{
    (void)state;
    nb_args args;
    const char *const words[] = {"-6 dB here", "-5", "-m", "-1", NULL};
    assert_ok(parse(words, &args, err));
    assert_int_equal(args.word_count, 2);
    assert_string_equal(args.words[0], "-6 dB here");
    assert_string_equal(args.words[1], "-5");
    assert_string_equal(nb_args_get(&args, "message"), "-1");
}

static void two_dashes_end_the_options(void **state)
{
    (void)state;
    nb_args args;
    const char *const words[] = {"--", "--json", "-", NULL};
    assert_ok(parse(words, &args, err));
    assert_int_equal(args.word_count, 2);
    assert_string_equal(args.words[0], "--json");
    assert_false(nb_args_has(&args, "json"));
}

static void wrong_options_are_refused_with_the_nearest_name(void **state)
{
    (void)state;
    nb_args args;
    const char *const unknown[] = {"--mesage", "x", NULL};
    const char *const no_value[] = {"--message", NULL};
    const char *const too_much[] = {"--json=yes", NULL};
    const char *const letter[] = {"-x", NULL};
    assert_fails(NB_E_USAGE, "--message", parse(unknown, &args, err));
    assert_fails(NB_E_USAGE, "needs a value", parse(no_value, &args, err));
    assert_fails(NB_E_USAGE, "takes no value", parse(too_much, &args, err));
    assert_fails(NB_E_USAGE, "-x", parse(letter, &args, err));
}

static void too_many_words_are_refused(void **state)
{
    (void)state;
    const char *words[NB_ARGS_WORDS_MAX + 2];
    for (size_t i = 0; i <= NB_ARGS_WORDS_MAX; i++) {
        words[i] = "w";
    }
    words[NB_ARGS_WORDS_MAX + 1] = NULL;
    nb_args args;
    assert_fails(NB_E_USAGE, "words", parse(words, &args, err));
}

static void numbers_and_times_of_options_are_matters_of_usage(void **state)
{
    (void)state;
    nb_args args;
    const char *const words[] = {"-m", "1:75", NULL};
    int64_t value = 0;
    assert_ok(parse(words, &args, err));
    assert_fails(NB_E_USAGE, "--message", nb_args_get_time(&args, "message", 0, &value, err));
    assert_fails(NB_E_USAGE, "--message",
                 nb_args_get_integer(&args, "message", 1, 9, 5, &value, err));
    assert_ok(nb_args_get_integer(&args, "absent", 1, 9, 5, &value, err));
    assert_int_equal(value, 5);
}

static nb_status find(const char *const *words, const nb_command **out, nb_args *args,
                      nb_error *err)
{
    int count = 0;
    while (words[count]) {
        count++;
    }
    return nb_command_find(count, words, out, args, err);
}

static void commands_of_two_words_are_found_wherever_options_stand(void **state)
{
    (void)state;
    const nb_command *command = NULL;
    nb_args args;
    const char *const words[] = {"--farm", "note", "note", "--album=late", "add", "night@v1",
                                 "1:32",   "text", NULL};
    assert_ok(find(words, &command, &args, err));
    assert_string_equal(command->name, "note add");
    assert_int_equal(args.word_count, 3);
    assert_string_equal(nb_args_get(&args, "farm"), "note");
}

static void an_unknown_command_names_the_nearest(void **state)
{
    (void)state;
    const nb_command *command = NULL;
    nb_args args;
    const char *const push[] = {"psuh", NULL};
    const char *const album[] = {"album", "crate", "x", NULL};
    const char *const note[] = {"note", NULL};
    const char *const none[] = {"zzzzzzzz", NULL};
    const char *const few[] = {"fetch", NULL};
    const char *const json[] = {"pull", "--json", NULL};
    assert_fails(NB_E_USAGE, "push", find(push, &command, &args, err));
    assert_fails(NB_E_USAGE, "album create", find(album, &command, &args, err));
    assert_fails(NB_E_USAGE, "note what? add, ", find(note, &command, &args, err));
    assert_fails(NB_E_USAGE, "nightbus help", find(none, &command, &args, err));
    assert_fails(NB_E_USAGE, "too few", find(few, &command, &args, err));
    assert_fails(NB_E_USAGE, "--json", find(json, &command, &args, err));
}

static void the_same_option_takes_a_value_in_all_commands_or_in_none(void **state)
{
    (void)state;
    size_t count = 0;
    const nb_command *const *commands = nb_commands(&count);
    assert_true(count > 10);
    for (size_t a = 0; a < count; a++) {
        for (size_t i = 0; i < commands[a]->option_count; i++) {
            const nb_option *one = &commands[a]->options[i];
            for (size_t b = 0; b < count; b++) {
                for (size_t j = 0; j < commands[b]->option_count; j++) {
                    const nb_option *other = &commands[b]->options[j];
                    const bool same = strcmp(one->name, other->name) == 0 ||
                                      (one->letter && one->letter == other->letter);
                    assert_true(!same || (one->value != NULL) == (other->value != NULL));
                }
            }
        }
    }
}

/// All letters of a command with its options' names, the global ones too.
static const char *name_of_letter(const nb_command *command, char letter)
{
    size_t global_count = 0;
    const nb_option *global = nb_global_options(&global_count);
    for (size_t i = 0; i < command->option_count + global_count; i++) {
        const nb_option *option =
            i < command->option_count ? &command->options[i] : &global[i - command->option_count];
        if (option->letter == letter || option->also == letter) {
            return option->name;
        }
    }
    return NULL;
}

static void one_letter_means_one_option_everywhere(void **state)
{
    (void)state;
    size_t count = 0;
    const nb_command *const *commands = nb_commands(&count);
    for (char letter = '!'; letter <= '~'; letter++) {
        const char *meaning = NULL;
        for (size_t i = 0; i < count; i++) {
            const char *name = name_of_letter(commands[i], letter);
            if (meaning && name && strcmp(meaning, name) != 0) {
                fail_msg("-%c is --%s and --%s (%s)", letter, meaning, name, commands[i]->name);
            }
            meaning = name ? name : meaning;
        }
    }
}

static void a_second_letter_is_the_same_option(void **state)
{
    (void)state;
    const nb_command *command = NULL;
    nb_args args;
    const char *const as_gh[] = {"log", "-L", "7", NULL};
    const char *const as_git[] = {"-n", "7", "log", NULL};
    assert_ok(find(as_gh, &command, &args, err));
    assert_string_equal(nb_args_get(&args, "limit"), "7");
    assert_ok(find(as_git, &command, &args, err));
    assert_string_equal(nb_args_get(&args, "limit"), "7");
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_command_print_help(command, false, &text);
    assert_non_null(strstr(text.chars, "-L, -n, --limit N"));
}

static void every_command_has_help_that_fits_the_terminal(void **state)
{
    (void)state;
    size_t count = 0;
    const nb_command *const *commands = nb_commands(&count);
    for (size_t i = 0; i < count; i++) {
        NB_SCOPED(nb_text_fini) nb_text text = {0};
        assert_non_null(commands[i]->run);
        nb_command_print_help(commands[i], false, &text);
        assert_non_null(strstr(text.chars, "examples\n  "));
        for (char *line = strtok(text.chars, "\n"); line; line = strtok(NULL, "\n")) {
            if (nb_text_columns(line) > 80) {
                fail_msg("too wide: %s", line);
            }
        }
    }
}

static void the_overview_has_every_command_and_fits_the_terminal(void **state)
{
    (void)state;
    size_t count = 0;
    const nb_command *const *commands = nb_commands(&count);
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_command_print_overview(false, &text);
    assert_null(strchr(text.chars, '\033'));
    for (size_t i = 0; i < count; i++) {
        assert_non_null(strstr(text.chars, commands[i]->summary));
    }
    for (char *line = strtok(text.chars, "\n"); line; line = strtok(NULL, "\n")) {
        if (nb_text_columns(line) > 80) {
            fail_msg("too wide: %s", line);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere),
        cmocka_unit_test(every_spelling_of_a_value_is_read),
        cmocka_unit_test(a_value_may_look_like_an_option),
        cmocka_unit_test(a_dash_and_a_digit_begin_a_word),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(wrong_options_are_refused_with_the_nearest_name),
        cmocka_unit_test(too_many_words_are_refused),
        cmocka_unit_test(numbers_and_times_of_options_are_matters_of_usage),
        cmocka_unit_test(commands_of_two_words_are_found_wherever_options_stand),
        cmocka_unit_test(an_unknown_command_names_the_nearest),
        cmocka_unit_test(the_same_option_takes_a_value_in_all_commands_or_in_none),
        cmocka_unit_test(one_letter_means_one_option_everywhere),
        cmocka_unit_test(a_second_letter_is_the_same_option),
        cmocka_unit_test(the_overview_has_every_command_and_fits_the_terminal),
        cmocka_unit_test(every_command_has_help_that_fits_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
