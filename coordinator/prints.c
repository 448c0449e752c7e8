// SPDX-License-Identifier: GPL-3.0-or-later
// Prints and masters: audio that was made elsewhere. Nothing is rendered, so a plan names the files
// and a renderer measures them.
#include "coordinator/prints.h"
#include "base/text.h"
#include "coordinator/standing.h"
#include "review/decisions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- The audio of a version ----

/// The audio of the first rendering that has some.
typedef struct first_audio {
    bool found;
    nb_output *out;
} first_audio;

static nb_status look(void *context, const nb_event *event, nb_error *err)
{
    first_audio *self = context;
    const nb_event_output *audio =
        (!self->found && event->kind == NB_EVENT_RENDERED) ? nb_decisions_audio(event) : NULL;
    if (!audio) {
        return NB_OK;
    }
    self->found = true;
    snprintf(self->out->name, sizeof self->out->name, "%s", audio->name);
    self->out->size = audio->size;
    return nb_digest_from_hex(audio->sha256, &self->out->digest, err);
}

static nb_status audio_of_review(const nb_album *album, const nb_version *version, nb_output *out,
                                 bool *out_found, nb_error *err)
{
    first_audio first = {.out = out};
    const nb_status status = nb_album_visit_events(album, version, look, &first, err);
    *out_found = first.found;
    return status;
}

// The review follows the ledger, in batches.
static nb_status audio_of_job(nb_coordinator *self, const nb_album *album,
                              const nb_version *version, nb_output *out, bool *out_found,
                              nb_error *err)
{
    nb_job job;
    NB_SCOPED(nb_result_fini) nb_result result = {0};
    nb_status status =
        nb_ledger_find_job(self->ledger, album->name, version->song, version->name, &job, err);
    if (status != NB_OK || job.id == 0 || job.state != NB_JOB_DONE) {
        return status;
    }
    status = nb_ledger_get_result(self->ledger, &job.mix_key, &result, err);
    for (size_t i = 0; status == NB_OK && i < result.output_count && !*out_found; i++) {
        *out_found = nb_event_is_main_audio(result.outputs[i].name);
        *out = result.outputs[i];
    }
    return status;
}

nb_status nb_coordinator_version_audio(nb_coordinator *self, const nb_album *album,
                                       const nb_version *version, nb_output *out, nb_error *err)
{
    bool found = false;
    nb_status status = audio_of_review(album, version, out, &found, err);
    if (status == NB_OK && !found) {
        status = audio_of_job(self, album, version, out, &found, err);
    }
    if (status == NB_OK && !found) {
        return nb_fail(err, NB_E_NOT_FOUND, "%s@%s is not rendered yet: wait for it", version->song,
                       version->name);
    }
    return status;
}

// ---- Its frames ----

static nb_status read_timing(const nb_version *version, const char *path, const char *bytes,
                             size_t size, nb_version_timing *out, nb_error *err)
{
    if (version->source == NB_SOURCE_MIX) {
        NB_SCOPED(nb_document_destroy) nb_document *document = NULL;
        const nb_status status = nb_document_parse(path, bytes, size, NULL, &document, err);
        out->rate_hz = (status == NB_OK) ? document->rate_hz : 0;
        return status;
    }
    NB_SCOPED(nb_print_destroy) nb_print *print = NULL;
    const nb_status status =
        nb_song_parse_print(path, bytes, size, version->source, NULL, &print, err);
    if (status == NB_OK) {
        *out = (nb_version_timing){print->rate_hz, print->starts_at_frame};
    }
    return status;
}

nb_status nb_album_timing(const nb_album *self, const nb_version *version, nb_version_timing *out,
                          nb_error *err)
{
    char path[NB_SONG_PATH_SIZE];
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    size_t size = 0;
    *out = (nb_version_timing){0};
    nb_song_path(version->song, version->source, path);
    const nb_status status =
        nb_revisions_read(self->revisions, version->commit, path, &bytes, &size, err);
    return (status == NB_OK) ? read_timing(version, path, bytes, size, out, err) : status;
}

nb_status nb_album_rate(const nb_album *self, const nb_version *version, unsigned *out_rate_hz,
                        nb_error *err)
{
    nb_version_timing timing;
    const nb_status status = nb_album_timing(self, version, &timing, err);
    *out_rate_hz = timing.rate_hz;
    return status;
}

// ---- What a master pins ----

static nb_status check_bytes(nb_coordinator *self, const nb_album *album, const nb_version *mix,
                             const nb_print *master, nb_error *err)
{
    nb_output audio;
    const nb_status status = nb_coordinator_version_audio(self, album, mix, &audio, err);
    if (status == NB_OK && !nb_digest_equal(&audio.digest, &master->mix_digest)) {
        char pinned[NB_DIGEST_HEX_SIZE];
        char known[NB_DIGEST_HEX_SIZE];
        nb_digest_to_hex(&master->mix_digest, pinned);
        nb_digest_to_hex(&audio.digest, known);
        return nb_fail(err, NB_E_INVALID,
                       "the master is of other audio than %s@%s: its mix_sha256 is %.12s, the "
                       "version's audio is %.12s",
                       mix->song, mix->name, pinned, known);
    }
    return status;
}

nb_status nb_coordinator_check_master(nb_coordinator *self, const nb_album *album,
                                      const nb_manifest_file *file, const char *song, nb_error *err)
{
    void *bytes = NULL;
    size_t size = 0;
    NB_SCOPED(nb_print_destroy) nb_print *master = NULL;
    nb_status status = nb_blob_store_get(self->store, &file->digest, &bytes, &size, err);
    if (status == NB_OK) {
        status = nb_song_parse_print(file->path, bytes, size, NB_SOURCE_MASTER, NULL, &master, err);
    }
    free(bytes);
    if (status != NB_OK) {
        return status;
    }
    const nb_version *mix = nb_revisions_find_version(album->revisions, song, master->mix);
    if (!mix) {
        return nb_fail(err, NB_E_NOT_FOUND, "%s:%u:%u: mix: %s has no version %s", file->path,
                       master->mix_place.line, master->mix_place.column, song, master->mix);
    }
    return check_bytes(self, album, mix, master, err);
}

// ---- Plans ----

static nb_status add_file(nb_plan *plan, const char *path, const nb_digest *digest, uint64_t size,
                          nb_error *err)
{
    nb_plan_file *file = &plan->files[plan->file_count++];
    *file = (nb_plan_file){strdup(path), *digest, size};
    return file->path ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for a plan");
}

// The mix's audio is no file of the revision: the plan has it under a name of its own.
static nb_status add_mix(nb_coordinator *self, const nb_album *album, const nb_print *master,
                         nb_plan *plan, nb_error *err)
{
    uint64_t size = 0;
    nb_status status =
        nb_ledger_get_blob(self->ledger, album->name, &master->mix_digest, &size, err);
    if (status != NB_OK || !nb_blob_store_has(self->store, &master->mix_digest, &size)) {
        return nb_fail(err, NB_E_NOT_FOUND,
                       "the audio of %s@%s, which was mastered, is not in the store any more: "
                       "'nightbus fetch %s@%s' has it rendered again, then push again",
                       plan->song, master->mix, plan->song, master->mix);
    }
    return add_file(plan, NB_PLAN_MIX_PATH, &master->mix_digest, size, err);
}

nb_status nb_coordinator_plan_print(nb_coordinator *self, const nb_album *album,
                                    const nb_print *print, const nb_manifest *manifest,
                                    nb_plan *plan, nb_error *err)
{
    plan->kind = (print->kind == NB_PRINT_MASTER) ? NB_PLAN_MASTER : NB_PLAN_PRINT;
    plan->files = calloc(print->file_count + 1, sizeof *plan->files);
    if (!plan->files) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a plan");
    }
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < print->file_count; i++) {
        const nb_manifest_file *file = nb_manifest_find(manifest, print->files[i].path);
        status = file ? add_file(plan, file->path, &file->digest, file->size, err)
                      : nb_fail(err, NB_E_CORRUPT, "%s is named, but its revision lacks it",
                                print->files[i].path);
    }
    return (status == NB_OK && plan->kind == NB_PLAN_MASTER)
               ? add_mix(self, album, print, plan, err)
               : status;
}

nb_status nb_coordinator_print_key(const nb_print *print, const nb_manifest *manifest,
                                   const nb_fingerprint *fingerprint, nb_digest *out, nb_error *err)
{
    nb_digest digests[NB_PRINT_FILES_MAX];
    for (size_t i = 0; i < print->file_count; i++) {
        nb_manifest copy = *manifest; // the lookup takes no const; it changes nothing
        const nb_status status = nb_song_find_digest(&copy, print->files[i].path, &digests[i], err);
        if (status != NB_OK) {
            return status;
        }
    }
    *out = nb_print_key(print, digests, fingerprint);
    return NB_OK;
}

// ---- Results ----

// The plan's file with these bytes; the mix that a master is held against is none of its outputs.
static bool is_planned(const nb_plan *plan, const nb_output *output)
{
    for (size_t i = 0; i < plan->file_count; i++) {
        if (nb_digest_equal(&plan->files[i].digest, &output->digest) &&
            plan->files[i].size == output->size &&
            strcmp(plan->files[i].path, NB_PLAN_MIX_PATH) != 0) {
            return true;
        }
    }
    return false;
}

static bool is_file_name(const char *name)
{
    return strlen(name) < NB_OUTPUT_NAME_SIZE && !strchr(name, '/') &&
           nb_text_check_path(name, NULL) == NB_OK;
}

static int compare_outputs(const void *a, const void *b)
{
    return strcmp(((const nb_output *)a)->name, ((const nb_output *)b)->name);
}

// Sorted, so that two files of one name stand side by side.
static nb_status check_outputs(const nb_result *result, nb_error *err)
{
    size_t main_count = 0;
    size_t report_count = 0;
    for (size_t i = 0; i < result->output_count; i++) {
        const char *name = result->outputs[i].name;
        if (i > 0 && strcmp(result->outputs[i - 1].name, name) == 0) {
            return nb_fail(err, NB_E_INVALID, "two outputs are called %s", name);
        }
        main_count += nb_event_is_main_audio(name) ? 1 : 0;
        report_count += strcmp(name, "report.json") == 0 ? 1 : 0;
    }
    return (main_count == 1 && report_count == 1)
               ? NB_OK
               : nb_fail(err, NB_E_INVALID, "the result has no audio, or no report");
}

nb_status nb_coordinator_read_measured(const nb_plan *plan, const Nightbus__TaskFinish *said,
                                       nb_result *out, nb_error *err)
{
    for (size_t i = 0; i < said->n_outputs && i < NB_RESULT_FILES_MAX; i++) {
        const Nightbus__OutputRow *row = said->outputs[i];
        nb_output *output = &out->outputs[out->output_count];
        if (!is_file_name(row->name)) {
            return nb_fail(err, NB_E_INVALID, "'%.100s' is not a name for an output", row->name);
        }
        snprintf(output->name, sizeof output->name, "%s", row->name);
        output->digest = nb_wire_to_digest(row->digest);
        output->size = row->size;
        if (strcmp(row->name, "report.json") != 0 && !is_planned(plan, output)) {
            return nb_fail(err, NB_E_INVALID, "%s is not the file that was pushed", row->name);
        }
        out->output_count++;
    }
    out->integrated_lufs = said->has_integrated_lufs ? said->integrated_lufs : -INFINITY;
    out->true_peak_dbtp = said->has_true_peak_dbtp ? said->true_peak_dbtp : -INFINITY;
    out->duration_s = said->duration_s;
    out->rate_hz = said->rate_hz;
    qsort(out->outputs, out->output_count, sizeof *out->outputs, compare_outputs);
    return check_outputs(out, err);
}
