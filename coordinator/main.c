// SPDX-License-Identifier: GPL-3.0-or-later
// nightbus-coordinator: the state of the farm behind its sockets.
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "coordinator/backup.h"
#include "coordinator/coordinator.h"
#include "coordinator/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    TICK_MS = 100,
    BURST_MAX = 1000, ///< Messages heard before leases may expire: a busy hour is no dead renderer
    BATCH_MS = 10,    ///< How long one commit collects messages; an fsync takes about as long
    COLLECT_MS = 24 * 60 * 60 * 1000,
    COLLECT_AGAIN_MS = 10 * 60 * 1000, ///< While a backup runs
    METRICS_MS = 15000,
    LEASE_LEAST_MS = 1000,
    LEASE_MOST_MS = 10 * 60 * 1000,
};

static const char usage[] =
    "usage: nightbus-coordinator --data DIR [--control ADDRESS] [--bulk ADDRESS] [--transfer]\n"
    "                            [--lease-ms N] [--metrics-file FILE] [--log-format text|json]\n"
    "       nightbus-coordinator --data DIR --backup TO\n"
    "\n"
    "Keeps the albums, the audio store and the ledger in DIR, and hands work to the renderers.\n"
    "'nightbus up' starts one with its renderers and keys.\n"
    "\n"
    "  --data DIR         where all state is; made if absent\n"
    "  --control ADDRESS  where peers ask (tcp://127.0.0.1:*; '*' takes a free port)\n"
    "  --bulk ADDRESS     where audio goes (tcp://127.0.0.1:*)\n"
    "  --transfer         give renderers of this machine no path to the store\n"
    "  --lease-ms N       how long a renderer may be silent before its work goes to another\n"
    "                     (10000; 30000 suits renderers behind a slow line)\n"
    "  --metrics-file FILE\n"
    "                     write what is counted there every 15 s, in Prometheus's text format\n"
    "  --log-format FORM  text (the default) or json: one object a line\n"
    "  --backup TO        copy all state into the folder TO, also while another one runs, and end\n"
    "  --help, --version\n"
    "\n"
    "DIR/keys/trusted.json names the keys that are let in; DIR/coordinator.json says, once all is\n"
    "ready, where to connect. After a restart the same ports are taken again if they are free.\n";

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

typedef struct choices {
    const char *data;
    const char *control;
    const char *bulk;
    bool transfer;
    int64_t lease_ms;
    const char *metrics_file;
    const char *backup;
    bool told; ///< --help or --version was answered
} choices;

static nb_status read_choices(int argc, char **argv, choices *out, nb_error *err)
{
    static const struct option options[] = {
        {"data", required_argument, NULL, 'd'},
        {"control", required_argument, NULL, 'c'},
        {"bulk", required_argument, NULL, 'b'},
        {"transfer", no_argument, NULL, 't'},
        {"lease-ms", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {"metrics-file", required_argument, NULL, 'm'},
        {"log-format", required_argument, NULL, 'f'},
        {"backup", required_argument, NULL, 'k'},
        {NULL, 0, NULL, 0},
    };
    for (int letter; (letter = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (letter) {
        case 'd':
            out->data = optarg;
            break;
        case 'c':
            out->control = optarg;
            break;
        case 'b':
            out->bulk = optarg;
            break;
        case 't':
            out->transfer = true;
            break;
        case 'l':
            if (nb_text_parse_integer(optarg, LEASE_LEAST_MS, LEASE_MOST_MS, &out->lease_ms, err) !=
                NB_OK) {
                return nb_fail(err, NB_E_USAGE, "--lease-ms takes %d to %d, not '%.20s'",
                               LEASE_LEAST_MS, LEASE_MOST_MS, optarg);
            }
            break;
        case 'm':
            out->metrics_file = optarg;
            break;
        case 'k':
            out->backup = optarg;
            break;
        case 'f':
            if (nb_log_set_form(optarg, err) != NB_OK) {
                return NB_E_USAGE;
            }
            break;
        case 'h':
        case 'v':
            fputs(letter == 'h' ? usage : "nightbus-coordinator " NB_VERSION "\n", stdout);
            out->told = true;
            return NB_OK;
        default:
            return nb_fail(err, NB_E_USAGE, "see nightbus-coordinator --help");
        }
    }
    if (!out->data || optind < argc) {
        return nb_fail(err, NB_E_USAGE, "--data DIR must be given, and nothing beside the options");
    }
    return NB_OK;
}

// One coordinator to a folder: two writers of one repository would each believe to be alone.
static nb_status lock_data(const char *data, int *out_fd, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *path = nb_file_join(data, "lock");
    nb_status status = nb_file_make_folders(data, 0700, err);
    if (status != NB_OK || !path) {
        return status != NB_OK ? status : nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", data);
    }
    *out_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*out_fd < 0) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    if (flock(*out_fd, LOCK_EX | LOCK_NB) != 0) {
        return nb_fail(err, NB_E_CONFLICT, "%s: another coordinator runs on this folder", data);
    }
    return NB_OK;
}

static nb_status load_keys(const char *data, nb_key_pair *out, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *folder = nb_file_join(data, "keys");
    NB_SCOPED(nb_text_free) char *path = folder ? nb_file_join(folder, "coordinator.key") : NULL;
    if (!path) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", data);
    }
    const nb_status status = nb_file_make_folders(folder, 0700, err);
    return (status == NB_OK) ? nb_key_pair_ensure(path, out, err) : status;
}

// ---- The server ----

static nb_status link_send(void *context, const nb_peer *peer, const Nightbus__Reply *reply,
                           nb_error *err)
{
    return nb_server_reply(*(nb_server **)context, peer, reply, err);
}

static nb_status link_open_session(void *context, const nb_public_key *key,
                                   uint8_t out_session[NB_SESSION_SIZE], nb_error *err)
{
    return nb_server_open_session(*(nb_server **)context, key, out_session, err);
}

static uint16_t link_bulk_port(void *context)
{
    return nb_server_bulk_port(*(nb_server **)context);
}

static bool link_is_connected(void *context, const nb_peer *peer)
{
    return nb_server_is_connected(*(nb_server **)context, peer);
}

static void link_forget_key(void *context, const nb_public_key *key)
{
    nb_server_forget_key(*(nb_server **)context, key);
}

// Where this farm was before: peers that wait for it come back to the same ports.
static void read_last_addresses(const char *data, char *control, char *bulk, size_t size)
{
    NB_SCOPED(nb_text_free) char *path = nb_file_join(data, "coordinator.json");
    NB_SCOPED(nb_json_free) json_t *last = NULL;
    const char *text = NULL;
    control[0] = '\0';
    bulk[0] = '\0';
    if (!path || nb_json_read(path, 1 << 16, &last, NULL) != NB_OK) {
        return;
    }
    if (nb_json_get_string(path, last, "control", &text, NULL) == NB_OK) {
        snprintf(control, size, "%s", text);
    }
    if (nb_json_get_string(path, last, "bulk", &text, NULL) == NB_OK) {
        snprintf(bulk, size, "%s", text);
    }
}

// "tcp://127.0.0.1:*" and an address of the same host: the wildcard's port is free to be chosen.
static bool fits(const char *wanted, const char *last)
{
    const size_t length = strlen(wanted);
    return length > 0 && wanted[length - 1] == '*' && last[0] != '\0' &&
           strncmp(wanted, last, length - 1) == 0;
}

static nb_status start_server(const choices *chosen, const nb_key_pair *keys,
                              nb_coordinator *coordinator, nb_server **out, nb_error *err)
{
    char control[256];
    char bulk[256];
    nb_server_options options = {
        .control = chosen->control,
        .bulk = chosen->bulk,
        .keys = keys,
        .store = nb_coordinator_store(coordinator),
        .knows_key = nb_coordinator_knows_key,
        .may_read = nb_coordinator_may_read,
        .may_write = nb_coordinator_may_write,
        .stored = nb_coordinator_stored,
        .context = coordinator,
    };
    read_last_addresses(chosen->data, control, bulk, sizeof control);
    if (fits(chosen->control, control) && fits(chosen->bulk, bulk)) {
        nb_error taken = {0};
        options.control = control;
        options.bulk = bulk;
        if (nb_server_start(&options, out, &taken) == NB_OK) {
            return NB_OK;
        }
        nb_log_info("the last ports are not free: %s", taken.text);
        options.control = chosen->control;
        options.bulk = chosen->bulk;
    }
    return nb_server_start(&options, out, err);
}

static nb_status write_ready(const char *data, const nb_server *server, const nb_key_pair *keys,
                             nb_error *err)
{
    char hex[65];
    NB_SCOPED(nb_text_free) char *path = nb_file_join(data, "coordinator.json");
    nb_status status = nb_public_key_to_hex(&keys->public_key, hex, err);
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_json_free)
    json_t *ready =
        json_pack("{ss ss ss sI}", "control", nb_server_control(server), "bulk",
                  nb_server_bulk(server), "server_key", hex, "pid", (json_int_t)getpid());
    if (!path || !ready) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", data);
    }
    return nb_json_write(path, ready, err);
}

// Hear what waits, then let time pass: a lease must not expire on a renewal we have not read.
static nb_status run_once(nb_coordinator *coordinator, nb_server *server, nb_error *err)
{
    int64_t timeout_ms = TICK_MS;
    int64_t commit_ms = 0;
    for (unsigned i = 0; i < BURST_MAX && !stopping; i++) {
        nb_peer peer;
        Nightbus__Request *request = NULL;
        const nb_status status = nb_server_receive(server, timeout_ms, &peer, &request, err);
        if (status == NB_E_INTERRUPTED) {
            return NB_OK; // the loop looks at `stopping`
        }
        if (status != NB_OK || !request) {
            if (status != NB_OK) {
                return status;
            }
            break;
        }
        const int64_t now_ms = nb_clock_ms();
        nb_coordinator_hear(coordinator, &peer, request, now_ms);
        nb_wire_free_request(&request);
        if (timeout_ms > 0) {
            timeout_ms = 0;
            commit_ms = now_ms + BATCH_MS;
        } else if (now_ms >= commit_ms) {
            nb_coordinator_commit(coordinator, now_ms);
            commit_ms = nb_clock_ms() + BATCH_MS;
        }
    }
    nb_coordinator_tick(coordinator, nb_clock_ms());
    return NB_OK;
}

// When to try next.
static int64_t collect(nb_coordinator *coordinator, const char *data)
{
    NB_SCOPED(nb_file_close_fd) int lock = -1;
    nb_error problem = {0};
    if (!nb_backup_may_collect(data, &lock)) {
        nb_log_info("collection waits for a backup, or packing, to end");
        return nb_clock_ms() + COLLECT_AGAIN_MS;
    }
    if (nb_coordinator_collect(coordinator, &problem) != NB_OK) {
        nb_log_warn("collection: %s", problem.text);
    }
    nb_reserve_keep(data);
    return nb_clock_ms() + COLLECT_MS;
}

static void write_metrics(nb_coordinator *coordinator, const char *path)
{
    nb_error problem = {0};
    if (nb_coordinator_write_metrics(coordinator, path, &problem) != NB_OK) {
        nb_log_warn("metrics: %s", problem.text);
    }
}

static nb_status serve(const choices *chosen, nb_coordinator *coordinator, nb_server *server,
                       nb_error *err)
{
    int64_t collect_ms = nb_clock_ms();
    int64_t metrics_ms = chosen->metrics_file ? nb_clock_ms() : INT64_MAX;
    nb_status status = NB_OK;
    while (!stopping && status == NB_OK) {
        status = run_once(coordinator, server, err);
        if (status == NB_OK && nb_clock_ms() >= collect_ms) {
            collect_ms = collect(coordinator, chosen->data);
        }
        if (status == NB_OK && nb_clock_ms() >= metrics_ms) {
            metrics_ms = nb_clock_ms() + METRICS_MS;
            write_metrics(coordinator, chosen->metrics_file);
        }
    }
    return status;
}

static nb_status back_up(const choices *chosen, nb_error *err)
{
    nb_backup_result result;
    char bytes[NB_TEXT_SIZE_SIZE];
    const int64_t start_ms = nb_clock_ms();
    const nb_status status = nb_backup(chosen->data, chosen->backup, &result, err);
    if (status == NB_OK) {
        nb_text_format_size(result.new_bytes, bytes);
        printf("backed up %s to %s in %.1f s: the ledger, %" PRIu64 " album(s), %" PRIu64
               " blob(s), of which %" PRIu64 " new (%s)\n",
               chosen->data, chosen->backup, (double)(nb_clock_ms() - start_ms) / 1000.0,
               result.albums, result.blobs, result.new_blobs, bytes);
    }
    return status;
}

static nb_status run(const choices *chosen, nb_error *err)
{
    NB_SCOPED(nb_file_close_fd) int lock = -1;
    NB_SCOPED(nb_coordinator_destroy) nb_coordinator *coordinator = NULL;
    NB_SCOPED(nb_server_destroy) nb_server *server = NULL; // ends before what its threads ask
    nb_key_pair keys;
    nb_coordinator_options options = {
        .data_path = chosen->data, .transfer = chosen->transfer, .lease_ms = chosen->lease_ms};
    if (getrandom(&options.incarnation, sizeof options.incarnation, 0) !=
        (ssize_t)sizeof options.incarnation) {
        return nb_fail_errno(err, errno, "getrandom");
    }
    nb_reserve_take(chosen->data);
    nb_status status = lock_data(chosen->data, &lock, err);
    if (status == NB_OK) {
        status = load_keys(chosen->data, &keys, err);
    }
    if (status == NB_OK) {
        status = nb_coordinator_open(&options, nb_clock_ms(), &coordinator, err);
    }
    if (status == NB_OK) {
        status = start_server(chosen, &keys, coordinator, &server, err);
    }
    if (status != NB_OK) {
        return nb_reserve_explain(chosen->data, status, err);
    }
    const nb_coordinator_link link = {&server,        link_send,         link_open_session,
                                      link_bulk_port, link_is_connected, link_forget_key};
    nb_coordinator_connect(coordinator, &link);
    status = write_ready(chosen->data, server, &keys, err);
    if (status == NB_OK) {
        nb_log_info("ready: control %s, bulk %s", nb_server_control(server),
                    nb_server_bulk(server));
        status = serve(chosen, coordinator, server, err);
    }
    nb_log_info("stopped");
    return status;
}

// Connections are descriptors: as many as the system lets us have.
static void raise_file_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

int main(int argc, char **argv)
{
    choices chosen = {.control = "tcp://127.0.0.1:*", .bulk = "tcp://127.0.0.1:*"};
    nb_error err = {0};
    nb_log_open("coordinator");
    nb_status status = read_choices(argc, argv, &chosen, &err);
    if (status == NB_OK && !chosen.told) {
        struct sigaction action = {.sa_handler = on_signal};
        raise_file_limit();
        sigaction(SIGTERM, &action, NULL);
        sigaction(SIGINT, &action, NULL);
        status = chosen.backup ? back_up(&chosen, &err) : run(&chosen, &err);
    }
    if (status != NB_OK) {
        fprintf(stderr, "nightbus-coordinator: %s\n", err.text);
    }
    return nb_status_exit_code(status);
}
