// SPDX-License-Identifier: GPL-3.0-or-later
/// @file editor.h  The text of a note, a message or a decision: from the command line, a file, or
/// the person's editor, as git does it.
///
/// In the editor, lines that are "#" or begin with "# " are hints and dropped; "#12 again" stays,
/// since people write of notes by their numbers. An empty text means: never mind.

#ifndef NB_REVIEW_CLI_EDITOR_H
#define NB_REVIEW_CLI_EDITOR_H
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

/// What a text is for, and what was given of it.
typedef struct nb_editor_wish {
    const char *what;    ///< "note", "message": for errors and the file's name
    const char *given;   ///< The text itself, from a word or -m; null where it was left out
    const char *file;    ///< From -F; "-" is standard input; null where it was left out
    const char *initial; ///< What the editor begins with (the note that is changed); may be null
    const char *hints;   ///< Lines for the person, shown behind "# "; may be null
    size_t bytes_most;   ///< Longer texts are NB_E_LIMIT
} nb_editor_wish;

/// A text, and where it is kept until the farm has it. Zero-initialise.
typedef struct nb_editor_text {
    char *text; ///< UTF-8 without trailing blanks, blank lines at its ends, or carriage returns
    char *path; ///< What the editor wrote; null where no editor ran
} nb_editor_text;

/// Get the text that `wish` describes. `given` wins over `file` (both are NB_E_USAGE), then the
/// editor. NB_E_CANCELLED if nothing was written in it, NB_E_USAGE if there is no terminal to open
/// one on, NB_E_INVALID for an empty text or one that is not UTF-8.
NB_NODISCARD nb_status nb_editor_get(const nb_editor_wish *wish, nb_editor_text *out,
                                     nb_error *err);

/// The farm has the text: remove what the editor wrote.
void nb_editor_text_accept(nb_editor_text *self);

/// Free. Says on stderr where the text is kept if an editor wrote one that was not accepted, so
/// that no refusal costs anybody their words.
void nb_editor_text_fini(nb_editor_text *self);

/// What the environment says of editors; null or "" is unset.
typedef struct nb_editor_environment {
    const char *nightbus_editor; ///< NIGHTBUS_EDITOR: runs without a terminal too, like git's
    const char *visual;
    const char *editor;
    const char *terminal; ///< TERM
    bool has_terminal;    ///< Standard input and output are one
} nb_editor_environment;

/// The command to run: NIGHTBUS_EDITOR, VISUAL (not on a dumb terminal), EDITOR, vi; null where
/// none can run.
const char *nb_editor_choose(const nb_editor_environment *environment);

/// Clean `text` in place, as described at nb_editor_text; with `hints` their lines are dropped.
void nb_editor_clean(char *text, bool hints);

#endif // NB_REVIEW_CLI_EDITOR_H
