// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/metrics.h"

#include "base/clock.h"
#include "base/file.h"
#include "coordinator/coordinator_private.h"
#include "coordinator/incident_ledger.h"
#include "coordinator/metrics_text.h"
#include "coordinator/wish_ledger.h"

#include <math.h>
#include <string.h>
#include <sys/statvfs.h>

static void add_one(nb_text *out, const char *name, nb_metric_type type, const char *help,
                    double value)
{
    nb_metric_begin(out, name, type, help);
    nb_metric_add(out, name, NULL, NULL, NULL, NULL, value);
}

// ---- Work ----

static void add_tasks(const nb_coordinator *self, nb_text *out)
{
    static const char tasks[] = "nightbus_tasks";
    size_t held = 0;
    const size_t waiting = nb_scheduler_waiting_count(self->scheduler);
    nb_scheduler_count_held(self->scheduler, &held);
    nb_metric_begin(out, tasks, NB_METRIC_GAUGE,
                    "Open tasks: waiting for a renderer, held back (paused or outside their "
                    "hours), being rendered.");
    nb_metric_add(out, tasks, "state", "waiting", NULL, NULL, (double)(waiting - held));
    nb_metric_add(out, tasks, "state", "held", NULL, NULL, (double)held);
    nb_metric_add(out, tasks, "state", "running", NULL, NULL,
                  (double)nb_scheduler_running_count(self->scheduler));
}

static void add_attempts(const nb_coordinator *self, nb_text *out)
{
    static const char ended[] = "nightbus_attempts_ended_total";
    const nb_metrics *metrics = &self->metrics;
    add_one(out, "nightbus_attempts_begun_total", NB_METRIC_COUNTER, "Attempts given to renderers.",
            (double)metrics->attempts_begun);
    add_one(out, "nightbus_second_attempts_total", NB_METRIC_COUNTER,
            "Attempts given out beside a straggler.", (double)metrics->second_attempts);
    nb_metric_begin(out, ended, NB_METRIC_COUNTER, "Attempts by how they ended.");
    for (int state = NB_ATTEMPT_EXPIRED; state < NB_ATTEMPT_STATES; state++) {
        nb_metric_add(out, ended, "end", nb_attempt_state_name((nb_attempt_state)state), NULL, NULL,
                      (double)metrics->attempts_ended[state]);
    }
    add_one(out, "nightbus_tasks_failed_total", NB_METRIC_COUNTER,
            "Tasks that were given up after all their attempts.", (double)metrics->tasks_failed);
    add_one(out, "nightbus_render_seconds_total", NB_METRIC_COUNTER,
            "Seconds from giving a task out to its result, over all renderers.", metrics->render_s);
    add_one(out, "nightbus_rendered_audio_seconds_total", NB_METRIC_COUNTER,
            "Seconds of songs that were rendered.", metrics->audio_s);
}

static nb_status add_jobs(nb_coordinator *self, nb_text *out, nb_error *err)
{
    static const char jobs[] = "nightbus_jobs";
    uint64_t counts[NB_JOB_CANCELLED + 1] = {0};
    uint64_t incidents = 0;
    nb_status status = nb_ledger_count_jobs(self->ledger, counts, NB_COUNT(counts), err);
    if (status == NB_OK) {
        status = nb_ledger_count_open_incidents(self->ledger, &incidents, err);
    }
    nb_metric_begin(out, jobs, NB_METRIC_GAUGE, "Jobs in the ledger by state.");
    for (size_t i = 0; i < NB_COUNT(counts); i++) {
        nb_metric_add(out, jobs, "state", i == NB_JOB_OPEN ? "open" : nb_job_state_name(i), NULL,
                      NULL, (double)counts[i]);
    }
    add_one(out, "nightbus_incidents", NB_METRIC_GAUGE,
            "Open ones: results of one key with different bytes. Anything but 0 needs a person.",
            (double)incidents);
    return status;
}

// ---- Nodes ----

static void add_nodes(const nb_coordinator *self, nb_text *out)
{
    static const char nodes[] = "nightbus_nodes";
    static const char attempts[] = "nightbus_node_attempts_total";
    size_t counts[NB_RENDERER_BUSY + 1] = {0};
    size_t held = 0;
    for (uint32_t i = 1; i <= self->node_count; i++) {
        const nb_renderer *renderer = nb_scheduler_renderer(self->scheduler, i);
        counts[renderer->state]++;
        held += (renderer->state != NB_RENDERER_LOST && renderer->holds != 0) ? 1 : 0;
    }
    nb_metric_begin(out, nodes, NB_METRIC_GAUGE, "Renderers by state.");
    for (int state = NB_RENDERER_LOST; state <= NB_RENDERER_BUSY; state++) {
        nb_metric_add(out, nodes, "state", nb_renderer_state_name((nb_renderer_state)state), NULL,
                      NULL, (double)counts[state]);
    }
    add_one(out, "nightbus_nodes_held", NB_METRIC_GAUGE,
            "Connected renderers that get no work: drained, set aside, outside their hours.",
            (double)held);
    nb_metric_begin(out, attempts, NB_METRIC_COUNTER,
                    "Attempts of each renderer by how they ended.");
    for (uint32_t i = 1; i <= self->node_count; i++) {
        const nb_renderer *renderer = nb_scheduler_renderer(self->scheduler, i);
        const char *name = nb_coordinator_node_at(self, i)->name;
        nb_metric_add(out, attempts, "node", name, "end", "done", renderer->done);
        nb_metric_add(out, attempts, "node", name, "end", "failed", renderer->failed);
    }
}

// ---- The coordinator ----

static void add_store(const nb_coordinator *self, nb_text *out)
{
    struct statvfs disk;
    if (statvfs(self->store_path, &disk) == 0) {
        add_one(out, "nightbus_store_free_bytes", NB_METRIC_GAUGE,
                "Free space of the store's file system.",
                (double)disk.f_bavail * (double)disk.f_frsize);
        add_one(out, "nightbus_store_size_bytes", NB_METRIC_GAUGE,
                "Size of the store's file system.", (double)disk.f_blocks * (double)disk.f_frsize);
    }
}

static void add_self(nb_coordinator *self, nb_text *out)
{
    nb_metrics *metrics = &self->metrics;
    nb_metric_begin(out, "nightbus_build_info", NB_METRIC_GAUGE, "Always 1; the label says which.");
    nb_metric_add(out, "nightbus_build_info", "version", NB_VERSION, NULL, NULL, 1);
    add_one(out, "nightbus_start_time_seconds", NB_METRIC_GAUGE,
            "When this coordinator started, since 1970.",
            floor((double)metrics->start_wall_ms / 1000.0));
    add_one(out, "nightbus_requests_total", NB_METRIC_COUNTER, "Requests heard.",
            (double)metrics->requests);
    add_one(out, "nightbus_refusals_total", NB_METRIC_COUNTER,
            "Requests that were answered with a failure.", (double)metrics->refusals);
    add_one(out, "nightbus_ledger_commits_total", NB_METRIC_COUNTER,
            "Commits of the ledger, each with an fsync.", (double)nb_ledger_commits(self->ledger));
    add_one(out, "nightbus_received_bytes_total", NB_METRIC_COUNTER,
            "Bytes of blobs that came in over the wire.",
            (double)atomic_load(&metrics->received_bytes));
    add_one(out, "nightbus_output_bytes_total", NB_METRIC_COUNTER, "Bytes of rendered files.",
            (double)metrics->output_bytes);
    add_one(out, "nightbus_sessions", NB_METRIC_GAUGE, "Connections that said Hello.",
            (double)self->session_count);
    add_one(out, "nightbus_held_answers", NB_METRIC_GAUGE,
            "Answers held back until there is work or news.", (double)self->waiter_count);
    add_one(out, "nightbus_mass_loss", NB_METRIC_GAUGE,
            "1 while leases are kept from expiring, since many renderers vanished at once.",
            nb_scheduler_is_mass_loss(self->scheduler, nb_clock_ms()) ? 1 : 0);
}

nb_status nb_metrics_format(nb_coordinator *self, nb_text *out, nb_error *err)
{
    add_self(self, out);
    add_tasks(self, out);
    add_attempts(self, out);
    add_nodes(self, out);
    add_store(self, out);
    const nb_status status = add_jobs(self, out, err);
    if (status == NB_OK && out->failed) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the metrics");
    }
    return status;
}

nb_status nb_coordinator_write_metrics(nb_coordinator *self, const char *path, nb_error *err)
{
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    const nb_status status = nb_metrics_format(self, &text, err);
    return (status == NB_OK) ? nb_file_write(path, text.chars, text.length, 0644, err) : status;
}

nb_status nb_handle_metrics_get(nb_coordinator *self, const nb_caller *caller,
                                const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    (void)caller;
    (void)request;
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    const nb_status status = nb_metrics_format(self, &text, err);
    if (status != NB_OK) {
        return status;
    }
    if (text.length > NB_METRICS_MAX) {
        return nb_fail(err, NB_E_LIMIT,
                       "the metrics have %zu bytes, more than %d: read them with --metrics-file",
                       text.length, NB_METRICS_MAX);
    }
    Nightbus__MetricsText *out = nb_answer_take(answer, 1, sizeof *out);
    if (!out) {
        return nb_answer_no_memory(err);
    }
    nightbus__metrics_text__init(out);
    out->text = nb_answer_string(answer, text.chars);
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_METRICS_TEXT;
    answer->reply.metrics_text = out;
    return out->text ? NB_OK : nb_answer_no_memory(err);
}
