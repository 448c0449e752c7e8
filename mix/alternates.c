// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/parse.h"

#include <stdlib.h>
#include <string.h>

static int by_strip(const void *a, const void *b)
{
    const nb_override *left = a;
    const nb_override *right = b;
    return strcmp(left->strip->id, right->strip->id);
}

/// The override of the track or bus `id`, a new one if need be; null, and said why, where there is
/// no such strip.
static nb_override *find_override(nb_parse *self, const char *id, nb_place place, const char *key,
                                  nb_override *list, size_t *count)
{
    const nb_strip *strip = nb_parse_find_strip(self, id);
    if (!strip || strip == &self->document->mix) {
        char hint[120];
        nb_problems_add(self->reader.problems, place, "%s: there is no track or bus '%.64s'%s", key,
                        id, nb_parse_nearest_strip(self, id, hint));
        return NULL;
    }
    for (size_t i = 0; i < *count; i++) {
        if (list[i].strip == strip) {
            return &list[i];
        }
    }
    list[*count] = (nb_override){.strip = strip};
    return &list[(*count)++];
}

/// The strips of `mute` or `unmute`.
static void take_mutes(nb_parse *self, const nb_field *field, bool mute, nb_override *list,
                       size_t *count)
{
    const char *key = mute ? "mute" : "unmute";
    for (const nb_yaml_node *at = field->node ? field->node->first : NULL; at; at = at->next) {
        if (at->kind == NB_YAML_BROKEN) {
            continue;
        }
        if (at->kind != NB_YAML_SCALAR || at->length == 0) {
            nb_problems_add(self->reader.problems, at->place, "%s: %s where an id is expected", key,
                            nb_yaml_kind_name(at));
            continue;
        }
        nb_override *override = find_override(self, at->text, at->place, key, list, count);
        if (!override) {
            continue;
        }
        if (override->mute || override->unmute) {
            nb_problems_add(self->reader.problems, at->place, "%s: '%s' is already %s", key,
                            override->strip->id, override->mute ? "muted" : "unmuted");
        }
        override->mute = mute;
        override->unmute = !mute;
    }
}

static void take_offsets(nb_parse *self, const nb_field *field, nb_override *list, size_t *count)
{
    const nb_key *key = &nb_alternate_object.keys[NB_ALTERNATE_OFFSET];
    for (const nb_yaml_node *at = field->node ? field->node->first : NULL; at; at = at->next) {
        if (at->kind == NB_YAML_BROKEN) {
            continue;
        }
        nb_override *override = find_override(self, at->key, at->key_place, key->name, list, count);
        nb_error err = {0};
        double offset_db = 0.0;
        if (at->kind != NB_YAML_SCALAR || at->length == 0) {
            nb_problems_add(self->reader.problems, at->place,
                            "offset_db: %s where a level is expected", nb_yaml_kind_name(at));
        } else if (nb_param_parse(key->param, at->text, &offset_db, &err) != NB_OK) {
            nb_problems_add(self->reader.problems, at->place, "offset_db: %s", err.text);
        } else if (override) {
            override->offset_db = offset_db;
        }
    }
}

static size_t count_of(const nb_field *field) { return field->node ? field->node->count : 0; }

static void parse_alternate(nb_parse *self, const nb_yaml_node *node, nb_alternate *out)
{
    nb_field fields[NB_ALTERNATE_KEYS];
    nb_read_object(&self->reader, node, &nb_alternate_object, fields, NULL);
    const nb_field *id = &fields[NB_ALTERNATE_ID];
    const nb_field *name = &fields[NB_ALTERNATE_NAME];
    const nb_field *mute = &fields[NB_ALTERNATE_MUTE];
    const nb_field *unmute = &fields[NB_ALTERNATE_UNMUTE];
    const nb_field *offset = &fields[NB_ALTERNATE_OFFSET];
    *out = (nb_alternate){.id = id->good ? id->text : "", .place = node->place};
    out->name = name->good ? name->text : out->id;
    if (strcmp(out->id, "mix") == 0) {
        nb_problems_add(self->reader.problems, id->place,
                        "id: 'mix' is the mix itself; choose another");
    }
    const size_t strips = self->document->track_count + self->document->bus_count;
    const size_t named = count_of(mute) + count_of(unmute) + count_of(offset);
    nb_override *list = nb_read_take(&self->reader, named < strips ? named : strips, sizeof *list);
    if (!list) {
        if (id->good && !mute->given && !unmute->given && !offset->given) {
            nb_problems_add(self->reader.problems, node->place,
                            "alternate '%s' changes nothing: give it mute, unmute or offset_db",
                            out->id);
        }
        return;
    }
    size_t count = 0;
    take_mutes(self, mute, true, list, &count);
    take_mutes(self, unmute, false, list, &count);
    take_offsets(self, offset, list, &count);
    qsort(list, count, sizeof *list, by_strip);
    out->overrides = list;
    out->override_count = count;
}

void nb_parse_alternates(nb_parse *self, const nb_field *field)
{
    const nb_yaml_node *first = nb_read_list(&self->reader, field, "alternates", NB_ALTERNATES_MAX);
    const size_t count = first ? field->node->count : 0;
    nb_alternate *alternates = nb_read_take(&self->reader, count, sizeof *alternates);
    nb_named *names = nb_read_take(&self->reader, count, sizeof *names);
    if (!alternates || !names) {
        return;
    }
    size_t i = 0;
    for (const nb_yaml_node *at = first; at; at = at->next, i++) {
        parse_alternate(self, at, &alternates[i]);
        names[i] = (nb_named){alternates[i].id, at->place};
    }
    nb_parse_unique(self, names, count, "alternate");
    self->document->alternates = alternates;
    self->document->alternate_count = count;
}
