// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/reader.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CANDIDATES_MAX = 96 };

void *nb_read_take(nb_reader *self, size_t count, size_t size)
{
    void *taken = count > 0 ? nb_arena_take(self->arena, count, size) : NULL;
    self->no_memory |= count > 0 && !taken;
    return taken;
}

const char *nb_read_string(nb_reader *self, const char *text)
{
    const char *copy = nb_arena_string(self->arena, text);
    self->no_memory |= !copy;
    return copy;
}

const char *nb_read_nearest(const char *word, const char *const *candidates, size_t count,
                            char out[120])
{
    const char *nearest =
        strlen(word) <= 200 ? nb_text_nearest(word, candidates, count) : NULL; // else too slow
    out[0] = '\0';
    if (nearest) {
        snprintf(out, 120, "; did you mean '%s'?", nearest);
    }
    return out;
}

static nb_status parse_choice(const nb_param *param, const char *text, double *out, nb_error *err)
{
    char all[200] = "";
    size_t count = 0;
    size_t length = 0;
    for (; param->choices[count]; count++) {
        if (strcmp(param->choices[count], text) == 0) {
            *out = (double)count;
            return NB_OK;
        }
        if (length < sizeof all) {
            length += (size_t)snprintf(all + length, sizeof all - length, "%s%s",
                                       count > 0 ? ", " : "", param->choices[count]);
        }
    }
    char hint[120];
    return nb_fail(err, NB_E_INVALID, "'%.40s' is none of %s%s", text, all,
                   nb_read_nearest(text, param->choices, count, hint));
}

static nb_status parse_switch(const char *text, double *out, nb_error *err)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        return nb_fail(err, NB_E_INVALID, "'%.40s' where true or false is expected", text);
    }
    *out = text[0] == 't';
    return NB_OK;
}

nb_status nb_param_parse(const nb_param *param, const char *text, double *out, nb_error *err)
{
    if (param->scale == NB_SCALE_CHOICE) {
        return parse_choice(param, text, out, err);
    }
    if (param->scale == NB_SCALE_SWITCH) {
        return parse_switch(text, out, err);
    }
    if (strcmp(text, "off") == 0 && param->off) {
        *out = -INFINITY;
        return NB_OK;
    }
    char expected[100];
    snprintf(expected, sizeof expected, "expected %s %g to %g%s%s%s",
             param->scale == NB_SCALE_WHOLE ? "a whole number," : "a number,", param->min,
             param->max, param->unit[0] ? " " : "", param->unit, param->off ? ", or off" : "");
    double value = 0.0;
    nb_error why = {0};
    if (nb_text_parse_number(text, &value, &why) != NB_OK) {
        return nb_fail(err, NB_E_INVALID, "%s; %s", why.text, expected);
    }
    if (param->scale == NB_SCALE_WHOLE && value != floor(value)) {
        return nb_fail(err, NB_E_INVALID, "'%.40s' is not whole; %s", text, expected);
    }
    if (!(value >= param->min && value <= param->max)) {
        return nb_fail(err, NB_E_INVALID, "%.40s%s%s is out of range; %s", text,
                       param->unit[0] ? " " : "", param->unit, expected);
    }
    *out = value + 0.0; // -0 is 0
    return NB_OK;
}

static bool read_meter(const char *text, nb_field *field)
{
    unsigned parts[2] = {0, 0};
    const char *at = text;
    for (int i = 0; i < 2; i++) {
        const size_t digits = strspn(at, "0123456789");
        if (digits == 0 || digits > 2) {
            return false;
        }
        for (size_t d = 0; d < digits; d++) {
            parts[i] = parts[i] * 10 + (unsigned)(at[d] - '0');
        }
        at += digits;
        if (*at != (i == 0 ? '/' : '\0')) {
            return false;
        }
        at++;
    }
    field->beats = parts[0];
    field->unit = parts[1];
    const bool is_power_of_two = (parts[1] & (parts[1] - 1)) == 0;
    return parts[0] >= 1 && parts[0] <= 64 && parts[1] >= 1 && parts[1] <= 64 && is_power_of_two;
}

static nb_status read_text(nb_reader *self, const nb_key *key, const char *text, nb_field *field,
                           nb_error *err)
{
    switch (key->type) {
    case NB_KEY_FORMAT_NAME:
        if (strcmp(text, NB_MIX_FORMAT) != 0) {
            return nb_fail(err, NB_E_VERSION,
                           "'%.40s' is not a format that this version reads; expected %s", text,
                           NB_MIX_FORMAT);
        }
        break;
    case NB_KEY_NAME:
        if (nb_text_check_name("name", text, err) != NB_OK) {
            return NB_E_INVALID;
        }
        break;
    case NB_KEY_ID:
    case NB_KEY_PROCESSOR:
        if (!nb_text_is_id(text)) {
            return nb_fail(err, NB_E_INVALID,
                           "'%.70s' is not an id; expected 1 to 64 of a-z, 0-9 and '-'", text);
        }
        break;
    case NB_KEY_PATH:
        if (nb_text_check_path(text, err) != NB_OK) {
            return NB_E_INVALID;
        }
        break;
    case NB_KEY_TIME:
        return nb_text_parse_time(text, &field->ns, err);
    case NB_KEY_METER:
        return read_meter(text, field)
                   ? NB_OK
                   : nb_fail(err, NB_E_INVALID, "'%.40s' is not a meter; expected one like 4/4",
                             text);
    case NB_KEY_PARAM:
        return nb_param_parse(key->param, text, &field->number, err);
    default:
        return NB_OK;
    }
    field->text = nb_read_string(self, text);
    return NB_OK;
}

static void read_container(nb_reader *self, const nb_key *key, const nb_yaml_node *node,
                           nb_field *field)
{
    const bool is_list = key->type == NB_KEY_LIST || key->type == NB_KEY_IDS;
    const nb_yaml_kind kind = is_list ? NB_YAML_LIST : NB_YAML_MAP;
    if (nb_yaml_is_empty(node)) {
        field->good = true; // `inserts:` with nothing behind it
        return;
    }
    if (node->kind != kind) {
        nb_problems_add(self->problems, node->place, "%s: %s where %s is expected", key->name,
                        nb_yaml_kind_name(node), kind == NB_YAML_LIST ? "a list" : "a map");
        return;
    }
    field->node = node;
    field->good = true;
}

static void read_key(nb_reader *self, const nb_key *key, const nb_yaml_node *node, nb_field *field)
{
    if (field->given) {
        return; // given twice, which is said already; the first counts
    }
    field->given = true;
    field->place = node->place;
    if (key->type == NB_KEY_RESERVED) {
        nb_problems_add(self->problems, node->key_place,
                        "'%s' is reserved for a later version of the format", key->name);
        return;
    }
    if (node->kind == NB_YAML_BROKEN) {
        return;
    }
    if (key->type == NB_KEY_LIST || key->type == NB_KEY_MAP || key->type == NB_KEY_LANES ||
        key->type == NB_KEY_IDS || key->type == NB_KEY_OFFSETS) {
        read_container(self, key, node, field);
        return;
    }
    field->node = node;
    if (key->type == NB_KEY_POINTS) {
        field->good = true;
        return;
    }
    if (node->kind != NB_YAML_SCALAR || node->length == 0) {
        nb_problems_add(self->problems, node->place, "%s: %s where a value is expected", key->name,
                        nb_yaml_kind_name(node));
        return;
    }
    nb_error err = {0};
    field->good = read_text(self, key, node->text, field, &err) == NB_OK;
    if (!field->good) {
        nb_problems_add(self->problems, node->place, "%s: %s", key->name, err.text);
    }
}

static void read_param(nb_reader *self, const nb_param *param, const nb_yaml_node *node,
                       double *value)
{
    if (node->kind == NB_YAML_BROKEN) {
        return;
    }
    if (node->kind != NB_YAML_SCALAR || node->length == 0) {
        nb_problems_add(self->problems, node->place, "%s: %s where a value is expected",
                        param->name, nb_yaml_kind_name(node));
        return;
    }
    nb_error err = {0};
    if (nb_param_parse(param, node->text, value, &err) != NB_OK) {
        nb_problems_add(self->problems, node->place, "%s: %s", param->name, err.text);
    }
}

static void refuse_key(nb_reader *self, const nb_yaml_node *node, const nb_object *object,
                       const nb_read_params *params)
{
    const char *candidates[CANDIDATES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < object->key_count; i++) {
        if (object->keys[i].type != NB_KEY_RESERVED) {
            candidates[count++] = object->keys[i].name;
        }
    }
    for (size_t i = 0; params && i < params->count && count < CANDIDATES_MAX; i++) {
        candidates[count++] = params->params[i].name;
    }
    char hint[120];
    nb_problems_add(self->problems, node->key_place, "%s has no key '%.60s'%s", object->name,
                    node->key, nb_read_nearest(node->key, candidates, count, hint));
}

static void read_member(nb_reader *self, const nb_yaml_node *node, const nb_object *object,
                        nb_field *fields, const nb_read_params *params)
{
    for (size_t i = 0; i < object->key_count; i++) {
        if (strcmp(object->keys[i].name, node->key) == 0) {
            read_key(self, &object->keys[i], node, &fields[i]);
            return;
        }
    }
    const int index = params ? nb_param_find(params->params, params->count, node->key) : -1;
    if (index >= 0) {
        read_param(self, &params->params[index], node, &params->values[index]);
    } else if (!params || !params->any) {
        refuse_key(self, node, object, params);
    }
}

bool nb_read_object(nb_reader *self, const nb_yaml_node *node, const nb_object *object,
                    nb_field *fields, const nb_read_params *params)
{
    for (size_t i = 0; i < object->key_count; i++) {
        const nb_key *key = &object->keys[i];
        const double initial = key->type == NB_KEY_PARAM ? key->param->initial : 0.0;
        fields[i] = (nb_field){.place = node->place, .number = initial};
    }
    for (size_t i = 0; params && i < params->count; i++) {
        params->values[i] = params->params[i].initial;
    }
    if (node->kind == NB_YAML_BROKEN) {
        return false;
    }
    if (node->kind != NB_YAML_MAP) {
        nb_problems_add(self->problems, node->place, "%s where the keys of a %s are expected",
                        nb_yaml_kind_name(node), object->name);
        return false;
    }
    for (const nb_yaml_node *at = node->first; at; at = at->next) {
        read_member(self, at, object, fields, params);
    }
    for (size_t i = 0; i < object->key_count; i++) {
        if (object->keys[i].required && !fields[i].given) {
            nb_problems_add(self->problems, node->place, "%s lacks its key '%s'", object->name,
                            object->keys[i].name);
        }
    }
    return true;
}

const nb_yaml_node *nb_read_list(nb_reader *self, const nb_field *field, const char *what,
                                 size_t most)
{
    if (!field->node) {
        return NULL;
    }
    if (field->node->count > most) {
        nb_problems_add(self->problems, field->place, "%zu %s; at most %zu are allowed",
                        field->node->count, what, most);
        return NULL;
    }
    return field->node->first;
}
