// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.h"
#include "mix/estimate.h"
#include "mix/freeze.h"
#include "mix/plan.h"
#include "mix/split.h"
#include "review-cli/mix_side.h"
#include "review-cli/table.h"
#include "review/mix_diff.h"
#include "review/plan_reasons.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPAN_SIZE = 24, FRAME_BYTES = 8, FRAMES_DEFAULT = 48000 * 240 };

typedef enum fate { FATE_KEPT, FATE_MADE, FATE_NOT_NEEDED } fate;
static const char *const fates[] = {"kept", "to be made", "not needed"};

/// An output, or an edge that is worth keeping.
typedef struct row {
    char name[NB_OUTPUT_NAME_SIZE];
    fate fate;
    size_t index; ///< Of the sink, or the node
    nb_digest key;
    char node[NB_WORD_MAX + 1]; ///< That made it, or will
    double ms;                  ///< To make it alone
    double bytes;
    bool in_parallel; ///< An edge in a task of its own, before the song's
    bool *because;    ///< By change; null for an edge
} row;

typedef struct plan {
    nb_cli *cli;
    nb_farm farm;
    nb_version_name name;
    nb_mix_side before, after;
    bool has_before;
    nb_mix_diff changes;
    nb_graph *graph, *graph_before;
    Nightbus__Reply *reply; ///< What the farm knows
    int64_t frames;
    bool *chosen, *kept, *reached; ///< By node
    size_t output_count, edge_count, again_count;
    row *outputs, *edges;
    double again_ns, task_ms, task_bytes;
    nb_split split;    ///< By edge that is to be made, in their order
    const char *where; ///< Node that is expected to do it; null: none would now
    double cost_per_ms;
} plan;

static void plan_fini(plan *self)
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
static nb_status open_folder(plan *self, bool *out_found, nb_error *err)
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
static nb_status open_before(plan *self, bool is_folder, nb_error *err)
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

static nb_status open_sides(plan *self, nb_error *err)
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

static nb_status ask(plan *self, Nightbus__KeyAsk *body, nb_error *err)
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
static nb_status build_graphs(plan *self, nb_error *err)
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

static nb_status choose_rows(plan *self, nb_error *err)
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
            row *output = &self->outputs[self->output_count++];
            output->index = i;
            output->fate = FATE_MADE;
            nb_output_name(&graph->sinks[i], output->name);
            nb_graph_output_key(graph, i, &output->key);
        }
    }
    const nb_status status = nb_graph_choose_freezes(graph, self->chosen, err);
    for (size_t n = 0; status == NB_OK && n < graph->node_count; n++) {
        if (self->chosen[n] && self->edge_count < NB_PLAN_FREEZES_MAX) {
            row *edge = &self->edges[self->edge_count++];
            edge->index = n;
            edge->key = graph->nodes[n].key;
            snprintf(edge->name, sizeof edge->name, "%s", graph->nodes[n].name);
        }
    }
    return status;
}

static void take_known(row *rows, size_t count, Nightbus__KnownRow *const *known,
                       size_t known_count)
{
    for (size_t k = 0; k < known_count; k++) {
        const nb_digest key = nb_wire_to_digest(known[k]->key);
        for (size_t i = 0; i < count; i++) {
            if (nb_digest_equal(&rows[i].key, &key)) {
                rows[i].fate = FATE_KEPT;
                rows[i].bytes = (double)known[k]->size;
                snprintf(rows[i].node, sizeof rows[i].node, "%s",
                         known[k]->node ? known[k]->node : "");
            }
        }
    }
}

static void free_keys(ProtobufCBinaryData **keys_p) { free(*keys_p); }

static nb_status ask_keys(plan *self, nb_error *err)
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
        self->edges[i].fate = FATE_NOT_NEEDED;
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
static void find_node(plan *self)
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

static void find_frames(plan *self)
{
    const Nightbus__KeyAnswer *said = self->reply->key_answer;
    self->frames = said->has_last_s && said->last_s > 0.0 && said->last_s < 1e6
                       ? (int64_t)llround(said->last_s * self->graph->rate_hz)
                       : nb_estimate_frames(self->graph, nb_mix_side_file_size, &self->after);
    self->frames = self->frames > 0 ? self->frames : FRAMES_DEFAULT;
}

static nb_status cost_ms(const plan *self, const size_t *sinks, size_t count, double *out,
                         nb_error *err)
{
    double ns = 0.0;
    const nb_status status = nb_graph_cost_ns(self->graph, sinks, count, self->kept, find_speed,
                                              self->reply->key_answer, &ns, err);
    *out = ns * (double)self->frames / 1000.0 / self->cost_per_ms;
    return status;
}

static void free_sinks(size_t **sinks_p) { free(*sinks_p); }

static nb_status find_costs(plan *self, nb_error *err)
{
    NB_SCOPED(free_sinks) size_t *sinks = calloc(self->output_count + 1, sizeof *sinks);
    size_t count = 0;
    nb_status status = NB_OK;
    if (!sinks) {
        return no_memory(err);
    }
    for (size_t i = 0; i < self->edge_count; i++) {
        self->kept[self->edges[i].index] = self->edges[i].fate == FATE_KEPT;
    }
    for (size_t i = 0; status == NB_OK && i < self->output_count; i++) {
        row *output = &self->outputs[i];
        if (output->fate == FATE_MADE) {
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
static nb_status edge_ms(const plan *self, size_t node, double *out, nb_error *err)
{
    bool *behind = calloc(self->graph->node_count + 1, sizeof *behind);
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
    free(behind);
    *out = ns * (double)self->frames / 1000.0 / self->cost_per_ms;
    return status;
}

/// Edges that the task meets: those that it writes, and all the others, which are made again.
static nb_status find_edges(plan *self, nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < self->edge_count; i++) {
        row *edge = &self->edges[i];
        if (edge->fate != FATE_KEPT && self->reached[edge->index]) {
            edge->fate = FATE_MADE;
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

/// The coordinator's own question: do edges go to other renderers first?
static nb_status find_split(plan *self, nb_error *err)
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
        if (self->outputs[i].fate == FATE_MADE) {
            sinks[song.sink_count++] = self->outputs[i].index;
        }
    }
    for (size_t i = 0; i < self->edge_count; i++) {
        if (self->edges[i].fate == FATE_MADE) {
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

static nb_status find_reasons(plan *self, nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < self->output_count; i++) {
        row *output = &self->outputs[i];
        output->because = calloc(self->changes.count + 1, sizeof *output->because);
        if (!output->because) {
            return no_memory(err);
        }
        if (output->fate == FATE_MADE && self->has_before) {
            status = nb_plan_reasons_find(&self->changes, self->graph_before, self->graph,
                                          output->name, output->because, err);
        }
    }
    return status;
}

// ---- Words ----

static bool has_reason(const plan *self, const row *output)
{
    for (size_t i = 0; i < self->changes.count; i++) {
        if (output->because[i]) {
            return true;
        }
    }
    return false;
}

static nb_status reason_words(const plan *self, const row *output, bool colour, nb_text *out,
                              nb_error *err)
{
    if (has_reason(self, output)) {
        return nb_plan_reasons_print(&self->changes, output->because, colour, out, err);
    }
    nb_text_add(out, self->has_before ? "it is not kept, or was never rendered with this engine\n"
                                      : "it was never rendered\n");
    return NB_OK;
}

static void format_ms(double ms, char out[SPAN_SIZE])
{
    snprintf(out, SPAN_SIZE, ms >= 100.0 ? "%.1f s" : "%.0f ms", ms >= 100.0 ? ms / 1000.0 : ms);
}

static void add_row(nb_table *table, const row *it, const char *kind)
{
    char name[NB_OUTPUT_NAME_SIZE + 16];
    char ms[SPAN_SIZE] = "";
    char size[NB_TEXT_SIZE_SIZE] = "";
    snprintf(name, sizeof name, "%s%s", kind, it->name);
    if (it->ms > 0.0) {
        format_ms(it->ms, ms);
    }
    if (it->bytes > 0.0) {
        nb_text_format_size((uint64_t)it->bytes, size);
    }
    const bool is_edge = !it->because;
    const char *const where = !is_edge || it->fate != FATE_MADE ? it->node
                              : it->in_parallel                 ? "in parallel"
                                                                : "with the song";
    const char *const cells[] = {name, fates[it->fate], where, ms, size};
    nb_table_add(table, cells);
}

static void print_table(const plan *self, nb_text *out)
{
    static const nb_table_column columns[] = {{"OUTPUT OR EDGE", NB_TABLE_FLEX},
                                              {"", NB_TABLE_LEFT},
                                              {"WHERE", NB_TABLE_FLEX},
                                              {"ALONE", NB_TABLE_RIGHT},
                                              {"SIZE", NB_TABLE_RIGHT}};
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    for (size_t i = 0; i < self->output_count; i++) {
        add_row(&table, &self->outputs[i], "");
    }
    for (size_t i = 0; i < self->edge_count; i++) {
        add_row(&table, &self->edges[i], "edge ");
    }
    nb_table_print(&table, self->cli->colour, out);
}

/// Outputs with the same reasons stand together.
static nb_status print_reasons(const plan *self, nb_text *out, nb_error *err)
{
    nb_status status = NB_OK;
    const size_t bytes = self->changes.count * sizeof(bool);
    for (size_t i = 0; status == NB_OK && i < self->output_count; i++) {
        const row *first = &self->outputs[i];
        bool told = first->fate != FATE_MADE;
        for (size_t j = 0; !told && j < i; j++) {
            told = self->outputs[j].fate == FATE_MADE &&
                   memcmp(self->outputs[j].because, first->because, bytes) == 0;
        }
        if (told) {
            continue;
        }
        nb_text_addf(out, "\n%s", first->name);
        for (size_t j = i + 1; j < self->output_count; j++) {
            if (self->outputs[j].fate == FATE_MADE &&
                memcmp(self->outputs[j].because, first->because, bytes) == 0) {
                nb_text_addf(out, ", %s", self->outputs[j].name);
            }
        }
        nb_text_add(out, ", because:\n");
        status = reason_words(self, first, self->cli->colour, out, err);
    }
    return status;
}

static void print_split(const plan *self, const char *size, nb_text *out)
{
    char whole[SPAN_SIZE];
    char parts[SPAN_SIZE];
    format_ms(self->split.whole_ms, whole);
    format_ms(self->split.split_ms, parts);
    nb_text_addf(out,
                 "\n%zu tasks make edges in parallel on idle renderers, then one the song: about "
                 "%s\ninstead of %s; %s to write.\n",
                 self->split.task_count, parts, whole, size);
}

static nb_status print_plan(const plan *self, nb_error *err)
{
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    char span[SPAN_SIZE];
    char size[NB_TEXT_SIZE_SIZE];
    nb_text_addf(&text, "%s", self->after.label);
    nb_text_addf(&text, self->has_before ? ", held against %s\n\n" : "%s\n\n",
                 self->has_before ? self->before.label : "");
    print_table(self, &text);
    const nb_status status = print_reasons(self, &text, err);
    if (self->task_ms > 0.0) {
        format_ms(self->task_ms, span);
        nb_text_format_size((uint64_t)self->task_bytes, size);
        if (self->split.task_count > 0) {
            print_split(self, size, &text);
        } else {
            nb_text_addf(&text, "\nOne task, about %s%s%s; %s to write.\n", span,
                         self->where ? " on " : "", self->where ? self->where : "", size);
        }
        nb_text_addf(&text,
                     "%zu other edges are made again, as that is cheaper than keeping them.\n",
                     self->again_count);
    } else {
        nb_text_add(&text, "\nNothing has to be rendered.\n");
    }
    return status == NB_OK ? nb_cli_print(&text, err) : status;
}

static json_t *row_to_json(const plan *self, const row *it)
{
    static const char *const names[] = {"kept", "made", "not-needed"};
    json_t *json = json_pack("{s:s, s:s, s:o, s:o, s:o}", "name", it->name, "fate", names[it->fate],
                             "node", it->node[0] ? nb_cli_json_string(it->node) : json_null(), "ms",
                             it->ms > 0.0 ? json_real(it->ms) : json_null(), "bytes",
                             json_integer((json_int_t)it->bytes));
    if (!it->because && it->fate == FATE_MADE) {
        json_object_set_new(json, "where", json_string(it->in_parallel ? "parallel" : "song"));
    }
    if (!it->because || it->fate != FATE_MADE) {
        return json;
    }
    NB_SCOPED(nb_text_fini) nb_text words = {0};
    json_t *because = json_array();
    if (reason_words(self, it, false, &words, NULL) == NB_OK && words.chars) {
        char *rest = NULL;
        for (char *line = strtok_r(words.chars, "\n", &rest); line;
             line = strtok_r(NULL, "\n", &rest)) {
            json_array_append_new(because, nb_cli_json_string(line));
        }
    }
    json_object_set_new(json, "because", because);
    return json;
}

static nb_status print_json(const plan *self, nb_error *err)
{
    json_t *outputs = json_array();
    json_t *edges = json_array();
    for (size_t i = 0; i < self->output_count; i++) {
        json_array_append_new(outputs, row_to_json(self, &self->outputs[i]));
    }
    for (size_t i = 0; i < self->edge_count; i++) {
        json_array_append_new(edges, row_to_json(self, &self->edges[i]));
    }
    json_t *task =
        self->task_ms > 0.0
            ? json_pack("{s:f, s:I, s:o, s:i, s:f}", "ms", self->task_ms, "bytes",
                        (json_int_t)self->task_bytes, "node",
                        self->where ? nb_cli_json_string(self->where) : json_null(), "freeze_tasks",
                        (int)self->split.task_count, "split_ms", self->split.split_ms)
            : json_null();
    return nb_cli_print_json(
        json_pack(
            "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:i, s:f}}", "song", self->name.song, "version",
            self->after.is_version ? nb_cli_json_string(self->after.name.version) : json_null(),
            "against", self->has_before ? nb_cli_json_string(self->before.label) : json_null(),
            "fingerprint", nb_cli_json_string(self->reply->key_answer->fingerprint), "task", task,
            "outputs", outputs, "edges", edges, "again", "edges", (int)self->again_count,
            "ns_per_frame", self->again_ns),
        err);
}

static nb_status run_plan(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(plan_fini) plan self = {.cli = cli};
    static nb_status (*const steps[])(plan *, nb_error *) = {open_sides, build_graphs, choose_rows,
                                                             ask_keys};
    nb_status status = NB_OK;
    for (size_t i = 0; i < NB_COUNT(steps) && status == NB_OK; i++) {
        status = steps[i](&self, err);
    }
    if (status == NB_OK) {
        find_node(&self);
        find_frames(&self);
        status = find_costs(&self, err);
    }
    if (status == NB_OK) {
        status = find_edges(&self, err);
    }
    if (status == NB_OK) {
        status = find_split(&self, err);
    }
    if (status == NB_OK) {
        status = find_reasons(&self, err);
    }
    if (status != NB_OK) {
        return status;
    }
    return cli->json ? print_json(&self, err) : print_plan(&self, err);
}

static const nb_option options[] = {
    {"stems", 0, NULL, "the stems too"},
};

const nb_command nb_command_plan = {
    .name = "plan",
    .usage = "SONG[@V] [--stems] [--json]",
    .summary = "what a render would make, what is kept, and why",
    .details = "SONG alone is the working folder's, held against the newest version: what a push\n"
               "would cost. Of a version: what a render of it would make now. Times and sizes\n"
               "are estimates.",
    .examples = "  nightbus plan night\n"
                "  nightbus plan night@v4 --stems --json",
    .words_min = 1,
    .words_max = 1,
    .options = options,
    .option_count = NB_COUNT(options),
    .has_json = true,
    .run = run_plan,
};
