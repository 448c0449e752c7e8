// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/words.h"

#include "review-cli/command.h"

#include <stdio.h>
#include <string.h>

nb_status nb_words_parse(const char *option, const char *text, nb_words *out, nb_error *err)
{
    *out = (nb_words){0};
    if (!text) {
        return NB_OK;
    }
    if (strlen(text) >= sizeof out->text) {
        return nb_fail(err, NB_E_USAGE, "--%s: at most %zu characters", option,
                       sizeof out->text - 1);
    }
    memcpy(out->text, text, strlen(text) + 1);
    for (char *at = out->text; at;) {
        char *comma = strchr(at, ',');
        if (comma) {
            *comma = '\0';
        }
        if (*at == '\0' || out->count == NB_WORDS_MAX) {
            return nb_fail(err, NB_E_USAGE, "--%s '%.60s': words with commas between, at most %d",
                           option, text, NB_WORDS_MAX);
        }
        out->words[out->count++] = at;
        at = comma ? comma + 1 : NULL;
    }
    return NB_OK;
}

nb_status nb_words_take_labels(const char *text, char out[NB_WORD_MAX + 1], nb_error *err)
{
    const char *labels = strcmp(text, "none") == 0 ? "" : text;
    const size_t length = strlen(labels);
    if (length > NB_WORD_MAX) {
        return nb_fail(err, NB_E_LIMIT, "labels of %zu bytes; at most %d", length, NB_WORD_MAX);
    }
    memcpy(out, labels, length + 1);
    return NB_OK;
}

json_t *nb_words_to_json(char *const *words, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(array, nb_cli_json_string(words[i]));
    }
    return array;
}

void nb_words_join(const json_t *words, const char *none, char *out, size_t size)
{
    const size_t count = json_array_size(words);
    size_t length = 0;
    snprintf(out, size, "%s", count == 0 ? none : "");
    for (size_t i = 0; i < count && length + 1 < size; i++) {
        const char *word = json_string_value(json_array_get(words, i));
        const int added =
            snprintf(out + length, size - length, "%s%s", i > 0 ? ", " : "", word ? word : "");
        length += added > 0 ? (size_t)added : 0;
    }
    nb_text_make_printable(out);
}
