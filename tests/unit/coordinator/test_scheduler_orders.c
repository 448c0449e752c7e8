// SPDX-License-Identifier: GPL-3.0-or-later
// The state machine under random orders of events, with a clock of its own. Renderers take work,
// report, fall silent, start anew, report late and twice; answers and reports get lost; the
// coordinator starts again from its ledger, or from an older backup of it; some tasks wait for
// others, which may fail. After each event the invariants hold, and in the end every task ends.
//
//     test_scheduler_orders [ORDERS]
//
// ORDERS is how many are tried, each from its own number; a test run takes a few thousand.
#include "coordinator/scheduler.h"

#include "test.h"

enum {
    LEASE_MS = 10000,
    FENCE_MS = LEASE_MS - LEASE_MS / 10, // as the renderer's heartbeat
    LATENCY_MS = 500,
    RENDERERS_MAX = 6,
    TASKS_MAX = 8,
    NEEDS_MAX = 3,
    STEPS = 80,
    REPORTS_MAX = 16,
    ORDERS_DEFAULT = 5000,
};

static uint64_t orders_wanted = ORDERS_DEFAULT;

/// One renderer as it sees itself.
typedef struct machine {
    nb_attempt_id work; ///< Task 0: idle
    uint64_t process;   ///< Another one after each kill
    int64_t renewed_ms;
    bool waits; ///< Its Sync is held: it may be given work at any time
} machine;

/// A report on its way: it arrives late, twice, or never.
typedef struct report {
    uint32_t renderer;
    uint64_t process; ///< That sent it
    nb_attempt_id id;
    bool is_finish;
    nb_attempt_end end;
} report;

/// What the coordinator has on disk.
typedef struct disk {
    size_t attempt_count[TASKS_MAX + 1];
    nb_attempt attempts[TASKS_MAX + 1][NB_ATTEMPTS_MAX];
    bool done[TASKS_MAX + 1], failed[TASKS_MAX + 1];
} disk;

typedef struct world {
    uint64_t random;
    int64_t now_ms;
    uint64_t incarnation;
    nb_scheduler *scheduler;
    uint32_t renderer_count;
    uint64_t task_count;
    size_t need_count[TASKS_MAX + 1];
    uint64_t needs[TASKS_MAX + 1][NEEDS_MAX]; ///< Tasks that must be over before it begins
    machine machines[RENDERERS_MAX + 1];
    size_t report_count;
    report reports[REPORTS_MAX];
    disk ledger, backup;
    bool restored; ///< From the backup: what ran before is not known any more
    unsigned finishes[TASKS_MAX + 1];
    const report *heard; ///< While it arrives
} world;

static uint32_t roll(world *self, uint32_t sides)
{
    self->random = self->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(self->random >> 33) % sides;
}

// A death is one of the process that had it; who is let off lives, or said so while it did.
static void check_judgement(const world *self, const nb_attempt *attempt)
{
    const bool lives = self->machines[attempt->renderer].process == attempt->process;
    if (attempt->state == NB_ATTEMPT_DIED) {
        assert_false(lives);
    } else if (attempt->state == NB_ATTEMPT_ABANDONED) {
        assert_true(lives || (self->heard && self->heard->process == attempt->process));
    }
}

// Only what was tried in vain often enough is given up.
static void check_failure(const world *self, const nb_task *task)
{
    size_t failing = 0;
    for (uint32_t i = 1; i <= self->renderer_count; i++) {
        bool fails = false;
        for (size_t j = 0; j < task->attempt_count; j++) {
            fails = fails || (task->attempts[j].renderer == i &&
                              task->attempts[j].state == NB_ATTEMPT_FAILED);
        }
        failing += fails ? 1 : 0;
    }
    assert_true(nb_task_count_against(task) == NB_ATTEMPTS_COUNTED ||
                task->attempt_count == NB_ATTEMPTS_MAX || failing > 0);
}

// nb_scheduler_observer: the ledger follows.
static void follow(void *context, const nb_task *task, const nb_attempt *attempt)
{
    world *self = context;
    if (attempt) {
        check_judgement(self, attempt);
    } else if (task->state == NB_TASK_FAILED) {
        check_failure(self, task);
    }
    if (attempt) {
        self->ledger.attempts[task->id][attempt->id.attempt - 1] = *attempt;
        if (attempt->id.attempt > self->ledger.attempt_count[task->id]) {
            self->ledger.attempt_count[task->id] = attempt->id.attempt;
        }
    } else if (task->state == NB_TASK_FAILED) {
        self->ledger.failed[task->id] = true;
    }
}

// ---- The coordinator ----

static void start_coordinator(world *self)
{
    const nb_scheduler_options options = {.lease_ms = LEASE_MS,
                                          .reconcile_ms = 2 * LEASE_MS,
                                          .incarnation = ++self->incarnation,
                                          .observer = follow,
                                          .context = self};
    assert_ok(nb_scheduler_new(&options, &self->scheduler, err));
    for (uint64_t task = 1; task <= self->task_count; task++) {
        if (self->ledger.done[task] || self->ledger.failed[task]) {
            continue; // closed, and so not taken up again
        }
        const nb_task_spec spec = {.id = task,
                                   .fingerprint = "core=1",
                                   .created_ms = 1,
                                   .need_count = self->need_count[task],
                                   .needs = self->needs[task]};
        assert_ok(nb_scheduler_add_task(self->scheduler, &spec, err));
        for (size_t i = 0; i < self->ledger.attempt_count[task]; i++) {
            const nb_attempt *attempt = &self->ledger.attempts[task][i];
            assert_ok(nb_scheduler_know(self->scheduler, attempt->renderer, err));
            assert_ok(nb_scheduler_restore_attempt(self->scheduler, attempt, self->now_ms, err));
        }
    }
}

// What ended is let go once its end is on disk, and what waited for it may begin.
static void close_ended(world *self)
{
    for (uint64_t id = 1; id <= self->task_count; id++) {
        const nb_task *task = nb_scheduler_task(self->scheduler, id);
        if (task && (task->state == NB_TASK_DONE || task->state == NB_TASK_FAILED)) {
            nb_scheduler_forget(self->scheduler, id);
        }
    }
}

static void restart_coordinator(world *self)
{
    nb_scheduler_destroy(&self->scheduler);
    for (uint32_t i = 1; i <= self->renderer_count; i++) {
        self->machines[i].waits = false;
    }
    start_coordinator(self);
}

static void restore_backup(world *self)
{
    self->ledger = self->backup;
    self->restored = true;
    memset(self->finishes, 0, sizeof self->finishes);
    for (uint64_t task = 1; task <= self->task_count; task++) {
        self->finishes[task] = self->ledger.done[task] ? 1 : 0;
    }
    restart_coordinator(self);
}

// ---- The renderers ----

static void fence(world *self)
{
    for (uint32_t i = 1; i <= self->renderer_count; i++) {
        if (self->machines[i].work.task && self->now_ms - self->machines[i].renewed_ms > FENCE_MS) {
            self->machines[i].work = (nb_attempt_id){0};
        }
    }
}

static void greet(world *self, uint32_t renderer)
{
    assert_ok(nb_scheduler_hello(self->scheduler, renderer, "core=1",
                                 self->machines[renderer].process, self->now_ms, err));
}

static void sync_machine(world *self, uint32_t renderer)
{
    machine *me = &self->machines[renderer];
    greet(self, renderer); // as each new connection does
    if (me->work.task == 0) {
        nb_scheduler_sync_idle(self->scheduler, renderer, 2 * LEASE_MS, self->now_ms);
        me->waits = true;
        return;
    }
    const int64_t sent_ms = self->now_ms - roll(self, LATENCY_MS);
    const bool keep =
        nb_scheduler_sync_busy(self->scheduler, renderer, &me->work, 1, 2, self->now_ms);
    if (!keep) {
        me->work = (nb_attempt_id){0};
    } else if (roll(self, 8) > 0 && sent_ms > me->renewed_ms) { // else the answer got lost
        me->renewed_ms = sent_ms;
    }
}

static size_t count_workers(const world *self, uint64_t task, uint32_t except)
{
    size_t count = 0;
    for (uint32_t i = 1; i <= self->renderer_count; i++) {
        count += (i != except && self->machines[i].work.task == task) ? 1 : 0;
    }
    return count;
}

static void offer(world *self, uint32_t renderer)
{
    machine *me = &self->machines[renderer];
    nb_attempt_id id;
    if (!me->waits || !nb_scheduler_assign(self->scheduler, renderer, self->now_ms, &id)) {
        return;
    }
    me->waits = false;
    assert_true(nb_task_count_against(nb_scheduler_task(self->scheduler, id.task)) <
                NB_ATTEMPTS_COUNTED);
    if (roll(self, 16) == 0) {
        // It could not be written down: as if it had never been.
        nb_scheduler_unassign(self->scheduler, renderer, &id);
        self->ledger.attempt_count[id.task]--;
        return;
    }
    const nb_task *task = nb_scheduler_task(self->scheduler, id.task);
    for (size_t i = 0; i < self->need_count[id.task]; i++) {
        const uint64_t needed = self->needs[id.task][i];
        assert_true(self->ledger.done[needed] || self->ledger.failed[needed]);
    }
    const bool beside_straggler = nb_task_leased_count(task) > 1;
    for (size_t i = 0; beside_straggler && i + 1 < task->attempt_count; i++) {
        assert_true(!nb_attempt_is_leased(&task->attempts[i]) ||
                    self->now_ms - task->attempts[i].started_ms >= NB_STRAGGLER_MS);
    }
    if (!beside_straggler && !self->restored) {
        // Whoever had it before has stopped by itself.
        assert_int_equal(count_workers(self, id.task, renderer), 0);
    }
    if (roll(self, 10) > 0) { // else the orders got lost
        me->work = id;
        me->renewed_ms = self->now_ms + roll(self, LATENCY_MS);
    }
}

static void send_report(world *self, uint32_t renderer)
{
    machine *me = &self->machines[renderer];
    if (me->work.task == 0 || self->report_count == REPORTS_MAX) {
        return;
    }
    self->reports[self->report_count++] = (report){.renderer = renderer,
                                                   .process = me->process,
                                                   .id = me->work,
                                                   .is_finish = roll(self, 3) > 0,
                                                   .end = (nb_attempt_end)roll(self, 3)};
    me->work = (nb_attempt_id){0};
}

// ---- Reports as they arrive ----

static void arrive(world *self)
{
    if (self->report_count == 0) {
        return;
    }
    const size_t index = roll(self, (uint32_t)self->report_count);
    const report said = self->reports[index];
    if (roll(self, 5) > 0) { // else it comes again
        self->reports[index] = self->reports[--self->report_count];
    }
    const nb_task *task = nb_scheduler_task(self->scheduler, said.id.task);
    self->heard = &said;
    const bool was_open = task && task->state != NB_TASK_DONE && task->state != NB_TASK_FAILED;
    if (!said.is_finish) {
        (void)!nb_scheduler_fail(self->scheduler, said.renderer, &said.id, said.end, self->now_ms,
                                 NULL);
        self->heard = NULL;
        return;
    }
    if (!nb_scheduler_renderer(self->scheduler, said.renderer)) {
        greet(self, said.renderer);
    }
    const nb_status status =
        nb_scheduler_finish(self->scheduler, said.renderer, &said.id, self->now_ms, NULL);
    self->heard = NULL;
    if (status == NB_OK) {
        assert_true(was_open);
        self->finishes[said.id.task]++;
        self->ledger.done[said.id.task] = true;
        assert_int_equal(self->finishes[said.id.task], 1);
    }
}

static void forge(world *self)
{
    // Never given out: another epoch, another renderer, another number.
    const uint64_t id = 1 + roll(self, (uint32_t)self->task_count);
    const nb_task *task = nb_scheduler_task(self->scheduler, id);
    if (!task || task->attempt_count == 0) {
        return;
    }
    const nb_attempt *attempt = &task->attempts[roll(self, (uint32_t)task->attempt_count)];
    nb_attempt_id forged = attempt->id;
    uint32_t renderer = attempt->renderer;
    switch (roll(self, 3)) {
    case 0:
        forged.epoch.bytes[roll(self, NB_EPOCH_SIZE)] ^= 0x40;
        break;
    case 1:
        renderer = renderer % self->renderer_count + 1;
        if (renderer == attempt->renderer) {
            return;
        }
        break;
    default:
        forged.attempt = (uint32_t)task->attempt_count + 1;
        break;
    }
    const nb_task_state before = task->state;
    assert_false(nb_scheduler_sync_busy(self->scheduler, renderer, &forged, 1, 2, self->now_ms));
    assert_true(nb_scheduler_finish(self->scheduler, renderer, &forged, self->now_ms, NULL) !=
                NB_OK);
    assert_true(nb_scheduler_fail(self->scheduler, renderer, &forged, NB_END_FAILED, self->now_ms,
                                  NULL) != NB_OK);
    assert_int_equal(nb_scheduler_task(self->scheduler, id)->state, before);
}

// ---- Invariants ----

static void check_attempts(const nb_task *task, size_t leases_of[RENDERERS_MAX + 1])
{
    size_t leases = 0;
    assert_true(task->attempt_count <= NB_ATTEMPTS_MAX);
    assert_true(nb_task_count_against(task) <= NB_ATTEMPTS_COUNTED);
    for (size_t i = 0; i < task->attempt_count; i++) {
        const nb_attempt *attempt = &task->attempts[i];
        assert_int_equal(attempt->id.attempt, i + 1);
        if (nb_attempt_is_leased(attempt)) {
            leases++;
            leases_of[attempt->renderer]++;
        }
        for (size_t j = 0; j < i; j++) { // never the same epoch, not even over restarts
            assert_true(memcmp(&attempt->id.epoch, &task->attempts[j].id.epoch,
                               sizeof attempt->id.epoch) != 0);
        }
    }
    assert_int_equal(leases > 0, task->state == NB_TASK_RUNNING);
    assert_true(leases <= 2);
}

// It is blocked as long as one that it waits for is there, and no longer.
static void check_needs(const world *self, const nb_task *task)
{
    size_t there = 0;
    for (size_t i = 0; i < self->need_count[task->id]; i++) {
        there += nb_scheduler_task(self->scheduler, self->needs[task->id][i]) ? 1 : 0;
    }
    assert_int_equal(there, task->waits_for);
    if (task->state == NB_TASK_BLOCKED) {
        assert_true(there > 0);
    } else if (task->attempt_count == 0) {
        assert_int_equal(there, 0);
    }
}

static void check(const world *self)
{
    size_t leases_of[RENDERERS_MAX + 1] = {0};
    for (size_t i = 0; i < nb_scheduler_task_count(self->scheduler); i++) {
        const nb_task *task = nb_scheduler_task_at(self->scheduler, i);
        check_attempts(task, leases_of);
        check_needs(self, task);
        assert_int_equal(self->ledger.done[task->id], task->state == NB_TASK_DONE);
    }
    for (uint32_t i = 1; i <= self->renderer_count; i++) {
        const nb_renderer *known = nb_scheduler_renderer(self->scheduler, i);
        assert_true(leases_of[i] <= 1);
        assert_true(!known || leases_of[i] == known->leases);
        assert_true(!known || known->state != NB_RENDERER_BUSY || leases_of[i] == 1);
    }
}

// ---- One order ----

static void pass_time(world *self, uint32_t ms)
{
    self->now_ms += ms;
    fence(self);
    nb_scheduler_tick(self->scheduler, self->now_ms);
}

/// Killed, and started anew: it knows of nothing.
static void kill_renderer(world *self, uint32_t renderer)
{
    self->machines[renderer] = (machine){.process = self->machines[renderer].process + 1};
    sync_machine(self, renderer);
}

/// What happens once in forty steps, twice, and so on.
static void step(world *self)
{
    const uint32_t renderer = 1 + roll(self, self->renderer_count);
    const uint32_t drawn = roll(self, 40);
    if (drawn < 1) {
        kill_renderer(self, renderer);
    } else if (drawn < 2) {
        restart_coordinator(self);
    } else if (drawn < 3) {
        self->backup = self->ledger;
    } else if (drawn < 4) {
        if (roll(self, 4) == 0) {
            restore_backup(self);
        }
    } else if (drawn < 5) {
        forge(self);
    } else if (drawn < 6) { // a clock that stood still: suspended, or the whole machine too busy
        pass_time(self, LEASE_MS + roll(self, 4 * LEASE_MS));
    } else if (drawn < 7) {
        close_ended(self);
    } else if (drawn < 10) {
        send_report(self, renderer);
    } else if (drawn < 14) {
        arrive(self);
    } else if (drawn < 21) {
        offer(self, renderer);
    } else if (drawn < 28) {
        pass_time(self, roll(self, LEASE_MS / 3));
    } else {
        sync_machine(self, renderer);
    }
}

// However it went: once all behave, every task ends, and only what used up its chances fails.
static void drain(world *self)
{
    self->report_count = 0;
    for (unsigned round = 0; round < 10 * TASKS_MAX * NB_ATTEMPTS_COUNTED; round++) {
        self->now_ms += LEASE_MS;
        nb_scheduler_tick(self->scheduler, self->now_ms);
        for (uint32_t i = 1; i <= self->renderer_count; i++) {
            self->machines[i] = (machine){.process = self->machines[i].process + 1};
            sync_machine(self, i);
            nb_attempt_id id;
            if (nb_scheduler_assign(self->scheduler, i, self->now_ms, &id)) {
                assert_ok(nb_scheduler_finish(self->scheduler, i, &id, self->now_ms, err));
                self->ledger.done[id.task] = true;
            }
        }
        close_ended(self);
        if (nb_scheduler_task_count(self->scheduler) == 0) {
            return;
        }
    }
    fail_msg("a task is stuck");
}

static void run_order(uint64_t number)
{
    world here = {.random = number * UINT64_C(0x9e3779b97f4a7c15) + 1, .now_ms = 1000};
    here.renderer_count = 1 + roll(&here, RENDERERS_MAX);
    here.task_count = 1 + roll(&here, TASKS_MAX);
    for (uint32_t i = 1; i <= here.renderer_count; i++) {
        here.machines[i].process = 1;
    }
    for (uint64_t task = 2; task <= here.task_count; task++) {
        here.need_count[task] = (roll(&here, 3) == 0) ? 1 + roll(&here, NEEDS_MAX) : 0;
        for (size_t i = 0; i < here.need_count[task]; i++) {
            here.needs[task][i] = 1 + roll(&here, (uint32_t)task - 1);
        }
    }
    start_coordinator(&here);
    for (int i = 0; i < STEPS; i++) {
        step(&here);
        check(&here);
    }
    drain(&here);
    check(&here);
    nb_scheduler_destroy(&here.scheduler);
}

static void no_order_of_events_loses_or_doubles_anything(void **state)
{
    (void)state;
    for (uint64_t number = 1; number <= orders_wanted; number++) {
        run_order(number);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        orders_wanted = strtoull(argv[1], NULL, 10);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_order_of_events_loses_or_doubles_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
