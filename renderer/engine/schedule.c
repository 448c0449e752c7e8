// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/schedule.h"

#include "renderer/engine/grouping.h"

#include <assert.h>
#include <string.h>

static nb_status no_memory(nb_error *err)
{
    return nb_fail(err, NB_E_NO_MEMORY, "no memory to schedule the graph");
}

// ---- Graphs that can be run ----

static nb_status check_input(const nb_graph *graph, size_t reader, size_t input, nb_error *err)
{
    if (input >= reader) {
        return nb_fail(err, NB_E_INVALID, "%s: reads a node that stands behind it",
                       graph->nodes[reader].name);
    }
    return NB_OK;
}

static bool has_its_shape(const nb_graph *graph, const nb_node *node)
{
    switch (node->kind) {
    case NB_NODE_PROCESSOR:
        return node->input_count == 1 && node->settings.processor &&
               node->settings.channels == node->channels;
    case NB_NODE_PART:
        return node->input_count == 1 && node->channels == 1 && node->part != NB_PART_ALL;
    case NB_NODE_JOIN:
        return node->input_count == 2 && graph->nodes[node->inputs[0]].channels == 1 &&
               node->part != NB_PART_ALL;
    case NB_NODE_CLIPS:
    case NB_NODE_SUM:
    default:
        return true;
    }
}

static nb_status check_node(const nb_graph *graph, size_t index, nb_error *err)
{
    const nb_node *node = &graph->nodes[index];
    if (node->channels != 1 && node->channels != 2) {
        return nb_fail(err, NB_E_INVALID, "%s: has %u channels, not 1 or 2 (are its files known?)",
                       node->name, node->channels);
    }
    for (size_t i = 0; i < node->input_count; i++) {
        nb_status status = check_input(graph, index, node->inputs[i], err);
        if (status != NB_OK) {
            return status;
        }
        if (graph->nodes[node->inputs[i]].channels > node->channels && node->kind != NB_NODE_PART) {
            return nb_fail(err, NB_E_INVALID, "%s: is mono but fed in stereo", node->name);
        }
    }
    if (!has_its_shape(graph, node)) {
        return nb_fail(err, NB_E_INVALID, "%s: has not the inputs and channels of its kind",
                       node->name);
    }
    return (node->sidechain < 0) ? NB_OK : check_input(graph, index, (size_t)node->sidechain, err);
}

/// Inputs stand before their readers, so one pass backwards finds all that feeds an output. What
/// feeds none need not be whole: of its files nobody may have asked.
static nb_status mark_live(nb_schedule *self, nb_error *err)
{
    for (size_t i = 0; i < self->output_count; i++) {
        self->live[self->outputs[i]] = true;
    }
    for (size_t n = self->node_end; n-- > 0;) {
        const nb_node *node = &self->graph->nodes[n];
        if (!self->live[n]) {
            continue;
        }
        const nb_status status = check_node(self->graph, n, err);
        if (status != NB_OK) {
            return status;
        }
        for (size_t i = 0; i < node->input_count; i++) {
            self->live[node->inputs[i]] = true;
        }
        if (node->sidechain >= 0) {
            self->live[node->sidechain] = true;
        }
    }
    return NB_OK;
}

// ---- Who reads what, and how ----

/// What is counted or filled in: the readers of each node, in ascending order, outputs last.
static void visit_readers(const nb_schedule *self, size_t *places, nb_reader *list)
{
    for (size_t n = 0; n < self->node_end; n++) {
        const nb_node *node = &self->graph->nodes[n];
        for (size_t i = 0; self->live[n] && i < node->input_count; i++) {
            const size_t at = places[node->inputs[i]]++;
            if (list) {
                list[at] = (nb_reader){n, false};
            }
        }
        if (self->live[n] && node->sidechain >= 0) {
            const size_t at = places[node->sidechain]++;
            if (list) {
                list[at] = (nb_reader){n, true};
            }
        }
    }
    for (size_t i = 0; i < self->output_count; i++) {
        const size_t at = places[self->outputs[i]]++;
        if (list) {
            list[at] = (nb_reader){SIZE_MAX, false};
        }
    }
}

static nb_status find_readers(const nb_schedule *self, nb_readers *out, nb_error *err)
{
    size_t *counts = nb_arena_take(self->arena, self->node_end + 1, sizeof *counts);
    size_t *first = nb_arena_take(self->arena, self->node_end + 1, sizeof *first);
    if (!counts || !first) {
        return no_memory(err);
    }
    visit_readers(self, counts, NULL);
    for (size_t n = 0; n < self->node_end; n++) {
        first[n + 1] = first[n] + counts[n];
        counts[n] = first[n];
    }
    nb_reader *list = nb_arena_take(self->arena, first[self->node_end] + 1, sizeof *list);
    if (!list) {
        return no_memory(err);
    }
    visit_readers(self, counts, list);
    *out = (nb_readers){list, first};
    return NB_OK;
}

/// Does this reader take samples channel by channel, so that it can as well multiply them? `gains`
/// becomes the number of gains in a row behind here.
static bool reads_through(const nb_schedule *self, const nb_reader *reader,
                          const unsigned *gains_after, unsigned *gains)
{
    if (reader->node == SIZE_MAX || reader->is_key) {
        return true;
    }
    const nb_node *node = &self->graph->nodes[reader->node];
    if (self->edges[reader->node] == NB_EDGE_FACTOR) {
        const unsigned after = gains_after[reader->node] + 1;
        *gains = (after > *gains) ? after : *gains;
        return after < NB_FACTORS_MAX;
    }
    return node->kind != NB_NODE_PROCESSOR || node->settings.processor->form == NB_FORM_PLANAR;
}

/// From the last node up: a constant gain whose readers all take planar samples keeps nothing.
static nb_status find_factors(nb_schedule *self, const nb_readers *readers, nb_error *err)
{
    assert(readers->first);
    unsigned *gains_after = nb_arena_take(self->arena, self->node_end, sizeof *gains_after);
    if (!gains_after) {
        return no_memory(err);
    }
    for (size_t n = self->node_end; n-- > 0;) {
        const nb_node *node = &self->graph->nodes[n];
        if (!self->live[n] || node->kind != NB_NODE_PROCESSOR || node->sidechain >= 0 ||
            node->latency_frames > 0 || !node->settings.processor->factors ||
            // Else its edge would have an end of its own.
            node->end_frame < self->graph->nodes[node->inputs[0]].end_frame ||
            !node->settings.processor->factors(&node->settings, self->factors[n])) {
            continue;
        }
        bool all = true;
        for (size_t i = readers->first[n]; all && i < readers->first[n + 1]; i++) {
            all = reads_through(self, &readers->list[i], gains_after, &gains_after[n]);
        }
        self->edges[n] = all ? NB_EDGE_FACTOR : NB_EDGE_NONE;
    }
    return NB_OK;
}

/// Clips that one processor reads, and nobody else, are read by its unit.
static void absorb_clips(nb_schedule *self, const nb_readers *readers)
{
    assert(readers->first);
    for (size_t n = 0; n < self->node_end; n++) {
        if (!self->live[n] || self->graph->nodes[n].kind != NB_NODE_CLIPS ||
            readers->first[n + 1] - readers->first[n] != 1) {
            continue;
        }
        const nb_reader *reader = &readers->list[readers->first[n]];
        if (reader->node != SIZE_MAX && !reader->is_key &&
            self->edges[reader->node] != NB_EDGE_FACTOR &&
            self->graph->nodes[reader->node].kind == NB_NODE_PROCESSOR) {
            self->edges[n] = NB_EDGE_ABSORBED;
        }
    }
}

static unsigned deeper(unsigned depth, unsigned below)
{
    return (below + 1 > depth) ? below + 1 : depth;
}

static void find_depths(nb_grouping *self)
{
    const nb_schedule *schedule = self->schedule;
    for (size_t n = 0; n < schedule->node_end; n++) {
        const nb_node *node = &schedule->graph->nodes[n];
        unsigned depth = 0;
        for (size_t i = 0; i < node->input_count; i++) {
            depth = deeper(depth, self->depth[node->inputs[i]]);
        }
        if (node->sidechain >= 0) {
            depth = deeper(depth, self->depth[node->sidechain]);
        }
        const bool factor = schedule->edges[n] == NB_EDGE_FACTOR;
        self->depth[n] = factor ? self->depth[node->inputs[0]] : depth;
        if (schedule->live[n] && self->depth[n] > self->deepest) {
            self->deepest = self->depth[n];
        }
    }
}

// ---- What is kept, and how far ahead ----

/// Is the edge of this stage's voice read by anyone but the next stage?
static bool is_read_outside(const nb_readers *readers, const nb_unit *unit, size_t stage,
                            size_t voice)
{
    const size_t n = nb_unit_node(unit, stage, voice);
    const size_t next =
        (stage + 1 < unit->stage_count) ? nb_unit_node(unit, stage + 1, voice) : SIZE_MAX;
    for (size_t i = readers->first[n]; i < readers->first[n + 1]; i++) {
        if (readers->list[i].node == SIZE_MAX || readers->list[i].node != next) {
            return true;
        }
    }
    return false;
}

static void find_kept(nb_schedule *self, const nb_readers *readers)
{
    for (size_t u = 0; u < self->unit_count; u++) {
        const nb_unit *unit = &self->units[u];
        for (size_t stage = 0; stage < unit->stage_count; stage++) {
            for (size_t v = 0; v < unit->voice_count; v++) {
                if (is_read_outside(readers, unit, stage, v)) {
                    self->edges[nb_unit_node(unit, stage, v)] = NB_EDGE_KEPT;
                }
            }
        }
    }
}

static void ask_ahead(nb_schedule *self, size_t input, int64_t frames)
{
    const size_t source = nb_schedule_source(self, input);
    if (self->advance[source] < frames) {
        self->advance[source] = frames;
    }
}

/// The stages of a unit go in step: its advance is the most that a reader of any of them asks for.
static void find_unit_advance(nb_schedule *self, const nb_unit *unit)
{
    const nb_node *nodes = self->graph->nodes;
    int64_t last = 0; // the advance of the last stage
    int64_t behind = 0;
    for (size_t stage = unit->stage_count; stage-- > 0;) {
        for (size_t v = 0; v < unit->voice_count; v++) {
            const int64_t asked = self->advance[nb_unit_node(unit, stage, v)] - behind;
            last = (asked > last) ? asked : last;
        }
        behind += (int64_t)nodes[nb_unit_node(unit, stage, 0)].latency_frames;
    }
    behind = last;
    for (size_t stage = unit->stage_count; stage-- > 0;) {
        for (size_t v = 0; v < unit->voice_count; v++) {
            self->advance[nb_unit_node(unit, stage, v)] = behind;
        }
        behind += (int64_t)nodes[nb_unit_node(unit, stage, 0)].latency_frames;
    }
    for (size_t v = 0; v < unit->voice_count; v++) {
        const nb_node *node = &nodes[unit->nodes[v]];
        for (size_t i = 0; i < node->input_count; i++) {
            ask_ahead(self, node->inputs[i], behind);
        }
        if (node->sidechain >= 0) {
            ask_ahead(self, (size_t)node->sidechain, behind);
        }
    }
}

/// From the last unit up: when a unit's turn comes all its readers have their advance.
static void find_advances(nb_schedule *self)
{
    for (size_t u = self->unit_count; u-- > 0;) {
        if (self->units[u].voice_count > 0) {
            find_unit_advance(self, &self->units[u]);
        }
    }
}

// ---- Who waits for whom ----

/// A growing list of units, each once; there is room for all.
typedef struct producer_list {
    size_t *units;
    size_t count;
    size_t *last_reader; ///< By unit: the unit that had it in its list last
} producer_list;

static void add_producer(producer_list *list, size_t reader, size_t unit)
{
    if (unit != SIZE_MAX && list->last_reader[unit] != reader) { // else absorbed clips
        list->last_reader[unit] = reader;
        list->units[list->count++] = unit;
    }
}

static void add_input(const nb_grouping *self, producer_list *list, size_t reader, size_t input)
{
    add_producer(list, reader, self->unit_of[nb_schedule_source(self->schedule, input)]);
}

static void find_producers(const nb_grouping *self, producer_list *list, size_t index)
{
    const nb_schedule *schedule = self->schedule;
    const nb_unit *unit = &schedule->units[index];
    list->count = 0;
    for (size_t v = 0; v < unit->voice_count; v++) {
        const nb_node *node = &schedule->graph->nodes[unit->nodes[v]];
        for (size_t i = 0; i < node->input_count; i++) {
            add_input(self, list, index, node->inputs[i]);
        }
        if (node->sidechain >= 0) {
            add_input(self, list, index, (size_t)node->sidechain);
        }
    }
    if (unit->kind == NB_UNIT_WRITER) {
        add_input(self, list, index, schedule->outputs[unit->output]);
    } else if (unit->kind == NB_UNIT_METER) {
        add_producer(list, index, index - 1);
    }
}

static nb_status link_producers(const nb_grouping *self, nb_error *err)
{
    nb_schedule *schedule = self->schedule;
    const size_t count = schedule->unit_count;
    producer_list list = {nb_arena_take(schedule->arena, count, sizeof *list.units), 0,
                          nb_arena_take(schedule->arena, count, sizeof *list.last_reader)};
    if (!list.units || !list.last_reader) {
        return no_memory(err);
    }
    memset(list.last_reader, 0xFF, count * sizeof *list.last_reader);
    for (size_t u = 0; u < count; u++) {
        find_producers(self, &list, u);
        size_t *producers = nb_arena_take(schedule->arena, list.count + 1, sizeof *producers);
        if (!producers) {
            return no_memory(err);
        }
        memcpy(producers, list.units, list.count * sizeof *producers);
        schedule->units[u].producers = producers;
        schedule->units[u].producer_count = list.count;
        for (size_t i = 0; i < list.count; i++) {
            schedule->units[producers[i]].consumer_count++;
        }
    }
    return NB_OK;
}

static nb_status link_consumers(nb_schedule *self, nb_error *err)
{
    const size_t count = self->unit_count;
    size_t **consumers = nb_arena_take(self->arena, count, sizeof *consumers);
    for (size_t u = 0; consumers && u < count; u++) {
        nb_unit *unit = &self->units[u];
        consumers[u] = nb_arena_take(self->arena, unit->consumer_count + 1, sizeof **consumers);
        if (!consumers[u]) {
            return no_memory(err);
        }
        unit->consumers = consumers[u];
        unit->consumer_count = 0;
    }
    if (!consumers) {
        return no_memory(err);
    }
    for (size_t u = 0; u < count; u++) {
        for (size_t i = 0; i < self->units[u].producer_count; i++) {
            const size_t producer = self->units[u].producers[i];
            consumers[producer][self->units[producer].consumer_count++] = u;
        }
    }
    return NB_OK;
}

// ---- All of it ----

static nb_status schedule_nodes(nb_grouping *self, nb_error *err)
{
    nb_schedule *schedule = self->schedule;
    nb_status status = mark_live(schedule, err);
    if (status == NB_OK) {
        status = find_readers(schedule, &self->readers, err);
    }
    if (status == NB_OK && (schedule->choices & NB_SCHEDULE_FACTORS)) {
        status = find_factors(schedule, &self->readers, err);
    }
    if (status != NB_OK) {
        return status;
    }
    if (schedule->choices & NB_SCHEDULE_STAGES) {
        absorb_clips(schedule, &self->readers);
    }
    find_depths(self);
    status = nb_grouping_make_units(self, err);
    if (status != NB_OK) {
        return status;
    }
    find_kept(schedule, &self->readers);
    find_advances(schedule);
    status = link_producers(self, err);
    return (status == NB_OK) ? link_consumers(schedule, err) : status;
}

/// All but the outputs' nodes; null without memory. The caller owns the arena meanwhile.
static nb_schedule *take_schedule(nb_arena *arena, const nb_graph *graph, size_t output_count)
{
    nb_schedule *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return NULL;
    }
    *self = (nb_schedule){
        .arena = arena,
        .graph = graph,
        .output_count = output_count,
        .live = nb_arena_take(arena, graph->node_count, sizeof *self->live),
        .edges = nb_arena_take(arena, graph->node_count, sizeof *self->edges),
        .factors = nb_arena_take(arena, graph->node_count, sizeof *self->factors),
        .advance = nb_arena_take(arena, graph->node_count, sizeof *self->advance),
        .units = nb_arena_take(arena, graph->node_count + 2 * output_count, sizeof *self->units),
    };
    const bool whole = self->live && self->edges && self->factors && self->advance && self->units;
    return whole ? self : NULL;
}

nb_status nb_schedule_new(const nb_graph *graph, const size_t *outputs, size_t output_count,
                          unsigned choices, nb_schedule **out_schedule, nb_error *err)
{
    *out_schedule = NULL;
    NB_SCOPED(nb_arena_destroy) nb_arena *arena = nb_arena_new();
    nb_schedule *self = take_schedule(arena, graph, output_count);
    size_t *kept = nb_arena_take(arena, output_count, sizeof *kept);
    nb_grouping grouping = {
        .schedule = self,
        .depth = nb_arena_take(arena, graph->node_count, sizeof *grouping.depth),
        .heir = nb_arena_take(arena, graph->node_count, sizeof *grouping.heir),
        .unit_of = nb_arena_take(arena, graph->node_count, sizeof *grouping.unit_of),
    };
    if (!self || !kept || !grouping.depth || !grouping.heir || !grouping.unit_of) {
        return no_memory(err);
    }
    memset(grouping.unit_of, 0xFF, graph->node_count * sizeof *grouping.unit_of);
    self->choices = choices;
    self->outputs = kept;
    for (size_t i = 0; i < output_count; i++) {
        kept[i] = outputs[i];
        self->node_end = (outputs[i] >= self->node_end) ? outputs[i] + 1 : self->node_end;
    }
    const nb_status status = schedule_nodes(&grouping, err);
    if (status == NB_OK) {
        arena = NULL; // the schedule's now
        *out_schedule = self;
    }
    return status;
}

void nb_schedule_destroy(nb_schedule **self_p)
{
    if (*self_p) {
        nb_arena *arena = (*self_p)->arena;
        *self_p = NULL;
        nb_arena_destroy(&arena);
    }
}
