// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/player.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "review-cli/stop.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGS_MAX = 16, POLL_MS = 50 };

void nb_player_fini(nb_player *self) { nb_text_free(&self->path); }

static bool is_program(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISREG(facts.st_mode) && access(path, X_OK) == 0;
}

/// The program's path in new memory, or null.
static char *find_on_path(const char *name)
{
    const char *at = getenv("PATH");
    while (at && *at) {
        const size_t length = strcspn(at, ":");
        NB_SCOPED(nb_text_free)
        char *path = nb_text_format("%.*s/%s", (int)length, at, name);
        // An empty part would be this folder: no place to look for programs.
        if (path && length > 0 && is_program(path)) {
            char *found = path;
            path = NULL;
            return found;
        }
        at += length + (at[length] == ':');
    }
    return NULL;
}

nb_status nb_player_find(nb_player *out, nb_error *err)
{
    static const char *const names[] = {"mpv", "ffplay"};
    *out = (nb_player){0};
    for (size_t i = 0; i < NB_COUNT(names); i++) {
        out->path = find_on_path(names[i]);
        if (out->path) {
            out->name = names[i];
            return NB_OK;
        }
    }
    return nb_fail(
        err, NB_E_NOT_FOUND,
        "neither mpv nor ffplay is installed: install one of them (apt install mpv), or "
        "write a file with `nightbus fetch` or `nightbus compare` and play it elsewhere");
}

static pid_t start(const nb_player *self, const char *const *args, const sigset_t *mask,
                   nb_error *err)
{
    pid_t pid = 0;
    posix_spawnattr_t how;
    sigset_t usual;
    sigemptyset(&usual);
    sigaddset(&usual, SIGINT);
    sigaddset(&usual, SIGPIPE);
    int problem = posix_spawnattr_init(&how);
    if (problem == 0) {
        posix_spawnattr_setsigdefault(&how, &usual);
        posix_spawnattr_setsigmask(&how, mask);
        posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
        char *words[ARGS_MAX]; // posix_spawn wants them without const and changes none
        memcpy(words, args, sizeof words);
        problem = posix_spawn(&pid, self->path, NULL, &how, words, environ);
        posix_spawnattr_destroy(&how);
    }
    if (problem != 0) {
        (void)nb_fail_errno(err, problem, "%s", self->path);
        return -1;
    }
    return pid;
}

static nb_status wait_for(const nb_player *self, pid_t pid, nb_error *err)
{
    int how = 0;
    bool asked = false;
    for (pid_t ended = 0; ended != pid;) {
        ended = waitpid(pid, &how, WNOHANG);
        if (ended < 0 && errno != EINTR) {
            return nb_fail_errno(err, errno, "%s", self->name);
        }
        if (*nb_stop_flag() && !asked) {
            kill(pid, SIGTERM);
            asked = true;
        }
        if (ended != pid) {
            nb_clock_sleep_ms(POLL_MS);
        }
    }
    if (asked || (WIFSIGNALED(how) && WTERMSIG(how) == SIGINT)) {
        return nb_fail(err, NB_E_INTERRUPTED, "interrupted");
    }
    if (WIFSIGNALED(how)) {
        return nb_fail(err, NB_E_IO, "%s was killed by signal %d", self->name, WTERMSIG(how));
    }
    return WEXITSTATUS(how) == 0 ? NB_OK
                                 : nb_fail(err, NB_E_IO, "%s could not play it and ended with %d",
                                           self->name, WEXITSTATUS(how));
}

nb_status nb_player_run(const nb_player *self, const char *file, double start_s, nb_error *err)
{
    // An absolute path is no option and no address of a stream, whatever the file is called.
    NB_SCOPED(nb_text_free) char *path = nb_file_absolute(file);
    char time[32];
    snprintf(time, sizeof time, "%.6f", start_s);
    NB_SCOPED(nb_text_free) char *from = nb_text_format("--start=%s", time);
    if (!path || !from) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    const char *const as_mpv[ARGS_MAX] = {"mpv", "--no-video", from, "--", path};
    const char *const as_ffplay[ARGS_MAX] = {"ffplay", "-hide_banner", "-loglevel", "warning",
                                             "-stats", "-nodisp",      "-autoexit", "-ss",
                                             time,     "-i",           path};
    // The terminal sends Ctrl-C to both. Ours waits until the player has ended in its own way.
    sigset_t interrupt;
    sigset_t before;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    fflush(stdout);
    sigprocmask(SIG_BLOCK, &interrupt, &before);
    const pid_t pid =
        start(self, strcmp(self->name, "mpv") == 0 ? as_mpv : as_ffplay, &before, err);
    nb_status status = pid > 0 ? wait_for(self, pid, err) : NB_E_IO;
    if (sigtimedwait(&interrupt, NULL, &(struct timespec){0}) == SIGINT) {
        status = nb_fail(err, NB_E_INTERRUPTED, "interrupted"); // whatever the player makes of it
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return status;
}
