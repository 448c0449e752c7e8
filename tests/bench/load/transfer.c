// SPDX-License-Identifier: GPL-3.0-or-later
/// @file transfer.c  How fast blobs move: against bare ZeroMQ on loopback, or over a link.
///
///     bench_transfer [--size MIB] [--runs N] [--data DIR] [--json FILE]
///     bench_transfer --prepare DIR                            keys for a coordinator on DIR
///     bench_transfer --at ADDRESS --server KEY --data DIR     up and down, once, over a link
///
/// DIR should lie in memory (/dev/shm): it is the line that is measured, and what hashing and
/// writing add. While blobs move, another connection asks small questions and times the answers.

#include "bare.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "desk.h"
#include "nodes.h"
#include "seed.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { RUNS_MAX = 20, ASK_EVERY_US = 5000, MIB = 1 << 20, SIZE_MAX_MIB = 16384 };

typedef struct choices {
    unsigned size_mib, runs;
    const char *data, *json, *prepare, *control, *server;
} choices;

typedef struct measured {
    unsigned runs;
    double bare_s[RUNS_MAX], written_s[RUNS_MAX], up_s[RUNS_MAX], down_s[RUNS_MAX];
    /// Of both ends.
    double bare_cpu_s[RUNS_MAX], written_cpu_s[RUNS_MAX], up_cpu_s[RUNS_MAX], down_cpu_s[RUNS_MAX];
    uint64_t sent_bytes, received_bytes;
    nb_load asked; ///< times[0]: answers to small questions while blobs moved
} measured;

static double now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + 1e-6 * (double)time.tv_usec;
}

// Of this process, its ended children, and the coordinator if there is one.
static double cpu_s(const nb_coordinator_process *coordinator)
{
    struct rusage own;
    struct rusage children;
    getrusage(RUSAGE_SELF, &own);
    getrusage(RUSAGE_CHILDREN, &children);
    return seconds_of(own.ru_utime) + seconds_of(own.ru_stime) + seconds_of(children.ru_utime) +
           seconds_of(children.ru_stime) +
           (coordinator ? nb_coordinator_process_usage(coordinator).cpu_s : 0.0);
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, unsigned count)
{
    qsort(values, count, sizeof *values, compare_doubles);
    return count > 0 ? values[count / 2] : 0.0;
}

// ---- Small questions meanwhile ----

typedef struct asker {
    pthread_t thread;
    atomic_bool stop;
    nb_client *client;
    nb_load *out;
    nb_status status;
    nb_error err;
} asker;

static void *ask_on(void *argument)
{
    asker *self = argument;
    while (!atomic_load(&self->stop) && self->status == NB_OK) {
        const double start_s = now_s();
        self->status = nb_desk_ask(self->client, &self->err);
        nb_times_add(&self->out->times[0], (int64_t)((now_s() - start_s) * 1e6));
        usleep(ASK_EVERY_US);
    }
    return NULL;
}

// ---- Blobs ----

typedef struct blob {
    nb_digest digest;
    uint64_t size;
} blob;

static nb_status make_file(const char *path, uint64_t size, uint64_t seed, nb_digest *out,
                           nb_error *err)
{
    NB_SCOPED(nb_file_close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    NB_SCOPED(nb_text_free) char *block = malloc(MIB);
    nb_hasher *hasher = nb_hasher_new();
    if (fd < 0 || !block) {
        nb_hasher_destroy(&hasher);
        return nb_fail_errno(err, errno, "%s", path);
    }
    nb_status status = NB_OK;
    for (uint64_t done = 0; done < size && status == NB_OK; done += MIB) {
        for (size_t i = 0; i < MIB; i += sizeof seed) {
            seed = seed * UINT64_C(6364136223846793005) + 1;
            memcpy(block + i, &seed, sizeof seed);
        }
        nb_hasher_add(hasher, block, MIB);
        if (write(fd, block, MIB) != MIB) {
            status = nb_fail_errno(err, errno, "%s", path);
        }
    }
    *out = nb_hasher_finish(hasher);
    nb_hasher_destroy(&hasher);
    return status;
}

// A fresh blob, as the file `up` of the folder.
static nb_status make_blob(const char *folder, uint64_t size, unsigned run, blob *out,
                           nb_error *err)
{
    NB_SCOPED(nb_text_free) char *up = nb_file_join(folder, "up");
    out->size = size;
    return up ? make_file(up, size, run + 1 + (uint64_t)nb_clock_wall_ms(), &out->digest, err)
              : nb_fail(err, NB_E_NO_MEMORY, "no memory");
}

// A blob that was made up, and down again.
static nb_status move_blob(nb_client *client, const nb_coordinator_process *coordinator,
                           const char *folder, const blob *what, unsigned run, measured *found,
                           nb_error *err)
{
    NB_SCOPED(nb_text_free) char *up = nb_file_join(folder, "up");
    NB_SCOPED(nb_text_free) char *down = nb_file_join(folder, "down");
    const nb_blob_scope scope = {.album = nb_seed_album};
    if (!up || !down) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory");
    }
    double spent_s = cpu_s(coordinator);
    const double start_s = now_s();
    nb_status status =
        nb_client_upload(client, scope, up, &what->digest, what->size, NULL, NULL, err);
    found->up_s[run] = now_s() - start_s;
    found->up_cpu_s[run] = cpu_s(coordinator) - spent_s;
    unlink(up);
    spent_s = cpu_s(coordinator);
    const double turn_s = now_s();
    if (status == NB_OK) {
        status =
            nb_client_download(client, scope, &what->digest, what->size, down, NULL, NULL, err);
    }
    found->down_s[run] = now_s() - turn_s;
    found->down_cpu_s[run] = cpu_s(coordinator) - spent_s;
    unlink(down);
    return status;
}

// The blob of a run is not needed any more, and memory is short: forget it behind the
// coordinator's back.
static void clear_store(const char *folder)
{
    nb_error err = {0};
    NB_SCOPED(nb_text_free) char *objects = nb_text_format("%s/store/objects", folder);
    if (objects && (nb_file_remove_all(objects, &err) != NB_OK ||
                    nb_file_make_folders(objects, 0700, &err) != NB_OK)) {
        fprintf(stderr, "bench_transfer: %s\n", err.text);
    }
}

static nb_status move_and_ask(const nb_coordinator_process *coordinator, const char *folder,
                              nb_client *client, const blob *what, unsigned run, measured *found,
                              nb_error *err)
{
    asker other = {.out = &found->asked};
    nb_status status =
        nb_desk_connect(coordinator->control, &coordinator->server, folder, &other.client, err);
    if (status != NB_OK) {
        return status;
    }
    const bool asks = pthread_create(&other.thread, NULL, ask_on, &other) == 0;
    status = move_blob(client, coordinator, folder, what, run, found, err);
    atomic_store(&other.stop, true);
    if (asks) {
        pthread_join(other.thread, NULL);
    }
    nb_client_destroy(&other.client);
    return (status == NB_OK && other.status != NB_OK)
               ? nb_fail(err, other.status, "%s", other.err.text)
               : status;
}

// ---- Loopback ----

static nb_status measure_bare(const char *folder, uint64_t size, unsigned run, measured *found,
                              nb_error *err)
{
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "bare");
    if (!path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory");
    }
    double spent_s = cpu_s(NULL);
    nb_status status = nb_bare_loop(size, NULL, &found->bare_s[run], err);
    found->bare_cpu_s[run] = cpu_s(NULL) - spent_s;
    spent_s = cpu_s(NULL);
    if (status == NB_OK) {
        status = nb_bare_loop(size, path, &found->written_s[run], err);
    }
    found->written_cpu_s[run] = cpu_s(NULL) - spent_s;
    unlink(path);
    return status;
}

static nb_status measure(const choices *chosen, const char *folder, measured *found, nb_error *err)
{
    nb_key_pair pair;
    nb_coordinator_process coordinator = {0};
    NB_SCOPED(nb_client_destroy) nb_client *client = NULL;
    const uint64_t size = (uint64_t)chosen->size_mib * MIB;
    nb_status status = nb_seed_keys(folder, &pair, 0, err);
    if (status == NB_OK) {
        status = nb_coordinator_process_start(folder, &coordinator, err);
    }
    if (status == NB_OK) {
        status = nb_desk_open(&coordinator, folder, &pair, &client, err);
    }
    // The blob is made first, so that each part writes to memory that was in use just before: pages
    // that a host must bring back cost more than all that is measured here.
    for (unsigned run = 0; run < chosen->runs && status == NB_OK; run++) {
        blob what;
        status = make_blob(folder, size, run, &what, err);
        if (status == NB_OK) {
            status = measure_bare(folder, size, run, found, err);
        }
        if (status == NB_OK) {
            status = move_and_ask(&coordinator, folder, client, &what, run, found, err);
        }
        clear_store(folder);
        found->runs = run + 1;
    }
    nb_coordinator_process_end(&coordinator);
    return status;
}

static nb_status measure_loopback(const choices *chosen, measured *found, nb_error *err)
{
    char folder[1024];
    snprintf(folder, sizeof folder, "%s/nightbus-transfer.XXXXXX", chosen->data);
    if (!mkdtemp(folder)) {
        return nb_fail_errno(err, errno, "%s", folder);
    }
    const nb_status status = measure(chosen, folder, found, err);
    nb_error problem = {0};
    if (nb_file_remove_all(folder, &problem) != NB_OK) {
        fprintf(stderr, "bench_transfer: %s\n", problem.text);
    }
    return status;
}

static void print_loopback(const choices *chosen, measured *found)
{
    const double size_mib = chosen->size_mib;
    nb_times *asked = &found->asked.times[0];
    struct {
        const char *what;
        double *seconds, *cpu_s;
    } rows[] = {
        {"bare ZeroMQ: from memory, dropped", found->bare_s, found->bare_cpu_s},
        {"bare ZeroMQ: from memory, written", found->written_s, found->written_cpu_s},
        {"upload: read, hashed, written", found->up_s, found->up_cpu_s},
        {"download: read, hashed, written", found->down_s, found->down_cpu_s},
    };
    const double bare = median(found->bare_s, found->runs);
    const double written = median(found->written_s, found->runs);
    printf("%u MiB over loopback with CURVE, in memory; medians of %u\n\n", chosen->size_mib,
           found->runs);
    printf("| what | MiB/s | of bare, dropped | of bare, written | CPU s a GiB, both ends |\n"
           "|---|--:|--:|--:|--:|\n");
    for (size_t i = 0; i < NB_COUNT(rows); i++) {
        const double seconds = median(rows[i].seconds, found->runs);
        printf("| %s | %.0f | %.0f %% | %.0f %% | %.2f |\n", rows[i].what, size_mib / seconds,
               100 * bare / seconds, 100 * written / seconds,
               median(rows[i].cpu_s, found->runs) / (size_mib / 1024));
    }
    printf("\nsmall questions meanwhile: median %.1f, p99 %.1f, longest %.1f ms (%zu)\n",
           nb_times_ms(asked, 0.5), nb_times_ms(asked, 0.99), nb_times_ms(asked, 1.0),
           asked->count);
}

static nb_status write_json(const choices *chosen, measured *found, nb_error *err)
{
    nb_times *asked = &found->asked.times[0];
    NB_SCOPED(nb_json_free)
    json_t *json = json_pack(
        "{s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I}", "size_mib", (int)chosen->size_mib,
        "bare_s", median(found->bare_s, found->runs), "bare_written_s",
        median(found->written_s, found->runs), "up_s", median(found->up_s, found->runs), "down_s",
        median(found->down_s, found->runs), "asked_median_ms", nb_times_ms(asked, 0.5),
        "asked_p99_ms", nb_times_ms(asked, 0.99), "asked_longest_ms", nb_times_ms(asked, 1.0),
        "sent_bytes", (json_int_t)found->sent_bytes, "received_bytes",
        (json_int_t)found->received_bytes);
    return json ? nb_json_write(chosen->json, json, err)
                : nb_fail(err, NB_E_NO_MEMORY, "no memory");
}

// ---- Over a link ----

static nb_status prepare(const char *folder, nb_error *err)
{
    nb_key_pair pair;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "desk.key");
    const nb_status status = nb_seed_keys(folder, &pair, 0, err);
    return (status == NB_OK && path) ? nb_key_pair_save(&pair, path, err) : status;
}

static nb_status measure_link(const choices *chosen, measured *found, nb_error *err)
{
    nb_coordinator_process coordinator = {0}; // somebody else's
    NB_SCOPED(nb_client_destroy) nb_client *client = NULL;
    nb_status status = nb_public_key_from_hex(chosen->server, &coordinator.server, err);
    snprintf(coordinator.control, sizeof coordinator.control, "%s", chosen->control);
    if (status == NB_OK) {
        status = nb_desk_connect(chosen->control, &coordinator.server, chosen->data, &client, err);
    }
    if (status == NB_OK) {
        status = nb_desk_make_album(client, err);
    }
    blob what;
    if (status == NB_OK) {
        status = make_blob(chosen->data, (uint64_t)chosen->size_mib * MIB, 0, &what, err);
    }
    if (status == NB_OK) {
        status = move_and_ask(&coordinator, chosen->data, client, &what, 0, found, err);
    }
    if (status == NB_OK) {
        found->sent_bytes = nb_client_sent_bytes(client);
        found->received_bytes = nb_client_received_bytes(client);
    }
    found->runs = 1;
    return status;
}

static void print_link(const choices *chosen, measured *found)
{
    const uint64_t size = (uint64_t)chosen->size_mib * MIB;
    nb_times *asked = &found->asked.times[0];
    printf("up %.1f Mbit/s, %.1f MiB sent again; down %.1f Mbit/s, %.1f MiB sent again; "
           "small questions: median %.0f, p99 %.0f ms\n",
           8e-6 * (double)size / found->up_s[0], (double)(found->sent_bytes - size) / MIB,
           8e-6 * (double)size / found->down_s[0], (double)(found->received_bytes - size) / MIB,
           nb_times_ms(asked, 0.5), nb_times_ms(asked, 0.99));
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
        {"size", required_argument, NULL, 's'},    {"runs", required_argument, NULL, 'r'},
        {"data", required_argument, NULL, 'd'},    {"json", required_argument, NULL, 'j'},
        {"prepare", required_argument, NULL, 'p'}, {"at", required_argument, NULL, 'a'},
        {"server", required_argument, NULL, 'k'},  {NULL, 0, NULL, 0},
    };
    bool good = true;
    for (int letter; good && (letter = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (letter) {
        case 's':
            good = read_number(optarg, SIZE_MAX_MIB, &out->size_mib);
            break;
        case 'r':
            good = read_number(optarg, RUNS_MAX, &out->runs);
            break;
        case 'd':
            out->data = optarg;
            break;
        case 'j':
            out->json = optarg;
            break;
        case 'p':
            out->prepare = optarg;
            break;
        case 'a':
            out->control = optarg;
            break;
        case 'k':
            out->server = optarg;
            break;
        default:
            good = false;
        }
    }
    return good && optind == argc && !out->control == !out->server;
}

int main(int argc, char **argv)
{
    choices chosen = {.size_mib = 1024, .runs = 5, .data = "/dev/shm"};
    measured found = {0};
    nb_error err = {0};
    if (!read_choices(argc, argv, &chosen)) {
        fprintf(stderr,
                "usage: bench_transfer [--size MIB] [--runs N] [--data DIR] [--json FILE]\n"
                "       bench_transfer --prepare DIR\n"
                "       bench_transfer --at ADDRESS --server KEY --data DIR [--size MIB]\n");
        return 2;
    }
    nb_status status = NB_OK;
    if (chosen.prepare) {
        status = prepare(chosen.prepare, &err);
    } else if (chosen.control) {
        status = measure_link(&chosen, &found, &err);
        if (status == NB_OK) {
            print_link(&chosen, &found);
        }
    } else {
        status = measure_loopback(&chosen, &found, &err);
        if (status == NB_OK) {
            print_loopback(&chosen, &found);
        }
    }
    if (status == NB_OK && chosen.json) {
        status = write_json(&chosen, &found, &err);
    }
    nb_load_fini(&found.asked);
    if (status != NB_OK) {
        fprintf(stderr, "bench_transfer: %s\n", err.text);
    }
    return status == NB_OK ? 0 : 1;
}
