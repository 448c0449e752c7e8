// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double write_ns = 10.0;  // of a stereo frame that is kept
static const double read_ns = 5.0;    // and of one that is gone on from
static const double send_ns = 8.75;   // of a byte over gigabit, one way
static const double sample_bytes = 4; // of a frame of one channel
enum { WITH_SONG = -1, NO_GROUP = -1, SEVERAL = -2 };

/// Edges that are made together, as one feeds the other.
typedef struct group {
    double ns;         ///< For a frame of the song
    double file_bytes; ///< Behind it
    double up_bytes;   ///< Of its edges
    double back_bytes; ///< Of those that the song goes on from
    int task;
} group;

typedef struct splitting {
    const nb_split_song *song;
    const nb_split_farm *farm;
    size_t group_count;
    group *groups;
    int *group_of; ///< By edge
    bool *inner;   ///< By edge: another one of its group goes on from it
    bool *seen;    ///< By node, of the last walk
    bool *marks;   ///< By node: kept once the tasks are over
    bool *read;    ///< By asset, of the last walk
    double *loads; ///< By task
    double longest_ns;
} splitting;

void nb_split_fini(nb_split *self)
{
    free(self->task_of);
    *self = (nb_split){0};
}

static void splitting_fini(splitting *self)
{
    free(self->groups);
    free(self->group_of);
    free(self->inner);
    free(self->seen);
    free(self->marks);
    free(self->read);
    free(self->loads);
}

static nb_status take_room(splitting *self, nb_split *out, nb_error *err)
{
    const size_t nodes = self->song->graph->node_count + 1;
    const size_t edges = self->song->edge_count + 1;
    self->groups = calloc(edges, sizeof *self->groups);
    self->group_of = calloc(edges, sizeof *self->group_of);
    self->inner = calloc(edges, sizeof *self->inner);
    self->seen = calloc(nodes, sizeof *self->seen);
    self->marks = calloc(nodes, sizeof *self->marks);
    self->read = calloc(self->song->graph->asset_count + 1, sizeof *self->read);
    self->loads = calloc(NB_SPLIT_TASKS_MAX, sizeof *self->loads);
    out->task_of = calloc(edges, sizeof *out->task_of);
    return self->groups && self->group_of && self->inner && self->seen && self->marks &&
                   self->read && self->loads && out->task_of
               ? NB_OK
               : nb_fail(err, NB_E_NO_MEMORY, "no memory to split a song");
}

static double cost_of(const splitting *self, size_t node)
{
    const nb_split_song *song = self->song;
    return song->kept[node] ? read_ns
                            : nb_node_cost_ns(&song->graph->nodes[node], song->cost, song->costs);
}

static double channels_of(const nb_node *node) { return node->channels > 0 ? node->channels : 2; }

// ---- Groups ----

/// The group of all edges before `index` that feed it; NO_GROUP, or SEVERAL.
static nb_status find_group(splitting *self, size_t index, int *out, nb_error *err)
{
    const nb_split_song *song = self->song;
    const nb_status status =
        nb_graph_reach_from(song->graph, &song->edges[index], 1, song->kept, self->seen, err);
    *out = NO_GROUP;
    for (size_t i = 0; status == NB_OK && i < index && *out != SEVERAL; i++) {
        if (self->seen[song->edges[i]] && self->group_of[i] != *out) {
            *out = (*out == NO_GROUP && self->group_of[i] >= 0) ? self->group_of[i] : SEVERAL;
        }
    }
    return status;
}

static nb_status make_groups(splitting *self, nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < self->song->edge_count; i++) {
        int found = NO_GROUP;
        status = find_group(self, i, &found, err);
        self->group_of[i] = (found == NO_GROUP) ? (int)self->group_count++ : found;
        for (size_t j = 0; found >= 0 && j < i; j++) {
            self->inner[j] = self->inner[j] || self->seen[self->song->edges[j]];
        }
    }
    return status;
}

/// Bytes of the files that the seen nodes read, each once.
static double bytes_behind(splitting *self)
{
    const nb_graph *graph = self->song->graph;
    double bytes = 0.0;
    nb_graph_files_of(graph, self->seen, self->read);
    for (size_t a = 0; a < graph->asset_count; a++) {
        const char *path = graph->assets[a].path;
        bytes += self->read[a] ? (double)self->song->size_of(self->song->sizes, path) : 0.0;
    }
    return bytes;
}

/// Its edges as nodes, and what they take to keep and to send.
static size_t list_group(const splitting *self, int index, size_t *out_nodes, group *it)
{
    const nb_split_song *song = self->song;
    size_t count = 0;
    for (size_t i = 0; i < song->edge_count; i++) {
        if (self->group_of[i] != index) {
            continue;
        }
        const double channels = channels_of(&song->graph->nodes[song->edges[i]]);
        const double bytes = channels * sample_bytes * (double)song->frames;
        out_nodes[count++] = song->edges[i];
        it->ns += write_ns * channels / 2.0;
        it->up_bytes += self->farm->shares_store ? 0.0 : bytes;
        it->back_bytes += (self->farm->shares_store || self->inner[i]) ? 0.0 : bytes;
    }
    return count;
}

static nb_status weigh_group(splitting *self, int index, nb_error *err)
{
    const nb_split_song *song = self->song;
    group *it = &self->groups[index];
    size_t *nodes = calloc(song->edge_count + 1, sizeof *nodes);
    if (!nodes) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to split a song");
    }
    const size_t count = list_group(self, index, nodes, it);
    nb_status status = nb_graph_reach_from(song->graph, nodes, count, song->kept, self->seen, err);
    for (size_t n = 0; status == NB_OK && n < song->graph->node_count; n++) {
        it->ns += self->seen[n] ? cost_of(self, n) : 0.0;
    }
    // A renderer needs the headers of all files behind an edge, those behind kept ones too.
    if (status == NB_OK && !self->farm->shares_store) {
        status = nb_graph_reach_from(song->graph, nodes, count, NULL, self->seen, err);
        it->file_bytes = bytes_behind(self);
    }
    free(nodes);
    return status;
}

/// What is cheaper made again than sent there and back is made with the song. That its edges go to
/// the store costs the same either way.
static bool is_worth_it(const splitting *self, const group *it)
{
    const double frames = (double)self->song->frames;
    return it->ns * frames >
           send_ns * (it->file_bytes + it->back_bytes) + (write_ns + read_ns) * frames;
}

/// The node that takes longest of what is made where `kept` is there: one node's frames come one
/// after the other.
static nb_status find_longest(splitting *self, const bool *kept, double *out_ns, nb_error *err)
{
    const nb_split_song *song = self->song;
    const nb_status status =
        nb_graph_reach(song->graph, song->sinks, song->sink_count, kept, self->seen, err);
    *out_ns = 0.0;
    for (size_t n = 0; status == NB_OK && n < song->graph->node_count; n++) {
        *out_ns = (self->seen[n] && !kept[n]) ? fmax(*out_ns, cost_of(self, n)) : *out_ns;
    }
    return status;
}

// ---- Tasks ----

/// Longest first, each to the task that has least. The largest load comes out.
static double share_out(splitting *self, size_t task_count)
{
    memset(self->loads, 0, NB_SPLIT_TASKS_MAX * sizeof *self->loads);
    for (size_t g = 0; g < self->group_count; g++) {
        self->groups[g].task = WITH_SONG;
    }
    for (;;) {
        group *next = NULL;
        size_t least = 0;
        for (size_t g = 0; g < self->group_count; g++) {
            group *it = &self->groups[g];
            if (it->task == WITH_SONG && is_worth_it(self, it) && (!next || it->ns > next->ns)) {
                next = it;
            }
        }
        for (size_t t = 1; t < task_count; t++) {
            least = (self->loads[t] < self->loads[least]) ? t : least;
        }
        if (!next) {
            break;
        }
        next->task = (int)least;
        self->loads[least] += next->ns;
    }
    double most = 0.0;
    for (size_t t = 0; t < task_count; t++) {
        most = fmax(most, self->loads[t]);
    }
    return most;
}

static double milliseconds(const splitting *self, double ns, double longest_ns)
{
    const double threads = self->farm->threads > 0 ? self->farm->threads : 1.0;
    return fmax(ns / threads, fmin(ns, longest_ns)) * (double)self->song->frames / 1e6;
}

/// The slowest task's files and edges, and then the edges that the song goes on from.
static double sending_ms(const splitting *self, size_t task_count)
{
    double most = 0.0;
    double back = 0.0;
    for (size_t t = 0; t < task_count; t++) {
        double bytes = 0.0;
        for (size_t g = 0; g < self->group_count; g++) {
            const group *it = &self->groups[g];
            bytes += (it->task == (int)t) ? it->file_bytes + it->up_bytes : 0.0;
        }
        most = fmax(most, bytes);
    }
    for (size_t g = 0; g < self->group_count; g++) {
        const group *it = &self->groups[g];
        back += (it->task == WITH_SONG) ? it->up_bytes : it->back_bytes;
    }
    return send_ns * (most + back) / 1e6;
}

/// Writing the edges that are made with the song.
static double keeping_ns(const splitting *self)
{
    const nb_split_song *song = self->song;
    double ns = 0.0;
    for (size_t i = 0; i < song->edge_count; i++) {
        const int index = self->group_of[i];
        if (index < 0 || self->groups[index].task == WITH_SONG) {
            ns += write_ns * channels_of(&song->graph->nodes[song->edges[i]]) / 2.0;
        }
    }
    return ns;
}

/// What is left to make once the tasks are over.
static nb_status rest_ms(splitting *self, double *out, nb_error *err)
{
    double ns = 0.0;
    double longest_ns = 0.0;
    const nb_split_song *song = self->song;
    memcpy(self->marks, song->kept, song->graph->node_count * sizeof *self->marks);
    for (size_t i = 0; i < song->edge_count; i++) {
        const int index = self->group_of[i];
        if (index >= 0 && self->groups[index].task != WITH_SONG) {
            self->marks[song->edges[i]] = true;
        }
    }
    nb_status status = nb_graph_cost_ns(song->graph, song->sinks, song->sink_count, self->marks,
                                        song->cost, song->costs, &ns, err);
    if (status == NB_OK) {
        status = find_longest(self, self->marks, &longest_ns, err);
    }
    *out = milliseconds(self, ns + keeping_ns(self), longest_ns);
    return status;
}

static nb_status try_tasks(splitting *self, size_t task_count, double *out_ms, nb_error *err)
{
    double rest = 0.0;
    const double most = share_out(self, task_count);
    const nb_status status = rest_ms(self, &rest, err);
    *out_ms = milliseconds(self, most, self->longest_ns) + rest + sending_ms(self, task_count) +
              NB_SPLIT_STAGE_MS;
    return status;
}

static bool pays(const nb_split *split)
{
    const double gain_ms = split->whole_ms - split->split_ms;
    return gain_ms >= NB_SPLIT_GAIN_MS &&
           gain_ms * 100.0 >= NB_SPLIT_GAIN_PERCENT * split->whole_ms;
}

static size_t count_worth_it(const splitting *self)
{
    size_t count = 0;
    for (size_t g = 0; g < self->group_count; g++) {
        count += is_worth_it(self, &self->groups[g]) ? 1 : 0;
    }
    return count;
}

/// The number of tasks with which the song is done first.
static nb_status choose(splitting *self, nb_split *out, nb_error *err)
{
    const size_t worth = count_worth_it(self);
    size_t most = (worth < self->farm->nodes) ? worth : self->farm->nodes;
    most = (most < NB_SPLIT_TASKS_MAX) ? most : NB_SPLIT_TASKS_MAX;
    nb_status status = NB_OK;
    size_t best = 0;
    for (size_t count = 2; status == NB_OK && count <= most; count++) {
        double ms = 0.0;
        status = try_tasks(self, count, &ms, err);
        if (best == 0 || ms < out->split_ms) {
            best = count;
            out->split_ms = ms;
        }
    }
    if (status != NB_OK || best == 0 || !pays(out)) {
        out->split_ms = out->whole_ms;
        return status;
    }
    out->task_count = best;
    (void)share_out(self, best);
    memcpy(out->task_ns, self->loads, sizeof out->task_ns);
    for (size_t i = 0; i < self->song->edge_count; i++) {
        const int index = self->group_of[i];
        out->task_of[i] = (index >= 0) ? self->groups[index].task : WITH_SONG;
    }
    return NB_OK;
}

nb_status nb_split_find(const nb_split_song *song, const nb_split_farm *farm, nb_split *out,
                        nb_error *err)
{
    NB_SCOPED(splitting_fini) splitting self = {.song = song, .farm = farm};
    double whole_ns = 0.0;
    nb_status status = take_room(&self, out, err);
    for (size_t i = 0; status == NB_OK && i < song->edge_count; i++) {
        out->task_of[i] = WITH_SONG;
    }
    if (status == NB_OK) {
        status = nb_graph_cost_ns(song->graph, song->sinks, song->sink_count, song->kept,
                                  song->cost, song->costs, &whole_ns, err);
    }
    if (status == NB_OK) {
        status = find_longest(&self, song->kept, &self.longest_ns, err);
    }
    for (size_t i = 0; status == NB_OK && i < song->edge_count; i++) {
        self.group_of[i] = NO_GROUP;
    }
    if (status == NB_OK) {
        out->whole_ms = milliseconds(&self, whole_ns + keeping_ns(&self), self.longest_ns);
    }
    out->split_ms = out->whole_ms;
    if (status != NB_OK || farm->nodes < 2 || song->edge_count < 2) {
        return status;
    }
    status = make_groups(&self, err);
    for (size_t g = 0; status == NB_OK && g < self.group_count; g++) {
        status = weigh_group(&self, (int)g, err);
        out->whole_ms += send_ns * self.groups[g].up_bytes / 1e6;
    }
    out->split_ms = out->whole_ms;
    return (status == NB_OK) ? choose(&self, out, err) : status;
}
