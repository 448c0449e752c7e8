// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/report_print.h"

#include "review/master_comparison.h"

static void add_title(const nb_cli *cli, const char *title, nb_text *out)
{
    NB_SCOPED(nb_text_free) char *shown = nb_text_format("%s", title);
    if (shown) {
        nb_text_make_printable(shown);
        nb_text_addf(out, "%s%s%s\n", cli->colour ? "\033[1m" : "", shown,
                     cli->colour ? "\033[0m" : "");
    }
}

nb_status nb_cli_print_report(const nb_cli *cli, const char *title, const nb_report *report,
                              nb_error *err)
{
    if (cli->json) {
        return nb_cli_print_json(nb_report_to_json(report), err);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    add_title(cli, title, &text);
    nb_report_print(report, cli->colour, &text);
    return nb_cli_print(&text, err);
}

// ---- Audio that was made elsewhere ----

static void add_words(nb_text *out, const char *before, const json_t *object, const char *key,
                      const char *behind)
{
    const char *value = json_string_value(json_object_get(object, key));
    NB_SCOPED(nb_text_free) char *shown = value && value[0] ? nb_text_format("%s", value) : NULL;
    if (shown) {
        nb_text_make_printable(shown);
        nb_text_addf(out, "%s%s%s", before, shown, behind);
    }
}

/// The file's path and format, where it starts in its session, and what it says of itself.
static void add_file(const json_t *json, unsigned rate_hz, nb_text *out)
{
    const json_t *file = json_object_get(json, "file");
    const json_t *bext = json_object_get(file, "bext");
    const double start = json_number_value(json_object_get(file, "starts_at_frame"));
    if (!file) {
        return;
    }
    add_words(out, "  ", file, "path", "\n");
    add_words(out, "  ", file, "format", "");
    if (start > 0 && rate_hz > 0) {
        char at[NB_TEXT_TIME_SIZE];
        nb_text_format_time(start / rate_hz, at);
        nb_text_addf(out, "; starts at %s in its session", at);
    }
    nb_text_add(out, "\n");
    add_words(out, "  \"", bext, "description", "\"\n");
    add_words(out, "  made by ", bext, "originator", "\n");
}

static void add_other_files(const json_t *json, nb_text *out)
{
    const json_t *files = json_object_get(json, "files");
    for (size_t i = 1; i < json_array_size(files); i++) {
        const json_t *file = json_array_get(files, i);
        const json_t *loudness = json_object_get(file, "integrated_lufs");
        const json_t *rate = json_object_get(file, "sample_rate_hz");
        add_words(out, "  also ", file, "path", "");
        add_words(out, ": ", file, "format", "");
        nb_text_addf(out, ", %lld Hz", (long long)json_integer_value(rate));
        if (json_is_number(loudness)) {
            nb_text_addf(out, ", %.1f LUFS", json_number_value(loudness));
        }
        nb_text_add(out, "\n");
    }
}

static nb_status add_comparison(const nb_cli *cli, const json_t *json, nb_text *out, nb_error *err)
{
    const json_t *compared = json_object_get(json, "comparison");
    nb_master_comparison comparison;
    if (!compared) {
        return NB_OK;
    }
    const nb_status status =
        nb_master_comparison_from_json("the report", compared, &comparison, err);
    if (status == NB_OK) {
        nb_master_comparison_print(&comparison, cli->colour, out);
    }
    return status;
}

nb_status nb_cli_print_version_report(const nb_cli *cli, const char *title, json_t *json,
                                      nb_error *err)
{
    NB_SCOPED(nb_report_fini) nb_report report = {0};
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_status status = nb_report_from_json("the report", json, &report, err);
    if (status != NB_OK) {
        return status;
    }
    if (cli->json) {
        return nb_cli_print_json(json_incref(json), err);
    }
    add_title(cli, title, &text);
    nb_report_print(&report, cli->colour, &text);
    add_file(json, report.sample_rate_hz, &text);
    add_other_files(json, &text);
    status = add_comparison(cli, json, &text, err);
    return status == NB_OK ? nb_cli_print(&text, err) : status;
}
