// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/parse.h"

#include <stdio.h>
#include <string.h>

enum { PROCESSORS_MAX = 64 };

/// The processor that the insert names; null, and said why, where there is none.
static const nb_processor *find_processor(nb_parse *self, const nb_yaml_node *node)
{
    const nb_yaml_node *name = node->kind == NB_YAML_MAP ? nb_yaml_find(node, "processor") : NULL;
    if (!name || name->kind != NB_YAML_SCALAR || name->length == 0) {
        return NULL; // reading the map says so
    }
    const nb_processor *processor = nb_processor_find(name->text);
    if (processor && !processor->hidden) {
        return processor;
    }
    const char *names[PROCESSORS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < nb_processor_count() && count < PROCESSORS_MAX; i++) {
        if (!nb_processor_at(i)->hidden) {
            names[count++] = nb_processor_at(i)->name;
        }
    }
    char hint[120];
    nb_problems_add(self->reader.problems, name->place, "there is no processor '%.60s'%s",
                    name->text, nb_read_nearest(name->text, names, count, hint));
    return NULL;
}

static const char *parse_band(nb_parse *self, const nb_yaml_node *node,
                              const nb_read_params *params, size_t index)
{
    nb_field fields[NB_BAND_KEYS];
    nb_read_object(&self->reader, node, &nb_band_object, fields, params);
    const nb_field *id = &fields[NB_BAND_ID];
    if (id->given) {
        return id->good && id->text ? id->text : "";
    }
    char number[24];
    snprintf(number, sizeof number, "%zu", index + 1);
    const char *text = nb_read_string(&self->reader, number);
    return text ? text : "";
}

static void parse_bands(nb_parse *self, const nb_field *field, nb_insert *out)
{
    const nb_processor *processor = out->processor;
    if (processor->bands_max == 0) {
        if (field->given) {
            nb_problems_add(self->reader.problems, field->place, "bands: %s has none",
                            processor->name);
        }
        return;
    }
    const nb_yaml_node *first = nb_read_list(&self->reader, field, "bands", processor->bands_max);
    const size_t count = first ? field->node->count : 0;
    double *values =
        nb_read_take(&self->reader, count * processor->band_param_count, sizeof *values);
    const char **ids = nb_read_take(&self->reader, count, sizeof *ids);
    nb_named *names = nb_read_take(&self->reader, count, sizeof *names);
    if (!values || !ids || !names) {
        return;
    }
    size_t i = 0;
    for (const nb_yaml_node *at = first; at; at = at->next, i++) {
        const nb_read_params params = {.params = processor->band_params,
                                       .count = processor->band_param_count,
                                       .values = values + i * processor->band_param_count};
        ids[i] = parse_band(self, at, &params, i);
        names[i] = (nb_named){ids[i], at->place};
    }
    nb_parse_unique(self, names, count, "band");
    out->band_count = count;
    out->band_values = values;
    out->band_ids = ids;
}

static void check_extras(nb_parse *self, const nb_field *fields, const nb_insert *insert)
{
    nb_problems *problems = self->reader.problems;
    const nb_processor *processor = insert->processor;
    if (insert->sidechain && !processor->takes_sidechain) {
        nb_problems_add(problems, fields[NB_INSERT_SIDECHAIN].place,
                        "sidechain: %s does not listen to one", processor->name);
    }
    if (fields[NB_INSERT_FILE].given && !processor->takes_audio) {
        nb_problems_add(problems, fields[NB_INSERT_FILE].place, "file: %s takes none",
                        processor->name);
    }
    if (!fields[NB_INSERT_FILE].given && processor->takes_audio && !processor->audio_optional) {
        nb_problems_add(problems, insert->place, "%s needs the key 'file': an impulse response",
                        processor->name);
    }
}

/// What the processor itself says of its values, once each of them is good.
static void check_values(nb_parse *self, const nb_insert *insert)
{
    if (!insert->processor->check) {
        return;
    }
    const nb_settings settings = {
        .processor = insert->processor,
        .rate_hz = self->document->rate_hz,
        .channels = 2,
        .values = insert->values,
        .band_count = insert->band_count,
        .band_values = insert->band_values,
        .tempos = self->tempos,
        .tempo_count = self->document->tempo_count,
    };
    nb_error err = {0};
    if (insert->processor->check(&settings, &err) != NB_OK) {
        nb_problems_add(self->reader.problems, insert->place, "%s: %s", insert->id, err.text);
    }
}

static void check_id(nb_parse *self, const nb_field *field)
{
    static const char *const reserved[] = {"sends", "fader", "pan", "clips", "sum"};
    for (size_t i = 0; field->text && i < NB_COUNT(reserved); i++) {
        if (strcmp(field->text, reserved[i]) == 0) {
            nb_problems_add(self->reader.problems, field->place,
                            "id: '%s' names a part of every strip; choose another", field->text);
        }
    }
}

static void parse_insert(nb_parse *self, const nb_yaml_node *node, nb_insert *out)
{
    const size_t problems_before = self->reader.problems->total;
    const nb_processor *processor = find_processor(self, node);
    nb_read_params params = {.any = !processor};
    if (processor) {
        params.params = processor->params;
        params.count = processor->param_count;
        params.values = nb_read_take(&self->reader, params.count, sizeof *params.values);
        if (params.count > 0 && !params.values) {
            return;
        }
    }
    nb_field fields[NB_INSERT_KEYS];
    nb_read_object(&self->reader, node, &nb_insert_object, fields, &params);
    const nb_field *sidechain = &fields[NB_INSERT_SIDECHAIN];
    const nb_field *id = &fields[NB_INSERT_ID];
    const nb_field *file = &fields[NB_INSERT_FILE];
    out->place = node->place;
    out->id = id->good && id->text ? id->text : "";
    out->processor = processor;
    out->bypass = fields[NB_INSERT_BYPASS].number != 0.0;
    out->part = (nb_part)fields[NB_INSERT_CHANNEL].number;
    out->wet_percent = fields[NB_INSERT_WET].number;
    out->values = params.values;
    out->sidechain = sidechain->good ? sidechain->text : NULL;
    out->sidechain_place = sidechain->place;
    out->file = file->good ? file->text : NULL;
    out->file_place = file->place;
    check_id(self, id);
    if (!processor) {
        return;
    }
    parse_bands(self, &fields[NB_INSERT_BANDS], out);
    check_extras(self, fields, out);
    if (self->reader.problems->total == problems_before && !self->reader.no_memory) {
        check_values(self, out);
    }
}

void nb_parse_inserts(nb_parse *self, const nb_field *field, nb_strip *out)
{
    const nb_yaml_node *first = nb_read_list(&self->reader, field, "inserts", NB_INSERTS_MAX);
    const size_t count = first ? field->node->count : 0;
    nb_insert *inserts = nb_read_take(&self->reader, count, sizeof *inserts);
    nb_named *names = nb_read_take(&self->reader, count, sizeof *names);
    if (!inserts || !names) {
        return;
    }
    size_t i = 0;
    for (const nb_yaml_node *at = first; at; at = at->next, i++) {
        inserts[i].id = "";
        parse_insert(self, at, &inserts[i]);
        names[i] = (nb_named){inserts[i].id, at->place};
    }
    nb_parse_unique(self, names, count, "insert");
    out->inserts = inserts;
    out->insert_count = count;
}
