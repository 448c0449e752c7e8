// SPDX-License-Identifier: GPL-3.0-or-later
/// @file report_print.h  A report on stdout, for people or as JSON.

#ifndef NB_REVIEW_CLI_REPORT_PRINT_H
#define NB_REVIEW_CLI_REPORT_PRINT_H
#include "base/status.h"
#include "review-cli/command.h"
#include "review/report.h"

NB_NODISCARD nb_status nb_cli_print_report(const nb_cli *cli, const char *title,
                                           const nb_report *report, nb_error *err);

#endif // NB_REVIEW_CLI_REPORT_PRINT_H
