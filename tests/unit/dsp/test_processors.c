// SPDX-License-Identifier: GPL-3.0-or-later
// The tables of all processors. What they do: test_every_processor and each one's own test.
#include "dsp/processor.h"
#include "tests/test.h"

#include <string.h>

static void assert_sane_param(const nb_processor *it, const nb_param *param)
{
    if (!(param->min <= param->initial && param->initial <= param->max &&
          param->min < param->max)) {
        fail_msg("%s %s: range", it->name, param->name);
    }
    assert_non_null(param->help);
    assert_true(param->help[strlen(param->help) - 1] == '.');
    assert_true((param->scale == NB_SCALE_CHOICE) == (param->choices != NULL));
    assert_true(param->scale != NB_SCALE_LOG || param->min > 0.0);
    assert_true(!param->off || param->scale == NB_SCALE_DB);
    static const char *const endings[][2] = {
        {"dB", "_db"}, {"Hz", "_hz"}, {"ms", "_ms"}, {"s", "_s"}, {"%", "_percent"}};
    for (size_t e = 0; e < NB_COUNT(endings); e++) {
        const size_t length = strlen(endings[e][1]);
        const size_t whole = strlen(param->name);
        const bool ends =
            whole > length && strcmp(param->name + whole - length, endings[e][1]) == 0;
        if (strcmp(param->unit, endings[e][0]) == 0 && !ends) {
            fail_msg("%s %s: no unit in its name", it->name, param->name);
        }
    }
    size_t choices = 0;
    while (param->choices && param->choices[choices]) {
        choices++;
    }
    assert_true(!param->choices || (double)choices == param->max + 1.0);
}

static void parameter_tables_are_sane(void **state)
{
    (void)state;
    for (size_t i = 0; i < nb_processor_count(); i++) {
        const nb_processor *it = nb_processor_at(i);
        assert_ptr_equal(it, nb_processor_find(it->name));
        assert_true(it->revision > 0 && it->init && it->reset && it->process);
        assert_true(it->latency && it->tail && it->help);
        assert_true((it->band_params != NULL) == (it->bands_max > 0));
        for (size_t p = 0; p < it->param_count; p++) {
            assert_sane_param(it, &it->params[p]);
            assert_int_equal(nb_param_find(it->params, it->param_count, it->params[p].name), p);
        }
        for (size_t p = 0; p < it->band_param_count; p++) {
            assert_sane_param(it, &it->band_params[p]);
            assert_int_equal(
                nb_param_find(it->band_params, it->band_param_count, it->band_params[p].name), p);
        }
    }
    assert_null(nb_processor_find("reverberator"));
    assert_int_equal(nb_param_find(NULL, 0, "gain_db"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameter_tables_are_sane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
