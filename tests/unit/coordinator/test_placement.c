// SPDX-License-Identifier: GPL-3.0-or-later
// Which task goes where, under a clock of the test's own.
#include "coordinator/labels.h"
#include "coordinator/scheduler.h"

#include "test.h"

enum { LEASE_MS = 10000 };

typedef struct farm {
    nb_scheduler *scheduler;
    int64_t now_ms;
    uint32_t suspected;
} farm;

static void note_suspicion(void *context, const nb_renderer *renderer)
{
    ((farm *)context)->suspected = renderer->id;
}

static void open_farm(farm *self, uint32_t renderers)
{
    *self = (farm){.now_ms = 1000};
    const nb_scheduler_options options = {.lease_ms = LEASE_MS,
                                          .reconcile_ms = 2 * LEASE_MS,
                                          .incarnation = 1,
                                          .suspicion = note_suspicion,
                                          .context = self};
    assert_ok(nb_scheduler_new(&options, &self->scheduler, err));
    for (uint32_t i = 1; i <= renderers; i++) {
        assert_ok(nb_scheduler_hello(self->scheduler, i, "core=1", i, self->now_ms, err));
    }
}

static void close_farm(farm *self) { nb_scheduler_destroy(&self->scheduler); }

static void add(farm *self, uint64_t id, const char *album, const char *song)
{
    const nb_task_spec spec = {.id = id,
                               .fingerprint = "core=1",
                               .created_ms = (int64_t)id,
                               .cost = 1000,
                               .album = album,
                               .song = song};
    assert_ok(nb_scheduler_add_task(self->scheduler, &spec, err));
}

// The task that an idle renderer gets; 0 for none.
static nb_attempt_id ask(farm *self, uint32_t renderer)
{
    nb_attempt_id id = {0};
    nb_scheduler_sync_idle(self->scheduler, renderer, 20000, self->now_ms);
    if (!nb_scheduler_assign(self->scheduler, renderer, self->now_ms, &id)) {
        return (nb_attempt_id){0};
    }
    return id;
}

static void finish(farm *self, uint32_t renderer, const nb_attempt_id *id)
{
    assert_ok(nb_scheduler_finish(self->scheduler, renderer, id, self->now_ms, err));
    nb_scheduler_forget(self->scheduler, id->task);
}

static void wish(farm *self, uint32_t renderer, unsigned holds, const char *labels)
{
    const nb_renderer_wish wish = {.name = "", .labels = labels, .holds = holds};
    assert_ok(nb_scheduler_wish_renderer(self->scheduler, renderer, &wish, err));
}

static nb_placement place(const farm *self, uint64_t task, uint32_t renderer)
{
    return nb_scheduler_placement(self->scheduler, nb_scheduler_task(self->scheduler, task),
                                  renderer, self->now_ms);
}

static void a_song_goes_back_to_who_has_its_stems(void **state)
{
    (void)state;
    farm here;
    open_farm(&here, 3);
    nb_scheduler_remember(here.scheduler, nb_scheduler_song("a", "night"), 2);
    add(&here, 1, "a", "night");
    assert_int_equal(ask(&here, 1).task, 0); // 2 will take it
    assert_int_equal(place(&here, 1, 1), NB_PLACE_STEMS_ELSEWHERE);
    assert_int_equal(ask(&here, 2).task, 1);
    close_farm(&here);
}

static void a_song_waits_a_little_for_its_stems_and_not_for_ever(void **state)
{
    (void)state;
    farm here;
    open_farm(&here, 2);
    nb_scheduler_remember(here.scheduler, nb_scheduler_song("a", "night"), 2);
    add(&here, 1, "b", "other");
    assert_int_equal(ask(&here, 2).task, 1); // busy with something else
    add(&here, 2, "a", "night");
    assert_int_equal(ask(&here, 1).task, 0);
    here.now_ms += NB_STEMS_WAIT_MS - 1;
    assert_int_equal(ask(&here, 1).task, 0);
    here.now_ms += 1;
    assert_int_equal(ask(&here, 1).task, 2);
    close_farm(&here);
}

static void who_shares_the_store_has_everybody_s_stems(void **state)
{
    (void)state;
    farm here;
    open_farm(&here, 2);
    nb_scheduler_remember(here.scheduler, nb_scheduler_song("a", "night"), 2);
    const nb_renderer_wish local = {.name = "one", .shares_store = true};
    assert_ok(nb_scheduler_wish_renderer(here.scheduler, 1, &local, err));
    add(&here, 1, "a", "night");
    assert_int_equal(ask(&here, 1).task, 1);
    close_farm(&here);
}

// Which of many new songs the renderer with this name takes, of a farm that numbers them from
// `first` on.
static uint64_t first_song_of(uint32_t wanted, uint32_t first)
{
    enum { SONGS = 30, RENDERERS = 4 };
    static const char *const names[RENDERERS] = {"anna", "bert", "cleo", "dora"};
    farm here;
    open_farm(&here, RENDERERS);
    uint32_t number = 0;
    for (uint32_t i = 0; i < RENDERERS; i++) {
        const uint32_t name = (i + first) % RENDERERS;
        const nb_renderer_wish named = {.name = names[name]};
        assert_ok(nb_scheduler_wish_renderer(here.scheduler, i + 1, &named, err));
        number = (name == wanted) ? i + 1 : number;
    }
    for (uint64_t id = 1; id <= SONGS; id++) {
        char song[16];
        snprintf(song, sizeof song, "s%d", (int)id);
        add(&here, id, "a", song);
    }
    const uint64_t got = ask(&here, number).task;
    close_farm(&here);
    return got;
}

static void songs_that_nobody_has_are_spread_by_name_and_the_same_after_a_restart(void **state)
{
    (void)state;
    uint64_t songs[4];
    for (uint32_t i = 0; i < NB_COUNT(songs); i++) {
        songs[i] = first_song_of(i, 0);
        assert_true(songs[i] > 0);
        assert_int_equal(first_song_of(i, 3), songs[i]);
        for (uint32_t j = 0; j < i; j++) {
            assert_int_not_equal(songs[i], songs[j]);
        }
    }
}

static void paused_tasks_wait_and_do_not_stand_in_the_way(void **state)
{
    (void)state;
    farm here;
    open_farm(&here, 1);
    add(&here, 1, "a", "one");
    add(&here, 2, "a", "two");
    const nb_task_wish paused = {.priority = 9, .holds = NB_HOLD_PAUSED};
    const nb_task_wish again = {.priority = 0};
    assert_ok(nb_scheduler_wish(here.scheduler, 1, &paused, err));
    const nb_attempt_id id = ask(&here, 1);
    assert_int_equal(id.task, 2);
    finish(&here, 1, &id);
    assert_int_equal(ask(&here, 1).task, 0);
    assert_ok(nb_scheduler_wish(here.scheduler, 1, &again, err));
    assert_int_equal(ask(&here, 1).task, 1);
    close_farm(&here);
}

static void a_higher_priority_given_later_counts(void **state)
{
    (void)state;
    farm here;
    open_farm(&here, 1);
    add(&here, 1, "a", "one");
    add(&here, 2, "a", "two");
    const nb_task_wish urgent = {.priority = 5};
    nb_queue_place before;
    nb_scheduler_queue_place(here.scheduler, nb_scheduler_task(here.scheduler, 2), &before);
    assert_int_equal(before.same_album, 1);
    assert_ok(nb_scheduler_wish(here.scheduler, 2, &urgent, err));
    nb_scheduler_queue_place(here.scheduler, nb_scheduler_task(here.scheduler, 1), &before);
    assert_int_equal(before.higher_priority, 1);
    assert_int_equal(ask(&here, 1).task, 2);
    close_farm(&here);
}

static void one_album_does_not_hold_up_another(void **state)
{
    (void)state;
    farm here;
    open_farm(&here, 1);
    for (uint64_t id = 1; id <= 40; id++) {
        add(&here, id, "big", "");
    }
    for (uint64_t id = 41; id <= 44; id++) {
        add(&here, id, "small", "");
    }
    size_t of_small = 0;
    for (int i = 0; i < 8; i++) {
        const nb_attempt_id id = ask(&here, 1);
        of_small += id.task > 40 ? 1 : 0;
        finish(&here, 1, &id);
    }
    assert_int_equal(of_small, 4);
    nb_queue_place place_of_last;
    add(&here, 45, "small", "");
    nb_scheduler_queue_place(here.scheduler, nb_scheduler_task(here.scheduler, 40), &place_of_last);
    assert_true(place_of_last.same_album > 0);
    close_farm(&here);
}

static void a_drained_renderer_gets_nothing_and_says_why(void **state)
{
    (void)state;
    static const struct {
        unsigned hold;
        nb_placement placement;
    } cases[] = {{NB_HOLD_DRAINED, NB_PLACE_DRAINED},
                 {NB_HOLD_ASIDE, NB_PLACE_ASIDE},
                 {NB_HOLD_WINDOW, NB_PLACE_WINDOW},
                 {NB_HOLD_STOPPING, NB_PLACE_STOPPING}};
    for (size_t i = 0; i < NB_COUNT(cases); i++) {
        farm here;
        open_farm(&here, 1);
        add(&here, 1, "a", "one");
        wish(&here, 1, cases[i].hold, "");
        assert_int_equal(ask(&here, 1).task, 0);
        assert_int_equal(place(&here, 1, 1), cases[i].placement);
        wish(&here, 1, 0, "");
        assert_int_equal(place(&here, 1, 1), NB_PLACE_FREE);
        assert_int_equal(ask(&here, 1).task, 1);
        close_farm(&here);
    }
}

static void labels_keep_a_task_for_those_who_have_them(void **state)
{
    (void)state;
    farm here;
    open_farm(&here, 2);
    wish(&here, 2, 0, "room,gpu=a100");
    add(&here, 1, "a", "one");
    const nb_task_wish gpu = {.label = "gpu"};
    assert_ok(nb_scheduler_wish(here.scheduler, 1, &gpu, err));
    assert_int_equal(ask(&here, 1).task, 0);
    assert_int_equal(place(&here, 1, 1), NB_PLACE_LABEL);
    assert_int_equal(ask(&here, 2).task, 1);
    close_farm(&here);
    assert_true(nb_labels_match("gpu=a100,room", "gpu=a100"));
    assert_false(nb_labels_match("gpu=a100,room", "gpu=h100"));
    assert_false(nb_labels_match("gpus", "gpu"));
    assert_false(nb_labels_match("", "gpu"));
    assert_true(nb_labels_match("", ""));
    assert_ok(nb_labels_check("gpu=a100,room", err));
    assert_fails(NB_E_INVALID, "no label", nb_labels_check("a,,b", err));
    assert_fails(NB_E_INVALID, "no label", nb_labels_check("GPU", err));
    assert_fails(NB_E_INVALID, "no label", nb_labels_check("a=b=c", err));
    assert_fails(NB_E_INVALID, "comma", nb_labels_check("a,", err));
}

static void a_straggler_gets_a_second_attempt_and_the_first_result_wins(void **state)
{
    (void)state;
    farm here;
    open_farm(&here, 2);
    add(&here, 1, "a", "one");
    const nb_attempt_id slow = ask(&here, 1);
    for (int i = 0; i < 14; i++) { // alive, and nothing moves
        here.now_ms += 2000;
        assert_true(nb_scheduler_sync_busy(here.scheduler, 1, &slow, 0, 0, here.now_ms));
        assert_int_equal(ask(&here, 2).task, 0);
    }
    here.now_ms += 2000;
    const nb_attempt_id second = ask(&here, 2);
    assert_int_equal(second.task, 1);
    assert_int_equal(second.attempt, 2);
    // Both go on, until one has a result.
    assert_true(nb_scheduler_sync_busy(here.scheduler, 1, &slow, 1, 10, here.now_ms));
    assert_true(nb_scheduler_sync_busy(here.scheduler, 2, &second, 5, 10, here.now_ms));
    assert_int_equal(nb_task_leased(nb_scheduler_task(here.scheduler, 1))->renderer, 2);
    assert_ok(nb_scheduler_finish(here.scheduler, 2, &second, here.now_ms, err));
    assert_false(nb_scheduler_sync_busy(here.scheduler, 1, &slow, 2, 10, here.now_ms));
    assert_int_equal(nb_scheduler_renderer(here.scheduler, 1)->state, NB_RENDERER_IDLE);
    assert_fails(NB_E_NOT_FOUND, "not open",
                 nb_scheduler_finish(here.scheduler, 1, &slow, here.now_ms, err));
    close_farm(&here);
}

static void a_second_attempt_is_not_made_where_it_would_end_later(void **state)
{
    (void)state;
    for (int is_slow = 0; is_slow < 2; is_slow++) {
        farm here;
        open_farm(&here, 2);
        add(&here, 1, "a", ""); // both learn how long a task takes: 20 s
        add(&here, 2, "a", "");
        const nb_attempt_id first[] = {ask(&here, 1), ask(&here, 2)};
        here.now_ms += 20000;
        finish(&here, 1, &first[0]);
        finish(&here, 2, &first[1]);
        add(&here, 3, "a", "");
        const nb_attempt_id id = ask(&here, 1);
        for (uint64_t step = 1; step <= 16; step++) { // 32 s: two thirds done, or a sixth
            here.now_ms += 2000;
            assert_true(nb_scheduler_sync_busy(here.scheduler, 1, &id, is_slow ? step : step * 4,
                                               96, here.now_ms));
            // It may be expected to end late: too young to be doubted, it is left alone.
            assert_int_equal(step < 15 ? ask(&here, 2).task : 0, 0);
        }
        assert_int_equal(ask(&here, 2).task, is_slow ? 3 : 0);
        close_farm(&here);
    }
}

static void one_of_two_attempts_that_ends_leaves_the_other_running(void **state)
{
    (void)state;
    farm here;
    open_farm(&here, 2);
    add(&here, 1, "a", "one");
    const nb_attempt_id slow = ask(&here, 1);
    here.now_ms += NB_STRAGGLER_MS - 1;
    assert_true(nb_scheduler_sync_busy(here.scheduler, 1, &slow, 0, 0, here.now_ms));
    here.now_ms += 1;
    const nb_attempt_id second = ask(&here, 2);
    assert_ok(nb_scheduler_fail(here.scheduler, 2, &second, NB_END_FAILED, here.now_ms, err));
    assert_int_equal(nb_scheduler_task(here.scheduler, 1)->state, NB_TASK_RUNNING);
    assert_true(nb_scheduler_sync_busy(here.scheduler, 1, &slow, 1, 10, here.now_ms));
    assert_ok(nb_scheduler_finish(here.scheduler, 1, &slow, here.now_ms, err));
    close_farm(&here);
}

// Renderer 1 fails each task, renderer 2 renders it.
static void fail_and_pass(farm *self, uint64_t task)
{
    add(self, task, "a", "");
    const nb_attempt_id failed = ask(self, 1);
    assert_int_equal(failed.task, task);
    assert_ok(nb_scheduler_fail(self->scheduler, 1, &failed, NB_END_FAILED, self->now_ms, err));
    const nb_attempt_id passed = ask(self, 2);
    assert_int_equal(passed.task, task);
    finish(self, 2, &passed);
}

static void a_renderer_is_set_aside_only_for_what_another_passed_and_never_the_last(void **state)
{
    (void)state;
    farm here;
    open_farm(&here, 3);
    for (uint64_t task = 1; task <= NB_BLAMED_MAX; task++) {
        assert_int_equal(here.suspected, 0);
        fail_and_pass(&here, task);
    }
    assert_int_equal(here.suspected, 1);
    add(&here, 10, "a", "");
    assert_int_equal(ask(&here, 1).task, 0);
    assert_int_equal(place(&here, 10, 1), NB_PLACE_SUSPECTED);
    // The others leave: then it is better than nothing.
    wish(&here, 2, NB_HOLD_DRAINED, "");
    wish(&here, 3, NB_HOLD_DRAINED, "");
    assert_int_equal(ask(&here, 1).task, 10);
    close_farm(&here);

    open_farm(&here, 3);
    for (uint64_t task = 1; task <= 5; task++) { // all fail it: the task's fault
        add(&here, task, "a", "");
        for (uint32_t renderer = 1; renderer <= 3; renderer++) {
            const nb_attempt_id id = ask(&here, renderer);
            assert_ok(
                nb_scheduler_fail(here.scheduler, renderer, &id, NB_END_FAILED, here.now_ms, err));
        }
        assert_int_equal(nb_scheduler_failed_task(here.scheduler)->id, task);
        nb_scheduler_forget(here.scheduler, task);
    }
    assert_int_equal(here.suspected, 0);
    close_farm(&here);
}

static void a_task_fails_when_all_that_can_try_it_failed(void **state)
{
    (void)state;
    farm here;
    open_farm(&here, 4);
    wish(&here, 2, 0, "gpu");
    add(&here, 1, "a", "");
    const nb_task_wish gpu = {.label = "gpu"};
    assert_ok(nb_scheduler_wish(here.scheduler, 1, &gpu, err));
    const nb_attempt_id id = ask(&here, 2);
    assert_int_equal(id.task, 1);
    assert_ok(nb_scheduler_fail(here.scheduler, 2, &id, NB_END_FAILED, here.now_ms, err));
    // As on a farm of one: nobody else has the label.
    assert_int_equal(nb_scheduler_failed_task(here.scheduler)->id, 1);
    close_farm(&here);
}

static void most_renderers_gone_at_once_get_one_more_lease(void **state)
{
    (void)state;
    for (uint32_t renderers = 3; renderers <= 4; renderers++) {
        farm here;
        open_farm(&here, renderers);
        nb_attempt_id ids[5];
        for (uint32_t i = 1; i <= renderers; i++) {
            add(&here, i, "a", "");
            ids[i] = ask(&here, i);
        }
        here.now_ms += LEASE_MS; // a switch dies: nobody is heard
        nb_scheduler_tick(here.scheduler, here.now_ms);
        const bool respite = renderers >= NB_MASS_LOSS_FARM;
        assert_int_equal(nb_scheduler_is_mass_loss(here.scheduler, here.now_ms), respite);
        assert_int_equal(nb_scheduler_running_count(here.scheduler), respite ? renderers : 0);
        here.now_ms += LEASE_MS - 1;
        nb_scheduler_tick(here.scheduler, here.now_ms);
        if (respite) { // it is back: all go on where they were
            assert_true(nb_scheduler_sync_busy(here.scheduler, 1, &ids[1], 1, 2, here.now_ms));
        }
        here.now_ms += 1;
        nb_scheduler_tick(here.scheduler, here.now_ms); // who is gone now is gone
        assert_int_equal(nb_scheduler_running_count(here.scheduler), respite ? 1 : 0);
        close_farm(&here);
    }
}

static void a_task_with_another_fingerprint_says_so(void **state)
{
    (void)state;
    farm here;
    open_farm(&here, 1);
    assert_ok(nb_scheduler_hello(here.scheduler, 2, "core=2", 2, here.now_ms, err));
    add(&here, 1, "a", "one");
    assert_int_equal(place(&here, 1, 2), NB_PLACE_FINGERPRINT);
    assert_int_equal(place(&here, 1, 7), NB_PLACE_LOST);
    assert_int_equal(ask(&here, 1).task, 1);
    add(&here, 2, "a", "two");
    assert_int_equal(place(&here, 2, 1), NB_PLACE_BUSY);
    close_farm(&here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_song_goes_back_to_who_has_its_stems),
        cmocka_unit_test(a_song_waits_a_little_for_its_stems_and_not_for_ever),
        cmocka_unit_test(who_shares_the_store_has_everybody_s_stems),
        cmocka_unit_test(songs_that_nobody_has_are_spread_by_name_and_the_same_after_a_restart),
        cmocka_unit_test(paused_tasks_wait_and_do_not_stand_in_the_way),
        cmocka_unit_test(a_higher_priority_given_later_counts),
        cmocka_unit_test(one_album_does_not_hold_up_another),
        cmocka_unit_test(a_drained_renderer_gets_nothing_and_says_why),
        cmocka_unit_test(labels_keep_a_task_for_those_who_have_them),
        cmocka_unit_test(a_straggler_gets_a_second_attempt_and_the_first_result_wins),
        cmocka_unit_test(a_second_attempt_is_not_made_where_it_would_end_later),
        cmocka_unit_test(one_of_two_attempts_that_ends_leaves_the_other_running),
        cmocka_unit_test(a_renderer_is_set_aside_only_for_what_another_passed_and_never_the_last),
        cmocka_unit_test(a_task_fails_when_all_that_can_try_it_failed),
        cmocka_unit_test(most_renderers_gone_at_once_get_one_more_lease),
        cmocka_unit_test(a_task_with_another_fingerprint_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
