// SPDX-License-Identifier: GPL-3.0-or-later
/// @file complete.h  What can stand next on the command line, for the shells' completion.
///
/// `nightbus __complete WORD...` prints one candidate a line for the last word, a tab and what it
/// is behind it where that helps; ":files" stands for the names of files. All of it comes from the
/// table of commands and their usage, so that a new command completes without a word here.

#ifndef NB_REVIEW_CLI_COMPLETE_H
#define NB_REVIEW_CLI_COMPLETE_H
#include "base/text.h"
#include "review-cli/command.h"

#include <stddef.h>

/// Kinds of what can stand there: a set.
typedef enum nb_complete_kind {
    NB_COMPLETE_COMMANDS = 1 << 0,
    NB_COMPLETE_OPTIONS = 1 << 1,
    NB_COMPLETE_SONGS = 1 << 2,
    NB_COMPLETE_VERSIONS = 1 << 3, ///< SONG@V
    NB_COMPLETE_NOTES = 1 << 4,    ///< SONG#N
    NB_COMPLETE_ALBUMS = 1 << 5,
    NB_COMPLETE_JOBS = 1 << 6,
    NB_COMPLETE_NODES = 1 << 7,
    NB_COMPLETE_FILES = 1 << 8,
    NB_COMPLETE_WORDS = 1 << 9, ///< Those of `plan.words`
} nb_complete_kind;

typedef struct nb_complete_plan {
    unsigned kinds;            ///< NB_COMPLETE_...
    const nb_command *command; ///< Null while its words are not whole
    const char *first;         ///< The first of a command's two words; null for none
    const char *words;         ///< Separated by spaces
} nb_complete_plan;

/// What can stand at the last of `words` (at least one, it may be ""), which are those behind the
/// program's name.
nb_complete_plan nb_complete_plan_make(const char *const *words, size_t count);

/// Add the candidates that need no farm: commands, options, words, ":files". Only those that begin
/// with `current`.
void nb_complete_static(const nb_complete_plan *plan, const char *current, nb_text *out);

/// Print the candidates for the last word to standard output. Gives up on a farm that does not
/// answer within two seconds; what is known without it stands then.
void nb_complete_print(const char *const *words, size_t count);

#endif // NB_REVIEW_CLI_COMPLETE_H
