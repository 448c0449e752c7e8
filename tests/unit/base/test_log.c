// SPDX-License-Identifier: GPL-3.0-or-later
// Lines of the log as machines read them.
#include "base/log.h"

#include "base/json.h"
#include "tests/test.h"

#include <string.h>
#include <unistd.h>

// What `say` writes to stderr, as one JSON object; the caller frees.
static json_t *line_of(void (*say)(void))
{
    int ends[2];
    char bytes[8192];
    const int kept = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    say();
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(ends[1]);
    const ssize_t size = read(ends[0], bytes, sizeof bytes);
    close(ends[0]);
    assert_true(size > 0);
    json_t *line = json_loadb(bytes, (size_t)size, 0, NULL);
    assert_non_null(line);
    return line;
}

static void say_all(void)
{
    const nb_log_subject all = {.task = 7, .attempt = 2, .job = 9, .node = "\"attic\"\n\x1b[1m"};
    nb_log_about(NB_LOG_WARN, &all, "task %d, \"said\"", 7);
}

static void say_nothing(void) { nb_log_info("ready"); }

static void say_much(void)
{
    char node[5000];
    char text[5000];
    memset(node, '"', sizeof node - 1);
    memset(text, '\\', sizeof text - 1);
    node[sizeof node - 1] = text[sizeof text - 1] = '\0';
    const nb_log_subject all = {INT64_MAX, UINT32_MAX, INT64_MAX, node};
    nb_log_about(NB_LOG_ERROR, &all, "%s", text);
}

static void a_line_says_as_fields_what_it_is_about(void **state)
{
    (void)state;
    assert_ok(nb_log_set_form("json", err));
    json_t *line = line_of(say_all);
    assert_int_equal(json_integer_value(json_object_get(line, "task")), 7);
    assert_int_equal(json_integer_value(json_object_get(line, "attempt")), 2);
    assert_int_equal(json_integer_value(json_object_get(line, "job")), 9);
    const char *node = json_string_value(json_object_get(line, "node"));
    assert_non_null(node);
    assert_non_null(strstr(node, "\"attic\""));
    assert_null(strchr(node, '\x1b'));
    assert_string_equal(json_string_value(json_object_get(line, "level")), "warn");
    assert_string_equal(json_string_value(json_object_get(line, "text")), "task 7, \"said\"");
    json_decref(line);

    line = line_of(say_nothing);
    assert_null(json_object_get(line, "task"));
    assert_null(json_object_get(line, "node"));
    assert_string_equal(json_string_value(json_object_get(line, "text")), "ready");
    json_decref(line);
}

static void a_line_of_any_length_is_an_object(void **state)
{
    (void)state;
    assert_ok(nb_log_set_form("json", err));
    json_t *line = line_of(say_much);
    assert_int_equal(json_integer_value(json_object_get(line, "attempt")), UINT32_MAX);
    json_decref(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_says_as_fields_what_it_is_about),
        cmocka_unit_test(a_line_of_any_length_is_an_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
