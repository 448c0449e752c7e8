// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/reference/reference.h"

#include "mix/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char id_pattern[] = "^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$";
static const char time_pattern[] = "^([0-9]+:)?([0-9]+:)?[0-9]+(\\.[0-9]{1,9})?$";

static json_t *text_of(const char *pattern)
{
    return json_pack("{s:s, s:s}", "type", "string", "pattern", pattern);
}

/// What YAML readers make of `92.5` and `1:32`: a number or a text.
static json_t *time_schema(void)
{
    return json_pack("{s:[{s:s, s:i}, o]}", "anyOf", "type", "number", "minimum", 0,
                     text_of(time_pattern));
}

static json_t *param_schema(const nb_param *param)
{
    json_t *out = NULL;
    if (param->scale == NB_SCALE_SWITCH) {
        out = json_pack("{s:s}", "type", "boolean");
    } else if (param->scale == NB_SCALE_CHOICE) {
        json_t *names = json_array();
        for (size_t i = 0; param->choices[i]; i++) {
            const char *name = param->choices[i];
            json_array_append_new(names, json_string(name));
            if (strspn(name, "0123456789") == strlen(name)) { // `12` is a number to YAML readers
                json_array_append_new(names, json_integer(strtol(name, NULL, 10)));
            }
        }
        out = json_pack("{s:o}", "enum", names);
    } else {
        out = json_pack("{s:s, s:f, s:f}", "type",
                        param->scale == NB_SCALE_WHOLE ? "integer" : "number", "minimum",
                        param->min, "maximum", param->max);
        // Some YAML readers make a truth value of `off`.
        if (param->off) {
            out = json_pack("{s:[o, {s:[s, b]}]}", "anyOf", out, "enum", "off", 0);
        }
    }
    if (param->help) {
        json_object_set_new(out, "description", json_string(param->help));
    }
    return out;
}

static json_t *object_schema(const nb_object *object, const nb_processor *processor);

static json_t *reference_to(const char *name)
{
    char path[80];
    snprintf(path, sizeof path, "#/$defs/%s", name);
    return json_pack("{s:s}", "$ref", path);
}

static json_t *key_schema(const nb_key *key)
{
    switch (key->type) {
    case NB_KEY_FORMAT_NAME:
        return json_pack("{s:s}", "const", NB_MIX_FORMAT);
    case NB_KEY_NAME:
        return json_pack("{s:s, s:i, s:i}", "type", "string", "minLength", 1, "maxLength", 200);
    case NB_KEY_ID:
        return text_of(id_pattern);
    case NB_KEY_PATH:
        return json_pack("{s:s, s:i, s:i}", "type", "string", "minLength", 1, "maxLength", 1000);
    case NB_KEY_TIME:
        return time_schema();
    case NB_KEY_METER:
        return text_of("^[0-9]{1,2}/[0-9]{1,2}$");
    case NB_KEY_PARAM:
        return param_schema(key->param);
    case NB_KEY_LIST:
        return json_pack("{s:[s, s], s:o}", "type", "array", "null", "items",
                         reference_to(key->object->name));
    case NB_KEY_MAP:
        return reference_to(key->object->name);
    case NB_KEY_IDS:
        return json_pack("{s:[s, s], s:o}", "type", "array", "null", "items", text_of(id_pattern));
    case NB_KEY_OFFSETS:
        return json_pack("{s:[s, s], s:o}", "type", "object", "null", "additionalProperties",
                         param_schema(key->param));
    case NB_KEY_LANES:
        return json_pack("{s:[s, s], s:{s:[{s:s}, o]}}", "type", "object", "null",
                         "additionalProperties", "anyOf", "type", "string",
                         reference_to(key->object->name));
    default:
        return json_pack("{s:s}", "type", "string");
    }
}

static void add_params(json_t *properties, const nb_param *params, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_object_set_new(properties, params[i].name, param_schema(&params[i]));
    }
}

static void add_key(json_t *properties, const nb_key *key, const nb_processor *processor)
{
    json_t *schema = NULL;
    if (processor && key->type == NB_KEY_PROCESSOR) {
        schema = json_pack("{s:s}", "const", processor->name);
    } else if (processor && key->object == &nb_band_object) {
        schema =
            json_pack("{s:s, s:i, s:o}", "type", "array", "maxItems", (int)processor->bands_max,
                      "items", object_schema(&nb_band_object, processor));
    } else {
        schema = key_schema(key);
    }
    if (key->help) {
        json_object_set_new(schema, "description", json_string(key->help));
    }
    json_object_set_new(properties, key->name, schema);
}

/// Does the processor's insert take this key at all?
static bool takes(const nb_processor *processor, const nb_object *object, size_t key)
{
    if (object != &nb_insert_object) {
        return true;
    }
    return !(key == NB_INSERT_BANDS && processor->bands_max == 0) &&
           !(key == NB_INSERT_SIDECHAIN && !processor->takes_sidechain) &&
           !(key == NB_INSERT_FILE && !processor->takes_audio);
}

/// `processor` is whose insert or band it is; null for all else.
static json_t *object_schema(const nb_object *object, const nb_processor *processor)
{
    json_t *properties = json_object();
    json_t *required = json_array();
    for (size_t i = 0; i < object->key_count; i++) {
        const nb_key *key = &object->keys[i];
        if (key->type == NB_KEY_RESERVED || (processor && !takes(processor, object, i))) {
            continue;
        }
        add_key(properties, key, processor);
        const bool needs_file = processor && object == &nb_insert_object && i == NB_INSERT_FILE &&
                                !processor->audio_optional;
        if (key->required || needs_file) {
            json_array_append_new(required, json_string(key->name));
        }
    }
    const nb_processor *pan = nb_processor_find("pan");
    for (size_t i = 0; object->extra == NB_EXTRA_PAN && i < pan->param_count; i++) {
        char key[80];
        json_object_set_new(properties, nb_schema_pan_key(&pan->params[i], key, sizeof key),
                            param_schema(&pan->params[i]));
    }
    if (processor && object->extra == NB_EXTRA_INSERT) {
        add_params(properties, processor->params, processor->param_count);
    } else if (processor && object->extra == NB_EXTRA_BAND) {
        add_params(properties, processor->band_params, processor->band_param_count);
    }
    return json_pack("{s:s, s:s, s:o, s:o, s:b}", "type", "object", "description", object->help,
                     "required", required, "properties", properties, "additionalProperties", 0);
}

/// An insert is one of the processors, each with its own parameters.
static json_t *insert_schema(void)
{
    json_t *any = json_array();
    for (size_t i = 0; i < nb_processor_count(); i++) {
        if (!nb_processor_at(i)->hidden) {
            json_array_append_new(any, object_schema(&nb_insert_object, nb_processor_at(i)));
        }
    }
    return json_pack("{s:o}", "oneOf", any);
}

json_t *nb_reference_schema(void)
{
    json_t *out = object_schema(&nb_song_object, NULL);
    json_t *definitions = json_object();
    for (size_t i = 1; nb_schema_at(i); i++) {
        const nb_object *object = nb_schema_at(i);
        if (object->extra != NB_EXTRA_BAND) {
            json_object_set_new(definitions, object->name,
                                object->extra == NB_EXTRA_INSERT ? insert_schema()
                                                                 : object_schema(object, NULL));
        }
    }
    json_object_set_new(out, "$defs", definitions);
    json_t *head =
        json_pack("{s:s, s:s}", "$schema", "https://json-schema.org/draft/2020-12/schema", "title",
                  "Nightbus mix document, " NB_MIX_FORMAT);
    json_object_update(head, out);
    json_decref(out);
    return head;
}
