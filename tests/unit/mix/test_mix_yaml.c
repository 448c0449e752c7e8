// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/yaml/yaml.h"
#include "tests/test.h"

#include <time.h>

enum { SIZE_MAX_HERE = 1 << 20 };

/// What reading the bytes says first, as "line:column: text"; "" where all is well.
static const char *said(const char *bytes, size_t size)
{
    static char text[600];
    NB_SCOPED(nb_problems_fini) nb_problems problems = {0};
    NB_SCOPED(nb_arena_destroy) nb_arena *arena = nb_arena_new();
    const nb_yaml_node *root = NULL;
    assert_ok(nb_yaml_parse(bytes, size, SIZE_MAX_HERE, arena, &problems, &root, err));
    assert_true(problems.total > 0 || root);
    text[0] = '\0';
    if (problems.total > 0) {
        snprintf(text, sizeof text, "%u:%u: %s", problems.list[0].place.line,
                 problems.list[0].place.column, problems.list[0].text);
    }
    return text;
}

typedef struct refused {
    const char *bytes;
    size_t size;
    const char *says;
} refused;

#define BYTES(text) text, sizeof(text) - 1

static void what_hides_or_tricks_is_refused_at_its_place(void **state)
{
    (void)state;
    static const refused cases[] = {
        {BYTES("a: b\0c\n"), "1:5: a control character (U+0000)"},
        {BYTES("a: 1\nb: \"x\\0y\"\n"), "2:4: a control character (U+0000, written as an escape)"},
        {BYTES("a: \"\\e[31m\"\n"), "1:4: a control character (U+001B"},
        {BYTES("a: \x1b[31mred\n"), "1:4: a control character"},
        {BYTES("a: \xc2\x9bx\n"), "1:4: a control character (U+009B)"},
        {BYTES("a: 1\xc2\x85"
               "b: 2\n"),
         "1:5: a control character (U+0085)"},
        {BYTES("a: 1\xe2\x80\xa8"
               "b: 2\n"),
         "1:5: a line or paragraph separator"},
        {BYTES("a: x\xe2\x80\xaey\n"), "1:5: a character that changes the direction"},
        {BYTES("a: 1\n\xef\xbb\xbf"
               "b: 2\n"),
         "2:1: a byte order mark inside"},
        {BYTES("a: \xff\xfe\n"), "1:4: the byte 0xFF is not UTF-8"},
        {BYTES("a: \xc0\xaf\n"), "1:4: the byte 0xC0 is not UTF-8"},
        {BYTES("a: \xed\xa0\x80\n"), "1:4: the byte 0xED is not UTF-8"},
        {BYTES("\xff\xfe"
               "a\0:\0"),
         "1:1: UTF-16 or UTF-32"},
        {BYTES("a\0:\0 \0b\0"), "1:1: UTF-16 or UTF-32"},
        {BYTES("a: &x 1\n"), "1:4: anchor '&x'"},
        {BYTES("a: *x\n"), "1:4: alias '*x'"},
        {BYTES("a: &x {y: 1}\nb: {<<: *x}\n"), "1:4: anchor"},
        {BYTES("a: {<<: {}}\n"), "1:5: merge keys"},
        {BYTES("a: !foo bar\n"), "1:4: tag '!foo'"},
        {BYTES("!!python/object/apply:os.system [id]\n"), "1:1: tag 'tag:yaml.org,2002:python"},
        {BYTES("%YAML 1.1\n---\na: 1\n"), "directives"},
        {BYTES("a: 1\n---\nb: 2\n"), "2:1: a second document"},
        {BYTES("gain: 1\n\"gain\": 2\n"), "2:1: key 'gain' is given twice, first on line 1"},
        {BYTES("{a: 1, b: 2, a: 3}\n"), "1:14: key 'a' is given twice"},
        {BYTES("? [a, b]\n: 1\n"), "1:3: a key must be a single word"},
        {BYTES("a: \"x\nb: 1\n"), "not YAML"},
        {BYTES("a:\n\tb: 1\n"), "not YAML"},
        {BYTES(""), "1:1: the document is empty"},
        {BYTES("# nothing\n"), "1:1: the document is empty"},
    };
    for (size_t i = 0; i < NB_COUNT(cases); i++) {
        const char *text = said(cases[i].bytes, cases[i].size);
        if (!strstr(text, cases[i].says)) {
            fail_msg("case %zu: expected '%s', got '%s'", i, cases[i].says, text);
        }
    }
}

static void a_mark_at_the_start_and_every_kind_of_line_end_are_fine(void **state)
{
    (void)state;
    assert_string_equal(said(BYTES("\xef\xbb\xbf"
                                   "a: 1\n")),
                        "");
    assert_string_equal(said(BYTES("a: 1\r\nb: 2\r\n")), "");
    assert_string_equal(said(BYTES("a: 1\rb: 2\r")), "");
    assert_string_equal(said(BYTES("---\na: \"caf\xc3\xa9\"\n...\n")), "");
}

/// `count` times `text`, then `end`.
static char *repeated(const char *text, size_t count, const char *end)
{
    const size_t length = strlen(text);
    char *all = malloc(length * count + strlen(end) + 1);
    assert_non_null(all);
    for (size_t i = 0; i < count; i++) {
        memcpy(all + i * length, text, length + 1);
    }
    memcpy(all + length * count, end, strlen(end) + 1);
    return all;
}

static void assert_says(char *bytes, const char *words)
{
    const clock_t start = clock();
    const char *text = said(bytes, strlen(bytes));
    if (!strstr(text, words)) {
        fail_msg("expected '%s', got '%s'", words, text);
    }
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 5.0); // never quadratic
    free(bytes);
}

static void bombs_end_at_a_limit_at_once(void **state)
{
    (void)state;
    assert_says(repeated("[", 100000, ""), "1:65: nested deeper than 64");
    assert_says(repeated("{a: ", 20000, "1"), "nested deeper than 64");
    assert_says(repeated("- ", 50000, "x\n"), "nested deeper than 64");
    assert_says(repeated("x", 70000, ": 1\n"), "a text of 70000 bytes");
    assert_says(repeated("y", 70000, "\n"), "a text of 70000 bytes");
    assert_says(repeated("\n", 2 << 20, "a: 1\n"), "a document has at most");
    assert_says(repeated("- &a x\n", 50000, ""), "anchor");
    assert_says(repeated("[a, ", 60, "]"), "not YAML");
    char *keys = malloc(60000 * 12 + 1);
    assert_non_null(keys);
    size_t length = 0;
    for (int i = 0; i < 60000; i++) {
        length += (size_t)sprintf(keys + length, "k%d: 1\n", i % 59999);
    }
    assert_says(keys, "60000:1: key 'k0' is given twice, first on line 1");
}

static void a_tree_has_the_places_of_the_text(void **state)
{
    (void)state;
    static const char bytes[] =
        "a: 1\nb:\n  - {c: 'x: y', d: ~}\ne: | # note\n   \n    one\n      two\n";
    NB_SCOPED(nb_problems_fini) nb_problems problems = {0};
    NB_SCOPED(nb_arena_destroy) nb_arena *arena = nb_arena_new();
    const nb_yaml_node *root = NULL;
    assert_ok(nb_yaml_parse(BYTES(bytes), SIZE_MAX_HERE, arena, &problems, &root, err));
    assert_int_equal(problems.total, 0);
    assert_int_equal(root->count, 3);
    const nb_yaml_node *map = nb_yaml_find(root, "b")->first;
    assert_int_equal(map->kind, NB_YAML_MAP);
    assert_int_equal(map->place.line, 3);
    assert_int_equal(map->place.column, 5);
    assert_string_equal(nb_yaml_find(map, "c")->text, "x: y");
    assert_string_equal(nb_yaml_find(map, "d")->text, "~"); // text, and nothing else
    const nb_yaml_node *block = nb_yaml_find(root, "e");
    assert_true(block->is_literal);
    assert_int_equal(block->place.line, 4);
    assert_int_equal(block->indent, 4);
    assert_string_equal(block->text, "\none\n  two\n");
    assert_null(nb_yaml_find(root, "f"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_hides_or_tricks_is_refused_at_its_place),
        cmocka_unit_test(a_mark_at_the_start_and_every_kind_of_line_end_are_fine),
        cmocka_unit_test(bombs_end_at_a_limit_at_once),
        cmocka_unit_test(a_tree_has_the_places_of_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
