// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/audio_file.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/progress.h"
#include "renderer/engine/render.h"
#include "renderer/engine/song.h"
#include "review-cli/command.h"
#include "review-cli/report_print.h"
#include "review-cli/stop.h"

#include <assert.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THREADS_MAX = 1024 };

typedef struct render {
    nb_cli *cli;
    nb_song song;
    nb_graph *graph;
    char *wav_path;
    char *draft_path; ///< The WAV file while it is made
    char *report_path;
    nb_render_options options;
    nb_progress progress;
    nb_report report;
    double seconds;
} render;

static void render_fini(render *self)
{
    if (self->draft_path) {
        unlink(self->draft_path);
    }
    nb_report_fini(&self->report);
    nb_graph_destroy(&self->graph);
    nb_song_fini(&self->song);
    free(self->wav_path);
    free(self->draft_path);
    free(self->report_path);
}

static void print_problems(const nb_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        fprintf(stderr, "%s:%u:%u: %s\n", problems->file_name ? problems->file_name : "mix.yaml",
                problems->list[i].place.line, problems->list[i].place.column,
                problems->list[i].text);
    }
    if (problems->total > problems->count) {
        fprintf(stderr, "and %zu more\n", problems->total - problems->count);
    }
}

/// Files are looked for from the album's folder; say so where no folder is known to be one.
static void hint_at_album(const nb_song *song, const nb_problems *problems)
{
    bool missing = false;
    for (size_t i = 0; i < problems->count; i++) {
        missing = missing || strstr(problems->list[i].text, "no such file");
    }
    NB_SCOPED(nb_text_free) char *marker = nb_file_join(song->album_path, "album.yaml");
    if (missing && marker && !nb_file_exists(marker)) {
        fprintf(stderr,
                "No folder upwards has an album.yaml, so files are looked for in\n%s. Put "
                "an album.yaml beside songs/.\n",
                song->album_path);
    }
}

static nb_status open_song(render *self, const char *path, nb_error *err)
{
    NB_SCOPED(nb_problems_fini) nb_problems problems = {0};
    nb_audio_info info;
    if (nb_audio_file_probe(path, NULL, &info, NULL) == NB_OK) {
        return nb_fail(err, NB_E_INVALID,
                       "%s is audio, not a mix document; `nightbus report` measures it", path);
    }
    nb_status status = nb_song_open(path, &problems, &self->song, err);
    if (status == NB_OK) {
        status = nb_song_graph(&self->song, &problems, &self->graph, err);
    }
    if (problems.count > 1) { // a single one is in the error
        print_problems(&problems);
    }
    if (status != NB_OK && self->song.document) {
        hint_at_album(&self->song, &problems);
    }
    return status;
}

/// "night" of songs/night/mix.yaml, "sketch" of sketch.yaml; new memory.
static char *song_name(const char *document_path)
{
    NB_SCOPED(nb_text_free) char *absolute = nb_file_absolute(document_path);
    if (!absolute) {
        return NULL;
    }
    char *file = basename(absolute);
    if (strcmp(file, "mix.yaml") != 0) {
        char *dot = strrchr(file, '.');
        return dot && dot != file ? strndup(file, (size_t)(dot - file)) : strdup(file);
    }
    char *name = basename(dirname(absolute));
    return strdup(strcmp(name, "/") == 0 || strcmp(name, ".") == 0 ? "mix" : name);
}

/// The file takes the place of what is there: that must be no device, no stem, no document.
static nb_status check_output(const render *self, nb_error *err)
{
    struct stat there;
    struct stat input;
    if (stat(self->wav_path, &there) != 0) {
        return NB_OK;
    }
    if (!S_ISREG(there.st_mode)) {
        return nb_fail(err, NB_E_INVALID, "%s is there and is no file; name a WAV file",
                       self->wav_path);
    }
    for (size_t i = 0; i <= self->graph->asset_count; i++) {
        NB_SCOPED(nb_text_free)
        char *path = i < self->graph->asset_count
                         ? nb_file_join(self->song.album_path, self->graph->assets[i].path)
                         : strdup(self->song.document_path);
        if (path && stat(path, &input) == 0 && input.st_dev == there.st_dev &&
            input.st_ino == there.st_ino) {
            return nb_fail(err, NB_E_INVALID, "%s is what the song is made of; name another file",
                           self->wav_path);
        }
    }
    return NB_OK;
}

static nb_status choose_paths(render *self, nb_error *err)
{
    const char *output = nb_args_get(&self->cli->args, "output");
    if (output && output[0] == '\0') {
        return nb_fail(err, NB_E_USAGE, "--output: no name; name a WAV file or a folder");
    }
    NB_SCOPED(nb_text_free) char *song = song_name(self->song.document_path);
    if (output && nb_file_is_folder(output)) {
        self->wav_path = song ? nb_text_format("%s/%s.wav", output, song) : NULL;
    } else {
        self->wav_path = output ? strdup(output) : song ? nb_text_format("%s.wav", song) : NULL;
    }
    if (!self->wav_path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    const size_t length = strlen(self->wav_path);
    const bool has_wav = length > 4 && strcmp(self->wav_path + length - 4, ".wav") == 0;
    self->report_path =
        nb_text_format("%.*s.report.json", (int)(has_wav ? length - 4 : length), self->wav_path);
    self->draft_path = nb_text_format("%s.draft-%d", self->wav_path, (int)getpid());
    if (!self->report_path || !self->draft_path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    const nb_status status = check_output(self, err);
    return status == NB_OK ? nb_file_make_parents(self->wav_path, 0777, err) : status;
}

static void on_progress(void *context, int64_t done_frames, int64_t total_frames)
{
    render *self = context;
    self->progress.total = total_frames > 0 ? (uint64_t)total_frames : 0;
    nb_progress_update(&self->progress, (uint64_t)done_frames);
}

static nb_status choose_options(render *self, nb_error *err)
{
    const nb_args *args = &self->cli->args;
    int64_t threads = 0;
    int64_t from_ns = 0;
    int64_t to_ns = 0;
    nb_status status = nb_args_get_integer(args, "threads", 1, THREADS_MAX, 0, &threads, err);
    if (status == NB_OK) {
        status = nb_args_get_time(args, "from", 0, &from_ns, err);
    }
    if (status == NB_OK) {
        status = nb_args_get_time(args, "to", 0, &to_ns, err);
    }
    if (status == NB_OK && nb_args_has(args, "to") && to_ns <= from_ns) {
        return nb_fail(err, NB_E_USAGE, "--to %s is not behind --from %s", nb_args_get(args, "to"),
                       nb_args_has(args, "from") ? nb_args_get(args, "from") : "0");
    }
    self->options = (nb_render_options){
        .threads = (unsigned)threads,
        .locate = nb_song_locate,
        .locate_context = &self->song,
        .progress = on_progress,
        .progress_context = self,
        .cancelled = nb_stop_flag(),
        .from_frame = nb_text_ns_to_frames(from_ns, self->graph->rate_hz),
        .to_frame = nb_text_ns_to_frames(to_ns, self->graph->rate_hz),
    };
    // Less than a frame would be "to the end", which is how the engine reads 0.
    if (status == NB_OK && nb_args_has(args, "to") &&
        self->options.to_frame <= self->options.from_frame) {
        return nb_fail(err, NB_E_USAGE, "--to %s is less than one frame behind the start",
                       nb_args_get(args, "to"));
    }
    if (status == NB_OK && self->options.from_frame >= self->graph->frames) {
        char end[NB_TEXT_TIME_SIZE];
        nb_text_format_time((double)self->graph->frames / self->graph->rate_hz, end);
        return nb_fail(err, NB_E_USAGE, "--from %s is behind the song's end, %s",
                       nb_args_get(args, "from"), end);
    }
    return status;
}

static nb_status render_song(render *self, nb_error *err)
{
    const int64_t start_ms = nb_clock_ms();
    nb_progress_start(&self->progress, "rendering", NB_PROGRESS_FRAMES,
                      (uint64_t)self->graph->frames, self->graph->rate_hz);
    const nb_render_output mix = {.wav_path = self->draft_path, .report = &self->report};
    nb_status status = nb_render_run(self->graph, &mix, 1, &self->options, err);
    nb_progress_finish(&self->progress, self->progress.total);
    self->seconds = (double)(nb_clock_ms() - start_ms) / 1000.0;
    if (status == NB_E_CANCELLED) {
        return nb_fail(err, NB_E_INTERRUPTED, "interrupted; nothing was written");
    }
    if (status == NB_OK) {
        status = nb_file_publish(self->draft_path, self->wav_path, err);
    }
    return status == NB_OK ? nb_report_write(&self->report, self->report_path, err) : status;
}

static nb_status run_render(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(render_fini) render self = {.cli = cli};
    nb_status status = open_song(&self, cli->args.words[0], err);
    if (status == NB_OK) {
        assert(self.graph);
        status = choose_paths(&self, err);
    }
    if (status == NB_OK) {
        status = choose_options(&self, err);
    }
    if (status == NB_OK) {
        status = render_song(&self, err);
    }
    if (status == NB_OK) {
        status = nb_cli_print_report(cli, self.wav_path, &self.report, err);
    }
    if (status != NB_OK || cli->json) {
        return status;
    }
    const double duration_s = (double)self.graph->frames / self.graph->rate_hz;
    return nb_cli_printf(err, "\nrendered in %.2f s, %.0f x realtime; report in %s\n", self.seconds,
                         self.seconds > 0 ? duration_s / self.seconds : 0.0, self.report_path);
}

static const nb_option options[] = {
    {"output", 'o', "FILE", "the WAV file to write (default SONG.wav, here)"},
    {"threads", 't', "N", "default: OMP_NUM_THREADS, or all cores"},
    {"from", 0, "TIME", "write only from here (rendered from the start)"},
    {"to", 0, "TIME", "write only up to here"},
};

const nb_command nb_command_render = {
    .name = "render",
    .usage = "PATH [-o FILE] [--threads N] [--from T] [--to T] [--json]",
    .summary = "render a song folder or mix document here, without a farm",
    .details = "The same engine as the farm's: the same file, bit for bit, on any threads.\n"
               "Writes the WAV file and FILE.report.json beside it, and prints the report.",
    .examples = "  nightbus render songs/night\n"
                "  nightbus render songs/night -o /tmp/chorus.wav --from 1:02 --to 1:30\n"
                "  nightbus render sketch.yaml --json | jq .true_peak_dbtp",
    .words_min = 1,
    .words_max = 1,
    .options = options,
    .option_count = NB_COUNT(options),
    .has_json = true,
    .run = run_render,
};
