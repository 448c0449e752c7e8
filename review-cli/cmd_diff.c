// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.h"
#include "review-cli/answered.h"
#include "review-cli/command.h"
#include "review-cli/mix_side.h"
#include "review-cli/version_files.h"
#include "review/mix_diff.h"
#include "review/report_diff.h"

#include <string.h>

typedef struct diff {
    nb_cli *cli;
    nb_farm farm; ///< Opened with the first version
    nb_mix_side before, after;
    nb_mix_diff changes;
    bool is_measured; ///< Both reports are there
    nb_report reports[2];
    char unmeasured[160]; ///< Why not, where both are versions
    nb_answered notes;    ///< That B answers, where both are versions
} diff;

static void diff_fini(diff *self)
{
    nb_mix_diff_fini(&self->changes);
    nb_mix_side_fini(&self->before);
    nb_mix_side_fini(&self->after);
    nb_report_fini(&self->reports[0]);
    nb_report_fini(&self->reports[1]);
    nb_answered_fini(&self->notes);
    nb_farm_fini(&self->farm);
}

/// A word is a path where there is such a file or folder, else a version.
static bool is_path(const char *word) { return nb_file_exists(word) || nb_file_is_folder(word); }

static nb_status open_version(diff *self, const char *word, nb_mix_side *out, nb_error *err)
{
    nb_version_name name;
    if (strchr(word, '/') || strstr(word, ".yaml")) {
        return nb_fail(err, NB_E_NOT_FOUND,
                       "%s: there is no such file or folder (and a version is written as night@v3)",
                       word);
    }
    nb_status status = nb_version_name_parse(word, &name, err);
    if (status == NB_OK && !self->farm.client) {
        status = nb_farm_open_album(self->cli, &self->farm, err);
    }
    return status == NB_OK ? nb_mix_side_open_version(&self->farm, &name, out, err) : status;
}

static nb_status open_side(diff *self, const char *word, nb_mix_side *out, nb_error *err)
{
    return is_path(word) ? nb_mix_side_open_path(word, out, err)
                         : open_version(self, word, out, err);
}

/// The same song in the working folder.
static nb_status open_working(diff *self, nb_error *err)
{
    NB_SCOPED(nb_folder_fini) nb_folder folder = {0};
    nb_status status = nb_folder_open(&folder, err);
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_text_free)
    char *path = nb_text_format("%s/songs/%s", folder.path, self->before.name.song);
    if (!path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    status = nb_mix_side_open_path(path, &self->after, err);
    NB_SCOPED(nb_text_free) char *label = nb_text_format("songs/%s", self->before.name.song);
    if (status == NB_OK && label) { // the folder is known; its whole path would only be long
        char *whole = self->after.label;
        self->after.label = label;
        label = whole;
    }
    return status;
}

static nb_status open_sides(diff *self, nb_error *err)
{
    const nb_args *args = &self->cli->args;
    if (args->word_count == 1 && is_path(args->words[0])) {
        return nb_fail(err, NB_E_USAGE,
                       "%s is compared with what? name two, or one version, which is compared with "
                       "the working folder",
                       args->words[0]);
    }
    const nb_status status = open_side(self, args->words[0], &self->before, err);
    if (status != NB_OK) {
        return status;
    }
    return args->word_count > 1 ? open_side(self, args->words[1], &self->after, err)
                                : open_working(self, err);
}

/// Both reports, where both are versions that are rendered.
static nb_status get_reports(diff *self, nb_error *err)
{
    const nb_mix_side *sides[] = {&self->before, &self->after};
    if (!self->before.is_version || !self->after.is_version) {
        return NB_OK;
    }
    for (size_t i = 0; i < NB_COUNT(sides); i++) {
        const char *why = NULL;
        const nb_status status =
            nb_mix_side_report(&self->farm, sides[i], &self->reports[i], &why, err);
        if (status != NB_OK || why) {
            snprintf(self->unmeasured, sizeof self->unmeasured, "%s %s", sides[i]->label,
                     why ? why : "");
            return status;
        }
    }
    self->is_measured = true;
    return NB_OK;
}

static nb_status get_notes(diff *self, nb_error *err)
{
    const bool same_song = strcmp(self->before.name.song, self->after.name.song) == 0;
    return self->before.is_version && self->after.is_version && same_song
               ? nb_answered_between(&self->farm, &self->before.name, &self->after.name,
                                     &self->notes, err)
               : NB_OK;
}

// ---- Audio that was made elsewhere ----

/// Are there two documents to compare?
static bool has_documents(const diff *self)
{
    return !self->before.is_elsewhere && !self->after.is_elsewhere;
}

/// Are both the same bytes? False too where that is not known.
static bool is_same_audio(const diff *self)
{
    const nb_mix_side *sides[] = {&self->before, &self->after};
    nb_digest digests[NB_COUNT(sides)];
    for (size_t i = 0; i < NB_COUNT(sides); i++) {
        const Nightbus__OutputRow *row =
            sides[i]->is_version ? nb_version_audio(sides[i]->info->version_info) : NULL;
        if (!row) {
            return false;
        }
        digests[i] = nb_wire_to_digest(row->digest);
    }
    return nb_digest_equal(&digests[0], &digests[1]);
}

static void add_elsewhere(const diff *self, nb_text *out)
{
    const nb_mix_side *sides[] = {&self->before, &self->after};
    for (size_t i = 0; i < NB_COUNT(sides); i++) {
        if (sides[i]->is_elsewhere && (i == 0 || strcmp(sides[0]->label, sides[i]->label) != 0)) {
            nb_text_addf(out, "%s is a %s: what was done on its tracks is not known.\n",
                         sides[i]->label, nb_mix_side_source(sides[i]));
        }
    }
    if (is_same_audio(self)) {
        nb_text_add(out, "Both are the same audio.\n");
    } else if (!self->is_measured && !self->unmeasured[0]) {
        nb_text_add(out, "Not measured: that takes two versions; push first.\n");
    }
}

/// Whether it sounds different; null where only two documents could tell, and there are none.
static json_t *sound_to_json(const diff *self)
{
    if (has_documents(self)) {
        return json_boolean(nb_mix_diff_has_sound(&self->changes));
    }
    return self->before.is_version && self->after.is_version ? json_boolean(!is_same_audio(self))
                                                             : json_null();
}

// ---- Printing ----

static nb_status print_json(diff *self, nb_error *err)
{
    NB_SCOPED(nb_json_free) json_t *json = nb_mix_diff_to_json(&self->changes);
    json_t *measured = self->is_measured
                           ? nb_report_diff_to_json(&self->reports[0], &self->reports[1])
                           : json_null();
    json_object_set_new(json, "before", nb_cli_json_string(self->before.label));
    json_object_set_new(json, "after", nb_cli_json_string(self->after.label));
    json_object_set_new(json, "before_source", json_string(nb_mix_side_source(&self->before)));
    json_object_set_new(json, "after_source", json_string(nb_mix_side_source(&self->after)));
    json_object_set_new(json, "sound", sound_to_json(self));
    json_object_set_new(json, "measured", measured);
    json_object_set(json, "notes", self->notes.fixed ? self->notes.fixed : json_null());
    // All digits: the changes must bring back the other mix exactly.
    NB_SCOPED(nb_text_free) char *text = json ? nb_mix_json_text(json) : NULL;
    return text ? nb_cli_printf(err, "%s\n", text)
                : nb_fail(err, NB_E_NO_MEMORY, "no memory for the JSON");
}

static nb_status print_words(diff *self, nb_error *err)
{
    const bool colour = self->cli->colour;
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_text_addf(&text, "%s%s \u2192 %s%s\n", colour ? "\033[1m" : "", self->before.label,
                 self->after.label, colour ? "\033[0m" : "");
    if (!has_documents(self)) {
        add_elsewhere(self, &text);
    } else if (self->changes.count == 0) {
        nb_text_add(&text, "The mixes are the same.\n");
    } else if (nb_args_has(&self->cli->args, "stat")) {
        nb_mix_diff_print_stat(&self->changes, colour, &text);
    } else {
        nb_mix_diff_print(&self->changes, colour, &text);
    }
    if (self->is_measured) {
        nb_report_diff_print(&self->reports[0], &self->reports[1], colour, &text);
    } else if (self->unmeasured[0]) {
        nb_text_addf(&text, "Not measured: %s\n", self->unmeasured);
    }
    if (json_array_size(self->notes.fixed) > 0) {
        nb_text_addf(&text, "%sNotes%s\n", colour ? "\033[1m" : "", colour ? "\033[0m" : "");
        nb_answered_print(self->notes.fixed, "answers", &text);
    }
    return nb_cli_print(&text, err);
}

static nb_status run_diff(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(diff_fini) diff self = {.cli = cli};
    nb_status status = open_sides(&self, err);
    if (status == NB_OK && has_documents(&self)) {
        status = nb_mix_diff_find(self.before.model, self.after.model, &self.changes, err);
    }
    if (status == NB_OK) {
        status = get_reports(&self, err);
    }
    if (status == NB_OK) {
        status = get_notes(&self, err);
    }
    if (status != NB_OK) {
        return status;
    }
    return cli->json ? print_json(&self, err) : print_words(&self, err);
}

static const nb_option options[] = {
    {"stat", 's', NULL, "one line a strip, with counts"},
};

const nb_command nb_command_diff = {
    .name = "diff",
    .usage = "A [B] [--stat] [--json]",
    .summary = "what changed in a mix, in words, and what was measured",
    .details = "A and B are versions (night@v3), or songs here (songs/night, a mix.yaml). One\n"
               "version alone is compared with the working folder. Tracks, inserts, bands and\n"
               "clips are known by their ids, takes by their bytes. Of two versions that are\n"
               "rendered, loudness, range and peak are told where they moved by over 0.1;\n"
               "prints and masters are compared by these alone.",
    .examples = "  nightbus diff night@v3 night@v4\n"
                "  nightbus diff night@v3 --stat\n"
                "  nightbus diff songs/night songs/night-quiet\n"
                "  nightbus diff night@v3 night --json | jq '.changes[] | select(.sound).path'",
    .words_min = 1,
    .words_max = 2,
    .options = options,
    .option_count = NB_COUNT(options),
    .has_json = true,
    .pages = true,
    .run = run_diff,
};
