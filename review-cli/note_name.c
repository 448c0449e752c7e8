// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/note_name.h"

#include "base/text.h"
#include "review/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_SIZE = 100 };

static nb_status refuse(const char *text, nb_error *err)
{
    char shown[SHOWN_SIZE];
    snprintf(shown, sizeof shown, "%s", text);
    nb_text_make_printable(shown);
    return nb_fail(err, NB_E_USAGE,
                   "\"%s\" names no note: write SONG#12, or SONG#12.1 for the first reply to it",
                   shown);
}

/// "12" or "12.1", to the end of the text.
static bool parse_number(const char *text, nb_note_name *out)
{
    enum { DIGITS_MAX = 9 };
    const size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > DIGITS_MAX || text[0] == '0') {
        return false;
    }
    out->number = (unsigned)strtoul(text, NULL, 10);
    if (text[digits] == '\0') {
        return true;
    }
    const char *reply = text + digits + 1;
    const size_t more = strspn(reply, "0123456789");
    out->reply = (unsigned)strtoul(reply, NULL, 10);
    return text[digits] == '.' && more > 0 && more <= DIGITS_MAX && reply[0] != '0' &&
           reply[more] == '\0';
}

nb_status nb_note_name_parse(const nb_args *args, nb_note_name *out, size_t *out_words,
                             nb_error *err)
{
    const char *first = args->word_count > 0 ? args->words[0] : "";
    const char *hash = strchr(first, '#');
    *out = (nb_note_name){0};
    *out_words = hash ? 1 : 2;
    if (hash == first) {
        return nb_fail(err, NB_E_USAGE, "which song's? write SONG%.20s", first);
    }
    if (!hash && args->word_count < 2) {
        return refuse(first, err);
    }
    NB_SCOPED(nb_text_free)
    char *song = hash ? strndup(first, (size_t)(hash - first)) : strdup(first);
    if (!song) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a name");
    }
    const char *number = hash ? hash + 1 : args->words[1] + (args->words[1][0] == '#' ? 1 : 0);
    if (!parse_number(number, out)) {
        return refuse(hash ? first : args->words[1], err);
    }
    out->has_version = strchr(song, '@') != NULL;
    return nb_version_name_parse(song, &out->of, err);
}
