// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/command.h"

#include <string.h>

static nb_status run_help(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    if (cli->args.word_count == 0) {
        nb_command_print_overview(cli->colour, &text);
        return nb_cli_print(&text, err);
    }
    NB_SCOPED(nb_text_free)
    char *name = cli->args.word_count > 1
                     ? nb_text_format("%s %s", cli->args.words[0], cli->args.words[1])
                     : strdup(cli->args.words[0]);
    if (!name) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the command's name");
    }
    size_t count = 0;
    const nb_command *const *all = nb_commands(&count);
    const size_t length = strlen(name);
    for (size_t i = 0; i < count; i++) {
        // `help note` means all that begins so.
        if (strncmp(all[i]->name, name, length) == 0 &&
            (all[i]->name[length] == '\0' || all[i]->name[length] == ' ')) {
            nb_text_add(&text, text.length > 0 ? "\n" : "");
            nb_command_print_help(all[i], cli->colour, &text);
        }
    }
    if (text.length > 0) {
        return nb_cli_print(&text, err);
    }
    const nb_command *command = NULL;
    nb_args args;
    const char *const words[] = {name};
    const nb_status status = nb_command_find(1, words, &command, &args, err);
    return status != NB_OK ? status : nb_fail(err, NB_E_USAGE, "there is no command \"%s\"", name);
}

const nb_command nb_command_help = {
    .name = "help",
    .usage = "[COMMAND]",
    .summary = "all commands, or one with its options and examples",
    .examples = "  nightbus help\n"
                "  nightbus help push\n"
                "  nightbus help note add",
    .words_max = 2,
    .pages = true,
    .run = run_help,
};

static nb_status run_version(nb_cli *cli, nb_error *err)
{
    return cli->json ? nb_cli_print_json(json_pack("{s:s}", "version", NB_VERSION), err)
                     : nb_cli_printf(err, "nightbus %s\n", NB_VERSION);
}

const nb_command nb_command_version = {
    .name = "version",
    .usage = "[--json]",
    .summary = "which nightbus this is",
    .examples = "  nightbus version",
    .has_json = true,
    .run = run_version,
};
