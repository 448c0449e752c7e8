// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/audio_file.h"
#include "base/file.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/measuring.h"
#include "review-cli/report_print.h"
#include "review-cli/version_files.h"

#include <stdio.h>
#include <string.h>

static nb_status report_file(nb_cli *cli, const char *path, nb_error *err)
{
    NB_SCOPED(nb_report_fini) nb_report report = {0};
    nb_audio_info info;
    nb_status status = nb_audio_file_probe(path, NULL, &info, err);
    if (status != NB_OK) {
        return status;
    }
    status = nb_measure_file(path, &info, &report, err);
    return status == NB_OK ? nb_cli_print_report(cli, path, &report, err) : status;
}

static nb_status report_version(nb_cli *cli, const char *text, nb_error *err)
{
    nb_version_name name;
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    NB_SCOPED(nb_json_free) json_t *json = NULL;
    size_t size = 0;
    nb_status status = nb_version_name_parse(text, &name, err);
    if (status == NB_OK) {
        status = nb_farm_open_album(cli, &farm, err);
    }
    if (status == NB_OK) {
        status = nb_version_report(&farm, &name, &bytes, &size, err);
    }
    if (status == NB_OK) {
        status = nb_json_parse("the report", bytes, size, &json, err);
    }
    if (status != NB_OK) {
        return status;
    }
    char title[96];
    snprintf(title, sizeof title, "%s@%s", name.song, name.version);
    return nb_cli_print_version_report(cli, title, json, err);
}

static nb_status run_report(nb_cli *cli, nb_error *err)
{
    const char *what = cli->args.words[0];
    if (nb_file_exists(what)) {
        return report_file(cli, what, err);
    }
    if (strchr(what, '@') || nb_text_is_id(what)) {
        return report_version(cli, what, err);
    }
    return nb_fail(err, NB_E_NOT_FOUND,
                   "%s: there is no such file (and a version is written as night@v3)", what);
}

const nb_command nb_command_report = {
    .name = "report",
    .usage = "FILE|SONG@V [--json]",
    .summary = "loudness, true peak and the rest, of any audio file or version",
    .details = "EBU R 128 and ITU-R BS.1770-4. A file is measured here; a version's\n"
               "report comes from the farm.",
    .examples = "  nightbus report bounce.wav\n"
                "  nightbus report night@v3\n"
                "  nightbus report night@v3 --json | jq .integrated_lufs",
    .words_min = 1,
    .words_max = 1,
    .has_json = true,
    .run = run_report,
};
