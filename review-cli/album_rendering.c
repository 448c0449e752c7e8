// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/album_rendering.h"

#include "base/clock.h"
#include "review-cli/job_words.h"
#include "review-cli/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { ERROR_INDENT = 2 };

nb_album_count nb_album_rendering_count(const Nightbus__AlbumRendering *rendering)
{
    nb_album_count count = {.total = rendering->n_rows};
    for (size_t i = 0; i < rendering->n_rows; i++) {
        const Nightbus__JobRow *row = rendering->rows[i];
        if (strcmp(row->state, "done") == 0) {
            count.done++;
            count.cached += row->has_cached && row->cached;
        } else if (strcmp(row->state, "running") == 0) {
            count.running++;
        } else if (strcmp(row->state, "queued") == 0) {
            count.waiting++;
        } else {
            count.failed++;
        }
    }
    return count;
}

nb_status nb_album_rendering_get(nb_farm *farm, uint64_t number, Nightbus__Reply **out_reply,
                                 nb_error *err)
{
    Nightbus__AlbumRenderShow body = NIGHTBUS__ALBUM_RENDER_SHOW__INIT;
    body.album = farm->album;
    body.has_rendering = number != 0;
    body.rendering = number;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_ALBUM_RENDER_SHOW;
    request.album_render_show = &body;
    return nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_ALBUM_RENDERING, 0, out_reply, err);
}

// ---- Words ----

/// "40 s", "3 min", "2 h 10 min".
static void add_span(nb_text *out, double ms)
{
    const double seconds = ms / 1000.0;
    const long minutes = lround(seconds / 60.0);
    if (seconds < 90.0) {
        nb_text_addf(out, "%.0f s", fmax(seconds, 1.0));
    } else if (minutes < 90) {
        nb_text_addf(out, "%ld min", minutes);
    } else {
        nb_text_addf(out, "%ld h %ld min", minutes / 60, minutes % 60);
    }
}

static void add_clock(nb_text *out, int64_t wall_ms)
{
    const time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    char text[32];
    if (localtime_r(&seconds, &parts) && strftime(text, sizeof text, "%H:%M", &parts) > 0) {
        nb_text_add(out, text);
    }
}

static void add_left(const Nightbus__AlbumRendering *rendering, nb_text *out)
{
    const int64_t now_ms = nb_clock_wall_ms();
    const int64_t start_ms =
        rendering->has_opens_ms ? (int64_t)rendering->opens_ms : now_ms; // it waits for its hours
    if (rendering->has_opens_ms) {
        nb_text_add(out, "; waits for its hours, from ");
        add_clock(out, start_ms);
    }
    if (!rendering->has_left_ms) {
        nb_text_add(out, "; how long it takes is not known yet");
        return;
    }
    nb_text_add(out, "; about ");
    add_span(out, (double)(start_ms - now_ms) + rendering->left_ms);
    nb_text_add(out, " left (at ");
    add_clock(out, start_ms + (int64_t)rendering->left_ms);
    nb_text_add(out, ")");
}

void nb_album_rendering_sum_up(const Nightbus__AlbumRendering *rendering, nb_text *out)
{
    const nb_album_count count = nb_album_rendering_count(rendering);
    nb_text_addf(out, "%zu of %zu done", count.done, count.total);
    if (count.cached > 0) {
        nb_text_addf(out, " (%zu known already)", count.cached);
    }
    if (count.failed > 0) {
        nb_text_addf(out, ", %zu failed", count.failed);
    }
    if (count.running + count.waiting > 0) {
        add_left(rendering, out);
    }
}

// ---- Output ----

static const char *const states[] = {"waiting", "running", "done", "failed"};

json_t *nb_album_rendering_to_json(const Nightbus__AlbumRendering *rendering)
{
    const nb_album_count count = nb_album_rendering_count(rendering);
    const bool over = count.running + count.waiting == 0;
    json_t *songs = json_array();
    json_t *failed = json_array();
    for (size_t i = 0; i < rendering->n_rows; i++) {
        const Nightbus__JobRow *row = rendering->rows[i];
        json_array_append_new(songs, nb_job_to_json(row));
        if (row->error && strcmp(row->state, "done") != 0) {
            json_array_append_new(
                failed, json_pack("{s:o, s:o, s:I, s:o}", "song", nb_cli_json_string(row->song),
                                  "version", nb_cli_json_string(row->version), "job",
                                  (json_int_t)row->job, "why", nb_cli_json_string(row->error)));
        }
    }
    return json_pack(
        "{s:I, s:o, s:o, s:I, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:o, s:o, s:o, s:o}", "rendering",
        (json_int_t)rendering->rendering, "album", nb_cli_json_string(rendering->album), "person",
        nb_cli_json_string(rendering->person), "created_ms", (json_int_t)rendering->created_ms,
        "state", over ? states[count.failed > 0 ? 3 : 2] : states[count.running > 0 ? 1 : 0],
        "songs", (int)count.total, "done", (int)count.done, "cached", (int)count.cached, "failed",
        (int)count.failed, "running", (int)count.running, "waiting", (int)count.waiting, "left_ms",
        rendering->has_left_ms ? json_real(rendering->left_ms) : json_null(), "opens_ms",
        rendering->has_opens_ms ? json_integer((json_int_t)rendering->opens_ms) : json_null(),
        "failures", failed, "jobs", songs);
}

nb_status nb_album_rendering_print(const nb_cli *cli, const Nightbus__AlbumRendering *rendering,
                                   nb_error *err)
{
    nb_status status = nb_jobs_print(cli, rendering->rows, rendering->n_rows, err);
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    for (size_t i = 0; i < rendering->n_rows; i++) {
        const Nightbus__JobRow *row = rendering->rows[i];
        if (row->error && row->error[0] && strcmp(row->state, "done") != 0) {
            nb_text_make_printable(row->song);
            nb_text_make_printable(row->version);
            nb_text_addf(&text, "\n%s@%s failed (job %" PRIu64 "):\n", row->song, row->version,
                         row->job);
            nb_table_add_wrapped(&text, row->error, ERROR_INDENT,
                                 nb_terminal_columns() - ERROR_INDENT);
        }
    }
    nb_text_add(&text, "\n");
    nb_album_rendering_sum_up(rendering, &text);
    nb_text_add(&text, "\n");
    return status == NB_OK ? nb_cli_print(&text, err) : status;
}
