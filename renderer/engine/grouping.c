// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/grouping.h"

#include <stdlib.h>
#include <string.h>

static nb_status no_memory(nb_error *err)
{
    return nb_fail(err, NB_E_NO_MEMORY, "no memory to group the graph's nodes");
}

static const nb_node *node_at(const nb_grouping *self, size_t node)
{
    return &self->schedule->graph->nodes[node];
}

static bool in_lanes(const nb_node *node)
{
    return node->kind == NB_NODE_PROCESSOR && node->settings.processor->form == NB_FORM_LANES;
}

// ---- What goes beside what ----

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

/// Some order of the settings by which controls move; 0: by the same.
static int compare_moving(const nb_settings *a, const nb_settings *b)
{
    const bool moving = any_moving(a);
    if (moving != any_moving(b) || !moving) {
        return (int)moving - (int)any_moving(b);
    }
    if (a->band_count != b->band_count) {
        return (a->band_count < b->band_count) ? -1 : 1;
    }
    return memcmp(a->moving, b->moving, nb_processor_controls(a->processor, a->band_count));
}

/// 0: the two may run side by side. A call has one start for all its voices: hence equal latency.
static int compare_nodes(const nb_node *a, const nb_node *b)
{
    if (a->settings.processor != b->settings.processor) {
        const int order = strcmp(a->settings.processor->name, b->settings.processor->name);
        return order ? order : (a->settings.processor < b->settings.processor) ? -1 : 1;
    }
    if (a->latency_frames != b->latency_frames) {
        return (a->latency_frames < b->latency_frames) ? -1 : 1;
    }
    return compare_moving(&a->settings, &b->settings);
}

static bool goes_with(const nb_node *a, const nb_node *b)
{
    return in_lanes(a) && in_lanes(b) && a->settings.processor == b->settings.processor &&
           compare_nodes(a, b) == 0;
}

/// Order by what follows in the same lanes: equal chains stay together from stage to stage.
static int compare_followers(const nb_grouping *self, size_t a, size_t b)
{
    for (;;) {
        a = self->heir[a];
        b = self->heir[b];
        if (a == SIZE_MAX || b == SIZE_MAX) {
            return (int)(b == SIZE_MAX) - (int)(a == SIZE_MAX);
        }
        const int order = compare_nodes(node_at(self, a), node_at(self, b));
        if (order != 0) {
            return order;
        }
    }
}

static int compare_index(size_t a, size_t b) { return (a > b) - (a < b); }

/// Equal chains together, in each of them stereo first.
static int by_followers(const void *a, const void *b, void *grouping)
{
    const nb_grouping *self = grouping;
    const size_t left = *(const size_t *)a;
    const size_t right = *(const size_t *)b;
    const int order = compare_followers(self, left, right);
    const int channels = (int)node_at(self, right)->channels - (int)node_at(self, left)->channels;
    return order ? order : channels ? channels : compare_index(left, right);
}

/// Stereo first, so that each pair starts on an even lane without a gap.
static int by_channels(const void *a, const void *b, void *grouping)
{
    const nb_grouping *self = grouping;
    const size_t left = *(const size_t *)a;
    const size_t right = *(const size_t *)b;
    const int channels = (int)node_at(self, right)->channels - (int)node_at(self, left)->channels;
    return channels ? channels : by_followers(a, b, grouping);
}

/// The first reader that could take the node's lanes over as they are. A processor with a key has
/// an input from elsewhere and begins a chain of its own.
static void find_heirs(nb_grouping *self)
{
    const nb_schedule *schedule = self->schedule;
    for (size_t n = 0; n < schedule->node_end; n++) {
        self->heir[n] = SIZE_MAX;
        if (!schedule->live[n] || !in_lanes(node_at(self, n)) ||
            schedule->edges[n] == NB_EDGE_FACTOR) {
            continue;
        }
        for (size_t i = self->readers.first[n]; i < self->readers.first[n + 1]; i++) {
            const size_t reader = self->readers.list[i].node;
            if (reader != SIZE_MAX && !self->readers.list[i].is_key &&
                schedule->edges[reader] != NB_EDGE_FACTOR && in_lanes(node_at(self, reader)) &&
                node_at(self, reader)->sidechain < 0 &&
                node_at(self, reader)->channels == node_at(self, n)->channels) {
                self->heir[n] = reader;
                break;
            }
        }
    }
}

// ---- Units ----

static nb_unit *add_unit(nb_grouping *self, nb_unit_kind kind, const size_t *nodes, size_t count,
                         nb_error *err)
{
    nb_schedule *schedule = self->schedule;
    size_t *kept = nb_arena_take(schedule->arena, count + 1, sizeof *kept);
    if (!kept) {
        (void)no_memory(err);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        kept[i] = nodes[i];
        self->unit_of[nodes[i]] = schedule->unit_count;
    }
    nb_unit *unit = &schedule->units[schedule->unit_count++];
    *unit = (nb_unit){.kind = kind, .voice_count = count, .stage_count = 1, .nodes = kept};
    return unit;
}

static size_t channels_of(const nb_grouping *self, const size_t *nodes, size_t count)
{
    size_t channels = 0;
    for (size_t i = 0; i < count; i++) {
        channels += node_at(self, nodes[i])->channels;
    }
    return channels;
}

/// Lanes that a stage of this processor has for so many channels.
static size_t width_for(const nb_grouping *self, const nb_node *node, size_t channels)
{
    size_t width = nb_lane_count();
    if (self->schedule->choices & NB_SCHEDULE_NARROW) {
        (void)nb_processor_narrow(node->settings.processor, channels, &width);
    }
    return width;
}

static nb_status add_chain(nb_grouping *self, const size_t *nodes, size_t count, nb_error *err)
{
    nb_unit *unit = add_unit(self, NB_UNIT_CHAIN, nodes, count, err);
    if (unit && in_lanes(node_at(self, nodes[0]))) {
        unit->width = width_for(self, node_at(self, nodes[0]), channels_of(self, nodes, count));
    }
    return unit ? NB_OK : NB_E_NO_MEMORY;
}

static bool is_open(const nb_grouping *self, size_t node, unsigned depth)
{
    const nb_schedule *schedule = self->schedule;
    return schedule->live[node] && self->depth[node] == depth && self->unit_of[node] == SIZE_MAX &&
           schedule->edges[node] == NB_EDGE_NONE;
}

/// All open nodes of that depth that may run beside `first`, itself included.
static size_t find_family(const nb_grouping *self, size_t first, unsigned depth, size_t *family)
{
    const bool lanes = self->schedule->choices & NB_SCHEDULE_LANES;
    size_t count = 0;
    for (size_t n = 0; n < self->schedule->node_end; n++) {
        if (n == first || (lanes && is_open(self, n, depth) &&
                           goes_with(node_at(self, first), node_at(self, n)))) {
            family[count++] = n;
        }
    }
    return count;
}

static size_t units_for(size_t channels)
{
    return (channels + nb_lane_count() - 1) / nb_lane_count();
}

/// May these nodes have a unit of their own without making one more unit in all?
static bool wastes_no_lanes(const nb_grouping *self, const size_t *nodes, size_t count,
                            unsigned depth, size_t *family)
{
    const size_t all = channels_of(self, family, find_family(self, nodes[0], depth, family));
    const size_t own = channels_of(self, nodes, count);
    return all <= own || units_for(all - own) + 1 <= units_for(all);
}

/// The heirs of all voices of the unit's last stage, if they can follow it.
static bool find_next_stage(const nb_grouping *self, const nb_unit *unit, unsigned depth,
                            size_t *heirs)
{
    for (size_t v = 0; v < unit->voice_count; v++) {
        heirs[v] = self->heir[nb_unit_node(unit, unit->stage_count - 1, v)];
        if (heirs[v] == SIZE_MAX || !is_open(self, heirs[v], depth) ||
            !goes_with(node_at(self, heirs[0]), node_at(self, heirs[v]))) {
            return false;
        }
    }
    const size_t channels = channels_of(self, heirs, unit->voice_count);
    return width_for(self, node_at(self, heirs[0]), channels) == unit->width;
}

/// What follows a whole unit in its lanes becomes its next stage, unless these lanes would be
/// better filled with others: a stage costs the same for two channels as for eight, and passing
/// samples on in lanes saves less than that.
static nb_status extend_units(nb_grouping *self, unsigned depth, size_t *family, size_t *heirs,
                              nb_error *err)
{
    nb_schedule *schedule = self->schedule;
    for (size_t u = 0; u < schedule->unit_count; u++) {
        nb_unit *unit = &schedule->units[u];
        if (unit->kind != NB_UNIT_CHAIN || unit->width == 0 ||
            !find_next_stage(self, unit, depth, heirs) ||
            !wastes_no_lanes(self, heirs, unit->voice_count, depth, family)) {
            continue;
        }
        const size_t count = unit->stage_count * unit->voice_count;
        size_t *nodes = nb_arena_take(schedule->arena, count + unit->voice_count, sizeof *nodes);
        if (!nodes) {
            return no_memory(err);
        }
        memcpy(nodes, unit->nodes, count * sizeof *nodes);
        memcpy(nodes + count, heirs, unit->voice_count * sizeof *nodes);
        for (size_t v = 0; v < unit->voice_count; v++) {
            self->unit_of[heirs[v]] = u;
        }
        unit->nodes = nodes;
        unit->stage_count++;
    }
    return NB_OK;
}

/// Put nodes into units of `lanes` channels in their order. What is left over at the end goes back
/// to the front of `nodes`, its number to `left`; null: into a unit of its own.
static nb_status fill_units(nb_grouping *self, size_t *nodes, size_t count, size_t lanes,
                            size_t *left, nb_error *err)
{
    size_t start = 0;
    size_t used = 0;
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        const size_t channels = node_at(self, nodes[i])->channels;
        if (used + channels > lanes && i > start) {
            status = add_chain(self, nodes + start, i - start, err);
            start = i;
            used = 0;
        }
        used += channels;
    }
    if (status == NB_OK && start < count && (!left || used >= lanes)) {
        status = add_chain(self, nodes + start, count - start, err);
        start = count;
    }
    if (left) {
        memmove(nodes, nodes + start, (count - start) * sizeof *nodes);
        *left = count - start;
    }
    return status;
}

/// Equal chains fill as many whole units as they can; what is over of each goes side by side, so
/// there are no more units than without looking at chains.
static nb_status place_family(nb_grouping *self, size_t first, unsigned depth, size_t *family,
                              nb_error *err)
{
    const bool side_by_side = self->schedule->choices & NB_SCHEDULE_LANES;
    const size_t lanes = side_by_side ? nb_lane_count() : 0;
    const size_t count = find_family(self, first, depth, family);
    qsort_r(family, count, sizeof *family, by_followers, self);
    size_t over = 0;
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < count;) {
        size_t end = i + 1;
        while (end < count && compare_followers(self, family[i], family[end]) == 0) {
            end++;
        }
        size_t left = 0;
        status = fill_units(self, family + i, end - i, lanes, &left, err);
        memmove(family + over, family + i, left * sizeof *family);
        over += left;
        i = end;
    }
    qsort_r(family, over, sizeof *family, by_channels, self);
    return (status == NB_OK) ? fill_units(self, family, over, lanes, NULL, err) : status;
}

/// Sums of that depth that share an input with `first` or with one that does.
static nb_status place_sums(nb_grouping *self, size_t first, unsigned depth, size_t *sums,
                            nb_error *err)
{
    const nb_schedule *schedule = self->schedule;
    size_t count = 0;
    bool *read = nb_arena_take(schedule->arena, schedule->node_end, sizeof *read);
    if (!read) {
        return no_memory(err);
    }
    for (size_t n = first; n < schedule->node_end && count < NB_SUMS_IN_A_UNIT; n++) {
        const nb_node *node = node_at(self, n);
        bool shares = n == first;
        if (node->kind != NB_NODE_SUM || !is_open(self, n, depth)) {
            continue;
        }
        for (size_t i = 0;
             !shares && (schedule->choices & NB_SCHEDULE_FACTORS) && i < node->input_count; i++) {
            shares = read[nb_schedule_source(schedule, node->inputs[i])];
        }
        for (size_t i = 0; shares && i < node->input_count; i++) {
            read[nb_schedule_source(schedule, node->inputs[i])] = true;
        }
        sums[count] = n;
        count += shares;
    }
    return add_unit(self, NB_UNIT_SUMS, sums, count, err) ? NB_OK : NB_E_NO_MEMORY;
}

static nb_status place_node(nb_grouping *self, size_t node, unsigned depth, size_t *spare,
                            nb_error *err)
{
    switch (node_at(self, node)->kind) {
    case NB_NODE_CLIPS:
        return add_unit(self, NB_UNIT_CLIPS, &node, 1, err) ? NB_OK : NB_E_NO_MEMORY;
    case NB_NODE_PART:
    case NB_NODE_JOIN:
        return add_unit(self, NB_UNIT_PART, &node, 1, err) ? NB_OK : NB_E_NO_MEMORY;
    case NB_NODE_SUM:
        return place_sums(self, node, depth, spare, err);
    case NB_NODE_PROCESSOR:
    default:
        return in_lanes(node_at(self, node)) ? place_family(self, node, depth, spare, err)
                                             : add_chain(self, &node, 1, err);
    }
}

nb_status nb_grouping_make_units(nb_grouping *self, nb_error *err)
{
    nb_schedule *schedule = self->schedule;
    size_t *spare = nb_arena_take(schedule->arena, schedule->node_end, sizeof *spare);
    size_t *heirs = nb_arena_take(schedule->arena, schedule->node_end, sizeof *heirs);
    if (!spare || !heirs) {
        return no_memory(err);
    }
    find_heirs(self);
    nb_status status = NB_OK;
    for (unsigned depth = 0; status == NB_OK && depth <= self->deepest; depth++) {
        if (schedule->choices & NB_SCHEDULE_STAGES) {
            status = extend_units(self, depth, spare, heirs, err);
        }
        for (size_t n = 0; status == NB_OK && n < schedule->node_end; n++) {
            if (is_open(self, n, depth)) {
                status = place_node(self, n, depth, spare, err);
            }
        }
    }
    for (size_t i = 0; status == NB_OK && i < 2 * schedule->output_count; i++) {
        nb_unit *unit = add_unit(self, (i % 2 == 0) ? NB_UNIT_WRITER : NB_UNIT_METER, NULL, 0, err);
        status = unit ? NB_OK : NB_E_NO_MEMORY;
        if (unit) {
            unit->output = i / 2;
        }
    }
    return status;
}
