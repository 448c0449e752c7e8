// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/scheduler.h"

#include "test.h"

enum { LEASE_MS = 10000, WAIT_MS = 20000 };

typedef struct farm {
    nb_scheduler *scheduler;
    int64_t now_ms;
} farm;

static farm make_farm(void)
{
    const nb_scheduler_options options = {
        .lease_ms = LEASE_MS, .reconcile_ms = 2 * LEASE_MS, .incarnation = 0x1234567890abcdefULL};
    farm made = {.now_ms = 1000};
    assert_ok(nb_scheduler_new(&options, &made.scheduler, err));
    return made;
}

static void add_task(farm *self, uint64_t id)
{
    const nb_task_spec spec = {.id = id, .fingerprint = "core=1", .created_ms = (int64_t)id};
    assert_ok(nb_scheduler_add_task(self->scheduler, &spec, err));
}

static void greet(farm *self, uint32_t renderer)
{
    assert_ok(nb_scheduler_hello(self->scheduler, renderer, "core=1", renderer, self->now_ms, err));
}

// Its program was started anew.
static void greet_anew(farm *self, uint32_t renderer)
{
    const uint64_t process = nb_scheduler_renderer(self->scheduler, renderer)->process + 1000;
    assert_ok(nb_scheduler_hello(self->scheduler, renderer, "core=1", process, self->now_ms, err));
}

static nb_attempt_id take(farm *self, uint32_t renderer)
{
    nb_attempt_id id = {0};
    nb_scheduler_sync_idle(self->scheduler, renderer, WAIT_MS, self->now_ms);
    assert_true(nb_scheduler_assign(self->scheduler, renderer, self->now_ms, &id));
    return id;
}

static nb_task_state state_of(const farm *self, uint64_t task)
{
    return nb_scheduler_task(self->scheduler, task)->state;
}

static void a_task_goes_to_one_renderer_only(void **state)
{
    (void)state;
    farm here = make_farm();
    nb_attempt_id id;
    greet(&here, 1);
    greet(&here, 2);
    add_task(&here, 7);
    assert_int_equal(take(&here, 1).task, 7);
    assert_false(nb_scheduler_assign(here.scheduler, 2, here.now_ms, &id));
    assert_int_equal(nb_scheduler_renderer(here.scheduler, 1)->state, NB_RENDERER_BUSY);
    nb_scheduler_destroy(&here.scheduler);
}

static void priority_goes_before_length_and_length_before_age(void **state)
{
    (void)state;
    farm here = make_farm();
    greet(&here, 1);
    const nb_task_spec specs[] = {{1, "core=1", 0, 50, 10},
                                  {2, "core=1", 0, 40, 10},
                                  {3, "core=1", 0, 60, 20},
                                  {4, "core=1", 5, 90, 1}};
    for (size_t i = 0; i < NB_COUNT(specs); i++) {
        assert_ok(nb_scheduler_add_task(here.scheduler, &specs[i], err));
    }
    const uint64_t order[] = {4, 3, 2, 1};
    for (size_t i = 0; i < NB_COUNT(order); i++) {
        const nb_attempt_id id = take(&here, 1);
        assert_int_equal(id.task, order[i]);
        assert_ok(nb_scheduler_finish(here.scheduler, 1, &id, here.now_ms, err));
    }
    nb_scheduler_destroy(&here.scheduler);
}

static void a_renewed_lease_holds_and_a_forgotten_one_puts_the_task_back(void **state)
{
    (void)state;
    farm here = make_farm();
    greet(&here, 1);
    add_task(&here, 7);
    const nb_attempt_id id = take(&here, 1);
    for (int i = 0; i < 10; i++) {
        here.now_ms += LEASE_MS - 1;
        assert_true(nb_scheduler_sync_busy(here.scheduler, 1, &id, 5, 10, here.now_ms));
        nb_scheduler_tick(here.scheduler, here.now_ms);
        assert_int_equal(state_of(&here, 7), NB_TASK_RUNNING);
    }
    here.now_ms += LEASE_MS;
    nb_scheduler_tick(here.scheduler, here.now_ms);
    assert_int_equal(state_of(&here, 7), NB_TASK_QUEUED);
    assert_int_equal(nb_scheduler_renderer(here.scheduler, 1)->state, NB_RENDERER_LOST);
    nb_scheduler_destroy(&here.scheduler);
}

static void a_renderer_that_waits_for_work_is_not_lost_while_its_answer_is_held(void **state)
{
    (void)state;
    farm here = make_farm();
    greet(&here, 1);
    nb_scheduler_sync_idle(here.scheduler, 1, WAIT_MS, here.now_ms);
    nb_scheduler_tick(here.scheduler, here.now_ms + WAIT_MS);
    assert_int_equal(nb_scheduler_renderer(here.scheduler, 1)->state, NB_RENDERER_IDLE);
    nb_scheduler_tick(here.scheduler, here.now_ms + WAIT_MS + LEASE_MS);
    assert_int_equal(nb_scheduler_renderer(here.scheduler, 1)->state, NB_RENDERER_LOST);
    nb_scheduler_destroy(&here.scheduler);
}

static void a_dropped_task_goes_to_another_idle_renderer_first(void **state)
{
    (void)state;
    farm here = make_farm();
    greet(&here, 1);
    add_task(&here, 7);
    take(&here, 1);
    greet(&here, 2);
    greet(&here, 1); // killed and started again: it knows nothing of the task
    nb_scheduler_sync_idle(here.scheduler, 1, WAIT_MS, here.now_ms);
    assert_int_equal(state_of(&here, 7), NB_TASK_QUEUED);
    nb_attempt_id id;
    assert_false(nb_scheduler_assign(here.scheduler, 1, here.now_ms, &id));
    assert_true(nb_scheduler_assign(here.scheduler, 2, here.now_ms, &id));
    // Where the other one is no better, it may try again.
    nb_scheduler_sync_idle(here.scheduler, 2, WAIT_MS, here.now_ms);
    assert_true(nb_scheduler_assign(here.scheduler, 1, here.now_ms, &id));
    nb_scheduler_destroy(&here.scheduler);
}

static void an_expired_attempt_comes_back_only_while_nobody_else_has_the_task(void **state)
{
    (void)state;
    farm here = make_farm();
    greet(&here, 1);
    greet(&here, 2);
    add_task(&here, 7);
    const nb_attempt_id first = take(&here, 1);
    here.now_ms += LEASE_MS;
    nb_scheduler_tick(here.scheduler, here.now_ms);
    assert_true(nb_scheduler_sync_busy(here.scheduler, 1, &first, 1, 10, here.now_ms));
    here.now_ms += LEASE_MS;
    nb_scheduler_tick(here.scheduler, here.now_ms);
    const nb_attempt_id second = take(&here, 2);
    assert_int_equal(second.attempt, 2);
    assert_false(nb_scheduler_sync_busy(here.scheduler, 1, &first, 2, 10, here.now_ms));
    assert_true(nb_scheduler_sync_busy(here.scheduler, 2, &second, 2, 10, here.now_ms));
    nb_scheduler_destroy(&here.scheduler);
}

static void a_late_result_is_taken_and_ends_the_other_attempt(void **state)
{
    (void)state;
    farm here = make_farm();
    greet(&here, 1);
    greet(&here, 2);
    add_task(&here, 7);
    const nb_attempt_id first = take(&here, 1);
    here.now_ms += LEASE_MS;
    nb_scheduler_tick(here.scheduler, here.now_ms);
    const nb_attempt_id second = take(&here, 2);
    assert_ok(nb_scheduler_finish(here.scheduler, 1, &first, here.now_ms, err));
    assert_int_equal(state_of(&here, 7), NB_TASK_DONE);
    assert_false(nb_scheduler_sync_busy(here.scheduler, 2, &second, 2, 10, here.now_ms));
    assert_int_equal(nb_scheduler_renderer(here.scheduler, 2)->state, NB_RENDERER_IDLE);
    assert_fails(NB_E_NOT_FOUND, "not open",
                 nb_scheduler_finish(here.scheduler, 2, &second, here.now_ms, err));
    nb_scheduler_destroy(&here.scheduler);
}

static void another_epoch_renderer_or_attempt_is_stale(void **state)
{
    (void)state;
    farm here = make_farm();
    greet(&here, 1);
    greet(&here, 2);
    add_task(&here, 7);
    const nb_attempt_id id = take(&here, 1);
    nb_attempt_id other = id;
    other.epoch.bytes[0] ^= 1;
    assert_fails(NB_E_STALE, "attempt 1",
                 nb_scheduler_finish(here.scheduler, 1, &other, here.now_ms, err));
    assert_fails(NB_E_STALE, "attempt 1",
                 nb_scheduler_finish(here.scheduler, 2, &id, here.now_ms, err));
    other = id;
    other.attempt = 2;
    assert_fails(NB_E_STALE, "attempt 2",
                 nb_scheduler_fail(here.scheduler, 1, &other, NB_END_FAILED, here.now_ms, err));
    assert_false(nb_scheduler_sync_busy(here.scheduler, 2, &id, 0, 0, here.now_ms));
    nb_scheduler_destroy(&here.scheduler);
}

static void the_only_renderer_s_failure_fails_the_task_but_its_loss_does_not(void **state)
{
    (void)state;
    farm here = make_farm();
    greet(&here, 1);
    add_task(&here, 7);
    (void)take(&here, 1);
    here.now_ms += LEASE_MS;
    nb_scheduler_tick(here.scheduler, here.now_ms);
    assert_int_equal(state_of(&here, 7), NB_TASK_QUEUED);
    const nb_attempt_id id = take(&here, 1);
    assert_ok(nb_scheduler_fail(here.scheduler, 1, &id, NB_END_FAILED, here.now_ms, err));
    assert_int_equal(state_of(&here, 7), NB_TASK_FAILED);
    nb_scheduler_destroy(&here.scheduler);
}

static void of_several_renderers_another_one_tries_before_the_one_that_failed(void **state)
{
    (void)state;
    farm here = make_farm();
    for (uint32_t renderer = 1; renderer <= 3; renderer++) {
        greet(&here, renderer);
    }
    add_task(&here, 7);
    nb_attempt_id id = take(&here, 1);
    assert_ok(nb_scheduler_fail(here.scheduler, 1, &id, NB_END_FAILED, here.now_ms, err));
    assert_false(nb_scheduler_assign(here.scheduler, 1, here.now_ms, &id));
    id = take(&here, 2);
    assert_ok(nb_scheduler_fail(here.scheduler, 2, &id, NB_END_FAULT_OF_INPUT, here.now_ms, err));
    assert_int_equal(state_of(&here, 7), NB_TASK_FAILED); // two agree
    nb_scheduler_destroy(&here.scheduler);
}

// The link of one is cut; the others go on. How long until another one has its task?
static int64_t time_to_reassign(uint32_t renderers)
{
    enum { HEARTBEAT = 2000, TICK = 100 };
    farm here = make_farm();
    nb_attempt_id work[32] = {{0}};
    for (uint64_t task = 1; task <= 2 * renderers; task++) {
        add_task(&here, task);
    }
    for (uint32_t i = 1; i <= renderers; i++) {
        greet(&here, i);
        work[i] = take(&here, i);
    }
    const uint64_t orphan = work[1].task;
    const int64_t cut_ms = here.now_ms;
    while (here.now_ms < cut_ms + 10 * LEASE_MS) {
        here.now_ms += TICK;
        nb_scheduler_tick(here.scheduler, here.now_ms);
        for (uint32_t i = 2; i <= renderers; i++) {
            if (here.now_ms % HEARTBEAT == 0) {
                assert_true(nb_scheduler_sync_busy(here.scheduler, i, &work[i], 1, 2, here.now_ms));
            }
            if (here.now_ms % (2 * HEARTBEAT) == (int64_t)i * TICK % (2 * HEARTBEAT)) {
                assert_ok(nb_scheduler_finish(here.scheduler, i, &work[i], here.now_ms, err));
                nb_scheduler_sync_idle(here.scheduler, i, WAIT_MS, here.now_ms);
                if (!nb_scheduler_assign(here.scheduler, i, here.now_ms, &work[i])) {
                    add_task(&here, 1000 + (uint64_t)here.now_ms * 64 + i);
                    assert_true(nb_scheduler_assign(here.scheduler, i, here.now_ms, &work[i]));
                }
            }
            if (work[i].task == orphan) {
                nb_scheduler_destroy(&here.scheduler);
                return here.now_ms - cut_ms;
            }
        }
    }
    nb_scheduler_destroy(&here.scheduler);
    return INT64_MAX;
}

static void
a_dead_renderer_s_task_is_another_s_within_15_s_on_farms_of_two_and_of_twenty(void **state)
{
    (void)state;
    assert_true(time_to_reassign(2) <= 15000);
    assert_true(time_to_reassign(3) <= 15000);
    assert_true(time_to_reassign(20) <= 15000);
}

static void a_renderer_s_loss_does_not_make_an_older_failure_of_another_final(void **state)
{
    (void)state;
    farm here = make_farm();
    greet(&here, 1);
    greet(&here, 2);
    add_task(&here, 7);
    nb_attempt_id id = take(&here, 1);
    assert_ok(nb_scheduler_fail(here.scheduler, 1, &id, NB_END_FAILED, here.now_ms, err));
    id = take(&here, 2);
    here.now_ms += LEASE_MS - 1;
    nb_scheduler_sync_idle(here.scheduler, 1, WAIT_MS, here.now_ms);
    here.now_ms += LEASE_MS; // the second one is killed: the first is the only one alive
    nb_scheduler_tick(here.scheduler, here.now_ms);
    assert_int_equal(state_of(&here, 7), NB_TASK_QUEUED);
    nb_scheduler_destroy(&here.scheduler);
}

static nb_attempt_state last_of(const farm *self, uint64_t id)
{
    const nb_task *task = nb_scheduler_task(self->scheduler, id);
    return task->attempts[task->attempt_count - 1].state;
}

static void expire(farm *self)
{
    self->now_ms += LEASE_MS;
    nb_scheduler_tick(self->scheduler, self->now_ms);
}

static void a_task_that_kills_its_renderers_ends_after_exactly_five_attempts(void **state)
{
    (void)state;
    for (size_t renderers = 1; renderers <= 2; renderers++) {
        farm here = make_farm();
        add_task(&here, 7);
        greet(&here, 1);
        greet(&here, 2);
        for (uint32_t i = 0; i < NB_ATTEMPTS_COUNTED; i++) {
            const uint32_t renderer = 1 + (uint32_t)(i % renderers);
            assert_int_equal(state_of(&here, 7), NB_TASK_QUEUED);
            if (renderers == 1) { // the other one is lost, so that this one may try again
                here.now_ms += 10 * LEASE_MS;
                greet(&here, 1);
                nb_scheduler_tick(here.scheduler, here.now_ms);
            }
            (void)take(&here, renderer);
            greet_anew(&here, renderer);
            nb_scheduler_sync_idle(here.scheduler, renderer, WAIT_MS, here.now_ms);
            assert_int_equal(last_of(&here, 7), NB_ATTEMPT_DIED);
        }
        assert_int_equal(state_of(&here, 7), NB_TASK_FAILED);
        nb_scheduler_destroy(&here.scheduler);
    }
}

static void renderers_that_are_never_heard_of_again_count_against_their_task(void **state)
{
    (void)state;
    farm here = make_farm();
    add_task(&here, 7);
    for (uint32_t renderer = 1; renderer <= NB_ATTEMPTS_COUNTED; renderer++) {
        assert_int_equal(state_of(&here, 7), NB_TASK_QUEUED);
        greet(&here, renderer);
        (void)take(&here, renderer);
        here.now_ms += LEASE_MS; // so that they are not lost at once
        expire(&here);
    }
    // It goes to nobody any more; a while it waits for one of them.
    nb_attempt_id id;
    greet(&here, 9);
    nb_scheduler_sync_idle(here.scheduler, 9, WAIT_MS, here.now_ms);
    assert_false(nb_scheduler_assign(here.scheduler, 9, here.now_ms, &id));
    assert_int_equal(state_of(&here, 7), NB_TASK_QUEUED);
    here.now_ms += NB_VERDICT_LEASES * LEASE_MS;
    nb_scheduler_tick(here.scheduler, here.now_ms);
    assert_int_equal(state_of(&here, 7), NB_TASK_FAILED);
    nb_scheduler_destroy(&here.scheduler);
}

// Its lease ran out, or the coordinator heard of the cut first; then the same process is back.
static void lose_link(farm *self, uint32_t renderer, bool expires)
{
    (void)take(self, renderer);
    if (expires) {
        expire(self);
        assert_int_equal(last_of(self, 7), NB_ATTEMPT_EXPIRED);
    }
    const uint64_t process = nb_scheduler_renderer(self->scheduler, renderer)->process;
    assert_ok(nb_scheduler_hello(self->scheduler, renderer, "core=1", process, self->now_ms, err));
    nb_scheduler_sync_idle(self->scheduler, renderer, WAIT_MS, self->now_ms);
    assert_int_equal(last_of(self, 7), NB_ATTEMPT_ABANDONED);
}

static void cut_links_do_not_count_against_a_task_but_end_it_some_day(void **state)
{
    (void)state;
    farm here = make_farm();
    greet(&here, 1);
    add_task(&here, 7);
    for (int i = 0; i < NB_ATTEMPTS_MAX; i++) {
        assert_int_equal(state_of(&here, 7), NB_TASK_QUEUED);
        assert_int_equal(nb_task_count_against(nb_scheduler_task(here.scheduler, 7)), 0);
        lose_link(&here, 1, i % 2 == 0);
    }
    assert_int_equal(state_of(&here, 7), NB_TASK_FAILED);
    nb_scheduler_destroy(&here.scheduler);
}

static void deaths_count_to_five_whatever_was_cut_between_them(void **state)
{
    (void)state;
    farm here = make_farm();
    greet(&here, 1);
    add_task(&here, 7);
    for (int i = 0; i < NB_ATTEMPTS_COUNTED; i++) {
        lose_link(&here, 1, true);
        nb_attempt_id id = take(&here, 1); // given back: it was asked to stop
        assert_ok(nb_scheduler_fail(here.scheduler, 1, &id, NB_END_GIVEN_BACK, here.now_ms, err));
        assert_int_equal(nb_task_count_against(nb_scheduler_task(here.scheduler, 7)), i);
        assert_int_equal(state_of(&here, 7), NB_TASK_QUEUED);
        (void)take(&here, 1);
        expire(&here);
        greet_anew(&here, 1);
        nb_scheduler_sync_idle(here.scheduler, 1, WAIT_MS, here.now_ms);
    }
    nb_scheduler_tick(here.scheduler, here.now_ms);
    assert_int_equal(state_of(&here, 7), NB_TASK_FAILED);
    nb_scheduler_destroy(&here.scheduler);
}

static void one_that_failed_after_its_lease_is_not_excused_by_coming_back(void **state)
{
    (void)state;
    farm here = make_farm();
    greet(&here, 1);
    add_task(&here, 7);
    const nb_attempt_id id = take(&here, 1);
    expire(&here);
    assert_ok(nb_scheduler_fail(here.scheduler, 1, &id, NB_END_FAILED, here.now_ms, err));
    nb_scheduler_sync_idle(here.scheduler, 1, WAIT_MS, here.now_ms);
    assert_int_equal(last_of(&here, 7), NB_ATTEMPT_EXPIRED);
    nb_scheduler_destroy(&here.scheduler);
}

static void after_a_restart_too_it_counts_only_what_died(void **state)
{
    (void)state;
    static const nb_attempt_state before[] = {NB_ATTEMPT_LIVE, NB_ATTEMPT_EXPIRED};
    for (size_t i = 0; i < 2 * NB_COUNT(before); i++) {
        farm here = make_farm();
        add_task(&here, 7);
        assert_ok(nb_scheduler_know(here.scheduler, 1, err));
        const nb_attempt old = {.id = {7, 1, {{9, 9, 9}}},
                                .renderer = 1,
                                .process = (i < NB_COUNT(before)) ? 1 : 2,
                                .state = before[i % NB_COUNT(before)]};
        assert_ok(nb_scheduler_restore_attempt(here.scheduler, &old, here.now_ms, err));
        greet(&here, 1);
        nb_scheduler_sync_idle(here.scheduler, 1, WAIT_MS, here.now_ms);
        assert_int_equal(last_of(&here, 7),
                         (old.process == 1) ? NB_ATTEMPT_ABANDONED : NB_ATTEMPT_DIED);
        assert_int_equal(state_of(&here, 7), NB_TASK_QUEUED);
        nb_scheduler_destroy(&here.scheduler);
    }
}

static void after_a_restart_the_renderer_goes_on_or_the_task_goes_back(void **state)
{
    (void)state;
    for (int returns = 0; returns < 2; returns++) {
        farm here = make_farm();
        add_task(&here, 7);
        assert_ok(nb_scheduler_know(here.scheduler, 1, err));
        const nb_attempt old = {.id = {7, 1, {{9, 9, 9}}}, .renderer = 1, .state = NB_ATTEMPT_LIVE};
        assert_ok(nb_scheduler_restore_attempt(here.scheduler, &old, here.now_ms, err));
        assert_int_equal(state_of(&here, 7), NB_TASK_RUNNING);
        here.now_ms += 2 * LEASE_MS - 1;
        nb_scheduler_tick(here.scheduler, here.now_ms);
        assert_int_equal(state_of(&here, 7), NB_TASK_RUNNING);
        if (returns) {
            greet(&here, 1);
            assert_true(nb_scheduler_sync_busy(here.scheduler, 1, &old.id, 1, 2, here.now_ms));
            assert_ok(nb_scheduler_finish(here.scheduler, 1, &old.id, here.now_ms, err));
            assert_int_equal(state_of(&here, 7), NB_TASK_DONE);
        } else {
            nb_scheduler_tick(here.scheduler, here.now_ms + 1);
            assert_int_equal(state_of(&here, 7), NB_TASK_QUEUED);
        }
        nb_scheduler_destroy(&here.scheduler);
    }
}

static void a_restored_task_without_attempts_left_is_never_handed_out(void **state)
{
    (void)state;
    farm here = make_farm();
    nb_attempt_id id;
    add_task(&here, 7);
    greet(&here, 1);
    for (uint32_t number = 1; number <= NB_ATTEMPTS_COUNTED; number++) {
        const nb_attempt old = {.id = {7, number, {{9}}}, .renderer = 1, .state = NB_ATTEMPT_DIED};
        assert_ok(nb_scheduler_restore_attempt(here.scheduler, &old, here.now_ms, err));
    }
    assert_false(nb_scheduler_assign(here.scheduler, 1, here.now_ms, &id));
    nb_scheduler_tick(here.scheduler, here.now_ms);
    assert_int_equal(state_of(&here, 7), NB_TASK_FAILED);
    nb_scheduler_destroy(&here.scheduler);
}

static void only_the_fingerprint_that_was_planned_with_may_render(void **state)
{
    (void)state;
    farm here = make_farm();
    nb_attempt_id id;
    add_task(&here, 7);
    assert_int_equal(nb_scheduler_stranded_task(here.scheduler), 0); // nobody lives
    assert_ok(nb_scheduler_hello(here.scheduler, 1, "core=2", 1, here.now_ms, err));
    assert_false(nb_scheduler_assign(here.scheduler, 1, here.now_ms, &id));
    assert_int_equal(nb_scheduler_stranded_task(here.scheduler), 7);
    assert_string_equal(nb_scheduler_fingerprint(here.scheduler), "core=2");
    nb_scheduler_destroy(&here.scheduler);
}

// ---- Random orders of events ----

enum { RENDERERS = 4, TASKS = 12, STEPS = 400 };

typedef struct chaos {
    farm farm;
    uint64_t random;
    bool done[TASKS + 1];                 // what the scheduler accepted
    nb_attempt_id working[RENDERERS + 1]; // task 0: idle
} chaos;

static uint32_t roll(chaos *self, uint32_t sides)
{
    self->random = self->random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(self->random >> 33) % sides;
}

static void check_invariants(const chaos *self)
{
    size_t leases_of[RENDERERS + 1] = {0};
    for (size_t i = 0; i < nb_scheduler_task_count(self->farm.scheduler); i++) {
        const nb_task *task = nb_scheduler_task_at(self->farm.scheduler, i);
        size_t leases = 0;
        for (size_t j = 0; j < task->attempt_count; j++) {
            if (task->attempts[j].state == NB_ATTEMPT_LIVE ||
                task->attempts[j].state == NB_ATTEMPT_SUSPECT) {
                leases++;
                leases_of[task->attempts[j].renderer]++;
            }
        }
        assert_int_equal(leases > 0, task->state == NB_TASK_RUNNING);
        assert_true(leases <= 2); // the second one beside a straggler
        assert_int_equal(self->done[task->id], task->state == NB_TASK_DONE);
    }
    for (uint32_t renderer = 1; renderer <= RENDERERS; renderer++) {
        const nb_renderer *known = nb_scheduler_renderer(self->farm.scheduler, renderer);
        assert_true(leases_of[renderer] <= 1);
        if (known) {
            assert_int_equal(leases_of[renderer], known->state == NB_RENDERER_BUSY ? 1 : 0);
        }
    }
}

static void step(chaos *self)
{
    nb_scheduler *scheduler = self->farm.scheduler;
    const uint32_t renderer = 1 + roll(self, RENDERERS);
    nb_attempt_id *work = &self->working[renderer];
    const int64_t now_ms = self->farm.now_ms;
    switch (roll(self, 9)) {
    case 0:
        greet(&self->farm, renderer);
        break;
    case 1: // restarted: it knows of nothing
        *work = (nb_attempt_id){0};
        nb_scheduler_sync_idle(scheduler, renderer, roll(self, WAIT_MS), now_ms);
        break;
    case 2:
    case 3:
        if (work->task == 0 && nb_scheduler_assign(scheduler, renderer, now_ms, work)) {
            break;
        }
        if (work->task == 0) {
            nb_scheduler_sync_idle(scheduler, renderer, roll(self, WAIT_MS), now_ms);
        }
        break;
    case 4:
    case 5:
        if (work->task && !nb_scheduler_sync_busy(scheduler, renderer, work, 1, 2, now_ms)) {
            *work = (nb_attempt_id){0};
        }
        break;
    case 6:
        if (work->task && nb_scheduler_finish(scheduler, renderer, work, now_ms, NULL) == NB_OK) {
            self->done[work->task] = true;
        }
        *work = (nb_attempt_id){0};
        break;
    case 7:
        if (work->task && roll(self, 4) == 0) {
            (void)!nb_scheduler_fail(scheduler, renderer, work, (nb_attempt_end)roll(self, 3),
                                     now_ms, NULL);
            *work = (nb_attempt_id){0};
        }
        break;
    default:
        self->farm.now_ms += roll(self, LEASE_MS / 2);
        nb_scheduler_tick(scheduler, self->farm.now_ms);
        break;
    }
}

// However it went: with two well-behaved renderers every task ends.
static void drain(chaos *self)
{
    nb_scheduler *scheduler = self->farm.scheduler;
    self->farm.now_ms += 10 * (LEASE_MS + WAIT_MS);
    nb_scheduler_tick(scheduler, self->farm.now_ms);
    self->farm.now_ms += LEASE_MS; // the respite after a mass loss is over
    nb_scheduler_tick(scheduler, self->farm.now_ms);
    for (int round = 0; round < TASKS * NB_ATTEMPTS_MAX; round++) {
        for (uint32_t renderer = 1; renderer <= 2; renderer++) {
            nb_attempt_id id;
            greet(&self->farm, renderer);
            nb_scheduler_sync_idle(scheduler, renderer, 0, self->farm.now_ms);
            if (nb_scheduler_assign(scheduler, renderer, self->farm.now_ms, &id)) {
                assert_ok(nb_scheduler_finish(scheduler, renderer, &id, self->farm.now_ms, err));
                self->done[id.task] = true;
            }
        }
    }
    for (uint64_t task = 1; task <= TASKS; task++) {
        const nb_task_state end = nb_scheduler_task(scheduler, task)->state;
        assert_true(end == NB_TASK_DONE || end == NB_TASK_FAILED);
    }
}

static void no_order_of_events_loses_a_result_or_a_task(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        chaos here = {.farm = make_farm(), .random = seed};
        for (uint64_t task = 1; task <= TASKS; task++) {
            add_task(&here.farm, task);
        }
        for (int i = 0; i < STEPS; i++) {
            step(&here);
            check_invariants(&here);
        }
        drain(&here);
        check_invariants(&here);
        nb_scheduler_destroy(&here.farm.scheduler);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_goes_to_one_renderer_only),
        cmocka_unit_test(priority_goes_before_length_and_length_before_age),
        cmocka_unit_test(a_dropped_task_goes_to_another_idle_renderer_first),
        cmocka_unit_test(a_renewed_lease_holds_and_a_forgotten_one_puts_the_task_back),
        cmocka_unit_test(a_renderer_that_waits_for_work_is_not_lost_while_its_answer_is_held),
        cmocka_unit_test(an_expired_attempt_comes_back_only_while_nobody_else_has_the_task),
        cmocka_unit_test(a_late_result_is_taken_and_ends_the_other_attempt),
        cmocka_unit_test(another_epoch_renderer_or_attempt_is_stale),
        cmocka_unit_test(the_only_renderer_s_failure_fails_the_task_but_its_loss_does_not),
        cmocka_unit_test(of_several_renderers_another_one_tries_before_the_one_that_failed),
        cmocka_unit_test(
            a_dead_renderer_s_task_is_another_s_within_15_s_on_farms_of_two_and_of_twenty),
        cmocka_unit_test(a_renderer_s_loss_does_not_make_an_older_failure_of_another_final),
        cmocka_unit_test(a_task_that_kills_its_renderers_ends_after_exactly_five_attempts),
        cmocka_unit_test(renderers_that_are_never_heard_of_again_count_against_their_task),
        cmocka_unit_test(cut_links_do_not_count_against_a_task_but_end_it_some_day),
        cmocka_unit_test(deaths_count_to_five_whatever_was_cut_between_them),
        cmocka_unit_test(one_that_failed_after_its_lease_is_not_excused_by_coming_back),
        cmocka_unit_test(after_a_restart_too_it_counts_only_what_died),
        cmocka_unit_test(after_a_restart_the_renderer_goes_on_or_the_task_goes_back),
        cmocka_unit_test(a_restored_task_without_attempts_left_is_never_handed_out),
        cmocka_unit_test(only_the_fingerprint_that_was_planned_with_may_render),
        cmocka_unit_test(no_order_of_events_loses_a_result_or_a_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
