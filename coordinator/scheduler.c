// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/scheduler.h"

#include "coordinator/task_index.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct nb_scheduler {
    nb_scheduler_options options;
    uint64_t epoch_counter;
    nb_task_index *tasks;
    size_t renderer_count, renderer_capacity, alive_count;
    nb_renderer *renderers;
    size_t number_count; // of renderer_at
    size_t *renderer_at; // by number: place in `renderers` and one more; 0 is none
};

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
    nb_task_index_leave(self->tasks, task);
    const bool moved = nb_task_state_move(&task->state, event, what);
    nb_task_index_enter(self->tasks, task);
    if (!moved) {
        return false;
    }
    observe(self, task, NULL);
    return true;
}

static bool move_attempt(nb_scheduler *self, const nb_task *task, nb_attempt *attempt,
                         nb_attempt_event event)
{
    char what[WHAT_SIZE];
    snprintf(what, sizeof what, "task %" PRIu64 ", attempt %" PRIu32, task->id,
             attempt->id.attempt);
    const nb_attempt_state before = attempt->state;
    if (!nb_attempt_state_move(&attempt->state, event, what)) {
        return false;
    }
    if (attempt->state != before) {
        observe(self, task, attempt);
    }
    return true;
}

static bool may_move_attempt(const nb_attempt *attempt, nb_attempt_event event)
{
    return nb_attempt_state_may(attempt->state, event);
}

static bool is_alive(const nb_renderer *renderer) { return renderer->state != NB_RENDERER_LOST; }

static void count_renderer(nb_scheduler *self, const nb_renderer *renderer, bool in)
{
    if (is_alive(renderer)) {
        self->alive_count += in ? 1 : SIZE_MAX;
        if (renderer->lane) {
            renderer->lane->live_renderers += in ? 1 : SIZE_MAX;
        }
    }
}

static bool move_renderer(nb_scheduler *self, nb_renderer *renderer, nb_renderer_event event)
{
    char what[WHAT_SIZE];
    snprintf(what, sizeof what, "renderer %" PRIu32, renderer->id);
    count_renderer(self, renderer, false);
    const bool moved = nb_renderer_state_move(&renderer->state, event, what);
    count_renderer(self, renderer, true);
    return moved;
}

// ---- Finding ----

static nb_task *find_task(const nb_scheduler *self, uint64_t id)
{
    return nb_task_index_find(self->tasks, id);
}

static nb_renderer *find_renderer(const nb_scheduler *self, uint32_t id)
{
    const size_t at = (id < self->number_count) ? self->renderer_at[id] : 0;
    return (at > 0) ? &self->renderers[at - 1] : NULL;
}

const nb_task *nb_scheduler_task(const nb_scheduler *self, uint64_t task)
{
    return find_task(self, task);
}

const nb_renderer *nb_scheduler_renderer(const nb_scheduler *self, uint32_t renderer)
{
    return find_renderer(self, renderer);
}

const nb_task *nb_scheduler_failed_task(const nb_scheduler *self)
{
    return nb_task_index_first(self->tasks, NB_TASK_FAILED);
}

size_t nb_scheduler_task_count(const nb_scheduler *self)
{
    return nb_task_index_count(self->tasks);
}

const nb_task *nb_scheduler_task_at(const nb_scheduler *self, size_t index)
{
    return nb_task_index_at(self->tasks, index);
}

static bool is_leased(const nb_attempt *attempt)
{
    return attempt->state == NB_ATTEMPT_LIVE || attempt->state == NB_ATTEMPT_SUSPECT;
}

const nb_attempt *nb_task_leased(const nb_task *self)
{
    for (size_t i = 0; i < self->attempt_count; i++) {
        if (is_leased(&self->attempts[i])) {
            return &self->attempts[i];
        }
    }
    return NULL;
}

static nb_attempt *leased_attempt(nb_task *task)
{
    const nb_attempt *leased = nb_task_leased(task);
    return leased ? &task->attempts[leased - task->attempts] : NULL;
}

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

static bool has_attempt(const nb_task *task, uint32_t renderer, nb_attempt_state state)
{
    for (size_t i = 0; i < task->attempt_count; i++) {
        if (task->attempts[i].renderer == renderer && task->attempts[i].state == state) {
            return true;
        }
    }
    return false;
}

static bool has_failed(const nb_task *task, uint32_t renderer)
{
    return has_attempt(task, renderer, NB_ATTEMPT_FAILED);
}

// It vanished with the task: killed, cut off, or run out of time.
static bool has_dropped(const nb_task *task, uint32_t renderer)
{
    return has_attempt(task, renderer, NB_ATTEMPT_EXPIRED) ||
           has_attempt(task, renderer, NB_ATTEMPT_ABANDONED);
}

// Distinct renderers that failed it.
static size_t count_failing(const nb_task *task)
{
    size_t failing = 0;
    for (size_t i = 0; i < task->attempt_count; i++) {
        bool counted = task->attempts[i].state != NB_ATTEMPT_FAILED;
        for (size_t j = 0; j < i && !counted; j++) {
            counted = task->attempts[j].state == NB_ATTEMPT_FAILED &&
                      task->attempts[j].renderer == task->attempts[i].renderer;
        }
        failing += counted ? 0 : 1;
    }
    return failing;
}

// ---- Life ----

nb_status nb_scheduler_new(const nb_scheduler_options *options, nb_scheduler **out_scheduler,
                           nb_error *err)
{
    *out_scheduler = NULL;
    NB_SCOPED(nb_scheduler_destroy) nb_scheduler *self = calloc(1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the scheduler");
    }
    self->options = *options;
    const nb_status status = nb_task_index_new(&self->tasks, err);
    if (status == NB_OK) {
        *out_scheduler = self;
        self = NULL; // the caller's now
    }
    return status;
}

void nb_scheduler_destroy(nb_scheduler **self_p)
{
    nb_scheduler *self = *self_p;
    if (!self) {
        return;
    }
    nb_task_index_destroy(&self->tasks);
    free(self->renderers);
    free(self->renderer_at);
    free(self);
    *self_p = NULL;
}

static bool grow(void **items, size_t count, size_t *capacity, size_t item_size)
{
    if (count < *capacity) {
        return true;
    }
    const size_t wanted = (*capacity > 0) ? *capacity * 2 : 16;
    void *grown = reallocarray(*items, wanted, item_size);
    if (!grown) {
        return false;
    }
    *items = grown;
    *capacity = wanted;
    return true;
}

nb_status nb_scheduler_add_task(nb_scheduler *self, const nb_task_spec *spec, nb_error *err)
{
    return nb_task_index_add(self->tasks, spec, err);
}

enum { RENDERER_NUMBER_MAX = 1 << 20 }; // numbers index a table

static bool number_renderer(nb_scheduler *self, uint32_t renderer)
{
    if (renderer >= self->number_count) {
        const size_t wanted = (size_t)renderer * 2 + 16;
        size_t *grown = reallocarray(self->renderer_at, wanted, sizeof *grown);
        if (!grown) {
            return false;
        }
        memset(grown + self->number_count, 0, (wanted - self->number_count) * sizeof *grown);
        self->renderer_at = grown;
        self->number_count = wanted;
    }
    self->renderer_at[renderer] = self->renderer_count + 1;
    return true;
}

nb_status nb_scheduler_know(nb_scheduler *self, uint32_t renderer, nb_error *err)
{
    if (find_renderer(self, renderer)) {
        return NB_OK;
    }
    if (renderer > RENDERER_NUMBER_MAX) {
        return nb_fail(err, NB_E_LIMIT, "renderer %" PRIu32 ": numbers go to %d", renderer,
                       RENDERER_NUMBER_MAX);
    }
    void *renderers = self->renderers;
    if (!grow(&renderers, self->renderer_count, &self->renderer_capacity,
              sizeof *self->renderers)) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a renderer");
    }
    self->renderers = renderers;
    if (!number_renderer(self, renderer)) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a renderer");
    }
    self->renderers[self->renderer_count++] =
        (nb_renderer){.id = renderer, .state = NB_RENDERER_LOST};
    return NB_OK;
}

nb_status nb_scheduler_restore_attempt(nb_scheduler *self, const nb_attempt *attempt,
                                       int64_t now_ms, nb_error *err)
{
    nb_task *task = find_task(self, attempt->id.task);
    if (!task || !find_renderer(self, attempt->renderer)) {
        return nb_fail(err, NB_E_NOT_FOUND, "task %" PRIu64 ": not one to restore an attempt of",
                       attempt->id.task);
    }
    if (attempt->id.attempt != task->attempt_count + 1 || task->attempt_count == NB_ATTEMPTS_MAX) {
        return nb_fail(err, NB_E_CORRUPT, "task %" PRIu64 ": attempt %" PRIu32 " out of order",
                       task->id, attempt->id.attempt);
    }
    nb_attempt *added = &task->attempts[task->attempt_count++];
    *added = *attempt;
    if (is_leased(attempt) && task->state == NB_TASK_QUEUED) {
        added->state = NB_ATTEMPT_SUSPECT;
        added->lease_until_ms = now_ms + self->options.reconcile_ms;
        nb_task_index_leave(self->tasks, task);
        task->state = NB_TASK_RUNNING;
        nb_task_index_enter(self->tasks, task);
    } else if (task->state == NB_TASK_QUEUED && task->attempt_count == NB_ATTEMPTS_MAX) {
        move_task(self, task, NB_TASK_FAIL); // a crash came between its last attempt and this
    }
    return NB_OK;
}

// ---- Renderers and their leases ----

static void release_renderer(nb_scheduler *self, const nb_attempt *attempt)
{
    nb_renderer *renderer = find_renderer(self, attempt->renderer);
    if (renderer && renderer->state == NB_RENDERER_BUSY && renderer->task == attempt->id.task) {
        move_renderer(self, renderer, NB_RENDERER_STOP);
        renderer->task = 0;
    }
}

void nb_scheduler_forget(nb_scheduler *self, uint64_t id)
{
    nb_task *task = find_task(self, id);
    if (!task) {
        return;
    }
    for (size_t i = 0; i < task->attempt_count; i++) {
        release_renderer(self, &task->attempts[i]);
    }
    nb_task_index_remove(self->tasks, task);
}

static void hear(nb_scheduler *self, nb_renderer *renderer, int64_t wait_ms, int64_t now_ms)
{
    renderer->seen_ms = now_ms;
    renderer->silent_from_ms = now_ms + wait_ms + self->options.lease_ms;
    move_renderer(self, renderer, NB_RENDERER_HEARD);
}

nb_status nb_scheduler_hello(nb_scheduler *self, uint32_t id, const char *fingerprint,
                             int64_t now_ms, nb_error *err)
{
    nb_task_lane *lane = NULL;
    nb_status status = nb_scheduler_know(self, id, err);
    if (status == NB_OK) {
        status = nb_task_index_lane(self->tasks, fingerprint, &lane, err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_renderer *renderer = find_renderer(self, id);
    nb_task_lane *before = renderer->lane;
    count_renderer(self, renderer, false);
    renderer->lane = lane;
    renderer->fingerprint = lane->fingerprint;
    lane->renderer_count++;
    count_renderer(self, renderer, true);
    if (before) {
        before->renderer_count--;
        nb_task_index_drop_lane(self->tasks, before);
    }
    hear(self, renderer, 0, now_ms);
    return NB_OK;
}

static void take_up(nb_scheduler *self, nb_renderer *renderer, nb_attempt *attempt, int64_t now_ms)
{
    attempt->lease_until_ms = now_ms + self->options.lease_ms;
    if (renderer->state == NB_RENDERER_IDLE) {
        move_renderer(self, renderer, NB_RENDERER_START);
    }
    renderer->task = attempt->id.task;
}

// After an attempt ended without a result: queue the task again, or fail it.
static void settle_task(nb_scheduler *self, nb_task *task, size_t failing_limit)
{
    const size_t alive = self->alive_count;
    const size_t limit = (alive > 0 && alive < failing_limit) ? alive : failing_limit;
    const bool hopeless = task->attempt_count >= NB_ATTEMPTS_MAX || count_failing(task) >= limit;
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

// A renderer does one thing at a time: whatever else we thought it did, it does not.
static void abandon_others(nb_scheduler *self, uint32_t renderer, uint64_t except_task)
{
    for (nb_task *task = nb_task_index_first(self->tasks, NB_TASK_RUNNING); task;) {
        nb_task *next = task->next; // `task` may leave the list
        nb_attempt *attempt = leased_attempt(task);
        if (attempt && attempt->renderer == renderer && task->id != except_task) {
            end_attempt(self, task, attempt, NB_ATTEMPT_ABANDON, NB_FAILING_RENDERERS);
        }
        task = next;
    }
}

void nb_scheduler_sync_idle(nb_scheduler *self, uint32_t id, int64_t wait_ms, int64_t now_ms)
{
    nb_renderer *renderer = find_renderer(self, id);
    if (!renderer) {
        return;
    }
    hear(self, renderer, wait_ms, now_ms);
    abandon_others(self, id, 0);
}

bool nb_scheduler_sync_busy(nb_scheduler *self, uint32_t renderer_id, const nb_attempt_id *id,
                            uint64_t done_frames, uint64_t total_frames, int64_t now_ms)
{
    nb_renderer *renderer = find_renderer(self, renderer_id);
    if (!renderer) {
        return false;
    }
    hear(self, renderer, 0, now_ms);
    nb_task *task = find_task(self, id->task);
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
    attempt->done_frames = done_frames;
    attempt->total_frames = total_frames;
    take_up(self, renderer, attempt, now_ms);
    return true;
}

// ---- Handing out ----

// Is `other` the better one to try the task next? One that failed it may only try again when no
// other live renderer is left to try; one that dropped it, when no other is waiting for work.
static bool goes_to_other(const nb_task *task, const nb_renderer *renderer,
                          const nb_renderer *other)
{
    if (other == renderer || !is_alive(other) || other->lane != task->lane ||
        has_failed(task, other->id)) {
        return false;
    }
    return has_failed(task, renderer->id) ||
           (has_dropped(task, renderer->id) && other->state == NB_RENDERER_IDLE &&
            !has_dropped(task, other->id));
}

static bool may_take(const nb_scheduler *self, const nb_task *task, const nb_renderer *renderer)
{
    if (task->state != NB_TASK_QUEUED || task->attempt_count >= NB_ATTEMPTS_MAX ||
        renderer->lane != task->lane) {
        return false;
    }
    if (!has_failed(task, renderer->id) && !has_dropped(task, renderer->id)) {
        return true;
    }
    for (size_t i = 0; i < self->renderer_count; i++) {
        if (goes_to_other(task, renderer, &self->renderers[i])) {
            return false;
        }
    }
    return true;
}

static nb_epoch next_epoch(nb_scheduler *self)
{
    nb_epoch epoch;
    self->epoch_counter++;
    memcpy(epoch.bytes, &self->options.incarnation, sizeof self->options.incarnation);
    memcpy(epoch.bytes + sizeof self->options.incarnation, &self->epoch_counter,
           sizeof self->epoch_counter);
    return epoch;
}

static bool holds_lease(const nb_scheduler *self, uint32_t renderer)
{
    for (const nb_task *task = nb_task_index_first(self->tasks, NB_TASK_RUNNING); task;
         task = task->next) {
        const nb_attempt *attempt = nb_task_leased(task);
        if (attempt && attempt->renderer == renderer) {
            return true;
        }
    }
    return false;
}

// The first that waits for this renderer's fingerprint and that it may take.
static nb_task *find_best(const nb_scheduler *self, const nb_renderer *renderer)
{
    const nb_task_queue *waiting = renderer->lane ? &renderer->lane->waiting : NULL;
    for (size_t i = 0; waiting && i < waiting->count; i++) {
        nb_task *task = waiting->items[waiting->first + i];
        if (may_take(self, task, renderer)) {
            return task;
        }
    }
    return NULL;
}

bool nb_scheduler_assign(nb_scheduler *self, uint32_t renderer_id, int64_t now_ms,
                         nb_attempt_id *out_id)
{
    nb_renderer *renderer = find_renderer(self, renderer_id);
    if (!renderer || renderer->state != NB_RENDERER_IDLE || holds_lease(self, renderer_id)) {
        return false;
    }
    nb_task *best = find_best(self, renderer);
    if (!best || !move_task(self, best, NB_TASK_START)) {
        return false;
    }
    nb_attempt *attempt = &best->attempts[best->attempt_count++];
    *attempt = (nb_attempt){
        .id = {best->id, (uint32_t)best->attempt_count, next_epoch(self)},
        .renderer = renderer_id,
        .state = NB_ATTEMPT_LIVE,
    };
    take_up(self, renderer, attempt, now_ms);
    observe(self, best, attempt);
    *out_id = attempt->id;
    return true;
}

void nb_scheduler_unassign(nb_scheduler *self, uint32_t renderer, const nb_attempt_id *id)
{
    nb_task *task = find_task(self, id->task);
    nb_attempt *attempt = task ? find_attempt(task, renderer, id) : NULL;
    if (!attempt || attempt->state != NB_ATTEMPT_LIVE || id->attempt != task->attempt_count) {
        return;
    }
    release_renderer(self, attempt);
    task->attempt_count--;
    move_task(self, task, NB_TASK_PUT_BACK);
}

// ---- Results ----

nb_status nb_scheduler_check(const nb_scheduler *self, uint32_t renderer, const nb_attempt_id *id,
                             nb_error *err)
{
    nb_task *task = find_task(self, id->task);
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

nb_status nb_scheduler_finish(nb_scheduler *self, uint32_t renderer_id, const nb_attempt_id *id,
                              int64_t now_ms, nb_error *err)
{
    const nb_status status = nb_scheduler_check(self, renderer_id, id, err);
    if (status != NB_OK) {
        return status;
    }
    nb_task *task = find_task(self, id->task);
    nb_attempt *attempt = find_attempt(task, renderer_id, id);
    nb_attempt *leased = leased_attempt(task);
    nb_renderer *renderer = find_renderer(self, renderer_id);
    hear(self, renderer, 0, now_ms);
    renderer->done++;
    if (leased && leased != attempt) {
        release_renderer(self, leased);
        move_attempt(self, task, leased, NB_ATTEMPT_SUPERSEDE);
    }
    release_renderer(self, attempt);
    move_attempt(self, task, attempt, NB_ATTEMPT_FINISH);
    move_task(self, task, NB_TASK_FINISH);
    return NB_OK;
}

nb_status nb_scheduler_fail(nb_scheduler *self, uint32_t renderer_id, const nb_attempt_id *id,
                            nb_attempt_end end, int64_t now_ms, nb_error *err)
{
    nb_task *task = find_task(self, id->task);
    nb_attempt *attempt = task ? find_attempt(task, renderer_id, id) : NULL;
    nb_renderer *renderer = find_renderer(self, renderer_id);
    if (!attempt || !renderer) {
        return nb_fail(err, NB_E_STALE,
                       "task %" PRIu64 ": attempt %" PRIu32 " is not this renderer's any more",
                       id->task, id->attempt);
    }
    hear(self, renderer, 0, now_ms);
    if (!is_leased(attempt)) {
        return NB_OK; // a repeat, or a report of what was given up already
    }
    if (end == NB_END_GIVEN_BACK) {
        end_attempt(self, task, attempt, NB_ATTEMPT_ABANDON, NB_FAILING_RENDERERS);
        return NB_OK;
    }
    renderer->failed++;
    end_attempt(self, task, attempt, NB_ATTEMPT_FAIL,
                (end == NB_END_FAULT_OF_INPUT) ? NB_AGREEING_RENDERERS : NB_FAILING_RENDERERS);
    return NB_OK;
}

// ---- Time ----

void nb_scheduler_tick(nb_scheduler *self, int64_t now_ms)
{
    for (nb_task *task = nb_task_index_first(self->tasks, NB_TASK_RUNNING); task;) {
        nb_task *next = task->next; // `task` may leave the list
        nb_attempt *attempt = leased_attempt(task);
        if (attempt && attempt->lease_until_ms <= now_ms) {
            end_attempt(self, task, attempt, NB_ATTEMPT_EXPIRE, NB_FAILING_RENDERERS);
        }
        task = next;
    }
    for (size_t i = 0; i < self->renderer_count; i++) {
        nb_renderer *renderer = &self->renderers[i];
        if (renderer->state == NB_RENDERER_IDLE && renderer->silent_from_ms <= now_ms) {
            move_renderer(self, renderer, NB_RENDERER_SILENT);
        }
    }
}

// ---- Fingerprints ----

const char *nb_scheduler_fingerprint(const nb_scheduler *self)
{
    const nb_task_lane *best = NULL;
    for (size_t i = 0; i < nb_task_index_lane_count(self->tasks); i++) {
        const nb_task_lane *lane = nb_task_index_lane_at(self->tasks, i);
        if (lane->live_renderers > (best ? best->live_renderers : 0)) {
            best = lane;
        }
    }
    return best ? best->fingerprint : NULL;
}

uint64_t nb_scheduler_stranded_task(const nb_scheduler *self)
{
    uint64_t stranded = 0;
    bool lives = false;
    for (size_t i = 0; i < nb_task_index_lane_count(self->tasks); i++) {
        const nb_task_lane *lane = nb_task_index_lane_at(self->tasks, i);
        lives = lives || lane->live_renderers > 0;
        if (lane->live_renderers == 0 && lane->waiting.count > 0 && stranded == 0) {
            stranded = lane->waiting.items[lane->waiting.first]->id;
        }
    }
    return lives ? stranded : 0;
}
