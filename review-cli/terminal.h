// SPDX-License-Identifier: GPL-3.0-or-later
/// @file terminal.h  What the terminal is like: its width, and colours that mean something.

#ifndef NB_REVIEW_CLI_TERMINAL_H
#define NB_REVIEW_CLI_TERMINAL_H
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum { NB_TERMINAL_COLUMNS = 80, NB_TERMINAL_COLUMNS_LEAST = 40, NB_TERMINAL_COLUMNS_MOST = 250 };

/// Columns of the output: COLUMNS, else the terminal's, else 80.
size_t nb_terminal_columns(void);

/// What a colour says. The words say it too: nobody needs to see colours.
typedef enum nb_style {
    NB_STYLE_PLAIN,
    NB_STYLE_STRONG,    ///< Names and titles
    NB_STYLE_GOOD,      ///< Approved, done
    NB_STYLE_ATTENTION, ///< Changes requested, open notes
    NB_STYLE_BAD,       ///< Failed, refused, lost
    NB_STYLE_BUSY,      ///< Running, waiting
    NB_STYLE_FAINT,     ///< What matters less: dates, hashes
} nb_style;

/// The style of a state or standing by its name; plain for others.
nb_style nb_style_of_state(const char *state);

/// Add `text` in a style; as it is where `colour` is false.
void nb_style_add(nb_text *out, bool colour, nb_style style, const char *text);

/// Does the output want colours? Not where it is no terminal, or a dumb one, or NO_COLOR is set.
bool nb_terminal_wants_colour(void);

#endif // NB_REVIEW_CLI_TERMINAL_H
