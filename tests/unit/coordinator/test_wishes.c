// SPDX-License-Identifier: GPL-3.0-or-later
// What people wish for jobs and renderers, from the ledger to the scheduler.
#include "coordinator/wishes.h"

#include "base/clock.h"
#include "scratch.h"

#include <time.h>

/// A coordinator with one task that two albums' jobs ask for.
typedef struct desk {
    nb_coordinator *coordinator;
    nb_job jobs[2];
    uint64_t task;
} desk;

static nb_coordinator *open_coordinator(const char *folder)
{
    const nb_coordinator_options options = {.data_path = folder, .incarnation = 9};
    nb_coordinator *coordinator = NULL;
    assert_ok(nb_coordinator_open(&options, 1000, &coordinator, err));
    return coordinator;
}

static void open_desk(desk *self, const char *folder)
{
    static const char *const albums[] = {"day", "night"};
    *self = (desk){.coordinator = open_coordinator(folder)};
    nb_ledger *ledger = self->coordinator->ledger;
    nb_task_row row = {
        .fingerprint = strdup("core=1"), .label = strdup("song@v1"), .created_ms = 5};
    assert_ok(nb_ledger_add_task(ledger, &row, err));
    self->task = row.id;
    nb_task_row_fini(&row);
    for (size_t i = 0; i < NB_COUNT(albums); i++) {
        nb_job *job = &self->jobs[i];
        *job = (nb_job){.song = "song", .version = "v1", .commit = "c", .created_ms = 5};
        snprintf(job->album, sizeof job->album, "%s", albums[i]);
        assert_ok(nb_ledger_add_album(ledger, job->album, 5, err));
        assert_ok(nb_ledger_add_job(ledger, job, err));
        job->task = self->task;
        assert_ok(nb_ledger_update_job(ledger, job, err));
    }
    const nb_task_spec spec = {.id = self->task,
                               .fingerprint = "core=1",
                               .priority = NB_PRIORITY_DEFAULT,
                               .created_ms = 5};
    assert_ok(nb_scheduler_add_task(self->coordinator->scheduler, &spec, err));
}

static void close_desk(desk *self) { nb_coordinator_destroy(&self->coordinator); }

static const nb_task *task_of(const desk *self)
{
    return nb_scheduler_task(self->coordinator->scheduler, self->task);
}

static void wish(desk *self, size_t job, nb_job_wish wish)
{
    snprintf(wish.person, sizeof wish.person, "ada");
    wish.time_ms = 7;
    assert_ok(nb_wishes_put_job(self->coordinator, &self->jobs[job], &wish, err));
}

static void a_task_goes_out_as_its_most_urgent_job_that_may_go_out(void **state)
{
    desk here;
    open_desk(&here, *state);
    wish(&here, 0, (nb_job_wish){.priority = 90, .paused = true});
    wish(&here, 1, (nb_job_wish){.priority = 10, .label = "gpu"});
    assert_int_equal(task_of(&here)->priority, 10);
    assert_int_equal(task_of(&here)->holds, 0);
    assert_string_equal(task_of(&here)->label, "gpu");
    wish(&here, 1, (nb_job_wish){.priority = 10, .paused = true});
    assert_int_equal(task_of(&here)->holds, NB_HOLD_PAUSED);
    wish(&here, 0, (nb_job_wish){.priority = 90});
    assert_int_equal(task_of(&here)->priority, 90);
    assert_int_equal(task_of(&here)->holds, 0);
    assert_string_equal(task_of(&here)->label, "");
    close_desk(&here);
}

static void a_task_ends_with_the_last_job_that_asks_for_it(void **state)
{
    desk here;
    open_desk(&here, *state);
    nb_coordinator *coordinator = here.coordinator;
    wish(&here, 0, (nb_job_wish){.priority = 90});
    assert_ok(nb_wishes_cancel(coordinator, &here.jobs[0], "ada", err));
    assert_non_null(task_of(&here));
    assert_int_equal(task_of(&here)->priority, NB_PRIORITY_DEFAULT); // the other one's
    assert_ok(nb_wishes_cancel(coordinator, &here.jobs[1], "bert", err));
    assert_null(task_of(&here));
    nb_job job;
    nb_task_row row;
    assert_ok(nb_ledger_get_job(coordinator->ledger, here.jobs[1].id, &job, err));
    assert_int_equal(job.state, NB_JOB_CANCELLED);
    assert_string_equal(job.error, "cancelled by bert");
    assert_ok(nb_ledger_get_task(coordinator->ledger, here.task, &row, err));
    assert_true(row.state >= NB_TASK_DONE); // not taken up again after a restart
    nb_task_row_fini(&row);
    coordinator->unplanned = false;
    assert_ok(nb_wishes_retry(coordinator, &job, err));
    assert_true(coordinator->unplanned);
    assert_ok(nb_ledger_get_job(coordinator->ledger, here.jobs[1].id, &job, err));
    assert_int_equal(job.state, NB_JOB_OPEN);
    assert_int_equal(job.task, 0);
    assert_string_equal(job.error, "");
    close_desk(&here);
}

static void hours_hold_a_task_back_and_are_looked_at_when_they_change(void **state)
{
    desk here;
    open_desk(&here, *state);
    wish(&here, 1, (nb_job_wish){.priority = 50, .paused = true});
    const time_t now_s = (time_t)(nb_clock_wall_ms() / 1000);
    struct tm utc;
    gmtime_r(&now_s, &utc);
    nb_job_wish hours = {.priority = 50};
    snprintf(hours.window, sizeof hours.window, "%02d:00-%02d:00 UTC", (utc.tm_hour + 11) % 24,
             (utc.tm_hour + 13) % 24);
    wish(&here, 0, hours);
    assert_int_equal(task_of(&here)->holds, NB_HOLD_WINDOW);
    assert_true(here.coordinator->windows.due_ms < nb_clock_wall_ms() + 24 * 3600 * 1000);
    // As if twelve hours had gone by: what the list holds is open now.
    nb_named_window *kept = &here.coordinator->windows.list[0];
    kept->window.from_min = (kept->window.from_min + 12 * 60) % (24 * 60);
    kept->window.to_min = (kept->window.to_min + 12 * 60) % (24 * 60);
    nb_wishes_tick(here.coordinator); // looks when it is due, and the first time
    here.coordinator->windows.due_ms = 0;
    nb_wishes_tick(here.coordinator);
    assert_int_equal(task_of(&here)->holds, 0);
    close_desk(&here);
}

static void wishes_for_renderers_outlive_the_coordinator(void **state)
{
    nb_coordinator *coordinator = open_coordinator(*state);
    const nb_public_key key = {"key-of-studio-b"};
    uint32_t renderer = 0;
    char why[200];
    assert_ok(nb_coordinator_node(coordinator, &key, "studio-b", &renderer, err));
    const nb_renderer blamed = {.id = renderer, .blamed = 3};
    nb_wishes_suspect(coordinator, &blamed);
    nb_node_wish wish;
    assert_ok(nb_ledger_get_node_wish(coordinator->ledger, "studio-b", &wish, err));
    snprintf(wish.labels, sizeof wish.labels, "gpu=a100");
    assert_ok(nb_ledger_put_node_wish(coordinator->ledger, "studio-b", &wish, err));
    nb_coordinator_destroy(&coordinator);

    coordinator = open_coordinator(*state);
    assert_ok(nb_coordinator_node(coordinator, &key, "studio-b", &renderer, err));
    const nb_renderer *known = nb_scheduler_renderer(coordinator->scheduler, renderer);
    assert_int_equal(known->holds, NB_HOLD_SUSPECTED);
    bool has = false;
    assert_ok(nb_ledger_has_node(coordinator->ledger, "studio-b", &has, err));
    assert_true(has);
    assert_ok(nb_ledger_has_node(coordinator->ledger, "studio-c", &has, err));
    assert_false(has);
    assert_string_equal(known->labels, "gpu=a100");
    nb_why_node(coordinator, renderer, why, sizeof why);
    assert_string_equal(why, "set aside: others rendered the last 3 tasks that it failed");
    nb_coordinator_destroy(&coordinator);
}

static void a_renderer_that_comes_back_has_the_stems_of_what_it_rendered(void **state)
{
    desk here;
    open_desk(&here, *state);
    here.jobs[0].state = NB_JOB_DONE;
    snprintf(here.jobs[0].node, sizeof here.jobs[0].node, "two");
    assert_ok(nb_ledger_update_job(here.coordinator->ledger, &here.jobs[0], err));
    const nb_public_key key = {"key-of-both"};
    uint32_t one = 0;
    uint32_t two = 0;
    assert_ok(nb_coordinator_node(here.coordinator, &key, "one", &one, err));
    assert_ok(nb_coordinator_node(here.coordinator, &key, "two", &two, err));
    nb_scheduler *scheduler = here.coordinator->scheduler;
    assert_ok(nb_scheduler_hello(scheduler, one, "core=1", one, 1000, err));
    assert_ok(nb_scheduler_hello(scheduler, two, "core=1", two, 1000, err));
    const nb_task_spec spec = {
        .id = 99, .fingerprint = "core=1", .priority = 80, .album = "day", .song = "song"};
    assert_ok(nb_scheduler_add_task(scheduler, &spec, err));
    const nb_task *task = nb_scheduler_task(scheduler, 99);
    assert_int_equal(nb_scheduler_placement(scheduler, task, one, 1000), NB_PLACE_STEMS_ELSEWHERE);
    assert_int_equal(nb_scheduler_placement(scheduler, task, two, 1000), NB_PLACE_FREE);
    close_desk(&here);
}

static void what_an_album_takes_is_told_with_what_is_its_own(void **state)
{
    desk here;
    open_desk(&here, *state);
    nb_ledger *ledger = here.coordinator->ledger;
    const nb_digest shared = {{1}};
    const nb_digest own = {{2}};
    nb_album_usage usage;
    assert_ok(nb_ledger_keep_blob(ledger, "day", &shared, 100, err));
    assert_ok(nb_ledger_keep_blob(ledger, "night", &shared, 100, err));
    assert_ok(nb_ledger_keep_blob(ledger, "day", &own, 7, err));
    assert_ok(nb_ledger_album_usage(ledger, "day", &usage, err));
    assert_int_equal(usage.blobs, 2);
    assert_int_equal(usage.bytes, 107);
    assert_int_equal(usage.own_bytes, 7);
    assert_int_equal(usage.output_bytes, 0);
    assert_ok(nb_ledger_album_usage(ledger, "night", &usage, err));
    assert_int_equal(usage.own_bytes, 0);
    close_desk(&here);
}

#define in_scratch(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch(a_task_goes_out_as_its_most_urgent_job_that_may_go_out),
        in_scratch(a_task_ends_with_the_last_job_that_asks_for_it),
        in_scratch(hours_hold_a_task_back_and_are_looked_at_when_they_change),
        in_scratch(wishes_for_renderers_outlive_the_coordinator),
        in_scratch(a_renderer_that_comes_back_has_the_stems_of_what_it_rendered),
        in_scratch(what_an_album_takes_is_told_with_what_is_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
