// SPDX-License-Identifier: GPL-3.0-or-later
/// @file note_name.h  How people name a note: "night#12", a reply to it "night#12.1", on a version
/// "night@v3#12"; or in two words, "night 12", "night '#12'".

#ifndef NB_REVIEW_CLI_NOTE_NAME_H
#define NB_REVIEW_CLI_NOTE_NAME_H
#include "review-cli/args.h"
#include "review-cli/version_name.h"

typedef struct nb_note_name {
    nb_version_name of; ///< `version` is "latest" where none was said
    bool has_version;
    unsigned number;
    unsigned reply; ///< 0 for the note itself
} nb_note_name;

/// Read a note's name from the first word, or the first two; *out_words is how many it took.
NB_NODISCARD nb_status nb_note_name_parse(const nb_args *args, nb_note_name *out, size_t *out_words,
                                          nb_error *err);

#endif // NB_REVIEW_CLI_NOTE_NAME_H
