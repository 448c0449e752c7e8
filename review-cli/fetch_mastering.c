// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/fetch_mastering.h"

#include "base/clock.h"
#include "review-cli/delivery.h"
#include "review-cli/farm.h"
#include "review-cli/fetched_name.h"
#include "review-cli/notes.h"
#include "review-cli/version_files.h"
#include "review/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct mastering {
    nb_cli *cli;
    nb_farm farm;
    nb_version_name name;
    Nightbus__Reply *reply;
    nb_delivery delivery;
} mastering;

static void mastering_fini(mastering *self)
{
    nb_delivery_fini(&self->delivery);
    nb_wire_free_reply(&self->reply);
    nb_farm_fini(&self->farm);
}

static const Nightbus__VersionInfo *info_of(const mastering *self)
{
    return self->reply->version_info;
}

/// "night-v4" and an ending.
static char *own_name(const mastering *self, const char *ending)
{
    return nb_text_format("%s-%s%s", self->name.song, self->name.version, ending);
}

static nb_status open_version(mastering *self, nb_error *err)
{
    nb_status status = nb_version_name_parse(self->cli->args.words[0], &self->name, err);
    if (status == NB_OK && nb_version_name_is_master(&self->name)) {
        return nb_fail(err, NB_E_USAGE, "%s is a master; what is mastered is a mix, as %s@v4",
                       self->cli->args.words[0], self->name.song);
    }
    if (status == NB_OK) {
        status = nb_farm_open_album(self->cli, &self->farm, err);
    }
    if (status == NB_OK) {
        status = nb_version_wait(&self->farm, &self->name, &self->reply, err);
    }
    if (status == NB_OK && !nb_version_audio(info_of(self))) {
        status =
            nb_fail(err, NB_E_NOT_FOUND, "%s@%s has no audio", self->name.song, self->name.version);
    }
    return status;
}

/// The mix, its report, and what alternates there are.
static nb_status add_outputs(mastering *self, nb_error *err)
{
    const char *parent = nb_args_get(&self->cli->args, "output");
    const Nightbus__VersionInfo *info = info_of(self);
    nb_status status = NB_OK;
    self->delivery.farm = &self->farm;
    self->delivery.root = nb_text_format("%s/%s-%s-for-mastering", parent ? parent : ".",
                                         self->name.song, self->name.version);
    if (!self->delivery.root) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    for (size_t i = 0; status == NB_OK && i < info->n_outputs; i++) {
        const Nightbus__OutputRow *row = info->outputs[i];
        const nb_fetched_kind kind = nb_fetched_kind_of(row->name);
        NB_SCOPED(nb_text_free) char *name = nb_fetched_name(&self->name, row->name);
        if (kind == NB_FETCHED_STEM || kind == NB_FETCHED_UNSAFE) {
            continue;
        }
        if (!name) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
        }
        char *path = kind == NB_FETCHED_ALTERNATE ? nb_text_format("alternates/%s", name)
                                                  : nb_text_format("%s", name);
        status = nb_delivery_add_output(&self->delivery, &self->name, row, path, err);
    }
    return status;
}

/// The report as people read it.
static nb_status add_report(mastering *self, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    NB_SCOPED(nb_json_free) json_t *json = NULL;
    NB_SCOPED(nb_report_fini) nb_report report = {0};
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    size_t size = 0;
    nb_status status = nb_version_report(&self->farm, &self->name, &bytes, &size, err);
    if (status == NB_OK) {
        status = nb_json_parse("the report", bytes, size, &json, err);
    }
    if (status == NB_OK) {
        status = nb_report_from_json("the report", json, &report, err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_text_addf(&text, "%s@%s\n", self->name.song, self->name.version);
    nb_report_print(&report, false, &text);
    const size_t length = text.length;
    return nb_delivery_add_bytes(&self->delivery, own_name(self, ".report.txt"),
                                 nb_text_take(&text), length, err);
}

// ---- Notes ----

static nb_status add_markers(mastering *self, const nb_markers *markers, nb_marker_format format,
                             const char *ending, nb_error *err)
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&bytes, &size);
    if (!stream) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the notes");
    }
    const nb_status status = nb_markers_write(markers, format, NULL, stream, err);
    if (fclose(stream) != 0 || status != NB_OK) {
        free(bytes);
        return status != NB_OK ? status : nb_fail(err, NB_E_NO_MEMORY, "no memory for the notes");
    }
    return nb_delivery_add_bytes(&self->delivery, own_name(self, ending), bytes, size, err);
}

static nb_status add_notes(mastering *self, nb_error *err)
{
    static const struct {
        nb_marker_format format;
        const char *ending;
    } files[] = {
        {NB_MARKER_CSV, ".notes.csv"},
        {NB_MARKER_MARKDOWN, ".notes.md"},
        {NB_MARKER_REAPER_CSV, ".markers-reaper.csv"},
        {NB_MARKER_AUDACITY, ".markers-audacity.txt"},
        {NB_MARKER_MIDI, ".markers.mid"},
    };
    NB_SCOPED(nb_notes_fini) nb_notes notes = {0};
    NB_SCOPED(nb_markers_fini) nb_markers markers = {0};
    NB_SCOPED(nb_text_free)
    char *title = nb_text_format("%s@%s", self->name.song, self->name.version);
    nb_status status = nb_notes_fetch(&self->farm, &self->name, &notes, err);
    if (status == NB_OK) {
        nb_notes_drop_gone(&notes);
        status = nb_notes_to_markers(&notes, &markers, err);
    }
    markers.title = title;
    for (size_t i = 0; status == NB_OK && markers.count > 0 && i < NB_COUNT(files); i++) {
        status = add_markers(self, &markers, files[i].format, files[i].ending, err);
    }
    return status;
}

// ---- What was approved, by whom and when ----

static void add_printable(nb_text *out, const char *before, const char *text, const char *behind)
{
    NB_SCOPED(nb_text_free) char *copy = text && text[0] ? strdup(text) : NULL;
    if (copy) {
        nb_text_make_printable(copy);
        nb_text_addf(out, "%s%s%s", before, copy, behind);
    }
}

/// A text of several lines, each under the first.
static void add_words(nb_text *out, const char *before, const char *text, const char *behind)
{
    if (text && text[0]) {
        nb_text_add(out, before);
        nb_text_add_lines(out, text, nb_text_columns(before));
        nb_text_add(out, behind);
    }
}

static void add_hex(nb_text *out, const char *before, ProtobufCBinaryData bytes)
{
    char hex[NB_DIGEST_HEX_SIZE];
    const nb_digest digest = nb_wire_to_digest(bytes);
    nb_digest_to_hex(&digest, hex);
    nb_text_addf(out, "%s%s\n", before, hex);
}

static void add_time(nb_text *out, const char *before, uint64_t time_ms, const char *behind)
{
    char iso[NB_CLOCK_ISO_SIZE];
    nb_clock_iso((int64_t)time_ms, iso);
    nb_text_addf(out, "%s%s%s", before, iso, behind);
}

static void add_head(const mastering *self, nb_text *out)
{
    const Nightbus__VersionInfo *info = info_of(self);
    const Nightbus__VersionRow *row = info->standing;
    const Nightbus__OutputRow *audio = nb_version_audio(info);
    NB_SCOPED(nb_text_free) char *file = nb_fetched_name(&self->name, audio->name);
    nb_text_addf(out, "%s@%s, album %s\n\n", self->name.song, self->name.version, self->farm.album);
    const bool is_print = info->source && strcmp(info->source, "print") == 0;
    nb_text_addf(out, "audio      %s, as it was %s: nothing was done to it\n", file ? file : "",
                 is_print ? "pushed (a print)" : "rendered");
    add_hex(out, "sha256     ", audio->digest);
    if (row && row->has_duration_s) {
        char length[NB_TEXT_TIME_SIZE];
        nb_text_format_time(row->duration_s, length);
        nb_text_addf(out, "measured   %s", length);
        if (row->has_integrated_lufs) {
            nb_text_addf(out, ", %.1f LUFS", row->integrated_lufs);
        }
        if (row->has_true_peak_dbtp) {
            nb_text_addf(out, ", %.1f dBTP", row->true_peak_dbtp);
        }
        nb_text_addf(out, ", %u Hz\n", info->rate_hz);
    }
    add_printable(out, "pushed by  ", info->person, "");
    add_time(out, ", ", info->time_ms, "\n");
    add_words(out, "message    ", info->message, "\n");
    nb_text_add(out, "\n");
}

/// Approved counts only where it is of these bytes.
static bool is_approved(const mastering *self)
{
    const Nightbus__VersionRow *row = info_of(self)->standing;
    if (!row || strcmp(row->standing, "approved") != 0 || !row->has_decided_digest) {
        return false;
    }
    const nb_digest decided = nb_wire_to_digest(row->decided_digest);
    const nb_digest fetched = nb_wire_to_digest(nb_version_audio(info_of(self))->digest);
    return nb_digest_equal(&decided, &fetched);
}

/// All that was said with the decision that stands; of it the standing has the first line.
static const char *decided_text(const Nightbus__VersionInfo *info)
{
    const size_t count = info->n_decisions;
    return count > 0 ? info->decisions[count - 1]->text : info->standing->decided_text;
}

static void add_standing(const mastering *self, nb_text *out)
{
    const Nightbus__VersionRow *row = info_of(self)->standing;
    if (is_approved(self)) {
        add_printable(out, "APPROVED by ", row->decided_by, "");
        add_time(out, ", ", row->decided_ms, "\n");
        add_hex(out, "  these very bytes: sha256 ", row->decided_digest);
        add_words(out, "  \"", decided_text(info_of(self)), "\"\n");
    } else if (row && strcmp(row->standing, "approved") == 0) {
        nb_text_add(out, "NOT APPROVED: an approval stands, but of other bytes than these\n");
        add_hex(out, "  approved: sha256 ", row->decided_digest);
    } else if (row && strcmp(row->standing, "changes-requested") == 0) {
        nb_text_add(out, "NOT APPROVED: changes were requested\n");
        add_printable(out, "  by ", row->decided_by, "");
        add_time(out, ", ", row->decided_ms, "\n");
        add_words(out, "  \"", decided_text(info_of(self)), "\"\n");
    } else {
        nb_text_add(out, "NOT APPROVED: nobody has approved this version\n");
    }
    if (row && row->newest && strcmp(row->newest, row->version) != 0) {
        add_printable(out, "There is a newer mix: ", row->newest, "\n");
    }
    nb_text_add(out, "\n");
}

static void add_history(const mastering *self, nb_text *out)
{
    const Nightbus__VersionInfo *info = info_of(self);
    const Nightbus__VersionRow *row = info->standing;
    for (size_t i = 0; i < info->n_decisions; i++) {
        const Nightbus__DecisionRow *decision = info->decisions[i];
        add_time(out, i == 0 ? "Decisions, oldest first\n  " : "  ", decision->time_ms, "  ");
        add_printable(out, "", decision->kind, "");
        add_printable(out, " by ", decision->person, "\n");
        add_hex(out, "    sha256 ", decision->digest);
        add_words(out, "    \"", decision->text, "\"\n");
    }
    if (row) {
        nb_text_addf(out, "%sNotes: %u, %u open\n", info->n_decisions > 0 ? "\n" : "", row->notes,
                     row->open_notes);
    }
    for (size_t i = 0; i < info->n_masters; i++) {
        add_printable(out, i == 0 ? "Masters so far: " : " ", info->masters[i], "");
    }
    nb_text_addf(out, "%s\nGive the master back\n  nightbus submit-master %s@%s FILE... -A %s\n",
                 info->n_masters > 0 ? "\n" : "", self->name.song, self->name.version,
                 self->farm.album);
}

static nb_status add_approval(mastering *self, nb_error *err)
{
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    add_head(self, &text);
    add_standing(self, &text);
    add_history(self, &text);
    const size_t length = text.length;
    return nb_delivery_add_bytes(&self->delivery, nb_text_format("APPROVAL.txt"),
                                 nb_text_take(&text), length, err);
}

// ---- All of it ----

static nb_status deliver(mastering *self, nb_error *err)
{
    return nb_delivery_run(&self->delivery, err);
}

static nb_status tell(mastering *self, nb_error *err)
{
    const Nightbus__OutputRow *audio = nb_version_audio(info_of(self));
    char hex[NB_DIGEST_HEX_SIZE];
    const nb_digest digest = nb_wire_to_digest(audio->digest);
    nb_digest_to_hex(&digest, hex);
    if (self->cli->json) {
        return nb_cli_print_json(json_pack("{s:s, s:s, s:o, s:s, s:b, s:o}", "song",
                                           self->name.song, "version", self->name.version, "folder",
                                           nb_cli_json_string(self->delivery.root), "sha256", hex,
                                           "approved", is_approved(self), "files",
                                           nb_delivery_to_json(&self->delivery)),
                                 err);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_delivery_print(&self->delivery, &text);
    nb_text_addf(&text, "%s@%s sha256 %s\n", self->name.song, self->name.version, hex);
    add_standing(self, &text);
    return nb_cli_print(&text, err);
}

nb_status nb_fetch_for_mastering(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(mastering_fini) mastering self = {.cli = cli};
    static nb_status (*const steps[])(mastering *, nb_error *) = {
        open_version, add_outputs, add_report, add_notes, add_approval, deliver, tell};
    nb_status status = NB_OK;
    for (size_t i = 0; i < NB_COUNT(steps) && status == NB_OK; i++) {
        status = steps[i](&self, err);
    }
    return status;
}
