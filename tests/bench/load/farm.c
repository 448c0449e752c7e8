// SPDX-License-Identifier: GPL-3.0-or-later
/// @file farm.c  How much a coordinator carries: hundreds of renderers without an engine, 100,000
/// tasks, a kill in between.
///
///     bench_farm [--nodes N] [--tasks N] [--rate PER_SECOND] [--data DIR] [--json FILE]
///
/// The nodes take work at a given rate (answers are timed then), and after that as fast as it goes.
/// docs/performance.md has the figures and what they mean.

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "coordinator_process.h"
#include "desk.h"
#include "nodes.h"
#include "seed.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { NODES_MAX = 1000, TASKS_MAX = 1000000, WAIT_S = 60 };

typedef struct choices {
    unsigned nodes, tasks, rate;
    const char *data; ///< Where the folder is made
    const char *json;
} choices;

typedef struct measured {
    double seed_s, empty_ready_s, full_ready_s, killed_ready_s, renewed_s;
    nb_load fill, renew, paced, flat_out, drain;
    nb_usage usage;
    double paced_cpu_s, flat_out_cpu_s;
    uint64_t done, attempts;
} measured;

typedef struct bench {
    const choices *chosen;
    char folder[1024];
    nb_key_pair *pairs;
    nb_coordinator_process coordinator;
    nb_nodes *nodes;
    measured found;
} bench;

// ---- Steps ----

static nb_status prepare(bench *self, nb_error *err)
{
    measured *found = &self->found;
    const int64_t start_ms = nb_clock_ms();
    nb_status status = nb_seed_keys(self->folder, self->pairs, self->chosen->nodes, err);
    if (status == NB_OK) {
        status = nb_coordinator_process_start(self->folder, &self->coordinator, err);
    }
    if (status == NB_OK) {
        found->empty_ready_s = self->coordinator.ready_s;
        NB_SCOPED(nb_client_destroy) nb_client *client = NULL;
        status = nb_desk_open(&self->coordinator, self->folder, &self->pairs[self->chosen->nodes],
                              &client, err);
    }
    nb_coordinator_process_end(&self->coordinator);
    if (status == NB_OK) {
        status = nb_seed_tasks(self->folder, self->chosen->tasks, err);
    }
    found->seed_s = (double)(nb_clock_ms() - start_ms) / 1000.0;
    return status;
}

static nb_status connect_all(bench *self, nb_error *err)
{
    const nb_status status = nb_coordinator_process_start(self->folder, &self->coordinator, err);
    return status == NB_OK ? nb_nodes_connect(self->nodes, self->coordinator.control,
                                              &self->coordinator.server, err)
                           : status;
}

// All nodes at work, then a crash: what they work on must stay theirs.
static nb_status crash(bench *self, nb_error *err)
{
    measured *found = &self->found;
    nb_status status = connect_all(self, err);
    found->full_ready_s = self->coordinator.ready_s;
    if (status == NB_OK) {
        status = nb_nodes_fill(self->nodes, WAIT_S, &found->fill, err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_coordinator_process_kill(&self->coordinator);
    const int64_t start_ms = nb_clock_ms();
    status = connect_all(self, err);
    found->killed_ready_s = self->coordinator.ready_s;
    if (status == NB_OK) {
        status = nb_nodes_renew(self->nodes, WAIT_S, &found->renew, err);
    }
    found->renewed_s = (double)(nb_clock_ms() - start_ms) / 1000.0;
    return status;
}

static nb_status work(bench *self, nb_error *err)
{
    measured *found = &self->found;
    const uint64_t left = self->chosen->tasks - found->fill.assigned;
    const double cpu_s = nb_coordinator_process_usage(&self->coordinator).cpu_s;
    nb_status status =
        nb_nodes_work(self->nodes, left * 6 / 10, self->chosen->rate, &found->paced, err);
    const double paced_cpu_s = nb_coordinator_process_usage(&self->coordinator).cpu_s;
    if (status == NB_OK) {
        status = nb_nodes_work(self->nodes, left - found->paced.assigned, 0, &found->flat_out, err);
    }
    if (status == NB_OK) {
        status = nb_nodes_drain(self->nodes, WAIT_S, &found->drain, err);
    }
    found->usage = nb_coordinator_process_usage(&self->coordinator);
    found->paced_cpu_s = paced_cpu_s - cpu_s;
    found->flat_out_cpu_s = found->usage.cpu_s - paced_cpu_s;
    return status;
}

// Nothing lost, nothing twice: each task done, by one attempt.
static nb_status check(bench *self, nb_error *err)
{
    measured *found = &self->found;
    nb_status status = nb_seed_count(self->folder, &found->done, &found->attempts, err);
    if (status == NB_OK &&
        (found->done != self->chosen->tasks || found->attempts != self->chosen->tasks)) {
        status = nb_fail(err, NB_E_CORRUPT,
                         "of %u tasks %" PRIu64 " were done by one attempt; there were %" PRIu64
                         " attempts",
                         self->chosen->tasks, found->done, found->attempts);
    }
    if (status == NB_OK && found->renew.dropped > 0) {
        status = nb_fail(err, NB_E_CORRUPT, "%" PRIu64 " nodes lost their task in the restart",
                         found->renew.dropped);
    }
    return status;
}

static nb_status run(bench *self, nb_error *err)
{
    nb_status status = prepare(self, err);
    if (status == NB_OK) {
        status = nb_nodes_new(self->pairs, self->chosen->nodes, &self->nodes, err);
    }
    if (status == NB_OK) {
        status = crash(self, err);
    }
    if (status == NB_OK) {
        status = work(self, err);
    }
    nb_nodes_destroy(&self->nodes);
    nb_coordinator_process_end(&self->coordinator);
    return status == NB_OK ? check(self, err) : status;
}

// ---- What is shown ----

static double rate_of(const nb_load *load)
{
    return load->seconds > 0 ? (double)load->assigned / load->seconds : 0.0;
}

static void print(const choices *chosen, measured *found)
{
    static const char *const names[] = {"assignment", "heartbeat", "result"};
    printf("%u nodes, %u tasks, over CURVE; one ledger on disk\n\n", chosen->nodes, chosen->tasks);
    printf("| what | figure |\n|---|--:|\n");
    printf("| assignments a second, %u asked for | %.0f |\n", chosen->rate, rate_of(&found->paced));
    printf("| assignments a second, as fast as it goes | %.0f |\n", rate_of(&found->flat_out));
    for (size_t i = 0; i < NB_TIMED_COUNT; i++) {
        nb_times *times = &found->paced.times[i];
        printf("| answer to %s, median / p99 / longest | %.1f / %.1f / %.1f ms |\n", names[i],
               nb_times_ms(times, 0.5), nb_times_ms(times, 0.99), nb_times_ms(times, 1.0));
    }
    printf("| coordinator's memory, at most | %.0f MB |\n",
           (double)found->usage.rss_most_kib / 1024);
    printf("| its CPU, of one core, at that rate | %.0f %% |\n",
           100.0 * found->paced_cpu_s / found->paced.seconds);
    printf("| restart with %u open tasks, until it answers | %.2f s |\n", chosen->tasks,
           found->killed_ready_s);
    printf("| ... until all %u running renders are renewed | %.2f s |\n", chosen->nodes,
           found->renewed_s);
    printf("| renders kept over the kill | %" PRIu64 " of %u |\n", found->renew.kept,
           chosen->nodes);
    printf("| tasks done by exactly one attempt | %" PRIu64 " of %u |\n", found->done,
           chosen->tasks);
}

static json_t *times_json(nb_times *times)
{
    return json_pack("{s:f, s:f, s:f, s:I}", "median_ms", nb_times_ms(times, 0.5), "p99_ms",
                     nb_times_ms(times, 0.99), "longest_ms", nb_times_ms(times, 1.0), "count",
                     (json_int_t)times->count);
}

static nb_status write_json(const choices *chosen, measured *found, nb_error *err)
{
    NB_SCOPED(nb_json_free)
    json_t *json = json_pack(
        "{s:i, s:i, s:i, s:f, s:f, s:o, s:o, s:o, s:I, s:f, s:f, s:f, s:f, s:I, s:I}", "nodes",
        (int)chosen->nodes, "tasks", (int)chosen->tasks, "rate", (int)chosen->rate,
        "assignments_per_s", rate_of(&found->paced), "assignments_per_s_most",
        rate_of(&found->flat_out), "assignment", times_json(&found->paced.times[NB_TIMED_ASSIGN]),
        "heartbeat", times_json(&found->paced.times[NB_TIMED_HEARTBEAT]), "result",
        times_json(&found->paced.times[NB_TIMED_FINISH]), "memory_kib",
        (json_int_t)found->usage.rss_most_kib, "cpu_s_paced", found->paced_cpu_s, "cpu_s_flat_out",
        found->flat_out_cpu_s, "restart_s", found->killed_ready_s, "renewed_s", found->renewed_s,
        "kept", (json_int_t)found->renew.kept, "done", (json_int_t)found->done);
    return json ? nb_json_write(chosen->json, json, err)
                : nb_fail(err, NB_E_NO_MEMORY, "no memory");
}

// ---- The command ----

static bool read_number(const char *text, unsigned most, unsigned *out)
{
    char *end = NULL;
    const unsigned long value = strtoul(text, &end, 10);
    *out = (unsigned)value;
    return *end == '\0' && end != text && value > 0 && value <= most;
}

static bool read_choices(int argc, char **argv, choices *out)
{
    static const struct option options[] = {
        {"nodes", required_argument, NULL, 'n'}, {"tasks", required_argument, NULL, 't'},
        {"rate", required_argument, NULL, 'r'},  {"data", required_argument, NULL, 'd'},
        {"json", required_argument, NULL, 'j'},  {NULL, 0, NULL, 0},
    };
    bool good = true;
    for (int letter; good && (letter = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (letter) {
        case 'n':
            good = read_number(optarg, NODES_MAX, &out->nodes);
            break;
        case 't':
            good = read_number(optarg, TASKS_MAX, &out->tasks);
            break;
        case 'r':
            good = read_number(optarg, 1000000, &out->rate);
            break;
        case 'd':
            out->data = optarg;
            break;
        case 'j':
            out->json = optarg;
            break;
        default:
            good = false;
        }
    }
    return good && optind == argc && out->tasks >= 4 * out->nodes;
}

// Two descriptors a socket, and the same again while closed ones are reaped.
static void allow_files(unsigned nodes)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        const rlim_t wanted = 8 * (rlim_t)nodes + 256;
        limit.rlim_cur = (wanted < limit.rlim_max) ? wanted : limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    const char *temporary = getenv("TMPDIR");
    choices chosen = {500, 100000, 1000, temporary ? temporary : "/tmp", NULL};
    nb_error err = {0};
    bench self = {.chosen = &chosen};
    if (!read_choices(argc, argv, &chosen)) {
        fprintf(stderr, "usage: bench_farm [--nodes N] [--tasks N] [--rate PER_SECOND]\n"
                        "                  [--data DIR] [--json FILE]\n"
                        "at most 1000 nodes, and at least 4 tasks for each\n");
        return 2;
    }
    allow_files(chosen.nodes);
    snprintf(self.folder, sizeof self.folder, "%s/nightbus-load.XXXXXX", chosen.data);
    self.pairs = calloc(chosen.nodes + 1, sizeof *self.pairs);
    nb_status status = (self.pairs && mkdtemp(self.folder))
                           ? run(&self, &err)
                           : nb_fail_errno(&err, errno, "%s", self.folder);
    if (status == NB_OK) {
        print(&chosen, &self.found);
        status = chosen.json ? write_json(&chosen, &self.found, &err) : NB_OK;
    }
    if (status != NB_OK) {
        fprintf(stderr, "bench_farm: %s\n", err.text);
    }
    nb_nodes_destroy(&self.nodes);
    nb_coordinator_process_kill(&self.coordinator);
    if (status == NB_OK || !getenv("NIGHTBUS_KEEP")) {
        nb_error problem = {0};
        if (nb_file_remove_all(self.folder, &problem) != NB_OK) {
            fprintf(stderr, "bench_farm: %s\n", problem.text);
        }
    }
    free(self.pairs);
    nb_load *loads[] = {&self.found.fill, &self.found.renew, &self.found.paced,
                        &self.found.flat_out, &self.found.drain};
    for (size_t i = 0; i < NB_COUNT(loads); i++) {
        nb_load_fini(loads[i]);
    }
    return status == NB_OK ? 0 : 1;
}
