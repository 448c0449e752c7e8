// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/fetched_name.h"

#include "base/text.h"
#include "review/event.h"

#include <stdlib.h>
#include <string.h>

static const char alternate_prefix[] = "alternate/";
static const char stem_prefix[] = "stem/";
static const char other_prefix[] = "master-";

static const char *behind(const char *text, const char *prefix)
{
    const size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

/// An id and a known ending.
static bool is_id_file(const char *name)
{
    const size_t length = strcspn(name, ".");
    NB_SCOPED(nb_text_free) char *id = strndup(name, length);
    return id && nb_text_is_id(id) &&
           (strcmp(name + length, ".wav") == 0 || strcmp(name + length, ".report.json") == 0);
}

static bool is_plain_name(const char *name)
{
    return !strchr(name, '/') && nb_text_check_path(name, NULL) == NB_OK;
}

nb_fetched_kind nb_fetched_kind_of(const char *output)
{
    const char *alternate = behind(output, alternate_prefix);
    const char *stem = behind(output, stem_prefix);
    if (strcmp(output, "report.json") == 0) {
        return NB_FETCHED_REPORT;
    }
    if (alternate || stem) {
        return !is_id_file(alternate ? alternate : stem) ? NB_FETCHED_UNSAFE
               : alternate                               ? NB_FETCHED_ALTERNATE
                                                         : NB_FETCHED_STEM;
    }
    if (!is_plain_name(output)) {
        return NB_FETCHED_UNSAFE;
    }
    if (nb_event_is_main_audio(output)) {
        return NB_FETCHED_AUDIO;
    }
    const char *other = behind(output, other_prefix);
    return other && is_plain_name(other) ? NB_FETCHED_OTHER : NB_FETCHED_UNSAFE;
}

const char *nb_fetched_alternate(const char *output, size_t *out_length)
{
    const char *id = behind(output, alternate_prefix);
    *out_length = id ? strcspn(id, ".") : 0;
    return id;
}

char *nb_fetched_name(const nb_version_name *version, const char *output)
{
    const char *song = version->song;
    const char *number = version->version;
    switch (nb_fetched_kind_of(output)) {
    case NB_FETCHED_AUDIO:
        return nb_text_format("%s-%s%s", song, number, strrchr(output, '.'));
    case NB_FETCHED_REPORT:
        return nb_text_format("%s-%s.report.json", song, number);
    case NB_FETCHED_OTHER:
        return nb_text_format("%s-%s-%s", song, number, behind(output, other_prefix));
    case NB_FETCHED_ALTERNATE:
        return nb_text_format("%s-%s-%s", song, number, behind(output, alternate_prefix));
    case NB_FETCHED_STEM:
        return nb_text_format("%s-%s-stems/%s", song, number, behind(output, stem_prefix));
    default:
        return NULL;
    }
}
