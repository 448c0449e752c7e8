// SPDX-License-Identifier: GPL-3.0-or-later
// Hello, pushes, what is written when, and batches of messages.
#include "unit/coordinator/desk.h"

#include "base/log.h"

#include "base/clock.h"
#include "coordinator/access.h"
#include "coordinator/farm_ledger.h"
#include "coordinator/incident_ledger.h"
#include "coordinator/plan_ledger.h"
#include "coordinator/wish_ledger.h"

#include <ftw.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void nobody_is_heard_without_a_key_a_hello_and_the_role(void **state)
{
    desk here;
    open_desk(&here, *state);
    Nightbus__AlbumList list = NIGHTBUS__ALBUM_LIST__INIT;
    assert_refusal(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_ALBUM_LIST, &list), NB_E_STALE,
                   "Hello first");
    assert_refusal(greet(&here, &eve, "client", "x"), NB_E_PERMISSION, "not known");
    assert_refusal(greet(&here, &ada, "renderer", "x"), NB_E_PERMISSION, "not one for a renderer");
    assert_refusal(greet(&here, &one, "client", "x"), NB_E_PERMISSION, "not one for a client");
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_refusal(ask(&here, &one, NIGHTBUS__REQUEST__BODY_ALBUM_LIST, &list), NB_E_PERMISSION,
                   "AlbumList takes a role");
    assert_answer(greet(&here, &ada, "client", "x"));
    // Another key with the same routing id is somebody else.
    nb_peer thief = ada;
    thief.key = eve.key;
    assert_refusal(ask(&here, &thief, NIGHTBUS__REQUEST__BODY_ALBUM_LIST, &list), NB_E_PERMISSION,
                   "not known");
    thief.key = one.key;
    assert_refusal(ask(&here, &thief, NIGHTBUS__REQUEST__BODY_ALBUM_LIST, &list), NB_E_PERMISSION,
                   "AlbumList takes a role");
    close_desk(&here);
}

static void a_push_is_rendered_and_shown_and_a_repeat_gets_the_first_answer(void **state)
{
    desk here;
    start(&here, *state);
    const Nightbus__Reply *pushed = send_push(&here, &first_push);
    assert_answer(pushed);
    assert_int_equal(pushed->pushed->n_versions, 1);
    assert_string_equal(pushed->pushed->versions[0], "song@v1");
    const Nightbus__Reply *again = send_push(&here, &first_push);
    assert_answer(again);
    assert_string_equal(again->pushed->commit, pushed->pushed->commit);
    assert_int_equal(again->pushed->jobs[0], pushed->pushed->jobs[0]);

    assert_answer(greet(&here, &one, "renderer", "r1"));
    const Nightbus__Reply *orders = sync_idle(&here, &one, 5000);
    assert_answer(orders);
    assert_string_equal(orders->orders->label, "song@v1");
    assert_string_equal(show(&here, "latest")->version_info->state, "running");
    assert_true(sync_busy(&here, &one, orders->orders)->orders->keep);
    assert_answer(finish(&here, &one, orders->orders, "the mix"));
    assert_answer(finish(&here, &one, orders->orders, "the mix")); // doubled
    const Nightbus__Reply *shown = show(&here, "v1");
    assert_answer(shown);
    assert_string_equal(shown->version_info->state, "done");
    assert_int_equal(shown->version_info->n_outputs, 1);
    assert_int_equal(shown->version_info->rate_hz, 48000);
    const nb_digest output = nb_wire_to_digest(shown->version_info->outputs[0]->digest);
    assert_ok(nb_coordinator_may_read(here.coordinator, &ada.key, "night", 0, &output, err));
    close_desk(&here);
}

static nb_status may_write(const desk *self, const nb_peer *peer, uint64_t task, nb_error *err)
{
    const nb_digest edge = nb_digest_of("an edge", 7);
    return nb_coordinator_may_write(self->coordinator, &peer->key, NULL, task, &edge, 7, err);
}

static void a_renderer_may_send_what_it_kept_after_its_result_and_nobody_else_may(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_answer(greet(&here, &two, "renderer", "r2"));
    const Nightbus__Reply *orders = sync_idle(&here, &one, 5000);
    assert_answer(orders);
    const uint64_t task = orders->orders->task;
    assert_ok(may_write(&here, &one, task, err));
    assert_answer(finish_followed(&here, &one, orders->orders, "the mix", 1));
    // The job is over for all others.
    assert_string_equal(show(&here, "v1")->version_info->state, "done");
    assert_false(sync_busy(&here, &one, orders->orders)->orders->keep);
    assert_ok(may_write(&here, &one, task, err));
    assert_fails(NB_E_STALE, "is over", may_write(&here, &two, task, err));
    assert_answer(finish(&here, &one, orders->orders, "the mix"));
    assert_fails(NB_E_STALE, "is over", may_write(&here, &one, task, err));
    close_desk(&here);
}

static void what_may_be_sent_after_a_result_may_be_sent_for_a_while(void **state)
{
    (void)state;
    nb_access *access = NULL;
    const nb_digest digest = nb_digest_of("plan", 4);
    const nb_plan plan = {0};
    assert_ok(nb_access_new(&access, err));
    assert_ok(nb_access_grant(access, &one.key, 7, &digest, &plan, err));
    assert_ok(nb_access_grant(access, &two.key, 7, &digest, &plan, err));
    assert_ok(nb_access_grant(access, &one.key, 8, &digest, &plan, err));
    nb_access_linger(access, &one.key, 7, nb_clock_ms() + 60000);
    assert_true(nb_access_has(access, &one.key, 7));
    assert_false(nb_access_has(access, &two.key, 7));
    nb_access_linger(access, &one.key, 7, nb_clock_ms() - 1);
    assert_false(nb_access_has(access, &one.key, 7));
    assert_false(nb_access_may_read(access, &one.key, 7, &digest));
    assert_true(nb_access_may_read(access, &one.key, 8, &digest));
    nb_access_destroy(&access);
}

static void a_done_job_has_its_files_before_the_review_says_so(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    const Nightbus__Reply *orders = sync_idle(&here, &one, 0);
    // The review cannot be written: another holds its reference.
    NB_SCOPED(nb_text_free)
    char *lock = nb_text_format("%s/albums/night.git/refs/notes/review.lock", here.folder);
    assert_ok(nb_file_make_parents(lock, 0700, err));
    FILE *held = fopen(lock, "w");
    assert_non_null(held);
    fclose(held);
    assert_answer(finish(&here, &one, orders->orders, "the mix"));
    const nb_digest mix = nb_digest_of("the mix", 7);
    for (int i = 0; i < 2; i++) {
        const Nightbus__Reply *shown = show(&here, "v1");
        assert_answer(shown);
        assert_string_equal(shown->version_info->state, "done");
        assert_int_equal(shown->version_info->n_outputs, 1);
        const nb_digest output = nb_wire_to_digest(shown->version_info->outputs[0]->digest);
        assert_true(nb_digest_equal(&output, &mix));
        assert_int_equal(unlink(lock), i == 0 ? 0 : -1); // then it is written after all
        here.now_ms += 60000;
        nb_coordinator_tick(here.coordinator, here.now_ms);
    }
    close_desk(&here);
}

// nftw callback.
static int damage(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)where;
    if (kind == FTW_F) {
        assert_int_equal(chmod(path, 0600), 0);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs("not what git wrote", file);
        fclose(file);
    }
    return 0;
}

static void an_album_that_cannot_be_read_does_not_hold_up_the_others(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    NB_SCOPED(nb_text_free)
    char *objects = nb_text_format("%s/albums/night.git/objects", here.folder);
    assert_int_equal(nftw(objects, damage, 16, FTW_PHYS), 0);
    here.album = "dawn";
    make_album(&here);
    const push other = {.folder = "other", .client = 2};
    assert_answer(send_push(&here, &other));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    const Nightbus__Reply *orders = sync_idle(&here, &one, 0);
    assert_answer(orders);
    assert_true(orders->orders->has_task);
    assert_string_equal(orders->orders->label, "other@v1");
    close_desk(&here);
}

static unsigned count_reviews(const char *folder, const char *album)
{
    NB_SCOPED(nb_text_free)
    char *command =
        nb_text_format("git -C $D/albums/%s.git rev-list --count refs/notes/review", album);
    NB_SCOPED(nb_text_free) char *said = scratch_run(folder, command);
    return (unsigned)strtoul(said, NULL, 10);
}

static void a_damaged_album_does_not_hold_up_the_reviews_of_others(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    const Nightbus__Orders *first = sync_idle(&here, &one, 0)->orders;
    assert_string_equal(first->label, "song@v1");
    here.album = "dawn";
    make_album(&here);
    const push other = {.folder = "other", .client = 2, .fader_db = -3.0};
    assert_answer(send_push(&here, &other));
    NB_SCOPED(nb_text_free)
    char *objects = nb_text_format("%s/albums/night.git/objects", here.folder);
    assert_answer(finish(&here, &one, first, "the mix"));
    assert_int_equal(nftw(objects, damage, 16, FTW_PHYS), 0);
    assert_answer(finish(&here, &one, sync_idle(&here, &one, 0)->orders, "the other mix"));
    here.now_ms += 60000;
    nb_coordinator_tick(here.coordinator, here.now_ms);
    assert_int_equal(count_reviews(*state, "dawn"), 1);
    close_desk(&here);
}

static void what_waits_for_the_review_is_written_in_one_go(void **state)
{
    enum { SONGS = 12 };
    desk here;
    start(&here, *state);
    assert_answer(greet(&here, &one, "renderer", "r1"));
    char head[NB_COMMIT_SIZE] = "";
    for (unsigned i = 0; i < SONGS; i++) {
        char folder[16];
        snprintf(folder, sizeof folder, "song%u", i);
        const push what = {.base = head[0] ? head : NULL,
                           .folder = folder,
                           .client = (uint8_t)(i + 1),
                           .fader_db = -(double)i};
        const Nightbus__Reply *pushed = send_push(&here, &what);
        assert_answer(pushed);
        snprintf(head, sizeof head, "%s", pushed->pushed->commit);
        assert_answer(finish(&here, &one, sync_idle(&here, &one, 0)->orders, folder));
    }
    here.now_ms += 60000;
    nb_coordinator_tick(here.coordinator, here.now_ms);
    assert_int_equal(count_reviews(*state, "night"), 1);
    NB_SCOPED(nb_text_free)
    char *notes = scratch_run(*state, "git -C $D/albums/night.git log --notes=review --format=%N");
    size_t events = 0;
    for (const char *at = notes; (at = strstr(at, "rendered")) != NULL; at++) {
        events++;
    }
    assert_int_equal(events, SONGS);
    free(scratch_run(*state, "git -C $D/albums/night.git fsck --full --strict"));
    close_desk(&here);
}

static void all_jobs_of_a_task_end_with_it_however_many(void **state)
{
    enum { JOBS = 2500 };
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    const Nightbus__Orders *orders = sync_idle(&here, &one, 0)->orders;
    nb_ledger *ledger = NULL;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(*state, "ledger.sqlite");
    assert_ok(nb_ledger_open(path, &ledger, err));
    assert_ok(nb_ledger_begin(ledger, err));
    for (unsigned i = 0; i < JOBS; i++) {
        nb_job job = {.album = "night", .song = "song", .version = "v1"};
        assert_ok(nb_ledger_add_job(ledger, &job, err));
        job.task = orders->task;
        assert_ok(nb_ledger_update_job(ledger, &job, err));
    }
    assert_ok(nb_ledger_end(ledger, NB_OK, err));
    assert_answer(finish(&here, &one, orders, "the mix"));
    nb_job *open_jobs = NULL;
    size_t count = 1;
    assert_ok(nb_ledger_list_jobs(ledger, NB_JOBS_OPEN_OF_TASK, orders->task, 1, &open_jobs, &count,
                                  err));
    assert_int_equal(count, 0);
    free(open_jobs);
    nb_ledger_close(&ledger);
    close_desk(&here);
}

static void what_was_rendered_before_is_not_rendered_again(void **state)
{
    desk here;
    start(&here, *state);
    const Nightbus__Reply *pushed = send_push(&here, &first_push);
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_answer(finish(&here, &one, sync_idle(&here, &one, 0)->orders, "the mix"));
    const push louder = {pushed->pushed->commit, "song", 3.0, NULL, 2};
    pushed = send_push(&here, &louder);
    assert_answer(finish(&here, &one, sync_idle(&here, &one, 0)->orders, "the louder mix"));
    const push back = {pushed->pushed->commit, "song", 0.0, NULL, 3};
    pushed = send_push(&here, &back);
    assert_answer(pushed);
    assert_string_equal(pushed->pushed->versions[0], "song@v3");
    assert_false(sync_idle(&here, &one, 0)->orders->has_task);
    const Nightbus__Reply *shown = show(&here, "v3");
    assert_string_equal(shown->version_info->state, "done");
    Nightbus__JobWatch watch = NIGHTBUS__JOB_WATCH__INIT;
    watch.job = pushed->pushed->jobs[0];
    const Nightbus__Reply *job = ask(&here, &ada, NIGHTBUS__REQUEST__BODY_JOB_WATCH, &watch);
    assert_answer(job);
    assert_true(job->job_state->row->cached);
    close_desk(&here);
}

static void a_push_on_an_older_revision_is_told_who_was_first(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    const push late = {NULL, "song", 2.0, NULL, 2};
    assert_refusal(send_push(&here, &late), NB_E_CONFLICT,
                   "ada pushed 'vocal up' just now (song@v1); run nightbus pull, listen");
    close_desk(&here);
}

static void bad_pushes_are_refused_in_words_and_leave_nothing(void **state)
{
    desk here;
    start(&here, *state);
    const push no_audio = {NULL, "song", 0.0, "audio/gone.wav", 1};
    assert_refusal(send_push(&here, &no_audio), NB_E_INVALID, "songs/song/mix.yaml:9:");
    const push bad_id = {NULL, "Song", 0.0, NULL, 2};
    assert_refusal(send_push(&here, &bad_id), NB_E_INVALID, "songs/Song");
    const Nightbus__Reply *pushed = send_push(&here, &first_push);
    assert_answer(pushed);
    const push other = {pushed->pushed->commit, "other", 0.0, NULL, 4}; // song is gone
    pushed = send_push(&here, &other);
    assert_answer(pushed);
    const push reused = {pushed->pushed->commit, "song", 1.0, NULL, 5};
    assert_refusal(send_push(&here, &reused), NB_E_INVALID, "never used again");
    close_desk(&here);
}

static void a_push_of_nothing_new_makes_no_version(void **state)
{
    desk here;
    start(&here, *state);
    const Nightbus__Reply *pushed = send_push(&here, &first_push);
    const push same = {pushed->pushed->commit, "song", 0.0, NULL, 2};
    const Nightbus__Reply *again = send_push(&here, &same);
    assert_answer(again);
    assert_string_equal(again->pushed->commit, pushed->pushed->commit);
    assert_int_equal(again->pushed->n_versions, 0);
    close_desk(&here);
}

static void a_held_renderer_gets_work_as_soon_as_there_is_some(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_null(sync_idle(&here, &one, 5000));
    const uint64_t held = here.request;
    assert_answer(send_push(&here, &first_push));
    const Nightbus__Reply *last = here.replies[here.reply_count - 1];
    assert_int_equal(last->id, held);
    assert_true(last->orders->has_task);
    // And without work the answer comes at its time.
    assert_answer(greet(&here, &two, "renderer", "r2"));
    assert_null(sync_idle(&here, &two, 5000));
    here.now_ms += 5000;
    nb_coordinator_tick(here.coordinator, here.now_ms);
    last = here.replies[here.reply_count - 1];
    assert_int_equal(last->id, here.request);
    assert_false(last->orders->has_task);
    close_desk(&here);
}

// Two renderers at work on two songs, what they hold, and a look at the ledger from outside.
static void start_two(desk *here, const char *folder, const Nightbus__Orders **out_first,
                      const Nightbus__Orders **out_second)
{
    start(here, folder);
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "ledger.sqlite");
    assert_ok(nb_sql_open(path, &here->outside, err));
    const Nightbus__Reply *pushed = send_push(here, &first_push);
    assert_answer(pushed);
    here->album = "dawn";
    make_album(here);
    const push other = {.folder = "other", .fader_db = 1.0, .client = 2};
    assert_answer(send_push(here, &other));
    assert_answer(greet(here, &one, "renderer", "r1"));
    assert_answer(greet(here, &two, "renderer", "r2"));
    *out_first = sync_idle(here, &one, 0)->orders;
    *out_second = sync_idle(here, &two, 0)->orders;
    assert_true((*out_first)->has_task && (*out_second)->has_task);
}

static void the_answers_of_a_batch_follow_its_one_commit(void **state)
{
    desk here;
    const Nightbus__Orders *first = NULL;
    const Nightbus__Orders *second = NULL;
    start_two(&here, *state, &first, &second);
    here.batching = true;
    assert_null(finish(&here, &one, first, "the mix"));
    assert_null(sync_busy(&here, &two, second));
    assert_null(finish(&here, &two, second, "the other"));
    assert_int_equal(committed_state(&here, first->task), NB_TASK_QUEUED);
    here.watched = second->task; // looked at with every reply from here on
    nb_coordinator_commit(here.coordinator, here.now_ms);
    here.watched = 0;
    for (uint64_t request = here.request - 2; request <= here.request; request++) {
        assert_answer(reply_to(&here, request));
    }
    assert_int_equal(committed_state(&here, first->task), NB_TASK_DONE);
    close_desk(&here);
}

static void a_request_that_fails_takes_nothing_of_its_batch_with_it(void **state)
{
    desk here;
    const Nightbus__Orders *first = NULL;
    const Nightbus__Orders *second = NULL;
    start_two(&here, *state, &first, &second);
    // One result's second row cannot be written: found out when its first one was.
    const nb_digest digest = nb_digest_of("the other", 9);
    char hex[NB_DIGEST_HEX_SIZE];
    nb_digest_to_hex(&digest, hex);
    NB_SCOPED(nb_text_free)
    char *trigger = nb_text_format("CREATE TRIGGER refuse BEFORE INSERT ON outputs WHEN NEW.digest "
                                   "= x'%s' BEGIN SELECT RAISE(ABORT, 'refused'); END",
                                   hex);
    assert_ok(nb_sql_script(here.outside, trigger, err));
    here.batching = true;
    finish(&here, &one, first, "the mix");
    finish(&here, &two, second, "the other");
    nb_coordinator_commit(here.coordinator, here.now_ms);
    assert_answer(reply_to(&here, here.request - 1));
    assert_refusal(reply_to(&here, here.request), NB_E_EXISTS, "refused");
    assert_int_equal(committed_state(&here, first->task), NB_TASK_DONE);
    assert_int_equal(committed_state(&here, second->task), NB_TASK_QUEUED);
    // Nothing of it was left behind: it may come again.
    here.batching = false;
    assert_ok(nb_sql_script(here.outside, "DROP TRIGGER refuse", err));
    assert_answer(finish(&here, &two, second, "the other"));
    assert_int_equal(committed_state(&here, second->task), NB_TASK_DONE);
    assert_int_equal(committed(&here, "SELECT count(*) FROM incidents WHERE id > ?", 0), 0);
    close_desk(&here);
}

static void a_batch_that_cannot_be_committed_is_forgotten_whole(void **state)
{
    desk here;
    const Nightbus__Orders *first = NULL;
    const Nightbus__Orders *second = NULL;
    start_two(&here, *state, &first, &second);
    // As on a full disk: no file grows.
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit full = {4096, before.rlim_max};
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    here.batching = true;
    finish(&here, &one, first, "the mix");
    finish(&here, &two, second, "the other");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    nb_coordinator_commit(here.coordinator, here.now_ms);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_non_null(reply_to(&here, here.request - 1)->failure);
    assert_non_null(reply_to(&here, here.request)->failure);
    assert_int_equal(committed_state(&here, first->task), NB_TASK_QUEUED);
    // The renderers come back as to a new coordinator, and their work is taken after all.
    here.batching = false;
    assert_refusal(finish(&here, &one, first, "the mix"), NB_E_STALE, "Hello first");
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_answer(finish(&here, &one, first, "the mix"));
    assert_answer(greet(&here, &two, "renderer", "r2"));
    assert_true(sync_busy(&here, &two, second)->orders->keep);
    assert_answer(finish(&here, &two, second, "the other"));
    assert_int_equal(committed_state(&here, first->task), NB_TASK_DONE);
    assert_int_equal(committed_state(&here, second->task), NB_TASK_DONE);
    close_desk(&here);
}

static const Nightbus__Reply *render_album(desk *self, unsigned priority, char *window)
{
    char album[] = "night";
    uint8_t id[NB_CLIENT_ID_SIZE] = {(uint8_t)priority};
    Nightbus__AlbumRender body = NIGHTBUS__ALBUM_RENDER__INIT;
    body.album = album;
    body.client_id = (ProtobufCBinaryData){.len = sizeof id, .data = id};
    body.has_priority = 1;
    body.priority = priority;
    body.window = window;
    return ask(self, &ada, NIGHTBUS__REQUEST__BODY_ALBUM_RENDER, &body);
}

static void lines_about_a_task_say_which_as_fields(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    NB_SCOPED(nb_text_free) char *path = nb_file_join(*state, "log");
    FILE *file = fopen(path, "w+");
    const int kept = dup(STDERR_FILENO);
    assert_non_null(file);
    dup2(fileno(file), STDERR_FILENO);
    assert_ok(nb_log_set_form("json", err));
    const Nightbus__Reply *reply = finish(&here, &one, sync_idle(&here, &one, 0)->orders, "a mix");
    dup2(kept, STDERR_FILENO);
    close(kept);
    assert_ok(nb_log_set_form("text", err));
    assert_answer(reply);
    char line[4096];
    unsigned found = 0;
    rewind(file);
    while (fgets(line, sizeof line, file)) {
        found += strstr(line, "\"task\":1,\"attempt\":1,\"node\":\"r1\"") ? 1 : 0;
    }
    fclose(file);
    assert_int_equal(found, 2); // given to r1, done by r1
    close_desk(&here);
}

static void kept_edges_of_other_albums_are_not_told(void **state)
{
    desk here;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(*state, "ledger.sqlite");
    nb_ledger *ledger = NULL;
    start(&here, *state);
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_answer(send_push(&here, &first_push));
    here.album = "dawn";
    make_album(&here);
    nb_freeze_row edge = {.key = {{5}}, .size = 4, .made_ms = 1, .used_ms = 1};
    assert_ok(
        nb_blob_store_put(nb_coordinator_store(here.coordinator), "edge", 4, &edge.digest, err));
    assert_ok(nb_ledger_open(path, &ledger, err));
    assert_ok(nb_ledger_put_freeze(ledger, &edge, err));
    ProtobufCBinaryData key = {.len = sizeof edge.key.bytes, .data = edge.key.bytes};
    char albums[2][8] = {"night", "dawn"};
    for (unsigned shared = 0; shared < 2; shared++) {
        for (size_t i = 0; i < 2; i++) {
            Nightbus__KeyAsk body = NIGHTBUS__KEY_ASK__INIT;
            body.album = albums[i];
            body.n_edges = 1;
            body.edges = &key;
            const Nightbus__Reply *reply = ask(&here, &ada, NIGHTBUS__REQUEST__BODY_KEY_ASK, &body);
            assert_answer(reply);
            assert_int_equal(reply->key_answer->n_edges, shared && i == 0 ? 1 : 0);
        }
        assert_ok(nb_ledger_share_freeze(ledger, &edge.key, 1, err)); // of night's task
    }
    nb_ledger_close(&ledger);
    close_desk(&here);
}

static void a_wish_that_is_not_written_down_is_not_followed(void **state)
{
    desk here;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(*state, "ledger.sqlite");
    start(&here, *state);
    assert_ok(nb_sql_open(path, &here.outside, err));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_answer(send_push(&here, &first_push));
    const nb_task *task = nb_scheduler_task(here.coordinator->scheduler, 1);
    assert_non_null(task);
    assert_int_equal(task->priority, NB_PRIORITY_DEFAULT);
    // The last thing that it writes can't be written.
    assert_ok(nb_sql_script(here.outside,
                            "CREATE TRIGGER no_answer BEFORE INSERT ON answers BEGIN"
                            " SELECT raise(ABORT, 'no more'); END;",
                            err));
    assert_refusal(render_album(&here, 90, NULL), NB_E_EXISTS, "no more");
    assert_int_equal(nb_scheduler_task(here.coordinator->scheduler, 1)->priority,
                     NB_PRIORITY_DEFAULT);
    assert_ok(nb_sql_script(here.outside, "DROP TRIGGER no_answer;", err));
    assert_answer(render_album(&here, 91, NULL));
    assert_int_equal(nb_scheduler_task(here.coordinator->scheduler, 1)->priority, 91);
    close_desk(&here);
}

static void an_album_s_hours_are_those_of_its_jobs_now(void **state)
{
    char never[] = "00:00-00:01 UTC";
    char always[] = "";
    desk here;
    start(&here, *state);
    const time_t now = time(NULL);
    if (now % 86400 < 120) { // those hours
        snprintf(never, sizeof never, "12:00-12:01 UTC");
    }
    assert_answer(send_push(&here, &first_push));
    const Nightbus__Reply *reply = render_album(&here, 50, never);
    assert_answer(reply);
    assert_true(reply->album_rendering->has_opens_ms);
    Nightbus__JobChange change = NIGHTBUS__JOB_CHANGE__INIT;
    change.job = 1;
    change.window = always;
    assert_answer(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_JOB_CHANGE, &change));
    char album[] = "night";
    Nightbus__AlbumRenderShow shown = NIGHTBUS__ALBUM_RENDER_SHOW__INIT;
    shown.album = album;
    reply = ask(&here, &ada, NIGHTBUS__REQUEST__BODY_ALBUM_RENDER_SHOW, &shown);
    assert_answer(reply);
    assert_false(reply->album_rendering->has_opens_ms);
    close_desk(&here);
}

static void knowing_a_digest_is_no_right(void **state)
{
    desk here;
    start(&here, *state);
    nb_digest digest;
    assert_ok(nb_blob_store_put(nb_coordinator_store(here.coordinator), "secret", 6, &digest, err));
    ProtobufCBinaryData digests[] = {bytes_of(digest.bytes, sizeof digest.bytes)};
    char album[] = "night";
    Nightbus__Missing missing = NIGHTBUS__MISSING__INIT;
    missing.album = album;
    missing.digests = digests;
    missing.n_digests = 1;
    const Nightbus__Reply *reply = ask(&here, &ada, NIGHTBUS__REQUEST__BODY_MISSING, &missing);
    assert_answer(reply);
    assert_int_equal(reply->missing_listing->n_digests, 1);
    assert_fails(NB_E_NOT_FOUND, "has no blob",
                 nb_coordinator_may_read(here.coordinator, &ada.key, "night", 0, &digest, err));
    assert_fails(NB_E_PERMISSION, "",
                 nb_coordinator_may_read(here.coordinator, &one.key, "night", 0, &digest, err));
    upload(&here, "secret", &digest);
    reply = ask(&here, &ada, NIGHTBUS__REQUEST__BODY_MISSING, &missing);
    assert_int_equal(reply->missing_listing->n_digests, 0);
    assert_ok(nb_coordinator_may_read(here.coordinator, &ada.key, "night", 0, &digest, err));
    close_desk(&here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch(nobody_is_heard_without_a_key_a_hello_and_the_role),
        in_scratch(a_push_is_rendered_and_shown_and_a_repeat_gets_the_first_answer),
        in_scratch(a_renderer_may_send_what_it_kept_after_its_result_and_nobody_else_may),
        cmocka_unit_test(what_may_be_sent_after_a_result_may_be_sent_for_a_while),
        in_scratch(a_done_job_has_its_files_before_the_review_says_so),
        in_scratch(an_album_that_cannot_be_read_does_not_hold_up_the_others),
        in_scratch(a_damaged_album_does_not_hold_up_the_reviews_of_others),
        in_scratch(what_waits_for_the_review_is_written_in_one_go),
        in_scratch(all_jobs_of_a_task_end_with_it_however_many),
        in_scratch(what_was_rendered_before_is_not_rendered_again),
        in_scratch(a_push_on_an_older_revision_is_told_who_was_first),
        in_scratch(bad_pushes_are_refused_in_words_and_leave_nothing),
        in_scratch(a_push_of_nothing_new_makes_no_version),
        in_scratch(a_held_renderer_gets_work_as_soon_as_there_is_some),
        in_scratch(the_answers_of_a_batch_follow_its_one_commit),
        in_scratch(a_request_that_fails_takes_nothing_of_its_batch_with_it),
        in_scratch(a_batch_that_cannot_be_committed_is_forgotten_whole),
        in_scratch(lines_about_a_task_say_which_as_fields),
        in_scratch(kept_edges_of_other_albums_are_not_told),
        in_scratch(a_wish_that_is_not_written_down_is_not_followed),
        in_scratch(an_album_s_hours_are_those_of_its_jobs_now),
        in_scratch(knowing_a_digest_is_no_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
