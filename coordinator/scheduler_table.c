// SPDX-License-Identifier: GPL-3.0-or-later
// The scheduler's tables: tasks by id, renderers by number, fingerprints.
#include "coordinator/scheduler_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char no_text[] = "";

// ---- Finding ----

// Where the id stands, or the free slot where it would.
static size_t find_slot(const nb_scheduler *self, uint64_t id)
{
    const size_t mask = self->slot_count - 1;
    size_t slot = (size_t)((id * 0x9e3779b97f4a7c15ULL) >> 20) & mask;
    while (self->slots[slot] != 0 && self->tasks[self->slots[slot] - 1]->id != id) {
        slot = (slot + 1) & mask;
    }
    return slot;
}

nb_task *nb_scheduler_find_task(const nb_scheduler *self, uint64_t id)
{
    if (self->slot_count == 0) {
        return NULL;
    }
    const size_t index = self->slots[find_slot(self, id)];
    return (index != 0) ? self->tasks[index - 1] : NULL;
}

nb_renderer *nb_scheduler_find_renderer(const nb_scheduler *self, uint32_t id)
{
    // Numbers are given from 1 on, so the place is nearly always the number's own.
    if (id != 0 && id <= self->renderer_count && self->renderers[id - 1].id == id) {
        return &self->renderers[id - 1];
    }
    for (size_t i = 0; i < self->renderer_count; i++) {
        if (self->renderers[i].id == id) {
            return &self->renderers[i];
        }
    }
    return NULL;
}

const nb_task *nb_scheduler_task(const nb_scheduler *self, uint64_t task)
{
    return nb_scheduler_find_task(self, task);
}

const nb_renderer *nb_scheduler_renderer(const nb_scheduler *self, uint32_t renderer)
{
    return nb_scheduler_find_renderer(self, renderer);
}

size_t nb_scheduler_task_count(const nb_scheduler *self) { return self->task_count; }

const nb_task *nb_scheduler_task_at(const nb_scheduler *self, size_t index)
{
    return self->tasks[index];
}

size_t nb_scheduler_waiting_count(const nb_scheduler *self)
{
    return nb_task_queue_waiting(self->queue);
}

void nb_scheduler_count_held(const nb_scheduler *self, size_t *out_count)
{
    size_t count = 0;
    nb_task_group *const *groups = nb_task_queue_groups(self->queue, &count);
    *out_count = 0;
    for (size_t i = 0; i < count; i++) {
        *out_count += (groups[i]->holds != 0) ? groups[i]->count : 0;
    }
}

size_t nb_scheduler_running_count(const nb_scheduler *self) { return self->running_count; }

const nb_task *nb_scheduler_failed_task(const nb_scheduler *self) { return self->failed; }

bool nb_attempt_is_leased(const nb_attempt *self)
{
    return self->state == NB_ATTEMPT_LIVE || self->state == NB_ATTEMPT_SUSPECT;
}

const nb_attempt *nb_task_leased(const nb_task *self)
{
    const nb_attempt *best = NULL;
    for (size_t i = 0; i < self->attempt_count; i++) {
        const nb_attempt *attempt = &self->attempts[i];
        if (nb_attempt_is_leased(attempt) && (!best || attempt->done_frames > best->done_frames)) {
            best = attempt;
        }
    }
    return best;
}

size_t nb_task_leased_count(const nb_task *self)
{
    size_t count = 0;
    for (size_t i = 0; i < self->attempt_count; i++) {
        count += nb_attempt_is_leased(&self->attempts[i]) ? 1 : 0;
    }
    return count;
}

bool nb_attempt_counts(const nb_attempt *self)
{
    return self->state == NB_ATTEMPT_FAILED || self->state == NB_ATTEMPT_DIED ||
           self->state == NB_ATTEMPT_EXPIRED;
}

size_t nb_task_count_against(const nb_task *self)
{
    size_t count = 0;
    for (size_t i = 0; i < self->attempt_count; i++) {
        count += nb_attempt_counts(&self->attempts[i]) ? 1 : 0;
    }
    return count;
}

bool nb_task_is_worn_out(const nb_task *self)
{
    return self->attempt_count >= NB_ATTEMPTS_MAX ||
           (self->attempt_count >= NB_ATTEMPTS_COUNTED &&
            nb_task_count_against(self) >= NB_ATTEMPTS_COUNTED);
}

// ---- Life ----

nb_status nb_scheduler_new(const nb_scheduler_options *options, nb_scheduler **out_scheduler,
                           nb_error *err)
{
    *out_scheduler = NULL;
    nb_scheduler *self = calloc(1, sizeof *self);
    if (!self || nb_task_queue_new(&self->queue, err) != NB_OK) {
        free(self);
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the scheduler");
    }
    self->options = *options;
    *out_scheduler = self;
    return NB_OK;
}

static void free_task(nb_task *task)
{
    free(task->label);
    free(task->attempts);
    free(task->dependents);
    free(task);
}

void nb_scheduler_destroy(nb_scheduler **self_p)
{
    nb_scheduler *self = *self_p;
    if (!self) {
        return;
    }
    nb_task_queue_destroy(&self->queue);
    for (size_t i = 0; i < self->task_count; i++) {
        free_task(self->tasks[i]);
    }
    for (size_t i = 0; i < self->renderer_count; i++) {
        free(self->renderers[i].labels);
    }
    for (size_t i = 0; i < self->fingerprint_count; i++) {
        free(self->fingerprints[i]);
    }
    free(self->tasks);
    free(self->slots);
    free(self->running);
    free(self->renderers);
    free(self);
    *self_p = NULL;
}

const char *nb_scheduler_intern(nb_scheduler *self, const char *fingerprint)
{
    for (size_t i = 0; i < self->fingerprint_count; i++) {
        if (strcmp(self->fingerprints[i], fingerprint) == 0) {
            return self->fingerprints[i];
        }
    }
    char *copy = (self->fingerprint_count < NB_FINGERPRINTS_MAX) ? strdup(fingerprint) : NULL;
    if (copy) {
        self->fingerprints[self->fingerprint_count++] = copy;
    }
    return copy;
}

static bool grow(void **items, size_t count, size_t *capacity, size_t item_size)
{
    if (count < *capacity) {
        return true;
    }
    const size_t wanted = (*capacity > 0) ? *capacity * 2 : 2;
    void *grown = reallocarray(*items, wanted, item_size);
    if (!grown) {
        return false;
    }
    *items = grown;
    *capacity = wanted;
    return true;
}

bool nb_task_reserve_attempt(nb_task *self)
{
    void *attempts = self->attempts;
    const bool grown =
        grow(&attempts, self->attempt_count, &self->attempt_capacity, sizeof *self->attempts);
    self->attempts = attempts;
    return grown;
}

// Room for one more task in all that holds tasks.
static bool grow_tasks(nb_scheduler *self)
{
    void *tasks = self->tasks;
    void *running = self->running;
    const bool grown = grow(&tasks, self->task_count, &self->task_capacity, sizeof *self->tasks);
    self->tasks = tasks;
    const bool both =
        grown && grow(&running, self->task_count, &self->running_capacity, sizeof *self->running);
    self->running = running;
    if (!both || 2 * self->task_capacity <= self->slot_count) {
        return both;
    }
    size_t *slots = calloc(2 * self->task_capacity, sizeof *slots); // capacities are powers of two
    if (!slots) {
        return false;
    }
    free(self->slots);
    self->slots = slots;
    self->slot_count = 2 * self->task_capacity;
    for (size_t i = 0; i < self->task_count; i++) {
        self->slots[find_slot(self, self->tasks[i]->id)] = i + 1;
    }
    return true;
}

// FNV-1a; never 0, which is nobody's.
static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (const char *c = text; *c; c++) {
        hash = (hash ^ (uint8_t)*c) * 0x100000001b3ULL;
    }
    return hash ? hash : 1;
}

uint64_t nb_scheduler_song(const char *album, const char *song)
{
    return hash_text(hash_text(hash_text(0xcbf29ce484222325ULL, album), "/"), song);
}

static nb_task *make_task(nb_scheduler *self, const nb_task_spec *spec)
{
    nb_task *task = calloc(1, sizeof *task);
    if (!task) {
        return NULL;
    }
    *task = (nb_task){.id = spec->id,
                      .state = NB_TASK_QUEUED,
                      .fingerprint = nb_scheduler_intern(self, spec->fingerprint),
                      .priority = spec->priority,
                      .created_ms = spec->created_ms,
                      .cost = spec->cost,
                      .holds = spec->holds,
                      .label = strdup(spec->label ? spec->label : no_text)};
    if (spec->song && spec->song[0]) {
        task->song = nb_scheduler_song(spec->album ? spec->album : no_text, spec->song);
    }
    if (!task->fingerprint || !task->label) {
        free_task(task);
        return NULL;
    }
    return task;
}

// ---- What waits for what ----

static bool add_dependent(nb_task *needed, const nb_task *task)
{
    uint64_t *grown =
        reallocarray(needed->dependents, needed->dependent_count + 1, sizeof *needed->dependents);
    if (grown) {
        needed->dependents = grown;
        grown[needed->dependent_count++] = task->id;
    }
    return grown != NULL;
}

// False without memory: ids that were added already name a task that is not there, which is no
// harm.
static bool add_needs(nb_scheduler *self, const nb_task_spec *spec, nb_task *task)
{
    for (size_t i = 0; i < spec->need_count; i++) {
        nb_task *needed = nb_scheduler_find_task(self, spec->needs[i]);
        if (needed && !add_dependent(needed, task)) {
            return false;
        }
        task->waits_for += needed ? 1 : 0;
    }
    return true;
}

nb_status nb_scheduler_add_task(nb_scheduler *self, const nb_task_spec *spec, nb_error *err)
{
    if (nb_scheduler_find_task(self, spec->id)) {
        return nb_fail(err, NB_E_EXISTS, "task %" PRIu64 " is scheduled already", spec->id);
    }
    if (spec->need_count > NB_NEEDS_MAX) {
        return nb_fail(err, NB_E_LIMIT, "task %" PRIu64 " waits for %zu others; at most %d",
                       spec->id, spec->need_count, NB_NEEDS_MAX);
    }
    nb_task *task = grow_tasks(self) ? make_task(self, spec) : NULL;
    if (!task || !add_needs(self, spec, task)) {
        if (task) {
            free_task(task);
        }
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for task %" PRIu64, spec->id);
    }
    const nb_status status =
        nb_task_queue_join(self->queue, task, spec->album ? spec->album : no_text, err);
    if (status != NB_OK) {
        free_task(task);
        return status;
    }
    self->slots[find_slot(self, task->id)] = self->task_count + 1;
    task->table_index = self->task_count;
    self->tasks[self->task_count++] = task;
    if (task->waits_for > 0) {
        (void)nb_task_state_move(&task->state, NB_TASK_BLOCK, "a task that waits for others");
    } else {
        nb_task_queue_push(self->queue, task);
    }
    return NB_OK;
}

void nb_scheduler_stopping(nb_scheduler *self, uint32_t id)
{
    nb_renderer *renderer = nb_scheduler_find_renderer(self, id);
    if (renderer) {
        renderer->holds |= NB_HOLD_STOPPING;
        if (renderer->state == NB_RENDERER_IDLE) {
            (void)nb_renderer_state_move(&renderer->state, NB_RENDERER_SILENT, "a goodbye");
        }
    }
}

nb_status nb_scheduler_know(nb_scheduler *self, uint32_t renderer, nb_error *err)
{
    if (nb_scheduler_find_renderer(self, renderer)) {
        return NB_OK;
    }
    void *renderers = self->renderers;
    char *labels = strdup(no_text);
    const bool grown =
        grow(&renderers, self->renderer_count, &self->renderer_capacity, sizeof *self->renderers);
    self->renderers = renderers;
    if (!grown || !labels) {
        free(labels);
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a renderer");
    }
    self->renderers[self->renderer_count++] = (nb_renderer){
        .id = renderer, .state = NB_RENDERER_LOST, .labels = labels, .name_hash = renderer};
    return NB_OK;
}

// Take it out of the table by its id; the last one takes its place.
void nb_scheduler_remove(nb_scheduler *self, nb_task *task)
{
    const size_t mask = self->slot_count - 1;
    size_t hole = find_slot(self, task->id);
    self->slots[hole] = 0;
    // What stands behind the hole may have been pushed there: it finds its place anew.
    for (size_t slot = (hole + 1) & mask; self->slots[slot] != 0; slot = (slot + 1) & mask) {
        const size_t index = self->slots[slot];
        self->slots[slot] = 0;
        self->slots[find_slot(self, self->tasks[index - 1]->id)] = index;
    }
    nb_task *last = self->tasks[self->task_count - 1];
    if (last != task) {
        self->slots[find_slot(self, last->id)] = task->table_index + 1;
        self->tasks[task->table_index] = last;
        last->table_index = task->table_index;
    }
    self->task_count--;
    free_task(task);
}

// ---- Wishes ----

// In another group, and where it was if there is no memory for that.
static nb_status regroup(nb_scheduler *self, nb_task *task, const nb_task_wish *wish, char *label,
                         nb_error *err)
{
    nb_task before = *task;
    task->priority = wish->priority;
    task->holds = wish->holds;
    task->label = label;
    const nb_status status = nb_task_queue_join(self->queue, task, before.group->share->album, err);
    if (status != NB_OK) {
        *task = before;
        free(label);
        return status;
    }
    nb_task_group *group = task->group;
    const bool waits = task->state == NB_TASK_QUEUED;
    task->group = before.group;
    if (waits) {
        nb_task_queue_pop(self->queue, task);
    }
    nb_task_queue_leave(self->queue, task);
    task->group = group;
    if (waits) {
        nb_task_queue_push(self->queue, task);
    }
    free(before.label);
    return NB_OK;
}

nb_status nb_scheduler_wish(nb_scheduler *self, uint64_t id, const nb_task_wish *wish,
                            nb_error *err)
{
    nb_task *task = nb_scheduler_find_task(self, id);
    const char *label = wish->label ? wish->label : no_text;
    if (!task || task->state == NB_TASK_DONE || task->state == NB_TASK_FAILED ||
        (task->priority == wish->priority && task->holds == wish->holds &&
         strcmp(task->label, label) == 0)) {
        return NB_OK;
    }
    char *copy = strdup(label);
    return copy ? regroup(self, task, wish, copy, err)
                : nb_fail(err, NB_E_NO_MEMORY, "no memory for task %" PRIu64, id);
}

nb_status nb_scheduler_wish_renderer(nb_scheduler *self, uint32_t id, const nb_renderer_wish *wish,
                                     nb_error *err)
{
    const nb_status status = nb_scheduler_know(self, id, err);
    if (status != NB_OK) {
        return status;
    }
    nb_renderer *renderer = nb_scheduler_find_renderer(self, id);
    char *labels = strdup(wish->labels ? wish->labels : no_text);
    if (!labels) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a renderer");
    }
    free(renderer->labels);
    renderer->labels = labels;
    if ((renderer->holds & NB_HOLD_SUSPECTED) && !(wish->holds & NB_HOLD_SUSPECTED)) {
        renderer->blamed = 0;
    }
    renderer->holds = wish->holds;
    renderer->shares_store = wish->shares_store;
    renderer->name_hash = hash_text(0xcbf29ce484222325ULL, wish->name ? wish->name : no_text);
    return NB_OK;
}

// ---- Fingerprints ----

static size_t count_with(const nb_scheduler *self, const char *fingerprint)
{
    size_t count = 0;
    for (size_t i = 0; i < self->renderer_count; i++) {
        const nb_renderer *renderer = &self->renderers[i];
        count += (nb_renderer_is_alive(renderer) && renderer->fingerprint == fingerprint) ? 1 : 0;
    }
    return count;
}

const char *nb_scheduler_fingerprint(const nb_scheduler *self)
{
    const char *best = NULL;
    size_t best_count = 0;
    for (size_t i = 0; i < self->fingerprint_count; i++) {
        const size_t count = count_with(self, self->fingerprints[i]);
        if (count > best_count) {
            best = self->fingerprints[i];
            best_count = count;
        }
    }
    return best;
}

uint64_t nb_scheduler_stranded_task(const nb_scheduler *self)
{
    if (nb_task_queue_waiting(self->queue) == 0 || !nb_scheduler_fingerprint(self)) {
        return 0;
    }
    size_t count = 0;
    nb_task_group *const *groups = nb_task_queue_groups(self->queue, &count);
    for (size_t i = 0; i < count; i++) {
        if (count_with(self, groups[i]->fingerprint) == 0) {
            return nb_task_group_at(groups[i], 0)->id;
        }
    }
    return 0;
}
