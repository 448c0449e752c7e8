// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/task_index.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/// Running and failed tasks; `next` and `previous` are in the task.
typedef struct task_list {
    nb_task *first;
} task_list;

struct nb_task_index {
    size_t count, capacity;
    nb_task **tasks;   ///< A task knows its place here
    size_t slot_count; ///< A power of two, at least twice `count`
    nb_task **slots;   ///< By id: open addressing, the next free slot
    task_list running, failed;
    size_t lane_count;
    nb_task_lane **lanes;
};

// ---- The queue ----

bool nb_task_goes_before(const nb_task *a, const nb_task *b)
{
    if (a->priority != b->priority) {
        return a->priority > b->priority;
    }
    if (a->created_ms != b->created_ms) {
        return a->created_ms < b->created_ms;
    }
    return (a->cost != b->cost) ? a->cost > b->cost : a->id < b->id;
}

static bool queue_reserve(nb_task_queue *self, size_t count)
{
    if (count <= self->capacity) {
        return true;
    }
    const size_t wanted = (count < 16) ? 16 : count * 2;
    nb_task **grown = calloc(wanted, sizeof *grown);
    if (!grown) {
        return false;
    }
    const size_t first = (wanted - self->count) / 2; // room on both sides
    if (self->count > 0) {
        memcpy(grown + first, self->items + self->first, self->count * sizeof *grown);
    }
    free(self->items);
    *self = (nb_task_queue){grown, first, self->count, wanted};
    return true;
}

// How many of the queue go before the task.
static size_t queue_rank(const nb_task_queue *self, const nb_task *task)
{
    size_t low = 0;
    size_t high = self->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (nb_task_goes_before(self->items[self->first + middle], task)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void queue_insert(nb_task_queue *self, nb_task *task)
{
    const size_t rank = queue_rank(self, task);
    const bool room_behind = self->first + self->count < self->capacity;
    nb_task **items = self->items + self->first;
    if (self->first > 0 && (rank < self->count / 2 || !room_behind)) {
        memmove(items - 1, items, rank * sizeof *items);
        self->first--;
    } else {
        memmove(items + rank + 1, items + rank, (self->count - rank) * sizeof *items);
    }
    self->items[self->first + rank] = task;
    self->count++;
}

static void queue_remove(nb_task_queue *self, const nb_task *task)
{
    const size_t rank = queue_rank(self, task);
    nb_task **items = self->items + self->first;
    self->count--;
    if (rank < self->count / 2) {
        memmove(items + 1, items, rank * sizeof *items);
        self->first++;
    } else {
        memmove(items + rank, items + rank + 1, (self->count - rank) * sizeof *items);
    }
}

// ---- The lists ----

static void list_insert(task_list *self, nb_task *task)
{
    task->previous = NULL;
    task->next = self->first;
    if (self->first) {
        self->first->previous = task;
    }
    self->first = task;
}

static void list_remove(task_list *self, nb_task *task)
{
    if (task->previous) {
        task->previous->next = task->next;
    } else {
        self->first = task->next;
    }
    if (task->next) {
        task->next->previous = task->previous;
    }
    task->next = task->previous = NULL;
}

static task_list *list_of(nb_task_index *self, nb_task_state state)
{
    switch (state) {
    case NB_TASK_RUNNING:
        return &self->running;
    case NB_TASK_FAILED:
        return &self->failed;
    default:
        return NULL;
    }
}

void nb_task_index_leave(nb_task_index *self, nb_task *task)
{
    task_list *list = list_of(self, task->state);
    if (list) {
        list_remove(list, task);
    } else if (task->state == NB_TASK_QUEUED) {
        queue_remove(&task->lane->waiting, task);
    }
}

void nb_task_index_enter(nb_task_index *self, nb_task *task)
{
    task_list *list = list_of(self, task->state);
    if (list) {
        list_insert(list, task);
    } else if (task->state == NB_TASK_QUEUED) {
        queue_insert(&task->lane->waiting, task);
    }
}

nb_task *nb_task_index_first(const nb_task_index *self, nb_task_state state)
{
    return (state == NB_TASK_RUNNING) ? self->running.first : self->failed.first;
}

// ---- By id ----

static size_t slot_of(uint64_t id, size_t slot_count)
{
    // Fibonacci hashing: ids come one after the other.
    return (size_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (slot_count - 1);
}

nb_task *nb_task_index_find(const nb_task_index *self, uint64_t id)
{
    if (self->slot_count == 0) {
        return NULL;
    }
    size_t slot = slot_of(id, self->slot_count);
    while (self->slots[slot] && self->slots[slot]->id != id) {
        slot = (slot + 1) & (self->slot_count - 1);
    }
    return self->slots[slot];
}

static void slot_insert(nb_task **slots, size_t slot_count, nb_task *task)
{
    size_t slot = slot_of(task->id, slot_count);
    while (slots[slot]) {
        slot = (slot + 1) & (slot_count - 1);
    }
    slots[slot] = task;
}

// What stands behind a freed slot may belong before it: put the rest of its run in anew.
static void slot_remove(nb_task_index *self, uint64_t id)
{
    const size_t mask = self->slot_count - 1;
    size_t slot = slot_of(id, self->slot_count);
    while (self->slots[slot]->id != id) {
        slot = (slot + 1) & mask;
    }
    self->slots[slot] = NULL;
    for (slot = (slot + 1) & mask; self->slots[slot]; slot = (slot + 1) & mask) {
        nb_task *moved = self->slots[slot];
        self->slots[slot] = NULL;
        slot_insert(self->slots, self->slot_count, moved);
    }
}

static bool reserve_slots(nb_task_index *self)
{
    if (self->slot_count >= 2 * (self->count + 1)) {
        return true;
    }
    const size_t wanted = (self->slot_count > 0) ? self->slot_count * 2 : 64;
    nb_task **slots = calloc(wanted, sizeof *slots);
    if (!slots) {
        return false;
    }
    for (size_t i = 0; i < self->count; i++) {
        slot_insert(slots, wanted, self->tasks[i]);
    }
    free(self->slots);
    self->slots = slots;
    self->slot_count = wanted;
    return true;
}

static bool reserve_task(nb_task_index *self)
{
    if (self->count == self->capacity) {
        const size_t wanted = (self->capacity > 0) ? self->capacity * 2 : 64;
        nb_task **grown = reallocarray(self->tasks, wanted, sizeof *grown);
        if (!grown) {
            return false;
        }
        self->tasks = grown;
        self->capacity = wanted;
    }
    return reserve_slots(self);
}

size_t nb_task_index_count(const nb_task_index *self) { return self->count; }

nb_task *nb_task_index_at(const nb_task_index *self, size_t index) { return self->tasks[index]; }

// ---- Lanes ----

size_t nb_task_index_lane_count(const nb_task_index *self) { return self->lane_count; }

nb_task_lane *nb_task_index_lane_at(const nb_task_index *self, size_t index)
{
    return self->lanes[index];
}

static void lane_free(nb_task_lane *lane)
{
    free(lane->waiting.items);
    free(lane->fingerprint);
    free(lane);
}

nb_status nb_task_index_lane(nb_task_index *self, const char *fingerprint, nb_task_lane **out_lane,
                             nb_error *err)
{
    for (size_t i = 0; i < self->lane_count; i++) {
        if (strcmp(self->lanes[i]->fingerprint, fingerprint) == 0) {
            *out_lane = self->lanes[i];
            return NB_OK;
        }
    }
    *out_lane = NULL;
    nb_task_lane *lane = calloc(1, sizeof *lane);
    nb_task_lane **grown = reallocarray(self->lanes, self->lane_count + 1, sizeof *grown);
    self->lanes = grown ? grown : self->lanes;
    if (!lane || !grown || !(lane->fingerprint = strdup(fingerprint))) {
        free(lane);
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a fingerprint");
    }
    self->lanes[self->lane_count++] = lane;
    *out_lane = lane;
    return NB_OK;
}

void nb_task_index_drop_lane(nb_task_index *self, nb_task_lane *lane)
{
    if (lane->task_count > 0 || lane->renderer_count > 0) {
        return;
    }
    for (size_t i = 0; i < self->lane_count; i++) {
        if (self->lanes[i] == lane) {
            self->lanes[i] = self->lanes[--self->lane_count];
            lane_free(lane);
            return;
        }
    }
}

// ---- Life ----

nb_status nb_task_index_new(nb_task_index **out_index, nb_error *err)
{
    *out_index = calloc(1, sizeof **out_index);
    return *out_index ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for the tasks");
}

void nb_task_index_destroy(nb_task_index **self_p)
{
    nb_task_index *self = *self_p;
    if (!self) {
        return;
    }
    for (size_t i = 0; i < self->count; i++) {
        free(self->tasks[i]);
    }
    for (size_t i = 0; i < self->lane_count; i++) {
        lane_free(self->lanes[i]);
    }
    free(self->tasks);
    free(self->slots);
    free(self->lanes);
    free(self);
    *self_p = NULL;
}

nb_status nb_task_index_add(nb_task_index *self, const nb_task_spec *spec, nb_error *err)
{
    if (nb_task_index_find(self, spec->id)) {
        return nb_fail(err, NB_E_EXISTS, "task %" PRIu64 " is scheduled already", spec->id);
    }
    nb_task_lane *lane = NULL;
    const nb_status status = nb_task_index_lane(self, spec->fingerprint, &lane, err);
    if (status != NB_OK) {
        return status;
    }
    nb_task *task = calloc(1, sizeof *task);
    if (!task || !reserve_task(self) || !queue_reserve(&lane->waiting, lane->task_count + 1)) {
        free(task);
        nb_task_index_drop_lane(self, lane);
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for task %" PRIu64, spec->id);
    }
    *task = (nb_task){.id = spec->id,
                      .state = NB_TASK_QUEUED,
                      .priority = spec->priority,
                      .created_ms = spec->created_ms,
                      .cost = spec->cost,
                      .fingerprint = lane->fingerprint,
                      .lane = lane,
                      .place = self->count};
    self->tasks[self->count++] = task;
    slot_insert(self->slots, self->slot_count, task);
    lane->task_count++;
    nb_task_index_enter(self, task);
    return NB_OK;
}

void nb_task_index_remove(nb_task_index *self, nb_task *task)
{
    nb_task_index_leave(self, task);
    slot_remove(self, task->id);
    nb_task *last = self->tasks[--self->count];
    last->place = task->place;
    self->tasks[task->place] = last;
    task->lane->task_count--;
    nb_task_index_drop_lane(self, task->lane);
    free(task);
}
