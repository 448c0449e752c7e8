// SPDX-License-Identifier: GPL-3.0-or-later
/// @file stop.h  Ctrl-C and SIGTERM as a flag, so that what is half done is cleaned up.

#ifndef NB_REVIEW_CLI_STOP_H
#define NB_REVIEW_CLI_STOP_H
#include <stdbool.h>

/// From now on SIGINT and SIGTERM set the flag; a second one ends the process at once.
void nb_stop_install(void);

/// The flag, for whoever looks at it while waiting.
const volatile bool *nb_stop_flag(void);

#endif // NB_REVIEW_CLI_STOP_H
