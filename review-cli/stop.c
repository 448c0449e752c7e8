// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/stop.h"

#include <signal.h>
#include <stddef.h>

/// A handler can reach nothing else.
static volatile bool stop_asked;

static void on_stop(int number)
{
    (void)number;
    stop_asked = true;
}

void nb_stop_install(void)
{
    struct sigaction action = {.sa_handler = on_stop, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

const volatile bool *nb_stop_flag(void) { return &stop_asked; }
