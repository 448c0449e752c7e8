// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/process.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    QUICK_MS = 10000, ///< Who lives shorter than this dies quickly
    BACK_OFF_FIRST_MS = 250,
    BACK_OFF_MOST_MS = 10000,
    POLL_MS = 20,
    LAST_BYTES = 2000,
};

nb_status nb_process_init(nb_process *self, const char *name, const char *program_path,
                          const char *log_path, nb_error *err)
{
    *self = (nb_process){.name = strdup(name), .log_path = strdup(log_path)};
    if (!self->name || !self->log_path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to start %s", name);
    }
    return nb_process_add_arg(self, program_path, err);
}

void nb_process_fini(nb_process *self)
{
    for (size_t i = 0; i < self->arg_count; i++) {
        free(self->args[i]);
    }
    free(self->name);
    free(self->log_path);
    *self = (nb_process){0};
}

nb_status nb_process_add_arg(nb_process *self, const char *arg, nb_error *err)
{
    if (!arg) {
        return NB_OK;
    }
    if (self->arg_count + 1 == NB_PROCESS_ARGS_MAX) {
        return nb_fail(err, NB_E_LIMIT, "%s: too many arguments", self->name);
    }
    self->args[self->arg_count] = strdup(arg);
    return self->args[self->arg_count++]
               ? NB_OK
               : nb_fail(err, NB_E_NO_MEMORY, "no memory to start %s", self->name);
}

/// In the child, between fork and exec: only what a signal handler could do too, since other
/// threads of ours may hold locks.
static void become(const nb_process *self, int log_fd, int null_fd, pid_t parent)
{
    // A process group of its own: Ctrl-C reaches us only, and we stop them in order.
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGINT); // a renderer finishes its work on SIGTERM
    if (getppid() != parent) {
        _exit(1); // we died before that took hold
    }
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigaction(SIGINT, &usual, NULL);
    sigaction(SIGTERM, &usual, NULL);
    sigaction(SIGPIPE, &usual, NULL);
    dup2(null_fd, STDIN_FILENO);
    dup2(log_fd, STDOUT_FILENO);
    dup2(log_fd, STDERR_FILENO);
    execv(self->args[0], self->args);
    _exit(127);
}

nb_status nb_process_start(nb_process *self, nb_error *err)
{
    if (access(self->args[0], X_OK) != 0) {
        return nb_fail_errno(err, errno, "%s", self->args[0]);
    }
    NB_SCOPED(nb_file_close_fd)
    int log_fd = open(self->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    NB_SCOPED(nb_file_close_fd) int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (log_fd < 0 || null_fd < 0) {
        return nb_fail_errno(err, errno, "%s", self->log_path);
    }
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid < 0) {
        return nb_fail_errno(err, errno, "starting %s", self->name);
    }
    if (pid == 0) {
        become(self, log_fd, null_fd, parent);
    }
    self->pid = pid;
    self->started_ms = nb_clock_ms();
    return NB_OK;
}

static void note_end(nb_process *self)
{
    const int64_t now_ms = nb_clock_ms();
    self->pid = 0;
    self->quick_deaths = now_ms - self->started_ms < QUICK_MS ? self->quick_deaths + 1 : 1;
    int64_t wait_ms = 0;
    for (unsigned i = 1; i < self->quick_deaths && wait_ms < BACK_OFF_MOST_MS; i++) {
        wait_ms = wait_ms == 0 ? BACK_OFF_FIRST_MS : wait_ms * 2;
    }
    self->start_again_ms = now_ms + (wait_ms < BACK_OFF_MOST_MS ? wait_ms : BACK_OFF_MOST_MS);
}

bool nb_process_has_ended(nb_process *self, char *out_how, size_t size)
{
    int state = 0;
    if (self->pid == 0 || waitpid(self->pid, &state, WNOHANG) != self->pid) {
        return false;
    }
    if (WIFSIGNALED(state)) {
        snprintf(out_how, size, "was killed by signal %d", WTERMSIG(state));
    } else {
        snprintf(out_how, size, "ended with %d", WEXITSTATUS(state));
    }
    note_end(self);
    return true;
}

void nb_process_stop(nb_process *self, int64_t patience_ms)
{
    char how[64];
    if (self->pid == 0) {
        return;
    }
    kill(self->pid, SIGTERM);
    const int64_t until_ms = nb_clock_ms() + patience_ms;
    while (!nb_process_has_ended(self, how, sizeof how)) {
        if (nb_clock_ms() > until_ms) {
            kill(self->pid, SIGKILL);
            waitpid(self->pid, NULL, 0);
            self->pid = 0;
            return;
        }
        usleep(POLL_MS * 1000);
    }
}

char *nb_process_last_words(const nb_process *self)
{
    NB_SCOPED(nb_file_close) FILE *log = fopen(self->log_path, "re");
    char bytes[LAST_BYTES + 1];
    if (!log) {
        return strdup("");
    }
    struct stat info;
    if (fstat(fileno(log), &info) == 0 && info.st_size > LAST_BYTES) {
        fseeko(log, info.st_size - LAST_BYTES, SEEK_SET);
    }
    const size_t got = fread(bytes, 1, LAST_BYTES, log);
    bytes[got] = '\0';
    // The last four lines: enough to see why.
    size_t lines = 0;
    size_t from = got;
    while (from > 0 && lines < 5) {
        from--;
        lines += bytes[from] == '\n' ? 1 : 0;
    }
    return strdup(bytes + from + (bytes[from] == '\n' ? 1 : 0));
}

nb_status nb_process_sibling(const char *program, char **out_path, nb_error *err)
{
    char self_path[4096];
    *out_path = NULL;
    const ssize_t length = readlink("/proc/self/exe", self_path, sizeof self_path - 1);
    if (length < 0) {
        return nb_fail_errno(err, errno, "/proc/self/exe");
    }
    self_path[length] = '\0';
    const char *slash = strrchr(self_path, '/');
    NB_SCOPED(nb_text_free)
    char *path = nb_text_format("%.*s/%s", slash ? (int)(slash - self_path) : 1,
                                slash ? self_path : ".", program);
    if (!path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    if (access(path, X_OK) != 0) {
        return nb_fail_errno(err, errno, "%s, which must lie beside nightbus", path);
    }
    *out_path = path;
    path = NULL; // the caller's now
    return NB_OK;
}
