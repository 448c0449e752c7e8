// SPDX-License-Identifier: GPL-3.0-or-later
/// @file pager.h  What is longer than the terminal goes through a pager, as git does it.

#ifndef NB_REVIEW_CLI_PAGER_H
#define NB_REVIEW_CLI_PAGER_H
#include <stdbool.h>
#include <sys/types.h>

/// What the environment says of pagers; null is unset.
typedef struct nb_pager_environment {
    const char *nightbus_pager; ///< NIGHTBUS_PAGER
    const char *pager;          ///< PAGER
    const char *terminal;       ///< TERM
    bool has_terminal;          ///< Standard output is one
    bool has_less;              ///< less is installed
} nb_pager_environment;

/// The command to run: NIGHTBUS_PAGER, PAGER, less; null for none: where the output is no terminal
/// or a dumb one, or the choice is "" or "cat".
const char *nb_pager_choose(const nb_pager_environment *environment);

/// A pager that reads what this process writes to standard output. Zero is none.
typedef struct nb_pager {
    pid_t pid;
} nb_pager;

/// Start one, if there is one to start. Where it can't be started the output goes to the terminal.
void nb_pager_start(nb_pager *self);

/// All is written: wait until the person has read it.
void nb_pager_finish(nb_pager *self);

/// True while a pager reads what we write: then a closed pipe means that the person has seen
/// enough.
bool nb_pager_is_running(void);

#endif // NB_REVIEW_CLI_PAGER_H
