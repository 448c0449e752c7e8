// SPDX-License-Identifier: GPL-3.0-or-later
// How an attempt ends: files to where the coordinator finds them, then the word to it, then the
// edges that are kept.
#include "renderer/node/task_private.h"

#include "base/clock.h"
#include "base/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROOM_PAUSE_MS = 1000,
    FLUSH_MS = 1000, ///< For the last log lines, before the outcome
};

/// The coordinator's disk is full: what was made is held until there is room, as long as the lease
/// is renewed.
static bool wait_for_room(const nb_task_state *self, nb_status status, const nb_error *err)
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
    bool is_short_cut; ///< Worth no waiting: where there is no room it is left out
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

static nb_status upload(nb_task_state *self, const product *what, nb_digest *out_digest,
                        uint64_t *out_size, nb_error *err)
{
    nb_status status = nb_task_connect(self, err);
    if (status != NB_OK) {
        return status;
    }
    if (!what->growth) {
        *out_size = strlen(what->text);
        return nb_client_upload_bytes(self->worker->client, nb_task_scope(self), what->text,
                                      *out_size, out_digest, err);
    }
    if (what->growth->is_whole) {
        *out_digest = what->growth->digest;
        *out_size = what->growth->size;
    } else {
        status = nb_digest_of_file(what->path, out_digest, out_size, err);
    }
    return (status == NB_OK) ? nb_client_upload(self->worker->client, nb_task_scope(self),
                                                what->path, out_digest, *out_size, NULL, NULL, err)
                             : status;
}

/// Has the stream brought it there? Either way it ends, and the client is ours again.
static bool is_streamed(nb_task_state *self, const product *what, nb_digest *out_digest,
                        uint64_t *out_size)
{
    if (!self->stream || !what->growth) {
        return false;
    }
    nb_error err = {0};
    const nb_status status = nb_stream_wait(self->stream, &err);
    nb_stream_destroy(&self->stream);
    if (status != NB_OK) {
        nb_task_log(self, NB_LOG_INFO, "the mix is sent again, whole", &err);
        return false;
    }
    *out_digest = what->growth->digest;
    *out_size = what->growth->size;
    return true;
}

/// Put it where the coordinator finds it. The first product is the one that is streamed.
static nb_status publish(nb_task_state *self, const product *what, nb_digest *out_digest,
                         uint64_t *out_size, nb_error *err)
{
    nb_worker *worker = self->worker;
    nb_status status = NB_OK;
    if (is_streamed(self, what, out_digest, out_size)) {
        return NB_OK;
    }
    if (worker->store) {
        do {
            status = put(worker->store, what, out_digest, out_size, err);
        } while (!what->is_short_cut && wait_for_room(self, status, err));
        if (status != NB_E_PERMISSION) {
            return status;
        }
        nb_log_warn("%s; uploading instead", err->text);
    }
    do {
        status = upload(self, what, out_digest, out_size, err);
    } while (status != NB_OK && ((!what->is_short_cut && wait_for_room(self, status, err)) ||
                                 nb_task_try_again(self, status, err)));
    return status;
}

/// Send the outcome until it is acknowledged, or nobody wants it any more.
static nb_status send_outcome(nb_task_state *self, Nightbus__Request *request, nb_error *err)
{
    nb_heartbeat_reporting(self->worker->heartbeat);
    for (;;) {
        nb_status status = nb_task_connect(self, err);
        if (status == NB_OK) {
            NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
            status = nb_client_call(self->worker->client, request, 0, &reply, err);
        }
        if (status == NB_OK ||
            (!wait_for_room(self, status, err) && !nb_task_try_again(self, status, err))) {
            return status;
        }
    }
}

static ProtobufCBinaryData epoch_of(nb_task_state *self)
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
static nb_status add_file(nb_task_state *self, file_rows *out, const product *what, nb_error *err)
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
static nb_status add_measured(nb_task_state *self, file_rows *out, nb_error *err)
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

/// Is it edges that the task is for?
static bool makes_edges(const nb_task_state *self) { return self->plan.kind == NB_PLAN_FREEZE; }

/// Publish one kept edge and add its row. Beside a mix, only if that goes at once.
static nb_status add_freeze(nb_task_state *self, file_rows *out, const nb_made_freeze *made,
                            nb_error *err)
{
    nb_worker *worker = self->worker;
    Nightbus__OutputRow *row = &out->rows[out->count];
    nb_digest *digest = &out->digests[out->count];
    nb_freeze_name(&made->key, out->names[out->count]);
    const product what = {
        .path = made->path, .growth = &(const nb_audio_growth){0}, .is_short_cut = true};
    nightbus__output_row__init(row);
    const nb_status status = makes_edges(self) ? publish(self, &what, digest, &row->size, err)
                             : worker->store   ? put(worker->store, &what, digest, &row->size, err)
                                               : upload(self, &what, digest, &row->size, err);
    row->name = out->names[out->count];
    row->digest = nb_wire_digest(digest);
    out->list[out->count] = row;
    out->count += (status == NB_OK);
    return status;
}

static nb_status add_freezes(nb_task_state *self, file_rows *out, nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < self->made.freeze_count; i++) {
        const nb_made_freeze *made = &self->made.freezes[i];
        if (*self->cancelled) {
            return nb_fail(err, NB_E_CANCELLED, "stopped");
        }
        status = nb_file_exists(made->path) ? add_freeze(self, out, made, err) : NB_OK;
        if (status == NB_E_NO_SPACE) { // a smaller one may fit
            nb_task_log(self, NB_LOG_INFO, "an edge is not kept", err);
            status = NB_OK;
        }
    }
    return status;
}

static nb_status add_files(nb_task_state *self, file_rows *out, nb_error *err)
{
    if (self->print) {
        return add_measured(self, out, err);
    }
    nb_status status = file_rows_init(out, 2 * self->made.count + self->made.freeze_count + 1, err);
    if (status == NB_OK && makes_edges(self)) {
        return add_freezes(self, out, err);
    }
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
static size_t count_freezes(nb_task_state *self)
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
static Nightbus__TaskFinish finish_of(nb_task_state *self, const file_rows *files,
                                      speed_rows *speeds)
{
    // Edges have no report: nobody hears one.
    const nb_report edges = {
        .integrated_lufs = -INFINITY,
        .true_peak_dbtp = -INFINITY,
        .duration_s = self->graph ? (double)self->made.frames / self->graph->rate_hz : 0.0,
        .sample_rate_hz = self->graph ? self->graph->rate_hz : 0};
    const nb_report *first = self->print              ? &self->report
                             : (self->made.count > 0) ? &self->made.list[0].report
                                                      : &edges;
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
    body.has_freezes_follow = body.freezes_follow = count_freezes(self) > 0 && !makes_edges(self);
    return body;
}

/// Nobody waits for the edges that are kept for later renders: they come when the result is there,
/// and what goes wrong with them costs nothing else.
static void send_freezes(nb_task_state *self, file_rows *files, Nightbus__TaskFinish *body)
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
        status = nb_task_connect(self, &err);
    }
    if (status == NB_OK) {
        status = nb_client_call(self->worker->client, &request, 0, &reply, &err);
    }
    if (status != NB_OK) {
        nb_task_log(self, NB_LOG_INFO, "its edges are not kept", &err);
    }
}

nb_status nb_task_finish(nb_task_state *self, nb_error *err)
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

void nb_task_fail(nb_task_state *self, nb_status status, const nb_error *why)
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
