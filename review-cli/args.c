// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/args.h"

#include "base/text.h"

#include <string.h>

static const nb_option *find_by_name(const nb_option *options, size_t count, const char *name,
                                     size_t length)
{
    for (size_t i = 0; i < count; i++) {
        if (strncmp(options[i].name, name, length) == 0 && options[i].name[length] == '\0') {
            return &options[i];
        }
    }
    return NULL;
}

static const nb_option *find_by_letter(const nb_option *options, size_t count, char letter)
{
    for (size_t i = 0; i < count; i++) {
        if (letter != '\0' && (options[i].letter == letter || options[i].also == letter)) {
            return &options[i];
        }
    }
    return NULL;
}

static nb_status fail_unknown(const char *word, size_t length, const nb_option *options,
                              size_t count, nb_error *err)
{
    const char *names[NB_ARGS_OPTIONS_MAX] = {0};
    size_t name_count = 0;
    for (size_t i = 0; i < count && name_count < NB_ARGS_OPTIONS_MAX; i++) {
        names[name_count++] = options[i].name;
    }
    char name[64];
    const size_t kept = length - 2 < sizeof name - 1 ? length - 2 : sizeof name - 1;
    memcpy(name, word + 2, kept);
    name[kept] = '\0';
    nb_text_make_printable(name);
    const char *nearest = nb_text_nearest(name, names, name_count);
    return nearest ? nb_fail(err, NB_E_USAGE, "there is no option --%s; did you mean --%s?", name,
                             nearest)
                   : nb_fail(err, NB_E_USAGE, "there is no option --%s", name);
}

static nb_status add_option(nb_args *self, const nb_option *option, const char *value,
                            nb_error *err)
{
    if (self->option_count == NB_ARGS_OPTIONS_MAX) {
        return nb_fail(err, NB_E_USAGE, "more than %d options", NB_ARGS_OPTIONS_MAX);
    }
    self->options[self->option_count].name = option->name;
    self->options[self->option_count].value = value;
    self->option_count++;
    return NB_OK;
}

/// "-6 dB" and "-5" are words: no option is a digit.
static bool is_word(const char *text)
{
    return text[0] != '-' || text[1] == '\0' || (text[1] >= '0' && text[1] <= '9');
}

/// "--name", "--name=value", "--name value"; `next` is the word behind it, or null.
static nb_status take_long(nb_args *self, const char *word, const char *next,
                           const nb_option *options, size_t count, bool *out_took_next,
                           nb_error *err)
{
    const char *equals = strchr(word, '=');
    const size_t length = equals ? (size_t)(equals - word) : strlen(word);
    const nb_option *option = find_by_name(options, count, word + 2, length - 2);
    if (!option) {
        return fail_unknown(word, length, options, count, err);
    }
    if (!option->value) {
        return equals ? nb_fail(err, NB_E_USAGE, "--%s takes no value", option->name)
                      : add_option(self, option, "", err);
    }
    if (!equals && !next) {
        return nb_fail(err, NB_E_USAGE, "--%s needs a value: --%s %s", option->name, option->name,
                       option->value);
    }
    *out_took_next = !equals;
    return add_option(self, option, equals ? equals + 1 : next, err);
}

/// "-m value", "-mvalue", or switches together: "-jq".
static nb_status take_short(nb_args *self, const char *word, const char *next,
                            const nb_option *options, size_t count, bool *out_took_next,
                            nb_error *err)
{
    for (const char *at = word + 1; *at; at++) {
        const nb_option *option = find_by_letter(options, count, *at);
        if (!option) {
            char text[2] = {*at, '\0'};
            nb_text_make_printable(text);
            return nb_fail(err, NB_E_USAGE, "there is no option -%s", text);
        }
        if (option->value && !at[1] && !next) {
            return nb_fail(err, NB_E_USAGE, "-%c needs a value: -%c %s", *at, *at, option->value);
        }
        if (option->value) {
            *out_took_next = !at[1];
            return add_option(self, option, at[1] ? at + 1 : next, err);
        }
        const nb_status status = add_option(self, option, "", err);
        if (status != NB_OK) {
            return status;
        }
    }
    return NB_OK;
}

nb_status nb_args_parse(int argc, const char *const *argv, const nb_option *options,
                        size_t option_count, nb_args *out, nb_error *err)
{
    *out = (nb_args){0};
    bool options_end = false;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        bool took_next = false;
        nb_status status = NB_OK;
        if (options_end || is_word(word)) {
            if (out->word_count == NB_ARGS_WORDS_MAX) {
                return nb_fail(err, NB_E_USAGE, "more than %d words", NB_ARGS_WORDS_MAX);
            }
            out->words[out->word_count++] = word;
        } else if (strcmp(word, "--") == 0) {
            options_end = true;
        } else if (word[1] == '-') {
            status = take_long(out, word, next, options, option_count, &took_next, err);
        } else {
            status = take_short(out, word, next, options, option_count, &took_next, err);
        }
        if (status != NB_OK) {
            return status;
        }
        i += took_next ? 1 : 0;
    }
    return NB_OK;
}

const char *nb_args_get(const nb_args *self, const char *name)
{
    for (size_t i = self->option_count; i > 0; i--) {
        if (strcmp(self->options[i - 1].name, name) == 0) {
            return self->options[i - 1].value;
        }
    }
    return NULL;
}

bool nb_args_has(const nb_args *self, const char *name) { return nb_args_get(self, name) != NULL; }

/// A value that makes no sense is a matter of usage, whatever the parser calls it.
static nb_status as_usage(const char *name, const nb_error *why, nb_error *err)
{
    return nb_fail(err, NB_E_USAGE, "--%s: %s", name, why->text);
}

nb_status nb_args_get_integer(const nb_args *self, const char *name, int64_t least, int64_t most,
                              int64_t fallback, int64_t *out, nb_error *err)
{
    *out = fallback;
    const char *value = nb_args_get(self, name);
    nb_error why = {0};
    if (value && nb_text_parse_integer(value, least, most, out, &why) != NB_OK) {
        return as_usage(name, &why, err);
    }
    return NB_OK;
}

nb_status nb_args_get_time(const nb_args *self, const char *name, int64_t fallback_ns,
                           int64_t *out_ns, nb_error *err)
{
    *out_ns = fallback_ns;
    const char *value = nb_args_get(self, name);
    nb_error why = {0};
    if (value && nb_text_parse_time(value, out_ns, &why) != NB_OK) {
        return as_usage(name, &why, err);
    }
    return NB_OK;
}
