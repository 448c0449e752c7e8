// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/sums.h"

#include <string.h>

enum {
    WIDE_BYTES = 64 << 10, ///< The stretches of a tile stay in L1 or near it
    TILE_FRAMES_MIN = 64,
    SOURCES_AT_ONCE = 4, ///< Each sum is gone through once for so many
    LINE_FLOATS = 16,
    NOWHERE = -1
};

/// Where samples come from in a step.
typedef struct term {
    size_t source; ///< The kept edge where all this comes from
    unsigned channel;
    int from;      ///< Register, or NOWHERE: from the edge itself
    double factor; ///< 1 where there is none
} term;

/// One pass over a tile: a register becomes its term, or a sum gets its terms added in their order.
/// Terms of a step are all edges or all registers, all with a factor or all without.
struct nb_sum_step {
    size_t to;
    size_t term_count;
    term terms[NB_EDGE_TERMS];
    int64_t end_frame; ///< Of all that goes into the sums in this turn
};

// ---- The order in which edges are gone through ----

/// Where the sums stand in their lists while steps are found.
typedef struct order {
    const nb_schedule *schedule;
    const nb_unit *unit;
    size_t *next; ///< By sum: the first input that is not added yet
    size_t *last; ///< By sum and source: one past the place of its last input from there, or 0
} order;

static const nb_node *sum_at(const order *self, size_t sum)
{
    return &self->schedule->graph->nodes[self->unit->nodes[sum]];
}

/// Where the sum's next input comes from; SIZE_MAX: it is done.
static size_t next_source(const order *self, size_t sum)
{
    const nb_node *node = sum_at(self, sum);
    const size_t at = self->next[sum];
    return at < node->input_count ? nb_schedule_source(self->schedule, node->inputs[at]) : SIZE_MAX;
}

/// Does a sum that is not there yet still want this source?
static bool is_wanted_later(const order *self, size_t source)
{
    for (size_t sum = 0; sum < self->unit->voice_count; sum++) {
        if (next_source(self, sum) != source &&
            self->last[sum * self->schedule->node_end + source] > self->next[sum]) {
            return true;
        }
    }
    return false;
}

/// The source to go through next; SIZE_MAX: all sums are done. Lists whose orders agree, as those
/// by ids do, give each source once.
static size_t choose_source(const order *self)
{
    size_t any = SIZE_MAX;
    for (size_t sum = 0; sum < self->unit->voice_count; sum++) {
        const size_t source = next_source(self, sum);
        if (source != SIZE_MAX && !is_wanted_later(self, source)) {
            return source;
        }
        any = (any == SIZE_MAX) ? source : any;
    }
    return any;
}

// ---- The steps of a few sources ----

/// One input's way from the source: the gains that are no 1, nearest the source first.
typedef struct way {
    size_t to;
    term last; ///< What is added in the end
    size_t gain_count;
    struct {
        size_t place; ///< Node and channel
        double factor;
    } gains[NB_FACTORS_MAX];
} way;

typedef struct builder {
    nb_sums *sums;
    order order;
    size_t *uses;   ///< By node and channel: ways that go through it
    int *registers; ///< By node and channel: where it stands in this turn
    way *ways;      ///< Of this turn
    size_t way_count;
    int64_t end_frame;
} builder;

static void find_way(const nb_schedule *schedule, size_t input, unsigned channel, way *out)
{
    const nb_node *nodes = schedule->graph->nodes;
    size_t gains[NB_FACTORS_MAX] = {0};
    size_t count = 0;
    for (size_t n = input; schedule->edges[n] == NB_EDGE_FACTOR; n = nodes[n].inputs[0]) {
        gains[count++] = n;
    }
    out->gain_count = 0;
    for (size_t i = count; i > 0; i--) {
        const size_t gain = gains[i - 1];
        const unsigned own = (channel < nodes[gain].channels) ? channel : 0;
        const double factor = schedule->factors[gain][own];
        if (factor != 1.0) {
            out->gains[out->gain_count].place = 2 * gain + own;
            out->gains[out->gain_count++].factor = factor;
        }
    }
}

/// Take all inputs of that channel that come from `source` now.
static void take_inputs(builder *self, size_t source, unsigned channel)
{
    const order *at = &self->order;
    const nb_node *read = &at->schedule->graph->nodes[source];
    for (size_t sum = 0; sum < at->unit->voice_count; sum++) {
        const nb_node *node = sum_at(at, sum);
        for (size_t i = at->next[sum]; channel < node->channels && i < node->input_count &&
                                       nb_schedule_source(at->schedule, node->inputs[i]) == source;
             i++) {
            way *added = &self->ways[self->way_count++];
            find_way(at->schedule, node->inputs[i], channel, added);
            added->to = 2 * sum + channel;
            added->last = (term){source, (channel < read->channels) ? channel : 0, NOWHERE, 1.0};
            for (size_t g = 0; g < added->gain_count; g++) {
                self->uses[added->gains[g].place]++;
            }
        }
    }
}

static void take_source(builder *self, size_t source)
{
    const int64_t end_frame = self->order.schedule->graph->nodes[source].end_frame;
    self->end_frame = (end_frame > self->end_frame) ? end_frame : self->end_frame;
    take_inputs(self, source, 0);
    take_inputs(self, source, 1);
    for (size_t sum = 0; sum < self->order.unit->voice_count; sum++) {
        while (next_source(&self->order, sum) == source) {
            self->order.next[sum]++;
        }
    }
}

static nb_sum_step *add_step(builder *self, size_t to)
{
    nb_sum_step *step = &self->sums->steps[self->sums->step_count++];
    *step = (nb_sum_step){.to = to, .end_frame = self->end_frame};
    return step;
}

/// A gain that several ways go through is made once and kept; the last gain of a way on its own is
/// made while it is added.
static void add_gains(builder *self, way *it)
{
    for (size_t g = 0; g < it->gain_count; g++) {
        const size_t place = it->gains[g].place;
        it->last.factor = it->gains[g].factor;
        if (g + 1 == it->gain_count && self->uses[place] == 1) {
            return;
        }
        if (self->registers[place] == NOWHERE) {
            self->registers[place] = (int)self->sums->register_count++;
            nb_sum_step *step = add_step(self, (size_t)self->registers[place]);
            step->terms[step->term_count++] = it->last;
        }
        it->last.from = self->registers[place];
        it->last.factor = 1.0;
    }
}

static bool same_kind(const term *a, const term *b)
{
    return (a->from == NOWHERE) == (b->from == NOWHERE) && (a->factor == 1.0) == (b->factor == 1.0);
}

static void add_terms(builder *self, size_t to)
{
    nb_sum_step *step = NULL;
    for (size_t w = 0; w < self->way_count; w++) {
        const way *it = &self->ways[w];
        if (it->to != to) {
            continue;
        }
        if (!step || step->term_count == NB_EDGE_TERMS || !same_kind(&step->terms[0], &it->last)) {
            step = add_step(self, to);
        }
        step->terms[step->term_count++] = it->last;
    }
}

static void forget_ways(builder *self)
{
    for (size_t w = 0; w < self->way_count; w++) {
        for (size_t g = 0; g < self->ways[w].gain_count; g++) {
            self->uses[self->ways[w].gains[g].place] = 0;
            self->registers[self->ways[w].gains[g].place] = NOWHERE;
        }
    }
    self->way_count = 0;
    self->end_frame = 0;
}

/// Go through a few sources; false: there were none.
static bool add_turn(builder *self, size_t *most_registers)
{
    const size_t sums = 2 * self->order.unit->voice_count;
    size_t sources = 0;
    for (; sources < SOURCES_AT_ONCE; sources++) {
        const size_t source = choose_source(&self->order);
        if (source == SIZE_MAX) {
            break;
        }
        take_source(self, source);
    }
    self->sums->register_count = sums;
    for (size_t w = 0; w < self->way_count; w++) {
        add_gains(self, &self->ways[w]);
    }
    for (size_t to = 0; to < sums; to++) {
        add_terms(self, to);
    }
    forget_ways(self);
    if (self->sums->register_count > *most_registers) {
        *most_registers = self->sums->register_count;
    }
    return sources > 0;
}

static nb_status builder_init(builder *self, nb_sums *sums, nb_arena *spare, nb_arena *arena)
{
    const nb_schedule *schedule = sums->edges->schedule;
    const nb_unit *unit = sums->unit;
    size_t inputs = 0;
    *self = (builder){
        .sums = sums,
        .order = {.schedule = schedule,
                  .unit = unit,
                  .next = nb_arena_take(spare, unit->voice_count, sizeof(size_t)),
                  .last =
                      nb_arena_take(spare, unit->voice_count * schedule->node_end, sizeof(size_t))},
        .uses = nb_arena_take(spare, 2 * schedule->node_end, sizeof *self->uses),
        .registers = nb_arena_take(spare, 2 * schedule->node_end, sizeof *self->registers),
    };
    for (size_t sum = 0; self->order.last && sum < unit->voice_count; sum++) {
        const nb_node *node = sum_at(&self->order, sum);
        inputs += node->input_count;
        for (size_t i = 0; i < node->input_count; i++) {
            const size_t source = nb_schedule_source(schedule, node->inputs[i]);
            self->order.last[sum * schedule->node_end + source] = i + 1;
        }
    }
    self->ways = nb_arena_take(spare, 2 * inputs + 1, sizeof *self->ways);
    // In two channels each input has at most a step for each of its gains, and one that adds.
    sums->steps = nb_arena_take(arena, 2 * inputs * (NB_FACTORS_MAX + 1) + 1, sizeof *sums->steps);
    const bool whole = self->order.next && self->order.last && self->uses && self->registers &&
                       self->ways && sums->steps;
    if (whole) {
        memset(self->registers, 0xFF, 2 * schedule->node_end * sizeof *self->registers);
    }
    return whole ? NB_OK : NB_E_NO_MEMORY;
}

nb_status nb_sums_init(nb_sums *self, nb_arena *arena, const nb_unit *unit, nb_edges *edges,
                       nb_error *err)
{
    NB_SCOPED(nb_arena_destroy) nb_arena *spare = nb_arena_new();
    builder build;
    *self = (nb_sums){.unit = unit, .edges = edges, .register_count = 2 * unit->voice_count};
    if (builder_init(&build, self, spare, arena) != NB_OK) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to add edges");
    }
    size_t most_registers = self->register_count;
    while (add_turn(&build, &most_registers)) {
    }
    self->register_count = most_registers;
    const size_t fits = WIDE_BYTES / sizeof(double) / self->register_count / 8 * 8;
    self->tile_frames = (fits < TILE_FRAMES_MIN)     ? TILE_FRAMES_MIN
                        : (fits > NB_SCRATCH_FRAMES) ? NB_SCRATCH_FRAMES
                                                     : fits;
    return NB_OK;
}

void nb_sums_need(const nb_sums *self, nb_scratch_needs *needs)
{
    const size_t wide = self->register_count * self->tile_frames;
    needs->wide = (wide > needs->wide) ? wide : needs->wide;
}

// ---- Running them ----

/// A tile takes a short piece of each edge, too short for a CPU to fetch ahead by itself: so it is
/// told of the next tile's.
static void fetch_ahead(const nb_ring *ring, unsigned channel, int64_t first, size_t frames)
{
    size_t count;
    const size_t at = nb_ring_stretch(ring, first, frames, &count);
    for (size_t i = 0; i < count; i += LINE_FLOATS) {
        __builtin_prefetch(ring->samples[channel] + at + i, 0, 2);
    }
}

static void run_edge_step(const nb_sums *self, nb_scratch *scratch, const nb_sum_step *step,
                          int64_t first, size_t frames)
{
    const nb_edge_kernel *kernel = self->edges->kernel;
    double *to = scratch->wide + step->to * self->tile_frames;
    const float *in[NB_EDGE_TERMS] = {NULL};
    double factors[NB_EDGE_TERMS] = {0};
    for (size_t i = 0; i < step->term_count; i++) {
        const term *it = &step->terms[i];
        in[i] =
            nb_edges_view(self->edges, it->source, it->channel, first, frames, scratch->planes[i]);
        factors[i] = it->factor;
        fetch_ahead(&self->edges->rings[it->source], it->channel, first + (int64_t)frames, frames);
    }
    if (step->to >= 2 * self->unit->voice_count) {
        kernel->scale_wide(in[0], factors[0], to, frames);
    } else {
        kernel->add(in, factors[0] == 1.0 ? NULL : factors, step->term_count, to, frames);
    }
}

static void run_wide_step(const nb_sums *self, nb_scratch *scratch, const nb_sum_step *step,
                          size_t frames)
{
    const nb_edge_kernel *kernel = self->edges->kernel;
    double *to = scratch->wide + step->to * self->tile_frames;
    const double *in[NB_EDGE_TERMS] = {NULL};
    double factors[NB_EDGE_TERMS] = {0};
    for (size_t i = 0; i < step->term_count; i++) {
        in[i] = scratch->wide + (size_t)step->terms[i].from * self->tile_frames;
        factors[i] = step->terms[i].factor;
    }
    if (step->to >= 2 * self->unit->voice_count) {
        kernel->rescale_wide(in[0], factors[0], to, frames);
    } else {
        kernel->add_wide(in, factors[0] == 1.0 ? NULL : factors, step->term_count, to, frames);
    }
}

/// The sum is not finite: was it one of the gains that no edge shows?
static nb_status blame_gain(const nb_sums *self, nb_scratch *scratch, size_t sum, int64_t first,
                            size_t frames, nb_error *err)
{
    const nb_schedule *schedule = self->edges->schedule;
    const nb_node *nodes = schedule->graph->nodes;
    const nb_node *node = &nodes[self->unit->nodes[sum]];
    for (size_t i = 0; i < node->input_count; i++) {
        size_t found = SIZE_MAX;
        for (size_t n = node->inputs[i]; schedule->edges[n] == NB_EDGE_FACTOR;
             n = nodes[n].inputs[0]) {
            for (unsigned c = 0; c < nodes[n].channels; c++) {
                const float *made =
                    nb_edges_view(self->edges, n, c, first, frames, scratch->planes[0]);
                found = self->edges->kernel->all_finite(made, frames) ? found : n;
            }
        }
        for (unsigned c = 0; found != SIZE_MAX && c < nodes[found].channels; c++) {
            const float *made =
                nb_edges_view(self->edges, found, c, first, frames, scratch->planes[0]);
            nb_status status = nb_edges_refuse(self->edges, found, first, made, 1, frames, err);
            if (status != NB_OK) {
                return status;
            }
        }
    }
    return NB_E_INVALID; // the sum itself, as it was said
}

static nb_status run_tile(const nb_sums *self, nb_scratch *scratch, int64_t first, size_t frames,
                          nb_error *err)
{
    const nb_unit *unit = self->unit;
    memset(scratch->wide, 0, 2 * unit->voice_count * self->tile_frames * sizeof(double));
    for (size_t i = 0; i < self->step_count; i++) {
        const nb_sum_step *step = &self->steps[i];
        if (first >= step->end_frame) {
            continue; // zeros, which change no sum
        }
        if (step->terms[0].from == NOWHERE) {
            run_edge_step(self, scratch, step, first, frames);
        } else {
            run_wide_step(self, scratch, step, frames);
        }
    }
    nb_tally_nodes(&scratch->tally, unit->nodes, unit->voice_count);
    for (size_t i = 0; i < 2 * unit->voice_count; i++) {
        const size_t node = unit->nodes[i / 2];
        const unsigned channel = i % 2;
        if (channel >= self->edges->graph->nodes[node].channels) {
            continue;
        }
        float *made = nb_edges_place(self->edges, node, channel, first, frames, scratch->planes[0]);
        self->edges->kernel->round(scratch->wide + i * self->tile_frames, made, frames);
        nb_status status = nb_edges_put(self->edges, node, channel, first, made, frames, err);
        if (status != NB_OK) {
            return blame_gain(self, scratch, i / 2, first, frames, err);
        }
    }
    nb_tally_work(&scratch->tally, NB_PROFILE_EDGES);
    return NB_OK;
}

nb_status nb_sums_run(const nb_sums *self, nb_scratch *scratch, int64_t first, int64_t end,
                      nb_error *err)
{
    nb_status status = NB_OK;
    for (int64_t at = first; status == NB_OK && at < end;) {
        const int64_t left = end - at;
        const size_t frames =
            (left < (int64_t)self->tile_frames) ? (size_t)left : self->tile_frames;
        status = run_tile(self, scratch, at, frames, err);
        at += (int64_t)frames;
    }
    return status;
}
