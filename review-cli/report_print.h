// SPDX-License-Identifier: GPL-3.0-or-later
/// @file report_print.h  A report on stdout, for people or as JSON.

#ifndef NB_REVIEW_CLI_REPORT_PRINT_H
#define NB_REVIEW_CLI_REPORT_PRINT_H
#include "base/status.h"
#include "review-cli/command.h"
#include "review/report.h"

NB_NODISCARD nb_status nb_cli_print_report(const nb_cli *cli, const char *title,
                                           const nb_report *report, nb_error *err);

/// As nb_cli_print_report, of a version: `json` is all that its report.json says, which of audio
/// that was made elsewhere is more than a report (docs/masters.md).
NB_NODISCARD nb_status nb_cli_print_version_report(const nb_cli *cli, const char *title,
                                                   json_t *json, nb_error *err);

#endif // NB_REVIEW_CLI_REPORT_PRINT_H
