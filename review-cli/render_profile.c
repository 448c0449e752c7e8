// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/render_profile.h"

#include "base/text.h"
#include "review-cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double least_share = 0.005; // of all: what is less has no line of its own

static const char *const works[NB_PROFILE_WORKS] = {"lanes", "edges", "meter", "writer"};

/// A line of the table. "vox/comp" is `comp` of the strip `vox`.
typedef struct row {
    const char *name; ///< Of the node
    size_t strip_length;
    uint64_t ns;
    uint64_t strip_ns; ///< Of all rows of its strip
} row;

typedef struct rows {
    row *list;
    size_t count;
    uint64_t total_ns;
    uint64_t decode_ns, sum_ns;
} rows;

static void rows_fini(rows *self) { free(self->list); }

static bool same_strip(const row *a, const row *b)
{
    return a->strip_length == b->strip_length && memcmp(a->name, b->name, a->strip_length) == 0;
}

static int by_strip(const void *a, const void *b)
{
    return strcmp(((const row *)a)->name, ((const row *)b)->name);
}

static int by_cost(const void *a, const void *b)
{
    const row *left = a;
    const row *right = b;
    if (left->strip_ns != right->strip_ns) {
        return (left->strip_ns < right->strip_ns) ? 1 : -1;
    }
    if (!same_strip(left, right)) {
        return strcmp(left->name, right->name);
    }
    return (left->ns < right->ns) - (left->ns > right->ns);
}

/// Decoding and sums have lines of their own; what is left belongs to strips.
static nb_status collect(const nb_profile *profile, const nb_graph *graph, rows *out, nb_error *err)
{
    out->list = calloc(graph->node_count + 1, sizeof *out->list);
    if (!out->list) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a profile");
    }
    for (size_t n = 0; n < graph->node_count; n++) {
        const nb_node *node = &graph->nodes[n];
        const uint64_t ns = profile->node_ns[n];
        out->total_ns += ns;
        if (node->kind == NB_NODE_CLIPS) {
            out->decode_ns += ns;
        } else if (node->kind == NB_NODE_SUM) {
            out->sum_ns += ns;
        } else if (ns > 0) {
            out->list[out->count++] = (row){node->name, strcspn(node->name, "/"), ns, 0};
        }
    }
    for (size_t w = 0; w < NB_PROFILE_WORKS; w++) {
        out->total_ns += profile->work_ns[w];
    }
    qsort(out->list, out->count, sizeof *out->list, by_strip);
    for (size_t i = 0; i < out->count;) {
        uint64_t strip_ns = 0;
        size_t end = i;
        for (; end < out->count && same_strip(&out->list[i], &out->list[end]); end++) {
            strip_ns += out->list[end].ns;
        }
        for (; i < end; i++) {
            out->list[i].strip_ns = strip_ns;
        }
    }
    qsort(out->list, out->count, sizeof *out->list, by_cost);
    return NB_OK;
}

static void add_line(nb_table *table, const char *what, uint64_t ns, uint64_t total_ns)
{
    char time[32];
    char share[16];
    snprintf(time, sizeof time, "%.1f", (double)ns / 1e6);
    snprintf(share, sizeof share, "%.1f %%", 100.0 * (double)ns / (double)(total_ns + !total_ns));
    const char *const cells[] = {what, time, share};
    nb_table_add(table, cells);
}

static nb_status print_table(const rows *self, const nb_profile *profile, const nb_cli *cli,
                             nb_error *err)
{
    static const nb_table_column columns[] = {
        {"WHERE THE TIME GOES", NB_TABLE_FLEX}, {"MS", NB_TABLE_RIGHT}, {"SHARE", NB_TABLE_RIGHT}};
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    for (size_t i = 0; i < self->count; i++) {
        const row *at = &self->list[i];
        char what[160];
        if (i == 0 || !same_strip(at, at - 1)) {
            snprintf(what, sizeof what, "%.*s", (int)at->strip_length, at->name);
            add_line(&table, what, at->strip_ns, self->total_ns);
        }
        if ((double)at->ns >= least_share * (double)self->total_ns) {
            snprintf(what, sizeof what, "  %s",
                     at->name + at->strip_length + (at->name[at->strip_length] == '/'));
            add_line(&table, what, at->ns, self->total_ns);
        }
    }
    add_line(&table, "decoding", self->decode_ns, self->total_ns);
    add_line(&table, "sums, faders and sends", self->sum_ns, self->total_ns);
    for (size_t w = 0; w < NB_PROFILE_WORKS; w++) {
        add_line(&table, works[w], profile->work_ns[w], self->total_ns);
    }
    add_line(&table, "all threads", self->total_ns, self->total_ns);
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_text_add(&text, "\n");
    nb_table_print(&table, cli->colour, &text);
    return nb_cli_print(&text, err);
}

static nb_status print_json(const rows *self, const nb_profile *profile, const nb_graph *graph,
                            nb_error *err)
{
    static const char *const kinds[] = {[NB_NODE_CLIPS] = "clips",
                                        [NB_NODE_PROCESSOR] = "processor",
                                        [NB_NODE_SUM] = "sum",
                                        [NB_NODE_PART] = "part",
                                        [NB_NODE_JOIN] = "join"};
    json_t *nodes = json_array();
    for (size_t n = 0; n < graph->node_count; n++) {
        const nb_node *node = &graph->nodes[n];
        const bool has_processor = node->kind == NB_NODE_PROCESSOR;
        if (profile->node_ns[n] > 0) {
            json_array_append_new(
                nodes, json_pack("{s:o, s:s, s:s*, s:I}", "name", nb_cli_json_string(node->name),
                                 "kind", kinds[node->kind], "processor",
                                 has_processor ? node->settings.processor->name : NULL, "ns",
                                 (json_int_t)profile->node_ns[n]));
        }
    }
    json_t *work = json_object();
    for (size_t w = 0; w < NB_PROFILE_WORKS; w++) {
        json_object_set_new(work, works[w], json_integer((json_int_t)profile->work_ns[w]));
    }
    return nb_cli_print_json(json_pack("{s:I, s:o, s:o}", "total_ns", (json_int_t)self->total_ns,
                                       "nodes", nodes, "work", work),
                             err);
}

nb_status nb_render_profile_print(const nb_profile *profile, const nb_graph *graph,
                                  const nb_cli *cli, nb_error *err)
{
    NB_SCOPED(rows_fini) rows found = {0};
    const nb_status status = collect(profile, graph, &found, err);
    if (status != NB_OK) {
        return status;
    }
    return cli->json ? print_json(&found, profile, graph, err)
                     : print_table(&found, profile, cli, err);
}
