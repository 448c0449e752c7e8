// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/pager.h"

#include "base/text.h"
#include "review-cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/// Set in our own environment while a pager runs: no state outlives a command, and programs that we
/// start know it too.
static const char in_use[] = "NIGHTBUS_PAGER_IN_USE";

const char *nb_pager_choose(const nb_pager_environment *environment)
{
    const bool dumb = !environment->terminal || environment->terminal[0] == '\0' ||
                      strcmp(environment->terminal, "dumb") == 0;
    const char *chosen =
        environment->nightbus_pager ? environment->nightbus_pager : environment->pager;
    chosen = chosen || !environment->has_less ? chosen : "less";
    if (!environment->has_terminal || dumb || !chosen || chosen[0] == '\0' ||
        strcmp(chosen, "cat") == 0) {
        return NULL;
    }
    return chosen;
}

bool nb_pager_is_running(void) { return getenv(in_use) != NULL; }

static bool is_installed(const char *name)
{
    for (const char *at = getenv("PATH"); at && *at; at += at[0] == ':' ? 1 : 0) {
        const size_t length = strcspn(at, ":");
        NB_SCOPED(nb_text_free)
        char *path = nb_text_format("%.*s/%s", (int)length, at, name);
        if (path && length > 0 && access(path, X_OK) == 0) {
            return true;
        }
        at += length;
    }
    return false;
}

// The pager with `input` as its standard input; 0 where it can't be started.
static pid_t spawn(const char *command, int input)
{
    NB_SCOPED(nb_text_free) char *script = strdup(command);
    char shell[] = "sh";
    char from_text[] = "-c";
    char *const args[] = {shell, from_text, script, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t usual;
    pid_t pid = 0;
    if (!script || posix_spawn_file_actions_init(&files) != 0) {
        return 0;
    }
    sigemptyset(&usual);
    sigaddset(&usual, SIGINT);
    sigaddset(&usual, SIGPIPE);
    if (posix_spawnattr_init(&how) == 0) {
        posix_spawnattr_setsigdefault(&how, &usual);
        posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGDEF);
        if (posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO) != 0 ||
            posix_spawn(&pid, "/bin/sh", &files, &how, args, environ) != 0) {
            pid = 0;
        }
        posix_spawnattr_destroy(&how);
    }
    posix_spawn_file_actions_destroy(&files);
    return pid;
}

void nb_pager_start(nb_pager *self)
{
    const nb_pager_environment environment = {
        .nightbus_pager = getenv("NIGHTBUS_PAGER"),
        .pager = getenv("PAGER"),
        .terminal = getenv("TERM"),
        .has_terminal = isatty(STDOUT_FILENO),
        .has_less = is_installed("less"),
    };
    const char *command = nb_pager_choose(&environment);
    int pipe_ends[2];
    *self = (nb_pager){0};
    if (!command || pipe2(pipe_ends, O_CLOEXEC) != 0) {
        return;
    }
    // F: a page that fits is only printed; R: colours; X: it stays on the screen. As git has it.
    char columns[24];
    snprintf(columns, sizeof columns, "%zu", nb_terminal_columns());
    setenv("LESS", "FRX", 0);
    setenv("COLUMNS", columns, 1); // the terminal can't be asked through the pipe
    self->pid = spawn(command, pipe_ends[0]);
    close(pipe_ends[0]);
    if (self->pid > 0 && dup2(pipe_ends[1], STDOUT_FILENO) >= 0) {
        setenv(in_use, "1", 1);
    }
    close(pipe_ends[1]);
}

void nb_pager_finish(nb_pager *self)
{
    if (self->pid <= 0) {
        return;
    }
    // Ctrl-C is the pager's: it scrolls, and does not end.
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGINT, &ignore, NULL);
    fflush(stdout);
    close(STDOUT_FILENO);
    while (waitpid(self->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    unsetenv(in_use);
    self->pid = 0;
}
