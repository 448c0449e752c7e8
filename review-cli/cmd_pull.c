// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/folder.h"
#include "review-cli/pull.h"

#include <stdio.h>

static nb_status run_pull(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(nb_folder_fini) nb_folder folder = {0};
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_pull_result_fini) nb_pull_result result = {0};
    nb_status status = nb_folder_open(&folder, err);
    if (status == NB_OK) {
        status = nb_farm_open_album(cli, &farm, err);
    }
    if (status == NB_OK) {
        status = nb_pull(&farm, &folder, &result, err);
    }
    if (status != NB_OK) {
        return status;
    }
    if (result.was_current) {
        return folder.base ? nb_cli_printf(err, "up to date: revision %.8s\n", folder.base)
                           : nb_cli_printf(err, "nothing was pushed yet\n");
    }
    status = nb_cli_printf(err, "revision %.8s: %zu files fetched, %zu removed\n", result.head,
                           result.taken_count, result.removed_count);
    if (status == NB_OK && result.conflict_count > 0) {
        fputs(result.conflicts.chars ? result.conflicts.chars : "", stderr);
        return nb_fail(err, NB_E_CONFLICT,
                       "%zu file%s changed on both sides: merge by hand what is beside it, remove "
                       "FILE.theirs, listen, then push",
                       result.conflict_count, result.conflict_count == 1 ? "" : "s");
    }
    return status;
}

const nb_command nb_command_pull = {
    .name = "pull",
    .usage = "",
    .summary = "bring the folder up to the newest revision",
    .details = "Files that only you changed stay. Of a file that changed on both sides, yours\n"
               "stays and theirs is written beside it as FILE.theirs (exit 3).",
    .examples = "  nightbus pull\n"
                "  nightbus pull && nightbus render songs/night && nightbus push -m \"merged\"",
    .run = run_pull,
};
