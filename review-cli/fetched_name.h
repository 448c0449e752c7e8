// SPDX-License-Identifier: GPL-3.0-or-later
/// @file fetched_name.h  What a version's files are called where they are fetched to.

#ifndef NB_REVIEW_CLI_FETCHED_NAME_H
#define NB_REVIEW_CLI_FETCHED_NAME_H
#include "review-cli/version_name.h"

#include <stdbool.h>

/// What an output is, by its name on the farm.
typedef enum nb_fetched_kind {
    NB_FETCHED_AUDIO,     ///< "mix.wav", "master.flac": what the version is heard by
    NB_FETCHED_REPORT,    ///< "report.json"
    NB_FETCHED_OTHER,     ///< "master-NAME": a master's other files
    NB_FETCHED_ALTERNATE, ///< "alternate/tv.wav", "alternate/tv.report.json"
    NB_FETCHED_STEM,      ///< "stem/drums.wav"
    NB_FETCHED_UNSAFE     ///< Names come from the farm: what no farm of ours writes is no path
} nb_fetched_kind;

nb_fetched_kind nb_fetched_kind_of(const char *output);

/// The id in "alternate/tv.wav", and how long it is; null for another output.
const char *nb_fetched_alternate(const char *output, size_t *out_length);

/// "night-v3.wav", "night-v3-tv.wav", "night-v3-stems/drums.wav", "night-m1-NAME"; new memory, null
/// without memory or where the name is unsafe.
char *nb_fetched_name(const nb_version_name *version, const char *output);

#endif // NB_REVIEW_CLI_FETCHED_NAME_H
