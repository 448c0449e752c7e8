// SPDX-License-Identifier: GPL-3.0-or-later
// nightbus-renderer: asks a coordinator for work, renders it, gives the result back. Holds nothing
// that can't be lost.
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "mix/fingerprint.h"
#include "protocol/client.h"
#include "renderer/engine/render.h"
#include "renderer/node/cache.h"
#include "renderer/node/heartbeat.h"
#include "renderer/node/task.h"

#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    NICE = 5,
    CACHE_GB_DEFAULT = 20,
    THREADS_MAX = 1024,
    ROOM_LEAST = 16 << 20, ///< Bytes: less fits no song
    ROOM_POLL_MS = 200,
    ROOM_WAIT_MS = 60 * 1000,
};

static const char usage[] =
    "usage: nightbus-renderer --farm FILE|ADDRESS --key FILE --name NAME --cache DIR\n"
    "                         [--threads N] [--cache-gb N] [--transfer]\n"
    "                         [--log-format text|json]\n"
    "\n"
    "Renders for a farm until it is asked to stop. `nightbus up` starts it. SIGTERM lets it "
    "finish\n"
    "what it renders and then end; a second one, or SIGINT, ends it at once: the farm gives the\n"
    "task to another.\n"
    "\n"
    "  --farm FILE|ADDRESS  the farm's farm.json, or tcp://HOST:PORT/KEY\n"
    "  --key FILE           this renderer's own key pair, which the farm must know\n"
    "  --name NAME          what people see in `nightbus nodes`\n"
    "  --cache DIR          where fetched audio is kept\n"
    "  --cache-gb N         how much of it at most (default 20)\n"
    "  --threads N          for rendering (default: OMP_NUM_THREADS, or all cores)\n"
    "  --transfer           fetch and send all audio, even where the store's disk is shared\n"
    "  --log-format FORM    text (the default) or json: one object a line\n";

typedef struct options {
    const char *farm;
    const char *key;
    const char *name;
    const char *cache;
    int64_t threads;
    int64_t cache_gb;
    bool transfer;
} options;

/// What the signal handler sets; the one place that a handler can reach.
static volatile bool stop_asked;  ///< At once: what is rendered goes back
static volatile bool drain_asked; ///< After what is rendered now

static void on_stop(int number)
{
    if (number == SIGTERM && !drain_asked) {
        drain_asked = true;
    } else {
        stop_asked = true;
    }
}

static void install_signals(void)
{
    struct sigaction action = {.sa_handler = on_stop};
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static nb_status check_options(const options *self, nb_error *err)
{
    if (!self->farm || !self->key || !self->name || !self->cache) {
        return nb_fail(err, NB_E_USAGE, "--farm, --key, --name and --cache must be given");
    }
    return nb_text_check_name("the renderer's name", self->name, err);
}

static nb_status parse_options(int argc, char **argv, options *out, nb_error *err)
{
    static const struct option table[] = {
        {"farm", required_argument, NULL, 'f'},
        {"key", required_argument, NULL, 'k'},
        {"name", required_argument, NULL, 'n'},
        {"cache", required_argument, NULL, 'c'},
        {"threads", required_argument, NULL, 't'},
        {"cache-gb", required_argument, NULL, 'g'},
        {"transfer", no_argument, NULL, 'x'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {"log-format", required_argument, NULL, 'l'},
        {NULL, 0, NULL, 0},
    };
    *out = (options){.cache_gb = CACHE_GB_DEFAULT};
    nb_status status = NB_OK;
    for (int c = getopt_long(argc, argv, "", table, NULL); c != -1 && status == NB_OK;
         c = getopt_long(argc, argv, "", table, NULL)) {
        switch (c) {
        case 'f':
            out->farm = optarg;
            break;
        case 'k':
            out->key = optarg;
            break;
        case 'n':
            out->name = optarg;
            break;
        case 'c':
            out->cache = optarg;
            break;
        case 'x':
            out->transfer = true;
            break;
        case 't':
            status = nb_text_parse_integer(optarg, 1, THREADS_MAX, &out->threads, err);
            break;
        case 'g':
            status = nb_text_parse_integer(optarg, 1, 1 << 20, &out->cache_gb, err);
            break;
        case 'l':
            status = nb_log_set_form(optarg, err);
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        case 'v':
            puts("nightbus-renderer " NB_VERSION);
            exit(0);
        default:
            return nb_fail(err, NB_E_USAGE, "see nightbus-renderer --help");
        }
    }
    if (status != NB_OK) {
        err->status = NB_E_USAGE;
        return NB_E_USAGE;
    }
    return check_options(out, err);
}

/// libgomp reads its settings before main: threads that spin while they wait would starve the
/// heartbeat, so the program starts itself again with them passive.
static void make_threads_passive(char **argv)
{
    if (!getenv("OMP_WAIT_POLICY") && setenv("OMP_WAIT_POLICY", "passive", 1) == 0) {
        execv("/proc/self/exe", argv);
        nb_log_warn("could not start again with OMP_WAIT_POLICY=passive; going on without");
    }
}

/// The disk was too full for a task: until there is more room than now no other one is asked for,
/// or for a while, should it have been the one large song.
static void wait_for_room(const char *cache)
{
    const int64_t until_ms = nb_clock_ms() + ROOM_WAIT_MS;
    uint64_t free_before = 0;
    uint64_t free_now = 0;
    uint64_t total = 0;
    nb_error err = {0};
    nb_status status = nb_file_space(cache, &free_before, &total, &err);
    nb_log_warn("the disk of %s is too full: no work is asked for until there is room", cache);
    while (status == NB_OK && !stop_asked && !drain_asked && nb_clock_ms() < until_ms &&
           (free_now < ROOM_LEAST || free_now < free_before + ROOM_LEAST)) {
        nb_clock_sleep_ms(ROOM_POLL_MS);
        status = nb_file_space(cache, &free_now, &total, &err);
    }
}

static void run_orders(nb_worker *worker, const char *cache)
{
    nb_order order;
    while (nb_heartbeat_wait_order(worker->heartbeat, &order)) {
        const bool is_full = nb_task_run(worker, &order) == NB_E_NO_SPACE;
        nb_heartbeat_rest(worker->heartbeat, is_full);
        nb_heartbeat_done(worker->heartbeat);
        if (is_full) {
            wait_for_room(cache);
            nb_heartbeat_rest(worker->heartbeat, false);
        }
    }
}

static nb_status serve(const options *chosen, nb_error *err)
{
    nb_fingerprint fingerprint;
    char fingerprint_text[NB_FINGERPRINT_TEXT_MAX];
    nb_status status = nb_engine_fingerprint(&fingerprint, err);
    if (status == NB_OK) {
        status = nb_fingerprint_format(&fingerprint, fingerprint_text, err);
    }
    NB_SCOPED(nb_text_free) char *blobs = nb_file_join(chosen->cache, "blobs");
    NB_SCOPED(nb_text_free) char *work = nb_file_join(chosen->cache, "work");
    if (status == NB_OK && (!blobs || !work)) {
        status = nb_fail(err, NB_E_NO_MEMORY, "no memory to start");
    }
    NB_SCOPED(nb_cache_destroy) nb_cache *cache = NULL;
    if (status == NB_OK) {
        status = nb_cache_open(blobs, (uint64_t)chosen->cache_gb * 1000000000U, &cache, err);
    }
    if (status == NB_OK) {
        status = nb_file_remove_all(work, err); // what a killed renderer left
    }
    if (status != NB_OK) {
        return status;
    }
    nb_identity identity = {
        .farm = chosen->farm,
        .key_path = chosen->key,
        .name = chosen->name,
        .fingerprint = fingerprint_text,
        .threads = chosen->threads > 0 ? (unsigned)chosen->threads
                                       : (unsigned)sysconf(_SC_NPROCESSORS_ONLN),
    };
    if (getrandom(identity.instance, sizeof identity.instance, 0) !=
        (ssize_t)sizeof identity.instance) {
        return nb_fail_errno(err, errno, "no random bytes");
    }
    NB_SCOPED(nb_heartbeat_destroy) nb_heartbeat *heartbeat = NULL;
    status = nb_heartbeat_start(&identity, &stop_asked, &drain_asked, &heartbeat, err);
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_worker_fini)
    nb_worker worker = {
        .identity = &identity,
        .fingerprint = &fingerprint,
        .heartbeat = heartbeat,
        .cache = cache,
        .work_folder = work,
        .threads = (unsigned)chosen->threads,
        .transfer = chosen->transfer,
    };
    run_orders(&worker, chosen->cache);
    stop_asked = true; // also what waits for an answer that nobody needs any more
    nb_log_info("stopped");
    return NB_OK;
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "C.UTF-8"); // numbers stay those of "C"
    options chosen;
    nb_error err = {0};
    nb_status status = parse_options(argc, argv, &chosen, &err);
    if (status == NB_OK) {
        nb_log_open(chosen.name);
        make_threads_passive(argv);
        setpriority(PRIO_PROCESS, 0, NICE);
        install_signals();
        status = serve(&chosen, &err);
    }
    if (status != NB_OK) {
        fprintf(stderr, "nightbus-renderer: %s\n", err.text);
    }
    return nb_status_exit_code(status);
}
