// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/json.h"
#include "base/text.h"
#include "test.h"

#include <math.h>

static void numbers_are_short_and_silence_is_null(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } numbers[] = {
        {-INFINITY, "null"}, {NAN, "null"}, {-23.1, "-23.1"}, {0.1, "0.1"}, {1.0, "1.0"}};
    for (size_t i = 0; i < NB_COUNT(numbers); i++) {
        NB_SCOPED(nb_json_free) json_t *json = nb_json_number(numbers[i].value);
        NB_SCOPED(nb_text_free) char *text = nb_json_line(json);
        assert_string_equal(text, numbers[i].text);
    }
}

static void damaged_json_is_refused_with_its_place(void **state)
{
    (void)state;
    static const char *const bad[] = {"",        "{",     "[1,]",           "{\"a\":1,\"a\":2}",
                                      "[1e999]", "[NaN]", "[\"\\u0000\"]",  "[\"\\ud800\"]",
                                      "[1] x",   "['a']", "\xef\xbb\xbf[]", "[\"\xff\"]"};
    for (size_t i = 0; i < NB_COUNT(bad); i++) {
        json_t *json = NULL;
        assert_fails(NB_E_INVALID,
                     "notes:1:", nb_json_parse("notes", bad[i], strlen(bad[i]), &json, err));
        assert_null(json);
    }
    json_t *json = NULL;
    char deep[10000];
    memset(deep, '[', sizeof deep);
    assert_fails(NB_E_INVALID, "deep", nb_json_parse("deep", deep, sizeof deep, &json, err));
}

static void members_must_have_their_type(void **state)
{
    (void)state;
    static const char text[] = "{\"s\":\"x\",\"i\":3,\"r\":1.5,\"l\":[1]}";
    NB_SCOPED(nb_json_free) json_t *json = NULL;
    assert_ok(nb_json_parse("x", text, strlen(text), &json, err));
    const char *string = NULL;
    int64_t integer = 0;
    double number = 0.0;
    json_t *array = NULL;
    assert_ok(nb_json_get_string("x", json, "s", &string, err));
    assert_string_equal(string, "x");
    assert_ok(nb_json_get_integer("x", json, "i", &integer, err));
    assert_int_equal(integer, 3);
    assert_ok(nb_json_get_number("x", json, "i", &number, err));
    assert_true(number == 3.0);
    assert_ok(nb_json_get_array("x", json, "l", &array, err));
    assert_int_equal(json_array_size(array), 1);
    assert_fails(NB_E_INVALID, "x: 'r'", nb_json_get_integer("x", json, "r", &integer, err));
    assert_fails(NB_E_INVALID, "'none'", nb_json_get_string("x", json, "none", &string, err));
    assert_fails(NB_E_INVALID, "'s'", nb_json_get_number("x", json, "s", &number, err));
    assert_fails(NB_E_INVALID, "'s'", nb_json_get_array("x", array, "s", &array, err));
    assert_null(array);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_short_and_silence_is_null),
        cmocka_unit_test(damaged_json_is_refused_with_its_place),
        cmocka_unit_test(members_must_have_their_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
