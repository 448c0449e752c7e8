// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/version_name.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { VERSION_DIGITS_MAX = 9 };

/// "v" (a mix) or "m" (a master) and a number from 1 without leading zeros.
static bool is_numbered(const char *text)
{
    const size_t digits = text[0] ? strspn(text + 1, "0123456789") : 0;
    return (text[0] == 'v' || text[0] == 'm') && text[1] != '0' && digits >= 1 &&
           digits <= VERSION_DIGITS_MAX && text[1 + digits] == '\0';
}

/// Words that the farm turns into a version: the newest mix, the newest approved one, the newest
/// master.
static bool is_word(const char *text)
{
    return strcmp(text, "latest") == 0 || strcmp(text, "approved") == 0 ||
           strcmp(text, "master") == 0;
}

nb_status nb_version_name_parse(const char *text, nb_version_name *out, nb_error *err)
{
    *out = (nb_version_name){0};
    char shown[80];
    snprintf(shown, sizeof shown, "%s", text);
    nb_text_make_printable(shown);
    const char *at = strchr(text, '@');
    const size_t song_length = at ? (size_t)(at - text) : strlen(text);
    if (song_length < sizeof out->song) {
        memcpy(out->song, text, song_length);
    }
    if (song_length >= sizeof out->song || !nb_text_is_id(out->song)) {
        return nb_fail(
            err, NB_E_INVALID,
            "\"%s\" names no song: a song's id has only a-z, 0-9 and '-', at most 64, as "
            "in night@v3",
            shown);
    }
    const char *version = at ? at + 1 : "latest";
    if (!is_word(version) && !is_numbered(version)) {
        const bool bare = strspn(version, "0123456789") == strlen(version) && *version;
        return nb_fail(err, NB_E_INVALID,
                       "\"%s\" names no version: write %s@%s%.9s, %s@m1 for a master, or %s for "
                       "the latest",
                       shown, out->song, bare ? "v" : "v3", bare ? version : "", out->song,
                       out->song);
    }
    snprintf(out->version, sizeof out->version, "%s", version);
    return NB_OK;
}

bool nb_version_name_is_master(const nb_version_name *self) { return self->version[0] == 'm'; }
