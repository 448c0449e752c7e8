// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/sessions.h"

#include "tests/test.h"

static const nb_public_key ada = {"ada"};
static const nb_public_key eve = {"eve"};

static void who_says_hello_without_end_pushes_nobody_out(void **state)
{
    (void)state;
    uint8_t hers[NB_SESSION_SIZE];
    uint8_t first[NB_SESSION_SIZE];
    uint8_t last[NB_SESSION_SIZE];
    nb_sessions *sessions = nb_sessions_new();
    assert_non_null(sessions);
    assert_ok(nb_sessions_open(sessions, &ada, hers, err));
    assert_ok(nb_sessions_open(sessions, &eve, first, err));
    for (unsigned i = 0; i < 2 * NB_SESSIONS_MAX; i++) {
        assert_ok(nb_sessions_open(sessions, &eve, last, err));
    }
    assert_true(nb_sessions_has(sessions, &ada, hers));
    assert_true(nb_sessions_has(sessions, &eve, last));
    assert_false(nb_sessions_has(sessions, &ada, last)); // another's is as good as none
    nb_sessions_close(sessions, &eve);
    assert_false(nb_sessions_use(sessions, &eve, last));
    assert_true(nb_sessions_use(sessions, &ada, hers));
    nb_sessions_destroy(&sessions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_says_hello_without_end_pushes_nobody_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
