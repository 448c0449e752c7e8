// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/node/speeds.h"

static size_t find(const nb_speed *list, size_t count, const char *processor)
{
    size_t i = 0;
    while (i < count && list[i].processor != processor) {
        i++;
    }
    return i;
}

size_t nb_speeds_of(const nb_graph *graph, const nb_profile *profile, int64_t frames, nb_speed *out)
{
    double channels[NB_SPEEDS_MAX] = {0};
    size_t count = 0;
    if (frames < (int64_t)graph->rate_hz) {
        return 0;
    }
    for (size_t n = 0; n < graph->node_count; n++) {
        const nb_node *node = &graph->nodes[n];
        // No time at all: it fed no output, or its readers multiply by it.
        if (node->kind != NB_NODE_PROCESSOR || profile->node_ns[n] == 0) {
            continue;
        }
        const size_t i = find(out, count, node->settings.processor->name);
        if (i == NB_SPEEDS_MAX) {
            continue;
        }
        if (i == count) {
            out[count++] = (nb_speed){.processor = node->settings.processor->name};
        }
        out[i].ns += (double)profile->node_ns[n];
        channels[i] += node->channels;
    }
    for (size_t i = 0; i < count; i++) {
        out[i].ns /= channels[i] * (double)frames;
    }
    return count;
}
