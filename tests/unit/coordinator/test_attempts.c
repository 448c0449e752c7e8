// SPDX-License-Identifier: GPL-3.0-or-later
// Attempts: renderers that die, dawdle or fail, restarts, and results that differ.
#include "unit/coordinator/desk.h"

#include "coordinator/farm_ledger.h"
#include "coordinator/incident_ledger.h"

#include <unistd.h>

static void a_dead_renderer_s_task_goes_to_the_other_one(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_answer(greet(&here, &two, "renderer", "r2"));
    const Nightbus__Orders *lost = sync_idle(&here, &one, 0)->orders;
    assert_null(sync_idle(&here, &two, 15000));
    here.now_ms += NB_LEASE_MS;
    nb_coordinator_tick(here.coordinator, here.now_ms);
    const Nightbus__Orders *taken = here.replies[here.reply_count - 1]->orders;
    assert_true(taken->has_task && taken->attempt == 2);
    NB_SCOPED(nb_plan_fini) nb_plan plan = read_plan(&here, taken);
    assert_ok(nb_coordinator_may_read(here.coordinator, &two.key, NULL, taken->task,
                                      &plan.files[0].digest, err));
    assert_fails(NB_E_STALE, "lease",
                 nb_coordinator_may_read(here.coordinator, &one.key, NULL, taken->task,
                                         &plan.files[0].digest, err));
    assert_false(sync_busy(&here, &one, lost)->orders->keep);
    assert_answer(finish(&here, &two, taken, "the mix"));
    assert_string_equal(show(&here, "v1")->version_info->state, "done");
    close_desk(&here);
}

// A straggler and its second attempt: both may read, the first result counts, and the other's is
// thanked for.
static void a_straggler_s_second_attempt_wins_and_the_first_one_does_no_harm(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_answer(greet(&here, &two, "renderer", "r2"));
    const Nightbus__Orders *slow = sync_idle(&here, &one, 0)->orders;
    for (int i = 0; i < NB_STRAGGLER_MS / 5000; i++) { // it lives, and stands still
        assert_true(sync_busy(&here, &one, slow)->orders->keep);
        assert_false(sync_idle(&here, &two, 0)->orders->has_task);
        here.now_ms += 5000;
    }
    assert_true(sync_busy(&here, &one, slow)->orders->keep);
    here.now_ms += 5000;
    const Nightbus__Orders *second = sync_idle(&here, &two, 0)->orders;
    assert_true(second->has_task && second->attempt == 2);
    assert_true(sync_busy(&here, &one, slow)->orders->keep);
    NB_SCOPED(nb_plan_fini) nb_plan plan = read_plan(&here, second);
    assert_ok(nb_coordinator_may_read(here.coordinator, &one.key, NULL, slow->task,
                                      &plan.files[0].digest, err));
    assert_ok(nb_coordinator_may_read(here.coordinator, &two.key, NULL, slow->task,
                                      &plan.files[0].digest, err));
    assert_answer(finish(&here, &two, second, "the mix"));
    assert_string_equal(show(&here, "v1")->version_info->state, "done");
    assert_false(sync_busy(&here, &one, slow)->orders->keep);
    assert_answer(finish(&here, &one, slow, "the mix")); // late, and the same
    assert_fails(NB_E_STALE, "lease",
                 nb_coordinator_may_read(here.coordinator, &one.key, NULL, slow->task,
                                         &plan.files[0].digest, err));
    close_desk(&here);
}

static void after_a_restart_a_running_render_goes_on(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    const Nightbus__Orders *orders = sync_idle(&here, &one, 0)->orders;
    desk next;
    nb_coordinator_destroy(&here.coordinator);
    open_desk(&next, *state);
    assert_answer(greet(&next, &one, "renderer", "r1"));
    assert_true(sync_busy(&next, &one, orders)->orders->keep);
    assert_answer(finish(&next, &one, orders, "the mix"));
    assert_answer(greet(&next, &ada, "client", "x"));
    assert_string_equal(show(&next, "v1")->version_info->state, "done");
    close_desk(&here);
    close_desk(&next);
}

static void tags_and_jobs_that_a_crash_cost_are_made_again(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    close_desk(&here);
    // As if the process had ended right behind the commit.
    free(scratch_run(*state, "git -C $D/albums/night.git update-ref -d refs/tags/song/v1"));
    nb_ledger *ledger = NULL;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(*state, "ledger.sqlite");
    assert_ok(nb_ledger_open(path, &ledger, err));
    assert_ok(nb_ledger_set_settled(ledger, "night", "", err));
    nb_ledger_close(&ledger);
    open_desk(&here, *state);
    assert_answer(greet(&here, &ada, "client", "x"));
    assert_string_equal(show(&here, "v1")->version_info->state, "queued");
    const Nightbus__Reply *again = send_push(&here, &first_push);
    assert_answer(again);
    assert_string_equal(again->pushed->versions[0], "song@v1");
    free(scratch_run(*state, "git -C $D/albums/night.git fsck --full"));
    close_desk(&here);
}

static void a_failed_render_says_why(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    const Nightbus__Orders *orders = sync_idle(&here, &one, 0)->orders;
    char text[] = "audio/vox.wav: not a WAV file";
    Nightbus__TaskFail fail = NIGHTBUS__TASK_FAIL__INIT;
    fail.task = orders->task;
    fail.attempt = orders->attempt;
    fail.epoch = orders->epoch;
    fail.status = NB_E_CORRUPT;
    fail.text = text;
    fail.has_fault_of_input = fail.fault_of_input = 1;
    assert_answer(ask(&here, &one, NIGHTBUS__REQUEST__BODY_TASK_FAIL, &fail));
    const Nightbus__Reply *shown = show(&here, "v1");
    assert_string_equal(shown->version_info->state, "failed");
    assert_contains(shown->version_info->error, "r1: audio/vox.wav: not a WAV file");
    close_desk(&here);
}

static uint64_t count_incidents(const char *folder)
{
    nb_ledger *ledger = NULL;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "ledger.sqlite");
    uint64_t incidents = 0;
    assert_ok(nb_ledger_open(path, &ledger, err));
    assert_ok(nb_ledger_count_open_incidents(ledger, &incidents, err));
    nb_ledger_close(&ledger);
    return incidents;
}

static void the_same_key_with_other_bytes_is_an_incident_and_the_first_stands(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    const Nightbus__Orders *orders = sync_idle(&here, &one, 0)->orders;
    assert_answer(finish(&here, &one, orders, "the mix"));
    assert_answer(finish(&here, &one, orders, "another mix"));
    const nb_digest first = nb_digest_of("the mix", 7);
    const nb_digest shown = nb_wire_to_digest(show(&here, "v1")->version_info->outputs[0]->digest);
    assert_true(nb_digest_equal(&shown, &first));
    close_desk(&here);
    assert_int_equal(count_incidents(*state), 1);
}

// The only file that the store has of these bytes is lost.
static void lose(const desk *self, const char *bytes)
{
    const nb_digest digest = nb_digest_of(bytes, strlen(bytes));
    NB_SCOPED(nb_text_free) char *path = NULL;
    assert_ok(nb_blob_store_path(nb_coordinator_store(self->coordinator), &digest, &path, err));
    assert_int_equal(unlink(path), 0);
}

static const Nightbus__Reply *render_again(desk *self)
{
    char album[] = "night";
    char song[] = "song";
    char version[] = "v1";
    Nightbus__Render render = NIGHTBUS__RENDER__INIT;
    render.album = album;
    render.song = song;
    render.version = version;
    return ask(self, &ada, NIGHTBUS__REQUEST__BODY_RENDER, &render);
}

static void a_lost_result_that_comes_back_with_other_bytes_is_an_operator_s_to_keep(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_answer(finish(&here, &one, sync_idle(&here, &one, 0)->orders, "the mix"));
    here.now_ms += 60000;
    nb_coordinator_tick(here.coordinator, here.now_ms);
    lose(&here, "the mix");
    assert_answer(greet(&here, &one, "renderer", "r1")); // it was silent for long
    assert_answer(render_again(&here));
    assert_answer(finish(&here, &one, sync_idle(&here, &one, 0)->orders, "another mix"));
    Nightbus__JobList jobs = NIGHTBUS__JOB_LIST__INIT;
    const Nightbus__Reply *reply = ask(&here, &ada, NIGHTBUS__REQUEST__BODY_JOB_LIST, &jobs);
    assert_string_equal(reply->job_listing->rows[0]->state, "failed");
    assert_contains(reply->job_listing->rows[0]->error, "nightbus incident keep 1");

    Nightbus__IncidentList list = NIGHTBUS__INCIDENT_LIST__INIT;
    reply = ask(&here, &ada, NIGHTBUS__REQUEST__BODY_INCIDENT_LIST, &list);
    assert_answer(reply);
    assert_int_equal(reply->incident_listing->n_rows, 1);
    assert_false(reply->incident_listing->rows[0]->first_is_there);
    assert_int_equal(reply->incident_listing->rows[0]->n_outputs, 1);
    Nightbus__IncidentKeep keep = NIGHTBUS__INCIDENT_KEEP__INIT;
    keep.incident = reply->incident_listing->rows[0]->incident;
    assert_answer(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_INCIDENT_KEEP, &keep));
    assert_answer(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_INCIDENT_KEEP, &keep)); // a repeat
    here.now_ms += 60000;
    nb_coordinator_tick(here.coordinator, here.now_ms);
    const Nightbus__VersionInfo *shown = show(&here, "v1")->version_info;
    assert_string_equal(shown->state, "done");
    assert_string_equal(shown->rendering, "r2");
    const nb_digest output = nb_wire_to_digest(shown->outputs[0]->digest);
    const nb_digest second = nb_digest_of("another mix", 11);
    assert_true(nb_digest_equal(&output, &second));
    assert_ok(nb_coordinator_may_read(here.coordinator, &ada.key, "night", 0, &output, err));
    NB_SCOPED(nb_text_free)
    char *notes = scratch_run(*state, "git -C $D/albums/night.git log --notes=review --format=%N");
    assert_contains(notes, "\"r1\"");
    assert_contains(notes, "\"r2\"");
    close_desk(&here);
}

static void of_several_results_the_one_that_was_asked_for_is_kept(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_answer(finish(&here, &one, sync_idle(&here, &one, 0)->orders, "the mix"));
    here.now_ms += 60000;
    nb_coordinator_tick(here.coordinator, here.now_ms);
    lose(&here, "the mix");
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_answer(render_again(&here));
    const Nightbus__Orders *orders = sync_idle(&here, &one, 0)->orders;
    assert_answer(finish(&here, &one, orders, "another mix"));
    assert_answer(finish(&here, &one, orders, "a third mix"));
    assert_int_equal(count_incidents(*state), 2);
    // One more job of the version, that somebody does not want.
    const Nightbus__Reply *reply = render_again(&here);
    assert_answer(reply);
    Nightbus__JobChange cancel = NIGHTBUS__JOB_CHANGE__INIT;
    cancel.job = 3;
    cancel.has_cancel = cancel.cancel = 1;
    assert_answer(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_JOB_CHANGE, &cancel));

    Nightbus__IncidentKeep keep = NIGHTBUS__INCIDENT_KEEP__INIT;
    keep.incident = 1;
    assert_answer(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_INCIDENT_KEEP, &keep));
    assert_int_equal(count_incidents(*state), 0); // the other one was not it
    keep.incident = 2;
    assert_refusal(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_INCIDENT_KEEP, &keep), NB_E_CONFLICT,
                   "another result stands");
    Nightbus__JobList jobs = NIGHTBUS__JOB_LIST__INIT;
    reply = ask(&here, &ada, NIGHTBUS__REQUEST__BODY_JOB_LIST, &jobs);
    assert_string_equal(reply->job_listing->rows[0]->state, "cancelled");
    assert_string_equal(reply->job_listing->rows[1]->state, "done");
    here.now_ms += 60000;
    nb_coordinator_tick(here.coordinator, here.now_ms);
    const Nightbus__VersionInfo *shown = show(&here, "v1")->version_info;
    const nb_digest output = nb_wire_to_digest(shown->outputs[0]->digest);
    const nb_digest second = nb_digest_of("another mix", 11);
    assert_true(nb_digest_equal(&output, &second));
    close_desk(&here);
}

static void an_incident_whose_first_result_is_there_is_not_kept(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    const Nightbus__Orders *orders = sync_idle(&here, &one, 0)->orders;
    assert_answer(finish(&here, &one, orders, "the mix"));
    assert_answer(finish(&here, &one, orders, "another mix"));
    assert_answer(finish(&here, &one, orders, "another mix")); // told once
    assert_int_equal(count_incidents(*state), 1);
    Nightbus__IncidentKeep keep = NIGHTBUS__INCIDENT_KEEP__INIT;
    keep.incident = 1;
    assert_refusal(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_INCIDENT_KEEP, &keep), NB_E_CONFLICT,
                   "so it stands");
    keep.incident = 2;
    assert_refusal(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_INCIDENT_KEEP, &keep), NB_E_NOT_FOUND,
                   "no incident 2");
    nb_ledger *ledger = NULL;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(*state, "ledger.sqlite");
    const nb_digest second = nb_digest_of("another mix", 11);
    bool needed = false;
    assert_ok(nb_ledger_open(path, &ledger, err));
    assert_ok(nb_ledger_is_needed(ledger, &second, here.now_ms, &needed, err));
    assert_true(needed); // its bytes are kept while it is open
    keep.incident = 1;
    keep.has_dismiss = keep.dismiss = 1;
    assert_answer(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_INCIDENT_KEEP, &keep));
    assert_int_equal(count_incidents(*state), 0);
    assert_ok(nb_ledger_is_needed(ledger, &second, here.now_ms, &needed, err));
    assert_false(needed);
    keep.has_dismiss = 0;
    assert_refusal(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_INCIDENT_KEEP, &keep), NB_E_CONFLICT,
                   "another result stands");
    assert_answer(finish(&here, &one, orders, "another mix"));
    assert_int_equal(count_incidents(*state), 0); // it was said what to think of that
    lose(&here, "the mix");
    assert_answer(finish(&here, &one, orders, "another mix"));
    assert_int_equal(count_incidents(*state), 1); // now it may be wanted after all
    nb_ledger_close(&ledger);
    close_desk(&here);
}

static void a_late_report_that_is_not_its_renderer_s_is_no_incident(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_answer(greet(&here, &two, "renderer", "r2"));
    Nightbus__Orders *orders = sync_idle(&here, &one, 0)->orders;
    assert_answer(finish(&here, &one, orders, "the mix"));
    assert_refusal(finish(&here, &two, orders, "another mix"), NB_E_STALE, "never this renderer's");
    orders->epoch.data[0] ^= 1; // as of another life of the coordinator
    assert_refusal(finish(&here, &one, orders, "another mix"), NB_E_STALE, "never this renderer's");
    orders->epoch.data[0] ^= 1;
    orders->attempt = 2;
    assert_refusal(finish(&here, &one, orders, "another mix"), NB_E_STALE, "never this renderer's");
    assert_int_equal(count_incidents(*state), 0);
    close_desk(&here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch(a_dead_renderer_s_task_goes_to_the_other_one),
        in_scratch(a_straggler_s_second_attempt_wins_and_the_first_one_does_no_harm),
        in_scratch(after_a_restart_a_running_render_goes_on),
        in_scratch(tags_and_jobs_that_a_crash_cost_are_made_again),
        in_scratch(a_failed_render_says_why),
        in_scratch(the_same_key_with_other_bytes_is_an_incident_and_the_first_stands),
        in_scratch(a_lost_result_that_comes_back_with_other_bytes_is_an_operator_s_to_keep),
        in_scratch(of_several_results_the_one_that_was_asked_for_is_kept),
        in_scratch(an_incident_whose_first_result_is_there_is_not_kept),
        in_scratch(a_late_report_that_is_not_its_renderer_s_is_no_incident),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
