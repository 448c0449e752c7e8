// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/node/heartbeat.h"

#include "base/clock.h"
#include "unit/protocol/farm.h"

enum {
    LEASE_MS = 5000,
    LONG_LEASE_MS = 60000,   ///< Where nothing is to be dropped, however slow the machine
    FENCED_LEASE_MS = 10000, ///< A tenth of it is enough for a thread that waits for its turn
    PATIENCE_MS = 60000,
};

typedef struct desk {
    farm host;
    nb_farm_address address;
    char farm_text[512];
    nb_identity identity;
    volatile bool stop, drain;
    nb_heartbeat *heartbeat;
} desk;

static void open_desk(desk *self, unsigned lease_ms)
{
    char hex[65];
    memset(self, 0, sizeof *self);
    farm_open(&self->host);
    atomic_store(&self->host.lease_ms, lease_ms);
    atomic_store(&self->host.gives_task, true);
    self->address = farm_invite(&self->host, "renderer-1", true);
    assert_ok(nb_public_key_to_hex(&self->address.server, hex, err));
    snprintf(self->farm_text, sizeof self->farm_text, "%s/%s", self->address.control, hex);
    self->identity = (nb_identity){.farm = self->farm_text,
                                   .key_path = self->address.key_path,
                                   .name = "renderer-1",
                                   .fingerprint = "core=1",
                                   .threads = 1};
    assert_ok(
        nb_heartbeat_start(&self->identity, &self->stop, &self->drain, &self->heartbeat, err));
}

static void close_desk(desk *self)
{
    nb_heartbeat_destroy(&self->heartbeat);
    farm_close(&self->host);
}

static void wait_for_syncs(desk *self, unsigned more)
{
    const unsigned wanted = atomic_load(&self->host.busy_count) + more;
    const int64_t until_ms = nb_clock_ms() + PATIENCE_MS;
    while (atomic_load(&self->host.busy_count) < wanted && nb_clock_ms() < until_ms) {
        nb_clock_sleep_ms(10);
    }
    assert_true(atomic_load(&self->host.busy_count) >= wanted);
}

static void wait_until_cancelled(desk *self, int64_t ms)
{
    const volatile bool *cancelled = nb_heartbeat_cancelled(self->heartbeat);
    const int64_t until_ms = nb_clock_ms() + ms;
    while (!*cancelled && nb_clock_ms() < until_ms) {
        nb_clock_sleep_ms(5);
    }
    assert_true(*cancelled);
}

static void a_renderer_that_cannot_renew_stops_before_its_lease_ends(void **state)
{
    (void)state;
    desk here;
    nb_order order;
    open_desk(&here, FENCED_LEASE_MS);
    assert_true(nb_heartbeat_wait_order(here.heartbeat, &order));
    wait_for_syncs(&here, 1);
    // The link holds and nobody answers: the call itself would wait for longer than the lease runs.
    atomic_store(&here.host.silent, true);
    const int64_t cut_ms = nb_clock_ms();
    wait_until_cancelled(&here, PATIENCE_MS);
    assert_true(nb_heartbeat_is_fenced(here.heartbeat));
    assert_true(nb_clock_ms() - cut_ms < FENCED_LEASE_MS);
    close_desk(&here);
}

static void a_task_given_to_another_is_dropped_at_the_next_heartbeat(void **state)
{
    (void)state;
    desk here;
    nb_order order;
    open_desk(&here, LEASE_MS);
    assert_true(nb_heartbeat_wait_order(here.heartbeat, &order));
    atomic_store(&here.host.drops_task, true);
    wait_until_cancelled(&here, PATIENCE_MS);
    assert_true(nb_heartbeat_is_fenced(here.heartbeat));
    close_desk(&here);
}

static void that_the_task_is_over_is_no_news_while_its_outcome_is_reported(void **state)
{
    (void)state;
    desk here;
    nb_order order;
    open_desk(&here, LEASE_MS);
    assert_true(nb_heartbeat_wait_order(here.heartbeat, &order));
    wait_for_syncs(&here, 1);
    nb_heartbeat_reporting(here.heartbeat);
    atomic_store(&here.host.drops_task, true); // the outcome was heard before the next heartbeat
    wait_for_syncs(&here, 2);
    assert_false(nb_heartbeat_is_fenced(here.heartbeat));
    assert_false(*nb_heartbeat_cancelled(here.heartbeat));
    nb_heartbeat_done(here.heartbeat);
    close_desk(&here);
}

static void a_draining_renderer_ends_after_its_order_and_takes_no_other(void **state)
{
    (void)state;
    desk here;
    nb_order order;
    open_desk(&here, LEASE_MS);
    assert_true(nb_heartbeat_wait_order(here.heartbeat, &order));
    here.drain = true;
    wait_for_syncs(&here, 2); // it goes on, and says that it will stop
    assert_true(atomic_load(&here.host.stopping_count) > 0);
    assert_false(*nb_heartbeat_cancelled(here.heartbeat));
    atomic_store(&here.host.gives_task, false);
    nb_heartbeat_done(here.heartbeat);
    assert_false(nb_heartbeat_wait_order(here.heartbeat, &order));
    close_desk(&here);
}

static unsigned say_lines(desk *self, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        nb_heartbeat_say(self->heartbeat, "line %u", i);
    }
    return count;
}

/// All that was said was either heard, once, or said to be missing.
static void check_lines(desk *self, unsigned said)
{
    const int64_t until_ms = nb_clock_ms() + PATIENCE_MS;
    unsigned known = 0;
    while (known < said && nb_clock_ms() < until_ms) {
        nb_heartbeat_flush(self->heartbeat, 100);
        known = atomic_load(&self->host.line_count) + atomic_load(&self->host.left_out_count);
    }
    assert_int_equal(known, said);
    assert_false(nb_heartbeat_is_fenced(self->heartbeat));
}

static void lines_that_come_too_quickly_are_counted_and_said_to_be_missing(void **state)
{
    (void)state;
    desk here;
    nb_order order;
    open_desk(&here, LONG_LEASE_MS);
    assert_true(nb_heartbeat_wait_order(here.heartbeat, &order));
    const unsigned said = say_lines(&here, 3 * NB_LOG_LINES_MAX);
    check_lines(&here, said);
    assert_true(atomic_load(&here.host.line_count) >= NB_LOG_LINES_MAX - 1);
    assert_true(atomic_load(&here.host.left_out_count) > 0);
    close_desk(&here);
}

static void lines_of_a_full_heartbeat_that_was_refused_are_heard_with_the_next(void **state)
{
    (void)state;
    desk here;
    nb_order order;
    open_desk(&here, LONG_LEASE_MS);
    assert_true(nb_heartbeat_wait_order(here.heartbeat, &order));
    unsigned said = 0;
    const int64_t until_ms = nb_clock_ms() + PATIENCE_MS;
    atomic_store(&here.host.refuses_syncs, true);
    // As many as a heartbeat can carry, and the line about the rest, in one that is refused.
    while (atomic_load(&here.host.refused_line_count) < NB_LOG_LINES_MAX &&
           nb_clock_ms() < until_ms) {
        atomic_store(&here.host.refused_line_count, 0);
        said += say_lines(&here, 2 * NB_LOG_LINES_MAX);
        nb_heartbeat_flush(here.heartbeat, 100);
    }
    assert_true(atomic_load(&here.host.refused_line_count) >= NB_LOG_LINES_MAX);
    said += say_lines(&here, 10); // where the list is full again
    atomic_store(&here.host.refuses_syncs, false);
    check_lines(&here, said);
    assert_true(atomic_load(&here.host.line_count) >= NB_LOG_LINES_MAX - 1);
    close_desk(&here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_renderer_that_cannot_renew_stops_before_its_lease_ends),
        cmocka_unit_test(a_task_given_to_another_is_dropped_at_the_next_heartbeat),
        cmocka_unit_test(that_the_task_is_over_is_no_news_while_its_outcome_is_reported),
        cmocka_unit_test(a_draining_renderer_ends_after_its_order_and_takes_no_other),
        cmocka_unit_test(lines_that_come_too_quickly_are_counted_and_said_to_be_missing),
        cmocka_unit_test(lines_of_a_full_heartbeat_that_was_refused_are_heard_with_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
