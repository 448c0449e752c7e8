// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/node/task_private.h"

#include "audio/audio_file.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "renderer/engine/render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    RECONNECT_PAUSE_MS = 500,
    FAREWELL_MS = 1500,     ///< For the word that we are stopping
    FRESH_S = 60 * 60,      ///< A blob of the shared store that is older is read again first
    PROBLEM_LINES_MAX = 20, ///< Of a document's mistakes, in the job's log
};

static void task_fini(nb_task_state *self)
{
    nb_stream_destroy(&self->stream); // before the file and the client that it uses
    nb_made_fini(&self->made);
    nb_graph_destroy(&self->graph);
    nb_document_destroy(&self->document);
    nb_print_destroy(&self->print);
    nb_report_fini(&self->report);
    nb_text_free(&self->report_text);
    for (size_t i = 0; self->paths && i < self->plan.file_count; i++) {
        free(self->paths[i]);
    }
    free(self->paths);
    for (size_t i = 0; self->freeze_paths && i < self->plan.freeze_count; i++) {
        free(self->freeze_paths[i]);
    }
    free(self->freeze_paths);
    nb_plan_fini(&self->plan);
}

void nb_worker_fini(nb_worker *self)
{
    nb_client_destroy(&self->client);
    nb_blob_store_destroy(&self->store);
}

// ---- The connection for blobs and outcomes ----

/// Where the coordinator's store can be read and written here, use it. It is no fault if not.
static void open_store(nb_worker *worker)
{
    nb_blob_store_destroy(&worker->store);
    const char *path = nb_client_welcome(worker->client)->store_path;
    if (worker->transfer || !path || access(path, R_OK | W_OK | X_OK) != 0) {
        return;
    }
    nb_error err = {0};
    if (nb_blob_store_open(path, &worker->store, &err) != NB_OK) {
        nb_log_warn("the coordinator's store cannot be used directly: %s", err.text);
    }
}

nb_status nb_task_connect(nb_task_state *self, nb_error *err)
{
    nb_worker *worker = self->worker;
    if (worker->client) {
        return NB_OK;
    }
    const nb_status status =
        nb_identity_connect(worker->identity, self->cancelled, 0, &worker->client, err);
    if (status == NB_OK) {
        open_store(worker);
    }
    return status;
}

bool nb_task_try_again(nb_task_state *self, nb_status status, const nb_error *err)
{
    if (*self->cancelled || !nb_identity_may_reconnect(status)) {
        return false;
    }
    nb_log_about(NB_LOG_WARN,
                 &(nb_log_subject){.task = self->order.task,
                                   .attempt = self->order.attempt,
                                   .node = self->worker->identity->name},
                 "%s: %s; trying again", self->order.label, err->text);
    nb_client_destroy(&self->worker->client);
    nb_clock_sleep_ms(RECONNECT_PAUSE_MS);
    return true;
}

void nb_task_log(const nb_task_state *self, nb_log_level level, const char *what,
                 const nb_error *why)
{
    nb_log_about(level,
                 &(nb_log_subject){.task = self->order.task,
                                   .attempt = self->order.attempt,
                                   .node = self->worker->identity->name},
                 "%s: %s: %s", self->order.label, what, why->text);
}

nb_blob_scope nb_task_scope(const nb_task_state *self)
{
    return (nb_blob_scope){.task = self->order.task};
}

/// A small blob in memory, from the store or over the wire.
static nb_status get_bytes(nb_task_state *self, const nb_digest *digest, uint64_t size,
                           void **out_bytes, size_t *out_size, nb_error *err)
{
    for (;;) {
        nb_status status = nb_task_connect(self, err);
        if (status == NB_OK && self->worker->store &&
            nb_blob_store_get(self->worker->store, digest, out_bytes, out_size, NULL) == NB_OK) {
            return NB_OK;
        }
        if (status == NB_OK) {
            status = nb_client_download_bytes(self->worker->client, nb_task_scope(self), digest,
                                              size, out_bytes, out_size, err);
        }
        if (status == NB_OK || !nb_task_try_again(self, status, err)) {
            return status;
        }
    }
}

// ---- Input ----

static nb_status get_plan(nb_task_state *self, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    size_t size = 0;
    if (self->order.plan_size > NB_PLAN_BYTES_MAX) {
        return nb_fail(err, NB_E_LIMIT, "the plan has %llu bytes, more than %d",
                       (unsigned long long)self->order.plan_size, NB_PLAN_BYTES_MAX);
    }
    nb_status status =
        get_bytes(self, &self->order.plan, self->order.plan_size, (void **)&bytes, &size, err);
    if (status == NB_OK) {
        status = nb_plan_parse(bytes, size, &self->plan, err);
    }
    if (status == NB_OK &&
        strcmp(self->plan.fingerprint, self->worker->identity->fingerprint) != 0) {
        return nb_fail(err, NB_E_VERSION, "the plan is for the engine \"%s\"; this one is \"%s\"",
                       self->plan.fingerprint, self->worker->identity->fingerprint);
    }
    return status;
}

static nb_status get_document(nb_task_state *self, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    size_t size = 0;
    if (self->plan.document_size > NB_DOCUMENT_BYTES_MAX) {
        return nb_fail(err, NB_E_LIMIT, "the document has %llu bytes, more than %d",
                       (unsigned long long)self->plan.document_size, NB_DOCUMENT_BYTES_MAX);
    }
    nb_status status = get_bytes(self, &self->plan.document, self->plan.document_size,
                                 (void **)&bytes, &size, err);
    if (status != NB_OK) {
        return status;
    }
    if (nb_plan_is_measured(&self->plan)) {
        status =
            nb_measure_read(&self->plan, bytes, size, self->worker->fingerprint, &self->print, err);
    } else {
        NB_SCOPED(nb_text_free) char *name = nb_text_format("songs/%s/mix.yaml", self->plan.song);
        status =
            nb_document_parse(name ? name : "mix.yaml", bytes, size, NULL, &self->document, err);
    }
    self->fault_of_input = status == NB_E_INVALID || status == NB_E_LIMIT;
    return status;
}

/// The store's files are used where they are. One that has lain there for long is read first: disks
/// forget.
static bool is_sound(const nb_worker *worker, const nb_digest *digest, const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 &&
           (nb_clock_wall_ms() / 1000 - (int64_t)info.st_mtime < FRESH_S ||
            nb_cache_is_sound(worker->cache, digest, path));
}

static nb_status get_file(nb_task_state *self, const nb_plan_file *file, char **out_path,
                          nb_error *err)
{
    nb_worker *worker = self->worker;
    if (worker->store &&
        nb_blob_store_path(worker->store, &file->digest, out_path, NULL) == NB_OK) {
        if (is_sound(worker, &file->digest, *out_path)) {
            return NB_OK;
        }
        free(*out_path);
        *out_path = NULL;
        return nb_fail(err, NB_E_CORRUPT,
                       "%s: the farm's copy is damaged: push again from a folder that has it",
                       file->path);
    }
    nb_status status = nb_cache_path(worker->cache, &file->digest, out_path, err);
    if (status != NB_OK || nb_cache_has(worker->cache, &file->digest, file->size)) {
        return status;
    }
    status = nb_cache_make_room(worker->cache, file->size, self->start_wall_ms, err);
    while (status == NB_OK) {
        status = nb_task_connect(self, err);
        if (status == NB_OK) {
            status = nb_client_download(worker->client, nb_task_scope(self), &file->digest,
                                        file->size, *out_path, NULL, NULL, err);
        }
        if (status == NB_OK) {
            nb_cache_put(worker->cache, &file->digest);
        }
        if (status == NB_OK || !nb_task_try_again(self, status, err)) {
            return status;
        }
        status = NB_OK;
    }
    return status;
}

static void free_marks(bool **marks_p) { free(*marks_p); }

static nb_status find_needed(nb_task_state *self, bool *out, nb_error *err);

static nb_status get_files(nb_task_state *self, nb_error *err)
{
    NB_SCOPED(free_marks) bool *needed = calloc(self->plan.file_count + 1, sizeof *needed);
    self->paths = calloc(self->plan.file_count + 1, sizeof *self->paths);
    if (!self->paths || !needed) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the list of files");
    }
    size_t count = 0;
    uint64_t bytes = 0;
    const int64_t start_ms = nb_clock_ms();
    nb_status status = find_needed(self, needed, err);
    for (size_t i = 0; status == NB_OK && i < self->plan.file_count; i++) {
        if (*self->cancelled) {
            return nb_fail(err, NB_E_CANCELLED, "stopped while its files were fetched");
        }
        if (needed[i]) {
            status = get_file(self, &self->plan.files[i], &self->paths[i], err);
            bytes += self->plan.files[i].size;
            count++;
        }
        self->path_count += (status == NB_OK) ? 1 : 0;
    }
    if (status != NB_OK) {
        return status;
    }
    char size[NB_TEXT_SIZE_SIZE];
    nb_text_format_size(bytes, size);
    nb_heartbeat_say(self->worker->heartbeat, "%zu files, %s, here after %.2f s", count, size,
                     (double)(nb_clock_ms() - start_ms) / 1000.0);
    return NB_OK;
}

// ---- The graph ----

/// The plan's file of that path; its index in `paths`. -1 if the plan has none.
static ptrdiff_t find_file(const nb_task_state *self, const char *path)
{
    for (size_t i = 0; i < self->plan.file_count; i++) {
        if (strcmp(self->plan.files[i].path, path) == 0) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

static nb_status look_up_asset(void *context, const char *path, nb_asset *out, nb_error *err)
{
    const nb_task_state *self = context;
    const ptrdiff_t index = find_file(self, path);
    if (index < 0) {
        return nb_fail(err, NB_E_NOT_FOUND, "%s: the plan does not have this file", path);
    }
    if (!self->paths[index]) { // of no edge that is made here: its digest is enough for the keys
        *out = (nb_asset){.digest = self->plan.files[index].digest};
        return NB_OK;
    }
    nb_audio_info info;
    const nb_status status = nb_audio_file_probe(self->paths[index], path, &info, err);
    if (status == NB_OK) {
        out->digest = self->plan.files[index].digest;
        out->rate_hz = info.rate_hz;
        out->channels = info.channels;
        out->frames = info.frames;
    }
    return status;
}

/// All files of a song; where only edges are made, those behind them. Which these are follows from
/// the digests alone.
static nb_status find_needed(nb_task_state *self, bool *out, nb_error *err)
{
    const bool all = self->plan.kind != NB_PLAN_FREEZE;
    for (size_t i = 0; i < self->plan.file_count; i++) {
        out[i] = all;
    }
    if (all) {
        return NB_OK;
    }
    NB_SCOPED(nb_graph_destroy) nb_graph *graph = NULL;
    const nb_status status = nb_graph_build(self->document, look_up_asset, self,
                                            self->worker->fingerprint, NULL, &graph, err);
    return status == NB_OK ? nb_made_find_files(graph, &self->plan, out, err) : status;
}

/// Where a kept edge is that is read; null for other files.
static const char *find_freeze(const nb_task_state *self, const nb_asset *asset)
{
    for (size_t i = 0; asset->is_freeze && i < self->plan.freeze_count; i++) {
        if (nb_digest_equal(&self->plan.freezes[i].digest, &asset->digest)) {
            return self->freeze_paths[i];
        }
    }
    return NULL;
}

static nb_status locate_asset(void *context, const nb_asset *asset, char **out_path, nb_error *err)
{
    const nb_task_state *self = context;
    *out_path = NULL;
    const char *path = find_freeze(self, asset);
    const ptrdiff_t index = path ? -1 : find_file(self, asset->path);
    if (!path && index < 0) {
        return nb_fail(err, NB_E_NOT_FOUND, "%s: the plan does not have this file", asset->path);
    }
    *out_path = strdup(path ? path : self->paths[index]);
    return *out_path ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
}

/// Is the file what the node's edge must be?
static bool is_edge(const nb_task_state *self, const char *path, const nb_node *node)
{
    nb_audio_info info;
    return nb_audio_file_probe(path, "a kept edge", &info, NULL) == NB_OK &&
           info.rate_hz == self->graph->rate_hz && info.channels == node->channels &&
           info.frames == node->end_frame;
}

/// A kept edge is a short cut: what cannot be had, or is not what it should be, is rendered.
static nb_status use_freeze(nb_task_state *self, size_t index, nb_error *err)
{
    const nb_plan_freeze *freeze = &self->plan.freezes[index];
    const size_t node = nb_made_find_node(self->graph, &freeze->key);
    char name[NB_OUTPUT_NAME_SIZE];
    nb_freeze_name(&freeze->key, name);
    const nb_plan_file file = {name, freeze->digest, freeze->size};
    nb_error why = {0};
    if (node == self->graph->node_count) {
        return NB_OK;
    }
    char **path = &self->freeze_paths[index];
    if (get_file(self, &file, path, &why) != NB_OK ||
        !is_edge(self, *path, &self->graph->nodes[node])) {
        nb_heartbeat_say(self->worker->heartbeat, "%s: the kept edge is not there (%s): made again",
                         self->graph->nodes[node].name, why.text[0] ? why.text : "another file");
        free(*path);
        *path = NULL;
        return NB_OK;
    }
    nb_heartbeat_say(self->worker->heartbeat, "%s: from the kept edge",
                     self->graph->nodes[node].name);
    return nb_graph_use_freeze(self->graph, node, name, &freeze->digest, err);
}

static nb_status use_freezes(nb_task_state *self, nb_error *err)
{
    NB_SCOPED(free_marks) bool *met = calloc(self->graph->node_count + 1, sizeof *met);
    self->freeze_paths = calloc(self->plan.freeze_count + 1, sizeof *self->freeze_paths);
    if (!self->freeze_paths || !met) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for kept edges");
    }
    nb_status status = nb_made_find_met(&self->made, self->graph, &self->plan, met, err);
    for (size_t i = 0; status == NB_OK && i < self->plan.freeze_count; i++) {
        if (*self->cancelled) {
            return nb_fail(err, NB_E_CANCELLED, "stopped while kept edges were fetched");
        }
        const size_t node = nb_made_find_node(self->graph, &self->plan.freezes[i].key);
        status = (self->plan.freezes[i].is_kept && met[node]) ? use_freeze(self, i, err) : NB_OK;
    }
    return status;
}

static nb_status build_graph(nb_task_state *self, nb_error *err)
{
    NB_SCOPED(nb_problems_fini) nb_problems problems = {0};
    problems.file_name = nb_text_format("songs/%s/mix.yaml", self->plan.song);
    nb_status status = nb_graph_build(self->document, look_up_asset, self,
                                      self->worker->fingerprint, &problems, &self->graph, err);
    for (size_t i = 0; i < problems.count && i < PROBLEM_LINES_MAX; i++) {
        nb_heartbeat_say(self->worker->heartbeat, "%s:%u:%u: %s",
                         problems.file_name ? problems.file_name : "mix.yaml",
                         problems.list[i].place.line, problems.list[i].place.column,
                         problems.list[i].text);
    }
    if (status != NB_OK) {
        self->fault_of_input = status == NB_E_INVALID || status == NB_E_LIMIT ||
                               status == NB_E_CORRUPT || status == NB_E_NOT_FOUND;
        return status;
    }
    status = nb_made_choose(&self->made, self->graph, &self->plan, self->worker->work_folder, err);
    if (status == NB_OK) {
        status = use_freezes(self, err);
    }
    return status == NB_OK ? nb_made_add_freezes(&self->made, self->graph, &self->plan,
                                                 self->worker->work_folder, err)
                           : status;
}

// ---- The render ----

static void on_progress(void *context, int64_t done_frames, int64_t total_frames)
{
    const nb_task_state *self = context;
    nb_heartbeat_progress(self->worker->heartbeat, done_frames, total_frames);
}

// A file that cannot be decoded, a song past a limit: as bad everywhere. A disk or memory that is
// short is not.
static bool is_fault_of_input(nb_status status)
{
    return status == NB_E_INVALID || status == NB_E_CORRUPT || status == NB_E_LIMIT;
}

/// Where the coordinator's store is elsewhere, the mix goes there while it is rendered.
static void begin_stream(nb_task_state *self)
{
    nb_worker *worker = self->worker;
    if (!worker->store && worker->client && self->made.count > 0) {
        const nb_made_output *mix = &self->made.list[0];
        self->stream =
            nb_stream_new(worker->client, nb_task_scope(self), mix->wav_path, &mix->growth);
    }
}

/// What was rendered, or not, is all that the stream waits for.
static void end_stream(nb_task_state *self, nb_status status)
{
    if (self->stream && status == NB_OK) {
        nb_stream_finish(self->stream);
    } else {
        nb_stream_destroy(&self->stream);
    }
}

static nb_status render(nb_task_state *self, nb_error *err)
{
    nb_status status = nb_file_make_folders(self->worker->work_folder, 0700, err);
    if (status != NB_OK) {
        return status;
    }
    const nb_render_options options = {
        .threads = self->worker->threads,
        .temporary = self->worker->work_folder,
        .locate = locate_asset,
        .locate_context = self,
        .progress = on_progress,
        .progress_context = self,
        .cancelled = self->cancelled,
    };
    const int64_t start_ms = nb_clock_ms();
    nb_heartbeat_progress(self->worker->heartbeat, 0, self->graph->frames);
    begin_stream(self);
    // What the store takes, the store flushes; what is sent need not be on a disk here.
    const nb_audio_keep keep = self->worker->store ? NB_AUDIO_HANDED : NB_AUDIO_SCRATCH;
    status = nb_made_render(&self->made, self->graph, &options, keep, err);
    end_stream(self, status);
    if (status != NB_OK) {
        self->fault_of_input = is_fault_of_input(status);
        return status;
    }
    const double seconds = (double)(nb_clock_ms() - start_ms) / 1000.0;
    const bool edges = self->plan.kind == NB_PLAN_FREEZE;
    const size_t count = edges ? self->made.freeze_count : self->made.count;
    const double duration_s = (double)self->made.frames / self->graph->rate_hz;
    nb_heartbeat_say(self->worker->heartbeat,
                     "rendered %.1f s in %.2f s, %.0f x realtime, %zu %s%s", duration_s, seconds,
                     seconds > 0 ? duration_s / seconds : 0.0, count, edges ? "edge" : "output",
                     count == 1 ? "" : "s");
    return NB_OK;
}

static nb_status measure(nb_task_state *self, nb_error *err)
{
    const nb_audio_watch watch = {
        .cancelled = self->cancelled, .progress = on_progress, .context = self};
    const int64_t start_ms = nb_clock_ms();
    const nb_status status = nb_measure_run(&self->plan, self->print, self->paths, &watch,
                                            &self->report, &self->report_text, err);
    self->fault_of_input = is_fault_of_input(status);
    if (status == NB_OK) {
        nb_heartbeat_say(self->worker->heartbeat, "measured %.1f s in %.2f s",
                         self->report.duration_s, (double)(nb_clock_ms() - start_ms) / 1000.0);
    }
    return status;
}

static nb_status make(nb_task_state *self, nb_error *err)
{
    if (self->print) {
        return measure(self, err);
    }
    const nb_status status = build_graph(self, err);
    return status == NB_OK ? render(self, err) : status;
}

static bool is_lost(const nb_task_state *self, const char *path, const nb_digest *digest,
                    uint64_t size)
{
    NB_SCOPED(nb_text_free) char *cached = NULL;
    return nb_cache_path(self->worker->cache, digest, &cached, NULL) == NB_OK &&
           strcmp(cached, path) == 0 && !nb_cache_has(self->worker->cache, digest, size);
}

/// Did our own cache lose or damage a file after it was here? That says nothing about the task.
static bool has_lost_files(const nb_task_state *self)
{
    bool lost = false;
    for (size_t i = 0; i < self->path_count && !lost; i++) {
        lost = self->paths[i] &&
               is_lost(self, self->paths[i], &self->plan.files[i].digest, self->plan.files[i].size);
    }
    for (size_t i = 0; self->freeze_paths && i < self->plan.freeze_count && !lost; i++) {
        lost = self->freeze_paths[i] &&
               is_lost(self, self->freeze_paths[i], &self->plan.freezes[i].digest,
                       self->plan.freezes[i].size);
    }
    return lost;
}

/// We are stopping: give the task back at once, so that nobody waits for the lease to end. The
/// usual connection heeds the stop; this one is made for one word.
static void give_back(nb_task_state *self)
{
    static const volatile bool never = false;
    nb_client_destroy(&self->worker->client);
    self->cancelled = &never;
    nb_error err = {0};
    if (nb_identity_connect(self->worker->identity, NULL, FAREWELL_MS, &self->worker->client,
                            &err) != NB_OK) {
        return;
    }
    nb_error why = {0};
    const nb_status status =
        nb_fail(&why, NB_E_INTERRUPTED, "%s is shutting down", self->worker->identity->name);
    self->fault_of_input = false;
    nb_task_fail(self, status, &why);
}

nb_status nb_task_run(nb_worker *worker, const nb_order *order)
{
    NB_SCOPED(task_fini)
    nb_task_state self = {
        .worker = worker,
        .order = *order,
        .cancelled = nb_heartbeat_cancelled(worker->heartbeat),
        .start_wall_ms = nb_clock_wall_ms(),
    };
    static nb_status (*const steps[])(nb_task_state *, nb_error *) = {
        get_plan, get_document, get_files, make, nb_task_finish};
    nb_heartbeat_say(worker->heartbeat, "%s on %s", order->label, worker->identity->name);
    nb_error err = {0};
    nb_status status = NB_OK;
    for (size_t i = 0; i < NB_COUNT(steps) && status == NB_OK; i++) {
        status = steps[i](&self, &err);
    }
    nb_stream_destroy(&self.stream); // what is said now needs its client
    if (status == NB_OK) {
        nb_log_about(NB_LOG_INFO,
                     &(nb_log_subject){.task = self.order.task,
                                       .attempt = self.order.attempt,
                                       .node = worker->identity->name},
                     "%s: done", order->label);
    } else if (nb_heartbeat_is_fenced(worker->heartbeat)) {
        nb_log_about(NB_LOG_INFO,
                     &(nb_log_subject){.task = self.order.task,
                                       .attempt = self.order.attempt,
                                       .node = worker->identity->name},
                     "%s: dropped (%s)", order->label, err.text);
    } else if (*self.cancelled) {
        give_back(&self);
    } else {
        nb_heartbeat_say(worker->heartbeat, "failed: %s", err.text);
        if (has_lost_files(&self)) {
            nb_heartbeat_say(worker->heartbeat, "our cache lost a file meanwhile: given back");
            self.fault_of_input = false;
            status = NB_E_STALE;
        }
        nb_task_fail(&self, status, &err);
    }
    return *self.cancelled ? NB_E_CANCELLED : status;
}
