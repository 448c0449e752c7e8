// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/costs.h"
#include "coordinator/plan_ledger.h"

#include "scratch.h"

#include <stdlib.h>

static nb_ledger *open_ledger(const char *folder)
{
    nb_ledger *ledger = NULL;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "ledger.sqlite");
    assert_ok(nb_ledger_open(path, &ledger, err));
    return ledger;
}

static nb_freeze_row freeze(uint8_t key, uint64_t size, int64_t used_ms)
{
    return (nb_freeze_row){
        .key = {{key}}, .digest = {{key, 9}}, .size = size, .made_ms = 1, .used_ms = used_ms};
}

static bool is_kept(nb_ledger *ledger, uint8_t key)
{
    nb_freeze_row row;
    const nb_digest digest = {{key}};
    return nb_ledger_get_freeze(ledger, &digest, &row, NULL) == NB_OK;
}

static void the_longest_unused_edges_go_first(void **state)
{
    nb_ledger *ledger = open_ledger(*state);
    bool needed = false;
    for (uint8_t key = 1; key <= 5; key++) {
        const nb_freeze_row row = freeze(key, 100, 1000 * key);
        assert_ok(nb_ledger_put_freeze(ledger, &row, err));
    }
    const nb_digest second = {{2}};
    const nb_digest file = {{2, 9}};
    assert_ok(nb_ledger_is_needed(ledger, &file, 0, &needed, err));
    assert_true(needed);
    assert_ok(nb_ledger_use_freeze(ledger, &second, 9000, err)); // now the newest
    assert_ok(nb_ledger_trim_freezes(ledger, 1500, 250, err));
    assert_false(is_kept(ledger, 1)); // too old
    assert_true(is_kept(ledger, 2));
    assert_false(is_kept(ledger, 3)); // 250 bytes hold two
    assert_false(is_kept(ledger, 4));
    assert_true(is_kept(ledger, 5));
    const nb_digest gone = {{4, 9}};
    assert_ok(nb_ledger_is_needed(ledger, &gone, 0, &needed, err));
    assert_false(needed);
    nb_ledger_close(&ledger);
}

static void of_two_files_for_one_edge_the_first_stays(void **state)
{
    nb_ledger *ledger = open_ledger(*state);
    nb_freeze_row row = freeze(7, 100, 5);
    assert_ok(nb_ledger_put_freeze(ledger, &row, err));
    row.digest.bytes[0] = 99;
    row.used_ms = 6;
    assert_ok(nb_ledger_put_freeze(ledger, &row, err));
    assert_ok(nb_ledger_get_freeze(ledger, &row.key, &row, err));
    assert_int_equal(row.digest.bytes[0], 7);
    assert_int_equal(row.used_ms, 6);
    nb_ledger_close(&ledger);
}

static void a_jobs_outputs_take_the_place_of_what_was_there(void **state)
{
    nb_ledger *ledger = open_ledger(*state);
    assert_ok(nb_ledger_add_album(ledger, "night", 5, err));
    nb_job job = {.album = "night", .song = "song", .version = "v1", .created_ms = 3};
    assert_ok(nb_ledger_add_job(ledger, &job, err));
    const nb_plan_output first[] = {{"mix", {{1}}}};
    const nb_plan_output second[] = {{"stem/vox", {{3}}}, {"alternate/tv", {{2}}}};
    nb_plan_output *list = NULL;
    size_t count = 0;
    bool stems = true;
    assert_ok(nb_ledger_put_job_outputs(ledger, job.id, first, 1, err));
    assert_ok(nb_ledger_put_job_outputs(ledger, job.id, second, 2, err));
    assert_ok(nb_ledger_list_job_outputs(ledger, job.id, &list, &count, err));
    assert_int_equal(count, 2);
    assert_string_equal(list[0].name, "alternate/tv");
    assert_int_equal(list[1].key.bytes[0], 3);
    free(list);
    assert_ok(nb_ledger_wants_stems(ledger, job.id, &stems, err));
    assert_false(stems);
    assert_ok(nb_ledger_want_stems(ledger, job.id, err));
    assert_ok(nb_ledger_wants_stems(ledger, job.id, &stems, err));
    assert_true(stems);
    nb_ledger_close(&ledger);
}

static void costs_are_those_that_were_measured_and_none_else(void **state)
{
    nb_ledger *ledger = open_ledger(*state);
    nb_costs costs;
    nb_estimate_node pace = {1.0, 1.0};
    nb_task_cost cost = {.ns_per_frame = 200.0, .frames = 48000, .made_frames = 24000};
    assert_ok(nb_ledger_read_costs(ledger, &costs, err));
    assert_int_equal(costs.count, 0);
    assert_true(nb_costs_find(&costs, nb_processor_find("limiter")) < 0.0);
    assert_ok(nb_ledger_get_pace(ledger, "nobody", &pace, err));
    assert_true(pace.ms == 0.0);
    nb_task_row task = {.mix_key = {{1}}, .fingerprint = strdup("f"), .label = strdup("l")};
    assert_ok(nb_ledger_add_task(ledger, &task, err));
    assert_ok(nb_ledger_put_cost(ledger, task.id, &cost, err));
    cost = (nb_task_cost){0};
    assert_ok(nb_ledger_get_cost(ledger, task.id, &cost, err));
    assert_float_equal(nb_task_cost_us(&cost), 9600.0, 1e-9);
    assert_int_equal(cost.made_frames, 24000);
    nb_task_row_fini(&task);
    nb_ledger_close(&ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_longest_unused_edges_go_first, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(of_two_files_for_one_edge_the_first_stays, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(a_jobs_outputs_take_the_place_of_what_was_there,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(costs_are_those_that_were_measured_and_none_else,
                                        scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
