// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/node/task.h"

#include "audio/audio_file.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "mix/document.h"
#include "mix/graph.h"
#include "mix/plan.h"
#include "renderer/engine/render.h"
#include "renderer/node/made.h"
#include "renderer/node/measure.h"
#include "renderer/node/stream.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    RECONNECT_PAUSE_MS = 500,
    ROOM_PAUSE_MS = 1000,
    FLUSH_MS = 1000,        ///< For the last log lines, before the outcome
    FAREWELL_MS = 1500,     ///< For the word that we are stopping
    FRESH_S = 60 * 60,      ///< A blob of the shared store that is older is read again first
    PROBLEM_LINES_MAX = 20, ///< Of a document's mistakes, in the job's log
};

typedef struct task {
    nb_worker *worker;
    nb_order order;
    const volatile bool *cancelled;
    int64_t start_wall_ms;
    bool fault_of_input; ///< Another renderer would fail alike
    nb_plan plan;
    char **paths;          ///< Of the plan's files on this machine
    size_t path_count;     ///< Of those that were here
    nb_document *document; ///< And its graph, where a mix is rendered
    nb_graph *graph;
    char **freeze_paths; ///< Of those of the plan's freezes that are read
    nb_made made;
    nb_stream
        *stream;     ///< Of the first output, where it is sent while it is rendered; has the client
    nb_print *print; ///< Where audio is measured; and its report
    nb_report report;
    char *report_text;
} task;

static void task_fini(task *self)
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

static nb_status connect_if_needed(task *self, nb_error *err)
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

/// After a failure: true if the same should be tried again on a new connection. The lease bounds
/// it: a coordinator that stays away ends in a fence.
static bool try_again(task *self, nb_status status, const nb_error *err)
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

static void log_about(const task *self, nb_log_level level, const char *what, const nb_error *why)
{
    nb_log_about(level,
                 &(nb_log_subject){.task = self->order.task,
                                   .attempt = self->order.attempt,
                                   .node = self->worker->identity->name},
                 "%s: %s: %s", self->order.label, what, why->text);
}

static nb_blob_scope scope(const task *self) { return (nb_blob_scope){.task = self->order.task}; }

/// A small blob in memory, from the store or over the wire.
static nb_status get_bytes(task *self, const nb_digest *digest, uint64_t size, void **out_bytes,
                           size_t *out_size, nb_error *err)
{
    for (;;) {
        nb_status status = connect_if_needed(self, err);
        if (status == NB_OK && self->worker->store &&
            nb_blob_store_get(self->worker->store, digest, out_bytes, out_size, NULL) == NB_OK) {
            return NB_OK;
        }
        if (status == NB_OK) {
            status = nb_client_download_bytes(self->worker->client, scope(self), digest, size,
                                              out_bytes, out_size, err);
        }
        if (status == NB_OK || !try_again(self, status, err)) {
            return status;
        }
    }
}

// ---- Input ----

static nb_status get_plan(task *self, nb_error *err)
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

static nb_status get_document(task *self, nb_error *err)
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
    if (self->plan.kind != NB_PLAN_RENDER) {
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

static nb_status get_file(task *self, const nb_plan_file *file, char **out_path, nb_error *err)
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
        status = connect_if_needed(self, err);
        if (status == NB_OK) {
            status = nb_client_download(worker->client, scope(self), &file->digest, file->size,
                                        *out_path, NULL, NULL, err);
        }
        if (status == NB_OK) {
            nb_cache_put(worker->cache, &file->digest);
        }
        if (status == NB_OK || !try_again(self, status, err)) {
            return status;
        }
        status = NB_OK;
    }
    return status;
}

static nb_status get_files(task *self, nb_error *err)
{
    self->paths = calloc(self->plan.file_count + 1, sizeof *self->paths);
    if (!self->paths) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the list of files");
    }
    uint64_t bytes = 0;
    const int64_t start_ms = nb_clock_ms();
    for (size_t i = 0; i < self->plan.file_count; i++) {
        if (*self->cancelled) {
            return nb_fail(err, NB_E_CANCELLED, "stopped while its files were fetched");
        }
        const nb_status status = get_file(self, &self->plan.files[i], &self->paths[i], err);
        if (status != NB_OK) {
            return status;
        }
        self->path_count++;
        bytes += self->plan.files[i].size;
    }
    char size[NB_TEXT_SIZE_SIZE];
    nb_text_format_size(bytes, size);
    nb_heartbeat_say(self->worker->heartbeat, "%zu files, %s, here after %.2f s",
                     self->plan.file_count, size, (double)(nb_clock_ms() - start_ms) / 1000.0);
    return NB_OK;
}

// ---- The graph ----

/// The plan's file of that path; its index in `paths`. -1 if the plan has none.
static ptrdiff_t find_file(const task *self, const char *path)
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
    const task *self = context;
    const ptrdiff_t index = find_file(self, path);
    if (index < 0) {
        return nb_fail(err, NB_E_NOT_FOUND, "%s: the plan does not have this file", path);
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

/// Where a kept edge is that is read; null for other files.
static const char *find_freeze(const task *self, const nb_asset *asset)
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
    const task *self = context;
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
static bool is_edge(const task *self, const char *path, const nb_node *node)
{
    nb_audio_info info;
    return nb_audio_file_probe(path, "a kept edge", &info, NULL) == NB_OK &&
           info.rate_hz == self->graph->rate_hz && info.channels == node->channels &&
           info.frames == node->end_frame;
}

/// A kept edge is a short cut: what cannot be had, or is not what it should be, is rendered.
static nb_status use_freeze(task *self, size_t index, nb_error *err)
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

static nb_status use_freezes(task *self, nb_error *err)
{
    nb_status status = NB_OK;
    self->freeze_paths = calloc(self->plan.freeze_count + 1, sizeof *self->freeze_paths);
    if (!self->freeze_paths) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for kept edges");
    }
    for (size_t i = 0; status == NB_OK && i < self->plan.freeze_count; i++) {
        if (*self->cancelled) {
            return nb_fail(err, NB_E_CANCELLED, "stopped while kept edges were fetched");
        }
        status = self->plan.freezes[i].is_kept ? use_freeze(self, i, err) : NB_OK;
    }
    return status;
}

static nb_status build_graph(task *self, nb_error *err)
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
    const task *self = context;
    nb_heartbeat_progress(self->worker->heartbeat, done_frames, total_frames);
}

// A file that cannot be decoded, a song past a limit: as bad everywhere. A disk or memory that is
// short is not.
static bool is_fault_of_input(nb_status status)
{
    return status == NB_E_INVALID || status == NB_E_CORRUPT || status == NB_E_LIMIT;
}

/// Where the coordinator's store is elsewhere, the mix goes there while it is rendered.
static void begin_stream(task *self)
{
    nb_worker *worker = self->worker;
    if (!worker->store && worker->client) {
        const nb_made_output *mix = &self->made.list[0];
        self->stream = nb_stream_new(worker->client, scope(self), mix->wav_path, &mix->growth);
    }
}

/// What was rendered, or not, is all that the stream waits for.
static void end_stream(task *self, nb_status status)
{
    if (self->stream && status == NB_OK) {
        nb_stream_finish(self->stream);
    } else {
        nb_stream_destroy(&self->stream);
    }
}

static nb_status render(task *self, nb_error *err)
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
    const double duration_s = self->made.list[0].report.duration_s;
    nb_heartbeat_say(self->worker->heartbeat,
                     "rendered %.1f s in %.2f s, %.0f x realtime, %zu output%s", duration_s,
                     seconds, seconds > 0 ? duration_s / seconds : 0.0, self->made.count,
                     self->made.count == 1 ? "" : "s");
    return NB_OK;
}

static nb_status measure(task *self, nb_error *err)
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

static nb_status make(task *self, nb_error *err)
{
    if (self->print) {
        return measure(self, err);
    }
    const nb_status status = build_graph(self, err);
    return status == NB_OK ? render(self, err) : status;
}

// ---- The outcome ----

/// The coordinator's disk is full: what was made is held until there is room, as long as the lease
/// is renewed.
static bool wait_for_room(const task *self, nb_status status, const nb_error *err)
{
    if (status != NB_E_NO_SPACE || *self->cancelled) {
        return false;
    }
    nb_log_about(NB_LOG_WARN,
                 &(nb_log_subject){.task = self->order.task,
                                   .attempt = self->order.attempt,
                                   .node = self->worker->identity->name},
                 "%s: %s; trying again until there is room", self->order.label, err->text);
    for (int64_t waited_ms = 0; waited_ms < ROOM_PAUSE_MS && !*self->cancelled;
         waited_ms += ROOM_PAUSE_MS / 10) {
        nb_clock_sleep_ms(ROOM_PAUSE_MS / 10);
    }
    return true;
}

/// What is published: a file that was rendered, or a text.
typedef struct product {
    const char *path;
    const nb_audio_growth *growth; ///< Null for a text
    const char *text;
} product;

static nb_status put(nb_blob_store *store, const product *what, nb_digest *out_digest,
                     uint64_t *out_size, nb_error *err)
{
    if (!what->growth) {
        *out_size = strlen(what->text);
        return nb_blob_store_put(store, what->text, strlen(what->text), out_digest, err);
    }
    if (!what->growth->is_whole) {
        return nb_blob_store_put_file(store, what->path, NB_PUT_TAKE, out_digest, out_size, err);
    }
    *out_digest = what->growth->digest;
    *out_size = what->growth->size;
    return nb_blob_store_take_hashed(store, what->path, out_digest, *out_size, err);
}

static nb_status upload(task *self, const product *what, nb_digest *out_digest, uint64_t *out_size,
                        nb_error *err)
{
    nb_status status = connect_if_needed(self, err);
    if (status != NB_OK) {
        return status;
    }
    if (!what->growth) {
        *out_size = strlen(what->text);
        return nb_client_upload_bytes(self->worker->client, scope(self), what->text, *out_size,
                                      out_digest, err);
    }
    if (what->growth->is_whole) {
        *out_digest = what->growth->digest;
        *out_size = what->growth->size;
    } else {
        status = nb_digest_of_file(what->path, out_digest, out_size, err);
    }
    return (status == NB_OK) ? nb_client_upload(self->worker->client, scope(self), what->path,
                                                out_digest, *out_size, NULL, NULL, err)
                             : status;
}

/// Has the stream brought it there? Either way it ends, and the client is ours again.
static bool is_streamed(task *self, const product *what, nb_digest *out_digest, uint64_t *out_size)
{
    if (!self->stream) {
        return false;
    }
    nb_error err = {0};
    const nb_status status = nb_stream_wait(self->stream, &err);
    nb_stream_destroy(&self->stream);
    if (status != NB_OK) {
        log_about(self, NB_LOG_INFO, "the mix is sent again, whole", &err);
        return false;
    }
    *out_digest = what->growth->digest;
    *out_size = what->growth->size;
    return true;
}

/// Put it where the coordinator finds it. The first product is the one that is streamed.
static nb_status publish(task *self, const product *what, nb_digest *out_digest, uint64_t *out_size,
                         nb_error *err)
{
    nb_worker *worker = self->worker;
    nb_status status = NB_OK;
    if (is_streamed(self, what, out_digest, out_size)) {
        return NB_OK;
    }
    if (worker->store) {
        do {
            status = put(worker->store, what, out_digest, out_size, err);
        } while (wait_for_room(self, status, err));
        if (status != NB_E_PERMISSION) {
            return status;
        }
        nb_log_warn("%s; uploading instead", err->text);
    }
    do {
        status = upload(self, what, out_digest, out_size, err);
    } while (status != NB_OK && (wait_for_room(self, status, err) || try_again(self, status, err)));
    return status;
}

/// Send the outcome until it is acknowledged, or nobody wants it any more.
static nb_status send_outcome(task *self, Nightbus__Request *request, nb_error *err)
{
    nb_heartbeat_reporting(self->worker->heartbeat);
    for (;;) {
        nb_status status = connect_if_needed(self, err);
        if (status == NB_OK) {
            NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
            status = nb_client_call(self->worker->client, request, 0, &reply, err);
        }
        if (status == NB_OK ||
            (!wait_for_room(self, status, err) && !try_again(self, status, err))) {
            return status;
        }
    }
}

static ProtobufCBinaryData epoch_of(task *self)
{
    return (ProtobufCBinaryData){self->order.epoch_size, self->order.epoch};
}

/// The files of a result, as TaskFinish carries them. Room for all is taken before.
typedef struct file_rows {
    size_t count;
    Nightbus__OutputRow *rows;
    Nightbus__OutputRow **list;
    nb_digest *digests;
    char (*names)[NB_OUTPUT_NAME_SIZE];
} file_rows;

static void file_rows_fini(file_rows *self)
{
    free(self->rows);
    free(self->list);
    free(self->digests);
    free(self->names);
}

static nb_status file_rows_init(file_rows *self, size_t room, nb_error *err)
{
    self->rows = calloc(room, sizeof *self->rows);
    self->list = calloc(room, sizeof *self->list);
    self->digests = calloc(room, sizeof *self->digests);
    self->names = calloc(room, sizeof *self->names);
    return self->rows && self->list && self->digests && self->names
               ? NB_OK
               : nb_fail(err, NB_E_NO_MEMORY, "no memory for %zu files", room);
}

/// Publish one file and add its row, whose name is in names[count].
static nb_status add_file(task *self, file_rows *out, const product *what, nb_error *err)
{
    const size_t i = out->count;
    Nightbus__OutputRow *row = &out->rows[i];
    nightbus__output_row__init(row);
    row->name = out->names[i];
    const nb_status status = publish(self, what, &out->digests[i], &row->size, err);
    row->digest = nb_wire_digest(&out->digests[i]);
    out->list[i] = row;
    out->count++;
    return status;
}

static void set_headline(Nightbus__OutputRow *row, const nb_report *report)
{
    row->has_integrated_lufs = isfinite(report->integrated_lufs) != 0;
    row->integrated_lufs = row->has_integrated_lufs ? report->integrated_lufs : 0.0;
    row->has_true_peak_dbtp = isfinite(report->true_peak_dbtp) != 0;
    row->true_peak_dbtp = row->has_true_peak_dbtp ? report->true_peak_dbtp : 0.0;
    row->has_duration_s = true;
    row->duration_s = report->duration_s;
}

/// What was measured is itself the version's audio: the bytes that were pushed, untouched.
static nb_status add_measured(task *self, file_rows *out, nb_error *err)
{
    nb_status status = file_rows_init(out, self->print->file_count + 1, err);
    for (size_t i = 0; status == NB_OK && i < self->print->file_count; i++) {
        const nb_plan_file *file = nb_measure_file(&self->plan, self->print, i);
        if (!file || !nb_print_output_name(self->print, i, out->names[i], sizeof out->names[i])) {
            return nb_fail(err, NB_E_INVALID, "%s: no name for this file",
                           self->print->files[i].path);
        }
        Nightbus__OutputRow *row = &out->rows[i];
        nightbus__output_row__init(row);
        out->digests[i] = file->digest;
        row->name = out->names[i];
        row->digest = nb_wire_digest(&out->digests[i]);
        row->size = file->size;
        out->list[out->count++] = row;
    }
    if (status != NB_OK) {
        return status;
    }
    nb_output_report_name("mix", out->names[out->count]);
    status = add_file(self, out, &(product){.text = self->report_text}, err);
    set_headline(out->list[out->count - 1], &self->report);
    return status;
}

static nb_status add_files(task *self, file_rows *out, nb_error *err)
{
    if (self->print) {
        return add_measured(self, out, err);
    }
    nb_status status = file_rows_init(out, 2 * self->made.count + self->made.freeze_count, err);
    for (size_t i = 0; status == NB_OK && i < self->made.count; i++) {
        const nb_made_output *made = &self->made.list[i];
        nb_output_wav_name(made->planned->name, out->names[out->count]);
        status =
            add_file(self, out, &(product){.path = made->wav_path, .growth = &made->growth}, err);
        set_headline(out->list[out->count - 1], &made->report);
        if (status == NB_OK && made->report_text) {
            nb_output_report_name(made->planned->name, out->names[out->count]);
            status = add_file(self, out, &(product){.text = made->report_text}, err);
        }
    }
    return status;
}

/// What TaskFinish says of speeds, as pointers into itself.
typedef struct speed_rows {
    Nightbus__SpeedRow rows[NB_SPEEDS_MAX];
    Nightbus__SpeedRow *list[NB_SPEEDS_MAX];
    char names[NB_SPEEDS_MAX][NB_SPEED_NAME_SIZE];
} speed_rows;

static void fill_speeds(const nb_made *made, speed_rows *out)
{
    for (size_t i = 0; i < made->speed_count; i++) {
        nightbus__speed_row__init(&out->rows[i]);
        snprintf(out->names[i], sizeof out->names[i], "%s", made->speeds[i].processor);
        out->rows[i].processor = out->names[i];
        out->rows[i].ns = made->speeds[i].ns;
        out->list[i] = &out->rows[i];
    }
}

/// How many edges are to be kept; those that the disk had no room for are named.
static size_t count_freezes(task *self)
{
    size_t count = 0;
    for (size_t i = 0; i < self->made.freeze_count; i++) {
        const nb_made_freeze *made = &self->made.freezes[i];
        if (nb_file_exists(made->path)) {
            count++;
        } else {
            nb_heartbeat_say(self->worker->heartbeat,
                             "%s: this edge is not kept: no room for it on this renderer's disk",
                             self->graph->nodes[made->node].name);
        }
    }
    return count;
}

/// The outcome; `files` and `speeds` are borrowed.
static Nightbus__TaskFinish finish_of(task *self, const file_rows *files, speed_rows *speeds)
{
    const nb_report *first = self->print ? &self->report : &self->made.list[0].report;
    Nightbus__OutputRow headline = NIGHTBUS__OUTPUT_ROW__INIT;
    set_headline(&headline, first);
    fill_speeds(&self->made, speeds);
    Nightbus__TaskFinish body = NIGHTBUS__TASK_FINISH__INIT;
    body.task = self->order.task;
    body.attempt = self->order.attempt;
    body.epoch = epoch_of(self);
    body.mix_key = nb_wire_digest(&self->plan.mix_key);
    body.n_outputs = files->count;
    body.outputs = files->list;
    body.has_integrated_lufs = headline.has_integrated_lufs;
    body.integrated_lufs = headline.integrated_lufs;
    body.has_true_peak_dbtp = headline.has_true_peak_dbtp;
    body.true_peak_dbtp = headline.true_peak_dbtp;
    body.duration_s = first->duration_s;
    body.rate_hz = first->sample_rate_hz;
    body.n_speeds = self->made.speed_count;
    body.speeds = speeds->list;
    body.has_freezes_follow = body.freezes_follow = count_freezes(self) > 0;
    return body;
}

/// Publish one kept edge, if that goes at once, and add its row.
static nb_status add_freeze(task *self, file_rows *out, const nb_made_freeze *made, nb_error *err)
{
    nb_worker *worker = self->worker;
    Nightbus__OutputRow *row = &out->rows[out->count];
    nb_digest *digest = &out->digests[out->count];
    nb_freeze_name(&made->key, out->names[out->count]);
    const product what = {.path = made->path, .growth = &(const nb_audio_growth){0}};
    nightbus__output_row__init(row);
    const nb_status status = worker->store ? put(worker->store, &what, digest, &row->size, err)
                                           : upload(self, &what, digest, &row->size, err);
    row->name = out->names[out->count];
    row->digest = nb_wire_digest(digest);
    out->list[out->count] = row;
    out->count += (status == NB_OK);
    return status;
}

static nb_status add_freezes(task *self, file_rows *out, nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < self->made.freeze_count; i++) {
        const nb_made_freeze *made = &self->made.freezes[i];
        if (*self->cancelled) {
            return nb_fail(err, NB_E_CANCELLED, "stopped");
        }
        status = nb_file_exists(made->path) ? add_freeze(self, out, made, err) : NB_OK;
        if (status == NB_E_NO_SPACE) { // a smaller one may fit
            log_about(self, NB_LOG_INFO, "an edge is not kept", err);
            status = NB_OK;
        }
    }
    return status;
}

/// Nobody waits for the edges that are kept for later renders: they come when the result is there,
/// and what goes wrong with them costs nothing else.
static void send_freezes(task *self, file_rows *files, Nightbus__TaskFinish *body)
{
    nb_error err = {0};
    nb_status status = add_freezes(self, files, &err);
    body->n_outputs = files->count;
    body->has_freezes_follow = body->freezes_follow = false;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_TASK_FINISH;
    request.task_finish = body;
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    if (status == NB_OK) {
        status = connect_if_needed(self, &err);
    }
    if (status == NB_OK) {
        status = nb_client_call(self->worker->client, &request, 0, &reply, &err);
    }
    if (status != NB_OK) {
        log_about(self, NB_LOG_INFO, "its edges are not kept", &err);
    }
}

static nb_status finish(task *self, nb_error *err)
{
    NB_SCOPED(file_rows_fini) file_rows files = {0};
    const int64_t start_ms = nb_clock_ms();
    nb_status status = add_files(self, &files, err);
    if (status != NB_OK) {
        return status;
    }
    nb_heartbeat_say(self->worker->heartbeat, "%zu files in the store after %.2f s", files.count,
                     (double)(nb_clock_ms() - start_ms) / 1000.0);
    speed_rows speeds;
    Nightbus__TaskFinish body = finish_of(self, &files, &speeds);
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_TASK_FINISH;
    request.task_finish = &body;
    nb_heartbeat_flush(self->worker->heartbeat, FLUSH_MS);
    status = send_outcome(self, &request, err);
    if (status == NB_OK && body.freezes_follow) {
        nb_heartbeat_heard(self->worker->heartbeat);
        send_freezes(self, &files, &body);
    }
    return status;
}

static void fail(task *self, nb_status status, const nb_error *why)
{
    char text[sizeof why->text];
    memcpy(text, why->text, sizeof text);
    Nightbus__TaskFail body = NIGHTBUS__TASK_FAIL__INIT;
    body.task = self->order.task;
    body.attempt = self->order.attempt;
    body.epoch = epoch_of(self);
    body.status = (uint32_t)status;
    body.text = text;
    body.has_fault_of_input = true;
    body.fault_of_input = self->fault_of_input;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_TASK_FAIL;
    request.task_fail = &body;
    nb_error err = {0};
    nb_heartbeat_flush(self->worker->heartbeat, FLUSH_MS);
    if (send_outcome(self, &request, &err) != NB_OK) {
        nb_log_about(NB_LOG_WARN,
                     &(nb_log_subject){.task = self->order.task,
                                       .attempt = self->order.attempt,
                                       .node = self->worker->identity->name},
                     "%s: its failure was not heard: %s", self->order.label, err.text);
    }
}

static bool is_lost(const task *self, const char *path, const nb_digest *digest, uint64_t size)
{
    NB_SCOPED(nb_text_free) char *cached = NULL;
    return nb_cache_path(self->worker->cache, digest, &cached, NULL) == NB_OK &&
           strcmp(cached, path) == 0 && !nb_cache_has(self->worker->cache, digest, size);
}

/// Did our own cache lose or damage a file after it was here? That says nothing about the task.
static bool has_lost_files(const task *self)
{
    bool lost = false;
    for (size_t i = 0; i < self->path_count && !lost; i++) {
        lost = is_lost(self, self->paths[i], &self->plan.files[i].digest, self->plan.files[i].size);
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
static void give_back(task *self)
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
    fail(self, status, &why);
}

nb_status nb_task_run(nb_worker *worker, const nb_order *order)
{
    NB_SCOPED(task_fini)
    task self = {
        .worker = worker,
        .order = *order,
        .cancelled = nb_heartbeat_cancelled(worker->heartbeat),
        .start_wall_ms = nb_clock_wall_ms(),
    };
    static nb_status (*const steps[])(task *, nb_error *) = {get_plan, get_document, get_files,
                                                             make, finish};
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
        fail(&self, status, &err);
    }
    return *self.cancelled ? NB_E_CANCELLED : status;
}
