// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/stems.h"

#include "audio/convert.h"
#include "base/file.h"
#include "base/text.h"
#include "renderer/engine/float_mode.h"

#include <errno.h>
#include <fcntl.h>
#include <omp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/// Descriptors that a render holds besides its stems, with room to spare.
enum { SPARE_DESCRIPTORS = 256 };

static const char *temporary_folder(const nb_render_options *options)
{
    const char *folder = options->temporary;
    if (!folder || !*folder) {
        folder = getenv("TMPDIR"); // NOLINT(concurrency-mt-unsafe): nobody sets it
    }
    return (folder && *folder) ? folder : "/tmp";
}

/// A file without a name: it is gone however the process ends.
static nb_status open_nameless(const char *folder, int *out_fd, nb_error *err)
{
    *out_fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*out_fd >= 0) {
        return NB_OK;
    }
    if (errno != EOPNOTSUPP && errno != EISDIR) {
        return nb_fail_errno(err, errno, "cannot make a temporary file in %s", folder);
    }
    NB_SCOPED(nb_text_free) char *path = nb_text_format("%s/nightbus-stem-XXXXXX", folder);
    if (!path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a file name");
    }
    *out_fd = mkostemp(path, O_CLOEXEC);
    if (*out_fd < 0) {
        return nb_fail_errno(err, errno, "cannot make a temporary file in %s", folder);
    }
    (void)unlink(path);
    return NB_OK;
}

/// The graph was made from these facts: other bytes would make another render under the same key.
static nb_status check_facts(const nb_asset *asset, const nb_audio_info *info, nb_error *err)
{
    if (info->rate_hz != asset->rate_hz || info->channels != asset->channels ||
        info->frames != asset->frames) {
        return nb_fail(err, NB_E_CORRUPT,
                       "%s: is not the file that the graph was made from (%u Hz, %u channels, "
                       "%lld frames; expected %u Hz, %u channels, %lld frames)",
                       asset->path, info->rate_hz, info->channels, (long long)info->frames,
                       asset->rate_hz, asset->channels, (long long)asset->frames);
    }
    return NB_OK;
}

static nb_status load_impulse(nb_stem *self, unsigned rate_hz, nb_audio_file *file, nb_error *err)
{
    const int64_t frames_max = (int64_t)NB_IMPULSE_SECONDS_MAX * rate_hz;
    return nb_convert_load(file, rate_hz, frames_max, &self->impulse, &self->impulse_frames, err);
}

static nb_status convert_stem(nb_stem *self, unsigned rate_hz, nb_audio_file *file,
                              const nb_render_options *options, nb_error *err)
{
    const char *folder = temporary_folder(options);
    nb_status status = open_nameless(folder, &self->converted, err);
    if (status != NB_OK) {
        return status;
    }
    nb_error cause = {0};
    status = nb_convert_file(file, rate_hz, self->converted, options->cancelled, &cause);
    if (status == NB_E_NO_SPACE) {
        return nb_fail(err, status, "%s: no space left in %s to convert it to %u Hz",
                       self->asset->path, folder, rate_hz);
    }
    return (status == NB_OK) ? NB_OK : nb_fail(err, status, "%s", cause.text);
}

typedef enum use { USE_NONE = 0, USE_CLIPS = 1, USE_IMPULSE = 2 } use;

static nb_status open_stem(nb_stem *self, unsigned uses, unsigned rate_hz,
                           const nb_render_options *options, nb_error *err)
{
    if (nb_render_cancelled(options)) {
        return nb_fail(err, NB_E_CANCELLED, "the render was cancelled");
    }
    NB_SCOPED(nb_audio_file_destroy) nb_audio_file *file = NULL;
    nb_status status = nb_audio_file_open(self->path, self->asset->path, &file, err);
    if (status == NB_OK) {
        status = check_facts(self->asset, nb_audio_file_info(file), err);
    }
    if (status == NB_OK && (uses & USE_CLIPS)) {
        self->frames = nb_convert_frames(self->asset->frames, self->asset->rate_hz, rate_hz);
        if (self->asset->rate_hz != rate_hz) {
            status = convert_stem(self, rate_hz, file, options, err);
        }
    }
    if (status == NB_OK && (uses & USE_CLIPS) && (uses & USE_IMPULSE)) {
        status = nb_audio_file_seek(file, 0, err);
    }
    if (status == NB_OK && (uses & USE_IMPULSE)) {
        status = load_impulse(self, rate_hz, file, err);
    }
    return status;
}

static nb_status check_clip(const nb_graph *graph, const nb_node *node, const nb_graph_clip *clip,
                            nb_error *err)
{
    if (clip->asset >= graph->asset_count || clip->at_frame < 0 || clip->offset_frames < 0 ||
        clip->length_frames < 0) {
        return nb_fail(err, NB_E_INVALID, "%s: has a clip outside its file", node->name);
    }
    const nb_asset *asset = &graph->assets[clip->asset];
    if (asset->rate_hz == 0 || (asset->channels != 1 && asset->channels != 2) ||
        asset->channels > node->channels) {
        return nb_fail(err, NB_E_INVALID, "%s: has %u channels, which %s cannot play", asset->path,
                       asset->channels, node->name);
    }
    const int64_t frames = nb_convert_frames(asset->frames, asset->rate_hz, graph->rate_hz);
    if (clip->offset_frames > frames || clip->length_frames > frames - clip->offset_frames) {
        return nb_fail(err, NB_E_INVALID, "%s: is shorter than its clip on %s", asset->path,
                       node->name);
    }
    return NB_OK;
}

/// Which assets do the live nodes read, and as what?
static nb_status find_uses(const nb_graph *graph, const bool *live, unsigned char *uses,
                           nb_error *err)
{
    for (size_t n = 0; n < graph->node_count; n++) {
        const nb_node *node = &graph->nodes[n];
        for (size_t i = 0; live[n] && i < node->clip_count; i++) {
            nb_status status = check_clip(graph, node, &node->clips[i], err);
            if (status != NB_OK) {
                return status;
            }
            uses[node->clips[i].asset] |= USE_CLIPS;
        }
        if (live[n] && node->kind == NB_NODE_PROCESSOR && node->asset >= 0) {
            if ((size_t)node->asset >= graph->asset_count) {
                return nb_fail(err, NB_E_INVALID, "%s: names no file", node->name);
            }
            uses[node->asset] |= USE_IMPULSE;
        }
    }
    return NB_OK;
}

static nb_status locate_stems(const nb_graph *graph, const unsigned char *uses,
                              const nb_render_options *options, nb_stems *self, nb_error *err)
{
    for (size_t i = 0; i < graph->asset_count; i++) {
        if (uses[i] == USE_NONE) {
            continue;
        }
        self->list[i].asset = &graph->assets[i];
        if (!options->locate) {
            return nb_fail(err, NB_E_NOT_FOUND, "%s: nobody says where it is",
                           graph->assets[i].path);
        }
        nb_status status =
            options->locate(options->locate_context, &graph->assets[i], &self->list[i].path, err);
        if (status != NB_OK) {
            return status;
        }
    }
    return NB_OK;
}

/// A song of a thousand tracks plays a thousand files at once, where shells allow 1,024
/// descriptors.
static void allow_descriptors(size_t files)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= files + SPARE_DESCRIPTORS) {
        return;
    }
    const rlim_t wanted = files + SPARE_DESCRIPTORS;
    limit.rlim_cur = (wanted < limit.rlim_max) ? wanted : limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); // if it stays low, the file that fails is named
}

/// Open all in parallel. Of several faults the one of the first asset is reported: those before it
/// are tried to the end, those behind it left.
static nb_status open_stems(const unsigned char *uses, const nb_render_options *options,
                            unsigned threads, nb_stems *self, nb_error *err)
{
    atomic_size_t first_bad = self->count;
    nb_error first_error = {0};
    omp_lock_t lock;
    omp_init_lock(&lock);
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (size_t i = 0; i < self->count; i++) {
        if (uses[i] == USE_NONE || i > atomic_load(&first_bad)) {
            continue;
        }
        NB_IN_FLOAT_MODE;
        nb_error error = {0};
        if (open_stem(&self->list[i], uses[i], self->rate_hz, options, &error) != NB_OK) {
            omp_set_lock(&lock);
            if (i < atomic_load(&first_bad)) {
                atomic_store(&first_bad, i);
                first_error = error;
            }
            omp_unset_lock(&lock);
        }
    }
    omp_destroy_lock(&lock);
    if (atomic_load(&first_bad) < self->count) {
        return nb_fail(err, first_error.status, "%s", first_error.text);
    }
    return NB_OK;
}

static void free_bytes(unsigned char **bytes_p) { free(*bytes_p); }

nb_status nb_stems_open(const nb_graph *graph, const bool *live, const nb_render_options *options,
                        unsigned threads, nb_stems *out, nb_error *err)
{
    NB_SCOPED(free_bytes) unsigned char *uses = calloc(graph->asset_count + 1, 1);
    *out = (nb_stems){.rate_hz = graph->rate_hz};
    out->list = calloc(graph->asset_count + 1, sizeof *out->list);
    if (!uses || !out->list) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for %zu files", graph->asset_count);
    }
    out->count = graph->asset_count;
    for (size_t i = 0; i < out->count; i++) {
        out->list[i].converted = -1;
    }
    nb_status status = find_uses(graph, live, uses, err);
    if (status == NB_OK) {
        status = locate_stems(graph, uses, options, out, err);
    }
    if (status == NB_OK) {
        allow_descriptors(graph->asset_count);
        status = open_stems(uses, options, threads, out, err);
    }
    return status;
}

void nb_stems_fini(nb_stems *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(self->list[i].path);
        nb_file_close_fd(&self->list[i].converted);
        nb_planar_destroy(&self->list[i].impulse);
    }
    free(self->list);
    *self = (nb_stems){0};
}

static nb_status read_converted(const nb_stem *self, nb_stem_reader *reader, int64_t first,
                                size_t frames, float *const *out, nb_error *err)
{
    if (!reader->converted.buffer) {
        reader->converted =
            (nb_pcm_reader){self->converted, NB_PCM_F32LE, self->asset->channels, self->frames, 0};
    }
    size_t got = 0;
    const nb_status status =
        nb_pcm_reader_read(&reader->converted, self->asset->path, first, frames, out, &got, err);
    if (status == NB_OK && got != frames) {
        return nb_fail(err, NB_E_CORRUPT, "%s: its converted samples end too soon",
                       self->asset->path);
    }
    return status;
}

static nb_status read_file(const nb_stem *self, nb_stem_reader *reader, int64_t first,
                           size_t frames, float *const *out, nb_error *err)
{
    nb_status status = NB_OK;
    if (!reader->file) {
        status = nb_audio_file_open(self->path, self->asset->path, &reader->file, err);
        reader->next_frame = 0;
    }
    if (status == NB_OK && reader->next_frame != first) {
        status = nb_audio_file_seek(reader->file, first, err);
    }
    if (status == NB_OK) {
        status = nb_audio_file_read_planar(reader->file, out, frames, err);
    }
    reader->next_frame = first + (int64_t)frames;
    return status;
}

nb_status nb_stem_read(const nb_stem *self, nb_stem_reader *reader, int64_t first, size_t frames,
                       float *const *out, nb_error *err)
{
    const nb_status status = (self->converted >= 0)
                                 ? read_converted(self, reader, first, frames, out, err)
                                 : read_file(self, reader, first, frames, out, err);
    if (status != NB_OK || self->asset->is_freeze ||
        (reader->file && nb_audio_file_info(reader->file)->is_whole)) {
        return status;
    }
    for (unsigned c = 0; c < self->asset->channels; c++) {
        for (size_t i = 0; i < frames; i++) {
            out[c][i] += 0.0F; // in the engine's float mode, a denormal is 0 by this, too
        }
    }
    return NB_OK;
}

void nb_stem_reader_fini(nb_stem_reader *self)
{
    nb_audio_file_destroy(&self->file);
    nb_pcm_reader_fini(&self->converted);
}
