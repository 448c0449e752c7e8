// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/task_queue.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct nb_task_queue {
    double served; ///< The charge of the album that was served last, before it was charged
    size_t waiting;
    size_t share_count, share_capacity;
    nb_share **shares;
    size_t group_count, group_capacity;
    nb_task_group **groups; ///< All of them
    nb_task_group **order;  ///< Those with waiting tasks, for nb_task_queue_groups
};

nb_status nb_task_queue_new(nb_task_queue **out_queue, nb_error *err)
{
    *out_queue = calloc(1, sizeof **out_queue);
    return *out_queue ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for the queue of tasks");
}

static void free_group(nb_task_group *group)
{
    free(group->label);
    free(group->tasks);
    free(group);
}

void nb_task_queue_destroy(nb_task_queue **self_p)
{
    nb_task_queue *self = *self_p;
    if (!self) {
        return;
    }
    for (size_t i = 0; i < self->group_count; i++) {
        free_group(self->groups[i]);
    }
    for (size_t i = 0; i < self->share_count; i++) {
        free(self->shares[i]->album);
        free(self->shares[i]);
    }
    free(self->groups);
    free(self->order);
    free(self->shares);
    free(self);
    *self_p = NULL;
}

// ---- Shares and groups ----

static nb_share *find_share(const nb_task_queue *self, const char *album)
{
    for (size_t i = 0; i < self->share_count; i++) {
        if (strcmp(self->shares[i]->album, album) == 0) {
            return self->shares[i];
        }
    }
    return NULL;
}

static nb_share *add_share(nb_task_queue *self, const char *album)
{
    if (self->share_count == self->share_capacity) {
        const size_t capacity = self->share_capacity ? 2 * self->share_capacity : 16;
        nb_share **grown = reallocarray(self->shares, capacity, sizeof(nb_share *));
        if (!grown) {
            return NULL;
        }
        self->shares = grown;
        self->share_capacity = capacity;
    }
    nb_share *share = calloc(1, sizeof *share);
    char *copy = strdup(album);
    if (!share || !copy) {
        free(share);
        free(copy);
        return NULL;
    }
    share->album = copy;
    self->shares[self->share_count++] = share;
    return share;
}

static nb_task_group *find_group(const nb_task_queue *self, const nb_task *task,
                                 const nb_share *share)
{
    for (size_t i = 0; i < self->group_count; i++) {
        nb_task_group *group = self->groups[i];
        if (group->priority == task->priority && group->share == share &&
            group->fingerprint == task->fingerprint && group->holds == task->holds &&
            strcmp(group->label, task->label) == 0) {
            return group;
        }
    }
    return NULL;
}

static nb_task_group *add_group(nb_task_queue *self, const nb_task *task, nb_share *share)
{
    if (self->group_count == self->group_capacity) {
        const size_t capacity = self->group_capacity ? 2 * self->group_capacity : 16;
        nb_task_group **groups = reallocarray(self->groups, capacity, sizeof(nb_task_group *));
        if (!groups) {
            return NULL;
        }
        self->groups = groups;
        nb_task_group **order = reallocarray(self->order, capacity, sizeof(nb_task_group *));
        if (!order) {
            return NULL;
        }
        self->order = order;
        self->group_capacity = capacity;
    }
    nb_task_group *group = calloc(1, sizeof *group);
    char *label = strdup(task->label);
    if (!group || !label) {
        free(group);
        free(label);
        return NULL;
    }
    *group = (nb_task_group){.priority = task->priority,
                             .share = share,
                             .fingerprint = task->fingerprint,
                             .label = label,
                             .holds = task->holds};
    self->groups[self->group_count++] = group;
    return group;
}

static void drop_group_if_empty(nb_task_queue *self, nb_task_group *group)
{
    if (group->member_count > 0) {
        return;
    }
    for (size_t i = 0; i < self->group_count; i++) {
        if (self->groups[i] == group) {
            self->groups[i] = self->groups[--self->group_count];
            free_group(group);
            return;
        }
    }
}

// Room for all members, so that a push needs no memory.
static bool reserve(nb_task_group *group, size_t member_count)
{
    if (member_count <= group->capacity) {
        return true;
    }
    const size_t capacity = group->capacity ? 2 * group->capacity : 8;
    nb_task **grown = reallocarray(group->tasks, capacity, sizeof(nb_task *));
    if (!grown) {
        return false;
    }
    group->tasks = grown;
    group->capacity = capacity;
    return true;
}

nb_status nb_task_queue_join(nb_task_queue *self, nb_task *task, const char *album, nb_error *err)
{
    nb_share *share = find_share(self, album);
    if (!share) {
        share = add_share(self, album);
    }
    nb_task_group *group = share ? find_group(self, task, share) : NULL;
    if (share && !group) {
        group = add_group(self, task, share);
    }
    if (!group || !reserve(group, group->member_count + 1)) {
        if (group) {
            drop_group_if_empty(self, group);
        }
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for task %" PRIu64, task->id);
    }
    if (share->open++ == 0 && share->charge < self->served) {
        share->charge = self->served;
    }
    group->member_count++;
    task->group = group;
    return NB_OK;
}

void nb_task_queue_leave(nb_task_queue *self, nb_task *task)
{
    nb_task_group *group = task->group;
    task->group = NULL;
    group->share->open--;
    group->member_count--;
    drop_group_if_empty(self, group);
}

// ---- Waiting ----

bool nb_task_goes_before(const nb_task *a, const nb_task *b)
{
    if (a->cost != b->cost) {
        return a->cost > b->cost;
    }
    return (a->created_ms != b->created_ms) ? a->created_ms < b->created_ms : a->id < b->id;
}

// The first place whose task does not go before this one.
static size_t find_place(const nb_task_group *group, const nb_task *task)
{
    size_t low = 0;
    size_t high = group->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (nb_task_goes_before(nb_task_group_at(group, middle), task)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void nb_task_queue_push(nb_task_queue *self, nb_task *task)
{
    nb_task_group *group = task->group;
    const size_t place = find_place(group, task);
    nb_task **tasks = group->tasks + group->head;
    // The shorter side moves: what goes out leaves a gap in front, what comes in goes to the end.
    if (group->head > 0 &&
        (place < group->count / 2 || group->head + group->count == group->capacity)) {
        memmove(tasks - 1, tasks, place * sizeof *tasks);
        group->head--;
    } else {
        memmove(tasks + place + 1, tasks + place, (group->count - place) * sizeof *tasks);
    }
    group->tasks[group->head + place] = task;
    group->count++;
    self->waiting++;
}

void nb_task_queue_pop(nb_task_queue *self, nb_task *task)
{
    nb_task_group *group = task->group;
    const size_t place = find_place(group, task);
    nb_task **tasks = group->tasks + group->head;
    if (place < group->count / 2) {
        memmove(tasks + 1, tasks, place * sizeof *tasks);
        group->head++;
    } else {
        memmove(tasks + place, tasks + place + 1, (group->count - place - 1) * sizeof *tasks);
    }
    group->count--;
    self->waiting--;
}

size_t nb_task_queue_waiting(const nb_task_queue *self) { return self->waiting; }

// ---- Shares ----

// A task without a cost counts too.
static double cost_of(const nb_task *task) { return 1.0 + (double)task->cost; }

void nb_task_queue_charge(nb_task_queue *self, const nb_task *task)
{
    self->served = task->group->share->charge;
    task->group->share->charge += cost_of(task);
}

void nb_task_queue_uncharge(nb_task_queue *self, const nb_task *task)
{
    (void)self;
    task->group->share->charge -= cost_of(task);
}

static int compare_groups(const void *a, const void *b)
{
    const nb_task_group *left = *(nb_task_group *const *)a;
    const nb_task_group *right = *(nb_task_group *const *)b;
    if (left->priority != right->priority) {
        return (left->priority > right->priority) ? -1 : 1;
    }
    if (left->share != right->share) {
        if (left->share->charge != right->share->charge) {
            return (left->share->charge < right->share->charge) ? -1 : 1;
        }
        return strcmp(left->share->album, right->share->album);
    }
    const nb_task *first = nb_task_group_at(left, 0);
    return nb_task_goes_before(first, nb_task_group_at(right, 0)) ? -1 : 1;
}

nb_task_group *const *nb_task_queue_groups(nb_task_queue *self, size_t *out_count)
{
    size_t count = 0;
    for (size_t i = 0; i < self->group_count; i++) {
        if (self->groups[i]->count > 0) {
            self->order[count++] = self->groups[i];
        }
    }
    if (count > 1) {
        qsort(self->order, count, sizeof *self->order, compare_groups);
    }
    *out_count = count;
    return self->order;
}
