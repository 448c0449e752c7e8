// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/song_plan.h"

#include "base/file.h"
#include "mix/estimate.h"
#include "mix/freeze.h"
#include "review/plan_reasons.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_BYTES = 8, FRAMES_DEFAULT = 48000 * 240 };

void nb_song_plan_fini(nb_song_plan *self)
{
    for (size_t i = 0; i < self->output_count; i++) {
        free(self->outputs[i].because);
    }
    free(self->outputs);
    free(self->edges);
    nb_split_fini(&self->split);
    free(self->chosen);
    free(self->kept);
    free(self->reached);
    nb_graph_destroy(&self->graph);
    nb_graph_destroy(&self->graph_before);
    nb_mix_diff_fini(&self->changes);
    nb_mix_side_fini(&self->before);
    nb_mix_side_fini(&self->after);
    nb_wire_free_reply(&self->reply);
    nb_farm_fini(&self->farm);
}

static nb_status no_memory(nb_error *err)
{
    return nb_fail(err, NB_E_NO_MEMORY, "no memory for a plan");
}

// ---- The two sides ----

/// SONG alone is the working folder's, where there is one that has it.
static nb_status open_folder(nb_song_plan *self, bool *out_found, nb_error *err)
{
    NB_SCOPED(nb_folder_fini) nb_folder folder = {0};
    *out_found = false;
    if (strchr(self->cli->args.words[0], '@') || nb_folder_open(&folder, NULL) != NB_OK) {
        return NB_OK;
    }
    NB_SCOPED(nb_text_free)
    char *path = nb_text_format("%s/songs/%s", folder.path, self->name.song);
    NB_SCOPED(nb_text_free) char *document = path ? nb_file_join(path, "mix.yaml") : NULL;
    if (!document) {
        return no_memory(err);
    }
    *out_found = nb_file_exists(document);
    return *out_found ? nb_mix_side_open_path(path, &self->after, err) : NB_OK;
}

/// What it is held against: the version before, or the farm's newest.
static nb_status open_before(nb_song_plan *self, bool is_folder, nb_error *err)
{
    nb_version_name name = self->name;
    if (is_folder) {
        snprintf(name.version, sizeof name.version, "latest");
    } else {
        const long number = strtol(self->after.name.version + 1, NULL, 10);
        if (number <= 1) {
            return NB_OK;
        }
        snprintf(name.version, sizeof name.version, "v%ld", number - 1);
    }
    const nb_status status = nb_mix_side_open_version(&self->farm, &name, &self->before, err);
    if (status == NB_E_NOT_FOUND && is_folder) {
        return NB_OK; // a song that was never pushed
    }
    self->has_before = status == NB_OK && !self->before.is_elsewhere;
    return status;
}

static nb_status open_sides(nb_song_plan *self, nb_error *err)
{
    bool is_folder = false;
    nb_status status = nb_version_name_parse(self->cli->args.words[0], &self->name, err);
    if (status == NB_OK) {
        status = nb_farm_open_album(self->cli, &self->farm, err);
    }
    if (status == NB_OK) {
        status = open_folder(self, &is_folder, err);
    }
    if (status == NB_OK && !is_folder) {
        status = nb_mix_side_open_version(&self->farm, &self->name, &self->after, err);
    }
    if (status == NB_OK && self->after.is_elsewhere) {
        return nb_fail(err, NB_E_INVALID, "%s was made elsewhere: nothing of it is rendered",
                       self->after.label);
    }
    if (status == NB_OK) {
        status = open_before(self, is_folder, err);
    }
    return (status == NB_OK && self->has_before)
               ? nb_mix_diff_find(self->before.model, self->after.model, &self->changes, err)
               : status;
}

// ---- What the farm knows ----

static nb_status ask(nb_song_plan *self, Nightbus__KeyAsk *body, nb_error *err)
{
    nb_wire_free_reply(&self->reply);
    body->album = self->farm.album;
    body->song = self->name.song;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_KEY_ASK;
    request.key_ask = body;
    return nb_farm_ask(&self->farm, &request, NIGHTBUS__REPLY__BODY_KEY_ANSWER, 0, &self->reply,
                       err);
}

/// Keys hang on what renders: the graph is built with the farm's fingerprint.
static nb_status build_graphs(nb_song_plan *self, nb_error *err)
{
    Nightbus__KeyAsk body = NIGHTBUS__KEY_ASK__INIT;
    nb_fingerprint fingerprint;
    nb_status status = ask(self, &body, err);
    if (status == NB_OK) {
        status = nb_fingerprint_parse(self->reply->key_answer->fingerprint, &fingerprint, err);
    }
    if (status == NB_OK) {
        status = nb_mix_side_graph(&self->after, &fingerprint, &self->graph, err);
    }
    if (status == NB_OK && self->has_before &&
        nb_mix_side_graph(&self->before, &fingerprint, &self->graph_before, NULL) != NB_OK) {
        self->graph_before = NULL; // its files may be gone from here; the reasons know less
    }
    return status;
}

static nb_status choose_rows(nb_song_plan *self, nb_error *err)
{
    const nb_graph *graph = self->graph;
    self->outputs = calloc(graph->sink_count + 1, sizeof *self->outputs);
    self->edges = calloc(graph->node_count + 1, sizeof *self->edges);
    self->chosen = calloc(graph->node_count + 1, sizeof *self->chosen);
    self->kept = calloc(graph->node_count + 1, sizeof *self->kept);
    self->reached = calloc(graph->node_count + 1, sizeof *self->reached);
    if (!self->outputs || !self->edges || !self->chosen || !self->kept || !self->reached) {
        return no_memory(err);
    }
    for (size_t i = 0; i < graph->sink_count && self->output_count < NB_ASKED_KEYS_MAX; i++) {
        if (graph->sinks[i].kind != NB_SINK_STEM || nb_args_has(&self->cli->args, "stems")) {
            nb_plan_row *output = &self->outputs[self->output_count++];
            output->index = i;
            output->fate = NB_FATE_MADE;
            nb_output_name(&graph->sinks[i], output->name);
            nb_graph_output_key(graph, i, &output->key);
        }
    }
    const nb_status status = nb_graph_choose_freezes(graph, self->chosen, err);
    for (size_t n = 0; status == NB_OK && n < graph->node_count; n++) {
        if (self->chosen[n] && self->edge_count < NB_PLAN_FREEZES_MAX) {
            nb_plan_row *edge = &self->edges[self->edge_count++];
            edge->index = n;
            edge->key = graph->nodes[n].key;
            snprintf(edge->name, sizeof edge->name, "%s", graph->nodes[n].name);
        }
    }
    return status;
}

static void take_known(nb_plan_row *rows, size_t count, Nightbus__KnownRow *const *known,
                       size_t known_count)
{
    for (size_t k = 0; k < known_count; k++) {
        const nb_digest key = nb_wire_to_digest(known[k]->key);
        for (size_t i = 0; i < count; i++) {
            if (nb_digest_equal(&rows[i].key, &key)) {
                rows[i].fate = NB_FATE_KEPT;
                rows[i].bytes = (double)known[k]->size;
                snprintf(rows[i].node, sizeof rows[i].node, "%s",
                         known[k]->node ? known[k]->node : "");
            }
        }
    }
}

static void free_keys(ProtobufCBinaryData **keys_p) { free(*keys_p); }

static nb_status ask_keys(nb_song_plan *self, nb_error *err)
{
    NB_SCOPED(free_keys)
    ProtobufCBinaryData *keys = calloc(self->output_count + self->edge_count + 1, sizeof *keys);
    if (!keys) {
        return no_memory(err);
    }
    for (size_t i = 0; i < self->output_count; i++) {
        keys[i] = nb_wire_digest(&self->outputs[i].key);
    }
    for (size_t i = 0; i < self->edge_count; i++) {
        keys[self->output_count + i] = nb_wire_digest(&self->edges[i].key);
        self->edges[i].fate = NB_FATE_NOT_NEEDED;
    }
    Nightbus__KeyAsk body = NIGHTBUS__KEY_ASK__INIT;
    body.outputs = keys;
    body.n_outputs = self->output_count;
    body.edges = keys + self->output_count;
    body.n_edges = self->edge_count;
    const nb_status status = ask(self, &body, err);
    if (status == NB_OK) {
        const Nightbus__KeyAnswer *said = self->reply->key_answer;
        take_known(self->outputs, self->output_count, said->outputs, said->n_outputs);
        take_known(self->edges, self->edge_count, said->edges, said->n_edges);
    }
    return status;
}

// ---- What it takes ----

static double find_speed(const void *context, const nb_processor *processor)
{
    const Nightbus__KeyAnswer *said = context;
    for (size_t i = 0; i < said->n_speeds; i++) {
        if (strcmp(said->speeds[i]->processor, processor->name) == 0) {
            return said->speeds[i]->ns;
        }
    }
    return -1.0;
}

/// The quickest of those that would take it now.
static void find_node(nb_song_plan *self)
{
    const Nightbus__KeyAnswer *said = self->reply->key_answer;
    for (size_t i = 0; i < said->n_nodes; i++) {
        const Nightbus__PaceRow *node = said->nodes[i];
        const double pace = node->took_ms > 0.0 ? node->cost_us / node->took_ms : 0.0;
        if (!self->where || pace > self->cost_per_ms) {
            nb_text_make_printable(said->nodes[i]->node);
            self->where = node->node;
            self->cost_per_ms = pace;
        }
    }
    self->cost_per_ms = self->cost_per_ms > 0.0 ? self->cost_per_ms : 1000.0; // one CPU
}

static void find_frames(nb_song_plan *self)
{
    const Nightbus__KeyAnswer *said = self->reply->key_answer;
    self->frames = said->has_last_s && said->last_s > 0.0 && said->last_s < 1e6
                       ? (int64_t)llround(said->last_s * self->graph->rate_hz)
                       : nb_estimate_frames(self->graph, nb_mix_side_file_size, &self->after);
    self->frames = self->frames > 0 ? self->frames : FRAMES_DEFAULT;
}

static nb_status cost_ms(const nb_song_plan *self, const size_t *sinks, size_t count, double *out,
                         nb_error *err)
{
    double ns = 0.0;
    const nb_status status = nb_graph_cost_ns(self->graph, sinks, count, self->kept, find_speed,
                                              self->reply->key_answer, &ns, err);
    *out = ns * (double)self->frames / 1000.0 / self->cost_per_ms;
    return status;
}

static void free_sinks(size_t **sinks_p) { free(*sinks_p); }

static void free_flags(bool **flags_p) { free(*flags_p); }

static nb_status find_costs(nb_song_plan *self, nb_error *err)
{
    NB_SCOPED(free_sinks) size_t *sinks = calloc(self->output_count + 1, sizeof *sinks);
    size_t count = 0;
    nb_status status = NB_OK;
    if (!sinks) {
        return no_memory(err);
    }
    for (size_t i = 0; i < self->edge_count; i++) {
        self->kept[self->edges[i].index] = self->edges[i].fate == NB_FATE_KEPT;
    }
    for (size_t i = 0; status == NB_OK && i < self->output_count; i++) {
        nb_plan_row *output = &self->outputs[i];
        if (output->fate == NB_FATE_MADE) {
            sinks[count++] = output->index;
            output->bytes = (double)self->frames * FRAME_BYTES;
            self->task_bytes += output->bytes;
            snprintf(output->node, sizeof output->node, "%s", self->where ? self->where : "");
            status = cost_ms(self, &output->index, 1, &output->ms, err);
        }
    }
    if (status != NB_OK || count == 0) {
        return status;
    }
    status = nb_graph_reach(self->graph, sinks, count, self->kept, self->reached, err);
    return status == NB_OK ? cost_ms(self, sinks, count, &self->task_ms, err) : status;
}

/// What an edge takes with all before it that is not kept.
static nb_status edge_ms(const nb_song_plan *self, size_t node, double *out, nb_error *err)
{
    NB_SCOPED(free_flags) bool *behind = calloc(self->graph->node_count + 1, sizeof *behind);
    double ns = 0.0;
    if (!behind) {
        return no_memory(err);
    }
    const nb_status status = nb_graph_reach_from(self->graph, &node, 1, self->kept, behind, err);
    for (size_t n = 0; status == NB_OK && n < self->graph->node_count; n++) {
        ns += behind[n] && !self->kept[n]
                  ? nb_node_cost_ns(&self->graph->nodes[n], find_speed, self->reply->key_answer)
                  : 0.0;
    }
    *out = ns * (double)self->frames / 1000.0 / self->cost_per_ms;
    return status;
}

/// Edges that the task meets: those that it writes, and all the others, which are made again.
static nb_status find_edges(nb_song_plan *self, nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < self->edge_count; i++) {
        nb_plan_row *edge = &self->edges[i];
        if (edge->fate != NB_FATE_KEPT && self->reached[edge->index]) {
            edge->fate = NB_FATE_MADE;
            edge->bytes = (double)self->frames * FRAME_BYTES;
            self->task_bytes += edge->bytes;
            snprintf(edge->node, sizeof edge->node, "%s", self->where ? self->where : "");
            status = edge_ms(self, edge->index, &edge->ms, err);
        }
    }
    for (size_t n = 0; n < self->graph->node_count; n++) {
        if (self->reached[n] && !self->chosen[n]) {
            self->again_count++;
            self->again_ns +=
                nb_node_cost_ns(&self->graph->nodes[n], find_speed, self->reply->key_answer);
        }
    }
    return status;
}

/// Which output an edge is a part of: strips of alternates have the names of the mix's.
static nb_status find_users(nb_song_plan *self, nb_error *err)
{
    const size_t count = self->graph->node_count + 1;
    NB_SCOPED(free_flags) bool *none = calloc(count, sizeof *none);
    NB_SCOPED(free_flags) bool *parts = calloc(count, sizeof *parts);
    if (!none || !parts) {
        return no_memory(err);
    }
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < self->output_count; i++) {
        const nb_plan_row *output = &self->outputs[i];
        status = nb_graph_reach(self->graph, &output->index, 1, none, parts, err);
        for (size_t k = 0; k < self->edge_count; k++) {
            nb_plan_row *edge = &self->edges[k];
            if (!edge->of && parts[edge->index]) {
                edge->of = output;
            }
        }
    }
    return status;
}

/// The coordinator's own question: do edges go to other renderers first?
static nb_status find_split(nb_song_plan *self, nb_error *err)
{
    const Nightbus__KeyAnswer *said = self->reply->key_answer;
    NB_SCOPED(free_sinks) size_t *sinks = calloc(self->output_count + 1, sizeof *sinks);
    NB_SCOPED(free_sinks) size_t *nodes = calloc(self->edge_count + 1, sizeof *nodes);
    NB_SCOPED(free_sinks) size_t *rows = calloc(self->edge_count + 1, sizeof *rows);
    nb_split_song song = {.graph = self->graph,
                          .sinks = sinks,
                          .edges = nodes,
                          .kept = self->kept,
                          .frames = self->frames,
                          .cost = find_speed,
                          .costs = said,
                          .size_of = nb_mix_side_file_size,
                          .sizes = &self->after};
    const nb_split_farm farm = {said->has_spare_nodes ? said->spare_nodes : 0,
                                said->has_spare_threads ? said->spare_threads : 1,
                                said->has_spare_share_store && said->spare_share_store};
    if (!sinks || !nodes || !rows) {
        return no_memory(err);
    }
    for (size_t i = 0; i < self->output_count; i++) {
        if (self->outputs[i].fate == NB_FATE_MADE) {
            sinks[song.sink_count++] = self->outputs[i].index;
        }
    }
    for (size_t i = 0; i < self->edge_count; i++) {
        if (self->edges[i].fate == NB_FATE_MADE) {
            rows[song.edge_count] = i;
            nodes[song.edge_count++] = self->edges[i].index;
        }
    }
    const nb_status status =
        song.sink_count > 0 ? nb_split_find(&song, &farm, &self->split, err) : NB_OK;
    for (size_t i = 0; status == NB_OK && i < song.edge_count; i++) {
        self->edges[rows[i]].in_parallel = self->split.task_of[i] >= 0;
    }
    return status;
}

static nb_status find_reasons(nb_song_plan *self, nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < self->output_count; i++) {
        nb_plan_row *output = &self->outputs[i];
        output->because = calloc(self->changes.count + 1, sizeof *output->because);
        if (!output->because) {
            return no_memory(err);
        }
        if (output->fate == NB_FATE_MADE && self->has_before) {
            status = nb_plan_reasons_find(&self->changes, self->graph_before, self->graph,
                                          output->name, output->because, err);
        }
    }
    return status;
}

nb_status nb_song_plan_find(nb_cli *cli, nb_song_plan *out, nb_error *err)
{
    static nb_status (*const ask_steps[])(nb_song_plan *, nb_error *) = {open_sides, build_graphs,
                                                                         choose_rows, ask_keys};
    static nb_status (*const find_steps[])(nb_song_plan *, nb_error *) = {
        find_costs, find_edges, find_users, find_split, find_reasons};
    out->cli = cli;
    nb_status status = NB_OK;
    for (size_t i = 0; i < NB_COUNT(ask_steps) && status == NB_OK; i++) {
        status = ask_steps[i](out, err);
    }
    if (status != NB_OK) {
        return status;
    }
    find_node(out);
    find_frames(out);
    for (size_t i = 0; i < NB_COUNT(find_steps) && status == NB_OK; i++) {
        status = find_steps[i](out, err);
    }
    return status;
}
