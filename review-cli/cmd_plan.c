// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/song_plan.h"
#include "review-cli/table.h"
#include "review/plan_reasons.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPAN_SIZE = 24, ROW_NAME_SIZE = 2 * NB_OUTPUT_NAME_SIZE + 16 };

static const char *const fates[] = {"kept", "to be made", "not needed"};

static bool has_reason(const nb_song_plan *self, const nb_plan_row *output)
{
    for (size_t i = 0; i < self->changes.count; i++) {
        if (output->because[i]) {
            return true;
        }
    }
    return false;
}

static nb_status reason_words(const nb_song_plan *self, const nb_plan_row *output, bool colour,
                              nb_text *out, nb_error *err)
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

static bool is_name_shared(const nb_song_plan *self, const nb_plan_row *edge)
{
    for (size_t i = 0; i < self->edge_count; i++) {
        if (&self->edges[i] != edge && strcmp(self->edges[i].name, edge->name) == 0) {
            return true;
        }
    }
    return false;
}

/// "mix/sum", or "mix/sum (instrumental)" where other outputs have one of that name too.
static void edge_words(const nb_song_plan *self, const nb_plan_row *edge, char out[ROW_NAME_SIZE])
{
    if (!edge->of || !is_name_shared(self, edge)) {
        snprintf(out, ROW_NAME_SIZE, "edge %s", edge->name);
        return;
    }
    const char *slash = strchr(edge->of->name, '/');
    snprintf(out, ROW_NAME_SIZE, "edge %s (%s)", edge->name, slash ? slash + 1 : edge->of->name);
}

static void add_row(nb_table *table, const nb_plan_row *it, const char *name)
{
    char ms[SPAN_SIZE] = "";
    char size[NB_TEXT_SIZE_SIZE] = "";
    if (it->ms > 0.0) {
        format_ms(it->ms, ms);
    }
    if (it->bytes > 0.0) {
        nb_text_format_size((uint64_t)it->bytes, size);
    }
    const bool is_edge = !it->because;
    const char *const where = !is_edge || it->fate != NB_FATE_MADE ? it->node
                              : it->in_parallel                    ? "in parallel"
                                                                   : "with the song";
    const char *const cells[] = {name, fates[it->fate], where, ms, size};
    nb_table_add(table, cells);
}

static void print_table(const nb_song_plan *self, nb_text *out)
{
    static const nb_table_column columns[] = {{"OUTPUT OR EDGE", NB_TABLE_FLEX},
                                              {"", NB_TABLE_LEFT},
                                              {"WHERE", NB_TABLE_FLEX},
                                              {"ALONE", NB_TABLE_RIGHT},
                                              {"SIZE", NB_TABLE_RIGHT}};
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    for (size_t i = 0; i < self->output_count; i++) {
        add_row(&table, &self->outputs[i], self->outputs[i].name);
    }
    for (size_t i = 0; i < self->edge_count; i++) {
        char name[ROW_NAME_SIZE];
        edge_words(self, &self->edges[i], name);
        add_row(&table, &self->edges[i], name);
    }
    nb_table_print(&table, self->cli->colour, out);
}

/// Outputs with the same reasons stand together.
static nb_status print_reasons(const nb_song_plan *self, nb_text *out, nb_error *err)
{
    nb_status status = NB_OK;
    const size_t bytes = self->changes.count * sizeof(bool);
    for (size_t i = 0; status == NB_OK && i < self->output_count; i++) {
        const nb_plan_row *first = &self->outputs[i];
        bool told = first->fate != NB_FATE_MADE;
        for (size_t j = 0; !told && j < i; j++) {
            told = self->outputs[j].fate == NB_FATE_MADE &&
                   memcmp(self->outputs[j].because, first->because, bytes) == 0;
        }
        if (told) {
            continue;
        }
        nb_text_addf(out, "\n%s", first->name);
        for (size_t j = i + 1; j < self->output_count; j++) {
            if (self->outputs[j].fate == NB_FATE_MADE &&
                memcmp(self->outputs[j].because, first->because, bytes) == 0) {
                nb_text_addf(out, ", %s", self->outputs[j].name);
            }
        }
        nb_text_add(out, ", because:\n");
        status = reason_words(self, first, self->cli->colour, out, err);
    }
    return status;
}

static void print_split(const nb_song_plan *self, const char *size, nb_text *out)
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

static nb_status print_plan(const nb_song_plan *self, nb_error *err)
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

static json_t *row_to_json(const nb_song_plan *self, const nb_plan_row *it)
{
    static const char *const names[] = {"kept", "made", "not-needed"};
    json_t *json = json_pack("{s:s, s:s, s:o, s:o, s:o}", "name", it->name, "fate", names[it->fate],
                             "node", it->node[0] ? nb_cli_json_string(it->node) : json_null(), "ms",
                             it->ms > 0.0 ? json_real(it->ms) : json_null(), "bytes",
                             json_integer((json_int_t)it->bytes));
    if (!it->because) {
        json_object_set_new(json, "of", it->of ? nb_cli_json_string(it->of->name) : json_null());
    }
    if (!it->because && it->fate == NB_FATE_MADE) {
        json_object_set_new(json, "where", json_string(it->in_parallel ? "parallel" : "song"));
    }
    if (!it->because || it->fate != NB_FATE_MADE) {
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

static nb_status print_json(const nb_song_plan *self, nb_error *err)
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
    NB_SCOPED(nb_song_plan_fini) nb_song_plan self = {0};
    const nb_status status = nb_song_plan_find(cli, &self, err);
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
