// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/reference/reference.h"

#include "mix/schema.h"

#include <string.h>

/// "-120 to 24 dB, off", "true, false", or the choices.
static void add_range(nb_text *out, const nb_param *param)
{
    if (param->scale == NB_SCALE_SWITCH) {
        nb_text_add(out, "`true`, `false`");
        return;
    }
    if (param->scale == NB_SCALE_CHOICE) {
        for (size_t i = 0; param->choices[i]; i++) {
            nb_text_addf(out, "%s`%s`", i > 0 ? ", " : "", param->choices[i]);
        }
        return;
    }
    char low[40];
    char high[40];
    nb_text_addf(out, "%s to %s", nb_schema_format_value(param, param->min, low, sizeof low),
                 nb_schema_format_value(param, param->max, high, sizeof high));
    nb_text_addf(out, "%s%s%s", param->unit[0] ? " " : "", param->unit,
                 param->off ? ", `off`" : "");
}

static const char *type_words(nb_key_type type)
{
    static const char *const words[] = {
        [NB_KEY_FORMAT_NAME] = "`nightbus-mix/1`",
        [NB_KEY_NAME] = "text, up to 200 bytes",
        [NB_KEY_ID] = "id: `a-z`, `0-9`, `-`, up to 64",
        [NB_KEY_PATH] = "path",
        [NB_KEY_TIME] = "time",
        [NB_KEY_METER] = "meter",
        [NB_KEY_PROCESSOR] = "name of a processor",
        [NB_KEY_LANES] = "map of lanes",
        [NB_KEY_POINTS] = "block of points",
        [NB_KEY_IDS] = "list of ids",
    };
    return words[type];
}

static void add_key(nb_text *out, const nb_key *key)
{
    char initial[60] = "";
    if (key->type == NB_KEY_PARAM) {
        nb_schema_format_value(key->param, key->param->initial, initial, sizeof initial);
    }
    nb_text_addf(out, "| `%s` | ", key->name);
    if (key->type == NB_KEY_LIST || key->type == NB_KEY_MAP) {
        nb_text_addf(out, "%s of [%s](#%s)", key->type == NB_KEY_LIST ? "list" : "the keys",
                     key->object->name, key->object->name);
    } else if (key->param) {
        nb_text_add(out, key->type == NB_KEY_OFFSETS ? "map of ids to " : "");
        add_range(out, key->param);
    } else {
        nb_text_add(out, type_words(key->type));
    }
    nb_text_addf(out, " | %s | %s |\n",
                 key->required  ? "required"
                 : key->initial ? key->initial
                                : initial,
                 key->help);
}

static void add_param(nb_text *out, const nb_param *param, const char *name)
{
    char initial[60];
    nb_text_addf(out, "| `%s` | ", name);
    add_range(out, param);
    nb_text_addf(out, " | %s | %s%s |\n",
                 nb_schema_format_value(param, param->initial, initial, sizeof initial),
                 param->help ? param->help : "", param->automatable ? " *Automatable.*" : "");
}

static void add_object(nb_text *out, const nb_object *object)
{
    nb_text_addf(out, "### %s\n\n%s\n\n| key | value | default | |\n|---|---|---|---|\n",
                 object->name, object->help);
    for (size_t i = 0; i < object->key_count; i++) {
        if (object->keys[i].type != NB_KEY_RESERVED) {
            add_key(out, &object->keys[i]);
        }
    }
    const nb_processor *pan = nb_processor_find("pan");
    for (size_t i = 0; object->extra == NB_EXTRA_PAN && i < pan->param_count; i++) {
        char key[80];
        add_param(out, &pan->params[i], nb_schema_pan_key(&pan->params[i], key, sizeof key));
    }
    nb_text_add(out, "\n");
}

static void add_params(nb_text *out, const nb_param *params, size_t count)
{
    nb_text_add(out, "| parameter | value | default | |\n|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        add_param(out, &params[i], params[i].name);
    }
    nb_text_add(out, "\n");
}

static void add_processor(nb_text *out, const nb_processor *processor)
{
    nb_text_addf(out, "### %s\n\n%s", processor->name, processor->help);
    nb_text_add(out, processor->takes_sidechain ? " Takes a `sidechain`." : "");
    nb_text_add(out, !processor->takes_audio     ? ""
                     : processor->audio_optional ? " Takes a `file`."
                                                 : " Needs a `file`.");
    nb_text_add(out, "\n\n");
    if (processor->param_count > 0) {
        add_params(out, processor->params, processor->param_count);
    }
    if (processor->bands_max > 0) {
        nb_text_addf(out, "Each of its `bands`, at most %zu:\n\n", processor->bands_max);
        add_params(out, processor->band_params, processor->band_param_count);
    }
}

void nb_reference_tables(nb_text *out)
{
    nb_text_add(out, "\n## Keys\n\n");
    for (size_t i = 0; nb_schema_at(i); i++) {
        add_object(out, nb_schema_at(i));
    }
    nb_text_add(out, "## Processors\n\n");
    for (size_t i = 0; i < nb_processor_count(); i++) {
        if (!nb_processor_at(i)->hidden) {
            add_processor(out, nb_processor_at(i));
        }
    }
}
