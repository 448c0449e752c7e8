// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_strip_id(const void *a, const void *b)
{
    const nb_strip *const *left = a;
    const nb_strip *const *right = b;
    return strcmp((*left)->id, (*right)->id);
}

/// Index in `strips`, or -1.
static ptrdiff_t index_of(const nb_parse *self, const char *id)
{
    const nb_strip key = {.id = id};
    const nb_strip *key_p = &key;
    const nb_strip **found = self->strip_count > 0
                                 ? bsearch(&key_p, self->strips, self->strip_count,
                                           sizeof(const nb_strip *), by_strip_id)
                                 : NULL;
    return found ? found - self->strips : -1;
}

const nb_strip *nb_parse_find_strip(const nb_parse *self, const char *id)
{
    const ptrdiff_t index = index_of(self, id);
    return index < 0 ? NULL : self->strips[index];
}

const char *nb_parse_nearest_strip(nb_parse *self, const char *id, char out[120])
{
    const char **ids = calloc(self->strip_count + 1, sizeof *ids);
    out[0] = '\0';
    for (size_t i = 0; ids && i < self->strip_count; i++) {
        ids[i] = self->strips[i]->id;
    }
    if (ids) {
        nb_read_nearest(id, ids, self->strip_count, out);
    }
    free(ids);
    return out;
}

static void index_strips(nb_parse *self)
{
    const nb_document *document = self->document;
    const size_t most = document->track_count + document->bus_count + 1;
    self->strips = nb_read_take(&self->reader, most, sizeof(const nb_strip *));
    nb_named *names = nb_read_take(&self->reader, most, sizeof *names);
    if (!self->strips || !names) {
        return;
    }
    size_t count = 0;
    for (size_t i = 0; i < most; i++) {
        const size_t bus = i - document->track_count;
        const nb_strip *strip = i < document->track_count   ? &document->tracks[i]
                                : bus < document->bus_count ? &document->buses[bus]
                                                            : &document->mix;
        if (strip->id[0] != '\0') {
            names[count] = (nb_named){strip->id, strip->place};
            self->strips[count++] = strip;
        }
    }
    nb_parse_unique(self, names, count, "id");
    qsort(self->strips, count, sizeof(const nb_strip *), by_strip_id);
    self->strip_count = count;
}

static void check_bus(nb_parse *self, const char *what, const char *id, nb_place place,
                      const char *expected)
{
    const nb_strip *strip = nb_parse_find_strip(self, id);
    char hint[120];
    if (id[0] == '\0') {
        return; // said when it was read
    }
    if (!strip) {
        nb_problems_add(self->reader.problems, place, "%s: there is no bus '%s'%s", what, id,
                        nb_parse_nearest_strip(self, id, hint));
    } else if (!strip->is_bus) {
        nb_problems_add(self->reader.problems, place, "%s: '%s' is a track; expected %s", what, id,
                        expected);
    }
}

static void check_sidechain(nb_parse *self, const nb_insert *insert)
{
    const nb_strip *strip = nb_parse_find_strip(self, insert->sidechain);
    char hint[120];
    if (!strip || strip == &self->document->mix) {
        nb_problems_add(self->reader.problems, insert->sidechain_place,
                        "sidechain: there is no track or bus '%s'%s", insert->sidechain,
                        nb_parse_nearest_strip(self, insert->sidechain, hint));
    }
}

static void check_targets(nb_parse *self, const nb_strip *strip)
{
    if (strip->output && strcmp(strip->output, "mix") != 0) {
        check_bus(self, "output", strip->output, strip->output_place, "a bus, or mix");
    }
    for (size_t i = 0; i < strip->send_count; i++) {
        const nb_send *send = &strip->sends[i];
        if (strcmp(send->to, "mix") == 0) {
            nb_problems_add(self->reader.problems, send->place,
                            "to: sends go to buses; 'mix' is what 'output' names");
        } else {
            check_bus(self, "to", send->to, send->place, "a bus");
        }
    }
    for (size_t i = 0; i < strip->insert_count; i++) {
        if (strip->inserts[i].sidechain) {
            check_sidechain(self, &strip->inserts[i]);
        }
    }
}

/// One strip feeds another, because the document says so at `place`.
typedef struct edge {
    size_t from, to;
    nb_place place;
} edge;

typedef struct walk {
    nb_parse *parse;
    const edge *edges;        // by `from`
    const size_t *first_edge; // of each strip; one more at the end
    char *states;             // 0 unseen, 1 on the path, 2 done
    size_t *path;
    size_t depth;
} walk;

static void report_loop(walk *self, const edge *closing)
{
    char names[300] = "";
    size_t length = 0;
    size_t start = 0;
    while (self->path[start] != closing->to) {
        start++;
    }
    for (size_t i = start; i < self->depth && length < sizeof names; i++) {
        length += (size_t)snprintf(names + length, sizeof names - length, "%s -> ",
                                   self->parse->strips[self->path[i]]->id);
    }
    nb_problems_add(self->parse->reader.problems, closing->place,
                    "a loop: %s%s; no strip may feed itself", names,
                    self->parse->strips[closing->to]->id);
}

static void visit(walk *self, size_t strip)
{
    self->states[strip] = 1;
    self->path[self->depth++] = strip;
    for (size_t i = self->first_edge[strip]; i < self->first_edge[strip + 1]; i++) {
        const edge *out = &self->edges[i];
        if (self->states[out->to] == 1) {
            report_loop(self, out);
        } else if (self->states[out->to] == 0) {
            visit(self, out->to); // at most as deep as there are strips
        }
    }
    self->depth--;
    self->states[strip] = 2;
}

static void add_edge(const nb_parse *self, edge *edges, size_t *count, const char *from,
                     const char *to, nb_place place)
{
    const ptrdiff_t a = index_of(self, from);
    const ptrdiff_t b = index_of(self, to);
    if (a >= 0 && b >= 0) {
        edges[(*count)++] = (edge){(size_t)a, (size_t)b, place};
    }
}

static int by_from(const void *a, const void *b)
{
    const edge *left = a;
    const edge *right = b;
    if (left->from != right->from) {
        return left->from < right->from ? -1 : 1;
    }
    return (left->to > right->to) - (left->to < right->to);
}

static size_t collect_edges(const nb_parse *self, edge *edges)
{
    size_t count = 0;
    for (size_t s = 0; s < self->strip_count; s++) {
        const nb_strip *strip = self->strips[s];
        if (strip->output) {
            add_edge(self, edges, &count, strip->id, strip->output, strip->output_place);
        }
        for (size_t i = 0; i < strip->send_count; i++) {
            add_edge(self, edges, &count, strip->id, strip->sends[i].to, strip->sends[i].place);
        }
        for (size_t i = 0; i < strip->insert_count; i++) {
            if (strip->inserts[i].sidechain) {
                add_edge(self, edges, &count, strip->inserts[i].sidechain, strip->id,
                         strip->inserts[i].sidechain_place);
            }
        }
    }
    return count;
}

static void check_loops(nb_parse *self)
{
    size_t most = self->strip_count;
    for (size_t i = 0; i < self->strip_count; i++) {
        most += self->strips[i]->send_count + self->strips[i]->insert_count;
    }
    edge *edges = nb_read_take(&self->reader, most, sizeof *edges);
    size_t *first_edge = nb_read_take(&self->reader, self->strip_count + 1, sizeof *first_edge);
    size_t *path = nb_read_take(&self->reader, self->strip_count + 1, sizeof *path);
    char *states = nb_read_take(&self->reader, self->strip_count + 1, 1);
    if (!edges || !first_edge || !path || !states) {
        return;
    }
    const size_t count = collect_edges(self, edges);
    qsort(edges, count, sizeof *edges, by_from);
    for (size_t i = 0; i < count; i++) {
        first_edge[edges[i].from + 1] = i + 1;
    }
    for (size_t i = 1; i <= self->strip_count; i++) {
        first_edge[i] = first_edge[i] > first_edge[i - 1] ? first_edge[i] : first_edge[i - 1];
    }
    walk state = {self, edges, first_edge, states, path, 0};
    for (size_t i = 0; i < self->strip_count; i++) {
        if (states[i] == 0) {
            visit(&state, i);
        }
    }
}

void nb_parse_references(nb_parse *self)
{
    index_strips(self);
    for (size_t i = 0; i < self->strip_count; i++) {
        check_targets(self, self->strips[i]);
    }
    check_loops(self);
}
