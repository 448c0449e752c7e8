// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "review-cli/ago.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { VALUE_COLUMN = 15 };

static json_t *to_json(const Nightbus__VersionInfo *info)
{
    json_t *outputs = json_array();
    for (size_t i = 0; i < info->n_outputs; i++) {
        char hex[NB_DIGEST_HEX_SIZE];
        const nb_digest digest = nb_wire_to_digest(info->outputs[i]->digest);
        nb_digest_to_hex(&digest, hex);
        json_array_append_new(outputs,
                              json_pack("{s:o, s:s, s:I}", "name",
                                        nb_cli_json_string(info->outputs[i]->name), "sha256", hex,
                                        "size", (json_int_t)info->outputs[i]->size));
    }
    char song_hex[NB_DIGEST_HEX_SIZE];
    const nb_digest song_digest = nb_wire_to_digest(info->song_digest);
    nb_digest_to_hex(&song_digest, song_hex);
    return json_pack("{s:o, s:o, s:o, s:o, s:I, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:o}",
                     "song", nb_cli_json_string(info->song), "version",
                     nb_cli_json_string(info->version), "commit", nb_cli_json_string(info->commit),
                     "person", nb_cli_json_string(info->person), "time_ms",
                     (json_int_t)info->time_ms, "message", json_string(info->message),
                     "song_digest", song_hex, "state", nb_cli_json_string(info->state), "job",
                     info->has_job ? json_integer((json_int_t)info->job) : json_null(), "outputs",
                     outputs, "fingerprint", nb_cli_json_string(info->fingerprint), "rendering",
                     nb_cli_json_string(info->rendering), "error", nb_cli_json_string(info->error),
                     "note_count", (int)(info->has_note_count ? info->note_count : 0), "rate_hz",
                     info->has_rate_hz ? json_integer(info->rate_hz) : json_null());
}

static void add_line(nb_text *out, const char *label, const char *value)
{
    NB_SCOPED(nb_text_free) char *copy = value ? nb_text_format("%s", value) : NULL;
    if (copy) {
        nb_text_make_printable(copy);
        nb_text_addf(out, "  %-12s ", label);
        nb_table_add_cut(out, copy, NB_TABLE_WIDTH - VALUE_COLUMN);
        nb_text_add(out, "\n");
    }
}

static void print(const nb_cli *cli, const Nightbus__VersionInfo *info, nb_text *out)
{
    char ago[NB_AGO_SIZE];
    char iso[NB_CLOCK_ISO_SIZE];
    nb_ago_format((int64_t)info->time_ms, nb_clock_wall_ms(), ago);
    nb_clock_iso((int64_t)info->time_ms, iso);
    NB_SCOPED(nb_text_free) char *when = nb_text_format("%s (%s)", iso, ago);
    nb_text_addf(out, "%s%s@%s%s\n", cli->colour ? "\033[1m" : "", info->song, info->version,
                 cli->colour ? "\033[0m" : "");
    add_line(out, "message", info->message);
    add_line(out, "pushed by", info->person);
    add_line(out, "when", when);
    add_line(out, "revision", info->commit);
    add_line(out, "state", info->state);
    add_line(out, "error", info->error);
    add_line(out, "engine", info->fingerprint);
    if (info->rendering && strcmp(info->rendering, "r1") != 0) {
        add_line(out, "rendering", info->rendering); // the first one's files are gone
    }
    nb_text_addf(out, "  %-12s %u\n", "notes", info->has_note_count ? info->note_count : 0);
    for (size_t i = 0; i < info->n_outputs; i++) {
        char size[NB_TEXT_SIZE_SIZE];
        char hex[NB_DIGEST_HEX_SIZE];
        const nb_digest digest = nb_wire_to_digest(info->outputs[i]->digest);
        nb_text_format_size(info->outputs[i]->size, size);
        nb_digest_to_hex(&digest, hex);
        NB_SCOPED(nb_text_free)
        char *line = nb_text_format("%s, %s, sha256 %.16s", info->outputs[i]->name, size, hex);
        add_line(out, i == 0 ? "files" : "", line);
    }
}

static nb_status run_show(nb_cli *cli, nb_error *err)
{
    nb_version_name name;
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    nb_status status = nb_version_name_parse(cli->args.words[0], &name, err);
    if (status == NB_OK) {
        status = nb_farm_open_album(cli, &farm, err);
    }
    if (status == NB_OK) {
        status = nb_farm_show(&farm, &name, &reply, err);
    }
    if (status != NB_OK) {
        return status;
    }
    if (cli->json) {
        return nb_cli_print_json(to_json(reply->version_info), err);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    print(cli, reply->version_info, &text);
    return nb_cli_print(&text, err);
}

const nb_command nb_command_show = {
    .name = "show",
    .usage = "SONG@V [--json]",
    .summary = "one version: who, when, why, and the files it was rendered to",
    .details = "SONG alone is its latest version.",
    .examples = "  nightbus show night@v2\n"
                "  nightbus show night --json | jq -r '.outputs[0].sha256'",
    .words_min = 1,
    .words_max = 1,
    .has_json = true,
    .run = run_show,
};
