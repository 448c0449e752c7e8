// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/schedule.h"

#include <string.h>

/// What is needed while a schedule is made, by node.
typedef struct scheduler {
    nb_schedule *schedule;
    unsigned *depth;
    size_t *unit_of; ///< SIZE_MAX: none yet
    unsigned deepest;
} scheduler;

static nb_status no_memory(nb_error *err)
{
    return nb_fail(err, NB_E_NO_MEMORY, "no memory to schedule the graph");
}

static nb_status check_input(const nb_graph *graph, size_t reader, size_t input, nb_error *err)
{
    const nb_node *node = &graph->nodes[reader];
    if (input >= reader) {
        return nb_fail(err, NB_E_INVALID, "%s: reads a node that stands behind it", node->name);
    }
    return NB_OK;
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
        if (graph->nodes[node->inputs[i]].channels > node->channels) {
            return nb_fail(err, NB_E_INVALID, "%s: is mono but fed in stereo", node->name);
        }
    }
    if (node->kind == NB_NODE_PROCESSOR && (node->input_count != 1 || !node->settings.processor ||
                                            node->settings.channels != node->channels)) {
        return nb_fail(err, NB_E_INVALID, "%s: is not a processor with one input", node->name);
    }
    return (node->sidechain < 0) ? NB_OK : check_input(graph, index, (size_t)node->sidechain, err);
}

/// Inputs stand before their readers, so one pass backwards finds all that feeds an output.
static void mark_live(const nb_graph *graph, const nb_schedule *schedule, bool *live)
{
    for (size_t i = 0; i < schedule->output_count; i++) {
        live[schedule->outputs[i]] = true;
    }
    for (size_t n = schedule->node_end; n-- > 0;) {
        const nb_node *node = &graph->nodes[n];
        for (size_t i = 0; live[n] && i < node->input_count; i++) {
            live[node->inputs[i]] = true;
        }
        if (live[n] && node->sidechain >= 0) {
            live[node->sidechain] = true;
        }
    }
}

static void find_depths(scheduler *self)
{
    const nb_graph *graph = self->schedule->graph;
    for (size_t n = 0; n < self->schedule->node_end; n++) {
        const nb_node *node = &graph->nodes[n];
        unsigned depth = 0;
        for (size_t i = 0; i < node->input_count; i++) {
            const unsigned below = self->depth[node->inputs[i]] + 1;
            depth = (below > depth) ? below : depth;
        }
        if (node->sidechain >= 0 && self->depth[node->sidechain] + 1 > depth) {
            depth = self->depth[node->sidechain] + 1;
        }
        self->depth[n] = depth;
        if (self->schedule->live[n] && depth > self->deepest) {
            self->deepest = depth;
        }
    }
}

static bool any_moving(const nb_settings *settings)
{
    const size_t count = nb_processor_controls(settings->processor, settings->band_count);
    for (size_t i = 0; settings->moving && i < count; i++) {
        if (settings->moving[i]) {
            return true;
        }
    }
    return false;
}

static bool equal_moving(const nb_settings *a, const nb_settings *b)
{
    const bool moving = any_moving(a);
    if (moving != any_moving(b)) {
        return false;
    }
    return !moving ||
           (a->band_count == b->band_count &&
            memcmp(a->moving, b->moving, nb_processor_controls(a->processor, a->band_count)) == 0);
}

/// May the two nodes run side by side? A call has one start for all its voices: hence equal
/// latency.
static bool goes_with(const nb_node *a, const nb_node *b)
{
    return a->kind == NB_NODE_PROCESSOR && b->kind == NB_NODE_PROCESSOR &&
           a->settings.processor == b->settings.processor &&
           a->settings.processor->form == NB_FORM_LANES && a->latency_frames == b->latency_frames &&
           equal_moving(&a->settings, &b->settings);
}

static nb_status add_unit(scheduler *self, const size_t *nodes, size_t count, nb_error *err)
{
    nb_schedule *schedule = self->schedule;
    size_t *kept = nb_arena_take(schedule->arena, count + 1, sizeof *kept);
    if (!kept) {
        return no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        kept[i] = nodes[i];
        self->unit_of[nodes[i]] = schedule->unit_count;
    }
    schedule->units[schedule->unit_count++] = (nb_unit){
        .depth = count ? self->depth[nodes[0]] : self->deepest + 1,
        .node_count = count,
        .nodes = kept,
    };
    return NB_OK;
}

/// Put the nodes of `family` that have `channels` channels into units, `lanes` channels a unit.
/// What is left over stays in `open` for the narrower ones.
static nb_status fill_units(scheduler *self, const size_t *family, size_t count, unsigned channels,
                            size_t lanes, size_t *open, size_t *open_count, size_t *used,
                            nb_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (self->schedule->graph->nodes[family[i]].channels != channels) {
            continue;
        }
        if (*used + channels > lanes && *open_count > 0) {
            nb_status status = add_unit(self, open, *open_count, err);
            if (status != NB_OK) {
                return status;
            }
            *open_count = 0;
            *used = 0;
        }
        open[(*open_count)++] = family[i];
        *used += channels;
    }
    return NB_OK;
}

/// All nodes that may run beside `first` (itself included): they get one advance, the largest, and
/// share units. Stereo goes first, so that each pair starts on an even lane without a gap.
static nb_status place_family(scheduler *self, size_t first, size_t lanes, size_t *family,
                              size_t *open, nb_error *err)
{
    nb_schedule *schedule = self->schedule;
    const nb_graph *graph = schedule->graph;
    size_t count = 0;
    int64_t most = 0;
    for (size_t n = first; n < schedule->node_end; n++) {
        if (n == first || (lanes > 0 && schedule->live[n] && self->unit_of[n] == SIZE_MAX &&
                           self->depth[n] == self->depth[first] &&
                           goes_with(&graph->nodes[first], &graph->nodes[n]))) {
            family[count++] = n;
            most = (schedule->advance[n] > most) ? schedule->advance[n] : most;
        }
    }
    for (size_t i = 0; i < count; i++) {
        schedule->advance[family[i]] = most;
    }
    size_t open_count = 0;
    size_t used = 0;
    nb_status status = fill_units(self, family, count, 2, lanes, open, &open_count, &used, err);
    if (status == NB_OK) {
        status = fill_units(self, family, count, 1, lanes, open, &open_count, &used, err);
    }
    if (status == NB_OK && open_count > 0) {
        status = add_unit(self, open, open_count, err);
    }
    return status;
}

static void ask_ahead(nb_schedule *self, size_t input, int64_t frames)
{
    if (self->advance[input] < frames) {
        self->advance[input] = frames;
    }
}

/// From the deepest nodes up: when a node's turn comes all its readers have their advance.
static nb_status place_nodes(scheduler *self, size_t lanes, nb_error *err)
{
    nb_schedule *schedule = self->schedule;
    const nb_graph *graph = schedule->graph;
    size_t *family = nb_arena_take(schedule->arena, graph->node_count, sizeof *family);
    size_t *open = nb_arena_take(schedule->arena, graph->node_count, sizeof *open);
    if (!family || !open) {
        return no_memory(err);
    }
    for (unsigned depth = self->deepest + 1; depth-- > 0;) {
        for (size_t n = 0; n < schedule->node_end; n++) {
            if (!schedule->live[n] || self->depth[n] != depth) {
                continue;
            }
            if (self->unit_of[n] == SIZE_MAX) {
                nb_status status = place_family(self, n, lanes, family, open, err);
                if (status != NB_OK) {
                    return status;
                }
            }
            const nb_node *node = &graph->nodes[n];
            const int64_t ahead = schedule->advance[n] + (int64_t)node->latency_frames;
            for (size_t i = 0; i < node->input_count; i++) {
                ask_ahead(schedule, node->inputs[i], ahead);
            }
            if (node->sidechain >= 0) {
                ask_ahead(schedule, (size_t)node->sidechain, ahead);
            }
        }
    }
    return NB_OK;
}

/// Turn the units round, so that sources come first and the writer last.
static nb_status order_units(scheduler *self, nb_error *err)
{
    nb_schedule *schedule = self->schedule;
    const size_t count = schedule->unit_count;
    for (size_t i = 0; i < count / 2; i++) {
        const nb_unit swapped = schedule->units[i];
        schedule->units[i] = schedule->units[count - 1 - i];
        schedule->units[count - 1 - i] = swapped;
    }
    for (size_t u = 0; u < count; u++) {
        for (size_t i = 0; i < schedule->units[u].node_count; i++) {
            self->unit_of[schedule->units[u].nodes[i]] = u;
        }
    }
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < schedule->output_count; i++) {
        status = add_unit(self, NULL, 0, err);
        schedule->units[schedule->unit_count - (status == NB_OK)].output = i;
    }
    return status;
}

/// A growing list of units, each once; there is room for all.
static void add_once(size_t *list, size_t *count, size_t *last_reader, size_t reader, size_t unit)
{
    if (last_reader[unit] != reader) {
        last_reader[unit] = reader;
        list[(*count)++] = unit;
    }
}

static nb_status link_producers(scheduler *self, size_t *last_reader, size_t *list, nb_error *err)
{
    nb_schedule *schedule = self->schedule;
    for (size_t u = 0; u < schedule->unit_count; u++) {
        nb_unit *unit = &schedule->units[u];
        size_t count = 0;
        for (size_t m = 0; m < unit->node_count; m++) {
            const nb_node *node = &schedule->graph->nodes[unit->nodes[m]];
            for (size_t i = 0; i < node->input_count; i++) {
                add_once(list, &count, last_reader, u, self->unit_of[node->inputs[i]]);
            }
            if (node->sidechain >= 0) {
                add_once(list, &count, last_reader, u, self->unit_of[node->sidechain]);
            }
        }
        if (unit->node_count == 0) {
            add_once(list, &count, last_reader, u, self->unit_of[schedule->outputs[unit->output]]);
        }
        size_t *producers = nb_arena_take(schedule->arena, count + 1, sizeof *producers);
        if (!producers) {
            return no_memory(err);
        }
        memcpy(producers, list, count * sizeof *list);
        unit->producers = producers;
        unit->producer_count = count;
        for (size_t i = 0; i < count; i++) {
            schedule->units[producers[i]].consumer_count++;
        }
    }
    return NB_OK;
}

static nb_status link_units(scheduler *self, nb_error *err)
{
    nb_schedule *schedule = self->schedule;
    const size_t count = schedule->unit_count;
    size_t *last_reader = nb_arena_take(schedule->arena, count, sizeof *last_reader);
    size_t *list = nb_arena_take(schedule->arena, count, sizeof *list);
    size_t **consumers = nb_arena_take(schedule->arena, count, sizeof *consumers);
    if (!last_reader || !list || !consumers) {
        return no_memory(err);
    }
    memset(last_reader, 0xFF, count * sizeof *last_reader);
    nb_status status = link_producers(self, last_reader, list, err);
    for (size_t u = 0; status == NB_OK && u < count; u++) {
        nb_unit *unit = &schedule->units[u];
        consumers[u] = nb_arena_take(schedule->arena, unit->consumer_count + 1, sizeof **consumers);
        status = consumers[u] ? NB_OK : no_memory(err);
        unit->consumers = consumers[u];
        unit->consumer_count = 0;
    }
    for (size_t u = 0; status == NB_OK && u < count; u++) {
        for (size_t i = 0; i < schedule->units[u].producer_count; i++) {
            const size_t producer = schedule->units[u].producers[i];
            consumers[producer][schedule->units[producer].consumer_count++] = u;
        }
    }
    return status;
}

static nb_status make_units(scheduler *self, nb_grouping grouping, nb_error *err)
{
    const size_t lanes = (grouping == NB_GROUPING_LANES) ? nb_lane_count() : 0;
    find_depths(self);
    nb_status status = place_nodes(self, lanes, err);
    if (status == NB_OK) {
        status = order_units(self, err);
    }
    return (status == NB_OK) ? link_units(self, err) : status;
}

nb_status nb_schedule_new(const nb_graph *graph, const size_t *outputs, size_t output_count,
                          nb_grouping grouping, nb_schedule **out_schedule, nb_error *err)
{
    *out_schedule = NULL;
    NB_SCOPED(nb_arena_destroy) nb_arena *arena = nb_arena_new();
    nb_schedule *self = nb_arena_take(arena, 1, sizeof *self);
    bool *live = nb_arena_take(arena, graph->node_count, sizeof *live);
    int64_t *advance = nb_arena_take(arena, graph->node_count, sizeof *advance);
    size_t *kept = nb_arena_take(arena, output_count, sizeof *kept);
    nb_unit *units = nb_arena_take(arena, graph->node_count + output_count, sizeof *units);
    scheduler draft = {
        .schedule = self,
        .depth = nb_arena_take(arena, graph->node_count, sizeof *draft.depth),
        .unit_of = nb_arena_take(arena, graph->node_count, sizeof *draft.unit_of),
    };
    if (!self || !live || !kept || !advance || !units || !draft.depth || !draft.unit_of) {
        return no_memory(err);
    }
    memset(draft.unit_of, 0xFF, graph->node_count * sizeof *draft.unit_of);
    *self = (nb_schedule){.arena = arena,
                          .graph = graph,
                          .output_count = output_count,
                          .outputs = kept,
                          .live = live,
                          .advance = advance,
                          .units = units};
    for (size_t i = 0; i < output_count; i++) {
        kept[i] = outputs[i];
        self->node_end = (outputs[i] >= self->node_end) ? outputs[i] + 1 : self->node_end;
    }
    for (size_t n = 0; n < self->node_end; n++) {
        nb_status status = check_node(graph, n, err);
        if (status != NB_OK) {
            return status;
        }
    }
    mark_live(graph, self, live);
    nb_status status = make_units(&draft, grouping, err);
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
