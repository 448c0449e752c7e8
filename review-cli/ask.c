// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_yes(const char *line)
{
    return strcmp(line, "y") == 0 || strcmp(line, "Y") == 0 || strcmp(line, "yes") == 0;
}

nb_status nb_ask(const nb_cli *cli, const char *fact, const char *question, nb_error *err)
{
    if (nb_args_has(&cli->args, "yes")) {
        return NB_OK;
    }
    NB_SCOPED(nb_text_free) char *shown = strdup(fact);
    if (!shown) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a question");
    }
    nb_text_make_printable(shown);
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        return nb_fail(err, NB_E_CONFLICT, "%s; --yes goes on all the same", shown);
    }
    fprintf(stderr, "%s; %s [y/N] ", shown, question);
    fflush(stderr);
    char *line = NULL;
    size_t size = 0;
    const ssize_t length = getline(&line, &size, stdin);
    if (length > 0) {
        line[strcspn(line, "\r\n")] = '\0';
    } else {
        fputs("\n", stderr); // Ctrl-D leaves the cursor behind the question
    }
    const bool yes = length > 0 && is_yes(line);
    free(line);
    return yes ? NB_OK : nb_fail(err, NB_E_CANCELLED, "nothing was done");
}
