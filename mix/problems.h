// SPDX-License-Identifier: GPL-3.0-or-later
/// @file problems.h  The mistakes in a document, each with its place, in the order of the text.

#ifndef NB_MIX_PROBLEMS_H
#define NB_MIX_PROBLEMS_H
#include "base/status.h"

#include <stddef.h>

enum { NB_PROBLEMS_MAX = 200 }; ///< Enough to mend a document by; a random file gives millions

/// Where in a document: line and column from 1, 0 where unknown.
typedef struct nb_place {
    unsigned line;
    unsigned column;
} nb_place;

typedef struct nb_problem {
    nb_place place;
    char text[400]; ///< What, what was expected, the nearest name
} nb_problem;

/// Zero-initialise; nb_problems_fini frees.
typedef struct nb_problems {
    char *file_name;
    size_t count; ///< Kept in `list`
    size_t total; ///< Found, also past NB_PROBLEMS_MAX
    nb_problem *list;
} nb_problems;

void nb_problems_fini(nb_problems *self);
void nb_problems_add(nb_problems *self, nb_place place, const char *format, ...) NB_PRINTF(3, 4);

/// Set `err` to the first mistake as "file:line:column: text (and 3 more)".
/// NB_OK if there are none.
NB_NODISCARD nb_status nb_problems_status(const nb_problems *self, nb_error *err);

#endif // NB_MIX_PROBLEMS_H
