// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/plan_reasons.h"

#include "mix/freeze.h"
#include "mix/plan.h"

#include <stdlib.h>
#include <string.h>

static void free_marks(bool **marks_p) { free(*marks_p); }
static void free_changes(nb_mix_change **changes_p) { free(*changes_p); }

/// "vox/comp" and "vox" are of the strip "vox".
static bool is_of_strip(const char *node, nb_mix_span strip)
{
    return strncmp(node, strip.chars, strip.length) == 0 &&
           (node[strip.length] == '/' || node[strip.length] == '\0');
}

/// Does any node of the strip feed the output?
static nb_status feeds(const nb_graph *graph, const char *output, nb_mix_span strip, bool *out,
                       nb_error *err)
{
    const size_t sink = graph ? nb_output_sink(graph, output) : 0;
    if (!graph || sink == graph->sink_count) {
        return NB_OK;
    }
    NB_SCOPED(free_marks) bool *reached = calloc(graph->node_count + 1, sizeof *reached);
    if (!reached) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to find what feeds an output");
    }
    const nb_status status = nb_graph_reach(graph, &sink, 1, NULL, reached, err);
    for (size_t n = 0; status == NB_OK && n < graph->node_count; n++) {
        *out = *out || (reached[n] && is_of_strip(graph->nodes[n].name, strip));
    }
    return status;
}

static bool is_of_alternate(const nb_mix_change *change, const char *output)
{
    static const char prefix[] = "alternate/";
    const size_t length = strlen(prefix);
    if (strncmp(output, prefix, length) != 0) {
        return false;
    }
    const size_t id = strlen(output + length);
    return strncmp(change->path, output + length, id) == 0 &&
           (change->path[id] == '/' || change->path[id] == '\0');
}

static nb_status find(const nb_mix_diff *changes, const nb_graph *before, const nb_graph *after,
                      const char *output, bool *out, nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < changes->count; i++) {
        const nb_mix_change *change = &changes->changes[i];
        const nb_mix_span strip = nb_mix_change_strip(change);
        out[i] = false;
        if (!change->sound) {
            continue;
        }
        if (change->section == NB_MIX_ALTERNATE) {
            out[i] = is_of_alternate(change, output);
        } else if (strip.length == 0) {
            out[i] = true;
        } else {
            status = feeds(after, output, strip, &out[i], err);
            if (status == NB_OK && !out[i]) {
                status = feeds(before, output, strip, &out[i], err);
            }
        }
    }
    return status;
}

/// A strip's own values (fader, pan, ...) and how they move don't, but for what closes it.
static bool may_change_length(const nb_mix_change *change)
{
    return !change->has_key || change->key.area != NB_MIX_OF_STRIP ||
           strcmp(change->key.name, "mute") == 0 || strcmp(change->key.name, "output") == 0;
}

nb_status nb_plan_reasons_find(const nb_mix_diff *changes, const nb_graph *before,
                               const nb_graph *after, const char *output, bool *out, nb_error *err)
{
    nb_status status = find(changes, before, after, output, out, err);
    bool any = false;
    for (size_t i = 0; i < changes->count; i++) {
        any = any || out[i];
    }
    if (status != NB_OK || any || strncmp(output, "stem/", 5) != 0) {
        return status;
    }
    status = find(changes, before, after, "mix", out, err); // which is longer or shorter now
    for (size_t i = 0; i < changes->count; i++) {
        out[i] = out[i] && may_change_length(&changes->changes[i]);
    }
    return status;
}

nb_status nb_plan_reasons_print(const nb_mix_diff *changes, const bool *marks, bool colour,
                                nb_text *out, nb_error *err)
{
    NB_SCOPED(free_changes) nb_mix_change *some = calloc(changes->count + 1, sizeof *some);
    if (!some) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to tell changes");
    }
    nb_mix_diff part = {.before = changes->before, .after = changes->after, .changes = some};
    for (size_t i = 0; i < changes->count; i++) {
        if (marks[i]) {
            some[part.count++] = changes->changes[i];
        }
    }
    nb_mix_diff_print(&part, colour, out); // borrows all, so that nothing of it is to be freed
    return NB_OK;
}
