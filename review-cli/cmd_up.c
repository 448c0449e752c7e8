// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "protocol/keys.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/process.h"
#include "review-cli/stop.h"
#include "review-cli/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum {
    RENDERERS_MAX = 64,
    RENDERERS_DEFAULT = 1,
    THREADS_MAX = 1024,
    READY_MS = 30000,
    POLL_MS = 100,
    RENDERER_STOP_MS = 5000,
    COORDINATOR_STOP_MS = 10000,
    JSON_BYTES_MAX = 64 << 10,
};

typedef struct up {
    nb_cli *cli;
    char *data; ///< Absolute
    int64_t renderer_count;
    int64_t threads;
    bool transfer;
    char listen_control[300], listen_bulk[300]; ///< "" leaves it to the coordinator
    int lock_fd;
    nb_process coordinator;
    nb_process renderers[RENDERERS_MAX];
    char control[256], bulk[256], server_key[80]; ///< As the coordinator says
    bool coordinator_ready;
} up;

static char *path_in(const up *self, const char *name) { return nb_file_join(self->data, name); }

static void up_fini(up *self)
{
    // Renderers first: they give back what they were rendering.
    for (int64_t i = 0; i < self->renderer_count; i++) {
        if (self->renderers[i].pid > 0) {
            kill(self->renderers[i].pid, SIGINT); // SIGTERM would let them finish first
        }
    }
    for (int64_t i = 0; i < self->renderer_count; i++) {
        nb_process_stop(&self->renderers[i], RENDERER_STOP_MS);
        nb_process_fini(&self->renderers[i]);
    }
    nb_process_stop(&self->coordinator, COORDINATOR_STOP_MS);
    nb_process_fini(&self->coordinator);
    if (self->lock_fd >= 0 && self->data) {
        NB_SCOPED(nb_text_free) char *farm = path_in(self, "farm.json");
        if (farm) {
            unlink(farm);
        }
    }
    nb_file_close_fd(&self->lock_fd);
    free(self->data);
}

// ---- The folder and who may speak ----

static char *default_data(void)
{
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    if (data && data[0] == '/') {
        return nb_text_format("%s/nightbus", data);
    }
    return home && home[0] ? nb_text_format("%s/.local/share/nightbus", home) : NULL;
}

/// HOST or HOST:PORT; bulk is one port higher.
static nb_status parse_listen(up *self, const char *where, nb_error *err)
{
    const char *colon = strrchr(where, ':');
    const bool has_port = colon && !strchr(colon, ']');
    const int host_size = has_port ? (int)(colon - where) : (int)strlen(where);
    int64_t port = 0;
    if (host_size == 0 || host_size > 255 ||
        (has_port && nb_text_parse_integer(colon + 1, 1, 65534, &port, NULL) != NB_OK)) {
        return nb_fail(err, NB_E_USAGE, "--listen '%.80s': HOST or HOST:PORT, as 0.0.0.0:5570",
                       where);
    }
    char ports[2][8] = {"*", "*"};
    if (has_port) {
        snprintf(ports[0], sizeof ports[0], "%d", (int)port);
        snprintf(ports[1], sizeof ports[1], "%d", (int)port + 1);
    }
    snprintf(self->listen_control, sizeof self->listen_control, "tcp://%.*s:%s", host_size, where,
             ports[0]);
    snprintf(self->listen_bulk, sizeof self->listen_bulk, "tcp://%.*s:%s", host_size, where,
             ports[1]);
    return NB_OK;
}

static nb_status parse_options(up *self, nb_error *err)
{
    const nb_args *args = &self->cli->args;
    const char *data = nb_args_get(args, "data");
    self->transfer = nb_args_has(args, "transfer");
    self->data = data ? nb_file_absolute(data) : default_data();
    if (!self->data) {
        return nb_fail(err, NB_E_USAGE, "say where the farm keeps its state: --data DIR");
    }
    const char *where = nb_args_get(args, "listen");
    nb_status status = where ? parse_listen(self, where, err) : NB_OK;
    if (status == NB_OK) {
        status = nb_args_get_integer(args, "threads", 1, THREADS_MAX, 0, &self->threads, err);
    }
    int64_t count = 0;
    if (status == NB_OK) {
        status = nb_args_get_integer(args, "renderers", 0, RENDERERS_MAX, RENDERERS_DEFAULT, &count,
                                     err);
    }
    self->renderer_count = count;
    return status;
}

static nb_status make_folders(up *self, nb_error *err)
{
    static const struct {
        const char *name;
        mode_t mode;
    } folders[] = {{"", 0777}, {"keys", 0700}, {"log", 0777}};
    for (size_t i = 0; i < NB_COUNT(folders); i++) {
        NB_SCOPED(nb_text_free) char *path = path_in(self, folders[i].name);
        const nb_status status = path ? nb_file_make_folders(path, folders[i].mode, err)
                                      : nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
        if (status != NB_OK) {
            return status;
        }
    }
    char *real = realpath(self->data, NULL); // without ".." and links, for farm.json
    if (real) {
        free(self->data);
        self->data = real;
    }
    return NB_OK;
}

/// One `up` per folder, by a lock that ends with the process.
static nb_status take_lock(up *self, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *path = path_in(self, "up.lock");
    if (!path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    NB_SCOPED(nb_file_close_fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? nb_fail(err, NB_E_CONFLICT,
                             "a farm runs on %s already: use it, or stop its `nightbus up` first",
                             self->data)
                   : nb_fail_errno(err, errno, "%s", path);
    }
    self->lock_fd = fd;
    fd = -1; // kept
    return NB_OK;
}

static nb_status make_keys(const up *self, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *folder = path_in(self, "keys");
    NB_SCOPED(nb_trust_fini) nb_trust trust = {0};
    nb_status status = folder ? nb_trust_open(folder, &trust, err)
                              : nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    if (status == NB_OK) {
        char person[NB_TRUST_NAME_SIZE];
        nb_trust_person_here(person);
        status = nb_trust_ensure(&trust, "owner.key", person, "owner", err);
    }
    for (int64_t i = 0; i < self->renderer_count && status == NB_OK; i++) {
        char name[32];
        char file[40];
        snprintf(name, sizeof name, "renderer-%lld", (long long)i + 1);
        snprintf(file, sizeof file, "%s.key", name);
        status = nb_trust_ensure(&trust, file, name, "renderer", err);
    }
    return status == NB_OK ? nb_trust_save(&trust, err) : status;
}

// ---- The coordinator ----

static nb_status prepare(const up *self, nb_process *process, const char *name, const char *program,
                         nb_error *err)
{
    NB_SCOPED(nb_text_free) char *path = NULL;
    NB_SCOPED(nb_text_free) char *log_name = nb_text_format("log/%s.log", name);
    NB_SCOPED(nb_text_free) char *log = log_name ? path_in(self, log_name) : NULL;
    const nb_status status = nb_process_sibling(program, &path, err);
    if (status != NB_OK || !log) {
        return log ? status : nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    return nb_process_init(process, name, path, log, err);
}

static nb_status add_args(nb_process *process, const char *const *args, size_t count, nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t i = 0; i < count && status == NB_OK; i++) {
        status = nb_process_add_arg(process, args[i], err);
    }
    return status;
}

static nb_status start_coordinator(up *self, nb_error *err)
{
    nb_status status =
        prepare(self, &self->coordinator, "coordinator", "nightbus-coordinator", err);
    if (status == NB_OK) {
        const bool listens = self->listen_control[0] != '\0';
        const char *const args[] = {"--data",
                                    self->data,
                                    listens ? "--control" : NULL,
                                    listens ? self->listen_control : NULL,
                                    listens ? "--bulk" : NULL,
                                    listens ? self->listen_bulk : NULL,
                                    self->transfer ? "--transfer" : NULL};
        status = add_args(&self->coordinator, args, NB_COUNT(args), err);
    }
    return status == NB_OK ? nb_process_start(&self->coordinator, err) : status;
}

/// Where this machine's own programs reach an address that is bound to all of its networks.
static void copy_reachable(const char *address, char *out, size_t size)
{
    static const char *const any[][2] = {{"tcp://0.0.0.0:", "tcp://127.0.0.1:"},
                                         {"tcp://*:", "tcp://127.0.0.1:"},
                                         {"tcp://[::]:", "tcp://[::1]:"}};
    for (size_t i = 0; i < NB_COUNT(any); i++) {
        if (strncmp(address, any[i][0], strlen(any[i][0])) == 0) {
            snprintf(out, size, "%s%s", any[i][1], address + strlen(any[i][0]));
            return;
        }
    }
    snprintf(out, size, "%s", address);
}

/// Read coordinator.json if the coordinator that runs now has written it. An older one's stays
/// there: from it the new one takes its ports, so that nobody has to learn others.
static bool read_coordinator(up *self)
{
    NB_SCOPED(nb_text_free) char *path = path_in(self, "coordinator.json");
    NB_SCOPED(nb_json_free) json_t *json = NULL;
    const char *control = NULL;
    const char *bulk = NULL;
    const char *key = NULL;
    int64_t pid = 0;
    if (!path || nb_json_read(path, JSON_BYTES_MAX, &json, NULL) != NB_OK ||
        nb_json_get_string(path, json, "control", &control, NULL) != NB_OK ||
        nb_json_get_string(path, json, "bulk", &bulk, NULL) != NB_OK ||
        nb_json_get_string(path, json, "server_key", &key, NULL) != NB_OK ||
        nb_json_get_integer(path, json, "pid", &pid, NULL) != NB_OK ||
        pid != self->coordinator.pid) {
        return false;
    }
    copy_reachable(control, self->control, sizeof self->control);
    copy_reachable(bulk, self->bulk, sizeof self->bulk);
    snprintf(self->server_key, sizeof self->server_key, "%s", key);
    return true;
}

static nb_status fail_with_log(nb_process *process, const char *what, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *words = nb_process_last_words(process);
    if (words && words[0]) {
        fprintf(stderr, "%s", words);
    }
    return nb_fail(err, NB_E_IO, "%s %s; its log is %s", process->name, what, process->log_path);
}

static nb_status wait_for_coordinator(up *self, nb_error *err)
{
    const int64_t until_ms = nb_clock_ms() + READY_MS;
    char how[64];
    while (!read_coordinator(self)) {
        if (*nb_stop_flag()) {
            return nb_fail(err, NB_E_INTERRUPTED, "interrupted");
        }
        if (nb_process_has_ended(&self->coordinator, how, sizeof how)) {
            return fail_with_log(&self->coordinator, how, err);
        }
        if (nb_clock_ms() > until_ms) {
            return fail_with_log(&self->coordinator, "is not ready after 30 s", err);
        }
        nb_clock_sleep_ms(POLL_MS / 2);
    }
    self->coordinator_ready = true;
    return NB_OK;
}

// ---- The renderers ----

static nb_status start_renderer(up *self, size_t index, nb_error *err)
{
    char name[32];
    char threads[16];
    snprintf(name, sizeof name, "renderer-%zu", index + 1);
    snprintf(threads, sizeof threads, "%lld", (long long)self->threads);
    NB_SCOPED(nb_text_free)
    char *address = nb_text_format("%s/%s", self->control, self->server_key);
    NB_SCOPED(nb_text_free) char *key = nb_text_format("%s/keys/%s.key", self->data, name);
    NB_SCOPED(nb_text_free) char *cache = nb_text_format("%s/cache/%s", self->data, name);
    if (!address || !key || !cache) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to start %s", name);
    }
    nb_process *process = &self->renderers[index];
    nb_status status = prepare(self, process, name, "nightbus-renderer", err);
    if (status == NB_OK) {
        const char *const args[] = {"--farm",
                                    address,
                                    "--key",
                                    key,
                                    "--name",
                                    name,
                                    "--cache",
                                    cache,
                                    self->transfer ? "--transfer" : NULL,
                                    self->threads > 0 ? "--threads" : NULL,
                                    self->threads > 0 ? threads : NULL};
        status = add_args(process, args, NB_COUNT(args), err);
    }
    return status == NB_OK ? nb_process_start(process, err) : status;
}

static nb_status connect_as_owner(const up *self, nb_farm *out, nb_error *err)
{
    nb_farm_address address = {0};
    NB_SCOPED(nb_text_free)
    char *text = nb_text_format("%s/%s", self->control, self->server_key);
    NB_SCOPED(nb_text_free) char *key = path_in(self, "keys/owner.key");
    if (!text || !key) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for an address");
    }
    nb_status status = nb_farm_address_parse(text, key, &address, err);
    const nb_client_options options = {
        .program = "nightbus", .role = "client", .stop = nb_stop_flag()};
    if (status == NB_OK) {
        status = nb_client_connect(&address, &options, &out->client, err);
    }
    return status;
}

/// How many of our renderers the coordinator sees alive.
static nb_status count_ready(const up *self, nb_farm *farm, int64_t *out_count, nb_error *err)
{
    Nightbus__NodeList body = NIGHTBUS__NODE_LIST__INIT;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_NODE_LIST;
    request.node_list = &body;
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    const nb_status status =
        nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_NODE_LISTING, 0, &reply, err);
    *out_count = 0;
    for (size_t i = 0; status == NB_OK && i < reply->node_listing->n_rows; i++) {
        const Nightbus__NodeRow *row = reply->node_listing->rows[i];
        for (int64_t r = 0; r < self->renderer_count; r++) {
            *out_count +=
                strcmp(row->name, self->renderers[r].name) == 0 && strcmp(row->state, "lost") != 0
                    ? 1
                    : 0;
        }
    }
    return status;
}

static nb_status wait_for_renderers(up *self, nb_error *err)
{
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    nb_status status = connect_as_owner(self, &farm, err);
    const int64_t until_ms = nb_clock_ms() + READY_MS;
    int64_t ready = 0;
    while (status == NB_OK) {
        status = count_ready(self, &farm, &ready, err);
        if (status != NB_OK || ready == self->renderer_count) {
            return status;
        }
        for (int64_t i = 0; i < self->renderer_count; i++) {
            char how[64];
            if (nb_process_has_ended(&self->renderers[i], how, sizeof how)) {
                return fail_with_log(&self->renderers[i], how, err);
            }
        }
        if (nb_clock_ms() > until_ms) {
            return fail_with_log(&self->renderers[0], "is not ready after 30 s", err);
        }
        nb_clock_sleep_ms(POLL_MS / 2);
    }
    return status;
}

// ---- What others read ----

static nb_status write_farm(const up *self, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *path = path_in(self, "farm.json");
    NB_SCOPED(nb_text_free) char *key = path_in(self, "keys/owner.key");
    json_t *pids = json_array();
    for (int64_t i = 0; i < self->renderer_count; i++) {
        json_array_append_new(pids, json_integer(self->renderers[i].pid));
    }
    NB_SCOPED(nb_json_free)
    json_t *json =
        key ? json_pack("{s:s, s:s, s:s, s:s, s:i, s:o}", "control", self->control, "bulk",
                        self->bulk, "server_key", self->server_key, "key", key, "coordinator_pid",
                        (int)self->coordinator.pid, "renderer_pids", pids)
            : NULL;
    if (!path || !json) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for farm.json");
    }
    return nb_json_write(path, json, err);
}

/// The farm that commands find when nothing else is said.
static nb_status remember(const up *self, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *path = nb_farm_last_path();
    NB_SCOPED(nb_text_free) char *line = nb_text_format("%s/farm.json\n", self->data);
    if (!path || !line) {
        return NB_OK; // no home: nothing to remember in
    }
    const nb_status status = nb_file_make_parents(path, 0777, err);
    return status == NB_OK ? nb_file_write(path, line, strlen(line), 0666, err) : status;
}

// ---- Keeping it up ----

static nb_status start_again_if_due(nb_process *process, bool *out_changed, nb_error *err)
{
    char how[64];
    if (nb_process_has_ended(process, how, sizeof how)) {
        nb_log_warn("%s %s; starting it again", process->name, how);
    }
    if (process->pid > 0 || nb_clock_ms() < process->start_again_ms) {
        return NB_OK;
    }
    *out_changed = true;
    return nb_process_start(process, err);
}

static nb_status supervise(up *self, nb_error *err)
{
    nb_status status = NB_OK;
    while (status == NB_OK && !*nb_stop_flag()) {
        bool changed = false;
        const pid_t before = self->coordinator.pid;
        status = start_again_if_due(&self->coordinator, &changed, err);
        if (self->coordinator.pid != before) {
            self->coordinator_ready = false;
        }
        if (!self->coordinator_ready && read_coordinator(self)) {
            self->coordinator_ready = true;
            changed = true;
        }
        for (int64_t i = 0; i < self->renderer_count && status == NB_OK; i++) {
            status = start_again_if_due(&self->renderers[i], &changed, err);
        }
        if (status == NB_OK && changed) {
            nb_error why = {0};
            if (write_farm(self, &why) != NB_OK) { // a full disk must not end the farm
                nb_log_warn("%s", why.text);
            }
        }
        nb_clock_sleep_ms(POLL_MS);
    }
    return status;
}

static nb_status start_all(up *self, nb_error *err)
{
    nb_status status = start_coordinator(self, err);
    if (status == NB_OK) {
        status = wait_for_coordinator(self, err);
    }
    for (int64_t i = 0; i < self->renderer_count && status == NB_OK; i++) {
        status = start_renderer(self, (size_t)i, err);
    }
    if (status == NB_OK && self->renderer_count > 0) {
        status = wait_for_renderers(self, err);
    }
    if (status == NB_OK) {
        status = write_farm(self, err);
    }
    return status == NB_OK ? remember(self, err) : status;
}

static nb_status run_up(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(up_fini) up self = {.cli = cli, .lock_fd = -1};
    nb_status status = parse_options(&self, err);
    if (status == NB_OK) {
        status = make_folders(&self, err);
    }
    if (status == NB_OK) {
        status = take_lock(&self, err);
    }
    if (status == NB_OK) {
        status = make_keys(&self, err);
    }
    if (status == NB_OK) {
        status = start_all(&self, err);
    }
    if (status == NB_OK) {
        status = nb_cli_printf(
            err, "ready: %s, %lld renderer%s, farm file %s/farm.json; Ctrl-C stops it\n",
            self.control, (long long)self.renderer_count, self.renderer_count == 1 ? "" : "s",
            self.data);
    }
    if (status == NB_OK) {
        status = supervise(&self, err);
    }
    return status;
}

static const nb_option options[] = {
    {"data", 'd', "DIR", "its state (default ~/.local/share/nightbus)"},
    {"renderers", 'r', "N", "how many renderers (default 1)"},
    {"threads", 't', "N", "threads of each renderer (default: all cores)"},
    {"listen", 0, "HOST[:PORT]", "for other machines too (default: this one)"},
    {"transfer", 0, NULL, "send audio over sockets, not by the shared disk"},
};

const nb_command nb_command_up = {
    .name = "up",
    .usage = "[--data DIR] [--renderers N] [--listen HOST[:PORT]] ...",
    .summary = "run a whole farm on this machine until Ctrl-C",
    .details = "Makes what is missing (keys, folders), starts a coordinator and renderers,\n"
               "writes DIR/farm.json when all are ready, and starts again what dies. Their\n"
               "logs are in DIR/log/.",
    .examples = "  nightbus up --data ~/nightbus\n"
                "  nightbus up --data /srv/nightbus --renderers 4 --threads 2",
    .options = options,
    .option_count = NB_COUNT(options),
    .run = run_up,
};
