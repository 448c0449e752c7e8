// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "review-cli/album_rendering.h"
#include "review-cli/hours.h"
#include "review-cli/stop.h"
#include "review-cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { POLL_FIRST_MS = 50, POLL_MS = 1000, LINE_COLUMNS = 78 };

typedef struct render_album {
    const nb_cli *cli;
    nb_farm farm;
    uint64_t number;
    Nightbus__Reply *reply; ///< As it stood last
} render_album;

static void render_album_fini(render_album *self)
{
    nb_wire_free_reply(&self->reply);
    nb_farm_fini(&self->farm);
}

static nb_status start(render_album *self, nb_error *err)
{
    const nb_args *args = &self->cli->args;
    uint8_t id[NB_CLIENT_ID_SIZE];
    char window[NB_WINDOW_TEXT_SIZE];
    bool has_window = false;
    int64_t priority = 0;
    nb_status status = nb_hours_get(args, window, &has_window, err);
    if (status == NB_OK) {
        status = nb_args_get_integer(args, "priority", 0, NB_PRIORITY_LIMIT, 0, &priority, err);
    }
    if (status == NB_OK) {
        status = nb_farm_make_id(id, err);
    }
    if (status != NB_OK) {
        return status;
    }
    Nightbus__AlbumRender body = NIGHTBUS__ALBUM_RENDER__INIT;
    body.album = self->farm.album;
    body.client_id = (ProtobufCBinaryData){sizeof id, id};
    body.has_stems = body.stems = nb_args_has(args, "stems");
    body.has_priority = nb_args_has(args, "priority");
    body.priority = (uint32_t)priority;
    body.window = has_window ? window : NULL;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_ALBUM_RENDER;
    request.album_render = &body;
    status = nb_farm_ask(&self->farm, &request, NIGHTBUS__REPLY__BODY_ALBUM_RENDERING, 0,
                         &self->reply, err);
    self->number = status == NB_OK ? self->reply->album_rendering->rendering : 0;
    return status;
}

// ---- Watching ----

static bool is_over(const Nightbus__AlbumRendering *rendering)
{
    const nb_album_count count = nb_album_rendering_count(rendering);
    return count.running + count.waiting == 0;
}

/// "3 of 12 done; about 2 min left (at 04:12)  night 45 %, dawn 12 %".
static void show_progress(const Nightbus__AlbumRendering *rendering)
{
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    NB_SCOPED(nb_text_fini) nb_text line = {0};
    nb_album_rendering_sum_up(rendering, &text);
    for (size_t i = 0; i < rendering->n_rows; i++) {
        Nightbus__JobRow *row = rendering->rows[i];
        if (strcmp(row->state, "running") == 0 && row->has_total_frames && row->total_frames > 0) {
            nb_text_make_printable(row->song);
            nb_text_addf(&text, "  %s %.0f %%", row->song,
                         100.0 * (double)row->done_frames / (double)row->total_frames);
        }
    }
    nb_table_add_cut(&line, text.chars ? text.chars : "", LINE_COLUMNS);
    fprintf(stderr, "\r\033[K%s", line.chars ? line.chars : "");
}

/// Songs that ended since the last look, a line each.
static void tell_ends(const Nightbus__AlbumRendering *before, const Nightbus__AlbumRendering *now)
{
    for (size_t i = 0; i < now->n_rows && i < before->n_rows; i++) {
        Nightbus__JobRow *row = now->rows[i];
        if (strcmp(before->rows[i]->state, row->state) == 0 || !row->has_finished_ms) {
            continue;
        }
        nb_text_make_printable(row->song);
        const bool done = strcmp(row->state, "done") == 0;
        if (!done && row->error) {
            nb_text_make_printable(row->error);
        }
        fprintf(stderr, "%s  %s@%s %s%s%s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "", row->song,
                row->version, row->state, done || !row->error ? "" : ": ",
                done || !row->error ? "" : row->error);
    }
}

static nb_status watch(render_album *self, nb_error *err)
{
    const bool terminal = isatty(STDERR_FILENO) != 0;
    nb_status status = NB_OK;
    int64_t poll_ms = POLL_FIRST_MS; // what is known is done at once
    while (status == NB_OK && !is_over(self->reply->album_rendering)) {
        if (terminal && !self->cli->json) {
            show_progress(self->reply->album_rendering);
        }
        nb_clock_sleep_ms(poll_ms);
        poll_ms = (2 * poll_ms < POLL_MS) ? 2 * poll_ms : POLL_MS;
        if (*nb_stop_flag()) {
            return nb_fail(err, NB_E_INTERRUPTED,
                           "not watched any more; it goes on: nightbus jobs --album %s",
                           self->farm.album);
        }
        Nightbus__Reply *reply = NULL;
        status = nb_album_rendering_get(&self->farm, self->number, &reply, err);
        if (status == NB_OK) {
            if (!self->cli->json) {
                tell_ends(self->reply->album_rendering, reply->album_rendering);
            }
            nb_wire_free_reply(&self->reply);
            self->reply = reply;
        }
    }
    if (terminal && !self->cli->json) {
        fputs("\r\033[K", stderr);
    }
    return status;
}

static nb_status run_render_album(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(render_album_fini) render_album self = {.cli = cli};
    nb_status status = nb_farm_open(cli, &self.farm, err);
    if (status != NB_OK) {
        return status;
    }
    free(self.farm.album);
    self.farm.album = strdup(cli->args.words[0]);
    if (!self.farm.album) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a name");
    }
    status = start(&self, err);
    if (status == NB_OK && !nb_args_has(&cli->args, "no-wait")) {
        status = watch(&self, err);
    }
    if (status != NB_OK) {
        return status;
    }
    const Nightbus__AlbumRendering *rendering = self.reply->album_rendering;
    const nb_album_count count = nb_album_rendering_count(rendering);
    status = cli->json ? nb_cli_print_json(nb_album_rendering_to_json(rendering), err)
                       : nb_album_rendering_print(cli, rendering, err);
    if (status == NB_OK && count.failed > 0) {
        return nb_fail(err, NB_E_INVALID, "%zu of %zu songs could not be rendered", count.failed,
                       count.total);
    }
    return status;
}

static const nb_option options[] = {
    {"alternates", 0, NULL, "the alternates too: they always come with the mix"},
    {"stems", 0, NULL, "the stems too"},
    {"window", 0, "HOURS", "only in these, as 22:00-06:00"},
    {"zone", 0, "NAME", "their time zone (default: that of this machine)"},
    {"priority", 0, "N", "0 to 100; higher goes first (default 50)"},
    {"no-wait", 0, NULL, "do not watch; `nightbus jobs --album` shows it"},
};

const nb_command nb_command_render_album = {
    .name = "render-album",
    .usage = "ALBUM [--stems] [--window HOURS] [--json]",
    .summary = "render the newest mix of every song of an album",
    .details = "What is known already is not made again. Shows how far each song is and when all\n"
               "will be done; at the end, what failed and why. Ctrl-C only ends the watching.",
    .examples = "  nightbus render-album night-service\n"
                "  nightbus render-album night-service --stems --window 22:00-06:00 --no-wait\n"
                "  nightbus jobs --album night-service",
    .words_min = 1,
    .words_max = 1,
    .options = options,
    .option_count = NB_COUNT(options),
    .has_json = true,
    .run = run_render_album,
};
