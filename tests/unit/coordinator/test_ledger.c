// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/farm_ledger.h"

#include "coordinator/incident_ledger.h"
#include "scratch.h"

#include <math.h>

static nb_ledger *open_ledger(const char *folder)
{
    nb_ledger *ledger = NULL;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "ledger.sqlite");
    assert_ok(nb_ledger_open(path, &ledger, err));
    return ledger;
}

static nb_result make_result(uint8_t key, uint8_t bytes)
{
    nb_result made = {.mix_key = {{key}},
                      .fingerprint = strdup("core=1"),
                      .node = "r1",
                      .integrated_lufs = -INFINITY,
                      .true_peak_dbtp = -1.5,
                      .duration_s = 3.0,
                      .rate_hz = 48000,
                      .output_count = 1,
                      .outputs = {{"mix.wav", {{bytes}}, 44}}};
    return made;
}

static void what_was_written_is_there_after_opening_anew(void **state)
{
    nb_ledger *ledger = open_ledger(*state);
    const nb_public_key key = {"0123456789012345678901234567890123456789"};
    const nb_member ada = {.name = "ada", .roles = NB_ROLE_OWNER, .local = true};
    nb_member member;
    assert_ok(nb_ledger_put_member(ledger, &key, &ada, err));
    assert_ok(nb_ledger_add_album(ledger, "night", 5, err));
    assert_ok(nb_ledger_set_settled(ledger, "night", "abc", err));
    nb_ledger_close(&ledger);

    ledger = open_ledger(*state);
    assert_ok(nb_ledger_get_member(ledger, &key, &member, err));
    assert_string_equal(member.name, "ada");
    assert_int_equal(member.roles, NB_ROLE_OWNER);
    assert_true(member.local);
    nb_album_row row;
    assert_ok(nb_ledger_get_album(ledger, "night", &row, err));
    assert_string_equal(row.settled, "abc");
    assert_fails(NB_E_NOT_FOUND, "album list", nb_ledger_get_album(ledger, "day", &row, err));
    assert_fails(NB_E_EXISTS, "", nb_ledger_add_album(ledger, "night", 6, err));
    const nb_public_key other = {"x"};
    assert_fails(NB_E_PERMISSION, "not known", nb_ledger_get_member(ledger, &other, &member, err));
    nb_ledger_close(&ledger);
}

static void a_transaction_that_failed_leaves_nothing(void **state)
{
    nb_ledger *ledger = open_ledger(*state);
    nb_album_row row;
    assert_ok(nb_ledger_begin(ledger, err));
    assert_ok(nb_ledger_add_album(ledger, "night", 5, err));
    assert_int_equal(nb_ledger_end(ledger, NB_E_INVALID, NULL), NB_E_INVALID);
    assert_fails(NB_E_NOT_FOUND, "night", nb_ledger_get_album(ledger, "night", &row, err));
    nb_ledger_close(&ledger);
}

static void a_newer_program_s_ledger_is_refused_in_words(void **state)
{
    nb_ledger *ledger = open_ledger(*state);
    nb_ledger_close(&ledger);
    // The version is a number of four bytes at offset 60 of the file's header.
    NB_SCOPED(nb_text_free) char *path = nb_file_join(*state, "ledger.sqlite");
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 63, SEEK_SET), 0);
    assert_int_equal(fputc(3, file), 3);
    assert_int_equal(fclose(file), 0);
    assert_fails(NB_E_VERSION, "newer nightbus-coordinator", nb_ledger_open(path, &ledger, err));
    assert_null(ledger);
}

static void a_file_that_is_no_ledger_is_refused(void **state)
{
    NB_SCOPED(nb_text_free) char *path = nb_file_join(*state, "ledger.sqlite");
    nb_ledger *ledger = NULL;
    char junk[4096];
    memset(junk, 'x', sizeof junk);
    assert_ok(nb_file_write(path, junk, sizeof junk, 0600, err));
    assert_fails(NB_E_CORRUPT, "not a database", nb_ledger_open(path, &ledger, err));
}

static void blobs_are_needed_while_pinned_and_for_ever_once_kept(void **state)
{
    nb_ledger *ledger = open_ledger(*state);
    const nb_digest pinned = {{1}};
    const nb_digest kept = {{2}};
    const nb_digest output = {{3}};
    const nb_digest nobody = {{4}};
    bool needed = false;
    uint64_t size = 0;
    assert_ok(nb_ledger_add_album(ledger, "night", 5, err));
    assert_ok(nb_ledger_pin_blob(ledger, "night", &pinned, 7, 1000, err));
    assert_ok(nb_ledger_pin_blob(ledger, "night", &kept, 8, 1000, err));
    assert_ok(nb_ledger_keep_blob(ledger, "night", &kept, 8, err));
    nb_result result = make_result(9, 3);
    assert_ok(nb_ledger_put_result(ledger, &result, err));
    nb_result_fini(&result);
    assert_ok(nb_ledger_is_needed(ledger, &pinned, 999, &needed, err));
    assert_true(needed);
    assert_ok(nb_ledger_is_needed(ledger, &pinned, 1001, &needed, err));
    assert_false(needed);
    assert_ok(nb_ledger_is_needed(ledger, &kept, 1001, &needed, err));
    assert_true(needed);
    assert_ok(nb_ledger_is_needed(ledger, &output, 1001, &needed, err));
    assert_true(needed);
    assert_ok(nb_ledger_is_needed(ledger, &output, INT64_MAX / 2, &needed, err));
    assert_false(needed); // long after its 90 days
    assert_ok(nb_ledger_is_needed(ledger, &nobody, 0, &needed, err));
    assert_false(needed);
    assert_ok(nb_ledger_prune(ledger, 0, 2000, err));
    assert_fails(NB_E_NOT_FOUND, "no blob",
                 nb_ledger_get_blob(ledger, "night", &pinned, &size, err));
    assert_ok(nb_ledger_get_blob(ledger, "night", &kept, &size, err));
    assert_int_equal(size, 8);
    nb_ledger_close(&ledger);
}

static void the_first_answer_to_a_request_stands(void **state)
{
    nb_ledger *ledger = open_ledger(*state);
    const uint8_t id[NB_CLIENT_ID_SIZE] = {1};
    void *bytes = NULL;
    size_t size = 0;
    assert_ok(nb_ledger_get_answer(ledger, id, "push", "night", &bytes, &size, err));
    assert_null(bytes);
    assert_ok(nb_ledger_put_answer(ledger, id, "push", "night", "one", 3, 10, err));
    assert_ok(nb_ledger_put_answer(ledger, id, "push", "night", "two", 3, 11, err));
    assert_ok(nb_ledger_get_answer(ledger, id, "push", "night", &bytes, &size, err));
    assert_int_equal(size, 3);
    assert_memory_equal(bytes, "one", 3);
    free(bytes);
    nb_ledger_close(&ledger);
}

static void jobs_tasks_and_results_come_back_as_they_were(void **state)
{
    nb_ledger *ledger = open_ledger(*state);
    assert_ok(nb_ledger_add_album(ledger, "night", 5, err));
    nb_job job = {
        .album = "night", .song = "song", .version = "v3", .commit = "c", .created_ms = 4};
    assert_ok(nb_ledger_add_job(ledger, &job, err));
    nb_task_row task = {.plan = {{1}},
                        .plan_size = 9,
                        .mix_key = {{2}},
                        .fingerprint = strdup("core=1"),
                        .label = strdup("song@v3")};
    assert_ok(nb_ledger_add_task(ledger, &task, err));
    job.task = task.id;
    job.mix_key = task.mix_key;
    assert_ok(nb_ledger_update_job(ledger, &job, err));
    uint64_t found = 0;
    assert_ok(nb_ledger_find_task(ledger, &task.mix_key, &found, err));
    assert_int_equal(found, task.id);

    nb_job back;
    assert_ok(nb_ledger_find_job(ledger, "night", "song", "v3", &back, err));
    assert_int_equal(back.id, job.id);
    assert_true(nb_digest_equal(&back.mix_key, &task.mix_key));
    assert_ok(nb_ledger_end_task(ledger, task.id, NB_TASK_DONE, "", err));
    assert_ok(nb_ledger_find_task(ledger, &task.mix_key, &found, err));
    assert_int_equal(found, 0);

    nb_result result = make_result(2, 7);
    nb_result read = {0};
    assert_ok(nb_ledger_put_result(ledger, &result, err));
    assert_ok(nb_ledger_get_result(ledger, &task.mix_key, &read, err));
    assert_true(nb_result_equal(&result, &read));
    assert_true(isinf(read.integrated_lufs) && read.true_peak_dbtp == -1.5);
    read.outputs[0].digest.bytes[5] ^= 1;
    assert_false(nb_result_equal(&result, &read));
    nb_result_fini(&read);
    nb_result_fini(&result);
    nb_task_row_fini(&task);
    nb_ledger_close(&ledger);
}

static void only_the_newest_log_lines_are_kept(void **state)
{
    nb_ledger *ledger = open_ledger(*state);
    nb_task_row task = {.fingerprint = strdup("core=1"), .label = strdup("song@v3")};
    assert_ok(nb_ledger_add_task(ledger, &task, err));
    assert_ok(nb_ledger_begin(ledger, err));
    for (uint64_t cursor = 1; cursor <= NB_TASK_LINES_MAX + 10; cursor++) {
        assert_ok(nb_ledger_add_line(ledger, task.id, cursor, "line", err));
    }
    assert_ok(nb_ledger_trim_lines(ledger, task.id, err));
    assert_ok(nb_ledger_end(ledger, NB_OK, err));
    nb_task_line *lines = NULL;
    size_t count = 0;
    assert_ok(nb_ledger_list_lines(ledger, task.id, 0, &lines, &count, err));
    assert_int_equal(count, NB_LOG_LINES_MAX);
    assert_int_equal(lines[0].cursor, 11);
    uint64_t dropped = 0;
    assert_ok(nb_ledger_dropped_lines(ledger, task.id, &dropped, err));
    assert_int_equal(dropped, 10);
    nb_task_lines_free(&lines, count);
    assert_ok(nb_ledger_list_lines(ledger, task.id, NB_TASK_LINES_MAX + 8, &lines, &count, err));
    assert_int_equal(count, 2);
    nb_task_lines_free(&lines, count);
    nb_task_row_fini(&task);
    nb_ledger_close(&ledger);
}

static void two_connections_see_each_other_s_commits(void **state)
{
    nb_ledger *one = open_ledger(*state);
    nb_ledger *two = open_ledger(*state);
    const nb_digest digest = {{1}};
    uint64_t size = 0;
    assert_ok(nb_ledger_add_album(one, "night", 5, err));
    assert_ok(nb_ledger_pin_blob(two, "night", &digest, 7, 1000, err));
    assert_ok(nb_ledger_get_blob(one, "night", &digest, &size, err));
    assert_int_equal(size, 7);
    nb_ledger_close(&one);
    nb_ledger_close(&two);
}

#define in_scratch(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

static void incidents_are_settled_with_those_that_came_with_them(void **state)
{
    enum { KEYS = 100, NODES = 3 };
    nb_ledger *ledger = open_ledger(*state);
    uint64_t first = 0;
    char text[] = "other bytes";
    for (unsigned node = 0; node < NODES; node++) {
        for (unsigned key = 0; key < KEYS; key++) {
            nb_result result = make_result((uint8_t)key, (uint8_t)(node + 1));
            snprintf(result.node, sizeof result.node, "r%u", node);
            nb_incident incident = {.task = 7, .text = text, .result = result};
            assert_ok(nb_ledger_add_incident(ledger, &incident, err));
            first = first ? first : incident.id;
            free(result.fingerprint);
        }
    }
    NB_SCOPED(nb_incident_fini) nb_incident asked = {0};
    uint64_t ids[NODES * KEYS];
    size_t count = 0;
    assert_ok(nb_ledger_get_incident(ledger, first + KEYS + 42, &asked, err)); // of r1
    assert_ok(nb_ledger_open_incidents_with(ledger, &asked, ids, NB_COUNT(ids), &count, err));
    assert_int_equal(count, KEYS);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ids[i], first + KEYS + i);
    }
    nb_ledger_close(&ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch(what_was_written_is_there_after_opening_anew),
        in_scratch(a_transaction_that_failed_leaves_nothing),
        in_scratch(a_newer_program_s_ledger_is_refused_in_words),
        in_scratch(a_file_that_is_no_ledger_is_refused),
        in_scratch(blobs_are_needed_while_pinned_and_for_ever_once_kept),
        in_scratch(the_first_answer_to_a_request_stands),
        in_scratch(jobs_tasks_and_results_come_back_as_they_were),
        in_scratch(incidents_are_settled_with_those_that_came_with_them),
        in_scratch(only_the_newest_log_lines_are_kept),
        in_scratch(two_connections_see_each_other_s_commits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
