// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/task_index.h"

#include "test.h"

enum { TASKS = 2000, ROUNDS = 20000 };

static uint32_t roll(uint64_t *random, uint32_t sides)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*random >> 33) % sides;
}

static void add(nb_task_index *index, uint64_t id, uint64_t *random)
{
    const nb_task_spec spec = {.id = id,
                               .fingerprint = roll(random, 2) ? "core=1" : "core=2",
                               .priority = (int)roll(random, 3),
                               .created_ms = roll(random, 50),
                               .cost = roll(random, 5)};
    assert_ok(nb_task_index_add(index, &spec, err));
}

// Each queued task stands in its lane once, and in order; each other in the list of its state.
static void check(const nb_task_index *index)
{
    size_t placed = 0;
    for (size_t i = 0; i < nb_task_index_lane_count(index); i++) {
        const nb_task_lane *lane = nb_task_index_lane_at(index, i);
        for (size_t j = 0; j < lane->waiting.count; j++) {
            const nb_task *task = lane->waiting.items[lane->waiting.first + j];
            assert_int_equal(task->state, NB_TASK_QUEUED);
            assert_ptr_equal(task->lane, lane);
            if (j > 0) {
                assert_true(
                    nb_task_goes_before(lane->waiting.items[lane->waiting.first + j - 1], task));
            }
        }
        placed += lane->waiting.count;
    }
    const nb_task_state listed[] = {NB_TASK_RUNNING, NB_TASK_FAILED};
    for (size_t i = 0; i < NB_COUNT(listed); i++) {
        for (const nb_task *task = nb_task_index_first(index, listed[i]); task; task = task->next) {
            assert_int_equal(task->state, listed[i]);
            placed++;
        }
    }
    size_t done = 0;
    for (size_t i = 0; i < nb_task_index_count(index); i++) {
        const nb_task *task = nb_task_index_at(index, i);
        assert_ptr_equal(nb_task_index_find(index, task->id), task);
        done += (task->state == NB_TASK_DONE) ? 1 : 0;
    }
    assert_int_equal(placed + done, nb_task_index_count(index));
}

static void whatever_comes_each_task_is_in_its_one_place(void **state)
{
    (void)state;
    uint64_t random = 7;
    uint64_t last_id = 0;
    nb_task_index *index = NULL;
    assert_ok(nb_task_index_new(&index, err));
    for (int i = 0; i < ROUNDS; i++) {
        const size_t count = nb_task_index_count(index);
        if (count == 0 || (count < TASKS && roll(&random, 2) == 0)) {
            add(index, ++last_id, &random);
        } else if (roll(&random, 3) == 0) {
            nb_task *task = nb_task_index_at(index, roll(&random, (uint32_t)count));
            const uint64_t id = task->id;
            nb_task_index_remove(index, task);
            assert_null(nb_task_index_find(index, id));
        } else {
            nb_task *task = nb_task_index_at(index, roll(&random, (uint32_t)count));
            nb_task_index_leave(index, task);
            task->state = (nb_task_state)roll(&random, 4);
            task->priority = (int)roll(&random, 3);
            nb_task_index_enter(index, task);
        }
        if (i % 100 == 0) {
            check(index);
        }
    }
    check(index);
    while (nb_task_index_count(index) > 0) {
        nb_task_index_remove(index, nb_task_index_at(index, 0));
    }
    assert_int_equal(nb_task_index_lane_count(index), 0); // nobody has these fingerprints any more
    nb_task_index_destroy(&index);
}

static void an_id_that_is_known_is_refused(void **state)
{
    (void)state;
    uint64_t random = 7;
    nb_task_index *index = NULL;
    assert_ok(nb_task_index_new(&index, err));
    add(index, 5, &random);
    const nb_task_spec again = {.id = 5, .fingerprint = "core=1"};
    nb_error error = {0};
    assert_int_equal(nb_task_index_add(index, &again, &error), NB_E_EXISTS);
    nb_task_index_destroy(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_comes_each_task_is_in_its_one_place),
        cmocka_unit_test(an_id_that_is_known_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
