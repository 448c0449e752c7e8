// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.h"
#include "review-cli/batch.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/version_files.h"

#include <string.h>

/// The files of a version and what they are called here.
static const struct {
    const char *output;
    const char *ending;
} wanted[] = {{"mix.wav", ".wav"}, {"report.json", ".report.json"}};

typedef struct fetch {
    nb_farm farm;
    nb_version_name name;
    const char *folder;
    char *paths[NB_COUNT(wanted)];
    bool there[NB_COUNT(wanted)]; ///< Already here, with the right bytes
} fetch;

static void fetch_fini(fetch *self)
{
    for (size_t i = 0; i < NB_COUNT(wanted); i++) {
        nb_text_free(&self->paths[i]);
    }
    nb_farm_fini(&self->farm);
}

static bool is_there(const char *path, const Nightbus__OutputRow *row)
{
    uint64_t size = 0;
    nb_digest digest;
    const nb_digest right = nb_wire_to_digest(row->digest);
    return nb_file_size(path, &size, NULL) == NB_OK && size == row->size &&
           nb_digest_of_file(path, &digest, NULL, NULL) == NB_OK &&
           nb_digest_equal(&digest, &right);
}

static nb_status make_paths(fetch *self, nb_error *err)
{
    for (size_t i = 0; i < NB_COUNT(wanted); i++) {
        nb_text_free(&self->paths[i]);
        self->paths[i] = nb_text_format("%s/%s-%s%s", self->folder, self->name.song,
                                        self->name.version, wanted[i].ending);
        if (!self->paths[i]) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
        }
    }
    return nb_file_make_folders(self->folder, 0777, err);
}

static nb_status fetch_outputs(fetch *self, const Nightbus__VersionInfo *info, nb_error *err)
{
    uint64_t total = 0;
    const Nightbus__OutputRow *rows[NB_COUNT(wanted)];
    for (size_t i = 0; i < NB_COUNT(wanted); i++) {
        rows[i] = nb_version_output(info, wanted[i].output);
        if (!rows[i]) {
            return nb_fail(err, NB_E_INVALID, "%s@%s has no %s", self->name.song,
                           self->name.version, wanted[i].output);
        }
        self->there[i] = is_there(self->paths[i], rows[i]);
        total += self->there[i] ? 0 : rows[i]->size;
    }
    nb_batch batch;
    nb_batch_start(&batch, &self->farm, "fetching", total);
    nb_status status = NB_OK;
    for (size_t i = 0; i < NB_COUNT(wanted) && status == NB_OK; i++) {
        const nb_digest digest = nb_wire_to_digest(rows[i]->digest);
        if (!self->there[i]) {
            status = nb_batch_download(&batch, &digest, rows[i]->size, self->paths[i], err);
        }
    }
    nb_batch_finish(&batch);
    return status;
}

/// Wait for the version and fetch it; once more where its files had been collected meanwhile.
static nb_status fetch_version(fetch *self, nb_error *err)
{
    for (unsigned round = 0;; round++) {
        NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
        nb_status status = nb_version_wait(&self->farm, &self->name, &reply, err);
        if (status == NB_OK) {
            status = make_paths(self, err);
        }
        if (status != NB_OK) {
            return status;
        }
        status = fetch_outputs(self, reply->version_info, err);
        if (status != NB_E_NOT_FOUND || round > 0) {
            return status;
        }
        status = nb_version_render_again(&self->farm, &self->name, err);
        if (status != NB_OK) {
            return status;
        }
    }
}

static nb_status run_fetch(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(fetch_fini) fetch self = {.folder = nb_args_get(&cli->args, "output")};
    self.folder = self.folder ? self.folder : ".";
    nb_status status = nb_version_name_parse(cli->args.words[0], &self.name, err);
    if (status == NB_OK) {
        status = nb_farm_open_album(cli, &self.farm, err);
    }
    if (status == NB_OK) {
        status = fetch_version(&self, err);
    }
    if (status != NB_OK) {
        return status;
    }
    if (cli->json) {
        return nb_cli_print_json(json_pack("{s:s, s:s, s:s, s:s}", "song", self.name.song,
                                           "version", self.name.version, "wav", self.paths[0],
                                           "report", self.paths[1]),
                                 err);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    for (size_t i = 0; i < NB_COUNT(wanted); i++) {
        const char *path = strncmp(self.paths[i], "./", 2) == 0 ? self.paths[i] + 2 : self.paths[i];
        nb_text_addf(&text, "%s%s\n", path, self.there[i] ? " (was here already)" : "");
    }
    return nb_cli_print(&text, err);
}

static const nb_option options[] = {
    {"output", 'o', "DIR", "the folder to write to (default: this one)"},
};

const nb_command nb_command_fetch = {
    .name = "fetch",
    .usage = "SONG@V [-o DIR] [--json]",
    .summary = "the rendered mix as WAV, and its report as JSON",
    .details = "SONG alone is its latest version. Waits where it is still rendering. Writes\n"
               "SONG-vN.wav and SONG-vN.report.json; a fetch that was cut goes on.",
    .examples = "  nightbus fetch night@v3\n"
                "  nightbus fetch night -o ~/listen",
    .words_min = 1,
    .words_max = 1,
    .options = options,
    .option_count = NB_COUNT(options),
    .has_json = true,
    .run = run_fetch,
};
