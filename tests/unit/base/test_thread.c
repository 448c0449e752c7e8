// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/thread.h"
#include "tests/test.h"

#include <signal.h>

static void *look_at_mask(void *argument)
{
    pthread_sigmask(SIG_SETMASK, NULL, argument);
    return NULL;
}

static void a_thread_gets_no_signals_and_its_maker_still_does(void **state)
{
    (void)state;
    sigset_t of_thread;
    sigset_t of_maker;
    pthread_t thread;
    sigemptyset(&of_thread);
    assert_int_equal(nb_thread_start(&thread, look_at_mask, &of_thread), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_sigmask(SIG_SETMASK, NULL, &of_maker);
    assert_int_equal(sigismember(&of_thread, SIGTERM), 1);
    assert_int_equal(sigismember(&of_thread, SIGINT), 1);
    assert_int_equal(sigismember(&of_maker, SIGTERM), 0);
    assert_int_equal(sigismember(&of_maker, SIGINT), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_gets_no_signals_and_its_maker_still_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
