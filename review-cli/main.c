// SPDX-License-Identifier: GPL-3.0-or-later
// The `nightbus` command.
#include "base/log.h"
#include "review-cli/command.h"
#include "review-cli/complete.h"
#include "review-cli/pager.h"
#include "review-cli/stop.h"
#include "review-cli/terminal.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static nb_status run(int argc, const char *const *argv, const nb_command **out_command,
                     nb_error *err)
{
    nb_cli cli = {.colour = nb_terminal_wants_colour()};
    const nb_status status = nb_command_find(argc, argv, out_command, &cli.args, err);
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_text_fini) nb_text help = {0};
    NB_SCOPED(nb_pager_finish) nb_pager pager = {0};
    const bool is_help = !*out_command || nb_args_has(&cli.args, "help");
    if ((is_help || (*out_command)->pages) && !nb_args_has(&cli.args, "no-pager")) {
        nb_pager_start(&pager);
    }
    if (!*out_command) {
        nb_command_print_overview(cli.colour, &help);
        return nb_cli_print(&help, err);
    }
    if (nb_args_has(&cli.args, "help")) {
        nb_command_print_help(*out_command, cli.colour, &help);
        return nb_cli_print(&help, err);
    }
    cli.command = *out_command;
    cli.json = nb_args_has(&cli.args, "json");
    return (*out_command)->run(&cli, err);
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "C.UTF-8"); // numbers stay those of "C"
    nb_log_open("nightbus");
    nb_stop_install();
    if (argc > 1 && strcmp(argv[1], "__complete") == 0) { // for the shells; see complete.h
        nb_complete_print((const char *const *)(argv + 2), (size_t)argc - 2);
        return 0;
    }
    nb_error err = {0};
    const nb_command *command = NULL;
    const nb_status status = run(argc - 1, (const char *const *)(argv + 1), &command, &err);
    if (status != NB_OK) {
        nb_text_make_printable(err.text);
        fprintf(stderr, "nightbus%s%s: %s\n", command ? " " : "", command ? command->name : "",
                err.text);
    }
    return nb_status_exit_code(status);
}
