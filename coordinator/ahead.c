// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/ahead.h"

#include "base/clock.h"
#include "base/text.h"
#include "coordinator/labels.h"
#include "coordinator/plan_ledger.h"
#include "coordinator/wishes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void nb_ahead_fini(nb_ahead *self)
{
    nb_split_fini(&self->split);
    free(self->rest.kept);
    *self = (nb_ahead){0};
}

static void free_nodes(size_t **nodes_p) { free(*nodes_p); }
static void free_marks(bool **marks_p) { free(*marks_p); }

// ---- Who would do it ----

static bool is_spare(const nb_renderer *renderer, const char *fingerprint, const char *label)
{
    return renderer && renderer->state == NB_RENDERER_IDLE && renderer->leases == 0 &&
           renderer->holds == 0 && renderer->fingerprint &&
           strcmp(renderer->fingerprint, fingerprint) == 0 &&
           nb_labels_match(renderer->labels, label);
}

void nb_ahead_find_farm(const nb_coordinator *self, const char *fingerprint, const char *label,
                        size_t others, nb_split_farm *out)
{
    size_t held = 0;
    *out = (nb_split_farm){.threads = UINT32_MAX, .shares_store = true};
    for (uint32_t id = 1; id <= self->node_count; id++) {
        if (is_spare(nb_scheduler_renderer(self->scheduler, id), fingerprint, label)) {
            const nb_farm_node *node = nb_coordinator_node_at(self, id);
            out->nodes++;
            out->threads = (node->threads < out->threads) ? node->threads : out->threads;
            out->shares_store = out->shares_store && node->shares_store;
        }
    }
    nb_scheduler_count_held(self->scheduler, &held);
    const size_t taken = nb_scheduler_waiting_count(self->scheduler) - held + others;
    out->nodes = (out->nodes > taken) ? out->nodes - taken : 0;
}

// ---- Deciding ----

static uint64_t size_of(const void *context, const char *path)
{
    const nb_manifest_file *file = nb_manifest_find(context, path);
    return file ? file->size : 0;
}

static void add_need(nb_ahead *self, uint64_t task)
{
    for (size_t i = 0; i < self->need_count; i++) {
        if (self->needs[i] == task) {
            return;
        }
    }
    self->needs[self->need_count++] = task;
}

// An edge that a task of the same album makes already is not made twice. Others' tasks are theirs.
static nb_status find_maker(nb_coordinator *self, const nb_ahead_song *song, size_t index,
                            nb_ahead *out, nb_error *err)
{
    char album[NB_ALBUM_SIZE];
    char name[NB_SONG_SIZE];
    uint64_t task = 0;
    nb_status status =
        nb_ledger_find_edge_task(self->ledger, &song->freezes->list[index].key, &task, err);
    if (status != NB_OK || task == 0 || !nb_scheduler_task(self->scheduler, task) ||
        out->need_count + NB_SPLIT_TASKS_MAX == NB_NEEDS_MAX) {
        return status;
    }
    status = nb_ledger_song_of_task(self->ledger, task, album, name, err);
    if (status == NB_OK && strcmp(album, song->job->album) == 0) {
        add_need(out, task);
        out->rest.kept[song->freezes->nodes[index]] = true;
    }
    return status;
}

static nb_status find_makers(nb_coordinator *self, const nb_ahead_song *song, nb_ahead *out,
                             nb_error *err)
{
    const nb_freezes *freezes = song->freezes;
    out->rest = *freezes;
    out->rest.kept = calloc(song->graph->node_count + 1, sizeof *out->rest.kept);
    if (!out->rest.kept) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to split a song");
    }
    nb_status status = NB_OK;
    if (freezes->kept) {
        memcpy(out->rest.kept, freezes->kept, song->graph->node_count * sizeof *freezes->kept);
    }
    for (size_t i = 0; status == NB_OK && i < freezes->count; i++) {
        status = freezes->list[i].is_kept ? NB_OK : find_maker(self, song, i, out, err);
    }
    return status;
}

// Edges that nobody makes yet, and which of the freezes each one is.
static size_t list_edges(const nb_ahead_song *song, const bool *kept, size_t *out_edges,
                         size_t *out_freezes)
{
    size_t count = 0;
    for (size_t i = 0; i < song->freezes->count; i++) {
        if (!kept[song->freezes->nodes[i]]) {
            out_edges[count] = song->freezes->nodes[i];
            out_freezes[count++] = i;
        }
    }
    return count;
}

// From by edge to by freeze; and what the tasks will have made is there for the song.
static nb_status take_split(const nb_ahead_song *song, const size_t *freezes, size_t count,
                            nb_ahead *out, nb_error *err)
{
    int *tasks = calloc(song->freezes->count + 1, sizeof *tasks);
    if (!tasks) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to split a song");
    }
    for (size_t i = 0; i < song->freezes->count; i++) {
        tasks[i] = -1;
    }
    for (size_t i = 0; i < count; i++) {
        tasks[freezes[i]] = out->split.task_of[i];
        if (out->split.task_of[i] >= 0) {
            out->rest.kept[song->freezes->nodes[freezes[i]]] = true;
        }
    }
    free(out->split.task_of);
    out->split.task_of = tasks;
    return NB_OK;
}

static nb_status split(nb_coordinator *self, const nb_ahead_song *song, const nb_split_farm *farm,
                       nb_ahead *out, nb_error *err)
{
    nb_costs costs;
    nb_task_cost whole;
    NB_SCOPED(free_nodes) size_t *sinks = calloc(song->outputs->count + 1, sizeof *sinks);
    NB_SCOPED(free_nodes) size_t *edges = calloc(song->freezes->count + 1, sizeof *edges);
    NB_SCOPED(free_nodes) size_t *freezes = calloc(song->freezes->count + 1, sizeof *freezes);
    if (!sinks || !edges || !freezes) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to split a song");
    }
    for (size_t i = 0; i < song->outputs->count; i++) {
        sinks[i] = nb_output_sink(song->graph, song->outputs->list[i].name);
    }
    nb_status status = nb_ledger_read_costs(self->ledger, &costs, err);
    if (status == NB_OK) {
        status = nb_coordinator_cost(self, song->job, song->graph, song->outputs, &out->rest,
                                     nb_estimate_frames(song->graph, size_of, song->manifest),
                                     &whole, err);
    }
    if (status != NB_OK) {
        return status;
    }
    const size_t count = list_edges(song, out->rest.kept, edges, freezes);
    const nb_split_song it = {.graph = song->graph,
                              .sinks = sinks,
                              .sink_count = song->outputs->count,
                              .edges = edges,
                              .edge_count = count,
                              .kept = out->rest.kept,
                              .frames = whole.frames,
                              .cost = nb_costs_find,
                              .costs = &costs,
                              .size_of = size_of,
                              .sizes = song->manifest};
    status = nb_split_find(&it, farm, &out->split, err);
    for (size_t t = 0; t < out->split.task_count; t++) {
        out->tasks[t].cost = (nb_task_cost){out->split.task_ns[t], whole.frames, 0};
    }
    return (status == NB_OK) ? take_split(song, freezes, count, out, err) : status;
}

nb_status nb_ahead_find(nb_coordinator *self, const nb_ahead_song *song, nb_ahead *out,
                        nb_error *err)
{
    nb_job_wish wish;
    nb_split_farm farm;
    nb_status status = find_makers(self, song, out, err);
    if (status == NB_OK) {
        status = nb_ledger_get_job_wish(self->ledger, song->job->id, &wish, err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_ahead_find_farm(self, song->fingerprint, wish.label, song->others, &farm);
    return (farm.nodes >= 2 && song->freezes->count > 0) ? split(self, song, &farm, out, err)
                                                         : NB_OK;
}

// ---- The tasks ----

// What one of the tasks makes, and what it goes on from.
static nb_status fill_freezes(const nb_ahead_song *song, const nb_split *parts, int task,
                              nb_plan *plan, nb_error *err)
{
    const nb_freezes *freezes = song->freezes;
    NB_SCOPED(free_marks) bool *reached = calloc(song->graph->node_count + 1, sizeof *reached);
    NB_SCOPED(free_nodes) size_t *nodes = calloc(freezes->count + 1, sizeof *nodes);
    plan->freezes = calloc(freezes->count + 1, sizeof *plan->freezes);
    if (!reached || !nodes || !plan->freezes) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a plan");
    }
    for (size_t i = 0; i < freezes->count; i++) {
        if (parts->task_of[i] == task) {
            nodes[plan->freeze_count] = freezes->nodes[i];
            plan->freezes[plan->freeze_count++] = freezes->list[i];
        }
    }
    plan->mix_key = plan->freezes[0].key;
    const nb_status status =
        nb_graph_reach_from(song->graph, nodes, plan->freeze_count, freezes->kept, reached, err);
    for (size_t i = 0; status == NB_OK && i < freezes->count; i++) {
        if (freezes->list[i].is_kept && reached[freezes->nodes[i]]) {
            plan->freezes[plan->freeze_count++] = freezes->list[i];
        }
    }
    return status;
}

static nb_status put_text(nb_coordinator *self, const nb_plan *plan, nb_task_row *task,
                          nb_error *err)
{
    NB_SCOPED(nb_text_free) char *text = nb_plan_format(plan);
    if (!text) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a plan");
    }
    task->plan_size = strlen(text);
    return nb_blob_store_put(self->store, text, strlen(text), &task->plan, err);
}

static nb_status add_row(nb_coordinator *self, const nb_ahead_song *song, const nb_plan *plan,
                         nb_ahead *ahead, size_t index, nb_error *err)
{
    NB_SCOPED(nb_task_row_fini)
    nb_task_row task = {
        .mix_key = plan->mix_key,
        .fingerprint = strdup(song->fingerprint),
        .label = nb_text_format("%s@%s (freeze %zu of %zu)", song->job->song, song->job->version,
                                index + 1, ahead->split.task_count),
        .state = NB_TASK_QUEUED,
        .created_ms = nb_clock_wall_ms(),
    };
    if (!task.fingerprint || !task.label) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a task");
    }
    nb_status status = put_text(self, plan, &task, err);
    if (status == NB_OK) {
        status = nb_ledger_add_task(self->ledger, &task, err);
    }
    for (size_t i = 0; status == NB_OK && i < plan->freeze_count; i++) {
        status = plan->freezes[i].is_kept
                     ? NB_OK
                     : nb_ledger_add_task_edge(self->ledger, task.id, &plan->freezes[i].key, err);
    }
    if (status == NB_OK) {
        status = nb_ledger_put_cost(self->ledger, task.id, &ahead->tasks[index].cost, err);
    }
    ahead->tasks[index].id = task.id;
    return status;
}

nb_status nb_ahead_add(nb_coordinator *self, const nb_ahead_song *song, const nb_plan *plan,
                       nb_ahead *ahead, nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t t = 0; status == NB_OK && t < ahead->split.task_count; t++) {
        nb_plan part = *plan; // its texts and files are borrowed
        part.kind = NB_PLAN_FREEZE;
        part.outputs = NULL;
        part.output_count = 0;
        part.freezes = NULL;
        part.freeze_count = 0;
        status = fill_freezes(song, &ahead->split, (int)t, &part, err);
        if (status == NB_OK) {
            status = add_row(self, song, &part, ahead, t, err);
        }
        free(part.freezes);
        if (status == NB_OK) {
            add_need(ahead, ahead->tasks[t].id);
        }
    }
    return status;
}

nb_status nb_ahead_add_needs(nb_coordinator *self, const nb_ahead *ahead, uint64_t task,
                             nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < ahead->need_count; i++) {
        status = nb_ledger_add_need(self->ledger, task, ahead->needs[i], err);
    }
    return status;
}

nb_status nb_ahead_schedule(nb_coordinator *self, const nb_ahead_song *song, const nb_ahead *ahead,
                            nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t t = 0; status == NB_OK && t < ahead->split.task_count; t++) {
        // Whoever has the song's stems is not waited for: the point is that several work.
        const nb_task_spec spec = {.id = ahead->tasks[t].id,
                                   .fingerprint = song->fingerprint,
                                   .priority = NB_PRIORITY_DEFAULT,
                                   .created_ms = nb_clock_wall_ms(),
                                   .cost = (uint64_t)nb_task_cost_us(&ahead->tasks[t].cost),
                                   .album = song->job->album};
        status = nb_scheduler_add_task(self->scheduler, &spec, err);
    }
    return status;
}

nb_status nb_ahead_list(nb_coordinator *self, uint64_t task, uint64_t out_needs[NB_NEEDS_MAX],
                        size_t *out_count, nb_error *err)
{
    return nb_ledger_list_needs(self->ledger, NB_NEEDS_OF, task, out_needs, NB_NEEDS_MAX, out_count,
                                err);
}

// How much of a task is done; one that the scheduler does not have is over.
static double done_of(const nb_task *task)
{
    const nb_attempt *leased = task ? nb_task_leased(task) : NULL;
    if (!task) {
        return 1.0;
    }
    return (leased && leased->total_frames > 0)
               ? (double)leased->done_frames / (double)leased->total_frames
               : 0.0;
}

nb_status nb_ahead_look(nb_coordinator *self, uint64_t id, nb_ahead_progress *out, nb_error *err)
{
    uint64_t tasks[NB_NEEDS_MAX + 1];
    double all_us = 0.0;
    double done_us = 0.0;
    *out = (nb_ahead_progress){0};
    nb_status status = nb_ledger_list_needs(self->ledger, NB_NEEDS_EVER_OF, id, tasks, NB_NEEDS_MAX,
                                            &out->count, err);
    tasks[out->count] = id;
    for (size_t i = 0; status == NB_OK && out->count > 0 && i <= out->count; i++) {
        const nb_task *task = nb_scheduler_task(self->scheduler, tasks[i]);
        nb_task_cost cost;
        status = nb_ledger_get_cost(self->ledger, tasks[i], &cost, err);
        all_us += nb_task_cost_us(&cost);
        done_us += nb_task_cost_us(&cost) * done_of(task);
        out->frames = cost.frames;
        out->left += (task && i < out->count) ? 1 : 0;
        const nb_attempt *leased = (task && i < out->count) ? nb_task_leased(task) : NULL;
        out->renderer = leased ? leased->renderer : out->renderer;
    }
    out->done = (all_us > 0.0) ? done_us / all_us : 0.0;
    return status;
}

// ---- What was kept meanwhile ----

nb_status nb_ahead_renew_plan(nb_coordinator *self, nb_task_row *task, nb_plan *plan, nb_error *err)
{
    bool changed = false;
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && plan->kind == NB_PLAN_RENDER && i < plan->freeze_count;
         i++) {
        if (plan->freezes[i].is_kept) {
            continue;
        }
        status = nb_freezes_look_up(self, &plan->freezes[i], err);
        if (status == NB_OK && plan->freezes[i].is_kept) {
            changed = true;
            status =
                nb_ledger_use_freeze(self->ledger, &plan->freezes[i].key, nb_clock_wall_ms(), err);
        }
    }
    if (status != NB_OK || !changed) {
        return status;
    }
    status = put_text(self, plan, task, err);
    return (status == NB_OK)
               ? nb_ledger_set_plan(self->ledger, task->id, &task->plan, task->plan_size, err)
               : status;
}
