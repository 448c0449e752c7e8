// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/task_queue.h"

#include "test.h"

enum { TASKS = 500, ROUNDS = 20000 };

static const char *const prints[] = {"core=1", "core=2"};
static const char *const albums[] = {"a", "b", "c"};

static uint32_t roll(uint64_t *random, uint32_t sides)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*random >> 33) % sides;
}

static void dress(nb_task *task, uint64_t *random)
{
    static char none[] = "";
    static char gpu[] = "gpu";
    task->fingerprint = prints[roll(random, 2)];
    task->priority = (int)roll(random, 3);
    task->label = roll(random, 4) ? none : gpu;
    task->holds = roll(random, 8) ? 0 : NB_HOLD_PAUSED;
    task->cost = roll(random, 5);
    task->created_ms = roll(random, 50);
}

// Every waiting task stands once, in order, in a group of its like; groups go by priority, and of
// one priority by what their albums were charged.
static void check(nb_task_queue *queue, const bool *waits)
{
    size_t seen = 0;
    size_t wanted = 0;
    size_t count = 0;
    nb_task_group *const *groups = nb_task_queue_groups(queue, &count);
    for (size_t i = 0; i < count; i++) {
        const nb_task_group *group = groups[i];
        assert_true(group->count > 0 && group->head + group->count <= group->capacity);
        for (size_t j = 0; j < group->count; j++) {
            const nb_task *task = nb_task_group_at(group, j);
            assert_ptr_equal(task->group, group);
            assert_true(waits[task->id]);
            assert_int_equal(task->priority, group->priority);
            assert_true(j == 0 || nb_task_goes_before(nb_task_group_at(group, j - 1), task));
            seen++;
        }
        if (i > 0) {
            const nb_task_group *before = groups[i - 1];
            assert_true(before->priority > group->priority ||
                        (before->priority == group->priority &&
                         before->share->charge <= group->share->charge));
        }
    }
    for (size_t i = 0; i < TASKS; i++) {
        wanted += waits[i] ? 1 : 0;
    }
    assert_int_equal(seen, wanted);
    assert_int_equal(nb_task_queue_waiting(queue), wanted);
}

static void whatever_comes_each_waiting_task_stands_once_and_in_order(void **state)
{
    (void)state;
    static nb_task tasks[TASKS];
    static bool waits[TASKS];
    uint64_t random = 7;
    nb_task_queue *queue = NULL;
    assert_ok(nb_task_queue_new(&queue, err));
    for (int i = 0; i < ROUNDS; i++) {
        const uint32_t at = roll(&random, TASKS);
        nb_task *task = &tasks[at];
        if (!task->group) {
            *task = (nb_task){.id = at};
            dress(task, &random);
            assert_ok(nb_task_queue_join(queue, task, albums[roll(&random, 3)], err));
        } else if (waits[at]) {
            nb_task_queue_charge(queue, task);
            nb_task_queue_pop(queue, task);
            waits[at] = false;
        } else if (roll(&random, 3) == 0) {
            nb_task_queue_leave(queue, task);
        } else {
            nb_task_queue_push(queue, task);
            waits[at] = true;
        }
        if (i % 50 == 0) {
            check(queue, waits);
        }
    }
    check(queue, waits);
    nb_task_queue_destroy(&queue);
}

// Albums that always have work get the same cost, whatever their tasks' lengths.
static void albums_get_equal_shares_of_cost(void **state)
{
    (void)state;
    nb_task_queue *queue = NULL;
    assert_ok(nb_task_queue_new(&queue, err));
    enum { EACH = 200 };
    static nb_task tasks[2 * EACH];
    static char none[] = "";
    for (size_t i = 0; i < NB_COUNT(tasks); i++) {
        const bool is_long = i % 2 == 0;
        tasks[i] = (nb_task){
            .id = i + 1, .fingerprint = prints[0], .label = none, .cost = is_long ? 999 : 99};
        assert_ok(nb_task_queue_join(queue, &tasks[i], is_long ? "long" : "short", err));
        nb_task_queue_push(queue, &tasks[i]);
    }
    double given[2] = {0};
    for (int i = 0; i < EACH; i++) {
        size_t count = 0;
        nb_task *task = nb_task_group_at(nb_task_queue_groups(queue, &count)[0], 0);
        nb_task_queue_charge(queue, task);
        nb_task_queue_pop(queue, task);
        given[task->cost == 999 ? 0 : 1] += (double)task->cost + 1;
    }
    assert_true(given[0] > 0 && given[0] - given[1] <= 1000 && given[1] - given[0] <= 1000);
    nb_task_queue_destroy(&queue);
}

static void an_album_that_was_idle_saves_nothing_up(void **state)
{
    (void)state;
    nb_task_queue *queue = NULL;
    assert_ok(nb_task_queue_new(&queue, err));
    static nb_task tasks[30];
    static char none[] = "";
    for (size_t i = 0; i < NB_COUNT(tasks); i++) {
        tasks[i] = (nb_task){.id = i + 1, .fingerprint = prints[0], .label = none, .cost = 100};
    }
    for (size_t i = 0; i < 20; i++) { // "early" alone
        assert_ok(nb_task_queue_join(queue, &tasks[i], "early", err));
        nb_task_queue_push(queue, &tasks[i]);
    }
    size_t count = 0;
    for (int i = 0; i < 10; i++) {
        nb_task *task = nb_task_group_at(nb_task_queue_groups(queue, &count)[0], 0);
        nb_task_queue_charge(queue, task);
        nb_task_queue_pop(queue, task);
    }
    for (size_t i = 20; i < 30; i++) {
        assert_ok(nb_task_queue_join(queue, &tasks[i], "late", err));
        nb_task_queue_push(queue, &tasks[i]);
    }
    size_t of_late = 0;
    for (int i = 0; i < 8; i++) {
        nb_task *task = nb_task_group_at(nb_task_queue_groups(queue, &count)[0], 0);
        nb_task_queue_charge(queue, task);
        nb_task_queue_pop(queue, task);
        of_late += task->id > 20 ? 1 : 0;
    }
    assert_in_range(of_late, 4, 5); // half, not the ten that "early" had before it came
    nb_task_queue_destroy(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_comes_each_waiting_task_stands_once_and_in_order),
        cmocka_unit_test(albums_get_equal_shares_of_cost),
        cmocka_unit_test(an_album_that_was_idle_saves_nothing_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
