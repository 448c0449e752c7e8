// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/node/made.h"

#include "base/file.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void remove_file(char **path_p)
{
    if (*path_p) {
        unlink(*path_p);
        nb_text_free(path_p);
    }
}

void nb_made_fini(nb_made *self)
{
    for (size_t i = 0; i < self->count; i++) {
        remove_file(&self->list[i].wav_path);
        nb_text_free(&self->list[i].report_text);
        nb_report_fini(&self->list[i].report);
    }
    for (size_t i = 0; i < self->freeze_count; i++) {
        remove_file(&self->freezes[i].path);
    }
    free(self->list);
    free(self->freezes);
    *self = (nb_made){0};
}

static nb_status check_key(const nb_graph *graph, const nb_plan_output *planned, size_t sink,
                           nb_error *err)
{
    nb_digest key = {0};
    char wanted[NB_DIGEST_HEX_SIZE];
    char found[NB_DIGEST_HEX_SIZE] = "none";
    if (sink < graph->sink_count) {
        nb_graph_output_key(graph, sink, &key);
        nb_digest_to_hex(&key, found);
    }
    if (sink < graph->sink_count && nb_digest_equal(&key, &planned->key)) {
        return NB_OK;
    }
    nb_digest_to_hex(&planned->key, wanted);
    return nb_fail(err, NB_E_VERSION,
                   "the plan's key of %s is %.12s, this renderer computes %.12s: the two programs "
                   "differ, upgrade the older one",
                   planned->name, wanted, found);
}

static nb_status choose_one(nb_made_output *self, const nb_graph *graph,
                            const nb_plan_output *planned, const char *work_folder, size_t number,
                            nb_error *err)
{
    self->planned = planned;
    self->sink = nb_output_sink(graph, planned->name);
    const nb_status status = check_key(graph, planned, self->sink, err);
    if (status != NB_OK) {
        return status;
    }
    self->wav_path = nb_text_format("%s/output-%zu.wav", work_folder, number);
    return self->wav_path ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
}

static int mix_first(const void *a, const void *b)
{
    const nb_made_output *left = a;
    const nb_made_output *right = b;
    return (left->sink > right->sink) - (left->sink < right->sink);
}

nb_status nb_made_choose(nb_made *self, const nb_graph *graph, const nb_plan *plan,
                         const char *work_folder, nb_error *err)
{
    self->list = calloc(plan->output_count + 1, sizeof *self->list);
    if (!self->list) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for %zu outputs", plan->output_count);
    }
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < plan->output_count; i++) {
        self->count = i + 1;
        status = choose_one(&self->list[i], graph, &plan->outputs[i], work_folder, i, err);
    }
    if (status == NB_OK) {
        qsort(self->list, self->count, sizeof *self->list, mix_first);
    }
    return status;
}

size_t nb_made_find_node(const nb_graph *graph, const nb_digest *key)
{
    size_t node = 0;
    while (node < graph->node_count && !nb_digest_equal(&graph->nodes[node].key, key)) {
        node++;
    }
    return node;
}

// ---- What a task of edges is made from ----

static void free_nodes(size_t **nodes_p) { free(*nodes_p); }
static void free_marks(bool **marks_p) { free(*marks_p); }

static nb_status list_edges(const nb_graph *graph, const nb_plan *plan, size_t *out_nodes,
                            size_t *out_count, nb_error *err)
{
    *out_count = 0;
    for (size_t i = 0; i < plan->freeze_count; i++) {
        const nb_plan_freeze *freeze = &plan->freezes[i];
        const size_t node = nb_made_find_node(graph, &freeze->key);
        char hex[NB_DIGEST_HEX_SIZE];
        if (node == graph->node_count) {
            nb_digest_to_hex(&freeze->key, hex);
            return nb_fail(err, NB_E_VERSION,
                           "the plan's edge %.12s is none that this renderer computes: the two "
                           "programs differ, upgrade the older one",
                           hex);
        }
        if (!freeze->is_kept) {
            out_nodes[(*out_count)++] = node;
        }
    }
    return NB_OK;
}

static void mark_files(const nb_graph *graph, const nb_plan *plan, const bool *read, bool *out)
{
    for (size_t f = 0; f < plan->file_count; f++) {
        out[f] = false;
        for (size_t a = 0; a < graph->asset_count && !out[f]; a++) {
            out[f] = read[a] && strcmp(graph->assets[a].path, plan->files[f].path) == 0;
        }
    }
}

nb_status nb_made_find_files(const nb_graph *graph, const nb_plan *plan, bool *out_needed,
                             nb_error *err)
{
    NB_SCOPED(free_nodes) size_t *nodes = calloc(plan->freeze_count + 1, sizeof *nodes);
    NB_SCOPED(free_marks) bool *reached = calloc(graph->node_count + 1, sizeof *reached);
    NB_SCOPED(free_marks) bool *read = calloc(graph->asset_count + 1, sizeof *read);
    size_t count = 0;
    if (!nodes || !reached || !read) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the list of files");
    }
    nb_status status = list_edges(graph, plan, nodes, &count, err);
    if (status == NB_OK) {
        status = nb_graph_reach_from(graph, nodes, count, NULL, reached, err);
    }
    if (status == NB_OK) {
        nb_graph_files_of(graph, reached, read);
        mark_files(graph, plan, read, out_needed);
    }
    return status;
}

nb_status nb_made_find_met(const nb_made *self, const nb_graph *graph, const nb_plan *plan,
                           bool *out_met, nb_error *err)
{
    NB_SCOPED(free_nodes)
    size_t *nodes = calloc(self->count + plan->freeze_count + 1, sizeof *nodes);
    NB_SCOPED(free_marks) bool *kept = calloc(graph->node_count + 1, sizeof *kept);
    size_t count = 0;
    if (!nodes || !kept) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for kept edges");
    }
    for (size_t i = 0; i < self->count; i++) {
        nodes[count++] = graph->sinks[self->list[i].sink].node;
    }
    for (size_t i = 0; i < plan->freeze_count; i++) {
        const nb_plan_freeze *freeze = &plan->freezes[i];
        const size_t node = nb_made_find_node(graph, &freeze->key);
        kept[node] = freeze->is_kept; // there is a place behind the last node
        if (node < graph->node_count && !freeze->is_kept && plan->kind == NB_PLAN_FREEZE) {
            nodes[count++] = node;
        }
    }
    return nb_graph_reach_from(graph, nodes, count, kept, out_met, err);
}

nb_status nb_made_add_freezes(nb_made *self, const nb_graph *graph, const nb_plan *plan,
                              const char *work_folder, nb_error *err)
{
    self->freezes = calloc(plan->freeze_count + 1, sizeof *self->freezes);
    if (!self->freezes) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for %zu freezes", plan->freeze_count);
    }
    for (size_t i = 0; i < plan->freeze_count; i++) {
        const nb_plan_freeze *planned = &plan->freezes[i];
        const size_t node = nb_made_find_node(graph, &planned->key);
        if (planned->is_kept || node == graph->node_count || !nb_node_can_freeze(graph, node)) {
            continue;
        }
        nb_made_freeze *made = &self->freezes[self->freeze_count++];
        *made = (nb_made_freeze){
            .key = planned->key,
            .node = node,
            .path = nb_text_format("%s/freeze-%zu.wav", work_folder, self->freeze_count)};
        if (!made->path) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
        }
    }
    return NB_OK;
}

static void list_outputs(nb_made *self, nb_audio_keep keep, nb_render_output *outputs)
{
    for (size_t i = 0; i < self->count; i++) {
        nb_made_output *made = &self->list[i];
        outputs[i] = (nb_render_output){.sink = made->sink,
                                        .wav_path = made->wav_path,
                                        .report = &made->report,
                                        .keep = keep,
                                        .growth = &made->growth};
    }
    for (size_t i = 0; i < self->freeze_count; i++) {
        outputs[self->count + i] = (nb_render_output){.sink = self->freezes[i].node,
                                                      .wav_path = self->freezes[i].path,
                                                      .what = NB_RENDER_FREEZE,
                                                      .keep = NB_AUDIO_SCRATCH};
    }
}

static nb_status write_reports(nb_made *self, nb_error *err)
{
    for (size_t i = 0; i < self->count; i++) {
        nb_made_output *made = &self->list[i];
        if (nb_output_is_stem(made->planned->name)) {
            continue;
        }
        made->report_text = nb_report_to_text(&made->report);
        if (!made->report_text) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for a report");
        }
    }
    return NB_OK;
}

nb_status nb_made_render(nb_made *self, const nb_graph *graph, const nb_render_options *options,
                         nb_audio_keep keep, nb_error *err)
{
    nb_render_output *outputs = calloc(self->count + self->freeze_count + 1, sizeof *outputs);
    if (!outputs) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for %zu outputs", self->count);
    }
    if (self->count + self->freeze_count == 0) { // no edge that can be frozen
        free(outputs);
        return NB_OK;
    }
    list_outputs(self, keep, outputs);
    nb_profile profile = {.node_ns = calloc(graph->node_count, sizeof *profile.node_ns)};
    nb_render_options measured = *options;
    measured.profile = profile.node_ns ? &profile : NULL;
    const nb_status status =
        nb_render_run(graph, outputs, self->count + self->freeze_count, &measured, err);
    self->frames = (self->count > 0) ? self->list[0].report.frames : 0;
    for (size_t i = 0; self->count == 0 && i < self->freeze_count; i++) {
        const int64_t end = graph->nodes[self->freezes[i].node].end_frame;
        self->frames = (end > self->frames) ? end : self->frames;
    }
    if (status == NB_OK && profile.node_ns) {
        self->speed_count = nb_speeds_of(graph, &profile, self->frames, self->speeds);
    }
    free(profile.node_ns);
    free(outputs);
    return (status == NB_OK) ? write_reports(self, err) : status;
}
