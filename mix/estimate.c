// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/estimate.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/// What a task counts for when the next one of its node has ended: a node's pace changes slowly,
/// and single tasks are a quarter off.
static const double older_share = 0.9;
/// Before so much of a task is done, its own progress says little: files are fetched, caches cold.
static const double progress_counts_from = 0.1;

void nb_estimate_learn(nb_estimate_node *node, double cost, double took_ms)
{
    if (cost > 0.0 && took_ms > 0.0) {
        node->cost = older_share * node->cost + cost;
        node->ms = older_share * node->ms + took_ms;
    }
}

static int64_t clip_end(const nb_graph *graph, const nb_graph_clip *clip, nb_size_lookup *size_of,
                        const void *context)
{
    enum { FRAME_BYTES = 6 };
    if (clip->length_frames > 0) {
        return clip->at_frame + clip->length_frames;
    }
    const int64_t frames =
        (int64_t)(size_of(context, graph->assets[clip->asset].path) / FRAME_BYTES);
    return (frames > clip->offset_frames) ? clip->at_frame + frames - clip->offset_frames : 0;
}

int64_t nb_estimate_frames(const nb_graph *graph, nb_size_lookup *size_of, const void *context)
{
    int64_t last = 0;
    if (graph->asset_count > 0 && graph->assets[0].channels > 0) {
        return graph->frames;
    }
    for (size_t n = 0; n < graph->node_count; n++) {
        const nb_node *node = &graph->nodes[n];
        for (size_t i = 0; node->kind == NB_NODE_CLIPS && i < node->clip_count; i++) {
            const int64_t end = clip_end(graph, &node->clips[i], size_of, context);
            last = (end > last) ? end : last;
        }
    }
    return last;
}

typedef struct node_state {
    double speed;   ///< 0: not known
    double free_ms; ///< From now
} node_state;

static bool runs_on(const nb_estimate_work *work, size_t node_count)
{
    return work->node >= 0 && (size_t)work->node < node_count;
}

/// Each node's speed, by what it ended and by how far it is with what it runs; the others' mean
/// where that is nothing. False: no node has any.
static bool find_speeds(const nb_estimate_node *nodes, size_t node_count,
                        const nb_estimate_work *work, size_t work_count, node_state *out)
{
    double sum = 0.0;
    size_t count = 0;
    for (size_t i = 0; i < node_count; i++) {
        double cost = nodes[i].cost;
        double ms = nodes[i].ms;
        for (size_t w = 0; w < work_count; w++) {
            if (work[w].node == (int)i && work[w].done >= progress_counts_from) {
                cost += work[w].cost * work[w].done;
                ms += work[w].elapsed_ms;
            }
        }
        out[i].speed = (ms > 0.0) ? cost / ms : 0.0;
        sum += out[i].speed;
        count += out[i].speed > 0.0;
    }
    for (size_t i = 0; count > 0 && i < node_count; i++) {
        out[i].speed = (out[i].speed > 0.0) ? out[i].speed : sum / (double)count;
    }
    return count > 0;
}

/// What a running task still needs: by its node's speed, and more and more by its own progress.
static double running_left_ms(const nb_estimate_work *work, double speed)
{
    const double done = fmin(fmax(work->done, 0.0), 1.0);
    const double by_speed = work->cost * (1.0 - done) / speed;
    if (done < progress_counts_from) {
        return fmax(by_speed - (done == 0.0 ? work->elapsed_ms : 0.0), 0.0);
    }
    const double by_progress = work->elapsed_ms * (1.0 - done) / done;
    return by_speed + done * (by_progress - by_speed);
}

static int longest_first(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return (left < right) - (left > right);
}

/// The node where that much more work ends first.
static size_t first_to_end(const node_state *nodes, size_t count, double cost)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        if (nodes[i].free_ms + cost / nodes[i].speed <
            nodes[best].free_ms + cost / nodes[best].speed) {
            best = i;
        }
    }
    return best;
}

static double last_end(node_state *nodes, size_t node_count, double *waiting, size_t waiting_count)
{
    qsort(waiting, waiting_count, sizeof *waiting, longest_first);
    for (size_t i = 0; i < waiting_count; i++) {
        node_state *node = &nodes[first_to_end(nodes, node_count, waiting[i])];
        node->free_ms += waiting[i] / node->speed;
    }
    double end = 0.0;
    for (size_t i = 0; i < node_count; i++) {
        end = fmax(end, nodes[i].free_ms);
    }
    return end;
}

double nb_estimate_left_ms(const nb_estimate_node *nodes, size_t node_count,
                           const nb_estimate_work *work, size_t work_count)
{
    if (work_count == 0) {
        return 0.0;
    }
    node_state *states = calloc(node_count + 1, sizeof *states);
    double *waiting = calloc(work_count, sizeof *waiting);
    size_t waiting_count = 0;
    double left_ms = -1.0;
    if (states && waiting && find_speeds(nodes, node_count, work, work_count, states)) {
        for (size_t i = 0; i < work_count; i++) {
            if (!runs_on(&work[i], node_count)) {
                waiting[waiting_count++] = work[i].cost;
                continue;
            }
            node_state *node = &states[work[i].node];
            node->free_ms = fmax(node->free_ms, running_left_ms(&work[i], node->speed));
        }
        left_ms = last_end(states, node_count, waiting, waiting_count);
    }
    free(states);
    free(waiting);
    return left_ms;
}
