// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/report_print.h"

nb_status nb_cli_print_report(const nb_cli *cli, const char *title, const nb_report *report,
                              nb_error *err)
{
    if (cli->json) {
        return nb_cli_print_json(nb_report_to_json(report), err);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    NB_SCOPED(nb_text_free) char *shown = nb_text_format("%s", title);
    if (shown) {
        nb_text_make_printable(shown);
        nb_text_addf(&text, "%s%s%s\n", cli->colour ? "\033[1m" : "", shown,
                     cli->colour ? "\033[0m" : "");
    }
    nb_report_print(report, cli->colour, &text);
    return nb_cli_print(&text, err);
}
