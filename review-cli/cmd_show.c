// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "review-cli/ago.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/standing.h"
#include "review-cli/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { VALUE_COLUMN = 15 };

static json_t *decisions_to_json(const Nightbus__VersionInfo *info)
{
    json_t *array = json_array();
    for (size_t i = 0; i < info->n_decisions; i++) {
        const Nightbus__DecisionRow *row = info->decisions[i];
        char hex[NB_DIGEST_HEX_SIZE];
        const nb_digest digest = nb_wire_to_digest(row->digest);
        nb_digest_to_hex(&digest, hex);
        json_array_append_new(
            array, json_pack("{s:o, s:o, s:I, s:s?, s:s}", "kind", nb_cli_json_string(row->kind),
                             "person", nb_cli_json_string(row->person), "time_ms",
                             (json_int_t)row->time_ms, "text", row->text, "sha256", hex));
    }
    return array;
}

/// What it was made of, and where it lies in the session it was made in.
static json_t *source_to_json(const Nightbus__VersionInfo *info)
{
    char hex[NB_DIGEST_HEX_SIZE] = "";
    if (info->has_mix_digest) {
        const nb_digest digest = nb_wire_to_digest(info->mix_digest);
        nb_digest_to_hex(&digest, hex);
    }
    return json_pack("{s:o, s:s?, s:o}", "source", nb_cli_json_string(info->source), "mix_sha256",
                     hex[0] ? hex : NULL, "starts_at_frame",
                     info->has_starts_at_frame ? json_integer((json_int_t)info->starts_at_frame)
                                               : json_null());
}

/// What the version's standing says, but for what is said already; then all decisions, and masters.
static json_t *with_standing(json_t *json, const Nightbus__VersionInfo *info)
{
    NB_SCOPED(nb_json_free)
    json_t *standing = info->standing ? nb_standing_to_json(info->standing) : json_object();
    json_t *masters = json_array();
    for (size_t i = 0; i < info->n_masters; i++) {
        json_array_append_new(masters, nb_cli_json_string(info->masters[i]));
    }
    NB_SCOPED(nb_json_free) json_t *source = source_to_json(info);
    const bool complete = json && standing && source && json_object_update(json, source) == 0 &&
                          json_object_update_missing(json, standing) == 0 &&
                          json_object_set_new(json, "decisions", decisions_to_json(info)) == 0;
    if (json_object_set_new(json, "masters", masters) != 0 || !complete) {
        json_decref(json);
        return NULL;
    }
    return json;
}

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
        nb_table_add_cut(out, copy, nb_terminal_columns() - VALUE_COLUMN);
        nb_text_add(out, "\n");
    }
}

/// As add_line, but all of it: a text of several lines, under each other.
static void add_words(nb_text *out, const char *label, const char *value)
{
    NB_SCOPED(nb_text_fini) nb_text lines = {0};
    nb_table_add_wrapped(&lines, value ? value : "", VALUE_COLUMN,
                         nb_terminal_columns() - VALUE_COLUMN);
    if (lines.length > VALUE_COLUMN) {
        nb_text_addf(out, "  %-12s %s", label, lines.chars + VALUE_COLUMN);
    }
}

/// As add_line, in a style.
static void add_styled(const nb_cli *cli, nb_text *out, const char *label, nb_style style,
                       const char *value)
{
    NB_SCOPED(nb_text_fini) nb_text cut = {0};
    NB_SCOPED(nb_text_free) char *copy = nb_text_format("%s", value);
    if (copy) {
        nb_text_make_printable(copy);
        nb_table_add_cut(&cut, copy, nb_terminal_columns() - VALUE_COLUMN);
        nb_text_addf(out, "  %-12s ", label);
        nb_style_add(out, cli->colour, style, cut.chars ? cut.chars : "");
        nb_text_add(out, "\n");
    }
}

static void print_source(const Nightbus__VersionInfo *info, nb_text *out)
{
    if (!info->source || strcmp(info->source, "mix") == 0) {
        return;
    }
    char start[NB_TEXT_TIME_SIZE];
    const uint64_t frames = info->has_starts_at_frame ? info->starts_at_frame : 0;
    nb_text_format_time(info->rate_hz > 0 ? (double)frames / info->rate_hz : 0.0, start);
    NB_SCOPED(nb_text_free)
    char *line = frames > 0 ? nb_text_format("%s, starts at %s in its session", info->source, start)
                            : nb_text_format("%s", info->source);
    add_words(out, "source", line);
}

static void print_measured(const Nightbus__VersionRow *row, nb_text *out)
{
    char loudness[16];
    char length[NB_TEXT_TIME_SIZE];
    if (!row->has_audio) {
        return;
    }
    nb_standing_loudness(row, loudness);
    nb_text_format_time(row->has_duration_s ? row->duration_s : 0.0, length);
    nb_text_addf(out, "  %-12s %s%s", "measured", loudness,
                 row->has_integrated_lufs ? " LUFS" : "");
    if (row->has_true_peak_dbtp) {
        nb_text_addf(out, ", %.1f dBTP", row->true_peak_dbtp);
    }
    nb_text_addf(out, ", %s\n", length);
}

/// A master says which mix it is of, a mix which masters are of it.
static void print_relations(const nb_cli *cli, const Nightbus__VersionInfo *info, nb_text *out)
{
    const Nightbus__VersionRow *row = info->standing;
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    if (row->mix && nb_standing_is_left_behind(row)) {
        nb_text_addf(&text, "%s; the mix has moved on to %s", row->mix, row->newest);
        add_styled(cli, out, "master of", NB_STYLE_ATTENTION, text.chars);
        return;
    }
    if (row->mix) {
        add_line(out, "master of", row->mix);
        return;
    }
    for (size_t i = 0; i < info->n_masters; i++) {
        nb_text_addf(&text, "%s%s", i > 0 ? " " : "", info->masters[i]);
    }
    add_words(out, "masters", text.chars);
    if (row->newest && strcmp(row->newest, row->version) != 0) {
        add_line(out, "newest", row->newest);
    }
}

static const char *past_of(const char *kind)
{
    static const struct {
        const char *kind, *past;
    } words[] = {{"approve", "approved"},
                 {"request-changes", "requested changes"},
                 {"withdraw", "withdrew the decision"}};
    for (size_t i = 0; i < NB_COUNT(words); i++) {
        if (strcmp(words[i].kind, kind) == 0) {
            return words[i].past;
        }
    }
    return kind;
}

static void print_decisions(const Nightbus__VersionInfo *info, int64_t now_ms, nb_text *out)
{
    for (size_t i = 0; i < info->n_decisions; i++) {
        const Nightbus__DecisionRow *row = info->decisions[i];
        char ago[NB_AGO_SIZE];
        char hex[NB_DIGEST_HEX_SIZE];
        const nb_digest digest = nb_wire_to_digest(row->digest);
        nb_ago_format((int64_t)row->time_ms, now_ms, ago);
        nb_digest_to_hex(&digest, hex);
        NB_SCOPED(nb_text_free)
        char *line =
            nb_text_format("%s %s, %s, sha256 %.12s", row->person, past_of(row->kind), ago, hex);
        add_words(out, i == 0 ? "decisions" : "", line);
        nb_table_add_wrapped(out, row->text ? row->text : "", VALUE_COLUMN + 2,
                             nb_terminal_columns() - VALUE_COLUMN - 2);
    }
}

static void print_standing(const nb_cli *cli, const Nightbus__VersionInfo *info, nb_text *out)
{
    const Nightbus__VersionRow *row = info->standing;
    const int64_t now_ms = nb_clock_wall_ms();
    NB_SCOPED(nb_text_fini) nb_text words = {0};
    if (!row) {
        return; // an older farm
    }
    nb_standing_words(row, now_ms, &words);
    add_styled(cli, out, "standing", nb_style_of_state(row->standing),
               words.chars ? words.chars : "");
    print_measured(row, out);
    NB_SCOPED(nb_text_free)
    char *notes = nb_text_format("%u, %u open", row->notes, row->open_notes);
    add_styled(cli, out, "notes", row->open_notes > 0 ? NB_STYLE_ATTENTION : NB_STYLE_PLAIN,
               notes ? notes : "");
    print_relations(cli, info, out);
    print_decisions(info, now_ms, out);
}

static void print(const nb_cli *cli, const Nightbus__VersionInfo *info, nb_text *out)
{
    char ago[NB_AGO_SIZE];
    char iso[NB_CLOCK_ISO_SIZE];
    nb_ago_format((int64_t)info->time_ms, nb_clock_wall_ms(), ago);
    nb_clock_iso((int64_t)info->time_ms, iso);
    NB_SCOPED(nb_text_free) char *when = nb_text_format("%s (%s)", iso, ago);
    NB_SCOPED(nb_text_free) char *name = nb_text_format("%s@%s", info->song, info->version);
    nb_style_add(out, cli->colour, NB_STYLE_STRONG, name ? name : "");
    nb_text_add(out, "\n");
    add_words(out, "message", info->message);
    add_line(out, "pushed by", info->person);
    add_line(out, "when", when);
    add_line(out, "revision", info->commit);
    print_source(info, out);
    add_styled(cli, out, "state", nb_style_of_state(info->state), info->state);
    add_words(out, "error", info->error);
    add_line(out, "engine", info->fingerprint);
    if (info->rendering && strcmp(info->rendering, "r1") != 0) {
        add_line(out, "rendering", info->rendering); // the first one's files are gone
    }
    print_standing(cli, info, out);
    for (size_t i = 0; i < info->n_outputs; i++) {
        char size[NB_TEXT_SIZE_SIZE];
        char hex[NB_DIGEST_HEX_SIZE];
        const nb_digest digest = nb_wire_to_digest(info->outputs[i]->digest);
        nb_text_format_size(info->outputs[i]->size, size);
        nb_digest_to_hex(&digest, hex);
        NB_SCOPED(nb_text_free)
        char *line = nb_text_format("%s, %s, sha256 %.16s", info->outputs[i]->name, size, hex);
        add_words(out, i == 0 ? "files" : "", line);
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
        return nb_cli_print_json(with_standing(to_json(reply->version_info), reply->version_info),
                                 err);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    print(cli, reply->version_info, &text);
    return nb_cli_print(&text, err);
}

const nb_command nb_command_show = {
    .name = "show",
    .usage = "SONG@V [--json]",
    .summary = "one version: who, when, why, where it stands, and its files",
    .details = "SONG alone is its latest version.",
    .examples = "  nightbus show night@v2\n"
                "  nightbus show night --json | jq -r '.outputs[0].sha256'",
    .words_min = 1,
    .words_max = 1,
    .has_json = true,
    .pages = true,
    .run = run_show,
};
