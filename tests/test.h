// SPDX-License-Identifier: GPL-3.0-or-later
/// @file test.h  cmocka with what it wants included before it, and the checks our tests share.

#ifndef NB_TESTS_TEST_H
#define NB_TESTS_TEST_H
#include "base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/// The call must succeed; the error's text is shown where it does not.
#define assert_ok(call)                                                                            \
    do {                                                                                           \
        nb_error assert_error = {0};                                                               \
        nb_error *err = &assert_error;                                                             \
        if ((call) != NB_OK) {                                                                     \
            fail_msg("%s: %s", #call, assert_error.text);                                          \
        }                                                                                          \
    } while (0)

/// The call must fail with `expected` and a text that contains `words`. Write `err` as its error.
#define assert_fails(expected, words, call)                                                        \
    do {                                                                                           \
        nb_error assert_error = {0};                                                               \
        nb_error *err = &assert_error;                                                             \
        const nb_status assert_status = (call);                                                    \
        if (assert_status != (expected) || !strstr(assert_error.text, (words))) {                  \
            fail_msg("%s: gave %s '%s'", #call, nb_status_name(assert_status), assert_error.text); \
        }                                                                                          \
    } while (0)

#endif // NB_TESTS_TEST_H
