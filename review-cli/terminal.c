// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/terminal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static size_t bounded(size_t columns)
{
    columns = columns < NB_TERMINAL_COLUMNS_LEAST ? NB_TERMINAL_COLUMNS_LEAST : columns;
    return columns < NB_TERMINAL_COLUMNS_MOST ? columns : NB_TERMINAL_COLUMNS_MOST;
}

size_t nb_terminal_columns(void)
{
    const char *said = getenv("COLUMNS");
    int64_t columns = 0;
    struct winsize size;
    if (said && nb_text_parse_integer(said, 1, INT32_MAX, &columns, NULL) == NB_OK) {
        return bounded((size_t)columns);
    }
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return bounded(size.ws_col);
    }
    return NB_TERMINAL_COLUMNS;
}

bool nb_terminal_wants_colour(void)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return isatty(STDOUT_FILENO) && !(no_colour && no_colour[0]) && terminal &&
           strcmp(terminal, "dumb") != 0;
}

nb_style nb_style_of_state(const char *state)
{
    static const struct {
        const char *state;
        nb_style style;
    } known[] = {
        {"approved", NB_STYLE_GOOD},     {"done", NB_STYLE_GOOD},
        {"changes", NB_STYLE_ATTENTION}, {"changes-requested", NB_STYLE_ATTENTION},
        {"failed", NB_STYLE_BAD},        {"lost", NB_STYLE_BAD},
        {"queued", NB_STYLE_BUSY},       {"running", NB_STYLE_BUSY},
        {"busy", NB_STYLE_BUSY},
    };
    for (size_t i = 0; i < NB_COUNT(known); i++) {
        if (strcmp(known[i].state, state) == 0) {
            return known[i].style;
        }
    }
    return NB_STYLE_PLAIN;
}

void nb_style_add(nb_text *out, bool colour, nb_style style, const char *text)
{
    // The eight basic colours, which every theme makes readable.
    static const char *const begin[] = {
        [NB_STYLE_PLAIN] = "",        [NB_STYLE_STRONG] = "\033[1m",
        [NB_STYLE_GOOD] = "\033[32m", [NB_STYLE_ATTENTION] = "\033[33m",
        [NB_STYLE_BAD] = "\033[31m",  [NB_STYLE_BUSY] = "\033[36m",
        [NB_STYLE_FAINT] = "\033[2m",
    };
    const bool styled = colour && style != NB_STYLE_PLAIN && text[0] != '\0';
    nb_text_add(out, styled ? begin[style] : "");
    nb_text_add(out, text);
    nb_text_add(out, styled ? "\033[0m" : "");
}
