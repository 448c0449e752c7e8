// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "base/file.h"
#include "review-cli/batch.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/fetch_album.h"
#include "review-cli/fetch_mastering.h"
#include "review-cli/fetched_name.h"
#include "review-cli/standing.h"
#include "review-cli/version_files.h"
#include "review/event.h"

#include <stdlib.h>
#include <string.h>

/// A file of a version, and where it goes here.
typedef struct wanted_file {
    const Nightbus__OutputRow *row; ///< The reply's
    char *path;
    bool there; ///< Already here, with the right bytes
} wanted_file;

typedef struct fetch {
    const nb_args *args;
    nb_farm farm;
    nb_version_name name;
    const char *folder;
    Nightbus__Reply *reply;
    size_t count;
    wanted_file *list;
    bool chosen; ///< All that was asked for is in the list
} fetch;

static void forget_files(fetch *self)
{
    for (size_t i = 0; i < self->count; i++) {
        nb_text_free(&self->list[i].path);
    }
    free(self->list);
    self->list = NULL;
    self->count = 0;
    self->chosen = false;
    nb_wire_free_reply(&self->reply);
}

static void fetch_fini(fetch *self)
{
    forget_files(self);
    nb_farm_fini(&self->farm);
}

// ---- Which files ----

static bool is_alternate(const char *name, const char *wanted)
{
    size_t length = 0;
    const char *id = nb_fetched_alternate(name, &length);
    return strlen(wanted) == length && strncmp(id, wanted, length) == 0;
}

static bool is_wanted(const nb_args *args, const char *name)
{
    const char *only = nb_args_get(args, "alternate");
    switch (nb_fetched_kind_of(name)) {
    case NB_FETCHED_AUDIO:
    case NB_FETCHED_REPORT:
    case NB_FETCHED_OTHER:
        return !only;
    case NB_FETCHED_ALTERNATE:
        return nb_args_has(args, "alternates") || (only && is_alternate(name, only));
    case NB_FETCHED_STEM:
        return nb_args_has(args, "stems");
    default:
        return false;
    }
}

static nb_status choose_files(fetch *self, nb_error *err)
{
    const Nightbus__VersionInfo *info = self->reply->version_info;
    self->list = calloc(info->n_outputs + 1, sizeof *self->list);
    if (!self->list) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for %zu files", info->n_outputs);
    }
    for (size_t i = 0; i < info->n_outputs; i++) {
        const Nightbus__OutputRow *row = info->outputs[i];
        if (!is_wanted(self->args, row->name)) {
            continue;
        }
        wanted_file *file = &self->list[self->count++];
        NB_SCOPED(nb_text_free) char *name = nb_fetched_name(&self->name, row->name);
        file->row = row;
        file->path = name ? nb_file_join(self->folder, name) : NULL;
        if (!file->path) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
        }
    }
    return NB_OK;
}

static bool has_any(const Nightbus__VersionInfo *info, nb_fetched_kind kind)
{
    for (size_t i = 0; i < info->n_outputs; i++) {
        if (nb_fetched_kind_of(info->outputs[i]->name) == kind) {
            return true;
        }
    }
    return false;
}

/// What was asked for must be there; say what there is.
static nb_status check_choice(const fetch *self, nb_error *err)
{
    const Nightbus__VersionInfo *info = self->reply->version_info;
    const char *only = nb_args_get(self->args, "alternate");
    const bool asked = only || nb_args_has(self->args, "alternates");
    if (asked && !has_any(info, NB_FETCHED_ALTERNATE)) {
        return nb_fail(err, NB_E_NOT_FOUND,
                       "%s@%s has no alternates; its mix document lists them under `alternates`",
                       self->name.song, self->name.version);
    }
    if (!only || self->count > 0) {
        return self->count > 0 ? NB_OK
                               : nb_fail(err, NB_E_NOT_FOUND, "%s@%s has no rendered files",
                                         self->name.song, self->name.version);
    }
    NB_SCOPED(nb_text_fini) nb_text known = {0};
    for (size_t i = 0; i < info->n_outputs; i++) {
        const char *name = info->outputs[i]->name;
        size_t length = 0;
        const char *id = nb_fetched_alternate(name, &length);
        if (id && strstr(name, ".wav")) {
            nb_text_addf(&known, "%s%.*s", known.length > 0 ? ", " : "", (int)length, id);
        }
    }
    return nb_fail(err, NB_E_NOT_FOUND, "%s@%s has no alternate '%s'; it has %s", self->name.song,
                   self->name.version, only, known.chars ? known.chars : "none");
}

// ---- Fetching ----

static nb_status fetch_files(fetch *self, nb_error *err)
{
    uint64_t total = 0;
    nb_status status = nb_file_make_folders(self->folder, 0777, err);
    for (size_t i = 0; status == NB_OK && i < self->count; i++) {
        wanted_file *file = &self->list[i];
        const nb_digest right = nb_wire_to_digest(file->row->digest);
        file->there = nb_digest_is_of_file(&right, file->row->size, file->path);
        total += file->there ? 0 : file->row->size;
        status = nb_file_make_parents(file->path, 0777, err);
    }
    nb_batch batch;
    nb_batch_start(&batch, &self->farm, "fetching", total);
    for (size_t i = 0; i < self->count && status == NB_OK; i++) {
        const wanted_file *file = &self->list[i];
        const nb_digest digest = nb_wire_to_digest(file->row->digest);
        if (!file->there) {
            status = nb_batch_download(&batch, &digest, file->row->size, file->path, err);
        }
    }
    nb_batch_finish(&batch);
    return status;
}

/// The stems are made when they are asked for first.
static nb_status have_stems(fetch *self, nb_error *err)
{
    const char *source = self->reply->version_info->source;
    if (nb_args_has(self->args, "stems") && source && strcmp(source, "mix") != 0) {
        return nb_fail(err, NB_E_INVALID, "%s@%s is a %s: it has no stems", self->name.song,
                       self->name.version, source);
    }
    if (!nb_args_has(self->args, "stems") || has_any(self->reply->version_info, NB_FETCHED_STEM)) {
        return NB_OK;
    }
    nb_wire_free_reply(&self->reply);
    const nb_status status =
        nb_version_render_again(&self->farm, &self->name, NB_RENDER_STEMS, err);
    return status == NB_OK ? nb_version_wait(&self->farm, &self->name, &self->reply, err) : status;
}

static nb_status fetch_once(fetch *self, nb_error *err)
{
    forget_files(self);
    nb_status status = nb_version_wait(&self->farm, &self->name, &self->reply, err);
    if (status == NB_OK) {
        status = have_stems(self, err);
    }
    if (status == NB_OK) {
        status = choose_files(self, err);
    }
    if (status == NB_OK) {
        status = check_choice(self, err);
    }
    self->chosen = status == NB_OK;
    return self->chosen ? fetch_files(self, err) : status;
}

/// Wait for the version and fetch it; once more where its files had been collected meanwhile.
static nb_status fetch_version(fetch *self, nb_error *err)
{
    nb_status status = fetch_once(self, err);
    if (status != NB_E_NOT_FOUND || !self->chosen) { // there is no such file: making it is no help
        return status;
    }
    const nb_render_wish wish =
        nb_args_has(self->args, "stems") ? NB_RENDER_STEMS : NB_RENDER_MIXES;
    status = nb_version_render_again(&self->farm, &self->name, wish, err);
    return status == NB_OK ? fetch_once(self, err) : status;
}

// ---- What came of it ----

static void hash_of(const wanted_file *file, char out[NB_DIGEST_HEX_SIZE])
{
    const nb_digest digest = nb_wire_to_digest(file->row->digest);
    nb_digest_to_hex(&digest, out);
}

/// What was decided on the version, where it is on these very bytes.
static void print_decision(const fetch *self, const wanted_file *file, nb_text *out)
{
    const Nightbus__VersionRow *row = self->reply->version_info->standing;
    if (!row || !row->has_decided_digest || strcmp(row->standing, "open") == 0) {
        return;
    }
    const nb_digest decided = nb_wire_to_digest(row->decided_digest);
    const nb_digest fetched = nb_wire_to_digest(file->row->digest);
    if (nb_digest_equal(&decided, &fetched)) {
        nb_text_add(out, "  ");
        nb_standing_words(row, nb_clock_wall_ms(), out);
        nb_text_add(out, "\n");
    }
}

/// The path, and of audio the hash: what an approval names.
static void print_file(const fetch *self, const wanted_file *file, nb_text *out)
{
    const char *path = strncmp(file->path, "./", 2) == 0 ? file->path + 2 : file->path;
    nb_text_add_lines(out, path, 0);
    nb_text_addf(out, "%s\n", file->there ? " (was here already)" : "");
    if (strstr(file->row->name, ".json")) {
        return;
    }
    char hex[NB_DIGEST_HEX_SIZE];
    hash_of(file, hex);
    nb_text_addf(out, "  sha256 %s\n", hex);
    print_decision(self, file, out);
}

static nb_status print_json(const fetch *self, nb_error *err)
{
    json_t *json = json_pack("{s:s, s:s}", "song", self->name.song, "version", self->name.version);
    json_t *files = json_array();
    for (size_t i = 0; json && i < self->count; i++) {
        const wanted_file *file = &self->list[i];
        char hex[NB_DIGEST_HEX_SIZE];
        hash_of(file, hex);
        json_array_append_new(files,
                              json_pack("{s:o, s:o, s:s, s:I, s:b}", "output",
                                        nb_cli_json_string(file->row->name), "file",
                                        nb_cli_json_string(file->path), "sha256", hex, "size",
                                        (json_int_t)file->row->size, "was_here", file->there));
        if (nb_event_is_main_audio(file->row->name)) {
            json_object_set_new(json, "wav", nb_cli_json_string(file->path));
        } else if (strcmp(file->row->name, "report.json") == 0) {
            json_object_set_new(json, "report", nb_cli_json_string(file->path));
        }
    }
    json_object_set_new(json, "files", files);
    return nb_cli_print_json(json, err);
}

/// What would have no effect is refused: each of the three ways has its own files.
static nb_status check_options(const nb_args *args, nb_error *err)
{
    static const char *const ways[] = {"approved", "masters", "for"};
    static const char *const choices[] = {"stems", "alternate", "alternates"};
    const char *use = nb_args_get(args, "for");
    const char *way = NULL;
    for (size_t i = 0; i < NB_COUNT(ways); i++) {
        if (way && nb_args_has(args, ways[i])) {
            return nb_fail(err, NB_E_USAGE, "--%s and --%s are two folders: one at a time", way,
                           ways[i]);
        }
        way = nb_args_has(args, ways[i]) ? ways[i] : way;
    }
    if (use && strcmp(use, "mastering") != 0) {
        return nb_fail(err, NB_E_USAGE, "'%.40s': what is fetched for is mastering", use);
    }
    for (size_t i = 0; way && i < NB_COUNT(choices); i++) {
        const bool comes_anyway = use && strcmp(choices[i], "alternates") == 0;
        if (nb_args_has(args, choices[i]) && !comes_anyway) {
            return nb_fail(err, NB_E_USAGE,
                           "--%s does not go with --%s: fetch the version alone, nightbus fetch "
                           "SONG@V --%s",
                           choices[i], way, choices[i]);
        }
    }
    return NB_OK;
}

static nb_status run_fetch(nb_cli *cli, nb_error *err)
{
    nb_status status = check_options(&cli->args, err);
    if (status != NB_OK) {
        return status;
    }
    if (nb_args_has(&cli->args, "approved") || nb_args_has(&cli->args, "masters")) {
        return nb_fetch_album(cli, err);
    }
    if (nb_args_has(&cli->args, "for")) {
        return nb_fetch_for_mastering(cli, err);
    }
    NB_SCOPED(fetch_fini)
    fetch self = {.args = &cli->args, .folder = nb_args_get(&cli->args, "output")};
    self.folder = self.folder ? self.folder : ".";
    status = nb_version_name_parse(cli->args.words[0], &self.name, err);
    if (status == NB_OK) {
        status = nb_farm_open_album(cli, &self.farm, err);
    }
    if (status == NB_OK) {
        status = fetch_version(&self, err);
    }
    if (status != NB_OK || cli->json) {
        return status == NB_OK ? print_json(&self, err) : status;
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    for (size_t i = 0; i < self.count; i++) {
        print_file(&self, &self.list[i], &text);
    }
    return nb_cli_print(&text, err);
}

static const nb_option options[] = {
    {"output", 'o', "DIR", "the folder to write to (default: this one)"},
    {"alternates", 0, NULL, "the alternates too, as SONG-vN-ALTERNATE.wav"},
    {"alternate", 0, "ID", "only that alternate"},
    {"stems", 0, NULL, "what the mix bus gets: SONG-vN-stems/STRIP.wav"},
    {"for", 0, "mastering", "a folder with all that a mastering engineer needs"},
    {"approved", 0, NULL, "of ALBUM: each song's newest approved mix"},
    {"masters", 0, NULL, "of ALBUM: each song's newest master"},
};

const nb_command nb_command_fetch = {
    .name = "fetch",
    .usage = "SONG@V|ALBUM [--alternates] [--stems] [-o DIR] [--json]",
    .summary = "a version's audio and report, or a whole album's",
    .details = "SONG alone is its latest version. Waits where it is still rendering. Writes\n"
               "SONG-vN.wav and SONG-vN.report.json; a fetch that was cut goes on. Alternates\n"
               "are rendered with the mix; stems when they are asked for first.\n"
               "`fetch ALBUM --approved` and `fetch ALBUM --masters` bring all songs into\n"
               "ALBUM-approved/ and ALBUM-masters/, with SHA256SUMS.",
    .examples = "  nightbus fetch night@v3\n"
                "  nightbus fetch night@v3 --alternate tv -o ~/listen\n"
                "  nightbus fetch night --alternates --stems -o ~/bounces\n"
                "  nightbus fetch night@v4 --for mastering\n"
                "  nightbus fetch neon-rain --approved",
    .words_min = 1,
    .words_max = 1,
    .options = options,
    .option_count = NB_COUNT(options),
    .has_json = true,
    .run = run_fetch,
};
