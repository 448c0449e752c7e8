// SPDX-License-Identifier: GPL-3.0-or-later
// What a path of a model names, by the tables of documents and processors.
#include "review/mix_model.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { PARTS_MAX = 4, ID_SIZE = 65, PATH_SIZE = 512, PAN_KEY_SIZE = 80 };

bool nb_mix_span_equal(nb_mix_span a, nb_mix_span b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.chars, b.chars, a.length) == 0);
}

static bool is_word(nb_mix_span span, const char *word)
{
    return span.length == strlen(word) && memcmp(span.chars, word, span.length) == 0;
}

static bool is_id(nb_mix_span span)
{
    char id[ID_SIZE];
    if (span.length >= sizeof id) {
        return false;
    }
    memcpy(id, span.chars, span.length);
    id[span.length] = '\0';
    return nb_text_is_id(id);
}

/// Cut at '/'. The number of parts; 0 where there are too many.
static size_t cut(const char *path, nb_mix_span parts[PARTS_MAX])
{
    size_t count = 0;
    while (count < PARTS_MAX) {
        const size_t length = strcspn(path, "/");
        parts[count++] = (nb_mix_span){path, length};
        if (path[length] == '\0') {
            return count;
        }
        path += length + 1;
    }
    return 0;
}

/// The key `name` of `object`, of a type that stands in models as one value.
static bool find_key(const nb_object *object, const char *name, nb_mix_key *out)
{
    for (size_t i = 0; i < object->key_count; i++) {
        const nb_key *key = &object->keys[i];
        if (strcmp(key->name, name) != 0) {
            continue;
        }
        // The ids of inserts and bands are their order; clips and sends have none.
        const bool ordered = key->object == &nb_insert_object || key->object == &nb_band_object;
        out->type = key->type == NB_KEY_LIST && ordered ? NB_KEY_IDS : key->type;
        out->param = key->param;
        return out->type == NB_KEY_PARAM || out->type == NB_KEY_NAME || out->type == NB_KEY_IDS ||
               out->type == NB_KEY_PATH || out->type == NB_KEY_TIME ||
               out->type == NB_KEY_PROCESSOR ||
               (out->type == NB_KEY_ID && strcmp(name, "id") != 0 && strcmp(name, "to") != 0);
    }
    return false;
}

static bool find_param(const nb_param *params, size_t count, const char *name, nb_mix_key *out)
{
    const int index = nb_param_find(params, count, name);
    out->type = NB_KEY_PARAM;
    out->param = index < 0 ? NULL : &params[index];
    return index >= 0;
}

static bool find_of_strip(const char *name, nb_mix_key *out)
{
    const nb_processor *pan = nb_processor_find("pan");
    if (find_key(is_word(out->strip, "mix") ? &nb_mix_object : &nb_bus_object, name, out)) {
        return true;
    }
    for (size_t i = 0; i < pan->param_count && !is_word(out->strip, "mix"); i++) {
        char key[PAN_KEY_SIZE];
        if (strcmp(nb_schema_pan_key(&pan->params[i], key, sizeof key), name) == 0) {
            out->type = NB_KEY_PARAM;
            out->param = &pan->params[i];
            return true;
        }
    }
    return false;
}

static bool find_of_insert(const json_t *model, const char *path, nb_mix_key *out)
{
    char key[PATH_SIZE];
    const char *name = out->name;
    if ((size_t)(name - path) + sizeof "processor" > sizeof key) {
        return false;
    }
    snprintf(key, sizeof key, "%.*sprocessor", (int)(name - path), path);
    const char *processor = json_string_value(nb_mix_model_get(model, NB_MIX_VALUE, key));
    out->processor = processor ? nb_processor_find(processor) : NULL;
    const char *dot = strchr(name, '.');
    if (dot) {
        out->band = (nb_mix_span){name, (size_t)(dot - name)};
        out->name = dot + 1;
        return is_id(out->band) && out->processor &&
               find_param(out->processor->band_params, out->processor->band_param_count, dot + 1,
                          out);
    }
    return find_key(&nb_insert_object, name, out) ||
           (out->processor &&
            find_param(out->processor->params, out->processor->param_count, name, out));
}

bool nb_mix_key_find(const json_t *model, const char *path, nb_mix_key *out)
{
    nb_mix_span parts[PARTS_MAX];
    const size_t count = cut(path, parts);
    *out = (nb_mix_key){0};
    if (count < 2 || !is_id(parts[0])) {
        return false;
    }
    out->strip = parts[0];
    out->name = parts[count - 1].chars;
    if (count == 2) {
        return find_of_strip(out->name, out);
    }
    out->item = parts[count - 2];
    if (!is_id(out->item)) {
        return false;
    }
    if (count == 3) {
        out->area = NB_MIX_OF_INSERT;
        return find_of_insert(model, path, out);
    }
    const bool is_clip = is_word(parts[1], "clips");
    out->area = is_clip ? NB_MIX_OF_CLIP : NB_MIX_OF_SEND;
    return (is_clip || is_word(parts[1], "sends")) &&
           find_key(is_clip ? &nb_clip_object : &nb_send_object, out->name, out);
}
