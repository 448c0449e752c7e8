// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator_process.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READY_MS = 120000, LOOK_US = 5000 };

static char *program_path(void)
{
    char self[4096];
    const ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    if (size <= 0) {
        return NULL;
    }
    self[size] = '\0';
    char *slash = strrchr(self, '/');
    *slash = '\0';
    return nb_file_join(self, "nightbus-coordinator");
}

static nb_status spawn(const char *data, pid_t *out_pid, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *program = program_path();
    NB_SCOPED(nb_text_free) char *log = nb_file_join(data, "coordinator.log");
    NB_SCOPED(nb_text_free) char *folder = strdup(data);
    if (!program || !log || !folder) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory");
    }
    char option[] = "--data";
    char *const arguments[] = {program, option, folder, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    const int errnum = posix_spawn(out_pid, program, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return errnum == 0 ? NB_OK : nb_fail_errno(err, errnum, "%s", program);
}

static nb_status read_ready(const char *path, nb_coordinator_process *out, bool *out_ready,
                            nb_error *err)
{
    NB_SCOPED(nb_json_free) json_t *ready = NULL;
    const char *text = NULL;
    int64_t pid = 0;
    *out_ready = false;
    if (!nb_file_exists(path) || nb_json_read(path, 1 << 16, &ready, NULL) != NB_OK ||
        nb_json_get_integer(path, ready, "pid", &pid, NULL) != NB_OK || pid != out->pid) {
        return NB_OK; // not yet, or of the one before
    }
    nb_status status = nb_json_get_string(path, ready, "control", &text, err);
    if (status == NB_OK) {
        snprintf(out->control, sizeof out->control, "%s", text);
        status = nb_json_get_string(path, ready, "server_key", &text, err);
    }
    if (status == NB_OK) {
        status = nb_public_key_from_hex(text, &out->server, err);
    }
    *out_ready = status == NB_OK;
    return status;
}

nb_status nb_coordinator_process_start(const char *data, nb_coordinator_process *out, nb_error *err)
{
    *out = (nb_coordinator_process){0};
    NB_SCOPED(nb_text_free) char *path = nb_file_join(data, "coordinator.json");
    if (!path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory");
    }
    const int64_t start_ms = nb_clock_ms();
    nb_status status = spawn(data, &out->pid, err);
    bool ready = false;
    while (status == NB_OK && !ready) {
        usleep(LOOK_US);
        status = read_ready(path, out, &ready, err);
        if (status == NB_OK && !ready && waitpid(out->pid, NULL, WNOHANG) == out->pid) {
            out->pid = 0;
            return nb_fail(err, NB_E_IO, "the coordinator ended: see %s/coordinator.log", data);
        }
        if (status == NB_OK && !ready && nb_clock_ms() - start_ms > READY_MS) {
            status = nb_fail(err, NB_E_TIMEOUT, "the coordinator was not ready in %d s",
                             READY_MS / 1000);
        }
    }
    out->ready_s = (double)(nb_clock_ms() - start_ms) / 1000.0;
    return status;
}

static void stop(nb_coordinator_process *self, int number)
{
    if (self->pid > 0) {
        kill(self->pid, number);
        while (waitpid(self->pid, NULL, 0) < 0 && errno == EINTR) {
        }
        self->pid = 0;
    }
}

void nb_coordinator_process_kill(nb_coordinator_process *self) { stop(self, SIGKILL); }

void nb_coordinator_process_end(nb_coordinator_process *self) { stop(self, SIGTERM); }

// The number behind `key` in a file of /proc.
static long read_field(const char *path, const char *key)
{
    NB_SCOPED(nb_file_close) FILE *file = fopen(path, "r");
    char line[256];
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, key, strlen(key)) == 0) {
            return strtol(line + strlen(key), NULL, 10);
        }
    }
    return 0;
}

nb_usage nb_coordinator_process_usage(const nb_coordinator_process *self)
{
    char path[64];
    nb_usage usage = {0};
    snprintf(path, sizeof path, "/proc/%d/status", (int)self->pid);
    usage.rss_kib = read_field(path, "VmRSS:");
    usage.rss_most_kib = read_field(path, "VmHWM:");
    snprintf(path, sizeof path, "/proc/%d/stat", (int)self->pid);
    NB_SCOPED(nb_file_close) FILE *file = fopen(path, "r");
    char line[1024];
    if (file && fgets(line, sizeof line, file)) {
        unsigned long user = 0;
        unsigned long system = 0;
        const char *rest = strrchr(line, ')'); // its name may have anything in it
        if (rest && sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                           &system) == 2) {
            usage.cpu_s = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
        }
    }
    return usage;
}
