// SPDX-License-Identifier: GPL-3.0-or-later
// Renderings of whole albums: a job for each song, and when all will be done.
#include "coordinator/album_renders.h"
#include "base/clock.h"
#include "base/log.h"
#include "coordinator/ahead.h"
#include "coordinator/ledger_private.h"
#include "coordinator/song.h"
#include "coordinator/wishes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char tables[] =
    "CREATE TABLE IF NOT EXISTS album_renders (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " album TEXT NOT NULL, person TEXT NOT NULL, stems INTEGER NOT NULL, window TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL) STRICT;"
    "CREATE INDEX IF NOT EXISTS album_renders_by_album ON album_renders (album);"
    "CREATE TABLE IF NOT EXISTS album_render_jobs (rendering INTEGER NOT NULL"
    " REFERENCES album_renders, job INTEGER NOT NULL REFERENCES jobs,"
    " PRIMARY KEY (rendering, job)) STRICT, WITHOUT ROWID;";

nb_status nb_ledger_make_album_render_tables(nb_sql *sql, nb_error *err)
{
    return nb_sql_script(sql, tables, err);
}

// ---- The ledger ----

typedef struct album_render {
    uint64_t id;
    char album[NB_ALBUM_SIZE];
    char person[NB_NAME_SIZE];
    bool stems;
    int64_t created_ms;
} album_render;

static nb_status put_render(nb_ledger *self, album_render *render, const char *window,
                            nb_error *err)
{
    const nb_status status =
        nb_sql_run(self->sql,
                   "INSERT INTO album_renders (album, person, stems, window, created_ms)"
                   " VALUES (?, ?, ?, ?, ?)",
                   NB_SQL_VALUES(nb_sql_text(render->album), nb_sql_text(render->person),
                                 nb_sql_int(render->stems), nb_sql_text(window),
                                 nb_sql_int(render->created_ms)),
                   err);
    render->id = (uint64_t)nb_sql_last_id(self->sql);
    return status;
}

static nb_status put_render_job(nb_ledger *self, uint64_t render, uint64_t job, nb_error *err)
{
    return nb_sql_run(self->sql,
                      "INSERT OR IGNORE INTO album_render_jobs (rendering, job) VALUES (?, ?)",
                      NB_SQL_VALUES(nb_sql_int((int64_t)render), nb_sql_int((int64_t)job)), err);
}

// The one of that number, or the album's newest for 0.
static nb_status get_render(nb_ledger *self, const char *album, uint64_t id, album_render *out,
                            nb_error *err)
{
    *out = (album_render){0};
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    nb_status status =
        nb_sql_query(self->sql,
                     "SELECT id, album, person, stems, created_ms FROM album_renders"
                     " WHERE album = ?1 AND (?2 = 0 OR id = ?2) ORDER BY id DESC LIMIT 1",
                     NB_SQL_VALUES(nb_sql_text(album), nb_sql_int((int64_t)id)), &rows, err);
    if (status == NB_OK) {
        status = nb_sql_next(&rows, &row, err);
    }
    if (status == NB_OK && !row) {
        return nb_fail(err, NB_E_NOT_FOUND,
                       "album '%s' was never rendered as a whole: `nightbus render-album` does it",
                       album);
    }
    out->id = row ? (uint64_t)nb_sql_get_int(&rows, 0) : 0;
    out->stems = row && nb_sql_get_int(&rows, 3) != 0;
    out->created_ms = row ? nb_sql_get_int(&rows, 4) : 0;
    if (status == NB_OK) {
        status = nb_ledger_copy_text(&rows, 1, out->album, sizeof out->album, err);
    }
    return (status == NB_OK) ? nb_ledger_copy_text(&rows, 2, out->person, sizeof out->person, err)
                             : status;
}

// Ids in the order of songs. The caller frees *out_jobs.
static nb_status list_jobs(nb_ledger *self, uint64_t render, uint64_t **out_jobs, size_t *out_count,
                           nb_error *err)
{
    *out_count = 0;
    *out_jobs = calloc(NB_VERSIONS_MAX, sizeof **out_jobs);
    if (!*out_jobs) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the jobs of an album");
    }
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    nb_status status = nb_sql_query(
        self->sql,
        "SELECT job FROM album_render_jobs JOIN jobs ON jobs.id = job"
        " WHERE rendering = ? ORDER BY song LIMIT ?",
        NB_SQL_VALUES(nb_sql_int((int64_t)render), nb_sql_int(NB_VERSIONS_MAX)), &rows, err);
    while (status == NB_OK) {
        bool row = false;
        status = nb_sql_next(&rows, &row, err);
        if (status != NB_OK || !row) {
            break;
        }
        (*out_jobs)[(*out_count)++] = (uint64_t)nb_sql_get_int(&rows, 0);
    }
    return status;
}

// ---- When it will be done ----

/// All that the estimate looks at.
typedef struct outlook {
    nb_coordinator *self;
    int64_t now_ms;
    size_t node_count, work_count;
    nb_farm_pace paces[NB_ROWS_MAX];
    nb_estimate_node nodes[NB_ROWS_MAX];
    nb_estimate_work work[NB_VERSIONS_MAX];
    bool is_guess[NB_VERSIONS_MAX];      ///< By work: its length is
    double expected_frames, made_frames; ///< Of those whose length is known by now
} outlook;

static int node_index(const outlook *self, uint32_t renderer)
{
    for (size_t i = 0; i < self->node_count; i++) {
        if (self->paces[i].renderer == renderer) {
            return (int)i;
        }
    }
    return -1;
}

static nb_status look_at_nodes(outlook *self, nb_error *err)
{
    const char *fingerprint = nb_scheduler_fingerprint(self->self->scheduler);
    if (!fingerprint) {
        return NB_OK;
    }
    const nb_status status = nb_coordinator_paces(self->self, fingerprint, self->paces, NB_ROWS_MAX,
                                                  &self->node_count, err);
    for (size_t i = 0; status == NB_OK && i < self->node_count; i++) {
        self->nodes[i] = self->paces[i].pace;
    }
    return status;
}

/// What is expected of a job, with its true length where that is known by now.
static nb_status read_cost(outlook *self, const nb_job *job, const nb_attempt *leased,
                           nb_task_cost *out, nb_error *err)
{
    *out = (nb_task_cost){0};
    const nb_status status =
        job->task ? nb_ledger_get_cost(self->self->ledger, job->task, out, err) : NB_OK;
    if (status == NB_OK && leased && leased->total_frames > 0) {
        out->made_frames = (int64_t)leased->total_frames;
    }
    if (status == NB_OK && out->made_frames > 0) {
        self->expected_frames += (double)out->frames;
        self->made_frames += (double)out->made_frames;
        out->frames = out->made_frames;
    }
    return status;
}

static void add_work(outlook *self, const nb_task *task, const nb_task_cost *cost)
{
    const nb_attempt *leased = task ? nb_task_leased(task) : NULL;
    if (self->work_count == NB_VERSIONS_MAX) {
        return;
    }
    nb_estimate_work *work = &self->work[self->work_count++];
    *work = (nb_estimate_work){.cost = nb_task_cost_us(cost), .node = -1};
    if (leased) {
        work->node = node_index(self, leased->renderer);
        work->elapsed_ms = (double)(self->now_ms - leased->started_ms);
        work->done = (leased->total_frames > 0)
                         ? (double)leased->done_frames / (double)leased->total_frames
                         : 0.0;
    }
    self->is_guess[self->work_count - 1] = cost->made_frames == 0;
}

/// What goes before the song's task is work, too.
static nb_status look_ahead(outlook *self, const nb_job *job, nb_error *err)
{
    uint64_t needs[NB_NEEDS_MAX];
    size_t count = 0;
    nb_status status = nb_ahead_list(self->self, job->task, needs, &count, err);
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        const nb_task *task = nb_scheduler_task(self->self->scheduler, needs[i]);
        nb_task_cost cost;
        status = task ? nb_ledger_get_cost(self->self->ledger, needs[i], &cost, err) : NB_OK;
        if (status == NB_OK && task) {
            add_work(self, task, &cost);
        }
    }
    return status;
}

static nb_status look_at_job(outlook *self, const nb_job *job, nb_error *err)
{
    nb_task_cost cost;
    const nb_task *task = job->task ? nb_scheduler_task(self->self->scheduler, job->task) : NULL;
    const nb_status status = read_cost(self, job, task ? nb_task_leased(task) : NULL, &cost, err);
    if (status != NB_OK || job->state != NB_JOB_OPEN) {
        return status;
    }
    add_work(self, task, &cost);
    return (task && task->waits_for > 0) ? look_ahead(self, job, err) : NB_OK;
}

/// Songs of an album are of a kind: as the lengths of those that began were off, those of the rest
/// will be.
static void correct_guesses(outlook *self)
{
    if (self->expected_frames <= 0.0 || self->made_frames <= 0.0) {
        return;
    }
    const double factor = self->made_frames / self->expected_frames;
    for (size_t i = 0; i < self->work_count; i++) {
        self->work[i].cost *= self->is_guess[i] ? factor : 1.0;
    }
}

static void free_outlook(outlook **self_p) { free(*self_p); }

static nb_status fill_left(nb_coordinator *self, const nb_caller *caller, const nb_job *jobs,
                           size_t count, Nightbus__AlbumRendering *out, nb_error *err)
{
    NB_SCOPED(free_outlook) outlook *it = calloc(1, sizeof *it);
    if (!it) {
        return nb_answer_no_memory(err);
    }
    it->self = self;
    it->now_ms = caller->now_ms;
    nb_status status = look_at_nodes(it, err);
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        status = look_at_job(it, &jobs[i], err);
    }
    correct_guesses(it);
    const double left_ms = nb_estimate_left_ms(it->nodes, it->node_count, it->work, it->work_count);
    out->has_left_ms = status == NB_OK && left_ms >= 0.0;
    out->left_ms = out->has_left_ms ? left_ms : 0.0;
    return status;
}

// ---- Answers ----

static void free_jobs(nb_job **jobs_p) { free(*jobs_p); }
static void free_ids(uint64_t **ids_p) { free(*ids_p); }

/// When the first of the open jobs may go on, by what is wished for them now. Out of hours only
/// where all of them are.
static nb_status fill_hours(nb_coordinator *self, const nb_job *jobs, size_t count,
                            Nightbus__AlbumRendering *out, nb_error *err)
{
    int64_t opens_ms = INT64_MAX;
    bool held = false;
    for (size_t i = 0; i < count; i++) {
        nb_job_wish wish;
        int64_t next_ms = 0;
        if (jobs[i].state != NB_JOB_OPEN) {
            continue;
        }
        const nb_status status = nb_ledger_get_job_wish(self->ledger, jobs[i].id, &wish, err);
        if (status != NB_OK || nb_wishes_is_open(self, wish.window, nb_clock_wall_ms(), &next_ms)) {
            return status;
        }
        held = true;
        opens_ms = (next_ms < opens_ms) ? next_ms : opens_ms;
    }
    out->has_opens_ms = held;
    out->opens_ms = held ? (uint64_t)opens_ms : 0;
    return NB_OK;
}

static nb_status fill_rows(nb_coordinator *self, const nb_caller *caller,
                           const album_render *render, Nightbus__AlbumRendering *out,
                           const nb_answer *answer, nb_error *err)
{
    NB_SCOPED(free_ids) uint64_t *ids = NULL;
    size_t count = 0;
    nb_status status = list_jobs(self->ledger, render->id, &ids, &count, err);
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(free_jobs) nb_job *jobs = calloc(count + 1, sizeof *jobs);
    out->rows = nb_answer_take(answer, count, sizeof *out->rows);
    if (!jobs || !out->rows) {
        return nb_answer_no_memory(err);
    }
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        status = nb_ledger_get_job(self->ledger, ids[i], &jobs[i], err);
        if (status != NB_OK) {
            return status;
        }
        out->rows[i] = nb_answer_job_row(self, &jobs[i], answer);
        if (!out->rows[i]) {
            return nb_answer_no_memory(err);
        }
        out->n_rows++;
    }
    status = fill_hours(self, jobs, count, out, err);
    return (status == NB_OK) ? fill_left(self, caller, jobs, count, out, err) : status;
}

static nb_status answer_with(nb_coordinator *self, const nb_caller *caller,
                             const album_render *render, nb_answer *answer, nb_error *err)
{
    Nightbus__AlbumRendering *out = nb_answer_take(answer, 1, sizeof *out);
    if (!out) {
        return nb_answer_no_memory(err);
    }
    nightbus__album_rendering__init(out);
    out->rendering = render->id;
    out->album = nb_answer_string(answer, render->album);
    out->person = nb_answer_string(answer, render->person);
    out->created_ms = (uint64_t)render->created_ms;
    out->has_stems = out->stems = render->stems;
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_ALBUM_RENDERING;
    answer->reply.album_rendering = out;
    return (out->album && out->person) ? fill_rows(self, caller, render, out, answer, err)
                                       : nb_answer_no_memory(err);
}

nb_status nb_handle_album_render_show(nb_coordinator *self, const nb_caller *caller,
                                      const Nightbus__Request *request, nb_answer *answer,
                                      nb_error *err)
{
    const Nightbus__AlbumRenderShow *said = request->album_render_show;
    album_render render;
    const nb_status status = get_render(self->ledger, said->album,
                                        said->has_rendering ? said->rendering : 0, &render, err);
    return (status == NB_OK) ? answer_with(self, caller, &render, answer, err) : status;
}

// ---- Starting one ----

static nb_status put_wish(nb_coordinator *self, const nb_caller *caller, uint64_t id,
                          const Nightbus__AlbumRender *said, nb_error *err)
{
    nb_job_wish wish;
    if (!said->has_priority && !said->window) {
        return NB_OK;
    }
    const nb_status status = nb_ledger_get_job_wish(self->ledger, id, &wish, err);
    if (status != NB_OK) {
        return status;
    }
    wish.priority = said->has_priority ? (int)said->priority : wish.priority;
    snprintf(wish.window, sizeof wish.window, "%s", said->window ? said->window : wish.window);
    snprintf(wish.person, sizeof wish.person, "%s", caller->member.name);
    wish.time_ms = nb_clock_wall_ms();
    return nb_ledger_put_job_wish(self->ledger, id, &wish, err);
}

// The scheduler hears of the wishes once they are on disk. Jobs that were open before have a task.
static nb_status apply_wishes(nb_coordinator *self, uint64_t render, nb_error *err)
{
    NB_SCOPED(free_ids) uint64_t *ids = NULL;
    size_t count = 0;
    nb_status status = list_jobs(self->ledger, render, &ids, &count, err);
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        nb_job job;
        status = nb_ledger_get_job(self->ledger, ids[i], &job, err);
        if (status == NB_OK && job.task != 0) {
            nb_wishes_apply_task(self, job.task);
        }
        if (status == NB_OK) {
            nb_coordinator_touch_job(self, job.id);
        }
    }
    return status;
}

static nb_status start_song(nb_coordinator *self, const nb_caller *caller, const nb_album *album,
                            const char *song, const Nightbus__AlbumRender *said, uint64_t render,
                            nb_error *err)
{
    const nb_version *version = nb_revisions_find_version(album->revisions, song, NULL);
    const nb_job_wants wants = (said->has_stems && said->stems) ? NB_WANT_STEMS : NB_WANT_MIXES;
    uint64_t job = 0;
    if (!version) {
        return NB_OK; // only masters, or nothing that sounds yet
    }
    nb_status status = nb_coordinator_start_job(self, album->name, version, wants, &job, err);
    if (status == NB_OK) {
        status = put_render_job(self->ledger, render, job, err);
    }
    return (status == NB_OK) ? put_wish(self, caller, job, said, err) : status;
}

static nb_status start_songs(nb_coordinator *self, const nb_caller *caller, const nb_album *album,
                             const Nightbus__AlbumRender *said, uint64_t render, nb_error *err)
{
    NB_SCOPED(nb_manifest_fini) nb_manifest manifest = {0};
    const char *head = nb_revisions_head(album->revisions);
    size_t count = 0;
    nb_status status = head[0] ? nb_revisions_manifest(album->revisions, head, &manifest, err)
                               : nb_fail(err, NB_E_NOT_FOUND, "album '%s' is empty", album->name);
    for (size_t i = 0; status == NB_OK && i < manifest.file_count; i++) {
        char song[NB_SONG_SIZE];
        nb_source source;
        if (!nb_song_of_path(manifest.files[i].path, song, &source) || source == NB_SOURCE_MASTER) {
            continue;
        }
        if (++count > NB_VERSIONS_MAX) {
            return nb_fail(err, NB_E_LIMIT, "album '%s' has more than %d songs", album->name,
                           NB_VERSIONS_MAX);
        }
        status = start_song(self, caller, album, song, said, render, err);
    }
    return status;
}

static nb_status start_render(nb_coordinator *self, const nb_caller *caller, const nb_album *album,
                              const Nightbus__AlbumRender *said, album_render *out, nb_error *err)
{
    *out =
        (album_render){.stems = said->has_stems && said->stems, .created_ms = nb_clock_wall_ms()};
    snprintf(out->album, sizeof out->album, "%s", album->name);
    snprintf(out->person, sizeof out->person, "%s", caller->member.name);
    nb_status status = nb_ledger_begin(self->ledger, err);
    if (status != NB_OK) {
        return status;
    }
    status = put_render(self->ledger, out, said->window ? said->window : "", err);
    if (status == NB_OK) {
        status = start_songs(self, caller, album, said, out->id, err);
    }
    if (status == NB_OK) {
        status =
            nb_ledger_put_answer(self->ledger, said->client_id.data, "album-render", album->name,
                                 &out->id, sizeof out->id, nb_clock_wall_ms(), err);
    }
    status = nb_ledger_end(self->ledger, status, err);
    return (status == NB_OK) ? apply_wishes(self, out->id, err) : status;
}

// What an earlier copy of this request made; 0 if none did.
static nb_status find_earlier(nb_coordinator *self, const nb_album *album,
                              const Nightbus__AlbumRender *said, uint64_t *out_id, nb_error *err)
{
    void *bytes = NULL;
    size_t size = 0;
    *out_id = 0;
    const nb_status status = nb_ledger_get_answer(self->ledger, said->client_id.data,
                                                  "album-render", album->name, &bytes, &size, err);
    if (status == NB_OK && bytes && size == sizeof *out_id) {
        memcpy(out_id, bytes, size);
    }
    free(bytes);
    return status;
}

nb_status nb_handle_album_render(nb_coordinator *self, const nb_caller *caller,
                                 const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__AlbumRender *said = request->album_render;
    nb_album *album = NULL;
    album_render render;
    uint64_t earlier = 0;
    nb_status status = nb_coordinator_album(self, said->album, &album, err);
    if (status == NB_OK) {
        status = nb_wishes_check_window(said->window, err);
    }
    if (status == NB_OK) {
        status = find_earlier(self, album, said, &earlier, err);
    }
    if (status == NB_OK) {
        status = earlier ? get_render(self->ledger, album->name, earlier, &render, err)
                         : start_render(self, caller, album, said, &render, err);
    }
    if (status != NB_OK) {
        return status;
    }
    (void)nb_coordinator_plan_jobs(self); // what is left is planned at the next turn
    return answer_with(self, caller, &render, answer, err);
}
