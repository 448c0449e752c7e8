// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/parse.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_id(const void *a, const void *b)
{
    const nb_named *left = a;
    const nb_named *right = b;
    const int order = strcmp(left->id, right->id);
    if (order != 0) {
        return order;
    }
    return left->place.line != right->place.line ? (left->place.line < right->place.line ? -1 : 1)
                                                 : (left->place.column > right->place.column) -
                                                       (left->place.column < right->place.column);
}

void nb_parse_unique(nb_parse *self, nb_named *names, size_t count, const char *what)
{
    if (count < 2) {
        return;
    }
    qsort(names, count, sizeof *names, by_id);
    for (size_t i = 1; i < count; i++) {
        if (names[i].id[0] != '\0' && strcmp(names[i - 1].id, names[i].id) == 0) {
            nb_problems_add(self->reader.problems, names[i].place,
                            "%s '%s' is there twice, first on line %u", what, names[i].id,
                            names[i - 1].place.line);
        }
    }
}

const nb_param *nb_parse_pan_params(nb_parse *self)
{
    if (self->pan_params || !self->pan) {
        return self->pan_params;
    }
    nb_param *params = nb_read_take(&self->reader, self->pan->param_count, sizeof *params);
    for (size_t i = 0; params && i < self->pan->param_count; i++) {
        char key[80];
        params[i] = self->pan->params[i];
        params[i].name = nb_read_string(&self->reader,
                                        nb_schema_pan_key(&self->pan->params[i], key, sizeof key));
        if (!params[i].name) {
            return NULL;
        }
    }
    self->pan_params = params;
    return params;
}

/// The id that the field gives, else the item's number.
static const char *id_or_number(nb_parse *self, const nb_field *field, size_t index)
{
    if (field->given) {
        return field->good && field->text ? field->text : "";
    }
    char number[24];
    snprintf(number, sizeof number, "%zu", index + 1);
    const char *id = nb_read_string(&self->reader, number);
    return id ? id : "";
}

static const char *text_or(const nb_field *field, const char *other)
{
    return field->good && field->text ? field->text : other;
}

static void check_clip(nb_parse *self, const nb_clip *clip, const nb_field *fields)
{
    const unsigned rate_hz = self->document->rate_hz; // 0 where it is wrong
    if (clip->length_ns == 0) {
        nb_problems_add(self->reader.problems, fields[NB_CLIP_LENGTH].place,
                        "length: 0; expected more than 0 s");
    } else if (clip->length_ns > 0 && rate_hz > 0 &&
               nb_text_ns_to_frames(clip->length_ns, rate_hz) == 0) {
        nb_problems_add(self->reader.problems, fields[NB_CLIP_LENGTH].place,
                        "length: %.9f s is no frame at %u Hz; expected %.9f s or more",
                        (double)clip->length_ns * 1e-9, rate_hz, 1.0 / rate_hz);
    } else if (clip->length_ns > 0 && clip->fade_in_ns + clip->fade_out_ns > clip->length_ns) {
        nb_problems_add(self->reader.problems, clip->place,
                        "the fades (%.3f s and %.3f s) are longer than the clip's %.3f s",
                        (double)clip->fade_in_ns * 1e-9, (double)clip->fade_out_ns * 1e-9,
                        (double)clip->length_ns * 1e-9);
    }
}

static void parse_clip(nb_parse *self, const nb_yaml_node *node, size_t index, nb_clip *out)
{
    nb_field fields[NB_CLIP_KEYS];
    nb_read_object(&self->reader, node, &nb_clip_object, fields, NULL);
    const nb_field *length = &fields[NB_CLIP_LENGTH];
    *out = (nb_clip){
        .id = id_or_number(self, &fields[NB_CLIP_ID], index),
        .file = text_or(&fields[NB_CLIP_FILE], ""),
        .place = fields[NB_CLIP_FILE].place,
        .at_ns = fields[NB_CLIP_AT].ns,
        .offset_ns = fields[NB_CLIP_OFFSET].ns,
        .length_ns = length->given && length->good ? length->ns : -1,
        .gain_db = fields[NB_CLIP_GAIN].number,
        .fade_in_ns = fields[NB_CLIP_FADE_IN].ns,
        .fade_out_ns = fields[NB_CLIP_FADE_OUT].ns,
        .fade_in_shape = (nb_fade_shape)fields[NB_CLIP_FADE_IN_SHAPE].number,
        .fade_out_shape = (nb_fade_shape)fields[NB_CLIP_FADE_OUT_SHAPE].number,
    };
    check_clip(self, out, fields);
}

static void parse_clips(nb_parse *self, const nb_field *field, nb_strip *out)
{
    const nb_yaml_node *first =
        nb_read_list(&self->reader, field, "clips", NB_CLIPS_MAX - self->clip_count);
    const size_t count = first ? field->node->count : 0;
    self->clip_count += count;
    nb_clip *clips = nb_read_take(&self->reader, count, sizeof *clips);
    nb_named *names = nb_read_take(&self->reader, count, sizeof *names);
    if (!clips || !names) {
        return;
    }
    size_t i = 0;
    for (const nb_yaml_node *at = first; at; at = at->next, i++) {
        parse_clip(self, at, i, &clips[i]);
        names[i] = (nb_named){clips[i].id, at->place};
    }
    nb_parse_unique(self, names, count, "clip");
    out->clips = clips;
    out->clip_count = count;
}

static void parse_sends(nb_parse *self, const nb_field *field, nb_strip *out)
{
    const nb_yaml_node *first = nb_read_list(&self->reader, field, "sends", NB_SENDS_MAX);
    const size_t count = first ? field->node->count : 0;
    nb_send *sends = nb_read_take(&self->reader, count, sizeof *sends);
    nb_named *names = nb_read_take(&self->reader, count, sizeof *names);
    if (!sends || !names) {
        return;
    }
    size_t i = 0;
    for (const nb_yaml_node *at = first; at; at = at->next, i++) {
        nb_field fields[NB_SEND_KEYS];
        nb_read_object(&self->reader, at, &nb_send_object, fields, NULL);
        sends[i] = (nb_send){.to = text_or(&fields[NB_SEND_TO], ""),
                             .place = fields[NB_SEND_TO].place,
                             .level_db = fields[NB_SEND_LEVEL].number,
                             .pre_fader = fields[NB_SEND_TAP].number != 0.0};
        names[i] = (nb_named){sends[i].to, sends[i].place};
    }
    nb_parse_unique(self, names, count, "send to");
    out->sends = sends;
    out->send_count = count;
}

void nb_parse_plain_mix(nb_strip *out)
{
    *out = (nb_strip){.id = "mix", .name = "mix", .is_bus = true};
}

static void take_identity(nb_parse *self, const nb_field *fields, nb_strip *out)
{
    out->id = text_or(&fields[NB_STRIP_ID], "");
    if (strcmp(out->id, "mix") == 0) {
        nb_problems_add(self->reader.problems, fields[NB_STRIP_ID].place,
                        "id: 'mix' is the mix bus; choose another");
        out->id = "";
    }
    if (fields[NB_STRIP_ID].given) {
        out->place = fields[NB_STRIP_ID].place;
    }
    out->name = text_or(&fields[NB_STRIP_NAME], out->id);
    out->polarity_inverted = fields[NB_STRIP_POLARITY].number != 0.0;
    out->mute = fields[NB_STRIP_MUTE].number != 0.0;
    out->output = text_or(&fields[NB_STRIP_OUTPUT], "mix");
    out->output_place = fields[NB_STRIP_OUTPUT].place;
}

void nb_parse_strip(nb_parse *self, const nb_yaml_node *node, const nb_object *object,
                    nb_strip *out)
{
    nb_parse_plain_mix(out);
    out->place = node->place;
    out->is_bus = object != &nb_track_object;
    nb_field fields[NB_STRIP_TRACK_KEYS];
    nb_read_params pan = {0};
    if (object->extra == NB_EXTRA_PAN && nb_parse_pan_params(self)) {
        pan = (nb_read_params){.params = self->pan_params, .count = self->pan->param_count};
        pan.values = nb_read_take(&self->reader, pan.count, sizeof *pan.values);
        if (!pan.values) {
            return;
        }
    }
    nb_read_object(&self->reader, node, object, fields, pan.count > 0 ? &pan : NULL);
    out->pan_values = pan.values;
    out->fader_db = fields[NB_STRIP_FADER].number;
    nb_parse_inserts(self, &fields[NB_STRIP_INSERTS], out);
    if (object == &nb_mix_object) {
        return;
    }
    take_identity(self, fields, out);
    parse_sends(self, &fields[NB_STRIP_SENDS], out);
    if (object == &nb_track_object) {
        parse_clips(self, &fields[NB_STRIP_CLIPS], out);
    }
}
