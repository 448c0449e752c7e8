// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/log.h"

#include "base/clock.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const level_names[] = {"debug", "info", "warn", "error"};

// Written once by nb_log_open before any thread starts, and only read afterwards.
static struct {
    const char *program;
    nb_log_level least;
} self = {"nightbus", NB_LOG_INFO};

void nb_log_open(const char *name)
{
    self.program = name;
    const char *wanted = getenv("NIGHTBUS_LOG");
    for (size_t i = 0; wanted && i < NB_COUNT(level_names); i++) {
        if (strcmp(wanted, level_names[i]) == 0) {
            self.least = (nb_log_level)i;
        }
    }
}

void nb_log(nb_log_level level, const char *format, ...)
{
    if (level < self.least) {
        return;
    }
    char text[1500];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    nb_text_make_printable(text); // a name from a peer must not reach the terminal raw

    char line[1700];
    char when[NB_CLOCK_ISO_SIZE];
    nb_clock_iso(nb_clock_wall_ms(), when);
    int length = snprintf(line, sizeof line, "%s %-5s %s: %s\n", when, level_names[level],
                          self.program, text);
    if (length >= (int)sizeof line) {
        length = (int)sizeof line - 1;
    }
    // One write a line: lines of several processes on one terminal stay whole.
    if (write(STDERR_FILENO, line, (size_t)length) < 0) {
        return; // nowhere left to say it
    }
}
