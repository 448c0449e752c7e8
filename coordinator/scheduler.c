// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/scheduler.h"

#include "coordinator/scheduler_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// ---- Counting ----

// The attempt that was really given to this renderer under this epoch.
static nb_attempt *find_attempt(nb_task *task, uint32_t renderer, const nb_attempt_id *id)
{
    if (id->attempt == 0 || id->attempt > task->attempt_count) {
        return NULL;
    }
    nb_attempt *attempt = &task->attempts[id->attempt - 1];
    const bool same = attempt->renderer == renderer &&
                      memcmp(&attempt->id.epoch, &id->epoch, sizeof id->epoch) == 0;
    return same ? attempt : NULL;
}

static size_t count_failing(const nb_scheduler *self, const nb_task *task)
{
    size_t failing = 0;
    for (size_t i = 0; i < self->renderer_count; i++) {
        failing += nb_task_failed_on(task, self->renderers[i].id) ? 1 : 0;
    }
    return failing;
}

// ---- Moving from state to state ----

static void observe(nb_scheduler *self, const nb_task *task, const nb_attempt *attempt)
{
    if (self->options.observer) {
        self->options.observer(self->options.context, task, attempt);
    }
}

enum { WHAT_SIZE = 64 }; // "task 18446744073709551615, attempt 4294967295"

static bool move_task(nb_scheduler *self, nb_task *task, nb_task_event event)
{
    char what[WHAT_SIZE];
    snprintf(what, sizeof what, "task %" PRIu64, task->id);
    const nb_task_state before = task->state;
    if (!nb_task_state_move(&task->state, event, what)) {
        return false;
    }
    if (before == NB_TASK_QUEUED && task->state != NB_TASK_QUEUED) {
        nb_task_queue_pop(self->queue, task);
    } else if (before != NB_TASK_QUEUED && task->state == NB_TASK_QUEUED) {
        task->passed_ms = 0;
        nb_task_queue_push(self->queue, task);
    }
    if (task->state == NB_TASK_FAILED) {
        task->next_failed = self->failed;
        self->failed = task;
    }
    observe(self, task, NULL);
    return true;
}

// The lists of what runs follow the attempt's state. There is room: see add_running's caller.
static void note_lease(nb_scheduler *self, nb_task *task, const nb_attempt *attempt, bool was)
{
    const bool is = nb_attempt_is_leased(attempt);
    nb_renderer *renderer = nb_scheduler_find_renderer(self, attempt->renderer);
    if (is == was) {
        return;
    }
    if (renderer) {
        renderer->leases += is ? 1U : (uint32_t)-1;
    }
    if (is && task->running_index_plus_1 == 0) {
        self->running[self->running_count++] = task;
        task->running_index_plus_1 = self->running_count;
    } else if (!is && task->running_index_plus_1 != 0 && nb_task_leased_count(task) == 0) {
        nb_task *last = self->running[--self->running_count];
        self->running[task->running_index_plus_1 - 1] = last;
        last->running_index_plus_1 = task->running_index_plus_1;
        task->running_index_plus_1 = 0;
    }
}

static bool move_attempt(nb_scheduler *self, nb_task *task, nb_attempt *attempt,
                         nb_attempt_event event)
{
    char what[WHAT_SIZE];
    snprintf(what, sizeof what, "task %" PRIu64 ", attempt %" PRIu32, task->id,
             attempt->id.attempt);
    const nb_attempt_state before = attempt->state;
    const bool was = nb_attempt_is_leased(attempt);
    if (!nb_attempt_state_move(&attempt->state, event, what)) {
        return false;
    }
    note_lease(self, task, attempt, was);
    if (attempt->state != before) {
        observe(self, task, attempt);
    }
    return true;
}

static bool may_move_attempt(const nb_attempt *attempt, nb_attempt_event event)
{
    return nb_attempt_state_may(attempt->state, event);
}

static bool move_renderer(nb_renderer *renderer, nb_renderer_event event)
{
    char what[WHAT_SIZE];
    snprintf(what, sizeof what, "renderer %" PRIu32, renderer->id);
    return nb_renderer_state_move(&renderer->state, event, what);
}

// Until its renderer is heard of, an expired attempt speaks against its task. A renderer that is
// lost takes nothing new, so that there is one such attempt for each at most.
static void note_lost(nb_scheduler *self, const nb_attempt *attempt)
{
    nb_renderer *renderer = nb_scheduler_find_renderer(self, attempt->renderer);
    if (renderer && attempt->state == NB_ATTEMPT_EXPIRED) {
        renderer->lost = attempt->id;
    }
}

// ---- After a start ----

nb_status nb_scheduler_restore_attempt(nb_scheduler *self, const nb_attempt *attempt,
                                       int64_t now_ms, nb_error *err)
{
    nb_task *task = nb_scheduler_find_task(self, attempt->id.task);
    if (!task || !nb_scheduler_find_renderer(self, attempt->renderer)) {
        return nb_fail(err, NB_E_NOT_FOUND, "task %" PRIu64 ": not one to restore an attempt of",
                       attempt->id.task);
    }
    if (attempt->id.attempt != task->attempt_count + 1 || task->attempt_count == NB_ATTEMPTS_MAX) {
        return nb_fail(err, NB_E_CORRUPT, "task %" PRIu64 ": attempt %" PRIu32 " out of order",
                       task->id, attempt->id.attempt);
    }
    if (!nb_task_reserve_attempt(task)) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for task %" PRIu64, task->id);
    }
    nb_attempt *added = &task->attempts[task->attempt_count++];
    *added = *attempt;
    note_lost(self, added);
    self->worn_out = true;
    task->verdict_ms = now_ms + NB_VERDICT_LEASES * self->options.lease_ms;
    if (nb_attempt_is_leased(attempt)) {
        if (task->state == NB_TASK_QUEUED) {
            nb_task_queue_pop(self->queue, task);
            task->state = NB_TASK_RUNNING;
        } else if (task->state == NB_TASK_BLOCKED) {
            (void)nb_task_state_move(&task->state, NB_TASK_START, "a task of the last life");
        }
        added->state = NB_ATTEMPT_SUSPECT;
        added->lease_until_ms = now_ms + self->options.reconcile_ms;
        added->started_ms = added->moved_ms = now_ms;
        note_lease(self, task, added, false);
    }
    return NB_OK;
}

// ---- Renderers and their leases ----

static void release_renderer(nb_scheduler *self, const nb_attempt *attempt)
{
    nb_renderer *renderer = nb_scheduler_find_renderer(self, attempt->renderer);
    if (renderer && renderer->state == NB_RENDERER_BUSY && renderer->task == attempt->id.task) {
        move_renderer(renderer, NB_RENDERER_STOP);
        renderer->task = 0;
    }
}

// A task that others wait for is over, whatever became of it.
static void release_dependents(nb_scheduler *self, const nb_task *needed)
{
    for (size_t i = 0; i < needed->dependent_count; i++) {
        nb_task *task = nb_scheduler_find_task(self, needed->dependents[i]);
        if (!task || task->waits_for == 0) {
            continue;
        }
        task->waits_for--;
        if (task->waits_for == 0 && task->state == NB_TASK_BLOCKED) {
            move_task(self, task, NB_TASK_RELEASE);
        }
    }
}

void nb_scheduler_forget(nb_scheduler *self, uint64_t id)
{
    nb_task *task = nb_scheduler_find_task(self, id);
    if (!task) {
        return;
    }
    for (size_t i = 0; i < task->attempt_count; i++) {
        nb_attempt *attempt = &task->attempts[i];
        release_renderer(self, attempt);
        if (nb_attempt_is_leased(attempt)) {
            attempt->state = NB_ATTEMPT_ABANDONED;
            note_lease(self, task, attempt, true);
        }
    }
    if (task->state == NB_TASK_QUEUED) {
        nb_task_queue_pop(self->queue, task);
    }
    for (nb_task **at = &self->failed; *at; at = &(*at)->next_failed) {
        if (*at == task) {
            *at = task->next_failed;
            break;
        }
    }
    release_dependents(self, task);
    nb_task_queue_leave(self->queue, task);
    nb_scheduler_remove(self, task);
}

static void hear(nb_scheduler *self, nb_renderer *renderer, int64_t wait_ms, int64_t now_ms)
{
    renderer->seen_ms = now_ms;
    renderer->silent_from_ms = now_ms + wait_ms + self->options.lease_ms;
    move_renderer(renderer, NB_RENDERER_HEARD);
}

nb_status nb_scheduler_hello(nb_scheduler *self, uint32_t id, const char *fingerprint,
                             uint64_t process, int64_t now_ms, nb_error *err)
{
    const char *interned = nb_scheduler_intern(self, fingerprint);
    if (!interned) {
        return nb_fail(err, NB_E_LIMIT,
                       "more than %d distinct fingerprints, or no memory: restart the coordinator",
                       NB_FINGERPRINTS_MAX);
    }
    const nb_status status = nb_scheduler_know(self, id, err);
    if (status != NB_OK) {
        return status;
    }
    nb_renderer *renderer = nb_scheduler_find_renderer(self, id);
    renderer->fingerprint = interned;
    renderer->process = process;
    renderer->holds &= ~(unsigned)NB_HOLD_STOPPING; // a new program of the same name
    hear(self, renderer, 0, now_ms);
    return NB_OK;
}

static void take_up(nb_scheduler *self, nb_renderer *renderer, nb_attempt *attempt, int64_t now_ms)
{
    attempt->lease_until_ms = now_ms + self->options.lease_ms;
    renderer->silent_from_ms = attempt->lease_until_ms; // no answer is held for it any more
    if (renderer->state == NB_RENDERER_IDLE) {
        move_renderer(renderer, NB_RENDERER_START);
    }
    renderer->task = attempt->id.task;
}

// A limit of failing renderers for an end that says nothing of the task: who is there just now must
// not decide over what others did to it before.
enum { SAYS_NOTHING = 0 };

// May somebody still come back and take one of its counted attempts off it?
static bool is_excusable(const nb_task *task)
{
    bool excusable = false;
    for (size_t i = 0; i < task->attempt_count; i++) {
        excusable = excusable || task->attempts[i].state == NB_ATTEMPT_EXPIRED;
    }
    return excusable && task->attempt_count < NB_ATTEMPTS_MAX;
}

// After an attempt ended without a result: queue the task again, or fail it. While another attempt
// runs beside it, that one decides.
static void settle_task(nb_scheduler *self, nb_task *task, size_t failing_limit)
{
    if (nb_task_leased_count(task) > 0) {
        return;
    }
    const size_t usable = nb_scheduler_count_fit(self, task);
    const size_t limit = (usable > 0 && usable < failing_limit) ? usable : failing_limit;
    const bool worn_out = nb_task_is_worn_out(task);
    const bool hopeless = (worn_out && !is_excusable(task)) ||
                          (failing_limit != SAYS_NOTHING && count_failing(self, task) >= limit);
    self->worn_out = self->worn_out || worn_out; // the ticks judge it
    move_task(self, task, hopeless ? NB_TASK_FAIL : NB_TASK_PUT_BACK);
}

static void end_attempt(nb_scheduler *self, nb_task *task, nb_attempt *attempt,
                        nb_attempt_event event, size_t failing_limit)
{
    release_renderer(self, attempt);
    if (move_attempt(self, task, attempt, event)) {
        settle_task(self, task, failing_limit);
    }
}

static nb_attempt *leased_by(nb_task *task, uint32_t renderer)
{
    for (size_t i = 0; i < task->attempt_count; i++) {
        if (task->attempts[i].renderer == renderer && nb_attempt_is_leased(&task->attempts[i])) {
            return &task->attempts[i];
        }
    }
    return NULL;
}

// The renderer does not work on it. Is that since its process died, with the task or of it?
static nb_attempt_event judge(const nb_renderer *renderer, const nb_attempt *attempt)
{
    const bool lived = renderer->process != 0 && renderer->process == attempt->process;
    return lived ? NB_ATTEMPT_ABANDON : NB_ATTEMPT_DIE;
}

// A renderer does one thing at a time: whatever else we thought it did, it does not.
static void abandon_all(nb_scheduler *self, nb_renderer *renderer)
{
    nb_task *was = nb_scheduler_find_task(self, renderer->lost.task);
    nb_attempt *lost = was ? find_attempt(was, renderer->id, &renderer->lost) : NULL;
    if (lost && lost->state == NB_ATTEMPT_EXPIRED) {
        move_attempt(self, was, lost, judge(renderer, lost));
    }
    renderer->lost = (nb_attempt_id){0};
    for (size_t i = self->running_count; i-- > 0 && renderer->leases > 0;) {
        nb_task *task = self->running[i];
        nb_attempt *attempt = leased_by(task, renderer->id);
        if (attempt) {
            end_attempt(self, task, attempt, judge(renderer, attempt), SAYS_NOTHING);
        }
    }
}

void nb_scheduler_sync_idle(nb_scheduler *self, uint32_t id, int64_t wait_ms, int64_t now_ms)
{
    nb_renderer *renderer = nb_scheduler_find_renderer(self, id);
    if (!renderer) {
        return;
    }
    hear(self, renderer, wait_ms, now_ms);
    abandon_all(self, renderer);
}

bool nb_scheduler_sync_busy(nb_scheduler *self, uint32_t renderer_id, const nb_attempt_id *id,
                            uint64_t done_frames, uint64_t total_frames, int64_t now_ms)
{
    nb_renderer *renderer = nb_scheduler_find_renderer(self, renderer_id);
    if (!renderer) {
        return false;
    }
    hear(self, renderer, 0, now_ms);
    nb_task *task = nb_scheduler_find_task(self, id->task);
    nb_attempt *attempt = task ? find_attempt(task, renderer_id, id) : NULL;
    if (!attempt || !may_move_attempt(attempt, NB_ATTEMPT_RENEW)) {
        return false;
    }
    if (attempt->state == NB_ATTEMPT_EXPIRED &&
        (task->state != NB_TASK_QUEUED || renderer->state == NB_RENDERER_BUSY)) {
        return false; // somebody else has it, or it has something else
    }
    if (task->state == NB_TASK_QUEUED && !move_task(self, task, NB_TASK_START)) {
        return false;
    }
    move_attempt(self, task, attempt, NB_ATTEMPT_RENEW);
    if (done_frames > attempt->done_frames) {
        attempt->moved_ms = now_ms;
    }
    attempt->done_frames = done_frames;
    attempt->total_frames = total_frames;
    take_up(self, renderer, attempt, now_ms);
    return true;
}

// ---- Handing out ----

static nb_epoch next_epoch(nb_scheduler *self)
{
    nb_epoch epoch;
    self->epoch_counter++;
    memcpy(epoch.bytes, &self->options.incarnation, sizeof self->options.incarnation);
    memcpy(epoch.bytes + sizeof self->options.incarnation, &self->epoch_counter,
           sizeof self->epoch_counter);
    return epoch;
}

bool nb_scheduler_assign(nb_scheduler *self, uint32_t renderer_id, int64_t now_ms,
                         nb_attempt_id *out_id)
{
    nb_renderer *renderer = nb_scheduler_find_renderer(self, renderer_id);
    if (!renderer || renderer->state != NB_RENDERER_IDLE || renderer->leases > 0) {
        return false;
    }
    nb_task *best = nb_scheduler_pick(self, renderer, now_ms);
    best = best ? best : nb_scheduler_pick_straggler(self, renderer, now_ms);
    if (!best || !nb_task_reserve_attempt(best) ||
        (best->state == NB_TASK_QUEUED && !move_task(self, best, NB_TASK_START))) {
        return false;
    }
    nb_task_queue_charge(self->queue, best);
    nb_attempt *attempt = &best->attempts[best->attempt_count++];
    *attempt = (nb_attempt){
        .id = {best->id, (uint32_t)best->attempt_count, next_epoch(self)},
        .renderer = renderer_id,
        .process = renderer->process,
        .state = NB_ATTEMPT_LIVE,
        .started_ms = now_ms,
        .moved_ms = now_ms,
    };
    note_lease(self, best, attempt, false);
    take_up(self, renderer, attempt, now_ms);
    observe(self, best, attempt);
    *out_id = attempt->id;
    return true;
}

void nb_scheduler_unassign(nb_scheduler *self, uint32_t renderer, const nb_attempt_id *id)
{
    nb_task *task = nb_scheduler_find_task(self, id->task);
    nb_attempt *attempt = task ? find_attempt(task, renderer, id) : NULL;
    if (!attempt || attempt->state != NB_ATTEMPT_LIVE || id->attempt != task->attempt_count) {
        return;
    }
    release_renderer(self, attempt);
    nb_task_queue_uncharge(self->queue, task);
    attempt->state = NB_ATTEMPT_ABANDONED;
    note_lease(self, task, attempt, true);
    task->attempt_count--;
    if (nb_task_leased_count(task) == 0) {
        move_task(self, task, NB_TASK_PUT_BACK);
    }
}

// ---- Results ----

nb_status nb_scheduler_check(const nb_scheduler *self, uint32_t renderer, const nb_attempt_id *id,
                             nb_error *err)
{
    nb_task *task = nb_scheduler_find_task(self, id->task);
    if (!task || task->state == NB_TASK_FAILED || task->state == NB_TASK_DONE) {
        return nb_fail(err, NB_E_NOT_FOUND, "task %" PRIu64 " is not open", id->task);
    }
    const nb_attempt *attempt = find_attempt(task, renderer, id);
    if (!attempt || !may_move_attempt(attempt, NB_ATTEMPT_FINISH)) {
        return nb_fail(err, NB_E_STALE,
                       "task %" PRIu64 ": attempt %" PRIu32 " is not this renderer's any more",
                       id->task, id->attempt);
    }
    return NB_OK;
}

// A renderer that keeps failing what others can do is set aside, but never the last one.
static void blame(nb_scheduler *self, nb_renderer *renderer)
{
    renderer->blamed++;
    if (renderer->blamed < NB_BLAMED_MAX || (renderer->holds & NB_HOLD_SUSPECTED)) {
        return;
    }
    for (size_t i = 0; i < self->renderer_count; i++) {
        const nb_renderer *other = &self->renderers[i];
        if (other != renderer && nb_renderer_is_usable(other) &&
            other->fingerprint == renderer->fingerprint) {
            renderer->holds |= NB_HOLD_SUSPECTED;
            if (self->options.suspicion) {
                self->options.suspicion(self->options.context, renderer);
            }
            return;
        }
    }
}

static void learn(nb_scheduler *self, const nb_task *task, const nb_attempt *attempt,
                  nb_renderer *renderer, int64_t now_ms)
{
    renderer->done++;
    renderer->blamed = 0;
    nb_scheduler_remember(self, task->song, renderer->id);
    const double ms = (double)(now_ms - attempt->started_ms);
    if (ms > 0.0 && task->cost > 0) {
        const double speed = (double)task->cost / ms;
        renderer->cost_per_ms =
            (renderer->cost_per_ms > 0.0) ? 0.7 * renderer->cost_per_ms + 0.3 * speed : speed;
    }
    for (size_t i = 0; i < self->renderer_count; i++) {
        if (&self->renderers[i] != renderer && nb_task_failed_on(task, self->renderers[i].id)) {
            blame(self, &self->renderers[i]);
        }
    }
}

nb_status nb_scheduler_finish(nb_scheduler *self, uint32_t renderer_id, const nb_attempt_id *id,
                              int64_t now_ms, nb_error *err)
{
    const nb_status status = nb_scheduler_check(self, renderer_id, id, err);
    if (status != NB_OK) {
        return status;
    }
    nb_task *task = nb_scheduler_find_task(self, id->task);
    nb_attempt *attempt = find_attempt(task, renderer_id, id);
    nb_renderer *renderer = nb_scheduler_find_renderer(self, renderer_id);
    hear(self, renderer, 0, now_ms);
    learn(self, task, attempt, renderer, now_ms);
    for (size_t i = 0; i < task->attempt_count; i++) {
        nb_attempt *other = &task->attempts[i];
        if (other != attempt && nb_attempt_is_leased(other)) {
            release_renderer(self, other);
            move_attempt(self, task, other, NB_ATTEMPT_SUPERSEDE);
        }
    }
    release_renderer(self, attempt);
    move_attempt(self, task, attempt, NB_ATTEMPT_FINISH);
    move_task(self, task, NB_TASK_FINISH);
    return NB_OK;
}

nb_status nb_scheduler_fail(nb_scheduler *self, uint32_t renderer_id, const nb_attempt_id *id,
                            nb_attempt_end end, int64_t now_ms, nb_error *err)
{
    nb_task *task = nb_scheduler_find_task(self, id->task);
    nb_attempt *attempt = task ? find_attempt(task, renderer_id, id) : NULL;
    nb_renderer *renderer = nb_scheduler_find_renderer(self, renderer_id);
    if (!attempt || !renderer) {
        return nb_fail(err, NB_E_STALE,
                       "task %" PRIu64 ": attempt %" PRIu32 " is not this renderer's any more",
                       id->task, id->attempt);
    }
    hear(self, renderer, 0, now_ms);
    if (!nb_attempt_is_leased(attempt)) {
        if (end != NB_END_GIVEN_BACK &&
            find_attempt(task, renderer_id, &renderer->lost) == attempt) {
            renderer->lost = (nb_attempt_id){0}; // that it lives does not speak for the task
        }
        return NB_OK; // a repeat, or a report of what was given up already
    }
    if (end == NB_END_GIVEN_BACK) {
        end_attempt(self, task, attempt, NB_ATTEMPT_ABANDON, SAYS_NOTHING);
        return NB_OK;
    }
    renderer->failed++;
    end_attempt(self, task, attempt, NB_ATTEMPT_FAIL,
                (end == NB_END_FAULT_OF_INPUT) ? NB_AGREEING_RENDERERS : NB_FAILING_RENDERERS);
    return NB_OK;
}

// ---- Time ----

static bool is_due(const nb_attempt *attempt, int64_t now_ms)
{
    return nb_attempt_is_leased(attempt) && attempt->lease_until_ms <= now_ms;
}

bool nb_scheduler_is_mass_loss(const nb_scheduler *self, int64_t now_ms)
{
    return now_ms < self->loss_until_ms;
}

// Where a third of the renderers vanish within one lease, it is more likely our link or our own
// standstill than so many deaths: they get one more lease to come back before their tasks go to the
// few that are left. Once; what is gone then is gone.
static void watch_for_mass_loss(nb_scheduler *self, int64_t now_ms)
{
    size_t alive = 0;
    size_t vanished = 0;
    for (size_t i = 0; i < self->renderer_count; i++) {
        const nb_renderer *renderer = &self->renderers[i];
        const bool recently =
            renderer->lost_ms > 0 && now_ms - renderer->lost_ms < self->options.lease_ms;
        const bool late = nb_renderer_is_alive(renderer) && renderer->silent_from_ms <= now_ms;
        alive += (nb_renderer_is_alive(renderer) || recently) ? 1 : 0;
        vanished += (late || (recently && !nb_renderer_is_alive(renderer))) ? 1 : 0;
    }
    if (vanished == 0) {
        self->loss_counted = false;
    } else if (!self->loss_counted && alive >= NB_MASS_LOSS_FARM &&
               vanished * 100 > alive * NB_MASS_LOSS_PERCENT) {
        self->loss_counted = true;
        self->loss_until_ms = now_ms + self->options.lease_ms;
    }
}

static void expire(nb_scheduler *self, nb_task *task, int64_t now_ms)
{
    for (size_t i = 0; i < task->attempt_count; i++) {
        if (is_due(&task->attempts[i], now_ms)) {
            task->verdict_ms = now_ms + NB_VERDICT_LEASES * self->options.lease_ms;
            end_attempt(self, task, &task->attempts[i], NB_ATTEMPT_EXPIRE, SAYS_NOTHING);
            note_lost(self, &task->attempts[i]);
        }
    }
}

// Give up what has no attempts left, unless one of them may still be excused.
static void fail_worn_out(nb_scheduler *self, int64_t now_ms)
{
    bool open = false;
    for (size_t i = 0; self->worn_out && i < self->task_count; i++) {
        nb_task *task = self->tasks[i];
        if (task->state != NB_TASK_QUEUED || !nb_task_is_worn_out(task)) {
            continue;
        }
        if (is_excusable(task) && now_ms < task->verdict_ms) {
            open = true;
        } else {
            move_task(self, task, NB_TASK_FAIL);
        }
    }
    self->worn_out = open;
}

void nb_scheduler_tick(nb_scheduler *self, int64_t now_ms)
{
    fail_worn_out(self, now_ms);
    watch_for_mass_loss(self, now_ms);
    if (nb_scheduler_is_mass_loss(self, now_ms)) {
        return;
    }
    for (size_t i = self->running_count; i-- > 0;) {
        expire(self, self->running[i], now_ms);
    }
    for (size_t i = 0; i < self->renderer_count; i++) {
        nb_renderer *renderer = &self->renderers[i];
        if (renderer->state == NB_RENDERER_IDLE && renderer->silent_from_ms <= now_ms) {
            renderer->lost_ms = now_ms;
            move_renderer(renderer, NB_RENDERER_SILENT);
        }
    }
}
