// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/audio_file.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/progress.h"
#include "renderer/engine/render.h"
#include "renderer/engine/song.h"
#include "review-cli/command.h"
#include "review-cli/render_outputs.h"
#include "review-cli/render_profile.h"
#include "review-cli/stop.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS_MAX = 1024 };

typedef struct render {
    nb_cli *cli;
    nb_song song;
    nb_graph *graph;
    nb_render_files files;
    nb_render_options options;
    nb_profile profile; ///< Its node_ns is null unless it is asked for
    nb_progress progress;
    double seconds;
} render;

static void render_fini(render *self)
{
    nb_render_files_fini(&self->files);
    free(self->profile.node_ns);
    nb_graph_destroy(&self->graph);
    nb_song_fini(&self->song);
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

static nb_status choose_profile(render *self, nb_error *err)
{
    if (!nb_args_has(&self->cli->args, "profile")) {
        return NB_OK;
    }
    self->profile.node_ns = calloc(self->graph->node_count + 1, sizeof *self->profile.node_ns);
    self->options.profile = &self->profile;
    return self->profile.node_ns ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for a profile");
}

static nb_status render_song(render *self, nb_error *err)
{
    const int64_t start_ms = nb_clock_ms();
    nb_progress_start(&self->progress, "rendering", NB_PROGRESS_FRAMES,
                      (uint64_t)self->graph->frames, self->graph->rate_hz);
    const nb_status status = nb_render_files_make(&self->files, self->graph, &self->options, err);
    nb_progress_finish(&self->progress, self->progress.total);
    self->seconds = (double)(nb_clock_ms() - start_ms) / 1000.0;
    if (status == NB_E_CANCELLED) {
        return nb_fail(err, NB_E_INTERRUPTED, "interrupted; nothing was written");
    }
    return status;
}

static nb_status run_render(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(render_fini) render self = {.cli = cli};
    nb_status status = open_song(&self, cli->args.words[0], err);
    if (status == NB_OK) {
        assert(self.graph);
        status = nb_render_files_choose(&self.files, &cli->args, &self.song, self.graph, err);
    }
    if (status == NB_OK) {
        status = choose_options(&self, err);
    }
    if (status == NB_OK) {
        status = choose_profile(&self, err);
    }
    if (status == NB_OK) {
        status = render_song(&self, err);
    }
    if (status == NB_OK && self.profile.node_ns && cli->json) {
        return nb_render_profile_print(&self.profile, self.graph, cli, err);
    }
    if (status == NB_OK) {
        status = nb_render_files_print(&self.files, cli, err);
    }
    if (status == NB_OK && self.profile.node_ns) {
        status = nb_render_profile_print(&self.profile, self.graph, cli, err);
    }
    if (status != NB_OK || cli->json) {
        return status;
    }
    const double duration_s = (double)self.graph->frames / self.graph->rate_hz;
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_text_addf(&text, "\nrendered in %.2f s, %.0f x realtime; report in ", self.seconds,
                 self.seconds > 0 ? duration_s / self.seconds : 0.0);
    nb_text_add_lines(&text, self.files.list[0].report_path, 0);
    nb_text_add(&text, "\n");
    return nb_cli_print(&text, err);
}

static const nb_option options[] = {
    {"output", 'o', "FILE", "the WAV file to write (default SONG.wav, here)"},
    {"alternates", 0, NULL, "the document's alternates too, as SONG-ALTERNATE.wav"},
    {"alternate", 0, "ID", "only that alternate"},
    {"stems", 0, NULL, "what the mix bus gets, strip by strip: SONG-stems/"},
    {"bits", 0, "N", "16, 24 or 32f (the default): of mix and alternates"},
    {"dither", 0, "KIND", "of 16 and 24 bits: tpdf, shaped, lipshitz or none"},
    {"threads", 't', "N", "default: OMP_NUM_THREADS, or all cores"},
    {"from", 0, "TIME", "write only from here (rendered from the start)"},
    {"to", 0, "TIME", "write only up to here"},
    {"profile", 0, NULL, "show where the time goes, by strip and processor"},
};

const nb_command nb_command_render = {
    .name = "render",
    .usage = "PATH [-o FILE] [--alternates] [--stems] [--bits N]",
    .summary = "render a song folder or mix document here, without a farm",
    .details = "The same engine as the farm's: the same file, bit for bit, on any threads.\n"
               "Writes the WAV file and FILE.report.json beside it, and prints the report.\n"
               "Alternates and stems come out of the same pass; the stems add up to what the\n"
               "mix bus gets.",
    .examples = "  nightbus render songs/night\n"
                "  nightbus render songs/night -o /tmp/chorus.wav --from 1:02 --to 1:30\n"
                "  nightbus render songs/night --alternates --stems -o bounces/\n"
                "  nightbus render sketch.yaml --json | jq .true_peak_dbtp",
    .words_min = 1,
    .words_max = 1,
    .options = options,
    .option_count = NB_COUNT(options),
    .has_json = true,
    .run = run_render,
};
